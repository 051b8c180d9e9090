package link

import (
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"
)

// packetConn is the connection as paho sees it. paho writes a packet in
// several pieces, between Lock and Unlock; packetConn gathers them and makes
// one Write of each packet, hence one WebSocket message. What it reads is
// checked before paho believes it.
//
// It also knows what paho does not tell: when something was last read and
// written, and what broke the connection first.
type packetConn struct {
	net.Conn
	// Of the one reader:
	guard  guard
	unread []byte // room for what is read at once
	ended  error  // why no more is read

	writing sync.Mutex // held from Lock to Unlock; guards packet
	packet  []byte

	mu      sync.Mutex // guards what follows
	closed  bool
	cause   error
	seen    activity
	connack byte // as in guard
}

// activity is when a connection was last used.
type activity struct {
	reads   uint64 // how often something was read
	read    time.Time
	written time.Time
}

// maxRead is how many bytes are read at once.
const maxRead = 32 << 10

// maxKept is the largest buffer kept from one packet to the next.
const maxKept = 64 << 10

func newPacketConn(conn net.Conn) *packetConn {
	now := time.Now()
	return &packetConn{Conn: conn, guard: guard{limit: maxPacket}, unread: make([]byte, maxRead), seen: activity{read: now, written: now}}
}

// Lock begins a packet.
func (c *packetConn) Lock() {
	c.writing.Lock()
	c.packet = c.packet[:0]
}

// Write adds to the packet. It may be called only between Lock and Unlock, and never fails.
func (c *packetConn) Write(p []byte) (int, error) {
	c.packet = append(c.packet, p...)
	return len(p), nil
}

// Unlock sends the packet. A failure ends the connection: the reader tells.
func (c *packetConn) Unlock() {
	defer c.writing.Unlock()
	if err := c.flush(); err != nil {
		c.fail(fmt.Errorf("the connection to the server was lost: %w", err))
	}
	if cap(c.packet) > maxKept {
		c.packet = nil
	}
}

func (c *packetConn) flush() error {
	if err := c.Conn.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
		return err
	}
	if _, err := c.Conn.Write(c.packet); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.seen.written = time.Now()
	return nil
}

// Read reads what the guard lets pass.
func (c *packetConn) Read(p []byte) (int, error) {
	for len(c.guard.passed) == 0 {
		if c.ended != nil {
			c.fail(c.ended)
			return 0, c.ended
		}
		c.ended = c.receive()
	}
	n := copy(p, c.guard.passed)
	c.guard.passed = c.guard.passed[n:]
	return n, nil
}

// receive takes in what there is. What came before an error is still passed.
func (c *packetConn) receive() error {
	n, err := c.Conn.Read(c.unread)
	if n > 0 {
		refused := c.guard.check(c.unread[:n])
		c.mu.Lock()
		c.seen.reads++
		c.seen.read = time.Now()
		c.connack = c.guard.connack
		c.mu.Unlock()
		if refused != nil {
			return refused
		}
	}
	if err != nil {
		return lost(err)
	}
	return nil
}

func lost(err error) error {
	if errors.Is(err, io.EOF) {
		return errors.New("the server closed the connection")
	}
	return fmt.Errorf("the connection to the server was lost: %w", err)
}

// fail closes the connection. The first cause stands, unless the connection
// was closed on purpose before.
func (c *packetConn) fail(cause error) {
	c.mu.Lock()
	if !c.closed && c.cause == nil {
		c.cause = cause
	}
	c.mu.Unlock()
	c.Close()
}

// Close closes the connection without a cause. What closing itself says does
// not matter any more: nothing is left to lose.
func (c *packetConn) Close() error {
	c.mu.Lock()
	first := !c.closed
	c.closed = true
	c.mu.Unlock()
	if !first {
		return nil
	}
	return c.Conn.Close()
}

// broken returns what broke the connection; nil if nothing did, or it was
// closed on purpose.
func (c *packetConn) broken() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.cause
}

// shortConnack is the code of a CONNACK of MQTT 3; 0 if there was none.
func (c *packetConn) shortConnack() byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.connack
}

func (c *packetConn) activity() activity {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.seen
}
