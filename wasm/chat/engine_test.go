package chat_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"parley/proto"
	"parley/wasm/chat"
	"parley/wasm/chat/chattest"
)

const (
	alice uint64 = 1<<63 + 1
	bob   uint64 = 1<<53 + 1
)

var key = proto.DirectKey(alice, bob).String()

// screen is what one person sees: it merges what the observer is told, as a page does.
type screen struct {
	t          *testing.T
	engine     *chat.Engine
	host       *chattest.Host
	shown      []chat.Message
	told       chat.Message // of it last
	list       map[string]chat.Conversation
	connection chat.Connection
	states     []chat.ConnectionState
	settings   []chat.Settings
	kept       []chat.Keeping
	tokens     int
	stale      string // the token of which the last of these was said
	users      []chat.Token
	resets     int
	typing     map[uint64]bool // who types
	blind      bool            // to messages: merging thousands takes time
	gone       []string        // refs of messages that were deleted
	errors     []error
	group      chat.Group // of which was told last
}

// open starts an engine for a user, on a store that may hold an earlier run.
func open(t *testing.T, s *server, user uint64, store chat.Store) *screen {
	t.Helper()
	return openWith(t, s, chat.Config{User: user, Store: store})
}

// openWith starts an engine with the rest of what it needs.
func openWith(t *testing.T, s *server, c chat.Config) *screen {
	t.Helper()
	v := &screen{t: t, list: map[string]chat.Conversation{}, host: &chattest.Host{Clock: s.clock}}
	v.host.Latency = func() time.Duration { return time.Millisecond }
	c.Token, c.Network, c.History, c.Host, c.Observer = chat.Token{Text: "token"}, s, history{s, v.host}, v.host, v
	v.engine = chat.New(c)
	v.engine.Start(func(err error) {
		if err != nil {
			t.Error(err)
		}
	})
	return v
}

// openOffline opens what a store has, with the server away, and returns the engine's
// screen with the newest messages.
func openOffline(t *testing.T, s *server, user uint64, store chat.Store) *screen {
	t.Helper()
	s.down = true
	v := open(t, s, user, store)
	s.clock.Run(time.Second)
	v.timeline(0, 50)
	s.clock.Run(time.Second)
	return v
}

// history delays answers: the server's state is that of the request.
type history struct {
	*server
	host *chattest.Host
}

func (v *screen) Messages(key string, changed []chat.Message, gone []string) {
	v.gone = append(v.gone, gone...)
	if v.blind {
		return
	}
	for _, m := range changed {
		v.told = m
		v.shown = slices.DeleteFunc(v.shown, func(x chat.Message) bool {
			return x.Ref != "" && x.Ref == m.Ref || m.Seq != 0 && x.Seq == m.Seq && x.Key == m.Key
		})
		v.shown = append(v.shown, m)
	}
	v.shown = slices.DeleteFunc(v.shown, func(x chat.Message) bool { return slices.Contains(gone, x.Ref) })
	slices.SortFunc(v.shown, func(a, b chat.Message) int {
		switch {
		case (a.Seq == 0) != (b.Seq == 0):
			return map[bool]int{true: 1, false: -1}[a.Seq == 0]
		case a.Seq != b.Seq:
			return map[bool]int{true: 1, false: -1}[a.Seq > b.Seq]
		case a.Key != b.Key:
			return strings.Compare(a.Key, b.Key)
		}
		return int(a.Number) - int(b.Number)
	})
}

func (v *screen) Conversations(changed []chat.Conversation) {
	for _, c := range changed {
		v.list[c.Key] = c
	}
}

func (v *screen) Connection(c chat.Connection) {
	v.connection = c
	v.states = append(v.states, c.State)
}
func (v *screen) Typing(_ string, user uint64, active bool) {
	if v.typing == nil {
		v.typing = map[uint64]bool{}
	}
	if v.typing[user] = true; !active {
		delete(v.typing, user)
	}
}
func (v *screen) Presence(uint64, bool, uint64) {}

