package chat

import (
	"context"
	"maps"
	"slices"
	"sync"
)

// Memory is a Store that ends with the program: for tests, simulations, and
// browsers that refuse storage. Safe for concurrent use.
type Memory struct {
	mu      sync.Mutex
	meta    Meta
	entries map[string]map[uint64][]byte
	rows    map[string]Row
	outbox  map[uint64]Outgoing
}

var _ Store = (*Memory)(nil)

// NewMemory returns an empty store.
func NewMemory() *Memory {
	m := &Memory{outbox: make(map[uint64]Outgoing)}
	m.clear()
	return m
}

func (m *Memory) clear() {
	m.entries, m.rows = make(map[string]map[uint64][]byte), make(map[string]Row)
}

// Load implements Store.
func (m *Memory) Load(ctx context.Context) (Snapshot, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := Snapshot{Meta: m.meta}
	for _, key := range slices.Sorted(maps.Keys(m.rows)) {
		s.Conversations = append(s.Conversations, cloneRow(m.rows[key]))
	}
	for _, number := range slices.Sorted(maps.Keys(m.outbox)) {
		s.Outbox = append(s.Outbox, cloneOutgoing(m.outbox[number]))
	}
	return s, ctx.Err()
}

// Messages implements Store.
func (m *Memory) Messages(ctx context.Context, key string, from, to uint64) ([]Entry, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var found []Entry
	for _, seq := range slices.Sorted(maps.Keys(m.entries[key])) {
		if seq >= from && seq <= to {
			found = append(found, Entry{Key: key, Seq: seq, Body: slices.Clone(m.entries[key][seq])})
		}
	}
	return found, ctx.Err()
}

// Apply implements Store.
func (m *Memory) Apply(ctx context.Context, b Batch) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if b.Clear {
		m.clear()
	}
	if b.Meta != nil {
		m.meta = *b.Meta
	}
	for _, e := range b.Entries {
		if m.entries[e.Key] == nil {
			m.entries[e.Key] = make(map[uint64][]byte)
		}
		m.entries[e.Key][e.Seq] = slices.Clone(e.Body)
	}
	for _, r := range b.Conversations {
		m.rows[r.Key] = cloneRow(r)
	}
	for _, o := range b.Outbox {
		m.outbox[o.Number] = cloneOutgoing(o)
	}
	for _, number := range b.Confirmed {
		delete(m.outbox, number)
	}
	return nil
}

// Close implements Store. What was stored can be loaded again.
func (m *Memory) Close() error { return nil }

func cloneRow(r Row) Row {
	r.State, r.Ranges = slices.Clone(r.State), slices.Clone(r.Ranges)
	return r
}

func cloneOutgoing(o Outgoing) Outgoing {
	o.Body = slices.Clone(o.Body)
	return o
}
