package chattest

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"sync"

	"parley/server/chat"
)

// Index is a chat.Index in memory.
type Index struct {
	mu    sync.Mutex
	state indexState // not changed once it is here
}

var _ chat.Index = (*Index)(nil)

type indexKey struct {
	audience string
	first    uint64
}

type indexState struct {
	place chat.IndexPlace
	pages map[indexKey]chat.IndexPage
}

// View implements chat.Index.
func (x *Index) View(ctx context.Context, read func(chat.IndexView) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	x.mu.Lock()
	state := x.state
	x.mu.Unlock()
	return read(&state)
}

// Update implements chat.Index.
func (x *Index) Update(ctx context.Context, change func(chat.IndexTx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	state := indexState{x.state.place, maps.Clone(x.state.pages)}
	if state.pages == nil {
		state.pages = make(map[indexKey]chat.IndexPage)
	}
	if err := change(&state); err != nil {
		return err
	}
	x.state = state
	return nil
}

func (s *indexState) Place() (chat.IndexPlace, error) { return s.place, nil }

// where returns those pages that are wanted, in an order.
func (s *indexState) where(wanted func(chat.IndexPage) bool, order func(x, y chat.IndexPage) int, limit int) (pages []chat.IndexPage) {
	for _, p := range s.pages {
		if wanted(p) {
			p.IDs = slices.Clone(p.IDs)
			pages = append(pages, p)
		}
	}
	slices.SortFunc(pages, order)
	return pages[:min(len(pages), max(0, limit))]
}

func (s *indexState) Pages(audience string, before uint64, limit int) ([]chat.IndexPage, error) {
	return s.where(func(p chat.IndexPage) bool { return p.Audience == audience && (before == 0 || p.First < before) },
		func(x, y chat.IndexPage) int { return cmp.Compare(y.First, x.First) }, limit), nil
}

func (s *indexState) PagesFrom(from uint64, after string, before uint64, limit int) ([]chat.IndexPage, error) {
	return s.where(func(p chat.IndexPage) bool {
		return (p.First > from || p.First == from && p.Audience > after) && p.First < before
	}, func(x, y chat.IndexPage) int {
		return cmp.Or(cmp.Compare(x.First, y.First), strings.Compare(x.Audience, y.Audience))
	}, limit), nil
}

func (s *indexState) PutPlace(p chat.IndexPlace) error {
	s.place = p
	return nil
}

func (s *indexState) PutPage(p chat.IndexPage) error {
	s.pages[indexKey{p.Audience, p.First}] = p
	return nil
}

func (s *indexState) DeletePage(audience string, first uint64) error {
	delete(s.pages, indexKey{audience, first})
	return nil
}

func (s *indexState) Clear() error {
	s.place = chat.IndexPlace{}
	clear(s.pages)
	return nil
}
