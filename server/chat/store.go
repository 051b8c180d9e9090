package chat

import (
	"context"
	"errors"

	"parley/proto"
)

// Store is the durable history. One implementation keeps SQL (server/store);
// storetest holds what every implementation must keep.
type Store interface {
	// Start is the random id, never 0, of this opening of the history: whoever opens
	// it again, or a copy of it, has another.
	Start() uint64
	// Secret is random, 32 bytes, made with the history and the same for as long as
	// there is one: copies have it too. What is signed with it nobody else can have
	// made. To be read only.
	Secret() []byte
	// Update runs change in one transaction. When Update returns nil, the
	// transaction is on disk; when it returns an error, none of it is, and the
	// error of change, if that was the cause, is wrapped. Updates run one at a
	// time. change must not keep the Tx.
	Update(ctx context.Context, change func(Tx) error) error
	// View runs read on one consistent snapshot, beside updates. It is for what
	// is short: a few rows by their keys.
	View(ctx context.Context, read func(View) error) error
	// Scan is View for what may take a while: pages, lists, searches. Few run at
	// a time, and others wait in the order in which they came; Views and Updates
	// never wait for them.
	Scan(ctx context.Context, read func(View) error) error
	Close() error
}

// Pipelined is a Store that takes a transaction while the one before it is on its way to the disk.
type Pipelined interface {
	Store
	// Begin is Update, except that it returns once what change wrote is on its way; end, which has to be
	// called, waits until that is on disk, and returns what Update would. Begin may be called again before
	// that: change then sees what the one before changed. It fails, and nothing is on its way, where the
	// one before turns out not to be on disk, or not yet; where it does not fail that one is.
	// Ends are called in the order of the Begins. Nobody calls Begin or end beside another who does.
	Begin(ctx context.Context, change func(Tx) error) (end func() error, err error)
	// Follows reports whether Begin would not wait until the one before is on disk, as it does where
	// others write, too.
	Follows() bool
}

// ErrUnknown is that nobody knows whether an Update is on disk: the same may be tried again
// where that does no harm.
var ErrUnknown = errors.New("it is not known whether it was stored")

