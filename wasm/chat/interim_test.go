package chat_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"parley/proto"
	"parley/wasm/chat"
	"parley/wasm/chat/chattest"
)

// shut is a store that cannot be opened at a start, with 1 to 3 in it that Bob said, and "waits" in its outbox. What Bob
// says after that the server has alone.
func shut(t *testing.T) (*chattest.Clock, *server, *losing) {
	t.Helper()
	clock, s, store, a := openLosing(t, "1", "2", "3")
	s.down = true
	s.cut(errors.New("connection reset"))
	a.send("waits")
	clock.Run(time.Second)
	a.host.Kill()
	store.err, store.told = fmt.Errorf("open it: %w", chat.ErrFull), func() {}
	return clock, s, store
}

// opens lets the store be opened, and wants that to be noticed.
func (l *losing) opens(t *testing.T, clock *chattest.Clock, a *screen) {
	t.Helper()
	if a.connection.MemoryOnlyCode != "storage-full" {
		t.Errorf("it is said %q", a.connection.MemoryOnlyCode)
	}
	l.err = nil
	clock.Run(6 * time.Second)
	if a.connection.MemoryOnly != "" {
		t.Errorf("with room it is said %q", a.connection.MemoryOnly)
	}
	if len(a.errors) > 0 {
		t.Errorf("told of %v", a.errors)
	}
}

func TestAStoreThatCannotBeOpenedAtAStartIsTakenInOnceItCan(t *testing.T) {
	clock, s, store := shut(t)
	s.down = false
	s.say(bob, alice, "4")
	a := open(t, s, alice, store)
	clock.Run(time.Second)
	a.send("5")
	clock.Run(time.Second)
	page := a.timeline(0, 50)
	clock.Run(time.Second)
	want(t, "in memory", text(page.Messages), "1 2 3 4 5/sent")
	s.down = true
	s.cut(errors.New("connection reset"))
	a.send("6")
	clock.Run(time.Second)
	resets := a.resets
	store.opens(t, clock, a)
	want(t, "screen", a.text(), "1 2 3 4 5/sent waits/pending 6/pending")
	if a.resets != resets || len(a.gone) > 0 {
		t.Errorf("%d resets, gone is %v", a.resets-resets, a.gone)
	}
	store.isStored(t, 2)
	a.host.Kill()
	want(t, "stored", openOffline(t, s, alice, store.Memory).text(), "1 2 3 4 5/sent waits/pending 6/pending")
}

func TestWhatWaitedInAStoreThatCouldNotBeOpenedIsSentOnce(t *testing.T) {
	clock, s, store := shut(t)
	s.down = false
	a := open(t, s, alice, store)
	clock.Run(time.Second)
	a.send("4")
	clock.Run(time.Second)
	store.opens(t, clock, a)
	clock.Run(time.Minute)
	page := a.timeline(0, 50)
	clock.Run(time.Second)
	want(t, "screen", text(page.Messages), "1 2 3 4/sent waits/sent")
	store.isStored(t, 0)
	if n := len(s.logs[key]); n != 5 {
		t.Errorf("the server has %d messages, want 5", n)
	}
}

// Nothing was heard of the server, so that a page was shown nothing.
func TestWhatAStoreHasIsShownOnceItCanBeOpenedOffline(t *testing.T) {
	clock, s, store := shut(t)
	a := open(t, s, alice, store)
	clock.Run(time.Second)
	a.timeline(0, 50)
	a.send("4")
	clock.Run(20 * time.Second)
	want(t, "in memory", a.text(), "4/pending")
	store.opens(t, clock, a)
	if a.resets != 1 {
		t.Errorf("%d resets, want one", a.resets)
	}
	page := a.timeline(0, 50)
	clock.Run(time.Second)
	want(t, "answer", text(page.Messages), "1 2 3 waits/pending 4/pending")
	s.down = false
	clock.Run(time.Minute)
	page = a.timeline(0, 50)
	clock.Run(time.Second)
	want(t, "answer, online", text(page.Messages), "1 2 3 waits/sent 4/sent")
}

func TestWhatWasSentAndNotConfirmedInAStoreThatCouldNotBeOpenedStandsOnce(t *testing.T) {
	clock, s, store := shut(t)
	s.down = false
	again := open(t, s, alice, store.Memory) // it comes to the server, whose word does not come back
	clock.Run(5 * time.Millisecond)
	for len(s.logs[key]) < 4 && clock.Step() {
	}
	again.host.Kill()
	a := open(t, s, alice, store)
	clock.Run(2 * time.Second)
	s.down = true
	s.cut(errors.New("connection reset"))
	store.opens(t, clock, a)
	page := a.timeline(0, 50)
	clock.Run(time.Second)
	want(t, "answer", text(page.Messages), "1 2 3 waits/sent")
	store.isStored(t, 0)
}

