package link

import (
	"errors"
	"fmt"

	"github.com/eclipse/paho.golang/packets"
)

// guard follows a server's bytes from packet to packet, takes deliveries out, and refuses what paho
// must not see. paho allocates whatever length is declared, and fails badly on
// some packets that a server may not send to a client which publishes at QoS
// 0 or 1, subscribes at QoS 0 and asked for no enhanced authentication: AUTH,
// and the halves of QoS 2. The zero guard refuses every packet with content.
type guard struct {
	limit   int                        // of the Remaining Length
	deliver func(content []byte) error // takes what a PUBLISH has after the Remaining Length, and keeps nothing of it
	passed  []byte                     // for paho

	part  int  // what the next byte is
	first byte // of the packet: type and flags
	shift uint
	left  int    // Remaining Length, or what is left of it
	at    int    // place in the packet's content
	whole []byte // the content of a PUBLISH, as far as it came in pieces

	// connack is the code of a CONNACK in the short form of MQTT 3, with which
	// a server that knows nothing else answers. paho takes it for truncated.
	connack byte
}

const (
	partType = iota
	partLength
	partContent
)

// check looks at the next bytes of the stream. After an error the stream is useless.
func (g *guard) check(p []byte) error {
	for len(p) > 0 {
		switch g.part {
		case partType:
			if err := g.begin(p[0]); err != nil {
				return err
			}
			p = p[1:]
		case partLength:
			if err := g.length(p[0]); err != nil {
				return err
			}
			p = p[1:]
		case partContent:
			n := min(g.left, len(p))
			if err := g.content(p[:n]); err != nil {
				return err
			}
			p = p[n:]
		}
	}
	return nil
}

func (g *guard) begin(first byte) error {
	g.part, g.first, g.shift, g.left, g.at = partLength, first, 0, 0, 0
	switch first {
	case packets.CONNACK << 4, packets.PUBACK << 4, packets.SUBACK << 4,
		packets.PINGRESP << 4, packets.DISCONNECT << 4,
		packets.PUBLISH << 4, packets.PUBLISH<<4 | 1: // QoS 0, retained or not
		g.pass(first)
		return nil
	}
	return fmt.Errorf("the server broke the protocol: it sent a packet that begins with 0x%02X", first)
}

func (g *guard) length(b byte) error {
	g.left |= int(b&0x7F) << g.shift
	g.shift += 7
	more := b&0x80 != 0
	switch {
	case more && g.shift == 28:
		return errors.New("the server broke the protocol: it sent a packet length of more than four bytes")
	case g.left > g.limit:
		return fmt.Errorf("the server sent a packet of %d bytes or more; the limit is %d", g.left, g.limit)
	case more:
	case g.left > 0:
		g.part = partContent
	case g.delivers():
		return errDelivery
	case g.first>>4 == packets.DISCONNECT:
		// Legal, for "normal disconnection", but paho takes it for truncated.
		return errors.New("the server ended the session without saying why")
	default:
		g.part = partType
	}
	g.pass(b)
	return nil
}

func (g *guard) content(p []byte) error {
	if g.first>>4 == packets.CONNACK && g.at <= 1 && g.at+len(p) > 1 && g.at+g.left == 2 {
		g.connack = p[1-g.at]
	}
	g.pass(p...)
	began := g.at == 0
	g.at += len(p)
	g.left -= len(p)
	if g.left == 0 {
		g.part = partType
	}
	switch {
	case !g.delivers():
		return nil
	case began && g.left == 0:
		return g.deliver(p)
	}
	g.whole = append(g.whole, p...)
	if g.left > 0 {
		return nil
	}
	whole := g.whole
	g.whole = nil
	return g.deliver(whole)
}

// delivers reports whether the packet is a PUBLISH.
func (g *guard) delivers() bool { return g.first>>4 == packets.PUBLISH }

// pass lets paho see bytes of a packet that it is to see.
func (g *guard) pass(b ...byte) {
	if !g.delivers() {
		g.passed = append(g.passed, b...)
	}
}
