package chat

import "parley/proto"

// Group is what the history keeps of a group, beside its Conversation.
type Group struct {
	Key  proto.Key
	Name string
	// Whole lets members read what was written before they came.
	Whole bool
	// Members is how many there are.
	Members uint64
	// Version rises with each change of the members, of their roles, or of the name.
	Version uint64
}

// LinkSecret is the size of what a link to a group is made of, in bytes.
const LinkSecret = 16

// GroupLink lets whoever has it join a group.
type GroupLink struct {
	Key    proto.Key
	ID     uint64 // random, not 0: names it to those who may withdraw it
	Secret [LinkSecret]byte
	Author uint64
	// Unix milliseconds; Expires 0: never.
	Made, Expires uint64
}
