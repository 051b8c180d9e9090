package idb

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	protobuf "google.golang.org/protobuf/proto"

	"parley/proto"
	"parley/wasm/chat"
	"parley/wasm/chat/storetest"
)

func TestIndex(t *testing.T) {
	storetest.RunIndex(t, func(t *testing.T) (chat.Store, func() chat.Store) {
		user := newUser(t)
		s := open(t, user)
		return s, func() chat.Store {
			if err := s.Close(); err != nil {
				t.Error(err)
			}
			s = open(t, user)
			return s
		}
	}, Fold)
}

func TestTheBrowserFoldsAsTheTestsDo(t *testing.T) {
	for text, want := range map[string]string{
		"Ünïcode ÉTÉ": "unicode ete", "ЁЛКА": "елка", "ΟΔΟΣ": "οδοσ", "Ｐａｒｌｅｙ１": "parley1", "ｶﾞｰﾀﾞ": "ガーダ",
		"ﬁn": "fin", "مَرْحَبًا": "مرحبا", "İstanbul": "istanbul", "สวัสดี": "สวัสดี", "가각": "가각", "が": "が", "1²": "12",
		"a\x00É": "a e",
	} {
		if got := Fold.Fold([]string{"Ä", text, "plain"}); !slices.Equal(got, []string{"a", want, "plain"}) {
			t.Errorf("%q became %q, want %q", text, got, want)
		}
	}
	var texts []string
	for r := rune(1); r < 0xD800; r++ {
		texts = append(texts, "A"+string(r))
	}
	if got, want := Fold.Fold(texts), Fold(slices.Clone(texts)); !slices.Equal(got, want) {
		t.Error("folding without the browser is not as with it")
	}
}

// What an earlier version stored has no index, and all of it is searched until it has.
func TestWhatAnEarlierVersionStoredIsIndexedLater(t *testing.T) {
	s := open(t, newUser(t))
	defer s.Close()
	if err := s.Apply(t.Context(), spoken(rand.New(rand.NewPCG(1, 2)), 1, 3000)); err != nil {
		t.Fatal(err)
	}
	span := chat.Span{Key: "d:1:2", From: 0, To: 3000 / pageSize}
	look := func() (pages int) {
		found, err := s.Candidates(t.Context(), []chat.Span{span}, Fold.Probe("nobody says this"))
		if err != nil {
			t.Fatal(err)
		}
		return len(found[0].Pages)
	}
	for name, spoil := range map[string]func(t *transaction){
		"nothing": func(t *transaction) { t.store(storeTerms).Call("clear") },
		"damage":  func(t *transaction) { t.store(storeTerms).Call("put", "text", toJS(place{"d:1:2", 0}.key())) },
		"another version": func(t *transaction) {
			t.store(storeTerms).Call("put", toJS([]byte{format, chat.TermsVersion + 1, 0}), toJS(place{"d:1:2", 0}.key()))
		},
	} {
		if err := s.run(t.Context(), "readwrite", func(t *transaction) error { spoil(t); return nil }, storeTerms); err != nil {
			t.Fatal(err)
		}
		before := look()
		if err := s.Index(t.Context(), span); err != nil {
			t.Fatal(err)
		}
		if after := look(); before < blockPages || after != 0 {
			t.Errorf("%s: %d pages before it was indexed, %d after", name, before, after)
		}
	}
}

// spoken makes messages as people write them: of two scripts, a few words of which are frequent, and lengths that differ.
func spoken(random *rand.Rand, from uint64, n int) (b chat.Batch) {
	zipf := rand.NewZipf(random, 1.1, 3, 5000)
	one, two := uint64(1), uint64(2)
	for i := range uint64(n) {
		seq, id, at := from+i, (from+i)<<22, 1_700_000_000_000+(from+i)*1000
		var text strings.Builder
		for range 1 + int(min(random.ExpFloat64()*9, 200)) {
			if x := zipf.Uint64(); i%2 == 0 {
				text.WriteRune(rune(0x4E00 + x*7%20000))
			} else {
				for x = x*2654435761%1_000_000 + 30; x > 0; x /= 26 {
					text.WriteByte(byte('a' + x%26))
				}
				text.WriteByte(' ')
			}
		}
		body, err := proto.Marshal(&proto.Message{
			MessageId: &id, SenderId: &one, ReceiverId: &two, Content: protobuf.String(text.String()), CreateTime: &at, Seq: &seq, ClientRef: make([]byte, 16),
		})
		if err != nil {
			panic(err)
		}
		b.Entries = append(b.Entries, chat.Entry{Key: "d:1:2", Seq: seq, Body: body})
	}
	return b
}

func BenchmarkWriteTenThousandSpoken(b *testing.B) {
	random := rand.New(rand.NewPCG(1, 2))
	s := open(b, newUser(b))
	defer s.Close()
	next := uint64(1)
	for b.Loop() {
		b.StopTimer()
		batch := spoken(random, next, 10_000)
		b.StartTimer()
		if err := s.Apply(b.Context(), batch); err != nil {
			b.Fatal(err)
		}
		next += 10_000
	}
}
