package chat_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"parley/proto"
	"parley/wasm/chat"
)

// keepLess chooses limits.
func (v *screen) keepLess(limits chat.Limits) {
	v.t.Helper()
	v.engine.Keep(chat.KeepingOff, limits, func(err error) {
		if err != nil {
			v.t.Error(err)
		}
	})
}

// evict takes what is stored of a conversation out of the browser.
func (v *screen) evict(key string) {
	v.t.Helper()
	v.engine.Evict(key, func(err error) {
		if err != nil {
			v.t.Error(err)
		}
	})
}

// read opens a conversation at its newest messages, or goes up from one.
func (v *screen) read(key string, before uint64) (page chat.Timeline) {
	v.t.Helper()
	v.engine.Timeline(key, before, 50, func(t chat.Timeline, err error) {
		if err != nil {
			v.t.Error(err)
		}
		page = t
	})
	v.host.Clock.Run(time.Second)
	return page
}

const oneDay = 24 * time.Hour

func TestWhatIsTooOldGoesAndComesAgainWhereOneScrolls(t *testing.T) {
	clock, s := setup(t)
	age := 100 * oneDay
	s.alter = func(m *proto.Message) { m.CreateTime = new(uint64(clock.Now().Add(-age).UnixMilli())) }
	keys := others(s, 3, 600)
	mixed, old, onScreen := keys[0], keys[1], keys[2]
	age = 90*oneDay - time.Hour
	for i := range 400 {
		s.say(100, alice, fmt.Sprint("new ", i))
	}
	a, store := scrolled(t, s, clock, keys, 100_000)
	a.engine.Show(1, onScreen)
	a.host.Skew = 1000 * oneDay // which is this device's alone
	a.keepLess(chat.Limits{Days: 90})
	requests := len(s.requests)
	clock.Run(time.Minute)
	// A page on which something is young stays as it is, and so does the newest one.
	if n := store.check(t); n[mixed] != 1000-575 || n[old] != 600-511 || n[onScreen] != 600 {
		t.Errorf("%v is stored, want %d, %d and 600", n, 1000-575, 600-511)
	}
	if len(s.requests) != requests {
		t.Errorf("what went was asked for: %q", s.requests[requests:])
	}
	if page := a.read(mixed, 400); len(page.Messages) != 50 || page.Messages[49].Content != "old 398" {
		t.Errorf("one scrolls to %q", text(page.Messages))
	}
	a.engine.Show(1, onScreen)
	clock.Run(time.Minute)
	if n := store.check(t); n[mixed] != 1000-575 {
		t.Errorf("%d are stored once one has left what one scrolled to, want %d", n[mixed], 1000-575)
	}
	clock.Run(2 * time.Hour)
	if n := store.check(t); n[mixed] != 1000-895 {
		t.Errorf("%d are stored once more is as old, want %d", n[mixed], 1000-895)
	}
}

// What cannot be read is not in the way of what is too old, and the person is told of it.
func TestWhatIsTooOldGoesThoughSomeOfItIsDamaged(t *testing.T) {
	clock, s := setup(t)
	s.alter = func(m *proto.Message) { m.CreateTime = new(uint64(clock.Now().Add(-100 * oneDay).UnixMilli())) }
	keys := others(s, 1, 600)
	a, store := scrolled(t, s, clock, keys, 100_000)
	for page := range uint64(8) {
		store.Spoil(chat.Damage{Pages: []chat.Span{{Key: keys[0], From: page, To: page}}})
	}
	a.keepLess(chat.Limits{Days: 90})
	clock.Run(5 * time.Minute)
	if n := store.check(t); n[keys[0]] != 600-511 {
		t.Errorf("%v is stored, want %d", n, 600-511)
	}
	if d := store.Spoilt(); d.Any() || len(a.errors) != 1 {
		t.Errorf("damaged is still %v, and told of %v", d, a.errors)
	}
}

