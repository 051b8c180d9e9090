//go:build js && wasm

package idb

import (
	"context"
	"maps"
	"syscall/js"

	"parley/wasm/chat"
)

// metaKey is the key of the only record in storeMeta.
const metaKey = "meta"

// load reads everything but the messages.
func (t *transaction) load(ctx context.Context, s *chat.Snapshot) error {
	everything := js.Undefined()
	meta := t.read(storeMeta, "getAll", metaKey)
	rows := t.read(storeConversations, "getAll")
	outbox := t.read(storeOutbox, "getAll")
	if err := t.await(ctx); err != nil {
		return err
	}
	err := t.records(ctx, storeMeta, everything, meta, func(b []byte) (err error) {
		s.Meta, err = decodeMeta(b)
		return err
	})
	if err != nil {
		return err
	}
	err = t.records(ctx, storeConversations, everything, rows, func(b []byte) error {
		row, err := decodeRow(b)
		s.Conversations = append(s.Conversations, row)
		return err
	})
	if err != nil {
		return err
	}
	return t.records(ctx, storeOutbox, everything, outbox, func(b []byte) error {
		o, err := decodeOutgoing(b)
		s.Outbox = append(s.Outbox, o)
		return err
	})
}

// pages reads the stored pages of the stretches, in order.
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
	for i, s := range stretches {
		err := t.records(ctx, storeMessages, ranges[i], requests[i], func(b []byte) error {
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
	}
	return nil
}

// apply makes the changes of a batch that was checked.
func (t *transaction) apply(ctx context.Context, b chat.Batch) error {
	if b.Clear {
		t.store(storeMessages).Call("clear")
		t.store(storeTerms).Call("clear")
		t.store(storeConversations).Call("clear")
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
			first, last := place{d.Key, 0}, place{d.Key, at.page - 1}
			messages.Call("delete", keyRange.Call("bound", toJS(first.key()), toJS(last.key())))
		}
		t.forgetIndex(blockOf(at))
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
