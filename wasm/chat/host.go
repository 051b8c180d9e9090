package chat

import "time"

// Host is what the engine runs on: a clock, timers, background work, and one
// loop on which everything of the engine happens. The engine has no goroutine
// and no lock of its own, so a simulation that provides a Host decides, from a
// seed, the order in which everything happens. Loop is the real one.
type Host interface {
	// Now is this device's clock, which may be wrong or jump: for display, never
	// for order.
	Now() time.Time
	// Elapsed is how long the host has run, by a clock that cannot be set. It may
	// stand still while the device sleeps.
	Elapsed() time.Duration
	// After calls f on the loop once d has passed, unless stop is called on
	// the loop before.
	After(d time.Duration, f func()) (stop func())
	// Go runs work off the loop, where it may block, then calls the function
	// it returned on the loop.
	Go(work func() (then func()))
	// Post calls f on the loop, soon. It may be called from anywhere and never blocks.
	Post(f func())
	// Random fills b with random bytes.
	Random(b []byte)
}
