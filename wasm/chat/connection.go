package chat

import (
	"cmp"
	"context"
	"errors"
	"strconv"
	"sync"
	"time"

	"parley/proto"
)

const (
	// openTimeout bounds one attempt to connect and subscribe.
	openTimeout = 20 * time.Second
	// painting is how long a page may take to paint a timeline that it was given.
	painting = 100 * time.Millisecond
	// settled is how long a session must live for its end to count as the
	// first failure, and not as one more.
	settled = 10 * time.Second
	// belated is for how long an attempt that failed may still be accepted by a server that
	// was frozen, or slow, and take over from the session that came after it.
	belated = 2 * time.Minute
	// clockCheck is how often this device's clock is looked at, which may be set.
	clockCheck = 10 * time.Second
)

// connection keeps one MQTT session open, for ever.
type connection struct {
	engine   *Engine
	state    Connection
	since    time.Duration // when this state began, and when the next attempt begins (0: none is planned), by Host.Elapsed
	next     time.Duration
	session  Session // nil unless live
	number   int     // of the newest attempt: what belongs to an older one is void
	opening  bool
	ended    bool // the session that is being opened has ended already
	endedBy  error
	abandon  context.CancelFunc // ends the attempt under way
	missed   time.Duration      // until when an earlier attempt may take over: of this engine, or of one before
	retry    backoff
	stopWait func() // the timer of the next attempt; nil if there is none
	grace    bool   // the first attempt waits for a timeline
	painted  bool   // a page was given one
	// stopClock stops the timer that looks at the clock.
	stopClock func()
	// stopSettle stops the timer after which a session counts as a success.
	stopSettle func()
}

// events is the Handler of one session: it brings everything to the loop, in order; together what
// comes before the loop has time for it.
type events struct {
	engine *Engine
	number int

	mu      sync.Mutex
	arrived []delivery
}

// delivery is a packet of the down branch.
type delivery struct {
	branch  proto.Branch
	payload []byte
}

func (h *events) Deliver(branch proto.Branch, payload []byte) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.arrived = append(h.arrived, delivery{branch, payload}); len(h.arrived) == 1 {
		h.engine.Host.Post(h.take)
	}
}

func (h *events) take() {
	h.mu.Lock()
	arrived := h.arrived
	h.arrived = nil
	h.mu.Unlock()
	for len(arrived) > 0 && h.number == h.engine.connection.number && !h.engine.closed {
		arrived = arrived[h.engine.deliver(arrived):]
	}
}

func (h *events) Closed(err error) {
	h.engine.Host.Post(func() { h.engine.connection.lost(h.number, err) })
}

// begin connects for the first time. To connect takes as much work as to show
// what is stored, which is all that somebody waits for who comes back.
func (c *connection) begin() {
	e := c.engine
	e.renewing.watch()
	c.watchClock(e.Host.Now(), e.Host.Elapsed())
	c.missed = e.Host.Elapsed() + belated
	if e.Grace == 0 || e.meta.SyncToken == "" {
		c.open()
		return
	}
	c.grace = true
	wait := e.Grace
	if c.painted {
		wait = min(wait, painting)
	}
	c.stopWait = e.Host.After(wait, c.open)
}

// endGrace connects, if that waits for a timeline: at once where one needs the
// server, or once a page has had time to paint the one that it was given.
func (c *connection) endGrace(after time.Duration) {
	c.painted = true
	if !c.grace {
		return
	}
	c.stopWaiting()
	c.grace = false
	c.stopWait = c.engine.Host.After(after, c.open)
}

// open makes one attempt now.
func (c *connection) open() {
	e := c.engine
	if e.closed || c.opening || c.session != nil {
		return
	}
	c.stopWaiting()
	c.grace = false
	c.number++
	c.opening, c.ended = true, false
	if c.state.State != Offline {
		c.set(Connecting, Reason{}, 0)
	} else {
		c.set(Offline, c.reason(), 0)
	}
	number, credentials := c.number, c.credentials()
	ctx, cancel := context.WithTimeout(e.ctx, openTimeout)
	c.abandon = cancel
	e.Host.Go(func() func() {
		session, err := e.Network.Open(ctx, credentials, &events{engine: e, number: number})
		return func() {
			cancel()
			c.opened(number, credentials.Token, session, err)
		}
	})
}

