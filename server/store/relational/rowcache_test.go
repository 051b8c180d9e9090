package relational

import (
	"testing"

	"parley/proto"
	"parley/server/chat"
)

func TestTheCacheIsBounded(t *testing.T) {
	c := NewCache()
	for i := range uint64(2 * maxCached) {
		key := proto.DirectKey(1, i+2)
		c.putConversation(key, conversationRow{id: int64(i + 1)})
		c.putMember(memberKey{key, 1}, chat.Member{Key: key, User: 1})
	}
	if len(c.conversations) != maxCached || len(c.members) != maxCached {
		t.Errorf("%d conversations and %d members are cached, want %d of both", len(c.conversations), len(c.members), maxCached)
	}
}
