package chat

import (
	"slices"
	"time"

	"parley/proto"
)

const (
	// keepEvery is how long what a person does goes before the next page is fetched that nobody asked for.
	keepEvery = 300 * time.Millisecond
	// keepAside is how long it goes first where it is under way.
	keepAside = time.Second
	// keepAgain is when it is looked again for what is missing, once nothing is.
	keepAgain = time.Minute
)

// keepingStates are all, by their numbers in Meta.
var keepingStates = [...]KeepingState{KeepingOff, KeepingOn, KeepingPaused}

// keeping fetches what is missing, the newest of the conversations that were active last first: a page at a time,
// while nothing else is fetched. That is all there is, if the person wants that, and by default the newest page of each
// conversation. Or it evicts what is beyond the person's limits, see trim.
type keeping struct {
	engine    *Engine
	wait      func() // ends it; nil if there is none
	active    bool   // a request is under way
	quiet     bool   // its answer is taken in
	crowded   bool   // something had to make room: nothing is fetched by default
	retry     backoff
	looked    time.Duration          // when somebody read or searched last, by the host's clock
	fruitless map[*conversation]bool // whose server has less than it says
}

// Keep chooses the state, of this browser profile, and while it is off limits, and tells how it stands.
func (e *Engine) Keep(state KeepingState, limits Limits, done func(error)) {
	e.loaded(func() {
		switch {
		case e.unusable != nil:
			done(e.unusable)
		case !slices.Contains(keepingStates[:], state):
			done(proto.Refuse(proto.PayloadFormatInvalid, "state is %q: want off, on or paused", state))
		case state != KeepingOff && limits != Limits{} || limits.Days > maxDays:
			done(proto.Refuse(proto.PayloadFormatInvalid, "limits: want none where all is kept, and %d days at most", maxDays))
		default:
			e.meta.Limits = limits
			e.keep.set(state)
			e.keep.crowded = false
			e.keep.retry.reset()
			e.keep.begin()
			done(nil)
		}
	})
}

// state is off if a newer version knows others.
func (k *keeping) state() KeepingState {
	if n := k.engine.meta.Keeping; n < uint64(len(keepingStates)) {
		return keepingStates[n]
	}
	return KeepingOff
}

func (k *keeping) set(state KeepingState) {
	e := k.engine
	e.meta.Keeping = uint64(slices.Index(keepingStates[:], state))
	e.write.meta(e.meta)
	e.Observer.Kept(e.Kept())
}

// Kept tells how far it has come.
func (e *Engine) Kept() Keeping {
	k := Keeping{State: e.keep.state(), Days: e.meta.Limits.Days, Bytes: e.meta.Limits.Bytes}
	for _, c := range e.conversations {
		if !e.keep.may(c) {
			continue
		}
		all := c.head - c.floor() + 1
		k.All += int(all)
		k.Kept += int(all - count(c.stored.missing(c.floor(), c.head)))
	}
	return k
}

// may reports whether something of a conversation can be kept.
func (k *keeping) may(c *conversation) bool {
	return !c.key.IsZero() && c.head >= c.floor() && !c.repair.denied && k.engine.mayRead(c.key)
}

// begin looks soon for what is missing.
func (k *keeping) begin() {
	if !k.active {
		k.after(keepEvery)
	}
}

func (k *keeping) after(d time.Duration) {
	if k.wait != nil {
		k.wait()
	}
	k.wait = k.engine.Host.After(d, func() {
		k.wait = nil
		k.step()
	})
}

// rest pauses it where there is no room: what it fetched would go to make some, on and on.
func (k *keeping) rest() {
	if k.state() == KeepingOn {
		k.set(KeepingPaused)
	}
}

// step fetches a page, if that is wanted and in nobody's way.
func (k *keeping) step() {
	e := k.engine
	if e.closed || k.state() == KeepingPaused {
		return
	}
	if e.meta.Limits != (Limits{}) {
		if k.busy() {
			k.after(keepAside)
		} else {
			k.trim()
		}
		return
	}
	c, hole := k.next()
	switch {
	case c == nil, e.connection.state.MemoryOnly != "": // which holds what was seen, and not all there is
		k.after(keepAgain)
	case k.busy():
		k.after(keepAside)
	default:
		k.fetch(c, hole)
	}
}

// fetch fetches what is missing there, or the newest of it.
func (k *keeping) fetch(c *conversation, hole Range) {
	e, known := k.engine, c.stored
	k.active = true
	e.fetch.entries(c, hole.From-1, hole.To+1, int(min(hole.To-hole.From+1, proto.MaxPage)), k.take, func(err error) {
		k.active = false
		switch {
		case err != nil:
			do, _ := remedyOf(reading, err)
			c.repair.vain = c.repair.vain || do == giveUp
			k.after(k.retry.busy(e.Host))
			return
		case !progress(known, c.stored, hole):
			k.fruitless[c] = true
		}
		k.retry.reset()
		if k.state() == KeepingOn {
			e.Observer.Kept(e.Kept())
		}
		e.write.flush(func() { k.after(keepEvery) })
	})
}

// busy reports whether it would be in the way of something, or in vain.
func (k *keeping) busy() bool {
	e := k.engine
	return e.connection.session == nil || e.meta.SyncToken == "" || e.fetch.pause != nil || e.write.failing() || e.write.away ||
		e.fetch.active > 0 || len(e.fetch.queue) > 0 || e.Host.Elapsed()-k.looked < keepAside
}

// take takes in a page, which nobody waits for.
func (k *keeping) take(c *conversation, p historyPage, epoch uint64) error {
	k.quiet = true
	defer func() { k.quiet = false }()
	return k.engine.fetch.take(c, p, epoch)
}

// next is the newest hole of the conversation that was active last; nil if nothing is missing.
func (k *keeping) next() (next *conversation, hole Range) {
	for _, c := range k.engine.conversations {
		if !k.may(c) || k.fruitless[c] || next != nil && newer(next, c) {
			continue
		}
		if h, missing := k.hole(c); missing {
			next, hole = c, h
		}
	}
	return next, hole
}

// hole is the newest of what is missing of a conversation.
func (k *keeping) hole(c *conversation) (hole Range, missing bool) {
	switch {
	case k.state() == KeepingOff && !k.crowded && !c.repair.vain:
		return c.hole()
	case k.state() != KeepingOn:
		return Range{}, false
	}
	holes := c.stored.missing(c.floor(), c.head)
	if len(holes) == 0 {
		return Range{}, false
	}
	return holes[len(holes)-1], true
}

// newer orders conversations by activity, and by name where that is alike.
func newer(a, b *conversation) bool {
	if a.last.id() != b.last.id() {
		return a.last.id() > b.last.id()
	}
	return a.name < b.name
}
