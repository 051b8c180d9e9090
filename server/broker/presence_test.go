package broker

import (
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"parley/proto"
)

func TestAUserWhoIsEndedIsToldAndLosesEveryConnection(t *testing.T) {
	b, back := newBroker(t, nil)
	checking, goOn := make(chan struct{}), make(chan struct{})
	var others atomic.Bool
	back.checks = func() {
		if others.CompareAndSwap(false, true) {
			close(checking)
			<-goOn
		}
	}
	joining := pipe(t, b)
	joining.send(hello(7, "joining").bytes())
	<-checking // its token is being looked at
	var here []*peer
	for _, id := range []string{"a", "b"} {
		p := pipe(t, b)
		p.connect(7, id)
		here = append(here, p)
	}
	other := pipe(t, b)
	other.connect(8, "c")
	b.End(7, func(uint64) bool { return true }, proto.Refuse(proto.NotAuthorized, "you are blocked"))
	for i, p := range here {
		if code, text := p.disconnected(); code != 0x87 || !strings.Contains(text, "you are blocked") {
			t.Errorf("connection %d: DISCONNECT 0x%02X %q", i, code, text)
		}
	}
	close(goOn) // its token was found good right before the call
	joining.connack()
	if code, _ := joining.disconnected(); code != 0x87 {
		t.Errorf("who was joining: DISCONNECT 0x%02X", code)
	}
	other.alive()
	again := pipe(t, b)
	again.connect(7, "a") // who may is for the backend to say
}

// Whom another node took over from is told, unless they have connected anew meanwhile.
func TestAConnectionIsOustedByItsMark(t *testing.T) {
	b, _ := newBroker(t, nil)
	first := pipe(t, b)
	first.connect(7, "a")
	second := pipe(t, b)
	second.connect(7, "a")
	if code, _ := first.disconnected(); code != 0x8E {
		t.Errorf("the first: DISCONNECT 0x%02X", code)
	}
	why := proto.Refuse(proto.SessionTakenOver, "taken over")
	b.Oust(7, "7-a", 1, why) // the first
	b.Oust(7, "7-b", 2, why) // nobody's
	second.alive()
	b.Oust(7, "7-a", 2, why)
	if code, _ := second.disconnected(); code != 0x8E {
		t.Errorf("the second: DISCONNECT 0x%02X", code)
	}
}

// A connection of which others could not be told is none.
func TestAConnectionThatCannotBeAnnouncedIsRefused(t *testing.T) {
	b, back := newBroker(t, nil)
	back.unannounced = errors.New("the database is away")
	back.here = make(chan string, 10)
	p := pipe(t, b)
	p.send(hello(7, "a").bytes())
	if ack := p.connack(); ack.ReasonCode != 0x88 {
		t.Errorf("CONNACK 0x%02X, want 0x88", ack.ReasonCode)
	}
	p.ended()
	if len(back.here) != 0 || b.Connections() != 0 {
		t.Errorf("%d connections, and the backend was told %d times", b.Connections(), len(back.here))
	}
}

func TestTheBackendIsToldOfEachConnectionInPairs(t *testing.T) {
	b, back := newBroker(t, func(c *Config) { c.MaxPerUser = 2 })
	back.here = make(chan string, 10)
	told := func(want string) {
		t.Helper()
		select {
		case got := <-back.here:
			if got != want {
				t.Errorf("told %q, want %q", got, want)
			}
		case <-time.After(patience):
			t.Fatalf("not told %q", want)
		}
	}
	first := pipe(t, b)
	first.connect(7, "a")
	told("came 7")
	second := pipe(t, b)
	second.connect(7, "b")
	told("came 7")
	third := pipe(t, b)
	third.send(hello(7, "c").bytes())
	if ack := third.connack(); ack.ReasonCode == 0 {
		t.Error("a third connection was accepted")
	}
	third.ended() // it never was one
	again := pipe(t, b)
	again.connect(7, "b") // takes over from the second
	told("came 7")
	told("left 7")
	first.Close()
	told("left 7")
	again.Close()
	told("left 7")
	if len(back.here) != 0 {
		t.Errorf("told %q as well", <-back.here)
	}
}
