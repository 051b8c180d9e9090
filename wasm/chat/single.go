package chat

import "parley/proto"

// Message gives one message, from the store or else from the server: what a quote shows. done
// is told nil of one that is not there, as what was deleted.
func (e *Engine) Message(name string, seq uint64, done func(*Message, error)) {
	e.loaded(func() {
		c, err := e.conversation(name)
		switch {
		case err == nil && seq == 0:
			err = proto.Refuse(proto.PayloadFormatInvalid, "seq is 0: name a message")
		case err == nil && seq < c.floor():
			done(nil, nil)
			return
		case err == nil && !c.stored.has(seq):
			e.fetch.request(c, seq-1, seq+1, 1, func(err error) { e.single(c, seq, err, done) })
			return
		}
		if err != nil {
			done(nil, err)
			return
		}
		e.single(c, seq, nil, done)
	})
}

// single gives one message from the store; err says why it was not fetched.
func (e *Engine) single(c *conversation, seq uint64, err error, done func(*Message, error)) {
	if err != nil && !c.stored.has(seq) {
		done(nil, err)
		return
	}
	e.stored(c, seq, seq, func(entries []entry, err error) {
		if err != nil || len(entries) == 0 {
			done(nil, err)
			return
		}
		m := e.render.message(c, entries[0])
		done(&m, nil)
	})
}
