package chattest

import (
	"context"
	"maps"
	"slices"

	"parley/wasm/chat"
)

// Spoil lets some of what is stored be unreadable, as a browser's disk may do, until something takes its place or it is
// dropped. What this is of need not be there.
func (m *Memory) Spoil(d chat.Damage) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.spoilt.Meta = m.spoilt.Meta || d.Meta
	m.spoilt.Conversations = joined(m.spoilt.Conversations, d.Conversations)
	m.spoilt.Outbox = joined(m.spoilt.Outbox, d.Outbox)
	m.spoilt.Pages = joined(m.spoilt.Pages, d.Pages)
}

// joined is a set with what is in another, too.
func joined[T comparable](set, more []T) []T {
	for _, x := range more {
		if !slices.Contains(set, x) {
			set = append(set, x)
		}
	}
	return set
}

// Spoilt returns what cannot be read.
func (m *Memory) Spoilt() chat.Damage {
	m.mu.Lock()
	defer m.mu.Unlock()
	d := m.spoilt
	d.Conversations, d.Outbox, d.Pages = slices.Clone(d.Conversations), slices.Clone(d.Outbox), slices.Clone(d.Pages)
	return d
}

// Load implements chat.Store.
func (m *Memory) Load(ctx context.Context) (chat.Snapshot, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.reopened = false
	s, err := m.Memory.Load(ctx)
	if s.Damaged.Meta = m.spoilt.Meta; s.Damaged.Meta {
		s.Meta = chat.Meta{}
	}
	s.Outbox, s.Damaged.Outbox = parted(s.Outbox, func(o chat.Outgoing) uint64 { return o.Number }, m.spoilt.Outbox)
	if first := s.First(); s.Top != nil {
		s.Conversations = slices.DeleteFunc(s.Conversations, func(r chat.Row) bool { return !slices.Contains(first, r.Key) })
	}
	s.Conversations, s.Damaged.Conversations = parted(s.Conversations, keyOf, m.spoilt.Conversations)
	return s, err
}

func keyOf(r chat.Row) string { return r.Key }

// parted takes out of all what is spoilt, which it names.
func parted[T any, K comparable](all []T, key func(T) K, spoilt []K) (left []T, damaged []K) {
	for _, x := range all {
		if slices.Contains(spoilt, key(x)) {
			damaged = append(damaged, key(x))
		} else {
			left = append(left, x)
		}
	}
	return left, damaged
}

// Rows implements chat.Store.
func (m *Memory) Rows(ctx context.Context, after string, limit int) ([]chat.Row, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.reopened {
		return nil, chat.ErrReopened
	}
	rows, err := m.Memory.Rows(ctx, after, limit)
	left, damaged := parted(rows, keyOf, m.spoilt.Conversations)
	if err == nil && damaged != nil {
		err = &chat.Damage{Conversations: damaged}
	}
	return left, err
}

// Messages implements chat.Store.
func (m *Memory) Messages(ctx context.Context, key string, from, to uint64) ([]chat.Entry, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.reopened {
		return nil, chat.ErrReopened
	}
	all, err := m.Memory.Messages(ctx, key, from, to)
	d := m.damaged(func(p place) bool { return p.key == key && p.page >= chat.PageOf(from) && p.page <= chat.PageOf(to) })
	if err != nil || d == nil {
		return all, err
	}
	return slices.DeleteFunc(all, func(e chat.Entry) bool { return m.isSpoilt(place{key, chat.PageOf(e.Seq)}) }), d
}

func (m *Memory) isSpoilt(at place) bool {
	return slices.Contains(m.spoilt.Pages, chat.Span{Key: at.key, From: at.page, To: at.page})
}

// damaged returns the damage of pages; nil if there is none.
func (m *Memory) damaged(is func(place) bool) error {
	var d chat.Damage
	for _, p := range m.spoilt.Pages {
		if is(place{p.Key, p.From}) {
			d.Pages = append(d.Pages, p)
		}
	}
	if d.Any() {
		return &d
	}
	return nil
}

// met returns the damage that a batch meets, which reads the pages that it changes in part; nil if there is none.
func (m *Memory) met(b chat.Batch, pages map[place]*written) error {
	return m.damaged(func(p place) bool {
		if b.Clear || dropped(b, p) {
			return false
		}
		w := pages[p]
		cut := slices.ContainsFunc(b.Deleted, func(d chat.Deletion) bool { return d.Key == p.key && chat.PageOf(d.Before) == p.page })
		return w != nil && !w.whole() || w == nil && cut
	})
}

// whole reports whether nothing stays of what was on the page.
func (w *written) whole() bool {
	seqs := make(map[uint64]bool)
	for _, e := range w.entries {
		seqs[e.Seq] = true
	}
	return len(seqs) == chat.PageSize
}

func dropped(b chat.Batch, p place) bool {
	return slices.ContainsFunc(b.Dropped, func(s chat.Span) bool { return s.Key == p.key && s.From <= p.page && p.page <= s.To })
}

// replaced takes note of what cannot be read and is not there any more, since a batch was stored.
func (m *Memory) replaced(b chat.Batch, pages map[place]*written) {
	d := &m.spoilt
	d.Meta = d.Meta && b.Meta == nil
	d.Pages = slices.DeleteFunc(d.Pages, func(s chat.Span) bool {
		at := place{s.Key, s.From}
		deleted := slices.ContainsFunc(b.Deleted, func(x chat.Deletion) bool { return x.Key == at.key && at.page < chat.PageOf(x.Before) })
		return b.Clear || dropped(b, at) || deleted || pages[at] != nil
	})
	d.Conversations = slices.DeleteFunc(d.Conversations, func(key string) bool {
		return b.Clear || slices.ContainsFunc(b.Conversations, func(r chat.Row) bool { return r.Key == key })
	})
	d.Outbox = slices.DeleteFunc(d.Outbox, func(n uint64) bool {
		return slices.Contains(b.Confirmed, n) || slices.ContainsFunc(b.Outbox, func(o chat.Outgoing) bool { return o.Number == n })
	})
}

// Watch implements chat.Watched.
func (m *Memory) Watch(lost func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.lost = lost
}

// Lose lets everything be gone, as where the person deletes the site's data, and what has it open notice it.
func (m *Memory) Lose() {
	m.mu.Lock()
	m.Memory, m.spoilt, m.reopened = chat.NewMemory(), chat.Damage{}, true
	clear(m.index)
	lost := m.lost
	m.mu.Unlock()
	if lost != nil {
		lost()
	}
}

// Reopen lets what has it open find that it was closed, and opened again, as it is.
func (m *Memory) Reopen() {
	m.mu.Lock()
	m.reopened = true
	lost := m.lost
	m.mu.Unlock()
	if lost != nil {
		lost()
	}
}

// Abandon ends the use of a store by what had it open, which is gone; the next opens it as it is.
func (m *Memory) Abandon() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.lost, m.reopened = nil, false
}

// forgetIndex drops what the index says of a span, and of the pages around that stand in the same records.
func (m *Memory) forgetIndex(s chat.Span) {
	maps.DeleteFunc(m.index[s.Key], func(page uint64, _ *chat.PageTerms) bool {
		return s.From/indexBlock <= page/indexBlock && page/indexBlock <= s.To/indexBlock
	})
}

// SpoilIndex lets the records be unreadable that the index keeps of a page, and those around.
func (m *Memory) SpoilIndex(key string, page uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.forgetIndex(chat.Span{Key: key, From: page, To: page})
}
