package chat_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"parley/proto"
	"parley/server/chat"
	"parley/server/chat/chattest"
)

// watched is a Store that tells when a transaction is on disk, and fails on demand.
type watched struct {
	chat.Store
	committed func(seqs map[uint64]uint64) // message id → seq, of what was appended
	fail      atomic.Pointer[error]
	before    func() // called before each update, if not nil
}

func (w *watched) Update(ctx context.Context, change func(chat.Tx) error) error {
	if w.before != nil {
		w.before()
	}
	appended := make(map[uint64]uint64)
	err := w.Store.Update(ctx, func(tx chat.Tx) error {
		if err := change(appending{tx, appended}); err != nil {
			return err
		}
		if fail := w.fail.Load(); fail != nil {
			return *fail
		}
		return nil
	})
	if err == nil && w.committed != nil {
		w.committed(appended)
	}
	return err
}

type appending struct {
	chat.Tx
	seqs map[uint64]uint64
}

func (a appending) Append(e chat.Entry) error {
	a.seqs[e.ID] = e.Seq
	return a.Tx.Append(e)
}

// order checks, as things happen, that a message is delivered after it was
// committed, to each side once and in seq order.
type order struct {
	t         *testing.T
	mu        sync.Mutex
	committed map[uint64]uint64            // message id → seq
	delivered map[uint64]map[string]uint64 // user → key → newest seq
	count     map[uint64]int               // message id → deliveries
}

func (o *order) commit(seqs map[uint64]uint64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for id, seq := range seqs {
		o.committed[id] = seq
	}
}

func (o *order) PublishTo(context.Context, uint64, string, proto.Branch, []byte) error { return nil }

func (o *order) Publish(user uint64, branch proto.Branch, payload []byte) {
	var m proto.Message
	if err := proto.Unmarshal(payload, &m); err != nil || branch != proto.BranchMessage {
		o.t.Errorf("delivered on %s: %v", branch, err)
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.committed[m.GetMessageId()] != m.GetSeq() {
		o.t.Errorf("message %d was delivered before it was committed", m.GetMessageId())
	}
	key := proto.DirectKey(m.GetSenderId(), m.GetReceiverId()).String()
	if o.delivered[user] == nil {
		o.delivered[user] = make(map[string]uint64)
	}
	if last := o.delivered[user][key]; m.GetSeq() != last+1 {
		o.t.Errorf("user %d got seq %d of %s after %d", user, m.GetSeq(), key, last)
	}
	o.delivered[user][key] = m.GetSeq()
	o.count[m.GetMessageId()]++
}

func (o *order) acknowledged(r chat.Receipt) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.committed[r.MessageID] != r.Seq {
		o.t.Errorf("message %d was acknowledged before it was committed", r.MessageID)
	}
	if o.count[r.MessageID] != 2 {
		o.t.Errorf("message %d was delivered %d times before its acknowledgement, want once to each side", r.MessageID, o.count[r.MessageID])
	}
}

