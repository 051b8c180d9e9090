package chat

import "parley/proto"

// maxBlocks bounds how many others a user may block.
const maxBlocks = 1000

// block is a proto.Block on its way into the history.
type block struct {
	user, other uint64
	blocked     bool
}

func prepareBlock(from Sender, payload []byte) (Request, error) {
	var m proto.Block
	if err := proto.Unmarshal(payload, &m); err != nil {
		return nil, err
	}
	switch m.GetUserId() {
	case 0:
		return nil, proto.Refuse(proto.PayloadFormatInvalid, "user_id is 0: name the user to block")
	case from.User:
		return nil, proto.Refuse(proto.PayloadFormatInvalid, "user_id is your own: name another user to block")
	}
	return &block{from.User, m.GetUserId(), m.GetBlocked()}, nil
}

// apply keeps the block with both members, so that whoever looks at one of them
// knows of it. The other's row stays as it is: nothing tells them.
func (r *block) apply(b *batch) (Result, error) {
	key := proto.DirectKey(r.user, r.other)
	own, err := b.member(key, r.user)
	if err != nil {
		return Result{}, err
	}
	peer, err := b.member(key, r.other)
	if err != nil || own.Blocks == r.blocked {
		return Result{}, err
	}
	if r.blocked {
		if refusal, err := b.validateBlock(r.user); err != nil || refusal != nil {
			return Result{Err: refusal}, err
		}
	}
	apart := own.apart()
	own.Blocks, peer.Blocked = r.blocked, r.blocked
	b.changeMember(own)
	b.keepMember(peer)
	if own.apart() == apart {
		return Result{}, nil
	}
	if err := b.part(own, r.other); err != nil {
		return Result{}, err
	}
	return Result{}, b.part(peer, r.user)
}

// validateBlock refuses a user one block more than they may have.
func (b *batch) validateBlock(user uint64) (refusal, err error) {
	n, err := b.tx.CountBlocks(user)
	if err != nil {
		return nil, err
	}
	for _, m := range b.changedMembers { // not written yet
		if m.User == user && m.Blocks {
			n++
		}
	}
	if n >= maxBlocks {
		return proto.Refuse(proto.ImplementationSpecific, "you block %d people, which is the most: unblock somebody first", maxBlocks).Named("too-many-blocked", maxBlocks), nil
	}
	return nil, nil
}

// part tells to, who is told of m's presence, that m's user is gone, if one of the
// two blocks the other now, else how it is.
func (b *batch) part(m *member, to uint64) error {
	if m.Own == 0 {
		return nil
	}
	u, err := b.tx.User(m.User)
	if err != nil || u.HidePresence {
		return err
	}
	u.ID = m.User
	if m.apart() {
		u = User{ID: m.User}
	}
	payload, err := u.presence(!m.apart() && b.service.presence.online(m.User))
	b.deliver(to, proto.BranchPresence, payload)
	return err
}

// validate refuses a message between two of whom one blocks the other.
func (r *message) validate(author *member) error {
	switch {
	case author.Blocks:
		return proto.Refuse(proto.NotAuthorized, "you block this person: unblock them to write to them").Named("blocked-by-me")
	case author.Blocked:
		return proto.Refuse(proto.NotAuthorized, "this person does not take messages from you").Named("blocked-by-them")
	}
	return nil
}
