package broker

import (
	"bytes"

	"github.com/mochi-mqtt/server/v2/packets"

	"parley/proto"
)

// Publish delivers payload to each connection of the user that subscribed to the
// branch, at QoS 0. It never blocks. Calls one after another are delivered in
// that order. A connection whose queue is full is disconnected. payload must not
// be changed afterwards.
func (b *Broker) Publish(user uint64, branch proto.Branch, payload []byte) {
	d := delivery{topic: proto.Down(user, branch), payload: payload}
	b.users.each(user, func(s *session) {
		identifiers, ok := s.subscribed(branch)
		if !ok {
			return
		}
		packet, err := d.encode(s.version, identifiers)
		if err != nil || s.maxPacket > 0 && uint32(len(packet)) > s.maxPacket || s.send(packet) != nil { // [MQTT-3.1.2-24]
			b.metrics.drops.Inc()
			return
		}
		b.metrics.deliveries.Inc()
	})
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
