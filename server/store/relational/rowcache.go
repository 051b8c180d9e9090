package relational

import (
	"parley/proto"
	"parley/server/chat"
)

// maxCached bounds how many rows of a kind are cached, some MiB.
const maxCached = 10_000

// Cache holds rows as they are on disk, or will be with the transaction under way, for the
// one connection that changes them: whoever writes to a conversation mostly wrote to it a short
// while ago, and the next message needs its rows again. It is a cache: any row may be missing,
// and after a transaction that failed all are. A nil *Cache is empty.
type Cache struct {
	conversations map[proto.Key]conversationRow
	members       map[memberKey]chat.Member
}

// conversationRow is a conversation, which may be zero but for its key, and its row id.
type conversationRow struct {
	id int64
	chat.Conversation
}

type memberKey struct {
	key  proto.Key
	user uint64
}

// NewCache returns an empty one.
func NewCache() Cache {
	return Cache{conversations: make(map[proto.Key]conversationRow), members: make(map[memberKey]chat.Member)}
}

// row returns the row of a conversation, without an id if it is not known.
func (c *Cache) row(key proto.Key) (row conversationRow) {
	if c != nil {
		row = c.conversations[key]
	}
	return row
}

// member returns a member and whether it is known.
func (c *Cache) member(key proto.Key, user uint64) (m chat.Member, known bool) {
	if c != nil {
		m, known = c.members[memberKey{key, user}]
	}
	return m, known
}

func (c *Cache) putConversation(key proto.Key, row conversationRow) {
	makeRoom(c.conversations)
	c.conversations[key] = row
}

func (c *Cache) putMember(key memberKey, m chat.Member) {
	makeRoom(c.members)
	c.members[key] = m
}

// makeRoom takes out any row if there are as many as may be.
func makeRoom[K comparable, V any](rows map[K]V) {
	if len(rows) < maxCached {
		return
	}
	for key := range rows {
		delete(rows, key)
		return
	}
}

// Clear forgets everything.
func (c *Cache) Clear() {
	if c != nil {
		clear(c.conversations)
		clear(c.members)
	}
}
