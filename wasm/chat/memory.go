package chat

import (
	"cmp"
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
	entries map[string][]Entry // in seq order
	rows    map[string]Row
	top     []string
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
	m.entries, m.rows, m.top = make(map[string][]Entry), make(map[string]Row), nil
}

// Load implements Store.
func (m *Memory) Load(ctx context.Context) (Snapshot, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := Snapshot{Meta: m.meta, Top: slices.Clone(m.top)}
	for _, number := range slices.Sorted(maps.Keys(m.outbox)) {
		s.Outbox = append(s.Outbox, cloneOutgoing(m.outbox[number]))
	}
	keys := s.First()
	if s.Top == nil {
		keys = slices.Sorted(maps.Keys(m.rows))
	}
	for _, key := range keys {
		if row, ok := m.rows[key]; ok {
			s.Conversations = append(s.Conversations, cloneRow(row))
		}
	}
	return s, ctx.Err()
}

// Rows implements Store.
func (m *Memory) Rows(ctx context.Context, after string, limit int) (rows []Row, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, key := range slices.Sorted(maps.Keys(m.rows)) {
		if key > after && len(rows) < limit {
			rows = append(rows, cloneRow(m.rows[key]))
		}
	}
	return rows, ctx.Err()
}

// Messages implements Store.
func (m *Memory) Messages(ctx context.Context, key string, from, to uint64) ([]Entry, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	entries := m.entries[key]
	first, _ := place(entries, from)
	var found []Entry
	for _, e := range entries[first:] {
		if e.Seq > to {
			break
		}
		found = append(found, cloneEntry(e))
	}
	return found, ctx.Err()
}

// Candidates implements Store. There is no index: all that is in memory is soon read.
func (m *Memory) Candidates(ctx context.Context, spans []Span, p Probe) ([]Candidates, error) {
	all := make([]Candidates, len(spans))
	for i, s := range spans {
		all[i] = p.Look(s, func(uint64) *PageTerms { return nil })
	}
	return all, ctx.Err()
}

// Index implements Store.
func (m *Memory) Index(ctx context.Context, _ Span) error { return ctx.Err() }

// Apply implements Store.
func (m *Memory) Apply(ctx context.Context, b Batch) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := b.Check(); err != nil {
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
	for _, s := range b.Dropped {
		m.entries[s.Key] = slices.DeleteFunc(m.entries[s.Key], func(e Entry) bool { return PageOf(e.Seq) >= s.From && PageOf(e.Seq) <= s.To })
	}
	for _, e := range b.Entries {
		m.put(cloneEntry(e))
	}
	for _, d := range b.Deleted {
		first, _ := place(m.entries[d.Key], d.Before)
		m.entries[d.Key] = slices.Clone(m.entries[d.Key][first:])
	}
	for _, r := range b.Conversations {
		m.rows[r.Key] = cloneRow(r)
	}
	if b.Top != nil {
		m.top = slices.Clone(b.Top)
	}
	for _, o := range b.Outbox {
		m.outbox[o.Number] = cloneOutgoing(o)
	}
	for _, number := range b.Confirmed {
		delete(m.outbox, number)
	}
	return nil
}

func (m *Memory) put(e Entry) {
	entries := m.entries[e.Key]
	i, found := place(entries, e.Seq)
	if found {
		entries[i] = e
		return
	}
	m.entries[e.Key] = slices.Insert(entries, i, e)
}

// place finds where in entries seq is, or would be.
func place(entries []Entry, seq uint64) (int, bool) {
	return slices.BinarySearchFunc(entries, seq, func(e Entry, seq uint64) int { return cmp.Compare(e.Seq, seq) })
}

// Close implements Store. What was stored can be loaded again.
func (m *Memory) Close() error { return nil }

func cloneEntry(e Entry) Entry {
	e.Body = slices.Clone(e.Body)
	return e
}

func cloneRow(r Row) Row {
	r.State, r.Ranges = slices.Clone(r.State), slices.Clone(r.Ranges)
	r.Delivered, r.Read = slices.Clone(r.Delivered), slices.Clone(r.Read)
	return r
}

func cloneOutgoing(o Outgoing) Outgoing {
	o.Body = slices.Clone(o.Body)
	return o
}
