package chat

import (
	"context"
	"time"

	"parley/proto"
)

const (
	// indexEvery is how long messages wait to be indexed, so that many are at once: until then a search looks at
	// them one by one, of which it looks at more than come in that time.
	indexEvery = 500 * time.Millisecond
	// indexedAtOnce is how many entries one update of the index takes in.
	indexedAtOnce = 2048
	// indexRest is how many times as long as an update took none is made where many follow each other, so that
	// commits and searches find a processor.
	indexRest = 1
	// pagesAtOnce is how many pages are looked through at a time for what was deleted.
	pagesAtOnce = 32
)

// IndexState is how far the index goes: the highest message id up to which it holds all, and of all that there are.
type IndexState struct {
	Through, Last uint64
	epoch         uint64
}

// Indexed returns how far the index went when Run last looked; zero where another node sees to it.
func (s *Service) Indexed() IndexState {
	if state := s.indexed.Load(); state != nil {
		return *state
	}
	return IndexState{}
}

// runIndexer lets the index follow the history until ctx is done. Run owns it.
func (s *Service) runIndexer(ctx context.Context) {
	for pause := indexEvery; sleep(ctx, pause); {
		pause = indexEvery
		if !s.leads() {
			s.indexed.Store(nil)
			continue
		}
		began := time.Now()
		more, err := s.IndexMore(ctx)
		switch {
		case ctx.Err() != nil:
		case err != nil:
			s.log.Warn("the search index could not be written: searches look at what is not in it one by one", "error", err)
			pause = leadWait
		case more:
			pause = indexRest * time.Since(began)
		}
	}
}

// IndexMore takes the next entries into the index, of which there are more after that if more. Run calls it by
// itself; whoever drives a Service by hand may.
func (s *Service) IndexMore(ctx context.Context) (more bool, err error) {
	state := IndexState{epoch: s.epoch.Load()}
	err = s.store.View(ctx, func(v View) (err error) {
		state.Last, err = v.LastID()
		return err
	})
	if known := s.Indexed(); err != nil || known.epoch == state.epoch && known.Through >= state.Last {
		return false, err
	}
	err = s.index.Update(ctx, func(tx IndexTx) error {
		return s.store.Scan(ctx, func(v View) error {
			x := indexing{view: v, tx: tx}
			through, err := x.more()
			state.Through, more = through, err == nil && through < state.Last
			return err
		})
	})
	if err == nil {
		s.indexed.Store(&state)
	}
	return more, err
}

// pruneIndex takes out of the index what was deleted of messages that were sent before a time.
func (s *Service) pruneIndex(ctx context.Context, before time.Time) error {
	end := proto.FirstID(before)
	for from, after := uint64(0), ""; ; {
		var pages []IndexPage
		err := s.index.Update(ctx, func(tx IndexTx) (err error) {
			if pages, err = tx.PagesFrom(from, after, end, pagesAtOnce); err != nil {
				return err
			}
			return s.store.Scan(ctx, func(v View) error { return indexing{view: v, tx: tx}.prune(pages) })
		})
		if err != nil || len(pages) < pagesAtOnce {
			return err
		}
		last := pages[len(pages)-1]
		from, after = last.First, last.Audience
	}
}