// View reads one consistent state of the history. Byte slices and pointers
// that it returns belong to the caller.
type View interface {
	// Epoch is the random id of a history that only ever grew, never 0.
	Epoch() (uint64, error)
	// Reached returns the highest change number that there was while a Start was the
	// last; of this one, Rev. Of a start that it does not know it returns the number at
	// which the first that it does know began: before that there may have been others.
	Reached(start uint64) (uint64, error)
	// LastID is the highest message id there is or was, 0 if none.
	LastID() (uint64, error)
	// Conversation returns the zero Conversation if there is none.
	Conversation(key proto.Key) (Conversation, error)
	// Member returns the zero Member if the user has none in the conversation.
	Member(key proto.Key, user uint64) (Member, error)
	// Entries returns entries with after < seq < before, in seq order: the
	// lowest limit of them, or the highest if newest. before 0 means no bound.
	Entries(key proto.Key, after, before uint64, limit int, newest bool) ([]Entry, error)
	// First finds the entry with the lowest seq > after; the zero Entry if there
	// is none. Body need not be set. Like FirstBy and FirstWritten it takes a
	// search, however many entries there are.
	First(key proto.Key, after uint64) (Entry, error)
	// FirstBy is First among the entries of one sender.
	FirstBy(key proto.Key, sender uint64, after uint64) (Entry, error)
	// FirstWritten is FirstBy among those that are no control entries
	// (proto.MessageType.Control).
	FirstWritten(key proto.Key, sender uint64, after uint64) (Entry, error)
	// Revised returns entries with Revised > after, in the order of that, limit at most.
	Revised(key proto.Key, after uint64, limit int) ([]Entry, error)
	// CountRecalled counts the entries with a seq > after that were taken back, apart from
	// those of one sender; 0: of all.
	CountRecalled(key proto.Key, after, except uint64) (uint64, error)
	// ByRef finds the entry that a sender stored under a client_ref; the zero
	// Entry if there is none. Of one that was deleted only Key, Seq, ID, Sender,
	// Ref and CreateTime are known.
	ByRef(sender uint64, ref [proto.RefSize]byte) (Entry, error)
	// ByID returns entries of all conversations with after < id < before, in the order of their
	// ids: the lowest limit of them, or the highest if newest. before 0 means no bound.
	ByID(after, before uint64, limit int, newest bool) ([]Entry, error)
	// WithIDs returns the entries that have one of the ids, each once.
	WithIDs(ids []uint64) ([]Entry, error)
	// Groups returns the groups that a user is or was in (Member.From), by their keys as text.
	Groups(user uint64) ([]proto.Key, error)
	// Oldest returns the entry at Conversation.Min of each conversation that keeps
	// any and whose key, as text, comes after one; in the order of these, limit at
	// most. Body need not be set.
	Oldest(after string, limit int) ([]Entry, error)
	// LastBefore returns the seq of the last of a conversation's entries that was
	// created before a time (Unix milliseconds), among the limit oldest; 0 if none was.
	LastBefore(key proto.Key, time uint64, limit int) (uint64, error)
	// Members returns what is kept of users in a conversation, by their ids.
	Members(key proto.Key) ([]Member, error)
	// Changed returns what changed for a user with a change number > after, in
	// their order, limit at most: conversations of which the user is one of
	// two or the customer (by the user's Member), those of services and the groups
	// that the user is in (by the Conversation, or by the user's Member if that
	// changed later), and groups that the user was in (by the user's Member).
	Changed(user uint64, services Services, after uint64, limit int) ([]Change, error)
	// Recent returns what Changed would, with the highest change numbers and
	// these first, limit at most.
	Recent(user uint64, services Services, limit int) ([]Change, error)
	// CountBlocks counts the members in which the user blocks the other
	// (Member.Blocks).
	CountBlocks(user uint64) (int, error)
	// Rev is the highest change number there is, 0 if none.
	Rev() (uint64, error)
	// User returns the zero User if there is none.
	User(id uint64) (User, error)
	// UsersAfter returns the users whose ids come after one, in their order, limit
	// at most.
	UsersAfter(id uint64, limit int) ([]User, error)
	// Keeps reports whether entries are kept in a conversation in which a user has a
	// Member whose Rev is above a change number, or the user is in a group.
	Keeps(user, after uint64) (bool, error)
	// Loose returns the keys, in any order, of conversations between a user and
	// another in which the user blocks the other, or there never was an entry and the
	// other does not block the user; limit at most.
	Loose(user uint64, limit int) ([]proto.Key, error)
	// Users finds users by their name or id, in the order that UserQuery names.
	// However many there are, it looks at few more than it finds: at MaxPassed who may
	// not be found and MaxKnown who are known, at most; and at all agents, where
	// services are asked for.
	Users(q UserQuery) ([]User, error)
	// Agents returns the ids of the users who answer for a service, rising.
	Agents(service proto.ServiceType) ([]uint64, error)
	// Usage returns what a user has used of the quotas, zero but for the User if
	// nothing is known.
	Usage(user uint64) (Usage, error)
	// Ending returns the users whose services end (User.ServicesUntil), who end
	// soonest first, limit at most.
	Ending(limit int) ([]User, error)
	// Blocked returns the users who are blocked, by id, limit at most.
	Blocked(limit int) ([]User, error)
	// Device returns the zero Device if the user has none of that id.
	Device(user, id uint64) (Device, error)
	// Devices returns a user's, rising by id.
	Devices(user uint64) ([]Device, error)
	// ExpiredDevices returns devices with Expires < before, limit at most, those that
	// expired first first.
	ExpiredDevices(before uint64, limit int) ([]Device, error)
	// Code finds the code of a hash; the zero Code if there is none.
	Code(hash [CodeHash]byte) (Code, error)
	// CodeOf returns a user's code of a kind; the zero Code if there is none.
	CodeOf(user uint64, kind CodeKind) (Code, error)
	// Notes returns the notes on a conversation, by their ids.
	Notes(key proto.Key) ([]Note, error)
	// Replies returns the canned replies of a service, by their ids.
	Replies(service proto.ServiceType) ([]Reply, error)
	// Group returns the zero Group if there is none.
	Group(key proto.Key) (Group, error)
	// Present returns the users who are in a group (Member.Role), by their ids.
	Present(key proto.Key) ([]uint64, error)
	// Named finds the newest entry with seq <= through that gave a group its name, as it began
	// or later (GROUP_CREATE, GROUP_RENAME); the zero Entry if there is none. Body need not be set.
	Named(key proto.Key, through uint64) (Entry, error)
	// FirstMention finds the entry with the lowest seq > after that mentions a user or
	// everyone, and that somebody else wrote; the zero Entry if there is none. Body need
	// not be set.
	FirstMention(key proto.Key, user, after uint64) (Entry, error)
	// CountMentions counts such entries, limit at most.
	CountMentions(key proto.Key, user, after uint64, limit int) (int, error)
	// Authors returns who sent the newest entries with after < seq <= through that are no
	// control entries, at most limit of these: each once, by their ids.
	Authors(key proto.Key, after, through uint64, limit int) ([]uint64, error)
	// GroupLink returns the zero GroupLink if there is none of that secret.
	GroupLink(secret [LinkSecret]byte) (GroupLink, error)
	// GroupLinks returns the links to a group, by their ids.
	GroupLinks(key proto.Key) ([]GroupLink, error)
	// Attachment returns the zero Attachment if there is none.
	Attachment(id uint64) (Attachment, error)
	// AttachmentNames returns the entries that name an attachment, by the keys of their
	// conversations, as text, and seq, limit at most.
	AttachmentNames(id uint64, limit int) ([]AttachmentName, error)
	// NamesIn returns which attachments are named by entries of a conversation from one seq
	// through another, by seq and attachment.
	NamesIn(key proto.Key, from, through uint64) ([]AttachmentName, error)
	// DueAttachments returns those with 0 < Due <= now, that are due first first, limit at most.
	DueAttachments(now uint64, limit int) ([]Attachment, error)
	// UnfinishedUploads returns a user's attachments that are unfinished, by their ids.
	UnfinishedUploads(owner uint64) ([]Attachment, error)
	// UploadUsage returns what a user has used of the quotas of uploads, zero but for the User
	// if nothing is known.
	UploadUsage(user uint64) (UploadUsage, error)
}

