package chat

import (
	"context"
	"slices"

	protobuf "google.golang.org/protobuf/proto"

	"parley/proto"
)

// revisions are what entries say of earlier ones. One that comes live and in order, so that
// nothing is missing between, is applied to the stored entry that it speaks of. Whatever else
// there may be is fetched as the server has it: the entries that were revised, as they are.
type revisions struct {
	known  uint64 // every stored entry says what those up to this one made of it, or will by queue
	newest uint64 // the newest entry known that speaks of another
	// queue are those that are being applied, one after the other.
	queue    []entry
	applying bool
	round    int // rises when what is being applied is void
}

// applied is revisions.known without what is on the way.
func (r *revisions) applied() uint64 {
	if len(r.queue) > 0 {
		return min(r.known, r.queue[0].seq-1)
	}
	return r.known
}

// learn takes note of entries that are new, as they were when the newest was asOf. first says
// that they are the first of their conversation.
func (r *revisions) learn(fresh []entry, asOf uint64, first bool) {
	switch {
	case first: // they may also be older than the row that told of them
		r.void()
		r.known = asOf
	case asOf < r.known: // they may be older than what was made of them since
		r.void()
		r.known = min(r.known, asOf)
	}
	for _, x := range fresh {
		speaks := x.event().Type.Revises()
		if speaks {
			r.newest = max(r.newest, x.seq)
		}
		if x.seq != r.known+1 || speaks && x.said == nil {
			continue
		}
		r.known++
		if speaks {
			r.queue = append(r.queue, x)
		}
	}
}

// row takes note of what a row says: the newest entry that speaks of another. all says that
// nothing is stored which is older than the row.
func (r *revisions) row(newest, head uint64, all bool) {
	r.newest = max(r.newest, newest)
	if all || newest <= r.known && r.newest == newest {
		r.known = max(r.known, head)
	}
}

// void drops what is being applied.
func (r *revisions) void() {
	if len(r.queue) > 0 {
		r.known = r.applied()
		r.queue = nil
	}
	r.round++
}

// holdsNothing reports whether nothing of the conversation's entries is kept.
func (c *conversation) holdsNothing() bool { return len(c.stored) == 0 && c.last.seq == 0 }

// behind reports whether what is stored may have been revised since.
func (c *conversation) behind() bool {
	return c.revisions.newest > c.revisions.known && !c.holdsNothing() && !c.key.IsZero()
}

// revise applies what came live, in its order.
func (e *Engine) revise(c *conversation) {
	r := &c.revisions
	if r.applying || len(r.queue) == 0 {
		return
	}
	by, round := r.queue[0], r.round
	target := by.event().Of
	r.applying = true
	e.stored(c, target, target, func(entries []entry, err error) {
		r.applying = false
		switch {
		case e.closed:
			return
		case r.round != round: // it is of before
		case err != nil || len(entries) == 0 && c.stored.has(target):
			r.void() // it is fetched
			e.fetch.consider(c)
		default:
			if !c.stored.has(target) { // it was lost meanwhile
				entries = nil
			}
			if len(entries) == 0 && c.last.seq == target {
				entries = []entry{c.last}
			}
			e.apply(c, by, entries)
			r.queue = r.queue[1:]
			e.write.touch(c.name)
		}
		e.revise(c)
	})
}

// apply changes what an entry speaks of, if it is kept.
func (e *Engine) apply(c *conversation, by entry, target []entry) {
	for _, x := range target {
		changed, err := x.revise(by)
		switch {
		case err != nil:
			e.Observer.Failed(err)
		case !changed && x.revised() < by.seq: // it was taken back
		case c.stored.has(x.seq): // as the server has it by now, where it was read there
			e.replace(c, x)
			if x.event().Type == proto.MessageType_MESSAGE_TYPE_RECALLED && x.seq > c.mine.read && !x.by(e.User) {
				e.sync.request() // the row knows how many are unread now, whatever was counted here
			}
		default:
			c.last = x.preview()
			e.changed(c)
		}
	}
}

// replace puts an entry that was revised in the place of what is stored of it.
func (e *Engine) replace(c *conversation, x entry) {
	e.write.entry(Entry{Key: c.name, Seq: x.seq, Body: x.body, replaces: true})
	for _, r := range c.reads {
		r.meanwhile = append(r.meanwhile, x)
	}
	if x.seq == c.last.seq {
		c.last = x.preview()
	}
	if x.event().Type == proto.MessageType_MESSAGE_TYPE_RECALLED {
		e.outbox.withdraw(c, x.seq)
	}
	e.Observer.Messages(c.name, []Message{e.render.message(c, x)}, nil)
	e.changed(c)
}

// revise asks the server for what was revised since, and takes it in.
func (f *fetching) revise(c *conversation, done func(error)) {
	after, newest := c.revisions.applied(), c.revisions.newest
	f.ask(c, func(ctx context.Context, token string) (p historyPage, err error) {
		body, err := f.engine.History.Revised(ctx, token, c.name, after, proto.MaxPage)
		if err != nil {
			return p, err
		}
		return parseRevised(c.key, after, body)
	}, func(c *conversation, p historyPage, epoch uint64) error {
		return f.takeRevised(c, p, epoch, after, newest)
	}, done)
}

