package chat

import (
	"context"
	"errors"
	"slices"
)

// interim is a chat in memory for as long as its store cannot be opened. Once that can, what came meanwhile is joined to
// what is stored there, as news are at any time: the union of entries, the higher of watermarks, and what an outbox holds
// behind what was to be sent before.
type interim struct {
	engine *Engine
	store  Store // that is waited for; nil if none is
	files  Files // nothing of them can be told from strays before the outbox is known
}

// forgo goes on in memory where nothing can be read, says so, and looks for the store to work.
func (e *Engine) forgo(why error) {
	e.connection.keepInMemory(ReasonOf(why))
	e.interim.store, e.interim.files = e.Store, e.Files
	e.keepIn(NewMemory(), nil)
}

// keepIn lets everything be stored somewhere else from now on.
func (e *Engine) keepIn(store Store, files Files) {
	e.Store, e.Files, e.write.store = store, files, store
}

// wait looks again after a while, if a store is waited for.
func (i *interim) wait() {
	if i.store != nil {
		i.engine.Host.After(roomEvery, i.look)
	}
}

// look looks whether the store can be opened by now.
func (i *interim) look() {
	e, store := i.engine, i.store
	if e.closed {
		return
	}
	e.Host.Go(func() func() {
		stored, err := loadAll(e.ctx, store)
		return func() {
			switch {
			case e.closed:
			case err != nil:
				i.wait()
			default:
				e.write.idle(func() { i.end(stored) }, i.wait)
			}
		}
	})
}

// loadAll is Load with all rows.
func loadAll(ctx context.Context, store Store) (Snapshot, error) {
	s, err := store.Load(ctx)
	if err != nil || s.Top == nil {
		return s, err
	}
	s.Conversations, s.Damaged.Conversations = nil, nil
	for after := ""; ; {
		rows, err := store.Rows(ctx, after, rowSlice)
		damage, damaged := errors.AsType[*Damage](err)
		switch {
		case damaged:
			s.Damaged.Conversations = append(s.Damaged.Conversations, damage.Conversations...)
			after = slices.Max(damage.Conversations)
		case err != nil || len(rows) == 0:
			return s, err
		}
		s.Conversations = append(s.Conversations, rows...)
		for _, row := range rows {
			after = max(after, row.Key)
		}
	}
}

// end goes on in the store. Nothing is on the way to the memory, and what that has is written first; until that is
// done the person is told what they were.
func (i *interim) end(s Snapshot) {
	e := i.engine
	if e.closed {
		return
	}
	memory := e.Store
	e.keepIn(i.store, i.files)
	i.store, i.files = nil, nil
	e.write.away = true
	e.emptied++ // whoever is reading begins again, with what is stored, too
	unheard := e.meta.Epoch == 0
	if !e.joinMeta(s.Meta) {
		e.write.clear()
		s.Conversations, s.Top = nil, nil
	}
	damage := e.joinRows(s)
	e.outbox.join(s.Outbox, &damage)
	for _, c := range e.sorted() {
		e.rewrite(c, memory)
	}
	e.top = top{engine: e, stored: s.Top}
	e.mend(&damage)
	e.resume(unheard)
}

// joinMeta joins what is stored once, and reports whether what is stored is of the same history as what came meanwhile.
func (e *Engine) joinMeta(stored Meta) (same bool) {
	now := e.meta
	same = now.Epoch == 0 || now.Epoch == stored.Epoch
	if stored.Device == "" { // nothing is stored, or nobody knows of which history
		stored.Device, stored.Indexed = now.Device, now.Indexed
	}
	if now.Epoch != 0 {
		stored.Epoch, stored.EditWindow = now.Epoch, now.EditWindow
	}
	if !same {
		stored.SyncToken = now.SyncToken
	} // else the server tells again of what changed since
	if now.Keeping != 0 || now.Limits != (Limits{}) { // chosen since
		stored.Keeping, stored.Limits = now.Keeping, now.Limits
	}
	e.meta = stored
	e.render.window = e.meta.editWindow()
	e.write.meta(e.meta)
	return same
}

// rewrite lets all entries of a conversation be written that are in a memory. Some may be what waited to be sent.
func (e *Engine) rewrite(c *conversation, memory Store) {
	found, err := memory.Messages(context.Background(), c.name, 0, ^uint64(0))
	if err != nil {
		e.Observer.Failed(err)
		return
	}
	for _, x := range found {
		x.replaces = true // what may be stored of it is older
		e.write.entry(x)
	}
	entries, err := decodeAll(c.key.Kind(), found)
	if err != nil {
		e.Observer.Failed(err)
	}
	e.outbox.echoed(c, entries)
	e.write.touch(c.name)
}

