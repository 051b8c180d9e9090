package sim_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"slices"
	"time"

	"parley/server/chat"
	"parley/server/chat/chattest"
)

// maxAir bounds how many transactions are on their way at the same time.
const maxAir = 2

// errBefore is that a transaction failed of which another was to be made.
var errBefore = errors.New("the one before failed")

// pipeline is how a server commits in a world where the history takes a transaction while the one before is
// on its way: beside all else that happens, as what it waits for takes time.
type pipeline struct {
	s       *server
	fly     func(change func(chat.Tx) error, before *chattest.Flight) (*chattest.Flight, error)
	store   chat.Store // makes a transaction again
	air     []*flight  // that are on their way, the first first
	goOn    func() (pause time.Duration, more bool)
	stop    func()
	yield   func(pause time.Duration) bool
	inside  bool // the committer has the floor
	killed  bool // the server dies as soon as the committer does not
	settles bool // somebody waits until all have ended
}

// flight is a transaction on its way.
type flight struct {
	*chattest.Flight
	ctx    context.Context
	change func(chat.Tx) error
	made   time.Time
	err    error
	landed bool // it is known what became of it
}

// pipelinedDisk and pipelinedNode are the history of a server that has it alone, and of a node.
type (
	pipelinedDisk struct {
		*disk
		*pipeline
	}
	pipelinedNode struct {
		nodeStore
		*pipeline
	}
)

var (
	_ chat.Pipelined = pipelinedDisk{}
	_ chat.Pipelined = pipelinedNode{}
	_ chat.Shared    = pipelinedNode{}
)

// Update implements chat.Store.
func (p pipelinedDisk) Update(ctx context.Context, change func(chat.Tx) error) error {
	p.settle()
	return p.again(ctx, change)
}

// Update implements chat.Store.
func (p pipelinedNode) Update(ctx context.Context, change func(chat.Tx) error) error {
	p.settle()
	return p.again(ctx, change)
}

// pipe is the history as a server uses it in a world where transactions follow one another.
func (s *server) pipe(store chat.Store) chat.Store {
	s.pipeline = &pipeline{s: s, store: store}
	if s.node != nil {
		s.pipeline.fly = s.node.Fly
		return pipelinedNode{store.(nodeStore), s.pipeline}
	}
	s.pipeline.fly = s.w.disk.Store.(*chattest.Memory).Fly
	return pipelinedDisk{s.w.disk, s.pipeline}
}

// begin lets the committer begin, with what is queued.
func (p *pipeline) begin() {
	p.goOn, p.stop = iter.Pull(func(yield func(time.Duration) bool) {
		p.yield = yield
		p.s.service.CommitInTurn(context.Background(), p.s.dequeue(), p.next)
	})
	p.proceed()
}

// next is what is queued while transactions are on their way, mostly after a moment.
func (p *pipeline) next() []chat.Waiter {
	if p.settles || p.killed || p.s.w.chance(4) {
		return nil
	}
	if !p.waits(p.s.w.upTo(20 * time.Millisecond)) {
		return nil
	}
	return p.s.dequeue()
}

// proceed lets the committer go on.
func (p *pipeline) proceed() {
	if !p.works() {
		return
	}
	pause, more := p.step()
	switch {
	case p.killed:
		p.s.kill("at a commit")
	case more:
		p.s.after(pause, p.proceed)
	default:
		p.s.announce()
	}
	p.s.hint()
}

// works reports whether the committer has begun and not ended.
func (p *pipeline) works() bool { return p.goOn != nil }

// step lets the committer go on until it has to wait, or has ended.
func (p *pipeline) step() (pause time.Duration, more bool) {
	p.inside = true
	pause, more = p.goOn()
	if p.inside = false; !more {
		p.goOn = nil
		p.s.committed()
	}
	return pause, more
}

// settle waits until all is committed that is on its way, as what the committer does not do itself waits for
// the connection. Where the server dies of it, so does the caller.
func (p *pipeline) settle() {
	if !p.inside {
		p.settles = true
		for p.works() {
			p.step()
		}
		p.settles = false
	}
	p.die(p.killed)
}

// end ends the committer with its server. Of what was on its way a part may arrive yet.
func (p *pipeline) end() {
	air := slices.DeleteFunc(slices.Clone(p.air), func(f *flight) bool { return f.landed })
	if p.killed = true; p.works() {
		p.goOn = nil
		p.stop()
	}
	p.s.w.After(p.s.w.upTo(2*time.Second), func() {
		for i := 0; i < len(air) && p.s.w.Rand.IntN(3) > 0 && p.s.arrives(air[i]); i++ {
			p.s.w.note("server %d: what was on its way arrived", p.s.place)
		}
	})
}

