package chat

import (
	"fmt"

	"parley/proto"
)

// deliver takes in a packet of the down branch.
func (e *Engine) deliver(branch proto.Branch, payload []byte) {
	var err error
	switch branch {
	case proto.BranchMessage:
		err = e.deliverEntry(proto.Direct, payload)
	case proto.BranchService:
		err = e.deliverEntry(proto.Service, payload)
	case proto.BranchMark:
		err = e.deliverMark(payload)
	case proto.BranchUnread:
		err = e.sync.deliver(payload)
	case proto.BranchTyping:
		err = e.typing.deliver(payload)
	case proto.BranchPresence:
		err = e.deliverPresence(payload)
	case proto.BranchSettings:
		err = e.deliverSettings(payload)
	}
	if err != nil {
		e.Observer.Failed(fmt.Errorf("received on %s: %w", branch, err))
	}
}

func (e *Engine) deliverEntry(kind proto.KeyKind, payload []byte) error {
	x, err := decode(kind, payload)
	if err != nil {
		return err
	}
	key := x.key()
	if x.seq == 0 || key.Kind() == proto.Direct && !key.Has(e.User) || key.IsZero() {
		return proto.Refuse(proto.PayloadFormatInvalid, "a message without seq, or of others")
	}
	c, err := e.told(key.String())
	if err != nil {
		return err
	}
	if x, err = x.bare(); err != nil {
		return err
	}
	left := e.outbox.echoed(c, []entry{x})
	e.receive(c, []entry{x}, x.seq)
	if left {
		e.outbox.pump(c)
	}
	if !c.introduced {
		c.introduced = true
		e.sync.request() // the row brings the other side's name
	}
	return nil
}

func (e *Engine) deliverPresence(payload []byte) error {
	m := new(proto.Presence)
	if err := proto.UnmarshalOpen(payload, m); err != nil {
		return err
	}
	e.Observer.Presence(m.GetUserId(), m.GetOnline(), m.GetLastSeen())
	return nil
}
