package chat

import (
	"encoding/hex"

	"parley/proto"
)

// entry is one confirmed message, decoded and as it is stored.
type entry struct {
	seq     uint64
	message *proto.Message
	body    []byte
}

// decode reads an entry as it came from the server or the store.
func decode(body []byte) (entry, error) {
	m := new(proto.Message)
	if err := proto.Unmarshal(body, m); err != nil {
		return entry{}, err
	}
	return entry{seq: m.GetSeq(), message: m, body: body}, nil
}

func decodeAll(stored []Entry) ([]entry, error) {
	entries := make([]entry, 0, len(stored))
	for _, s := range stored {
		e, err := decode(s.Body)
		if err != nil {
			return nil, err
		}
		entries = append(entries, e)
	}
	return entries, nil
}

// ref is a client_ref as a comparable value; the zero ref is none.
type ref [proto.RefSize]byte

func refOf(m *proto.Message) ref {
	var r ref
	if b := m.GetClientRef(); len(b) == len(r) {
		copy(r[:], b)
	}
	return r
}

// String returns 32 hex digits, or "" for none.
func (r ref) String() string {
	if r == (ref{}) {
		return ""
	}
	return hex.EncodeToString(r[:])
}
