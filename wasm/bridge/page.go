package bridge

import (
	"google.golang.org/protobuf/encoding/protowire"

	"parley/proto"
	"parley/wasm/chat"
)

// Numbers of the fields of MessagePage and ServiceMessagePage, which differ
// only in what the entries are.
const (
	pageEpoch    = 1
	pageHead     = 2
	pageMin      = 3
	pageMessages = 4
)

// parsePage reads a MessagePage or ServiceMessagePage, by the key's kind. The
// entries stay encoded, as slices of body, but each is checked: it decodes,
// and its seq rises, lies between after and before (0: no bound), and is
// within the conversation.
func parsePage(key proto.Key, after, before uint64, body []byte) (chat.Page, error) {
	var page chat.Page
	last := after
	for len(body) > 0 {
		field, kind, n := protowire.ConsumeTag(body)
		if n < 0 {
			return chat.Page{}, errPage
		}
		body = body[n:]
		if kind == protowire.BytesType && field == pageMessages {
			message, n := protowire.ConsumeBytes(body)
			if n < 0 || len(page.Entries) == proto.MaxPage {
				return chat.Page{}, errPage
			}
			seq, err := entrySeq(key, message)
			if err != nil {
				return chat.Page{}, err
			}
			if seq <= last || before != 0 && seq >= before {
				return chat.Page{}, errPage
			}
			last, body = seq, body[n:]
			page.Entries = append(page.Entries, chat.Entry{Key: key.String(), Seq: seq, Body: message})
			continue
		}
		if n = putField(&page, field, kind, body); n < 0 {
			return chat.Page{}, errPage
		}
		body = body[n:]
	}
	if page.Epoch == 0 || len(page.Entries) > 0 && last > page.Head {
		return chat.Page{}, errPage
	}
	return page, nil
}

// putField reads one field that is no entry, and returns its length, negative if
// it is malformed. Unknown fields are skipped.
func putField(page *chat.Page, field protowire.Number, kind protowire.Type, body []byte) int {
	if kind != protowire.VarintType {
		return protowire.ConsumeFieldValue(field, kind, body)
	}
	v, n := protowire.ConsumeVarint(body)
	switch field {
	case pageEpoch:
		page.Epoch = v
	case pageHead:
		page.Head = v
	case pageMin:
		page.Min = v
	}
	return n
}

// entrySeq checks one entry and returns its seq.
func entrySeq(key proto.Key, body []byte) (uint64, error) {
	if key.Kind() == proto.Service {
		var m proto.ServiceMessage
		if err := proto.UnmarshalOpen(body, &m); err != nil {
			return 0, err
		}
		if proto.ServiceKey(m.GetUserId(), m.GetServiceType()) != key {
			return 0, errPage
		}
		return m.GetSeq(), nil
	}
	var m proto.Message
	if err := proto.UnmarshalOpen(body, &m); err != nil {
		return 0, err
	}
	if proto.DirectKey(m.GetSenderId(), m.GetReceiverId()) != key {
		return 0, errPage
	}
	return m.GetSeq(), nil
}

var errPage = proto.Refuse(proto.PayloadFormatInvalid, "the server's history answered something that is not a page of this conversation")