func (v *screen) Group(g chat.Group)       { v.group = g }
func (v *screen) Settings(s chat.Settings) { v.settings = append(v.settings, s) }
func (v *screen) Kept(k chat.Keeping)      { v.kept = append(v.kept, k) }
func (v *screen) TokenNeeded(stale string) { v.tokens++; v.stale = stale }
func (v *screen) User(t chat.Token)        { v.users = append(v.users, t) }
func (v *screen) Reset()                   { v.resets++; v.shown = nil; v.list = map[string]chat.Conversation{} }
func (v *screen) Failed(err error)         { v.errors = append(v.errors, err) }

// markRead marks what is loaded.
func (v *screen) markRead(key string, seq uint64) (err error) {
	v.t.Helper()
	v.engine.MarkRead(key, seq, func(e error) { err = e })
	return err
}

func (v *screen) send(content string) {
	v.engine.Send(key, chat.Draft{Content: content}, func(err error) {
		if err != nil {
			v.t.Error(err)
		}
	})
}

func (v *screen) timeline(before uint64, limit int) *chat.Timeline {
	answer := new(chat.Timeline)
	v.engine.Timeline(key, before, limit, func(t chat.Timeline, err error) {
		if err != nil {
			v.t.Error(err)
		}
		*answer = t
		if before == 0 {
			v.Messages(key, t.Messages, nil)
		}
	})
	return answer
}

// text is the screen in one line: content, and the state of my own.
func (v *screen) text() string { return text(v.shown) }

func text(messages []chat.Message) string {
	var parts []string
	for _, m := range messages {
		s := m.Content
		if m.State != chat.Received {
			s += "/" + string(m.State)
		}
		if m.Gap {
			s = "…" + s
		}
		parts = append(parts, s)
	}
	return strings.Join(parts, " ")
}

func want(t *testing.T, what, got, expected string) {
	t.Helper()
	if got != expected {
		t.Errorf("%s: got %q, want %q", what, got, expected)
	}
}

func setup(t *testing.T) (*chattest.Clock, *server) {
	clock := chattest.NewClock(1)
	return clock, newServer(clock)
}

func TestASendIsPendingThenSentAndReachesTheOther(t *testing.T) {
	clock, s := setup(t)
	a, b := open(t, s, alice, chat.NewMemory()), open(t, s, bob, chat.NewMemory())
	clock.Run(time.Second)
	a.timeline(0, 50)
	clock.Run(time.Second)
	a.send("hello")
	clock.Run(3 * time.Millisecond)
	want(t, "at once", a.text(), "hello/pending")
	clock.Run(time.Second)
	want(t, "afterwards", a.text(), "hello/delivered")
	want(t, "the other", b.text(), "hello")
	if m := a.shown[0]; m.Seq != 1 || m.ID != 1000 || m.Sender != alice {
		t.Errorf("confirmed message is %+v", m)
	}
}

func TestAMessageThatWasNotStoredIsNotShown(t *testing.T) {
	clock, s := setup(t)
	store := &failing{Store: chat.NewMemory()}
	a := open(t, s, alice, store)
	clock.Run(time.Second)
	store.err = errors.New("the browser's storage is full")
	var got error
	a.engine.Send(key, chat.Draft{Content: "lost?"}, func(err error) { got = err })
	clock.Run(time.Second)
	if got == nil || a.text() != "" || len(s.published) != 0 {
		t.Fatalf("error %v, shown %q, published %q: want an error and nothing else", got, a.text(), s.published)
	}
	store.err = nil
	a.send("now")
	clock.Run(time.Minute)
	want(t, "after there is room", a.text(), "now/sent")
}

// failing is a store whose disk can be full.
type failing struct {
	chat.Store
	err error
}

func (f *failing) Apply(ctx context.Context, b chat.Batch) error {
	if f.err != nil {
		return f.err
	}
	return f.Store.Apply(ctx, b)
}

func TestSendsOfOneConversationKeepTheirOrderWhateverFails(t *testing.T) {
	clock, s := setup(t)
	a := open(t, s, alice, chat.NewMemory())
	clock.Run(time.Second)
	s.dropAck = func(n int) bool { return n%3 == 0 }
	var wanted []string
	for i := range 10 {
		content := fmt.Sprint("m", i)
		a.send(content)
		wanted = append(wanted, content+"/sent")
		if i == 5 {
			clock.Run(20 * time.Millisecond)
			s.cut(errors.New("connection reset"))
		}
	}
	clock.Run(10 * time.Minute)
	want(t, "screen", a.text(), strings.Join(wanted, " "))
	if n := len(s.logs[key]); n != 10 {
		t.Errorf("%d messages stored, want 10", n)
	}
}

