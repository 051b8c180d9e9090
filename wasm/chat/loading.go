package chat

import (
	"encoding/hex"
	"errors"
	"slices"

	"parley/proto/search"
)

// rowSlice is how many rows are loaded at once: the loop goes on between slices.
const rowSlice = 200

// loading brings what is stored into memory: what a list shows first, and what waits to be sent, by which a page can
// begin; then the other rows, in slices. Until these are there nothing is asked of the server, nor taken from it: what
// it tells of a conversation must meet what is known of that.
type loading struct {
	engine  *Engine
	after   string   // the key of the last row that came
	reopens int      // of the store, in a row
	damage  Damage   // what cannot be read
	waiting []func() // until all is there
}

// loaded calls f once the store is loaded, or could not be: a send must not be
// numbered before those of earlier runs are known.
func (e *Engine) loaded(f func()) {
	if e.started || e.unusable != nil {
		f()
		return
	}
	e.loading.waiting = append(e.loading.waiting, f)
}

// known calls f once what is stored of a conversation is loaded.
func (e *Engine) known(name string, f func()) {
	if e.conversations[name] != nil {
		f()
		return
	}
	e.loaded(f)
}

// begin loads the first rows, tells done, and goes on with the others.
func (l *loading) begin(done func(error)) {
	e, store := l.engine, l.engine.Store
	e.Host.Go(func() func() {
		snapshot, err := store.Load(e.ctx)
		return func() {
			if isAway(err) {
				e.forgo(err)
				snapshot, err = Snapshot{}, nil
			}
			if err == nil {
				e.load(snapshot)
			}
			e.unusable = err
			if err != nil || snapshot.Top == nil {
				e.connection.state.Opening = false
			}
			done(err)
			if e.connection.state.Opening {
				l.next()
			} else {
				l.end()
			}
		}
	})
}

// next loads some of the other rows.
func (l *loading) next() {
	e, store, emptied := l.engine, l.engine.Store, l.engine.emptied
	e.Host.Go(func() func() {
		rows, err := store.Rows(e.ctx, l.after, rowSlice)
		damage, damaged := errors.AsType[*Damage](err)
		return func() {
			switch {
			case e.closed:
			case errors.Is(err, ErrReopened) && l.reopens < maxReopens:
				l.reopens++
				e.write.reload(func(err error) {
					if err != nil {
						l.finish(err)
						return
					}
					l.next()
				})
				return
			case (err == nil || damaged) && e.emptied != emptied:
				l.next() // they may be of what is gone
				return
			case damaged:
				l.damage.Conversations = append(l.damage.Conversations, damage.Conversations...)
				l.after = slices.Max(damage.Conversations)
				l.take(rows)
				l.next()
				return
			case err == nil && len(rows) > 0:
				l.reopens = 0
				l.take(rows)
				l.next()
				return
			}
			l.finish(err)
		}
	})
}

// take takes in rows, but those that are known: these may be newer by now.
func (l *loading) take(rows []Row) {
	e := l.engine
	var came []Conversation
	for _, row := range rows {
		l.after = max(l.after, row.Key)
		if e.conversations[row.Key] != nil {
			continue
		}
		if c := l.restore(row); c != nil && e.listed(c) {
			came = append(came, e.conversationOf(c))
		}
	}
	if len(came) > 0 {
		e.Observer.Conversations(came)
	}
}

// finish ends the loading of the other rows. If some cannot be read, the server is to tell of all again.
func (l *loading) finish(err error) {
	e := l.engine
	if e.connection.state.Opening = false; !e.closed {
		if err != nil {
			e.Observer.Failed(err)
			e.meta.SyncToken = ""
			e.write.meta(e.meta)
		}
		e.connection.tell()
		e.Observer.Kept(e.Kept())
	}
	l.end()
}

// end begins what waits for all rows.
func (l *loading) end() {
	e := l.engine
	if e.started = e.unusable == nil; e.started {
		e.mend(&l.damage)
	}
	waiting := l.waiting
	l.waiting = nil
	for _, f := range waiting {
		f()
	}
	if !e.started || e.closed {
		return
	}
	if keys := e.top.changed(dirtySet{}); keys != nil {
		e.write.onTop(keys)
	}
	e.watch()
	e.uploads.tidy()
	e.indexing.begin()
	e.keep.begin()
	e.fetch.next()
	e.connection.begin()
	e.interim.wait()
}

func (e *Engine) load(s Snapshot) {
	e.meta, e.loading.damage = s.Meta, s.Damaged
	e.render.window = e.meta.editWindow()
	for _, row := range s.Conversations {
		e.loading.restore(row)
	}
	for _, o := range s.Outbox {
		if err := e.outbox.restore(o); err != nil {
			e.loading.damage.Outbox = append(e.loading.damage.Outbox, o.Number)
		}
	}
	e.top.stored = s.Top
	if e.meta.Device == "" {
		var device [8]byte
		e.Host.Random(device[:])
		e.meta.Device, e.meta.Indexed = hex.EncodeToString(device[:]), search.Version // nothing is stored yet
		e.write.meta(e.meta)
	}
}

// restore takes in a stored row; nil if it is damaged.
func (l *loading) restore(row Row) *conversation {
	c, err := restore(row, l.engine.User)
	if err != nil {
		l.damage.Conversations = append(l.damage.Conversations, row.Key)
		return nil
	}
	l.engine.conversations[c.name] = c
	return c
}
