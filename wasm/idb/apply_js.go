//go:build js && wasm

package idb

import (
	"context"
	"encoding/binary"
	"maps"
	"syscall/js"

	"parley/wasm/chat"
)

// The keys of the records in storeMeta.
const (
	metaKey = "meta"
	topKey  = "top"
)

// load reads what does not wait.
func (t *transaction) load(ctx context.Context, s *chat.Snapshot) error {
	everything := js.Undefined()
	meta := t.read(storeMeta, "getAll", metaKey)
	top := t.read(storeMeta, "getAll", topKey)
	outbox := t.read(storeOutbox, "getAll")
	if err := t.await(ctx); err != nil {
		return err
	}
	damaged, err := t.records(ctx, storeMeta, everything, meta, func(b []byte) error {
		m, err := decodeMeta(b)
		if err == nil {
			s.Meta = m
		}
		return err
	})
	if err != nil {
		return err
	}
	s.Damaged.Meta = damaged != nil
	if s.Outbox, s.Damaged.Outbox, err = t.outbox(ctx, outbox); err != nil {
		return err
	}
	_, _ = t.records(ctx, storeMeta, everything, top, func(b []byte) error { // nothing depends on it
		s.Top = decodeTop(b)
		return nil
	})
	if s.Top == nil {
		s.Conversations, s.Damaged.Conversations, err = t.rows(ctx, everything, 0)
		return err
	}
	return t.first(ctx, s)
}

// rows reads those over a key range, so many at most; 0: all. It names those that cannot be read.
func (t *transaction) rows(ctx context.Context, over js.Value, limit int) (rows []chat.Row, damaged []string, err error) {
	request := t.read(storeConversations, "getAll", over, limit)
	if err := t.await(ctx); err != nil {
		return nil, nil, err
	}
	return t.decodeRows(ctx, over, request)
}

func (t *transaction) decodeRows(ctx context.Context, over, request js.Value) (rows []chat.Row, damaged []string, err error) {
	keys, err := t.records(ctx, storeConversations, over, request, func(b []byte) error {
		row, err := decodeRow(b)
		if err == nil {
			rows = append(rows, row)
		}
		return err
	})
	for _, key := range keys {
		damaged = append(damaged, string(key))
	}
	return rows, damaged, err
}

// first reads the rows that come first.
func (t *transaction) first(ctx context.Context, s *chat.Snapshot) (err error) {
	keys := s.First()
	if len(keys) == 0 {
		return nil
	}
	over, requests := make([]js.Value, len(keys)), make([]js.Value, len(keys))
	for i, key := range keys {
		over[i] = toJS([]byte(key))
		requests[i] = t.read(storeConversations, "getAll", over[i])
	}
	if err := t.await(ctx); err != nil {
		return err
	}
	for i, request := range requests {
		rows, damaged, err := t.decodeRows(ctx, over[i], request)
		if err != nil {
			return err
		}
		s.Conversations = append(s.Conversations, rows...)
		s.Damaged.Conversations = append(s.Damaged.Conversations, damaged...)
	}
	return nil
}

// outbox decodes the outbox that was read, and names what of it cannot be.
func (t *transaction) outbox(ctx context.Context, read js.Value) (outbox []chat.Outgoing, damaged []uint64, err error) {
	keys, err := t.records(ctx, storeOutbox, js.Undefined(), read, func(b []byte) error {
		o, err := decodeOutgoing(b)
		if err == nil {
			outbox = append(outbox, o)
		}
		return err
	})
	for _, key := range keys {
		if len(key) == 8 {
			damaged = append(damaged, binary.BigEndian.Uint64(key))
		}
	}
	return outbox, damaged, err
}

// pages reads the stored pages of the stretches, in order. The error is a *chat.Damage if some cannot be read; the
// others are.
func (t *transaction) pages(ctx context.Context, stretches []stretch, f func(conversation string, p *page)) error {
	ranges := make([]js.Value, len(stretches))
	requests := make([]js.Value, len(stretches))
	for i, s := range stretches {
		first, last := place{s.conversation, s.from}, place{s.conversation, s.to}
		ranges[i] = keyRange.Call("bound", toJS(first.key()), toJS(last.key()))
		requests[i] = t.read(storeMessages, "getAll", ranges[i])
	}
	if err := t.await(ctx); err != nil {
		return err
	}
	var damage chat.Damage
	for i, s := range stretches {
		damaged, err := t.records(ctx, storeMessages, ranges[i], requests[i], func(b []byte) error {
			p, err := decodePage(b)
			switch {
			case err != nil:
				return err
			case p.number < s.from || p.number > s.to:
				return errDamaged // a page that stands in another's place
			}
			f(s.conversation, p)
			return nil
		})
		if err != nil {
			return err
		}
		for _, key := range damaged {
			number := binary.BigEndian.Uint64(key[len(key)-8:]) // it is one of the stretch
			damage.Pages = append(damage.Pages, chat.Span{Key: s.conversation, From: number, To: number})
		}
	}
	if damage.Any() {
		return &damage
	}
	return nil
}

