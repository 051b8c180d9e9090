package chat_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"parley/proto"
	"parley/proto/search/native"
	"parley/wasm/chat"
	"parley/wasm/chat/chattest"
)

// small is a store that has room for so many entries.
type small struct {
	*chattest.Memory
	room    int
	broken  bool // it cannot even be read
	stored  map[string]map[uint64]bool
	evicted []string
}

func newSmall(room int) *small {
	return &small{Memory: chattest.NewMemory(native.Fold), room: room, stored: make(map[string]map[uint64]bool)}
}

func (s *small) Apply(ctx context.Context, b chat.Batch) error {
	growing := len(b.Entries) + len(b.Outbox)
	stored := 0
	for _, seqs := range s.stored {
		stored += len(seqs)
	}
	if s.broken || growing > 0 && stored+growing > s.room {
		return chat.ErrFull
	}
	for _, x := range b.Entries {
		if s.stored[x.Key] == nil {
			s.stored[x.Key] = make(map[uint64]bool)
		}
		s.stored[x.Key][x.Seq] = true
	}
	for _, d := range b.Deleted {
		maps.DeleteFunc(s.stored[d.Key], func(seq uint64, _ bool) bool { return seq < d.Before })
		s.evicted = append(s.evicted, fmt.Sprint(d.Key, "<", d.Before))
	}
	return s.Memory.Apply(ctx, b)
}

func (s *small) Messages(ctx context.Context, key string, from, to uint64) ([]chat.Entry, error) {
	if s.broken {
		return nil, chat.ErrFull
	}
	return s.Memory.Messages(ctx, key, from, to)
}

// check holds that what a store says of itself is true, and returns how many entries of each conversation it has.
func (s *small) check(t *testing.T) map[string]int {
	t.Helper()
	snapshot, err := s.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	counts := map[string]int{}
	for _, row := range snapshot.Conversations {
		entries, _ := s.Memory.Messages(t.Context(), row.Key, 0, 1<<64-1)
		counts[row.Key] = len(entries)
		for _, r := range row.Ranges {
			for seq := r.From; seq <= r.To; seq++ {
				if !slices.ContainsFunc(entries, func(e chat.Entry) bool { return e.Seq == seq }) {
					t.Errorf("%s claims %v, and %d is not stored", row.Key, row.Ranges, seq)
				}
			}
		}
	}
	return counts
}

// others are people of whom each has written to Alice, and whom she has opened one after the other.
func others(s *server, n, messages int) (keys []string) {
	for i := range uint64(n) {
		from := 100 + i
		for m := range messages {
			s.say(from, alice, fmt.Sprint("old ", m))
		}
		keys = append(keys, proto.DirectKey(alice, from).String())
	}
	return keys
}

// scrollThrough opens a conversation and scrolls to its beginning.
func (v *screen) scrollThrough(key string) {
	v.t.Helper()
	before := uint64(0)
	for range 100 {
		var page chat.Timeline
		v.engine.Timeline(key, before, proto.MaxPage, func(t chat.Timeline, err error) {
			if err != nil {
				v.t.Error(err)
			}
			page = t
		})
		v.host.Clock.Run(time.Second)
		if len(page.Messages) == 0 || !page.More {
			return
		}
		before = page.Messages[0].Seq
	}
}

// scrolled opens Alice's engine on a store with room for so many, and scrolls through conversations there, which stores all of them.
func scrolled(t *testing.T, s *server, clock *chattest.Clock, keys []string, room int) (*screen, *small) {
	t.Helper()
	store := newSmall(room)
	a := open(t, s, alice, store)
	a.blind = true
	clock.Run(time.Minute)
	for _, k := range keys {
		a.scrollThrough(k)
	}
	return a, store
}

// pin lets Alice have pinned a conversation.
func (s *server) pin(t *testing.T, key string) {
	t.Helper()
	k, err := proto.ParseKey(key)
	if err != nil {
		t.Fatal(err)
	}
	s.foreign = []*proto.ConversationState{s.state(alice, k, s.logs[key])}
	s.foreign[0].Pinned = new(true)
}

