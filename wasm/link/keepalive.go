package link

import (
	"context"
	"errors"
	"net"
	"time"

	"github.com/eclipse/paho.golang/packets"
	"github.com/eclipse/paho.golang/paho"
	"github.com/eclipse/paho.golang/paho/log"
)

// keepAlive ends a connection that shows no sign of life. It is paho's Pinger,
// but looks at the bytes themselves: a handler that takes its time must not
// look like a dead server.
type keepAlive struct {
	conn     *packetConn
	interval time.Duration
	probes   chan time.Duration // time-outs of asked probes
}

var _ paho.Pinger = (*keepAlive)(nil)

var errSilent = errors.New("the server gives no sign of life")

func newKeepAlive(conn *packetConn, interval time.Duration) *keepAlive {
	return &keepAlive{conn: conn, interval: interval, probes: make(chan time.Duration, 1)}
}

// probe asks for a sign of life within timeout. If a probe is about to begin
// anyway, that one answers both.
func (k *keepAlive) probe(timeout time.Duration) {
	select {
	case k.probes <- timeout:
	default:
	}
}

// Run implements paho.Pinger. keepAlive is in seconds, 0 if the server wants none:
// the client still does.
func (k *keepAlive) Run(ctx context.Context, _ net.Conn, keepAlive uint16) error {
	if server := time.Duration(keepAlive) * time.Second; server > 0 {
		k.interval = min(k.interval, server)
	}
	var asked question
	for {
		wake := time.NewTimer(time.Until(k.next(asked)))
		select {
		case <-ctx.Done():
			wake.Stop()
			return nil
		case timeout := <-k.probes:
			wake.Stop()
			asked = k.ask(timeout)
			continue
		case <-wake.C:
		}
		if !asked.open(k.conn) {
			asked = question{}
		}
		switch now := time.Now(); {
		case now.Before(k.next(asked)):
		case asked.open(k.conn):
			k.conn.fail(errSilent)
			return errSilent
		default:
			asked = k.ask(k.interval / 2)
		}
	}
}

// question is a PINGREQ that awaits an answer. The zero question asks nothing.
type question struct {
	reads    uint64 // activity when it was asked
	deadline time.Time
}

// open reports whether nothing at all was read since q was asked.
func (q question) open(c *packetConn) bool {
	return !q.deadline.IsZero() && c.activity().reads == q.reads
}

// next is when something has to be done: judge the question, or ask one
// because too long nothing was read, or nothing written (MQTT 5, 3.1.2.10).
func (k *keepAlive) next(asked question) time.Time {
	if !asked.deadline.IsZero() {
		return asked.deadline
	}
	a := k.conn.activity()
	if a.read.Before(a.written) {
		return a.read.Add(k.interval)
	}
	return a.written.Add(k.interval)
}

func (k *keepAlive) ask(timeout time.Duration) question {
	q := question{k.conn.activity().reads, time.Now().Add(timeout)}
	// An error has ended the connection already, and the reader tells.
	_, _ = packets.NewControlPacket(packets.PINGREQ).WriteTo(k.conn)
	return q
}

// PacketSent implements paho.Pinger; the connection knows better.
func (k *keepAlive) PacketSent() {}

// PacketReceived implements paho.Pinger; the connection knows better.
func (k *keepAlive) PacketReceived() {}

// PingResp implements paho.Pinger; the connection knows better.
func (k *keepAlive) PingResp() {}

// SetDebug implements paho.Pinger.
func (k *keepAlive) SetDebug(log.Logger) {}
