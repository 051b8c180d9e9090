package chat

import (
	"time"

	"parley/proto"
)

const (
	// markEvery is the least time between two marks sent: watermarks that rose
	// meanwhile go out as their latest values.
	markEvery = 300 * time.Millisecond
	// maxMarks is how many are sent at a time: marks must not use up the rate that
	// messages need.
	maxMarks = 5
)

// marking tells the server my watermarks.
type marking struct {
	engine  *Engine
	due     dirtySet
	planned bool
	retry   backoff
}

// add plans to tell the server my watermarks of a conversation.
func (m *marking) add(c *conversation) {
	m.due.add(c.name)
	if !m.planned {
		m.plan(markEvery)
	}
}

// addAll plans to tell every watermark that the server is not known to have.
func (m *marking) addAll() {
	for _, c := range m.engine.sorted() {
		if c.acked.raise(c.mine) != c.acked {
			m.add(c)
		}
	}
}

// plan sends what is due after a while.
func (m *marking) plan(wait time.Duration) {
	m.planned = true
	m.engine.Host.After(wait, func() {
		m.planned = false
		m.sendDue()
	})
}

func (m *marking) sendDue() {
	e := m.engine
	due := m.due.names
	m.due = dirtySet{}
	if e.connection.session == nil {
		return // addAll finds them when connected again
	}
	for i, name := range due {
		c := e.conversations[name]
		switch {
		case c == nil:
		case i < maxMarks:
			m.send(c)
		default:
			m.add(c)
		}
	}
}

func (m *marking) send(c *conversation) {
	e, sent := m.engine, c.mine
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
				m.acknowledged(c, sent, err)
			}
		})
	})
}

func (m *marking) acknowledged(c *conversation, sent marks, err error) {
	e := m.engine
	if err == nil {
		m.retry.reset()
		c.acked = c.acked.raise(sent)
		e.write.touch(c.name)
		if _, exact := c.unread.total(c.mine.read); !exact {
			e.sync.request()
		}
		return
	}
	switch do, why := remedyOf(publishing, err); do {
	case wait:
		m.due.add(c.name)
		if !m.planned {
			m.plan(m.retry.patience(e.Host, why))
		}
	case reconnect:
		m.add(c)
	default:
		e.Observer.Failed(err)
	}
}
