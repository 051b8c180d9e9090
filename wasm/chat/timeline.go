package chat

import (
	"errors"
	"slices"

	"parley/proto"
)

// read is a read of the store under way. What is added meanwhile is added to
// its result, so that an answer is never older than the events before it.
type read struct {
	meanwhile []entry
}

// stored reads the entries with from <= seq <= to that the store has.
func (e *Engine) stored(c *conversation, from, to uint64, done func([]entry, error)) {
	e.readStored(c, from, to, maxReopens, done)
}

// readStored reads again, so many times, from a store that was opened again.
func (e *Engine) readStored(c *conversation, from, to uint64, reopens int, done func([]entry, error)) {
	if from > to {
		done(nil, nil)
		return
	}
	r, epoch := new(read), e.meta.Epoch
	c.reads = append(c.reads, r)
	e.write.flush(func() {
		unstored, store := e.write.unstored(c.name, from, to), e.Store
		e.Host.Go(func() func() {
			found, err := store.Messages(e.ctx, c.name, from, to)
			return func() {
				c.reads = slices.DeleteFunc(c.reads, func(x *read) bool { return x == r })
				if errors.Is(err, ErrReopened) && reopens > 0 {
					e.write.reload(func(err error) {
						switch {
						case err == nil:
							e.readStored(c, from, to, reopens-1, done)
						case isAway(err):
							e.fetch.unstored(c, from, to, done)
						default:
							done(nil, err)
						}
					})
					return
				}
				if e.meta.Epoch != epoch && epoch != 0 {
					done(nil, errOtherHistory)
					return
				}
				if d, damaged := errors.AsType[*Damage](err); damaged {
					e.mend(d)
					err = nil // the rest is there
				}
				if isAway(err) {
					e.fetch.unstored(c, from, to, done)
					return
				}
				if e.write.stale {
					found = nil // of the history before
				}
				entries, err := joined(c.key.Kind(), append(found, unstored...), err)
				for _, x := range r.meanwhile {
					if x.seq >= from && x.seq <= to {
						entries = append(entries, x)
					}
				}
				done(latest(entries), err)
			}
		})
	})
}

// latest sorts entries, and keeps the last of those with the same seq: what was revised while it was read comes later.
func latest(entries []entry) []entry {
	slices.SortStableFunc(entries, func(a, b entry) int { return compare(a.seq, b.seq) })
	kept := entries[:0]
	for i, x := range entries {
		if i+1 == len(entries) || entries[i+1].seq != x.seq {
			kept = append(kept, x)
		}
	}
	return kept
}

func joined(kind proto.KeyKind, found []Entry, err error) ([]entry, error) {
	if err != nil {
		return nil, err
	}
	return decodeAll(kind, found)
}

// Timeline gives the newest limit messages before a seq (0: the newest there
// are, and the unconfirmed ones after them), from the store where it has them
// without a hole, else from the server. What cannot be had is said in
// Incomplete, and what the store has is given all the same. Somebody looks at them: the conversation was opened.
func (e *Engine) Timeline(name string, before uint64, limit int, done func(Timeline, error)) {
	e.known(name, func() { e.timeline(name, before, limit, false, done) })
}

// Aside is Timeline where nobody looks at what it gives, as where all is exported: to what makes room, the conversation
// was not opened by that.
func (e *Engine) Aside(name string, before uint64, limit int, done func(Timeline, error)) {
	e.known(name, func() { e.timeline(name, before, limit, true, done) })
}

// openedEvery is how long somebody reads on in a conversation until that is noted.
const openedEvery = 60_000 // milliseconds

func (e *Engine) timeline(name string, before uint64, limit int, aside bool, done func(Timeline, error)) {
	c, err := e.conversation(name)
	if err == nil && (limit < 1 || limit > proto.MaxPage) {
		err = proto.Refuse(proto.PayloadFormatInvalid, "limit is %d: want 1 to %d", limit, proto.MaxPage)
	}
	if err != nil {
		done(Timeline{}, err)
		return
	}
	e.keep.looked = e.Host.Elapsed()
	if r := c.group.roster; (r == nil || r.gap) && c.group.role != proto.GroupRole_GROUP_ROLE_NONE && len(c.group.asking) == 0 {
		e.askGroup(c, func(error) {})
	}
	t := &timeline{engine: e, c: c, before: before, limit: uint64(limit), aside: aside, done: done}
	if c.head == 0 && e.meta.SyncToken == "" {
		t.show()
		e.sync.afterFirst(t.open) // then there is something of it
		return
	}
	t.open()
}

