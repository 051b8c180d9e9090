package chat

import (
	"parley/proto"
)

// conversation is what the engine keeps in memory of one conversation:
// watermarks, which seqs are stored, and what is still to be confirmed. The
// messages themselves stay in the store.
type conversation struct {
	name string
	key  proto.Key

	head   uint64 // newest seq known to exist
	min    uint64 // oldest seq the server still has; 0 if unknown
	stored ranges // seqs in the store, or on the way into it

	mine, peer marks
	acked      marks // what of mine the server is known to have
	unread     unread
	waiting    waitingTimes
	peerName   string
	introduced bool           // the server was asked for the name
	last       *proto.Message // newest known

	outbox []*outgoing // in the order of sending
	shown  bool        // somebody asked for its timeline
	// shownFrom is the oldest seq that a timeline began with; 0 if none.
	shownFrom uint64
	repair    repair
	reads     []*read // of the store, under way
}

// marks are one side's watermarks.
type marks struct{ delivered, read uint64 }

// raise returns the higher of both, and read implies delivered.
func (m marks) raise(o marks) marks {
	read := max(m.read, o.read)
	return marks{delivered: max(m.delivered, o.delivered, read), read: read}
}

// waitingTimes are Unix milliseconds as the server computed them, 0 for nobody.
type waitingTimes struct{ since, awaiting uint64 }

// unread counts entries of others after the reader's watermark. The server
// gives a count for one head and one watermark; what the client learns after
// that is kept as what it is, until everything up to the head is known and
// folds into the count. Repeats and reordering change nothing.
type unread struct {
	head, read uint64          // what count is for
	count      uint64          // entries of others in (read, head]
	later      map[uint64]bool // entries after head; true for those of others
}

// entry adds one entry, whatever its place.
func (u *unread) entry(seq uint64, foreign bool) {
	if seq <= u.head {
		return
	}
	if u.later == nil {
		u.later = make(map[uint64]bool)
	}
	u.later[seq] = foreign
	for {
		foreign, known := u.later[u.head+1]
		if !known {
			return
		}
		u.head++
		delete(u.later, u.head)
		if foreign && u.head > u.read {
			u.count++
		}
	}
}

// row takes over a count of the server, for its head and watermark.
func (u *unread) row(head, read, count uint64) {
	if head < u.head || read < u.read {
		return
	}
	u.head, u.read, u.count = head, read, count
	for seq := range u.later {
		if seq <= head {
			delete(u.later, seq)
		}
	}
	u.entry(0, false)
}

// total returns the count for a watermark. exact is false if what lies between
// is not known: then the total is too high.
func (u *unread) total(read uint64) (count uint64, exact bool) {
	if read < u.head {
		count = u.count
	}
	for seq, foreign := range u.later {
		if foreign && seq > read {
			count++
		}
	}
	return count, read == u.read || read >= u.head
}

// read lets the count begin at a watermark that rose, with the entries of
// others that this takes away; all of them, once the watermark is at the head.
func (u *unread) rise(read, foreign uint64) {
	if read <= u.read {
		return
	}
	u.read = read
	u.count -= min(u.count, foreign)
	if read >= u.head {
		u.count = 0
	}
}

// add takes in entries that are new to the store and returns those.
func (c *conversation) add(entries []entry, self uint64) []entry {
	var fresh []entry
	for _, e := range entries {
		if e.seq == 0 || c.stored.has(e.seq) {
			continue
		}
		c.stored = c.stored.add(e.seq, e.seq)
		c.head = max(c.head, e.seq)
		c.unread.entry(e.seq, e.message.GetSenderId() != self)
		if c.last == nil || e.seq >= c.last.GetSeq() {
			c.last = e.message
		}
		for _, r := range c.reads {
			r.meanwhile = append(r.meanwhile, e)
		}
		fresh = append(fresh, e)
	}
	return fresh
}

// floor is the oldest seq that can be had.
func (c *conversation) floor() uint64 { return max(c.min, 1) }

// gap reports whether the entry just before seq exists and is missing here.
func (c *conversation) gap(seq uint64) bool {
	return seq > c.floor() && !c.stored.has(seq-1)
}
