package chat

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"parley/proto"
)

const (
	// pushEvery is the least time from a change of a row to its push: what
	// changes meanwhile goes out together.
	pushEvery = 250 * time.Millisecond
	// pushRest is how many times as long as the last pushes took nothing is
	// pushed, so that they never take more than a part of what the server can do.
	pushRest = 4
)

// pushes are answers on down/unread that nobody asked for, to users who are
// here and whose rows changed. A client that follows entries and marks knows
// most of it already; it shows one what it was not sent or lost, and is all that
// a client needs which shows no more than badges and previews. Each push goes on
// where the one before ended, and says so (BaseUserUnreadStatics.since).
type pushes struct {
	mu      sync.Mutex
	after   map[uint64]uint64   // by user: the change number up to which they were told
	users   map[uint64]struct{} // whose rows changed since
	due     time.Time
	resting time.Time // until then
}

// begin notes up to which change number a user knows their rows, unless pushes
// to them go on from another one.
func (p *pushes) begin(user, rev uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.start(user, rev)
}

func (p *pushes) start(user, rev uint64) {
	if p.after == nil {
		p.after, p.users = make(map[uint64]uint64), make(map[uint64]struct{})
	}
	if _, known := p.after[user]; !known {
		p.after[user] = rev
	}
}

// add lets a user be told of a row that changed under a change number.
func (p *pushes) add(now time.Time, user, rev uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.start(user, rev-1)
	if len(p.users) == 0 {
		p.due = now.Add(pushEvery)
		if p.resting.After(p.due) {
			p.due = p.resting
		}
	}
	p.users[user] = struct{}{}
}

// take returns who is to be told now of what changed after which number, or
// else when somebody will be; the zero time if nobody waits.
func (p *pushes) take(now time.Time) (after map[uint64]uint64, next time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.users) == 0 {
		return nil, time.Time{}
	}
	if now.Before(p.due) {
		return nil, p.due
	}
	after = make(map[uint64]uint64, len(p.users))
	for user := range p.users {
		after[user] = p.after[user]
	}
	clear(p.users)
	return after, time.Time{}
}

// told notes up to which change number a user was told, if pushes to them go on.
func (p *pushes) told(user, rev uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if before, here := p.after[user]; here {
		p.after[user] = max(before, rev)
	}
}

// end forgets a user who left.
func (p *pushes) end(user uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.after, user)
	delete(p.users, user)
}

// rest lets pushes that took a while be followed by a longer one without.
func (p *pushes) rest(now time.Time, took time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.resting = now.Add(pushRest * took)
}

// push sends what is due, and returns when there may be more.
func (s *Service) push(ctx context.Context) (next time.Time) {
	began := s.now()
	after, next := s.pushes.take(began)
	for _, user := range slices.Sorted(maps.Keys(after)) {
		s.pushTo(ctx, user, after[user])
	}
	if now := s.now(); len(after) > 0 {
		s.pushes.rest(now, now.Sub(began))
	}
	return next
}

// pushTo tells a user what changed after a change number, MaxStates rows at most.
func (s *Service) pushTo(ctx context.Context, user, after uint64) {
	var u User
	err := s.store.View(ctx, func(v View) (err error) {
		u, err = v.User(user)
		return err
	})
	if err != nil {
		_ = s.failed("rows could not be pushed", err) // has logged it
		return
	}
	from := position{s.store.Epoch(), after, u.Services}
	c, err := s.changes(ctx, Sender{User: user, Services: u.Services.All()}, from.String())
	if err != nil {
		return // logged
	}
	end := c.end().rev
	if len(c.states) > 0 {
		c.pushed = true
		err := s.publishChanges(c, func(branch proto.Branch, payload []byte) error {
			s.fanout.Publish(user, branch, payload)
			return nil
		})
		if err != nil {
			return // logged; others follow from the same number
		}
	}
	s.pushes.told(user, end)
	if c.more {
		s.pushes.add(s.now(), user, end+1)
		s.nudge()
	}
}
