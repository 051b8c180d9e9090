package chat

import (
	"errors"
	"slices"
	"time"

	"parley/proto/search"
)

const (
	// indexBlock is how many pages are indexed at once.
	indexBlock = 16
	// indexEvery is how long what a person does goes before the next are.
	indexEvery = 50 * time.Millisecond
	// indexAgain is when it is tried again after a failure.
	indexAgain = time.Minute
)

// indexing makes the index of what an earlier version stored, and of what stands around pages that were given up, the
// newest conversations first. What it has made is made when it begins again; a search finds the rest all the same.
type indexing struct {
	engine *Engine
	active bool // some of it is being made, or soon
	lacks  bool // of what is not planned yet, some may be missing
	left   []Span
	all    int
}

// begin makes what may be missing.
func (x *indexing) begin() {
	if x.engine.meta.Indexed != search.Version && !x.active {
		x.active, x.lacks = true, true
		x.next()
	}
}

// lost takes note that something is missing, which is made soon.
func (x *indexing) lost() {
	e := x.engine
	e.meta.Indexed = 0
	e.write.meta(e.meta)
	if x.lacks = true; !x.active {
		x.active = true
		e.Host.After(indexEvery, x.next)
	}
}

// plan plans to make all that is missing.
func (x *indexing) plan() {
	e := x.engine
	x.lacks = false
	list := e.sorted()
	slices.SortStableFunc(list, func(a, b *conversation) int { return compare(b.last.id(), a.last.id()) })
	for _, c := range list {
		st := stream{c: c, rest: PageOf(^uint64(0)) + 1}
		for span := st.next(indexBlock); span != nil; span = st.next(indexBlock) {
			span.From = min(span.To, max(span.From, span.To/indexBlock*indexBlock)) // as they are stored
			x.left, st.rest = append(x.left, *span), span.From
		}
	}
	x.all = len(x.left)
}

func (x *indexing) next() {
	e := x.engine
	if e.closed {
		return
	}
	if len(x.left) == 0 && x.lacks {
		x.plan()
	}
	if len(x.left) == 0 {
		x.active = false
		e.meta.Indexed = search.Version
		e.write.meta(e.meta)
		return
	}
	store := e.Store
	e.Host.Go(func() func() {
		err := store.Index(e.ctx, x.left[0])
		return func() {
			if d, damaged := errors.AsType[*Damage](err); damaged {
				e.mend(d)
			}
			if err != nil {
				e.Host.After(indexAgain, x.next)
				return
			}
			x.left = x.left[1:]
			e.Host.After(indexEvery, x.next)
		}
	})
}

// share is how much is indexed, from 0 to 1.
func (x *indexing) share() float64 {
	if len(x.left) == 0 {
		return 1
	}
	return float64(x.all-len(x.left)) / float64(x.all)
}
