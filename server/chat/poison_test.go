package chat_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"

	"parley/proto"
	"parley/server/chat"
	"parley/server/chat/chattest"
	"parley/server/fault"
)

// poisoned is a Store that cannot store what has a certain content.
type poisoned struct {
	chat.Store
	how     string // "append": fails at it; "commit": fails at the end; "panic"
	updates atomic.Int32
}

var errPoison = errors.New("constraint failed")

func (p *poisoned) Update(ctx context.Context, change func(chat.Tx) error) error {
	p.updates.Add(1)
	tx := &poisonedTx{store: p}
	return p.Store.Update(ctx, func(inner chat.Tx) error {
		tx.Tx = inner
		if err := change(tx); err != nil {
			return err
		}
		if tx.spoiled {
			return errPoison
		}
		return nil
	})
}

type poisonedTx struct {
	chat.Tx
	store   *poisoned
	spoiled bool
}

func (tx *poisonedTx) Append(e chat.Entry) error {
	if bytes.Contains(e.Body, []byte("poison")) {
		switch tx.store.how {
		case "append":
			return errPoison
		case "panic":
			panic("the poison worked")
		}
		tx.spoiled = true
	}
	return tx.Tx.Append(e)
}

// batchOf prepares messages to Bob, each of another user, of which some are poison.
func batchOf(t *testing.T, s *chat.Service, n int, poison ...int) (batch []chat.Request) {
	t.Helper()
	bad := make(map[int]bool)
	for _, i := range poison {
		bad[i] = true
	}
	for i := range n {
		content := "food"
		if bad[i] {
			content = "poison"
		}
		r, err := s.Prepare(chat.Sender{User: 1000 + uint64(i)%4}, proto.BranchMessage, encode(t, with(text(bob, content), ref(uint64(i)))), nil)
		if err != nil {
			t.Fatal(err)
		}
		batch = append(batch, r)
	}
	return batch
}

func every(n, of int) (all []int) {
	for i := 0; i < of; i += n {
		all = append(all, i)
	}
	return all
}

func TestARequestThatCannotBeStoredIsTakenOutAndTheOthersAreStored(t *testing.T) {
	const all = 256
	for _, test := range []struct {
		how     string
		poison  []int
		updates int // at most
	}{
		{"append", []int{100}, 3},
		{"append", []int{0}, 2},
		{"append", []int{all - 1}, 2},
		{"append", []int{7, 8, 9, 200}, 7},
		{"append", every(2, all), 2 * all},
		{"commit", []int{100}, 1 + 2*8},
		{"commit", []int{0}, 1 + 2*8},
		{"commit", []int{3, 4, 255}, 1 + 3*2*8},
		{"panic", []int{100}, 3},
		{"panic", []int{1, 2, 100}, 6},
	} {
		t.Run(fmt.Sprint(test.how, len(test.poison), " from ", test.poison[0]), func(t *testing.T) {
			onBothStores(t, func(t *testing.T, s chat.Store) {
				var log bytes.Buffer
				store, out := &poisoned{Store: s, how: test.how}, &outbox{t: t}
				logger := slog.New(slog.NewTextHandler(&log, nil))
				faults := fault.NewRecord(logger)
				service, err := chat.New(chat.Config{Store: store, Fanout: out, Log: logger, Faults: faults})
				if err != nil {
					t.Fatal(err)
				}
				bad := make(map[int]bool)
				for _, i := range test.poison {
					bad[i] = true
				}
				results := service.Commit(t.Context(), batchOf(t, service, all, test.poison...))
				stored, lastID, seqs := uint64(0), uint64(0), make(map[int]uint64)
				for i, r := range results {
					if bad[i] {
						checkPoison(t, test.how, r)
						continue
					}
					stored++
					seqs[i%4]++ // of the sender
					if r.Err != nil || r.Receipt.Seq != seqs[i%4] || r.Receipt.MessageID <= lastID {
						t.Fatalf("request %d: %+v, want seq %d and an id above %d", i, r, seqs[i%4], lastID)
					}
					lastID = r.Receipt.MessageID
				}
				if n := int(store.updates.Load()); n > test.updates {
					t.Errorf("%d transactions, want %d at most", n, test.updates)
				}
				if lines := strings.Count(log.String(), "\n"); lines != 1 || strings.Contains(log.String(), "content") {
					t.Errorf("%d lines are logged, want 1: %.500s", lines, log.String())
				}
				if want := uint64(len(test.poison)); test.how == "panic" && faults.Count() != want {
					t.Errorf("%d panics are counted, want %d", faults.Count(), want)
				}
				inOrder(t, out.take(), 2*int(stored))
				answer, err := service.Conversations(t.Context(), chat.Sender{User: bob}, "")
				if err != nil || answer.GetTotalUnread() != stored {
					t.Errorf("%d are unread, want the %d stored; error %v", answer.GetTotalUnread(), stored, err)
				}
				// The same again is stored once, and what was refused is as new.
				store.how = ""
				for i, r := range service.Commit(t.Context(), batchOf(t, service, all)) {
					if r.Err != nil || !bad[i] && r.Receipt != results[i].Receipt || bad[i] && r.Receipt.Seq <= seqs[i%4] {
						t.Fatalf("request %d again: %+v, first %+v", i, r, results[i])
					}
				}
			})
		})
	}
}

