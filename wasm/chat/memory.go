package chat

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"sync"

	"parley/proto/search"
)

// Memory is a Store that ends with the program: for tests, simulations, and
// browsers that refuse storage. Safe for concurrent use.
type Memory struct {
	// Folder is the engine's: what is stored is indexed by it. Not changed once something is.
	Folder search.Folder

	mu      sync.Mutex
	meta    Meta
	entries map[string][]Entry // in seq order
	index   map[string]map[uint64]*PageTerms
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
	m.entries, m.rows = make(map[string][]Entry), make(map[string]Row)
	m.index = make(map[string]map[uint64]*PageTerms)
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
	for _, e := range m.stretch(key, from, to) {
		found = append(found, cloneEntry(e))
	}
	return found, ctx.Err()
}

// stretch is what is stored from a seq through another.
func (m *Memory) stretch(key string, from, to uint64) []Entry {
	entries := m.entries[key]
	first, _ := place(entries, from)
	end, last := place(entries, to)
	if last {
		end++
	}
	return entries[first:max(first, end)]
}

// on are the bodies of what is on a page.
func (m *Memory) on(key string, page uint64) (bodies [][]byte) {
	for _, e := range m.stretch(key, page*PageSize, page*PageSize+PageSize-1) {
		bodies = append(bodies, e.Body)
	}
	return bodies
}

// Candidates implements Store.
func (m *Memory) Candidates(ctx context.Context, spans []Span, p Probe) ([]Candidates, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	all := make([]Candidates, len(spans))
	for i, s := range spans {
		all[i] = p.Look(s, func(page uint64) *PageTerms { return m.index[s.Key][page] })
	}
	return all, ctx.Err()
}

// Index implements Store.
func (m *Memory) Index(ctx context.Context, s Span) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for page := s.From; page <= s.To; page++ {
		if m.index[s.Key][page] == nil {
			m.indexAgain(s.Key, page)
		}
	}
	return nil
}

// indexAgain makes the terms of a page of what is on it; none if that is nothing.
func (m *Memory) indexAgain(key string, page uint64) {
	delete(m.index[key], page)
	if bodies := m.on(key, page); len(bodies) > 0 {
		terms := IndexOf(m.Folder, key, bodies)
		m.setTerms(key, page, &terms)
	}
}

func (m *Memory) setTerms(key string, page uint64, terms *PageTerms) {
	if m.index[key] == nil {
		m.index[key] = make(map[uint64]*PageTerms)
	}
	m.index[key][page] = terms
}

// Terms returns what the index says of the pages of a conversation.
func (m *Memory) Terms(key string) map[uint64]PageTerms {
	m.mu.Lock()
	defer m.mu.Unlock()
	all := make(map[uint64]PageTerms)
	for page, terms := range m.index[key] {
		all[page] = *terms
	}
	return all
}

// Unindex lets the index know no more of pages that lost tells, as one that an earlier version kept.
func (m *Memory) Unindex(lost func(page uint64) bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, terms := range m.index {
		maps.DeleteFunc(terms, func(page uint64, _ *PageTerms) bool { return lost(page) })
	}
}

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
	for left := b.Entries; len(left) > 0; {
		left = left[m.write(left):]
	}
	for _, d := range b.Deleted {
		m.forget(d)
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

// write stores the first of entries, and those after it on the same page, indexes them and returns how many they are.
func (m *Memory) write(entries []Entry) (n int) {
	key, page, replaces := entries[0].Key, PageOf(entries[0].Seq), false
	var written [][]byte
	for _, e := range entries {
		if e.Key != key || PageOf(e.Seq) != page {
			break
		}
		replaces = m.put(cloneEntry(e)) || replaces
		written = append(written, e.Body)
	}
	all := func() [][]byte { return m.on(key, page) }
	m.setTerms(key, page, IndexWritten(m.Folder, key, m.index[key][page], written, replaces, all))
	return len(written)
}

// put stores an entry and reports whether it takes another's place.
func (m *Memory) put(e Entry) (replaces bool) {
	entries := m.entries[e.Key]
	i, replaces := place(entries, e.Seq)
	if replaces {
		entries[i] = e
	} else {
		m.entries[e.Key] = slices.Insert(entries, i, e)
	}
	return replaces
}

// forget deletes entries, and what the index says of them.
func (m *Memory) forget(d Deletion) {
	first, _ := place(m.entries[d.Key], d.Before)
	m.entries[d.Key] = slices.Clone(m.entries[d.Key][first:])
	last := PageOf(d.Before)
	maps.DeleteFunc(m.index[d.Key], func(page uint64, _ *PageTerms) bool { return page < last })
	m.indexAgain(d.Key, last)
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
