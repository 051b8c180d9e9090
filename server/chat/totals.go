package chat

import (
	"sync"

	"parley/proto"
)

// Totals sums up a user's conversations.
type Totals struct {
	Unread              uint64 // entries
	UnreadConversations uint64 // with any
	Waiting             uint64 // conversations in which the other side waits for the user's
}

// totalsStep bounds how many rows are summed up at once, some milliseconds' worth.
const totalsStep = 1000

// maxTotalRows bounds how many rows all totals hold together; beyond it all are
// dropped, and made anew when they are asked for.
const maxTotalRows = 500_000

// totalsCache holds what Totals were made of, so that the totals of a user with many
// conversations cost what changed since and not all there is. It is a cache:
// each row is replaced by what the store says of it, none is counted up or down.
type totalsCache struct {
	mu     sync.Mutex
	byUser map[uint64]*userTotals
	size   int // rows of all, and one for each user
}

// userTotals is what is known of one user's conversations up to a change number.
type userTotals struct {
	mu       sync.Mutex
	epoch    uint64
	rev      uint64
	services Services
	rows     map[proto.Key]Change
	sum      Totals
}

// totals returns the totals of t's user as of v. It sums up totalsStep rows at most,
// and returns nil if there are more, or if t knows of later changes than v: calling
// again with a later v goes on.
func (ts *totalsCache) totals(t *userTotals, v View, user uint64, services Services) (*Totals, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	newest, err := v.Rev()
	if err != nil {
		return nil, err
	}
	epoch, err := v.Epoch()
	if err != nil {
		return nil, err
	}
	before := len(t.rows)
	if t.epoch != epoch || t.services != services {
		t.epoch, t.services, t.rev, t.rows, t.sum = epoch, services, 0, make(map[proto.Key]Change), Totals{}
	}
	if t.rev > newest {
		return nil, nil
	}
	changed, err := v.Changed(user, services, t.rev, totalsStep)
	if err != nil {
		return nil, err
	}
	for _, c := range changed {
		t.sum.add(t.rows[c.Key], -1)
		t.sum.add(c, +1)
		t.rows[c.Key] = c
	}
	ts.grown(len(t.rows) - before)
	if len(changed) == totalsStep {
		t.rev = changed[len(changed)-1].Rev
		return nil, nil
	}
	t.rev = newest
	sum := t.sum
	return &sum, nil
}

// add adds a row, or with sign -1 takes it away.
func (t *Totals) add(c Change, sign int) {
	n := uint64(sign)
	t.Unread += n * c.Unread
	if c.Unread > 0 {
		t.UnreadConversations += n
	}
	if c.Waiting {
		t.Waiting += n
	}
}

func (ts *totalsCache) of(user uint64) *userTotals {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	if ts.byUser == nil {
		ts.byUser = make(map[uint64]*userTotals)
	}
	t := ts.byUser[user]
	if t == nil {
		t = new(userTotals)
		ts.byUser[user] = t
		ts.size++ // an empty one takes room, too
	}
	return t
}

// grown keeps the size within its bound. Whoever uses a userTotals that is dropped
// goes on with it, and the next one makes another.
func (ts *totalsCache) grown(by int) {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	ts.size += by
	if ts.size > maxTotalRows {
		ts.byUser, ts.size = nil, 0
	}
}
