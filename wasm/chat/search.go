package chat

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"parley/proto"
	"parley/proto/search"
)

// Query is what a person looks for.
type Query struct {
	// Text is words, each of which some word of the message begins with, and runs of characters of scripts without
	// spaces, each of which stands in it; "" if Sender or Kind is enough.
	Text   string
	Key    string // of one conversation; "": of all
	Sender uint64 // 0: whoever
	Kind   search.Kind
	// From and To are the first and last time, Unix milliseconds by the server's clock; To 0: whenever.
	From, To uint64
	// Before is Next of the answer that this one goes on after; 0: the newest come first.
	Before uint64
	// Server asks the server, too, for what is not stored here.
	Server bool
}

const (
	// maxText bounds what one looks for, in bytes.
	maxText = 256
	// firstSpan is how many pages are looked up at first, lastSpan how many at once after some fruitless times.
	firstSpan, lastSpan = 512, 2048
	// spanPages is as many as one span is made of: of few conversations, more spans are.
	spanPages = 256
	// readPages is how many pages are read at once.
	readPages = 16
)

// Search looks for messages, up to limit: for stored ones in slices between which the loop goes on. cancel ends it, and
// done is not called any more.
func (e *Engine) Search(q Query, limit int, done func(Found, error)) (cancel func()) {
	ctx, cancel := context.WithCancel(e.ctx)
	e.loaded(func() {
		s := &searching{engine: e, ctx: ctx, query: q, limit: limit, done: func(f Found, err error) {
			cancel()
			done(f, err)
		}}
		if err := s.prepare(); err != nil {
			s.done(Found{}, err)
			return
		}
		if q.Server {
			s.widen()
		}
		s.begin()
	})
	return cancel
}

// searching is one call of Search: of every conversation a stream of what is found in it, the newest first, of which
// the newest comes next, by id.
type searching struct {
	engine  *Engine
	ctx     context.Context
	query   Query
	limit   int
	done    func(Found, error)
	pattern search.Pattern
	probe   Probe
	only    *conversation // that is searched; nil: all
	streams []*stream
	found   []finding
	pages   uint64 // to look up at once
	reopens int    // of the store, since it was begun
	epoch   uint64 // the engine's, when it was begun
	emptied int    // likewise
}

// finding is an entry that was found.
type finding struct {
	stream *stream
	entry  entry
}

// widen asks the server, too.
func (s *searching) widen() {
	w := &everywhere{local: s, done: s.done}
	s.done = func(f Found, err error) {
		if w.here = &f; err != nil {
			w.done(f, err)
			return
		}
		w.merge()
	}
	w.begin()
}

// prepare reads the query.
func (s *searching) prepare() (err error) {
	e, q := s.engine, &s.query
	switch {
	case e.unusable != nil:
		return e.unusable
	case s.limit < 1 || s.limit > proto.MaxPage:
		return proto.Refuse(proto.PayloadFormatInvalid, "limit is %d: want 1 to %d", s.limit, proto.MaxPage)
	case len(q.Text) > maxText:
		return proto.Refuse(proto.PayloadFormatInvalid, "text has %d bytes, at most %d are looked for", len(q.Text), maxText)
	case q.Kind != search.AnyKind && !slices.Contains(search.Kinds[:], q.Kind):
		return proto.Refuse(proto.PayloadFormatInvalid, "kind is %q: want picture, file or link", q.Kind)
	case q.Text == "" && q.Sender == 0 && q.Kind == search.AnyKind:
		return proto.Refuse(proto.PayloadFormatInvalid, "nothing is looked for: want text, a sender or a kind")
	}
	if q.Key != "" {
		if s.only, err = e.conversation(q.Key); err != nil {
			return err
		}
	}
	if q.To == 0 {
		q.To = ^uint64(0)
	}
	s.pattern = search.PatternOf(e.Folder.Fold([]string{q.Text})[0])
	s.probe = q.probe(s.pattern)
	return nil
}

