package chat_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	protobuf "google.golang.org/protobuf/proto"

	"parley/proto"
	"parley/wasm/chat"
	"parley/wasm/chat/chattest"
)

func TestARepeatedDeliveryChangesNothing(t *testing.T) {
	clock, s := setup(t)
	a := open(t, s, alice, chat.NewMemory())
	clock.Run(time.Second)
	m := s.say(bob, alice, "x")
	clock.Run(time.Second)
	a.shown = nil
	s.deliver(m)
	clock.Run(time.Second)
	if len(a.shown) != 0 || a.list[key].Unread != 1 {
		t.Errorf("told again of %q, unread %d", a.text(), a.list[key].Unread)
	}
}

func TestALostTailOfAKnownConversationIsNoticed(t *testing.T) {
	clock, s := setup(t)
	s.say(bob, alice, "first")
	a := open(t, s, alice, chat.NewMemory())
	clock.Run(time.Second)
	s.dropDeliver = func(uint64) bool { return true }
	s.say(bob, alice, "unheard")
	clock.Run(time.Minute)
	want(t, "before heads are compared", a.text(), "first")
	clock.Run(3 * time.Minute)
	want(t, "after", a.text(), "first unheard")
}

func TestARowThatIsPushedShowsALostTail(t *testing.T) {
	for name, test := range map[string]struct {
		goesOn bool // from where this device's token ends
		moves  bool
	}{"from this device's token on": {true, true}, "from another one on": {false, false}} {
		t.Run(name, func(t *testing.T) {
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
			before, since := token(), "another token"
			if test.goesOn {
				since = before
			}
			s.dropDeliver = func(uint64) bool { return true }
			s.say(bob, alice, "unheard")
			s.answer(alice, since)
			clock.Run(400 * time.Millisecond)
			want(t, "while it may still come by itself", a.text(), "")
			clock.Run(time.Second)
			want(t, "after", a.text(), "unheard")
			if moved := token() != before; moved != test.moves {
				t.Errorf("the token went from %q to %q", before, token())
			}
		})
	}
}

func TestAnAnswerToNobodyMeasuresNoClock(t *testing.T) {
	clock, s := setup(t)
	s.dropSync = true
	a := open(t, s, alice, chat.NewMemory())
	clock.Run(8 * time.Second) // its request is open
	s.answer(alice, "another token")
	clock.Run(time.Second)
	if ahead := a.connection.ServerOffset; ahead != 0 {
		t.Errorf("the server's clock is taken to be %v ahead", ahead)
	}
}

func TestWhatCouldNotBeStoredIsFetchedAgain(t *testing.T) {
	clock, s := setup(t)
	store := &failing{Store: chat.NewMemory()}
	a := open(t, s, alice, store)
	clock.Run(time.Second)
	store.err = errors.New("the browser's storage is full")
	s.say(bob, alice, "x")
	clock.Run(time.Minute)
	if len(a.errors) == 0 {
		t.Error("nobody was told that the storage is full")
	}
	store.err = nil
	clock.Run(time.Minute)
	a.host.Kill()
	want(t, "stored", openOffline(t, s, alice, store.Store).text(), "x")
}

func TestWhatArrivesWhileTheStoreIsReadIsInTheAnswer(t *testing.T) {
	clock, s := setup(t)
	s.say(bob, alice, "1")
	a := open(t, s, alice, chat.NewMemory())
	clock.Run(time.Second)
	a.host.Latency = func() time.Duration { return 20 * time.Millisecond }
	page := a.timeline(0, 50)
	s.say(bob, alice, "2")
	clock.Run(time.Second)
	want(t, "answer", text(page.Messages), "1 2")
}

func TestTheSilenceOfAServerIsNoticedBeforeTheAckTimesOut(t *testing.T) {
	clock, s := setup(t)
	a := open(t, s, alice, chat.NewMemory())
	clock.Run(time.Minute)
	for _, x := range s.sessions {
		x.silent = true
	}
	a.send("anyone?")
	clock.Run(9500 * time.Millisecond)
	want(t, "screen", a.text(), "anyone?/sent")
}