// Tx is a View that sees its own writes.
type Tx interface {
	View
	// Expect names what will be read, before anything is. It changes nothing but how long
	// that takes; a store that has all at hand does not call reads.
	Expect(reads func() Reads) error
	PutConversation(Conversation) error
	PutMember(Member) error
	// Append adds an entry. An error if its seq, its id, or its sender and ref are taken.
	Append(Entry) error
	// Revise puts the Type, Body and Revised of an entry in the place of what is stored of
	// it, of which nothing stays that can be helped. An error if there is no such entry.
	Revise(Entry) error
	// Delete deletes a conversation's entries up to a seq. Their ids, and their
	// senders' refs, stay taken.
	Delete(key proto.Key, through uint64) error
	// DeleteConversation deletes a conversation that has and had no entries, and its
	// members.
	DeleteConversation(key proto.Key) error
	PutUser(User) error
	// DeleteUser deletes a user, what they are found by, their Usage, devices and codes.
	DeleteUser(id uint64) error
	PutUsage(Usage) error
	PutDevice(Device) error
	DeleteDevice(user, id uint64) error
	// PutCode puts a code in the place of the one that the user has of that kind. An
	// error if its hash is another's.
	PutCode(Code) error
	DeleteCode(user uint64, kind CodeKind) error
	// AddNote adds a note to a conversation that has entries. An error if its id is taken.
	AddNote(Note) error
	DeleteNote(key proto.Key, id uint64) error
	// ExpireNotes deletes the oldest notes that were written before a time (Unix
	// milliseconds), limit at most, and returns how many.
	ExpireNotes(before uint64, limit int) (int, error)
	PutReply(Reply) error
	DeleteReply(service proto.ServiceType, id uint64) error
	PutGroup(Group) error
	// AddGroupLink adds a link. An error if its secret is taken.
	AddGroupLink(GroupLink) error
	DeleteGroupLink(key proto.Key, id uint64) error
	PutAttachment(Attachment) error
	DeleteAttachment(id uint64) error
	// NameAttachment adds a name, in a conversation that has entries. An error if it is there.
	NameAttachment(AttachmentName) error
	UnnameAttachment(AttachmentName) error
	PutUploadUsage(UploadUsage) error
	// PutEpoch begins a new epoch, which is not 0.
	PutEpoch(epoch uint64) error
}