func TestManySendersAtOnceAreNumberedDenselyDeliveredInOrderAndAcknowledgedLast(t *testing.T) {
	onBothStores(t, func(t *testing.T, s chat.Store) {
		o := &order{t: t, committed: map[uint64]uint64{}, delivered: map[uint64]map[string]uint64{}, count: map[uint64]int{}}
		service, err := chat.New(chat.Config{Store: &watched{Store: s, committed: o.commit}, Fanout: o})
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- service.Run(ctx) }()

		const users, each = 16, 40
		var receipts sync.Map // key and seq → receipt
		var wg sync.WaitGroup
		for user := range uint64(users) {
			wg.Go(func() {
				for i := range uint64(each) {
					to := 1 + (user+1+i%3)%users
					payload := encode(t, with(text(to, "x"), ref(user*1000+i)))
					first, err := service.Publish(ctx, chat.Sender{User: 1 + user}, proto.BranchMessage, payload, nil)
					if err != nil {
						t.Error(err)
						return
					}
					o.acknowledged(first)
					if _, taken := receipts.LoadOrStore(fmt.Sprint(proto.DirectKey(1+user, to), first.Seq), first); taken {
						t.Errorf("seq %d was given twice", first.Seq)
					}
					again, err := service.Publish(ctx, chat.Sender{User: 1 + user}, proto.BranchMessage, payload, nil)
					if err != nil || again != first {
						t.Errorf("a repeat got %+v, %v, want %+v", again, err, first)
					}
				}
			})
		}
		wg.Wait()
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		var stored int
		for user := range uint64(users) {
			answer, err := service.Conversations(t.Context(), chat.Sender{User: 1 + user}, "")
			if err != nil {
				t.Fatal(err)
			}
			for _, row := range answer.GetConversations() {
				stored += int(row.GetHeadSeq())
				if got := o.delivered[1+user][row.GetKey()]; got != row.GetHeadSeq() {
					t.Errorf("user %d was delivered %d of %d in %s", 1+user, got, row.GetHeadSeq(), row.GetKey())
				}
			}
		}
		if stored != 2*users*each {
			t.Errorf("%d entries are stored, want %d", stored/2, users*each)
		}
	})
}

func TestAStoreThatFailsRefusesForNowAndDeliversNothing(t *testing.T) {
	onBothStores(t, func(t *testing.T, s chat.Store) {
		var log bytes.Buffer
		w, out := &watched{Store: s}, &outbox{t: t}
		service, err := chat.New(chat.Config{Store: w, Fanout: out, Log: slog.New(slog.NewTextHandler(&log, nil))})
		if err != nil {
			t.Fatal(err)
		}
		b := &bench{t: t, Service: service, out: out}
		full := errors.New("the disk is full")
		w.fail.Store(&full)
		message := encode(t, with(text(bob, "secret"), ref(1)))
		batch := []chat.Request{b.prepare(ada, proto.BranchMessage, message), b.prepare(bob, proto.BranchMessage, encode(t, text(ada, "secret")))}
		for _, r := range service.Commit(t.Context(), batch) {
			refusal := refusalOf(t, r.Err)
			if !refusal.Reason.Temporary() || !strings.Contains(refusal.Text, "not stored: try again") || r.Receipt != (chat.Receipt{}) {
				t.Errorf("got %+v", r)
			}
			if !errors.Is(r.Err, full) {
				t.Errorf("%v does not tell the cause", r.Err)
			}
		}
		same(t, "fan-out", out.take(), []delivered(nil))
		if lines := strings.Count(log.String(), "\n"); lines != 1 || !strings.Contains(log.String(), "the disk is full") || strings.Contains(log.String(), "secret") {
			t.Errorf("the log has %q", log.String())
		}
		w.fail.Store(nil)
		if r := service.Commit(t.Context(), batch)[0]; r.Err != nil || r.Receipt.Seq != 1 {
			t.Errorf("afterwards: %+v", r)
		}
		if n := len(out.take()); n != 4 {
			t.Errorf("%d deliveries afterwards, want 4", n)
		}
	})
}

