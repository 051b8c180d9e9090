package chat

import (
	"slices"
	"time"

	protobuf "google.golang.org/protobuf/proto"

	"parley/proto"
)

const (
	// DefaultEditWindow is Config.EditWindow unless that says otherwise.
	DefaultEditWindow = 24 * time.Hour
	// maxReplies bounds the entries among which it is looked for what answers in the place
	// of an answer that was taken back. Those before it answer nothing more.
	maxReplies = 1000
	// repliesAtOnce is how many of them are read together.
	repliesAtOnce = 50
)

var errRecalledSent = proto.Refuse(proto.PayloadFormatInvalid, "message_type is 27, which the server writes: send a recall, 24")

// checkRevision checks what can be checked without the history of an entry that speaks of
// another. *content is set to what it says.
func checkRevision(kind proto.MessageType, target *uint64, content *string) error {
	if target == nil || *target == 0 {
		return proto.Refuse(proto.PayloadFormatInvalid, "target_seq is missing: name the entry that it speaks of")
	}
	switch kind {
	case proto.MessageType_MESSAGE_TYPE_EDIT:
		return proto.CheckContent(*content)
	case proto.MessageType_MESSAGE_TYPE_RECALL:
		*content = "" // it says nothing
	case proto.MessageType_MESSAGE_TYPE_REACT:
		if *content != "" && !proto.IsEmoji(*content) {
			return proto.Refuse(proto.PayloadFormatInvalid, "content is not one emoji: send one, or nothing to take it back").Named("not-an-emoji")
		}
	}
	return nil
}

// quotable refuses a quote of what the author cannot see, or nobody wrote. What was taken
// back can be quoted: it may have been when Send was pressed.
func (b *batch) quotable(c *conversation, seq *uint64) (refusal, err error) {
	if seq == nil {
		return nil, nil
	}
	e, err := b.entryAt(c, *seq)
	if err != nil {
		return nil, err
	}
	if e.Seq == 0 || !e.Type.Written() && e.Type != proto.MessageType_MESSAGE_TYPE_RECALLED {
		return proto.Refuse(proto.PayloadFormatInvalid, "quote_seq is no message of this conversation that is still there: send without the quote").Named("quote-gone"), nil
	}
	return nil, nil
}

// entryAt returns one entry of c, the zero Entry if it is not there.
func (b *batch) entryAt(c *conversation, seq uint64) (Entry, error) {
	if seq == 0 || seq < c.Min || seq > c.Head {
		return Entry{}, nil
	}
	entries, err := b.tx.Entries(c.Key, seq-1, seq+1, 1, false)
	if err != nil || len(entries) == 0 {
		return Entry{}, err
	}
	return entries[0], nil
}

// target returns the entry that another one of kind, by author, speaks of; or why it must
// not. agent says that the author answers for the service.
func (b *batch) target(c *conversation, author uint64, agent bool, kind proto.MessageType, seq uint64) (target Entry, refusal, err error) {
	if target, err = b.entryAt(c, seq); err != nil {
		return target, nil, err
	}
	edit, recall := kind == proto.MessageType_MESSAGE_TYPE_EDIT, kind == proto.MessageType_MESSAGE_TYPE_RECALL
	window := b.service.editWindow
	switch {
	case target.Seq == 0:
		return target, proto.Refuse(proto.PayloadFormatInvalid, "target_seq is no entry of this conversation, or it was deleted").Named("message-gone"), nil
	case target.Type == proto.MessageType_MESSAGE_TYPE_RECALLED:
		return target, refuseEntry("message-recalled", "target_seq is a message that was taken back: nothing of it is left"), nil
	case !target.Type.Written() || edit && target.Type != proto.MessageType_MESSAGE_TYPE_TEXT:
		return target, proto.Refuse(proto.PayloadFormatInvalid, "target_seq is not an entry of which this can be said").Named("not-a-message"), nil
	case !edit && !recall:
		return target, nil, nil
	case target.Sender != author && (edit || !agent || target.Sender == c.Key.Customer()):
		return target, proto.Refuse(proto.NotAuthorized, "target_seq is another's message: only who wrote it can change it").Named("not-your-message"), nil
	case window < 0:
		return target, refuseEntry("editing-off", "messages cannot be edited or taken back here"), nil
	case b.now > target.CreateTime+uint64(window.Milliseconds()):
		return target, proto.Refuse(proto.ImplementationSpecific, "target_seq was sent too long ago: it could be changed for %s", proto.InWords(window)).Named("too-late-to-change", window), nil
	}
	return target, nil, nil
}

