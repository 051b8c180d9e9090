package chat

import (
	"context"
	"errors"
	"slices"
	"time"
)

// maxReopens is how often in a row a batch or a read is tried at once with a
// store that was opened again; then it failed, as one that loses itself each
// time would be tried for ever.
const maxReopens = 2

// writeEvery is the least time from the beginning of a write to that of the next, if that
// holds nothing but what the server has anyway: a transaction costs the browser as much as
// the messages of a burst that come meanwhile.
const writeEvery = 50 * time.Millisecond

// longWrite is how long a send waits to be stored until it stands in the list all the same.
const longWrite = 3 * time.Second

// writer turns changes into batches for the store: one Apply at a time, and
// everything that came up during one goes into the next. A burst of messages
// thus costs few transactions, and rows never get ahead of their entries.
type writer struct {
	engine *Engine
	host   Host
	store  Store
	row    func(name string) (Row, bool)   // the current row of a conversation; false if it is gone
	top    func(changed dirtySet) []string // what is loaded first, if that is something else now; nil if not
	lost   func([]Entry)                   // these entries could not be stored
	failed func(error)
	works  func() // writes succeed again
	// reopened takes in what a store that lost what it had open holds now. Its
	// error ends all writing.
	reopened func(Snapshot) error
	ended    error
	reopens  int // in a row, without a wait; of batches that met damage, too

	next    Batch
	stale   bool          // the store still holds the history that clear drops
	dirty   dirtySet      // conversations whose row changed
	then    []func(error) // one for each of next.Outbox; nil: keep trying
	writing bool
	began   time.Duration // the last write, by the host's clock; 0: there was none
	resting func()        // stops the wait for the next; nil if there is none
	wanted  bool          // something waits for the next write (flush)
	retry   backoff
	room    uint64 // entries that the last eviction deleted, in a row; 0: the last write was stored
	away    bool   // nothing can be stored now: it is kept in memory, and the person told
	// late are sends that wait long to be stored, by number: they stand in the list, and the person is told, too.
	late    map[uint64]bool
	losing  bool     // the last write failed for another reason: what the server has is given up
	resume  func()   // stops the retry timer; nil if it does not run
	flushed []func() // after the write under way
	after   []func() // after the next one
	// reloaded wait for the store to be loaded again; none if it is not to be.
	reloaded []func(error)
	loading  bool // it is being loaded again
	applying bool // something is on the way to it
}

func (w *writer) entry(e Entry) {
	w.next.Entries = append(w.next.Entries, e)
	w.touch(e.Key)
}

// forget deletes what is stored of a conversation before a seq.
func (w *writer) forget(name string, before uint64) {
	w.next.Deleted = append(w.next.Deleted, Deletion{name, before})
	w.touch(name)
}

// drop drops pages, whether they can be read or not.
func (w *writer) drop(s Span) {
	w.next.Dropped = append(w.next.Dropped, s)
	w.touch(s.Key)
}

// touch marks a conversation's row as changed.
func (w *writer) touch(name string) {
	w.dirty.add(name)
	w.wake()
}

func (w *writer) meta(m Meta) {
	w.next.Meta = &m
	w.wake()
}

// onTop tells what is to be loaded first.
func (w *writer) onTop(keys []string) {
	w.next.Top = keys
	w.wake()
}

// clear drops everything of the old history, written and waiting; the outbox stays.
func (w *writer) clear() {
	w.next.Clear, w.stale = true, true
	w.next.Dropped, w.next.Entries, w.next.Deleted, w.dirty = nil, nil, nil, dirtySet{}
	w.wake()
}

// outgoing stores an unconfirmed message at once and calls then with the
// outcome; after a failure it is not tried again, but where the store is away, or takes long, it
// is kept in memory, and tried again. With a nil then it is tried until it is stored.
func (w *writer) outgoing(o Outgoing, then func(error)) {
	w.next.Outbox = append(w.next.Outbox, o)
	w.then = append(w.then, w.soon(o.Number, then))
	if w.resume != nil && then != nil {
		w.resume()
		w.resume = nil
	}
	w.wake()
}

// soon calls then before long, whatever the store does.
func (w *writer) soon(number uint64, then func(error)) func(error) {
	if then == nil {
		return nil
	}
	told := false
	stop := w.host.After(longWrite, func() {
		told, w.late[number] = true, true
		w.engine.connection.keepInMemory(ErrSilent)
		then(nil)
	})
	return func(err error) {
		if stop(); !told {
			then(err)
		}
	}
}

// confirmed removes a message from the outbox.
func (w *writer) confirmed(number uint64) {
	w.next.Confirmed = append(w.next.Confirmed, number)
	w.wake()
}

