package chattest

import (
	"math/rand/v2"
	"slices"
	"strings"
	"unicode"

	"parley/proto"
	"parley/proto/search"
	"parley/proto/search/native"
	"parley/wasm/chat"
)

// scripts are letters that people write with, a word of which is a few.
var scripts = []string{
	"aàbcçdeéfghiïnoøôrsštuüyž", "абвгдеёжийклмнопрсту", "的一是不了人我在有他这中国", "ひらがなカタカナサーバー漢字", "가나다라마바사아자한국어민",
	"กขคงจชซดตสวัดีก็ไม่", "مرحباسلامعليكم", "אבגדהוזחט", "ＡＢＣａｂｃ１２３",
}

// Written is a text in one of the scripts that a search must know: words, some of them links.
func Written(random *rand.Rand) string {
	letters := []rune(scripts[random.IntN(len(scripts))])
	var b strings.Builder
	for range 1 + random.IntN(6) {
		for range 1 + random.IntN(5) {
			r := letters[random.IntN(len(letters))]
			if random.IntN(4) == 0 {
				r = unicode.ToUpper(r)
			}
			b.WriteRune(r)
		}
		b.WriteString([]string{" ", " ", ", ", "。", " https://x.example/"}[random.IntN(5)])
	}
	return b.String()
}

// Carried is what a message may carry, and what it is of then: mostly nothing.
func Carried(random *rand.Rand) (of proto.MessageType, all []*proto.Attachment) {
	if random.IntN(4) > 0 {
		return proto.MessageType_MESSAGE_TYPE_TEXT, nil
	}
	types := []string{"image/png", "audio/ogg", "application/pdf", "application/octet-stream"}
	for range 1 + random.IntN(2) {
		name, mediaType, id := Written(random), types[random.IntN(len(types))], 1+random.Uint64N(1<<60)
		all = append(all, &proto.Attachment{AttachmentId: &id, Name: &name, MediaType: &mediaType})
	}
	return []proto.MessageType{proto.MessageType_MESSAGE_TYPE_IMAGE, proto.MessageType_MESSAGE_TYPE_FILE}[random.IntN(2)], all
}

// Sought is a query for a part of one of texts; nothing is asked of the text if that is blank.
func Sought(random *rand.Rand, texts []string) (q chat.Query) {
	from := []rune(texts[random.IntN(len(texts))])
	at := random.IntN(len(from))
	q.Text = strings.TrimSpace(string(from[at:min(len(from), at+1+random.IntN(4))]))
	if random.IntN(6) == 0 || q.Text == "" {
		q.Kind = search.LinkKind
	}
	return q
}

// Reading finds what a search should among messages between users, by reading all of them: ids, the newest first.
func Reading(all []*proto.Message, q chat.Query) (found []uint64) {
	folded := native.Fold.Fold([]string{q.Text})[0]
	if q.Text != "" && !strings.ContainsFunc(folded, isLetter) {
		return nil
	}
	for _, m := range all {
		text, is := m.GetContent(), map[search.Kind]bool{
			search.LinkKind:    strings.Contains(m.GetContent(), "https://"),
			search.PictureKind: m.GetMessageType() == proto.MessageType_MESSAGE_TYPE_IMAGE,
		}
		for _, a := range m.GetAttachments() {
			picture, sound := strings.HasPrefix(a.GetMediaType(), "image/"), strings.HasPrefix(a.GetMediaType(), "audio/")
			text += "\n" + a.GetName()
			is[search.PictureKind] = is[search.PictureKind] || picture
			is[search.FileKind] = is[search.FileKind] || !picture && !sound
		}
		switch {
		case q.Key != "" && q.Key != proto.DirectKey(m.GetSenderId(), m.GetReceiverId()).String():
		case !m.GetMessageType().Written() || m.GetMessageType().Revises():
		case q.Sender != 0 && m.GetSenderId() != q.Sender, q.Before != 0 && m.GetMessageId() >= q.Before:
		case q.Kind != search.AnyKind && !is[q.Kind], m.GetCreateTime() < q.From, q.To != 0 && m.GetCreateTime() > q.To:
		case !says(native.Fold.Fold([]string{text})[0], folded):
		default:
			found = append(found, m.GetMessageId())
		}
	}
	slices.Sort(found)
	slices.Reverse(found)
	return found
}

func isLetter(r rune) bool { return unicode.In(r, unicode.Letter, unicode.Number, unicode.Mark) }

// unspaced is as a search has it.
func unspaced(r rune) bool {
	return r == 'ー' || unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul, unicode.Thai)
}

// says reports whether a text has words that begin with those of a query, and its runs of other characters.
func says(folded, query string) bool {
	isBetween := func(r rune) bool { return r != '_' && !isLetter(r) || unspaced(r) }
	words := strings.FieldsFunc(folded, isBetween)
	for _, q := range strings.FieldsFunc(query, isBetween) {
		if !slices.ContainsFunc(words, func(w string) bool { return strings.HasPrefix(w, q) }) {
			return false
		}
	}
	for _, q := range strings.FieldsFunc(query, func(r rune) bool { return !unspaced(r) }) {
		if !strings.Contains(folded, q) {
			return false
		}
	}
	return true
}
