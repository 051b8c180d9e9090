package chat

import (
	"testing"
	"time"
)

func TestTheClockTrustsTheShortestRoundTrip(t *testing.T) {
	var c serverClock
	local := time.Unix(1000, 0)
	ahead := 90 * time.Second
	for _, trip := range []time.Duration{800, 40, 600, 900} {
		trip *= time.Millisecond
		// The way back takes all the time: the worst error there is, half a round trip.
		c.add(local, local.Add(trip), local.Add(ahead))
		local = local.Add(time.Minute)
	}
	if err := (c.offset() - ahead).Abs(); err > 20*time.Millisecond {
		t.Errorf("estimate is off by %v", err)
	}
}

func TestTheClockForgetsWhatItMeasuredBeforeItWasSet(t *testing.T) {
	var c serverClock
	now := time.Unix(1000, 0)
	c.add(now, now.Add(time.Millisecond), now)
	set := now.Add(time.Hour)
	c.add(set, set.Add(100*time.Millisecond), now)
	if err := (c.offset() + time.Hour).Abs(); err > 100*time.Millisecond {
		t.Errorf("offset is %v an hour after the clock was set forward", c.offset())
	}
	c.add(set, set.Add(-time.Second), now)
	if len(c.samples) != 1 {
		t.Error("a round trip of less than nothing was taken")
	}
}
