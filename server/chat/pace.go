package chat

import (
	"context"
	"fmt"
	"sync"
	"time"

	"parley/proto"
)

const (
	// maxSyncs is how many syncs of one user are in work at once, over all of
	// their connections; further ones wait.
	maxSyncs = 2
	// syncBurst is how long the server may work at a user's syncs without a
	// pause: some 10,000 rows. From then on they rest, so that they are worked at
	// for one part in syncShare of the time.
	syncBurst = time.Second
	syncShare = 4
)

// paces keep one user's syncs, however many and however long, from taking the
// server's time from everybody else.
type paces struct {
	mu    sync.Mutex
	users map[uint64]*pace
	full  int // with so many users, those who owe nothing are forgotten
}

// pace is that of one user.
type pace struct {
	places chan struct{} // one is in it for each sync in work

	// Guarded by paces.mu.
	syncs int           // in work or waiting
	debt  time.Duration // of work that was not rested from, at a time
	at    time.Time
}

// of returns a user's pace, counting one sync more.
func (p *paces) of(user uint64, now time.Time) *pace {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.users) >= p.full {
		for id, one := range p.users {
			if one.syncs == 0 && one.owes(now) == 0 {
				delete(p.users, id)
			}
		}
		p.full = 2*len(p.users) + 16
	}
	one := p.users[user]
	if one == nil {
		if p.users == nil {
			p.users = make(map[uint64]*pace)
		}
		one = &pace{places: make(chan struct{}, maxSyncs), at: now}
		p.users[user] = one
	}
	one.syncs++
	return one
}

// done counts one sync less.
func (p *paces) done(one *pace) {
	p.mu.Lock()
	defer p.mu.Unlock()
	one.syncs--
}

// spend takes note of work done from began to now, and returns how long to rest
// before there is more.
func (p *paces) spend(one *pace, began, now time.Time) (rest time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	one.debt, one.at = one.owes(now)+max(0, now.Sub(began)), now
	return max(0, one.debt-syncBurst) * syncShare
}

// owes is what is left of the debt.
func (one *pace) owes(now time.Time) time.Duration {
	return max(0, one.debt-max(0, now.Sub(one.at))/syncShare)
}

// turn is one sync in work.
type turn struct {
	service *Service
	pace    *pace
	began   time.Time // since then the server works at it
}

// begin waits until it is the turn of one more sync of a user.
func (s *Service) begin(ctx context.Context, user uint64) (*turn, error) {
	one := s.paces.of(user, s.now())
	select {
	case one.places <- struct{}{}:
	case <-ctx.Done():
		s.paces.done(one)
		return nil, unanswered(ctx)
	}
	t := &turn{service: s, pace: one, began: s.now()}
	if err := t.rest(ctx); err != nil {
		t.end()
		return nil, err
	}
	return t, nil
}

// rest takes note of the work since it was last called, or the turn went on, and
// waits as long as that asks for.
func (t *turn) rest(ctx context.Context) error {
	d := t.service.paces.spend(t.pace, t.began, t.service.now())
	defer t.goOn()
	if d == 0 {
		return nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return unanswered(ctx)
	}
}

func unanswered(ctx context.Context) error {
	return fmt.Errorf("%w: %w", proto.Refuse(proto.ServerBusy, "no answer in time: ask again").Named("no-answer"), ctx.Err())
}

// goOn says that work goes on after a wait, which costs nothing.
func (t *turn) goOn() { t.began = t.service.now() }

func (t *turn) end() {
	t.service.paces.spend(t.pace, t.began, t.service.now())
	<-t.pace.places
	t.service.paces.done(t.pace)
}