// credentials are those of the next session. The client id is the same for every
// session of this browser profile, so that a new one takes over what is left of
// the last.
func (c *connection) credentials() Credentials {
	e := c.engine
	return Credentials{User: e.User, Token: e.Token.Text, ClientID: strconv.FormatUint(e.User, 10) + "-" + e.meta.Device}
}

// opened handles the end of an attempt, which showed a token.
func (c *connection) opened(number int, token string, session Session, err error) {
	e := c.engine
	if e.closed || number != c.number {
		if err == nil {
			session.Close()
		}
		return
	}
	c.opening = false
	if err != nil || c.ended {
		if answered := (*proto.Refusal)(nil); err != nil && !errors.As(err, &answered) {
			c.missed = e.Host.Elapsed() + belated
		}
		c.failed(token, cmp.Or(err, c.endedBy), err == nil)
		return
	}
	if token != e.Token.Text { // what it shows is no longer what the user may see
		session.Close()
		c.open()
		return
	}
	c.session, e.renewing.refused = session, ""
	c.stopSettle = e.Host.After(settled, c.retry.reset)
	c.set(Live, Reason{}, 0)
	e.renewing.watch()
	e.sync.request()
	e.outbox.pumpAll()
	e.marking.addAll()
}

// lost handles the end of a session.
func (c *connection) lost(number int, err error) {
	e := c.engine
	if e.closed || number != c.number {
		return
	}
	if c.opening { // Open returned, and its report is still on the way here
		c.ended, c.endedBy = true, err
		return
	}
	if c.session == nil {
		return
	}
	c.leave()
	c.failed(e.Token.Text, err, true)
}

// leave forgets the session, and what was asked in it.
func (c *connection) leave() {
	c.session = nil
	c.stopSettle()
	c.engine.sync.abandon()
}

// fail ends a session that is not to be trusted any more.
func (c *connection) fail(number int) {
	if number == c.number && c.session != nil {
		c.session.Close()
	}
}

// replace opens another session in the place of the one there is, or is about to
// be: one that is being opened is replaced when it is there.
func (c *connection) replace() {
	switch {
	case c.session != nil:
		session := c.session
		c.leave()
		session.Close()
		c.open()
	case !c.opening:
		c.open()
	}
}

// failed decides what the end of a session, or (not opened) of an attempt, asks for.
func (c *connection) failed(token string, err error, opened bool) {
	e := c.engine
	e.fetch.offline()
	switch do, why := remedyOf(connecting, err); {
	case do == renew:
		e.renewing.refuse(token, *ReasonOf(why))
	case do == yield && !(opened && e.Host.Elapsed() < c.missed):
		c.set(Offline, Reason{Text: "this chat was opened in another program; try now to use it here", Code: "opened-elsewhere"}, 0)
	case do == wait:
		c.wait(c.retry.patience(e.Host, why), reasonOf(err))
	default:
		c.wait(c.retry.next(e.Host), reasonOf(err))
	}
}

// reasonOf says in words for a person why something could not be had.
func reasonOf(err error) Reason {
	var refusal *proto.Refusal
	var reason *Reason
	switch {
	case err == nil:
		return Reason{Text: "the connection was closed", Code: "closed"}
	case errors.As(err, &reason):
		return *reason
	case errors.As(err, &refusal) && refusal.Text != "":
		return *ReasonOf(refusal)
	}
	return Reason{Text: "the server cannot be reached", Code: "unreachable"}
}

// reason says why it is as it is.
func (c *connection) reason() Reason {
	return Reason{c.state.Reason, c.state.ReasonCode, c.state.ReasonArgs}
}

// wait plans the next attempt.
func (c *connection) wait(d time.Duration, reason Reason) {
	c.set(Offline, reason, c.engine.Host.Elapsed()+max(d, 1))
	c.after(d, c.open)
}

