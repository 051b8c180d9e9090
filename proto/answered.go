package proto

import "slices"

// Side is one of the two sides of a conversation: of two users the lower id is
// First; in a service conversation the customer is First and the service, that
// is all its agents together, Second. In a group each member looks at it from
// their own side, First, and all others are Second.
type Side int

const (
	First Side = iota
	Second
)

// Other returns the side that s faces.
func (s Side) Other() Side { return 1 - s }

// Closing states of a service conversation, as in ServiceMessage.post_proc.
const (
	Open          = 0
	Resolved      = 1
	NoReplyNeeded = 2
	Moved         = 3
)

// Event is what the rules need to know of one entry.
type Event struct {
	Seq, Time uint64 // Time is the create time, Unix milliseconds
	Side      Side   // the author's; of what lets whoever looks at it into a group, theirs
	Type      MessageType
	// Seen is what the author had seen; nil says that an old client wrote it,
	// which counts as having seen everything before it.
	Seen *uint64
	// Author is the agent who wrote an entry of a service, and Target whom a
	// hand-over names; 0 in the copies of customers, who see one voice. Of a MOVE
	// Target is the service that it names, and so of a MOVED_HERE.
	Author, Target uint64
	// Of is the seq of the entry that this one speaks of (MessageType.Revises).
	Of uint64
	// Since is since when what asks waits, if not since Time; 0: since Time.
	Since uint64
	// Calls is, in a group, whether the entry mentions whoever looks at it, and Comes whether it
	// lets them in: what is before it asks them nothing.
	Calls, Comes bool
}

// Event returns what the rules need of m, between two users.
func (m *Message) Event() Event { return m.EventTo(0) }

// EventTo returns what the rules need of m, in a group as that user looks at it.
func (m *Message) EventTo(user uint64) Event {
	e := Event{Seq: m.GetSeq(), Time: m.GetCreateTime(), Type: m.GetMessageType(), Seen: m.SeenSeq, Of: m.GetTargetSeq()}
	switch {
	case m.GetGroupId() == 0:
		if m.GetSenderId() > m.GetReceiverId() {
			e.Side = Second
		}
	case m.GetSenderId() != user:
		e.Side, e.Calls = Second, slices.Contains(m.GetMentions(), user) || slices.Contains(m.GetMentions(), Everyone)
	}
	switch e.Type {
	case MessageType_MESSAGE_TYPE_GROUP_CREATE, MessageType_MESSAGE_TYPE_GROUP_JOIN:
		if slices.Contains(m.GetMembers(), user) {
			e.Side, e.Comes = First, true
		}
	}
	return e
}

// Everyone is the mention of all members of a group.
const Everyone = 0

// Event returns what the rules need of m.
func (m *ServiceMessage) Event() Event {
	e := Event{Seq: m.GetSeq(), Time: m.GetCreateDate(), Type: m.GetMessageType(), Seen: m.SeenSeq, Of: m.GetTargetSeq()}
	if m.GetDirection() == ServiceMessageDirection_SERVICE_TO_CUSTOMER {
		e.Side, e.Author, e.Target = Second, m.GetAgentId(), m.GetTargetAgentId()
	}
	switch e.Type {
	case MessageType_MESSAGE_TYPE_MOVED_HERE:
		e.Author, e.Since = m.GetAgentId(), m.GetWaitingSince()
		fallthrough
	case MessageType_MESSAGE_TYPE_MOVE:
		e.Target = uint64(m.GetOtherService())
	}
	return e
}

// Answers returns up to which seq an entry answers, if it replies: what its author had seen.
func (e Event) Answers() uint64 {
	through := e.Seq - 1
	if e.Seen != nil && e.Type != MessageType_MESSAGE_TYPE_MOVE { // what the author of a move had not seen goes on elsewhere, too
		through = min(*e.Seen, through)
	}
	return through
}

// Waits returns since when what asks waits, Unix milliseconds.
func (e Event) Waits() uint64 {
	if e.Since != 0 {
		return e.Since
	}
	return e.Time
}