func TestReadingPartOfItOfflineCountsTheRest(t *testing.T) {
	clock, s := setup(t)
	for i := range 4 {
		s.say(bob, alice, fmt.Sprint(i))
	}
	s.say(alice, bob, "mine")
	a := open(t, s, alice, chat.NewMemory())
	clock.Run(time.Second)
	s.down = true
	s.cut(errors.New("gone"))
	if err := a.markRead(key, 3); err != nil {
		t.Fatal(err)
	}
	clock.Run(time.Second)
	if n := a.list[key].Unread; n != 1 {
		t.Errorf("unread %d, want 1", n)
	}
}

// A server that has enough of this user's requests is asked again after a while,
// and not at once, until the history is there.
func TestHistoryThatIsRefusedForNowIsAskedForAgain(t *testing.T) {
	clock, s := setup(t)
	for i := range 4 {
		s.say(bob, alice, fmt.Sprint(i))
	}
	s.crowded = 3
	a := open(t, s, alice, chat.NewMemory())
	clock.Run(400 * time.Millisecond)
	if len(s.requests) != 1 {
		t.Errorf("%d requests at once, want 1 and then patience", len(s.requests))
	}
	clock.Run(20 * time.Second)
	if len(s.requests) != 4 || len(a.shown) != 4 {
		t.Errorf("after %d requests %d entries are there, want 4 after 4", len(s.requests), len(a.shown))
	}
}

func TestACountOfTheHistoryBeforeIsNotTakenForThisOne(t *testing.T) {
	clock, s := setup(t)
	a := open(t, s, alice, chat.NewMemory())
	s.dropSync = true
	clock.Run(time.Second)
	for i := range 4 {
		s.say(bob, alice, fmt.Sprint(i))
	}
	clock.Run(time.Second)
	// While the store is read to count again, the first answer says which history this is.
	s.dropSync = false
	a.host.Latency = func() time.Duration { return 50 * time.Millisecond }
	clock.Run(7990 * time.Millisecond)
	if err := a.markRead(key, 2); err != nil || a.resets != 0 {
		t.Fatalf("error %v, %d resets: this tests nothing", err, a.resets)
	}
	for a.resets == 0 {
		clock.Run(time.Millisecond)
	}
	if got := a.list[key]; got.Read != 0 {
		t.Fatalf("read up to %d: this tests nothing", got.Read)
	}
	clock.Run(time.Minute)
	if got := a.list[key]; got.Unread != 4 {
		t.Errorf("unread %d, want 4: %+v", got.Unread, got)
	}
}

func TestAStaleRowDoesNotBringBackWhatWasRead(t *testing.T) {
	clock, s := setup(t)
	s.say(bob, alice, "x")
	a := open(t, s, alice, chat.NewMemory())
	clock.Run(time.Second)
	if err := a.markRead(key, 1); err != nil {
		t.Fatal(err)
	}
	s.answer(alice, "") // made before the mark arrived
	clock.Run(100 * time.Millisecond)
	if n := a.list[key].Unread; n != 0 {
		t.Errorf("unread %d, want 0", n)
	}
}

func TestTheHistoryConfirmsWhatNoAckAndNoEchoDid(t *testing.T) {
	clock, s := setup(t)
	a := open(t, s, alice, chat.NewMemory())
	clock.Run(time.Second)
	a.timeline(0, 50)
	s.plainAck = true
	s.dropDeliver = func(uint64) bool { return true }
	a.send("x")
	clock.Run(100 * time.Millisecond)
	a.engine.Wake()
	clock.Run(300 * time.Millisecond)
	page := a.timeline(0, 50)
	clock.Run(100 * time.Millisecond)
	want(t, "screen", text(page.Messages), "x/sent")
	if len(s.published) != 1 {
		t.Errorf("published %q, want it once", s.published)
	}
}

// What the server had before the connection was lost may stand far above the newest page by the next one.
func TestWhatIsConfirmedFarAboveTheNewestPageLeavesTheOutbox(t *testing.T) {
	clock, s := setup(t)
	teamOf(s)
	store := chat.NewMemory()
	a := open(t, s, alice, store)
	clock.Run(time.Second)
	a.engine.Send(teamKey, chat.Draft{Content: "mine"}, func(error) {})
	for len(s.published) == 0 && clock.Step() {
	}
	s.down = true
	s.cut(errors.New("gone"))
	for i := range 200 {
		s.toTeam(bob, fmt.Sprint("more ", i))
	}
	s.foreign[0].HeadSeq = new(uint64(len(s.logs[teamKey])))
	clock.Run(time.Second)
	s.down = false
	clock.Run(time.Minute)
	if stored, err := store.Load(t.Context()); err != nil || len(stored.Outbox) > 0 {
		t.Errorf("%d wait in the outbox, %v", len(stored.Outbox), err)
	}
	if len(s.published) != 2 {
		t.Errorf("published %q, want it twice", s.published)
	}
}

