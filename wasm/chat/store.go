package chat

import (
	"context"
	"errors"

	"parley/proto"
)

// Store keeps one user's history in this browser profile. The engine makes one
// call at a time to Apply; Messages may run beside it. Two implementations:
// IndexedDB (package idb) and Memory; storetest holds what both must keep.
type Store interface {
	// Load returns everything but the messages and, where it knows which rows are on top, the others; it names what of
	// this cannot be read; ErrFailed or ErrFull if nothing can now: then it is called again and again.
	Load(ctx context.Context) (Snapshot, error)
	// Rows returns the rows whose keys come after one, in the order of the keys' bytes, at most so many; with a *Damage
	// those that can be read.
	Rows(ctx context.Context, after string, limit int) ([]Row, error)
	// Messages returns the stored entries with from <= seq <= to, in seq order; with a *Damage those that can be read.
	Messages(ctx context.Context, key string, from, to uint64) ([]Entry, error)
	// Candidates says, for each span, on which pages messages may be that a probe looks for: none that has one is
	// missing. A page that the index does not know is a candidate.
	Candidates(ctx context.Context, spans []Span, p Probe) ([]Candidates, error)
	// Index completes the index of a span by the stored messages, of which it is no change.
	Index(ctx context.Context, s Span) error
	// Apply does all of the batch or nothing, and keeps the index true: what it says of a page is of the messages
	// on it alone. Once it returns nil, closing or
	// crashing the tab loses none of it.
	Apply(ctx context.Context, b Batch) error
	Close() error
}

// ErrReopened is what Apply, Rows and Messages return once a Store has lost what it
// had open, as where the person deleted the site's data, and has opened it
// again: nothing was done, or nobody knows, and what is there now may be less, or another's.
// After the next Load, which tells, they work again.
var ErrReopened = errors.New("the stored history was opened again, and may hold something else now")

// ErrFull is what Apply returns where there is no room, and Messages where nothing can be read either until there is:
// nothing was done.
var ErrFull error = &Reason{Text: "the browser's storage is full: free some space on this device", Code: "storage-full"}

// A Watched store notices by itself that it lost what it had open.
type Watched interface {
	// Watch names a function to call then; it is called from anywhere, and must
	// not block. Any call of the Store finds out what there is now.
	Watch(lost func())
}

// Meta is what the store keeps once.
type Meta struct {
	// Epoch of the server's history that the stored ranges describe; 0 before the first sync.
	Epoch uint64
	// SyncToken of the last complete sync answer; "" before the first.
	SyncToken string
	// Device is random, made once per browser profile and user: it ends the MQTT client id.
	Device string
	// EditWindow is for how many seconds the server lets messages be changed, and one more; 0 if
	// it did not say.
	EditWindow uint64
	// Indexed is the search.Version by which everything stored is indexed; 0: perhaps not everything.
	Indexed uint64
	// Keeping is the number of a KeepingState; 0 in records of earlier versions.
	Keeping uint64
	// Limits of what is kept; none in records of earlier versions.
	Limits Limits
}

// Snapshot is what the store holds, but the messages.
type Snapshot struct {
	Meta Meta
	// Conversations are those on Top, and those with something in Outbox; all if Top is nil.
	Conversations []Row
	Outbox        []Outgoing // by Number
	// Top is the last Batch's that had one; nil: none had, as of earlier versions. Some may have no row.
	Top     []string
	Damaged Damage // what of these, and of Meta, is left out
}

// First are the keys of the conversations that are loaded first: what is on top, and in the outbox. Each comes once.
func (s *Snapshot) First() []string {
	var first dirtySet
	for _, key := range s.Top {
		first.add(key)
	}
	for _, o := range s.Outbox {
		first.add(o.Key)
	}
	return first.names
}

// Row is what the store keeps of one conversation.
type Row struct {
	Key string
	// State is an encoded proto.ConversationState.
	State []byte
	// Ranges of seq that are stored, ascending, neither touching nor overlapping.
	Ranges []Range
	// When the other side's watermarks rose; none in records of earlier versions.
	Delivered, Read proto.ReceiptTimes
	// Revised is up to which entry all stored ones say what those that spoke of them made
	// of them; 0 in records of earlier versions.
	Revised uint64
	// Opened is when it was last opened here, Unix milliseconds by the server's clock; 0 in records of earlier versions.
	Opened uint64
	// Size is about how many bytes the bodies of the stored entries have; 0 in records of earlier versions.
	Size uint64
}

// Range is the seqs From to To, both included.
type Range struct{ From, To uint64 }

// Entry is one confirmed message: an encoded proto.Message or
// proto.ServiceMessage, by its conversation's kind. Seq is never 0.
type Entry struct {
	Key  string
	Seq  uint64
	Body []byte
	// replaces says that it takes the place of one that is stored, of which nothing may stay.
	replaces bool
}

// Outgoing is a message that is not confirmed yet.
type Outgoing struct {
	// Number orders sends: each has a higher one than all that are stored. Never 0.
	Number uint64
	Key    string
	// Body is the encoded message as it goes out, with its client_ref.
	Body []byte
	// Refused says why the server refused it; "" while it waits.
	Refused string
	// Reason is the MQTT reason code of the refusal; 0 while it waits.
	Reason byte
	// Code and Args name what Refused says, as those of a proto.Refusal.
	Code string
	Args []string
	// Of is the client_ref of the message that this one speaks of, which is not confirmed
	// either; zero: it names its target itself.
	Of [proto.RefSize]byte
	// Files are the attachments of Body, in its order; none if it has none. Those that are
	// uploaded by this browser are kept beside the Store until the message leaves the outbox.
	Files []OutgoingFile
	// Paused is that the person lets their upload rest.
	Paused bool
}

// OutgoingFile is an attachment of a message that is not confirmed yet.
type OutgoingFile struct {
	// Key is under what Files keeps it; "" if it was uploaded before, as what is passed on.
	Key string
	// Upload is the upload's id, 0 until it began.
	Upload uint64
}

// Deletion is of all entries of a conversation before a seq.
type Deletion struct {
	Key    string
	Before uint64
}

// Batch is a change of the store. An entry, row or outgoing message replaces
// the one with the same key and seq, key, or number. Deleting what is not
// there is no error.
type Batch struct {
	// Clear first drops all entries and rows; the outbox and Meta stay.
	Clear bool
	// Dropped are pages of which nothing stays that was stored before, whether it can be read or not.
	Dropped       []Span
	Meta          *Meta
	Entries       []Entry
	Deleted       []Deletion // after Entries
	Conversations []Row
	Outbox        []Outgoing
	Confirmed     []uint64 // numbers that leave the outbox
	// Top is the keys of the rows to load first; nil: as before, or after Clear none.
	Top []string
}

// Empty reports whether b changes nothing.
func (b *Batch) Empty() bool {
	return !b.Clear && b.Meta == nil && len(b.Dropped) == 0 && len(b.Entries) == 0 && len(b.Deleted) == 0 && len(b.Conversations) == 0 &&
		len(b.Outbox) == 0 && len(b.Confirmed) == 0 && b.Top == nil
}
