package search

import (
	"slices"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"

	"parley/proto"
)

// Kind is what a message carries, for a search.
type Kind string

const (
	AnyKind     Kind = ""
	PictureKind Kind = "picture"
	FileKind    Kind = "file"
	LinkKind    Kind = "link"
)

// Kinds are all that are indexed, by their bits in Document.Kinds.
var Kinds = [...]Kind{PictureKind, FileKind, LinkKind}

// index is where among Kinds it is, -1 if nowhere.
func (k Kind) index() int { return slices.Index(Kinds[:], k) }

// Document is what a search looks at in an entry.
type Document struct {
	Seq, ID, Sender uint64
	Time            uint64 // Unix milliseconds
	Text            string // what was written, and the names of files, a line each
	Kinds           uint8  // bit i: it is of Kinds[i]
}

// Is reports whether it is of a kind.
func (x Document) Is(k Kind) bool {
	i := k.index()
	return i < 0 || x.Kinds>>i&1 == 1
}

// Read reads it out of an encoded entry, without decoding the rest: an index is made of every message. ok is
// false for what no search finds: control entries, what was taken back, what cannot be read.
func Read(kind proto.KeyKind, body []byte) (x Document, ok bool) {
	var p fieldsOf
	for len(body) > 0 {
		field, wire, n := protowire.ConsumeTag(body)
		if n < 0 {
			return x, false
		}
		body = body[n:]
		switch wire {
		case protowire.VarintType:
			v, n := protowire.ConsumeVarint(body)
			if n < 0 {
				return x, false
			}
			body = body[n:]
			if field < protowire.Number(len(p.numbers)) {
				p.numbers[field] = v
			}
		case protowire.BytesType:
			b, n := protowire.ConsumeBytes(body)
			if n < 0 {
				return x, false
			}
			body = body[n:]
			p.bytes(kind, field, b)
		default:
			if n = protowire.ConsumeFieldValue(field, wire, body); n < 0 {
				return x, false
			}
			body = body[n:]
		}
	}
	return p.document(kind)
}

// fieldsOf are the fields of an entry that a search needs.
type fieldsOf struct {
	numbers  [20]uint64
	content  string
	files    []string
	pictures int
	others   int // files that are neither picture nor sound
}

func (p *fieldsOf) bytes(kind proto.KeyKind, field protowire.Number, b []byte) {
	content := protowire.Number(3)
	if kind == proto.Service {
		content = 5
	}
	switch field {
	case content:
		p.content = string(b)
	case 21:
		p.attachment(b)
	}
}

// attachment reads a name and a media type.
func (p *fieldsOf) attachment(b []byte) {
	var name, mediaType string
	for len(b) > 0 {
		field, wire, n := protowire.ConsumeTag(b)
		if n < 0 {
			return
		}
		b = b[n:]
		if n = protowire.ConsumeFieldValue(field, wire, b); n < 0 {
			return
		}
		if wire == protowire.BytesType && (field == 2 || field == 3) {
			value, _ := protowire.ConsumeBytes(b)
			if field == 2 {
				name = string(value)
			} else {
				mediaType = string(value)
			}
		}
		b = b[n:]
	}
	p.files = append(p.files, name)
	switch {
	case proto.IsPicture(mediaType):
		p.pictures++
	case !proto.IsSound(mediaType):
		p.others++
	}
}

func (p *fieldsOf) document(kind proto.KeyKind) (x Document, ok bool) {
	n := &p.numbers
	x = Document{Seq: n[16], ID: n[1], Sender: n[2], Text: p.content}
	written := proto.MessageType(n[19])
	if x.Time = n[4]; kind == proto.Service {
		written, x.Time = proto.MessageType(n[4]), n[6]
		if proto.ServiceMessageDirection(n[7]) == proto.ServiceMessageDirection_SERVICE_TO_CUSTOMER {
			x.Sender = n[8]
		}
	}
	picture := p.pictures > 0 || written == proto.MessageType_MESSAGE_TYPE_IMAGE
	file := p.others > 0 || written == proto.MessageType_MESSAGE_TYPE_FILE && len(p.files) == 0
	link := strings.Contains(p.content, "://") && (strings.Contains(p.content, "http://") || strings.Contains(p.content, "https://"))
	for i, is := range []bool{picture, file, link} {
		if is {
			x.Kinds |= 1 << i
		}
	}
	if names := strings.Join(p.files, "\n"); names != "" {
		x.Text += "\n" + names
	}
	return x, written.Written() && x.Seq != 0
}
