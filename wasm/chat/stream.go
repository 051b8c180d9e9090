package chat

import (
	"context"
	"errors"
	"slices"

	"parley/proto"
	"parley/proto/search"
)

// stream is what a search finds in one conversation, the newest first.
type stream struct {
	c    *conversation
	read *read // holds what changes meanwhile
	// waits is what waits in memory to be stored, which another stream has.
	waits ranges
	// What is known, from the newest on: messages that were found, pages that may have more, and that those before
	// page rest were not looked up yet.
	hits  []entry
	pages []Candidate
	rest  uint64
	// No higher id is on the pages, and before page rest.
	onPages, before uint64
}

// newest is the highest id that the stream may have; 0 if it has no more.
func (st *stream) newest() uint64 {
	switch {
	case len(st.hits) > 0:
		return st.hits[0].id()
	case len(st.pages) > 0:
		return min(st.onPages, st.pages[0].LastID)
	case st.next(1) == nil:
		return 0
	}
	return st.before
}

// next is the newest pages that were not looked up, at most so many; nil if there are none.
func (st *stream) next(pages uint64) *Span {
	highest := st.c.stored.highest(st.rest*PageSize - 1)
	if st.rest == 0 || highest < st.c.floor() {
		return nil
	}
	to := PageOf(highest)
	return &Span{st.c.name, max(to-min(to, pages-1), PageOf(st.c.floor())), to}
}

// slice is a part of a search that is done off the loop: it looks up spans, and reads candidates.
type slice struct {
	search *searching
	store  Store
	pages  uint64 // how many more may be looked up
	looked []looked
	reads  []pageRead
	damage Damage
}

// looked is a span of a stream, and what there may be.
type looked struct {
	stream *stream
	span   Span
	found  Candidates
}

// pageRead is a page of a stream, and what was found on it.
type pageRead struct {
	stream  *stream
	kind    proto.KeyKind
	page    uint64
	found   []Entry
	firstID uint64 // of all on it; unknownID if there is none
}

// add plans what a stream needs next: to read some candidates, or to find some.
func (l *slice) add(st *stream, share int) {
	if len(st.pages) > 0 {
		for _, p := range st.pages[:min(share, len(st.pages), max(0, readPages-len(l.reads)))] {
			l.reads = append(l.reads, pageRead{stream: st, kind: st.c.key.Kind(), page: p.Page, firstID: unknownID})
		}
		return
	}
	if span := st.next(min(l.pages, spanPages)); l.pages > 0 && span != nil {
		l.looked = append(l.looked, looked{stream: st, span: *span})
		l.pages -= span.To - span.From + 1
	}
}

// run is done off the loop.
func (l *slice) run(ctx context.Context) error {
	if len(l.looked) > 0 {
		spans := make([]Span, len(l.looked))
		for i, x := range l.looked {
			spans[i] = x.span
		}
		found, err := l.store.Candidates(ctx, spans, l.search.probe)
		if err != nil {
			return err
		}
		for i := range found {
			l.looked[i].found = found[i]
		}
	}
	for i := range l.reads {
		r := &l.reads[i]
		entries, err := l.store.Messages(ctx, r.stream.c.name, r.page*PageSize, r.page*PageSize+PageSize-1)
		if d, damaged := errors.AsType[*Damage](err); damaged {
			l.damage.Pages = append(l.damage.Pages, d.Pages...)
		} else if err != nil {
			return err
		}
		r.sift(l.search, entries)
	}
	return nil
}

// sift keeps what is looked for, the newest first.
func (r *pageRead) sift(s *searching, entries []Entry) {
	var texts []string
	var all []search.Document
	var of []Entry
	for _, e := range slices.Backward(entries) {
		if x, ok := search.Read(r.kind, e.Body); ok {
			texts, all, of = append(texts, x.Text), append(all, x), append(of, e)
			r.firstID = min(r.firstID, x.ID)
		}
	}
	for i, folded := range s.engine.Folder.Fold(texts) {
		if s.has(all[i], folded) {
			r.found = append(r.found, of[i])
		}
	}
}

// take takes in what run found, on the loop.
func (l *slice) take() error {
	for _, x := range l.looked {
		st := x.stream
		st.rest, st.onPages, st.before = x.span.From, st.before, max(1, min(st.before, x.found.FirstID))
		st.pages = slices.DeleteFunc(x.found.Pages, func(p Candidate) bool { return !st.c.holds(p.Page) })
	}
	for _, r := range l.reads {
		st := r.stream
		newest := st.newest() // what has a higher id came since, and others may have come before it
		st.pages = st.pages[1:]
		st.onPages = max(1, min(st.onPages, r.firstID))
		st.before = min(st.before, st.onPages)
		for _, e := range r.found {
			if l.search.engine.write.stale || !st.c.stored.has(e.Seq) || st.waits.has(e.Seq) || e.Seq < st.c.floor() {
				continue
			}
			x, err := decode(r.kind, e.Body)
			if err != nil {
				return err
			}
			if x.id() <= newest {
				st.hits = append(st.hits, x)
			}
		}
	}
	return nil
}

// holds reports whether something of a page is stored.
func (c *conversation) holds(page uint64) bool {
	first := page * PageSize
	return c.stored.highest(first+PageSize-1) >= max(first, c.floor())
}
