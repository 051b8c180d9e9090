//go:build unix

package postgres

import (
	"context"
	"errors"
	"testing"

	"parley/proto"
	"parley/server/chat"
	"parley/server/store/postgres/postgrestest"
)

// alternating is a store of two nodes that write in turns, each of which knows rows that the other changes.
type alternating struct {
	*DB
	second func() *DB // opens the other node, once it has its turn
	other  *DB
	turn   int
}

func (a *alternating) Update(ctx context.Context, change func(chat.Tx) error) error {
	node := a.DB
	if a.turn++; a.turn%2 == 0 {
		if a.other == nil {
			a.other = a.second()
		}
		node = a.other
	}
	return node.Update(ctx, func(tx chat.Tx) error {
		node.Log(tx, []byte("something")) // with which it says what it touched
		return change(tx)
	})
}

func (a *alternating) Close() error {
	err := a.DB.Close()
	if a.other != nil {
		err = errors.Join(err, a.other.Close())
	}
	return err
}

// What a transaction is made of is what is there, whoever wrote it.
func TestWhatTwoNodesKnowIsWhatIsThere(t *testing.T) {
	l, address := new(line), postgrestest.Database(t)
	single := struct{ chat.Store }{&alternating{DB: openOver(t, address, l), second: func() *DB { return openOver(t, address, l) }}}
	whatIsFetchedIsThere(t, single, l, true)
}

// Of what a node knows it reads again what others say that they touched and, where one did not say so or
// many wrote, all.
func TestOnlyWhatOthersTouchedIsReadAnew(t *testing.T) {
	address := postgrestest.Database(t)
	here, there := talkOn(t, open(t, address, t.TempDir()), nil), talkOn(t, open(t, address, t.TempDir()), nil)
	there.refs = 1 << 10 // of its own
	const stranger, friend = 9, 10
	send := func(k *talk, to, want uint64) {
		t.Helper()
		if result := k.Commit(t.Context(), []chat.Request{k.message(ada, to, 0)})[0]; result.Err != nil || result.Receipt.Seq != want {
			t.Errorf("it has seq %d, error %v, want %d", result.Receipt.Seq, result.Err, want)
		}
	}
	// A row that is changed so nobody told of: a node that reads it goes on from there.
	set := func(head string) {
		postgrestest.SQL(t, address, `UPDATE parley.conversations SET head = '\x`+head+`' WHERE key = '`+proto.DirectKey(ada, bob).String()+`'`)
	}
	send(here, bob, 1)
	send(here, stranger, 1)
	send(there, stranger, 2)
	set("0000000000000008")
	send(here, bob, 2)
	send(here, stranger, 3)
	send(there, bob, 3)
	set("0000000000000010")
	send(here, bob, 0x11)

	set("0000000000000020")
	postgrestest.SQL(t, address, "UPDATE parley.starts SET commits = commits WHERE id = '\\x0000000000000000'") // as a version does that tells nobody
	send(here, bob, 0x21)

	set("0000000000000030")
	for n := uint64(4); n <= 3+maxTouched; n++ {
		send(there, stranger, n)
	}
	send(here, bob, 0x22)
	set("0000000000000040")
	for n := uint64(1); n <= maxTouched+1; n++ {
		send(there, friend, n)
	}
	send(here, bob, 0x41)
}

// Whatever a node writes of what another knows, that reads it anew.
func TestEveryWriteTouchesWhatItWrites(t *testing.T) {
	address := postgrestest.Database(t)
	here, there := open(t, address, t.TempDir()), open(t, address, t.TempDir())
	key := proto.DirectKey(ada, bob)
	update := func(db *DB, change func(chat.Tx) error) {
		t.Helper()
		if err := db.Update(t.Context(), func(tx chat.Tx) error {
			db.Log(tx, []byte("something"))
			return change(tx)
		}); err != nil {
			t.Fatal(err)
		}
	}
	type rows struct {
		Conversation chat.Conversation
		Member       chat.Member
		Usage        chat.Usage
	}
	read := func() (all rows) {
		update(here, func(tx chat.Tx) error {
			var errs [4]error
			_, errs[3] = tx.Epoch() // with which it sees what it may still believe
			all.Conversation, errs[0] = tx.Conversation(key)
			all.Member, errs[1] = tx.Member(key, ada)
			all.Usage, errs[2] = tx.Usage(ada)
			return errors.Join(errs[:]...)
		})
		return all
	}
	conversation := chat.Conversation{Key: key, Head: 1, Min: 1}
	member := chat.Member{Key: key, User: ada, Rev: 1}
	usage := chat.Usage{User: ada, Bytes: chat.Bucket{Level: 1, Time: 1}}
	for _, write := range []struct {
		name   string
		change func(tx chat.Tx) error
		want   rows
	}{
		{"nothing", func(tx chat.Tx) error { return nil }, rows{Usage: chat.Usage{User: ada}}},
		{"a conversation that is new", func(tx chat.Tx) error { return tx.PutConversation(conversation) }, rows{conversation, chat.Member{}, chat.Usage{User: ada}}},
		{"a member", func(tx chat.Tx) error { return tx.PutMember(member) }, rows{conversation, member, chat.Usage{User: ada}}},
		{"what a user has used", func(tx chat.Tx) error { return tx.PutUsage(usage) }, rows{conversation, member, usage}},
		{"a conversation", func(tx chat.Tx) error {
			conversation.Head = 7
			return tx.PutConversation(conversation)
		}, rows{chat.Conversation{Key: key, Head: 7, Min: 1}, member, usage}},
		{"a user that is deleted", func(tx chat.Tx) error { return tx.DeleteUser(ada) }, rows{chat.Conversation{Key: key, Head: 7, Min: 1}, member, chat.Usage{User: ada}}},
		{"a conversation that is deleted", func(tx chat.Tx) error { return tx.DeleteConversation(key) }, rows{Usage: chat.Usage{User: ada}}},
	} {
		update(there, write.change)
		if got := read(); got != write.want {
			t.Errorf("%s: there is %+v, want %+v", write.name, got, write.want)
		}
	}
}
