package chat

import (
	"strings"
	"unicode"

	"google.golang.org/protobuf/encoding/protowire"

	"parley/proto"
)

// TermsVersion is the version of what terms a message has: it rises with each change of that, or of how texts are
// folded. What was indexed by another version is indexed again.
const TermsVersion = 1

// maxPrefix is how many characters of a word's beginning make terms: what is longer is found by these, and then
// compared.
const maxPrefix = 8

// Kind is what a message carries, for a search.
type Kind string

const (
	AnyKind     Kind = ""
	PictureKind Kind = "picture"
	FileKind    Kind = "file"
	LinkKind    Kind = "link"
)

// kinds are all that are indexed, by their bits in searchable.kinds.
var kinds = [...]Kind{PictureKind, FileKind, LinkKind}

// searchable is what a search looks at in an entry.
type searchable struct {
	seq, id, time, sender uint64
	text                  string // what was written, and the names of files, a line each
	kinds                 uint8  // bit i: it is of kinds[i]
}

// searchableOf reads it out of an encoded entry, without decoding the rest: an index is made of every message. ok is
// false for what no search finds: control entries, what was taken back, what cannot be read.
func searchableOf(kind proto.KeyKind, body []byte) (x searchable, ok bool) {
	var p fieldsOf
	for len(body) > 0 {
		field, wire, n := protowire.ConsumeTag(body)
		if n < 0 {
			return x, false
		}
		body = body[n:]
		switch wire {
		case protowire.VarintType:
			v, n := protowire.ConsumeVarint(body)
			if n < 0 {
				return x, false
			}
			body = body[n:]
			if field < protowire.Number(len(p.numbers)) {
				p.numbers[field] = v
			}
		case protowire.BytesType:
			b, n := protowire.ConsumeBytes(body)
			if n < 0 {
				return x, false
			}
			body = body[n:]
			p.bytes(kind, field, b)
		default:
			if n = protowire.ConsumeFieldValue(field, wire, body); n < 0 {
				return x, false
			}
			body = body[n:]
		}
	}
	return p.searchable(kind)
}

// fieldsOf are the fields of an entry that a search needs.
type fieldsOf struct {
	numbers  [20]uint64
	content  string
	files    []string
	pictures int
	others   int // files that are neither picture nor sound
}

func (p *fieldsOf) bytes(kind proto.KeyKind, field protowire.Number, b []byte) {
	content := protowire.Number(3)
	if kind == proto.Service {
		content = 5
	}
	switch field {
	case content:
		p.content = string(b)
	case 21:
		p.attachment(b)
	}
}

// attachment reads a name and a media type.
func (p *fieldsOf) attachment(b []byte) {
	var name, mediaType string
	for len(b) > 0 {
		field, wire, n := protowire.ConsumeTag(b)
		if n < 0 {
			return
		}
		b = b[n:]
		if n = protowire.ConsumeFieldValue(field, wire, b); n < 0 {
			return
		}
		if wire == protowire.BytesType && (field == 2 || field == 3) {
			value, _ := protowire.ConsumeBytes(b)
			if field == 2 {
				name = string(value)
			} else {
				mediaType = string(value)
			}
		}
		b = b[n:]
	}
	p.files = append(p.files, name)
	switch {
	case proto.IsPicture(mediaType):
		p.pictures++
	case !proto.IsSound(mediaType):
		p.others++
	}
}

func (p *fieldsOf) searchable(kind proto.KeyKind) (x searchable, ok bool) {
	n := &p.numbers
	x = searchable{seq: n[16], id: n[1], sender: n[2], text: p.content}
	written := proto.MessageType(n[19])
	if x.time = n[4]; kind == proto.Service {
		written, x.time = proto.MessageType(n[4]), n[6]
		if proto.ServiceMessageDirection(n[7]) == proto.ServiceMessageDirection_SERVICE_TO_CUSTOMER {
			x.sender = n[8]
		}
	}
	picture := p.pictures > 0 || written == proto.MessageType_MESSAGE_TYPE_IMAGE
	file := p.others > 0 || written == proto.MessageType_MESSAGE_TYPE_FILE && len(p.files) == 0
	link := strings.Contains(p.content, "http://") || strings.Contains(p.content, "https://")
	for i, is := range []bool{picture, file, link} {
		if is {
			x.kinds |= 1 << i
		}
	}
	if names := strings.Join(p.files, "\n"); names != "" {
		x.text += "\n" + names
	}
	return x, written.Written() && x.seq != 0
}

