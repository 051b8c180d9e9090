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
	silent  string // of the next eviction, which is "done" or not, nobody hears before the store is closed and opened again
}

func newSmall(room int) *small {
	return &small{Memory: chattest.NewMemory(native.Fold), room: room, stored: make(map[string]map[uint64]bool)}
}

func (s *small) Apply(ctx context.Context, b chat.Batch) error {
	if silent := s.silent; silent != "" && len(b.Deleted) > 0 {
		s.silent = ""
		if silent == "done" {
			if err := s.Apply(ctx, b); err != nil {
				return err
			}
		}
		s.Reopen()
		return chat.ErrReopened
	}
	growing := len(b.Entries) + len(b.Outbox)
	stored := 0
	for _, seqs := range s.stored {
		stored += len(seqs)
	}
	if s.broken { // some browsers close the database, and open none
		return fmt.Errorf("%w, and cannot be opened again: %w", &chat.Reason{Text: "it was closed", Code: "storage-lost"}, chat.ErrFull)
	}
	if growing > 0 && stored+growing > s.room {
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
	for _, x := range b.Dropped {
		maps.DeleteFunc(s.stored[x.Key], func(seq uint64, _ bool) bool { return chat.PageOf(seq) >= x.From && chat.PageOf(seq) <= x.To })
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

// Where nobody heard whether something made room, nothing of it is claimed any more, and nothing stays that is not.
func TestWhatMayHaveMadeRoomIsNeitherClaimedNorStays(t *testing.T) {
	for _, how := range []string{"done", "not done"} {
		t.Run(how, func(t *testing.T) {
			clock, s := setup(t)
			keys := others(s, 4, 5000)
			a, store := scrolled(t, s, clock, keys, 21_000)
			a.engine.Show(1, key)
			store.silent = how
			for i := range 1500 {
				s.say(bob, alice, fmt.Sprint("new ", i))
			}
			clock.Run(time.Minute)
			a.scrollThrough(key)
			if store.silent != "" {
				t.Fatal("nothing made room")
			}
			counts := store.check(t)
			for _, row := range load(t, store).Conversations {
				claimed := 0
				for _, r := range row.Ranges {
					claimed += int(r.To - r.From + 1)
				}
				if claimed != counts[row.Key] {
					t.Errorf("of %s %d are stored, and %d claimed", row.Key, counts[row.Key], claimed)
				}
			}
			for _, k := range keys {
				page := new(chat.Timeline)
				a.engine.Timeline(k, 200, 50, func(v chat.Timeline, err error) { *page = v })
				clock.Run(time.Minute)
				if len(page.Messages) != 50 || page.Messages[0].Content != "old 149" {
					t.Errorf("of %s is read %q", k, text(page.Messages))
				}
			}
		})
	}
}

// Who comes by a link in a new browser has opened a conversation of which nothing was known yet.
func TestWhatIsLookedAtBeforeItIsKnownWasOpened(t *testing.T) {
	clock, s := setup(t)
	s.say(bob, alice, "old")
	store := chat.NewMemory()
	a := openWith(t, s, chat.Config{User: alice, Store: store})
	a.timeline(0, 50)
	clock.Run(time.Second)
	if rows := load(t, store).Conversations; len(rows) != 1 || rows[0].Opened == 0 {
		t.Errorf("stored is %+v", rows)
	}
}

// Who opens a conversation waits for what is to be shown, and not for the note that it was opened.
func TestThatAConversationWasOpenedIsNotedBehindWhatIsShown(t *testing.T) {
	clock, s := setup(t)
	for i := range 20 {
		s.say(bob, alice, fmt.Sprint("old ", i))
	}
	store := chat.NewMemory()
	a := open(t, s, alice, store)
	clock.Run(time.Second)
	a.timeline(0, 50)
	clock.Run(time.Hour)
	before := load(t, store).Conversations[0].Opened
	a.host.Latency = func() time.Duration { return 10 * time.Millisecond }
	page := a.timeline(0, 20)
	clock.Run(25 * time.Millisecond) // there and back, once
	if len(page.Messages) != 20 {
		t.Errorf("%d messages are there after one read", len(page.Messages))
	}
	clock.Run(time.Second)
	if after := load(t, store).Conversations[0].Opened; after < before+3_600_000 {
		t.Errorf("opened at %d is stored, before an hour ago %d", after, before)
	}
}

// Opened is what somebody looks at, be it far above its end, where a link leads or what is unread begins; and not what is
// read for an export.
func TestWhatIsLookedAtAboveItsEndWasOpenedAndWhatIsExportedWasNot(t *testing.T) {
	clock, s := setup(t)
	keys := others(s, 3, 2000)
	a, store := scrolled(t, s, clock, keys, 7000)
	linked, exported, last := keys[0], keys[1], keys[2]
	clock.Run(time.Hour)
	asked := 0
	a.engine.Timeline(linked, 1000, 50, func(v chat.Timeline, err error) { asked += len(v.Messages) })
	clock.Run(time.Minute)
	for before := uint64(2001); before > 1; before -= 500 {
		a.engine.Aside(exported, before, 500, func(v chat.Timeline, err error) { asked += len(v.Messages) })
		clock.Run(time.Minute)
	}
	a.host.Kill()
	a = open(t, s, alice, store) // which knows it by what is stored
	a.blind = true
	clock.Run(time.Minute)
	for i := range 5000 {
		s.say(bob, alice, fmt.Sprint("new ", i))
	}
	clock.Run(time.Minute)
	a.engine.Show(1, key)
	a.scrollThrough(key)
	newest := fmt.Sprint("<", (2000-49)/64*64)
	if want := []string{exported + newest, last + newest, linked + newest}; !slices.Equal(store.evicted[:min(3, len(store.evicted))], want) || asked != 2050 {
		t.Errorf("%q makes room, want %q; %d were read", store.evicted, want, asked)
	}
	store.check(t)
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

func TestWhatIsSaidOfAMessageShowsThoughThereIsNoRoom(t *testing.T) {
	for name, broken := range map[string]bool{"no room": false, "not even to read": true} {
		t.Run(name, func(t *testing.T) {
			clock, s := setup(t)
			store := newSmall(1000)
			a := open(t, s, alice, store)
			clock.Run(time.Second)
			s.say(bob, alice, "helo")
			s.say(bob, alice, "s3cret")
			a.send("min")
			clock.Run(time.Second)
			a.timeline(0, 50)
			a.engine.Show(1, key)
			clock.Run(time.Second)
			store.room, store.broken = 0, broken
			s.say(bob, alice, "more")
			clock.Run(10 * time.Second)
			s.speak(bob, alice, 1, edits, "hello")
			s.speak(bob, alice, 2, recalls, "")
			a.revise(3, edits, "mine")
			a.revise(4, reacts, "👍")
			shows := func(what string, a *screen) {
				t.Helper()
				clock.Run(100 * time.Millisecond)
				want(t, what, a.said(), "hello (gone) mine more👍")
				page := a.timeline(0, 50)
				clock.Run(100 * time.Millisecond)
				a.shown = page.Messages
				want(t, what+", asked again", a.said(), "hello (gone) mine more👍")
			}
			shows("at once", a)
			if a.connection.MemoryOnly == "" || broken == (s.revisions == 0 && len(s.requests) == 0) {
				t.Errorf("it is said %q; %d requests: this tests nothing", a.connection.MemoryOnly, len(s.requests))
			}
			a.host.Kill()
			a = open(t, s, alice, store) // the disk still has what was taken back
			clock.Run(time.Second)
			a.timeline(0, 50)
			clock.Run(10 * time.Second)
			shows("after a reload", a)
			store.room, store.broken = 1000, false
			clock.Run(5 * time.Second)
			if holds(t, store, "s3cret") || store.check(t)[key] != 8 {
				t.Error("with room, not all is stored as it is")
			}
			a.host.Kill()
			want(t, "stored", openOffline(t, s, alice, store).said(), "hello (gone) mine more👍")
		})
	}
}

func TestWhatWasMissedIsFetchedThoughThereIsNoRoom(t *testing.T) {
	clock, s := setup(t)
	store := newSmall(1000)
	a := open(t, s, alice, store)
	clock.Run(time.Second)
	s.say(bob, alice, "s3cret")
	clock.Run(time.Second)
	a.timeline(0, 50)
	a.engine.Show(1, key)
	store.room = 0
	s.say(bob, alice, "heard")
	clock.Run(10 * time.Second)
	s.dropDeliver = func(uint64) bool { return true }
	s.say(bob, alice, "missed")
	s.speak(bob, alice, 1, recalls, "")
	s.miss()
	clock.Run(2 * time.Second)
	want(t, "screen", a.said(), "(gone) heard missed")
	if a.connection.MemoryOnly == "" {
		t.Error("there is room")
	}
}

// What was taken back before it was sent needs no room to go, unlike what is still to be sent.
func TestWhatWasWithdrawnIsNotSentAfterAReloadThoughThereWasNoRoom(t *testing.T) {
	clock, s := setup(t)
	s.down = true
	store := newSmall(1000)
	a := open(t, s, alice, store)
	clock.Run(time.Second)
	a.timeline(0, 50)
	a.send("first")
	clock.Run(time.Second)
	store.room = 0
	a.send("second")
	clock.Run(5 * time.Second)
	var of [proto.RefSize]byte
	if _, err := fmt.Sscanf(a.shown[0].Ref, "%x", (*hexRef)(&of)); err != nil {
		t.Fatal(err)
	}
	a.engine.Send(key, chat.Draft{Type: recalls, OfRef: of}, func(err error) {
		if err != nil {
			t.Error(err)
		}
	})
	clock.Run(5 * time.Second)
	want(t, "screen", a.text(), "second/pending")
	a.host.Kill()
	s.down = false
	open(t, s, alice, store)
	clock.Run(time.Minute)
	if len(s.published) > 0 {
		t.Errorf("%q was sent", s.published)
	}
}

// Of what waits for room, the last of each message counts, and all of it is bounded: then what the server has is given up.
func TestWhatWaitsForRoomIsBounded(t *testing.T) {
	clock, s := setup(t)
	store := newSmall(1000)
	a := open(t, s, alice, store)
	clock.Run(time.Second)
	s.say(bob, alice, "edited")
	s.say(bob, alice, "s3cret")
	clock.Run(time.Second)
	a.engine.Show(1, key)
	a.blind = true
	store.room = 0
	long := strings.Repeat("long ", 4000)
	for i := range 600 {
		s.speak(bob, alice, 1, edits, fmt.Sprint(long, i))
		clock.Run(20 * time.Millisecond)
	}
	s.speak(bob, alice, 2, recalls, "")
	clock.Run(10 * time.Second)
	asked := len(s.requests)
	a.blind = false
	a.timeline(0, proto.MaxPage)
	clock.Run(time.Second)
	if len(s.requests) != asked {
		t.Errorf("%d requests for what is kept in memory", len(s.requests)-asked)
	}
	for i := range 500 {
		s.say(bob, alice, fmt.Sprint(long, i))
		clock.Run(20 * time.Millisecond)
	}
	clock.Run(10 * time.Second)
	s.down = true
	s.cut(fmt.Errorf("gone"))
	page := a.timeline(3, 50)
	clock.Run(time.Second)
	a.shown = page.Messages
	want(t, "what takes the place of others stays", a.said(), fmt.Sprint(long, 599, " (gone)"))
	if newest := a.timeline(0, 400); len(newest.Messages) > 0 {
		t.Error("an answer came at once: this tests nothing")
	} else if clock.Run(time.Second); len(newest.Messages) > 200 {
		t.Errorf("%d messages of 20 kB are kept in memory", len(newest.Messages))
	}
	s.down = false
	store.room = 100_000
	clock.Run(time.Minute)
	if n := store.check(t)[key]; n == 0 || holds(t, store, "s3cret") {
		t.Errorf("with room, %d are stored", n)
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
