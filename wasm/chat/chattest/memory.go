package chattest

import (
	"context"
	"maps"
	"slices"
	"sync"

	"parley/proto/search"
	"parley/wasm/chat"
)

// indexBlock is of how many pages an index keeps what it says in one record, which goes as a whole.
const indexBlock = 16

// Memory is a store in memory that keeps an index, by the same rules as a browser's, and breaks as that may.
type Memory struct {
	*chat.Memory
	fold search.Folder

	mu       sync.Mutex
	index    map[string]map[uint64]*chat.PageTerms // by conversation and page
	spoilt   chat.Damage                           // each page by itself
	lost     func()                                // is to be told of it
	reopened bool                                  // since it was lost, and not loaded yet
}

var (
	_ chat.Store   = (*Memory)(nil)
	_ chat.Watched = (*Memory)(nil)
)

// NewMemory returns an empty store. fold is the engine's Folder.
func NewMemory(fold search.Folder) *Memory {
	return &Memory{Memory: chat.NewMemory(), fold: fold, index: make(map[string]map[uint64]*chat.PageTerms)}
}

// Candidates implements chat.Store.
func (m *Memory) Candidates(ctx context.Context, spans []chat.Span, p chat.Probe) ([]chat.Candidates, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.reopened {
		return nil, chat.ErrReopened
	}
	all := make([]chat.Candidates, len(spans))
	for i, s := range spans {
		all[i] = p.Look(s, func(page uint64) *chat.PageTerms { return m.index[s.Key][page] })
	}
	return all, ctx.Err()
}

// Index implements chat.Store.
func (m *Memory) Index(ctx context.Context, s chat.Span) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	lacks := func(page uint64) bool { return m.index[s.Key][page] == nil }
	if m.reopened {
		return chat.ErrReopened
	}
	if err := m.damaged(func(p place) bool { return p.key == s.Key && s.From <= p.page && p.page <= s.To && lacks(p.page) }); err != nil {
		return err
	}
	for page := s.From; page <= s.To; page++ {
		if !lacks(page) {
			continue
		}
		if err := m.remake(ctx, s.Key, page); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// remake makes the terms of a page of what is on it; none if that is nothing.
func (m *Memory) remake(ctx context.Context, key string, page uint64) error {
	on, err := m.on(ctx, key, page)
	if err != nil {
		return err
	}
	delete(m.index[key], page)
	if len(on) > 0 {
		terms := chat.IndexOf(m.fold, key, bodies(on))
		m.set(key, page, &terms)
	}
	return nil
}

func (m *Memory) set(key string, page uint64, terms *chat.PageTerms) {
	if m.index[key] == nil {
		m.index[key] = make(map[uint64]*chat.PageTerms)
	}
	m.index[key][page] = terms
}

// on is what is stored on a page.
func (m *Memory) on(ctx context.Context, key string, page uint64) ([]chat.Entry, error) {
	return m.Memory.Messages(ctx, key, page*chat.PageSize, page*chat.PageSize+chat.PageSize-1)
}

func bodies(entries []chat.Entry) (bodies [][]byte) {
	for _, e := range entries {
		bodies = append(bodies, e.Body)
	}
	return bodies
}

// written is what a batch writes to a page.
type written struct {
	entries  []chat.Entry
	replaces bool
}

type place struct {
	key  string
	page uint64
}

// Apply implements chat.Store.
func (m *Memory) Apply(ctx context.Context, b chat.Batch) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.reopened {
		return chat.ErrReopened
	}
	pages, err := m.paginate(ctx, b)
	if err == nil {
		err = m.met(b, pages)
	}
	if err == nil {
		err = m.Memory.Apply(ctx, b)
	}
	if err != nil {
		return err
	}
	m.replaced(b, pages)
	ctx = context.WithoutCancel(ctx) // all or nothing
	if b.Clear {
		clear(m.index)
	}
	for _, s := range b.Dropped {
		m.forgetIndex(s)
	}
	for at, w := range pages {
		on, err := m.on(ctx, at.key, at.page)
		if err != nil {
			return err
		}
		all := func() [][]byte { return bodies(on) }
		m.set(at.key, at.page, chat.IndexWritten(m.fold, at.key, m.index[at.key][at.page], bodies(w.entries), w.replaces, all))
	}
	for _, d := range b.Deleted {
		last := chat.PageOf(d.Before)
		maps.DeleteFunc(m.index[d.Key], func(page uint64, _ *chat.PageTerms) bool { return page < last })
		if err := m.remake(ctx, d.Key, last); err != nil {
			return err
		}
	}
	return nil
}

// paginate tells what a batch writes to which pages, before it does.
func (m *Memory) paginate(ctx context.Context, b chat.Batch) (map[place]*written, error) {
	pages := make(map[place]*written)
	for _, e := range b.Entries {
		at := place{e.Key, chat.PageOf(e.Seq)}
		w := pages[at]
		if w == nil {
			w = new(written)
			pages[at] = w
		}
		same := func(x chat.Entry) bool { return x.Seq == e.Seq }
		w.replaces = w.replaces || slices.ContainsFunc(w.entries, same)
		if !w.replaces && !b.Clear {
			before, err := m.Memory.Messages(ctx, e.Key, e.Seq, e.Seq)
			if err != nil {
				return nil, err
			}
			w.replaces = len(before) > 0
		}
		w.entries = append(w.entries, e)
	}
	return pages, nil
}

// Terms returns what the index says of the pages of a conversation.
func (m *Memory) Terms(key string) map[uint64]chat.PageTerms {
	m.mu.Lock()
	defer m.mu.Unlock()
	all := make(map[uint64]chat.PageTerms)
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
		maps.DeleteFunc(terms, func(page uint64, _ *chat.PageTerms) bool { return lost(page) })
	}
}
