package chat_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
	"unicode/utf16"

	"parley/proto"
	"parley/proto/search/native"
	"parley/wasm/chat"
	"parley/wasm/chat/chattest"
)

// indexed is a memory that counts how many pages its index is asked for, and may have something.
type indexed struct {
	*chattest.Memory
	lacks             func(page uint64) bool // tells pages that the index forgets before it is asked; nil: none
	asked, candidates int
}

func (x *indexed) Candidates(ctx context.Context, spans []chat.Span, p chat.Probe) ([]chat.Candidates, error) {
	if x.lacks != nil {
		x.Unindex(x.lacks)
	}
	found, err := x.Memory.Candidates(ctx, spans, p)
	for i, s := range spans {
		x.asked += int(s.To - s.From + 1)
		x.candidates += len(found[i].Pages)
	}
	return found, err
}

func (v *screen) search(q chat.Query, limit int) (found chat.Found) {
	v.t.Helper()
	answered := false
	v.engine.Search(q, limit, func(f chat.Found, err error) {
		if err != nil {
			v.t.Errorf("search for %+v: %v", q, err)
		}
		found, answered = f, true
	})
	for range 1000 {
		if answered {
			return found
		}
		v.host.Clock.Run(100 * time.Millisecond)
	}
	v.t.Fatalf("search for %+v: no answer", q)
	return found
}

// naive finds in the server's logs what a search should, the newest first.
func (s *server) naive(q chat.Query) []uint64 {
	var all []*proto.Message
	for key, log := range s.logs {
		for _, m := range log {
			if m.GetSeq() >= s.min[key] {
				all = append(all, m)
			}
		}
	}
	return chattest.Reading(all, q)
}

// Whatever was written, edited, taken back and deleted, a search finds what a reading of all finds.
func TestASearchFindsWhatReadingEverythingFinds(t *testing.T) {
	for seed := range uint64(2) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { searchLikeReading(t, rand.New(rand.NewPCG(seed, 1)), seed%2 == 1) })
	}
}

func searchLikeReading(t *testing.T, random *rand.Rand, lacking bool) {
	clock, s := setup(t)
	s.looks = 40
	store := &indexed{Memory: chattest.NewMemory(native.Fold)}
	if lacking {
		store.lacks = func(page uint64) bool { return page%3 == 1 }
	}
	a := openWith(t, s, chat.Config{User: alice, Store: store, Folder: native.Fold})
	a.blind = true
	clock.Run(time.Second)
	with := []uint64{bob, carol, bob}
	keys := []string{key, proto.DirectKey(alice, carol).String()}
	var contents []string
	compared, hits := 0, 0
	for round := range 5 {
		for range 60 + random.IntN(80) {
			other := with[random.IntN(len(with))]
			log := s.logs[proto.DirectKey(alice, other).String()]
			text := chattest.Written(random)
			target := uint64(1)
			if len(log) > 0 {
				target = log[random.IntN(len(log))].GetSeq()
			}
			switch random.IntN(8) {
			case 0:
				s.speak(other, alice, target, edits, text)
			case 1:
				s.speak(other, alice, target, recalls, "")
			case 2:
				s.say(alice, other, text)
			default:
				s.say(other, alice, text)
			}
			contents = append(contents, text)
			if random.IntN(3) == 0 {
				clock.Run(time.Duration(random.IntN(50)) * time.Millisecond)
			}
		}
		if round == 3 {
			s.expire(uint64(len(s.logs[key]) / 3))
			clock.Run(4 * time.Minute)
		}
		clock.Run(2 * time.Second)
		for range 40 {
			q := chattest.Sought(random, contents)
			if random.IntN(4) == 0 {
				q.Key = keys[random.IntN(2)]
			}
			if random.IntN(6) == 0 {
				q.Sender = []uint64{alice, bob, carol}[random.IntN(3)]
			}
			if random.IntN(8) == 0 && len(s.logs[key]) > 0 {
				q.From = s.logs[key][random.IntN(len(s.logs[key]))].GetCreateTime()
			}
			expected := s.naive(q)
			var got []uint64
			for {
				found := a.search(q, 1+random.IntN(20))
				for _, h := range found.Hits {
					got = append(got, h.Message.ID)
					marked(t, q.Text, h)
				}
				if !found.More || len(found.Hits) == 0 {
					break
				}
				q.Before = found.Hits[len(found.Hits)-1].Message.ID
			}
			if !slices.Equal(got, expected) {
				t.Fatalf("round %d: %+v found %v, want %v", round, q, got, expected)
			}
			compared, hits = compared+1, hits+len(got)
		}
	}
	if compared < 100 || hits < 500 || store.lacks == nil && store.candidates*3 > store.asked*2 {
		t.Errorf("%d searches had %d hits; %d of %d pages were read", compared, hits, store.candidates, store.asked)
	}
}

// marked checks that what is marked folds to something of the query.
func marked(t *testing.T, query string, h chat.Hit) {
	t.Helper()
	text := utf16.Encode([]rune(h.Message.Content))
	end := uint32(0)
	for _, m := range h.Marks {
		if m.Start < end || m.End <= m.Start || int(m.End) > len(text) {
			t.Fatalf("%q has marks %v", h.Message.Content, h.Marks)
		}
		end = m.End
	}
	if len(h.Marks) == 0 && query != "" {
		t.Errorf("%q in %q is not marked", query, h.Message.Content)
	}
}

func TestWhatWasFoundIsMarked(t *testing.T) {
	tests := []struct {
		text, query string
		want        []chat.Mark
	}{
		{"Hello, hell", "HEL", []chat.Mark{{0, 3}, {7, 10}}},
		{"😀 Cafe\u0301 ＣＡＦＥ", "café", []chat.Mark{{3, 8}, {9, 13}}},
		{"我在中国人中国", "中国", []chat.Mark{{2, 4}, {5, 7}}},
		{"한국어", "국어", []chat.Mark{{1, 3}}},
		{"ﾊﾟﾝ ﬁne", "パン fin", []chat.Mark{{0, 3}, {4, 6}}},
		{"哈哈哈", "哈哈", []chat.Mark{{0, 3}}},
	}
	clock, s := setup(t)
	a := openWith(t, s, chat.Config{User: alice, Store: chattest.NewMemory(native.Fold), Folder: native.Fold})
	clock.Run(time.Second)
	for _, test := range tests {
		s.say(bob, alice, test.text)
	}
	clock.Run(time.Second)
	for _, test := range tests {
		found := a.search(chat.Query{Text: test.query}, 20)
		i := slices.IndexFunc(found.Hits, func(h chat.Hit) bool { return h.Message.Content == test.text })
		if i < 0 {
			t.Errorf("%q was not found", test.text)
		} else if got := found.Hits[i].Marks; !slices.Equal(got, test.want) {
			t.Errorf("%q in %q: %v, want %v", test.query, test.text, got, test.want)
		}
	}
}