// PageTerms is what an index keeps of the messages of a page.
type PageTerms struct {
	Terms [Shards]Filter
	// The lowest and highest id and time of those that a search can find; all 0 if there is none.
	FirstID, LastID, FirstTime, LastTime uint64
}

// Index makes the terms of encoded entries of a conversation. An index holds nothing else of what they say.
func (f Folder) Index(key string, bodies [][]byte) PageTerms {
	var p PageTerms
	parsed, err := proto.ParseOpenKey(key)
	if err != nil {
		return p
	}
	var texts []string
	var terms []term
	for _, body := range bodies {
		x, ok := searchableOf(parsed.Kind(), body)
		if !ok {
			continue
		}
		texts = append(texts, x.text)
		terms = append(terms, senderTerm(x.sender))
		for i := range kinds {
			if x.kinds>>i&1 == 1 {
				terms = append(terms, kindTerm(i))
			}
		}
		p = p.with(PageTerms{FirstID: x.id, LastID: x.id, FirstTime: x.time, LastTime: x.time})
	}
	for _, text := range f.Fold(texts) {
		terms = appendTerms(terms, text)
	}
	p.Terms = newFilters(terms)
	return p
}

// Merge adds what other messages of the page have.
func (p PageTerms) Merge(others PageTerms) PageTerms {
	merged := p.with(others)
	merged.Terms = newFilters(append(p.terms(), others.terms()...))
	return merged
}

// with widens the bounds.
func (p PageTerms) with(o PageTerms) PageTerms {
	switch {
	case p.LastID == 0:
		return o
	case o.LastID == 0:
		return p
	}
	return PageTerms{
		FirstID: min(p.FirstID, o.FirstID), LastID: max(p.LastID, o.LastID),
		FirstTime: min(p.FirstTime, o.FirstTime), LastTime: max(p.LastTime, o.LastTime),
	}
}

// hash is FNV-1a over the characters of a term.
type hash uint32

const noHash hash = 2166136261

func (h hash) add(r rune) hash { return (h ^ hash(r)) * 16777619 }

// term spreads the hash over all bits before it takes some.
func (h hash) term() term { return term(uint32(h^h>>15) * 0x9E3779B1 >> (32 - termBits)) }

// Terms that are no text begin with what is no character.
const (
	senderMark rune = -1
	kindMark   rune = -2
)

func senderTerm(user uint64) term {
	return noHash.add(senderMark).add(rune(user)).add(rune(user >> 32)).term()
}

func kindTerm(i int) term { return noHash.add(kindMark).add(rune(i)).term() }

// appendTerms adds the terms of a folded text: of scripts without spaces each character and each two that follow one
// another, else the beginnings of words.
func appendTerms(terms []term, folded string) []term {
	var before rune // of the same run of unspaced characters; 0 if none
	word, length := noHash, 0
	for _, r := range folded {
		switch class := classOf(r); class {
		case unspaced:
			terms = append(terms, noHash.add(r).term())
			if before != 0 {
				terms = append(terms, noHash.add(before).add(r).term())
			}
			before, word, length = r, noHash, 0
		case spaced:
			if length++; length <= maxPrefix {
				word = word.add(r)
				terms = append(terms, word.term())
			}
			before = 0
		default:
			before, word, length = 0, noHash, 0
		}
	}
	return terms
}

// class is how a search takes a character.
type class uint8

const (
	between  class = iota // no part of anything
	spaced                // of a word, in a script that has spaces between them
	unspaced              // of a script that has none, or whose words one looks for by parts
)

func classOf(r rune) class {
	switch {
	case r < 0x80:
		if 'a' <= r && r <= 'z' || '0' <= r && r <= '9' || 'A' <= r && r <= 'Z' || r == '_' {
			return spaced
		}
		return between
	case r >= 0x4E00 && r <= 0x9FFF, r == 'ー':
		return unspaced
	case unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul, unicode.Thai):
		return unspaced
	case unicode.In(r, unicode.Letter, unicode.Number, unicode.Mark):
		return spaced
	}
	return between
}
