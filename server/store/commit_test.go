package store_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"parley/proto"
	"parley/server/chat"
)

// appendLarge adds entries of 60 kB, as many as the writing connection's cache and the
// log's buffer do not hold, and reads them in the same transaction.
func appendLarge(t *testing.T, tx chat.Tx, key proto.Key) error {
	t.Helper()
	const entries = 400
	body := func(seq uint64) []byte { return bytes.Repeat([]byte{byte(seq)}, 60_000) }
	for seq := uint64(1); seq <= entries; seq++ {
		e := chat.Entry{Key: key, Seq: seq, ID: seq, Sender: 1, Ref: [proto.RefSize]byte{byte(seq), byte(seq >> 8)}, CreateTime: 1, Body: body(seq)}
		if err := tx.Append(e); err != nil {
			return err
		}
	}
	for seq := uint64(1); seq <= entries; seq++ {
		found, err := tx.Entries(key, seq-1, seq+1, 1, false)
		if err != nil {
			return err
		}
		if len(found) != 1 || !bytes.Equal(found[0].Body, body(seq)) {
			t.Fatalf("entry %d is not what was written", seq)
		}
	}
	return tx.PutConversation(chat.Conversation{Key: key, Head: entries, Min: 1, Time: 1})
}

func TestATransactionLargerThanAllBuffersIsWhole(t *testing.T) {
	db := open(t, t.TempDir())
	key, failed := proto.DirectKey(1, 2), errors.New("failed")
	err := db.Update(context.Background(), func(tx chat.Tx) error { return errors.Join(appendLarge(t, tx, key), failed) })
	if !errors.Is(err, failed) {
		t.Fatal(err)
	}
	stored := func() (head uint64, entries int) {
		err := db.View(context.Background(), func(v chat.View) error {
			c, err := v.Conversation(key)
			if err != nil {
				return err
			}
			found, err := v.Entries(key, 0, 0, 1000, false)
			head, entries = c.Head, len(found)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return head, entries
	}
	if head, entries := stored(); head != 0 || entries != 0 {
		t.Errorf("of a transaction that failed there are head %d and %d entries", head, entries)
	}
	if err := db.Update(context.Background(), func(tx chat.Tx) error { return appendLarge(t, tx, key) }); err != nil {
		t.Fatal(err)
	}
	if head, entries := stored(); head != 400 || entries != 400 {
		t.Errorf("there are head %d and %d entries, want 400 of both", head, entries)
	}
}

// What is committed is in the files when Update returns, and not in a buffer of the
// process: that is what a kill leaves.
func TestACommitIsInTheFiles(t *testing.T) {
	dir := t.TempDir()
	db := open(t, dir)
	for id := uint64(1); id <= 20; id++ {
		if err := db.Update(context.Background(), func(tx chat.Tx) error { return tx.PutUser(chat.User{ID: id, Name: "Ada"}) }); err != nil {
			t.Fatal(err)
		}
		left := t.TempDir()
		for _, name := range []string{"parley.db", "parley.db-wal", "parley.db-redo"} {
			content, err := os.ReadFile(filepath.Join(dir, name))
			if err == nil {
				err = os.WriteFile(filepath.Join(left, name), content, 0o600)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		err := open(t, left).View(context.Background(), func(v chat.View) error {
			u, err := v.User(id)
			if u.Name != "Ada" {
				t.Errorf("user %d is not in the files: %+v", id, u)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}
