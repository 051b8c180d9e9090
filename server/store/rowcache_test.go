package store

import (
	"context"
	"errors"
	"math/rand/v2"
	"testing"

	"parley/proto"
	"parley/server/chat"
)

// TestTransactionsReadWhatIsOnDisk writes and deletes at random, in transactions of
// which some fail, and holds that the next one reads what others read, too.
func TestTransactionsReadWhatIsOnDisk(t *testing.T) {
	db, err := Open(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	random := rand.New(rand.NewPCG(7, 7))
	keys := []proto.Key{proto.DirectKey(1, 2), proto.DirectKey(1, 3), proto.ServiceKey(1, support)}
	failed := errors.New("failed")
	type state struct {
		conversations [3]chat.Conversation
		members       [3][4]chat.Member
	}
	read := func(v chat.View) (s state, err error) {
		for i, key := range keys {
			if s.conversations[i], err = v.Conversation(key); err != nil {
				return s, err
			}
			for user := range uint64(4) {
				if s.members[i][user], err = v.Member(key, user+1); err != nil {
					return s, err
				}
			}
		}
		return s, nil
	}
	for i := range 500 {
		var own, stored state
		err := db.Update(context.Background(), func(tx chat.Tx) (err error) {
			for range random.IntN(4) {
				key, n := keys[random.IntN(len(keys))], random.Uint64N(5)
				switch random.IntN(5) {
				case 0:
					err = tx.DeleteConversation(key)
				case 1, 2:
					err = tx.PutConversation(chat.Conversation{Key: key, Head: n, Min: min(n, 1), Counted: [2]uint64{n, 0}})
				default:
					err = tx.PutMember(chat.Member{Key: key, User: 1 + random.Uint64N(4), Rev: uint64(i), Own: n})
				}
				if err != nil {
					return err
				}
			}
			if own, err = read(tx); err == nil && random.IntN(3) == 0 {
				err = failed
			}
			return err
		})
		if err != nil && !errors.Is(err, failed) {
			t.Fatal(err)
		}
		if err := db.View(context.Background(), func(v chat.View) (err error) { stored, err = read(v); return err }); err != nil {
			t.Fatal(err)
		}
		if err == nil && own != stored {
			t.Fatalf("transaction %d read\n%+v\nand stored\n%+v", i, own, stored)
		}
		if err := db.Update(context.Background(), func(tx chat.Tx) (err error) { own, err = read(tx); return err }); err != nil {
			t.Fatal(err)
		}
		if own != stored {
			t.Fatalf("after transaction %d another read\n%+v\nand there is\n%+v", i, own, stored)
		}
	}
}

func TestTheRowCacheIsBounded(t *testing.T) {
	c := newRowCache()
	for i := range uint64(2 * maxCached) {
		key := proto.DirectKey(1, i+2)
		c.putConversation(key, conversationRow{id: int64(i + 1)})
		c.putMember(memberKey{key, 1}, chat.Member{Key: key, User: 1})
	}
	if len(c.conversations) != maxCached || len(c.members) != maxCached {
		t.Errorf("%d conversations and %d members are cached, want %d of both", len(c.conversations), len(c.members), maxCached)
	}
}
