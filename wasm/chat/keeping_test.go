package chat_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"parley/proto"
	"parley/wasm/chat"
)

// storedOf is how many messages of a conversation a store has.
func storedOf(t *testing.T, store chat.Store, key string) int {
	t.Helper()
	entries, err := store.Messages(t.Context(), key, 1, 1<<40)
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

func TestAllIsKeptIfThePersonWantsThat(t *testing.T) {
	clock, s := setup(t)
	for i := range 1_234 {
		s.say(bob, alice, fmt.Sprint("old ", i))
	}
	for i := range 99 {
		s.say(carol, alice, fmt.Sprint("older ", i))
	}
	carols := proto.DirectKey(alice, carol).String()
	store := chat.NewMemory()
	a := open(t, s, alice, store)
	a.blind = true
	clock.Run(time.Minute)
	if n := storedOf(t, store, key); n != 50 {
		t.Fatalf("unasked, %d messages are kept, want 50", n)
	}
	keep := func(state chat.KeepingState) {
		t.Helper()
		a.engine.Keep(state, chat.Limits{}, func(err error) {
			if err != nil {
				t.Error(err)
			}
		})
	}
	keep(chat.KeepingOn)
	clock.Run(500 * time.Millisecond)
	first := a.engine.Kept()
	if first.Kept <= 100 || first.Kept >= 1_000 || first.All != 1_333 {
		t.Fatalf("soon after that was wanted, it tells %+v", first)
	}

	keep(chat.KeepingPaused)
	clock.Run(time.Minute)
	if got := a.engine.Kept(); got.State != chat.KeepingPaused || got.Kept > first.Kept+proto.MaxPage {
		t.Errorf("paused, it tells %+v", got)
	}
	a.engine.Close(func() {})
	clock.Run(time.Second)
	a = open(t, s, alice, store)
	a.blind = true
	clock.Run(time.Minute)
	if got := a.engine.Kept(); got.State != chat.KeepingPaused || got.Kept >= got.All {
		t.Errorf("paused, and begun again, it tells %+v", got)
	}

	keep(chat.KeepingOn)
	clock.Run(400 * time.Millisecond)
	a.engine.Close(func() {})
	clock.Run(time.Second)
	a = open(t, s, alice, store)
	clock.Run(100 * time.Millisecond)
	if got := a.engine.Kept(); got.Kept == got.All {
		t.Fatalf("%+v is there already", got)
	}
	clock.Run(10 * time.Second)
	if got := a.engine.Kept(); got.State != chat.KeepingOn || got.Kept != 1_333 || got.All != 1_333 {
		t.Errorf("in the end it tells %+v", got)
	}
	if n, m := storedOf(t, store, key), storedOf(t, store, carols); n != 1_234 || m != 99 {
		t.Errorf("in the end %d and %d messages are stored, want 1234 and 99", n, m)
	}
	if len(a.shown) > 0 {
		t.Errorf("the page was told of %d messages that it did not ask for", len(a.shown))
	}
	requests := len(s.requests)
	clock.Run(10 * time.Minute)
	if len(s.requests) != requests {
		t.Errorf("once all was there, it asked %d times", len(s.requests)-requests)
	}
	if len(a.errors) > 0 {
		t.Errorf("it failed: %v", a.errors)
	}
}

func TestKeepingAllIsInNobodysWay(t *testing.T) {
	clock, s := setup(t)
	for i := range 5_000 {
		s.say(bob, alice, fmt.Sprint("old ", i))
	}
	a := open(t, s, alice, chat.NewMemory())
	a.blind = true
	clock.Run(time.Minute)
	a.engine.Keep(chat.KeepingOn, chat.Limits{}, func(error) {})
	clock.Run(400 * time.Millisecond)
	before := a.engine.Kept().Kept
	for range 20 { // a person reads
		a.timeline(0, 50)
		clock.Run(500 * time.Millisecond)
	}
	if got := a.engine.Kept().Kept; got > before+proto.MaxPage {
		t.Errorf("while a person read, %d messages were fetched that nobody asked for", got-before)
	}
	clock.Run(30 * time.Second)
	if got := a.engine.Kept(); got.Kept != got.All {
		t.Errorf("after that, it tells %+v", got)
	}

	// What comes live is told, whatever is fetched beside it.
	s.down = true
	s.cut(nil)
	clock.Run(time.Second)
	for i := range 2_000 {
		s.say(bob, alice, fmt.Sprint("meanwhile ", i))
	}
	s.down = false
	a.blind = false
	clock.Run(time.Minute)
	s.say(bob, alice, "now")
	clock.Run(time.Minute)
	if got := a.engine.Kept(); got.Kept != got.All || a.told.Content != "now" {
		t.Errorf("after a time away, it tells %+v, and of %q last", got, a.told.Content)
	}
}

// The memory of a browser that keeps nothing is not filled with what nobody looks at.
// By default the newest page of each conversation is kept: at once of those that were active last, of the others in time.
func TestTheNewestPageOfEachIsKept(t *testing.T) {
	clock, s := setup(t)
	keys := others(s, 450, 60)
	store := chat.NewMemory()
	a := open(t, s, alice, store)
	a.blind = true
	lacking := func() (n int) {
		for _, k := range keys {
			if storedOf(t, store, k) != 50 {
				n++
			}
		}
		return n
	}
	clock.Run(2 * time.Second)
	if n := lacking(); n < 200 || n > 250 {
		t.Errorf("at once, the newest page of %d of 450 is not there", n)
	}
	clock.Run(3 * time.Minute)
	if n := lacking(); n > 0 {
		t.Errorf("in the end, the newest page of %d is not there", n)
	}
	asked := len(s.requests)
	clock.Run(10 * time.Minute)
	if n := len(s.requests) - asked; n > 0 {
		t.Errorf("%d pages more were asked for", n)
	}
}

// What was fetched unasked does not make what was fetched before go, on and on.
func TestWhereThereIsNoRoomNoMoreNewestPagesAreFetched(t *testing.T) {
	for _, test := range []struct{ conversations, room, most int }{
		{190, 100, 190}, // all at once
		{450, 300, 310},
	} {
		t.Run(fmt.Sprint(test.conversations), func(t *testing.T) {
			clock, s := setup(t)
			others(s, test.conversations, 60)
			store := newSmall(test.room * 50)
			a := open(t, s, alice, store)
			a.blind = true
			clock.Run(10 * time.Minute)
			if n := len(s.requests); n < test.room || n > test.most {
				t.Errorf("%d pages were asked for, of which %d have room", n, test.room)
			}
			store.check(t)
		})
	}
}

func TestWhereNothingIsKeptNotAllIsFetched(t *testing.T) {
	clock, s := setup(t)
	for i := range 2_000 {
		s.say(bob, alice, fmt.Sprint("old ", i))
	}
	store := chat.NewMemory()
	a := openWith(t, s, chat.Config{User: alice, Store: store, MemoryOnly: chat.Reason{Text: "there is no storage", Code: "no-storage"}})
	a.blind = true
	clock.Run(time.Minute)
	a.engine.Keep(chat.KeepingOn, chat.Limits{}, func(error) {})
	clock.Run(5 * time.Minute)
	if n := storedOf(t, store, key); n != 50 {
		t.Errorf("%d messages are kept, want 50", n)
	}
}

func TestAHistoryThatRefusesIsNotAskedOnAndOn(t *testing.T) {
	clock, s := setup(t)
	for i := range 500 {
		s.say(bob, alice, fmt.Sprint("old ", i))
	}
	a := open(t, s, alice, chat.NewMemory())
	clock.Run(time.Minute)
	s.refuseHistory = &proto.Refusal{Reason: proto.ServerBusy, Text: "busy"}
	requests := len(s.requests)
	a.engine.Keep(chat.KeepingOn, chat.Limits{}, func(error) {})
	clock.Run(5 * time.Minute)
	if n := len(s.requests) - requests; n < 2 || n > 40 {
		t.Errorf("a server that is busy was asked %d times in 5 minutes", n)
	}
	s.refuseHistory = nil
	clock.Run(5 * time.Minute)
	if got := a.engine.Kept(); got.Kept != got.All {
		t.Errorf("once it is not any more, it tells %+v", got)
	}
	var refused error
	a.engine.Keep("some", chat.Limits{}, func(err error) { refused = err })
	if refused == nil || !strings.Contains(refused.Error(), `state is "some": want off, on or paused`) {
		t.Errorf("a state that there is not is answered: %v", refused)
	}
}

// What is fetched unasked never makes what was there go on and on: where there is no room, it rests.
func TestKeepingAllRestsWhereThereIsNoRoom(t *testing.T) {
	clock, s := setup(t)
	for i := range 3_000 {
		s.say([]uint64{bob, carol}[i%2], alice, fmt.Sprint("old ", i))
	}
	store := newSmall(1_200)
	a := open(t, s, alice, store)
	a.blind = true
	clock.Run(time.Minute)
	a.engine.Keep(chat.KeepingOn, chat.Limits{}, func(error) {})
	clock.Run(time.Minute)
	if got := a.engine.Kept(); got.State != chat.KeepingPaused {
		t.Errorf("without room, it tells %+v", got)
	}
	requests, evicted := len(s.requests), len(store.evicted)
	clock.Run(10 * time.Minute)
	if len(s.requests) > requests+10 || len(store.evicted) > evicted+2 || evicted > 4 {
		t.Errorf("it asked %d times more, and %d and then %d evictions made room", len(s.requests)-requests, evicted, len(store.evicted)-evicted)
	}
	store.check(t)
}