// Control reports whether entries of this type are control entries, not
// something that people write to the other side.
func (t MessageType) Control() bool { return t >= MessageType_MESSAGE_TYPE_CLAIM }

// Asks reports whether the entry awaits an answer: everything that people
// write does, except that in a service conversation only the customer asks, and
// in a group a message asks those whom it mentions.
func (e Event) Asks(kind KeyKind) bool {
	switch {
	case e.Type.Control():
		return false
	case kind == Group:
		return e.Calls
	}
	return kind == Direct || e.Side == First
}

// Replies reports whether the entry answers what the other side asked before,
// as far as its author had seen it.
func (e Event) Replies(kind KeyKind) bool {
	if kind == Service && e.Side == First || kind == Group && e.Side == Second {
		return false
	}
	switch e.Type {
	case MessageType_MESSAGE_TYPE_GROUP_CREATE, MessageType_MESSAGE_TYPE_GROUP_JOIN:
		return e.Comes
	case MessageType_MESSAGE_TYPE_NO_REPLY_NEEDED:
		return true
	case MessageType_MESSAGE_TYPE_RESOLVE, MessageType_MESSAGE_TYPE_MOVE:
		return kind == Service
	}
	return !e.Type.Control()
}

// ConversationStatus is where a conversation stands after its newest entry: who waits
// for whom since when, and in a service conversation who has it, whether it is
// closed, and who answered last. It is a function of the log alone: feed Add
// every entry in seq order, on either side of the wire, and both compute the
// same. The zero ConversationStatus is that of an empty log. It is a value: copy it freely.
type ConversationStatus struct {
	// Sides holds what each side asked and the other one answered, by Side.
	Sides [2]Waiting
	// Assignee is the agent who has the conversation; 0: nobody.
	Assignee uint64
	// PostProc is the closing state: Open, Resolved or NoReplyNeeded.
	PostProc uint32
	// LastAnswer is the seq of the newest message of an agent to the customer,
	// LastAnswerBy that agent; 0 if there is none.
	LastAnswer, LastAnswerBy uint64
}

// Add adds the next entry of a conversation of a kind. next finds the first
// entry of a side, after a seq and before e, that asks, and since when it waits (Event.Waits; 0, 0 if there is none);
// it is called only when the first waiting question was answered. An error is
// next's, and leaves s void.
func (s *ConversationStatus) Add(kind KeyKind, e Event, next func(of Side, after uint64) (seq, createTime uint64, err error)) error {
	if e.Asks(kind) {
		s.Sides[e.Side].Ask(e.Seq, e.Waits())
	}
	if e.Replies(kind) {
		other, through := e.Side.Other(), e.Answers()
		err := s.Sides[other].Reply(e.Seq, &through, func(after uint64) (uint64, uint64, error) { return next(other, after) })
		if err != nil {
			return err
		}
	}
	if kind == Service {
		s.control(e)
	}
	return nil
}

// Recall takes back an entry that people wrote: e as it was. What it asked or answered it
// does no more. next is as for Add, without e, up to the newest entry; left says what the
// entries of a side that are left answer, and is called only where e answered most. An
// error is that of one of both, and leaves s void.
func (s *ConversationStatus) Recall(kind KeyKind, e Event, next func(of Side, after uint64) (seq, createTime uint64, err error), left func(of Side) (Replies, error)) (err error) {
	if asked := &s.Sides[e.Side]; e.Asks(kind) && asked.Seq == e.Seq {
		if asked.Seq, asked.Since, err = next(e.Side, e.Seq); err != nil {
			return err
		}
	}
	answered := &s.Sides[e.Side.Other()]
	if !e.Replies(kind) || e.Answers() < answered.AnsweredThrough && s.LastAnswer != e.Seq {
		return nil
	}
	others, err := left(e.Side)
	if err != nil {
		return err
	}
	if kind == Service {
		s.LastAnswer, s.LastAnswerBy = others.Last, others.LastBy
	}
	if others.Through < answered.AnsweredThrough {
		answered.AnsweredThrough = others.Through
		answered.Seq, answered.Since, err = next(e.Side.Other(), others.Through)
	}
	return err
}

