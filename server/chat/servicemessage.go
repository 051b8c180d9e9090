package chat

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"

	protobuf "google.golang.org/protobuf/proto"

	"parley/proto"
)

// serviceMessage is a proto.ServiceMessage on its way into the history.
type serviceMessage struct {
	key    proto.Key
	ref    [proto.RefSize]byte
	author uint64
	from   Sender
	agent  bool
	quota  quota
	m      *proto.ServiceMessage // what the author wrote; the rest is stamped
}

func (s *Service) prepareService(from Sender, payload, correlation []byte) (Request, error) {
	m := new(proto.ServiceMessage)
	if err := proto.Unmarshal(payload, m); err != nil {
		return nil, err
	}
	if err := checkService(from, m); err != nil {
		return nil, err
	}
	ref, err := s.ref(m.ClientRef, correlation)
	if err != nil {
		return nil, err
	}
	m.Direction, m.AgentId = proto.ServiceMessageDirection_CUSTOMER_TO_SERVICE.Enum(), nil
	agent := m.GetUserId() != from.User
	if agent {
		m.Direction, m.AgentId = proto.ServiceMessageDirection_SERVICE_TO_CUSTOMER.Enum(), &from.User
	}
	if m.GetMessageType() != proto.MessageType_MESSAGE_TYPE_HAND_OVER {
		m.TargetAgentId = nil
	}
	if m.GetMessageType() != proto.MessageType_MESSAGE_TYPE_MOVE {
		m.OtherService = nil
	}
	key := proto.ServiceKey(m.GetUserId(), m.GetServiceType())
	return &serviceMessage{key: key, ref: ref, author: from.User, from: from, agent: agent, quota: s.quotas.of(from), m: m}, nil
}

// checkService checks what can be checked without the history: whether the
// user may write as what they claim to be, and what.
func checkService(from Sender, m *proto.ServiceMessage) error {
	kind := m.GetMessageType()
	customer := m.GetUserId() == from.User
	switch {
	case m.GetUserId() == 0:
		return proto.Refuse(proto.PayloadFormatInvalid, "user_id is 0: name the customer, who is yourself unless you answer for the service")
	case !customer && !slices.Contains(from.Services, m.GetServiceType()):
		return proto.Refuse(proto.NotAuthorized, "user_id is another user's, and you do not answer for service %d: write as yourself", m.GetServiceType()).Named("not-agent")
	case customer && kind.Control() && !kind.Revises():
		return proto.Refuse(proto.NotAuthorized, "message_type is %d, a control entry: only agents of the service write these", kind).Named("not-agent")
	case kind == proto.MessageType_MESSAGE_TYPE_MOVED_HERE:
		return proto.Refuse(proto.PayloadFormatInvalid, "message_type is 4, which the server writes: send a move, 26, where it comes from")
	case kind == proto.MessageType_MESSAGE_TYPE_MOVE && (m.OtherService == nil || m.GetOtherService() == m.GetServiceType()):
		return proto.Refuse(proto.PayloadFormatInvalid, "other_service is missing, or the service itself: name the one to move to")
	case kind == proto.MessageType_MESSAGE_TYPE_HAND_OVER && m.GetTargetAgentId() == 0:
		return proto.Refuse(proto.PayloadFormatInvalid, "target_agent_id is 0: name the agent to hand over to")
	}
	if kind.Revises() {
		return checkRevision(kind, m.TargetSeq, m.Content)
	}
	if kind == proto.MessageType_MESSAGE_TYPE_RECALLED {
		return errRecalledSent
	}
	written := !kind.Control() && len(m.Attachments) == 0 || kind == proto.MessageType_MESSAGE_TYPE_NOTE
	if err := checkContent(m.GetContent(), written); err != nil {
		return err
	}
	if err := proto.CheckAttachments(kind, m.Attachments); err != nil {
		return err
	}
	return checkExtend(m.Extend)
}

// checkExtend bounds what is passed through untouched.
func checkExtend(extend *string) error {
	switch {
	case extend == nil || *extend == "":
		return nil
	case len(*extend) > proto.MaxExtend:
		return proto.Refuse(proto.PacketTooLarge, "extend has %d bytes, at most %d are allowed: keep less in it", len(*extend), proto.MaxExtend)
	case !json.Valid([]byte(*extend)) || !strings.HasPrefix(strings.TrimLeft(*extend, " \t\r\n"), "{"):
		return proto.Refuse(proto.PayloadFormatInvalid, "extend is not a JSON object")
	}
	return nil
}

