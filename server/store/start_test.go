package store_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"parley/proto"
	"parley/server/chat"
	"parley/server/store"
)

const stampName = "history.stamp"

var pair = proto.DirectKey(3, 5)

// begun opens a history, lets it grow by a change and returns it with its epoch.
func begun(t *testing.T, dir string) (*store.DB, uint64) {
	t.Helper()
	db, err := store.Open(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	var epoch uint64
	err = db.Update(t.Context(), func(tx chat.Tx) (err error) {
		if epoch, err = tx.Epoch(); err != nil {
			return err
		}
		rev, err := tx.Rev()
		if err != nil {
			return err
		}
		return tx.PutMember(chat.Member{Key: pair, User: 3, Rev: rev + 1})
	})
	if err != nil {
		t.Fatal(err)
	}
	return db, epoch
}

// grow is begun and closed.
func grow(t *testing.T, dir string) (epoch uint64) {
	t.Helper()
	db, epoch := begun(t, dir)
	closeDB(t, db)
	return epoch
}

func closeDB(t *testing.T, db *store.DB) {
	t.Helper()
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

// copyFolder is cp -r, into a folder that may be there.
func copyFolder(t *testing.T, from, to string) {
	t.Helper()
	if err := os.MkdirAll(to, 0o700); err != nil {
		t.Fatal(err)
	}
	files, err := os.ReadDir(from)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		copyFile(t, filepath.Join(from, f.Name()), filepath.Join(to, f.Name()), nil)
	}
}

func remove(t *testing.T, paths ...string) {
	t.Helper()
	for _, path := range paths {
		if err := os.RemoveAll(path); err != nil {
			t.Fatal(err)
		}
	}
}

func rename(t *testing.T, from, to string) {
	t.Helper()
	if err := os.Rename(from, to); err != nil {
		t.Fatal(err)
	}
}

func TestABackupThatWasPutBackBeginsANewEpoch(t *testing.T) {
	file := func(dir string) string { return filepath.Join(dir, store.FileName) }
	for _, test := range []struct {
		name string
		// put puts a backup, made while the server was stopped, back over what grew since.
		put   func(t *testing.T, backup, dir string)
		doubt string
	}{
		{"the folder, in place of the other", func(t *testing.T, backup, dir string) {
			remove(t, dir)
			copyFolder(t, backup, dir)
		}, "parley.db is a copy"},
		{"the folder, moved", func(t *testing.T, backup, dir string) {
			remove(t, dir)
			rename(t, backup, dir)
		}, "parley.db is a copy"},
		{"the folder, into the files that are there", func(t *testing.T, backup, dir string) {
			copyFolder(t, backup, dir)
		}, "history.stamp is a copy"},
		{"the history alone, as a file", func(t *testing.T, backup, dir string) {
			remove(t, file(dir))
			copyFile(t, file(backup), file(dir), nil)
		}, "parley.db is a copy"},
		{"the history alone, into the file that is there", func(t *testing.T, backup, dir string) {
			copyFile(t, file(backup), file(dir), nil)
		}, "parley.db is older than history.stamp, which tells of a start"},
		{"the history, into the file that is there, and no stamp", func(t *testing.T, backup, dir string) {
			copyFile(t, file(backup), file(dir), nil)
			remove(t, filepath.Join(dir, stampName))
		}, "history.stamp is missing"},
		{"the history, into the file that is there, and a damaged stamp", func(t *testing.T, backup, dir string) {
			copyFile(t, file(backup), file(dir), nil)
			if err := os.WriteFile(filepath.Join(dir, stampName), nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}, "history.stamp cannot be read"},
		{"the history of another server", func(t *testing.T, _, dir string) {
			other := t.TempDir()
			grow(t, other)
			copyFile(t, file(other), file(dir), nil)
		}, "parley.db is"},
		{"what was grown, moved to another folder", func(t *testing.T, _, dir string) {
			copyFolder(t, dir, dir+".new")
			remove(t, dir)
			rename(t, dir+".new", dir)
		}, "parley.db is a copy"},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir, backup := filepath.Join(t.TempDir(), "data"), filepath.Join(t.TempDir(), "backup")
			first := grow(t, dir)
			copyFolder(t, dir, backup)
			if again := grow(t, dir); again != first {
				t.Fatalf("the epoch was %x and became %x", first, again)
			}
			test.put(t, backup, dir)
			db, second := begun(t, dir)
			if second == first || !strings.Contains(db.Doubt(), test.doubt) {
				t.Errorf("the epoch was %x and is %x: %q, want %q", first, second, db.Doubt(), test.doubt)
			}
			closeDB(t, db)
			db, third := begun(t, dir)
			if third != second || db.Doubt() != "" {
				t.Errorf("at the start after it, the epoch was %x and is %x: %q", second, third, db.Doubt())
			}
			closeDB(t, db)
		})
	}
}

