package chat

import (
	"fmt"
	"slices"
	"time"

	"parley/proto"
)

const (
	// maxOutbox bounds the messages that wait to be sent, over all conversations,
	// and maxRefused those that were refused and wait for the person. Neither
	// counts against the other.
	maxOutbox  = 1000
	maxRefused = 1000
	// quietAck is how long an acknowledgement may take before the server is
	// asked for a sign of life, and probeTimeout how long that may take: a
	// half-open connection is noticed within 10 s of a send.
	quietAck     = 4 * time.Second
	probeTimeout = 5 * time.Second
	// longWait is from when on the person is told that something waits on the
	// word of the server, and why.
	longWait = 5 * time.Second
)

// outgoing is a message in the outbox. One per conversation is on the way at a
// time, so that sends keep their order whatever fails in between.
type outgoing struct {
	Outgoing
	entry   entry
	ref     ref
	session int // the session it is on the way in; 0 if it is not
	retry   backoff
	stop    func() // the retry timer; nil if there is none
	held    string // why the server does not take it yet; "" if the person need not know
}

// Send puts a message into the outbox. Once it is stored, the observer is told
// of it as pending, then done is called: from then on it will be sent, whatever
// happens. Of a draft that was sent before, the observer is told what became of it.
func (e *Engine) Send(name string, d Draft, done func(error)) {
	e.loaded(func() { e.send(name, d, done) })
}

func (e *Engine) send(name string, d Draft, done func(error)) {
	c, err := e.conversation(name)
	switch {
	case err != nil:
		done(err)
	case d.Repeat && d.Ref != ref{}:
		e.repeat(c, d, done)
	default:
		e.accept(c, d, done)
	}
}

// repeat tells what became of a draft that was sent before; if nothing did, it
// sends it. If it is confirmed, it stands after what its author had seen.
func (e *Engine) repeat(c *conversation, d Draft, done func(error)) {
	from := max(d.Seen+1, back(c.head, maxRecount))
	e.stored(c, from, ^uint64(0), func(entries []entry, err error) {
		i := slices.IndexFunc(entries, func(x entry) bool { return x.ref() == d.Ref && x.by(e.User) })
		o := c.unconfirmed(d.Ref)
		switch {
		case i >= 0:
			e.Observer.Messages(c.name, []Message{e.render.message(c, entries[i])}, nil)
			done(nil)
		case o != nil:
			e.Observer.Messages(c.name, []Message{e.render.pending(c, o)}, nil)
			done(nil)
		case err != nil:
			done(err)
		default:
			e.accept(c, d, done)
		}
	})
}

// accept takes a new draft into the outbox.
func (e *Engine) accept(c *conversation, d Draft, done func(error)) {
	if err := e.checkDraft(c, d); err != nil {
		done(err)
		return
	}
	o, err := e.newOutgoing(c, d)
	if err != nil {
		done(err)
		return
	}
	e.accepting++
	e.write.outgoing(o.Outgoing, func(err error) {
		e.accepting--
		if err != nil {
			done(err)
			return
		}
		if twin := c.unconfirmed(o.ref); twin != nil { // a repeat that crossed it
			e.write.confirmed(o.Number)
			e.Observer.Messages(c.name, []Message{e.render.pending(c, twin)}, nil)
			done(nil)
			return
		}
		c.queue(o)
		e.Observer.Messages(c.name, []Message{e.render.pending(c, o)}, nil)
		e.changed(c)
		done(nil)
		e.pump(c)
	})
}

// queue puts a message into the outbox in its place: another one may have been
// numbered after it while it was written.
func (c *conversation) queue(o *outgoing) {
	i, _ := slices.BinarySearchFunc(c.outbox, o.Number, func(x *outgoing, number uint64) int { return compare(x.Number, number) })
	c.outbox = slices.Insert(c.outbox, i, o)
}

// unconfirmed returns the message of the outbox that has a ref, or nil.
func (c *conversation) unconfirmed(r ref) *outgoing {
	i := slices.IndexFunc(c.outbox, func(o *outgoing) bool { return o.ref == r })
	if i < 0 {
		return nil
	}
	return c.outbox[i]
}

func (e *Engine) newOutgoing(c *conversation, d Draft) (*outgoing, error) {
	o := &outgoing{ref: d.Ref}
	if o.ref == (ref{}) {
		e.Host.Random(o.ref[:])
	}
	x, err := e.entryOf(c, d, o.ref[:])
	if err != nil {
		return nil, err
	}
	o.entry = x
	e.number++
	o.Outgoing = Outgoing{Number: e.number, Key: c.name, Body: x.body}
	return o, nil
}

// branch is where an entry is sent.
func (x entry) branch() proto.Branch {
	if x.service != nil {
		return proto.BranchService
	}
	return proto.BranchMessage
}

