package chat

import (
	"context"
	"slices"

	"parley/proto"
)

// outgoing is a message in the outbox. One per conversation is on the way at a
// time, so that sends keep their order whatever fails in between.
type outgoing struct {
	Outgoing
	entry   entry
	ref     ref
	session int  // the session it is on the way in; 0 if it is not
	tried   bool // it may have reached the server
	retry   backoff
	stop    func()  // the retry timer; nil if there is none
	held    *Reason // why the server does not take it yet; nil if the person need not know
	// Of its files: how many bytes the server has of each, and what ends what is under way; nil if nothing is.
	uploaded []uint64
	known    []bool // that the server was asked
	abort    context.CancelFunc
}

// queue puts a message into the outbox in its place: another one may have been
// numbered after it while it was written.
func (c *conversation) queue(o *outgoing) {
	i, _ := slices.BinarySearchFunc(c.outbox, o.Number, func(x *outgoing, number uint64) int { return compare(x.Number, number) })
	c.outbox = slices.Insert(c.outbox, i, o)
}

// unconfirmed returns the message of the outbox that has a ref, or nil.
func (c *conversation) unconfirmed(r ref) *outgoing {
	i := slices.IndexFunc(c.outbox, func(o *outgoing) bool { return o.ref == r })
	if i < 0 {
		return nil
	}
	return c.outbox[i]
}

// branch is where an entry is sent.
func (x entry) branch() proto.Branch {
	if x.service != nil {
		return proto.BranchService
	}
	return proto.BranchMessage
}
