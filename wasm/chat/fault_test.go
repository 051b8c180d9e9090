package chat_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"parley/proto"
	"parley/wasm/chat"
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
	s.down = true
	again := open(t, s, alice, store.Store)
	clock.Run(time.Second)
	again.timeline(0, 50)
	clock.Run(time.Second)
	want(t, "stored", again.text(), "x")
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
	if err := a.engine.MarkRead(key, 3); err != nil {
		t.Fatal(err)
	}
	clock.Run(time.Second)
	if n := a.list[key].Unread; n != 1 {
		t.Errorf("unread %d, want 1", n)
	}
}

func TestAStaleRowDoesNotBringBackWhatWasRead(t *testing.T) {
	clock, s := setup(t)
	s.say(bob, alice, "x")
	a := open(t, s, alice, chat.NewMemory())
	clock.Run(time.Second)
	if err := a.engine.MarkRead(key, 1); err != nil {
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
	a.engine.SetToken("token", time.Time{})
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
	clock.Run(time.Minute)
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
