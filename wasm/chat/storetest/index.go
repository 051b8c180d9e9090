package storetest

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	protobuf "google.golang.org/protobuf/proto"

	"parley/proto"
	"parley/proto/search"
	"parley/wasm/chat"
)

// RunIndex runs what a store must keep that has an index: whatever was stored, replaced and deleted, the index says of
// a page what is on it, and nothing else. fold is the store's own Folder.
func RunIndex(t *testing.T, open Opener, fold search.Folder) {
	tests := []struct {
		name string
		test func(*indexFixture)
	}{
		{"the index is true after every batch", indexTrue},
		{"Clear drops the index", indexClears},
		{"what is dropped is not in the index", indexDrops},
		{"what a cancelled batch would have stored is not in the index", indexAtomic},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			f := &indexFixture{fixture: fixture{T: t}, fold: fold, texts: map[uint64]string{}}
			f.store, f.reopener = open(t)
			test.test(f)
			if err := f.store.Close(); err != nil {
				t.Errorf("Close: %v", err)
			}
		})
	}
}

const indexKey = "d:1:2"

// words are of several scripts, none the beginning of another.
var words = []string{"alpha", "Éclair", "дом", "中国", "東京", "한국", "สวัสดี", "سلام", "ＷＩＤＥ", "サーバー"}

func saying(seq uint64, text string) chat.Entry {
	one, two, id, at := uint64(1), uint64(2), seq+1000, seq+5000
	body, err := proto.Marshal(&proto.Message{
		MessageId: &id, SenderId: &one, ReceiverId: &two, Content: protobuf.String(text), CreateTime: &at, Seq: &seq,
	})
	if err != nil {
		panic(err)
	}
	return chat.Entry{Key: indexKey, Seq: seq, Body: body}
}

// indexFixture is a store and what should be in it.
type indexFixture struct {
	fixture
	fold  search.Folder
	texts map[uint64]string // by seq
}

// check compares what the index says of every word with what was stored.
func (f *indexFixture) check(when string) {
	f.Helper()
	stored := map[uint64]bool{}
	for seq := range f.texts {
		stored[chat.PageOf(seq)] = true
	}
	span := chat.Span{Key: indexKey, From: 0, To: indexPages - 1}
	for _, word := range words {
		found, err := f.store.Candidates(f.Context(), []chat.Span{span}, chat.ProbeOf(f.fold, word))
		if err != nil || len(found) != 1 {
			f.Fatalf("%s: candidates %v, error %v", when, found, err)
		}
		on := map[uint64]bool{}
		for seq, text := range f.texts {
			if strings.Contains(text, word) {
				on[chat.PageOf(seq)] = true
			}
		}
		for _, c := range found[0].Pages {
			if !stored[c.Page] && c.LastID != ^uint64(0) {
				f.Fatalf("%s: %q is on page %d, the index says, of which nothing is stored", when, word, c.Page)
			}
		}
		for page := range stored {
			is := slices.ContainsFunc(found[0].Pages, func(c chat.Candidate) bool { return c.Page == page })
			if is != on[page] {
				f.Fatalf("%s: that %q is on page %d: the index says %v", when, word, page, is)
			}
		}
	}
}

// indexPages are more than one record of an index may hold.
const indexPages = 40

func indexTrue(f *indexFixture) {
	random := rand.New(rand.NewPCG(1, 2))
	for round := range 60 {
		var b chat.Batch
		from, whole := uint64(1+random.IntN(indexPages*chat.PageSize-200)), random.IntN(3) == 0
		for i := range uint64(1 + random.IntN(150)) {
			if !whole && random.IntN(4) == 0 {
				continue // a hole
			}
			text := words[random.IntN(len(words))]
			if random.IntN(2) == 0 {
				text = "nothing of these"
			}
			b.Entries, f.texts[from+i] = append(b.Entries, saying(from+i, text)), text
		}
		if random.IntN(10) == 0 {
			before := uint64(random.IntN(int(from)))
			b.Deleted = []chat.Deletion{{Key: indexKey, Before: before}}
			maps.DeleteFunc(f.texts, func(seq uint64, _ string) bool { return seq < before })
		}
		f.apply(b)
		if round == 30 {
			f.reopen()
		}
		f.check(fmt.Sprint("after batch ", round))
	}
	if err := f.store.Index(f.Context(), chat.Span{Key: indexKey, From: 0, To: indexPages - 1}); err != nil {
		f.Fatal(err)
	}
	f.check("after it was indexed again")
}

func indexClears(f *indexFixture) {
	f.apply(chat.Batch{Entries: []chat.Entry{saying(1, words[0]), saying(70, words[1])}})
	f.texts[1] = words[2]
	f.apply(chat.Batch{Clear: true, Entries: []chat.Entry{saying(1, words[2])}})
	f.check("after Clear")
}

func indexDrops(f *indexFixture) {
	f.apply(chat.Batch{Entries: []chat.Entry{saying(1, words[0]), saying(70, words[1]), saying(2000, words[2])}})
	f.apply(chat.Batch{Dropped: []chat.Span{{Key: indexKey, From: 0, To: 0}}, Entries: []chat.Entry{saying(2, words[3])}})
	f.texts = map[uint64]string{2: words[3], 70: words[1], 2000: words[2]}
	if err := f.store.Index(f.Context(), chat.Span{Key: indexKey, From: 0, To: indexPages - 1}); err != nil { // of those around
		f.Fatal(err)
	}
	f.check("after a page was dropped")
}

func indexAtomic(f *indexFixture) {
	f.texts[1] = words[0]
	f.apply(chat.Batch{Entries: []chat.Entry{saying(1, words[0])}})
	ctx, cancel := context.WithCancel(f.Context())
	cancel()
	if err := f.store.Apply(ctx, chat.Batch{Entries: []chat.Entry{saying(1, words[1])}}); err == nil {
		f.Error("a cancelled batch was applied")
	}
	f.check("after a cancelled batch")
}
