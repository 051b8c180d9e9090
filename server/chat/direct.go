package chat

import "parley/proto"

// direct is the kind of conversation that is between two users.
type direct struct{}

func (direct) admits(who Sender, key proto.Key) bool { return key.Has(who.User) }

func (direct) access(Member) access { return all }

func (direct) copies(_ uint64, _ proto.Key, entries []Entry) ([]Entry, error) { return entries, nil }

// hearers is the other, if the user has written to them.
func (direct) hearers(v View, user uint64, key proto.Key) ([]uint64, error) {
	own, err := v.Member(key, user)
	if err != nil || own.Own == 0 || own.apart() {
		return nil, err
	}
	return []uint64{key.Peer(user)}, nil
}

func (direct) waiting(_ View, c Conversation, m Member) (mine, theirs proto.Waiting, err error) {
	side := c.Key.Side(m.User)
	return c.Status.Sides[side], c.Status.Sides[side.Other()], nil
}

func (direct) fill(v View, row *proto.ConversationState, c Conversation, m Member) error {
	if m.Blocks {
		row.Blocked = &m.Blocks
	}
	other := c.Key.Peer(m.User)
	peer, err := v.Member(c.Key, other)
	if err != nil {
		return err
	}
	peer.show(row)
	row.PeerName, err = nameOf(v, other)
	return err
}

func (direct) fold(b *batch, c *conversation, _ *member, e proto.Event) error { return b.fold(c, e) }

func (direct) recall(b *batch, c *conversation, _ Entry, was proto.Event) error {
	return b.recall(c, was)
}

func (direct) follow(*batch, proto.Key) ([]uint64, error) { return nil, nil }

// show tells both. If one of them blocks the other, that one would learn that m's user is
// here: only the user's own devices are told.
func (direct) show(b *batch, c *conversation, m *member, _ Member, tell bool) error {
	if m.apart() {
		if !tell {
			return nil
		}
		return b.deliverMark(c.Key, m.watermarks(), m.User)
	}
	other := c.Key.Peer(m.User)
	peer, err := b.member(c.Key, other)
	if err != nil {
		return err
	}
	b.changeMember(peer)
	if !tell {
		return nil
	}
	return b.deliverMark(c.Key, m.watermarks(), m.User, other)
}

func (direct) rename(b *batch, key proto.Key, user uint64) error {
	peer, err := b.member(key, key.Peer(user))
	if err != nil {
		return err
	}
	b.changeMember(peer)
	return nil
}

// trim does it with both members, who are recounted anyway.
func (direct) trim(*batch, *conversation) error { return nil }
