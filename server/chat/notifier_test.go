package chat_test

import (
	"context"
	"testing"
	"time"

	"parley/proto"
	"parley/server/chat"
	"parley/server/chat/chattest"
)

// turn is what one call of Announce told.
type turn struct {
	presence map[uint64]int // by whose
	pushed   map[uint64]int // by to whom
}

// turns lets the notifier tell all there is, by hand, calling meanwhile before each
// turn, and returns what each told.
func (b *bench) turns(meanwhile func(turn int)) (all []turn) {
	b.t.Helper()
	b.out.take()
	for i := range 10_000 {
		meanwhile(i)
		next := b.Announce(b.t.Context())
		now := turn{map[uint64]int{}, map[uint64]int{}}
		for _, d := range b.out.take() {
			switch m := d.body.(type) {
			case *proto.Presence:
				now.presence[m.GetUserId()]++
			case *proto.BaseUserUnreadStatics:
				now.pushed[d.user]++
			}
		}
		all = append(all, now)
		if next == 0 {
			return all
		}
		b.pass(next)
	}
	b.t.Fatal("the notifier comes to no end")
	return nil
}

const (
	crowd = 1000 // users, from first on, who wrote to Bob
	first = 5000
)

// crowded is a service driven by hand that a crowd knows, in which Bob is here.
func crowded(t *testing.T) *bench {
	t.Helper()
	b := prepared(t, chattest.NewMemory(1))
	b.say1000(func(user uint64) (uint64, uint64) { return user, bob })
	b.Connected(context.Background(), chat.Sender{User: bob})
	b.turns(func(int) {})
	return b
}

// say1000 commits a message of or to each of the crowd.
func (b *bench) say1000(who func(user uint64) (from, to uint64)) {
	b.t.Helper()
	var batch []chat.Request
	for user := uint64(first); user < first+crowd; user++ {
		from, to := who(user)
		batch = append(batch, b.prepare(from, proto.BranchMessage, encode(b.t, text(to, "x"))))
	}
	for _, r := range b.Commit(b.t.Context(), batch) {
		if r.Err != nil {
			b.t.Fatal(r.Err)
		}
	}
}

func (b *bench) comeAll() {
	for user := uint64(first); user < first+crowd; user++ {
		b.Connected(context.Background(), chat.Sender{User: user})
	}
}

// most bounds what one turn tells.
const most = 50

func TestManyWhoComeAtOnceHoldNoPushUp(t *testing.T) {
	b := crowded(t)
	b.Commit(t.Context(), []chat.Request{b.prepare(ada, proto.BranchMessage, encode(t, text(bob, "x")))})
	b.pass(time.Second) // the push to Bob is due
	b.comeAll()
	told := make(map[uint64]int)
	turns := b.turns(func(int) {})
	for i, turn := range turns {
		if len(turn.presence) > most {
			t.Errorf("turn %d tells of %d users", i, len(turn.presence))
		}
		for user, n := range turn.presence {
			told[user] += n
		}
	}
	same(t, "pushes to Bob in the first turn", turns[0].pushed[bob], 1)
	for user := uint64(first); user < first+crowd; user++ {
		if told[user] != 1 {
			t.Errorf("user %d was told of %d times", user, told[user])
		}
	}
}

func TestWhoComesInTheMidstOfOthersIsTold(t *testing.T) {
	b := crowded(t)
	late := uint64(first) - 1 // before all others in every order
	b.Commit(t.Context(), []chat.Request{b.prepare(late, proto.BranchMessage, encode(t, text(bob, "x")))})
	b.turns(func(int) {}) // nothing else is left to be told
	b.comeAll()
	told := 0
	for _, turn := range b.turns(func(turn int) {
		if turn == 3 {
			b.Connected(context.Background(), chat.Sender{User: late})
		}
	}) {
		told += turn.presence[late]
	}
	same(t, "told of who came late", told, 1)
}

func TestManyPushesHoldNobodyUpWhoComes(t *testing.T) {
	b := crowded(t)
	b.comeAll()
	b.turns(func(int) {})
	b.Commit(t.Context(), []chat.Request{b.prepare(ada, proto.BranchMessage, encode(t, text(bob, "x")))})
	b.say1000(func(user uint64) (uint64, uint64) { return bob, user })
	b.pass(time.Second) // the pushes to the crowd are due
	b.Connected(context.Background(), chat.Sender{User: ada})
	pushed := make(map[uint64]int)
	turns := b.turns(func(int) {})
	for i, turn := range turns {
		if len(turn.pushed) > most {
			t.Errorf("turn %d pushes to %d users", i, len(turn.pushed))
		}
		for user, n := range turn.pushed {
			pushed[user] += n
		}
	}
	same(t, "told in the first turn that Ada came", turns[0].presence[ada], 1)
	for user := uint64(first); user < first+crowd; user++ {
		if pushed[user] != 1 {
			t.Errorf("%d pushes to user %d", pushed[user], user)
		}
	}
}

// counted is a Store that counts the users put in one transaction.
type counted struct {
	chat.Store
	most int // of all transactions
}

func (c *counted) Update(ctx context.Context, change func(chat.Tx) error) error {
	return c.Store.Update(ctx, func(tx chat.Tx) error {
		counting := &countingTx{Tx: tx}
		err := change(counting)
		c.most = max(c.most, counting.users)
		return err
	})
}

type countingTx struct {
	chat.Tx
	users int
}

func (tx *countingTx) PutUser(u chat.User) error {
	tx.users++
	return tx.Tx.PutUser(u)
}

// user is what the history knows of one.
func (b *bench) user(s chat.Store, id uint64) (u chat.User) {
	b.t.Helper()
	err := s.View(b.t.Context(), func(v chat.View) (err error) {
		u, err = v.User(id)
		return err
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return u
}

func TestManyWhoLeaveAtOnceAreWrittenDownInParts(t *testing.T) {
	store := &counted{Store: chattest.NewMemory(1)}
	b := prepared(t, store)
	b.comeAll()
	b.turns(func(int) {})
	for user := uint64(first); user < first+crowd; user++ {
		b.Disconnected(chat.Sender{User: user})
	}
	last := b.millis()
	b.pass(time.Minute)
	store.most = 0
	b.turns(func(int) {})
	if store.most == 0 || store.most > most {
		t.Errorf("%d users in one transaction", store.most)
	}
	for user := uint64(first); user < first+crowd; user++ {
		if u := b.user(store, user); u.LastSeen != last {
			t.Fatalf("user %d was last seen %d, want %d", user, u.LastSeen, last)
		}
	}
}

func TestPushesOfManyTurnsRestAsLong(t *testing.T) {
	store := &slow{Store: chattest.NewMemory(1)}
	inBubble(t, chat.Config{Store: store}, func(t *testing.T, b *bench) {
		const many = 50
		for user := uint64(first); user < first+many; user++ {
			b.send(user, text(ada, "x"))
			b.come(user)
		}
		time.Sleep(time.Minute)
		b.told()
		for user := uint64(first); user < first+many; user++ {
			b.send(ada, text(user, "x"))
		}
		store.views.Store(int64(50 * time.Millisecond)) // a push takes two of them: 5 s in all
		time.Sleep(5500 * time.Millisecond)
		same(t, "users that are pushed to", len(updatedRows(t, b)), many)
		b.send(ada, text(first, "y"))
		time.Sleep(19 * time.Second)
		same(t, "pushes in four times as long", len(updatedRows(t, b)), 0)
		time.Sleep(2 * time.Second)
		same(t, "pushes after it", len(updatedRows(t, b)), 1)
	})
}
