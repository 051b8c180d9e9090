package chat_test

import (
	"fmt"
	"testing"
	"time"

	"parley/wasm/chat"
)

// What the server deleted is gone here as well, and nobody looks for it.
func TestWhatTheServerKeepsNoMoreIsDroppedAndNotFetched(t *testing.T) {
	clock, s := setup(t)
	for i := range 120 {
		s.say(bob, alice, fmt.Sprint(i+1))
	}
	store := chat.NewMemory()
	a := open(t, s, alice, store)
	clock.Run(time.Second)
	a.timeline(0, 120)
	clock.Run(time.Second)
	if err := a.markRead(key, 30); err != nil {
		t.Error(err)
	}
	clock.Run(time.Second)

	s.expire(101)
	clock.Run(4 * time.Minute) // until the next sync
	if c := a.list[key]; c.Min != 101 || c.Head != 120 || c.Unread != 20 || c.Last == nil || c.Last.Content != "120" {
		t.Errorf("the list shows %+v", c)
	}
	look := func(a *screen, want int) {
		t.Helper()
		s.requests = nil
		for _, before := range []uint64{0, 110, 101, 50} {
			shown := a.timeline(before, 50)
			clock.Run(time.Second)
			n := min(want, max(0, want-int(121-before)))
			if before == 0 {
				n = want
			}
			if len(shown.Messages) != n || shown.More || shown.Incomplete != "" {
				t.Errorf("before %d: %d messages, want %d; more %v, incomplete %q", before, len(shown.Messages), n, shown.More, shown.Incomplete)
			}
			for i, m := range shown.Messages {
				if m.Content != fmt.Sprint(120-want+1+i) || m.Gap {
					t.Errorf("before %d: message %d is %q, gap %v", before, i, m.Content, m.Gap)
				}
			}
		}
		clock.Run(10 * time.Minute)
		if len(s.requests) != 0 {
			t.Errorf("%d requests for history that is gone", len(s.requests))
		}
		if left, err := store.Messages(t.Context(), key, 0, 1<<64-1); err != nil || len(left) != want {
			t.Errorf("%d entries stored, want %d; error %v", len(left), want, err)
		}
	}
	look(a, 20)
	a.engine.Close(func() {})
	clock.Run(time.Second)
	again := open(t, s, alice, store)
	clock.Run(time.Second)
	look(again, 20)

	s.expire(121) // all of it
	clock.Run(4 * time.Minute)
	look(again, 0)
	if c := again.list[key]; c.Min != 121 || c.Unread != 0 || c.Last != nil {
		t.Errorf("the list shows %+v", c)
	}
	again.shown = nil
	s.say(bob, alice, "still here?")
	clock.Run(time.Second)
	want(t, "what comes then", again.text(), "still here?")
	if c := again.list[key]; c.Unread != 1 || c.Last.Content != "still here?" {
		t.Errorf("the list shows %+v", c)
	}
}

// A browser that was away for long has a hole between what it stored and what
// is still there.
func TestABrowserThatWasAwayForLongFetchesWhatIsKept(t *testing.T) {
	clock, s := setup(t)
	for i := range 30 {
		s.say(bob, alice, fmt.Sprint(i+1))
	}
	store := chat.NewMemory()
	a := open(t, s, alice, store)
	clock.Run(time.Second)
	a.timeline(0, 50)
	clock.Run(time.Second)
	a.engine.Close(func() {})
	clock.Run(time.Second)
	for i := range 70 {
		s.say(bob, alice, fmt.Sprint(i+31))
	}
	s.expire(91)
	again := open(t, s, alice, store)
	clock.Run(time.Second)
	again.timeline(0, 50)
	clock.Run(time.Second)
	if n := len(again.shown); n != 10 || again.shown[0].Content != "91" || again.shown[0].Gap {
		t.Errorf("%d messages are shown: %s", n, again.text())
	}
	if left, err := store.Messages(t.Context(), key, 0, 1<<64-1); err != nil || len(left) != 10 {
		t.Errorf("%d entries stored, error %v", len(left), err)
	}
}