func TestWhatWasOpenedLongestAgoMakesRoomFirst(t *testing.T) {
	clock, s := setup(t)
	keys := others(s, 3, 5000)
	onScreen, pinned, plain := keys[0], keys[1], keys[2]
	s.pin(t, pinned)
	a, store := scrolled(t, s, clock, keys, 16_000)
	a.engine.Show(1, onScreen)
	a.engine.Show(2, key) // in another tab
	if n := store.check(t); n[onScreen] != 5000 || n[pinned] != 5000 || n[plain] != 5000 || len(store.evicted) > 0 {
		t.Fatalf("%v is stored, %q evicted before there was need", n, store.evicted)
	}
	newest := fmt.Sprint("<", (5000-49)/64*64)
	for _, step := range []struct {
		what     string
		messages int
		evicted  []string
	}{
		{"what is not pinned", 1500, []string{plain + newest}},
		{"what is pinned", 4900, []string{pinned + newest}},
		{"the newest pages", 4500, []string{plain + "<5001", pinned + "<5001"}},
	} {
		store.evicted = nil
		for i := range step.messages {
			s.say(bob, alice, fmt.Sprint("new ", i))
		}
		clock.Run(time.Minute)
		a.scrollThrough(key)
		if !slices.Equal(store.evicted, step.evicted) {
			t.Errorf("%s: %q makes room, want %q", step.what, store.evicted, step.evicted)
		}
		store.check(t)
	}
	if n := store.check(t); n[onScreen] != 5000 {
		t.Errorf("%d are left of what is on the screen", n[onScreen])
	}
	// A hole like any other.
	page := new(chat.Timeline)
	a.engine.Timeline(plain, 100, 50, func(v chat.Timeline, err error) { *page = v })
	clock.Run(time.Minute)
	if len(page.Messages) != 50 || page.Messages[0].Content != "old 49" {
		t.Errorf("what was evicted is read as %q", text(page.Messages))
	}
}

func TestWhereNothingIsLeftItGoesOnInMemoryUntilThereIsRoom(t *testing.T) {
	for name, broken := range map[string]bool{"no room": false, "not even to read": true} {
		t.Run(name, func(t *testing.T) {
			clock, s := setup(t)
			for i := range 70 {
				s.say(bob, alice, fmt.Sprint("old", i))
			}
			store := newSmall(1000)
			a := open(t, s, alice, store)
			clock.Run(time.Second)
			a.timeline(0, 50)
			clock.Run(time.Second)
			a.engine.Show(1, key)
			store.room, store.broken = 0, broken
			s.say(bob, alice, "heard")
			a.send("said")
			clock.Run(10 * time.Second)
			if a.connection.MemoryOnlyCode != "storage-full" {
				t.Errorf("it is said %q", a.connection.MemoryOnly)
			}
			page := a.timeline(0, 2)
			older := a.timeline(0, 40)
			clock.Run(time.Second)
			want(t, "the newest", text(page.Messages), "heard said/sent")
			if len(older.Messages) != 40 || older.Messages[0].Gap {
				t.Errorf("there are %q", text(older.Messages))
			}
			store.check(t)
			s.down = true
			s.cut(fmt.Errorf("gone"))
			a.send("waits")
			clock.Run(20 * time.Second)
			store.room, store.broken = len(store.stored[key])+1, false // for what is nowhere else
			clock.Run(5 * time.Second)
			if snapshot, err := store.Load(t.Context()); err != nil || len(snapshot.Outbox) != 1 {
				t.Errorf("with room for one message that waits the outbox has %d, %v", len(snapshot.Outbox), err)
			}
			if a.connection.MemoryOnly == "" {
				t.Error("it is not said any more, and not all is stored")
			}
			store.room = 1000
			clock.Run(5 * time.Second)
			if a.connection.MemoryOnly != "" {
				t.Errorf("with room it still says %q", a.connection.MemoryOnly)
			}
			store.check(t)
			a.host.Kill()
			again := openOffline(t, s, alice, store)
			if got := again.text(); !strings.HasSuffix(got, "heard said/sent waits/pending") {
				t.Errorf("stored is %q", got)
			}
		})
	}
}

// Where nothing is stored any more, what waits in memory is found with what is stored.
func TestASearchFindsWhatWaitsForRoom(t *testing.T) {
	clock, s := setup(t)
	store := newSmall(100)
	a := openWith(t, s, chat.Config{User: alice, Store: store, Folder: native.Fold})
	a.blind = true
	clock.Run(time.Second)
	a.engine.Show(1, key) // so that nothing of it goes
	for i := range 100 {
		s.say(bob, alice, fmt.Sprint("word stored ", i+1))
	}
	clock.Run(time.Second)
	for i := range 70 {
		s.say(bob, alice, fmt.Sprint("Wörd waiting ", i+101))
	}
	clock.Run(time.Second)
	if a.connection.MemoryOnly == "" {
		t.Fatal("there is room")
	}
	for _, text := range []string{"word", "waiting", "stored 4", "waiting 17"} {
		for _, limit := range []int{1, 7, 500} {
			var got []uint64
			q := chat.Query{Text: text}
			for more := true; more; {
				found := a.search(q, limit)
				for _, hit := range found.Hits {
					got = append(got, hit.Message.ID)
				}
				q.Before, more = found.Next, found.More
			}
			if want := s.naive(chat.Query{Text: text}); !slices.Equal(got, want) {
				t.Errorf("%q, %d at a time: found %v, want %v", text, limit, got, want)
			}
		}
	}
}
