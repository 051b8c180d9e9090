package gateway

import (
	"crypto/sha256"
	"encoding/binary"
	"time"

	"parley/proto"
)

// clocksBegan is the earliest create_time that a clock gave, in Unix milliseconds:
// less is no time, or one in other units.
var clocksBegan = uint64(time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC).UnixMilli())

// ref is what stands as client_ref for an arrival, if its payload names none: its
// Correlation Data, if that can be one. Otherwise one is made of what does not change
// when the broker sends the same again, because it had no acknowledgement:
//
//   - topic and payload, if that has a create_time, in Unix milliseconds: nobody sends
//     the same twice in one. So the author's own repeats are known, too.
//   - else topic, payload, the broker's session, and in it the packet identifier, which the
//     standard has a broker keep for a repeat [MQTT-4.4.0-1] (Mosquitto does). One that
//     does not, RabbitMQ, may have a message stored twice that was committed but not
//     acknowledged when the server ended (intake knows those of the same process); none is
//     taken for another that it is not, but where an identifier comes round again with the
//     same payload after 65,535.
//
// Of other branches it means nothing.
func ref(a *arrival) []byte {
	if correlation := a.packet.Properties.CorrelationData; len(correlation) == proto.RefSize {
		return correlation
	}
	hash := sha256.New()
	if created(a) < clocksBegan {
		if a.packet.QoS == 0 { // which does not come again
			return nil
		}
		hash.Write(binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint64(nil, a.session), a.packet.PacketID))
	}
	hash.Write(binary.BigEndian.AppendUint16(nil, uint16(len(a.packet.Topic))))
	hash.Write([]byte(a.packet.Topic))
	hash.Write(a.packet.Payload)
	return hash.Sum(nil)[:proto.RefSize]
}

// created is when a message was made, as it says; 0 if it does not, or cannot be read.
func created(a *arrival) uint64 {
	switch a.branch {
	case proto.BranchMessage:
		var m proto.Message
		if proto.Unmarshal(a.packet.Payload, &m) == nil {
			return m.GetCreateTime()
		}
	case proto.BranchService:
		var m proto.ServiceMessage
		if proto.Unmarshal(a.packet.Payload, &m) == nil {
			return m.GetCreateDate()
		}
	}
	return 0
}
