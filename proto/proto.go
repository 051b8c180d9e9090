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

// PropertyRetryAfter is a user property of a PUBACK, PUBREC, CONNACK or
// DISCONNECT that refuses for now: after how many seconds the same may go
// through, decimal.
const PropertyRetryAfter = "retry-after"

// User properties of the same packets that name the sentence in the Reason String:
// Refusal.Code and, for each of Refusal.Args in their order, one argument.
const (
	PropertyCode = "code"
	PropertyArg  = "arg"
)

// depth bounds nested messages in what comes from outside; protobuf-go's own
// default of 10,000 lets a small packet use much stack.
const depth = 100

// Unmarshal decodes what comes from outside into m: unknown fields are
// dropped, nesting is bounded, required fields must be there and strings must be
// valid UTF-8 and enums of a known value (neither of which the library checks in
// proto2), in m and in all it holds. The error is a *Refusal that names what is
// wrong.
func Unmarshal(payload []byte, m proto.Message) error {
	return unmarshal(payload, m, false)
}

// UnmarshalOpen is Unmarshal for what comes from a program that may be newer
// than this one: enums may be of any value, and unknown fields are kept.
func UnmarshalOpen(payload []byte, m proto.Message) error {
	return unmarshal(payload, m, true)
}

func unmarshal(payload []byte, m proto.Message, open bool) error {
	options := proto.UnmarshalOptions{DiscardUnknown: !open, RecursionLimit: depth}
	if options.Unmarshal(payload, m) == nil {
		if entry, ok := m.(plain); ok && open && entry.plain() {
			return nil
		}
		return check(m.ProtoReflect(), open)
	}
	options.AllowPartial = true // to say what is missing
	if options.Unmarshal(payload, m) == nil {
		if err := missing(m.ProtoReflect()); err != nil {
			return err
		}
	}
	return Refuse(PayloadFormatInvalid, "the payload is not a %s in protobuf encoding, or is cut short", m.ProtoReflect().Descriptor().Name())
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

// missing refuses m if it, or a message that it holds, lacks a required field.
func missing(m protoreflect.Message) (err error) {
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		if f := fields.Get(i); f.Cardinality() == protoreflect.Required && !m.Has(f) {
			return Refuse(PayloadFormatInvalid, "%s.%s is required: set it and send again", m.Descriptor().Name(), f.Name())
		}
	}
	m.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		if f.Kind() == protoreflect.MessageKind {
			err = values(f, v, func(v protoreflect.Value) error { return missing(v.Message()) })
		}
		return err == nil
	})
	return err
}

// values calls f with the value of a field, or each in a list of them, until it fails.
func values(field protoreflect.FieldDescriptor, v protoreflect.Value, f func(protoreflect.Value) error) error {
	if !field.IsList() {
		return f(v)
	}
	list := v.List()
	for i := range list.Len() {
		if err := f(list.Get(i)); err != nil {
			return err
		}
	}
	return nil
}

// check refuses m if it, or a message that it holds, has a string that is not valid UTF-8 or, unless it is open, an enum
// of an unknown value.
func check(m protoreflect.Message, open bool) error {
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		f := fields.Get(i)
		if !checkable(f.Kind()) || !m.Has(f) {
			continue
		}
		err := values(f, m.Get(f), func(v protoreflect.Value) error { return checkValue(f, v, open) })
		if err != nil {
			return err
		}
	}
	return nil
}

// checkable reports whether check looks at the values of fields of a kind.
func checkable(kind protoreflect.Kind) bool {
	return kind == protoreflect.MessageKind || kind == protoreflect.StringKind || kind == protoreflect.EnumKind
}

func checkValue(f protoreflect.FieldDescriptor, v protoreflect.Value, open bool) error {
	switch kind := f.Kind(); {
	case kind == protoreflect.MessageKind:
		return check(v.Message(), open)
	case kind == protoreflect.StringKind && !utf8.ValidString(v.String()):
		return Refuse(PayloadFormatInvalid, "%s.%s is not valid UTF-8", f.Parent().Name(), f.Name())
	case kind == protoreflect.EnumKind && !open && f.Enum().Values().ByNumber(v.Enum()) == nil:
		return Refuse(PayloadFormatInvalid, "%s.%s is not a known %s", f.Parent().Name(), f.Name(), f.Enum().Name())
	}
	return nil
}
