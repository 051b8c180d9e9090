package chat_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	pb "google.golang.org/protobuf/proto"

	"parley/proto"
	"parley/wasm/chat"
	"parley/wasm/chat/chattest"
)

// slow is a store that gives one row after another, but those on top.
type slow struct {
	*losing
	err  error // of rows
	next func(after string)
	rows func([]chat.Row) // that were read
}

func (s *slow) Rows(ctx context.Context, after string, _ int) ([]chat.Row, error) {
	if s.next != nil {
		s.next(after)
	}
	switch {
	case s.used():
		return nil, chat.ErrReopened
	case s.err != nil:
		return nil, s.err
	}
	rows, err := s.Memory.Rows(ctx, after, 1)
	if s.rows != nil {
		s.rows(rows)
	}
	return rows, err
}

// friends are many more than are loaded first; the one with the highest number wrote last.
const friends = 70

func friend(i int) uint64 { return 1000 + uint64(i) }

func friendKey(i int) string { return proto.DirectKey(alice, friend(i)).String() }

// storedRows is a store with a message of each of alice's friends, which an engine left there.
func storedRows(t *testing.T) (*chattest.Clock, *server, *slow) {
	t.Helper()
	clock, s := setup(t)
	store := &slow{losing: &losing{Memory: chat.NewMemory()}}
	a := open(t, s, alice, store)
	clock.Run(time.Second)
	for i := range friends {
		s.say(friend(i), alice, fmt.Sprint("I am ", i))
	}
	clock.Run(5 * time.Minute) // and all of that is behind the token of the last answer
	if len(a.list) != friends {
		t.Fatalf("alice has %d conversations", len(a.list))
	}
	a.host.Kill()
	s.sessions = nil
	return clock, s, store
}

func TestWhatAListShowsFirstIsLoadedFirst(t *testing.T) {
	clock, s, store := storedRows(t)
	s.say(friend(3), alice, "not told yet")
	var first []chat.Conversation
	a := openWith(t, s, chat.Config{User: alice, Store: store, Grace: time.Second})
	for len(first) == 0 && clock.Step() {
		first = a.engine.Conversations()
	}
	if len(first) < 50 || len(first) >= friends || first[0].Key != friendKey(friends-1) || first[49].Key != friendKey(friends-50) {
		t.Fatalf("%d came first: %v", len(first), first)
	}
	told := 0
	for a.engine.Connection().Opening {
		if told = len(a.states); len(s.sessions) != 0 {
			t.Fatal("connected before all rows were there")
		}
		clock.Step()
	}
	if len(a.states) == told || a.connection.Opening {
		t.Error("it was not told that all are there")
	}
	if n := len(a.engine.Conversations()); n != friends || len(a.list) < friends-50 {
		t.Errorf("then there are %d, and %d were told of", n, len(a.list))
	}
	clock.Run(time.Minute)
	if got := a.list[friendKey(3)]; got.Head != 2 || got.Unread != 2 {
		t.Errorf("online: %+v", got)
	}
	if rows, err := store.Rows(t.Context(), "", 1); err != nil || len(rows) != 1 {
		t.Error(rows, err)
	}
}

