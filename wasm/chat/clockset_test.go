package chat_test

import (
	"errors"
	"testing"
	"time"

	"parley/wasm/chat"
)

// serverTime is what the page takes the server's time to be.
func (v *screen) serverTime() time.Time { return v.host.Now().Add(v.connection.ServerOffset) }

func TestAClockThatIsSetByYearsMovesNothingThatIsShown(t *testing.T) {
	for _, skew := range []time.Duration{400 * day, -3650 * day} {
		clock, s := setup(t)
		a := open(t, s, alice, chat.NewMemory())
		clock.Run(time.Minute)
		a.host.Skew = skew
		clock.Run(11 * time.Second)
		if off := a.serverTime().Sub(clock.Now()).Abs(); off > time.Second {
			t.Errorf("set by %v: the server's time is taken to be off by %v", skew, off)
		}
		if since := a.host.Now().Sub(a.connection.Since); since < time.Minute || since > 2*time.Minute {
			t.Errorf("set by %v: it is live since %v", skew, since)
		}
	}
}

func TestAClockThatIsSetWhileThereIsNoConnectionMovesNothingThatIsShown(t *testing.T) {
	clock, s := setup(t)
	a := open(t, s, alice, chat.NewMemory())
	clock.Run(time.Minute)
	s.down = true
	s.cut(errors.New("gone"))
	clock.Run(5 * time.Minute)
	a.host.Skew = 400 * day
	clock.Run(11 * time.Second)
	if off := a.serverTime().Sub(clock.Now()).Abs(); off > time.Second {
		t.Errorf("the server's time is taken to be off by %v", off)
	}
	if wait := a.connection.Next.Sub(a.host.Now()); wait > 31*time.Second || wait < -11*time.Second {
		t.Errorf("the next attempt is said to be in %v", wait)
	}
}

func TestADeviceThatSleptAsksTheServerForTheTimeAtOnce(t *testing.T) {
	clock, s := setup(t)
	a := open(t, s, alice, chat.NewMemory())
	clock.Run(time.Minute)
	asked := len(s.asked)
	clock.Run(time.Hour) // of which the other clock counts a moment
	a.host.Slept += time.Hour
	asked = len(s.asked)
	clock.Run(11 * time.Second)
	if len(s.asked) == asked {
		t.Error("the server was not asked")
	}
	if off := a.serverTime().Sub(clock.Now()).Abs(); off > time.Second {
		t.Errorf("the server's time is taken to be off by %v", off)
	}
}