func TestWhatIsTooMuchGoesFirstWhereItWasOpenedLongestAgo(t *testing.T) {
	clock, s := setup(t)
	keys := others(s, 4, 3000)
	s.pin(t, keys[0])
	a, store := scrolled(t, s, clock, keys, 100_000)
	a.engine.Show(1, key)
	all := a.engine.Stored()
	if len(all) != 4 || all[0].Messages != 3000 || all[0].Bytes < 3000*50 || all[0].Bytes > 3000*200 {
		t.Fatalf("it is told that there is %+v", all)
	}
	each := all[0].Bytes
	newest := 3000 - (3000-49)/64*64 + 1
	for _, step := range []struct {
		bytes uint64
		left  [4]int // about
	}{
		{0, [4]int{3000, 3000, 3000, 3000}},
		{each*7/2 + each/10, [4]int{3000, 1800, 3000, 3000}},
		{each * 5 / 2, [4]int{3000, newest, 1500, 3000}},
		{each, [4]int{3000, newest, newest, newest}},
	} {
		a.keepLess(chat.Limits{Bytes: step.bytes})
		clock.Run(time.Minute)
		n := store.check(t)
		for i, want := range step.left {
			if got := n[keys[i]]; got > want+100 || got < want-200 || want == newest && got != newest {
				t.Errorf("with %d bytes, %d are left of %s, want about %d", step.bytes, got, keys[i], want)
			}
		}
	}
	shown := store.check(t)[keys[0]]
	a.engine.Show(2, keys[0])
	a.keepLess(chat.Limits{Bytes: 1})
	clock.Run(time.Minute)
	if n := store.check(t); n[keys[0]] != shown {
		t.Errorf("%d of %d are left of what is on a screen", n[keys[0]], shown)
	}
	a.engine.Show(2, "")
	clock.Run(2 * time.Minute)
	if n := store.check(t); n[keys[0]] != newest {
		t.Errorf("%d are left of what is on no screen any more, want %d", n[keys[0]], newest)
	}
	// What is told takes no more than that, and grows with what comes.
	if all := a.engine.Stored(); len(all) != 0 {
		t.Errorf("it is told that of %+v something could go", all)
	}
	a.keepLess(chat.Limits{Bytes: each})
	for range 2 {
		a.scrollThrough(keys[1])
		a.scrollThrough(keys[2])
		a.engine.Show(1, keys[2])
		clock.Run(2 * time.Minute)
		n := store.check(t)
		if got := n[keys[1]] + n[keys[2]]; got > 3100 || got < 2500 || n[keys[2]] < 2500 {
			t.Errorf("%v is stored as it grew again, want about 3000, most of what is on the screen", n)
		}
	}
}

func TestAConversationIsTakenOutOfTheBrowser(t *testing.T) {
	clock, s := setup(t)
	keys := others(s, 2, 1000)
	a, store := scrolled(t, s, clock, keys, 100_000)
	a.engine.Show(1, keys[0])
	a.engine.Keep(chat.KeepingOn, chat.Limits{}, func(error) {})
	clock.Run(time.Minute)
	s.down = true
	s.cut(errors.New("gone"))
	clock.Run(time.Second)
	var unsent error
	a.engine.Send(keys[0], chat.Draft{Content: "waits", Ref: [proto.RefSize]byte{1}}, func(err error) { unsent = err })
	a.evict(keys[0])
	clock.Run(time.Second)
	newest := 1000 - (1000-49)/64*64 + 1
	if n := store.check(t); n[keys[0]] != newest || n[keys[1]] != 1000 || unsent != nil {
		t.Errorf("%v is stored, want %d and 1000 (%v)", n, newest, unsent)
	}
	if got := a.engine.Kept(); got.State != chat.KeepingPaused || a.kept[len(a.kept)-1] != got {
		t.Errorf("what was taken out would be fetched again: %+v, and told was %+v", got, a.kept[len(a.kept)-1])
	}
	if stored, err := store.Load(t.Context()); err != nil || len(stored.Outbox) != 1 {
		t.Errorf("the outbox has %d, %v", len(stored.Outbox), err)
	}
	if page := a.read(keys[0], 800); page.Incomplete == "" || len(page.Messages) > 0 {
		t.Errorf("without the server it is said %q, of %d messages", page.Incomplete, len(page.Messages))
	}
	a.evict(keys[0]) // of which nothing is left to go
	a.engine.Close(func() {})
	clock.Run(time.Second)

	s.down = false
	requests := len(s.requests)
	a = open(t, s, alice, store)
	a.blind = true
	clock.Run(10 * time.Minute)
	if len(s.requests) != requests {
		t.Errorf("it was asked for by itself: %q", s.requests[requests:])
	}
	if page := a.read(keys[0], 800); len(page.Messages) != 50 || page.Messages[0].Content != "old 749" {
		t.Errorf("one scrolls to %q", text(page.Messages))
	}
	for key, refused := range map[string]string{"nonsense": "want d:{low}:{high}", "d:7:9": "d:7:9 is not a conversation of yours"} {
		a.engine.Evict(key, func(err error) {
			if err == nil || !strings.Contains(err.Error(), refused) {
				t.Errorf("%s is answered: %v", key, err)
			}
		})
	}
	clock.Run(time.Second)
}

// Where the disk is full, who takes a conversation out of the browser makes room for what waits in memory.
func TestAConversationTakenOutMakesRoom(t *testing.T) {
	clock, s := setup(t)
	keys := others(s, 1, 1000)
	store := newSmall(1000)
	a := open(t, s, alice, store)
	a.blind = true
	clock.Run(time.Minute)
	a.scrollThrough(keys[0])
	a.engine.Show(1, keys[0]) // so that nothing goes by itself
	s.say(bob, alice, "more than there is room for")
	clock.Run(500 * time.Millisecond)
	if a.connection.MemoryOnlyCode != "storage-full" {
		t.Fatalf("it is said %q", a.connection.MemoryOnly)
	}
	a.evict(keys[0])
	clock.Run(100 * time.Millisecond)
	if a.connection.MemoryOnly != "" {
		t.Errorf("with room it is said %q", a.connection.MemoryOnly)
	}
	if n := store.check(t); n[key] != 1 {
		t.Errorf("%v is stored", n)
	}
}