// joinRows takes in all rows, and returns what is damaged.
func (e *Engine) joinRows(s Snapshot) Damage {
	damage := s.Damaged
	for _, row := range s.Conversations {
		stored, err := restore(row, e.User)
		switch c := e.conversations[row.Key]; {
		case err != nil:
			damage.Conversations = append(damage.Conversations, row.Key)
		case c == nil:
			e.conversations[row.Key] = stored
		default:
			e.join(c, stored)
		}
	}
	return damage
}

// join joins what is stored of a conversation to what is known of it, which is no older where the server told of it.
func (e *Engine) join(c, stored *conversation) {
	c.revisions.join(stored, c)
	if stored.last.seq > c.last.seq || stored.last.seq == c.last.seq && stored.last.revised() > c.last.revised() {
		c.last = stored.last
	}
	all := c.stored
	for _, r := range stored.stored {
		all = all.add(r.From, r.To)
	}
	if n := stored.entries(); n > 0 {
		c.size += stored.size * (count(all) - c.entries()) / n
	}
	c.stored, c.aged = all, known{}
	c.head, c.opened, c.notes = max(c.head, stored.head), max(c.opened, stored.opened), max(c.notes, stored.notes)
	if c.names == (names{}) { // the server told nothing but entries
		c.names, c.introduced = stored.names, c.introduced || stored.introduced
		c.blocked, c.choices, c.unknown = stored.blocked, stored.choices, stored.unknown
	}
	if stored.group.head > c.group.head {
		g := stored.group
		c.group.role, c.group.members, c.group.picture, c.group.version, c.group.head = g.role, g.members, g.picture, g.version, g.head
		c.group.mentions.row(g.mentions.head, g.mentions.count)
	}
	if stored.status.head > c.status.head {
		c.status.row(c.key.Kind(), stored.status.head, stored.status.ConversationStatus)
	}
	c.unread.row(stored.unread.head, stored.unread.read, stored.unread.own)
	oldest := max(c.min, stored.min)
	c.min = 0
	e.forget(c, oldest)
	c.receiptTimes.join(stored.receiptTimes)
	c.peer, c.acked = c.peer.raise(stored.peer), c.acked.raise(stored.acked)
	e.raiseMine(c, stored.mine)
	e.write.touch(c.name)
}

// join takes note that entries which are stored are kept, too.
func (r *revisions) join(stored, c *conversation) {
	r.void()
	switch {
	case stored.holdsNothing():
	case c.holdsNothing():
		r.known = stored.revisions.known
	default:
		r.known = min(r.known, stored.revisions.known)
	}
	r.newest = max(r.newest, stored.revisions.newest)
}

func (a *receiptTimes) join(stored receiptTimes) {
	for _, s := range stored.delivered {
		a.delivered.Add(s)
	}
	for _, s := range stored.read {
		a.read.Add(s)
	}
}

// join lets what waited in the store be sent, too. It was written first, and stands first.
func (b *outbox) join(stored []Outgoing, damage *Damage) {
	e := b.engine
	var last uint64
	for _, o := range stored {
		last = max(last, o.Number)
	}
	for _, number := range damage.Outbox {
		last = max(last, number)
	}
	b.number += last
	for _, c := range e.sorted() {
		for _, o := range c.outbox {
			o.Number += last
			e.write.outgoing(o.Outgoing, nil)
		}
	}
	for _, o := range stored {
		if err := b.rejoin(o); err != nil {
			damage.Outbox = append(damage.Outbox, o.Number)
		}
	}
}

// rejoin takes back a message that waited in the store, unless a page gave it to this engine, too.
func (b *outbox) rejoin(stored Outgoing) error {
	e := b.engine
	if c := e.conversations[stored.Key]; c != nil {
		x, err := decode(c.key.Kind(), stored.Body)
		if err == nil && c.unconfirmed(x.ref()) != nil {
			e.write.confirmed(stored.Number)
			return nil
		}
	}
	return b.restore(stored)
}

// resume goes on with everything that rests where nothing is stored, and tells what there is. Where nothing was heard of
// the server yet, pages have been shown nothing.
func (e *Engine) resume(unheard bool) {
	if unheard {
		e.Observer.Reset()
	}
	e.Observer.Conversations(e.Conversations())
	for _, c := range e.sorted() {
		for _, o := range slices.Backward(c.outbox) { // whose numbers rose, before others have them
			e.outbox.changed(c, o)
		}
		e.deliveredStored(c)
		e.fetch.consider(c)
	}
	e.watch()
	e.uploads.tidy()
	e.indexing.begin()
	e.Observer.Kept(e.Kept())
	e.keep.begin()
	e.outbox.pumpAll()
	e.marking.addAll()
	if e.sync.abandon(); e.connection.session != nil {
		e.sync.request()
	}
}