func TestAConversationIsShownAsSoonAsItsRowIsThere(t *testing.T) {
	clock, s, store := storedRows(t)
	s.down = true
	a := openWith(t, s, chat.Config{User: alice, Store: store})
	for len(a.engine.Conversations()) == 0 {
		clock.Step()
	}
	opening := map[int]bool{}
	for _, i := range []int{friends - 1, 0} {
		a.engine.Timeline(friendKey(i), 0, 50, func(shown chat.Timeline, err error) {
			opening[i] = a.engine.Connection().Opening
			if err != nil || len(shown.Messages) != 1 || shown.Messages[0].Content != fmt.Sprint("I am ", i) {
				t.Errorf("%d: %+v, %v", i, shown, err)
			}
		})
	}
	var marked, sent error = errors.New("not marked"), errors.New("not sent")
	a.engine.MarkRead(friendKey(1), 1, func(err error) { marked = err })
	a.engine.Send(friendKey(2), chat.Draft{Content: "early"}, func(err error) { sent = err })
	clock.Run(time.Second)
	if len(opening) != 2 || !opening[friends-1] || opening[0] {
		t.Errorf("while it was opened were shown %v", opening)
	}
	if marked != nil || sent != nil || a.list[friendKey(1)].Unread != 0 || a.list[friendKey(2)].Head != 1 {
		t.Errorf("%v, %v; %+v, %+v", marked, sent, a.list[friendKey(1)], a.list[friendKey(2)])
	}
	a.host.Kill()

	again := openWith(t, s, chat.Config{User: alice, Store: store}) // what waits comes first
	for len(again.engine.Conversations()) == 0 {
		clock.Step()
	}
	if first := again.engine.Conversations(); first[0].Key != friendKey(2) || first[0].Head != 1 || first[0].Last.Content != "early" {
		t.Errorf("first comes %+v", first[0])
	}
}

// crammed is a store without room until something goes.
type crammed struct {
	*slow
	gone []string
}

func (c *crammed) Apply(ctx context.Context, b chat.Batch) error {
	for _, d := range b.Deleted {
		c.gone = append(c.gone, d.Key)
	}
	if len(c.gone) == 0 && !b.Empty() {
		return chat.ErrFull
	}
	return c.slow.Apply(ctx, b)
}

func TestWhatMakesRoomIsChosenOnceAllRowsAreThere(t *testing.T) {
	clock, s, stored := storedRows(t)
	s.down = true
	store := &crammed{slow: stored}
	a := openWith(t, s, chat.Config{User: alice, Store: store})
	for len(a.engine.Conversations()) == 0 {
		clock.Step()
	}
	a.engine.Timeline(friendKey(friends-1), 0, 50, func(chat.Timeline, error) {}) // that it was opened is stored
	opening := 0
	for ; a.engine.Connection().Opening; opening++ {
		if clock.Step(); len(store.gone) > 0 {
			t.Fatalf("%q makes room, though not all that is stored is known", store.gone)
		}
	}
	clock.Run(time.Second)
	if opening < friends-50 || len(store.gone) == 0 || store.gone[0] != friendKey(0) {
		t.Errorf("after %d steps %q makes room, want %s first", opening, store.gone, friendKey(0))
	}
}

func TestARowThatCannotBeReadTheServerIsAskedFor(t *testing.T) {
	clock, s, store := storedRows(t)
	store.err = errors.New("the disk is broken")
	a := openWith(t, s, chat.Config{User: alice, Store: store})
	clock.Run(time.Minute)
	if len(a.errors) != 1 || !errors.Is(a.errors[0], store.err) {
		t.Errorf("told of %v", a.errors)
	}
	if got := a.engine.Conversations(); len(got) != friends || got[friends-1].Unread != 1 || a.connection.State != chat.Live || a.connection.Opening {
		t.Errorf("%d conversations, %+v", len(got), a.connection)
	}
}

// It finds nothing that is on top, and gives all at once.
func TestAStoreOfAnEarlierVersionIsToldWhatIsOnTop(t *testing.T) {
	clock, s, store := storedRows(t)
	rows, err := store.Memory.Rows(t.Context(), "", 1000)
	if err != nil {
		t.Fatal(err)
	}
	earlier := chat.NewMemory()
	if err := earlier.Apply(t.Context(), chat.Batch{Meta: &chat.Meta{Epoch: s.epoch, SyncToken: "1", Device: "device"}, Conversations: rows}); err != nil {
		t.Fatal(err)
	}
	store.Memory, s.down = earlier, true
	a := openWith(t, s, chat.Config{User: alice, Store: store})
	for len(a.engine.Conversations()) == 0 {
		clock.Step()
	}
	if n := len(a.engine.Conversations()); n != friends || a.engine.Connection().Opening {
		t.Errorf("%d came first", n)
	}
	clock.Run(time.Second)
	if n := len(store.top(t)); n != 50 {
		t.Errorf("%d are on top", n)
	}
}

