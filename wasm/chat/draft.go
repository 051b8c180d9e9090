package chat

import (
	"slices"
	"unicode/utf8"

	"parley/proto"
)

// Draft is what a person is about to send.
type Draft struct {
	Content string
	// Seen is the highest contiguous seq that was on the author's screen, 0 if nothing was.
	Seen uint64
	// Type is TEXT, or another entry that the conversation's kind and the
	// person's part in it allow; the server has the last word.
	Type proto.MessageType
	// Target is the agent of a hand-over.
	Target uint64
	// Extend is JSON of the application's own, in a service conversation; "" for none.
	Extend string
	// Anyway sends an answer even though another agent answered meanwhile.
	Anyway bool
	// Ref is the client_ref, made when Send was pressed; the zero Ref lets the
	// engine make one, for a draft that is given to it once.
	Ref [proto.RefSize]byte
	// Repeat says that the draft with this Ref may have been given to an engine
	// before, which ended without an answer. What became of it then is the
	// answer now; only if nothing did, it is sent.
	Repeat bool
}

// checkDraft refuses what the server would refuse, and what the person may not
// want to send any more.
func (e *Engine) checkDraft(c *conversation, d Draft) error {
	kind := c.key.Kind()
	switch {
	case e.closed:
		return proto.Refuse(proto.UnspecifiedError, "chat is closed: open the page again")
	case !utf8.ValidString(d.Content):
		return proto.Refuse(proto.PayloadFormatInvalid, "content is not valid UTF-8")
	case kind == proto.Direct && d.Type.Control() && d.Type != proto.MessageType_MESSAGE_TYPE_NO_REPLY_NEEDED:
		return proto.Refuse(proto.PayloadFormatInvalid, "type: only a service conversation has such entries")
	case kind == proto.Direct && d.Extend != "":
		return proto.Refuse(proto.PayloadFormatInvalid, "extend: only messages of a service conversation have it")
	case len(d.Extend) > proto.MaxExtend:
		return proto.Refuse(proto.PacketTooLarge, "extend is %d bytes: at most %d can be sent", len(d.Extend), proto.MaxExtend)
	}
	if err := e.checkRoom(); err != nil {
		return err
	}
	if d.Content != "" || !d.Type.Control() || d.Type == proto.MessageType_MESSAGE_TYPE_NOTE {
		if err := proto.CheckContent(d.Content); err != nil {
			return err
		}
	}
	return e.checkAnswer(c, d)
}

// checkRoom refuses what has no room in the outbox.
func (e *Engine) checkRoom() error {
	if e.unsent()+e.accepting >= maxOutbox {
		return proto.Refuse(proto.QuotaExceeded, "%d messages wait to be sent already: wait until some are", maxOutbox)
	}
	return nil
}

// checkAnswer stops an agent whose answer was written without having seen
// another agent's newer one.
func (e *Engine) checkAnswer(c *conversation, d Draft) error {
	s := &c.status
	if c.key.Kind() != proto.Service || c.key.Customer() == e.User || d.Type.Control() || d.Anyway ||
		s.LastAnswerBy == e.User || s.LastAnswer <= d.Seen {
		return nil
	}
	return proto.Refuse(proto.ImplementationSpecific, "another agent answered meanwhile: read it, then send again")
}

// unsent is how many messages wait to be sent; refused ones wait for the person.
func (e *Engine) unsent() (n int) {
	for _, c := range e.conversations {
		for _, o := range c.outbox {
			if o.Refused == "" {
				n++
			}
		}
	}
	return n
}

// entryOf makes the entry that goes out for a draft.
func (e *Engine) entryOf(c *conversation, d Draft, ref []byte) (entry, error) {
	var x entry
	var unassigned uint64
	now := e.serverNow()
	if c.key.Kind() == proto.Service {
		customer, service := c.key.Customer(), c.key.Service()
		direction := proto.ServiceMessageDirection_CUSTOMER_TO_SERVICE
		x.service = &proto.ServiceMessage{
			MessageId: &unassigned, UserId: &customer, ServiceType: &service, MessageType: &d.Type,
			Content: &d.Content, CreateDate: &now, Direction: &direction, ClientRef: ref,
		}
		if customer != e.User {
			direction = proto.ServiceMessageDirection_SERVICE_TO_CUSTOMER
			x.service.AgentId = &e.User
		}
		if d.Anyway {
			told := c.status.LastAnswer
			x.service.DespiteSeq = &told
		}
		if d.Target != 0 {
			x.service.TargetAgentId = &d.Target
		}
		if d.Extend != "" {
			x.service.Extend = &d.Extend
		}
	} else {
		receiver := c.key.Peer(e.User)
		x.direct = &proto.Message{
			MessageId: &unassigned, SenderId: &e.User, ReceiverId: &receiver,
			Content: &d.Content, CreateTime: &now, ClientRef: ref,
		}
		if d.Type != proto.MessageType_MESSAGE_TYPE_TEXT {
			x.direct.MessageType = &d.Type
		}
	}
	x.see(d.Seen, e.epoch())
	err := x.encode()
	return x, err
}

// mayRead reports whether a conversation is mine: I am one of its sides, or an
// agent of its service.
func (e *Engine) mayRead(key proto.Key) bool {
	return key.Has(e.User) || key.Kind() == proto.Service && slices.Contains(e.Token.Services, key.Service())
}