// A page gives again what it was not answered for.
func TestWhatAPageGaveToTwoEnginesStandsOnce(t *testing.T) {
	clock, s, store := shut(t)
	a := open(t, s, alice, store)
	clock.Run(time.Second)
	waits := new(proto.Message)
	if err := proto.Unmarshal(load(t, store.Memory).Outbox[0].Body, waits); err != nil {
		t.Fatal(err)
	}
	draft := chat.Draft{Content: "waits", Repeat: true}
	copy(draft.Ref[:], waits.GetClientRef())
	a.engine.Send(key, draft, func(err error) {
		if err != nil {
			t.Error(err)
		}
	})
	clock.Run(time.Second)
	store.opens(t, clock, a)
	want(t, "screen", a.text(), "waits/pending")
	store.isStored(t, 1)
}

func TestAStoreOfAnotherHistoryIsReplacedAndItsOutboxSent(t *testing.T) {
	clock, s, store := shut(t)
	s.down, s.epoch, s.logs, s.refs = false, 8, map[string][]*proto.Message{}, map[string]*proto.Message{}
	s.say(bob, alice, "new")
	a := open(t, s, alice, store)
	clock.Run(time.Second)
	store.opens(t, clock, a)
	clock.Run(time.Minute)
	page := a.timeline(0, 50)
	clock.Run(time.Second)
	want(t, "answer", text(page.Messages), "new waits/sent")
	a.host.Kill()
	want(t, "stored", openOffline(t, s, alice, store.Memory).text(), "new waits/sent")
}

func TestWhatWasReadAndRevisedMeanwhileStaysSo(t *testing.T) {
	clock, s, store := shut(t)
	s.down = false
	a := open(t, s, alice, store)
	clock.Run(time.Second)
	if err := a.markRead(key, 3); err != nil {
		t.Fatal(err)
	}
	s.speak(bob, alice, 2, edits, "two")
	clock.Run(time.Second)
	store.opens(t, clock, a)
	if c := a.list[key]; c.Read != 3 || c.Unread != 0 {
		t.Errorf("the list has %+v", c)
	}
	a.host.Kill()
	again := openOffline(t, s, alice, store.Memory)
	want(t, "stored", again.said(), "1 two 3 waits")
	if c := again.engine.Conversations()[0]; c.Read != 3 || c.Unread != 0 {
		t.Errorf("the list of the next start has %+v", c)
	}
}

// What is stored is older than what memory has, and of more.
func TestWhatIsStoredAndWasEditedMeanwhileIsFetchedAgain(t *testing.T) {
	messages := make([]string, 120)
	for i := range messages {
		messages[i] = fmt.Sprint(i + 1)
	}
	clock, s, store, a := openLosing(t, messages...)
	a.timeline(0, 120)
	clock.Run(time.Second)
	a.host.Kill()
	s.speak(bob, alice, 5, edits, "five")
	store.err, store.told = fmt.Errorf("open it: %w", chat.ErrFull), func() {}
	a = open(t, s, alice, store)
	clock.Run(2 * time.Second)
	store.opens(t, clock, a)
	clock.Run(time.Second)
	a.host.Kill()
	s.down = true
	again := open(t, s, alice, store.Memory)
	clock.Run(time.Second)
	page := again.timeline(10, 9)
	clock.Run(time.Second)
	want(t, "stored", text(page.Messages), "1 2 3 4 five 6 7 8 9")
}

// While it is full again, and what is stored cannot be written, everything can be read.
func TestARoomThatIsTooSmallIsNotTakenForEnough(t *testing.T) {
	clock, s, store := shut(t)
	s.down = false
	away := &failing{Store: store, err: chat.ErrFull}
	a := open(t, s, alice, away)
	clock.Run(time.Second)
	s.say(bob, alice, "4")
	clock.Run(time.Second)
	store.err = nil
	clock.Run(10 * time.Second)
	if a.connection.MemoryOnlyCode != "storage-full" {
		t.Errorf("it is said %q", a.connection.MemoryOnlyCode)
	}
	page := a.timeline(0, 50)
	clock.Run(time.Second)
	want(t, "answer", text(page.Messages), "1 2 3 4 waits/sent")
	away.err = nil
	store.opens(t, clock, a)
	a.host.Kill()
	want(t, "stored", openOffline(t, s, alice, store.Memory).text(), "1 2 3 4 waits/sent")
}

func TestAnEngineThatIsClosedBeforeItsStoreCouldBeOpenedClosesIt(t *testing.T) {
	clock, s, store := shut(t)
	once := &closing{losing: store}
	a := open(t, s, alice, once)
	clock.Run(time.Second)
	done := false
	a.engine.Close(func() { done = true })
	store.err = nil
	clock.Run(time.Minute)
	if !done || once.times != 1 {
		t.Errorf("closed is %v; the store was closed %d times", done, once.times)
	}
}

// closing counts how often a store is closed.
type closing struct {
	*losing
	times int
}

func (c *closing) Close() error {
	c.times++
	return nil
}
