package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"parley/server/store/folder"
	"parley/server/store/relational"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Restore puts a backup, or the file of a history that was closed, into a folder
// where no server runs, which is made if it is missing, and begins a new epoch. Of
// the files that Backup keeps it puts those back that are named. What all this replaces
// stays, in a folder in that one whose name is returned; "" if nothing was there.
// An earlier version's history is brought up to date. With findings, and with an
// error that does not say otherwise, nothing was changed. Errors say what to do.
func Restore(ctx context.Context, file, dir string, beside []string, now time.Time, tell func(finding string)) (_ Checked, aside string, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return Checked{}, "", fmt.Errorf("the data folder cannot be made: choose one that may be written to: %w", err)
	}
	lock, err := folder.Lock(dir)
	if err != nil {
		return Checked{}, "", err
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	stage, err := os.MkdirTemp(dir, ".restore-*") // mode 0700, on the same file system
	if err != nil {
		return Checked{}, "", fmt.Errorf("the data folder cannot be written to: change its owner, or choose another: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(stage)) }()
	if err := prepare(ctx, file, stage, beside); err != nil {
		return Checked{}, "", err
	}
	checked, err := Check(ctx, stage, tell)
	if err != nil || checked.Findings > 0 {
		return checked, "", err
	}
	aside, err = exchange(stage, dir, beside, now)
	if err != nil {
		err = fmt.Errorf("the backup could not be put in place: restore it again; what was there is in %s: %w", aside, err)
	}
	return checked, aside, err
}

// prepare makes of a backup, in a folder of its own, what a server can go on with.
func prepare(ctx context.Context, file, stage string, beside []string) (err error) {
	for _, log := range []string{file + "-wal", file + "-redo"} {
		if _, err := os.Stat(log); err == nil {
			return fmt.Errorf("%s is beside it, without which it is not whole: give a file of parley backup, or that of a server that was stopped", log)
		}
	}
	if err := copyTo(file, filepath.Join(stage, FileName)); err != nil {
		return fmt.Errorf("give a file of parley backup: %w", err)
	}
	db, err := openFolder(ctx, stage, filepath.Base(file)+" was restored")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	return db.write(ctx, func(w *writer) error {
		return w.update(ctx, func(t *relational.Transaction) error { return release(t, stage, beside) })
	})
}

// release takes out what a backup kept of its folder, and writes what is named of
// it to files of another one.
func release(t *relational.Transaction, dir string, names []string) error {
	kept := make(map[string][]byte)
	err := t.Rows(func(row relational.Row) error {
		var name string
		var content []byte
		if err := row.Scan(&name, &content); err != nil {
			return err
		}
		kept[strings.TrimPrefix(name, keptPrefix)] = content
		return nil
	}, "SELECT name, value FROM meta WHERE name >= ? AND name < ?", keptPrefix, keptPrefix+"\xff")
	if err != nil {
		return fmt.Errorf("read what the backup keeps: %w", err)
	}
	for name, content := range kept {
		if err := t.Exec("DELETE FROM meta WHERE name = ?", keptPrefix+name); err != nil {
			return err
		}
		if !slices.Contains(names, name) {
			continue
		}
		path := filepath.Join(dir, name)
		if err := errors.Join(os.WriteFile(path, content, 0o600), syncFile(path)); err != nil {
			return err
		}
	}
	return nil
}

// exchange puts what is in a stage in place of what is in its folder, and keeps
// that aside. The history is last: if this ends before it, the next start finds the
// history of before, and a stamp that tells that it must not go on as before.
func exchange(stage, dir string, beside []string, now time.Time) (aside string, err error) {
	aside = filepath.Join(dir, now.UTC().Format("replaced-20060102T150405.000Z"))
	if err := os.Mkdir(aside, 0o700); err != nil {
		return "", err
	}
	for _, name := range append(slices.Clone(beside), folder.StampName, FileName+"-wal", FileName+"-shm", RedoName, FileName) {
		if err := replaceFile(stage, dir, aside, name); err != nil {
			return aside, err
		}
	}
	if err := os.Remove(aside); err == nil { // it is empty
		aside = ""
	} else if err := folder.Sync(aside); err != nil {
		return aside, err
	}
	return aside, folder.Sync(dir)
}

// replaceFile puts a file of the stage in place of that in the folder, at once, and
// keeps the other aside. Where there is none, the folder's stays, unless it is one
// of SQLite's beside the history, which are of no use to another.
func replaceFile(stage, dir, aside, name string) error {
	from, to, old := filepath.Join(stage, name), filepath.Join(dir, name), filepath.Join(aside, name)
	_, err := os.Stat(from)
	if errors.Is(err, fs.ErrNotExist) {
		if !strings.HasPrefix(name, FileName+"-") {
			return nil
		}
		if err = os.Rename(to, old); errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	}
	if err != nil {
		return err
	}
	err = os.Link(to, old)
	if err != nil && !errors.Is(err, fs.ErrNotExist) { // a file system without links
		err = copyTo(to, old)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return os.Rename(from, to)
}

// copyTo copies a file to another, which its owner alone can read.
func copyTo(from, to string) error {
	source, err := os.Open(from)
	if err != nil {
		return err
	}
	defer source.Close()
	dest, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(dest, source)
	return errors.Join(err, dest.Sync(), dest.Close())
}