// arrives lets a transaction that is on its way get onto the disk, as it was made, and reports whether it does.
func (s *server) arrives(f *flight) bool {
	if !f.Land() {
		return false
	}
	s.w.disk.recordRises(f.made)
	s.hint()
	return true
}

// waits lets the world go on for a while, and reports whether the server outlives it.
func (p *pipeline) waits(d time.Duration) bool {
	if !p.killed && !p.settles {
		p.killed = !p.yield(d)
	}
	return !p.killed
}

// pause is waits, except that it ends what does not outlive it.
func (p *pipeline) pause(d time.Duration) { p.die(!p.waits(d)) }

// die lets the server die here, if that is so.
func (p *pipeline) die(now bool) {
	if now {
		p.killed = true
		panic(errKilled)
	}
}

// again makes a transaction as one by itself, of which the server may die.
func (p *pipeline) again(ctx context.Context, change func(chat.Tx) error) error {
	defer func() {
		if cause := recover(); cause != nil {
			p.killed = p.killed || cause == any(errKilled)
			panic(cause)
		}
	}()
	return p.store.Update(ctx, change)
}

// alarm hears of the panics from which a committer recovers: all but that of its end are faults.
type alarm struct {
	slog.Handler
	*pipeline
}

// Handle implements slog.Handler.
func (a alarm) Handle(_ context.Context, r slog.Record) error {
	if !a.killed {
		r.Attrs(func(about slog.Attr) bool { a.s.w.note("%v", about); return true })
		a.s.w.fail("server %d: %s", a.s.place, r.Message)
	}
	return nil
}

// Enabled implements slog.Handler.
func (alarm) Enabled(context.Context, slog.Level) bool { return true }

// Begin implements chat.Pipelined.
func (p *pipeline) Begin(ctx context.Context, change func(chat.Tx) error) (end func() error, err error) {
	w := p.s.w
	p.pause(w.upTo(5 * time.Millisecond))
	if len(p.air) == maxAir {
		w.fail("server %d: %d transactions are on their way", p.s.place, maxAir+1)
	}
	var before *chattest.Flight
	if n := len(p.air); n > 0 && w.chance(4) && p.land(p.air[n-1]) != nil { // what it has to read is not known yet
		return nil, errBefore
	} else if n > 0 && !p.air[n-1].landed {
		before = p.air[n-1].Flight
	}
	p.die(w.disk.dies())
	f := &flight{ctx: ctx, made: w.Now(), change: func(tx chat.Tx) error { return w.disk.spoil(tx, change) }}
	if f.Flight, err = p.fly(f.change, before); err != nil {
		return nil, err
	}
	if p.air = append(p.air, f); len(p.air) > 1 {
		w.followed++
	}
	return func() error { return p.await(f) }, nil
}

// Follows implements chat.Pipelined: now and then others have written, which it knows of.
func (p *pipeline) Follows() bool { return !p.s.w.chance(8) }

// await waits until it is known what became of a transaction.
func (p *pipeline) await(f *flight) error {
	w := p.s.w
	p.pause(w.upTo(30 * time.Millisecond))
	if len(p.air) == 0 || p.air[0] != f {
		w.fail("server %d: a transaction is awaited before the one before it", p.s.place)
	}
	err := p.land(f)
	p.pause(w.upTo(30 * time.Millisecond)) // it is on the disk, and nobody knows
	p.air = slices.DeleteFunc(p.air, func(x *flight) bool { return x == f })
	return err
}

// land lets a transaction, if it has not yet, get onto the disk: at once, made again, or not at all.
func (p *pipeline) land(f *flight) error {
	w := p.s.w
	if f.landed {
		return f.err
	}
	if at := slices.Index(p.air, f); at > 0 {
		_ = p.land(p.air[at-1]) // whoever awaits it is told
	}
	f.landed = true
	defer f.GiveUp()
	dies := w.disk.dies()
	switch {
	case w.disk.full:
		f.err = errFull
	case w.disk.bad && w.chance(3), w.chance(20): // it is its COMMIT that is refused
		f.err = errBad
	case w.disk.vague && w.chance(3):
		f.err = fmt.Errorf("the connection broke: %w", chat.ErrUnknown)
		if w.Rand.IntN(2) == 0 || !p.s.arrives(f) {
			w.After(w.upTo(2*time.Second), func() { p.s.arrives(f) })
		}
	case w.chance(20) || !p.s.arrives(f): // its connection breaks before it does, or it was made of what is not there
		w.remade++
		f.err = p.again(f.ctx, f.change)
	}
	if f.err != nil {
		w.note("server %d: what was on its way failed: %v", p.s.place, f.err)
	}
	p.die(dies)
	return f.err
}

// endCommitters ends those that wait yet.
func (w *world) endCommitters() {
	for _, s := range w.servers {
		if s != nil && s.pipeline != nil {
			s.pipeline.end()
		}
	}
}