// apply makes the changes of a batch that was checked.
func (t *transaction) apply(ctx context.Context, b chat.Batch) error {
	if b.Clear {
		t.store(storeMessages).Call("clear")
		t.store(storeTerms).Call("clear")
		t.store(storeConversations).Call("clear")
		t.store(storeMeta).Call("delete", topKey)
	}
	for _, s := range b.Dropped {
		first, last := place{s.Key, s.From}, place{s.Key, s.To}
		t.deletePages(first, last)
		t.forgetIndex(blockOf(first), blockOf(last))
	}
	if len(b.Entries) > 0 {
		if err := t.putEntries(ctx, b.Entries, b.Clear); err != nil {
			return err
		}
	}
	if len(b.Deleted) > 0 {
		if err := t.deleteEntries(ctx, b.Deleted); err != nil {
			return err
		}
	}
	if b.Meta != nil {
		t.store(storeMeta).Call("put", toJS(encodeMeta(*b.Meta)), metaKey)
	}
	if b.Top != nil {
		t.store(storeMeta).Call("put", toJS(encodeTop(b.Top)), topKey)
	}
	if len(b.Conversations) > 0 {
		rows := t.store(storeConversations)
		for _, row := range b.Conversations {
			rows.Call("put", toJS(encodeRow(row)), toJS([]byte(row.Key)))
		}
	}
	if len(b.Outbox) > 0 || len(b.Confirmed) > 0 {
		outbox := t.store(storeOutbox)
		for _, o := range b.Outbox {
			outbox.Call("put", toJS(encodeOutgoing(o)), toJS(numberKey(o.Number)))
		}
		for _, number := range b.Confirmed {
			outbox.Call("delete", toJS(numberKey(number)))
		}
	}
	return nil
}

// deletePages deletes the pages from one to another.
func (t *transaction) deletePages(first, last place) {
	t.store(storeMessages).Call("delete", keyRange.Call("bound", toJS(first.key()), toJS(last.key())))
}

// putEntries stores entries onto their pages, and indexes them. cleared says that there are none yet.
func (t *transaction) putEntries(ctx context.Context, entries []chat.Entry, cleared bool) error {
	pages, older := paginate(entries), make(map[place]*page)
	blocks := t.askBlocks(maps.Keys(pages), cleared)
	if !cleared {
		err := t.pages(ctx, incomplete(pages), func(conversation string, p *page) { older[place{conversation, p.number}] = p })
		if err != nil {
			return err
		}
	}
	index := blocks.answer()
	messages := t.store(storeMessages)
	for at, p := range pages {
		said, written := &index.of(at).pages[at.page%blockPages], p.all()
		replaces := true // all that may be stored of it, as it was not read
		if o := older[at]; o != nil {
			replaces = p.present&o.present != 0
			p.merge(o)
		}
		*said = chat.IndexWritten(Fold, at.conversation, *said, written, replaces, p.all)
		messages.Call("put", toJS(p.encode()), toJS(at.key()))
	}
	t.putIndex(index)
	return nil
}

// deleteEntries deletes whole pages, and what comes before on the page that a
// deletion ends in; and what the index says of them.
func (t *transaction) deleteEntries(ctx context.Context, deletions []chat.Deletion) error {
	messages := t.store(storeMessages)
	before := make(map[place]uint64)
	var cut []stretch
	for _, d := range deletions {
		at := place{d.Key, pageOf(d.Before)}
		if at.page > 0 {
			t.deletePages(place{d.Key, 0}, place{d.Key, at.page - 1})
		}
		if block := blockOf(at); block.page > 0 {
			t.forgetIndex(place{d.Key, 0}, place{d.Key, block.page - 1})
		}
		if before[at] == 0 {
			cut = append(cut, stretch{at.conversation, at.page, at.page})
		}
		before[at] = max(before[at], d.Before)
	}
	blocks := t.askBlocks(maps.Keys(before), false)
	kept := make(map[place]*page)
	if err := t.pages(ctx, cut, func(conversation string, p *page) { kept[place{conversation, p.number}] = p }); err != nil {
		return err
	}
	said := blocks.answer()
	for at, seq := range before {
		of := said.of(at)
		of.forget(at.page)
		p := kept[at]
		if p == nil {
			continue
		}
		p.clear(seq)
		if p.present == 0 {
			of.pages[at.page%blockPages] = nil
			messages.Call("delete", toJS(at.key()))
			continue
		}
		terms := chat.IndexOf(Fold, at.conversation, p.all())
		of.pages[at.page%blockPages] = &terms
		messages.Call("put", toJS(p.encode()), toJS(at.key()))
	}
	t.putIndex(said)
	return nil
}