// restoreOutgoing takes back what an earlier run had not confirmed. What a newer
// program left for a conversation that this one cannot show stays in the store,
// for a program that can.
func (e *Engine) restoreOutgoing(stored Outgoing) error {
	e.number = max(e.number, stored.Number)
	key, err := proto.ParseOpenKey(stored.Key)
	if err != nil || key.IsZero() {
		return err
	}
	x, err := decode(key.Kind(), stored.Body)
	if err != nil {
		return err
	}
	c := e.conversations[stored.Key]
	if c == nil { // even if it is not mine any more: the server says so for each message
		c = &conversation{name: stored.Key, key: key}
		e.conversations[stored.Key] = c
	}
	c.outbox = append(c.outbox, &outgoing{Outgoing: stored, entry: x, ref: x.ref()})
	return nil
}

// pumpAll sends what waits, in all conversations.
func (e *Engine) pumpAll() {
	for _, c := range e.sorted() {
		e.pump(c)
	}
}

// pump sends a conversation's first waiting message, if none is on the way.
func (e *Engine) pump(c *conversation) {
	session := e.connection.session
	if session == nil {
		return
	}
	i := slices.IndexFunc(c.outbox, func(o *outgoing) bool { return o.Refused == "" })
	if i < 0 || c.outbox[i].session == e.connection.number || c.outbox[i].stop != nil {
		return
	}
	o, number := c.outbox[i], e.connection.number
	o.session = number
	stop := e.Host.After(quietAck, func() { session.Probe(probeTimeout) })
	session.Publish(o.entry.branch(), o.Body, o.ref[:], func(ack Ack, err error) {
		e.Host.Post(func() {
			stop()
			e.acknowledged(c, o, number, ack, err)
		})
	})
}

// acknowledged handles the end of one attempt to send, which belongs to a session.
func (e *Engine) acknowledged(c *conversation, o *outgoing, session int, ack Ack, err error) {
	if e.closed || !slices.Contains(c.outbox, o) {
		return // the echo came first
	}
	switch {
	case err == nil && ack.Seq != 0 && c.stored.has(ack.Seq):
		e.confirmStored(c, o, ack.Seq)
	case err == nil && ack.Seq != 0 && o.entry.direct != nil && o.entry.seenIn(e.meta.Epoch):
		e.confirm(c, o, ack)
	case err == nil && ack.Seq != 0:
		e.confirmLater(c, o, ack)
	case err == nil:
		// The broker acknowledges by itself; the echo brings the id. If that
		// gets lost too, the repeat is answered with the first id.
		e.again(c, o)
	case o.session != session:
		// of an earlier session; another attempt is under way
	default:
		e.unsuccessful(c, o, err)
	}
}

// unsuccessful handles an attempt to send that failed.
func (e *Engine) unsuccessful(c *conversation, o *outgoing, err error) {
	switch do, why := remedyOf(publishing, err); do {
	case wait:
		e.hold(c, o, why)
	case reconnect:
		e.connection.fail(o.session)
		o.session = 0
	default:
		e.refuse(c, o, why)
	}
}

// hold sends a message later that the server does not take now, and tells the
// person why if that is not soon.
func (e *Engine) hold(c *conversation, o *outgoing, why *proto.Refusal) {
	before := o.held
	if o.held = ""; why.Retry >= longWait {
		o.held = why.Text
	}
	if o.held != before {
		e.Observer.Messages(c.name, []Message{e.render.pending(c, o)}, nil)
		e.changed(c)
	}
	e.after(c, o, o.retry.patience(e.Host, why))
}

// again sends a message once more after a while.
func (e *Engine) again(c *conversation, o *outgoing) { e.after(c, o, o.retry.busy(e.Host)) }

// after sends a message once more after a wait.
func (e *Engine) after(c *conversation, o *outgoing, wait time.Duration) {
	if o.stop != nil {
		return
	}
	o.stop = e.Host.After(wait, func() {
		o.stop, o.session = nil, 0
		e.pump(c)
	})
}

// confirm takes a message out of the outbox into the log, from its acknowledgement.
func (e *Engine) confirm(c *conversation, o *outgoing, ack Ack) {
	x, m := o.entry, o.entry.direct
	m.MessageId, m.Seq, m.CreateTime, m.Epoch = &ack.MessageID, &ack.Seq, &ack.CreateTime, nil
	x.seq = ack.Seq
	if err := x.encode(); err != nil {
		e.Observer.Failed(err)
		return
	}
	e.leave(c, o)
	e.receive(c, []entry{x})
	e.pump(c)
}

// confirmLater waits for the entry to come back, since the server stamps more than
// the acknowledgement says: in a service conversation, and where the author had seen
// entries of another epoch. That says where the entry
// stands, so it is fetched if the echo is lost.
func (e *Engine) confirmLater(c *conversation, o *outgoing, ack Ack) {
	c.head = max(c.head, ack.Seq)
	e.again(c, o) // a repeat is answered with the first id
	e.fetch.consider(c)
}

