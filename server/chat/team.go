package chat

import (
	"context"
	"sync"
	"time"
)

const (
	// maxRetired bounds those who are taken off in one commit.
	maxRetired = 100
	// retireRetry is how long to wait after the store failed, and retireEvery how
	// long at most: the clock may be set.
	retireRetry = time.Second
	retireEvery = time.Minute
)

// terms knows when the next user's services end, so that looking for those
// whose token expired costs nothing while there are none. The zero value does
// not know.
type terms struct {
	mu      sync.Mutex
	known   bool
	next    uint64 // Unix milliseconds; 0: nobody's end
	changes uint64 // counts calls of change
}

// change says that a user's services, or their end, may have changed.
func (t *terms) change() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.known = false
	t.changes++
}

// read returns the next end, whether it is known, and what to give to learn.
func (t *terms) read() (next uint64, known bool, as uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.next, t.known, t.changes
}

// learn notes the next end, as of what read returned, unless that changed since.
func (t *terms) learn(next, as uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.changes == as {
		t.known, t.next = true, next
	}
}

// retire takes those off their services whose token has expired, so that the
// team is who is an agent now. It returns when there may be more; the zero time
// if nobody's services end.
func (s *Service) retire(ctx context.Context) time.Time {
	for {
		now := s.now()
		next, known, as := s.terms.read()
		if !known {
			var err error
			if next, err = s.nextEnd(ctx); err != nil {
				return now.Add(retireRetry)
			}
			s.terms.learn(next, as)
		}
		switch {
		case next == 0:
			return time.Time{}
		case next > s.millis():
			return now.Add(min(retireEvery, time.Duration(next-s.millis())*time.Millisecond))
		}
		s.terms.change() // whatever becomes of it
		if _, err := s.commitOne(ctx, retirement{}); err != nil {
			return now.Add(retireRetry)
		}
	}
}

// nextEnd is when the next user's services end, Unix milliseconds; 0: nobody's do.
func (s *Service) nextEnd(ctx context.Context) (next uint64, err error) {
	err = s.store.View(ctx, func(v View) error {
		ending, err := v.Ending(1)
		if len(ending) > 0 {
			next = ending[0].ServicesUntil
		}
		return err
	})
	if err != nil {
		return 0, s.failed("agents whose token expired could not be found", err)
	}
	return next, nil
}

// retirement takes those off their services whose token has expired.
type retirement struct{}

func (retirement) apply(b *batch) (Result, error) {
	ending, err := b.tx.Ending(maxRetired)
	if err != nil {
		return Result{}, err
	}
	for _, u := range ending {
		if u.ServicesUntil > b.now {
			break
		}
		if err := b.putUser(u.offServices()); err != nil {
			return Result{}, err
		}
	}
	return Result{}, nil
}
