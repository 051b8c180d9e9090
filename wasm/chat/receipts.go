package chat

import "parley/proto"

// maxRecount bounds how many stored entries are read to recount unread ones,
// or to tell how far messages have come.
const maxRecount = 500

// MarkRead raises my read watermark: everything up to seq was on the screen.
func (e *Engine) MarkRead(name string, seq uint64, done func(error)) {
	e.known(name, func() { done(e.markRead(name, seq)) })
}

func (e *Engine) markRead(name string, seq uint64) error {
	c, err := e.conversation(name)
	if err != nil {
		return err
	}
	if seq > c.head {
		return proto.Refuse(proto.PayloadFormatInvalid, "seq is %d, but the newest message is %d", seq, c.head)
	}
	if e.raiseMine(c, marks{read: seq}) {
		e.write.touch(c.name)
		e.changed(c)
		e.marking.add(c)
	}
	return nil
}

// delivered raises my delivered watermark to what is stored without a hole.
func (e *Engine) delivered(c *conversation, through uint64) {
	if e.closed || e.write.failing() || through > c.head {
		return
	}
	if e.raiseMine(c, marks{delivered: through}) {
		e.write.touch(c.name)
		e.marking.add(c)
	}
}

// deliveredStored raises my delivered watermark once what is stored now, or on the way there, is written.
func (e *Engine) deliveredStored(c *conversation) {
	if through := c.stored.through(max(c.mine.delivered, c.floor()-1)); through > c.mine.delivered {
		e.write.settled(func() { e.delivered(c, through) })
	}
}

// raiseMine raises my watermarks and reports whether that changed them.
func (e *Engine) raiseMine(c *conversation, to marks) bool {
	raised := c.mine.raise(to)
	if raised == c.mine {
		return false
	}
	rose := raised.read > c.mine.read
	c.mine = raised
	if rose {
		e.recount(c)
	}
	return true
}

// recount brings the unread count to a watermark that rose. In the middle of
// what is stored, the entries passed are read and counted; where something is
// missing, the server is asked.
func (e *Engine) recount(c *conversation) {
	read := c.mine.read
	if _, exact := c.unread.total(read); exact {
		c.unread.rise(read, 0)
		return
	}
	from := c.unread.read + 1
	if read-from >= maxRecount || len(c.stored.missing(from, read)) > 0 {
		return // the answer to the mark's sync has the count
	}
	e.stored(c, from, read, func(entries []entry, err error) {
		if err != nil || c.unread.read+1 != from || c.mine.read < read {
			return // counted anew meanwhile, or it is another history now
		}
		var own uint64
		for _, x := range entries {
			if !c.counts(x, e.User) && x.seq <= c.unread.head {
				own++
			}
		}
		c.unread.rise(read, own)
		e.write.touch(c.name)
		e.changed(c)
	})
}

// deliverMark takes in a watermark that rose, mine on another device or the other side's.
func (e *Engine) deliverMark(payload []byte) error {
	m := new(proto.Mark)
	if err := proto.UnmarshalOpen(payload, m); err != nil {
		return err
	}
	c, err := e.told(m.GetKey())
	if err != nil {
		return err
	}
	to := marks{delivered: m.GetDeliveredSeq(), read: m.GetReadSeq()}
	at := times{delivered: m.GetDeliveredTime(), read: m.GetReadTime()}
	switch {
	case m.GetUserId() != e.User && c.key.Kind() == proto.Service && c.key.Customer() != e.User && c.key.Customer() != m.GetUserId():
		return nil // another agent's: we are on the same side
	case m.GetUserId() != e.User && c.key.Kind() == proto.Group:
		e.raiseMember(c, m.GetUserId(), to, at)
		return nil
	case m.GetUserId() == e.User:
		c.acked = c.acked.raise(to)
		if !e.raiseMine(c, to) {
			return nil
		}
	case !e.raisePeer(c, to, at):
		return nil
	}
	e.write.touch(c.name)
	e.changed(c)
	return nil
}

// raisePeer raises the other side's watermarks, which were reached at some
// times, and tells of my messages of which more is known by it. It reports
// whether there is more to be known at all.
func (e *Engine) raisePeer(c *conversation, to marks, at times) bool {
	before := c.peer
	c.peer = c.peer.raise(to)
	from := c.receiptTimes.add(to, at)
	if c.peer.delivered > before.delivered {
		from = lower(from, before.delivered+1)
	}
	if c.peer.read > before.read {
		from = lower(from, before.read+1)
	}
	if from == 0 {
		return false
	}
	if c.shown {
		e.tellProgress(c, from, c.peer.delivered)
	}
	return true
}

// tellProgress tells how far my messages from a seq on have come, up to another.
func (e *Engine) tellProgress(c *conversation, from, to uint64) {
	to = c.stored.highest(to)
	if to < from {
		return
	}
	if to-from >= maxRecount {
		from = to - maxRecount + 1
	}
	e.stored(c, from, to, func(entries []entry, err error) {
		var changed []Message
		for _, x := range entries {
			if x.by(e.User) {
				changed = append(changed, e.render.message(c, x))
			}
		}
		if len(changed) > 0 {
			e.Observer.Messages(c.name, changed, nil)
		}
	})
}
