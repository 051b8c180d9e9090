package chat

import (
	"math"
	"math/bits"
	"time"
)

// Bucket is a leaky bucket: what is taken fills it, and it empties at an even
// pace, a capacity in a period. So whoever has used up a quota gets it back
// bit by bit instead of all at midnight, and within a period never has more
// than twice the capacity. The zero Bucket is empty.
type Bucket struct {
	Level uint64 // how much was in it at Time
	Time  uint64 // Unix milliseconds
}

// add puts n into the bucket, or says how long to wait until there is room for
// them: for ever if it will never hold as many. What does not fit changes nothing.
func (b *Bucket) add(n, capacity uint64, period time.Duration, now uint64) (wait time.Duration) {
	leaked := b.leak(capacity, period, now)
	switch {
	case n > capacity:
		return math.MaxInt64
	case leaked.Level > capacity-n:
		room := leaked.Time + ceiling(leaked.Level-(capacity-n), uint64(period.Milliseconds()), capacity)
		return time.Duration(min(room-now, math.MaxInt64/uint64(time.Millisecond))) * time.Millisecond
	}
	leaked.Level += n
	*b = leaked
	return 0
}

// leak returns the bucket as of now. Where the clock went back, nothing leaks
// until it goes on.
func (b Bucket) leak(capacity uint64, period time.Duration, now uint64) Bucket {
	if now <= b.Time {
		return Bucket{b.Level, now}
	}
	gone := floor(now-b.Time, capacity, uint64(period.Milliseconds()))
	if gone >= b.Level {
		return Bucket{0, now}
	}
	// Only the time that whole units took has passed: the rest counts next time.
	return Bucket{b.Level - gone, b.Time + ceiling(gone, uint64(period.Milliseconds()), capacity)}
}

// floor returns n × by / of, rounded down, and the highest number if that is too large.
func floor(n, by, of uint64) uint64 {
	high, low := bits.Mul64(n, by)
	if high >= of {
		return math.MaxUint64
	}
	quotient, _ := bits.Div64(high, low, of)
	return quotient
}

// ceiling is floor, rounded up. The result is below 2^63.
func ceiling(n, by, of uint64) uint64 {
	high, low := bits.Mul64(n, by)
	if high >= of {
		return math.MaxInt64
	}
	quotient, rest := bits.Div64(high, low, of)
	if rest > 0 {
		quotient++
	}
	return min(quotient, math.MaxInt64)
}
