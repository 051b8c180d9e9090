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
		packet := d.encode(s.version, identifiers)
		if s.maxPacket > 0 && uint32(len(packet)) > s.maxPacket { // [MQTT-3.1.2-24]
			b.metrics.drops.Inc()
			return
		}
		if s.send(packet) != nil {
			b.metrics.drops.Inc()
			return
		}
		b.metrics.deliveries.Inc()
	})
}

// delivery is one PUBLISH to many connections, encoded once per version.
type delivery struct {
	topic    string
	payload  []byte
	v311, v5 []byte
}

func (d *delivery) encode(version byte, identifiers []int) []byte {
	switch {
	case version < 5:
		return encodeOnce(&d.v311, d, version, nil)
	case len(identifiers) == 0:
		return encodeOnce(&d.v5, d, version, nil)
	}
	var own []byte
	return encodeOnce(&own, d, version, identifiers)
}

func encodeOnce(packet *[]byte, d *delivery, version byte, identifiers []int) []byte {
	if *packet == nil {
		pk := packets.Packet{
			FixedHeader:     packets.FixedHeader{Type: packets.Publish},
			ProtocolVersion: version,
			TopicName:       d.topic,
			Payload:         d.payload,
			Properties:      packets.Properties{ContentType: proto.ContentType, SubscriptionIdentifier: identifiers},
		}
		var buf bytes.Buffer
		if err := pk.PublishEncode(&buf); err != nil { // only for a QoS above 0 without packet id
			panic(err)
		}
		*packet = buf.Bytes()
	}
	return *packet
}
