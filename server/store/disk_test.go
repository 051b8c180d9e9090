package store

import (
	"context"
	"database/sql"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	_ "modernc.org/sqlite" // as another program has it

	"parley/proto"
	"parley/server/chat"
)

func openIn(t *testing.T, dir string) *DB {
	t.Helper()
	db, err := Open(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

// asWriter lends the connection that writes.
func (db *DB) asWriter(f func(*connection) error) error {
	return db.write(context.Background(), func(w *writer) error { return errors.Join(w.settle(), f(w.connection)) })
}

// ask runs a pragma on the connection that writes, and returns its answer.
func (db *DB) ask(t *testing.T, pragma string) (answer string) {
	t.Helper()
	err := db.asWriter(func(s *connection) error {
		_, err := s.Row([]any{&answer}, "PRAGMA "+pragma)
		return err
	})
	if err != nil {
		t.Fatalf("%s: %v", pragma, err)
	}
	return answer
}

// otherProgram opens the file as another program would, with one connection.
func otherProgram(t *testing.T, dir string) *sql.DB {
	t.Helper()
	other, err := sql.Open("sqlite", filepath.Join(dir, FileName))
	if err != nil {
		t.Fatal(err)
	}
	other.SetMaxOpenConns(1)
	t.Cleanup(func() {
		if err := other.Close(); err != nil {
			t.Error(err)
		}
	})
	return other
}

func put(db *DB, fail error) error {
	return db.Update(context.Background(), func(tx chat.Tx) error {
		return errors.Join(tx.PutUser(chat.User{ID: 3, Name: "Ada"}), fail)
	})
}

func TestWhenTheDiskIsFullNothingOfAnUpdateIsLeftAndLaterOnesWork(t *testing.T) {
	db := openIn(t, t.TempDir())
	add := func(seq uint64, size int) error {
		return db.Update(t.Context(), func(tx chat.Tx) error {
			e := chat.Entry{Key: proto.DirectKey(3, 5), Seq: seq, ID: seq, Sender: 3, Body: make([]byte, size)}
			e.Ref[0] = byte(seq)
			return errors.Join(
				tx.PutMember(chat.Member{Key: e.Key, User: 3, Rev: seq}),
				tx.PutConversation(chat.Conversation{Key: e.Key, Head: seq, Min: 1}),
				tx.Append(e),
			)
		})
	}
	look := func() (head, rev uint64) {
		t.Helper()
		if err := db.View(t.Context(), func(v chat.View) error {
			c, err := v.Conversation(proto.DirectKey(3, 5))
			if err != nil {
				return err
			}
			head = c.Head
			rev, err = v.Rev()
			return err
		}); err != nil {
			t.Fatal(err)
		}
		return head, rev
	}
	if err := add(1, 100); err != nil {
		t.Fatal(err)
	}
	db.ask(t, "max_page_count = 30") // then SQLite says SQLITE_FULL, as for a full disk
	if err := add(2, 1<<20); err == nil || !strings.Contains(err.Error(), "full") {
		t.Fatalf("an update beyond the end of the disk returned %v", err)
	}
	if head, rev := look(); head != 1 || rev != 1 {
		t.Errorf("head %d, rev %d are left of it", head, rev)
	}
	db.ask(t, "max_page_count = 1000000")
	if err := add(2, 1<<20); err != nil {
		t.Errorf("with room again: %v", err)
	}
	if head, rev := look(); head != 2 || rev != 2 {
		t.Errorf("head %d, rev %d, want 2", head, rev)
	}
}

func TestWhileAnotherProgramHoldsTheFileAnUpdateFailsAndTheNextWorks(t *testing.T) {
	dir := t.TempDir()
	db := openIn(t, dir)
	db.ask(t, "busy_timeout = 1")
	other := otherProgram(t, dir)
	if _, err := other.Exec("BEGIN IMMEDIATE"); err != nil {
		t.Fatal(err)
	}
	if err := put(db, nil); err == nil || !strings.Contains(err.Error(), "locked") {
		t.Errorf("an update beside another program's returned %v", err)
	}
	if _, err := other.Exec("ROLLBACK"); err != nil {
		t.Fatal(err)
	}
	if err := put(db, nil); err != nil {
		t.Error(err)
	}
}

func TestAFailedUpdateLetsGoOfTheFile(t *testing.T) {
	dir := t.TempDir()
	db := openIn(t, dir)
	broken := errors.New("broken on purpose")
	if err := put(db, broken); !errors.Is(err, broken) {
		t.Fatal(err)
	}
	if _, err := otherProgram(t, dir).Exec("UPDATE users SET name = name"); err != nil {
		t.Errorf("another program cannot write: %v", err)
	}
}

func TestATransactionThatWasLeftOpenIsRolledBackByTheNext(t *testing.T) {
	dir := t.TempDir()
	db := openIn(t, dir)
	if err := db.asWriter(func(s *connection) error {
		return errors.Join(s.Exec("BEGIN"), s.Exec("INSERT INTO meta (name, value) VALUES ('left', x'00')"))
	}); err != nil {
		t.Fatal(err)
	}
	if err := put(db, nil); err != nil {
		t.Error(err)
	}
	var left int
	if err := otherProgram(t, dir).QueryRow("SELECT count(*) FROM meta WHERE name = 'left'").Scan(&left); err != nil || left != 0 {
		t.Errorf("%d rows of it are left, %v", left, err)
	}
}

func TestACommitIsSyncedToDisk(t *testing.T) {
	db := openIn(t, t.TempDir())
	for pragma, want := range map[string]string{"synchronous": "2", "journal_mode": "wal"} { // 2 is FULL
		if got := db.ask(t, pragma); got != want {
			t.Errorf("%s is %s, want %s", pragma, got, want)
		}
	}
}

func TestAProbeTellsAFullDiskAndThatThereIsRoomAgain(t *testing.T) {
	db := openIn(t, t.TempDir())
	if err := db.Probe(t.Context()); err != nil {
		t.Fatal(err)
	}
	db.ask(t, "max_page_count = "+db.ask(t, "page_count")) // less than there is may not be asked for
	for range 100 {                                        // until what earlier ones left is used
		if err := put(db, nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Probe(t.Context()); err != nil {
		t.Errorf("right after an update: %v", err)
	}
	if err := db.asWriter(func(s *connection) error { return s.Exec("CREATE TABLE filler AS SELECT zeroblob(4000) AS x") }); err != nil {
		t.Fatal(err)
	}
	if err := db.Probe(t.Context()); err == nil || Advice(err) != "the disk is full: make room" {
		t.Errorf("a full disk: %v", err)
	}
	db.ask(t, "max_page_count = 1000000")
	if err := db.Probe(t.Context()); err != nil {
		t.Errorf("with room again: %v", err)
	}
	var left int
	if err := db.asWriter(func(s *connection) error {
		_, err := s.Row([]any{&left}, "SELECT count(*) FROM meta WHERE name = 'probe'")
		return err
	}); err != nil || left != 0 {
		t.Errorf("%d probes are left, %v", left, err)
	}
}

func TestAProbeTellsWhoHoldsTheFile(t *testing.T) {
	dir := t.TempDir()
	db := openIn(t, dir)
	db.ask(t, "busy_timeout = 1")
	other := otherProgram(t, dir)
	if _, err := other.Exec("BEGIN IMMEDIATE"); err != nil {
		t.Fatal(err)
	}
	if err := db.Probe(t.Context()); err == nil || !strings.Contains(Advice(err), "another program holds it") {
		t.Error(err)
	}
	if _, err := other.Exec("ROLLBACK"); err != nil {
		t.Fatal(err)
	}
	if err := db.Probe(t.Context()); err != nil {
		t.Error(err)
	}
}