func (r *serviceMessage) apply(b *batch) (Result, error) {
	if first, err := b.repeated(r.author, r.ref); err != nil || first != (Receipt{}) {
		return Result{Receipt: first}, err
	}
	c, err := b.conversation(r.key)
	if err != nil {
		return Result{}, err
	}
	if refusal, err := r.validate(b, c); err != nil || refusal != nil {
		return Result{Err: refusal}, err
	}
	if r.m.GetMessageType().Revises() {
		return r.revise(b, c)
	}
	carried, refusal, err := b.attach(r.from, r.m.GetMessageType(), r.m.Attachments)
	if err == nil && refusal == nil {
		refusal, err = b.quotable(c, r.m.QuoteSeq)
	}
	if err != nil || refusal != nil {
		return Result{Err: refusal}, err
	}
	if refusal, err := b.spend(c, r.author, r.quota, protobuf.Size(r.m)); err != nil || refusal != nil {
		return Result{Err: refusal}, err
	}
	customer, err := b.member(r.key, r.key.Customer())
	if err != nil {
		return Result{}, err
	}
	if customer.Own == 0 && !r.agent {
		if err := b.become(r.author, r.key.Service()); err != nil {
			return Result{}, err
		}
	}
	event := r.m.Event()
	event.Seen = b.seenHere(r.m.Epoch, r.m.SeenSeq)
	waits := c.Status.Sides[proto.First].Since // until the entry answers
	entry, err := b.append(c, r.author, r.ref, event, func(id uint64, e proto.Event) protobuf.Message { return r.stamp(c, carried, id, e) })
	if err != nil {
		return Result{}, err
	}
	if err := b.nameAttachments(entry, carried); err != nil {
		return Result{}, err
	}
	b.revise(c)
	b.changeMember(customer)
	if err := b.deliverService(r.key, entry); err != nil {
		return Result{}, err
	}
	if event.Type == proto.MessageType_MESSAGE_TYPE_MOVE {
		if err := r.arrive(b, c, cmp.Or(waits, entry.CreateTime)); err != nil {
			return Result{}, err
		}
	}
	return Result{Receipt: receiptOf(entry)}, b.seen(c, entry, event.Seen)
}

// become notes that a user wrote to a service.
func (b *batch) become(customer uint64, of proto.ServiceType) error {
	u, err := b.tx.User(customer)
	if err != nil || u.ID == 0 || u.Customer.Has(of) {
		return err
	}
	u.Customer |= ServicesOf([]proto.ServiceType{of})
	return b.tx.PutUser(u)
}

// stamp is the entry as it is stored, and as agents see it. c's standing is
// that after it.
func (r *serviceMessage) stamp(c *conversation, carried []*proto.Attachment, id uint64, e proto.Event) protobuf.Message {
	m := &proto.ServiceMessage{
		MessageId: &id, UserId: r.m.UserId, ServiceType: r.m.ServiceType, MessageType: r.m.MessageType, Content: captionOf(r.m.Content, carried), Attachments: carried,
		CreateDate: &e.Time, Direction: r.m.Direction, AgentId: r.m.AgentId, PostProc: &c.Status.PostProc, Extend: r.m.Extend,
		Seq: &e.Seq, SeenSeq: e.Seen, ClientRef: r.ref[:], TargetAgentId: r.m.TargetAgentId, OtherService: r.m.OtherService,
		QuoteSeq: r.m.QuoteSeq, TargetSeq: r.m.TargetSeq,
	}
	if e.Asks(proto.Service) {
		m.ToReply = protobuf.Uint32(1)
	}
	return m
}