// checkPoison checks the result of a request that cannot be stored.
func checkPoison(t *testing.T, how string, r chat.Result) {
	t.Helper()
	refusal := refusalOf(t, r.Err)
	want := "not stored: try again"
	if how == "panic" {
		want = "fault in the server"
	} else if !errors.Is(r.Err, errPoison) {
		t.Errorf("%v does not tell the cause", r.Err)
	}
	if r.Receipt != (chat.Receipt{}) || !strings.Contains(refusal.Text, want) || refusal.Reason.Temporary() != (how != "panic") {
		t.Errorf("got %+v, want %q", r, want)
	}
}

// inOrder checks that each message was sent once to each side, in seq order.
func inOrder(t *testing.T, out []delivered, want int) {
	t.Helper()
	last, messages := make(map[string]uint64), 0
	for _, d := range out {
		m, is := d.body.(*proto.Message)
		if !is {
			continue
		}
		messages++
		at := fmt.Sprint(d.user, m.GetSenderId())
		if m.GetSeq() != last[at]+1 {
			t.Fatalf("%d was sent %d of %d after %d", d.user, m.GetSeq(), m.GetSenderId(), last[at])
		}
		last[at] = m.GetSeq()
	}
	if messages != want {
		t.Errorf("%d messages were sent, want %d", messages, want)
	}
}

// down is a Store of which every transaction fails.
type down struct {
	chat.Store
	begins  bool // fails at the commit
	hangs   bool // until the context ends
	updates int
}

func (d *down) Update(ctx context.Context, change func(chat.Tx) error) error {
	d.updates++
	if d.hangs {
		<-ctx.Done()
		return ctx.Err()
	}
	if !d.begins {
		return errPoison
	}
	return d.Store.Update(ctx, func(tx chat.Tx) error { return errors.Join(change(tx), errPoison) })
}

func TestAStoreThatStoresNothingIsLeftAloneAfterAFewTries(t *testing.T) {
	const all = 256
	for _, test := range []struct {
		name    string
		store   down
		updates int // at most
	}{
		{"it does not begin", down{}, 1},
		{"it fails at each commit", down{begins: true}, 24},
		{"it hangs", down{hangs: true}, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			var log bytes.Buffer
			out := &outbox{t: t}
			test.store.Store = chattest.NewMemory(1)
			service, err := chat.New(chat.Config{Store: &test.store, Fanout: out, Log: slog.New(slog.NewTextHandler(&log, nil))})
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			if test.store.hangs {
				cancel()
			}
			defer cancel()
			for i, r := range service.Commit(ctx, batchOf(t, service, all)) {
				if refusal := refusalOf(t, r.Err); !refusal.Reason.Temporary() || r.Receipt != (chat.Receipt{}) {
					t.Fatalf("request %d: %+v", i, r)
				}
			}
			if test.store.updates > test.updates {
				t.Errorf("%d transactions were tried, want %d at most", test.store.updates, test.updates)
			}
			if lines := strings.Count(log.String(), "\n"); lines > 1 {
				t.Errorf("%d lines are logged, want 1 at most", lines)
			}
			same(t, "fan-out", out.take(), []delivered(nil))
		})
	}
}

// explosive is a Fanout that panics once.
type explosive struct {
	*outbox
	armed atomic.Bool
}

func (e *explosive) Publish(user uint64, branch proto.Branch, payload []byte) {
	if e.armed.CompareAndSwap(true, false) {
		panic("the fan-out failed")
	}
	e.outbox.Publish(user, branch, payload)
}

func TestTheCommitterOutlivesAPanic(t *testing.T) {
	out := &explosive{outbox: &outbox{t: t}}
	store := &poisoned{Store: chattest.NewMemory(1), how: "panic"}
	faults := fault.NewRecord(slog.New(slog.DiscardHandler))
	service, err := chat.New(chat.Config{Store: store, Fanout: out, Log: slog.New(slog.DiscardHandler), Faults: faults})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- service.Run(ctx) }()
	send := func(n uint64, content string) (chat.Receipt, error) {
		return service.Publish(t.Context(), chat.Sender{User: ada}, proto.BranchMessage, encode(t, with(text(bob, content), ref(n))), nil)
	}
	_, err = send(1, "poison")
	checkPoison(t, "panic", chat.Result{Err: err})
	out.armed.Store(true)
	if _, err := send(2, "food"); !refusalOf(t, err).Reason.Temporary() {
		t.Errorf("while the fan-out panics: %v", err)
	}
	if r, err := send(2, "food"); err != nil || r.Seq != 1 {
		t.Errorf("the same again: %+v, %v", r, err)
	}
	if r, err := send(3, "food"); err != nil || r.Seq != 2 {
		t.Errorf("afterwards: %+v, %v", r, err)
	}
	if n := faults.Count(); n != 2 {
		t.Errorf("%d panics are counted, want 2", n)
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
