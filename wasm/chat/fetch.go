package chat

import (
	"context"
	"fmt"
	"slices"
	"time"

	"parley/proto"
)

const (
	// holeWait is how long a hole may close by itself, since deliveries overtake each other.
	holeWait = 500 * time.Millisecond
	// page is how many of the newest messages of a conversation are kept at hand.
	page = 50
	// kept is of how many conversations that is; of others, once they are shown.
	kept = 200
	// maxShown bounds how far back the holes of a shown conversation are filled unasked.
	maxShown = 2000
	// maxFetches bounds the history requests at the same time that fill holes;
	// those that a person waits for go out at once.
	maxFetches = 4
	// fetchTimeout bounds one history request.
	fetchTimeout = 30 * time.Second
)

// fetching fills holes from the server's history: conversations that are shown
// first, a few requests at a time, one per conversation.
type fetching struct {
	engine *Engine
	queue  []*conversation
	active int
	pause  *pause // nil unless the server is asked for nothing
	retry  backoff
}

// pause is a time in which the history is not asked, as it would answer
// everything alike.
type pause struct {
	why   error
	token bool     // it lasts until there is a fresh token
	soon  bool     // whether somebody may wait for its end
	stop  func()   // its timer
	then  []func() // what waits for its end
}

// repair is what is under way for the holes of one conversation.
type repair struct {
	stop   func() // the timer of a planned request; nil if there is none
	queued bool
	active bool
	denied bool // the server says that this conversation is not the user's to read
	vain   bool // it was asked for, and given up before the next connection
	retry  backoff
}

// wantedFrom is the oldest seq from which no hole should stay.
func (c *conversation) wantedFrom() uint64 {
	from := back(c.head, page)
	if delivered := c.mine.delivered; delivered < c.evicted && delivered+1 >= from {
		from = delivered + 1 // of what made room, what the server was not told of yet, unless more is missing before that
	} else {
		from = max(from, c.evicted+1)
	}
	if c.shown && c.shownFrom > 0 {
		from = max(min(from, c.shownFrom), back(c.head, maxShown))
	}
	return max(from, c.floor())
}

// back returns the seq at which the last n up to head begin.
func back(head, n uint64) uint64 {
	if head < n {
		return 1
	}
	return head - n + 1
}

// hole returns the newest hole that should be filled. Of a conversation that
// this version cannot show, there is none.
func (c *conversation) hole() (Range, bool) {
	if c.key.IsZero() {
		return Range{}, false
	}
	missing := c.stored.missing(c.wantedFrom(), c.head)
	if c.head == 0 || len(missing) == 0 {
		return Range{}, false
	}
	return missing[len(missing)-1], true
}

// lacks reports whether something is to be fetched.
func (c *conversation) lacks() bool {
	_, hole := c.hole()
	return hole || c.behind()
}

// consider gives a hole that a live message made the time to close by itself.
func (f *fetching) consider(c *conversation) { f.plan(c, holeWait) }

func (f *fetching) plan(c *conversation, d time.Duration) {
	r := &c.repair
	if !c.lacks() || r.stop != nil || r.queued || r.active || r.denied {
		return
	}
	r.stop = f.engine.Host.After(d, func() {
		r.stop = nil
		f.catchUp(c)
	})
}

// catchUp fills the holes of a conversation as soon as it is its turn.
func (f *fetching) catchUp(c *conversation) {
	r := &c.repair
	if !c.lacks() || r.queued || r.active || r.denied || f.engine.write.losing {
		return
	}
	if r.stop != nil {
		r.stop()
		r.stop = nil
	}
	r.queued = true
	f.queue = append(f.queue, c)
	f.next()
}

// forget ends what is under way for a conversation that is replaced.
func (f *fetching) forget(c *conversation) {
	if c.repair.stop != nil {
		c.repair.stop()
		c.repair.stop = nil
	}
	f.queue = slices.DeleteFunc(f.queue, func(x *conversation) bool { return x == c })
}

// offline drops what is planned: the sync after the next connect begins anew.
func (f *fetching) offline() {
	for _, c := range f.engine.conversations {
		f.forget(c)
		c.repair.queued, c.repair.vain, c.repair.retry = false, false, backoff{}
	}
}

func (f *fetching) next() {
	for f.active < maxFetches && len(f.queue) > 0 && f.pause == nil && f.engine.started && !f.engine.closed {
		i := max(0, slices.IndexFunc(f.queue, func(c *conversation) bool { return c.shown }))
		c := f.queue[i]
		f.queue = slices.Delete(f.queue, i, i+1)
		c.repair.queued = false
		f.fill(c)
	}
}

// fill asks for the newest part of the newest hole, and goes on until none is left.
func (f *fetching) fill(c *conversation) {
	if c.behind() {
		known := c.revisions.known
		f.repair(c, func(done func(error)) { f.revise(c, done) }, func() bool { return c.revisions.known != known || !c.behind() })
		return
	}
	if hole, ok := c.hole(); ok {
		known, limit := c.stored, int(min(hole.To-hole.From+1, proto.MaxPage))
		f.repair(c, func(done func(error)) { f.request(c, hole.From-1, hole.To+1, limit, done) },
			func() bool { return progress(known, c.stored, hole) })
	}
}

// repair makes one request, after which something should be better.
func (f *fetching) repair(c *conversation, request func(done func(error)), better func() bool) {
	c.repair.active = true
	f.active++
	request(func(err error) {
		f.active--
		c.repair.active = false
		if err == nil && better() {
			c.repair.retry.reset()
			f.catchUp(c)
		} else if f.engine.connection.session != nil { // otherwise the sync after the next connect begins anew
			f.failed(c, err)
		}
		f.next()
	})
}

