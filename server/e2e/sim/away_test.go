package sim_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	client "parley/wasm/chat"
)

// Browsers' storage can do nothing for a while: it cannot be opened, at a start or after it was closed underneath a
// running tab, or a transaction gets no end. Then one chats in memory and is told so, what is written stands in the list
// all the same, and what was stored before is there once it can be opened again, in the same tab.

// longest is after how long a transaction that gets no end is given up.
const longest = time.Minute

// listed is after how long, at most, what is sent stands in the list.
const listed = 20 * time.Second

// sulks lets a device's store do nothing for a while.
func (d *device) sulks() {
	if d.host == nil {
		return
	}
	d.forgets = true
	if d.w.Rand.IntN(2) == 0 {
		d.store.endless = true
		return
	}
	d.w.note("%s: the database is closed, and cannot be opened", d)
	d.store.away = true
	d.store.Reopen()
	d.w.After(d.w.upTo(20*time.Second), func() { d.store.away = false })
}

// opened is the error of a store that cannot be.
func (s *store) opened() error {
	if s.away {
		return fmt.Errorf("open it: %w", client.ErrFailed)
	}
	return nil
}

// endlessly makes a change or not, of which nobody hears before it is given up; one that fails has an end.
func (s *store) endlessly(change func() error) error {
	d := s.device
	s.endless = false
	if d.w.Rand.IntN(2) == 0 {
		if err := change(); err != nil {
			return err
		}
	}
	d.silent = true
	d.w.note("%s: a transaction gets no end", d)
	host := d.host
	d.w.After(longest, func() {
		if host == d.host {
			s.Reopen()
		}
	})
	return client.ErrReopened
}

// shutOut lets a start find a store that cannot be opened for a while: until it can, that tab goes on in memory. What waits
// there to be sent comes after what that sends.
func (d *device) shutOut() {
	d.w.note("%s: the store cannot be opened at the start", d)
	d.inMemory, d.forgets = true, true
	for _, o := range d.store.load().Outbox {
		d.eachOf(o, func(p *press) { p.overtaken = true })
	}
	host := d.host
	d.w.After(d.w.upTo(20*time.Second), func() {
		if host == d.host {
			d.store.away = false
		}
	})
}

// checkStored holds that nobody is told that nothing is stored, long after it can be.
func (d *device) checkStored() {
	if d.memory {
		d.w.fail("%s: is told that nothing new is stored, and all could be", d)
	}
}

// lists holds that what is sent stands in the list soon, or is refused.
func (d *device) lists(x *sending) {
	host, again := d.host, x.draft.Repeat
	if again {
		return // it waits for those before it, and for what is stored
	}
	d.w.After(listed, func() {
		for _, y := range d.unanswered {
			if x == y && host == d.host {
				d.w.fail("%s: %q neither stands in the list nor is refused", d, x.draft.Content)
			}
		}
	})
}

// checkKept holds that what stands in the list as stored is.
func (d *device) checkKept(x *sending) {
	if x.draft.Repeat || d.memory || d.store.lost || d.w.wipes > 0 {
		return
	}
	for _, o := range d.store.load().Outbox {
		if bytes.Contains(o.Body, x.draft.Ref[:]) {
			return
		}
	}
	d.w.fail("%s: %q stands in the list and is not stored", d, x.draft.Content)
}

// checkRefusal holds that nothing is refused because the store can do nothing.
func (d *device) checkRefusal(content string, err error) {
	if errors.Is(err, client.ErrFailed) || errors.Is(err, client.ErrReopened) {
		d.w.fail("%s: %q is given up: %v", d, content, err)
	}
}

// Candidates implements chat.Store.
func (s *store) Candidates(ctx context.Context, spans []client.Span, p client.Probe) ([]client.Candidates, error) {
	if err := s.opened(); err != nil {
		return nil, err
	}
	return s.Memory.Candidates(ctx, spans, p)
}
