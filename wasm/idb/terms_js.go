package idb

import (
	"context"
	"fmt"
	"iter"
	"syscall/js"

	"parley/proto/search"
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

// blockRequests are reads of all shards of blocks.
type blockRequests map[place][search.Shards]js.Value

// askBlocks begins to read the blocks of pages: what answer returns is there once the transaction was awaited. cleared
// says that there are none.
func (t *transaction) askBlocks(pages iter.Seq[place], cleared bool) blockRequests {
	asked := make(blockRequests)
	for page := range pages {
		at := blockOf(page)
		if _, known := asked[at]; known || cleared {
			continue
		}
		var requests [search.Shards]js.Value
		for shard := range requests {
			requests[shard] = t.read(storeTerms, "get", toJS(shardKey(at, shard)))
		}
		asked[at] = requests
	}
	return asked
}

func (r blockRequests) answer() index {
	said := make(index)
	for at, requests := range r {
		stored := make([][]*block, len(requests))
		for shard, request := range requests {
			if b := shardIn(request.Get("result"), shard); b != nil {
				stored[shard] = append(stored[shard], b)
			}
		}
		if b := blocks(allShards(), stored)[at.page]; b != nil {
			said[at] = b
		}
	}
	return said
}

func allShards() []int {
	shards := make([]int, search.Shards)
	for i := range shards {
		shards[i] = i
	}
	return shards
}

// shardIn reads a shard of a block; nil if there is none, or it cannot be read.
func shardIn(v js.Value, shard int) *block {
	b, err := toGo(v)
	if err != nil {
		return nil
	}
	return decodeShard(b, shard)
}

// putIndex writes blocks, and deletes those that say nothing.
func (t *transaction) putIndex(said index) {
	store := t.store(storeTerms)
	for at, b := range said {
		for shard := range search.Shards {
			if key := toJS(shardKey(at, shard)); b.empty() {
				store.Call("delete", key)
			} else {
				store.Call("put", toJS(b.encode(shard)), key)
			}
		}
	}
}

// forgetIndex deletes what the index says of a conversation from one block to another.
func (t *transaction) forgetIndex(first, last place) {
	store := t.store(storeTerms)
	for shard := range search.Shards {
		store.Call("delete", keyRange.Call("bound", toJS(shardKey(first, shard)), toJS(shardKey(last, shard))))
	}
}

// blocks reads what is stored of spans in some shards.
func (t *transaction) blocks(ctx context.Context, spans []chat.Span, shards []int) ([]map[uint64]*block, error) {
	requests := make([]js.Value, 0, len(spans)*len(shards))
	for _, s := range spans {
		first, last := place{s.Key, s.From / blockPages}, place{s.Key, s.To / blockPages}
		for _, shard := range shards {
			over := keyRange.Call("bound", toJS(shardKey(first, shard)), toJS(shardKey(last, shard)))
			requests = append(requests, t.read(storeTerms, "getAll", over))
		}
	}
	if err := t.await(ctx); err != nil {
		return nil, err
	}
	all := make([]map[uint64]*block, len(spans))
	for i := range spans {
		stored := make([][]*block, len(shards))
		for j, shard := range shards {
			records := requests[i*len(shards)+j].Get("result")
			for n := range records.Length() {
				if b := shardIn(records.Index(n), shard); b != nil {
					stored[j] = append(stored[j], b)
				}
			}
		}
		all[i] = blocks(shards, stored)
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
		blocks, err := t.blocks(ctx, spans, p.Shards())
		for i := range blocks {
			found[i] = p.Look(spans[i], func(page uint64) *chat.PageTerms { return blocks[i][page/blockPages].terms(page) })
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
		all, err := t.blocks(ctx, []chat.Span{span}, allShards())
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
			terms := chat.IndexOf(Fold, conversation, p.all())
			said.of(place{conversation, p.number}).pages[p.number%blockPages] = &terms
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
