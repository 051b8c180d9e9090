package store

import (
	"parley/proto"
	"parley/server/chat"
)

// maxCached bounds how many rows of a kind are cached, some MiB.
const maxCached = 10_000

// rowCache holds rows as they are on disk, or will be with the transaction under way,
// for the connection that writes, which alone changes them: whoever writes to a conversation
// mostly wrote to it a short while ago, and the next message needs its rows again. It is a
// cache: any row may be missing, and after a transaction that failed all are.
type rowCache struct {
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

func newRowCache() rowCache {
	return rowCache{conversations: make(map[proto.Key]conversationRow), members: make(map[memberKey]chat.Member)}
}

func (c *rowCache) putConversation(key proto.Key, row conversationRow) {
	makeRoom(c.conversations)
	c.conversations[key] = row
}

func (c *rowCache) putMember(key memberKey, m chat.Member) {
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

// clear forgets everything.
func (c *rowCache) clear() {
	clear(c.conversations)
	clear(c.members)
}
