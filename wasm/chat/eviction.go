package chat

import (
	"cmp"
	"errors"
	"slices"
	"time"
)

// Where there is no room, what the server has makes some: whole pages of the conversations that were opened longest
// ago, in one transaction with the ranges that claim them and what the index says of them. The outbox stays, and so does
// what is on a screen. Where nothing is left, what comes is kept in memory until there is room.

const (
	// firstRoom is how many entries are evicted at first; twice as many each time that this was not enough.
	firstRoom = 4096
	// roomEvery is after how long, at most, it is noticed that there is room again.
	roomEvery = 4 * time.Second
	// maxUnstored bounds the bytes of entries that wait in memory for room.
	maxUnstored = 8 << 20
)

// eviction is of what is stored of a conversation before a seq.
type eviction struct {
	c      *conversation
	before uint64
}

// unstored are the seqs of entries that wait to be stored, by conversation.
type unstored map[string]ranges

func unstoredOf(entries ...[]Entry) unstored {
	all := make(unstored)
	for _, list := range entries {
		for _, x := range list {
			if !all[x.Key].has(x.Seq) {
				all[x.Key] = all[x.Key].add(x.Seq, x.Seq)
			}
		}
	}
	return all
}

// goesBefore orders conversations by what goes first: pinned ones go after others, and first what was opened longest ago.
func goesBefore(a, b *conversation) int {
	if a.choices.pinned != b.choices.pinned {
		return map[bool]int{false: -1, true: 1}[a.choices.pinned]
	}
	return cmp.Or(compare(a.opened, b.opened), compare(a.last.id(), b.last.id()), compare(a.name, b.name))
}

// newestPage is the first seq of what is kept at hand of what is stored: that of a page, so that none is written again.
func (r ranges) newestPage() uint64 {
	return max(PageOf(back(r.highest(^uint64(0)), page))*PageSize, 1)
}

// evictions finds what goes next, so many entries: the newest pages after all others.
func (e *Engine) evictions(room uint64, pending unstored) (all []eviction) {
	list := e.sorted()
	slices.SortStableFunc(list, goesBefore)
	for _, newest := range [...]bool{false, true} {
		for _, c := range list {
			stored := c.stored.without(pending[c.name])
			highest := stored.highest(^uint64(0))
			if room == 0 || highest == 0 || e.OnScreen(c.name) {
				continue
			}
			from, before := uint64(1), stored.newestPage()
			if newest {
				from, before = before, highest+1
			}
			if n := stored.count(from, before-1); n > 0 {
				all = append(all, eviction{c, before})
				room -= min(room, n)
			}
		}
	}
	return all
}

// evictionBatch deletes it. No range may claim what is pending; and what is stored may be older than what was made of it
// since, if that is.
func (e *Engine) evictionBatch(all []eviction, pending unstored) (b Batch) {
	for _, x := range all {
		row, ok := e.rowOf(x.c.name)
		if !ok {
			continue
		}
		if pending[x.c.name] != nil {
			row.Revised = 0
		}
		row.Ranges = x.c.stored.remove(1, x.before-1).without(pending[x.c.name])
		b.Deleted = append(b.Deleted, Deletion{x.c.name, x.before})
		b.Conversations = append(b.Conversations, row)
	}
	return b
}

// evicted takes note of what is not stored any more. What is pending will be.
func (e *Engine) evicted(all []eviction, pending unstored) {
	e.emptied++ // whoever is reading begins again
	e.keep.rest()
	for _, x := range all {
		c := x.c
		gone := ranges{{1, x.before - 1}}.without(pending[c.name])
		c.leave(c.stored.without(gone))
		c.shown, c.shownFrom, c.evicted = e.OnScreen(c.name), 0, x.before-1
		e.fetch.consider(c) // what was not delivered before it went
	}
}

// makeRoom evicts something and writes the batch again that found no room; false if there is nothing to evict.
func (w *writer) makeRoom(batch Batch, dirty []string, then []func(error)) bool {
	if batch.Clear || w.next.Clear { // all of it goes
		return false
	}
	if w.engine.connection.state.Opening { // what was opened longest ago may not be known yet
		w.engine.loaded(func() { w.written(batch, dirty, then, ErrFull) })
		return true
	}
	w.room, w.engine.keep.crowded = max(firstRoom, 2*w.room), true
	pending := unstoredOf(batch.Entries, w.next.Entries)
	all := w.engine.evictions(w.room, pending)
	if len(all) == 0 {
		return false
	}
	w.evict(all, pending, batch, dirty, then, func(error) {})
	return true
}

