package relational

import (
	"testing"

	"parley/proto"
	"parley/server/chat"
)

func TestTheCacheIsBounded(t *testing.T) {
	c := NewCache()
	put := func(from, to uint64) {
		for i := from; i < to; i++ {
			key := proto.DirectKey(1, i+2)
			c.putConversation(key, conversationRow{id: int64(i + 1)})
			c.putMember(memberKey{key, 1}, chat.Member{Key: key, User: 1})
		}
	}
	put(0, 3*maxCached)
	if len(c.conversations) != 2*maxCached || len(c.members) != 2*maxCached {
		t.Errorf("%d conversations and %d members are cached, want %d of both", len(c.conversations), len(c.members), 2*maxCached)
	}
	c.begin()
	put(3*maxCached, 4*maxCached)
	for i := uint64(3 * maxCached); i < 4*maxCached; i++ {
		if !c.has(proto.DirectKey(1, i+2), 1) {
			t.Fatal("what a transaction put had to go for more of it")
		}
	}
}
