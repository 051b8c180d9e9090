package chat

import (
	"cmp"
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
	// maxPushed bounds the rows of one push; others come with the next sync.
	maxPushed = 100
	// pushed stands as since in what nobody asked for: no client has such a
	// token, so none takes over the push's own, which is empty.
	pushed = "push"
)

// row is that of a user's conversation.
type row struct {
	user uint64
	key  proto.Key
	last bool // it has a newer entry
}

// pushes are rows to be sent to users on down/unread without being asked for,
// because they changed. A client that follows entries and marks knows most of
// them already; they show it what it was not sent or lost, and are all that one
// needs which shows no more than badges and previews.
type pushes struct {
	mu      sync.Mutex
	rows    map[uint64]map[proto.Key]bool // by user; whether with the newest entry
	due     time.Time
	resting time.Time // until then
}

func (p *pushes) add(now time.Time, r row) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.rows == nil {
		p.rows, p.due = make(map[uint64]map[proto.Key]bool), now.Add(pushEvery)
		if p.resting.After(p.due) {
			p.due = p.resting
		}
	}
	if p.rows[r.user] == nil {
		p.rows[r.user] = make(map[proto.Key]bool)
	}
	if last, waits := p.rows[r.user][r.key]; waits || len(p.rows[r.user]) < maxPushed {
		p.rows[r.user][r.key] = last || r.last
	}
}

// rest lets pushes that took a while be followed by a longer one without.
func (p *pushes) rest(now time.Time, took time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.resting = now.Add(pushRest * took)
}

// take returns what is due, or else when it will be; the zero time if nothing waits.
func (p *pushes) take(now time.Time) (rows map[uint64]map[proto.Key]bool, next time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.rows == nil || now.Before(p.due) {
		return nil, p.due
	}
	rows = p.rows
	p.rows, p.due = nil, time.Time{}
	return rows, time.Time{}
}

// push sends the rows that are due, and returns when there may be more.
func (s *Service) push(ctx context.Context) (next time.Time) {
	began := s.now()
	rows, next := s.pushes.take(began)
	for _, user := range slices.Sorted(maps.Keys(rows)) {
		s.pushRows(ctx, user, rows[user])
	}
	if now := s.now(); len(rows) > 0 {
		s.pushes.rest(now, now.Sub(began))
	}
	return next
}

func (s *Service) pushRows(ctx context.Context, user uint64, rows map[proto.Key]bool) {
	c, err := s.rows(ctx, user, rows)
	if err != nil {
		_ = s.failed("rows could not be pushed", err) // has logged it
		return
	}
	for len(c.states) > 0 {
		answer := s.answer(c.cut(maxAnswer))
		answer.Since, answer.Token, answer.More = new(string), new(string), nil
		*answer.Since = pushed
		payload, err := proto.Marshal(answer)
		if err != nil {
			_ = s.failed("rows could not be pushed", err)
			return
		}
		s.fanout.Publish(user, proto.BranchUnread, payload)
	}
}

// rows reads a user's rows of some conversations.
func (s *Service) rows(ctx context.Context, user uint64, rows map[proto.Key]bool) (*changes, error) {
	c := new(changes)
	keys := slices.SortedFunc(maps.Keys(rows), func(x, y proto.Key) int { return cmp.Compare(x.String(), y.String()) })
	return c, s.store.View(ctx, func(v View) error {
		u, err := v.User(user)
		if err != nil {
			return err
		}
		for _, key := range keys {
			if !key.Has(user) && !u.Services.Has(key.Service()) {
				continue // an agent no more
			}
			row, err := state(v, user, key)
			if err != nil {
				return err
			}
			if !rows[key] {
				row.Last, row.LastService = nil, nil
			}
			c.states, c.revs = append(c.states, row), append(c.revs, 0)
		}
		c.totals, err = s.tallies.totals(v, s.store.Epoch(), user, u.Services)
		return err
	})
}
