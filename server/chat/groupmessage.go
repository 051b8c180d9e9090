package chat

import (
	"slices"

	protobuf "google.golang.org/protobuf/proto"

	"parley/proto"
)

// groupMessage is a proto.Message to a group on its way into the history.
type groupMessage struct {
	key   proto.Key
	ref   [proto.RefSize]byte
	from  Sender
	quota quota
	m     *proto.Message // sender_id and client_ref are stamped
}

// checkMentions checks what can be checked of mentions without the history.
func checkMentions(m *proto.Message) error {
	if len(m.Mentions) > 0 && m.GetGroupId() == 0 {
		return proto.Refuse(proto.PayloadFormatInvalid, "mentions are for groups: name the group in group_id, or leave them out")
	}
	if len(m.Mentions) > proto.MaxMentions {
		return proto.Refuse(proto.PayloadFormatInvalid, "mentions has %d ids, at most %d are allowed: mention everyone, or fewer", len(m.Mentions), proto.MaxMentions).Named("too-many-mentions", proto.MaxMentions)
	}
	slices.Sort(m.Mentions)
	m.Mentions = slices.Compact(m.Mentions)
	return nil
}

func (r *groupMessage) apply(b *batch) (Result, error) {
	sender := r.m.GetSenderId()
	if first, err := b.repeated(sender, r.ref); err != nil || first != (Receipt{}) {
		return Result{Receipt: first}, err
	}
	g, err := b.group(r.key)
	if err != nil {
		return Result{}, err
	}
	author, err := b.member(r.key, sender)
	if err != nil {
		return Result{}, err
	}
	if r.m.GetMessageType().Control() { // it asks nobody
		r.m.Mentions = nil
	}
	if refusal := r.validate(g, author); refusal != nil {
		return Result{Err: refusal}, nil
	}
	c, err := b.conversation(r.key)
	if err != nil {
		return Result{}, err
	}
	user, err := b.tx.User(sender)
	if err != nil {
		return Result{}, err
	}
	carried, refusal, err := b.attach(r.from, r.m.GetMessageType(), r.m.Attachments)
	if err != nil || refusal != nil {
		return Result{Err: refusal}, err
	}
	stamp := func(id uint64, e proto.Event) protobuf.Message { return r.stamp(carried, id, e, user.Name) }
	if r.m.GetMessageType().Revises() {
		r.m.QuoteSeq = nil
		entry, told, refusal, err := b.speak(c, r.m, r.quota, stamp)
		if err != nil || refusal != nil {
			return Result{Err: refusal}, err
		}
		return r.tell(b, c, g, entry, told)
	}
	refusal, err = b.quotable(c, r.m.QuoteSeq)
	if err == nil && refusal == nil {
		refusal, err = b.spend(c, sender, r.quota, protobuf.Size(r.m))
	}
	if err != nil || refusal != nil {
		return Result{Err: refusal}, err
	}
	event := r.m.EventTo(sender)
	event.Seen = b.seenHere(r.m.Epoch, r.m.SeenSeq)
	entry, err := b.append(c, sender, r.ref, event, stamp, r.m.Mentions...)
	if err != nil {
		return Result{}, err
	}
	if err := b.nameAttachments(entry, carried); err != nil {
		return Result{}, err
	}
	return r.tell(b, c, g, entry, entry.Body)
}

// tell tells all members of an entry.
func (r *groupMessage) tell(b *batch, c *conversation, g *group, entry Entry, told []byte) (Result, error) {
	b.revise(c)
	for _, member := range g.present {
		b.deliver(member, proto.BranchMessage, told)
	}
	return Result{Receipt: receiptOf(entry)}, b.seen(c, entry, b.seenHere(r.m.Epoch, r.m.SeenSeq))
}

// stamp is the message as it is stored.
func (r *groupMessage) stamp(carried []*proto.Attachment, id uint64, e proto.Event, name string) protobuf.Message {
	group := r.key.Group()
	return &proto.Message{
		MessageId: &id, SenderId: r.m.SenderId, Content: captionOf(r.m.Content, carried), CreateTime: &e.Time, ReceiverId: &group, GroupId: &group,
		Seq: &e.Seq, SeenSeq: e.Seen, ClientRef: r.ref[:], MessageType: r.m.MessageType, Mentions: r.m.Mentions, SenderName: &name,
		QuoteSeq: r.m.QuoteSeq, TargetSeq: r.m.TargetSeq, Attachments: carried,
	}
}

// validate refuses the messages of those who are not in the group, and mentions of such.
func (r *groupMessage) validate(g *group, author *member) error {
	if author.Role == proto.GroupRole_GROUP_ROLE_NONE {
		return notInGroup()
	}
	for field, seq := range map[string]*uint64{"quote_seq": r.m.QuoteSeq, "target_seq": r.m.TargetSeq} {
		if seq != nil && *seq < author.From {
			return proto.Refuse(proto.PayloadFormatInvalid, "%s is no entry of this conversation that you may read", field).Named("message-gone")
		}
	}
	for _, user := range r.m.Mentions {
		if user == proto.Everyone {
			if author.Role < proto.GroupRole_GROUP_ROLE_ADMIN {
				return proto.Refuse(proto.NotAuthorized, "mentions: only the group's owner and its admins mention everyone").Named("everyone-not-admin")
			}
			continue
		}
		if _, found := slices.BinarySearch(g.present, user); !found {
			return proto.Refuse(proto.ImplementationSpecific, "mentions: user %d is not in the group: leave them out", user).Named("mention-not-in-group")
		}
	}
	return nil
}