func TestTheOutboxSurvivesTheEndOfTheTab(t *testing.T) {
	clock, s := setup(t)
	store := chat.NewMemory()
	s.down = true
	a := open(t, s, alice, store)
	clock.Run(time.Second)
	a.send("one")
	a.send("two")
	clock.Run(time.Second)
	a.host.Kill()

	s.down = false
	again := open(t, s, alice, store)
	clock.Run(5 * time.Millisecond)
	again.timeline(0, 50)
	clock.Run(time.Minute)
	want(t, "after the reload", again.text(), "one/sent two/sent")
}

func TestARepeatAfterALostAckIsStoredOnce(t *testing.T) {
	clock, s := setup(t)
	a := open(t, s, alice, chat.NewMemory())
	clock.Run(time.Second)
	s.dropAck = func(int) bool { return true }
	s.dropDeliver = func(uint64) bool { return true }
	a.send("once")
	clock.Run(11 * time.Second)
	s.dropAck, s.dropDeliver = nil, nil
	clock.Run(time.Minute)
	want(t, "screen", a.text(), "once/sent")
	if n := len(s.logs[key]); n != 1 {
		t.Errorf("%d messages stored, want 1", n)
	}
}

func TestTheEchoConfirmsBehindABrokerThatAcknowledgesByItself(t *testing.T) {
	clock, s := setup(t)
	s.plainAck = true
	a := open(t, s, alice, chat.NewMemory())
	clock.Run(time.Second)
	a.send("one")
	a.send("two")
	clock.Run(10 * time.Second)
	want(t, "screen", a.text(), "one/sent two/sent")
	want(t, "published", strings.Join(s.published, " "), "one two")
}

func TestARefusalIsShownAndCanBeRetriedOrDeleted(t *testing.T) {
	clock, s := setup(t)
	a := open(t, s, alice, chat.NewMemory())
	clock.Run(time.Second)
	s.refuse = proto.Refuse(proto.NotAuthorized, "you cannot write here")
	a.send("bad")
	a.send("worse")
	clock.Run(time.Second)
	want(t, "refused", a.text(), "bad/refused worse/refused")
	want(t, "reason", a.shown[0].Reason, "you cannot write here")
	s.refuse = nil
	a.engine.Discard(a.shown[1].Ref, func(error) {})
	a.engine.Retry(a.shown[0].Ref, 0, func(error) {})
	clock.Run(time.Second)
	want(t, "afterwards", a.text(), "bad/sent")
}

func TestTooFastIsRetriedByItself(t *testing.T) {
	clock, s := setup(t)
	a := open(t, s, alice, chat.NewMemory())
	clock.Run(time.Second)
	s.refuse = proto.Refuse(proto.QuotaExceeded, "too fast")
	a.send("patience")
	clock.Run(time.Second)
	want(t, "meanwhile", a.text(), "patience/pending")
	s.refuse = nil
	clock.Run(time.Minute)
	want(t, "afterwards", a.text(), "patience/sent")
}

func TestWhatTheServerDoesNotTakeForLongSaysSoAndIsNotSentAgainBefore(t *testing.T) {
	clock, s := setup(t)
	a := open(t, s, alice, chat.NewMemory())
	clock.Run(time.Second)
	s.refuse = proto.Refuse(proto.QuotaExceeded, "there is room for this in 4 minutes").In(4 * time.Minute)
	a.send("much")
	clock.Run(3 * time.Minute)
	want(t, "meanwhile", a.text(), "much/pending")
	want(t, "the reason", a.shown[0].Reason, "there is room for this in 4 minutes")
	s.cut(errors.New("connection reset")) // nor is a new connection a reason to try
	clock.Run(time.Minute)
	if s.refused != 1 {
		t.Errorf("tried %d times within the 4 minutes, want once", s.refused)
	}
	s.refuse = proto.Refuse(proto.QuotaExceeded, "too fast")
	clock.Run(30 * time.Second)
	if s.refused < 2 || a.shown[0].Reason != "" {
		t.Errorf("after %d attempts the reason is %q, want none: this one is short", s.refused, a.shown[0].Reason)
	}
	s.refuse = nil
	clock.Run(time.Minute)
	want(t, "afterwards", a.text(), "much/sent")
	want(t, "the reason", a.shown[0].Reason, "")
}

