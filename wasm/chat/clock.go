package chat

import "time"

// clockSamples is how many of the latest measurements the estimate looks at.
const clockSamples = 8

// clockStep is by how much, beyond its round trip, a measurement may differ
// from the estimate before the device's clock is taken to have been set.
const clockStep = time.Second

// clockShown is by how much the estimate may move without being told.
const clockShown = 250 * time.Millisecond

// serverClock estimates how far the server's clock is ahead of this device's,
// as NTP does (RFC 5905, section 8): of several measurements the one with the
// shortest round trip errs least. For display only; clocks never order anything.
type serverClock struct {
	samples []clockSample
}

type clockSample struct {
	offset, roundTrip time.Duration
}

// add takes a measurement: a request left at sent and its answer, which says
// server, came at received, both by this device's clock.
func (c *serverClock) add(sent, received, server time.Time) {
	trip := received.Sub(sent)
	if trip < 0 {
		return // the clock was set back meanwhile
	}
	sample := clockSample{server.Sub(sent.Add(trip / 2)), trip}
	if len(c.samples) > 0 && (sample.offset-c.offset()).Abs() > trip+clockStep {
		c.samples = nil // this device's clock was set: older measurements are void
	}
	c.samples = append(c.samples, sample)
	if len(c.samples) > clockSamples {
		c.samples = c.samples[1:]
	}
}

// offset returns the estimate, 0 before the first measurement.
func (c *serverClock) offset() time.Duration {
	var best clockSample
	for i, s := range c.samples {
		if i == 0 || s.roundTrip < best.roundTrip {
			best = s
		}
	}
	return best.offset
}
