package httpapi

import (
	"sync"
	"time"

	"golang.org/x/time/rate"
)

const (
	// maxLimits bounds how many are counted one by one; further ones share a limit.
	maxLimits = 10_000
	// sweepEvery is how often at most those that came to rest are forgotten.
	sweepEvery = time.Second
)

// limits holds a rate per user or address. Safe for concurrent use.
type limits struct {
	rate  rate.Limit
	burst int
	now   func() time.Time

	mu     sync.Mutex
	each   map[string]*rate.Limiter
	others *rate.Limiter // for whom there is no room in each
	swept  time.Time
}

func newLimits(r rate.Limit, burst int, now func() time.Time) *limits {
	return &limits{rate: r, burst: burst, now: now, each: make(map[string]*rate.Limiter), others: rate.NewLimiter(r, burst)}
}

// take counts one request as n, or as all at once that there may be if that is less;
// or it says how long to wait before this.
func (l *limits) take(who string, n int) (wait time.Duration) {
	now := l.now()
	reservation := l.of(who, now).ReserveN(now, min(n, l.burst))
	if !reservation.OK() {
		return time.Second
	}
	if wait = reservation.DelayFrom(now); wait > 0 {
		reservation.CancelAt(now)
	}
	return wait
}

func (l *limits) of(who string, now time.Time) *rate.Limiter {
	l.mu.Lock()
	defer l.mu.Unlock()
	limiter, ok := l.each[who]
	if ok {
		return limiter
	}
	if len(l.each) >= maxLimits && now.Sub(l.swept) >= sweepEvery {
		l.sweep(now)
	}
	if len(l.each) >= maxLimits {
		return l.others
	}
	limiter = rate.NewLimiter(l.rate, l.burst)
	l.each[who] = limiter
	return limiter
}

// sweep forgets whose bucket is full again: a new one would be no different.
func (l *limits) sweep(now time.Time) {
	l.swept = now
	for who, limiter := range l.each {
		if limiter.TokensAt(now) >= float64(l.burst) {
			delete(l.each, who)
		}
	}
}