func TestAServerIsNotBelievedThatAMessageHasToWaitForYears(t *testing.T) {
	clock, s := setup(t)
	a := open(t, s, alice, chat.NewMemory())
	clock.Run(time.Second)
	s.refuse = proto.Refuse(proto.QuotaExceeded, "come back next year").In(365 * 24 * time.Hour)
	a.send("x")
	clock.Run(time.Second)
	s.refuse = nil
	clock.Run(11 * time.Minute)
	want(t, "afterwards", a.text(), "x/sent")
}

func TestReloadWithNothingNewAsksForNoHistory(t *testing.T) {
	clock, s := setup(t)
	for i := range 120 {
		s.say(bob, alice, fmt.Sprint(i))
	}
	store := chat.NewMemory()
	a := open(t, s, alice, store)
	clock.Run(time.Second)
	a.timeline(0, 50)
	clock.Run(time.Second)
	a.engine.Close(func() {})
	clock.Run(time.Second)

	s.requests = nil
	again := open(t, s, alice, store)
	clock.Run(5 * time.Millisecond)
	again.timeline(0, 50)
	clock.Run(time.Minute)
	if len(s.requests) != 0 {
		t.Errorf("history requests: %q, want none", s.requests)
	}
	if n := len(again.shown); n != 50 || again.shown[49].Content != "119" {
		t.Errorf("%d messages shown", n)
	}
}

func TestAHoleClosesByItselfOrIsFetchedAlone(t *testing.T) {
	clock, s := setup(t)
	a := open(t, s, alice, chat.NewMemory())
	clock.Run(time.Second)
	s.say(bob, alice, "1")
	clock.Run(time.Second)
	s.requests = nil
	s.dropDeliver = func(seq uint64) bool { return seq == 2 || seq == 3 }
	for i := 2; i <= 4; i++ {
		s.say(bob, alice, fmt.Sprint(i))
	}
	clock.Run(100 * time.Millisecond)
	want(t, "with the hole", a.text(), "1 …4")
	clock.Run(time.Second)
	if len(s.requests) != 1 {
		t.Errorf("history requests: %q, want one", s.requests)
	}
	if v := a.timeline(0, 50); true {
		clock.Run(time.Second)
		want(t, "afterwards", text(v.Messages), "1 2 3 4")
	}
}

func TestALostTailIsNoticed(t *testing.T) {
	clock, s := setup(t)
	a := open(t, s, alice, chat.NewMemory())
	clock.Run(time.Second)
	s.dropDeliver = func(uint64) bool { return true }
	s.say(bob, alice, "unheard")
	clock.Run(10 * time.Minute)
	want(t, "screen", a.text(), "unheard")
}

