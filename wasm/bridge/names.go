package bridge

import (
	"math"

	"parley/proto"
)

// entryTypes are the names of static/parley.d.ts for what an entry is.
var entryTypes = map[proto.MessageType]string{
	proto.MessageType_MESSAGE_TYPE_TEXT:            "text",
	proto.MessageType_MESSAGE_TYPE_IMAGE:           "image",
	proto.MessageType_MESSAGE_TYPE_FILE:            "file",
	proto.MessageType_MESSAGE_TYPE_VOICE:           "voice",
	proto.MessageType_MESSAGE_TYPE_MOVED_HERE:      "moved",
	proto.MessageType_MESSAGE_TYPE_CLAIM:           "claim",
	proto.MessageType_MESSAGE_TYPE_RELEASE:         "release",
	proto.MessageType_MESSAGE_TYPE_HAND_OVER:       "hand-over",
	proto.MessageType_MESSAGE_TYPE_NOTE:            "note",
	proto.MessageType_MESSAGE_TYPE_RESOLVE:         "resolve",
	proto.MessageType_MESSAGE_TYPE_REOPEN:          "reopen",
	proto.MessageType_MESSAGE_TYPE_NO_REPLY_NEEDED: "no-reply-needed",
	proto.MessageType_MESSAGE_TYPE_MOVE:            "move",
	proto.MessageType_MESSAGE_TYPE_GROUP_CREATE:    "group-create",
	proto.MessageType_MESSAGE_TYPE_GROUP_JOIN:      "group-join",
	proto.MessageType_MESSAGE_TYPE_GROUP_LEAVE:     "group-leave",
	proto.MessageType_MESSAGE_TYPE_GROUP_REMOVE:    "group-remove",
	proto.MessageType_MESSAGE_TYPE_GROUP_RENAME:    "group-rename",
	proto.MessageType_MESSAGE_TYPE_GROUP_ROLE:      "group-role",
	proto.MessageType_MESSAGE_TYPE_GROUP_PICTURE:   "group-picture",
	proto.MessageType_MESSAGE_TYPE_EDIT:            "edit",
	proto.MessageType_MESSAGE_TYPE_RECALL:          "recall",
	proto.MessageType_MESSAGE_TYPE_REACT:           "react",
	proto.MessageType_MESSAGE_TYPE_RECALLED:        "recalled",
}

// What entries of types that this version does not know are called: those that
// people write, and control entries.
const (
	unknownType    = "unknown"
	unknownControl = "unknown-control"
)

// nameOf names the type of an entry.
func nameOf(t proto.MessageType) string {
	name, known := entryTypes[t]
	switch {
	case known:
		return name
	case t.Control():
		return unknownControl
	}
	return unknownType
}

// closingStates are the names for ServiceMessage.post_proc.
var closingStates = [...]string{proto.Open: "open", proto.Resolved: "resolved", proto.NoReplyNeeded: "no-reply-needed", proto.Moved: "moved"}

// closingState names a post_proc; one that is not known here is open.
func closingState(postProc uint32) string {
	if int(postProc) >= len(closingStates) {
		return closingStates[proto.Open]
	}
	return closingStates[postProc]
}

// entryType reads the name of an entry type.
func (c *command) entryType(name string) proto.MessageType {
	text := c.text(name)
	for t, known := range entryTypes {
		if known == text {
			return t
		}
	}
	c.wrong(name, "the type of an entry, such as text or claim")
	return 0
}

// services reads the numbers of the services that a user answers for, known
// here or not; what is no number of a service is passed over.
func (c *command) services(name string) []proto.ServiceType {
	list, ok := c.fields[name].([]any)
	if !ok {
		c.wrong(name, "an array of numbers")
		return nil
	}
	var services []proto.ServiceType
	for _, v := range list {
		n, ok := v.(float64)
		if ok && n >= 0 && n <= math.MaxInt32 && n == float64(int32(n)) {
			services = append(services, proto.ServiceType(int32(n)))
		}
	}
	return services
}
