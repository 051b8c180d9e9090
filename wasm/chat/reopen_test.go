package chat_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"parley/wasm/chat"
	"parley/wasm/chat/chattest"
)

// losing is a Store that can lose what it has open, and opens it again at the
// next call, as IndexedDB does.
type losing struct {
	*chat.Memory
	lost bool // and opened again, and not loaded since
	told func()
	err  error // why it cannot be opened again; nil if it can
	each bool  // each read and each write loses it
	uses int   // reads and writes
}

func (l *losing) Watch(lost func()) { l.told = lost }

// lose closes it; now is what is there afterwards.
func (l *losing) lose(now *chat.Memory) {
	l.Memory, l.lost = now, true
	l.told()
}

func (l *losing) Load(ctx context.Context) (chat.Snapshot, error) {
	if l.err != nil {
		return chat.Snapshot{}, l.err
	}
	l.lost = false
	return l.Memory.Load(ctx)
}

func (l *losing) Messages(ctx context.Context, key string, from, to uint64) ([]chat.Entry, error) {
	if l.used() {
		return nil, chat.ErrReopened
	}
	return l.Memory.Messages(ctx, key, from, to)
}

func (l *losing) Apply(ctx context.Context, b chat.Batch) error {
	if l.used() {
		return chat.ErrReopened
	}
	return l.Memory.Apply(ctx, b)
}

// openLosing opens an engine on such a store, with messages in it.
func openLosing(t *testing.T, messages ...string) (*chattest.Clock, *server, *losing, *screen) {
	t.Helper()
	clock, s := setup(t)
	store := &losing{Memory: chat.NewMemory()}
	a := open(t, s, alice, store)
	for _, content := range messages {
		s.say(bob, alice, content)
	}
	clock.Run(time.Second)
	return clock, s, store, a
}

// isStored wants the store to hold what the engine is, and as many unconfirmed messages.
func (l *losing) isStored(t *testing.T, unconfirmed int) {
	t.Helper()
	snapshot, err := l.Memory.Load(t.Context())
	if err != nil || len(snapshot.Outbox) != unconfirmed || snapshot.Meta.Device == "" {
		t.Errorf("the store has %+v, %v", snapshot, err)
	}
}

// used reports whether the store was found lost.
func (l *losing) used() bool {
	l.uses++
	return l.lost || l.each
}

func TestAStoreThatWasEmptiedIsGivenEverythingAgain(t *testing.T) {
	clock, s := setup(t)
	store := &losing{Memory: chat.NewMemory()}
	a := open(t, s, alice, store)
	clock.Run(time.Second)
	s.say(bob, alice, "before")
	a.send("sent")
	clock.Run(time.Second)
	s.down = true
	s.cut(errors.New("connection reset"))
	clock.Run(time.Second)
	a.send("waits")
	clock.Run(time.Second)

	store.lose(chat.NewMemory())
	clock.Run(time.Second)
	a.host.Kill() // nothing was done since, so that only the store itself could tell

	again := openOffline(t, s, alice, store.Memory)
	want(t, "what can be had offline", again.text(), "waits/pending")
	s.down = false
	clock.Run(time.Minute)
	again.shown = nil
	again.timeline(0, 50)
	clock.Run(time.Second)
	want(t, "online", again.text(), "before sent/sent waits/sent")
	if n := len(s.logs[key]); n != 3 {
		t.Errorf("the server has %d messages, want 3", n)
	}
}

func TestWhatWasStoredIsFetchedAgainIfTheStoreWasEmptiedAndThePersonToldOnce(t *testing.T) {
	clock, s, store, a := openLosing(t, "1", "2")
	for range 2 {
		store.lose(chat.NewMemory())
		clock.Run(time.Second)
	}
	if len(a.errors) != 1 || chat.ReasonOf(a.errors[0]).Code != "storage-deleted" {
		t.Errorf("told of %v, want it once", a.errors)
	}
	a.host.Kill()
	want(t, "what can be had offline", openOffline(t, s, alice, store.Memory).text(), "1 2")
}

