// Package chat is the server's sequencer: it authorises what users send,
// numbers it, stores it and fans it out. It knows neither MQTT nor HTTP nor
// SQL: the broker and the HTTP handlers call it, and it calls a Store and a
// Fanout.
package chat

import (
	"parley/proto"
)

// A Sender is an authenticated user's connection.
type Sender struct {
	User     uint64
	Name     string
	Services []proto.ServiceType // those the user answers for: an agent
	Client   string              // MQTT client id, unique per device
}

// Receipt is what the acknowledgement of a stored message carries.
type Receipt struct {
	MessageID  uint64
	Seq        uint64
	CreateTime uint64 // Unix milliseconds
}

// Fanout delivers to every connection of a user. Publish must not block and
// keeps the order of calls per user; it may drop, since clients notice holes.
// The payload must not be changed afterwards by either side.
type Fanout interface {
	Publish(user uint64, branch proto.Branch, payload []byte)
}
