package chat

import (
	"context"
	"sync"
	"time"

	"parley/proto"
)

const (
	// updateEvery is the least time from a change of a row to its push: what
	// changes meanwhile goes out together.
	updateEvery = 250 * time.Millisecond
	// updateRest is how many times as long as the last pushes took nothing is
	// pushed, so that they never take more than a part of what the server can do.
	updateRest = 4
	// maxUpdated and updateTurn bound whom is pushed to before presence gets its turn:
	// how many, and how long until no other is begun.
	maxUpdated = 32
	updateTurn = 20 * time.Millisecond
)

// rowUpdates are answers on down/unread that nobody asked for, to users who are
// here and whose rows changed. A client that follows entries and marks knows
// most of it already; it shows one what it was not sent or lost, and is all that
// a client needs which shows no more than badges. Each push goes on
// where the one before ended, and says so (BaseUserUnreadStatics.since).
type rowUpdates struct {
	mu    sync.Mutex
	after map[uint64]point    // by user: up to where they were told
	users map[uint64]struct{} // whose rows changed since
	queue []dueUpdate         // of users, in order; and of some who left
	// A pass tells all who were due when it began, and may take several turns.
	pass    time.Time     // when it began; zero: there is none
	took    time.Duration // so far
	resting time.Time     // until then
}

// point is a change number, and under which start it was told (see position): what is pushed
// goes on from the very token that the user was told last.
type point struct{ rev, start uint64 }

// dueUpdate is when a user is to be told, at the earliest.
type dueUpdate struct {
	user uint64
	at   time.Time
}

// begin notes up to where a user knows their rows, unless pushes to them go on from
// another point.
func (p *rowUpdates) begin(user uint64, at point) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.start(user, at)
}

func (p *rowUpdates) start(user uint64, at point) {
	if p.after == nil {
		p.after, p.users = make(map[uint64]point), make(map[uint64]struct{})
	}
	if _, known := p.after[user]; !known {
		p.after[user] = at
	}
}

// add lets a user be told of a row that changed under a change number.
func (p *rowUpdates) add(now time.Time, user, rev uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.start(user, point{rev: rev - 1})
	if _, waits := p.users[user]; !waits {
		p.users[user] = struct{}{}
		p.queue = append(p.queue, dueUpdate{user, now.Add(updateEvery)})
	}
}

// take returns who is to be told next, of what changed after which point; ok is
// false if nobody is now. After the last of a pass it lets pushes rest.
func (p *rowUpdates) take(now time.Time) (user uint64, after point, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	first, waits := p.first()
	switch {
	case !p.pass.IsZero() && (!waits || first.at.After(p.pass)):
		p.resting = now.Add(updateRest * p.took)
		p.pass, p.took = time.Time{}, 0
		return 0, point{}, false
	case !waits || now.Before(first.at) || now.Before(p.resting):
		return 0, point{}, false
	case p.pass.IsZero():
		p.pass = now
	}
	p.queue = p.queue[1:]
	delete(p.users, first.user)
	return first.user, p.after[first.user], true
}

// first returns the first of the queue who is still here.
func (p *rowUpdates) first() (first dueUpdate, ok bool) {
	for len(p.queue) > 0 {
		if _, waits := p.users[p.queue[0].user]; waits {
			return p.queue[0], true
		}
		p.queue = p.queue[1:]
	}
	return dueUpdate{}, false
}

// next returns when somebody is to be told; the zero time if nobody waits.
func (p *rowUpdates) next(now time.Time) time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	first, waits := p.first()
	switch {
	case !p.pass.IsZero():
		return now
	case !waits:
		return time.Time{}
	case p.resting.After(first.at):
		return p.resting
	}
	return first.at
}

// told notes up to where a user was told, if pushes to them go on.
func (p *rowUpdates) told(user uint64, at point) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if before, here := p.after[user]; here && at.rev >= before.rev {
		p.after[user] = at
	}
}

// end forgets a user who left.
func (p *rowUpdates) end(user uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.after, user)
	delete(p.users, user)
}

// spent notes how long a push of the pass took.
func (p *rowUpdates) spent(took time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.took += took
}

// updateRows sends what is due, as much as one turn allows, and returns when there may
// be more.
func (s *Service) updateRows(ctx context.Context) (next time.Time) {
	began := s.now()
	now := began
	for range maxUpdated {
		user, after, ok := s.updates.take(now)
		if !ok {
			break
		}
		s.updateRowsOf(ctx, user, after)
		before := now
		now = s.now()
		s.updates.spent(now.Sub(before))
		if now.Sub(began) >= updateTurn {
			break
		}
	}
	return s.updates.next(now)
}

// updateRowsOf tells a user what changed after a point, MaxStates rows at most.
func (s *Service) updateRowsOf(ctx context.Context, user uint64, after point) {
	var u User
	err := s.store.View(ctx, func(v View) (err error) {
		u, err = v.User(user)
		return err
	})
	if err != nil {
		_ = s.failed("rows could not be pushed", err) // has logged it
		return
	}
	from := position{epoch: s.epoch.Load(), rev: after.rev, start: after.start, services: u.Services}
	c, err := s.changes(ctx, Sender{User: user, Services: u.Services.All()}, s.tokens.of(from), true)
	if err != nil {
		return // logged
	}
	end := c.end()
	if len(c.states) > 0 {
		err := s.publishChanges(c, func(branch proto.Branch, payload []byte) error {
			s.fanout.Publish(user, branch, payload)
			return nil
		})
		if err != nil {
			return // logged; others follow from the same number
		}
	}
	s.updates.told(user, point{end.rev, end.start})
	if c.more {
		s.updates.add(s.now(), user, end.rev+1)
		s.nudge()
	}
}
