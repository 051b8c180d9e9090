package chat

import (
	protobuf "google.golang.org/protobuf/proto"

	"parley/proto"
)

// message is a proto.Message on its way into the history.
type message struct {
	key   proto.Key
	ref   [proto.RefSize]byte
	from  Sender
	quota quota
	m     *proto.Message // sender_id and client_ref are stamped
}

func (r *message) apply(b *batch) (Result, error) {
	sender, receiver := r.m.GetSenderId(), r.m.GetReceiverId()
	if first, err := b.repeated(sender, r.ref); err != nil || first != (Receipt{}) {
		return Result{Receipt: first}, err
	}
	author, err := b.member(r.key, sender)
	if err != nil {
		return Result{}, err
	}
	if refusal := r.validate(author); refusal != nil {
		return Result{Err: refusal}, nil
	}
	c, err := b.conversation(r.key)
	if err != nil {
		return Result{}, err
	}
	if c.Head == 0 { // who knows nothing of groups answers one as if it was a user
		group := proto.GroupKey(receiver)
		if g, err := b.group(group); err != nil || g.Version > 0 {
			if err != nil {
				return Result{}, err
			}
			return (&groupMessage{group, r.ref, r.from, r.quota, r.m}).apply(b)
		}
	}
	if r.m.GetMessageType().Revises() {
		return r.revise(b, c)
	}
	carried, refusal, err := b.attach(r.from, r.m.GetMessageType(), r.m.Attachments)
	if err == nil && refusal == nil {
		refusal, err = b.quotable(c, r.m.QuoteSeq)
	}
	if err == nil && refusal == nil {
		refusal, err = b.spend(c, sender, r.quota, protobuf.Size(r.m))
	}
	if err != nil || refusal != nil {
		return Result{Err: refusal}, err
	}
	silent := author.Own == 0
	event := r.m.Event()
	event.Seen = b.seenHere(r.m.Epoch, r.m.SeenSeq)
	entry, err := b.append(c, sender, r.ref, event, func(id uint64, e proto.Event) protobuf.Message { return r.stamp(carried, id, e) })
	if err != nil {
		return Result{}, err
	}
	if err := b.nameAttachments(entry, carried); err != nil {
		return Result{}, err
	}
	b.deliver(sender, proto.BranchMessage, entry.Body)
	b.deliver(receiver, proto.BranchMessage, entry.Body)
	peer, err := b.member(r.key, receiver)
	if err != nil {
		return Result{}, err
	}
	b.changeMember(peer)
	if silent && author.Own > 0 {
		if err := b.meet(sender, receiver); err != nil {
			return Result{}, err
		}
	}
	return Result{Receipt: receiptOf(entry)}, b.seen(c, entry, event.Seen)
}

// stamp is the message as it is stored.
func (r *message) stamp(carried []*proto.Attachment, id uint64, e proto.Event) protobuf.Message {
	return &proto.Message{
		MessageId: &id, SenderId: r.m.SenderId, Content: captionOf(r.m.Content, carried), CreateTime: &e.Time, ReceiverId: r.m.ReceiverId,
		Seq: &e.Seq, SeenSeq: e.Seen, ClientRef: r.ref[:], MessageType: r.m.MessageType, Attachments: carried,
		QuoteSeq: r.m.QuoteSeq, TargetSeq: r.m.TargetSeq,
	}
}

// captionOf is the content of an entry, or what stands for it beside attachments.
func captionOf(content *string, carried []*proto.Attachment) *string {
	if len(carried) == 0 || *content != "" {
		return content
	}
	names := proto.AttachmentNames(carried)
	return &names
}

// repeated returns the receipt of an entry that the sender stored before under
// the same client_ref; the zero Receipt if there is none.
func (b *batch) repeated(sender uint64, ref [proto.RefSize]byte) (Receipt, error) {
	first, err := b.tx.ByRef(sender, ref)
	if err != nil {
		return Receipt{}, err
	}
	if first.Seq != 0 {
		return receiptOf(first), nil
	}
	return Receipt{}, nil
}

func receiptOf(e Entry) Receipt {
	return Receipt{MessageID: e.ID, Seq: e.Seq, CreateTime: e.CreateTime}
}

// append numbers the sender's next entry, folds it into the conversation's
// standing, and stores what stamp makes of it. e.Seq and e.Time are set here.
func (b *batch) append(c *conversation, sender uint64, ref [proto.RefSize]byte, e proto.Event, stamp func(id uint64, e proto.Event) protobuf.Message, mentions ...uint64) (Entry, error) {
	author, err := b.member(c.Key, sender) // who begins here does so with what was settled before
	if err != nil {
		return Entry{}, err
	}
	id := b.service.ids.Next()
	e.Seq, e.Time = c.Head+1, b.time(c)
	if e.Seen != nil {
		seen := min(*e.Seen, c.Head) // nobody has seen what is not there yet
		e.Seen = &seen
	}
	if err := kindOf(c.Key).fold(b, c, author, e); err != nil {
		return Entry{}, err
	}
	body, err := proto.Marshal(stamp(id, e))
	if err != nil {
		return Entry{}, err
	}
	entry := Entry{Key: c.Key, Seq: e.Seq, ID: id, Sender: sender, Ref: ref, Type: e.Type, CreateTime: e.Time, Mentions: mentions, Body: body}
	if err := b.count(c, &entry); err != nil {
		return Entry{}, err
	}
	c.Head, c.Time = e.Seq, e.Time
	if c.Min == 0 {
		c.Min = e.Seq
	}
	c.settle()
	return entry, b.tx.Append(entry)
}

// fold takes an entry into who waits for whom.
func (b *batch) fold(c *conversation, e proto.Event) error {
	return c.Status.Add(c.Key.Kind(), e, func(of proto.Side, after uint64) (uint64, uint64, error) {
		return b.asked(c, of, after)
	})
}

// count keeps the counts that Totals are made of, and notes in e what they are
// with it.
func (b *batch) count(c *conversation, e *Entry) error {
	for _, side := range []proto.Side{proto.First, proto.Second} {
		if c.Key.Counts(e.Type, c.Key.User(side)) {
			c.Counted[side]++
		}
	}
	b.changeConversation(c)
	author, err := b.member(c.Key, e.Sender)
	if err != nil {
		return err
	}
	if c.Key.Counts(e.Type, e.Sender) {
		author.Own++
	}
	b.changeMember(author)
	e.Counted, e.Own = c.Counted, author.Own
	return nil
}

// seen raises the author's watermarks to what was on the screen when Send was
// pressed. The other side is told if that read an entry of theirs; in the
// common case a mark said so before.
func (b *batch) seen(c *conversation, e Entry, seen *uint64) error {
	if seen == nil {
		return nil
	}
	author, err := b.member(e.Key, e.Sender)
	if err != nil {
		return err
	}
	through, before := min(*seen, e.Seq-1), author.Member
	if !author.raise(through, through, e.CreateTime) {
		return nil
	}
	if err := b.recount(c, author); err != nil {
		return err
	}
	return b.show(c, author, before, author.Seen > before.Seen)
}
