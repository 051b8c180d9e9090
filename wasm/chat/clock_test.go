package chat

import (
	"testing"
	"time"
)

var serverStart = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

func TestTheClockTrustsTheShortestRoundTrip(t *testing.T) {
	var c serverClock
	var elapsed time.Duration
	for _, trip := range []time.Duration{800, 40, 600, 900} {
		trip *= time.Millisecond
		// The way back takes all the time: the worst error there is, half a round trip.
		c.add(elapsed, elapsed+trip, serverStart.Add(elapsed))
		elapsed += time.Minute
	}
	if err := c.origin().Sub(serverStart).Abs(); err > 20*time.Millisecond {
		t.Errorf("estimate is off by %v", err)
	}
}

func TestTheClockForgetsWhatItMeasuredBeforeTheDeviceSlept(t *testing.T) {
	var c serverClock
	c.add(0, time.Millisecond, serverStart)
	c.add(time.Minute, time.Minute+100*time.Millisecond, serverStart.Add(time.Hour))
	if err := c.origin().Sub(serverStart.Add(59 * time.Minute)).Abs(); err > 100*time.Millisecond {
		t.Errorf("the server's clock is taken to have begun at %v, an hour of which nothing was noticed later", c.origin())
	}
}