// Conversation is the state of one conversation that all its members share.
// Counts are of entries, and below 2^63.
type Conversation struct {
	Key  proto.Key
	Head uint64 // seq of the newest entry; 0 if none
	Min  uint64 // seq of the oldest entry kept, Head+1 if all were deleted; 0 if there was none
	Time uint64 // create time of the newest entry ever, Unix milliseconds; 0 if none
	// Rev is the change number of what a service's agents, or a group's members, are
	// shown: one for all of them, however many they are. 0 between two users, who have
	// a Rev each.
	Rev    uint64
	Status proto.ConversationStatus
	// The highest watermarks of a service's agents: the customer sees one voice.
	// And when they rose to these values, as Member.ReadTime.
	ServiceRead, ServiceDelivered         uint64
	ServiceReadTime, ServiceDeliveredTime uint64
	// Counted is how many entries ever counted as unread to a reader on each side
	// (proto.Key.Counted), whoever wrote them.
	Counted [2]uint64
	// Notes counts how often a note was added or deleted, which gives each its id.
	Notes uint64
	// Past is how many of them, of those that count to a service's agents, are not unread to
	// agents of whom the history keeps nothing: those up to Settled, and what was deleted or
	// taken back.
	Past uint64
	// Revised is the seq of the newest entry that spoke of another (proto.MessageType.Revises),
	// and Recalled that of the newest one that was taken back; 0 if none was.
	Revised, Recalled uint64
}

// Settled is, in a service conversation, the seq of the newest entry before the first
// that waits for an answer, of the newest of all if none does: up to there an agent who
// comes to the service has nothing to look at. It rises, unless something is taken back.
func (c Conversation) Settled() uint64 {
	if first := c.Status.Sides[proto.First].Seq; first != 0 {
		return first - 1
	}
	return c.Head
}

// Member is what the history keeps of one user in one conversation. Agents
// have one only where they did something, or something was delivered to them that was
// not settled; it begins with what was settled then as read and delivered, at no time.
type Member struct {
	Key  proto.Key
	User uint64
	// Rev is the change number of this row: each change of a row, or of what
	// its conversation shows to the user, gives it a number above all others.
	// What changes for all agents of a service changes Conversation.Rev instead.
	Rev uint64
	// Watermarks, which only rise, and when they rose to these values, Unix
	// milliseconds by the server's clock; 0 if unknown.
	Read, Delivered         uint64
	ReadTime, DeliveredTime uint64
	// Of the entries that Conversation.Counted counts on this user's side: how
	// many the user wrote, and how many of the others' are at or before Read, or
	// deleted. The others are unread. Totals are made of these; a row is counted afresh.
	Own, Seen uint64
	// Between two users alone: Blocks is whether the user blocks the other, Blocked
	// whether the other blocks the user.
	Blocks, Blocked bool
	Choices
	// In a group alone: what the user is in it; the first entry that the user may read
	// and, once they are in it no more, the last one; and through which entry the user
	// has answered what asked them.
	Role                  proto.GroupRole
	From, Until, Answered uint64
}

