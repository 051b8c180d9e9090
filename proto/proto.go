// Package proto is what both sides of Parley agree on: the messages
// (chat.proto and the Go generated from it), topics, conversation keys, message
// ids, limits, refusals, and the pure rules (unread, answered) that server and
// client must compute alike. It does no I/O and imports nothing of Parley.
package proto

import (
	"fmt"
	"unicode/utf8"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// Limits on what a client may send. The server enforces them; a client checks
// them first, to tell the person sooner.
const (
	// MaxPacket is the largest MQTT packet accepted, in bytes.
	MaxPacket = 64 << 10
	// MaxContent is the longest content of one message, in bytes of UTF-8.
	MaxContent = 16 << 10
	// MaxExtend is the longest ServiceMessage.extend, in bytes.
	MaxExtend = 16 << 10
	// MaxName is the longest name of a user, in bytes of UTF-8.
	MaxName = 64
	// RefSize is the size of a client_ref, in bytes.
	RefSize = 16
	// MaxPage is the most entries that one history request returns.
	MaxPage = 500
	// MaxStates is the most rows in one BaseUserUnreadStatics.
	MaxStates = 500
)

// ContentType is the MQTT 5 Content Type of every payload.
const ContentType = "application/x-protobuf"

// User properties of a PUBACK or PUBREC that accepts a message, all decimal.
const (
	PropertyMessageID  = "message-id"
	PropertySeq        = "seq"
	PropertyCreateTime = "create-time" // Unix milliseconds
)

// depth bounds nested messages in what comes from outside; protobuf-go's own
// default of 10,000 lets a small packet use much stack.
const depth = 100

// Unmarshal decodes what comes from outside into m: unknown fields are
// dropped, nesting is bounded, and strings must be valid UTF-8 (which proto2
// does not check by itself). The error is a *Refusal that names what is wrong.
func Unmarshal(payload []byte, m proto.Message) error {
	options := proto.UnmarshalOptions{DiscardUnknown: true, RecursionLimit: depth}
	if err := options.Unmarshal(payload, m); err != nil {
		name := m.ProtoReflect().Descriptor().Name()
		if missing := missingField(m.ProtoReflect()); missing != "" {
			return Refuse(PayloadFormatInvalid, "%s.%s is required: set it and send again", name, missing)
		}
		return Refuse(PayloadFormatInvalid, "the payload is not a %s in protobuf encoding", name)
	}
	return checkUTF8(m.ProtoReflect())
}

// Marshal encodes m. It fails only if a required field is missing, which is a
// mistake of the caller.
func Marshal(m proto.Message) ([]byte, error) {
	b, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
	if err != nil {
		return nil, fmt.Errorf("marshal %s: %w", m.ProtoReflect().Descriptor().Name(), err)
	}
	return b, nil
}

// missingField returns the first required field of m that is not set. It looks
// at m alone: no message that a client sends nests another with required fields.
func missingField(m protoreflect.Message) protoreflect.Name {
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		f := fields.Get(i)
		if f.Cardinality() == protoreflect.Required && !m.Has(f) {
			return f.Name()
		}
	}
	return ""
}

func checkUTF8(m protoreflect.Message) (err error) {
	m.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		if f.Kind() == protoreflect.StringKind && !f.IsList() && !utf8.ValidString(v.String()) {
			err = Refuse(PayloadFormatInvalid, "%s is not valid UTF-8", f.Name())
		}
		return err == nil
	})
	return err
}
