package link

import (
	"strconv"
	"strings"
	"time"

	"github.com/eclipse/paho.golang/packets"
	"github.com/eclipse/paho.golang/paho"

	"parley/proto"
	"parley/wasm/chat"
)

// maxReason is the longest reason string of a server that is passed on, in bytes.
const maxReason = 512

// refusal makes a Refusal of a reason code and the server's words for it; if
// it has none, fallback says what the specification says.
func refusal(code byte, words, fallback string) *proto.Refusal {
	if words == "" {
		words = fallback
	}
	if words == "" {
		words = "the server refused it and gave no reason"
	}
	if len(words) > maxReason {
		words = strings.ToValidUTF8(words[:maxReason], "") + "…"
	}
	return &proto.Refusal{Reason: proto.Reason(code), Text: words}
}

// maxArgs is how many arguments of a sentence are taken from a server.
const maxArgs = 8

// told adds to a refusal what the user properties beside it say.
func told(why *proto.Refusal, properties []packets.User) *proto.Refusal {
	for _, property := range properties {
		switch {
		case len(property.Value) > maxReason:
		case property.Key == proto.PropertyCode:
			why.Code = property.Value
		case property.Key == proto.PropertyArg && len(why.Args) < maxArgs:
			why.Args = append(why.Args, property.Value)
		}
	}
	return why.In(retryAfter(properties))
}

// connackRefusal returns nil for a CONNACK that accepts.
func connackRefusal(ca *paho.Connack) *proto.Refusal {
	if ca.ReasonCode == packets.ConnackSuccess {
		return nil
	}
	words, properties := "", []packets.User(nil)
	if ca.Properties != nil {
		words, properties = ca.Properties.ReasonString, ca.Properties.User.ToPacketProperties()
	}
	code := fromMQTT3(ca.ReasonCode)
	return told(refusal(code, words, (&packets.Connack{ReasonCode: code}).Reason()), properties)
}

// fromMQTT3 translates the CONNACK return codes of MQTT 3.1.1 (3.2.2.3), with
// which some servers answer MQTT 5 too, to reason codes.
func fromMQTT3(code byte) byte {
	switch code {
	case 1:
		return packets.ConnackUnsupportedProtocolVersion
	case 2:
		return packets.ConnackInvalidClientID
	case 3:
		return packets.ConnackServerUnavailable
	case 4:
		return packets.ConnackBadUsernameOrPassword
	case 5:
		return packets.ConnackNotAuthorized
	}
	if code < 0x80 {
		return packets.ConnackProtocolError
	}
	return code
}

// disconnectRefusal returns nil for a DISCONNECT without a reason.
func disconnectRefusal(d *packets.Disconnect) *proto.Refusal {
	if d == nil || d.ReasonCode < 0x80 {
		return nil
	}
	words, properties := "", []packets.User(nil)
	if d.Properties != nil {
		words, properties = d.Properties.ReasonString, d.Properties.User
	}
	return told(refusal(d.ReasonCode, words, d.Reason()), properties)
}

// maxRetry is the longest wait that a server is believed.
const maxRetry = 365 * 24 * time.Hour

// retryAfter is after how long the server takes the same again; 0 if it does not say.
func retryAfter(properties []packets.User) time.Duration {
	for _, property := range properties {
		if property.Key != proto.PropertyRetryAfter {
			continue
		}
		if n, err := strconv.ParseUint(property.Value, 10, 64); err == nil {
			return time.Duration(min(n, uint64(maxRetry/time.Second))) * time.Second
		}
	}
	return 0
}

// acknowledgement reads a PUBACK. 0x10, no matching subscribers, is a success.
func acknowledgement(p *packets.Puback) (chat.Ack, error) {
	if p.ReasonCode >= 0x80 {
		return chat.Ack{}, told(refusal(p.ReasonCode, p.Properties.ReasonString, p.Reason()), p.Properties.User)
	}
	var ack chat.Ack
	fields := map[string]*uint64{
		proto.PropertyMessageID:  &ack.MessageID,
		proto.PropertySeq:        &ack.Seq,
		proto.PropertyCreateTime: &ack.CreateTime,
	}
	for _, property := range p.Properties.User {
		if field := fields[property.Key]; field != nil {
			n, err := strconv.ParseUint(property.Value, 10, 64)
			if err != nil {
				return chat.Ack{}, nil // not ours: the echo will tell
			}
			*field = n
		}
	}
	if ack.MessageID == 0 || ack.Seq == 0 {
		return chat.Ack{}, nil // a broker that acknowledges by itself
	}
	return ack, nil
}