func TestTheHistoryTellsThatItIsAnotherOne(t *testing.T) {
	clock, s := setup(t)
	for i := range 60 {
		s.say(bob, alice, fmt.Sprint("old", i+1))
	}
	a := open(t, s, alice, chat.NewMemory())
	clock.Run(time.Second)
	s.epoch, s.logs = 8, map[string][]*proto.Message{}
	s.say(bob, alice, "new")
	a.timeline(11, 50)
	clock.Run(time.Second)
	page := a.timeline(0, 50)
	clock.Run(time.Second)
	want(t, "screen", text(page.Messages), "new")
}

func TestAConfirmedMessageLeavesTheOutboxEvenWhenTheDiskWasFull(t *testing.T) {
	clock, s := setup(t)
	store := &failing{Store: chat.NewMemory()}
	a := open(t, s, alice, store)
	clock.Run(time.Second)
	a.send("x")
	clock.Run(4 * time.Millisecond)
	store.err = errors.New("the browser's storage is full")
	clock.Run(time.Second)
	want(t, "screen", a.text(), "x/sent")
	store.err = nil
	clock.Run(time.Minute)
	snapshot, err := store.Load(t.Context())
	if err != nil || len(snapshot.Outbox) != 0 {
		t.Errorf("outbox is %v, %v", snapshot.Outbox, err)
	}
}

func TestPatienceGrowsWhileTheServerIsBusy(t *testing.T) {
	clock, s := setup(t)
	a := open(t, s, alice, chat.NewMemory())
	clock.Run(time.Second)
	s.refuse = proto.Refuse(proto.QuotaExceeded, "too fast")
	acks := s.acks
	a.send("x")
	clock.Run(5 * time.Minute)
	if n := s.acks - acks; n < 5 || n > 60 {
		t.Errorf("tried %d times in 5 minutes", n)
	}
}

func TestSignedOutWakesToAskForATokenAndNotToConnect(t *testing.T) {
	clock, s := setup(t)
	s.refuseOpen = proto.Refuse(proto.NotAuthorized, "the token has expired")
	a := open(t, s, alice, chat.NewMemory())
	clock.Run(time.Minute)
	if a.connection.State != chat.SignedOut || !strings.Contains(a.connection.Reason, "expired") {
		t.Fatalf("connection is %+v", a.connection)
	}
	a.engine.SetToken(chat.Token{Text: "token"})
	opened, tokens := s.opened, a.tokens
	a.engine.Wake()
	clock.Run(time.Second)
	if s.opened != opened || a.tokens != tokens+1 {
		t.Errorf("%d attempts and %d requests for a token, want 0 and 1", s.opened-opened, a.tokens-tokens)
	}
}

func TestASessionThatLastedIsReplacedAtOnce(t *testing.T) {
	clock, s := setup(t)
	a := open(t, s, alice, chat.NewMemory())
	for range 5 {
		clock.Run(time.Minute)
		s.cut(errors.New("gone"))
		clock.Run(50 * time.Millisecond)
		if a.connection.State != chat.Live {
			t.Fatalf("connection is %+v", a.connection)
		}
	}
}

func TestATakenOverSessionDoesNotFightBack(t *testing.T) {
	clock, s := setup(t)
	a := open(t, s, alice, chat.NewMemory())
	clock.Run(3 * time.Minute)
	s.cut(proto.Refuse(proto.SessionTakenOver, "taken over"))
	clock.Run(time.Hour)
	if s.opened != 1 || a.connection.State != chat.Offline {
		t.Errorf("%d attempts, connection %+v", s.opened, a.connection)
	}
	a.engine.Wake()
	clock.Run(time.Second)
	if a.connection.State != chat.Live {
		t.Errorf("connection is %+v after Wake", a.connection)
	}
}

