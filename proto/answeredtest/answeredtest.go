// Package answeredtest tells, as a table that a product owner can read, who
// waits for whom after what was said. The same scenarios are run through the
// pure rule (proto.ConversationStatus), through the server and through the page.
//
// It imports proto alone, and holds no test of its own.
package answeredtest

import "parley/proto"

// Person is who says something. In a service conversation Customer is the
// customer and Ann and Ben are agents; in a direct one Ann writes with Ben,
// and Ann's is the lower id.
type Person string

const (
	Customer Person = "the customer"
	Ann      Person = "Ann"
	Ben      Person = "Ben"
)

// Side returns the side that p is on in a conversation of a kind.
func (p Person) Side(kind proto.KeyKind) proto.Side {
	if p == Customer || kind == proto.Direct && p == Ann {
		return proto.First
	}
	return proto.Second
}

// Entry is one entry. Its seq is its place in the scenario, from 1, and they
// stand in the order in which the server stored them.
type Entry struct {
	By   Person
	Does proto.MessageType
	To   Person // of a hand-over
	Of   uint64 // the entry that an edit or a recall speaks of
	// Seen is the highest entry that was on the author's screen when Send was
	// pressed; nil says that an old client wrote, which does not tell.
	Seen *uint64
}

// Scenario is a conversation and what must be true at its end.
type Scenario struct {
	Story string
	Kind  proto.KeyKind
	Log   []Entry
	// Waits says which entry waits longest for an answer, by the author's
	// side; 0: none does.
	Waits [2]uint64
	// Of service conversations: who has it, and the closing state.
	Has    Person
	Closed uint32
}

// says is something that By wrote with everything up to seen on the screen.
func says(by Person, seen uint64) Entry {
	return Entry{By: by, Does: proto.MessageType_MESSAGE_TYPE_TEXT, Seen: &seen}
}

// saysBlind is what an old client sends, which does not tell what was seen.
func saysBlind(by Person) Entry { return Entry{By: by, Does: proto.MessageType_MESSAGE_TYPE_TEXT} }

func does(by Person, what proto.MessageType, seen uint64) Entry {
	return Entry{By: by, Does: what, Seen: &seen}
}

const (
	claim         = proto.MessageType_MESSAGE_TYPE_CLAIM
	release       = proto.MessageType_MESSAGE_TYPE_RELEASE
	note          = proto.MessageType_MESSAGE_TYPE_NOTE
	resolve       = proto.MessageType_MESSAGE_TYPE_RESOLVE
	reopen        = proto.MessageType_MESSAGE_TYPE_REOPEN
	noReplyNeeded = proto.MessageType_MESSAGE_TYPE_NO_REPLY_NEEDED
)

func handsOver(by, to Person, seen uint64) Entry {
	return Entry{By: by, Does: proto.MessageType_MESSAGE_TYPE_HAND_OVER, To: to, Seen: &seen}
}

// edits is a new text of an entry of one's own, takesBack its recall.
func edits(by Person, of, seen uint64) Entry {
	return Entry{By: by, Does: proto.MessageType_MESSAGE_TYPE_EDIT, Of: of, Seen: &seen}
}

func takesBack(by Person, of, seen uint64) Entry {
	return Entry{By: by, Does: proto.MessageType_MESSAGE_TYPE_RECALL, Of: of, Seen: &seen}
}

