package store

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"parley/proto"
	"parley/server/chat"
)

// TestTheLogIsMovedIntoTheFileBesideCommits holds that no commit needs to.
func TestTheLogIsMovedIntoTheFileBesideCommits(t *testing.T) {
	dir := t.TempDir()
	db, err := Open(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	size := func(name string) int64 {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return info.Size()
	}
	seq := uint64(0)
	write := func() {
		t.Helper()
		err := db.Update(context.Background(), func(tx chat.Tx) error {
			for range 100 {
				seq++
				if err := tx.Append(chat.Entry{Key: proto.DirectKey(1, 2), Seq: seq, ID: seq, Sender: 1, Ref: [16]byte{byte(seq), byte(seq >> 8)}, Body: make([]byte, 10_000)}); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	before := size(FileName)
	write()
	if got := size(FileName); got != before {
		t.Errorf("the file grew from %d to %d bytes within a commit", before, got)
	}
	for deadline := time.Now().Add(time.Minute); size(FileName) < before+1_000_000; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("the file has %d bytes still, the log %d", size(FileName), size(FileName+"-wal"))
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, FileName+"-wal")); !os.IsNotExist(err) {
		t.Errorf("the log is there after Close: %v", err)
	}
}
