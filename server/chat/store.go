package chat

import (
	"context"

	"parley/proto"
)

// Store is the durable history. One implementation keeps SQL (server/store);
// storetest holds what every implementation must keep.
type Store interface {
	// Epoch is the random id of this history, never 0.
	Epoch() uint64
	// Update runs change in one transaction. When Update returns nil, the
	// transaction is on disk; when it returns an error, none of it is, and the
	// error of change, if that was the cause, is wrapped. Updates run one at a
	// time. change must not keep the Tx.
	Update(ctx context.Context, change func(Tx) error) error
	// View runs read on one consistent snapshot, beside updates.
	View(ctx context.Context, read func(View) error) error
	Close() error
}

// View reads one consistent state of the history. Byte slices and pointers
// that it returns belong to the caller.
type View interface {
	// LastID is the highest message id there is, 0 if none.
	LastID() (uint64, error)
	// Conversation returns the zero Conversation if there is none.
	Conversation(key proto.Key) (Conversation, error)
	// Member returns the zero Member if the user has none in the conversation.
	Member(key proto.Key, user uint64) (Member, error)
	// Entries returns entries with after < seq < before, in seq order: the
	// lowest limit of them, or the highest if newest. before 0 means no bound.
	Entries(key proto.Key, after, before uint64, limit int, newest bool) ([]Entry, error)
	// FirstBy finds the sender's entry with the lowest seq > after; the zero
	// Entry if there is none. Body need not be set.
	FirstBy(key proto.Key, sender uint64, after uint64) (Entry, error)
	// CountBy counts the sender's entries with seq > after.
	CountBy(key proto.Key, sender uint64, after uint64) (uint64, error)
	// ByRef finds the entry that a sender stored under a client_ref; the zero
	// Entry if there is none.
	ByRef(sender uint64, ref [proto.RefSize]byte) (Entry, error)
	// Changed returns the user's members with Rev > after, in Rev order, limit at most.
	Changed(user, after uint64, limit int) ([]Member, error)
	// Rev is the highest Rev of all members, 0 if none.
	Rev() (uint64, error)
	// User returns the zero User if there is none.
	User(id uint64) (User, error)
	// Users finds users whose name contains query, case folded, or whose id is
	// query in decimal; by name, limit at most.
	Users(query string, limit int) ([]User, error)
}

// Tx is a View that sees its own writes.
type Tx interface {
	View
	PutConversation(Conversation) error
	PutMember(Member) error
	// Append adds an entry. An error if its seq, its id, or its sender and ref are taken.
	Append(Entry) error
	PutUser(User) error
}

// Conversation is the state of one conversation that all its members share.
type Conversation struct {
	Key  proto.Key
	Head uint64 // seq of the newest entry; 0 if none
	Min  uint64 // seq of the oldest entry kept; 0 if none
}

// Member is what the history keeps of one user in one conversation.
type Member struct {
	Key  proto.Key
	User uint64
	// Rev is the change number of this row: each change of a row, or of what
	// its conversation shows to the user, gives it a number above all others.
	Rev uint64
	// Watermarks, which only rise.
	Read, Delivered uint64
	// Waiting is what this user asked and the other side answered.
	Waiting proto.Waiting
}

// Entry is one stored message.
type Entry struct {
	Key        proto.Key
	Seq        uint64
	ID         uint64
	Sender     uint64
	Ref        [proto.RefSize]byte
	CreateTime uint64 // Unix milliseconds
	// Body is the proto.Message or proto.ServiceMessage as delivered, encoded.
	Body []byte
}

// User is somebody who has been here.
type User struct {
	ID   uint64
	Name string
}