// Who does that as the disk is found to be full has it done, also where all history was to be kept, which rests then.
func TestAConversationIsTakenOutWhileItIsFoundThatThereIsNoRoom(t *testing.T) {
	clock, s := setup(t)
	keys := others(s, 1, 1000)
	store := newSmall(1001)
	a := open(t, s, alice, store)
	a.blind = true
	clock.Run(time.Minute)
	a.engine.Keep(chat.KeepingOn, chat.Limits{}, func(error) {})
	clock.Run(time.Minute)
	a.engine.Show(1, keys[0]) // so that nothing goes by itself
	a.engine.Show(2, key)
	a.host.Latency = func() time.Duration { return 50 * time.Millisecond }
	s.say(bob, alice, "the last that there is room for")
	clock.Run(60 * time.Millisecond) // it is being written
	s.say(bob, alice, "more than that")
	clock.Run(10 * time.Millisecond)
	evicted := false
	a.engine.Evict(keys[0], func(err error) { evicted = err == nil })
	clock.Run(10 * time.Second)
	if n := store.check(t); !evicted || n[key] != 2 || n[keys[0]] >= 1000 || a.connection.MemoryOnly != "" {
		t.Errorf("%v is stored, evicted %v, and it is said %q", n, evicted, a.connection.MemoryOnly)
	}
	if got := a.engine.Kept(); got.State != chat.KeepingPaused {
		t.Errorf("it tells %+v", got)
	}
}

// Whenever that is, and whatever the storage does then.
func TestAConversationIsTakenOutWhereTheStorageFails(t *testing.T) {
	clock, s := setup(t)
	keys := others(s, 1, 1000)
	store := newSmall(2000)
	a := open(t, s, alice, store)
	a.blind = true
	clock.Run(time.Minute)
	a.host.Latency = func() time.Duration { return 10 * time.Millisecond }
	for i := range 20 {
		store.broken = false
		clock.Run(5 * time.Second)
		a.scrollThrough(keys[0])
		s.say(bob, alice, "before")
		clock.Run(time.Duration(20+i) * time.Millisecond)
		s.say(bob, alice, "after")
		clock.Run(6 * time.Millisecond)
		store.broken = true
		for range 8 {
			a.engine.Evict(keys[0], func(error) {})
			clock.Run(time.Duration(5+2*i) * time.Millisecond)
		}
	}
	store.broken = false
	clock.Run(10 * time.Second)
	a.evict(keys[0])
	clock.Run(time.Second)
	if n := store.check(t); n[key] != 40 || n[keys[0]] >= 1000 || a.connection.MemoryOnly != "" {
		t.Errorf("%v is stored, and it is said %q", n, a.connection.MemoryOnly)
	}
}

func TestLimitsAndKeepingAllExcludeEachOther(t *testing.T) {
	clock, s := setup(t)
	store := chat.NewMemory()
	a := open(t, s, alice, store)
	clock.Run(time.Second)
	limits := chat.Limits{Days: 30, Bytes: 50 << 20}
	want := func(state chat.KeepingState, days, bytes uint64) {
		t.Helper()
		if got := a.engine.Kept(); got.State != state || got.Days != days || got.Bytes != bytes {
			t.Errorf("it tells %+v, want %s, %d and %d", got, state, days, bytes)
		}
	}
	a.engine.Keep(chat.KeepingOn, chat.Limits{}, func(error) {})
	a.keepLess(limits)
	want(chat.KeepingOff, 30, 50<<20)
	for state, limits := range map[chat.KeepingState]chat.Limits{chat.KeepingOn: limits, chat.KeepingPaused: limits, chat.KeepingOff: {Days: 36_501}} {
		var refused error
		a.engine.Keep(state, limits, func(err error) { refused = err })
		if refused == nil {
			t.Errorf("%s with %+v is not refused", state, limits)
		}
	}
	a.engine.Close(func() {})
	clock.Run(time.Second)
	a = open(t, s, alice, store)
	clock.Run(time.Second)
	want(chat.KeepingOff, 30, 50<<20)
	a.engine.Keep(chat.KeepingOn, chat.Limits{}, func(error) {})
	want(chat.KeepingOn, 0, 0)
}

// busyStore says when something is deleted from it.
type busyStore struct {
	*chat.Memory
	deleted func()
}

func (s busyStore) Apply(ctx context.Context, b chat.Batch) error {
	if len(b.Deleted) > 0 {
		s.deleted()
	}
	return s.Memory.Apply(ctx, b)
}

func TestNothingGoesWhileAPersonReads(t *testing.T) {
	clock, s := setup(t)
	keys := others(s, 2, 2000)
	deleted := 0
	a := open(t, s, alice, busyStore{chat.NewMemory(), func() { deleted++ }})
	a.blind = true
	clock.Run(time.Minute)
	a.scrollThrough(keys[0])
	a.keepLess(chat.Limits{Bytes: 1})
	for range 20 {
		a.read(keys[1], 0)
	}
	if deleted > 0 {
		t.Errorf("while a person read, something went %d times", deleted)
	}
	clock.Run(10 * time.Second)
	if deleted != 1 {
		t.Errorf("after that, what is too much went in %d pieces, want one", deleted)
	}
}
