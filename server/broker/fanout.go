package broker

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"

	"github.com/mochi-mqtt/server/v2/packets"

	"parley/proto"
)

// Publish delivers payload to each connection of the user that subscribed to the
// branch, at QoS 0. It never blocks. Calls one after another are delivered in
// that order. A connection whose queue is full misses it, and is told to sync as
// soon as it has room. payload must not be changed afterwards.
func (b *Broker) Publish(user uint64, branch proto.Branch, payload []byte) {
	d := delivery{topic: proto.Down(user, branch), payload: payload}
	ephemeral := branch == proto.BranchTyping || branch == proto.BranchPresence
	b.users.each(user, func(s *session) {
		err := b.deliver(s, branch, &d, func(packet []byte) error { return s.enqueue(packet, ephemeral) })
		if errors.Is(err, errMissed) {
			b.missed(s)
		} // else it was delivered, or the connection ends, or was told or will be
	})
}

// missed lets a session be told to sync, as soon as it has room.
func (b *Broker) missed(s *session) {
	b.metrics.missed.Inc()
	payload, err := b.config.Backend.Missed()
	if err != nil {
		s.log.Error("a connection that missed deliveries cannot be told", "error", err)
		s.endSlow()
		return
	}
	identifiers, ok := s.subscribed(proto.BranchUnread)
	d := delivery{topic: proto.Down(s.sender.User, proto.BranchUnread), payload: payload}
	packet, err := d.encode(s.version, identifiers)
	if !ok || err != nil || s.maxPacket > 0 && uint32(len(packet)) > s.maxPacket {
		s.endSlow()
		return
	}
	s.owe(packet)
}

// errNoConnection is why PublishTo delivers nothing.
var errNoConnection = fmt.Errorf("broker: the connection has ended: %w", net.ErrClosed)

// PublishTo implements chat.Fanout: it waits until little is queued for the
// connection, so that what others publish meanwhile overtakes what is yet to
// come.
func (b *Broker) PublishTo(ctx context.Context, user uint64, client string, branch proto.Branch, payload []byte) error {
	s := b.users.find(user, client)
	if s == nil {
		return errNoConnection
	}
	d := delivery{topic: proto.Down(user, branch), payload: payload}
	return b.deliver(s, branch, &d, func(packet []byte) error { return s.await(ctx, packet) })
}

// deliver sends to a session what it subscribed to and can take. The error is
// that of send.
func (b *Broker) deliver(s *session, branch proto.Branch, d *delivery, send func(packet []byte) error) error {
	identifiers, ok := s.subscribed(branch)
	if !ok {
		return nil
	}
	packet, err := d.encode(s.version, identifiers)
	if err != nil || s.maxPacket > 0 && uint32(len(packet)) > s.maxPacket { // [MQTT-3.1.2-24]
		b.metrics.drops.Inc()
		return nil
	}
	if err := send(packet); err != nil {
		b.metrics.drops.Inc()
		return err
	}
	b.metrics.deliveries.Inc()
	return nil
}

// delivery is one PUBLISH to many connections, encoded once per version.
type delivery struct {
	topic   string
	payload []byte
	encoded [2][]byte // for MQTT 3.1.1 and 5, without identifiers
}

func (d *delivery) encode(version byte, identifiers []int) ([]byte, error) {
	packet := &d.encoded[0]
	if version == 5 {
		packet = &d.encoded[1]
	}
	if version == 5 && len(identifiers) > 0 {
		packet = new([]byte)
	}
	if *packet != nil {
		return *packet, nil
	}
	pk := packets.Packet{
		FixedHeader:     packets.FixedHeader{Type: packets.Publish},
		ProtocolVersion: version,
		TopicName:       d.topic,
		Payload:         d.payload,
		Properties:      packets.Properties{ContentType: proto.ContentType, SubscriptionIdentifier: identifiers},
	}
	var buf bytes.Buffer
	if err := pk.PublishEncode(&buf); err != nil {
		return nil, err
	}
	*packet = buf.Bytes()
	return *packet, nil
}
