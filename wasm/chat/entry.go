package chat

import (
	"encoding/hex"

	"parley/proto"
)

// entry is one confirmed entry of a conversation of either kind, decoded and
// as it is stored. Just one of direct and service is set.
type entry struct {
	seq     uint64
	direct  *proto.Message
	service *proto.ServiceMessage
	body    []byte
	// said is what an entry that speaks of another says, which came live; see bare.
	said *string
}

// decode reads an entry as it came from the server or the store.
func decode(kind proto.KeyKind, body []byte) (entry, error) {
	x := entry{body: body}
	if kind == proto.Service {
		x.service = new(proto.ServiceMessage)
		err := proto.UnmarshalOpen(body, x.service)
		x.seq = x.service.GetSeq()
		return x, err
	}
	x.direct = new(proto.Message)
	err := proto.UnmarshalOpen(body, x.direct)
	x.seq = x.direct.GetSeq()
	return x, err
}

func decodeAll(kind proto.KeyKind, stored []Entry) ([]entry, error) {
	entries := make([]entry, 0, len(stored))
	for _, s := range stored {
		x, err := decode(kind, s.Body)
		if err != nil {
			return nil, err
		}
		entries = append(entries, x)
	}
	return entries, nil
}

// eventTo is what the rules need of the entry, in a group as a user looks at it.
func (x entry) eventTo(user uint64) proto.Event {
	if x.service != nil {
		return x.service.Event()
	}
	return x.direct.EventTo(user)
}

// event is what the rules need of the entry, whoever looks at it.
func (x entry) event() proto.Event {
	if x.service != nil {
		return x.service.Event()
	}
	return x.direct.Event()
}

// by reports whether user wrote the entry.
func (x entry) by(user uint64) bool {
	switch {
	case x.direct != nil:
		return x.direct.GetSenderId() == user
	case x.service.GetDirection() == proto.ServiceMessageDirection_SERVICE_TO_CUSTOMER:
		return x.service.GetAgentId() == user
	}
	return x.service.GetUserId() == user
}

// key is the conversation that the entry belongs to, by what it says.
func (x entry) key() proto.Key {
	if x.service != nil {
		return proto.ServiceKey(x.service.GetUserId(), x.service.GetServiceType())
	}
	if group := x.direct.GetGroupId(); group != 0 {
		return proto.GroupKey(group)
	}
	if x.direct.GetSenderId() == x.direct.GetReceiverId() {
		return proto.Key{}
	}
	return proto.DirectKey(x.direct.GetSenderId(), x.direct.GetReceiverId())
}

// id is the entry's message id, 0 if it has none yet.
func (x entry) id() uint64 {
	if x.service != nil {
		return x.service.GetMessageId()
	}
	return x.direct.GetMessageId()
}

func (x entry) ref() ref {
	b := x.direct.GetClientRef()
	if x.service != nil {
		b = x.service.GetClientRef()
	}
	var r ref
	if len(b) == len(r) {
		copy(r[:], b)
	}
	return r
}

// attachments are what the entry carries.
func (x entry) attachments() []*proto.Attachment {
	if x.service != nil {
		return x.service.Attachments
	}
	return x.direct.GetAttachments()
}

// encode writes the entry again after a change.
func (x *entry) encode() (err error) {
	if x.service != nil {
		x.body, err = proto.Marshal(x.service)
	} else {
		x.body, err = proto.Marshal(x.direct)
	}
	return err
}

// see changes what an unsent entry's author has seen, and in which epoch.
func (x *entry) see(seq uint64, epoch *uint64) {
	if x.service != nil {
		x.service.SeenSeq, x.service.Epoch = &seq, epoch
	} else {
		x.direct.SeenSeq, x.direct.Epoch = &seq, epoch
	}
}

// seenIn reports whether what an unsent entry's author has seen is of an epoch, or
// of whichever the server has since it does not say.
func (x entry) seenIn(epoch uint64) bool {
	of := x.direct.GetEpoch()
	if x.service != nil {
		of = x.service.GetEpoch()
	}
	return of == 0 || of == epoch
}

// ref is a client_ref as a comparable value; the zero ref is none.
type ref [proto.RefSize]byte

// String returns 32 hex digits, or "" for none.
func (r ref) String() string {
	if r == (ref{}) {
		return ""
	}
	return hex.EncodeToString(r[:])
}