func TestASendThatFindsTheStoreEmptiedIsStored(t *testing.T) {
	clock, s := setup(t)
	s.down = true
	store := &losing{Memory: chat.NewMemory()}
	a := open(t, s, alice, store)
	clock.Run(time.Second)
	store.Memory, store.lost = chat.NewMemory(), true
	a.send("first")
	a.send("second")
	clock.Run(time.Second)
	want(t, "screen", a.text(), "first/pending second/pending")
	store.isStored(t, 2)
}

func TestAConversationIsReadFromTheServerIfTheStoreWasEmptied(t *testing.T) {
	clock, _, store, a := openLosing(t, "1", "2")
	store.Memory, store.lost = chat.NewMemory(), true
	page := a.timeline(0, 50)
	clock.Run(time.Second)
	want(t, "answer", text(page.Messages), "1 2")
	if entries, err := store.Memory.Messages(t.Context(), key, 1, 2); err != nil || len(entries) != 2 {
		t.Errorf("stored are %d, %v", len(entries), err)
	}
}

// A read finds that the store is another; what is written before the engine knows what is there must not claim that what it
// knows is.
func TestWhatIsWrittenWhileAStoreIsLoadedAgainClaimsNothingThatIsGone(t *testing.T) {
	for ms := range 50 {
		clock, s, store, a := openLosing(t, "1", "2")
		a.host.Latency = func() time.Duration { return 10 * time.Millisecond }
		store.Memory, store.lost = chat.NewMemory(), true
		a.engine.Message(key, 1, func(*chat.Message, error) {})
		clock.Run(time.Duration(ms) * time.Millisecond)
		s.say(bob, alice, "3")
		clock.Run(6 * time.Millisecond)
		a.send("sent")
		for range 200 {
			clock.Run(time.Millisecond)
			for _, row := range load(t, store.Memory).Conversations {
				entries, err := store.Memory.Messages(t.Context(), key, 1, 10)
				var claimed uint64
				for _, r := range row.Ranges {
					claimed += r.To - r.From + 1
				}
				if err != nil || claimed != uint64(len(entries)) {
					t.Fatalf("%d ms after the read %v is said to be stored, and there are %d entries, %v", ms, row.Ranges, len(entries), err)
				}
			}
		}
		a.host.Kill()
		want(t, "stored", openOffline(t, s, alice, store.Memory).text(), "1 2 3 sent/sent")
	}
}

func TestWhatAnEmptiedStoreCannotGiveIsSaidToBeMissing(t *testing.T) {
	clock, s, store, a := openLosing(t, "1")
	store.Memory, store.lost = chat.NewMemory(), true
	s.refuseHistory = errors.New("the server is busy")
	page := a.timeline(0, 50)
	clock.Run(time.Minute)
	if text(page.Messages) != "" || page.Incomplete == "" {
		t.Errorf("the answer is %q, incomplete for %q", text(page.Messages), page.Incomplete)
	}
}

func TestAStoreThatWasOnlyClosedKeepsWhatItHas(t *testing.T) {
	clock, s, store, a := openLosing(t, "1")
	asked := len(s.requests)
	store.lose(store.Memory)
	a.send("2")
	clock.Run(time.Second)
	page := a.timeline(0, 50)
	clock.Run(time.Second)
	want(t, "answer", text(page.Messages), "1 2/sent")
	if n := len(s.requests); n != asked {
		t.Errorf("the history was asked %d times for what is stored", n-asked)
	}
}

func TestWhatMeetsAStoreThatWasOnlyClosedIsStored(t *testing.T) {
	clock, s, store, a := openLosing(t, "1")
	store.lost = true
	s.say(bob, alice, "2")
	clock.Run(100 * time.Millisecond)
	a.host.Kill()
	want(t, "stored", openOffline(t, s, alice, store.Memory).text(), "1 2")
}

func TestAStoreThatCannotBeOpenedAgainIsToldAndTriedAgain(t *testing.T) {
	clock, s := setup(t)
	s.down = true
	store := &losing{Memory: chat.NewMemory()}
	a := open(t, s, alice, store)
	clock.Run(time.Second)
	store.err = errors.New("the browser refuses storage")
	store.lose(chat.NewMemory())
	clock.Run(time.Second)
	if len(a.errors) == 0 || !errors.Is(a.errors[0], store.err) {
		t.Errorf("told of %v", a.errors)
	}
	store.err = nil
	clock.Run(time.Minute)
	store.isStored(t, 0)
}

