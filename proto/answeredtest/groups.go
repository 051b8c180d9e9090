package answeredtest

import "parley/proto"

// Cleo is another member of groups, and Everyone who a mention of everyone is of.
const (
	Cleo     Person = "Cleo"
	Everyone Person = "everyone"
)

// GroupEntry is one entry of a group. Its seq is its place in the scenario, from 1.
type GroupEntry struct {
	By       Person
	Does     proto.MessageType
	Mentions []Person
	Members  []Person // who is of the new group, comes, or is removed
	Of       uint64   // as Entry's
	Seen     *uint64  // likewise
}

// GroupScenario is a group, of which Ann is the owner, and what must be true at its end.
type GroupScenario struct {
	Story string
	Whole bool // who comes reads what was written before
	Log   []GroupEntry
	// Asks says which entry waits longest for an answer of a member; of nobody else does one.
	Asks map[Person]uint64
}

// made is how each scenario begins.
func made(members ...Person) GroupEntry {
	return GroupEntry{By: Ann, Does: proto.MessageType_MESSAGE_TYPE_GROUP_CREATE, Members: append([]Person{Ann}, members...)}
}

// tells is something that By wrote into a group with everything up to seen on the screen.
func tells(by Person, seen uint64, mentions ...Person) GroupEntry {
	return GroupEntry{By: by, Seen: &seen, Mentions: mentions}
}

// speaks is an entry that speaks of another, or answers without words.
func speaks(by Person, what proto.MessageType, of, seen uint64, mentions ...Person) GroupEntry {
	return GroupEntry{By: by, Does: what, Of: of, Seen: &seen, Mentions: mentions}
}

// happens is what a member does to others, or to themselves.
func happens(by Person, what proto.MessageType, members ...Person) GroupEntry {
	return GroupEntry{By: by, Does: what, Members: members}
}

const (
	edit    = proto.MessageType_MESSAGE_TYPE_EDIT
	recall  = proto.MessageType_MESSAGE_TYPE_RECALL
	react   = proto.MessageType_MESSAGE_TYPE_REACT
	joins   = proto.MessageType_MESSAGE_TYPE_GROUP_JOIN
	leaves  = proto.MessageType_MESSAGE_TYPE_GROUP_LEAVE
	removes = proto.MessageType_MESSAGE_TYPE_GROUP_REMOVE
)

