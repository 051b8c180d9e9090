package sim_test

import (
	"context"
	"maps"
	"slices"
	"time"

	"parley/proto"
	client "parley/wasm/chat"
	"parley/wasm/chat/chattest"
)

// store is the device's IndexedDB.
type store struct {
	*chattest.Memory
	device *device
	kill   int // the tab dies at the kill-th Apply from now; 0: it does not
	room   int // for so many entries more; -1: for all
	// old says that an earlier version wrote it.
	old bool
	// lost says that it is gone, and what a running tab has is not stored again yet.
	lost bool
	// away says that it cannot be opened, endless that the next write gets no end, and unheard that the next does not
	// that makes room.
	away, endless, unheard bool
	// unindexed are conversations of which records of the index were damaged: of some of their pages it says nothing.
	unindexed map[string]bool
}

// crowd leaves room for a few entries more, for a while.
func (d *device) crowd() {
	if d.host == nil {
		return
	}
	d.store.room, d.forgets, d.store.unheard = d.w.Rand.IntN(8), true, d.w.Rand.IntN(4) == 0
	d.w.note("%s: room for %d more", d, d.store.room)
	d.w.After(d.w.upTo(20*time.Second), func() { d.store.room = -1 })
}

// step is a change that is made as a whole, before or after which the tab may die.
func (s *store) step(what string, change func() error) error {
	d := s.device
	d.loaded = true
	die := false
	if s.kill > 0 && d.w.faulty {
		s.kill--
		die = s.kill == 0
	}
	if die && d.w.Rand.IntN(2) == 0 {
		d.kill("before " + what)
		return errKilled
	}
	switch {
	case d.full:
		return errFull
	case s.away:
		return s.opened()
	case s.endless:
		return s.endlessly(change)
	}
	if err := change(); err != nil {
		return err
	}
	if die {
		d.kill("after " + what)
	}
	return nil
}

// Apply implements chat.Store.
func (s *store) Apply(ctx context.Context, b client.Batch) error {
	if s.unheard && len(b.Deleted) > 0 {
		s.unheard, s.endless = false, true
	}
	return s.step("a write", func() error {
		before := 0
		if s.room >= 0 {
			before = s.count()
		}
		if s.room >= 0 && len(b.Entries)+len(b.Outbox) > s.room {
			return client.ErrFull
		}
		if err := s.Memory.Apply(ctx, b); err != nil {
			return s.met(err)
		}
		s.stored(b)
		if s.room >= 0 {
			s.room = max(0, s.room+before-s.count())
		}
		s.check(b)
		return nil
	})
}

// Index implements chat.Store.
func (s *store) Index(ctx context.Context, span client.Span) error {
	return s.step("a step of indexing", func() error {
		if s.room >= 0 {
			return client.ErrFull
		}
		return s.met(s.Memory.Index(ctx, span))
	})
}

// Load implements chat.Store: mostly few rows come first, so that the others matter, and sometimes none.
func (s *store) Load(ctx context.Context) (client.Snapshot, error) {
	if s.away && !s.device.loaded && !s.device.inMemory {
		s.device.shutOut()
	}
	if err := s.opened(); err != nil {
		return client.Snapshot{}, err
	}
	again := s.device.loaded
	s.device.loaded = again || !s.device.inMemory // else it is read first, and taken in with the next write
	if s.old {
		return s.upgrade(ctx)
	}
	stored, err := s.Memory.Load(ctx)
	if stored.Top != nil {
		stored.Top = stored.Top[:s.device.w.Rand.IntN(min(len(stored.Top), 3)+1)]
		first := stored.First()
		later := func(key string) bool { return !slices.Contains(first, key) }
		stored.Conversations = slices.DeleteFunc(stored.Conversations, func(r client.Row) bool { return later(r.Key) })
		stored.Damaged.Conversations = slices.DeleteFunc(stored.Damaged.Conversations, later)
	}
	owed := stored.Damaged
	if again { // the tab has what waits to be sent, and stores it again
		owed.Outbox = nil
	}
	s.owe(owed)
	return stored, err
}

// Rows implements chat.Store.
func (s *store) Rows(ctx context.Context, after string, limit int) ([]client.Row, error) {
	if d := s.device; d.w.faulty && d.w.Rand.IntN(60) == 0 {
		d.kill("while its rows were loaded")
		return nil, errKilled
	}
	if err := s.opened(); err != nil {
		return nil, err
	}
	rows, err := s.Memory.Rows(ctx, after, min(limit, 1+s.device.w.Rand.IntN(2)))
	return rows, s.met(err)
}

// load is all that is stored but the messages.
func (s *store) load() client.Snapshot {
	stored, err := s.raw().Load(context.Background())
	if err == nil {
		stored.Conversations, err = s.raw().Rows(context.Background(), "", 1<<30)
	}
	if err != nil {
		s.device.w.fail("%s: read the store: %v", s.device, err)
	}
	return stored
}

// entries are those that are stored of a conversation.
func (s *store) entries(key string) map[uint64]bool {
	found, err := s.raw().Messages(context.Background(), key, 0, 1<<64-1)
	if err != nil {
		s.device.w.fail("%s: read the store: %v", s.device, err)
	}
	seqs := make(map[uint64]bool, len(found))
	for _, e := range found {
		seqs[e.Seq] = true
	}
	return seqs
}

// count is how much is stored.
func (s *store) count() int {
	stored := s.load()
	n := len(stored.Outbox)
	for _, row := range stored.Conversations {
		n += len(s.entries(row.Key))
	}
	return n
}

// writing is how long it takes, at most, from the decision to delete something until it is done.
const writing = 5 * time.Second

// check holds, after each write: what the ranges claim is stored, so that a tab that dies now hides no hole; that what
// is on the screen stays; and that the index is of what is stored.
func (s *store) check(b client.Batch) {
	for _, x := range b.Deleted {
		s.device.gone[x.Key] = max(s.device.gone[x.Key], x.Before)
		joined := x.Key[0] == byte(proto.Group) // of which one may read no more what was before
		if !joined && x.Key == s.device.open_ && s.device.leaves[x.Key] == 0 && s.device.w.Now().Sub(s.device.openedAt) > writing {
			s.device.w.fail("%s: what is before %d goes of %s, which is on the screen", s.device, x.Before, x.Key)
		}
	}
	for i, row := range b.Conversations {
		if slices.ContainsFunc(b.Conversations[i+1:], func(later client.Row) bool { return later.Key == row.Key }) {
			continue // which replaces it
		}
		seqs := s.entries(row.Key)
		for _, r := range row.Ranges {
			for seq := r.From; seq <= r.To; seq++ {
				if !seqs[seq] {
					s.device.w.fail("%s: %s claims %v, and %d is not stored", s.device, row.Key, row.Ranges, seq)
				}
			}
		}
	}
	touched := make(map[string]bool)
	for _, e := range b.Entries {
		touched[e.Key] = true
	}
	for _, x := range b.Deleted {
		touched[x.Key] = true
	}
	for _, key := range slices.Sorted(maps.Keys(touched)) {
		s.checkIndex(key, false)
	}
}
