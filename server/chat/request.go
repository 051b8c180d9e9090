package chat

import (
	"fmt"
	"io"

	"parley/proto"
)

// Request is one change that was checked as far as it can be without the
// history: a message, a mark or a user's name. Commit applies it, once.
type Request interface {
	// apply makes the change within b's transaction. An error is the store's,
	// and means that the whole transaction is lost.
	apply(b *batch) (Receipt, error)
}

// Prepare checks what a user sent on up/message, up/service or up/mark and
// makes a Request of it. Errors wrap a *proto.Refusal.
func (s *Service) Prepare(from Sender, b proto.Branch, payload, correlation []byte) (Request, error) {
	if err := anonymous(from); err != nil {
		return nil, err
	}
	switch b {
	case proto.BranchMessage:
		return s.prepareMessage(from, payload, correlation)
	case proto.BranchMark:
		return prepareMark(from, payload)
	case proto.BranchService:
		return nil, serviceOff()
	}
	return nil, proto.Refuse(proto.TopicNameInvalid, "nothing can be sent on up/%s", printable(b))
}

func (s *Service) prepareMessage(from Sender, payload, correlation []byte) (Request, error) {
	var m proto.Message
	if err := proto.Unmarshal(payload, &m); err != nil {
		return nil, err
	}
	switch receiver, size := m.GetReceiverId(), len(m.GetContent()); {
	case receiver == 0:
		return nil, proto.Refuse(proto.PayloadFormatInvalid, "receiver_id is 0: name the user to write to")
	case receiver == from.User:
		return nil, proto.Refuse(proto.PayloadFormatInvalid, "receiver_id is the sender: name another user to write to")
	case size == 0:
		return nil, proto.Refuse(proto.PayloadFormatInvalid, "content is empty: write something")
	case size > proto.MaxContent:
		return nil, proto.Refuse(proto.PacketTooLarge, "content has %d bytes, at most %d are allowed: split the message", size, proto.MaxContent)
	}
	ref, err := s.ref(&m, correlation)
	if err != nil {
		return nil, err
	}
	m.SenderId = &from.User
	m.ClientRef = ref[:]
	return &message{key: proto.DirectKey(from.User, m.GetReceiverId()), ref: ref, m: &m}, nil
}

// ref decides a message's client_ref: the field, else the correlation data,
// else one of its own, which makes a repeat another message.
func (s *Service) ref(m *proto.Message, correlation []byte) (ref [proto.RefSize]byte, err error) {
	switch {
	case m.ClientRef != nil:
		if len(m.ClientRef) != proto.RefSize {
			return ref, proto.Refuse(proto.PayloadFormatInvalid, "client_ref has %d bytes: send %d random ones, or none", len(m.ClientRef), proto.RefSize)
		}
		copy(ref[:], m.ClientRef)
	case len(correlation) == proto.RefSize:
		copy(ref[:], correlation)
	default:
		if _, err := io.ReadFull(s.random, ref[:]); err != nil {
			return ref, fmt.Errorf("%w: make a client_ref: %w", proto.Refuse(proto.UnspecifiedError, "not stored: try again"), err)
		}
	}
	return ref, nil
}

// participant parses the key that a payload names and refuses users that are
// no side of that conversation, whether it exists or not.
func participant(from Sender, text string) (proto.Key, error) {
	key, err := proto.ParseKey(text)
	switch {
	case err != nil:
		return key, err
	case key.Kind() == proto.Service:
		return key, serviceOff()
	case !key.Has(from.User):
		return key, notParticipant()
	}
	return key, nil
}

func notParticipant() error {
	return proto.Refuse(proto.NotAuthorized, "key: you are no participant of this conversation")
}

func serviceOff() error {
	return proto.Refuse(proto.ImplementationSpecific, "customer service is not switched on on this server")
}

// printable keeps a strange branch from filling a refusal.
func printable(b proto.Branch) string { return fmt.Sprintf("%.16q", string(b)) }