// What is written stands in the list, what is read comes from the server, and it is said as long as it is so.
func TestWhereTheStoreCanDoNothingForAWhileItGoesOnInMemory(t *testing.T) {
	for name, test := range map[string]struct {
		breaks, mends func(*losing)
	}{
		"lost at each use": {func(l *losing) { l.each = true }, func(l *losing) { l.each = false }},
		"not to be opened": {func(l *losing) {
			l.err = fmt.Errorf("open it: %w", chat.ErrFailed)
			l.lose(l.Memory)
		}, func(l *losing) { l.err = nil }},
	} {
		t.Run(name, func(t *testing.T) {
			clock, s, store, a := openLosing(t, "1")
			test.breaks(store)
			a.send("2")
			s.say(bob, alice, "3")
			used := store.uses
			clock.Run(time.Second)
			want(t, "screen", a.text(), "1 3 2/sent")
			if n := store.uses - used; n > 10 {
				t.Errorf("it was tried %d times in a second", n)
			}
			page := a.timeline(0, 50)
			clock.Run(time.Second)
			want(t, "answer", text(page.Messages), "1 3 2/sent")
			s.down = true
			s.cut(errors.New("connection reset"))
			a.send("4")
			clock.Run(20 * time.Second)
			want(t, "screen, offline", a.text(), "1 3 2/sent 4/pending")
			if a.connection.MemoryOnlyCode != "storage-failed" || len(a.errors) > 0 {
				t.Errorf("it is said %q, and that %v", a.connection.MemoryOnlyCode, a.errors)
			}
			test.mends(store)
			clock.Run(5 * time.Second)
			if a.connection.MemoryOnly != "" {
				t.Errorf("then it is said %q", a.connection.MemoryOnly)
			}
			a.host.Kill()
			want(t, "stored", openOffline(t, s, alice, store.Memory).text(), "1 3 2/sent 4/pending")
		})
	}
}

// What the server has, and did not tell of, is read with the rest, and then known.
func TestWhatIsReadFromTheServerCanBeMarkedAsRead(t *testing.T) {
	clock, s, store, a := openLosing(t, "1")
	store.each = true
	a.send("2")
	clock.Run(time.Second)
	s.dropDeliver = func(uint64) bool { return true }
	s.say(bob, alice, "3")
	page := a.timeline(0, 50)
	clock.Run(time.Second)
	want(t, "answer", text(page.Messages), "1 2/sent 3")
	refused := errors.New("not answered")
	a.engine.MarkRead(page.Key, page.Messages[len(page.Messages)-1].Seq, func(err error) { refused = err })
	clock.Run(time.Second)
	if refused != nil {
		t.Errorf("what was shown is not to be marked as read: %v", refused)
	}
}

func TestWhatAnotherEngineStoredIsNotOverwritten(t *testing.T) {
	clock, _, store, a := openLosing(t, "1")
	other := chat.NewMemory()
	theirs := chat.Batch{Meta: &chat.Meta{Device: "another"}, Outbox: []chat.Outgoing{{Number: 1, Key: key, Body: []byte("x")}}}
	if err := other.Apply(t.Context(), theirs); err != nil {
		t.Fatal(err)
	}
	store.lose(other)
	clock.Run(time.Second)
	var refused error
	a.engine.Send(key, chat.Draft{Content: "2"}, func(err error) { refused = err })
	clock.Run(time.Minute)
	snapshot, err := other.Load(t.Context())
	if err != nil || snapshot.Meta.Device != "another" || len(snapshot.Conversations) != 0 || string(snapshot.Outbox[0].Body) != "x" {
		t.Errorf("the other's store has %+v, %v", snapshot, err)
	}
	if len(a.errors) == 0 || refused == nil {
		t.Errorf("told of %v, and the send of %v", a.errors, refused)
	}
}
