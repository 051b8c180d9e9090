package chat_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"parley/wasm/chat"
)

// What the list shows of a message is bounded; the message itself is stored once, whole.
func TestTheListKeepsOnlyABeginningOfWhatItShows(t *testing.T) {
	clock, s := setup(t)
	store := chat.NewMemory()
	a := open(t, s, alice, store)
	clock.Run(time.Second)
	whole := strings.Repeat("あ", 5000)
	s.say(bob, alice, whole)
	clock.Run(time.Second)
	look := func(when string, a *screen) {
		t.Helper()
		if got, want := a.list[key].Last.Content, strings.Repeat("あ", 341); got != want {
			t.Errorf("%s the list has %d bytes of a message, want %d", when, len(got), len(want))
		}
		shown := a.timeline(0, 50)
		clock.Run(time.Second)
		if len(shown.Messages) == 0 || shown.Messages[len(shown.Messages)-1].Content != whole {
			t.Errorf("%s the message is not shown whole", when)
		}
	}
	look("at first", a)
	stored, err := store.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if n := len(stored.Conversations[0].State); n > 1500 {
		t.Errorf("the row of one long message takes %d bytes", n)
	}
	s.down = true
	s.cut(errors.New("gone"))
	a.send(whole)
	clock.Run(time.Second)
	if got := a.list[key].Last; got.State != chat.Pending || len(got.Content) != 1023 {
		t.Errorf("while it is sent the list has %d bytes of a message, %s", len(got.Content), got.State)
	}
	s.down = false
	clock.Run(time.Minute)
	again := open(t, s, alice, store)
	clock.Run(time.Second)
	s.requests = nil
	look("after a reload", again)
	if len(s.requests) > 0 {
		t.Errorf("it was asked for again: %v", s.requests)
	}
}