// Rows that were read before are of what is gone, where something else noticed that first.
func TestRowsOfAStoreThatIsGoneAreNotTakenIn(t *testing.T) {
	clock, s, store := storedRows(t)
	a := openWith(t, s, chat.Config{User: alice, Store: store})
	store.rows = func(rows []chat.Row) {
		if len(rows) == 0 || rows[0].Key != friendKey(5) {
			return
		}
		store.rows = nil
		store.Memory, store.lost = chat.NewMemory(), true
		quick := a.host.Latency
		a.host.Latency = func() time.Duration { // of their report
			a.host.Latency = quick
			return 100 * time.Millisecond
		}
		a.host.Post(func() { a.engine.MarkRead(friendKey(friends-1), 1, func(error) {}) })
	}
	clock.Run(time.Minute)
	if store.rows != nil || len(a.engine.Conversations()) != friends {
		t.Errorf("%d conversations", len(a.engine.Conversations()))
	}
	store.claimsNothing(t)
}

// claimsNothing wants no range to claim what is not there.
func (s *slow) claimsNothing(t *testing.T) {
	t.Helper()
	rows, err := s.Memory.Rows(t.Context(), "", 1000)
	if err != nil || len(rows) != friends {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	for _, row := range rows {
		entries, err := s.Memory.Messages(t.Context(), row.Key, 1, 100)
		if err != nil || len(row.Ranges) > len(entries) {
			t.Errorf("%s claims %v and has %d, %v", row.Key, row.Ranges, len(entries), err)
		}
	}
}

func TestAStoreThatIsLostWhileItIsLoadedIsAskedAgainOrFilledAgain(t *testing.T) {
	for name, emptied := range map[string]bool{"with all that was there": false, "with nothing": true} {
		t.Run(name, func(t *testing.T) {
			clock, s, store := storedRows(t)
			store.next = func(after string) {
				if after == "" {
					return
				}
				store.next = nil
				store.lost = true
				if emptied {
					store.Memory = chat.NewMemory()
				}
			}
			a := openWith(t, s, chat.Config{User: alice, Store: store})
			clock.Run(time.Minute)
			if got := a.engine.Conversations(); len(got) != friends || emptied != (len(a.errors) == 1) || len(a.errors) > 1 || a.connection.State != chat.Live {
				t.Errorf("%d conversations, told of %v, %+v", len(got), a.errors, a.connection)
			}
			a.host.Kill()
			store.claimsNothing(t)
			if top := store.top(t); len(top) != 50 {
				t.Errorf("%d are on top", len(top))
			}
		})
	}
}

func TestAnEngineThatIsClosedWhileItLoadsAnswersWhatWaits(t *testing.T) {
	clock, s, store := storedRows(t)
	a := openWith(t, s, chat.Config{User: alice, Store: store})
	for len(a.engine.Conversations()) == 0 {
		clock.Step()
	}
	var refused error
	closed := false
	a.engine.Send(friendKey(2), chat.Draft{Content: "late"}, func(err error) { refused = err })
	a.engine.Close(func() { closed = true })
	clock.Run(time.Minute)
	if !closed || refused == nil || len(s.sessions) != 0 {
		t.Errorf("closed %v, %v, %d sessions", closed, refused, len(s.sessions))
	}
}

// tell tells the newest session rows that it did not ask for.
func (s *server) tell(rows ...*proto.ConversationState) {
	s.sessions[len(s.sessions)-1].down(proto.BranchUnread, marshal(&proto.BaseUserUnreadStatics{Epoch: &s.epoch, Token: new(string), Conversations: rows}))
}

// top is what a store is to load first.
func (s *slow) top(t *testing.T) []string {
	t.Helper()
	snapshot, err := s.Memory.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return snapshot.Top
}

func TestWhatIsPinnedOnScreenOrNewComesOnTopAndWhatIsArchivedGoes(t *testing.T) {
	clock, s, store := storedRows(t)
	a := openWith(t, s, chat.Config{User: alice, Store: store})
	clock.Run(time.Second)
	on := func(what string, i int, want bool) {
		t.Helper()
		clock.Run(time.Second)
		if top := store.top(t); slices.Contains(top, friendKey(i)) != want {
			t.Errorf("%s: %d is on top: %v, want %v", what, i, !want, want)
		}
	}
	on("at first", 0, false)
	on("at first", friends-50, true)
	a.engine.Show(1, friendKey(0))
	a.engine.Timeline(friendKey(0), 0, 50, func(chat.Timeline, error) {})
	on("on screen", 0, true)
	a.engine.Show(1, "")
	s.say(friend(5), alice, "new")
	on("not on screen any more", 0, false)
	on("with something new", 5, true)
	on("one further down for that", friends-50, false)
	row := func(i int, change func(*proto.ConversationState)) {
		k := proto.DirectKey(alice, friend(i))
		state := s.state(alice, k, s.logs[k.String()])
		change(state)
		s.tell(state)
	}
	row(1, func(c *proto.ConversationState) { c.Pinned = pb.Bool(true) })
	on("pinned", 1, true)
	on("further down for that", friends-49, false)
	row(1, func(c *proto.ConversationState) { c.ArchivedThrough = pb.Uint64(1) })
	on("archived", 1, false)
	on("in its place", friends-49, true)
}

func TestWhoWaitsLongestInAnAgentsQueueComesOnTop(t *testing.T) {
	clock, s := setup(t)
	store := &slow{losing: &losing{Memory: chat.NewMemory()}}
	a := openWith(t, s, chat.Config{User: alice, Store: store})
	clock.Run(time.Second)
	a.engine.SetToken(chat.Token{Text: "agent's", Services: []proto.ServiceType{7}})
	clock.Run(time.Second)
	var rows []*proto.ConversationState
	for i := range uint64(friends) {
		key := proto.ServiceKey(friend(int(i)), 7).String()
		rows = append(rows, &proto.ConversationState{Key: &key, HeadSeq: pb.Uint64(1), WaitingSeq: pb.Uint64(1), WaitingSince: pb.Uint64(1000 - i),
			AwaitingSince: new(uint64), ReadSeq: new(uint64), DeliveredSeq: new(uint64), PeerReadSeq: new(uint64), PeerDeliveredSeq: new(uint64), Unread: new(uint64)})
	}
	s.tell(rows...)
	clock.Run(time.Minute)
	top := store.top(t)
	if len(top) != 50 || slices.Contains(top, rows[0].GetKey()) || !slices.Contains(top, rows[friends-1].GetKey()) || !slices.Contains(top, rows[friends-50].GetKey()) {
		t.Errorf("on top are %d: %q", len(top), top)
	}
}

// spoiltRows has rows that cannot be read.
type spoiltRows struct {
	*slow
	all bool
}

func (s *spoiltRows) Rows(ctx context.Context, after string, limit int) ([]chat.Row, error) {
	rows, err := s.slow.Rows(ctx, after, limit)
	if err != nil || len(rows) == 0 {
		return rows, err
	}
	damage, kept := chat.Damage{Conversations: []string{rows[len(rows)-1].Key}}, rows[:len(rows)-1]
	if s.all {
		for _, row := range kept {
			damage.Conversations = append(damage.Conversations, row.Key)
		}
		kept = nil
	}
	return kept, &damage
}

func TestRowsThatCannotBeReadAreToldByTheServer(t *testing.T) {
	for name, all := range map[string]bool{"the last of each slice": false, "all": true} {
		t.Run(name, func(t *testing.T) {
			clock, s, store := storedRows(t)
			a := openWith(t, s, chat.Config{User: alice, Store: &spoiltRows{store, all}})
			clock.Run(time.Minute)
			if got := a.engine.Conversations(); len(got) != friends || len(a.errors) != 1 || a.connection.State != chat.Live {
				t.Errorf("%d conversations, told of %v, %+v", len(got), a.errors, a.connection)
			}
			a.host.Kill()
			store.claimsNothing(t)
		})
	}
}