// Choices are what a user wants of a conversation in their own lists, see proto.Choice.
type Choices struct {
	Pinned, Muted, MarkedUnread bool
	// ArchivedThrough is the newest entry that there was when the user archived the
	// conversation, see proto.Archived; 0: they did not.
	ArchivedThrough uint64
}

// apart reports whether one of the two blocks the other.
func (m Member) apart() bool { return m.Blocks || m.Blocked }

// Change is that something of a conversation changed for a user.
type Change struct {
	Key proto.Key
	Rev uint64
	// Unread is Conversation.Counted of the user's side, less Member.Own and
	// Member.Seen, or less Conversation.Past where there is no Member; Waiting whether the other side waits. Totals are made of these.
	Unread  uint64
	Waiting bool
	// Wrote is whether the user wrote something that counts as unread to the
	// others (Member.Own), and Heard whether others did so to the user: who is
	// told of whose presence hangs on these.
	Wrote, Heard bool
	// Apart is whether one of the two blocks the other (Member.Blocks, Member.Blocked).
	Apart bool
}

// Entry is one stored message.
type Entry struct {
	Key        proto.Key
	Seq        uint64
	ID         uint64
	Sender     uint64
	Ref        [proto.RefSize]byte
	Type       proto.MessageType
	CreateTime uint64 // Unix milliseconds
	// Counted is what Conversation.Counted was with this entry, and Own what its
	// author's Member.Own was: how many of them there are after an entry is then a
	// difference, and nobody walks through them.
	Counted [2]uint64
	Own     uint64
	// Revised is the seq of the last entry that spoke of this one; 0 if none did.
	Revised uint64
	// Mentions are the users whom the entry of a group mentions, proto.Everyone among
	// them. They are set where it is appended, and never read.
	Mentions []uint64
	// Body is the proto.Message or proto.ServiceMessage, encoded: as delivered,
	// except that customers are delivered less of what agents write.
	Body []byte
}

// User is somebody who has been here.
type User struct {
	ID   uint64
	Name string
	// Services are those that the user's last token names, until that expires or
	// an operator takes them off.
	Services Services
	// ServicesSince is since when the user answers for services without a break,
	// and ServicesUntil when the last token that names these expires, Unix
	// milliseconds; 0: unknown, and never.
	ServicesSince, ServicesUntil uint64
	// Revoked is up to when tokens were issued that are refused since, Unix
	// milliseconds; 0: none are.
	Revoked uint64
	// SignedOut is up to when tokens that name no device were issued, and devices that are
	// not known signed in, that are refused since the user signed out everywhere; and
	// Renamed when the user changed their name here, which those before do not know.
	// Unix milliseconds; 0: never.
	SignedOut, Renamed uint64
	// Blocked says that an operator lets the user in no more, whatever the token.
	Blocked bool
	// FirstSeen is when the user's first token was, and LastSeen when the user's
	// last device left or, if no device did for a day, when a token of theirs was seen
	// again; Unix milliseconds; 0 if unknown, as FirstSeen is of those who came before
	// it was kept.
	FirstSeen, LastSeen uint64
	// What the user chose not to let others see.
	HideTyping, HidePresence bool
	// Unlisted users chose not to be found by whoever does not know them.
	Unlisted bool
	// Away agents chose to be given no further conversations.
	Away bool
	// Wrote is whether the user ever wrote to another, and Customer the services
	// that they wrote to: who did only that is there for these alone.
	Wrote    bool
	Customer Services
}

// Services is a set of service types: bit n stands for type n.
type Services uint64

// ServicesOf returns the set of types, which are known ones.
func ServicesOf(types []proto.ServiceType) (set Services) {
	for _, t := range types {
		set |= 1 << t
	}
	return set
}

// Has reports whether t is in the set.
func (s Services) Has(t proto.ServiceType) bool { return s>>t&1 == 1 }

// All returns the types in the set, rising.
func (s Services) All() (types []proto.ServiceType) {
	for t := proto.ServiceType(0); s>>t != 0; t++ {
		if s.Has(t) {
			types = append(types, t)
		}
	}
	return types
}
