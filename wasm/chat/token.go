package chat

import (
	"cmp"
	"slices"
	"time"

	"parley/proto"
)

const (
	// expiryMargin is how long before a token ends, of which nobody knows when its
	// life began, a fresh one is asked for, and the least time until it is again.
	expiryMargin = time.Minute
	// expiryCheck bounds timers that wait for an expiry: a laptop sleeps, a clock is set.
	expiryCheck = 10 * time.Minute
	// maxRenewal bounds the time until a fresh token is asked for again.
	maxRenewal = time.Hour
	// tokenTimeout is how long a fresh token may take.
	tokenTimeout = 30 * time.Second
)

// Token is what the user shows to the server, and what it says of them.
type Token struct {
	Text string
	Name string
	// Services are those that the user answers for: an agent.
	Services []proto.ServiceType
	// Issued and Expires are by the server's clock; zero if unknown, or never.
	Issued, Expires time.Time
}

// older reports whether t was made before o, as far as the two say.
func (t Token) older(o Token) bool {
	return cmp.Or(t.Issued.Compare(o.Issued), t.Expires.Compare(o.Expires)) < 0
}

// renewal is when a fresh token should follow t: when half its life is over, so
// that one who comes now and then finds the server able to renew it.
func (t Token) renewal() time.Time {
	if t.Issued.IsZero() || !t.Issued.Before(t.Expires) {
		return t.Expires.Add(-expiryMargin)
	}
	return t.Issued.Add(t.Expires.Sub(t.Issued) / 2)
}

// renewing sees that there is a token that the server takes.
type renewing struct {
	engine     *Engine
	refused    string // the token that the server did not take; "" if none
	stopExpiry func() // the timer of the token's expiry
	stopAsked  func() // of the time that a fresh one has to come; nil if none was asked for
}

// refuse asks for a fresh token once; if the server does not take that one
// either, the person has to sign in.
func (r *renewing) refuse(token string, reason Reason) {
	c := &r.engine.connection
	if token != r.engine.Token.Text { // a fresh one came meanwhile
		c.open()
		return
	}
	if r.refused != "" && r.refused != token {
		c.set(SignedOut, reason, 0)
		return
	}
	r.refused = token
	c.set(Connecting, reason, 0)
	r.ask()
	c.after(tokenTimeout, func() { c.set(SignedOut, reason, 0) })
}

// ask asks for a fresh token, unless one is on its way. Nobody may have one to
// give: it can be asked for again after a while.
func (r *renewing) ask() {
	e := r.engine
	if r.stopAsked == nil && !e.closed {
		r.stopAsked = e.Host.After(tokenTimeout, func() { r.stopAsked = nil })
		e.Observer.TokenNeeded(e.Token.Text)
	}
}

// came ends the wait for a fresh token.
func (r *renewing) came() {
	if r.stopAsked != nil {
		r.stopAsked()
		r.stopAsked = nil
	}
}

// watch asks for a fresh token when it is time to, by the server's clock alone:
// until that is known, the token is as good as any.
func (r *renewing) watch() {
	e := r.engine
	r.stopWatching()
	if e.Token.Expires.IsZero() || e.closed {
		return
	}
	next := expiryCheck
	if now, known := e.clock.now(e.Host); known && e.connection.session != nil {
		next = min(e.Token.renewal().Sub(now), expiryCheck)
		if next <= 0 {
			r.ask()
			next = max(expiryMargin, min(e.Token.Expires.Sub(now)/10, maxRenewal))
		}
	}
	r.stopExpiry = e.Host.After(next, r.watch)
}

func (r *renewing) stopWatching() {
	if r.stopExpiry != nil {
		r.stopExpiry()
		r.stopExpiry = nil
	}
}

// end asks for no token any more.
func (r *renewing) end() {
	r.came()
	r.stopWatching()
}

// SetToken gives the token for the next connection; an open one is replaced,
// since it lives no longer than its token and shows what that lets the user
// see. The same token again says that there is no fresh one.
func (e *Engine) SetToken(t Token) {
	if t.Text == e.Token.Text || e.closed {
		e.NoToken()
		return
	}
	e.renewing.came()
	before := e.Token
	e.Token = t
	e.introduce(before)
	if !e.started {
		return
	}
	e.fetch.renewed()
	e.renewing.watch()
	e.connection.replace()
}

// NoToken says that nobody has a fresh token: where the server did not take the
// old one, the person has to sign in.
func (e *Engine) NoToken() {
	c := &e.connection
	e.renewing.came()
	if e.renewing.refused == e.Token.Text && !e.closed {
		c.stopWaiting()
		c.set(SignedOut, c.reason(), 0)
	}
}

// Offer gives a token that somebody had, which may be older than the engine's.
func (e *Engine) Offer(t Token) {
	if e.connection.state.State == SignedOut || t.Text != e.Token.Text && !t.older(e.Token) {
		e.SetToken(t)
	}
}

// introduce tells what a fresh token changes of who the user is, and of what
// they may see: at once, and by the server's rows as soon as it is connected.
func (e *Engine) introduce(before Token) {
	same := slices.Equal(e.Token.Services, before.Services)
	if same && e.Token.Name == before.Name {
		return
	}
	e.Observer.User(e.Token)
	if same {
		return
	}
	var changed []Conversation
	for _, c := range e.sorted() {
		if c.key.Kind() == proto.Service && !c.key.Has(e.User) {
			c.repair.denied = false
			changed = append(changed, e.conversationOf(c))
		}
	}
	if len(changed) > 0 {
		e.Observer.Conversations(changed)
	}
}
