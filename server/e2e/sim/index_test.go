package sim_test

import (
	"context"
	"errors"
	"reflect"
	"slices"

	"parley/proto/search"
	client "parley/wasm/chat"
)

// age makes the index that of an earlier version, which the next tab makes anew: it knows some pages no more, or
// none. Or all of it is of an earlier version, which the next tab brings to this one. That tab may die meanwhile.
func (s *store) age() {
	w := s.device.w
	every := 1 + w.Rand.Uint64N(3)
	s.Unindex(func(page uint64) bool { return page%every == 0 })
	stored := s.load()
	b := client.Batch{Meta: &stored.Meta}
	stored.Meta.Indexed = 0
	if s.old = every == 1; s.old {
		for _, row := range stored.Conversations {
			row.Revised, row.Opened, row.Size = 0, 0, 0 // as records were
			b.Conversations = append(b.Conversations, row)
		}
	}
	if err := s.raw().Apply(context.Background(), b); err != nil {
		w.fail("%s: age the store: %v", s.device, err)
	}
	if w.Rand.IntN(2) == 0 {
		s.kill = 1 + w.Rand.IntN(8)
	}
	w.note("%s: the index is of an earlier version", s.device)
}

// upgrade loads what an earlier version stored, which did not say what is on top, and brings it to this version first. If
// the tab dies then, it is of the one or of the other.
func (s *store) upgrade(ctx context.Context) (stored client.Snapshot, err error) {
	d := s.device
	die := d.w.chance(3)
	if die && d.w.Rand.IntN(2) == 0 {
		d.kill("before its store was upgraded")
		return stored, errKilled
	}
	s.old = false
	if die {
		d.kill("after its store was upgraded")
		return stored, errKilled
	}
	if stored, err = s.Memory.Load(ctx); err != nil {
		return stored, err
	}
	stored.Top = nil
	rows, err := s.Memory.Rows(ctx, "", 1<<30)
	if d, damaged := errors.AsType[*client.Damage](err); damaged {
		stored.Damaged.Conversations, err = d.Conversations, nil
	}
	stored.Conversations = rows
	s.owe(stored.Damaged)
	return stored, err
}

// checkIndex holds that the index says of a page what is on it, no more and no less, and, if whole, that it knows
// each.
func (s *store) checkIndex(key string, whole bool) {
	entries, err := s.raw().Messages(context.Background(), key, 0, 1<<64-1)
	if err != nil {
		s.device.w.fail("%s: read the store: %v", s.device, err)
	}
	on := make(map[uint64][][]byte)
	for _, e := range entries {
		on[client.PageOf(e.Seq)] = append(on[client.PageOf(e.Seq)], e.Body)
	}
	said := s.Terms(key)
	for page, terms := range said {
		want := client.IndexOf(nil, key, on[page])
		if reflect.DeepEqual(terms, want) && on[page] != nil {
			continue
		}
		has, needs := terms.Terms.Terms(), want.Terms.Terms()
		s.device.w.fail("%s: of page %d of %s the index has %d terms that nothing there has, and lacks %d; its ids go from %d to %d, of those there from %d to %d",
			s.device, page, key, without(has, needs), without(needs, has), terms.FirstID, terms.LastID, want.FirstID, want.LastID)
	}
	for page := range on {
		if _, known := said[page]; whole && !known {
			s.device.w.fail("%s: the index does not know page %d of %s", s.device, page, key)
		}
	}
}

// without counts those of terms that others do not have.
func without(terms, others []search.Term) int {
	return len(slices.DeleteFunc(slices.Clone(terms), func(t search.Term) bool { return slices.Contains(others, t) }))
}

// checkIndexed holds that everything that is stored is indexed.
func (d *device) checkIndexed() {
	stored := d.store.load()
	if stored.Meta.Indexed != search.Version {
		d.w.fail("%s: the index was not completed", d)
	}
	for _, row := range stored.Conversations {
		d.store.checkIndex(row.Key, !d.store.unindexed[row.Key])
	}
}