// GroupScenarios are all there are. The slice is new with each call.
func GroupScenarios() []GroupScenario {
	all := made(Ben, Cleo)
	return []GroupScenario{
		{Story: "what mentions nobody asks nobody", Log: []GroupEntry{all, tells(Ann, 1), tells(Ben, 2)}},
		{Story: "a mention asks whom it is of, and nobody else", Log: []GroupEntry{all, tells(Ann, 1, Ben)}, Asks: map[Person]uint64{Ben: 2}},
		{Story: "a later message of theirs that had seen it answers", Log: []GroupEntry{all, tells(Ann, 1, Ben), tells(Ben, 2)}},
		{Story: "a message typed before the mention was on the screen answers nothing",
			Log: []GroupEntry{all, tells(Ann, 1, Ben), tells(Ben, 1)}, Asks: map[Person]uint64{Ben: 2}},
		{Story: "a message without seen_seq answers everything before it",
			Log: []GroupEntry{all, tells(Ann, 1, Ben), tells(Ann, 2, Ben), {By: Ben}}},
		{Story: "of several mentions the first unseen one counts",
			Log: []GroupEntry{all, tells(Ann, 1, Ben), tells(Cleo, 2, Ben), tells(Ann, 3, Ben), tells(Ben, 3)}, Asks: map[Person]uint64{Ben: 4}},
		{Story: "another's message answers for nobody", Log: []GroupEntry{all, tells(Ann, 1, Ben), tells(Cleo, 2)}, Asks: map[Person]uint64{Ben: 2}},
		{Story: "a mention of everyone asks all but its author", Log: []GroupEntry{all, tells(Ann, 1, Everyone)}, Asks: map[Person]uint64{Ben: 2, Cleo: 2}},
		{Story: "each answers for themselves", Log: []GroupEntry{all, tells(Ann, 1, Everyone), tells(Ben, 2)}, Asks: map[Person]uint64{Cleo: 2}},
		{Story: "an answer that mentions asks in turn", Log: []GroupEntry{all, tells(Ann, 1, Ben), tells(Ben, 2, Ann)}, Asks: map[Person]uint64{Ann: 3}},
		{Story: "a mention of oneself asks nobody", Log: []GroupEntry{all, tells(Ben, 1, Ben)}},
		{Story: "no reply needed answers without writing", Log: []GroupEntry{all, tells(Ann, 1, Ben), speaks(Ben, noReplyNeeded, 0, 2)}},
		{Story: "no reply needed and a mention cross: the mention waits",
			Log: []GroupEntry{all, tells(Ann, 1, Ben), tells(Ann, 2, Ben), speaks(Ben, noReplyNeeded, 0, 2)}, Asks: map[Person]uint64{Ben: 3}},
		{Story: "no reply needed asks nobody, whomever it mentions", Log: []GroupEntry{all, speaks(Ann, noReplyNeeded, 0, 1, Ben)}},

		{Story: "a mention that is taken back asks no more", Log: []GroupEntry{all, tells(Ann, 1, Everyone), speaks(Ann, recall, 2, 2)}},
		{Story: "of two mentions the first is taken back: the second one asks",
			Log: []GroupEntry{all, tells(Ann, 1, Ben), tells(Cleo, 2, Ben), speaks(Ann, recall, 2, 3)}, Asks: map[Person]uint64{Ben: 3}},
		{Story: "an answer that is taken back answers nothing", Log: []GroupEntry{all, tells(Ann, 1, Ben), tells(Ben, 2), speaks(Ben, recall, 3, 3)},
			Asks: map[Person]uint64{Ben: 2}},
		{Story: "of two answers one is taken back: the other one still answers",
			Log: []GroupEntry{all, tells(Ann, 1, Ben), tells(Ben, 2), tells(Ben, 3), speaks(Ben, recall, 4, 4)}},
		{Story: "of two answers the further one is taken back: what the other one had not seen asks",
			Log: []GroupEntry{all, tells(Ann, 1, Ben), tells(Ann, 2, Ben), tells(Ben, 2), tells(Ben, 3), speaks(Ben, recall, 5, 5)}, Asks: map[Person]uint64{Ben: 3}},
		{Story: "an edit of what was answered asks nothing new", Log: []GroupEntry{all, tells(Ann, 1, Ben), tells(Ben, 2), speaks(Ann, edit, 2, 3)}},
		{Story: "an edit that adds a mention asks nobody", Log: []GroupEntry{all, tells(Ann, 1), speaks(Ann, edit, 2, 2, Ben)}},
		{Story: "an edit of an answer answers nothing that came since",
			Log: []GroupEntry{all, tells(Ann, 1, Ben), tells(Ben, 2), tells(Ann, 3, Ben), speaks(Ben, edit, 3, 4)}, Asks: map[Person]uint64{Ben: 4}},
		{Story: "a reaction answers nothing", Log: []GroupEntry{all, tells(Ann, 1, Ben), speaks(Ben, react, 2, 2)}, Asks: map[Person]uint64{Ben: 2}},

		{Story: "who leaves is asked nothing any more", Log: []GroupEntry{all, tells(Ann, 1, Ben), happens(Ben, leaves, Ben)}},
		{Story: "who is removed is asked nothing any more", Log: []GroupEntry{all, tells(Ann, 1, Everyone), happens(Ann, removes, Ben)}, Asks: map[Person]uint64{Cleo: 2}},
		{Story: "what somebody asked who leaves waits all the same", Log: []GroupEntry{all, tells(Cleo, 1, Ben), happens(Cleo, leaves, Cleo)}, Asks: map[Person]uint64{Ben: 2}},
		{Story: "who comes back is asked nothing from before",
			Log: []GroupEntry{all, tells(Ann, 1, Ben), happens(Ann, removes, Ben), tells(Ann, 3, Everyone), happens(Ann, joins, Ben)}, Asks: map[Person]uint64{Cleo: 4}},
		{Story: "who comes back is asked what is asked from then on",
			Log: []GroupEntry{all, tells(Ann, 1, Ben), happens(Ann, removes, Ben), happens(Ann, joins, Ben), tells(Ann, 4, Ben)}, Asks: map[Person]uint64{Ben: 5}},
		{Story: "who comes is asked nothing from before, where they may not read it",
			Log: []GroupEntry{made(Ben), tells(Ann, 1, Everyone), happens(Ann, joins, Cleo)}, Asks: map[Person]uint64{Ben: 2}},
		{Story: "who comes is asked nothing from before, where they may read it", Whole: true,
			Log: []GroupEntry{made(Ben), tells(Ann, 1, Everyone), happens(Ann, joins, Cleo)}, Asks: map[Person]uint64{Ben: 2}},
		{Story: "whose only answer was taken back is asked nothing from before they came, where they may not read it",
			Log: []GroupEntry{made(Ben), tells(Ann, 1, Everyone), happens(Ann, joins, Cleo), tells(Cleo, 3), speaks(Cleo, recall, 4, 4)}, Asks: map[Person]uint64{Ben: 2}},
		{Story: "whose only answer was taken back is asked nothing from before they came, where they may read it", Whole: true,
			Log: []GroupEntry{made(Ben), tells(Ann, 1, Everyone), happens(Ann, joins, Cleo), tells(Cleo, 3), speaks(Cleo, recall, 4, 4)}, Asks: map[Person]uint64{Ben: 2}},
		{Story: "whose only answer was taken back is asked again what was asked since they came", Whole: true,
			Log:  []GroupEntry{made(Ben), tells(Ann, 1, Everyone), happens(Ann, joins, Cleo), tells(Ann, 3, Cleo), tells(Cleo, 4), speaks(Cleo, recall, 5, 5)},
			Asks: map[Person]uint64{Ben: 2, Cleo: 4}},
	}
}
