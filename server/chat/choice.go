package chat

import "parley/proto"

// choice is a proto.Choice on its way into the history.
type choice struct {
	key  proto.Key
	user uint64
	// nil: as it is
	pinned, muted, markedUnread *bool
	archivedThrough             *uint64
}

func prepareChoice(from Sender, payload []byte) (Request, error) {
	var m proto.Choice
	if err := proto.Unmarshal(payload, &m); err != nil {
		return nil, err
	}
	key, err := participant(from, m.GetKey())
	if err != nil {
		return nil, err
	}
	return &choice{key, from.User, m.Pinned, m.Muted, m.MarkedUnread, m.ArchivedThrough}, nil
}

func (r *choice) apply(b *batch) (Result, error) {
	c, err := b.conversation(r.key)
	if err != nil {
		return Result{}, err
	}
	own, err := b.member(r.key, r.user)
	if err != nil {
		return Result{}, err
	}
	reads := kindOf(r.key).access(own.Member)
	head, _ := reads.narrow(c.Head, c.Min)
	switch {
	case reads == (access{}):
		return Result{Err: notParticipant()}, nil
	case head == 0:
		return Result{Err: proto.Refuse(proto.ImplementationSpecific, "key: nothing was ever written in this conversation")}, nil
	}
	before := own.Choices
	r.put(&own.Choices, head)
	if own.Choices != before {
		b.changeMember(own)
	}
	return Result{}, nil
}

// put makes the choices in those that are there, of a conversation with its newest
// entry at head.
func (r *choice) put(to *Choices, head uint64) {
	for of, chosen := range map[*bool]*bool{&to.Pinned: r.pinned, &to.Muted: r.muted, &to.MarkedUnread: r.markedUnread} {
		if chosen != nil {
			*of = *chosen
		}
	}
	if r.archivedThrough != nil {
		to.ArchivedThrough = min(*r.archivedThrough, head)
	}
}

// show puts what a user chose into their row.
func (c *Choices) show(row *proto.ConversationState) {
	if c.Pinned {
		row.Pinned = &c.Pinned
	}
	if c.Muted {
		row.Muted = &c.Muted
	}
	if c.MarkedUnread {
		row.MarkedUnread = &c.MarkedUnread
	}
	if c.ArchivedThrough != 0 {
		row.ArchivedThrough = &c.ArchivedThrough
	}
}
