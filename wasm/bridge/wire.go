package bridge

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"unicode/utf8"
)

// The wire format between the program and a page (static/client/wire.js is the other
// end). A message is one value; a value is one tag byte and what follows it.
// Numbers are little-endian, lengths and counts are uvarints.
//
//	0 nil   1 false   2 true
//	3 float64, 8 bytes: a JavaScript Number
//	4 uint64, 8 bytes: a BigInt
//	5 string: length, UTF-8
//	6 bytes: length, bytes: a Uint8Array
//	7 array: count, values
//	8 object: number of its shape, values
//
// A shape is the field names of one kind of object. Shapes are numbered from 0
// in the order in which a message first uses them, and the first use defines
// them: after the number follow a count and the names, as length and UTF-8. So
// a thousand messages of a chat cost their field names once.
const (
	tagNil byte = iota
	tagFalse
	tagTrue
	tagFloat
	tagUint
	tagString
	tagBytes
	tagArray
	tagObject
)

// maxDepth bounds nested arrays and objects, so that no input exhausts the stack.
const maxDepth = 16

// shape is the field names of one kind of object; it is known by its address.
type shape []string

// encoder appends values to one message. After array(n) and object(s) the
// caller writes exactly n values, or one for each field of s.
type encoder struct {
	buf    []byte
	shapes []*shape // those that this message defined, by their numbers
}

// reset begins a new message; what bytes returned before is void.
func (e *encoder) reset() { e.buf, e.shapes = e.buf[:0], e.shapes[:0] }

// bytes returns the message, valid until reset.
func (e *encoder) bytes() []byte { return e.buf }

func (e *encoder) null() { e.buf = append(e.buf, tagNil) }

func (e *encoder) bool(v bool) {
	if v {
		e.buf = append(e.buf, tagTrue)
	} else {
		e.buf = append(e.buf, tagFalse)
	}
}

func (e *encoder) float(v float64) {
	e.buf = binary.LittleEndian.AppendUint64(append(e.buf, tagFloat), math.Float64bits(v))
}

func (e *encoder) uint(v uint64) {
	e.buf = binary.LittleEndian.AppendUint64(append(e.buf, tagUint), v)
}

func (e *encoder) string(v string) {
	e.buf = append(e.buf, tagString)
	e.name(v)
}

func (e *encoder) binary(v []byte) {
	e.buf = append(binary.AppendUvarint(append(e.buf, tagBytes), uint64(len(v))), v...)
}

func (e *encoder) array(n int) {
	e.buf = binary.AppendUvarint(append(e.buf, tagArray), uint64(n))
}

func (e *encoder) object(s *shape) {
	e.buf = append(e.buf, tagObject)
	for i, known := range e.shapes {
		if known == s {
			e.buf = binary.AppendUvarint(e.buf, uint64(i))
			return
		}
	}
	e.buf = binary.AppendUvarint(e.buf, uint64(len(e.shapes)))
	e.shapes = append(e.shapes, s)
	e.buf = binary.AppendUvarint(e.buf, uint64(len(*s)))
	for _, name := range *s {
		e.name(name)
	}
}

func (e *encoder) name(v string) {
	e.buf = append(binary.AppendUvarint(e.buf, uint64(len(v))), v...)
}

// record is a decoded object.
type record map[string]any

// decode returns the value of a message: nil, bool, float64, uint64, string,
// []byte, []any or record. It keeps nothing of b.
func decode(b []byte) (any, error) {
	d := decoder{rest: b}
	v, err := d.value(0)
	if err != nil {
		return nil, fmt.Errorf("wire: %w at byte %d", err, len(b)-len(d.rest))
	}
	if len(d.rest) != 0 {
		return nil, fmt.Errorf("wire: %d bytes after the value", len(d.rest))
	}
	return v, nil
}

var (
	errShort = errors.New("the message ends early")
	errTag   = errors.New("unknown tag")
	errDepth = errors.New("nested too deeply")
	errShape = errors.New("undefined shape")
	errTwice = errors.New("field named twice")
	errUTF8  = errors.New("string is not valid UTF-8")
)

type decoder struct {
	rest   []byte
	shapes []shape
}

func (d *decoder) value(depth int) (any, error) {
	if len(d.rest) == 0 {
		return nil, errShort
	}
	if depth > maxDepth {
		return nil, errDepth
	}
	tag := d.rest[0]
	d.rest = d.rest[1:]
	switch tag {
	case tagNil:
		return nil, nil
	case tagFalse, tagTrue:
		return tag == tagTrue, nil
	case tagFloat:
		n, err := d.fixed()
		return math.Float64frombits(n), err
	case tagUint:
		return d.fixed()
	case tagString:
		return d.text()
	case tagBytes:
		b, err := d.slice()
		return append([]byte{}, b...), err
	case tagArray:
		return d.list(depth)
	case tagObject:
		return d.object(depth)
	}
	return nil, errTag
}

func (d *decoder) fixed() (uint64, error) {
	if len(d.rest) < 8 {
		return 0, errShort
	}
	n := binary.LittleEndian.Uint64(d.rest)
	d.rest = d.rest[8:]
	return n, nil
}

// count reads a length or count. Whatever it counts takes at least one byte
// each, so what exceeds the rest of the message is refused before anything is
// allocated for it.
func (d *decoder) count() (int, error) {
	n, size := binary.Uvarint(d.rest)
	if size <= 0 || n > uint64(len(d.rest)-size) {
		return 0, errShort
	}
	d.rest = d.rest[size:]
	return int(n), nil
}

func (d *decoder) slice() ([]byte, error) {
	n, err := d.count()
	if err != nil {
		return nil, err
	}
	b := d.rest[:n]
	d.rest = d.rest[n:]
	return b, nil
}

func (d *decoder) text() (string, error) {
	b, err := d.slice()
	if err == nil && !utf8.Valid(b) {
		err = errUTF8
	}
	return string(b), err
}

func (d *decoder) list(depth int) (any, error) {
	n, err := d.count()
	if err != nil {
		return nil, err
	}
	values := make([]any, 0, min(n, 1024)) // n is only a claim: nested arrays could each claim the whole rest
	for range n {
		v, err := d.value(depth + 1)
		if err != nil {
			return nil, err
		}
		values = append(values, v)
	}
	return values, nil
}

func (d *decoder) object(depth int) (any, error) {
	s, err := d.shape()
	if err != nil {
		return nil, err
	}
	if len(s) > len(d.rest) {
		return nil, errShort
	}
	fields := make(record, len(s))
	for _, name := range s {
		if fields[name], err = d.value(depth + 1); err != nil {
			return nil, err
		}
	}
	return fields, nil
}

// shape reads the number of a shape, and its definition if this is its first use.
func (d *decoder) shape() (shape, error) {
	number, size := binary.Uvarint(d.rest)
	if size <= 0 {
		return nil, errShort
	}
	d.rest = d.rest[size:]
	if number < uint64(len(d.shapes)) {
		return d.shapes[number], nil
	}
	if number > uint64(len(d.shapes)) {
		return nil, errShape
	}
	n, err := d.count()
	if err != nil {
		return nil, err
	}
	s, seen := make(shape, n), make(map[string]bool, n)
	for i := range s {
		if s[i], err = d.text(); err != nil {
			return nil, err
		}
		if seen[s[i]] {
			return nil, errTwice
		}
		seen[s[i]] = true
	}
	d.shapes = append(d.shapes, s)
	return s, nil
}
