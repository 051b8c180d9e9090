package store_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"parley/server/store/folder"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/proto"
	"parley/server/chat"
	"parley/server/store"
)

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

func noFinding(t *testing.T) func(string) {
	return func(finding string) { t.Error(finding) }
}

// talking is a history that grows by messages of 8 users until stop, which returns
// how many were acknowledged.
func talking(t *testing.T, db *store.DB) (stop func() int) {
	t.Helper()
	service, err := newService(db)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- service.Run(ctx) }()
	done, sent := make(chan struct{}), make(chan int, 8)
	var begun sync.WaitGroup
	for user := range uint64(8) {
		begun.Add(1)
		go func() { // ends after stop
			n := 0
			for {
				payload, err := message(100, fmt.Sprint(user, " ", n))
				if err == nil {
					_, err = service.Publish(ctx, chat.Sender{User: 1 + user}, proto.BranchMessage, payload, nil)
				}
				if err != nil {
					t.Error(err)
				}
				if n++; n == 20 {
					begun.Done()
				}
				select {
				case <-done:
					sent <- n
					return
				default:
				}
			}
		}()
	}
	begun.Wait()
	return func() (all int) {
		close(done)
		for range 8 {
			all += <-sent
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		return all
	}
}

// entriesOf are the bodies of all entries, by conversation.
func entriesOf(t *testing.T, dir string) (all map[string][]string, epoch uint64) {
	t.Helper()
	db := open(t, dir)
	defer closeDB(t, db)
	all = make(map[string][]string)
	err := db.View(t.Context(), func(v chat.View) (err error) {
		for user := range uint64(8) {
			key := proto.DirectKey(1+user, 100)
			entries, err := v.Entries(key, 0, 0, 1<<20, false)
			if err != nil {
				return err
			}
			for _, e := range entries {
				all[key.String()] = append(all[key.String()], string(e.Body))
			}
		}
		epoch, err = v.Epoch()
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all, epoch
}

func TestABackupOfAHistoryThatGrowsIsPutBackIntoAnotherFolderAndOverItsOwn(t *testing.T) {
	dir, empty, file := t.TempDir(), filepath.Join(t.TempDir(), "not", "there"), filepath.Join(t.TempDir(), "backup")
	secrets := map[string]string{"jwt.key": "a key\n", "agent.invite": "an invite\n"}
	for name, content := range secrets {
		put(t, filepath.Join(dir, name), content)
	}
	put(t, filepath.Join(dir, "other"), "of somebody else")
	db := open(t, dir)
	stop := talking(t, db)
	names := []string{"jwt.key", "agent.invite", "none"}
	checked, err := store.Backup(t.Context(), dir, file, names, noFinding(t))
	if err != nil || checked.Entries < 8*20 || checked.Conversations != 8 {
		t.Fatalf("%+v, %v", checked, err)
	}
	sent := stop()
	closeDB(t, db)
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 && runtime.GOOS != "windows" {
		t.Errorf("%v, %v: others can read it", info, err)
	}
	if left := namesIn(t, filepath.Dir(file)); len(left) != 1 {
		t.Errorf("beside it there are %v", left)
	}
	grown, first := entriesOf(t, dir)
	total := 0
	for _, entries := range grown {
		total += len(entries)
	}
	if total != sent || uint64(total) <= checked.Entries {
		t.Fatalf("%d of %d messages are there; %d are in the backup", total, sent, checked.Entries)
	}
	put(t, filepath.Join(dir, "jwt.key"), "a newer key\n")

	epochs := []uint64{first}
	for _, into := range []string{empty, dir} {
		restored, aside, err := store.Restore(t.Context(), file, into, names, noon, noFinding(t))
		if err != nil || restored != checked {
			t.Fatalf("%+v, want %+v, error %v", restored, checked, err)
		}
		again, err := store.Check(t.Context(), into, noFinding(t))
		if err != nil || again != checked {
			t.Errorf("%+v, want %+v, error %v", again, checked, err)
		}
		entries, epoch := entriesOf(t, into)
		if slices.Contains(epochs, epoch) {
			t.Errorf("the epoch is %x, after %x", epoch, epochs)
		}
		epochs = append(epochs, epoch)
		n := uint64(0)
		for key, all := range entries {
			if !slices.Equal(all, grown[key][:len(all)]) {
				t.Errorf("%s is not what was written", key)
			}
			n += uint64(len(all))
		}
		if n != checked.Entries {
			t.Errorf("%d entries, want %d", n, checked.Entries)
		}
		for name, content := range secrets {
			if got, err := os.ReadFile(filepath.Join(into, name)); err != nil || string(got) != content {
				t.Errorf("%s holds %q, %v", name, got, err)
			}
		}
		db := open(t, into)
		if db.Doubt() != "" {
			t.Errorf("at the next start: %s", db.Doubt())
		}
		closeDB(t, db)
		switch into {
		case empty:
			if aside != "" {
				t.Errorf("what was in an empty folder is in %s", aside)
			}
			if _, err := os.Stat(filepath.Join(into, "other")); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("what is no part of it came along: %v", err)
			}
		case dir:
			if aside != filepath.Join(dir, "replaced-20260102T120000.000Z") {
				t.Errorf("what was there is in %q", aside)
			}
			if old, epoch := entriesOf(t, aside); len(old) != 8 || epoch != first { // it can go on where it ended
				t.Errorf("what was there holds %d conversations in epoch %x", len(old), epoch)
			}
			if key, err := os.ReadFile(filepath.Join(aside, "jwt.key")); err != nil || string(key) != "a newer key\n" {
				t.Errorf("the key that was there: %q, %v", key, err)
			}
		}
		if hidden := slices.DeleteFunc(namesIn(t, into), func(name string) bool { return !strings.HasPrefix(name, ".") }); len(hidden) > 0 {
			t.Errorf("left behind: %v", hidden)
		}
	}
}

func put(t *testing.T, file, content string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func namesIn(t *testing.T, dir string) (names []string) {
	t.Helper()
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		names = append(names, f.Name())
	}
	return names
}

// contents are those of all files of a folder.
func contents(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := make(map[string]string)
	for _, name := range namesIn(t, dir) {
		content, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		all[name] = string(content)
	}
	return all
}

func TestABackupIsWholeOrNotThere(t *testing.T) {
	dir := t.TempDir()
	grow(t, dir)
	other := t.TempDir()
	put(t, filepath.Join(other, "taken"), "something else")
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	damaged := t.TempDir()
	copyFolder(t, dir, damaged)
	execute(t, filepath.Join(damaged, store.FileName), "UPDATE conversations SET head = x'0000000000000009', min = x'0000000000000001'")
	large := t.TempDir()
	copyFolder(t, dir, large)
	put(t, filepath.Join(large, "jwt.key"), strings.Repeat("x", 1<<20))
	for name, test := range map[string]struct {
		ctx      context.Context
		dir      string
		file     string
		text     string
		findings bool
	}{
		"over a file":            {t.Context(), dir, filepath.Join(other, "taken"), "is there already: give another name", false},
		"into no folder":         {t.Context(), dir, filepath.Join(other, "none", "file"), "choose a folder that is there", false},
		"of an empty folder":     {t.Context(), t.TempDir(), filepath.Join(other, "file"), "give the folder of a server that has run", false},
		"that is broken off":     {ended, dir, filepath.Join(other, "file"), "context canceled", false},
		"of a damaged history":   {t.Context(), damaged, filepath.Join(other, "file"), "", true},
		"with a key of a MiB":    {t.Context(), large, filepath.Join(other, "file"), "jwt.key has more than 65536 bytes", false},
		"of an earlier version":  {t.Context(), version1(t), filepath.Join(other, "file"), "start the server once", false},
		"of another's data base": {t.Context(), foreign(t), filepath.Join(other, "file"), "a database of another program", false},
	} {
		t.Run(name, func(t *testing.T) {
			found := 0
			checked, err := store.Backup(test.ctx, test.dir, test.file, []string{"jwt.key"}, func(string) { found++ })
			if test.findings != (found > 0) || test.findings != (checked.Findings > 0) {
				t.Errorf("%d findings, %+v", found, checked)
			}
			if test.text == "" && err != nil || test.text != "" && (err == nil || !strings.Contains(err.Error(), test.text)) {
				t.Errorf("error %v, want %q", err, test.text)
			}
			if left := contents(t, other); len(left) != 1 || left["taken"] != "something else" {
				t.Errorf("there is now %v", left)
			}
		})
	}
}

func version1(t *testing.T) string {
	t.Helper()
	script, err := os.ReadFile(filepath.Join("testdata", "version1.sql"))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	execute(t, filepath.Join(dir, store.FileName), string(script))
	return dir
}

func foreign(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	execute(t, filepath.Join(dir, store.FileName), "CREATE TABLE t (x); PRAGMA user_version = 1")
	return dir
}

func TestWhatCannotBeRestoredChangesNothing(t *testing.T) {
	dir := t.TempDir()
	grow(t, dir)
	files := t.TempDir()
	good, damaged, torn, text := filepath.Join(files, "good"), filepath.Join(files, "damaged"), filepath.Join(files, "torn"), filepath.Join(files, "text")
	if _, err := store.Backup(t.Context(), dir, good, nil, noFinding(t)); err != nil {
		t.Fatal(err)
	}
	copyFile(t, good, damaged, nil)
	execute(t, damaged, "UPDATE conversations SET head = x'0000000000000009', min = x'0000000000000001'")
	copyFile(t, good, torn, nil)
	put(t, torn+"-wal", "")
	crashed := filepath.Join(files, "crashed")
	copyFile(t, good, crashed, nil)
	put(t, crashed+"-redo", "")
	put(t, text, strings.Repeat("no database. ", 1000))
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for name, test := range map[string]struct {
		ctx      context.Context
		file     string
		text     string
		findings bool
	}{
		"no file":                {t.Context(), filepath.Join(files, "none"), "give a file of parley backup", false},
		"a text":                 {t.Context(), text, "it is no database", false},
		"another's data base":    {t.Context(), filepath.Join(foreign(t), store.FileName), "a database of another program", false},
		"a file without its log": {t.Context(), torn, "torn-wal is beside it", false},
		"without its redo log":   {t.Context(), crashed, "crashed-redo is beside it", false},
		"a damaged one":          {t.Context(), damaged, "", true},
		"broken off":             {ended, good, "context canceled", false},
	} {
		t.Run(name, func(t *testing.T) {
			before, found := contents(t, dir), 0
			checked, aside, err := store.Restore(test.ctx, test.file, dir, nil, noon, func(string) { found++ })
			if test.findings != (found > 0) || test.findings != (checked.Findings > 0) || aside != "" {
				t.Errorf("%d findings, %+v, aside %q", found, checked, aside)
			}
			if test.text == "" && err != nil || test.text != "" && (err == nil || !strings.Contains(err.Error(), test.text)) {
				t.Errorf("error %v, want %q", err, test.text)
			}
			same(t, contents(t, dir), before)
		})
	}

	db := open(t, dir)
	before := namesIn(t, dir)
	if _, _, err := store.Restore(t.Context(), good, dir, nil, noon, noFinding(t)); !errors.Is(err, store.ErrInUse) || !strings.Contains(err.Error(), "stop it") {
		t.Errorf("beside a server: %v", err)
	}
	same(t, namesIn(t, dir), before)
	closeDB(t, db)
}

func TestAnEarlierVersionsHistoryIsRestored(t *testing.T) {
	dir := t.TempDir()
	restored, _, err := store.Restore(t.Context(), filepath.Join(version1(t), store.FileName), dir, nil, noon, noFinding(t))
	if err != nil || restored.Conversations != 3 || restored.Entries != 9 {
		t.Fatalf("%+v, %v", restored, err)
	}
	if epoch := grow(t, dir); epoch == 0x201e552b93e32586 {
		t.Error("in the epoch that it had")
	}
}

// What is put in place before the history tells that the one of before must not go
// on as if nothing had happened.
func TestARestoreThatBrokeOffIsNoticed(t *testing.T) {
	dir, other, file := t.TempDir(), t.TempDir(), filepath.Join(t.TempDir(), "backup")
	first := grow(t, dir)
	if _, err := store.Backup(t.Context(), dir, file, nil, noFinding(t)); err != nil {
		t.Fatal(err)
	}
	if _, _, err := store.Restore(t.Context(), file, other, nil, noon, noFinding(t)); err != nil {
		t.Fatal(err)
	}
	rename(t, filepath.Join(other, folder.StampName), filepath.Join(dir, folder.StampName))
	if again := grow(t, dir); again == first {
		t.Error("the history of before went on in its epoch")
	}
}

func same[T any](t *testing.T, got, want T) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("what is there (-want +got):\n%s", diff)
	}
}
