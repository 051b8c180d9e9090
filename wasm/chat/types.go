package chat

import (
	"time"

	"parley/proto"
)

// MessageState is how far a message has come.
type MessageState string

const (
	Pending   MessageState = "pending"   // mine, not confirmed yet
	Sent      MessageState = "sent"      // mine, stored by the server
	Delivered MessageState = "delivered" // mine, on a device of the receiver
	Read      MessageState = "read"      // mine, seen by the receiver
	Refused   MessageState = "refused"   // mine, refused; Reason says why
	Received  MessageState = "received"  // somebody else's
)

// Message is a message as a person sees it.
type Message struct {
	Key      string
	Seq      uint64 // 0 until confirmed
	ID       uint64 // 0 until confirmed
	Sender   uint64
	Receiver uint64
	Content  string
	Time     uint64 // Unix milliseconds: the server's once confirmed
	// By when, at the latest, a message of mine was on a device of the other
	// side, and read: Unix milliseconds by the server's clock, 0 if it was not,
	// or if that is unknown. Time <= DeliveredTime <= ReadTime.
	DeliveredTime, ReadTime uint64
	Seen                    uint64 // the author's seen_seq, 0 if none
	Ref                     string // client_ref in hex; "" if an old client sent none
	// Number orders unconfirmed messages, after all confirmed ones; 0 for those of others.
	Number uint64
	State  MessageState
	Reason string // of a refusal; of a pending one, why the server does not take it yet
	// ReasonCode and ReasonArgs name what Reason says; see Reason.
	ReasonCode string
	ReasonArgs []string
	// Gap says that the entry just before this one is missing here, so far.
	Gap  bool
	Type proto.MessageType
	Mine bool // written by me, on whatever device
	// Agent wrote it, in a service conversation; 0 for the customer's entries
	// and, to a customer, always.
	Agent  uint64
	Target uint64 // the agent whom a hand-over names
	Extend string // JSON of the application's own
	Quote  uint64 // the message that it quotes, 0 if none
	Of     uint64 // the message that an edit, recall or reaction speaks of; else 0
	// Edited is when the content was last edited, or taken back, Unix milliseconds; 0: it was not.
	Edited    uint64
	Reactions []Reaction // one for each who reacted
	// RecalledBy is the agent who took it back, if that is not its author; 0 to customers.
	RecalledBy uint64
	// ChangeableUntil is until when the server lets me take it back or, a text of mine, edit it: Unix
	// milliseconds by its clock; 0: never.
	ChangeableUntil uint64
	// Changing says that it is shown as edits, recalls or reactions of mine make it which the server has not
	// confirmed yet.
	Changing bool

	// Of groups alone: the sender's name; whom it mentions, 0 is everyone, and whether that is me; whom what
	// happened to the group is about, with their names, if they are few; and of a message of mine, how many of the
	// others have read it, of how many, 0 if that is unknown so far.
	SenderName     string
	Mentions       []uint64
	MentionsMe     bool
	Members        []uint64
	MemberNames    []string
	ReadBy, ReadOf uint32
	// Attachments are what it carries; Content is then the caption, "" if there is none.
	Attachments []Attachment
	Paused      bool // their upload rests, as the person wanted
}

// Reaction is what somebody answered a message with.
type Reaction struct {
	User  uint64 // who; 0: a service, to its customer
	Emoji string
}

// Attachment is a file that a message carries.
type Attachment struct {
	ID        uint64 // 0 until it is uploaded
	Name      string
	MediaType string // as the server found it; until it is uploaded, as the page did
	Size      uint64 // bytes
	Width     uint64 // of a picture, in pixels; 0 if unknown
	Height    uint64
	Preview   string // proto.Attachment.preview in Base64; "" if there is none
	Duration  uint64 // of a voice message, milliseconds
	Waveform  string // proto.Attachment.waveform in Base64
	// File is under what the browser keeps it until it is sent (Files); "" of others.
	File     string
	Uploaded uint64 // of a File, bytes
	// Place is the message that carries it: "{key}/{seq}", or "{key}/{client_ref}" until that is confirmed.
	Place string
}

// Conversation is a conversation as the list shows it.
type Conversation struct {
	Key           string
	Peer          uint64 // the other user; 0 in a service conversation
	PeerName      string
	Head          uint64
	Min           uint64 // what is before was deleted, by everybody; 0 or 1 if nothing was
	Read          uint64
	Delivered     uint64
	PeerRead      uint64
	PeerDelivered uint64
	Unread        uint64
	WaitingSince  uint64   // Unix milliseconds, 0 if nobody waits for my side
	WaitingSeq    uint64   // the first message that waits; 0 if none
	AwaitingSince uint64   // Unix milliseconds, 0 if my side waits for nobody
	AwaitingSeq   uint64   // the first message of my side that waits; 0 if none
	Blocked       bool     // I block the other user
	Pinned        bool     // I want it before others
	Muted         bool     // nothing new in it calls me
	Archived      bool     // it is out of my list
	MarkedUnread  bool     // I want it to look unread, which it is not
	Last          *Message // the newest, an unconfirmed one of mine included; nil if none is known
	Unsent        uint32   // how many of mine, messages and what speaks of such, are not confirmed, or were refused

	// Of groups alone: the id, 0 if it is none; the attachment that is its picture, 0 if it has none; what I am in
	// it, owner, admin or member, "" if I left or was removed; how many members it has; and how many unread
	// messages mention me.
	Group       uint64
	Picture     uint64
	Role        string
	MemberCount uint32
	Mentions    uint64

	// Of service conversations alone.
	Service      int  // the service type; -1 between two users
	Agent        bool // I am an agent of it, not the customer
	Customer     uint64
	Assignee     uint64 // the agent who has claimed it; 0: nobody
	AssigneeName string
	PostProc     uint32 // proto.Open, proto.Resolved or proto.NoReplyNeeded
	LastAnswer   uint64 // seq of the newest answer of an agent, 0 if none
	LastAnswerBy uint64 // who gave it
	Notes        uint64 // rises when a note on it is added or deleted; 0 if there never was one, and to the customer
}

