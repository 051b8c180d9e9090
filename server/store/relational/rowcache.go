package relational

import (
	"fmt"
	"maps"

	"parley/proto"
	"parley/server/chat"
)

// maxCached bounds how many rows of a kind are cached when a transaction begins, some MiB; one alone
// may cache as many again.
const maxCached = 10_000

// Cache holds rows as they are on disk, or will be with the transaction under way, for the
// one connection that changes them: whoever writes to a conversation mostly wrote to it a short
// while ago, and the next message needs its rows again. It is a cache: any row may be missing,
// and after a transaction that failed all are. A nil *Cache is empty.
type Cache struct {
	conversations map[proto.Key]conversationRow
	members       map[memberKey]chat.Member
	usages        map[uint64]chat.Usage
	shut          bool
}

// conversationRow is a conversation, which may be zero but for its key, and its row id; without
// one there is no row.
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
	return Cache{conversations: make(map[proto.Key]conversationRow), members: make(map[memberKey]chat.Member), usages: make(map[uint64]chat.Usage)}
}

// Shut lets nothing be read of what is cached until it is known whether that still holds.
func (c *Cache) Shut() { c.shut = true }

// Open lets all be read that is cached, or forgets it if that does not hold any more.
func (c *Cache) Open(holds bool) {
	if c.shut = false; !holds {
		c.Clear()
	}
}

// Forget forgets rows that others touched, by the names of Touched.
func (c *Cache) Forget(names map[string]bool) error {
	shared := make(map[proto.Key]bool)
	for name := range names {
		if user, ok := usageOf(name); ok {
			delete(c.usages, user)
			continue
		}
		key, err := proto.ParseKey(name)
		if err != nil {
			return fmt.Errorf("read what others touched: %w", err)
		}
		delete(c.conversations, key)
		if key.Kind() != proto.Direct {
			shared[key] = true // by any number of users
			continue
		}
		for _, side := range []proto.Side{proto.First, proto.Second} {
			delete(c.members, memberKey{key, key.User(side)})
		}
	}
	if len(shared) > 0 {
		maps.DeleteFunc(c.members, func(m memberKey, _ chat.Member) bool { return shared[m.key] })
	}
	return nil
}

// row returns the row of a conversation, without an id if there is none, and whether that is known.
func (c *Cache) row(key proto.Key) (row conversationRow, known bool) {
	if c != nil && !c.shut {
		row, known = c.conversations[key]
	}
	return row, known
}

// member returns a member and whether it is known.
func (c *Cache) member(key proto.Key, user uint64) (m chat.Member, known bool) {
	if c != nil && !c.shut {
		m, known = c.members[memberKey{key, user}]
	}
	return m, known
}

// usage returns what a user has used and whether it is known.
func (c *Cache) usage(user uint64) (u chat.Usage, known bool) {
	if c != nil && !c.shut {
		u, known = c.usages[user]
	}
	return u, known
}

// has reports whether a member and its conversation are cached, also while the Cache is shut.
func (c *Cache) has(key proto.Key, user uint64) bool {
	_, known := c.conversations[key]
	if known {
		_, known = c.members[memberKey{key, user}]
	}
	return known
}

// hasUsage is has of what a user has used.
func (c *Cache) hasUsage(user uint64) bool {
	_, known := c.usages[user]
	return known
}

func (c *Cache) putConversation(key proto.Key, row conversationRow) {
	makeRoom(c.conversations, 2*maxCached)
	c.conversations[key] = row
}

func (c *Cache) putMember(key memberKey, m chat.Member) {
	makeRoom(c.members, 2*maxCached)
	c.members[key] = m
}

func (c *Cache) putUsage(u chat.Usage) {
	makeRoom(c.usages, 2*maxCached)
	c.usages[u.User] = u
}

// makeRoom takes out any rows until there are fewer than may be.
func makeRoom[K comparable, V any](rows map[K]V, most int) {
	for key := range rows {
		if len(rows) < most {
			return
		}
		delete(rows, key)
	}
}

// begin makes room for what a transaction reads, so that of that nothing has to go.
func (c *Cache) begin() {
	if c != nil {
		makeRoom(c.conversations, maxCached+1)
		makeRoom(c.members, maxCached+1)
		makeRoom(c.usages, maxCached+1)
	}
}

// Clear forgets everything.
func (c *Cache) Clear() {
	if c != nil {
		clear(c.conversations)
		clear(c.members)
		clear(c.usages)
	}
}
