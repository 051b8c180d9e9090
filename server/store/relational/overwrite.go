package relational

import "strings"

// Overwritten is the row of a conversation, or of a member if User is not 0, that a statement
// overwrites.
type Overwritten struct {
	Conversation int64 // its row id
	User         Number
}

// updateMember is what nearly every message writes of its author and its reader. Like putSome and
// putAll it sets the same columns, to values that are given, in one row that it finds by its key.
const updateMember = "UPDATE members SET rev = ?, read_seq = ?, delivered_seq = ?, read_time = ?, delivered_time = ?, own = ?, seen = ? WHERE conversation = ? AND user_id = ?"

// What reads of conversations nothing but their keys and row ids, which stay as they are.
const (
	selectRowID = "SELECT id FROM conversations WHERE key = ?"
	selectByRef = "SELECT " + EntryColumns + ", c.key FROM messages JOIN" +
		" (SELECT id AS conversation_id, key FROM conversations) c ON conversation_id = conversation" +
		" WHERE sender = ? AND client_ref = ?"
	selectDeletedRef = "SELECT c.key, r.seq, r.id, r.create_time FROM refs r JOIN conversations c ON c.id = r.conversation WHERE r.sender = ? AND r.client_ref = ?"
)

// Overwrites says of a statement of a Transaction that it does nothing but overwrite a row, and
// which: the same statement, later, with other values for that row, makes it superfluous, unless
// one that sees the row comes between the two (SeesOverwritten).
func Overwrites(query string, args []any) (row Overwritten, overwrites bool) {
	n := len(args)
	switch query {
	case updateMember:
		return Overwritten{args[n-2].(int64), args[n-1].(Number)}, true
	case putSome, putAll:
		return Overwritten{Conversation: args[n-1].(int64)}, true
	}
	return row, false
}

// SeesOverwritten reports whether a statement may read or change what Overwrites is about.
func SeesOverwritten(query string) bool {
	switch query {
	case selectRowID, selectByRef, selectDeletedRef:
		return false
	}
	return strings.Contains(query, "members") || strings.Contains(query, "conversations")
}
