package idb

import (
	"context"
	"fmt"
	"iter"
	"syscall/js"

	"parley/wasm/chat"
)

// index is blocks by where they are stored.
type index map[place]*block

// of returns the block of a page, an empty one if it is not stored.
func (x index) of(page place) *block {
	at := blockOf(page)
	if x[at] == nil {
		x[at] = &block{number: at.page}
	}
	return x[at]
}

// blockRequests are reads of blocks.
type blockRequests map[place]js.Value

// askBlocks begins to read the blocks of pages: what answer returns is there once the transaction was awaited. cleared
// says that there are none.
func (t *transaction) askBlocks(pages iter.Seq[place], cleared bool) blockRequests {
	asked := make(blockRequests)
	for page := range pages {
		at := blockOf(page)
		if _, known := asked[at]; !known && !cleared {
			asked[at] = t.read(storeTerms, "get", toJS(at.key()))
		}
	}
	return asked
}

func (r blockRequests) answer() index {
	said := make(index)
	for at, request := range r {
		if b := blockIn(request.Get("result")); b != nil && b.number == at.page {
			said[at] = b
		}
	}
	return said
}

// blockIn reads a block; nil if there is none, or it cannot be read.
func blockIn(v js.Value) *block {
	b, err := toGo(v)
	if err != nil {
		return nil
	}
	return decodeBlock(b)
}

// putIndex writes blocks, and deletes those that say nothing.
func (t *transaction) putIndex(said index) {
	store := t.store(storeTerms)
	for at, b := range said {
		if b.empty() {
			store.Call("delete", toJS(at.key()))
			continue
		}
		store.Call("put", toJS(b.encode()), toJS(at.key()))
	}
}

// blocks reads what is stored of spans.
func (t *transaction) blocks(ctx context.Context, spans []chat.Span) ([]map[uint64]*block, error) {
	requests := make([]js.Value, len(spans))
	for i, s := range spans {
		first, last := place{s.Key, s.From / blockPages}, place{s.Key, s.To / blockPages}
		requests[i] = t.read(storeTerms, "getAll", keyRange.Call("bound", toJS(first.key()), toJS(last.key())))
	}
	if err := t.await(ctx); err != nil {
		return nil, err
	}
	all := make([]map[uint64]*block, len(spans))
	for i, request := range requests {
		records := request.Get("result")
		all[i] = make(map[uint64]*block)
		for j := range records.Length() {
			if b := blockIn(records.Index(j)); b != nil {
				all[i][b.number] = b
			}
		}
	}
	return all, nil
}

// Candidates implements chat.Store.
func (s *Store) Candidates(ctx context.Context, spans []chat.Span, p chat.Probe) ([]chat.Candidates, error) {
	if len(spans) == 0 {
		return nil, nil
	}
	found := make([]chat.Candidates, len(spans))
	err := s.read(ctx, func(t *transaction) error {
		blocks, err := t.blocks(ctx, spans)
		for i := range blocks {
			found[i] = candidates(spans[i], p, blocks[i])
		}
		return err
	}, storeTerms)
	if err != nil {
		return nil, fmt.Errorf("search the stored history: %w", err)
	}
	return found, nil
}

// Index implements chat.Store.
func (s *Store) Index(ctx context.Context, span chat.Span) error {
	err := s.run(ctx, "readwrite", func(t *transaction) error {
		all, err := t.blocks(ctx, []chat.Span{span})
		if err != nil {
			return err
		}
		lacking := unknown(span, all[0])
		if len(lacking) == 0 {
			return nil
		}
		said := make(index)
		for number, b := range all[0] {
			said[place{span.Key, number}] = b
		}
		err = t.pages(ctx, lacking, func(conversation string, p *page) {
			said.of(place{conversation, p.number}).pages[p.number%blockPages] = termsOf(Fold, conversation, p, nil, nil)
		})
		if err == nil {
			t.putIndex(said)
		}
		return err
	}, storeMessages, storeTerms)
	if err != nil {
		return fmt.Errorf("index the stored history: %w", err)
	}
	return nil
}