// speak stores a message that speaks of an earlier one, and changes that. It returns the
// entry, and as what everybody is told of it; or why it must not.
func (b *batch) speak(c *conversation, by *proto.Message, q quota, stamp func(id uint64, e proto.Event) protobuf.Message) (entry Entry, told []byte, refusal, err error) {
	sender, kind := by.GetSenderId(), by.GetMessageType()
	target, refusal, err := b.target(c, sender, false, kind, by.GetTargetSeq())
	if err != nil || refusal != nil {
		return entry, nil, refusal, err
	}
	m := new(proto.Message)
	if err := decode(target, m); err != nil {
		return entry, nil, nil, err
	}
	was := m.EventTo(m.GetSenderId())
	if refusal := fullOf(kind, m.Reactions, by.GetContent()); refusal != nil {
		return entry, nil, refusal, nil
	}
	if refusal, err := b.spend(c, sender, q, protobuf.Size(by)); err != nil || refusal != nil {
		return entry, nil, refusal, err
	}
	event := by.EventTo(sender)
	event.Seen = b.seenHere(by.Epoch, by.SeenSeq)
	var whole *proto.Message // kept without what it says
	entry, err = b.append(c, sender, [proto.RefSize]byte(by.ClientRef), event, func(id uint64, e proto.Event) protobuf.Message {
		whole = stamp(id, e).(*proto.Message)
		return bare(whole)
	})
	if err != nil {
		return entry, nil, nil, err
	}
	m.Revise(whole)
	if err := b.putRevised(c, target, entry.Seq, m.GetMessageType(), m, was); err != nil {
		return entry, nil, nil, err
	}
	told, err = proto.Marshal(whole)
	return entry, told, nil, err
}

// revise is speak between two users.
func (r *message) revise(b *batch, c *conversation) (Result, error) {
	r.m.QuoteSeq = nil
	entry, told, refusal, err := b.speak(c, r.m, r.quota, func(id uint64, e proto.Event) protobuf.Message { return r.stamp(nil, id, e) })
	if err != nil || refusal != nil {
		return Result{Err: refusal}, err
	}
	for _, user := range []uint64{r.m.GetSenderId(), r.m.GetReceiverId()} {
		b.deliver(user, proto.BranchMessage, told)
		member, err := b.member(r.key, user)
		if err != nil {
			return Result{}, err
		}
		b.changeMember(member)
	}
	return Result{Receipt: receiptOf(entry)}, b.seen(c, entry, b.seenHere(r.m.Epoch, r.m.SeenSeq))
}

// revise stores an entry that speaks of an earlier one, and changes that.
func (r *serviceMessage) revise(b *batch, c *conversation) (Result, error) {
	kind := r.m.GetMessageType()
	r.m.QuoteSeq, r.m.Extend = nil, nil
	target, refusal, err := b.target(c, r.author, r.agent, kind, r.m.GetTargetSeq())
	if err != nil || refusal != nil {
		return Result{Err: refusal}, err
	}
	m := new(proto.ServiceMessage)
	if err := decode(target, m); err != nil {
		return Result{}, err
	}
	was := m.Event()
	if refusal := fullOf(kind, m.Reactions, r.m.GetContent()); refusal != nil {
		return Result{Err: refusal}, nil
	}
	if refusal, err := b.spend(c, r.author, r.quota, protobuf.Size(r.m)); err != nil || refusal != nil {
		return Result{Err: refusal}, err
	}
	event := r.m.Event()
	event.Seen = b.seenHere(r.m.Epoch, r.m.SeenSeq)
	var told *proto.ServiceMessage
	entry, err := b.append(c, r.author, r.ref, event, func(id uint64, e proto.Event) protobuf.Message {
		told = r.stamp(c, nil, id, e).(*proto.ServiceMessage)
		return bareService(told)
	})
	if err != nil {
		return Result{}, err
	}
	m.Revise(told)
	if err := b.putRevised(c, target, entry.Seq, m.GetMessageType(), m, was); err != nil {
		return Result{}, err
	}
	if kind != proto.MessageType_MESSAGE_TYPE_REACT {
		if err := r.reviseExcerpts(b, target.Seq); err != nil {
			return Result{}, err
		}
	}
	b.revise(c)
	customer, err := b.member(r.key, r.key.Customer())
	if err != nil {
		return Result{}, err
	}
	b.changeMember(customer)
	delivered := entry
	if delivered.Body, err = proto.Marshal(told); err != nil {
		return Result{}, err
	}
	if err := b.deliverService(r.key, delivered); err != nil {
		return Result{}, err
	}
	return Result{Receipt: receiptOf(entry)}, b.seen(c, entry, event.Seen)
}

// bare is a message that speaks of another as it is kept: what it says is in its target
// alone, so that taking that back leaves nothing, nor does an edit of what it replaced.
func bare(m *proto.Message) *proto.Message {
	kept := protobuf.Clone(m).(*proto.Message)
	kept.Content = new(string)
	return kept
}

func bareService(m *proto.ServiceMessage) *proto.ServiceMessage {
	kept := protobuf.Clone(m).(*proto.ServiceMessage)
	kept.Content = new(string)
	return kept
}

