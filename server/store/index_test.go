package store_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"parley/proto/search"
	"parley/server/chat"
	"parley/server/chat/storetest"
	"parley/server/store"
)

// openIndex opens the history in a folder and its index.
func openIndex(t *testing.T, dir string) (*store.DB, chat.Index) {
	t.Helper()
	db, err := store.Open(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	x, err := db.OpenIndex(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return db, x
}

func TestAnIndexInSQLiteKeepsWhatOneMust(t *testing.T) {
	storetest.RunIndex(t, func(t *testing.T) storetest.Index {
		dir, last := t.TempDir(), (*store.DB)(nil)
		return func() (x chat.Index) {
			if last != nil {
				if err := last.Close(); err != nil {
					t.Fatal(err)
				}
			}
			last, x = openIndex(t, dir)
			return x
		}
	})
}

func putPlace(t *testing.T, x chat.Index) {
	t.Helper()
	if err := x.Update(t.Context(), func(tx chat.IndexTx) error { return tx.PutPlace(chat.IndexPlace{Epoch: 5}) }); err != nil {
		t.Fatal(err)
	}
}

func placeOf(t *testing.T, x chat.Index) (p chat.IndexPlace, err error) {
	t.Helper()
	err = x.View(t.Context(), func(v chat.IndexView) (err error) {
		p, err = v.Place()
		return err
	})
	return p, err
}

// Whatever the file is, an index begins that is empty, and one that is of this version goes on.
func TestAnIndexThatCannotBeReadIsMadeAnew(t *testing.T) {
	for name, spoil := range map[string]func(t *testing.T, path string){
		"another program's": func(t *testing.T, path string) {
			if err := os.WriteFile(path, []byte("no database, but a long enough text for one to be looked for in it"), 0o600); err != nil {
				t.Fatal(err)
			}
		},
		"another version's": func(t *testing.T, path string) { execute(t, path, "PRAGMA user_version = 99") },
		"none": func(t *testing.T, path string) {
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			db, x := openIndex(t, dir)
			putPlace(t, x)
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
			spoil(t, filepath.Join(dir, store.IndexName))
			_, x = openIndex(t, dir)
			if p, err := placeOf(t, x); err != nil || p != (chat.IndexPlace{}) {
				t.Errorf("it begins at %+v, %v", p, err)
			}
			putPlace(t, x)
		})
	}
}

// A page that turns out to be damaged while the server runs costs the index, and no search.
func TestAnIndexThatIsDamagedBeneathTheServerIsMadeAnew(t *testing.T) {
	dir := t.TempDir()
	_, x := openIndex(t, dir)
	putPlace(t, x)
	execute(t, filepath.Join(dir, store.IndexName), "INSERT INTO index_pages VALUES ('u:1', x'0000000000000001', x'05')")
	err := x.View(t.Context(), func(v chat.IndexView) error {
		_, err := v.Pages("u:1", 0, 1)
		return err
	})
	if !errors.Is(err, chat.ErrIndexLost) {
		t.Fatalf("the damage was not noticed: %v", err)
	}
	if _, err := placeOf(t, x); !errors.Is(err, chat.ErrIndexLost) {
		t.Errorf("what is damaged was read again: %v", err)
	}
	putPlace(t, x)
	if p, err := placeOf(t, x); err != nil || p.Epoch != 5 {
		t.Errorf("after the next update: %+v, %v", p, err)
	}
}

// What a page held before is nowhere in the files.
func TestNothingStaysInAnIndexOfAPageThatWasPutAgain(t *testing.T) {
	dir := t.TempDir()
	_, x := openIndex(t, dir)
	before := chat.IndexPage{Audience: "u:1", First: 1, IDs: []uint64{1}}
	terms := search.AppendTerms(nil, "several words of a message that is taken back")
	before.Terms = search.NewFilters(terms)
	after := before
	after.Terms = search.NewFilters(nil)
	put := func(p chat.IndexPage) {
		t.Helper()
		if err := x.Update(t.Context(), func(tx chat.IndexTx) error { return tx.PutPage(p) }); err != nil {
			t.Fatal(err)
		}
	}
	var secret []byte // what of the page says most
	for _, f := range before.Terms {
		if len(f) > len(secret) {
			secret = f
		}
	}
	holds := func() bool {
		t.Helper()
		found := false
		for _, suffix := range []string{"", "-wal"} {
			b, err := os.ReadFile(filepath.Join(dir, store.IndexName+suffix))
			if err != nil {
				t.Fatal(err)
			}
			found = found || bytes.Contains(b, secret)
		}
		return found
	}
	if put(before); len(secret) < 8 || !holds() {
		t.Fatalf("the page cannot be found in the files to begin with: %d bytes", len(secret))
	}
	if put(after); holds() {
		t.Error("what was taken back is still in the files")
	}
	if b, err := os.ReadFile(filepath.Join(dir, store.IndexName)); err != nil || bytes.Contains(b, []byte("several")) {
		t.Errorf("words are in the file, or %v", err)
	}
}
