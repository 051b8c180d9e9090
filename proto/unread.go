package proto

// Counts reports whether an entry of somebody else is unread to a reader of
// the conversation until they have read it: what people write is, and to agents
// a note; other control entries are not.
func (k Key) Counts(t MessageType, reader uint64) bool {
	if t == MessageType_MESSAGE_TYPE_NOTE {
		return k.kind == Service && reader != k.a
	}
	return !t.Control()
}

// Counted reports whether an entry counted for a reader when it was written: what was
// taken back since did.
func (k Key) Counted(t MessageType, reader uint64) bool {
	return t == MessageType_MESSAGE_TYPE_RECALLED || k.Counts(t, reader)
}

// Unread is the number of entries after read that count as unread, in a
// conversation whose newest entry is head. own is how many entries after read
// do not count: those that the reader wrote, and those that Counts excepts.
func Unread(head, read, own uint64) uint64 {
	if read >= head || own >= head-read {
		return 0
	}
	return head - read - own
}
