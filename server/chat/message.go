package chat

import "parley/proto"

// message is a proto.Message on its way into the history.
type message struct {
	key proto.Key
	ref [proto.RefSize]byte
	m   *proto.Message // sender_id and client_ref are stamped
}

func (r *message) apply(b *batch) (Receipt, error) {
	sender, receiver := r.m.GetSenderId(), r.m.GetReceiverId()
	first, err := b.tx.ByRef(sender, r.ref)
	if err != nil {
		return Receipt{}, err
	}
	if first.Seq != 0 {
		return Receipt{MessageID: first.ID, Seq: first.Seq, CreateTime: first.CreateTime}, nil
	}
	c, err := b.conversation(r.key)
	if err != nil {
		return Receipt{}, err
	}
	entry, err := b.append(c, sender, r)
	if err != nil {
		return Receipt{}, err
	}
	b.deliver(sender, proto.BranchMessage, entry.Body)
	b.deliver(receiver, proto.BranchMessage, entry.Body)
	if err := b.wait(entry, receiver, r.m.SeenSeq); err != nil {
		return Receipt{}, err
	}
	if err := b.seen(entry, receiver, min(r.m.GetSeenSeq(), entry.Seq-1)); err != nil {
		return Receipt{}, err
	}
	return Receipt{MessageID: entry.ID, Seq: entry.Seq, CreateTime: entry.CreateTime}, nil
}

// append stamps and stores r's message as the conversation's next entry.
func (b *batch) append(c *conversation, sender uint64, r *message) (Entry, error) {
	seq, id, now := c.Head+1, b.service.ids.Next(), b.service.time()
	m := &proto.Message{
		MessageId: &id, SenderId: &sender, Content: r.m.Content, CreateTime: &now,
		ReceiverId: r.m.ReceiverId, Seq: &seq, ClientRef: r.ref[:],
	}
	if r.m.SeenSeq != nil {
		// Nobody has seen what is not there yet.
		seen := min(*r.m.SeenSeq, c.Head)
		m.SeenSeq = &seen
	}
	body, err := proto.Marshal(m)
	if err != nil {
		return Entry{}, err
	}
	e := Entry{Key: r.key, Seq: seq, ID: id, Sender: sender, Ref: r.ref, CreateTime: now, Body: body}
	if err := b.tx.Append(e); err != nil {
		return Entry{}, err
	}
	c.Head = seq
	if c.Min == 0 {
		c.Min = seq
	}
	b.changeConversation(c)
	return e, nil
}

// wait keeps both sides' state under the answered rule (proto.Waiting): in a
// direct conversation every message asks, and replies to the other side.
func (b *batch) wait(e Entry, receiver uint64, seen *uint64) error {
	author, err := b.member(e.Key, e.Sender)
	if err != nil {
		return err
	}
	peer, err := b.member(e.Key, receiver)
	if err != nil {
		return err
	}
	author.Waiting.Ask(e.Seq, e.CreateTime)
	err = peer.Waiting.Reply(e.Seq, seen, func(after uint64) (uint64, uint64, error) {
		next, err := b.tx.FirstBy(e.Key, receiver, after)
		return next.Seq, next.CreateTime, err
	})
	b.changeMember(author)
	b.changeMember(peer)
	return err
}

// seen raises the author's watermarks to what was on the screen when Send was
// pressed. The other side is told if that read a message of theirs; in the
// common case a mark said so before.
func (b *batch) seen(e Entry, receiver, through uint64) error {
	author, err := b.member(e.Key, e.Sender)
	if err != nil {
		return err
	}
	read := author.Read
	if !author.raise(through, through) || author.Read == read {
		return nil
	}
	own, err := b.tx.CountBy(e.Key, e.Sender, read)
	if err != nil {
		return err
	}
	later, err := b.tx.CountBy(e.Key, e.Sender, author.Read)
	if err != nil {
		return err
	}
	if proto.Unread(author.Read, read, own-later) == 0 {
		return nil
	}
	return b.deliverMark(author, receiver)
}