// takeRevised takes in entries that were revised after one, as they are when the server knows newest, which may be
// past what may be read of a group by who left it. Those that are not kept here
// are as new when they are fetched.
func (f *fetching) takeRevised(c *conversation, p historyPage, epoch, after, newest uint64) error {
	if err := f.fresh(p, epoch); err != nil {
		return err
	}
	e, r := f.engine, &c.revisions
	through := max(p.head, newest)
	if n := len(p.entries); n == proto.MaxPage {
		through = p.entries[n-1].revised()
	}
	if through < r.known || r.applied() < after { // what is known since came live, or something older did
		return nil
	}
	r.void()
	for _, x := range p.entries {
		if c.stored.has(x.seq) {
			e.replace(c, x)
		} else if x.seq == c.last.seq {
			c.last = x.preview()
			e.changed(c)
		}
		r.newest = max(r.newest, x.revised())
	}
	r.known = max(r.known, through)
	c.head = max(c.head, p.head)
	e.write.touch(c.name)
	return nil
}

// revised is the entry that spoke last of x; 0 if none did.
func (x entry) revised() uint64 {
	if x.service != nil {
		return x.service.GetRevisedSeq()
	}
	return x.direct.GetRevisedSeq()
}

// revise applies an entry that speaks of x to a copy, which x then is.
func (x *entry) revise(by entry) (changed bool, err error) {
	full := by.full()
	if x.service != nil {
		m := protobuf.Clone(x.service).(*proto.ServiceMessage)
		changed, x.service = m.Revise(full.service), m
	} else {
		m := protobuf.Clone(x.direct).(*proto.Message)
		changed, x.direct = m.Revise(full.direct), m
	}
	if changed {
		err = x.encode()
	}
	return changed, err
}

// bare takes out of an entry that speaks of another what it says, which is kept in its target
// alone: as the server keeps it, too.
func (x entry) bare() (entry, error) {
	if !x.event().Type.Revises() {
		return x, nil
	}
	var said string
	if x.service != nil {
		said = x.service.GetContent()
		x.service = protobuf.Clone(x.service).(*proto.ServiceMessage)
		x.service.Content = new(string)
	} else {
		said = x.direct.GetContent()
		x.direct = protobuf.Clone(x.direct).(*proto.Message)
		x.direct.Content = new(string)
	}
	x.said = &said
	return x, x.encode()
}

// full is an entry that bare took something out of, with that in it.
func (x entry) full() entry {
	if x.said == nil {
		return x
	}
	if x.service != nil {
		x.service = protobuf.Clone(x.service).(*proto.ServiceMessage)
		x.service.Content = x.said
	} else {
		x.direct = protobuf.Clone(x.direct).(*proto.Message)
		x.direct.Content = x.said
	}
	return x
}

// at gives an entry of the outbox a place, and lets it speak of an entry.
func (x entry) at(seq, target uint64) entry {
	if x.service != nil {
		x.service = protobuf.Clone(x.service).(*proto.ServiceMessage)
		x.service.Seq = &seq
	} else {
		x.direct = protobuf.Clone(x.direct).(*proto.Message)
		x.direct.Seq = &seq
	}
	x.speakOf(target)
	return x
}

// speakOf lets an unsent entry speak of another.
func (x *entry) speakOf(target uint64) {
	if x.service != nil {
		x.service.TargetSeq = &target
	} else {
		x.direct.TargetSeq = &target
	}
}

// say changes what an unsent entry says.
func (x *entry) say(content string) {
	if x.service != nil {
		x.service.Content = &content
	} else {
		x.direct.Content = &content
	}
}

// content is what an entry says.
func (x entry) content() string {
	if x.service != nil {
		return x.service.GetContent()
	}
	return x.direct.GetContent()
}

// sendOf takes a draft that speaks of a message which was not confirmed. One that never left
// is changed or withdrawn where it is; what may be on its way is followed by the draft; and
// what is confirmed by now has a seq.
func (b *outbox) sendOf(c *conversation, d Draft, done func(error)) {
	target := c.unconfirmed(d.OfRef)
	switch {
	case target == nil:
		b.sendOfConfirmed(c, d, done)
	case target.Refused != "":
		done(proto.Refuse(proto.PayloadFormatInvalid, "of: the message was not sent: send it again, or delete it").Named("message-not-sent"))
	case target.tried:
		b.accept(c, d, done)
	default:
		if err := d.checkRevision(); err != nil {
			done(err)
			return
		}
		b.amend(c, target, d.Type, d.Content)
		b.engine.write.flush(func() { done(nil) })
		b.pump(c) // what waited behind one that is taken back
	}
}

