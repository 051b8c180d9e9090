package chat

import "parley/proto"

// receiptTimes are when the other side's watermarks rose. Like these they only
// ever learn more: repeated, reordered and lost news come to the same.
type receiptTimes struct{ delivered, read proto.ReceiptTimes }

// times are when a message, or all up to a watermark, was delivered and read
// at the latest: Unix milliseconds by the server's clock, 0 if unknown.
type times struct{ delivered, read uint64 }

// add takes in when watermarks were reached, and returns the lowest seq for
// which more is known now; 0 if none.
func (a *receiptTimes) add(to marks, at times) (from uint64) {
	return lower(
		a.delivered.Add(proto.Step{Seq: to.delivered, Time: at.delivered}),
		a.read.Add(proto.Step{Seq: to.read, Time: at.read}))
}

// wrote takes in an entry of the other side: its author had read, when it was
// stored, what it says they had seen. So replies tell when old messages were
// read where nothing else is known of it, as in a browser that is new.
func (a *receiptTimes) wrote(e proto.Event) {
	if e.Seen != nil {
		a.read.Add(proto.Step{Seq: min(*e.Seen, e.Seq-1), Time: e.Time})
	}
}

// times returns when a message of mine came to the other side, as far as it
// has: never before it was stored, and never read before it was delivered,
// whatever the clocks of two servers say.
func (c *conversation) times(seq, stored uint64) (at times) {
	if seq <= c.peer.delivered {
		at.delivered = c.receiptTimes.delivered.By(seq)
	}
	if seq <= c.peer.read {
		at.read = c.receiptTimes.read.By(seq)
		at.delivered = lower(at.delivered, at.read)
	}
	if at.delivered != 0 {
		at.delivered = max(at.delivered, stored)
	}
	if at.read != 0 {
		at.read = max(at.read, stored)
	}
	return at
}

// lower returns the lower of two numbers of which 0 is none.
func lower(a, b uint64) uint64 {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}
