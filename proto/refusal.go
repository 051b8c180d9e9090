package proto

import (
	"fmt"
	"time"
)

// Reason is an MQTT 5 reason code (MQTT 5, section 2.4). Codes of 0x80 and
// above refuse.
type Reason byte

// The reason codes that Parley sends.
const (
	Success                Reason = 0x00
	UnspecifiedError       Reason = 0x80
	MalformedPacket        Reason = 0x81
	ProtocolError          Reason = 0x82
	ImplementationSpecific Reason = 0x83
	BadUserNameOrPassword  Reason = 0x86
	NotAuthorized          Reason = 0x87
	ServerBusy             Reason = 0x89
	ServerShuttingDown     Reason = 0x8B
	SessionTakenOver       Reason = 0x8E
	TopicNameInvalid       Reason = 0x90
	PacketTooLarge         Reason = 0x95
	MessageRateTooHigh     Reason = 0x96
	QuotaExceeded          Reason = 0x97
	PayloadFormatInvalid   Reason = 0x99
)

// Temporary reports whether a client should send the same again by itself,
// later: the server was too busy, not the message wrong.
func (r Reason) Temporary() bool {
	switch r {
	case UnspecifiedError, ServerBusy, ServerShuttingDown, MessageRateTooHigh, QuotaExceeded:
		return true
	}
	return false
}

// Refusal says why something was refused: a reason code for the program and a
// sentence for the person, which names what was wrong and what to do and never
// holds content of the message.
type Refusal struct {
	Reason Reason
	Text   string
	// Code is a word that stands for the sentence, for programs that say it in
	// other words, and Args are what it speaks of: numbers in decimal, durations in
	// seconds. "" where nobody but a developer meets it.
	Code string
	Args []string
	// Retry is after how long the same may go through, where that is known; 0
	// where it is not, or never will.
	Retry time.Duration
}

// Refuse makes a Refusal. The text is formatted as by fmt.Sprintf.
func Refuse(reason Reason, format string, args ...any) *Refusal {
	return &Refusal{Reason: reason, Text: fmt.Sprintf(format, args...)}
}

// Named names the sentence by a word, with what it speaks of, and returns r.
func (r *Refusal) Named(code string, args ...any) *Refusal {
	r.Code = code
	for _, arg := range args {
		if wait, ok := arg.(time.Duration); ok {
			arg = int64((wait + time.Second - 1) / time.Second)
		}
		r.Args = append(r.Args, fmt.Sprint(arg))
	}
	return r
}

// In says after how long the same may go through, and returns r.
func (r *Refusal) In(wait time.Duration) *Refusal {
	r.Retry = wait
	return r
}

// InWords is how long to wait, for a Refusal's text: whole seconds, minutes or
// hours, rounded up.
func InWords(wait time.Duration) string {
	n, unit := (wait+time.Second-1)/time.Second, "second"
	switch {
	case wait > time.Hour:
		n, unit = (wait+time.Hour-1)/time.Hour, "hour"
	case wait > time.Minute:
		n, unit = (wait+time.Minute-1)/time.Minute, "minute"
	}
	if n != 1 {
		unit += "s"
	}
	return fmt.Sprintf("%d %s", n, unit)
}

func (r *Refusal) Error() string {
	return fmt.Sprintf("%s (0x%02X)", r.Text, byte(r.Reason))
}