// failed goes on with a conversation whose hole could not be filled; err is nil
// where the answer held nothing of it.
func (f *fetching) failed(c *conversation, err error) {
	switch do, _ := remedyOf(reading, err); do {
	case repeat:
		f.plan(c, c.repair.retry.busy(f.engine.Host))
	case wait, renew:
		f.catchUp(c) // once the pause is over
	default:
		c.repair.vain = true
	}
}

// progress reports whether a hole is smaller now.
func progress(before, after ranges, hole Range) bool {
	return count(after.missing(hole.From, hole.To)) < count(before.missing(hole.From, hole.To))
}

func count(rs []Range) (n uint64) {
	for _, r := range rs {
		n += r.To - r.From + 1
	}
	return n
}

// request asks the server for entries and takes in what it answers; done is
// told when they are in. In a pause it is told why there is one, at once.
func (f *fetching) request(c *conversation, after, before uint64, limit int, done func(error)) {
	if f.pause != nil {
		done(f.pause.why)
		return
	}
	f.entries(c, after, before, limit, f.take, done)
}

// entries asks the server for entries and lets them be taken in.
func (f *fetching) entries(c *conversation, after, before uint64, limit int, take func(*conversation, historyPage, uint64) error, done func(error)) {
	e := f.engine
	f.ask(c, func(ctx context.Context, token string) (p historyPage, err error) {
		body, err := e.History.Messages(ctx, token, c.name, after, before, limit)
		if err != nil {
			return p, err
		}
		return parsePage(c.key, after, before, body)
	}, take, done)
}

// ask asks the server for a page, once all that is stored is loaded, and lets it be taken in; done is told when it is.
func (f *fetching) ask(c *conversation, get func(ctx context.Context, token string) (historyPage, error), take func(*conversation, historyPage, uint64) error, done func(error)) {
	f.engine.loaded(func() { f.get(c, get, take, done) })
}

func (f *fetching) get(c *conversation, get func(ctx context.Context, token string) (historyPage, error), take func(*conversation, historyPage, uint64) error, done func(error)) {
	e := f.engine
	token, epoch := e.Token.Text, e.meta.Epoch
	e.Host.Go(func() func() {
		ctx, cancel := context.WithTimeout(e.ctx, fetchTimeout)
		defer cancel()
		p, err := get(ctx, token)
		if err != nil {
			err = fmt.Errorf("history of %s: %w", c.name, err)
		}
		return func() {
			if err == nil {
				f.retry.reset()
				c.repair.denied = false
				err = take(c, p, epoch)
			} else {
				f.refused(c, token, err)
			}
			done(err)
		}
	})
}

// unstored asks the server for what is stored but cannot be read for want of room.
func (f *fetching) unstored(c *conversation, from, to uint64, done func([]entry, error)) {
	if f.pause != nil {
		done(nil, f.pause.why)
		return
	}
	var found []entry
	f.ask(c, func(ctx context.Context, token string) (p historyPage, err error) {
		body, err := f.engine.History.Messages(ctx, token, c.name, from-1, to+1, proto.MaxPage)
		if err != nil {
			return p, err
		}
		return parsePage(c.key, from-1, to+1, body)
	}, func(c *conversation, p historyPage, epoch uint64) error {
		found = p.entries
		return f.take(c, p, epoch) // what is newer than all that was known was not told of yet
	}, func(err error) { done(found, err) })
}

var errOtherHistory = &Reason{Text: "the server's history is another one now", Code: "other-history"}

// fresh refuses a page that is of another history.
func (f *fetching) fresh(p historyPage, epoch uint64) error {
	e := f.engine
	if e.closed || e.meta.Epoch != epoch {
		return errOtherHistory
	}
	if epoch != 0 && p.epoch != epoch {
		e.sync.rested() // its answer changes the epoch, with a new list of what there is
		return errOtherHistory
	}
	return nil
}

func (f *fetching) take(c *conversation, p historyPage, epoch uint64) error {
	e := f.engine
	if err := f.fresh(p, epoch); err != nil {
		return err
	}
	c.head = max(c.head, p.head)
	e.forget(c, p.min)
	if e.outbox.echoed(c, p.entries) {
		defer e.outbox.pump(c)
	}
	e.receive(c, p.entries, p.head)
	return nil
}

// refused does about an error what goes beyond the request that met it.
func (f *fetching) refused(c *conversation, token string, err error) {
	e := f.engine
	switch do, why := remedyOf(reading, err); do {
	case wait:
		if f.pause == nil {
			d := f.retry.patience(e.Host, why)
			f.hold(d, &pause{why: err, soon: d <= longWait})
		}
	case renew:
		if token == e.Token.Text && !e.closed { // otherwise a fresh one came meanwhile
			e.renewing.ask()
			f.hold(tokenTimeout, &pause{why: err, soon: true, token: true})
		}
	case hide:
		c.repair.denied = true
		e.changed(c)
	}
}

// hold begins a pause, unless there is one.
func (f *fetching) hold(d time.Duration, p *pause) {
	if !f.engine.closed && f.pause == nil {
		f.pause = p
		p.stop = f.engine.Host.After(d, f.resume)
	}
}

// renewed ends a pause that waits for a fresh token.
func (f *fetching) renewed() {
	if f.pause != nil && f.pause.token {
		f.resume()
	}
}

// resume ends a pause.
func (f *fetching) resume() {
	p := f.pause
	if p == nil || f.engine.closed {
		return
	}
	p.stop()
	f.pause = nil
	for _, then := range p.then {
		then()
	}
	f.next()
}

// afterPause calls then once the pause is over, if there is one that will be soon.
func (f *fetching) afterPause(then func()) (soon bool) {
	if f.pause == nil || !f.pause.soon {
		return false
	}
	f.pause.then = append(f.pause.then, then)
	return true
}