// A backup that was made while the server ran, of which that start goes on: when it
// ended is noted outside, too.
func TestABackupOfTheSameStartThatWasPutBackBeginsANewEpoch(t *testing.T) {
	dir, backup := t.TempDir(), t.TempDir()
	closeDB(t, open(t, dir))
	db, first := begun(t, dir)
	for _, name := range []string{store.FileName, store.FileName + "-wal"} {
		copyFile(t, filepath.Join(dir, name), filepath.Join(backup, name), nil)
	}
	if err := db.Update(t.Context(), func(tx chat.Tx) error { return tx.PutMember(chat.Member{Key: pair, User: 3, Rev: 9}) }); err != nil {
		t.Fatal(err)
	}
	closeDB(t, db)
	copyFolder(t, backup, dir)
	db, second := begun(t, dir)
	if second == first || !strings.Contains(db.Doubt(), "which tells of changes that it does not have") {
		t.Errorf("the epoch was %x and is %x: %q", first, second, db.Doubt())
	}
	closeDB(t, db)
}

func TestAHistoryThatOnlyGrewKeepsItsEpoch(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	first := grow(t, dir)
	for what, between := range map[string]func(){
		"as it was left": func() {},
		"as another folder": func() {
			rename(t, dir, dir+".moved")
			dir += ".moved"
		},
		"after a start that could not leave its stamp": func() {
			name := filepath.Join(dir, stampName)
			if err := os.Link(name, name+".before"); err != nil {
				t.Fatal(err)
			}
			grow(t, dir)
			rename(t, name+".before", name)
		},
		"after a copy of it went on by itself": func() {
			copyFolder(t, dir, dir+".copy")
			if grow(t, dir+".copy") == first {
				t.Error("the copy has the same epoch")
			}
		},
	} {
		between()
		db, epoch := begun(t, dir)
		if epoch != first || db.Doubt() != "" {
			t.Errorf("%s: the epoch was %x and is %x: %q", what, first, epoch, db.Doubt())
		}
		closeDB(t, db)
	}
}

// Whoever comes from a version that left no stamp need not load everything anew.
func TestAHistoryOfAnEarlierVersionKeepsItsEpoch(t *testing.T) {
	script, err := os.ReadFile(filepath.Join("testdata", "version1.sql"))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	execute(t, filepath.Join(dir, store.FileName), string(script))
	db, epoch := begun(t, dir)
	if epoch != 0x201e552b93e32586 || db.Doubt() != "" || len(db.Secret()) != 32 {
		t.Errorf("the epoch is %x: %q", epoch, db.Doubt())
	}
	closeDB(t, db)

	// Its file put back is not the one that was brought up to date.
	execute(t, filepath.Join(dir, "older.db"), string(script))
	copyFile(t, filepath.Join(dir, "older.db"), filepath.Join(dir, store.FileName), nil)
	db, again := begun(t, dir)
	if again == epoch || db.Doubt() == "" {
		t.Errorf("put back, the epoch is %x: %q", again, db.Doubt())
	}
	closeDB(t, db)
}

// A start that was killed leaves a stamp that does not say how it ended.
func TestAStampTellsHowAStartEndedOnlyIfItDid(t *testing.T) {
	dir := t.TempDir()
	db, _ := begun(t, dir)
	content, err := os.ReadFile(filepath.Join(dir, stampName))
	if err != nil || !strings.Contains(string(content), `"Ended":false`) {
		t.Errorf("while it is open: %s, %v", content, err)
	}
	closeDB(t, db)
	content, err = os.ReadFile(filepath.Join(dir, stampName))
	if err != nil || !strings.Contains(string(content), `"Ended":true`) {
		t.Errorf("after it: %s, %v", content, err)
	}
	if left, err := filepath.Glob(filepath.Join(dir, ".stamp-*")); len(left) > 0 || err != nil {
		t.Errorf("left behind: %v, %v", left, err)
	}
	if _, err := os.Stat(filepath.Join(dir, store.FileName+"-wal")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the log was not folded in: %v", err)
	}
}