// A server that was frozen may accept an attempt when nobody waits for that any more, and the
// session there is by then is taken over: by nobody else.
func TestAnOwnAttemptThatCameLateIsNobodyElse(t *testing.T) {
	clock, s := setup(t)
	s.down = true
	a := open(t, s, alice, chat.NewMemory())
	clock.Run(time.Second)
	s.down = false
	a.engine.Wake()
	clock.Run(time.Second)
	s.cut(proto.Refuse(proto.SessionTakenOver, "taken over"))
	clock.Run(90 * time.Second)
	s.cut(proto.Refuse(proto.SessionTakenOver, "taken over"))
	clock.Run(30 * time.Second)
	if a.connection.State != chat.Live {
		t.Fatalf("after an attempt that failed a take-over ends in %+v", a.connection)
	}
	clock.Run(time.Minute)
	s.cut(proto.Refuse(proto.SessionTakenOver, "taken over"))
	clock.Run(time.Hour)
	if a.connection.State != chat.Offline {
		t.Errorf("long after it a take-over ends in %+v", a.connection)
	}
}

func TestASendBeforeTheStoreIsLoadedOverwritesNothing(t *testing.T) {
	clock, s := setup(t)
	store := chat.NewMemory()
	s.down = true
	a := open(t, s, alice, store)
	clock.Run(time.Second)
	a.send("of the first run")
	clock.Run(time.Second)
	a.host.Kill()
	s.down = false
	again := open(t, s, alice, store)
	again.send("of the second")
	clock.Run(time.Minute)
	page := again.timeline(0, 50)
	clock.Run(time.Second)
	want(t, "screen", text(page.Messages), "of the first run/sent of the second/sent")
}

func TestWhatWasStoredBeforeTheFirstSyncIsNotTakenForAnotherHistory(t *testing.T) {
	clock, s := setup(t)
	s.dropSync = true
	a := open(t, s, alice, chat.NewMemory())
	clock.Run(time.Second)
	a.send("old")
	clock.Run(time.Second)
	s.dropSync, s.epoch, s.logs, s.refs = false, 8, map[string][]*proto.Message{}, map[string]*proto.Message{}
	s.say(bob, alice, "new")
	s.cut(errors.New("gone"))
	clock.Run(time.Minute)
	page := a.timeline(0, 50)
	clock.Run(time.Second)
	want(t, "screen", text(page.Messages), "new")
}

// hasty is a network whose sessions end while Open is being reported.
type hasty struct {
	*server
	times int
}

func (h *hasty) Open(ctx context.Context, c chat.Credentials, handler chat.Handler) (chat.Session, error) {
	session, err := h.server.Open(ctx, c, handler)
	if h.times > 0 && err == nil {
		h.times--
		h.server.cut(errors.New("connection reset"))
	}
	return session, err
}

func TestASessionThatEndsBeforeItsOpenIsReportedIsReplaced(t *testing.T) {
	clock, s := setup(t)
	v := &screen{t: t, list: map[string]chat.Conversation{}, host: &chattest.Host{Clock: clock}}
	v.host.Latency = func() time.Duration { return time.Millisecond }
	v.engine = chat.New(chat.Config{
		User: alice, Token: chat.Token{Text: "token"}, Store: chat.NewMemory(), Network: &hasty{s, 2}, History: s, Host: v.host, Observer: v,
	})
	v.engine.Start(func(error) {})
	clock.Run(time.Minute)
	v.send("x")
	clock.Run(time.Second)
	want(t, "screen", v.text(), "x/sent")
}

func TestAMarkWithoutAnswerIsSentAgain(t *testing.T) {
	clock, s := setup(t)
	s.say(bob, alice, "x")
	a := open(t, s, alice, chat.NewMemory())
	clock.Run(time.Second)
	s.dropMark = 1
	if err := a.markRead(key, 1); err != nil {
		t.Fatal(err)
	}
	clock.Run(time.Minute)
	if got := s.read[key+"/"+proto.Up(alice, "")]; got != 1 {
		t.Errorf("the server has read %d, want 1", got)
	}
}

