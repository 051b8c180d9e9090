// Package packet reads the MQTT packets of a client off a stream and lets only
// well-formed ones through: of a type, with flags, lengths, strings, packet ids
// and properties as MQTT 5 or 3.1.1 has them. So a decoder behind it meets none of
// the packets that decoders stumble over, whatever a client sends.
//
// It judges one packet at a time, by its bytes alone: what a packet may ask for,
// and when, is for others to say. Clause ids are those of MQTT 5; MQTT 3.1.1 has the
// same clauses under other numbers, unless one is named.
//
// It may import proto.
package packet

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"io"

	"parley/proto"
)

// MaxSkipped is the largest PUBLISH, in bytes, that may be skipped for being larger
// than proto.MaxPacket; a larger one ends the connection.
const MaxSkipped = 1 << 20

// kept is how many bytes a Reader keeps for the next packet.
const kept = 4 << 10

// A Reader reads the packets of one connection. It is used by one goroutine.
type Reader struct {
	in      *bufio.Reader
	version byte // of MQTT: 4 also for those before it; 0 before CONNECT
	packet  bytes.Buffer
}

// NewReader makes a Reader of what a client sends from CONNECT on.
func NewReader(r io.Reader) *Reader { return &Reader{in: bufio.NewReader(r)} }

// Next returns the next packet as it came; it stays as it is until the next call.
// Not more memory is held for it than bytes of it came. The error is a
// *proto.Refusal of a packet that is not well-formed, too large or not a client's,
// after which the stream cannot be read on; or the stream's own, io.EOF if it
// ended between packets, io.ErrUnexpectedEOF if within one.
//
// A PUBLISH of more than proto.MaxPacket bytes, up to MaxSkipped, does come through,
// without properties and payload, and cut is true: it can be answered and the
// connection goes on. A client that does not know the limit would otherwise
// connect again and send the same for ever.
func (r *Reader) Next() (packet []byte, cut bool, err error) {
	if r.packet.Cap() > kept {
		r.packet = bytes.Buffer{}
	}
	r.packet.Reset()
	h, err := r.header()
	if err != nil {
		return nil, false, err
	}
	if err := r.acceptable(h); err != nil {
		return nil, false, err
	}
	if cut = h.size() > proto.MaxPacket; cut {
		err = r.skip(h)
	} else {
		err = r.fill(h)
	}
	if err != nil {
		return nil, false, err
	}
	return r.packet.Bytes(), cut, nil
}

// header is a fixed header (section 2.1).
type header struct {
	first  byte
	length int // of what follows
}

func (h header) kind() byte  { return h.first >> 4 }
func (h header) flags() byte { return h.first & 0x0F }
func (h header) qos() byte   { return h.first >> 1 & 3 } // of a PUBLISH

func (h header) append(b []byte) []byte {
	return binary.AppendUvarint(append(b, h.first), uint64(h.length)) // the same encoding
}

// size is how many bytes the packet has in all.
func (h header) size() int { return len(h.append(make([]byte, 0, 1+maxLength))) + h.length }

// maxLength is how many bytes a variable byte integer may have (section 1.5.5).
const maxLength = 4

func (r *Reader) header() (header, error) {
	first, err := r.in.ReadByte()
	if err != nil {
		return header{}, err
	}
	h := header{first: first}
	for i := range maxLength {
		b, err := r.in.ReadByte()
		if err != nil {
			return header{}, unexpected(err)
		}
		h.length |= int(b&0x7F) << (7 * i)
		if b < 0x80 {
			if b == 0 && i > 0 { // [MQTT-1.5.5-1]
				break
			}
			return h, nil
		}
	}
	return header{}, proto.Refuse(proto.MalformedPacket, "the length of a packet is malformed: send what MQTT allows")
}

// acceptable judges a packet by its fixed header, before the rest is awaited.
func (r *Reader) acceptable(h header) error {
	name := names[h.kind()]
	switch {
	case r.version == 0 && h.kind() != connect: // [MQTT-3.1.0-1]
		return proto.Refuse(proto.ProtocolError, "the first packet must be CONNECT")
	case name == "":
		return proto.Refuse(proto.ProtocolError, "a client may not send a packet of type %d", h.kind())
	case r.version != 0 && h.kind() == connect: // [MQTT-3.1.0-2]
		return proto.Refuse(proto.ProtocolError, "a second CONNECT came: open another connection for it")
	case h.kind() != publish && h.flags() != flagsOf(h.kind()): // [MQTT-2.1.3-1]
		return malformed(name, "its flags are reserved")
	case h.size() <= proto.MaxPacket, h.kind() == publish && h.size() <= MaxSkipped:
		return nil
	}
	return proto.Refuse(proto.PacketTooLarge, "a packet may have %d bytes at most: send less", proto.MaxPacket)
}

// fill reads a packet that may have its size, and checks it.
func (r *Reader) fill(h header) error {
	r.packet.Write(h.append(nil))
	start := r.packet.Len()
	if err := r.take(h.length); err != nil {
		return err
	}
	f := &fields{packet: names[h.kind()], version: r.version, rest: r.packet.Bytes()[start:]}
	if h.kind() == connect {
		r.version = f.connect()
	} else {
		f.check(h)
	}
	if f.refusal != nil {
		return f.refusal
	}
	return nil
}

// take appends the next n bytes of the stream to packet.
func (r *Reader) take(n int) error {
	got, err := r.packet.ReadFrom(io.LimitReader(r.in, int64(n)))
	if err == nil && got < int64(n) {
		err = io.ErrUnexpectedEOF
	}
	return err
}

// skip reads a PUBLISH that is too large, and leaves one with the same flags, topic
// and packet id, and nothing else.
func (r *Reader) skip(h header) error {
	if err := r.take(2); err != nil {
		return err
	}
	variable := 2 + int(binary.BigEndian.Uint16(r.packet.Bytes()))
	if h.qos() > 0 {
		variable += 2
	}
	short := header{first: h.first, length: variable}
	if r.version == 5 {
		short.length++ // of properties
	}
	switch {
	case variable > h.length:
		return malformed(names[publish], "its topic is longer than the packet")
	case short.size() > proto.MaxPacket:
		return proto.Refuse(proto.PacketTooLarge, "a packet may have %d bytes at most: send less", proto.MaxPacket)
	}
	if err := r.take(variable - 2); err != nil {
		return err
	}
	if _, err := r.in.Discard(h.length - variable); err != nil {
		return unexpected(err)
	}
	body := r.packet.Bytes()
	if r.version == 5 {
		body = append(body, 0)
	}
	r.packet = *bytes.NewBuffer(append(short.append(nil), body...))
	f := &fields{packet: names[publish], version: r.version, rest: body}
	if f.check(short); f.refusal != nil {
		return f.refusal
	}
	return nil
}

// unexpected is the error of a stream that ended within a packet.
func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

func malformed(packet, what string) *proto.Refusal {
	return proto.Refuse(proto.MalformedPacket, "malformed %s: %s", packet, what)
}