// confirmStored takes a message out of the outbox that the server says is
// stored here already: it was sent, and confirmed, before.
func (e *Engine) confirmStored(c *conversation, o *outgoing, seq uint64) {
	e.stored(c, seq, seq, func(entries []entry, err error) {
		if e.closed {
			return
		}
		if err != nil {
			e.Observer.Failed(err)
		}
		if e.echoed(c, entries); slices.Contains(c.outbox, o) {
			e.again(c, o)
		}
		e.pump(c)
	})
}

// echoed takes messages out of the outbox that these entries are.
func (e *Engine) echoed(c *conversation, entries []entry) (left bool) {
	for _, x := range entries {
		r := x.ref()
		if !x.by(e.User) || r == (ref{}) {
			continue
		}
		o := c.unconfirmed(r)
		if o == nil {
			continue
		}
		e.leave(c, o)
		left = true
		if c.stored.has(x.seq) { // nobody else tells of it
			e.Observer.Messages(c.name, []Message{e.render.message(c, x)}, nil)
			e.changed(c)
		}
	}
	return left
}

func (e *Engine) leave(c *conversation, o *outgoing) {
	c.outbox = slices.DeleteFunc(c.outbox, func(x *outgoing) bool { return x == o })
	if o.stop != nil {
		o.stop()
	}
	e.write.confirmed(o.Number)
}

// refuse keeps a message with the reason, for the person to decide.
func (e *Engine) refuse(c *conversation, o *outgoing, why *proto.Refusal) {
	o.session = 0
	o.Refused, o.Reason = why.Text, byte(why.Reason)
	if o.Refused == "" {
		o.Refused = "the server refused it"
	}
	e.write.outgoing(o.Outgoing, nil)
	e.Observer.Messages(c.name, []Message{e.render.pending(c, o)}, nil)
	e.changed(c)
	e.boundRefused()
	e.pump(c)
}

// boundRefused deletes the oldest refused message where there are too many:
// the person has seen why, and left it for long.
func (e *Engine) boundRefused() {
	var oldest *outgoing
	n := 0
	for _, c := range e.conversations {
		for _, o := range c.outbox {
			if o.Refused == "" {
				continue
			}
			if n++; oldest == nil || o.Number < oldest.Number {
				oldest = o
			}
		}
	}
	if n <= maxRefused {
		return
	}
	c := e.conversations[oldest.Key]
	e.leave(c, oldest)
	e.Observer.Messages(c.name, nil, []string{oldest.ref.String()})
	e.changed(c)
	e.Observer.Failed(fmt.Errorf("%d refused messages are kept: the oldest was deleted", maxRefused))
}

// Retry sends a refused message again, after all others. seen is what is on
// the author's screen now, and raises what the message says was seen.
func (e *Engine) Retry(hexRef string, seen uint64, done func(error)) {
	e.loaded(func() { e.resend(hexRef, seen, done) })
}

func (e *Engine) resend(hexRef string, seen uint64, done func(error)) {
	c, o := e.refused(hexRef)
	if o == nil {
		done(proto.Refuse(proto.PayloadFormatInvalid, "ref: no refused message has it"))
		return
	}
	if err := e.checkRoom(); err != nil {
		done(err)
		return
	}
	old := o.Outgoing
	if event := o.entry.event(); !o.entry.seenIn(e.meta.Epoch) || event.Seen != nil && *event.Seen < seen {
		o.entry.see(seen, e.epoch())
		if err := o.entry.encode(); err != nil {
			done(err)
			return
		}
	}
	e.number++
	o.Number, o.Body, o.Refused, o.Reason = e.number, o.entry.body, "", 0
	c.outbox = slices.DeleteFunc(c.outbox, func(x *outgoing) bool { return x == o })
	c.queue(o)
	e.write.confirmed(old.Number)
	e.write.outgoing(o.Outgoing, nil)
	e.Observer.Messages(c.name, []Message{e.render.pending(c, o)}, nil)
	e.changed(c)
	done(nil)
	e.pump(c)
}

// Discard deletes a refused message.
func (e *Engine) Discard(hexRef string, done func(error)) {
	e.loaded(func() { e.discard(hexRef, done) })
}

func (e *Engine) discard(hexRef string, done func(error)) {
	c, o := e.refused(hexRef)
	if o == nil {
		done(proto.Refuse(proto.PayloadFormatInvalid, "ref: no refused message has it"))
		return
	}
	e.leave(c, o)
	e.Observer.Messages(c.name, nil, []string{hexRef})
	e.changed(c)
	e.write.flush(func() { done(nil) })
}

func (e *Engine) refused(hexRef string) (*conversation, *outgoing) {
	for _, c := range e.conversations {
		for _, o := range c.outbox {
			if o.Refused != "" && o.ref.String() == hexRef {
				return c, o
			}
		}
	}
	return nil, nil
}
