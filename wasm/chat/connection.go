package chat

import (
	"cmp"
	"context"
	"errors"
	"strconv"
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
	// clockCheck is how often this device's clock is looked at, which may be set.
	clockCheck = 10 * time.Second
)

// connection keeps one MQTT session open, for ever.
type connection struct {
	state    Connection
	since    time.Duration // when this state began, and when the next attempt begins (0: none is planned), by Host.Elapsed
	next     time.Duration
	session  Session // nil unless live
	number   int     // of the newest attempt: what belongs to an older one is void
	opening  bool
	ended    bool // the session that is being opened has ended already
	endedBy  error
	abandon  context.CancelFunc // ends the attempt under way
	retry    backoff
	stopWait func() // the timer of the next attempt; nil if there is none
	grace    bool   // the first attempt waits for a timeline
	stopExp  func() // the timer of the token's expiry
	// stopClock stops the timer that looks at the clock.
	stopClock func()
	// stopSettle stops the timer after which a session counts as a success.
	stopSettle func()
	// stopAsked stops the time that a fresh token has to come; nil if none was asked for.
	stopAsked func()
	refused   string // the token that the server did not take; "" if none
}

// events is the Handler of one session: it brings everything to the loop, in order.
type events struct {
	engine *Engine
	number int
}

func (h *events) Deliver(branch proto.Branch, payload []byte) {
	h.engine.Host.Post(func() {
		if h.number == h.engine.connection.number && !h.engine.closed {
			h.engine.deliver(branch, payload)
		}
	})
}

func (h *events) Closed(err error) {
	h.engine.Host.Post(func() { h.engine.connectionLost(h.number, err) })
}

// begin connects for the first time. To connect takes as much work as to show
// what is stored, which is all that somebody waits for who comes back.
func (e *Engine) begin() {
	e.watchExpiry()
	e.watchClock(e.Host.Now(), e.Host.Elapsed())
	if e.Grace == 0 || e.meta.SyncToken == "" {
		e.connect()
		return
	}
	e.connection.grace = true
	e.connection.stopWait = e.Host.After(e.Grace, e.connect)
}

// endGrace connects, if that waits for a timeline: at once where one needs the
// server, or once a page has had time to paint the one that it was given.
func (e *Engine) endGrace(after time.Duration) {
	c := &e.connection
	if !c.grace {
		return
	}
	c.stopWaiting()
	c.grace = false
	c.stopWait = e.Host.After(after, e.connect)
}

// connect makes one attempt now.
func (e *Engine) connect() {
	c := &e.connection
	if e.closed || c.opening || c.session != nil {
		return
	}
	c.stopWaiting()
	c.grace = false
	c.number++
	c.opening, c.ended = true, false
	if c.state.State != Offline {
		e.setConnection(Connecting, "", 0)
	} else {
		e.setConnection(Offline, c.state.Reason, 0)
	}
	number, token := c.number, e.Token.Text
	ctx, cancel := context.WithTimeout(e.ctx, openTimeout)
	c.abandon = cancel
	credentials := Credentials{User: e.User, Token: token, ClientID: e.clientID()}
	e.Host.Go(func() func() {
		session, err := e.Network.Open(ctx, credentials, &events{e, number})
		return func() {
			cancel()
			e.openDone(number, token, session, err)
		}
	})
}

// clientID is the same for every session of this browser profile, so that a
// new one takes over what is left of the last.
func (e *Engine) clientID() string {
	return strconv.FormatUint(e.User, 10) + "-" + e.meta.Device
}

func (e *Engine) openDone(number int, token string, session Session, err error) {
	c := &e.connection
	if e.closed || number != c.number {
		if err == nil {
			session.Close()
		}
		return
	}
	c.opening = false
	if err != nil || c.ended {
		e.connectFailed(token, cmp.Or(err, c.endedBy))
		return
	}
	if token != e.Token.Text { // what it shows is no longer what the user may see
		session.Close()
		e.connect()
		return
	}
	c.session, c.refused = session, ""
	c.stopSettle = e.Host.After(settled, c.retry.reset)
	e.setConnection(Live, "", 0)
	e.watchExpiry()
	e.requestSync()
	e.outbox.pumpAll()
	e.sendMarks()
}

