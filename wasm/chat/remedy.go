package chat

import (
	"errors"
	"time"

	"parley/proto"
)

// remedy is what the engine does about an answer that is not what it asked for.
type remedy byte

const (
	// repeat does the same again after a backoff, on and on: it may have been
	// chance, or something on the way to the server.
	repeat remedy = iota
	// wait does the same again, and nothing else of the kind before, when the
	// server has said that it will take more, or after a backoff.
	wait
	// renew asks for a fresh token, and does the same again with that.
	renew
	// reconnect ends the session, which is not to be trusted any more; the next
	// one does the same again.
	reconnect
	// yield does nothing until the person asks.
	yield
	// giveUp tells the person why. Nothing but new reasons can change it: the
	// person, another connection, the next comparison of heads.
	giveUp
	// hide takes the conversation from the list: it is not this user's any more.
	hide
)

// occasion is what the engine was about.
type occasion byte

const (
	connecting occasion = iota // CONNACK, SUBACK, and the DISCONNECT that ends a session
	publishing                 // PUBACK
	reading                    // the answer of the history
)

// remedies are all there are, by what the server said and what it answered
// with it. What is answered over HTTP is looked up by ReasonOfStatus.
var remedies = map[proto.Reason][reading + 1]remedy{
	proto.UnspecifiedError:       {connecting: repeat, publishing: wait, reading: repeat},
	proto.MalformedPacket:        {connecting: repeat, publishing: giveUp, reading: giveUp},
	proto.ProtocolError:          {connecting: repeat, publishing: giveUp, reading: giveUp},
	proto.ImplementationSpecific: {connecting: repeat, publishing: giveUp, reading: giveUp},
	proto.BadUserNameOrPassword:  {connecting: renew, publishing: giveUp, reading: renew},
	proto.NotAuthorized:          {connecting: renew, publishing: giveUp, reading: hide},
	serverUnavailable:            {connecting: wait, publishing: wait, reading: wait},
	proto.ServerBusy:             {connecting: wait, publishing: wait, reading: wait},
	proto.ServerShuttingDown:     {connecting: wait, publishing: wait, reading: wait},
	proto.SessionTakenOver:       {connecting: yield, publishing: giveUp, reading: giveUp},
	proto.TopicNameInvalid:       {connecting: repeat, publishing: giveUp, reading: giveUp},
	identifierInUse:              {connecting: repeat, publishing: wait, reading: giveUp},
	proto.PacketTooLarge:         {connecting: repeat, publishing: giveUp, reading: giveUp},
	proto.MessageRateTooHigh:     {connecting: wait, publishing: wait, reading: wait},
	proto.QuotaExceeded:          {connecting: wait, publishing: wait, reading: wait},
	proto.PayloadFormatInvalid:   {connecting: repeat, publishing: giveUp, reading: giveUp},
	connectionRateExceeded:       {connecting: wait, publishing: wait, reading: wait},
}

// Reason codes that other brokers send (MQTT 5, section 2.4).
const (
	serverUnavailable      proto.Reason = 0x88
	identifierInUse        proto.Reason = 0x91
	connectionRateExceeded proto.Reason = 0x9F
)

var (
	// unknown is for every other reason.
	unknown = [reading + 1]remedy{connecting: repeat, publishing: giveUp, reading: repeat}
	// unanswered is where there was no answer at all.
	unanswered = [reading + 1]remedy{connecting: repeat, publishing: reconnect, reading: repeat}
)

// remedyOf looks up what to do about an error. why is what the server said, an
// empty Refusal if it said nothing.
func remedyOf(at occasion, err error) (do remedy, why *proto.Refusal) {
	if !errors.As(err, &why) {
		return unanswered[at], new(proto.Refusal)
	}
	row, known := remedies[why.Reason]
	if !known {
		row = unknown
	}
	if do = row[at]; do == repeat && why.Retry > 0 { // it says when
		do = wait
	}
	return do, why
}

// ReasonOfStatus is the reason code that says most nearly what an HTTP status
// says that is no success. own tells that the answer is a problem document
// (RFC 9457), as Parley's server gives them: what a proxy or a network says in
// its place may be other next time, and means no user and no conversation.
func ReasonOfStatus(status int, own bool) proto.Reason {
	switch {
	case status == 401:
		return proto.BadUserNameOrPassword
	case status == 429:
		return proto.QuotaExceeded
	case status == 503:
		return proto.ServerBusy
	case !own, status < 400, status == 408, status == 425:
		return proto.UnspecifiedError
	case status == 403:
		return proto.NotAuthorized
	case status == 404, status == 405, status == 410:
		return proto.TopicNameInvalid
	case status == 413:
		return proto.PacketTooLarge
	case status == 501:
		return proto.ImplementationSpecific
	case status < 500:
		return proto.PayloadFormatInvalid
	}
	return proto.UnspecifiedError
}

// maxWait is the longest wait that a server is believed.
const maxWait = 10 * time.Minute

// patience is how long to wait after one more such answer: as long as the
// server says, if it does, and then a little, since others wait for the same.
func (b *backoff) patience(host Host, why *proto.Refusal) time.Duration {
	return min(why.Retry, maxWait) + b.busy(host)
}
