package chat

import (
	"time"

	"parley/proto"
)

// markEvery is the least time between two marks sent: watermarks that rose
// meanwhile go out as their latest values.
const markEvery = 300 * time.Millisecond

// maxRecount bounds how many stored entries are read to recount unread ones,
// or to tell how far messages have come.
const maxRecount = 500

// marking is the sending of my watermarks.
type marking struct {
	due     dirtySet
	planned bool
	retry   backoff
}

// MarkRead raises my read watermark: everything up to seq was on the screen.
func (e *Engine) MarkRead(name string, seq uint64) error {
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
		e.mark(c)
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
		e.mark(c)
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

// mark plans to tell the server my watermarks of a conversation.
func (e *Engine) mark(c *conversation) {
	e.marks.due.add(c.name)
	if e.marks.planned {
		return
	}
	e.planMarks(markEvery)
}

// planMarks sends what is due after a while.
func (e *Engine) planMarks(wait time.Duration) {
	e.marks.planned = true
	e.Host.After(wait, func() {
		e.marks.planned = false
		e.sendDue()
	})
}

// sendMarks plans to tell every watermark that the server is not known to have.
func (e *Engine) sendMarks() {
	for _, c := range e.sorted() {
		if c.acked.raise(c.mine) != c.acked {
			e.mark(c)
		}
	}
}

// sendDue sends what is due, some at a time: marks must not use up the rate
// that messages need.
func (e *Engine) sendDue() {
	const most = 5
	due := e.marks.due.names
	e.marks.due = dirtySet{}
	if e.connection.session == nil {
		return // sendMarks finds them when connected again
	}
	for i, name := range due {
		c := e.conversations[name]
		switch {
		case c == nil:
		case i < most:
			e.sendMark(c)
		default:
			e.mark(c)
		}
	}
}

func (e *Engine) sendMark(c *conversation) {
	sent := c.mine
	if c.acked.raise(sent) == c.acked {
		return
	}
	payload, err := proto.Marshal(&proto.Mark{Key: &c.name, DeliveredSeq: &sent.delivered, ReadSeq: &sent.read, Epoch: e.epoch()})
	if err != nil {
		e.Observer.Failed(err)
		return
	}
	epoch := e.meta.Epoch
	e.connection.session.Publish(proto.BranchMark, payload, nil, func(_ Ack, err error) {
		e.Host.Post(func() {
			if !e.closed && e.meta.Epoch == epoch { // otherwise it was of another history
				e.marked(c, sent, err)
			}
		})
	})
}

func (e *Engine) marked(c *conversation, sent marks, err error) {
	if err == nil {
		e.marks.retry.reset()
		c.acked = c.acked.raise(sent)
		e.write.touch(c.name)
		if _, exact := c.unread.total(c.mine.read); !exact {
			e.requestSync()
		}
		return
	}
	switch do, why := remedyOf(publishing, err); do {
	case wait:
		e.marks.due.add(c.name)
		if !e.marks.planned {
			e.planMarks(e.marks.retry.patience(e.Host, why))
		}
	case reconnect:
		e.mark(c)
	default:
		e.Observer.Failed(err)
	}
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
		e.tellProgress(c, from)
	}
	return true
}

// tellProgress tells how far my messages from a seq on have come.
func (e *Engine) tellProgress(c *conversation, from uint64) {
	to := c.stored.highest(c.peer.delivered)
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