// flush calls f once everything up to now is written, or could not be, and lets
// that be soon.
func (w *writer) flush(f func()) {
	if w.resume == nil && w.pending() {
		w.wanted = true
		w.wake()
	}
	w.settled(f)
}

// settled calls f once everything up to now is written, or could not be.
func (w *writer) settled(f func()) {
	switch {
	case w.resume != nil:
		f()
	case w.pending():
		w.after = append(w.after, f)
	case w.writing:
		w.flushed = append(w.flushed, f)
	default:
		f()
	}
}

// idle calls f as soon as nothing is written, or is to be; or later, if what is to be cannot be.
func (w *writer) idle(f, later func()) {
	switch {
	case w.resume != nil:
		later()
	case w.writing || w.pending():
		w.flush(func() { w.idle(f, later) })
	default:
		f()
	}
}

func (w *writer) pending() bool { return len(w.dirty.names) > 0 || !w.next.Empty() }

// wake begins a write in a moment, so that what the current event still
// changes goes into the same batch; later, if there is time.
func (w *writer) wake() {
	if w.writing || w.resume != nil {
		return
	}
	if w.patient() {
		if w.resting != nil {
			return
		}
		if rest := w.began + writeEvery - w.host.Elapsed(); w.began > 0 && rest > 0 {
			w.resting = w.host.After(rest, w.begin)
			return
		}
	}
	w.begin()
}

// patient reports whether nobody misses anything if the next write comes later.
func (w *writer) patient() bool {
	return !w.wanted && !w.next.Clear && w.next.Meta == nil && len(w.next.Outbox) == 0 && len(w.next.Confirmed) == 0
}

func (w *writer) begin() {
	if w.resting != nil {
		w.resting()
		w.resting = nil
	}
	if !w.writing {
		w.writing = true
		w.host.Post(w.write)
	}
}

func (w *writer) write() {
	w.began, w.wanted = w.host.Elapsed(), false
	batch, then := w.next, w.then
	for _, name := range w.dirty.names {
		if row, ok := w.row(name); ok {
			batch.Conversations = append(batch.Conversations, row)
		}
	}
	if keys := w.top(w.dirty); keys != nil {
		batch.Top = keys
	}
	dirty := w.dirty.names
	w.next, w.dirty, w.then = Batch{}, dirtySet{}, nil
	w.flushed, w.after = w.after, nil
	parts := []Batch{batch}
	if w.away { // first what needs no room, then what is nowhere else
		parts = []Batch{{Confirmed: batch.Confirmed}, {Outbox: batch.Outbox, Confirmed: batch.Confirmed}, batch}
	}
	w.apply(parts, func(err error) { w.written(batch, dirty, then, err) })
}

// apply lets the store have one part after the other, and not while it is loaded again: what that finds is as it was then.
func (w *writer) apply(parts []Batch, done func(error)) {
	if w.loading { // as if it had met the store before
		w.reloaded = append(w.reloaded, func(error) { done(ErrReopened) })
		return
	}
	w.applying = true
	store := w.store
	w.host.Go(func() func() {
		err := w.ended
		for _, part := range parts {
			if err == nil {
				err = store.Apply(context.Background(), part)
			}
		}
		return func() {
			w.applying = false
			done(err)
			w.load()
		}
	})
}

func (w *writer) written(batch Batch, dirty []string, then []func(error), err error) {
	if errors.Is(err, ErrReopened) && w.reopens < maxReopens {
		w.reopens++
		w.reload(func(err error) { w.rewrite(batch, dirty, then, err) })
		return
	}
	if d, damaged := errors.AsType[*Damage](err); damaged && w.reopens < maxReopens {
		w.reopens++
		w.engine.mend(d)
		w.again(batch, dirty, then)
		return
	}
	if errors.Is(err, ErrFull) && w.makeRoom(batch, dirty, then) {
		return
	}
	w.conclude(batch, dirty, then, err)
}

// conclude is the end of a write.
func (w *writer) conclude(batch Batch, dirty []string, then []func(error), err error) {
	w.writing = false
	switch {
	case w.ended == nil && isAway(err):
		w.hold(batch, dirty, err)
		err = nil // it goes on all the same
	case err != nil:
		w.giveUp(batch, dirty, then)
		w.failed(err)
		w.pause()
	default:
		w.succeeded(batch)
	}
	for _, f := range then {
		if f != nil {
			f(err)
		}
	}
	flushed := w.flushed
	w.flushed = nil
	for _, f := range flushed {
		f()
	}
	if w.pending() {
		w.wake()
	}
}

