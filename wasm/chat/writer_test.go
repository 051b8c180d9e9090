package chat_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"parley/wasm/chat"
)

// counting is a store that counts what it is asked to do.
type counting struct {
	chat.Store
	applied int
}

func (c *counting) Apply(ctx context.Context, b chat.Batch) error {
	c.applied++
	return c.Store.Apply(ctx, b)
}

// Messages that come fast are written in few batches, each of which costs the browser a
// transaction; what the person sends or wants to read waits for none of them.
func TestABurstIsWrittenInFewBatches(t *testing.T) {
	clock, s := setup(t)
	store := &counting{Store: chat.NewMemory()}
	a := open(t, s, alice, store)
	clock.Run(time.Second)
	a.timeline(0, 50)
	clock.Run(time.Second)
	burst := func(n int) {
		for i := range n {
			s.say(bob, alice, fmt.Sprint("burst ", i))
			clock.Run(5 * time.Millisecond)
		}
	}
	before := store.applied
	burst(100) // half a second
	if writes := store.applied - before; writes > 12 {
		t.Errorf("a hundred messages took %d batches", writes)
	}
	a.send("mine")
	clock.Run(4 * time.Millisecond)
	if got := a.shown[len(a.shown)-1]; got.Content != "mine" {
		t.Errorf("what is sent in a burst is not shown at once, but %q", got.Content)
	}
	clock.Run(time.Second)
	burst(3)
	read := false
	a.engine.Timeline(key, 0, 50, func(found chat.Timeline, err error) { read = err == nil && len(found.Messages) == 50 })
	clock.Run(4 * time.Millisecond)
	if !read {
		t.Error("what is read in a burst waits")
	}
	clock.Run(time.Second)
	stored, err := store.Messages(t.Context(), key, 1, 1000)
	if err != nil || len(stored) != 104 {
		t.Errorf("%d messages are stored, error %v, want 104", len(stored), err)
	}
}

// Whatever the disk does, what somebody wrote stands in the list.
func TestASendThatWaitsLongToBeStoredStandsInTheList(t *testing.T) {
	for name, fails := range map[string]error{"and is": nil, "and fails first": errors.New("the disk is read-only")} {
		t.Run(name, func(t *testing.T) {
			clock, s := setup(t)
			store := &failing{Store: chat.NewMemory()}
			a := open(t, s, alice, store)
			clock.Run(time.Second)
			s.down = true
			s.cut(errors.New("connection reset"))
			clock.Run(time.Second)
			a.host.Latency = func() time.Duration { return 20 * time.Second }
			s.say(bob, alice, "something to write")
			a.send("under way")
			clock.Run(10 * time.Millisecond)
			a.send("behind it")
			clock.Run(4 * time.Second)
			want(t, "screen", a.text(), "under way/pending behind it/pending")
			if a.connection.MemoryOnlyCode != "storage-silent" {
				t.Errorf("it is said %q", a.connection.MemoryOnlyCode)
			}
			store.err = fails
			clock.Run(30 * time.Second)
			store.err, a.host.Latency = nil, nil
			clock.Run(2 * time.Minute)
			if a.connection.MemoryOnly != "" {
				t.Errorf("once all is stored it is said %q", a.connection.MemoryOnly)
			}
			a.host.Kill()
			want(t, "stored", openOffline(t, s, alice, store.Store).text(), "under way/pending behind it/pending")
		})
	}
}

// Where nothing could be read at the start, nobody is told that all is stored again once what was slow is done.
func TestWhoChatsInMemoryIsNotToldThatItIsStored(t *testing.T) {
	clock, s, store := shut(t)
	s.down = false
	a := open(t, s, alice, store)
	clock.Run(time.Second)
	a.host.Latency = func() time.Duration { return 20 * time.Second }
	a.send("slowly")
	clock.Run(time.Minute)
	a.host.Latency = nil
	clock.Run(time.Minute)
	want(t, "screen", a.text(), "1 2 3 slowly/sent")
	if a.connection.MemoryOnlyCode != "storage-full" {
		t.Errorf("it is said %q", a.connection.MemoryOnly)
	}
}