// Replies is what the entries of one side answer, fed to Add from the newest on.
type Replies struct {
	Through      uint64 // the highest seq that is answered
	Last, LastBy uint64 // the newest that people wrote, and which agent
}

// Add adds the next older entry, and reports whether what is older still changes nothing.
func (r *Replies) Add(kind KeyKind, of Side, e Event) (done bool) {
	if e.Side == of && e.Replies(kind) {
		r.Through = max(r.Through, e.Answers())
		if !e.Type.Control() && r.Last == 0 {
			r.Last, r.LastBy = e.Seq, e.Author
		}
	}
	return (r.Last != 0 || kind != Service) && r.Through+1 >= e.Seq
}

// control keeps what only service conversations have.
func (s *ConversationStatus) control(e Event) {
	switch {
	case e.Type.Revises():
		return
	case e.Side == First:
		s.PostProc = Open // whoever writes again reopens
		return
	case !e.Type.Control():
		s.LastAnswer, s.LastAnswerBy = e.Seq, e.Author
		return
	}
	switch e.Type {
	case MessageType_MESSAGE_TYPE_CLAIM:
		s.Assignee = e.Author
	case MessageType_MESSAGE_TYPE_RELEASE:
		s.Assignee = 0
	case MessageType_MESSAGE_TYPE_HAND_OVER:
		s.Assignee = e.Target
	case MessageType_MESSAGE_TYPE_RESOLVE:
		s.PostProc = Resolved
	case MessageType_MESSAGE_TYPE_NO_REPLY_NEEDED:
		s.PostProc = NoReplyNeeded
	case MessageType_MESSAGE_TYPE_MOVE:
		s.PostProc, s.Assignee = Moved, 0
	case MessageType_MESSAGE_TYPE_REOPEN:
		s.PostProc = Open
	}
}

// Waiting is one side of a conversation under the answered rule: what that
// side asked and what of it the other side answered. Feed it every entry of
// the conversation in seq order, and it tells who waits since when:
//
//	answered_through = max over the other side's replies r of min(r.seen_seq, r.seq − 1)
//	waiting          = some message of this side has seq > answered_through
//
// The zero Waiting has asked nothing. It is a value: copy it freely.
type Waiting struct {
	// AnsweredThrough rises, unless a reply is taken back.
	AnsweredThrough uint64
	// Seq of the first message of this side that is not answered; 0 if none.
	Seq uint64
	// Since is that message's create time, Unix milliseconds; 0 if none.
	Since uint64
}

// Forget takes away this side's messages up to a seq, which were deleted: nobody
// waits for an answer to these. next is as for Reply.
func (w *Waiting) Forget(through uint64, next func(after uint64) (seq, createTime uint64, err error)) error {
	if w.Seq == 0 || w.Seq > through {
		return nil
	}
	first, since, err := next(through)
	if err != nil {
		return err
	}
	w.Seq, w.Since = first, since
	return nil
}

// Ask adds a message of this side.
func (w *Waiting) Ask(seq, createTime uint64) {
	if w.Seq == 0 && seq > w.AnsweredThrough {
		w.Seq, w.Since = seq, createTime
	}
}

// Reply adds a reply of the other side, which had seen up to seen; nil says an
// old client wrote it, which counts as having seen everything before it. next
// finds this side's first message after a seq and before the reply (0, 0 if
// there is none); it is called only when the reply answers the first waiting
// message.
func (w *Waiting) Reply(seq uint64, seen *uint64, next func(after uint64) (seq, createTime uint64, err error)) error {
	through := seq - 1
	if seen != nil {
		through = min(*seen, through)
	}
	w.AnsweredThrough = max(w.AnsweredThrough, through)
	if w.Seq == 0 || w.Seq > w.AnsweredThrough {
		return nil
	}
	first, since, err := next(w.AnsweredThrough)
	if err != nil {
		return err
	}
	w.Seq, w.Since = first, since
	return nil
}