func TestASyncAnswerToAnotherDeviceDoesNotMoveTheToken(t *testing.T) {
	clock, s := setup(t)
	store := chat.NewMemory()
	a := open(t, s, alice, store)
	clock.Run(time.Second)
	token := func() string {
		snapshot, err := store.Load(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return snapshot.Meta.SyncToken
	}
	before := token()
	s.dropSync, s.dropDeliver = true, func(uint64) bool { return true }
	s.say(bob, alice, "x")
	a.engine.Wake()
	s.answer(alice, "of another device")
	clock.Run(time.Second)
	if token() != before {
		t.Errorf("the token moved from %q to %q", before, token())
	}
	want(t, "its rows", a.text(), "x")
	s.dropSync = false
	clock.Run(time.Minute)
	if token() == before {
		t.Error("the own answer did not move the token")
	}
}

func TestAnotherHistoryDropsTheStoredOneAndKeepsTheOutbox(t *testing.T) {
	clock, s := setup(t)
	a := open(t, s, alice, chat.NewMemory())
	clock.Run(time.Second)
	for i := range 5 {
		s.say(bob, alice, fmt.Sprint("old", i))
	}
	clock.Run(time.Second)
	s.down = true
	s.cut(errors.New("gone"))
	a.send("kept")
	clock.Run(time.Second)

	s.down, s.epoch, s.logs, s.refs = false, 8, map[string][]*proto.Message{}, map[string]*proto.Message{}
	s.rev += 100
	s.say(bob, alice, "new")
	clock.Run(time.Minute)
	v := a.timeline(0, 50)
	clock.Run(time.Second)
	want(t, "screen", text(v.Messages), "new kept/sent")
	if a.resets != 1 {
		t.Errorf("%d resets, want 1", a.resets)
	}
}

func TestReadingRaisesTheWatermarkAndClearsUnread(t *testing.T) {
	clock, s := setup(t)
	a, b := open(t, s, alice, chat.NewMemory()), open(t, s, bob, chat.NewMemory())
	clock.Run(time.Second)
	b.timeline(0, 50)
	for i := range 4 {
		b.send(fmt.Sprint(i))
	}
	clock.Run(time.Second)
	if n := a.list[key].Unread; n != 4 {
		t.Fatalf("unread %d, want 4", n)
	}
	if err := a.markRead(key, 3); err != nil {
		t.Fatal(err)
	}
	clock.Run(time.Second)
	if n := a.list[key].Unread; n != 1 {
		t.Errorf("unread %d, want 1", n)
	}
	want(t, "the sender", b.text(), "0/read 1/read 2/read 3/delivered")
	if n := b.list[key].Unread; n != 0 {
		t.Errorf("the sender has %d unread of their own", n)
	}
}

func TestAMarkMadeOfflineIsSentLater(t *testing.T) {
	clock, s := setup(t)
	s.say(bob, alice, "x")
	store := chat.NewMemory()
	a := open(t, s, alice, store)
	clock.Run(time.Second)
	s.down = true
	s.cut(errors.New("gone"))
	if err := a.markRead(key, 1); err != nil {
		t.Fatal(err)
	}
	clock.Run(time.Second)
	a.host.Kill()
	s.down = false
	open(t, s, alice, store)
	clock.Run(time.Minute)
	if got := s.read[key+"/"+proto.Up(alice, "")]; got != 1 {
		t.Errorf("the server has read %d, want 1", got)
	}
}

func TestAHalfOpenConnectionIsNoticedWithinTenSecondsOfASend(t *testing.T) {
	clock, s := setup(t)
	a := open(t, s, alice, chat.NewMemory())
	clock.Run(time.Minute)
	for _, x := range s.sessions {
		x.silent = true
	}
	a.send("anyone?")
	clock.Run(11 * time.Second)
	want(t, "screen", a.text(), "anyone?/sent")
}

func TestReconnectingBacksOffAndWakes(t *testing.T) {
	clock, s := setup(t)
	a := open(t, s, alice, chat.NewMemory())
	clock.Run(time.Minute)
	s.down = true
	s.cut(errors.New("gone"))
	clock.Run(10 * time.Minute)
	if tries := s.opened; tries < 15 || tries > 120 {
		t.Errorf("%d attempts in 10 minutes", tries)
	}
	if a.connection.State != chat.Offline || a.connection.Reason == "" {
		t.Errorf("connection is %+v", a.connection)
	}
	s.down = false
	a.engine.Wake()
	clock.Run(100 * time.Millisecond)
	if a.connection.State != chat.Live {
		t.Errorf("connection is %+v after Wake", a.connection)
	}
}

func TestARefusedTokenIsReplacedOnceThenThePersonMustSignIn(t *testing.T) {
	clock, s := setup(t)
	s.refuseOpen = proto.Refuse(proto.BadUserNameOrPassword, "the token has expired")
	a := open(t, s, alice, chat.NewMemory())
	clock.Run(time.Second)
	if a.tokens != 1 {
		t.Fatalf("asked for %d tokens, want 1", a.tokens)
	}
	a.engine.SetToken(chat.Token{Text: "fresh"})
	clock.Run(time.Second)
	if a.connection.State != chat.SignedOut {
		t.Errorf("connection is %+v", a.connection)
	}
	opened := s.opened
	clock.Run(time.Hour)
	if s.opened != opened {
		t.Errorf("%d more attempts while signed out", s.opened-opened)
	}
	s.refuseOpen = nil
	a.engine.SetToken(chat.Token{Text: "better"})
	clock.Run(time.Second)
	if a.connection.State != chat.Live {
		t.Errorf("connection is %+v", a.connection)
	}
}

func TestAFreshTokenIsAskedForBeforeTheOldExpires(t *testing.T) {
	clock, s := setup(t)
	a := open(t, s, alice, chat.NewMemory())
	a.engine.SetToken(chat.Token{Text: "timed", Expires: chattest.Start.Add(time.Hour)})
	clock.Run(58 * time.Minute)
	if a.tokens != 0 {
		t.Fatalf("asked %d times too early, %+v", a.tokens, a.connection)
	}
	clock.Run(2 * time.Minute)
	if a.tokens == 0 {
		t.Errorf("not asked in time")
	}
}

func TestScrollingUpFetchesOlderPages(t *testing.T) {
	clock, s := setup(t)
	for i := range 200 {
		s.say(bob, alice, fmt.Sprint(i+1))
	}
	a := open(t, s, alice, chat.NewMemory())
	clock.Run(time.Second)
	first := a.timeline(0, 50)
	clock.Run(time.Second)
	older := a.timeline(first.Messages[0].Seq, 100)
	clock.Run(time.Second)
	if n := len(older.Messages); n != 100 || older.Messages[0].Seq != 51 || !older.More {
		t.Fatalf("%d messages, more %v", n, older.More)
	}
	oldest := a.timeline(51, 100)
	clock.Run(time.Second)
	if n := len(oldest.Messages); n != 50 || oldest.More {
		t.Errorf("%d messages, more %v", n, oldest.More)
	}
}

func TestOfflineTheStoredPartIsShown(t *testing.T) {
	clock, s := setup(t)
	for i := range 60 {
		s.say(bob, alice, fmt.Sprint(i+1))
	}
	store := chat.NewMemory()
	a := open(t, s, alice, store)
	clock.Run(time.Second)
	a.host.Kill()
	s.down = true
	again := open(t, s, alice, store)
	clock.Run(time.Second)
	page := again.timeline(0, 50)
	clock.Run(time.Second)
	if n := len(page.Messages); n != 50 {
		t.Errorf("%d messages shown offline, want 50", n)
	}
	older := again.timeline(11, 50)
	clock.Run(time.Second)
	if older.Incomplete == "" || !older.More {
		t.Errorf("older page is %+v: want it to say why it is incomplete", older)
	}
}

func TestClocksOneHourOffOrderNothing(t *testing.T) {
	for _, skew := range []time.Duration{-time.Hour, time.Hour} {
		clock, s := setup(t)
		a := open(t, s, alice, chat.NewMemory())
		a.host.Skew = skew
		clock.Run(time.Second)
		if told := a.connection.ServerOffset; (told + skew).Abs() > time.Second {
			t.Errorf("with a clock %v ahead the page is told that the server's is %v ahead", skew, told)
		}
		s.say(bob, alice, "first")
		clock.Run(time.Second)
		a.send("second")
		clock.Run(3 * time.Millisecond)
		if got, now := a.shown[1].Time, uint64(clock.Now().UnixMilli()); max(got, now)-min(got, now) > 1000 {
			t.Errorf("pending message shows %d ms at %d", got, now)
		}
		clock.Run(time.Second)
		s.say(bob, alice, "third")
		clock.Run(time.Second)
		want(t, fmt.Sprint("skew ", skew), a.text(), "first second/sent third")
	}
}

func TestBadSendsAreRefusedByName(t *testing.T) {
	clock, s := setup(t)
	a := open(t, s, alice, chat.NewMemory())
	clock.Run(time.Second)
	for name, send := range map[string]struct{ key, content, names string }{
		"empty":     {key, "", "content is empty"},
		"blank":     {key, "\u2800\u200b \x00", "content shows nothing"},
		"too long":  {key, strings.Repeat("x", proto.MaxContent+1), "content"},
		"not UTF-8": {key, "\xff", "content"},
		"bad key":   {"d:1", "x", "key"},
		"not mine":  {"d:1:2", "x", "d:1:2"},
		"to myself": {fmt.Sprintf("d:%d:%d", alice, alice), "x", "key"},
	} {
		var got error
		a.engine.Send(send.key, chat.Draft{Content: send.content}, func(err error) { got = err })
		if got == nil || !strings.Contains(got.Error(), send.names) {
			t.Errorf("%s: error is %v, want one that names %s", name, got, send.names)
		}
	}
	if len(a.list) != 0 {
		t.Errorf("conversations appeared: %v", a.list)
	}
}
