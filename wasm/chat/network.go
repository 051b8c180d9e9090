package chat

import (
	"context"
	"time"

	"parley/proto"
)

// Network opens MQTT sessions. Package link implements it over WebSocket.
type Network interface {
	// Open connects (clean start), subscribes to the user's down branch at
	// maximum QoS 0 and returns after the SUBACK. Everything of a failed Open is closed before
	// it returns; the error wraps a *proto.Refusal if the server gave a reason.
	// Events reach handler from the SUBACK on, at times before Open returns,
	// one at a time; Closed comes last and exactly once, only for a session
	// that Open returned.
	Open(ctx context.Context, c Credentials, handler Handler) (Session, error)
}

// Credentials are what CONNECT carries.
type Credentials struct {
	User     uint64
	Token    string
	ClientID string
}

// Handler receives what a session brings. A method that blocks holds up the
// session, with what keeps it alive: none should.
type Handler interface {
	// Deliver brings a PUBLISH on the user's down branch. payload belongs to the handler.
	Deliver(branch proto.Branch, payload []byte)
	// Closed tells why the session ended: a *proto.Refusal for a DISCONNECT
	// with a reason, otherwise what went wrong; nil after Close.
	Closed(err error)
}

// Session is an open MQTT connection.
type Session interface {
	// Publish sends payload on the user's up branch, at QoS 1, and never
	// blocks. done is called exactly once, from another goroutine: with the
	// acknowledgement, a *proto.Refusal, or what ended the session or the wait
	// for the PUBACK (10 s). ref goes out as Correlation Data; nil for none.
	Publish(branch proto.Branch, payload, ref []byte, done func(Ack, error))
	// Notify sends payload at QoS 0 and forgets it. Never blocks.
	Notify(branch proto.Branch, payload []byte)
	// Probe asks the server for a sign of life (PINGREQ) and ends the session if none comes within
	// the time-out. Never blocks.
	Probe(timeout time.Duration)
	// Close sends DISCONNECT and closes the socket; it does not wait for the peer.
	Close()
}

// Ack is what a PUBACK said. The fields are 0 when the broker acknowledges by
// itself and the id comes with the echo.
type Ack struct {
	MessageID  uint64
	Seq        uint64
	CreateTime uint64 // Unix milliseconds
}

// History asks the server for stored messages. Package bridge implements it with fetch.
type History interface {
	// Messages returns an encoded MessagePage or, by the key, ServiceMessagePage:
	// the entries with after < seq < before in seq order, the newest limit of them;
	// before 0 means no bound. It need not look at what the server gave. Errors wrap
	// a *proto.Refusal if the server gave a reason.
	Messages(ctx context.Context, token, key string, after, before uint64, limit int) (page []byte, err error)
	// Revised returns likewise, wherever they stand, the entries that others spoke of after
	// one, by revised_seq, the oldest limit of them.
	Revised(ctx context.Context, token, key string, after uint64, limit int) (page []byte, err error)
	// Search returns an encoded SearchAnswer, of at most limit messages that are older than q.Before; 0 means no bound.
	// Errors are as of Messages.
	Search(ctx context.Context, token string, q Query, limit int) (answer []byte, err error)
	// Group returns an encoded GroupRoster. Errors are as of Messages.
	Group(ctx context.Context, token string, group uint64) (roster []byte, err error)
}
