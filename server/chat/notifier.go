package chat

import (
	"context"
	"time"
)

// runNotifier does what nobody asked for, until ctx is done: it takes those off their
// services whose token expired, and tells who came and left, and rows that
// changed. Run owns it.
func (s *Service) runNotifier(ctx context.Context) {
	timer := time.NewTimer(time.Hour)
	timer.Stop() // until something waits
	defer timer.Stop()
	s.nudge() // there may be something from before
	for {
		select {
		case <-s.wake:
		case <-timer.C:
		case <-ctx.Done():
			return
		}
		if next := s.tell(ctx); next > 0 {
			timer.Reset(next)
		}
	}
}

// tell is Announce, except that a panic costs what was about to be told, and no more.
func (s *Service) tell(ctx context.Context) (next time.Duration) {
	defer func() {
		if p := recover(); p != nil {
			s.faults.Recovered("announcing", p)
			next = time.Second
		}
	}()
	return s.Announce(ctx)
}

// nudge lets the notifier look what there is.
func (s *Service) nudge() {
	select {
	case s.wake <- struct{}{}:
	default: // it is awake
	}
}

// Announce publishes what is due of what nobody asked for, a bounded part of it
// (maxNews, maxUpdated), so that neither a thousand who come at once nor a thousand
// rows that changed hold up the others; and returns how long until more may be; 0 if
// nothing is pending. Run calls it by itself; whoever
// drives a Service by hand (Commit) may. What the store could not tell is left
// out: clients learn it when they sync.
func (s *Service) Announce(ctx context.Context) time.Duration {
	var next time.Duration
	for _, at := range []time.Time{s.retire(ctx), s.announce(ctx), s.updateRows(ctx)} {
		if at.IsZero() {
			continue
		}
		if wait := max(at.Sub(s.now()), time.Millisecond); next == 0 || wait < next {
			next = wait
		}
	}
	return next
}
