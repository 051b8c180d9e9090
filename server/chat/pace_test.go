package chat_test

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"parley/proto"
	"parley/server/chat"
	"parley/server/chat/chattest"
)

// leisurely is a Store whose reads take time, and that counts it.
type leisurely struct {
	chat.Store
	takes time.Duration
	spent atomic.Int64 // nanoseconds
}

func (s *leisurely) View(ctx context.Context, read func(chat.View) error) error {
	time.Sleep(s.takes)
	s.spent.Add(int64(s.takes))
	return s.Store.View(ctx, read)
}

func (s *leisurely) Scan(ctx context.Context, read func(chat.View) error) error {
	time.Sleep(s.takes)
	s.spent.Add(int64(s.takes))
	return s.Store.Scan(ctx, read)
}

// manyRows is a history in which ada has n conversations.
func manyRows(t testing.TB, n uint64) chat.Store {
	t.Helper()
	store := chattest.NewMemory(1)
	b := prepared(t, store)
	var batch []chat.Request
	for i := range n {
		request, err := b.Prepare(chat.Sender{User: ada}, proto.BranchMessage, encode(t, text(1000+i, "x")), nil)
		if err != nil {
			t.Fatal(err)
		}
		batch = append(batch, request)
	}
	for _, r := range b.Commit(t.Context(), batch) {
		if r.Err != nil {
			t.Fatal(r.Err)
		}
	}
	return store
}

// device is a connection of a user's.
func device(user uint64, id string) chat.Sender { return chat.Sender{User: user, Client: id} }

func TestAnAnswerGoesToTheConnectionThatAskedAlone(t *testing.T) {
	b := start(t, manyRows(t, 3))
	b.out.take()
	if _, err := b.Publish(t.Context(), device(ada, "3-phone"), proto.BranchSync, nil, nil); err != nil {
		t.Fatal(err)
	}
	alone := b.out.alone
	var branches []proto.Branch
	for _, d := range b.out.take() {
		branches = append(branches, d.branch)
	}
	same(t, "told", branches, []proto.Branch{proto.BranchUnread, proto.BranchSettings})
	same(t, "of these alone", alone, []string{"3-phone", "3-phone"})
}

func TestAnAnswerWaitsForRoomAndEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := prepared(t, manyRows(t, 2*proto.MaxStates))
		var given atomic.Int32
		b.out.room = func(ctx context.Context) error {
			if given.Add(1) <= 3 {
				return nil
			}
			<-ctx.Done()
			return ctx.Err()
		}
		answer, err := b.Sync(device(ada, "3-phone"), nil)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- answer(ctx) }()
		synctest.Wait()
		if n := len(b.out.take()); n != 3 {
			t.Errorf("%d parts went out, want the 3 that there was room for", n)
		}
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("the answer ended with %v", err)
		}
	})
}

func TestAtMostTwoSyncsOfAUserAreInWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := prepared(t, manyRows(t, 1))
		leave := make(chan struct{})
		var inWork atomic.Int32
		b.out.room = func(ctx context.Context) error {
			inWork.Add(1)
			defer inWork.Add(-1)
			select {
			case <-leave:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		ended := make(chan error, 10)
		ask := func(who chat.Sender) {
			answer, err := b.Sync(who, nil)
			if err != nil {
				t.Fatal(err)
			}
			go func() { ended <- answer(ctx) }()
		}
		for _, id := range []string{"3-a", "3-b", "3-c", "3-d", "3-e"} {
			ask(device(ada, id))
		}
		synctest.Wait()
		if n := inWork.Load(); n != 2 {
			t.Errorf("%d syncs of one user are in work, want 2", n)
		}
		ask(device(bob, "5-a"))
		synctest.Wait()
		if n := inWork.Load(); n != 3 {
			t.Errorf("%d syncs are in work, want another user's too", n)
		}
		close(leave)
		for range 6 {
			if err := <-ended; err != nil {
				t.Error(err)
			}
		}
		same(t, "told at last", len(slices.DeleteFunc(b.out.take(), func(d delivered) bool { return d.branch != proto.BranchUnread })), 6)
	})
}

// Ada asks for everything again and again, on three devices.
func TestSyncsOfAUserTakeAQuarterOfTheTime(t *testing.T) {
	for _, test := range []struct {
		name  string
		rows  uint64
		takes time.Duration // to read a page
	}{
		{"of many pages", 4 * proto.MaxStates, 250 * time.Millisecond},
		{"of one page", 10, 50 * time.Millisecond},
		{"of pages that take long", proto.MaxStates + 10, 3 * time.Second},
	} {
		t.Run(test.name, func(t *testing.T) {
			store := &leisurely{Store: manyRows(t, test.rows)}
			synctest.Test(t, func(t *testing.T) {
				service, err := chat.New(chat.Config{Store: store, Fanout: &outbox{t: t}})
				if err != nil {
					t.Fatal(err)
				}
				store.takes = test.takes
				ctx, cancel := context.WithCancel(t.Context())
				ended := make(chan int)
				for _, id := range []string{"3-a", "3-b", "3-c"} {
					go func() {
						n := 0
						for ctx.Err() == nil {
							if _, err := service.Publish(ctx, device(ada, id), proto.BranchSync, nil, nil); err == nil {
								n++
							}
						}
						ended <- n
					}()
				}
				const long = 2 * time.Minute
				time.Sleep(long)
				if spent, most := time.Duration(store.spent.Load()), long/4+time.Second+2*test.takes; spent > most || spent < long/8 {
					t.Errorf("reading took %v of %v, want %v at most", spent, long, most)
				}
				began := time.Now()
				if _, err := service.Publish(t.Context(), device(bob, "5-a"), proto.BranchSync, nil, nil); err != nil {
					t.Error(err)
				}
				if took := time.Since(began); 3*test.takes < time.Second && took != 3*test.takes { // a page, the settings, who is here
					t.Errorf("meanwhile another user waited %v for an answer", took)
				}
				cancel()
				if n := <-ended + <-ended + <-ended; n == 0 {
					t.Error("no sync came to its end")
				}
			})
		})
	}
}

func TestASmallSyncDoesNotWait(t *testing.T) {
	store := &leisurely{Store: manyRows(t, 4*proto.MaxStates)}
	synctest.Test(t, func(t *testing.T) {
		service, err := chat.New(chat.Config{Store: store, Fanout: &outbox{t: t}})
		if err != nil {
			t.Fatal(err)
		}
		store.takes = 20 * time.Millisecond
		began := time.Now()
		for range 3 {
			if _, err := service.Publish(t.Context(), device(ada, "3-a"), proto.BranchSync, nil, nil); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(began); took != time.Duration(store.spent.Load()) {
			t.Errorf("it took %v to read for %v", took, time.Duration(store.spent.Load()))
		}
	})
}