// sendOfConfirmed finds the seq of a message that was confirmed since.
func (b *outbox) sendOfConfirmed(c *conversation, d Draft, done func(error)) {
	b.seqOf(c, d.OfRef, func(seq uint64, err error) {
		if err == nil && seq == 0 {
			err = proto.Refuse(proto.PayloadFormatInvalid, "of: there is no such message any more").Named("message-gone")
		}
		if err != nil {
			done(err)
			return
		}
		d.Of, d.OfRef = seq, ref{}
		b.accept(c, d, done)
	})
}

// resolve lets what speaks of a message that was confirmed while it was being stored name
// it, or drops it, if the message was withdrawn.
func (b *outbox) resolve(c *conversation, o *outgoing) {
	b.seqOf(c, o.Of, func(seq uint64, err error) {
		switch {
		case b.engine.closed || !slices.Contains(c.outbox, o) || o.Of == (ref{}):
			return
		case err != nil:
			b.again(c, o)
			return
		case seq == 0:
			b.remove(c, o)
		default:
			b.settle(c, o.Of, seq)
		}
		b.pump(c)
	})
}

// seqOf finds the seq of a message of mine that is confirmed, among the newest; 0 if it is not there.
func (b *outbox) seqOf(c *conversation, of ref, done func(uint64, error)) {
	b.engine.stored(c, back(c.head, maxRecount), ^uint64(0), func(entries []entry, err error) {
		for _, x := range entries {
			if x.ref() == of && x.by(b.engine.User) {
				done(x.seq, nil)
				return
			}
		}
		done(0, err)
	})
}

// amend changes a message that the server does not have.
func (b *outbox) amend(c *conversation, o *outgoing, kind proto.MessageType, content string) {
	switch kind {
	case proto.MessageType_MESSAGE_TYPE_RECALL:
		b.remove(c, o)
		return
	case proto.MessageType_MESSAGE_TYPE_REACT:
		return // nobody else sees the message, and its author knows
	}
	o.entry.say(content)
	if err := o.entry.encode(); err != nil {
		b.engine.Observer.Failed(err)
		return
	}
	o.Body = o.entry.body
	b.engine.write.outgoing(o.Outgoing, nil)
	b.changed(c, o)
}

// fold puts what waits to speak of a message, which the server did not take, into it.
func (b *outbox) fold(c *conversation, o *outgoing) {
	for _, by := range slices.Clone(c.outbox) {
		if by.Of != o.ref || by.Of == (ref{}) || !slices.Contains(c.outbox, o) {
			continue
		}
		b.leave(c, by)
		b.engine.Observer.Messages(c.name, nil, []string{by.ref.String()})
		b.amend(c, o, by.entry.event().Type, by.entry.content())
	}
}

// tellTarget tells what a message looks like of which something of mine speaks that waits,
// or did.
func (b *outbox) tellTarget(c *conversation, o *outgoing) {
	e, event := b.engine, o.entry.event()
	if !event.Type.Revises() {
		return
	}
	if target := c.unconfirmed(o.Of); target != nil && o.Of != (ref{}) {
		b.tell(c, target)
	}
	if event.Of == 0 || !c.stored.has(event.Of) {
		return
	}
	e.stored(c, event.Of, event.Of, func(entries []entry, err error) {
		if err != nil || e.closed {
			return // it shows when it is read again
		}
		for _, x := range entries {
			e.Observer.Messages(c.name, []Message{e.render.message(c, x)}, nil)
		}
	})
}

// settle lets what waits to speak of a message, which is confirmed now, name it.
func (b *outbox) settle(c *conversation, of ref, seq uint64) {
	for _, o := range c.outbox {
		if o.Of == of && of != (ref{}) {
			o.Of = ref{}
			o.entry.speakOf(seq)
			if err := o.entry.encode(); err != nil {
				b.engine.Observer.Failed(err)
			}
			o.Body = o.entry.body
			b.engine.write.outgoing(o.Outgoing, nil)
		}
	}
}

// withdraw takes out of the outbox what speaks of a message that was taken back, and goes on with what stood behind it.
func (b *outbox) withdraw(c *conversation, target uint64) {
	for _, o := range slices.Clone(c.outbox) {
		if o.entry.event().Of == target && o.entry.event().Type.Revises() && o.session != b.engine.connection.number {
			b.remove(c, o)
		}
	}
	b.pump(c)
}

// shown is an entry with what of mine is on the way to the server, or waits to be sent.
func (r renderer) shown(c *conversation, x entry) (_ entry, waits bool) {
	for i, o := range c.outbox {
		event := o.entry.event()
		speaks := x.seq != 0 && event.Of == x.seq || o.Of != (ref{}) && o.Of == x.ref()
		if !event.Type.Revises() || !speaks || o.Refused != "" {
			continue
		}
		seq := ^uint64(0) - uint64(len(c.outbox)-i) // after all that are confirmed
		if x.service != nil {
			m := protobuf.Clone(x.service).(*proto.ServiceMessage)
			m.Revise(o.entry.at(seq, m.GetSeq()).service)
			x.service = m
		} else {
			m := protobuf.Clone(x.direct).(*proto.Message)
			m.Revise(o.entry.at(seq, m.GetSeq()).direct)
			x.direct = m
		}
		waits = true
	}
	return x, waits
}
