package chat

import (
	"errors"
	"fmt"
	"slices"
)

// Damage is what a Store holds and cannot read. Apply and Index, of which it is the error, did nothing then, and
// Messages returns the rest beside it.
type Damage struct {
	Meta          bool
	Conversations []string // keys of rows
	Outbox        []uint64 // numbers
	Pages         []Span
}

func (d *Damage) Error() string { return fmt.Sprintf("what is stored is damaged: %+v", *d) }

// Any reports whether there is any.
func (d *Damage) Any() bool {
	return d.Meta || len(d.Conversations)+len(d.Outbox)+len(d.Pages) > 0
}

// ErrFailed is what a Store returns where nothing can be read or written at all, now. A start goes on in memory then.
var ErrFailed error = &Reason{Text: "the browser's storage failed", Code: "storage-failed"}

// ErrSilent is of a store that takes long.
var ErrSilent = &Reason{Text: "the browser's storage does not answer", Code: "storage-silent"}

// isAway reports whether an error of a store says that it can do nothing now, and may later.
func isAway(err error) bool {
	return errors.Is(err, ErrFull) || errors.Is(err, ErrFailed) || errors.Is(err, ErrReopened)
}

var (
	errDamaged = &Reason{Text: "some of what was stored in this browser was damaged: it is fetched from the server again", Code: "storage-damaged"}
	errDeleted = &Reason{Text: "what was stored in this browser was deleted: it is fetched from the server again", Code: "storage-deleted"}
	errUnsent  = &Reason{Text: "something that waited to be sent was damaged in this browser, and is lost", Code: "storage-unsent"}
)

// mend gives up what cannot be read, and tells the person. The server has it, all but what was to be sent; and what is
// stored by a damaged Meta is dropped by the next answer, which is of another epoch.
func (e *Engine) mend(d *Damage) {
	lost := d.Meta
	for _, number := range d.Outbox {
		e.outbox.number = max(e.outbox.number, number)
		e.write.confirmed(number)
	}
	for _, name := range d.Conversations {
		if c, err := e.told(name); err == nil {
			lost, e.meta.SyncToken = true, "" // so that the server tells of it again
			e.giveUp(c, Span{name, 0, PageOf(^uint64(0))})
		}
	}
	for _, s := range d.Pages {
		// What waits to be dropped is given up already.
		if c := e.conversations[s.Key]; c != nil && !slices.Contains(e.write.next.Dropped, s) {
			lost = true
			e.giveUp(c, s)
		}
	}
	if len(d.Outbox) > 0 {
		e.tellOf(errUnsent)
	}
	if lost {
		e.tellOf(errDamaged)
	}
}

// giveUp drops pages, which are fetched again once they are wanted.
func (e *Engine) giveUp(c *conversation, s Span) {
	c.leave(c.stored.without(ranges{{max(s.From*PageSize, 1), s.To*PageSize + PageSize - 1}}))
	e.emptied++ // whoever is reading begins again
	e.write.drop(s)
	e.indexing.lost() // with the pages goes what the index says of those around
	e.fetch.consider(c)
}

// tellOf tells the person what became of what was stored, once, and not before the page listens.
func (e *Engine) tellOf(what *Reason) {
	if !slices.Contains(e.toldOf, what) {
		e.toldOf = append(e.toldOf, what)
		e.Host.Post(func() { e.Observer.Failed(what) })
	}
}
