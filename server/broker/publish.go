package broker

import (
	"context"
	"errors"
	"math"
	"strconv"
	"time"

	"github.com/mochi-mqtt/server/v2/packets"

	"parley/proto"
	"parley/server/chat"
)

// publish serves a PUBLISH and returns what mochi is to do: CodeSuccessIgnore,
// acknowledge and fan out to nobody; a Code of 0x80 or above, refuse; or
// ErrRejectPacket, nothing. Any other error it would acknowledge as success.
func (s *session) publish(pk packets.Packet) error {
	receipt, refusal := s.store(pk)
	if refusal == nil {
		s.receipt = receipt
		return packets.CodeSuccessIgnore
	}
	s.refused("publish", refusal)
	s.intake.wait(s.user.repeats, 1)
	qos := pk.FixedHeader.Qos
	switch {
	case s.version == 5 && refusal.Reason == retainNotSupported: // CONNACK said so (MQTT 5, section 3.2.2.3.5)
		s.end(refusal)
		return packets.ErrRejectPacket
	case qos == 0:
		return packets.ErrRejectPacket
	case s.version == 5:
		s.why = refusal
		return packets.Code{Code: byte(ackReason(refusal.Reason)), Reason: refusal.Text}
	case refusal.Reason.Temporary(): // see the package comment
		s.end(refusal)
		return packets.ErrRejectPacket
	}
	return packets.CodeSuccessIgnore
}

// store checks a publication and hands it to the Backend.
func (s *session) store(pk packets.Packet) (chat.Receipt, *proto.Refusal) {
	if wait := s.tooFast(); wait > 0 {
		return chat.Receipt{}, proto.Refuse(proto.QuotaExceeded, "too fast, wait %v and send it again", wait).Named("too-fast")
	}
	if pk.FixedHeader.Retain {
		return chat.Receipt{}, proto.Refuse(retainNotSupported, "this server retains nothing: publish without retain")
	}
	if s.cut {
		return chat.Receipt{}, proto.Refuse(proto.PacketTooLarge, "a packet may have %d bytes at most: send less", proto.MaxPacket)
	}
	user, branch, ok := proto.ParseUp(pk.TopicName)
	if !ok || user != s.sender.User {
		return chat.Receipt{}, proto.Refuse(proto.NotAuthorized,
			"you may publish to chat/%d/up/message, service, mark, sync, typing, settings, block and choice only", s.sender.User)
	}
	receipt, err := s.handOver(branch, pk)
	if err == nil {
		s.broker.metrics.published(branch)
		return receipt, nil
	}
	var refusal *proto.Refusal
	if errors.As(err, &refusal) && refusal.Reason >= proto.UnspecifiedError {
		return chat.Receipt{}, refusal
	}
	s.log.Error("publication not stored", "branch", string(branch), "error", err)
	return chat.Receipt{}, proto.Refuse(proto.UnspecifiedError, "the server could not store this now: send it again").Named("try-again")
}

// handOver gives a publication to the Backend.
func (s *session) handOver(branch proto.Branch, pk packets.Packet) (chat.Receipt, error) {
	backend := s.broker.config.Backend
	if branch == proto.BranchSync {
		answer, err := backend.Sync(s.sender, pk.Payload)
		if err == nil {
			s.intake.wait(s.user.repeats, 1)
			s.sync(answer)
		}
		return chat.Receipt{}, err
	}
	ctx, cancel := context.WithTimeout(s.broker.ctx, s.broker.config.PublishTimeout)
	defer cancel()
	return backend.Publish(ctx, s.sender, branch, pk.Payload, pk.Properties.CorrelationData)
}

// tooFast takes one publication from the user's rate; if there is none, it
// returns how long to wait.
func (s *session) tooFast() time.Duration {
	r := s.user.limiter.Reserve()
	wait := r.Delay()
	if wait > 0 {
		r.Cancel()
		wait = max(wait.Round(10*time.Millisecond), 10*time.Millisecond)
	}
	return wait
}

// ackReason is the reason as PUBACK and PUBREC may carry it: the specification
// has a closed list (MQTT 5, section 3.4.2.1), and strict clients drop the
// connection over any other code. What is temporary stays so, what is final too.
func ackReason(reason proto.Reason) proto.Reason {
	switch reason {
	case proto.UnspecifiedError, proto.ImplementationSpecific, proto.NotAuthorized, proto.TopicNameInvalid,
		packetIDInUse, proto.QuotaExceeded, proto.PayloadFormatInvalid:
		return reason
	}
	if reason.Temporary() {
		return proto.QuotaExceeded
	}
	return proto.PayloadFormatInvalid
}

// acknowledge completes a PUBACK or PUBREC of mochi's.
func (s *session) acknowledge(pk packets.Packet) packets.Packet {
	if pk.FixedHeader.Type == packets.Pubrec && pk.ReasonCode == byte(packetIDInUse) {
		// The same QoS 2 publication again, before PUBREL: it gets the same
		// answer again [MQTT-4.3.3-10].
		receipt, again := s.received[pk.PacketID]
		if s.qos != 2 || !again {
			return pk
		}
		s.receipt, pk.ReasonCode, pk.Properties.ReasonString = receipt, 0, ""
	}
	if pk.ReasonCode >= byte(proto.UnspecifiedError) {
		if s.qos == 2 {
			pk.FixedHeader.Type = packets.Pubrec // mochi refuses by PUBACK
		}
		if s.why != nil {
			pk.Properties.User = propertiesOf(s.why, s.maxPacket)
		}
		return pk
	}
	pk.ReasonCode = 0 // mochi sends the QoS
	if pk.FixedHeader.Type == packets.Pubrec {
		if s.received == nil {
			s.received = make(map[uint16]chat.Receipt) // bounded by Receive Maximum
		}
		s.received[pk.PacketID] = s.receipt
	}
	if s.receipt != (chat.Receipt{}) {
		pk.Properties.User = []packets.UserProperty{
			{Key: proto.PropertyMessageID, Val: strconv.FormatUint(s.receipt.MessageID, 10)},
			{Key: proto.PropertySeq, Val: strconv.FormatUint(s.receipt.Seq, 10)},
			{Key: proto.PropertyCreateTime, Val: strconv.FormatUint(s.receipt.CreateTime, 10)},
		}
	}
	return pk
}

// maxAround bounds what stands around the properties of a packet that refuses, in bytes.
const maxAround = 16

// propertiesOf are what a packet that refuses says beside its Reason String: when
// the same may go through, and what names the sentence, as far as there is room for
// it in the client's Maximum Packet Size; 0 is no bound.
func propertiesOf(why *proto.Refusal, maxPacket uint32) []packets.UserProperty {
	size := maxAround + len(why.Text)
	var told []packets.UserProperty
	tell := func(properties ...packets.UserProperty) {
		for _, p := range properties {
			size += 5 + len(p.Key) + len(p.Val)
		}
		if maxPacket == 0 || size <= int(maxPacket) {
			told = append(told, properties...)
		}
	}
	if why.Retry >= time.Second {
		tell(packets.UserProperty{Key: proto.PropertyRetryAfter, Val: strconv.Itoa(int(math.Ceil(why.Retry.Seconds())))})
	}
	if why.Code != "" {
		named := []packets.UserProperty{{Key: proto.PropertyCode, Val: why.Code}}
		for _, arg := range why.Args {
			named = append(named, packets.UserProperty{Key: proto.PropertyArg, Val: arg})
		}
		tell(named...)
	}
	return told
}
