package chat

import (
	"google.golang.org/protobuf/encoding/protowire"

	"parley/proto"
)

// historyPage is a MessagePage or ServiceMessagePage.
type historyPage struct {
	epoch, head, min uint64
	entries          []entry
}

// The fields of MessagePage and ServiceMessagePage, which differ only in what
// the entries are.
const (
	pageEpoch    = 1
	pageHead     = 2
	pageMin      = 3
	pageMessages = 4
)

// parsePage reads a page of the conversation with a key. The entries keep the
// bytes they came as, slices of body. Each is one of the conversation, and its
// seq rises, lies between after and before (0: no bound), and is within it.
func parsePage(key proto.Key, after, before uint64, body []byte) (historyPage, error) {
	last := after
	p, err := parseEntries(key, body, func(x entry) bool {
		fits := x.seq > last && (before == 0 || x.seq < before)
		last = x.seq
		return fits
	})
	if err == nil && len(p.entries) > 0 && last > p.head {
		err = errPage
	}
	return p, err
}

// parseRevised reads a page of what was revised after an entry, where revised_seq rises. That may be past the head
// for who left a group, and reads what was taken back since.
func parseRevised(key proto.Key, after uint64, body []byte) (historyPage, error) {
	last, newest := after, uint64(0)
	p, err := parseEntries(key, body, func(x entry) bool {
		fits := x.revised() > last && x.seq != 0 && x.seq < x.revised()
		last, newest = x.revised(), max(newest, x.seq)
		return fits
	})
	if err == nil && newest > p.head {
		err = errPage
	}
	return p, err
}

// parseEntries reads a page whose entries, which are all of one conversation, fit one after
// the other.
func parseEntries(key proto.Key, body []byte, fits func(entry) bool) (historyPage, error) {
	var p historyPage
	for len(body) > 0 {
		field, kind, n := protowire.ConsumeTag(body)
		if n < 0 {
			return historyPage{}, errPage
		}
		body = body[n:]
		if kind == protowire.BytesType && field == pageMessages {
			message, n := protowire.ConsumeBytes(body)
			if n < 0 || len(p.entries) == proto.MaxPage {
				return historyPage{}, errPage
			}
			x, err := decode(key.Kind(), message)
			if err != nil {
				return historyPage{}, err
			}
			if x.key() != key || !fits(x) {
				return historyPage{}, errPage
			}
			body = body[n:]
			p.entries = append(p.entries, x)
			continue
		}
		if n = p.put(field, kind, body); n < 0 {
			return historyPage{}, errPage
		}
		body = body[n:]
	}
	if p.epoch == 0 {
		return historyPage{}, errPage
	}
	return p, nil
}

// put reads one field that is no entry, and returns its length, negative if
// it is malformed. Unknown fields are skipped.
func (p *historyPage) put(field protowire.Number, kind protowire.Type, body []byte) int {
	if kind != protowire.VarintType {
		return protowire.ConsumeFieldValue(field, kind, body)
	}
	v, n := protowire.ConsumeVarint(body)
	switch field {
	case pageEpoch:
		p.epoch = v
	case pageHead:
		p.head = v
	case pageMin:
		p.min = v
	}
	return n
}

var errPage = proto.Refuse(proto.PayloadFormatInvalid, "the server's history answered something that is not a page of this conversation").Named("history-unreadable")