// Scenarios are all there are. The slice is new with each call.
func Scenarios() []Scenario {
	customerWaits := func(entry uint64) [2]uint64 { return [2]uint64{entry, 0} }
	nobody := [2]uint64{}
	return []Scenario{
		{Story: "a question waits", Kind: proto.Service,
			Log: []Entry{says(Customer, 0)}, Waits: customerWaits(1)},
		{Story: "a reply to a question that was seen answers it", Kind: proto.Service,
			Log: []Entry{says(Customer, 0), says(Ann, 1)}, Waits: nobody},
		{Story: "of several questions the first one counts", Kind: proto.Service,
			Log: []Entry{says(Customer, 0), says(Customer, 1), says(Customer, 2)}, Waits: customerWaits(1)},
		{Story: "one reply answers several questions that were seen", Kind: proto.Service,
			Log: []Entry{says(Customer, 0), says(Customer, 1), says(Ann, 2)}, Waits: nobody},
		{Story: "a reply and a new question cross: the new question still waits", Kind: proto.Service,
			Log: []Entry{says(Customer, 0), says(Customer, 1), says(Ann, 1)}, Waits: customerWaits(2)},
		{Story: "the crossing question is answered by the next reply that saw it", Kind: proto.Service,
			Log: []Entry{says(Customer, 0), says(Customer, 1), says(Ann, 1), says(Ann, 3)}, Waits: nobody},
		{Story: "of several questions some were seen: the first unseen one waits", Kind: proto.Service,
			Log: []Entry{says(Customer, 0), says(Customer, 1), says(Customer, 2), says(Ann, 2)}, Waits: customerWaits(3)},
		{Story: "a reply typed before the question was on the screen answers nothing", Kind: proto.Service,
			Log: []Entry{says(Customer, 0), says(Ann, 0)}, Waits: customerWaits(1)},
		{Story: "an answer without seen_seq counts as having seen everything before it", Kind: proto.Service,
			Log: []Entry{says(Customer, 0), says(Customer, 1), saysBlind(Ann)}, Waits: nobody},
		{Story: "a question after an answer without seen_seq waits", Kind: proto.Service,
			Log: []Entry{says(Customer, 0), saysBlind(Ann), says(Customer, 2)}, Waits: customerWaits(3)},
		{Story: "thanks after an answer ask again", Kind: proto.Service,
			Log: []Entry{says(Customer, 0), says(Ann, 1), says(Customer, 2)}, Waits: customerWaits(3)},
		{Story: "no reply needed clears the thanks without writing", Kind: proto.Service,
			Log:   []Entry{says(Customer, 0), says(Ann, 1), says(Customer, 2), does(Ann, noReplyNeeded, 3)},
			Waits: nobody, Closed: proto.NoReplyNeeded},
		{Story: "a greeting of the service answers nothing that comes later, and nobody waits for the customer", Kind: proto.Service,
			Log: []Entry{says(Ann, 0), says(Customer, 1)}, Waits: customerWaits(2)},
		{Story: "the service never waits for the customer", Kind: proto.Service,
			Log: []Entry{says(Ann, 0), says(Ben, 1)}, Waits: nobody},

		{Story: "two agents: either one's reply answers", Kind: proto.Service,
			Log: []Entry{says(Customer, 0), does(Ann, claim, 1), says(Ben, 2)}, Waits: nobody, Has: Ann},
		{Story: "two agents: each answers what they saw, the further one counts", Kind: proto.Service,
			Log: []Entry{says(Customer, 0), says(Customer, 1), says(Ann, 2), says(Ben, 3)}, Waits: nobody},
		{Story: "two agents: a question that neither saw waits", Kind: proto.Service,
			Log: []Entry{says(Customer, 0), says(Ann, 1), says(Customer, 1), says(Ben, 2)}, Waits: customerWaits(3)},

		{Story: "a claim answers nothing", Kind: proto.Service,
			Log: []Entry{says(Customer, 0), does(Ann, claim, 1)}, Waits: customerWaits(1), Has: Ann},
		{Story: "a release gives it back to the queue", Kind: proto.Service,
			Log: []Entry{says(Customer, 0), does(Ann, claim, 1), does(Ann, release, 2)}, Waits: customerWaits(1)},
		{Story: "a hand-over answers nothing", Kind: proto.Service,
			Log: []Entry{says(Customer, 0), does(Ann, claim, 1), handsOver(Ann, Ben, 2)}, Waits: customerWaits(1), Has: Ben},
		{Story: "an agent's own note answers nothing", Kind: proto.Service,
			Log: []Entry{says(Customer, 0), does(Ann, note, 1)}, Waits: customerWaits(1)},
		{Story: "a note between does not hide what the reply saw", Kind: proto.Service,
			Log: []Entry{says(Customer, 0), does(Ann, note, 1), says(Ann, 2)}, Waits: nobody},

		{Story: "resolve answers everything that the agent had seen", Kind: proto.Service,
			Log:   []Entry{says(Customer, 0), says(Customer, 1), does(Ann, resolve, 2)},
			Waits: nobody, Closed: proto.Resolved},
		{Story: "resolve and a question cross: the question waits, although the agent closed", Kind: proto.Service,
			Log:   []Entry{says(Customer, 0), says(Customer, 1), does(Ann, resolve, 1)},
			Waits: customerWaits(2), Closed: proto.Resolved},
		{Story: "a message after resolve waits and opens the conversation again", Kind: proto.Service,
			Log:   []Entry{says(Customer, 0), does(Ann, resolve, 1), says(Customer, 2)},
			Waits: customerWaits(3)},
		{Story: "reopen opens, and what was answered stays answered", Kind: proto.Service,
			Log:   []Entry{says(Customer, 0), does(Ann, resolve, 1), does(Ben, reopen, 2)},
			Waits: nobody},
		{Story: "an answer after resolve leaves it resolved", Kind: proto.Service,
			Log:   []Entry{says(Customer, 0), does(Ann, claim, 1), does(Ann, resolve, 2), says(Ann, 3)},
			Waits: nobody, Has: Ann, Closed: proto.Resolved},
		{Story: "who had it when it was resolved has it when the customer writes again", Kind: proto.Service,
			Log:   []Entry{says(Customer, 0), does(Ann, claim, 1), does(Ann, resolve, 2), says(Customer, 3)},
			Waits: customerWaits(4), Has: Ann},

		{Story: "a question that is taken back waits no more", Kind: proto.Service,
			Log: []Entry{says(Customer, 0), takesBack(Customer, 1, 1)}, Waits: nobody},
		{Story: "of two questions the first is taken back: the second one waits", Kind: proto.Service,
			Log: []Entry{says(Customer, 0), says(Customer, 1), takesBack(Customer, 1, 2)}, Waits: customerWaits(2)},
		{Story: "of two questions the second is taken back: the first one waits", Kind: proto.Service,
			Log: []Entry{says(Customer, 0), says(Customer, 1), takesBack(Customer, 2, 2)}, Waits: customerWaits(1)},
		{Story: "an answer that is taken back answers nothing: the question waits again", Kind: proto.Service,
			Log: []Entry{says(Customer, 0), says(Ann, 1), takesBack(Ann, 2, 2)}, Waits: customerWaits(1)},
		{Story: "an agent takes a colleague's answer back: the question waits again", Kind: proto.Service,
			Log: []Entry{says(Customer, 0), says(Ann, 1), takesBack(Ben, 2, 2)}, Waits: customerWaits(1)},
		{Story: "of two answers one is taken back: the other one still answers", Kind: proto.Service,
			Log: []Entry{says(Customer, 0), says(Ann, 1), says(Ben, 2), takesBack(Ben, 3, 3)}, Waits: nobody},
		{Story: "of two answers the further one is taken back: what the other one had not seen waits", Kind: proto.Service,
			Log: []Entry{says(Customer, 0), says(Customer, 1), says(Ann, 1), says(Ben, 3), takesBack(Ben, 4, 4)}, Waits: customerWaits(2)},
		{Story: "an answer is taken back after no reply needed: nobody waits", Kind: proto.Service,
			Log:   []Entry{says(Customer, 0), says(Ann, 1), does(Ann, noReplyNeeded, 2), takesBack(Ann, 2, 3)},
			Waits: nobody, Closed: proto.NoReplyNeeded},
		{Story: "an answer is taken back, and another one follows: answered", Kind: proto.Service,
			Log: []Entry{says(Customer, 0), says(Ann, 1), takesBack(Ann, 2, 2), says(Ann, 3)}, Waits: nobody},
		{Story: "a question that is edited after its answer asks nothing new", Kind: proto.Service,
			Log: []Entry{says(Customer, 0), says(Ann, 1), edits(Customer, 1, 2)}, Waits: nobody},
		{Story: "an edit of an answer answers nothing that came since", Kind: proto.Service,
			Log: []Entry{says(Customer, 0), says(Ann, 1), says(Customer, 2), edits(Ann, 2, 3)}, Waits: customerWaits(3)},
		{Story: "an edit of a question does not open what was resolved", Kind: proto.Service,
			Log:   []Entry{says(Customer, 0), does(Ann, resolve, 1), edits(Customer, 1, 2)},
			Waits: nobody, Closed: proto.Resolved},

		{Story: "between two users what is taken back asks no more", Kind: proto.Direct,
			Log: []Entry{says(Ann, 0), takesBack(Ann, 1, 1)}, Waits: nobody},
		{Story: "between two users a reply that is taken back asks no more, and what it answered waits again", Kind: proto.Direct,
			Log: []Entry{says(Ann, 0), says(Ben, 1), takesBack(Ben, 2, 2)}, Waits: [2]uint64{1, 0}},
		{Story: "between two users a question that was answered is taken back: the reply still asks", Kind: proto.Direct,
			Log: []Entry{says(Ann, 0), says(Ben, 1), takesBack(Ann, 1, 2)}, Waits: [2]uint64{0, 2}},
		{Story: "between two users an edit changes nothing of who waits", Kind: proto.Direct,
			Log: []Entry{says(Ann, 0), says(Ben, 1), edits(Ann, 1, 2), edits(Ben, 2, 3)}, Waits: [2]uint64{0, 2}},
		{Story: "between two users both ask", Kind: proto.Direct,
			Log: []Entry{says(Ann, 0), says(Ben, 0)}, Waits: [2]uint64{1, 2}},
		{Story: "between two users a reply asks in turn", Kind: proto.Direct,
			Log: []Entry{says(Ann, 0), says(Ben, 1)}, Waits: [2]uint64{0, 2}},
		{Story: "between two users a reply and a new question cross", Kind: proto.Direct,
			Log: []Entry{says(Ann, 0), says(Ann, 1), says(Ben, 1)}, Waits: [2]uint64{2, 3}},
		{Story: "between two users a reply of an old client answers all before it", Kind: proto.Direct,
			Log: []Entry{says(Ann, 0), says(Ann, 1), saysBlind(Ben)}, Waits: [2]uint64{0, 3}},
		{Story: "no reply needed ends it between two users, and asks nothing itself", Kind: proto.Direct,
			Log: []Entry{says(Ann, 0), says(Ben, 1), does(Ann, noReplyNeeded, 2)}, Waits: nobody},
		{Story: "no reply needed and a question cross: the question waits", Kind: proto.Direct,
			Log: []Entry{says(Ben, 0), says(Ben, 1), does(Ann, noReplyNeeded, 1)}, Waits: [2]uint64{0, 2}},
		{Story: "no reply needed is about the other side's messages, one's own still wait", Kind: proto.Direct,
			Log: []Entry{says(Ann, 0), says(Ben, 0), does(Ann, noReplyNeeded, 2)}, Waits: [2]uint64{1, 0}},
		{Story: "a message after no reply needed waits", Kind: proto.Direct,
			Log: []Entry{says(Ben, 0), does(Ann, noReplyNeeded, 1), says(Ben, 2)}, Waits: [2]uint64{0, 3}},
	}
}
