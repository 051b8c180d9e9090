package proto

import (
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// Whatever fields an entry has, or will have, it is plain only if none of them is to be looked at.
func TestAnEntryIsPlainOnlyIfNothingInItCanBeRefused(t *testing.T) {
	for _, whole := range []proto.Message{message(), serviceMessage()} {
		if !whole.(plain).plain() {
			t.Errorf("%v is not plain", whole)
		}
		fields := whole.ProtoReflect().Descriptor().Fields()
		for i := range fields.Len() {
			f, entry := fields.Get(i), proto.Clone(whole)
			m := entry.ProtoReflect()
			switch {
			case !checkable(f.Kind()), f.Kind() == protoreflect.EnumKind: // open messages take any
				continue
			case f.IsList() && f.Kind() == protoreflect.StringKind:
				m.Mutable(f).List().Append(protoreflect.ValueOfString("caf\xe9"))
			case f.IsList():
				m.Mutable(f).List().AppendMutable()
			case f.Kind() == protoreflect.StringKind:
				m.Set(f, protoreflect.ValueOfString("caf\xe9"))
			default:
				m.Mutable(f)
			}
			if entry.(plain).plain() {
				t.Errorf("%s may be refused, and is plain", f.FullName())
			}
		}
	}
}