// after calls f after a while, unless something else happens before.
func (c *connection) after(d time.Duration, f func()) {
	c.stopWaiting()
	c.stopWait = c.engine.Host.After(d, func() {
		c.stopWait = nil
		f()
	})
}

func (c *connection) stopWaiting() {
	if c.stopWait != nil {
		c.stopWait()
		c.stopWait = nil
	}
}

// Wake says that a connection may be had now (online, a tab became visible,
// the person asks): it connects without waiting, or looks whether the live
// connection still is.
func (e *Engine) Wake() {
	c := &e.connection
	switch {
	case e.closed || !e.started || c.opening:
	case c.session != nil:
		c.session.Probe(probeTimeout)
		e.sync.request()
	case c.state.State == SignedOut:
		e.renewing.ask()
	default:
		c.open()
	}
}

// Connection returns the state of the connection. Its times are by this
// device's clock as it is now, however it was set meanwhile.
func (e *Engine) Connection() Connection {
	c := &e.connection
	state, wall, elapsed := c.state, e.Host.Now(), e.Host.Elapsed()
	state.Since = wall.Add(c.since - elapsed)
	if c.next > 0 {
		state.Next = wall.Add(c.next - elapsed)
	}
	if now, known := e.clock.now(e.Host); known {
		state.ServerOffset = now.Sub(wall)
	}
	return state
}

// set tells a state, why it is not live, and when the next attempt begins, by
// Host.Elapsed; 0 if none is planned.
func (c *connection) set(s ConnectionState, reason Reason, next time.Duration) {
	if c.state.State != s {
		c.state.State, c.since = s, c.engine.Host.Elapsed()
	}
	c.state.Reason, c.state.ReasonCode, c.state.ReasonArgs, c.next = reason.Text, reason.Code, reason.Args, next
	c.tell()
}

// load tells how far a list is that is long in coming.
func (c *connection) load(conversations int) {
	if c.state.Loading != conversations {
		c.state.Loading = conversations
		c.tell()
	}
}

// keepInMemory tells that nothing new is kept but in memory, and why; or, without a reason, that it is stored again.
func (c *connection) keepInMemory(why *Reason) {
	if c.engine.interim.store != nil || c.engine.MemoryOnly.Text != "" { // then nothing is, whatever becomes of a write
		return
	}
	c.state.MemoryOnly, c.state.MemoryOnlyCode = why.Text, why.Code
	c.tell()
}

func (c *connection) tell() {
	state := c.engine.Connection()
	c.state.ServerOffset = state.ServerOffset // what was told last
	c.engine.Observer.Connection(state)
}

// measureClock takes in the server's time of an answer, and tells if what is
// shown by the server's clock is off by more than anybody could overlook.
func (c *connection) measureClock(server time.Time) {
	e := c.engine
	_, known := e.clock.now(e.Host)
	e.clock.add(e.sync.asked, e.Host.Elapsed(), server)
	moved := (e.Connection().ServerOffset - c.state.ServerOffset).Abs() > clockShown
	if moved {
		c.tell()
	}
	if moved || !known {
		e.renewing.watch()
	}
}

// watchClock notices that this device's clock, which said wall at elapsed, was
// set meanwhile, or that the device slept and the other clock did not go on.
// What pages are shown by the first is told again; the second, only the server
// can put right.
func (c *connection) watchClock(wall time.Time, elapsed time.Duration) {
	host := c.engine.Host
	c.stopClock = host.After(clockCheck, func() {
		now, later := host.Now(), host.Elapsed()
		c.watchClock(now, later)
		if (now.Round(0).Sub(wall.Round(0)) - (later - elapsed)).Abs() > clockStep {
			c.tell()
			c.engine.Wake()
		}
	})
}

// end closes the connection for good.
func (c *connection) end() {
	c.stopWaiting()
	if c.stopClock != nil {
		c.stopClock()
	}
	if c.abandon != nil {
		c.abandon()
	}
	if c.session != nil {
		c.stopSettle()
		c.session.Close()
		c.session = nil
	}
}
