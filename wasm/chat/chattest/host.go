// Package chattest runs engines of package chat under a virtual clock, for
// tests and simulations: everything happens on one goroutine, in an order that
// a seed decides, so that a run can be repeated exactly.
package chattest

import (
	"container/heap"
	"math/rand/v2"
	"time"

	"parley/wasm/chat"
)

// Clock is a virtual clock with the events that lie ahead. Its zero value is
// not useful; see NewClock.
type Clock struct {
	Rand *rand.Rand
	now  time.Duration // since the start
	next events
	made uint64
}

// Start is where every virtual clock begins.
var Start = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

// NewClock returns a clock whose randomness comes from seed.
func NewClock(seed uint64) *Clock {
	return &Clock{Rand: rand.New(rand.NewPCG(seed, 0))}
}

// Now returns the virtual time.
func (c *Clock) Now() time.Time { return Start.Add(c.now) }

// After calls f once d has passed; events of the same moment happen in the
// order in which they were planned.
func (c *Clock) After(d time.Duration, f func()) (stop func()) {
	e := &event{at: c.now + max(d, 0), number: c.made, do: f}
	c.made++
	heap.Push(&c.next, e)
	return func() { e.do = nil }
}

// Step does the next event and reports whether there was one.
func (c *Clock) Step() bool {
	c.skipStopped()
	if len(c.next) == 0 {
		return false
	}
	e := heap.Pop(&c.next).(*event)
	c.now = max(c.now, e.at)
	e.do()
	return true
}

func (c *Clock) skipStopped() {
	for len(c.next) > 0 && c.next[0].do == nil {
		heap.Pop(&c.next)
	}
}

// Run does everything that happens within d.
func (c *Clock) Run(d time.Duration) {
	end := c.now + d
	for {
		c.skipStopped()
		if len(c.next) == 0 || c.next[0].at > end {
			break
		}
		c.Step()
	}
	c.now = end
}

// event is something that will happen.
type event struct {
	at     time.Duration
	number uint64
	do     func() // nil: stopped
}

type events []*event

func (e events) Len() int { return len(e) }
func (e events) Less(i, j int) bool {
	return e[i].at < e[j].at || e[i].at == e[j].at && e[i].number < e[j].number
}
func (e events) Swap(i, j int) { e[i], e[j] = e[j], e[i] }
func (e *events) Push(x any)   { *e = append(*e, x.(*event)) }
func (e *events) Pop() any {
	old := *e
	x := old[len(old)-1]
	*e = old[:len(old)-1]
	return x
}

// Host runs one engine on a Clock.
type Host struct {
	Clock *Clock
	// Skew is how far this device's own clock is ahead.
	Skew time.Duration
	// Slept is for how long the device's other clock stood still.
	Slept time.Duration
	// Latency says how long a piece of background work takes to begin and to
	// report; nil takes no time.
	Latency func() time.Duration
	dead    bool
}

var _ chat.Host = (*Host)(nil)

// Kill lets nothing of what was planned happen any more, as when a tab crashes.
func (h *Host) Kill() { h.dead = true }

// Now implements chat.Host.
func (h *Host) Now() time.Time { return h.Clock.Now().Add(h.Skew) }

// Elapsed implements chat.Host.
func (h *Host) Elapsed() time.Duration { return h.Clock.now - h.Slept }

// After implements chat.Host.
func (h *Host) After(d time.Duration, f func()) (stop func()) {
	return h.Clock.After(d, func() {
		if !h.dead {
			f()
		}
	})
}

// Go implements chat.Host. The work must not block.
func (h *Host) Go(work func() (then func())) {
	h.After(h.latency(), func() {
		then := work()
		h.After(h.latency(), then)
	})
}

func (h *Host) latency() time.Duration {
	if h.Latency == nil {
		return 0
	}
	return h.Latency()
}

// Post implements chat.Host.
func (h *Host) Post(f func()) { h.After(0, f) }

// Random implements chat.Host.
func (h *Host) Random(b []byte) {
	for i := range b {
		b[i] = byte(h.Clock.Rand.Uint32())
	}
}