// validate refuses what is written to a service that there is not, and an agent's
// entry that does not fit what others did meanwhile.
func (r *serviceMessage) validate(b *batch, c *conversation) (refusal, err error) {
	now := &c.Status
	kind := r.m.GetMessageType()
	switch {
	case !b.service.services.Has(r.key.Service()):
		return proto.Refuse(proto.NotAuthorized, "service_type is %d, which takes no messages: write to another service", r.key.Service()).Named("no-such-service"), nil
	case !r.agent, kind.Revises():
		return nil, nil
	case kind.Control() && c.Head == 0:
		return refuseEntry("nothing-said", "nothing was said in this conversation yet: write to the customer first"), nil
	case !kind.Control():
		return r.crossed(b, c)
	case now.PostProc == proto.Moved && kind != proto.MessageType_MESSAGE_TYPE_NOTE && kind != proto.MessageType_MESSAGE_TYPE_REOPEN:
		return errMoved, nil
	}
	switch kind {
	case proto.MessageType_MESSAGE_TYPE_MOVE:
		if !b.service.services.Has(r.m.GetOtherService()) {
			return refuseEntry("no-such-service", "other_service takes no messages: move to another service"), nil
		}
		if refusal, err := r.validateAssignment(b, c); refusal != nil || err != nil {
			return refusal, err
		}
		return r.crossed(b, c)
	case proto.MessageType_MESSAGE_TYPE_CLAIM, proto.MessageType_MESSAGE_TYPE_HAND_OVER:
		return r.validateAssignment(b, c)
	case proto.MessageType_MESSAGE_TYPE_RELEASE:
		if now.Assignee != r.author {
			return refuseEntry("not-claimed", "you have not claimed this conversation: there is nothing to release"), nil
		}
	}
	return nil, nil
}

// validateAssignment refuses a claim or a hand-over: who has the conversation keeps it,
// as long as they answer for the service.
func (r *serviceMessage) validateAssignment(b *batch, c *conversation) (refusal, err error) {
	agents, err := b.agents(r.key.Service())
	if err != nil {
		return nil, err
	}
	holder := c.Status.Assignee
	if holder != 0 && holder != r.author && slices.Contains(agents, holder) {
		return refuseEntry("already-claimed", "another agent has claimed this conversation: ask them to release it or hand it over"), nil
	}
	if takes := r.m.TargetAgentId == nil || *r.m.TargetAgentId == r.author; takes {
		author, err := b.tx.User(r.author)
		if err != nil {
			return nil, err
		}
		if author.Away {
			return refuseEntry("away", "you are away, and given no further conversations: come back first"), nil
		}
	}
	if target := r.m.TargetAgentId; target != nil && !slices.Contains(agents, *target) {
		return proto.Refuse(proto.PayloadFormatInvalid, "target_agent_id is no agent of this service: hand over to one who is").Named("no-such-agent"), nil
	}
	return nil, nil
}

func refuseEntry(code, text string) error {
	return proto.Refuse(proto.ImplementationSpecific, "%s", text).Named(code)
}

// deliverService sends a stored entry to the customer and to every agent of the service.
func (b *batch) deliverService(key proto.Key, e Entry) error {
	agents, err := b.agents(key.Service())
	if err != nil {
		return err
	}
	m := new(proto.ServiceMessage)
	if err := decode(e, m); err != nil {
		return err
	}
	copied, err := proto.Marshal(forCustomer(m))
	if err != nil {
		return err
	}
	b.deliver(key.Customer(), proto.BranchService, copied)
	for _, agent := range without(agents, key.Customer()) {
		b.deliver(agent, proto.BranchService, e.Body)
	}
	return nil
}

// forCustomer is what the customer gets of an entry. They see one voice: not
// which agent wrote. Of control entries they get the place in the log, so that
// seq stays dense, and what the answered rule needs, but nothing that was said,
// unless it speaks of an entry that they see. m must not be changed while the copy is used.
func forCustomer(m *proto.ServiceMessage) *proto.ServiceMessage {
	kind := m.GetMessageType()
	moved := kind == proto.MessageType_MESSAGE_TYPE_MOVED_HERE
	reactions := voices(m)
	if m.GetDirection() == proto.ServiceMessageDirection_CUSTOMER_TO_SERVICE && !moved && len(reactions) == 0 {
		return m
	}
	c := &proto.ServiceMessage{
		OtherService: m.OtherService, WaitingSince: m.WaitingSince, ToReply: m.ToReply, Attachments: m.Attachments,
		MessageId: m.MessageId, UserId: m.UserId, ServiceType: m.ServiceType, MessageType: m.MessageType, Content: m.Content,
		CreateDate: m.CreateDate, Direction: m.Direction, PostProc: m.PostProc, Extend: m.Extend, Seq: m.Seq, SeenSeq: m.SeenSeq,
		QuoteSeq: m.QuoteSeq, TargetSeq: m.TargetSeq, RevisedSeq: m.RevisedSeq, RevisedTime: m.RevisedTime, Reactions: reactions,
	}
	if m.GetDirection() == proto.ServiceMessageDirection_CUSTOMER_TO_SERVICE && !moved {
		c.ClientRef = m.ClientRef
	}
	if kind.Control() && !kind.Revises() || moved {
		c.Content, c.Extend = new(string), nil
	}
	return c
}
