package chat

import (
	"encoding/binary"
	"time"
)

const (
	backoffBase = time.Second
	backoffCap  = 30 * time.Second
)

// backoff is exponential with full jitter: a wait is anywhere between nothing
// and a bound that doubles with each failure, so that many clients who lost the
// same server do not come back at once.
type backoff struct {
	failures int
}

// next returns how long to wait after one more failure: nothing after the
// first, then up to 1 s, 2 s, 4 s … 30 s.
func (b *backoff) next(host Host) time.Duration {
	b.failures++
	if b.failures == 1 {
		return 0
	}
	return jitter(host, min(backoffCap, backoffBase<<min(b.failures-2, 10)))
}

// busy returns how long to wait after one more answer that asks for patience:
// never nothing.
func (b *backoff) busy(host Host) time.Duration {
	b.failures++
	bound := min(backoffCap, backoffBase<<min(b.failures-1, 10))
	return bound/2 + jitter(host, bound/2)
}

func (b *backoff) reset() { b.failures = 0 }

// jitter returns a random duration in [0, bound).
func jitter(host Host, bound time.Duration) time.Duration {
	var random [8]byte
	host.Random(random[:])
	return time.Duration(binary.BigEndian.Uint64(random[:]) % uint64(bound))
}