// show lets it count as shown, unless nobody looks.
func (t *timeline) show() {
	if !t.aside {
		t.c.shown, t.c.evicted = true, 0
	}
}

// open begins, and notes that somebody looks at the conversation: at its end, or wherever one comes to by a link, or by what
// is unread. That is stored behind what is read, as the person waits for the one, and not for the other.
func (t *timeline) open() {
	t.show()
	c, now := t.c, t.engine.serverNow()
	opened := !t.aside && c.head > 0 && (t.before == 0 || now >= c.opened+openedEvery)
	if opened {
		c.opened = now
	}
	t.begin()
	if opened {
		t.engine.write.touch(c.name)
	}
}

// timeline is one call of Timeline, or of Aside.
type timeline struct {
	engine        *Engine
	c             *conversation
	before, limit uint64
	aside         bool
	done          func(Timeline, error)
	incomplete    Reason
	pauses        int // that it has waited for
	emptied       int // the engine's, when it began
}

// maxPauses bounds how many pauses of the history a timeline waits for.
const maxPauses = 3

// bounds returns the seqs to show; from > to if there are none.
func (t *timeline) bounds() (from, to uint64) {
	to = t.c.head
	if t.before != 0 {
		to = min(to, t.before-1)
	}
	return max(back(to, t.limit), t.c.floor()), to
}

func (t *timeline) begin() {
	t.emptied = t.engine.emptied
	from, to := t.bounds()
	missing := t.c.stored.missing(from, to)
	if from > to || len(missing) == 0 {
		t.read(from, to)
		return
	}
	t.engine.connection.endGrace(0)
	first, last := missing[0], missing[len(missing)-1]
	t.engine.fetch.request(t.c, first.From-1, last.To+1, int(t.limit), func(err error) {
		if err != nil && t.pauses < maxPauses && t.engine.fetch.afterPause(t.begin) {
			t.pauses++
			return
		}
		if err != nil {
			t.incomplete = reasonOf(err)
		}
		from, to := t.bounds()
		if err != nil && !t.c.stored.has(to) {
			// Show the newest that there is instead of nothing.
			to = t.c.stored.highest(to)
			from = max(back(to, t.limit), t.c.floor())
		}
		t.read(from, to)
	})
}

func (t *timeline) read(from, to uint64) {
	upper := to
	if t.before == 0 {
		upper = ^uint64(0) // and whatever comes while reading
	}
	if to == 0 {
		from = 1
	}
	t.engine.stored(t.c, from, upper, func(entries []entry, err error) {
		defer t.engine.connection.endGrace(painting)
		switch {
		case err != nil:
			t.done(Timeline{}, err)
		case t.emptied != t.engine.emptied:
			t.begin() // what was to be read is not there any more
		default:
			t.done(t.render(from, entries), nil)
		}
	})
}

func (t *timeline) render(from uint64, entries []entry) Timeline {
	e, c := t.engine, t.c
	view := Timeline{Key: c.name, More: from > c.floor() || t.incomplete.Text != "",
		Incomplete: t.incomplete.Text, IncompleteCode: t.incomplete.Code, IncompleteArgs: t.incomplete.Args}
	for i, x := range entries {
		m := e.render.message(c, x)
		if i > 0 {
			m.Gap = x.seq != entries[i-1].seq+1 // also where the store failed to keep what came
		}
		view.Messages = append(view.Messages, m)
	}
	if t.before == 0 {
		for _, o := range c.outbox {
			view.Messages = append(view.Messages, e.render.pending(c, o))
		}
	}
	if !t.aside && (c.shownFrom == 0 || from < c.shownFrom) {
		c.shownFrom = from
	}
	e.fetch.consider(c)
	return view
}
