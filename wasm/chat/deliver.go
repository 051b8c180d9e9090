package chat

import (
	"fmt"

	"parley/proto"
)

// deliver takes in the first of the packets that arrived, and those after it that belong to it, and returns how many
// these are; there must be one.
func (e *Engine) deliver(arrived []delivery) (n int) {
	branch, payload := arrived[0].branch, arrived[0].payload
	n = 1
	var err error
	switch branch {
	case proto.BranchMessage:
		n, err = e.deliverEntries(proto.Direct, arrived)
	case proto.BranchService:
		n, err = e.deliverEntries(proto.Service, arrived)
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
	return n
}

// deliverEntries takes in as many entries of one conversation as follow one another.
func (e *Engine) deliverEntries(kind proto.KeyKind, arrived []delivery) (n int, err error) {
	x, err := decode(kind, arrived[0].payload)
	if err != nil {
		return 1, err
	}
	key := x.key()
	if x.seq == 0 || key.Kind() == proto.Direct && !key.Has(e.User) || key.IsZero() {
		return 1, proto.Refuse(proto.PayloadFormatInvalid, "a message without seq, or of others")
	}
	c, err := e.told(key.String())
	if err != nil {
		return 1, err
	}
	first := x.seq
	var entries []entry
	for {
		if x, err = x.bare(); err != nil {
			break
		}
		entries = append(entries, x)
		if len(entries) == len(arrived) || arrived[len(entries)].branch != arrived[0].branch {
			break
		}
		next, damaged := decode(kind, arrived[len(entries)].payload)
		if damaged != nil || next.seq != x.seq+1 || next.key() != key {
			break // its turn comes
		}
		x = next
	}
	left := e.outbox.echoed(c, entries)
	e.receive(c, entries, first)
	if left {
		e.outbox.pump(c)
	}
	if !c.introduced {
		c.introduced = true
		e.sync.request() // the row brings the other side's name
	}
	return max(1, len(entries)), err
}

func (e *Engine) deliverPresence(payload []byte) error {
	m := new(proto.Presence)
	if err := proto.UnmarshalOpen(payload, m); err != nil {
		return err
	}
	e.Observer.Presence(m.GetUserId(), m.GetOnline(), m.GetLastSeen())
	return nil
}
