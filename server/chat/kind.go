package chat

import "parley/proto"

// kind is what differs from one kind of conversation to another, in one place for each
// question whose answer hangs on it: nobody else asks which kind a conversation is of, but
// for what only one of them has.
type kind interface {
	// admits reports whether a user may be of the conversation, as far as that can be said
	// without the history.
	admits(who Sender, key proto.Key) bool
	// access is what of the log a user may read whom admits lets pass.
	access(m Member) access
	// copies are entries as the user gets them.
	copies(user uint64, key proto.Key, entries []Entry) ([]Entry, error)
	// hearers are those who are told that a user types.
	hearers(v View, user uint64, key proto.Key) ([]uint64, error)
	// waiting is what the user's side, and the other one, asked and was answered.
	waiting(v View, c Conversation, m Member) (mine, theirs proto.Waiting, err error)
	// fill adds to a row what conversations of other kinds do not have.
	fill(v View, row *proto.ConversationState, c Conversation, m Member) error
	// fold takes an entry into what c and its author keep of the log.
	fold(b *batch, c *conversation, author *member, e proto.Event) error
	// recall takes back what an entry that was taken back, and was like that, asked and answered.
	recall(b *batch, c *conversation, target Entry, was proto.Event) error
	// follow returns whom a change of what is shown of c alike to many (batch.revise) is
	// pushed to, in their rows.
	follow(b *batch, key proto.Key) ([]uint64, error)
	// show lets others see the watermarks of m, which rose from before: in their rows, and if
	// tell at once.
	show(b *batch, c *conversation, m *member, before Member, tell bool) error
	// rename lets those who are shown the user's name learn it.
	rename(b *batch, key proto.Key, user uint64) error
	// trim lets everybody learn that the oldest entries of c are kept no more.
	trim(b *batch, c *conversation) error
}

// kindOf returns the kind of a conversation's key, which is not zero.
func kindOf(key proto.Key) kind {
	switch key.Kind() {
	case proto.Service:
		return withService{}
	case proto.Group:
		return ofGroup{}
	}
	return direct{}
}

// access is which entries of a log a user may read: those from one on and, unless it is 0,
// through another. The zero access is none.
type access struct {
	from, through uint64
}

// all is access to a whole log.
var all = access{from: 1}

// has reports whether an entry may be read.
func (a access) has(seq uint64) bool {
	return a != access{} && seq >= a.from && (a.through == 0 || seq <= a.through)
}

// narrow returns what of a conversation, its newest entry and its oldest, is there for
// somebody with this access.
func (a access) narrow(head, oldest uint64) (uint64, uint64) {
	if a.through != 0 {
		head = min(head, a.through)
	}
	if head == 0 || a.from <= 1 {
		return head, oldest
	}
	return head, min(max(oldest, a.from), head+1)
}
