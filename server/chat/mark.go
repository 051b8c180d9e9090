package chat

import "parley/proto"

// mark is a proto.Mark on its way into the history.
type mark struct {
	key             proto.Key
	user            uint64
	delivered, read uint64
}

func prepareMark(from Sender, payload []byte) (Request, error) {
	var m proto.Mark
	if err := proto.Unmarshal(payload, &m); err != nil {
		return nil, err
	}
	key, err := participant(from, m.GetKey())
	if err != nil {
		return nil, err
	}
	return &mark{key: key, user: from.User, delivered: m.GetDeliveredSeq(), read: m.GetReadSeq()}, nil
}

func (r *mark) apply(b *batch) (Receipt, error) {
	c, err := b.conversation(r.key)
	if err != nil {
		return Receipt{}, err
	}
	own, err := b.member(r.key, r.user)
	if err != nil {
		return Receipt{}, err
	}
	if !own.raise(min(r.delivered, c.Head), min(r.read, c.Head)) {
		return Receipt{}, nil
	}
	other := r.key.Peer(r.user)
	peer, err := b.member(r.key, other)
	if err != nil {
		return Receipt{}, err
	}
	b.changeMember(own)
	b.changeMember(peer) // the row of the other side shows these watermarks too
	return Receipt{}, b.deliverMark(own, other)
}

// raise lifts the watermarks, reports whether one rose, and keeps
// Read <= Delivered: what was on the screen was delivered.
func (m *Member) raise(delivered, read uint64) bool {
	was := *m
	m.Read = max(m.Read, read)
	m.Delivered = max(m.Delivered, delivered, m.Read)
	return m.Read != was.Read || m.Delivered != was.Delivered
}

// deliverMark sends m's watermarks to both sides.
func (b *batch) deliverMark(m *member, other uint64) error {
	key := m.Key.String()
	payload, err := proto.Marshal(&proto.Mark{
		Key: &key, UserId: &m.User, DeliveredSeq: &m.Delivered, ReadSeq: &m.Read,
	})
	if err != nil {
		return err
	}
	b.deliver(m.User, proto.BranchMark, payload)
	b.deliver(other, proto.BranchMark, payload)
	return nil
}