// Nobody is told that something was not stored of which nobody knows that.
func TestAnUnknownEndIsNotToldAsRefused(t *testing.T) {
	w, out := &watched{Store: chattest.NewMemory(1)}, &outbox{t: t}
	service, err := chat.New(chat.Config{Store: w, Fanout: out, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{t: t, Service: service, out: out}
	unknown, tries := fmt.Errorf("the connection broke: %w", chat.ErrUnknown), 0
	w.fail.Store(&unknown)
	w.before = func() { tries++ }
	batch := []chat.Request{b.prepare(ada, proto.BranchMessage, encode(t, text(bob, "a"))), b.prepare(bob, proto.BranchMessage, encode(t, text(ada, "b")))}
	for _, r := range service.Commit(t.Context(), batch) {
		if refusal := refusalOf(t, r.Err); refusal.Code != "no-answer" || !refusal.Reason.Temporary() {
			t.Errorf("got %v, want that there is no answer yet", r.Err)
		}
	}
	if tries != 1 {
		t.Errorf("%d transactions were tried, want 1: the second might store what the first did", tries)
	}
}

func TestReadsThatFailAreRefusedForNow(t *testing.T) {
	b := start(t, chattest.NewMemory(1))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, errMessages := b.Messages(ctx, chat.Sender{User: ada}, proto.DirectKey(ada, bob), chat.Window{Limit: 10})
	_, errConversations := b.Conversations(ctx, chat.Sender{User: ada}, "")
	_, errUsers := b.Users(ctx, chat.UserQuery{Text: "a", Limit: 10})
	_, errSync := b.Publish(ctx, chat.Sender{User: ada}, proto.BranchSync, nil, nil)
	errSeen := b.Seen(ctx, chat.User{ID: ada}, chat.Credential{})
	for _, err := range []error{errMessages, errConversations, errUsers, errSync, errSeen} {
		if r := refusalOf(t, err); !r.Reason.Temporary() || !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	}
}

func TestWhatWasAcceptedIsCommittedBeforeRunReturns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		enter, leave := make(chan struct{}, 100), make(chan struct{})
		w := &watched{Store: chattest.NewMemory(1), before: func() { enter <- struct{}{}; <-leave }}
		service, err := chat.New(chat.Config{Store: w, Fanout: &outbox{t: t}})
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- service.Run(ctx) }()

		const senders = 20
		results := make(chan error, senders)
		publish := func(i uint64) error {
			_, err := service.Publish(t.Context(), chat.Sender{User: ada}, proto.BranchMessage, encode(t, with(text(bob, "x"), ref(i))), nil)
			return err
		}
		go func() { results <- publish(0) }()
		<-enter // the first is being committed
		for i := range uint64(senders - 1) {
			go func() { results <- publish(1 + i) }()
		}
		synctest.Wait() // the others are queued
		stop()
		synctest.Wait()
		close(leave)
		if err := <-ended; err != nil {
			t.Error(err)
		}
		for range senders {
			if err := <-results; err != nil {
				t.Errorf("an accepted message was not stored: %v", err)
			}
		}
		if r := refusalOf(t, publish(senders)); r.Reason != proto.ServerShuttingDown {
			t.Errorf("after the end: %v", r)
		}
		answer, err := service.Conversations(t.Context(), chat.Sender{User: ada}, "")
		if err != nil {
			t.Fatal(err)
		}
		same(t, "stored", answer.GetConversations()[0].GetHeadSeq(), uint64(senders))
	})
}

// Who was just answered sends again a moment later, and shares a commit with the others
// who do: each has its sync. Nobody waits long for who does not.
func TestThoseWhoWereAnsweredShareTheNextCommit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const took = 8 * time.Millisecond
		commits := 0
		w := &watched{Store: chattest.NewMemory(1), before: func() { time.Sleep(took); commits++ }}
		b := start(t, w)
		var senders sync.WaitGroup
		sendAfter := func(pause time.Duration) {
			senders.Go(func() {
				time.Sleep(pause)
				if _, err := b.Publish(t.Context(), chat.Sender{User: ada}, proto.BranchMessage, encode(t, text(bob, "x")), nil); err != nil {
					t.Error(err)
				}
			})
		}
		for _, step := range []struct {
			name    string
			pauses  []time.Duration
			commits int
			took    time.Duration
		}{
			{"one, and two while it is committed", []time.Duration{0, took / 2, took / 2}, 2, 2 * took},
			{"two who were answered together", []time.Duration{0, took / 16}, 1, took/16 + took},
			{"one of them", []time.Duration{0}, 1, took/8 + took},
			{"one alone", []time.Duration{0}, 1, took},
		} {
			before, began := commits, time.Now()
			for _, pause := range step.pauses {
				sendAfter(pause)
			}
			senders.Wait()
			if n := commits - before; n != step.commits || time.Since(began) != step.took {
				t.Errorf("%s: %d commits in %v, want %d in %v", step.name, n, time.Since(began), step.commits, step.took)
			}
		}
	})
}

func TestAPublishEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := prepared(t, chattest.NewMemory(1)) // nobody commits
		ctx, cancel := context.WithCancel(t.Context())
		const many = 1500 // more than are queued
		results := make(chan error, many)
		for range many {
			go func() {
				_, err := b.Publish(ctx, chat.Sender{User: ada}, proto.BranchMessage, encode(t, text(bob, "x")), nil)
				results <- err
			}()
		}
		synctest.Wait()
		cancel()
		for range many {
			err := <-results
			if r := refusalOf(t, err); !r.Reason.Temporary() || !errors.Is(err, context.Canceled) {
				t.Errorf("got %v", err)
			}
		}
	})
}

// late is a store that commits when nobody waits for the answer any more.
type late struct {
	chat.Store
	asks context.Context
}

func (s late) Update(ctx context.Context, apply func(chat.Tx) error) error {
	<-s.asks.Done()
	return s.Store.Update(ctx, apply)
}

// Whoever gives up has no answer, not half of one that is being written: the race detector would tell.
func TestWhoeverGivesUpReadsNoAnswer(t *testing.T) {
	agent := chat.Sender{User: ada, Services: []proto.ServiceType{1}}
	for name, ask := range map[string]func(context.Context, *chat.Service) error{
		"device": func(ctx context.Context, s *chat.Service) error {
			_, err := s.EndDevice(ctx, ada, 1)
			return err
		},
		"code": func(ctx context.Context, s *chat.Service) error {
			_, err := s.PutCode(ctx, chat.Credential{}, chat.Code{User: ada, Kind: chat.LinkCode})
			return err
		},
		"canned reply": func(ctx context.Context, s *chat.Service) error {
			_, err := s.AddReply(ctx, agent, chat.Reply{Service: 1, Title: "Hello", Content: "Hello"})
			return err
		},
		"group": func(ctx context.Context, s *chat.Service) error {
			_, _, err := s.ChangeGroup(ctx, chat.Sender{User: ada}, chat.GroupChange{Type: proto.MessageType_MESSAGE_TYPE_GROUP_CREATE, Content: "All"})
			return err
		},
		"upload": func(ctx context.Context, s *chat.Service) error {
			_, err := s.EndUpload(ctx, 1)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				asks, giveUp := context.WithCancel(t.Context())
				b := prepared(t, late{chattest.NewMemory(1), asks})
				ctx, cancel := context.WithCancel(t.Context())
				ended, asked := make(chan error, 1), make(chan error, 1)
				go func() { ended <- b.Run(ctx) }()
				go func() { asked <- ask(asks, b.Service) }()
				synctest.Wait()
				giveUp()
				if err := <-asked; err == nil {
					t.Error("there was an answer")
				}
				cancel()
				if err := <-ended; err != nil {
					t.Error(err)
				}
			})
		})
	}
}

func TestACommitterIsStartedOnce(t *testing.T) {
	b := prepared(t, chattest.NewMemory(1))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := b.Run(ctx); err != nil {
		t.Error(err)
	}
	if err := b.Run(ctx); err == nil {
		t.Error("it ran twice")
	}
}

func TestAServiceNeedsItsParts(t *testing.T) {
	for name, c := range map[string]chat.Config{
		"no store":  {Fanout: &outbox{t: t}},
		"no fanout": {Store: chattest.NewMemory(1)},
		"bad node":  {Store: chattest.NewMemory(1), Fanout: &outbox{t: t}, Node: proto.MaxNode + 1},
	} {
		if _, err := chat.New(c); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	closed := chattest.NewMemory(1)
	if err := closed.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := chat.New(chat.Config{Store: closed, Fanout: &outbox{t: t}}); err == nil {
		t.Error("closed store: no error")
	}
}
