package chat_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"parley/proto"
	"parley/server/chat"
	"parley/server/chat/chattest"
)

// making is how long it takes to make a transaction, and committing until it is on disk.
const making, committing = time.Millisecond, 8 * time.Millisecond

// faraway is a store that takes a while until what was written is on disk, and meanwhile takes what
// follows it, if it follows.
type faraway struct {
	chat.Store
	follows bool
	air     int // how many are on their way
	most    int // how many were
	batches int
}

func (f *faraway) Begin(ctx context.Context, change func(chat.Tx) error) (end func() error, err error) {
	if f.air++; f.air > f.most {
		f.most = f.air
	}
	f.batches++
	time.Sleep(making)
	err = f.Store.Update(ctx, change)
	began := time.Now()
	return func() error {
		time.Sleep(committing - time.Since(began))
		f.air--
		return err
	}, nil
}

func (f *faraway) Follows() bool { return f.follows }

// The next are on their way before those before them are on disk, where the store lets them and there are
// enough for that; else nobody waits for more than their own.
func TestWhatWaitsIsOnItsWayBeforeWhatWasBeforeIsOnDisk(t *testing.T) {
	for _, c := range []struct {
		name          string
		follows       bool
		waiting       int
		most, batches int
		took          time.Duration // until all are stored
	}{
		{"many wait", true, 8, 2, 2, 2*making + committing},
		{"few wait", true, 7, 1, 2, 2 * (making + committing)},
		{"many wait, beside another node", false, 8, 1, 2, 2 * (making + committing)},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := &faraway{Store: chattest.NewMemory(1), follows: c.follows}
				b := prepared(t, w)
				var first, others sync.WaitGroup
				send := func(all *sync.WaitGroup) {
					all.Go(func() {
						if _, err := b.Publish(t.Context(), chat.Sender{User: ada}, proto.BranchMessage, encode(t, text(bob, "x")), nil); err != nil {
							t.Error(err)
						}
					})
				}
				began := time.Now()
				send(&first)
				synctest.Wait() // it is queued, and then the others are
				ctx, stop := context.WithCancel(t.Context())
				ended := make(chan error, 1)
				go func() { ended <- b.Run(ctx) }()
				time.Sleep(making / 2) // the first is being made
				for range c.waiting {
					send(&others)
				}
				first.Wait()
				if took := time.Since(began); took != making+committing {
					t.Errorf("the first waited %v, want %v", took, making+committing)
				}
				others.Wait()
				if took := time.Since(began); took != c.took || w.most != c.most || w.batches != c.batches {
					t.Errorf("%d batches, %d at most at a time, took %v, want %d, %d and %v", w.batches, w.most, took, c.batches, c.most, c.took)
				}
				stop()
				if err := <-ended; err != nil {
					t.Error(err)
				}
			})
		})
	}
}
