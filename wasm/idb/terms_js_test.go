package idb

import (
	"flag"
	"math/rand/v2"
	"slices"
	"syscall/js"
	"testing"
	"unicode"

	"parley/proto"
	"parley/proto/search"
	"parley/proto/search/native"
	"parley/proto/search/searchtest"
	"parley/wasm/chat"
	"parley/wasm/chat/storetest"
)

func TestIndex(t *testing.T) { storetest.RunIndex(t, opener, Fold) }

func TestASearchFindsWhatReadingEverythingFinds(t *testing.T) { storetest.RunSearch(t, opener, Fold) }

// Whoever searches here and on the server finds the same: both fold alike what people write with, a character at a
// time and in words.
func TestTheBrowserFoldsAsTheServerDoes(t *testing.T) {
	texts := []string{
		"Ünïcode ÉTÉ", "ЁЛКА", "ΟΔΟΣ όδος", "Ｐａｒｌｅｙ１", "ｶﾞｰﾀﾞ", "ﬁn", "مَرْحَبًا", "İstanbul", "สวัสดี น้ำ", "가각", "か\u3099", "1²",
		"Tiếng Việt", "שָׁלוֹם", "हिन्दी", "தமிழ்", "Straße", "Ǆ", "\u1112\u1161\u11ab", "㍿ ㌔", "ÅÅ", "a\u0323\u0307", "😀👍🏽",
	}
	for r := rune(1); r < 0x20000; r++ {
		if unicode.In(r, unicode.Letter, unicode.Number, unicode.Mark) {
			texts = append(texts, "A"+string(r))
		}
	}
	hard := make([]string, len(texts)) // none of which is folded without the browser
	for i, text := range texts {
		hard[i] = text + " É"
	}
	got, want, differ := Fold.Fold(hard), native.Fold.Fold(hard), 0
	for i := range texts {
		if got[i] != want[i] {
			if differ++; differ <= 20 {
				t.Errorf("%q %x: %q, on the server %q", texts[i], []rune(texts[i]), got[i], want[i])
			}
		}
	}
	for i, text := range Fold.Fold(texts) {
		if text+" e" != got[i] {
			t.Errorf("%q: %q without the browser, with it %q", texts[i], text, got[i])
		}
	}
	if got := Fold([]string{"a\x00É", "b"}); !slices.Equal(got, []string{"a e", "b"}) {
		t.Errorf("what stands between texts: %q", got)
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
		found, err := s.Candidates(t.Context(), []chat.Span{span}, chat.ProbeOf(Fold, "nobody says this"))
		if err != nil {
			t.Fatal(err)
		}
		return len(found[0].Pages)
	}
	for name, spoil := range map[string]func(t *transaction){
		"nothing":         func(t *transaction) { t.store(storeTerms).Call("clear") },
		"damage":          func(t *transaction) { everyShard(t, "text") },
		"another version": func(t *transaction) { everyShard(t, toJS([]byte{format, search.Version + 1, 0})) },
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

func TestADatabaseOfTheFirstVersionIsSearchedAndIndexed(t *testing.T) {
	user := newUser(t)
	db, err := settle(t.Context(), func(f js.Value) js.Value { return f.Call("open", databaseName(user), 1) }, func(db, _ js.Value, _ int) {
		for _, name := range []string{storeMessages, storeConversations, storeOutbox, storeMeta} {
			db.Call("createObjectStore", name)
		}
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	batch := spoken(rand.New(rand.NewPCG(1, 2)), 1, 100)
	old, err := begin(db, "readwrite", storeMessages)
	if err != nil {
		t.Fatal(err)
	}
	for at, p := range paginate(batch.Entries) {
		old.store(storeMessages).Call("put", toJS(p.encode()), toJS(at.key()))
	}
	if err := old.finish(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	db.Call("close")

	s := open(t, user)
	defer s.Close()
	span := chat.Span{Key: "d:1:2", From: 0, To: 1}
	for _, want := range []int{2, 0} {
		found, err := s.Candidates(t.Context(), []chat.Span{span}, chat.ProbeOf(Fold, "nobody says this"))
		if err != nil || len(found[0].Pages) != want {
			t.Errorf("%d pages are candidates, want %d; error %v", len(found[0].Pages), want, err)
		}
		if err := s.Index(t.Context(), span); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := s.Messages(t.Context(), "d:1:2", 1, 100); err != nil || len(got) != 100 {
		t.Errorf("%d messages, error %v", len(got), err)
	}
}

// everyShard puts something in the place of the first block.
func everyShard(t *transaction, what any) {
	for shard := range search.Shards {
		t.store(storeTerms).Call("put", what, toJS(shardKey(place{"d:1:2", 0}, shard)))
	}
}

// spoken makes messages as people write them: of two scripts, a few words of which are frequent, and lengths that differ.
func spoken(random *rand.Rand, from uint64, n int) (b chat.Batch) {
	words := searchtest.NewWords(random, 5000)
	one, two := uint64(1), uint64(2)
	for i := range uint64(n) {
		seq, id, at := from+i, (from+i)<<22, 1_700_000_000_000+(from+i)*1000
		text := searchtest.Text(words, 1+int(min(random.ExpFloat64()*9, 200)), i%2 == 0)
		body, err := proto.Marshal(&proto.Message{
			MessageId: &id, SenderId: &one, ReceiverId: &two, Content: &text, CreateTime: &at, Seq: &seq, ClientRef: make([]byte, 16),
		})
		if err != nil {
			panic(err)
		}
		b.Entries = append(b.Entries, chat.Entry{Key: "d:1:2", Seq: seq, Body: body})
	}
	return b
}

// unindexed puts what was spoken under what is no key, of which nothing is searched.
func unindexed(b chat.Batch) chat.Batch {
	for i := range b.Entries {
		b.Entries[i].Key = "no key"
	}
	return b
}

func BenchmarkWriteTenThousandSpoken(b *testing.B) {
	writeSpoken(b, func(b chat.Batch) chat.Batch { return b })
}
func BenchmarkWriteTenThousandUnindexed(b *testing.B) { writeSpoken(b, unindexed) }

func writeSpoken(b *testing.B, change func(chat.Batch) chat.Batch) {
	random := rand.New(rand.NewPCG(1, 2))
	s := open(b, newUser(b))
	defer s.Close()
	next := uint64(1)
	for b.Loop() {
		b.StopTimer()
		batch := change(spoken(random, next, 10_000))
		b.StartTimer()
		if err := s.Apply(b.Context(), batch); err != nil {
			b.Fatal(err)
		}
		next += 10_000
	}
}

// searched is how many messages the benchmarks search; a million takes minutes to write.
var searched = flag.Int("searched", 100_000, "how many messages the benchmarks of searching search")

func BenchmarkSearch(b *testing.B) {
	random := rand.New(rand.NewPCG(1, 2))
	s := open(b, newUser(b))
	defer s.Close()
	bytes := 0
	for from := 1; from <= *searched; from += 10_000 {
		batch := spoken(random, uint64(from), 10_000)
		if err := s.Apply(b.Context(), batch); err != nil {
			b.Fatal(err)
		}
		for _, e := range batch.Entries {
			bytes += len(e.Body)
		}
	}
	index := 0
	last := pageOf(uint64(*searched))
	err := s.read(b.Context(), func(t *transaction) error {
		all := t.read(storeTerms, "getAll")
		if err := t.await(b.Context()); err != nil {
			return err
		}
		for i := range all.Get("result").Length() {
			index += all.Get("result").Index(i).Length()
		}
		return nil
	}, storeTerms)
	if err != nil {
		b.Fatal(err)
	}
	for name, text := range map[string]string{"OneThatNobodyWrote": "neverwritten", "PairOfCharacters": "\u4e07\u4e0e", "Nothing": "\u4e01\u4e02"} {
		b.Run(name, func(b *testing.B) {
			candidates := 0
			for b.Loop() {
				candidates = 0
				for to := last; ; to -= min(to, 2048) {
					found, err := s.Candidates(b.Context(), []chat.Span{{Key: "d:1:2", From: to - min(to, 2047), To: to}}, chat.ProbeOf(Fold, text))
					if err != nil {
						b.Fatal(err)
					}
					candidates += len(found[0].Pages)
					if to < 2048 {
						break
					}
				}
			}
			b.ReportMetric(float64(candidates), "candidates")
			b.ReportMetric(float64(index)/float64(bytes), "index/messages")
		})
	}
}
