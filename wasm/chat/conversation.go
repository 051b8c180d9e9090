package chat

import (
	"cmp"

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
	size   uint64 // about how many bytes the bodies of these have

	mine, peer   marks
	receiptTimes receiptTimes
	acked        marks // what of mine the server is known to have
	unread       unread
	status       status
	names        names
	introduced   bool // the server was asked for the names
	blocked      bool // I block the other
	choices      choices
	notes        uint64 // how often those on it changed
	group        group  // of a group alone
	last         entry  // newest known; its seq is 0 if there is none
	// unknown are the fields of the newest row that a newer server gave it.
	unknown []byte

	revisions revisions
	outbox    []*outgoing // in the order of sending
	shown     bool        // somebody asked for its timeline
	opened    uint64      // when it was last opened here, Unix milliseconds by the server's clock; 0: never
	// evicted is the newest seq that made room: those up to it are fetched again once it is opened.
	evicted uint64
	// aged is the last entry on the oldest stored page, as far as that was looked for.
	aged known
	// shownFrom is the oldest seq that a timeline began with; 0 if none.
	shownFrom uint64
	repair    repair
	reads     []*read // of the store, under way
}

// names are labels as the server last saw them, never identities.
type names struct {
	peer       string
	assignee   string
	assigneeID uint64 // whose name assignee is
	head       uint64 // of the row that told them: rows may come in any order
}

// row returns the names after a row, of a conversation with head.
func (n names) row(head uint64, row *proto.ConversationState) names {
	if head < n.head {
		return n
	}
	return names{cmp.Or(row.GetPeerName(), n.peer), row.GetAssigneeName(), row.GetAssigneeId(), head}
}

// of returns an agent's name if it is known, else "".
func (n names) of(agent uint64) string {
	if agent != n.assigneeID {
		return ""
	}
	return n.assignee
}

// choices are what I chose for the conversation in my lists, see proto.Choice.
type choices struct {
	pinned, muted, markedUnread bool
	archivedThrough             uint64
}

func choicesOf(row *proto.ConversationState) choices {
	return choices{row.GetPinned(), row.GetMuted(), row.GetMarkedUnread(), row.GetArchivedThrough()}
}

// marks are one side's watermarks.
type marks struct{ delivered, read uint64 }

// raise returns the higher of both, and read implies delivered.
func (m marks) raise(o marks) marks {
	read := max(m.read, o.read)
	return marks{delivered: max(m.delivered, o.delivered, read), read: read}
}

// add takes in entries that are new to the store and returns those.
func (c *conversation) add(entries []entry, self uint64) []entry {
	var fresh []entry
	last, newest := c.last.seq, -1 // among fresh, of what lists show
	for _, x := range entries {
		if x.seq < c.floor() || c.stored.has(x.seq) {
			continue
		}
		c.stored = c.stored.add(x.seq, x.seq)
		c.size += uint64(len(x.body))
		c.head = max(c.head, x.seq)
		event := x.eventTo(self)
		c.unread.entry(x.seq, c.counts(x, self))
		c.status.entry(c.key.Kind(), event)
		if event.Side != c.key.Side(self) && c.key.Kind() != proto.Group {
			c.receiptTimes.wrote(event)
		}
		if x.seq >= last && !event.Type.Revises() {
			last, newest = x.seq, len(fresh)
		}
		for _, r := range c.reads {
			r.meanwhile = append(r.meanwhile, x)
		}
		fresh = append(fresh, x)
	}
	if newest >= 0 {
		c.last = fresh[newest].preview()
	}
	return fresh
}

// leave takes note of what is left of what is stored, in size too: as if all entries had as much of it.
func (c *conversation) leave(stored ranges) {
	if before := c.entries(); before > 0 {
		c.stored = stored
		c.size = c.size * c.entries() / before
	}
}

// entries is how many are stored.
func (c *conversation) entries() uint64 { return count(c.stored) }

// counts reports whether an entry is unread to me until I have read it.
func (c *conversation) counts(x entry, self uint64) bool {
	return !x.by(self) && c.key.Counts(x.event().Type, self)
}

// archived reports whether it is out of my list.
func (c *conversation) archived() bool {
	return proto.Archived(c.choices.archivedThrough, c.head, c.choices.muted) && len(c.outbox) == 0
}

// queued reports whether I answer in it, as an agent.
func (c *conversation) queued(self uint64) bool {
	return c.key.Kind() == proto.Service && c.key.Customer() != self
}

// floor is the oldest seq that can be had.
func (c *conversation) floor() uint64 { return max(c.min, 1) }

// gap reports whether the entry just before seq exists and is missing here.
func (c *conversation) gap(seq uint64) bool {
	return seq > c.floor() && !c.stored.has(seq-1)
}
