package gateway

import (
	"errors"
	"fmt"
	"time"

	"github.com/eclipse/paho.golang/packets"

	"parley/proto"
)

// signal says that there may be something to write.
func (c *connection) signal() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// acknowledge sends PUBACKs, in the order of the calls.
func (c *connection) acknowledge(ids []uint16) {
	c.mu.Lock()
	c.acks = append(c.acks, ids...)
	c.mu.Unlock()
	c.signal()
}

// send writes what there is to write until that fails or the connection is stopped.
func (c *connection) send(stopped <-chan struct{}) error {
	ping := time.NewTicker(keepAlive / 2)
	defer ping.Stop()
	for {
		if err := c.drain(); err != nil {
			return fmt.Errorf("the connection to the broker was lost: %w", err)
		}
		select {
		case <-c.wake:
		case <-ping.C:
			_, _ = packets.NewControlPacket(packets.PINGREQ).WriteTo(c.writer) // drain tells
		case <-stopped:
			return c.goodbye()
		}
	}
}

func (c *connection) goodbye() error {
	if err := c.drain(); err != nil {
		return err
	}
	return c.write(&packets.ControlPacket{FixedHeader: packets.FixedHeader{Type: packets.DISCONNECT}, Content: &packets.Disconnect{Properties: &packets.Properties{}}})
}

// drain writes acknowledgements and publications until there are no more, or as many
// publications fly as the broker lets.
func (c *connection) drain() error {
	for {
		if err := c.conn.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
			return err
		}
		acks := c.takeAcks()
		for _, id := range acks {
			if _, err := (&packets.Puback{PacketID: id, Properties: &packets.Properties{}}).WriteTo(c.writer); err != nil {
				return err
			}
		}
		published, err := c.publish()
		if err != nil {
			return err
		}
		if len(acks) == 0 && !published && !c.tellDebts() {
			return c.writer.Flush()
		}
	}
}

func (c *connection) takeAcks() []uint16 {
	c.mu.Lock()
	defer c.mu.Unlock()
	acks := c.acks
	c.acks = nil
	return acks
}

// mayPublish reports whether the broker takes one more that it has to acknowledge.
func (c *connection) mayPublish() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.quota > 0
}

// publish writes the next publication, if there is one that may be.
func (c *connection) publish() (bool, error) {
	p := c.gateway.queue.next(c.mayPublish())
	if p == nil {
		return false, nil
	}
	packet := &packets.Publish{
		Topic: proto.Down(p.user, p.branch), Payload: p.payload, QoS: p.qos(),
		Properties: &packets.Properties{ContentType: proto.ContentType},
	}
	if len(p.payload)+len(packet.Topic)+64 > c.maxPacket {
		c.gateway.refused(p, "the broker's Maximum Packet Size is too small")
		c.gateway.queue.settle(p)
		return true, nil
	}
	if packet.QoS > 0 {
		packet.PacketID = c.identifier(p)
	}
	if _, err := packet.WriteTo(c.writer); err != nil {
		return false, err
	}
	c.gateway.metrics.published.Inc()
	if packet.QoS == 0 {
		c.gateway.queue.settle(p)
	}
	return true, nil
}

// identifier gives a packet identifier, to be acknowledged. Of those fewer are taken than
// there are, since the quota bounds them.
func (c *connection) identifier(p *publication) uint16 {
	c.mu.Lock()
	defer c.mu.Unlock()
	for {
		c.last++
		if _, taken := c.flying[c.last]; c.last != 0 && !taken {
			break
		}
	}
	if p != nil {
		c.flying[c.last] = p
		c.quota--
	}
	return c.last
}

// acknowledged takes a PUBACK.
func (c *connection) acknowledged(ack *packets.Puback) error {
	c.mu.Lock()
	p := c.flying[ack.PacketID]
	if p != nil {
		delete(c.flying, ack.PacketID)
		c.quota++
	}
	c.mu.Unlock()
	if p == nil {
		return errors.New("the broker broke the protocol: it acknowledged what was not sent")
	}
	if ack.ReasonCode >= byte(proto.UnspecifiedError) {
		c.gateway.refused(p, fmt.Sprintf("%s (0x%02X)", reason(ack.Properties, ack.Reason()), ack.ReasonCode))
	}
	c.gateway.queue.settle(p)
	c.signal()
	return nil
}

// refused takes note that the broker would not take a publication: it is left out, as to
// send it again would hold up all others, and its user is owed to be told.
func (g *Gateway) refused(p *publication, why string) {
	g.metrics.left.Inc()
	g.log.Error("the broker did not take a publication, whose user is told to sync", "topic", proto.Down(p.user, p.branch), "because", why)
	if p.branch != proto.BranchUnread { // by which it is told
		g.queue.miss(p)
	}
}

// tellDebts lets users who missed something be told, when all else was sent. It reports
// whether there were some.
func (c *connection) tellDebts() bool {
	g := c.gateway
	users := g.queue.debts()
	if len(users) == 0 {
		return false
	}
	payload, err := g.service.Missed()
	if err != nil {
		g.log.Error("users who missed something cannot be told", "error", err)
		return false
	}
	for _, user := range users {
		g.metrics.missed.Inc()
		g.left(g.queue.add(publication{user: user, branch: proto.BranchUnread, payload: payload}))
	}
	return true
}
