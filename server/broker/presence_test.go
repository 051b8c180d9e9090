package broker

import (
	"testing"
	"time"
)

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
