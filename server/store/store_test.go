package store_test

import (
	"context"
	"database/sql"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"parley/server/chat"
	"parley/server/chat/storetest"
	"parley/server/store"
)

func open(t testing.TB, dir string) *store.DB {
	t.Helper()
	db, err := store.Open(context.Background(), dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error("close:", err)
		}
	})
	return db
}

func TestSQLiteKeepsWhatAStoreMust(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storetest.History {
		dir := filepath.Join(t.TempDir(), "with ? # % and spaces", "folder")
		return func() chat.Store { return open(t, dir) }
	})
}

func TestASecondServerCannotOpenTheSameFolder(t *testing.T) {
	dir := t.TempDir()
	first := open(t, dir)
	if db, err := store.Open(t.Context(), dir); err == nil {
		_ = db.Close()
		t.Fatal("the folder was opened twice")
	} else if !strings.Contains(err.Error(), "another server uses the data folder "+dir) {
		t.Errorf("the error does not say why: %v", err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	open(t, dir) // the lock is gone with the first
}

func TestWhatIsSaidIsReadableForItsOwnerAlone(t *testing.T) {
	if runtime.GOOS == "windows" {
		return // its files have no mode
	}
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	db := open(t, dir)
	if err := db.Update(t.Context(), func(tx chat.Tx) error { return tx.PutUser(chat.User{ID: 1, Name: "Ada"}) }); err != nil {
		t.Fatal(err)
	}
	files, err := os.ReadDir(dir)
	if err != nil || len(files) < 3 {
		t.Fatalf("%v, %v", files, err)
	}
	for _, f := range files {
		if info, err := f.Info(); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v, %v", f.Name(), info.Mode(), err)
		}
	}
}

func TestOpenSaysWhatToDo(t *testing.T) {
	file := func(name string) string { return filepath.Join(name, "parley.db") }
	for _, test := range []struct {
		name    string
		prepare func(t *testing.T, dir string)
		want    string
	}{
		{"where a part of the path is a file", func(t *testing.T, dir string) {
			if err := os.WriteFile(dir, nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}, "choose one that may be written to"},
		{"where the file is no database", func(t *testing.T, dir string) {
			mkdir(t, dir)
			if err := os.WriteFile(file(dir), []byte(strings.Repeat("a diary, not a database\n", 100)), 0o600); err != nil {
				t.Fatal(err)
			}
		}, "it is no database: move it away"},
		{"where the file is a folder", func(t *testing.T, dir string) {
			mkdir(t, file(dir))
		}, "see that its folder may be written to"},
		{"where the database is another program's", func(t *testing.T, dir string) {
			mkdir(t, dir)
			execute(t, file(dir), "CREATE TABLE recipes (name TEXT)")
		}, "it is a database of another program"},
		{"where the schema is newer", func(t *testing.T, dir string) {
			if err := open(t, dir).Close(); err != nil {
				t.Fatal(err)
			}
			execute(t, file(dir), "PRAGMA user_version = 1000")
		}, "it was written by a newer version of Parley"},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "data")
			test.prepare(t, dir)
			db, err := store.Open(t.Context(), dir)
			if err == nil {
				_ = db.Close()
				t.Fatal("it was opened")
			}
			if !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("got %q, want one line with %q", err, test.want)
			}
		})
	}
}

func TestAFailedOpenLeavesTheFolderUnlocked(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "parley.db")
	if err := os.WriteFile(name, []byte(strings.Repeat("x", 5000)), 0o600); err != nil {
		t.Fatal(err)
	}
	if db, err := store.Open(t.Context(), dir); err == nil {
		_ = db.Close()
		t.Fatal("it was opened")
	}
	if err := os.Remove(name); err != nil {
		t.Fatal(err)
	}
	open(t, dir)
}

func mkdir(t *testing.T, dir string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
}

// execute runs a statement on a database file, as another program would.
func execute(t *testing.T, name, statement string) {
	t.Helper()
	db, err := sql.Open("sqlite", name)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}()
	if _, err := db.Exec(statement); err != nil {
		t.Fatal(err)
	}
}
