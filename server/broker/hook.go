package broker

import (
	"bytes"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"

	"parley/proto"
	"parley/server/chat"
)

// hook is where mochi asks. It only says which method of the session answers.
type hook struct{ mqtt.HookBase }

var hooked = []byte{
	mqtt.OnPacketRead, mqtt.OnConnect, mqtt.OnConnectAuthenticate, mqtt.OnSessionEstablished,
	mqtt.OnACLCheck, mqtt.OnPublish, mqtt.OnSubscribed, mqtt.OnUnsubscribe, mqtt.OnUnsubscribed,
	mqtt.OnPacketEncode,
}

func (*hook) ID() string           { return "parley" }
func (*hook) Provides(b byte) bool { return bytes.IndexByte(hooked, b) >= 0 }

func of(cl *mqtt.Client) *session { return cl.Net.Conn.(*session) }

// OnPacketRead comes first, for each packet. Of all errors only ErrRejectPacket
// counts, and it ends the connection.
func (*hook) OnPacketRead(cl *mqtt.Client, pk packets.Packet) (packets.Packet, error) {
	s := of(cl)
	if s.ending() { // what was being read is not served any more
		return pk, packets.ErrRejectPacket
	}
	switch pk.FixedHeader.Type {
	case packets.Connect:
		return s.readConnect(cl, pk), nil
	case packets.Publish:
		s.qos, s.receipt, s.why = pk.FixedHeader.Qos, chat.Receipt{}, nil
		if pk.TopicName != "" && pk.TopicName[0] == '$' {
			// mochi drops what goes to $SYS and $share without an
			// acknowledgement. This is refused, as they must be.
			pk.TopicName = "not" + pk.TopicName
		}
		return pk, nil
	}
	s.intake.wait(s.intake.control, 1)
	switch pk.FixedHeader.Type {
	case packets.Pubrel:
		delete(s.received, pk.PacketID)
	case packets.Subscribe, packets.Unsubscribe:
		pk = readFilters(pk)
	case packets.Disconnect:
		// CONNACK said that no session is kept; asking again for one is no
		// reason for an error.
		pk.Properties.SessionExpiryIntervalFlag = false
	}
	return pk, nil
}

func (*hook) OnConnect(cl *mqtt.Client, _ packets.Packet) error {
	return of(cl).connect(cl)
}

// OnConnectAuthenticate comes after OnConnect, which has authenticated.
func (*hook) OnConnectAuthenticate(*mqtt.Client, packets.Packet) bool { return true }

func (*hook) OnSessionEstablished(cl *mqtt.Client, _ packets.Packet) { of(cl).connected = true }

// OnACLCheck is about filters; for topics OnPublish says more than no.
func (*hook) OnACLCheck(cl *mqtt.Client, topic string, write bool) bool {
	return write || of(cl).mayRead(topic)
}

func (*hook) OnPublish(cl *mqtt.Client, pk packets.Packet) (packets.Packet, error) {
	return pk, of(cl).publish(pk)
}

func (*hook) OnSubscribed(cl *mqtt.Client, pk packets.Packet, codes []byte) {
	of(cl).subscribe(pk.Filters, codes)
}

// OnUnsubscribe keeps foreign filters from mochi's index.
func (*hook) OnUnsubscribe(cl *mqtt.Client, pk packets.Packet) packets.Packet {
	for i, f := range pk.Filters {
		if !of(cl).mayRead(f.Filter) {
			pk.Filters[i].Filter = "none"
		}
	}
	return pk
}

func (*hook) OnUnsubscribed(cl *mqtt.Client, pk packets.Packet) {
	of(cl).unsubscribe(pk.Filters)
}

// OnPacketEncode completes what mochi answers.
func (*hook) OnPacketEncode(cl *mqtt.Client, pk packets.Packet) packets.Packet {
	s := of(cl)
	switch pk.FixedHeader.Type {
	case packets.Connack:
		pk.Mods.DisallowProblemInfo = false // that is about other packets [MQTT-3.1.2-29]
		if pk.ReasonCode == 0 {
			return acceptance(pk)
		}
	case packets.Puback, packets.Pubrec:
		return s.acknowledge(pk)
	case packets.Suback:
		for _, code := range pk.ReasonCodes {
			if code >= byte(proto.UnspecifiedError) {
				pk.Properties.ReasonString = s.filterRule()
			}
		}
	}
	return pk
}
