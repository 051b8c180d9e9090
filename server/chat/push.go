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
	// pushEvery is the least time between two pushes of rows to one user.
	pushEvery = 250 * time.Millisecond
	// maxPushed bounds the rows of one push; others come with the next sync.
	maxPushed = 100
	// pushed stands as since in what nobody asked for: no client has such a
	// token, so none takes over the push's own, which is empty.
	pushed = "push"
)

// pushes are rows to be sent to users on down/unread without being asked for:
// those that changed in what devices do not learn from entries and marks, such
// as names. What waits goes out together, some time after the first.
type pushes struct {
	mu   sync.Mutex
	rows map[uint64]map[proto.Key]struct{} // by user
	due  time.Time
}

func (p *pushes) add(now time.Time, user uint64, key proto.Key) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.rows == nil {
		p.rows, p.due = make(map[uint64]map[proto.Key]struct{}), now.Add(pushEvery)
	}
	if p.rows[user] == nil {
		p.rows[user] = make(map[proto.Key]struct{})
	}
	if len(p.rows[user]) < maxPushed {
		p.rows[user][key] = struct{}{}
	}
}

// take returns what is due, or else when it will be; the zero time if nothing waits.
func (p *pushes) take(now time.Time) (rows map[uint64]map[proto.Key]struct{}, next time.Time) {
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
	rows, next := s.pushes.take(s.now())
	for _, user := range slices.Sorted(maps.Keys(rows)) {
		keys := slices.SortedFunc(maps.Keys(rows[user]), func(x, y proto.Key) int { return cmp.Compare(x.String(), y.String()) })
		s.pushRows(ctx, user, keys)
	}
	return next
}

func (s *Service) pushRows(ctx context.Context, user uint64, keys []proto.Key) {
	c, err := s.rows(ctx, user, keys)
	if err != nil {
		_ = s.failed("rows could not be pushed", err) // has logged it
		return
	}
	answer := s.answer(c)
	answer.Token = new(string)
	if payload, err := proto.Marshal(answer); err == nil { // complete, as it was made here
		s.fanout.Publish(user, proto.BranchUnread, payload)
	}
}

// rows reads a user's rows of some conversations, without the newest entry,
// which went out before and may be long.
func (s *Service) rows(ctx context.Context, user uint64, keys []proto.Key) (*changes, error) {
	c := &changes{since: pushed}
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
			row.Last, row.LastService = nil, nil
			c.states = append(c.states, row)
		}
		c.totals, err = s.tallies.totals(v, s.store.Epoch(), user, u.Services)
		return err
	})
}
