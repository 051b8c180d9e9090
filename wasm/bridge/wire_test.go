package bridge

import (
	"bytes"
	"encoding/binary"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// put writes any value that decode returns.
func put(e *encoder, v any) {
	switch v := v.(type) {
	case nil:
		e.null()
	case bool:
		e.bool(v)
	case float64:
		e.float(v)
	case uint64:
		e.uint(v)
	case string:
		e.string(v)
	case []byte:
		e.binary(v)
	case []any:
		e.array(len(v))
		for _, x := range v {
			put(e, x)
		}
	case record:
		s := make(shape, 0, len(v))
		for name := range v {
			s = append(s, name)
		}
		e.object(&s)
		for _, name := range s {
			put(e, v[name])
		}
	}
}

func pack(v any) []byte {
	var e encoder
	put(&e, v)
	return e.bytes()
}

var wireValues = []any{
	nil, true, false, 0.0, -1.5, math.MaxFloat64, math.Inf(-1), float64(1 << 53),
	uint64(0), uint64(1<<53 - 1), uint64(1 << 53), uint64(1<<53 + 1), uint64(1 << 63), uint64(math.MaxUint64),
	"", "hello", "\ufeffa byte order mark", "grüße 👋🏽 \x00", strings.Repeat("é", 5000),
	[]byte{}, []byte{0, 255, 7}, []any{}, []any{uint64(1), "two", nil, []any{false}},
	record{}, record{"id": uint64(math.MaxUint64), "__proto__x": "y", "nested": record{"a": []any{record{"b": 1.0}}}},
}

func TestWireBringsEveryValueBackUnchanged(t *testing.T) {
	for _, want := range wireValues {
		got, err := decode(pack(want))
		if err != nil {
			t.Errorf("decode(%v): %v", want, err)
		} else if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
	}
}

func TestWireNamesTheFieldsOfManyObjectsOnce(t *testing.T) {
	s := shape{"a-rather-long-field-name", "another"}
	var e encoder
	e.array(1000)
	for i := range 1000 {
		e.object(&s)
		e.uint(uint64(i))
		e.bool(true)
	}
	if n := bytes.Count(e.bytes(), []byte("a-rather-long-field-name")); n != 1 {
		t.Errorf("the field name stands %d times in the message, want once", n)
	}
	v, err := decode(e.bytes())
	if err != nil {
		t.Fatal(err)
	}
	if got := v.([]any)[999].(record)["a-rather-long-field-name"]; got != uint64(999) {
		t.Errorf("field of the last object = %v, want 999", got)
	}
}

func TestWireRefusesWhatIsNotAMessage(t *testing.T) {
	long := binary.AppendUvarint(nil, math.MaxUint64)
	for name, b := range map[string][]byte{
		"nothing":                     {},
		"an unknown tag":              {9},
		"a short float":               {tagFloat, 1, 2},
		"a short uint":                {tagUint, 1, 2, 3, 4, 5, 6, 7},
		"a string beyond the end":     {tagString, 5, 'a'},
		"a length of 2^64-1":          append([]byte{tagString}, long...),
		"an array of 2^64-1":          append([]byte{tagArray}, long...),
		"an endless uvarint":          append([]byte{tagBytes}, bytes.Repeat([]byte{0x80}, 12)...),
		"invalid UTF-8":               {tagString, 1, 0xff},
		"an undefined shape":          {tagObject, 1},
		"a shape with a field twice":  {tagObject, 0, 2, 1, 'a', 1, 'a', tagNil, tagNil},
		"an object without its value": {tagObject, 0, 1, 1, 'a'},
		"bytes after the value":       {tagNil, tagNil},
		"deep nesting":                append(bytes.Repeat([]byte{tagArray, 1}, 100_000), tagNil),
	} {
		if v, err := decode(b); err == nil {
			t.Errorf("%s: decoded to %v, want an error", name, v)
		}
	}
}

func FuzzWire(f *testing.F) {
	for _, v := range wireValues {
		f.Add(pack(v))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		v, err := decode(b)
		if err != nil {
			return
		}
		again, err := decode(pack(v))
		if err != nil {
			t.Fatalf("what decoded once does not decode again: %v", err)
		}
		equalNaN := cmp.Comparer(func(a, b float64) bool { return math.Float64bits(a) == math.Float64bits(b) })
		if diff := cmp.Diff(v, again, equalNaN); diff != "" {
			t.Fatalf("(-first +second)\n%s", diff)
		}
	})
}
