package chat

import (
	"fmt"
	"io"

	"parley/proto"
)

// Request is one change that was checked as far as it can be without the
// history: a message, a mark, a choice or a user's name. Commit applies it, once.
type Request interface {
	// apply makes the change within b's transaction, or refuses it (Result.Err)
	// and changes nothing. An error is the store's, and means that the whole
	// transaction is lost: then apply may be called again, in another one.
	apply(b *batch) (Result, error)
}

// Prepare checks what a user sent on up/message, up/service, up/mark,
// up/settings, up/block or up/choice and makes a Request of it. Errors wrap a *proto.Refusal.
func (s *Service) Prepare(from Sender, b proto.Branch, payload, correlation []byte) (Request, error) {
	if err := anonymous(from); err != nil {
		return nil, err
	}
	switch b {
	case proto.BranchMessage:
		return s.prepareMessage(from, payload, correlation)
	case proto.BranchMark:
		return prepareMark(from, payload)
	case proto.BranchSettings:
		return prepareSettings(from, payload)
	case proto.BranchBlock:
		return prepareBlock(from, payload)
	case proto.BranchChoice:
		return prepareChoice(from, payload)
	case proto.BranchService:
		return s.prepareService(from, payload, correlation)
	}
	return nil, proto.Refuse(proto.TopicNameInvalid, "nothing can be sent on up/%s", printable(b))
}

func (s *Service) prepareMessage(from Sender, payload, correlation []byte) (Request, error) {
	var m proto.Message
	if err := proto.Unmarshal(payload, &m); err != nil {
		return nil, err
	}
	written := len(m.Attachments) == 0
	switch kind := m.GetMessageType(); {
	case kind == proto.MessageType_MESSAGE_TYPE_TEXT:
	case kind == proto.MessageType_MESSAGE_TYPE_NO_REPLY_NEEDED:
		written = false
	case kind.Revises():
		if err := checkRevision(kind, m.TargetSeq, m.Content); err != nil {
			return nil, err
		}
		written = false
	case kind.Carries() && len(m.Attachments) == 0:
		return nil, proto.Refuse(proto.PayloadFormatInvalid, "message_type is %d, and there are no attachments: name some", kind)
	case kind.Carries():
	default:
		return nil, proto.Refuse(proto.PayloadFormatInvalid, "message_type is %d: people send text (0), image (1), file (2), voice (3), no reply needed (22), edit (23), recall (24) and react (25)", kind)
	}
	if err := proto.CheckAttachments(m.GetMessageType(), m.Attachments); err != nil {
		return nil, err
	}
	key, err := addressed(from, &m)
	if err != nil {
		return nil, err
	}
	if err := checkContent(m.GetContent(), written); err != nil {
		return nil, err
	}
	ref, err := s.ref(m.ClientRef, correlation)
	if err != nil {
		return nil, err
	}
	m.SenderId = &from.User
	m.ClientRef = ref[:]
	if key.Kind() == proto.Group {
		return &groupMessage{key: key, ref: ref, from: from, quota: s.quotas.of(from), m: &m}, nil
	}
	return &message{key: key, ref: ref, from: from, quota: s.quotas.of(from), m: &m}, nil
}

// addressed returns the conversation that a message is for, between two users unless it
// names a group, and checks its mentions.
func addressed(from Sender, m *proto.Message) (proto.Key, error) {
	receiver, group := m.GetReceiverId(), m.GetGroupId()
	switch {
	case group != 0 && receiver != 0 && receiver != group:
		return proto.Key{}, proto.Refuse(proto.PayloadFormatInvalid, "receiver_id is another than group_id: name the group in both")
	case group != 0:
		return proto.GroupKey(group), checkMentions(m)
	case receiver == 0:
		return proto.Key{}, proto.Refuse(proto.PayloadFormatInvalid, "receiver_id is 0: name the user to write to")
	case receiver == from.User:
		return proto.Key{}, proto.Refuse(proto.PayloadFormatInvalid, "receiver_id is the sender: name another user to write to")
	}
	return proto.DirectKey(from.User, receiver), checkMentions(m)
}

// checkContent checks what a person wrote, or what a control entry says: that may be nothing.
func checkContent(content string, written bool) error {
	if content == "" && !written {
		return nil
	}
	return proto.CheckContent(content)
}

// ref decides a message's client_ref: the field, else the correlation data,
// else one of its own, which makes a repeat another message.
func (s *Service) ref(field, correlation []byte) (ref [proto.RefSize]byte, err error) {
	switch {
	case field != nil:
		if len(field) != proto.RefSize {
			return ref, proto.Refuse(proto.PayloadFormatInvalid, "client_ref has %d bytes: send %d random ones, or none", len(field), proto.RefSize)
		}
		copy(ref[:], field)
	case len(correlation) == proto.RefSize:
		copy(ref[:], correlation)
	default:
		if _, err := io.ReadFull(s.random, ref[:]); err != nil {
			return ref, fmt.Errorf("%w: make a client_ref: %w", proto.Refuse(proto.UnspecifiedError, "not stored: try again").Named("try-again"), err)
		}
	}
	return ref, nil
}

// participant parses the key that a payload names and refuses users that are
// no side of that conversation, whether it exists or not, as far as that can be said
// without the history.
func participant(from Sender, text string) (proto.Key, error) {
	key, err := proto.ParseKey(text)
	switch {
	case err != nil:
		return key, err
	case !mayBeOf(from, key):
		return key, notParticipant()
	}
	return key, nil
}

func notParticipant() error {
	return proto.Refuse(proto.NotAuthorized, "key: you are no participant of this conversation").Named("not-yours")
}

// printable keeps a strange branch from filling a refusal.
func printable(b proto.Branch) string { return fmt.Sprintf("%.16q", string(b)) }
