package store

import (
	"encoding/binary"
	"errors"
	"fmt"

	"parley/server/store/relational"
)

// maxRecord bounds a record, in bytes: a transaction that writes more is committed at once.
const maxRecord = 1 << 20

// record is what a transaction writes: its statements with their values, encoded, in their
// order. They do the same again to a history in the same state, as none depends on anything else.
// The text of each statement stands in it once; what is in front of it is 0, and afterwards
// its number instead, from 1. Behind it are how many values it has and these, each a byte that
// says what follows.
type record struct {
	encoded []byte
	queries map[string]uint64
	kept    bool // whether it is of any use: it is not, if it was not begun or became too large
}

const (
	valueNull = iota
	valueInteger
	valueNumber
	valueText
	valueBlob
)

// begin makes the record empty.
func (r *record) begin(kept bool) {
	r.encoded, r.kept = r.encoded[:0], kept
	if r.queries == nil {
		r.queries = make(map[string]uint64)
	}
	clear(r.queries)
}

// add adds a statement, with values as for statement.bind.
func (r *record) add(query string, args []any) {
	if !r.kept {
		return
	}
	b, n := r.encoded, r.queries[query]
	if b = binary.AppendUvarint(b, n); n == 0 {
		b = appendText(b, query)
		r.queries[query] = uint64(len(r.queries)) + 1
	}
	b = binary.AppendUvarint(b, uint64(len(args)))
	for _, arg := range args {
		b = appendValue(b, arg)
	}
	r.encoded, r.kept = b, len(b) <= maxRecord
}

func appendValue(b []byte, arg any) []byte {
	switch v := arg.(type) {
	case nil:
		return append(b, valueNull)
	case bool:
		if v {
			return append(b, valueInteger, 2) // 1, as AppendVarint has it
		}
		return append(b, valueInteger, 0)
	case int:
		return binary.AppendVarint(append(b, valueInteger), int64(v))
	case int64:
		return binary.AppendVarint(append(b, valueInteger), v)
	case relational.Number:
		return binary.BigEndian.AppendUint64(append(b, valueNumber), uint64(v))
	case string:
		return appendText(append(b, valueText), v)
	case []byte:
		if v == nil {
			return append(b, valueNull)
		}
		return append(binary.AppendUvarint(append(b, valueBlob), uint64(len(v))), v...)
	default:
		panic("store: a value of a type that a record does not know")
	}
}

func appendText(b []byte, text string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(text))), text...)
}

// errRecord is that a record is not one.
var errRecord = errors.New("a commit that is kept beside the history is damaged")

// replay calls exec for each statement of an encoded record.
func replay(encoded []byte, exec func(query string, args ...any) error) error {
	d := decoder{rest: encoded}
	var queries []string
	for len(d.rest) > 0 && d.err == nil {
		n := d.uvarint()
		if n == 0 {
			queries = append(queries, string(d.bytes()))
			n = uint64(len(queries))
		}
		if n > uint64(len(queries)) {
			return errRecord
		}
		args := make([]any, 0, 32)
		for range d.uvarint() {
			if args = append(args, d.value()); d.err != nil {
				return d.err
			}
		}
		if d.err != nil {
			return d.err
		}
		if err := exec(queries[n-1], args...); err != nil {
			return fmt.Errorf("repeat a commit: %w", err)
		}
	}
	return d.err
}

// decoder reads a record; after an error it reads nothing more.
type decoder struct {
	rest []byte
	err  error
}

func (d *decoder) take(n int) []byte {
	if n < 0 || n > len(d.rest) {
		d.rest, d.err = nil, errRecord
		return nil
	}
	taken := d.rest[:n]
	d.rest = d.rest[n:]
	return taken
}

func (d *decoder) uvarint() uint64 {
	v, n := binary.Uvarint(d.rest)
	if d.take(max(n, -1)); n <= 0 {
		d.err = errRecord
		return 0
	}
	return v
}

func (d *decoder) bytes() []byte { return d.take(int(min(d.uvarint(), maxRecord+1))) }

func (d *decoder) value() any {
	switch kind := d.take(1); {
	case kind == nil:
		return nil
	case kind[0] == valueNull:
		return nil
	case kind[0] == valueInteger:
		v, n := binary.Varint(d.rest)
		if d.take(max(n, -1)); n <= 0 {
			d.err = errRecord
		}
		return v
	case kind[0] == valueNumber:
		var v relational.Number
		if !v.Set(d.take(8)) {
			d.err = errRecord
		}
		return v
	case kind[0] == valueText:
		return string(d.bytes())
	case kind[0] == valueBlob:
		return append([]byte{}, d.bytes()...)
	}
	d.err = errRecord
	return nil
}
