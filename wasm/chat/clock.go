package chat

import "time"

// clockSamples is how many of the latest measurements the estimate looks at.
const clockSamples = 8

// clockStep is by how much, beyond its round trip, a measurement may differ
// from the estimate before a clock is taken to have been set.
const clockStep = time.Second

// clockShown is by how much the estimate may move without being told.
const clockShown = 250 * time.Millisecond

// serverClock estimates the server's clock, as NTP does (RFC 5905, section 8): of
// several measurements the one with the shortest round trip errs least. It goes
// on by Host.Elapsed, so it does not move when this device's clock is set. It says
// what is shown, and when a token should be renewed; clocks never order anything.
type serverClock struct {
	samples []clockSample
}

type clockSample struct {
	origin    time.Time // the server's time when nothing had elapsed
	roundTrip time.Duration
}

// add takes a measurement: a request left at sent and its answer, which says
// server, came at received, both by Host.Elapsed.
func (c *serverClock) add(sent, received time.Duration, server time.Time) {
	trip := received - sent
	sample := clockSample{server.Add(-sent - trip/2), trip}
	if len(c.samples) > 0 && sample.origin.Sub(c.origin()).Abs() > trip+clockStep {
		c.samples = nil // one of the clocks was set, or this device slept: older measurements are void
	}
	c.samples = append(c.samples, sample)
	if len(c.samples) > clockSamples {
		c.samples = c.samples[1:]
	}
}

func (c *serverClock) origin() time.Time {
	var best clockSample
	for i, s := range c.samples {
		if i == 0 || s.roundTrip < best.roundTrip {
			best = s
		}
	}
	return best.origin
}

// now estimates the server's clock; until it was measured, this device's has to do.
func (c *serverClock) now(host Host) (now time.Time, known bool) {
	if len(c.samples) == 0 {
		return host.Now(), false
	}
	return c.origin().Add(host.Elapsed()), true
}
