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
	// settled is how long a session must live for its end to count as the
	// first failure, and not as one more.
	settled = 10 * time.Second
	// expiryMargin is how long before a token expires a fresh one is asked for.
	expiryMargin = time.Minute
	// expiryCheck bounds timers that wait for an expiry: a laptop sleeps, a clock is set.
	expiryCheck = 10 * time.Minute
	// tokenTimeout is how long a fresh token may take.
	tokenTimeout = 30 * time.Second
)

// connection keeps one MQTT session open, for ever.
type connection struct {
	state    Connection
	session  Session // nil unless live
	number   int     // of the newest attempt: what belongs to an older one is void
	opening  bool
	ended    bool // the session that is being opened has ended already
	endedBy  error
	abandon  context.CancelFunc // ends the attempt under way
	retry    backoff
	stopWait func() // the timer of the next attempt; nil if there is none
	stopExp  func() // the timer of the token's expiry
	// stopSettle stops the timer after which a session counts as a success.
	stopSettle func()
	// stopAsked stops the time that a fresh token has to come; nil if none was asked for.
	stopAsked func()
	refused   string // the token that the server did not take; "" if none
}

// events is the Handler of one session: it brings everything to the loop, and
// lets the session wait until the loop has taken it.
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

// begin connects for the first time.
func (e *Engine) begin() {
	e.watchExpiry()
	e.connect()
}

// connect makes one attempt now.
func (e *Engine) connect() {
	c := &e.connection
	if e.closed || c.opening || c.session != nil {
		return
	}
	c.stopWaiting()
	c.number++
	c.opening, c.ended = true, false
	if c.state.State != Offline {
		e.setConnection(Connecting, "", time.Time{})
	} else {
		e.setConnection(Offline, c.state.Reason, time.Time{})
	}
	number, token := c.number, e.Token
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
	c.session, c.refused = session, ""
	c.stopSettle = e.Host.After(settled, c.retry.reset)
	e.setConnection(Live, "", time.Time{})
	e.requestSync()
	e.pumpAll()
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
	e.connectFailed(e.Token, err)
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
		e.setConnection(Offline, "this chat was opened in another program; try now to use it here", time.Time{})
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
	e.setConnection(Offline, reason, e.Host.Now().Add(d))
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

// tokenRefused asks for a fresh token once; if the server does not take that
// one either, the person has to sign in.
func (e *Engine) tokenRefused(token, reason string) {
	c := &e.connection
	if token != e.Token { // a fresh one came meanwhile
		e.connect()
		return
	}
	if c.refused != "" && c.refused != token {
		e.setConnection(SignedOut, reason, time.Time{})
		return
	}
	c.refused = token
	e.setConnection(Connecting, reason, time.Time{})
	e.askToken()
	c.stopWaiting()
	c.stopWait = e.Host.After(tokenTimeout, func() {
		c.stopWait = nil
		e.setConnection(SignedOut, reason, time.Time{})
	})
}

// askToken asks for a fresh token, unless one is on its way. Nobody may have one
// to give: it can be asked for again after a while.
func (e *Engine) askToken() {
	c := &e.connection
	if c.stopAsked == nil && !e.closed {
		c.stopAsked = e.Host.After(tokenTimeout, func() { c.stopAsked = nil })
		e.Observer.TokenNeeded()
	}
}

// tokenCame ends the wait for a fresh token.
func (c *connection) tokenCame() {
	if c.stopAsked != nil {
		c.stopAsked()
		c.stopAsked = nil
	}
}

// SetToken gives the token for the next connection; an open one is replaced,
// since it lives no longer than its token. expires is by the server's clock,
// zero if unknown. The same token again does nothing.
func (e *Engine) SetToken(token string, expires time.Time) {
	c := &e.connection
	c.tokenCame()
	if token == e.Token || e.closed {
		if token == c.refused && !e.closed {
			c.stopWaiting()
			e.setConnection(SignedOut, c.state.Reason, time.Time{})
		}
		return
	}
	e.Token, e.Expires = token, expires
	if !e.started {
		return
	}
	e.fetch.renewed()
	e.watchExpiry()
	switch {
	case c.session != nil:
		session := c.session
		c.session = nil
		c.stopSettle()
		session.Close()
		e.sync.abandon()
		e.connect()
	case !c.opening:
		e.connect()
	}
}

// watchExpiry asks for a fresh token shortly before this one expires.
func (e *Engine) watchExpiry() {
	c := &e.connection
	if c.stopExp != nil {
		c.stopExp()
		c.stopExp = nil
	}
	if e.Expires.IsZero() || e.closed {
		return
	}
	left := e.Expires.Sub(e.Host.Now().Add(e.clock.offset())) - expiryMargin
	if left <= 0 {
		e.askToken()
		left = expiryMargin // if nobody answers, ask again
	}
	c.stopExp = e.Host.After(min(left, expiryCheck), e.watchExpiry)
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

// Connection returns the state of the connection.
func (e *Engine) Connection() Connection {
	state := e.connection.state
	state.ServerOffset = e.clock.offset()
	return state
}

func (e *Engine) setConnection(s ConnectionState, reason string, next time.Time) {
	state := &e.connection.state
	if state.State != s {
		state.State, state.Since = s, e.Host.Now()
	}
	state.Reason, state.Next = reason, next
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
	e.clock.add(e.sync.asked, e.Host.Now(), server)
	if (e.clock.offset() - e.connection.state.ServerOffset).Abs() > clockShown {
		e.tellConnection()
	}
}

// end closes the connection for good.
func (c *connection) end() {
	c.stopWaiting()
	c.tokenCame()
	if c.stopExp != nil {
		c.stopExp()
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