// Group is who is in a group.
type Group struct {
	Key     string
	Name    string
	Role    string // what I am in it, as Conversation.Role
	Whole   bool   // who comes reads what was written before
	Members []Member
}

// Member is a member of a group.
type Member struct {
	User   uint64
	Name   string
	Role   string // owner, admin or member
	Online bool   // as of when the server was asked
	From   uint64 // the first entry that they may read
	// Their watermarks, and when these rose, Unix milliseconds; 0 if unknown.
	Delivered, Read         uint64
	DeliveredTime, ReadTime uint64
}

// Timeline is a stretch of one conversation, in the order to show.
type Timeline struct {
	Key      string
	Messages []Message // confirmed by seq, then mine that are not, by Number
	// More says that older messages exist before the first.
	More bool
	// Incomplete says that older messages exist which could not be had now, and why.
	Incomplete     string
	IncompleteCode string // as Message.ReasonCode
	IncompleteArgs []string
}

// Found is what a search found, the newest first.
type Found struct {
	Hits []Hit
	// More says that there may be more, and Next where, as Query.Before; 0 if there is none.
	More bool
	Next uint64
	// Incomplete says why the server was not asked, or did not answer, and what is stored here alone was looked through;
	// "" if it answered, or was not to be asked.
	Incomplete     string
	IncompleteCode string
	IncompleteArgs []string
	// Indexed is how much of what is stored has been indexed, from 0 to 1: until it is all, a search takes longer.
	Indexed float64
}

// Hit is a message that was found.
type Hit struct {
	Message Message
	Marks   []Mark // of Message.Content, in order
}

// Mark is where something that was looked for stands: from Start to before End, in UTF-16 code units.
type Mark struct{ Start, End uint32 }

// ConnectionState is what the status line shows.
type ConnectionState string

const (
	Connecting ConnectionState = "connecting"
	Live       ConnectionState = "live"
	Offline    ConnectionState = "offline"
	SignedOut  ConnectionState = "signed-out"
)

// Connection is the state of the connection.
type Connection struct {
	State ConnectionState
	Since time.Time // when this state began
	Next  time.Time // when the next attempt begins; zero if none is planned
	// Reason says in words why it is not live; "" if it is.
	Reason     string
	ReasonCode string // as Message.ReasonCode
	ReasonArgs []string
	// Loading is how many conversations have come of a list that is long in
	// coming, as on a new device; 0 if there is none, or little has come.
	Loading int
	// Opening says that conversations stored in this browser are still being loaded, and told of.
	Opening bool
	// ServerOffset is how far the server's clock is ahead of this device's, as that
	// is set now; 0 if it is not known yet. For display only.
	ServerOffset time.Duration
	// MemoryOnly says why this browser keeps nothing of the chat, or nothing new, which then
	// ends with the program; "" if it is kept.
	MemoryOnly     string
	MemoryOnlyCode string // as Message.ReasonCode
}

// Settings are what the user has chosen that others see of them.
type Settings struct {
	ShareTyping, SharePresence bool
	Listed                     bool // found among people
	Away                       bool // as an agent, not to be given further conversations
	// Devices is another number whenever a device of the user's signed in or was signed out, 0 if there is none.
	Devices uint64
}

// KeepingState is whether all that one may read is fetched, to be kept here.
type KeepingState string

// The states.
const (
	KeepingOff    KeepingState = "off" // what was seen is kept, and the newest page of each conversation
	KeepingOn     KeepingState = "on"
	KeepingPaused KeepingState = "paused" // until the person lets it go on
)

// Keeping is how far that has come.
type Keeping struct {
	State KeepingState
	// Kept is how many messages of all are here.
	Kept, All int
	// Days and Bytes are as of Limits.
	Days, Bytes uint64
}

// Stored is what a conversation takes in this browser.
type Stored struct {
	Key      string
	Messages uint64
	Bytes    uint64 // about
}

// Observer is told what changed, on the loop. It must not block, and must not
// call the engine.
type Observer interface {
	// Messages gives new and changed messages of one conversation, and the
	// refs of unconfirmed ones that are gone (deleted). Of many that come at once, where nobody has asked for the timeline
	// and no page follows all (Engine.Follow), it gives the newest, what the user wrote, and what is no message of people.
	Messages(key string, changed []Message, gone []string)
	Conversations(changed []Conversation)
	Connection(Connection)
	// Typing tells that a user types, or has stopped.
	Typing(key string, user uint64, active bool)
	// Presence tells whether a user is here; lastSeen is in Unix milliseconds, 0 if unknown.
	Presence(user uint64, online bool, lastSeen uint64)
	// Group tells who is in a group, or how far they have read, where that changed.
	Group(Group)
	// Settings tells what the user has chosen, on whatever device.
	Settings(Settings)
	// Kept tells how far it has come that all is kept here.
	Kept(Keeping)
	// TokenNeeded asks for a fresh token in the place of one, answered by SetToken.
	TokenNeeded(stale string)
	// User tells that the token says something else of the user than the one before.
	User(Token)
	// Reset tells that everything shown is void: the server's history is
	// another one. Ask for conversations and history again.
	Reset()
	// Failed reports an error that no answer carries, such as a full disk.
	Failed(err error)
}