// fullOf refuses one different emoji more than a message can have.
func fullOf(kind proto.MessageType, reactions []*proto.Reaction, content string) error {
	all := proto.Emoji(reactions)
	if kind != proto.MessageType_MESSAGE_TYPE_REACT || content == "" || len(all) < proto.MaxReactions || slices.Contains(all, content) {
		return nil
	}
	return proto.Refuse(proto.ImplementationSpecific, "the message has %d different emoji already, which is the most: choose one of them", proto.MaxReactions).Named("too-many-reactions", proto.MaxReactions)
}

// putRevised stores the target of the entry at by, whose seq is the newest, as it is now.
// was is what the rules knew of it.
func (b *batch) putRevised(c *conversation, target Entry, by uint64, kind proto.MessageType, m protobuf.Message, was proto.Event) (err error) {
	if target.Body, err = proto.Marshal(m); err != nil {
		return err
	}
	target.Type, target.Revised, c.Revised = kind, by, by
	b.changeConversation(c)
	if err := b.tx.Revise(target); err != nil || kind != proto.MessageType_MESSAGE_TYPE_RECALLED {
		return err
	}
	return b.recalled(c, target, was)
}

// recalled lets c say nothing any more of an entry that was taken back: it asks and answers
// nothing, and is unread to nobody.
func (b *batch) recalled(c *conversation, target Entry, was proto.Event) error {
	c.Recalled = max(c.Recalled, target.Seq)
	if err := b.unnameAttachments(c.Key, target.Seq, target.Seq); err != nil {
		return err
	}
	if err := kindOf(c.Key).recall(b, c, target, was); err != nil {
		return err
	}
	users, err := b.membersOf(c)
	if err != nil {
		return err
	}
	for _, user := range without(users, target.Sender) {
		m, err := b.member(c.Key, user)
		if err != nil {
			return err
		}
		reads := kindOf(c.Key).access(m.Member)
		switch {
		case !reads.has(target.Seq): // it is nothing to them
		case reads.through != 0: // who is in a group no more, and told of nothing else
			b.changeMember(m)
		case m.Read < target.Seq:
			if err := b.recount(c, m); err != nil {
				return err
			}
			b.changeMember(m)
		}
	}
	return nil
}

// recall takes back what an entry of one of two sides asked and answered.
func (b *batch) recall(c *conversation, was proto.Event) error {
	next := func(of proto.Side, after uint64) (uint64, uint64, error) {
		if of == proto.Second && c.Key.Kind() == proto.Service {
			return 0, 0, nil // a service asks nothing
		}
		return b.asked(c, of, after)
	}
	left := func(of proto.Side) (proto.Replies, error) { return b.replies(c, of, 0) }
	if err := c.Status.Recall(c.Key.Kind(), was, next, left); err != nil {
		return err
	}
	return b.resettle(c)
}

// membersOf returns the users who have a Member in c, rising, those of this batch included.
func (b *batch) membersOf(c *conversation) (users []uint64, err error) {
	stored, err := b.tx.Members(c.Key)
	for _, m := range stored {
		users = append(users, m.User)
	}
	for k := range b.members {
		if k.key == c.Key {
			users = append(users, k.user)
		}
	}
	slices.Sort(users)
	return slices.Compact(users), err
}

// resettle counts afresh what is past to a service's agents who come.
func (b *batch) resettle(c *conversation) error {
	first := c.Status.Sides[proto.First].Seq
	if c.Key.Kind() != proto.Service || first == 0 {
		c.settle()
		return nil
	}
	e, err := b.entryAt(c, first)
	if err != nil {
		return err
	}
	return b.unsettle(c, e)
}

// replies returns what the entries of a side answer, in a group as a user looks at it.
func (b *batch) replies(c *conversation, of proto.Side, user uint64) (all proto.Replies, err error) {
	for before, seen := uint64(0), 0; seen < maxReplies; seen += repliesAtOnce {
		entries, err := b.tx.Entries(c.Key, 0, before, repliesAtOnce, true)
		if err != nil {
			return all, err
		}
		for _, e := range slices.Backward(entries) {
			event, err := eventOf(e, user)
			if err != nil || all.Add(c.Key.Kind(), of, event) {
				return all, err
			}
			before = e.Seq
		}
		if len(entries) < repliesAtOnce {
			break
		}
	}
	return all, nil
}

// eventOf returns what the rules need of a stored entry, in a group as a user looks at it.
func eventOf(e Entry, user uint64) (proto.Event, error) {
	if e.Key.Kind() == proto.Service {
		m := new(proto.ServiceMessage)
		err := decode(e, m)
		return m.Event(), err
	}
	m := new(proto.Message)
	err := decode(e, m)
	return m.EventTo(user), err
}

// voices are the reactions to a service's message as its customer sees them: the service
// has one voice.
func voices(m *proto.ServiceMessage) []*proto.Reaction {
	if len(m.Reactions) == 0 {
		return nil
	}
	all := make([]*proto.Reaction, len(m.Reactions))
	for i, r := range m.Reactions {
		who := r.GetUserId()
		if who != m.GetUserId() {
			who = 0
		}
		all[i] = &proto.Reaction{UserId: &who, Content: r.Content}
	}
	return all
}
