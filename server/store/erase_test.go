package store

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"parley/proto"
	"parley/server/chat"
)

// What is taken back stands in no file of the history soon after, neither in the database
// nor in its logs, while the server goes on.
func TestNothingOfWhatWasTakenBackStaysInTheFiles(t *testing.T) {
	for name, open := range map[string]func(*testing.T, string) *DB{"committed at once": openIn, "left to the redo log": leaving} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			nothingStays(t, dir, open(t, dir))
		})
	}
}

func nothingStays(t *testing.T, dir string, db *DB) {
	key := proto.DirectKey(3, 5)
	entry := func(seq uint64, body string) chat.Entry {
		e := chat.Entry{Key: key, Seq: seq, ID: seq, Sender: 3, CreateTime: 1, Body: []byte(body)}
		e.Ref[0] = byte(seq)
		return e
	}
	update := func(change func(chat.Tx) error) {
		t.Helper()
		if err := db.Update(t.Context(), change); err != nil {
			t.Fatal(err)
		}
	}
	short, long := "TakenBackShort", strings.Repeat("TakenBackLong", 1000) // which needs overflow pages
	for seq, body := range []string{short, long, "stays", "stays"} {
		update(func(tx chat.Tx) error { return tx.Append(entry(uint64(seq+1), body)) })
	}
	update(func(tx chat.Tx) error {
		for seq := uint64(1); seq <= 2; seq++ {
			e := entry(seq, "")
			e.Type, e.Revised = proto.MessageType_MESSAGE_TYPE_RECALLED, 4
			if err := tx.Revise(e); err != nil {
				return err
			}
		}
		return nil
	})
	holds := func() (file string) {
		files, err := filepath.Glob(filepath.Join(dir, FileName+"*"))
		if err != nil || len(files) == 0 {
			t.Fatal(files, err)
		}
		for _, file := range files {
			content, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if bytes.Contains(content, []byte("TakenBack")) {
				return file
			}
		}
		return ""
	}
	forgets := func() {
		t.Helper()
		deadline := time.Now().Add(time.Minute)
		for file := holds(); file != ""; file = holds() {
			if time.Now().After(deadline) {
				t.Fatalf("%s still has it", filepath.Base(file))
			}
			time.Sleep(50 * time.Millisecond)
		}
	}
	forgets()
	// And the name of a file that a message carried.
	update(func(tx chat.Tx) error {
		return tx.PutAttachment(chat.Attachment{ID: 7, Owner: 3, Name: "TakenBack.png", Size: 1, Time: 1, Due: 1})
	})
	update(func(tx chat.Tx) error { return tx.DeleteAttachment(7) })
	forgets()
}
