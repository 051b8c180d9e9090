package chat

import (
	"fmt"
	"slices"
	"strconv"
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

// outbox sends what the person wrote, until it is confirmed or refused. The
// messages themselves stand with their conversations, in the order of sending.
type outbox struct {
	engine    *Engine
	number    uint64 // of the newest send
	accepting int    // sends that are being stored
}

// Send puts a message into the outbox. Once it is stored, the observer is told
// of it as pending, then done is called: from then on it will be sent, whatever
// happens. Of a draft that was sent before, the observer is told what became of it.
func (e *Engine) Send(name string, d Draft, done func(error)) {
	e.loaded(func() { e.outbox.send(name, d, done) })
}

// Retry sends a refused message again, after all others. seen is what is on
// the author's screen now, and raises what the message says was seen.
func (e *Engine) Retry(hexRef string, seen uint64, done func(error)) {
	e.loaded(func() { e.outbox.retry(hexRef, seen, done) })
}

// Discard deletes a refused message, or one whose files are not uploaded yet.
func (e *Engine) Discard(hexRef string, done func(error)) {
	e.loaded(func() { e.outbox.discard(hexRef, done) })
}

func (b *outbox) send(name string, d Draft, done func(error)) {
	c, err := b.engine.conversation(name)
	switch {
	case err != nil:
		done(err)
	case d.Repeat && d.Ref != ref{}:
		b.repeat(c, d, done)
	default:
		b.take(c, d, done)
	}
}

// take takes a new draft into the outbox, or into what it speaks of.
func (b *outbox) take(c *conversation, d Draft, done func(error)) {
	if d.Type.Revises() && d.OfRef != (ref{}) {
		b.sendOf(c, d, done)
		return
	}
	b.accept(c, d, done)
}

// repeat tells what became of a draft that was sent before; if nothing did, it
// sends it. If it is confirmed, it stands after what its author had seen.
func (b *outbox) repeat(c *conversation, d Draft, done func(error)) {
	e := b.engine
	from := max(d.Seen+1, back(c.head, maxRecount))
	e.stored(c, from, ^uint64(0), func(entries []entry, err error) {
		i := slices.IndexFunc(entries, func(x entry) bool { return x.ref() == d.Ref && x.by(e.User) })
		o := c.unconfirmed(d.Ref)
		switch {
		case i >= 0:
			e.Observer.Messages(c.name, []Message{e.render.message(c, entries[i])}, nil)
			done(nil)
		case o != nil:
			b.tell(c, o)
			done(nil)
		case err != nil:
			done(err)
		default:
			b.take(c, d, done)
		}
	})
}

// accept takes a new draft into the outbox.
func (b *outbox) accept(c *conversation, d Draft, done func(error)) {
	e := b.engine
	o, err := b.prepare(c, d)
	if err != nil {
		done(err)
		return
	}
	b.accepting++
	e.write.outgoing(o.Outgoing, func(err error) {
		b.accepting--
		if err != nil {
			done(err)
			return
		}
		if twin := c.unconfirmed(o.ref); twin != nil { // a repeat that crossed it
			e.write.confirmed(o.Number)
			b.tell(c, twin)
			done(nil)
			return
		}
		c.queue(o)
		b.changed(c, o)
		done(nil)
		b.pump(c)
	})
}

// prepare makes a message of a draft that may be sent.
func (b *outbox) prepare(c *conversation, d Draft) (*outgoing, error) {
	e := b.engine
	if e.closed {
		return nil, proto.Refuse(proto.UnspecifiedError, "chat is closed: open the page again").Named("chat-closed")
	}
	if err := d.check(c.key.Kind()); err != nil {
		return nil, err
	}
	if err := b.checkRoom(); err != nil {
		return nil, err
	}
	if err := d.checkAnswer(c, e.User); err != nil {
		return nil, err
	}
	o := &outgoing{ref: d.Ref}
	if o.ref == (ref{}) {
		e.Host.Random(o.ref[:])
	}
	o.entry = d.entry(c, e.User, o.ref[:], e.serverNow())
	o.entry.see(d.Seen, e.epoch())
	if err := o.entry.encode(); err != nil {
		return nil, err
	}
	b.number++
	o.Outgoing = Outgoing{Number: b.number, Key: c.name, Body: o.entry.body, Of: d.OfRef, Files: filesOf(d)}
	o.uploading()
	return o, nil
}

// checkRoom refuses what has no room.
func (b *outbox) checkRoom() error {
	n := b.accepting
	for _, c := range b.engine.conversations {
		for _, o := range c.outbox {
			if o.Refused == "" { // those wait for the person
				n++
			}
		}
	}
	if n >= maxOutbox {
		return proto.Refuse(proto.QuotaExceeded, "%d messages wait to be sent already: wait until some are", maxOutbox).Named("outbox-full", maxOutbox)
	}
	return nil
}

// tell tells how it stands with a message.
func (b *outbox) tell(c *conversation, o *outgoing) {
	e := b.engine
	e.Observer.Messages(c.name, []Message{e.render.pending(c, o)}, nil)
}

// changed tells of a message that is new, or stands otherwise than before.
func (b *outbox) changed(c *conversation, o *outgoing) {
	b.tell(c, o)
	b.tellTarget(c, o)
	b.engine.changed(c)
}

// restore takes back what an earlier run had not confirmed. What a newer
// program left for a conversation that this one cannot show stays in the store,
// for a program that can.
func (b *outbox) restore(stored Outgoing) error {
	e := b.engine
	b.number = max(b.number, stored.Number)
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
	o := &outgoing{Outgoing: stored, entry: x, ref: x.ref(), tried: true}
	o.uploading()
	c.queue(o)
	return nil
}

// pumpAll sends what waits, in all conversations.
func (b *outbox) pumpAll() {
	for _, c := range b.engine.sorted() {
		b.pump(c)
	}
}

// pump sends a conversation's first waiting message, if none is on the way.
func (b *outbox) pump(c *conversation) {
	e := b.engine
	session := e.connection.session
	if session == nil {
		return
	}
	i := slices.IndexFunc(c.outbox, func(o *outgoing) bool { return o.Refused == "" })
	if i < 0 || c.outbox[i].session == e.connection.number || c.outbox[i].stop != nil {
		return
	}
	o, number := c.outbox[i], e.connection.number
	if o.Of != (ref{}) { // what it speaks of stands before it, until that is confirmed
		b.resolve(c, o)
		return
	}
	if !o.complete() {
		e.uploads.begin(c, o)
		return
	}
	o.session, o.tried = number, true
	stop := e.Host.After(quietAck, func() { session.Probe(probeTimeout) })
	session.Publish(o.entry.branch(), o.Body, o.ref[:], func(ack Ack, err error) {
		e.Host.Post(func() {
			stop()
			b.acknowledged(c, o, number, ack, err)
		})
	})
}

// acknowledged handles the end of one attempt to send, which belongs to a session.
func (b *outbox) acknowledged(c *conversation, o *outgoing, session int, ack Ack, err error) {
	e := b.engine
	if e.closed || !slices.Contains(c.outbox, o) {
		return // the echo came first
	}
	switch {
	case err == nil && ack.Seq != 0 && ack.Seq < c.floor():
		b.confirmGone(c, o, ack.Seq)
	case err == nil && ack.Seq != 0 && c.stored.has(ack.Seq):
		b.confirmStored(c, o, ack.Seq)
	case err == nil && ack.Seq != 0 && c.key.Kind() == proto.Direct && o.entry.seenIn(e.meta.Epoch) && len(o.Files) == 0:
		b.confirm(c, o, ack)
	case err == nil && ack.Seq != 0:
		b.confirmLater(c, o, ack)
	case err == nil:
		// The broker acknowledges by itself; the echo brings the id. If that
		// gets lost too, the repeat is answered with the first id.
		b.again(c, o)
	case o.session != session:
		// of an earlier session; another attempt is under way
	default:
		b.unsuccessful(c, o, err)
	}
}

// unsuccessful handles an attempt to send that failed.
func (b *outbox) unsuccessful(c *conversation, o *outgoing, err error) {
	switch do, why := remedyOf(publishing, err); do {
	case wait:
		b.hold(c, o, why)
	case reconnect:
		b.engine.connection.fail(o.session)
		o.session = 0
	default:
		b.refuse(c, o, why)
	}
}

// hold sends a message later that the server does not take now, and tells the
// person why if that is not soon.
func (b *outbox) hold(c *conversation, o *outgoing, why *proto.Refusal) {
	before := o.held
	if o.held = nil; why.Retry >= longWait {
		o.held = ReasonOf(why)
	}
	if !o.held.same(before) {
		b.changed(c, o)
	}
	b.after(c, o, o.retry.patience(b.engine.Host, why))
}

// again sends a message once more after a while.
func (b *outbox) again(c *conversation, o *outgoing) { b.after(c, o, o.retry.busy(b.engine.Host)) }

// after sends a message once more after a wait.
func (b *outbox) after(c *conversation, o *outgoing, wait time.Duration) {
	if o.stop != nil {
		return
	}
	o.stop = b.engine.Host.After(wait, func() {
		o.stop, o.session = nil, 0
		b.pump(c)
	})
}

// confirm takes a message out of the outbox into the log, from its acknowledgement.
func (b *outbox) confirm(c *conversation, o *outgoing, ack Ack) {
	x, m := o.entry, o.entry.direct
	m.MessageId, m.Seq, m.CreateTime, m.Epoch = &ack.MessageID, &ack.Seq, &ack.CreateTime, nil
	x.seq = ack.Seq
	if err := x.encode(); err != nil {
		b.engine.Observer.Failed(err)
		return
	}
	x, err := x.bare()
	if err != nil {
		b.engine.Observer.Failed(err)
		return
	}
	b.leave(c, o)
	b.settle(c, o.ref, x.seq)
	b.engine.receive(c, []entry{x}, x.seq)
	b.pump(c)
}

// confirmLater waits for the entry to come back, since the server stamps more than
// the acknowledgement says: in a service conversation and a group, of attachments, and where the author had seen
// entries of another epoch. That says where the entry
// stands, so it is fetched if the echo is lost.
func (b *outbox) confirmLater(c *conversation, o *outgoing, ack Ack) {
	c.head = max(c.head, ack.Seq)
	b.again(c, o) // a repeat is answered with the first id
	if ack.Seq < c.wantedFrom() {
		b.engine.fetch.request(c, ack.Seq-1, ack.Seq+1, 1, func(error) {}) // likewise
		return
	}
	b.engine.fetch.consider(c)
}

// confirmGone takes a message out of the outbox that stands where it cannot be read any more: before its author came
// back to a group, or among what was deleted.
func (b *outbox) confirmGone(c *conversation, o *outgoing, seq uint64) {
	b.settle(c, o.ref, seq)
	b.remove(c, o)
	b.pump(c)
}

// confirmStored takes a message out of the outbox that the server says is
// stored here already: it was sent, and confirmed, before.
func (b *outbox) confirmStored(c *conversation, o *outgoing, seq uint64) {
	e := b.engine
	e.stored(c, seq, seq, func(entries []entry, err error) {
		if e.closed {
			return
		}
		if err != nil {
			e.Observer.Failed(err)
		}
		if b.echoed(c, entries); slices.Contains(c.outbox, o) {
			b.again(c, o)
		}
		b.pump(c)
	})
}

// echoed takes messages out of the outbox that these entries are.
func (b *outbox) echoed(c *conversation, entries []entry) (left bool) {
	e := b.engine
	for _, x := range entries {
		r := x.ref()
		if !x.by(e.User) || r == (ref{}) {
			continue
		}
		o := c.unconfirmed(r)
		if o == nil {
			continue
		}
		b.leave(c, o)
		b.settle(c, r, x.seq)
		left = true
		if c.stored.has(x.seq) { // nobody else tells of it
			e.Observer.Messages(c.name, []Message{e.render.message(c, x)}, nil)
			e.changed(c)
		}
	}
	return left
}

func (b *outbox) leave(c *conversation, o *outgoing) {
	c.outbox = slices.DeleteFunc(c.outbox, func(x *outgoing) bool { return x == o })
	if o.stop != nil {
		o.stop()
	}
	b.engine.write.confirmed(o.Number)
	b.engine.uploads.drop(o)
}

// refuse keeps a message with the reason, for the person to decide.
func (b *outbox) refuse(c *conversation, o *outgoing, why *proto.Refusal) {
	o.session = 0
	o.Refused, o.Reason, o.Code, o.Args = why.Text, byte(why.Reason), why.Code, why.Args
	if o.Refused == "" {
		o.Refused, o.Code = "the server refused it", "refused"
	}
	if o.Code == "message-recalled" && o.entry.event().Type.Revises() {
		b.remove(c, o) // it was taken back meanwhile, which says all
		b.pump(c)
		return
	}
	b.engine.write.outgoing(o.Outgoing, nil)
	b.fold(c, o)
	b.changed(c, o)
	b.boundRefused()
	b.pump(c)
}

// boundRefused deletes the oldest refused message where there are too many:
// the person has seen why, and left it for long.
func (b *outbox) boundRefused() {
	e := b.engine
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
	b.remove(e.conversations[oldest.Key], oldest)
	e.Observer.Failed(&Reason{
		Text: fmt.Sprintf("%d refused messages are kept: the oldest was deleted", maxRefused),
		Code: "refused-deleted", Args: []string{strconv.Itoa(maxRefused)},
	})
}

// remove deletes a message of the outbox, and tells.
func (b *outbox) remove(c *conversation, o *outgoing) {
	b.leave(c, o)
	b.engine.Observer.Messages(c.name, nil, []string{o.ref.String()})
	b.tellTarget(c, o)
	b.engine.changed(c)
}

func (b *outbox) retry(hexRef string, seen uint64, done func(error)) {
	e := b.engine
	c, o, err := b.refused(hexRef)
	if err == nil {
		err = b.checkRoom()
	}
	if err == nil {
		err = b.look(o, seen)
	}
	if err != nil {
		done(err)
		return
	}
	e.write.confirmed(o.Number)
	b.number++
	o.Outgoing = Outgoing{Number: b.number, Key: o.Key, Body: o.entry.body, Of: o.Of, Files: o.Files}
	o.uploadAgain()
	c.outbox = slices.DeleteFunc(c.outbox, func(x *outgoing) bool { return x == o })
	c.queue(o)
	e.write.outgoing(o.Outgoing, nil)
	b.changed(c, o)
	done(nil)
	b.pump(c)
}

// look raises what a message says that its author had seen, in this epoch.
func (b *outbox) look(o *outgoing, seen uint64) error {
	e := b.engine
	event := o.entry.event()
	if o.entry.seenIn(e.meta.Epoch) && (event.Seen == nil || *event.Seen >= seen) {
		return nil
	}
	o.entry.see(seen, e.epoch())
	return o.entry.encode()
}

func (b *outbox) discard(hexRef string, done func(error)) {
	c, o, err := b.discardable(hexRef)
	if err != nil {
		done(err)
		return
	}
	b.remove(c, o)
	b.pump(c)
	b.engine.write.flush(func() { done(nil) })
}

// discardable returns the message that has a ref and that the server was not given: one that
// was refused, or whose files are not uploaded.
func (b *outbox) discardable(hexRef string) (*conversation, *outgoing, error) {
	for _, c := range b.engine.conversations {
		for _, o := range c.outbox {
			if o.ref.String() == hexRef && o.Refused == "" && !o.complete() {
				return c, o, nil
			}
		}
	}
	return b.refused(hexRef)
}

// refused returns the refused message that has a ref.
func (b *outbox) refused(hexRef string) (*conversation, *outgoing, error) {
	for _, c := range b.engine.conversations {
		for _, o := range c.outbox {
			if o.Refused != "" && o.ref.String() == hexRef {
				return c, o, nil
			}
		}
	}
	return nil, nil, proto.Refuse(proto.PayloadFormatInvalid, "ref: no refused message has it")
}