// probe is what the index is asked.
func (q Query) probe(text search.Pattern) Probe {
	p := Probe{terms: text.Terms(), Before: q.Before, From: q.From, To: q.To}
	if q.Sender != 0 {
		p.terms = append(p.terms, search.SenderTerm(q.Sender))
	}
	if q.Kind != search.AnyKind {
		p.terms = append(p.terms, search.KindTerm(q.Kind))
	}
	return p
}

// has reports whether what was written, and folded, is what one looks for.
func (s *searching) has(x search.Document, folded string) bool {
	q := s.query
	if q.Sender != 0 && x.Sender != q.Sender || q.Before != 0 && x.ID >= q.Before || x.Time < q.From || x.Time > q.To {
		return false
	}
	return x.Is(q.Kind) && s.pattern.In(folded)
}

// begin searches what is stored from now on, once everything up to now is.
func (s *searching) begin() {
	e := s.engine
	s.found, s.pages, s.epoch, s.emptied = nil, firstSpan, e.meta.Epoch, e.emptied
	e.keep.looked = e.Host.Elapsed()
	if s.query.Text == "" || !s.pattern.Empty() {
		for _, c := range e.sorted() {
			if s.only == nil || s.only == c {
				s.follow(c)
			}
		}
	}
	e.write.flush(func() {
		for _, st := range s.streams {
			if err := s.await(st); err != nil {
				s.fail(err)
				return
			}
		}
		s.step()
	})
}

// follow searches a conversation, too, if it may be read.
func (s *searching) follow(c *conversation) {
	if c.key.IsZero() || !s.engine.mayRead(c.key) || c.repair.denied || len(c.stored) == 0 {
		return
	}
	st := &stream{c: c, read: new(read), rest: PageOf(^uint64(0)) + 1, before: c.newestID()}
	if s.query.Before != 0 {
		st.before = min(st.before, s.query.Before)
	}
	c.reads = append(c.reads, st.read)
	s.streams = append(s.streams, st)
}

// newestID is the highest id that is stored.
func (c *conversation) newestID() uint64 {
	if c.last.seq < c.stored.highest(^uint64(0)) {
		return unknownID
	}
	return cmp.Or(c.last.id(), unknownID)
}

// await searches, as a stream of its own, what waits in memory to be stored: of that, what is stored may be older.
func (s *searching) await(st *stream) error {
	waiting := s.engine.write.unstored(st.c.name, 0, ^uint64(0))
	if len(waiting) == 0 {
		return nil
	}
	for _, x := range waiting {
		st.waits = st.waits.add(x.Seq, x.Seq)
	}
	all, err := decodeAll(st.c.key.Kind(), waiting)
	if err != nil {
		return err
	}
	waiting = waiting[:0]
	for _, x := range latest(all) {
		waiting = append(waiting, Entry{Key: st.c.name, Seq: x.seq, Body: x.body})
	}
	r := pageRead{kind: st.c.key.Kind()}
	r.sift(s, waiting)
	hits, err := decodeAll(r.kind, r.found)
	hits = slices.DeleteFunc(hits, func(x entry) bool { return x.id() > st.before }) // that came since
	if len(hits) > 0 {
		s.streams = append(s.streams, &stream{c: st.c, read: st.read, hits: hits})
	}
	return err
}

// unfollow ends what begin began.
func (s *searching) unfollow() {
	for _, st := range s.streams {
		st.c.reads = slices.DeleteFunc(st.c.reads, func(r *read) bool { return r == st.read })
	}
	s.streams = nil
}

// step takes what was found, as long as it is the newest there is, then looks further.
func (s *searching) step() {
	for s.ctx.Err() == nil && len(s.found) < s.limit {
		newest := s.newest()
		if newest == nil {
			break
		}
		if len(newest.hits) == 0 {
			s.look()
			return
		}
		s.found = append(s.found, finding{newest, newest.hits[0]})
		newest.hits = newest.hits[1:]
	}
	s.finish()
}