// reload loads a store that was opened again, once nothing is on the way to it, then calls f.
func (w *writer) reload(f func(error)) {
	w.reloaded = append(w.reloaded, f)
	w.load()
}

func (w *writer) load() {
	if len(w.reloaded) == 0 || w.loading || w.applying {
		return
	}
	w.loading = true
	w.host.Go(func() func() {
		snapshot, err := w.store.Load(context.Background())
		return func() {
			w.loading = false
			if err == nil {
				w.ended = w.reopened(snapshot)
				err = w.ended
			}
			waiting := w.reloaded
			w.reloaded = nil
			for _, f := range waiting {
				f(err)
			}
		}
	})
}

// rewrite tries a batch again that met a store that had been opened again. It
// was loaded since; if that failed, so did the batch, and if less was there, what
// the batch held of the history goes with the rest.
func (w *writer) rewrite(batch Batch, dirty []string, then []func(error), err error) {
	if err != nil {
		w.written(batch, dirty, then, err)
		return
	}
	w.again(batch, dirty, then)
}

// again writes a batch again that was not stored, with what came meanwhile.
func (w *writer) again(batch Batch, dirty []string, then []func(error)) {
	w.writing = false
	w.restore(batch, dirty, then)
	w.after, w.flushed = append(w.flushed, w.after...), nil
	w.begin()
}

// restore takes back what a batch held that was not stored, unless something newer replaces it.
func (w *writer) restore(batch Batch, dirty []string, then []func(error)) {
	if w.next.Clear { // all that was before
		batch.Dropped, batch.Entries, batch.Deleted = nil, nil, nil
	}
	w.next.Clear = w.next.Clear || batch.Clear
	if w.next.Meta == nil {
		w.next.Meta = batch.Meta
	}
	if w.next.Top == nil {
		w.next.Top = batch.Top
	}
	w.next.Dropped = append(batch.Dropped, w.next.Dropped...)
	w.next.Entries = append(batch.Entries, w.next.Entries...)
	w.next.Deleted = append(batch.Deleted, w.next.Deleted...)
	w.next.Confirmed = append(batch.Confirmed, w.next.Confirmed...)
	w.next.Outbox = append(batch.Outbox, w.next.Outbox...)
	w.then = append(slices.Clone(then), w.then...)
	for _, name := range dirty {
		w.dirty.add(name)
	}
}

// giveUp takes back what a failed batch held. Entries are given up, since the
// server has them, but for those of which an older one is stored; sends are
// given up, since their callers are told; all else is tried again.
func (w *writer) giveUp(batch Batch, dirty []string, then []func(error)) {
	var sends []Outgoing
	for i, o := range batch.Outbox {
		if then[i] == nil || w.late[o.Number] {
			sends = append(sends, o)
		}
	}
	kept, lost := replacing(batch.Entries)
	batch.Entries, batch.Outbox = kept, sends
	w.losing = true
	w.restore(batch, dirty, make([]func(error), len(sends)))
	w.lost(lost)
}

// replacing tells the entries that take the place of what is stored, of
// something that was taken back, say, from the rest.
func replacing(entries []Entry) (those, rest []Entry) {
	for _, x := range entries {
		if x.replaces {
			those = append(those, x)
		} else {
			rest = append(rest, x)
		}
	}
	return those, rest
}

// succeeded notes that a batch was stored.
func (w *writer) succeeded(batch Batch) {
	w.stale, w.reopens, w.room, w.losing = w.next.Clear, 0, 0, false
	told := w.away || len(w.late) > 0
	w.away = false
	for _, o := range batch.Outbox {
		delete(w.late, o.Number)
	}
	if told && len(w.late) == 0 {
		w.engine.connection.keepInMemory(new(Reason))
	}
	if w.failing() {
		w.retry.reset()
		w.works()
	}
}

func (w *writer) pause() { w.pauseFor(w.retry.busy(w.host)) }

func (w *writer) pauseFor(d time.Duration) {
	w.reopens = 0
	w.resume = w.host.After(d, func() {
		w.resume = nil
		if w.pending() {
			w.wake()
		}
	})
}

// failing reports whether the last write failed and none has succeeded since.
func (w *writer) failing() bool { return w.retry.failures > 0 }

// dirtySet is names in the order in which they were first added.
type dirtySet struct {
	names []string
	known map[string]bool
}

func (d *dirtySet) add(name string) {
	if d.known[name] {
		return
	}
	if d.known == nil {
		d.known = make(map[string]bool)
	}
	d.known[name] = true
	d.names = append(d.names, name)
}
