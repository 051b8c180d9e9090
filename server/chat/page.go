package chat

import (
	"slices"

	"google.golang.org/protobuf/encoding/protowire"
	protobuf "google.golang.org/protobuf/proto"

	"parley/proto"
)

// Page is a part of a conversation's log, as one user gets it.
type Page struct {
	Epoch     uint64
	Head, Min uint64 // of the conversation, see Conversation
	Kind      proto.KeyKind
	Entries   []Entry // in seq order, their bodies as the user gets them
}

// The fields of MessagePage and ServiceMessagePage, which differ in their messages alone.
const (
	pageEpoch    protowire.Number = 1
	pageHead     protowire.Number = 2
	pageMin      protowire.Number = 3
	pageMessages protowire.Number = 4
)

// Marshal returns p as an encoded MessagePage or, of a service conversation,
// ServiceMessagePage, for which no entry need be read.
func (p *Page) Marshal() []byte {
	const most = 1 + 10 // bytes of a tag and a varint
	size := 3 * most
	for _, e := range p.Entries {
		size += most + len(e.Body)
	}
	b := make([]byte, 0, size)
	b = protowire.AppendVarint(protowire.AppendTag(b, pageEpoch, protowire.VarintType), p.Epoch)
	b = protowire.AppendVarint(protowire.AppendTag(b, pageHead, protowire.VarintType), p.Head)
	b = protowire.AppendVarint(protowire.AppendTag(b, pageMin, protowire.VarintType), p.Min)
	for _, e := range p.Entries {
		b = protowire.AppendBytes(protowire.AppendTag(b, pageMessages, protowire.BytesType), e.Body)
	}
	return b
}

// Message returns p as a *proto.MessagePage or, of a service conversation, a
// *proto.ServiceMessagePage. An error names an entry that is damaged.
func (p *Page) Message() (protobuf.Message, error) {
	if p.Kind == proto.Service {
		messages, err := decodeAll[proto.ServiceMessage](p.Entries)
		return &proto.ServiceMessagePage{Epoch: &p.Epoch, HeadSeq: &p.Head, MinSeq: &p.Min, Messages: messages}, err
	}
	messages, err := decodeAll[proto.Message](p.Entries)
	return &proto.MessagePage{Epoch: &p.Epoch, HeadSeq: &p.Head, MinSeq: &p.Min, Messages: messages}, err
}

// forCustomers are entries as the service's customer gets them.
func forCustomers(entries []Entry) ([]Entry, error) {
	theirs := slices.Clone(entries)
	for i, e := range entries {
		m := new(proto.ServiceMessage)
		if err := decode(e, m); err != nil {
			return nil, err
		}
		body, err := proto.Marshal(forCustomer(m))
		if err != nil {
			return nil, err
		}
		theirs[i].Body = body
	}
	return theirs, nil
}

func decodeAll[M any, P interface {
	*M
	protobuf.Message
}](entries []Entry) ([]P, error) {
	messages := make([]P, len(entries))
	for i, e := range entries {
		messages[i] = P(new(M))
		if err := decode(e, messages[i]); err != nil {
			return nil, err
		}
	}
	return messages, nil
}