// discard evicts, as soon as nothing is being written, what which finds then.
func (w *writer) discard(which func() []eviction, done func(error)) {
	if w.writing {
		w.settled(func() { w.discard(which, done) })
		return
	}
	var all []eviction
	if !w.next.Clear { // all of it goes
		all = which()
	}
	if len(all) == 0 || w.ended != nil {
		done(w.ended)
		return
	}
	for _, wait := range []*func(){&w.resume, &w.resting} { // what waits is written with it, or after the pause
		if *wait != nil {
			(*wait)()
			*wait = nil
		}
	}
	w.writing = true
	w.evict(all, unstoredOf(w.next.Entries), Batch{}, nil, nil, done)
}

// evict deletes it, and writes a batch after that.
func (w *writer) evict(all []eviction, pending unstored, batch Batch, dirty []string, then []func(error), done func(error)) {
	evicted := w.engine.evictionBatch(all, pending)
	w.apply([]Batch{evicted}, func(err error) {
		_, damaged := errors.AsType[*Damage](err)
		switch {
		case err == nil:
			w.engine.evicted(all, unstoredOf(batch.Entries, w.next.Entries))
			w.again(batch, dirty, then)
		case errors.Is(err, ErrFull): // to evict more would be as vain
			w.conclude(batch, dirty, then, err)
		case damaged: // and nothing was deleted
			w.written(batch, dirty, then, err)
		default:
			w.engine.evicted(all, unstoredOf(batch.Entries, w.next.Entries))
			w.dropEvicted(all)
			w.written(batch, dirty, then, err)
		}
		done(err)
	})
}

// dropEvicted lets the next write delete what may be deleted already: nothing claims it, and what nobody claims nobody would erase.
func (w *writer) dropEvicted(all []eviction) {
	for _, x := range all {
		w.drop(Span{x.c.name, 0, PageOf(x.before - 1)})
	}
	w.engine.indexing.lost() // with the pages goes what the index says of those around
}

// hold keeps a batch in memory that cannot be stored now.
func (w *writer) hold(batch Batch, dirty []string, err error) {
	w.restore(batch, dirty, make([]func(error), len(batch.Outbox)))
	w.compactOutbox()
	w.boundUnstored()
	w.room, w.losing = 0, false
	first := !w.away
	w.away = true
	w.pauseFor(min(roomEvery, w.retry.busy(w.host)))
	if first {
		w.engine.keep.rest() // which is stored after the pause
		why := ErrFailed
		if errors.Is(err, ErrFull) { // whatever else it says, as that it was closed for it
			why = ErrFull
		}
		w.engine.connection.keepInMemory(ReasonOf(why))
	}
}

// boundUnstored gives up entries if those that wait for room are too many: the server has them. Those that take the place
// of what is stored go last, as that is older.
func (w *writer) boundUnstored() {
	w.next.Entries = compacted(w.next.Entries)
	if sizeOf(w.next.Entries) <= maxUnstored {
		return
	}
	kept, lost := replacing(w.next.Entries)
	if sizeOf(kept) > maxUnstored {
		kept, lost = nil, w.next.Entries
	}
	w.next.Entries = kept
	w.lost(lost)
}

// compacted is entries without those in whose place later ones come.
func compacted(entries []Entry) (all []Entry) {
	at := make(map[string]map[uint64]int)
	for _, x := range entries {
		if at[x.Key] == nil {
			at[x.Key] = make(map[uint64]int)
		}
		if i, before := at[x.Key][x.Seq]; before {
			x.replaces = x.replaces || all[i].replaces
			all[i] = x
			continue
		}
		at[x.Key][x.Seq] = len(all)
		all = append(all, x)
	}
	return all
}

func sizeOf(entries []Entry) (n int) {
	for _, x := range entries {
		n += len(x.Body)
	}
	return n
}

// compactOutbox drops what was confirmed, or changed, while it waited for room.
func (w *writer) compactOutbox() {
	var outbox []Outgoing
	var then []func(error)
	for i, o := range w.next.Outbox {
		later := slices.ContainsFunc(w.next.Outbox[i+1:], func(x Outgoing) bool { return x.Number == o.Number })
		if w.then[i] != nil || !later && !slices.Contains(w.next.Confirmed, o.Number) {
			outbox, then = append(outbox, o), append(then, w.then[i])
		} else {
			delete(w.late, o.Number)
		}
	}
	w.next.Outbox, w.then = outbox, then
}

// unstored are the entries of a stretch that wait for room, or for the store to work, to take the place of others.
func (w *writer) unstored(name string, from, to uint64) (waiting []Entry) {
	for _, x := range w.next.Entries {
		if (w.away || x.replaces) && x.Key == name && x.Seq >= from && x.Seq <= to {
			waiting = append(waiting, x)
		}
	}
	return waiting
}