func TestAMarkIsSentAgainThoughAnotherDeviceHasMore(t *testing.T) {
	clock, s := setup(t)
	s.say(bob, alice, "x")
	a := open(t, s, alice, chat.NewMemory())
	clock.Run(time.Second)
	s.dropDeliver = func(uint64) bool { return true }
	s.say(bob, alice, "y")
	s.mark(alice, &proto.Mark{Key: &key, DeliveredSeq: protobuf.Uint64(2)}) // there it came
	clock.Run(time.Second)
	s.dropMark = 1
	if err := a.markRead(key, 1); err != nil {
		t.Fatal(err)
	}
	clock.Run(time.Minute)
	if got := s.read[key+"/"+proto.Up(alice, "")]; got != 1 {
		t.Errorf("the server has read %d, want 1", got)
	}
}

func TestTheHistoryBeforeDoesNotShowWhileItCannotBeCleared(t *testing.T) {
	clock, s := setup(t)
	store := &failing{Store: chat.NewMemory()}
	a := open(t, s, alice, store)
	clock.Run(time.Second)
	for i := range 3 {
		s.say(bob, alice, fmt.Sprint("old", i))
	}
	clock.Run(time.Second)
	store.err = errors.New("the browser's storage is full")
	s.epoch, s.logs = 8, map[string][]*proto.Message{}
	s.say(bob, alice, "new")
	s.cut(errors.New("gone"))
	clock.Run(time.Second)
	page := a.timeline(0, 50)
	clock.Run(time.Second)
	if got := text(page.Messages); strings.Contains(got, "old") {
		t.Errorf("the other history shows: %q", got)
	}
}

func TestAHoleThatAFullDiskLeftIsNotHidden(t *testing.T) {
	clock, s := setup(t)
	store := &failing{Store: chat.NewMemory()}
	a := open(t, s, alice, store)
	clock.Run(time.Second)
	s.say(bob, alice, "1")
	clock.Run(time.Second)
	store.err = errors.New("the browser's storage is full")
	s.say(bob, alice, "2")
	clock.Run(100 * time.Millisecond)
	a.host.Latency = func() time.Duration { return 20 * time.Millisecond }
	page := a.timeline(0, 50)
	clock.Run(65 * time.Millisecond) // 2 was fetched, and the store is being read, which has 1 alone
	s.say(bob, alice, "3")
	clock.Run(100 * time.Millisecond)
	for i, m := range page.Messages {
		if i > 0 && m.Seq != page.Messages[i-1].Seq+1 && !m.Gap {
			t.Errorf("the hole before %d is hidden: %q", m.Seq, text(page.Messages))
		}
	}
	if len(page.Messages) < 2 {
		t.Errorf("the page is %q", text(page.Messages))
	}
}

func TestWhatIsSentAgainStandsAfterWhatIsBeingSent(t *testing.T) {
	clock, s := setup(t)
	a := open(t, s, alice, chat.NewMemory())
	clock.Run(time.Second)
	s.refuse = proto.Refuse(proto.NotAuthorized, "not now")
	a.send("first")
	clock.Run(time.Second)
	s.refuse, s.down = nil, true
	s.cut(errors.New("gone"))
	a.send("second")
	a.engine.Retry(a.shown[0].Ref, 0, func(error) {}) // before the second is written
	clock.Run(100 * time.Millisecond)
	page := a.timeline(0, 50)
	clock.Run(100 * time.Millisecond)
	want(t, "order", text(page.Messages), "second/pending first/pending")
}

func TestTwoHistoriesBehindOneAddressAreNotAskedInALoop(t *testing.T) {
	clock, s := setup(t)
	s.otherPages = true
	for i := range 3 {
		s.say(bob, alice, fmt.Sprint(i))
	}
	a := open(t, s, alice, chat.NewMemory())
	clock.Run(time.Second)
	before, pages := len(s.asked), len(s.requests)
	clock.Run(30 * time.Second)
	if asked := len(s.asked) - before; asked > 31 || asked == 0 {
		t.Errorf("%d requests to sync in 30 s, want one in a second at most, and some", asked)
	}
	if n := len(s.requests) - pages; n > 3*31 {
		t.Errorf("%d requests of the history in 30 s", n)
	}
	s.otherPages = false
	clock.Run(5 * time.Second)
	want(t, "once there is one history", a.text(), "0 1 2")
}
