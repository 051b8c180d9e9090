package main

import (
	"fmt"
	"log/slog"
)

const (
	// ownFiles is how many files the server needs for itself: the history and
	// its readers, keys, listeners, the metrics' connections, and some to spare.
	ownFiles = 64
	// maxMetrics bounds the connections of those who read metrics.
	maxMetrics = 16
	// maxRequests is for how many connections of HTTP, those for MQTT apart, there is
	// always room, and maxRequestsPerAddress bounds those of one address: a household
	// or a company of some hundred browsers, each with six.
	maxRequests, maxRequestsPerAddress = 4_000, 512
	// maxPending bounds the WebSockets that have not sent CONNECT.
	maxPending = 1_000
)

// capacity is for how many connections of each kind there is always room. MQTT has no
// more; HTTP may have what the others leave, and makes way for them.
type capacity struct {
	users    int // MQTT, who have said who they are
	pending  int // MQTT, who have not
	requests int // HTTP
}

// all is how many there may be together.
func (c capacity) all() int { return c.users + c.pending + c.requests }

// requestsPerAddress is how many of requests an address may have.
func (c capacity) requestsPerAddress() int { return min(maxRequestsPerAddress, c.requests/2) }

// divide shares out the files that the process may open, so that no kind of
// connection takes the room of another, or of the history. users is how many
// there are to be.
func divide(files, users int, log *slog.Logger) (capacity, error) {
	room := files - ownFiles
	if room < ownFiles {
		return capacity{}, fmt.Errorf("only %d files may be open at once: let it be %d or more (ulimit -n)", files, 2*ownFiles)
	}
	c := capacity{requests: min(maxRequests, room/4), pending: min(maxPending, room/8)}
	if c.users = min(users, room-c.requests-c.pending); c.users < users {
		log.Warn("the limit of open files leaves fewer connections than -max-connections: raise it (ulimit -n)",
			"files", files, "connections", c.users, "max-connections", users)
	}
	return c, nil
}
