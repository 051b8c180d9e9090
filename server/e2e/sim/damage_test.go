package sim_test

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"time"

	client "parley/wasm/chat"
)

// Of what is stored in browsers some cannot be read any more, or all of it is gone, also underneath a running tab. What
// the server has is fetched again, what waits to be sent is sent as far as it can be read, and the person is told once.

// breaks lets a device's store be damaged, or gone.
func (d *device) breaks() {
	if d.w.Rand.IntN(4) == 0 {
		d.lose()
		return
	}
	for range 1 + d.w.Rand.IntN(3) {
		d.store.spoil()
	}
}

// lose lets everything be gone. What waits to be sent is in a running tab's memory alone, until that has stored it again.
func (d *device) lose() {
	d.w.note("%s: the database is gone", d)
	d.forgets = true
	for _, o := range d.store.load().Outbox {
		d.eachOf(o, func(p *press) { p.refused, p.inMemory = p.refused || d.host == nil || !d.loaded, true })
	}
	d.store.lost = d.host != nil && d.loaded
	d.store.unindexed, d.store.old = nil, false
	d.store.Lose()
}

// eachOf goes through what was pressed that a message of the outbox is.
func (d *device) eachOf(o client.Outgoing, do func(*press)) {
	for _, p := range d.w.presses {
		if p.device == d && bytes.Contains(o.Body, p.ref[:]) {
			do(p)
		}
	}
}

// spoil lets something be unreadable.
func (s *store) spoil() {
	d, w := s.device, s.device.w
	d.forgets = true
	stored := s.load()
	var damage client.Damage
	switch n := w.Rand.IntN(8); {
	case n < 4 && len(stored.Conversations) > 0:
		row := stored.Conversations[w.Rand.IntN(len(stored.Conversations))]
		for _, page := range pagesOf(row) {
			switch w.Rand.IntN(3) {
			case 0:
				damage.Pages = append(damage.Pages, client.Span{Key: row.Key, From: page, To: page})
			case 1:
				s.spoilIndex(row.Key, page)
			}
		}
	case n < 6:
		few := w.Rand.IntN(2) == 0
		for _, row := range stored.Conversations {
			if !few || w.Rand.IntN(4) == 0 {
				damage.Conversations = append(damage.Conversations, row.Key)
			}
		}
	case n < 7:
		damage.Meta = stored.Meta.Device != "" // not where all is gone
	default:
		for _, o := range stored.Outbox {
			if w.Rand.IntN(2) == 0 {
				damage.Outbox = append(damage.Outbox, o.Number)
				d.eachOf(o, func(p *press) { p.refused = true })
				d.letGo(o)
			}
		}
	}
	w.note("%s: damaged are %+v", d, damage)
	s.Spoil(damage)
}

// letGo notes that a message may be lost, though the engine was not heard to have taken it yet.
func (d *device) letGo(o client.Outgoing) {
	for _, x := range d.unanswered {
		x.refused = x.refused || bytes.Contains(o.Body, x.draft.Ref[:])
	}
}

// pagesOf are those of which something is stored.
func pagesOf(row client.Row) (pages []uint64) {
	for _, r := range row.Ranges {
		for page := client.PageOf(r.From); page <= client.PageOf(r.To); page++ {
			pages = append(pages, page)
		}
	}
	return slices.Compact(pages)
}

// spoilIndex lets what the index says of a page be unreadable. It is read over, and nobody is told.
func (s *store) spoilIndex(key string, page uint64) {
	s.SpoilIndex(key, page)
	if s.unindexed == nil {
		s.unindexed = make(map[string]bool)
	}
	s.unindexed[key] = true
}

// met lets the person be owed to be told of what an engine met.
func (s *store) met(err error) error {
	if d, damaged := errors.AsType[*client.Damage](err); damaged {
		s.owe(*d)
	}
	if errors.Is(err, client.ErrReopened) && s.lost {
		s.device.owe("storage-deleted")
	}
	return err
}

func (s *store) owe(d client.Damage) {
	if d.Meta || len(d.Conversations)+len(d.Pages) > 0 {
		s.device.owe("storage-damaged")
	}
	if len(d.Outbox) > 0 {
		s.device.owe("storage-unsent")
	}
}

// owe holds that the person is told of something soon.
func (d *device) owe(code string) {
	host := d.host
	d.w.After(time.Minute, func() {
		if host != nil && host == d.host && !d.toldOf[code] {
			d.w.fail("%s: nobody was told: %s", d, code)
		}
	})
}

// heeds holds that the person is told of what became of what is stored, and once.
func (d *device) heeds(err error) {
	code := client.ReasonOf(err).Code
	if !slices.Contains([]string{"storage-damaged", "storage-deleted", "storage-unsent"}, code) {
		return
	}
	if d.toldOf[code] {
		d.w.fail("%s: is told twice: %v", d, err)
	}
	d.toldOf[code] = true
}

// raw is what is stored, whether it can be read or not.
func (s *store) raw() *client.Memory { return s.Memory.Memory }

// Messages implements chat.Store.
func (s *store) Messages(ctx context.Context, key string, from, to uint64) ([]client.Entry, error) {
	if err := s.opened(); err != nil {
		return nil, err
	}
	found, err := s.Memory.Messages(ctx, key, from, to)
	return found, s.met(err)
}

var _ client.Watched = (*store)(nil)

// stored notes that all that a running tab has is stored again.
func (s *store) stored(b client.Batch) {
	if !s.lost || !b.Clear {
		return
	}
	s.lost = false
	if !s.device.memory {
		s.device.eachInMemory(func(p *press) { p.inMemory = false })
	}
}
