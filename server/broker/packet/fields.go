package packet

import (
	"bytes"
	"encoding/binary"
	"unicode/utf8"

	"parley/proto"
)

// MaxFilters is how many filters a SUBSCRIBE or UNSUBSCRIBE may have. There are
// eight that are allowed.
const MaxFilters = 32

// fields takes the fields of a packet one after another and remembers what was
// first wrong. After that the fields are zero.
type fields struct {
	packet  string // its name
	version byte   // 4 or 5
	rest    []byte
	refusal *proto.Refusal
}

func (f *fields) refuse(refusal *proto.Refusal) {
	if f.refusal == nil {
		f.refusal = refusal
	}
	f.rest = nil
}

// must refuses the packet as malformed unless ok.
func (f *fields) must(ok bool, what string) {
	if !ok {
		f.refuse(malformed(f.packet, what))
	}
}

// mustAllow refuses the packet as a protocol error unless ok.
func (f *fields) mustAllow(ok bool, what string) {
	if !ok {
		f.refuse(proto.Refuse(proto.ProtocolError, "%s: %s", f.packet, what))
	}
}

// take takes n bytes; zeros if there are fewer.
func (f *fields) take(n int) []byte {
	if f.must(len(f.rest) >= n, "it ends too early"); f.refusal != nil {
		return make([]byte, min(n, 4))
	}
	taken := f.rest[:n]
	f.rest = f.rest[n:]
	return taken
}

func (f *fields) byte() byte     { return f.take(1)[0] }
func (f *fields) uint16() uint16 { return binary.BigEndian.Uint16(f.take(2)) }
func (f *fields) uint32() uint32 { return binary.BigEndian.Uint32(f.take(4)) }

// binary takes binary data (section 1.5.6).
func (f *fields) binary() []byte { return f.take(int(f.uint16())) }

// text takes a string (section 1.5.4).
func (f *fields) text() []byte {
	s := f.binary()
	f.must(utf8.Valid(s), "a string is not UTF-8")                           // [MQTT-1.5.4-1]
	f.must(bytes.IndexByte(s, 0) < 0, "a string holds the character U+0000") // [MQTT-1.5.4-2]
	return s
}

// length takes a variable byte integer (section 1.5.5).
func (f *fields) length() (n int) {
	for i := range maxLength {
		b := f.byte()
		n |= int(b&0x7F) << (7 * i)
		if b < 0x80 {
			f.must(b > 0 || i == 0, "a number has more bytes than it needs") // [MQTT-1.5.5-1]
			return n
		}
	}
	f.must(false, "a number has more than four bytes")
	return 0
}

func (f *fields) packetID() {
	f.mustAllow(f.uint16() != 0, "its packet id is 0") // [MQTT-2.2.1-3]
}

// reason takes a reason code, if one is there, which must be one of some.
func (f *fields) reason(some []byte) {
	if f.version == 5 && len(f.rest) > 0 {
		f.must(bytes.IndexByte(some, f.byte()) >= 0, "a client may not give this reason code with it") // section 2.4
	}
}

// filters takes filters, each followed by what then takes, to the end.
func (f *fields) filters(then func()) {
	f.mustAllow(len(f.rest) > 0, "it has no filter") // [MQTT-3.8.3-2] [MQTT-3.10.3-2]
	for n := 0; len(f.rest) > 0; n++ {
		if n == MaxFilters {
			f.refuse(proto.Refuse(proto.QuotaExceeded, "a packet may have %d filters at most", MaxFilters))
			return
		}
		f.text() // also an empty one, which SUBACK has a code for
		then()
	}
}

// end is where the packet must end.
func (f *fields) end() {
	f.must(len(f.rest) == 0, "it goes on after its end")
}

func wildcards(topic []byte) bool { return bytes.ContainsAny(topic, "+#") }