// newest is the stream of what comes next; nil if nothing does.
func (s *searching) newest() (newest *stream) {
	for _, st := range s.streams {
		if st.newest() > 0 && (newest == nil || st.newest() > newest.newest()) {
			newest = st
		}
	}
	return newest
}

// look looks up, and reads, a slice of what may be newer than what was found already.
func (s *searching) look() {
	e := s.engine
	var todo []*stream
	for _, st := range s.streams {
		if st.newest() > 0 {
			todo = append(todo, st)
		}
	}
	slices.SortStableFunc(todo, func(a, b *stream) int { return compare(b.newest(), a.newest()) })
	if i := slices.IndexFunc(todo, func(st *stream) bool { return len(st.hits) > 0 }); i >= 0 {
		todo = todo[:i]
	}
	l := &slice{search: s, store: e.Store, pages: s.pages}
	share := max(1, readPages/len(todo))
	for _, st := range todo {
		l.add(st, share)
	}
	s.pages = min(2*s.pages, lastSpan)
	e.Host.Go(func() func() {
		err := l.run(s.ctx)
		return func() { s.take(l, err) }
	})
}

// take takes in what a slice found.
func (s *searching) take(l *slice, err error) {
	e := s.engine
	e.mend(&l.damage)
	switch {
	case s.ctx.Err() != nil:
		s.finish()
	case errors.Is(err, ErrReopened) && s.reopens < maxReopens:
		s.reopens++
		e.write.reload(func(err error) {
			if err != nil {
				s.fail(err)
				return
			}
			s.unfollow()
			s.begin()
		})
	case err != nil:
		s.fail(err)
	case e.meta.Epoch != s.epoch && s.epoch != 0:
		s.fail(errOtherHistory)
	case e.emptied != s.emptied:
		s.unfollow()
		s.begin()
	default:
		if err := l.take(); err != nil {
			s.fail(err)
			return
		}
		s.step()
	}
}

func (s *searching) fail(err error) {
	s.unfollow()
	s.done(Found{}, err)
}

// finish gives what was found, but what was changed meanwhile so that it is not what one looks for any more.
func (s *searching) finish() {
	e := s.engine
	more := s.newest() != nil
	s.unfollow()
	if s.ctx.Err() != nil {
		return
	}
	answer := Found{More: more, Indexed: e.indexing.share()}
	if n := len(s.found); more && n > 0 {
		answer.Next = s.found[n-1].entry.id()
	}
	for _, f := range s.found {
		x, is := s.now(f)
		if !is || !e.mayRead(f.stream.c.key) || f.stream.c.repair.denied {
			continue
		}
		answer.Hits = s.append(answer.Hits, f.stream.c, x)
	}
	s.mark(answer.Hits)
	s.done(answer, nil)
}

// append adds an entry to hits, unless I am taking it back.
func (s *searching) append(hits []Hit, c *conversation, x entry) []Hit {
	m := s.engine.render.message(c, x)
	if m.Type == proto.MessageType_MESSAGE_TYPE_RECALLED {
		return hits
	}
	return append(hits, Hit{Message: m})
}

// mark says where it stands what is looked for.
func (s *searching) mark(hits []Hit) {
	contents := make([]string, len(hits))
	for i, hit := range hits {
		contents[i] = hit.Message.Content
	}
	for i, marks := range hitMarks(s.pattern, s.engine.Folder, contents) {
		hits[i].Marks = marks
	}
}

// now is what a finding is by now, and whether that is still looked for.
func (s *searching) now(f finding) (x entry, is bool) {
	c, x := f.stream.c, f.entry
	for _, later := range f.stream.read.meanwhile {
		if later.seq == x.seq {
			x = later
		}
	}
	of, ok := search.Read(c.key.Kind(), x.body)
	if !ok || !c.stored.has(x.seq) || x.seq < c.floor() {
		return x, false
	}
	return x, s.has(of, s.engine.Folder.Fold([]string{of.Text})[0])
}