func (e *Engine) connectionLost(number int, err error) {
	c := &e.connection
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
	c.session = nil
	c.stopSettle()
	e.sync.abandon()
	e.connectFailed(e.Token.Text, err)
}

// fail ends a session that is not to be trusted any more.
func (c *connection) fail(number int) {
	if number == c.number && c.session != nil {
		c.session.Close()
	}
}

// connectFailed decides what the end of a session, or of an attempt, asks for.
func (e *Engine) connectFailed(token string, err error) {
	e.fetch.offline()
	switch do, why := remedyOf(connecting, err); do {
	case renew:
		e.tokenRefused(token, why.Text)
	case yield:
		e.setConnection(Offline, "this chat was opened in another program; try now to use it here", 0)
	case wait:
		e.wait(e.connection.retry.patience(e.Host, why), reasonOf(err))
	default:
		e.wait(e.connection.retry.next(e.Host), reasonOf(err))
	}
}

// reasonOf says in words for a person why something could not be had.
func reasonOf(err error) string {
	var refusal *proto.Refusal
	switch {
	case err == nil:
		return "the connection was closed"
	case errors.As(err, &refusal) && refusal.Text != "":
		return refusal.Text
	}
	return "the server cannot be reached"
}

// wait plans the next attempt.
func (e *Engine) wait(d time.Duration, reason string) {
	c := &e.connection
	c.stopWaiting()
	e.setConnection(Offline, reason, e.Host.Elapsed()+max(d, 1))
	c.stopWait = e.Host.After(d, func() {
		c.stopWait = nil
		e.connect()
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
		e.requestSync()
	case c.state.State == SignedOut:
		e.askToken()
	default:
		e.connect()
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

// setConnection tells a state, why it is not live, and when the next attempt
// begins, by Host.Elapsed; 0 if none is planned.
func (e *Engine) setConnection(s ConnectionState, reason string, next time.Duration) {
	c := &e.connection
	if c.state.State != s {
		c.state.State, c.since = s, e.Host.Elapsed()
	}
	c.state.Reason, c.next = reason, next
	e.tellConnection()
}

func (e *Engine) tellConnection() {
	state := e.Connection()
	e.connection.state.ServerOffset = state.ServerOffset // what was told last
	e.Observer.Connection(state)
}

// measureClock takes in the server's time of an answer, and tells if what is
// shown by the server's clock is off by more than anybody could overlook.
func (e *Engine) measureClock(server time.Time) {
	_, known := e.clock.now(e.Host)
	e.clock.add(e.sync.asked, e.Host.Elapsed(), server)
	moved := (e.Connection().ServerOffset - e.connection.state.ServerOffset).Abs() > clockShown
	if moved {
		e.tellConnection()
	}
	if moved || !known {
		e.watchExpiry()
	}
}

// watchClock notices that this device's clock, which said wall at elapsed, was
// set meanwhile, or that the device slept and the other clock did not go on.
// What pages are shown by the first is told again; the second, only the server
// can put right.
func (e *Engine) watchClock(wall time.Time, elapsed time.Duration) {
	e.connection.stopClock = e.Host.After(clockCheck, func() {
		now, later := e.Host.Now(), e.Host.Elapsed()
		e.watchClock(now, later)
		if (now.Round(0).Sub(wall.Round(0)) - (later - elapsed)).Abs() > clockStep {
			e.tellConnection()
			e.Wake()
		}
	})
}

// end closes the connection for good.
func (c *connection) end() {
	c.stopWaiting()
	c.tokenCame()
	if c.stopExp != nil {
		c.stopExp()
	}
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
