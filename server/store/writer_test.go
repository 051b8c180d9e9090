package store

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"parley/proto"
	"parley/server/chat"
	"parley/server/chat/storetest"
	"parley/server/store/relational"
)

// leaving opens a history of which each transaction is left to the redo log, as where commits
// follow each other closely, until somebody reads.
func leaving(t *testing.T, dir string) *DB {
	t.Helper()
	db := openIn(t, dir)
	db.pause = time.Hour
	leave(t, db, true)
	return db
}

// leave says whether transactions are left to the redo log.
func leave(t *testing.T, db *DB, leave bool) {
	t.Helper()
	if err := db.write(t.Context(), func(w *writer) error {
		w.leave = func() bool { return leave }
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}

// crash copies the files of a history as a crash would leave them.
func crash(t *testing.T, dir string) string {
	t.Helper()
	to := t.TempDir()
	for _, name := range []string{FileName, FileName + "-wal", RedoName} {
		if err := copyTo(filepath.Join(dir, name), filepath.Join(to, name)); err != nil {
			t.Fatal(err)
		}
	}
	return to
}

// leftOpen is how many transactions are left to the log.
func (db *DB) leftOpen(t *testing.T) (n int) {
	t.Helper()
	if err := db.write(t.Context(), func(w *writer) error { n = len(w.left); return nil }); err != nil {
		t.Fatal(err)
	}
	return n
}

// dump returns what stands in the tables that transactions of chats change, row by row.
func dump(t *testing.T, db *DB) (all []string) {
	t.Helper()
	for table, order := range map[string]string{
		"conversations": "id", "members": "conversation, user_id", "messages": "conversation, seq", "refs": "sender, client_ref",
		"users": "id", "user_words": "rest, user_id", "usage": "user_id",
	} {
		err := db.asWriter(func(c *connection) error {
			var columns []string
			if err := c.Rows(func(row relational.Row) error {
				var name string
				err := row.Scan(&name)
				columns = append(columns, "quote("+name+")")
				return err
			}, "SELECT name FROM pragma_table_info(?)", table); err != nil {
				return err
			}
			return c.Rows(func(row relational.Row) error {
				var text string
				err := row.Scan(&text)
				all = append(all, table+": "+text)
				return err
			}, "SELECT "+strings.Join(columns, " || ' ' || ")+" FROM "+table+" ORDER BY "+order)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	slices.Sort(all)
	return all
}

// nothing differs in what two histories hold.
func same(t *testing.T, what string, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Fatalf("%s: there are %d rows, want %d:\n%s\n\nwant:\n%s", what, len(got), len(want), strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestAHistoryThatIsLeftToTheRedoLogKeepsWhatAStoreMust(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storetest.History {
		dir := t.TempDir()
		return func() chat.Store { return leaving(t, dir) }
	})
}

// talk makes transactions of all kinds at random, as chats do, of which some fail and some
// panic.
type talk struct {
	*rand.Rand
	heads map[proto.Key]uint64
	id    uint64
}

var errPlanned = errors.New("failed on purpose")

// step makes one, which leaves nothing if the error says so.
func (k *talk) step(ctx context.Context, db *DB) (err error) {
	heads := maps.Clone(k.heads)
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%v: %w", p, errPlanned)
		}
		if err != nil {
			k.heads = heads
		}
	}()
	return db.Update(ctx, func(tx chat.Tx) error {
		for range 1 + k.IntN(4) {
			if err := k.change(tx); err != nil {
				return err
			}
		}
		switch k.IntN(12) {
		case 0:
			return errPlanned
		case 1:
			panic("on purpose")
		}
		return nil
	})
}

func (k *talk) change(tx chat.Tx) error {
	user := 1 + k.Uint64N(6)
	keys := []proto.Key{proto.DirectKey(user, 7), proto.DirectKey(user, 8), proto.ServiceKey(user, support)}
	key := keys[k.IntN(len(keys))]
	rev, err := tx.Rev()
	if err != nil {
		return err
	}
	switch k.IntN(8) {
	case 0:
		return tx.PutUser(chat.User{ID: user, Name: fmt.Sprint("Ada ", k.IntN(50)), LastSeen: k.Uint64()})
	case 1:
		return tx.PutUsage(chat.Usage{User: user, Bytes: chat.Bucket{Level: k.Uint64N(1 << 40), Time: k.Uint64()}})
	case 2:
		return tx.Delete(key, k.heads[key]/2)
	case 3:
		m, err := tx.Member(key, user)
		m.Key, m.User, m.Rev, m.Muted = key, user, rev+1, !m.Muted
		return errors.Join(err, tx.PutMember(m))
	case 4:
		c, err := tx.Conversation(key)
		if err != nil || c.Head == 0 {
			return err
		}
		c.Counted[0]++
		return tx.PutConversation(c)
	}
	k.id++
	k.heads[key]++
	e := chat.Entry{Key: key, Seq: k.heads[key], ID: k.id, Sender: user, CreateTime: k.id, Body: fmt.Append(nil, "message ", k.id)}
	copy(e.Ref[:], fmt.Sprintf("%016d", k.id))
	c, err := tx.Conversation(key)
	m, err2 := tx.Member(key, user)
	c.Key, c.Head, c.Min, c.Rev = key, e.Seq, max(c.Min, 1), 0
	if key.Kind() == proto.Service {
		c.Rev = rev + 1
	}
	m.Key, m.User, m.Rev, m.Own = key, user, rev+2, m.Own+1
	return errors.Join(err, err2, tx.Append(e), tx.PutConversation(c), tx.PutMember(m))
}

func TestACrashLosesNothingThatWasLeftToTheRedoLog(t *testing.T) {
	const steps = 400
	dir := t.TempDir()
	db, plain := leaving(t, dir), openIn(t, t.TempDir())
	k := &talk{rand.New(rand.NewPCG(1, 1)), make(map[proto.Key]uint64), 0}
	other := &talk{rand.New(rand.NewPCG(1, 1)), make(map[proto.Key]uint64), 0}
	for i := range steps {
		err, err2 := k.step(t.Context(), db), other.step(t.Context(), plain)
		if err != nil && !errors.Is(err, errPlanned) || (err == nil) != (err2 == nil) {
			t.Fatalf("step %d: %v, and where each is committed %v", i, err, err2)
		}
		switch {
		case i%40 == 13: // so that what comes is written over what was
			if err := db.View(t.Context(), func(chat.View) error { return nil }); err != nil {
				t.Fatal(err)
			}
		case i%40 == 17, i%40 == 39:
			if i%40 == 39 && db.leftOpen(t) < 10 {
				t.Fatalf("only %d transactions are left to the log", db.leftOpen(t))
			}
			left := openIn(t, crash(t, dir))
			same(t, fmt.Sprintf("a crash after step %d", i), dump(t, left), dump(t, plain))
		}
	}
	same(t, "in the end", dump(t, db), dump(t, plain))
}

func greet(t *testing.T, db *DB, users ...uint64) {
	t.Helper()
	for _, id := range users {
		if err := db.Update(t.Context(), func(tx chat.Tx) error { return tx.PutUser(chat.User{ID: id, Name: "Ada"}) }); err != nil {
			t.Fatal(err)
		}
	}
}

// known are the users whom a history knows.
func known(t *testing.T, db *DB) (ids []uint64) {
	t.Helper()
	err := db.View(t.Context(), func(v chat.View) error {
		users, err := v.UsersAfter(0, 100)
		for _, u := range users {
			ids = append(ids, u.ID)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return ids
}

func wantKnown(t *testing.T, what string, db *DB, want ...uint64) {
	t.Helper()
	if got := known(t, db); !slices.Equal(got, want) {
		t.Errorf("%s, users %d are known, want %d", what, got, want)
	}
}

// A record that was not written whole was not acknowledged, and nothing comes after it.
func TestOfARedoLogAllIsTakenUpToWhatIsDamaged(t *testing.T) {
	dir := t.TempDir()
	db := leaving(t, dir)
	var ends []int64
	for id := uint64(1); id <= 4; id++ {
		greet(t, db, id)
		info, err := os.Stat(filepath.Join(dir, RedoName))
		if err != nil {
			t.Fatal(err)
		}
		ends = append(ends, info.Size())
	}
	if n := db.leftOpen(t); n != 4 {
		t.Fatalf("%d are left to the log", n)
	}
	for _, test := range []struct {
		what string
		harm func(log []byte) []byte
		want []uint64
	}{
		{"whole", func(log []byte) []byte { return log }, []uint64{1, 2, 3, 4}},
		{"empty", func([]byte) []byte { return nil }, nil},
		{"cut within the last", func(log []byte) []byte { return log[:ends[3]-1] }, []uint64{1, 2, 3}},
		{"cut within a header", func(log []byte) []byte { return log[:ends[2]+redoHeader-1] }, []uint64{1, 2, 3}},
		{"cut at a record's end", func(log []byte) []byte { return log[:ends[1]] }, []uint64{1, 2}},
		{"a bit of the third turned", func(log []byte) []byte { log[ends[2]-5] ^= 1; return log }, []uint64{1, 2}},
		{"the second missing", func(log []byte) []byte { return append(log[:ends[0]:ends[0]], log[ends[1]:]...) }, []uint64{1}},
		{"the first missing", func(log []byte) []byte { return log[ends[0]:] }, nil},
		{"another history's", func(log []byte) []byte { return otherStart(log, db.Start()+2) }, nil},
	} {
		left := crash(t, dir)
		path := filepath.Join(left, RedoName)
		log, err := os.ReadFile(path)
		if err == nil {
			err = os.WriteFile(path, test.harm(log), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
		wantKnown(t, test.what, openIn(t, left), test.want...)
	}
}

// otherStart makes of a log what one of another start would have been.
func otherStart(log []byte, start uint64) (other []byte) {
	for rest := log; len(rest) >= redoHeader; {
		size := int(binary.BigEndian.Uint32(rest[8:]))
		header := slices.Clone(rest[:12])
		sum := redoSum(start, header, rest[redoHeader:redoHeader+size])
		other = binary.BigEndian.AppendUint32(append(other, header...), sum)
		other = append(other, rest[redoHeader:redoHeader+size]...)
		rest = rest[redoHeader+size:]
	}
	return other
}

// A file that was put back beside a log that goes on from a later state must not get what the
// log has: it would be of the middle of something.
func TestARedoLogIsOfNoUseToAnOlderFile(t *testing.T) {
	dir := t.TempDir()
	db := leaving(t, dir)
	greet(t, db, 1)
	for what, between := range map[string]func(){
		"left to the log":       func() { greet(t, db, 2); known(t, db) },
		"committed, not left":   func() { leave(t, db, false); greet(t, db, 2); leave(t, db, true) },
		"both, one after other": func() { greet(t, db, 2); leave(t, db, false); greet(t, db, 2); leave(t, db, true) },
	} {
		before := known(t, db) // settled
		old := crash(t, dir)
		between()
		greet(t, db, 3)
		log, err := os.ReadFile(filepath.Join(dir, RedoName))
		if err == nil {
			err = os.WriteFile(filepath.Join(old, RedoName), log, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
		wantKnown(t, "after the file was put back from before one was "+what, openIn(t, old), before...)
	}
}

// A start that was interrupted took over what the log has, and the next does not do so again.
func TestARedoLogIsTakenOverOnce(t *testing.T) {
	dir := t.TempDir()
	db := leaving(t, dir)
	if err := db.Update(t.Context(), func(tx chat.Tx) error {
		return tx.Append(chat.Entry{Key: proto.DirectKey(3, 5), Seq: 1, ID: 1, Sender: 3, Body: []byte{}})
	}); err != nil {
		t.Fatal(err)
	}
	left := crash(t, dir)
	c, err := openConnection(t.Context(), filepath.Join(left, FileName), options{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	log, err := readRedo(left)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := repeat(t.Context(), c, log); err != nil {
			t.Fatal(err)
		}
		var n int
		if _, err := c.Row([]any{&n}, "SELECT count(*) FROM messages"); err != nil || n != 1 {
			t.Fatalf("there are %d messages: %v", n, err)
		}
	}
}

func TestAFailedUpdateKeepsWhatWasLeftToTheRedoLogBefore(t *testing.T) {
	dir := t.TempDir()
	db := leaving(t, dir)
	greet(t, db, 1, 2)
	db2 := func(size int) error {
		return db.Update(t.Context(), func(tx chat.Tx) error {
			return errors.Join(tx.PutUser(chat.User{ID: 3, Name: "Bob"}), tx.Append(chat.Entry{Key: proto.DirectKey(3, 5), Seq: 1, ID: 1, Sender: 3, Body: make([]byte, size)}))
		})
	}
	limit := func(pages string) { // then SQLite says SQLITE_FULL, and rolls all back, as for a full disk
		t.Helper()
		if err := db.write(t.Context(), func(w *writer) error {
			var now string
			_, err := w.connection.Row([]any{&now}, "PRAGMA max_page_count = "+pages)
			return err
		}); err != nil {
			t.Fatal(err)
		}
	}
	limit("120")
	if err := db2(1 << 20); err == nil || !strings.Contains(err.Error(), "full") {
		t.Fatalf("an update beyond the end of the disk returned %v", err)
	}
	if n := db.leftOpen(t); n != 2 {
		t.Fatalf("%d are left to the log", n)
	}
	wantKnown(t, "after an update that failed", db, 1, 2)
	limit("1000000")
	if err := db2(100); err != nil {
		t.Fatal(err)
	}
	wantKnown(t, "after a crash", openIn(t, crash(t, dir)), 1, 2, 3)
}

// poison lets SQLite's next commit fail.
func poison(t *testing.T, db *DB) {
	t.Helper()
	if err := db.write(t.Context(), func(w *writer) error {
		w.waiting[relational.Overwritten{}] = overwrite{query: "UPDATE nothing SET x = 1"}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}

func TestWhereNothingCanBeCommittedAllIsReadStill(t *testing.T) {
	dir := t.TempDir()
	db := leaving(t, dir)
	greet(t, db, 1, 2)
	for range 2 {
		poison(t, db)
		wantKnown(t, "while a commit fails", db, 1, 2)
		if n := db.leftOpen(t); n != 2 {
			t.Fatalf("%d are left to the log", n)
		}
	}
	greet(t, db, 3)
	wantKnown(t, "after a crash", openIn(t, crash(t, dir)), 1, 2, 3)
	wantKnown(t, "in the end", db, 1, 2, 3)
}

func TestWhereTheRedoLogCannotBeWrittenEachIsCommitted(t *testing.T) {
	dir := t.TempDir()
	db := leaving(t, dir)
	greet(t, db, 1)
	swap := func() { // the log's file and one that can only be read
		t.Helper()
		if err := db.write(t.Context(), func(w *writer) error {
			f, err := os.Open(filepath.Join(dir, RedoName))
			if err == nil {
				t.Cleanup(func() { _ = f.Close() })
				f, w.redo.file = w.redo.file, f
				t.Cleanup(func() { _ = f.Close() })
			}
			return err
		}); err != nil {
			t.Fatal(err)
		}
	}
	swap()
	greet(t, db, 2)
	if n := db.leftOpen(t); n != 0 {
		t.Errorf("%d are left to a log that cannot be written", n)
	}
	wantKnown(t, "after a crash", openIn(t, crash(t, dir)), 1, 2)
	wantKnown(t, "then", db, 1, 2)
}

// A record of which nobody knows whether the log has it is of an update that failed.
func TestARecordThatFailedIsNotTakenForTheNext(t *testing.T) {
	dir := t.TempDir()
	db := leaving(t, dir)
	greet(t, db, 1)
	known(t, db)
	if err := db.write(t.Context(), func(w *writer) error {
		// What the log has, but for its writer: the disk had it and did not say so.
		w.number++
		w.failed = true
		var r record
		r.begin(true)
		r.add("INSERT INTO meta (name, value) VALUES ('failed', x'00')", nil)
		if err := w.redo.append(w.number, r.encoded); err != nil {
			return err
		}
		w.redo.at -= int64(len(w.redo.buffer))
		w.rollback()
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if err := db.Update(t.Context(), func(tx chat.Tx) error { _, err := tx.Rev(); return err }); err != nil {
		t.Fatal(err)
	}
	greet(t, db, 2)
	left := openIn(t, crash(t, dir))
	wantKnown(t, "after a crash", left, 1, 2)
	var n int
	if err := left.asWriter(func(c *connection) error {
		_, err := c.Row([]any{&n}, "SELECT count(*) FROM meta WHERE name = 'failed'")
		return err
	}); err != nil || n != 0 {
		t.Errorf("%d rows of what failed are there: %v", n, err)
	}
}

// Whoever reads after an update returned sees it, whether it is left to the log or not.
func TestWhoReadsSeesWhatWasAcknowledgedBefore(t *testing.T) {
	db := leaving(t, t.TempDir())
	const last = 300
	var acknowledged atomic.Uint64
	ended := make(chan error, 1)
	go func() {
		var err error
		for id := uint64(1); id <= last && err == nil; id++ {
			if err = db.Update(context.Background(), func(tx chat.Tx) error { return tx.PutUser(chat.User{ID: id}) }); err == nil {
				acknowledged.Store(id)
			}
		}
		ended <- err
	}()
	for done := false; !done; {
		before := acknowledged.Load()
		done = before == last
		read := db.View
		if before%2 == 0 {
			read = db.Scan
		}
		if err := read(t.Context(), func(v chat.View) error {
			u, err := v.User(before)
			if u.ID != before {
				t.Errorf("user %d was acknowledged, and is not there", before)
			}
			return err
		}); err != nil {
			t.Fatal(err)
		}
		select {
		case err := <-ended:
			if err != nil {
				t.Fatal(err)
			}
		default:
		}
	}
}

func TestWhatIsLeftToTheRedoLogIsInTheFileAMomentLater(t *testing.T) {
	dir := t.TempDir()
	db := leaving(t, dir)
	db.pause = time.Millisecond
	greet(t, db, 1)
	other := otherProgram(t, dir)
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		var n int
		if err := other.QueryRow("SELECT count(*) FROM users").Scan(&n); err != nil {
			t.Fatal(err)
		}
		if n == 1 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("it is not")
		}
	}
}

func TestABackupHasWhatIsLeftToTheRedoLog(t *testing.T) {
	dir := t.TempDir()
	db := leaving(t, dir)
	greet(t, db, 1, 2)
	left, file := crash(t, dir), filepath.Join(t.TempDir(), "backup")
	tell := func(finding string) { t.Error(finding) }
	if _, err := Backup(t.Context(), left, file, nil, tell); err != nil {
		t.Fatal(err)
	}
	restored := t.TempDir()
	if _, _, err := Restore(t.Context(), file, restored, nil, time.Now(), tell); err != nil {
		t.Fatal(err)
	}
	wantKnown(t, "in the backup", openIn(t, restored), 1, 2)
}

func TestACheckBesideAServerReadsWhatIsLeftToTheRedoLog(t *testing.T) {
	dir := t.TempDir()
	db := leaving(t, dir)
	db.pause = 50 * time.Millisecond
	greet(t, db, 1, 2)
	tell := func(finding string) { t.Error(finding) }
	if checked, err := Check(t.Context(), dir, tell); err != nil || checked.Users != 2 {
		t.Errorf("%d users, %v", checked.Users, err)
	}
	if checked, err := Check(t.Context(), crash(t, dir), tell); err != nil {
		t.Errorf("after a crash: %d users, %v", checked.Users, err)
	}
}

func TestAfterCloseThereIsNoRedoLog(t *testing.T) {
	dir := t.TempDir()
	db := leaving(t, dir)
	greet(t, db, 1)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, RedoName)); !os.IsNotExist(err) {
		t.Errorf("it is there: %v", err)
	}
	wantKnown(t, "at the next start", openIn(t, dir), 1)
}

func TestCommitsAreLeftToTheRedoLogOnlyWhileTheyFollowCloselyAndFewRead(t *testing.T) {
	db := openIn(t, t.TempDir())
	db.pause = time.Hour
	// Whether the next follows closely is for the test to say.
	follows := func(n int) {
		t.Helper()
		if err := db.write(t.Context(), func(w *writer) error {
			w.follows, w.ended, w.took = n, time.Now().Add(time.Hour), 0
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	want := func(what string, n int) {
		t.Helper()
		if got := db.leftOpen(t); got != n {
			t.Errorf("%s: %d are left to the log, want %d", what, got, n)
		}
	}
	follows(0)
	greet(t, db, 1)
	want("the first", 0)
	follows(streak)
	greet(t, db, 2)
	follows(streak)
	greet(t, db, 3)
	want("many in a row", 2)
	known(t, db)
	want("a read", 0)
	follows(streak)
	greet(t, db, 4)
	want("the next after a read", 1)
	for range fewReads + 1 {
		known(t, db)
	}
	follows(streak)
	greet(t, db, 5)
	want("the next after many", 0)
	follows(streak)
	greet(t, db, 5)
	want("nobody read again", 1)
	if err := db.write(t.Context(), func(w *writer) error { w.ended, w.took = time.Now().Add(-time.Hour), 0; return nil }); err != nil {
		t.Fatal(err)
	}
	greet(t, db, 6)
	want("the next after a pause", 0)
}

func TestALargeTransactionIsNotLeftToTheRedoLog(t *testing.T) {
	db := leaving(t, t.TempDir())
	greet(t, db, 1)
	err := db.Update(t.Context(), func(tx chat.Tx) error {
		return errors.Join(tx.PutUser(chat.User{ID: 2}), tx.Append(chat.Entry{Key: proto.DirectKey(3, 5), Seq: 1, ID: 1, Sender: 3, Body: make([]byte, maxRecord)}))
	})
	if err != nil {
		t.Fatal(err)
	}
	if n := db.leftOpen(t); n != 0 {
		t.Errorf("%d are left to the log", n)
	}
	wantKnown(t, "then", db, 1, 2)
}

func FuzzRecord(f *testing.F) {
	var r record
	r.begin(true)
	r.add("INSERT", []any{nil, true, false, 7, int64(-8), relational.Number(9), "text", []byte("blob"), []byte(nil), []byte{}})
	r.add("INSERT", []any{"again"})
	r.add("DELETE", nil)
	f.Add(r.encoded)
	f.Fuzz(func(t *testing.T, encoded []byte) {
		var again record
		again.begin(true)
		if err := replay(encoded, func(query string, args ...any) error {
			again.add(query, args)
			return nil
		}); err != nil || !again.kept {
			return
		}
		var third record
		third.begin(true)
		if err := replay(again.encoded, func(query string, args ...any) error { third.add(query, args); return nil }); err != nil || string(third.encoded) != string(again.encoded) {
			t.Fatalf("%x became %x and then %x: %v", encoded, again.encoded, third.encoded, err)
		}
	})
}
