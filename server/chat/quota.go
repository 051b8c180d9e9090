package chat

import (
	"fmt"
	"time"

	"parley/proto"
)

const (
	// entryBytes is what an entry takes in the history beside its body, and
	// conversationBytes what a conversation takes beside its entries: rows, and
	// their places in indexes.
	entryBytes        = 256
	conversationBytes = 512

	day = 24 * time.Hour
)

// LeastBytes is the lowest quota of bytes that makes sense: the largest message
// fits into it, with a conversation that it begins.
const LeastBytes = proto.MaxPacket + entryBytes + conversationBytes

// Quotas bound what users may have stored, by the server's clock and across
// restarts. Each is a Bucket: so much at once, and so much again bit by bit
// within the time named. What goes beyond is refused with QuotaExceeded, and
// disturbs nobody else. 0 is no bound.
type Quotas struct {
	// Bytes a day of a user who answers for no service; LeastBytes or more. An
	// entry counts with its body and what it takes beside.
	Bytes uint64
	// AgentBytes is the same of agents: they answer many.
	AgentBytes uint64
	// Conversations is how many an hour a user may begin who answers for no
	// service. To answer begins nothing.
	Conversations uint64
}

func (q Quotas) check() error {
	for _, n := range []uint64{q.Bytes, q.AgentBytes} {
		if n > 0 && n < LeastBytes {
			return fmt.Errorf("chat: a quota of %d bytes is too small for one message: at least %d", n, LeastBytes)
		}
	}
	return nil
}

// quota is what one sender may have stored.
type quota struct {
	bytes, conversations uint64 // 0: no bound
}

func (q Quotas) of(from Sender) quota {
	if len(from.Services) > 0 {
		return quota{bytes: q.AgentBytes}
	}
	return quota{q.Bytes, q.Conversations}
}

// Usage is what a user has used of the quotas.
type Usage struct {
	User                 uint64
	Bytes, Conversations Bucket
}

// usage is a Usage in a batch.
type usage struct {
	Usage
	changed bool
}

// usage returns what a user has used. Who changes it calls changeUsage.
func (b *batch) usage(user uint64) (*usage, error) {
	if u := b.usages[user]; u != nil {
		return u, nil
	}
	stored, err := b.tx.Usage(user)
	if err != nil {
		return nil, err
	}
	u := &usage{Usage: stored}
	b.usages[user] = u
	return u, nil
}

func (b *batch) changeUsage(u *usage) {
	if !u.changed {
		u.changed = true
		b.changedUsages = append(b.changedUsages, u)
	}
}

// spend counts an entry of so many bytes towards the sender's quotas, or refuses it.
func (b *batch) spend(c *conversation, sender uint64, q quota, size int) (refusal, err error) {
	if q == (quota{}) {
		return nil, nil
	}
	u, err := b.usage(sender)
	if err != nil {
		return nil, err
	}
	now := b.now
	after, cost := u.Usage, uint64(size)+entryBytes
	if c.Head == 0 {
		cost += conversationBytes
		if q.conversations > 0 {
			if wait := after.Conversations.add(1, q.conversations, time.Hour, now); wait > 0 {
				return tooMany(wait, "you began %d conversations, as many as you may in an hour: begin the next one in %s", q.conversations, proto.InWords(wait)).
					Named("too-many-conversations", q.conversations, wait), nil
			}
		}
	}
	if q.bytes > 0 {
		if wait := after.Bytes.add(cost, q.bytes, day, now); wait > 0 {
			return tooMany(wait, "you have sent %s, as much as you may in a day: there is room for this in %s", sizeOf(q.bytes), proto.InWords(wait)).
				Named("too-much-sent", q.bytes, wait), nil
		}
	}
	u.Usage = after
	b.changeUsage(u)
	return nil, nil
}

func tooMany(wait time.Duration, format string, args ...any) *proto.Refusal {
	return proto.Refuse(proto.QuotaExceeded, format, args...).In(wait)
}

// sizeOf is a number of bytes in words.
func sizeOf(n uint64) string {
	if n < 1<<20 {
		return fmt.Sprintf("%d KiB", n>>10)
	}
	return fmt.Sprintf("%d MiB", n>>20)
}
