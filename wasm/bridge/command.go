package bridge

import (
	"encoding/hex"
	"time"

	"parley/proto"
)

// command is what a page asks for: an object with the number of its call in
// id, what to do in op, and fields. Reading a field that is missing or of
// another type sets err, which names it.
type command struct {
	id     float64 // repeated in the answer
	op     string
	fields record
	err    error // a *proto.Refusal
}

// errCommand is for a command of which not even the call's number can be read.
var errCommand = proto.Refuse(proto.MalformedPacket, "the engine cannot read a command of this page: reload it")

func parseCommand(data []byte) (*command, error) {
	if len(data) > maxCommand {
		return nil, errCommand
	}
	v, err := decode(data)
	fields, isObject := v.(record)
	if err != nil || !isObject {
		return nil, errCommand
	}
	c := &command{fields: fields}
	c.id, c.op = c.number("id"), c.text("op")
	if c.err != nil {
		return nil, errCommand
	}
	return c, nil
}

func (c *command) wrong(name, want string) {
	if c.err == nil {
		c.err = proto.Refuse(proto.PayloadFormatInvalid, "%s: want %s", name, want)
	}
}

func (c *command) text(name string) string {
	v, ok := c.fields[name].(string)
	if !ok {
		c.wrong(name, "a string")
	}
	return v
}

// uint reads an id or seq, a BigInt in the page.
func (c *command) uint(name string) uint64 {
	v, ok := c.fields[name].(uint64)
	if !ok {
		c.wrong(name, "a BigInt from 0 to 2^64-1")
	}
	return v
}

// uints reads an array of ids, few of which a page has reason to send.
func (c *command) uints(name string) (ids []uint64) {
	list, ok := c.fields[name].([]any)
	for _, v := range list {
		id, isID := v.(uint64)
		ok = ok && isID
		ids = append(ids, id)
	}
	if !ok {
		c.wrong(name, "an array of BigInts from 0 to 2^64-1")
		return nil
	}
	return ids
}

// ref reads a client_ref, which is not all zeros.
func (c *command) ref(name string) (ref [proto.RefSize]byte) {
	b, err := hex.DecodeString(c.text(name))
	if copy(ref[:], b); err != nil || len(b) != len(ref) || ref == [proto.RefSize]byte{} {
		c.wrong(name, "32 hex digits, not all 0")
	}
	return ref
}

func (c *command) bool(name string) bool {
	v, ok := c.fields[name].(bool)
	if !ok {
		c.wrong(name, "true or false")
	}
	return v
}

// optional reads a field that may be left out.
func optional[T any](c *command, name string, read func(string) T) *T {
	if _, given := c.fields[name]; !given {
		return nil
	}
	value := read(name)
	return &value
}

// number reads a Number that is not NaN.
func (c *command) number(name string) float64 {
	v, ok := c.fields[name].(float64)
	if !ok || v != v {
		c.wrong(name, "a number")
	}
	return v
}

// time reads a time in Unix milliseconds; 0 is the zero Time.
func (c *command) time(name string) time.Time {
	const latest = 1 << 53 // milliseconds, what a Number holds exactly
	v := c.number(name)
	switch {
	case !(v >= 0 && v <= latest):
		c.wrong(name, "Unix milliseconds")
		return time.Time{}
	case v == 0:
		return time.Time{}
	}
	return time.UnixMilli(int64(v))
}
