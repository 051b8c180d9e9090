package proto

import (
	"fmt"
	"sync"
	"time"
)

// A message id is 41 bits of milliseconds since IDEpoch, 10 bits of node and
// 12 bits of counter, from high to low; the top bit is 0 until the year 2094.
const (
	nodeBits    = 10
	counterBits = 12

	// MaxNode is the highest node number.
	MaxNode = 1<<nodeBits - 1
)

// IDEpoch is where the milliseconds in a message id begin.
var IDEpoch = time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)

// FirstID is the lowest id that a message has which gets it at a time or later.
func FirstID(at time.Time) uint64 {
	return uint64(max(0, at.Sub(IDEpoch).Milliseconds())) << (nodeBits + counterBits)
}

// TimeOf is when a message got its id, to the millisecond, as the clock said that gave it.
func TimeOf(id uint64) time.Time {
	return IDEpoch.Add(time.Duration(id>>(nodeBits+counterBits)) * time.Millisecond)
}

// IDs makes message ids that are unique among nodes and only rise, whatever
// the clock does. Safe for concurrent use.
type IDs struct {
	node uint64
	now  func() time.Time

	mu   sync.Mutex
	last uint64 // milliseconds and counter of the newest id, without the node
}

// NewIDs returns ids for one node that are all above last, the highest id that
// was given before, by whichever node (0 if none).
func NewIDs(node uint64, last uint64, now func() time.Time) (*IDs, error) {
	if node > MaxNode {
		return nil, fmt.Errorf("node %d: want 0 to %d", node, MaxNode)
	}
	g := &IDs{node: node, now: now}
	g.After(last)
	return g, nil
}

// Next returns a new id, above every one it returned before.
func (g *IDs) Next() uint64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	var tick uint64
	if ms := g.now().Sub(IDEpoch).Milliseconds(); ms > 0 {
		tick = uint64(ms) << counterBits
	}
	g.last = max(g.last+1, tick)
	return g.join(g.last)
}

// After lets the next id be above id, which another node may have given: it is
// of a later millisecond, because within one the higher node stands higher.
func (g *IDs) After(id uint64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.last = max(g.last, id>>(nodeBits+counterBits)<<counterBits|(1<<counterBits-1))
}

func (g *IDs) join(tick uint64) uint64 {
	return tick>>counterBits<<(nodeBits+counterBits) | g.node<<counterBits | tick&(1<<counterBits-1)
}
