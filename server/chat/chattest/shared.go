package chattest

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"parley/server/chat"
)

// leaseTime is how long a node counts as there after Renew.
const leaseTime = 10 * time.Second

// Shared is a Memory that several nodes use at once, for simulations and tests. It starts
// no goroutine: whoever drives the nodes lets each take the next record of the change log
// (Node.Next), and renew its lease.
type Shared struct {
	*Memory
	clock       func() time.Time // that all nodes have in common
	last        uint64           // when the last transaction was, Unix milliseconds
	log         [][]byte         // records, of which the first trimmed are gone
	trimmed     int
	leases      map[uint64]lease
	connections map[connection]chat.Presence
	nodes       map[uint64]*Node
}

// lease is that of a node.
type lease struct{ renewed, until time.Time }

// connection names one at a node.
type connection struct {
	node   uint64
	user   uint64
	client string
}

// NewShared lets nodes share a history, which nobody else uses any more.
func NewShared(history *Memory, clock func() time.Time) *Shared {
	return &Shared{Memory: history, clock: clock, leases: make(map[uint64]lease), connections: make(map[connection]chat.Presence), nodes: make(map[uint64]*Node)}
}

// Node is one of a Shared's users.
type Node struct {
	*Shared
	start    uint64
	to       chat.Follower
	followed int         // how many records
	pending  *pending    // of the Update under way
	leads    bool        // as of the last Renew, for as long as that lasts
	Vague    func() bool // whether what became of a commit stays unknown; nil: never
	Older    bool        // a node of an earlier version is there
}

// pending is what a transaction changes beside the history.
type pending struct {
	now          uint64
	record       []byte
	began, ended []chat.Presence
	removed      []uint64
}

var _ chat.Shared = (*Node)(nil)

// Open opens the history for a node with a start of its own.
func (s *Shared) Open(start uint64) *Node {
	s.Begin(start)
	n := &Node{Shared: s, start: start, followed: s.Records()}
	s.nodes[start] = n
	n.Renew()
	return n
}

// Records is how many there are and were in the change log.
func (s *Shared) Records() int { return s.trimmed + len(s.log) }

// Since are the records in the change log after the first so many.
func (s *Shared) Since(after int) [][]byte { return slices.Clone(s.log[max(0, after-s.trimmed):]) }

// Trim forgets the change log but for its last records.
func (s *Shared) Trim(but int) {
	gone := max(0, len(s.log)-but)
	s.log, s.trimmed = slices.Clone(s.log[gone:]), s.trimmed+gone
}

// Fresh reports whether a node renewed its lease within the lease's time.
func (s *Shared) Fresh(node uint64) bool { return s.clock().Before(s.leases[node].until) }

// Renew renews the node's lease.
func (n *Node) Renew() {
	now := n.clock()
	n.leases[n.start] = lease{now, now.Add(leaseTime)}
	first := n.start
	for id, l := range n.leases {
		if now.Before(l.until) {
			first = min(first, id)
		}
	}
	n.leads = first == n.start
}

// Next hands the next record to who follows, or tells that some are gone which the node has
// missed (lagged). It reports whether there may be more.
func (n *Node) Next() (some, lagged bool) {
	if n.to == nil {
		return false, false
	}
	if n.followed < n.trimmed {
		n.followed = n.trimmed
		n.to.Lagged()
		return true, true
	}
	at := n.followed - n.trimmed
	if at == len(n.log) {
		return false, false
	}
	n.followed++
	n.to.Told(n.log[at])
	return true, false
}

// Start implements chat.Store.
func (n *Node) Start() uint64 { return n.start }

// Update implements chat.Store.
func (n *Node) Update(ctx context.Context, change func(chat.Tx) error) error {
	p := n.begin()
	err := n.Memory.Update(ctx, change)
	n.pending = nil
	if err != nil {
		return err
	}
	n.commit(p)
	if n.Vague != nil && n.Vague() {
		return fmt.Errorf("the connection broke: %w", chat.ErrUnknown)
	}
	return nil
}

// begin begins a transaction.
func (n *Node) begin() *pending {
	n.pending = &pending{now: max(n.last, uint64(max(0, n.clock().UnixMilli())))}
	return n.pending
}

func (n *Node) commit(p *pending) {
	n.last = p.now
	if p.record != nil {
		n.log = append(n.log, p.record)
	}
	for _, at := range p.ended {
		delete(n.connections, connection{n.start, at.User, at.Client})
	}
	for _, at := range p.began {
		n.connections[connection{n.start, at.User, at.Client}] = at
	}
	if _, known := n.leases[n.start]; !known && len(p.began)+len(p.ended) > 0 {
		n.Renew()
	}
	for _, node := range p.removed {
		delete(n.leases, node)
		maps.DeleteFunc(n.connections, func(c connection, _ chat.Presence) bool { return c.node == node })
	}
}

// Now implements chat.Shared.
func (n *Node) Now(chat.Tx) (uint64, error) { return n.pending.now, nil }

// LastStart implements chat.Shared.
func (n *Node) LastStart(v chat.View) (uint64, error) {
	starts := v.(memoryView).s.starts
	return starts[len(starts)-1].id, nil
}

// Log implements chat.Shared.
func (n *Node) Log(_ chat.Tx, record []byte) { n.pending.record = record }

// Follow implements chat.Shared. It returns at once: Next hands over the records.
func (n *Node) Follow(_ context.Context, to chat.Follower) { n.to = to }

// Signal implements chat.Shared.
func (n *Node) Signal(signal []byte) {
	for _, start := range slices.Sorted(maps.Keys(n.nodes)) {
		if other := n.nodes[start]; other != n && other.to != nil {
			other.to.Heard(signal)
		}
	}
}

// Attend implements chat.Shared.
func (n *Node) Attend(_ chat.Tx, began, ended []chat.Presence) error {
	n.pending.began, n.pending.ended = append(n.pending.began, began...), append(n.pending.ended, ended...)
	return nil
}

// Attendance implements chat.Shared.
func (n *Node) Attendance(_ chat.View, each func(node uint64, p chat.Presence)) error {
	for at, p := range n.connections {
		each(at.node, p)
	}
	return nil
}

// Expired implements chat.Shared.
func (n *Node) Expired(chat.View) (nodes []uint64, err error) {
	now := n.clock()
	for id, l := range n.leases {
		if id != n.start && now.After(l.until) {
			nodes = append(nodes, id)
		}
	}
	slices.Sort(nodes)
	return nodes, nil
}

// Remove implements chat.Shared.
func (n *Node) Remove(tx chat.Tx, node uint64) (bool, error) {
	l, known := n.leases[node]
	if !known || slices.Contains(n.pending.removed, node) || !n.clock().After(l.until) {
		return false, nil
	}
	n.pending.removed = append(n.pending.removed, node)
	users := make(map[uint64]bool)
	for at := range n.connections {
		if at.node == node {
			users[at.user] = true
		}
	}
	for _, id := range slices.Sorted(maps.Keys(users)) {
		u, err := tx.User(id)
		if err != nil {
			return false, err
		}
		u.ID, u.LastSeen = id, max(u.LastSeen, uint64(max(0, l.renewed.UnixMilli())))
		if err := tx.PutUser(u); err != nil {
			return false, err
		}
	}
	return true, nil
}

// Leads implements chat.Shared.
func (n *Node) Leads() bool { return n.leads && n.Fresh(n.start) }

// Mixed implements chat.Shared.
func (n *Node) Mixed() bool { return n.Older }
