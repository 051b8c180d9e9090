package proto

import (
	"slices"

	"google.golang.org/protobuf/proto"
)

// MaxReactions is how many different emoji one message can have.
const MaxReactions = 20

// Revises reports whether entries of this type speak of an earlier one, their target,
// and change it.
func (t MessageType) Revises() bool {
	switch t {
	case MessageType_MESSAGE_TYPE_EDIT, MessageType_MESSAGE_TYPE_RECALL, MessageType_MESSAGE_TYPE_REACT:
		return true
	}
	return false
}

// Written reports whether entries of this type are what a person wrote to the other
// side, and not what the server or a control entry says: that can be quoted, taken back
// and reacted to. Text alone can be edited.
func (t MessageType) Written() bool {
	return !t.Control() && t != MessageType_MESSAGE_TYPE_MOVED_HERE
}

// Revise applies an entry that speaks of m, as it was sent, and reports whether that changed
// m. What m knows of already changes nothing, nor does what comes after a recall. It is right
// only for a copy of m that knows all entries that spoke of it before: their order is that of
// the log.
func (m *Message) Revise(by *Message) bool {
	if by.GetTargetSeq() != m.GetSeq() || by.GetSeq() <= m.GetRevisedSeq() || !m.GetMessageType().Written() {
		return false
	}
	switch by.GetMessageType() {
	case MessageType_MESSAGE_TYPE_EDIT:
		m.Content, m.RevisedTime = proto.String(by.GetContent()), by.CreateTime
	case MessageType_MESSAGE_TYPE_RECALL:
		m.recall(by.CreateTime)
	case MessageType_MESSAGE_TYPE_REACT:
		who := by.GetSenderId()
		m.Reactions = react(m.Reactions, who, by.GetContent(), func(other uint64) bool { return other == who })
	default:
		return false
	}
	m.RevisedSeq = by.Seq
	return true
}

// recall leaves of m that there was one. What is not named here goes, whatever it is.
func (m *Message) recall(time *uint64) {
	left := &Message{
		MessageId: m.MessageId, SenderId: m.SenderId, Content: new(string), CreateTime: m.CreateTime, ReceiverId: m.ReceiverId, GroupId: m.GroupId, SenderName: m.SenderName,
		Seq: m.Seq, SeenSeq: m.SeenSeq, ClientRef: m.ClientRef, MessageType: MessageType_MESSAGE_TYPE_RECALLED.Enum(), RevisedTime: time,
	}
	proto.Reset(m)
	proto.Merge(m, left)
}

// Revise is Message.Revise in a service conversation. Copies of customers, who are not told
// which agent did what, come out as the server makes them for customers. What a move took along
// is edited by the server when that is: then content is its extend.
func (m *ServiceMessage) Revise(by *ServiceMessage) bool {
	excerpt := m.GetMessageType() == MessageType_MESSAGE_TYPE_MOVED_HERE && by.GetMessageType() == MessageType_MESSAGE_TYPE_EDIT
	if by.GetTargetSeq() != m.GetSeq() || by.GetSeq() <= m.GetRevisedSeq() || !m.GetMessageType().Written() && !excerpt {
		return false
	}
	if excerpt {
		if m.Extend, m.RevisedSeq = by.Content, by.Seq; by.GetContent() == "" {
			m.Extend = nil // as customers get it
		}
		return true
	}
	customer := by.GetDirection() == ServiceMessageDirection_CUSTOMER_TO_SERVICE
	switch by.GetMessageType() {
	case MessageType_MESSAGE_TYPE_EDIT:
		m.Content, m.RevisedTime = proto.String(by.GetContent()), by.CreateDate
	case MessageType_MESSAGE_TYPE_RECALL:
		m.recall(by.CreateDate, by.GetAgentId())
	case MessageType_MESSAGE_TYPE_REACT:
		who := by.GetAgentId()
		if customer {
			who = m.GetUserId()
		}
		m.Reactions = react(m.Reactions, who, by.GetContent(), func(other uint64) bool { return (other == m.GetUserId()) == customer })
	default:
		return false
	}
	m.RevisedSeq = by.Seq
	return true
}

// recall is Message.recall, by an agent or, with 0, somebody of whom that is not told.
func (m *ServiceMessage) recall(time *uint64, agent uint64) {
	left := &ServiceMessage{
		MessageId: m.MessageId, UserId: m.UserId, ServiceType: m.ServiceType, MessageType: MessageType_MESSAGE_TYPE_RECALLED.Enum(), Content: new(string),
		CreateDate: m.CreateDate, Direction: m.Direction, AgentId: m.AgentId, PostProc: m.PostProc,
		Seq: m.Seq, SeenSeq: m.SeenSeq, ClientRef: m.ClientRef, RevisedTime: time,
	}
	if agent != m.GetAgentId() {
		left.RecalledBy = &agent
	}
	proto.Reset(m)
	proto.Merge(m, left)
}

// react puts one reaction in the place of that of the same voice, or takes it away. The
// list is a new one.
func react(all []*Reaction, who uint64, content string, same func(user uint64) bool) []*Reaction {
	i := slices.IndexFunc(all, func(r *Reaction) bool { return same(r.GetUserId()) })
	one := &Reaction{UserId: &who, Content: &content}
	switch {
	case i < 0 && content == "":
		return all
	case i < 0:
		return append(slices.Clip(all), one)
	case content == "":
		return slices.Concat(all[:i], all[i+1:])
	}
	return slices.Concat(all[:i], []*Reaction{one}, all[i+1:])
}

// Emoji returns the different ones among reactions, in their order.
func Emoji(reactions []*Reaction) (all []string) {
	for _, r := range reactions {
		if !slices.Contains(all, r.GetContent()) {
			all = append(all, r.GetContent())
		}
	}
	return all
}
