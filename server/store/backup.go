package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"parley/server/store/folder"
	"path/filepath"
)

const (
	// keptPrefix begins the names of what a backup keeps of the folder beside the
	// history, in its table meta.
	keptPrefix = "kept "
	// maxKept bounds each of these, in bytes.
	maxKept = 64 << 10
)

// Backup copies the history of a folder to a file that does not exist yet, as one
// state, also while a server goes on writing: it waits for nobody and nobody waits
// for it, but the log of what is written meanwhile cannot be folded in. Of the
// folder, the files that are named go with it, if they are there. The file is
// complete, on disk, checked as by Check, and readable for its owner alone, or it is
// not there at all. Errors say what to do.
func Backup(ctx context.Context, dir, file string, beside []string, tell func(finding string)) (_ Checked, err error) {
	if _, err := os.Stat(filepath.Join(dir, FileName)); err != nil {
		return Checked{}, fmt.Errorf("give the folder of a server that has run: %w", err)
	}
	if err := absent(file); err != nil {
		return Checked{}, err
	}
	temp, err := os.CreateTemp(filepath.Dir(file), ".backup-*") // mode 0600
	if err != nil {
		return Checked{}, fmt.Errorf("the backup cannot be written: choose a folder that is there and may be written to: %w", err)
	}
	defer func() { err = errors.Join(err, removeIfThere(temp.Name())) }()
	if err := temp.Close(); err != nil {
		return Checked{}, err
	}
	log, err := readRedo(dir) // before the history: what is not in it yet, stands there
	if err != nil {
		return Checked{}, err
	}
	if err := vacuumInto(ctx, filepath.Join(dir, FileName), temp.Name()); err != nil {
		return Checked{}, err
	}
	if err := complete(ctx, temp.Name(), log, dir, beside); err != nil {
		return Checked{}, err
	}
	checked, err := checkFile(ctx, temp.Name(), "", tell)
	if err != nil || checked.Findings > 0 {
		return checked, err
	}
	return checked, place(temp.Name(), file)
}

// absent sees that a file can be made without replacing another.
func absent(file string) error {
	switch _, err := os.Lstat(file); {
	case err == nil:
		return fmt.Errorf("%s is there already: give another name, or move it away", file)
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	return nil
}

// vacuumInto copies a history into a file that is empty.
func vacuumInto(ctx context.Context, path, file string) error {
	c, err := openConnection(ctx, path, readOnly(8192))
	if err != nil {
		return explain(path, err)
	}
	err = c.until(ctx, func() error { return c.Exec("VACUUM INTO ?", file) })
	if err = errors.Join(err, c.close()); err != nil {
		return fmt.Errorf("copy %s to %s: %w", path, file, err)
	}
	return nil
}

// complete puts into a copy of a folder's history what only the redo log has, and files of
// the folder.
func complete(ctx context.Context, file string, log []byte, dir string, names []string) error {
	c, err := openConnection(ctx, file, options{pragmas: []string{"synchronous(FULL)"}})
	if err != nil {
		return explain(file, err)
	}
	if err := repeat(ctx, c, log); err != nil {
		return errors.Join(explain(file, err), c.close())
	}
	return errors.Join(keep(c, dir, names), c.close())
}

// keep puts files of a folder into a copy of its history.
func keep(c *connection, dir string, names []string) (err error) {
	for _, name := range names {
		content, missing := readKept(filepath.Join(dir, name))
		if errors.Is(missing, fs.ErrNotExist) {
			continue
		}
		if err = missing; err == nil {
			err = c.Exec("INSERT INTO meta (name, value) VALUES (?, ?)", keptPrefix+name, content)
		}
		if err != nil {
			return fmt.Errorf("keep %s with the backup: %w", name, err)
		}
	}
	return nil
}

func readKept(file string) ([]byte, error) {
	info, err := os.Stat(file)
	if err == nil && info.Size() > maxKept {
		err = fmt.Errorf("%s has more than %d bytes, which Parley's have not", file, maxKept)
	}
	if err != nil {
		return nil, err
	}
	return os.ReadFile(file)
}

// place gives a file, which it puts on disk first, a name that no other has.
func place(temp, file string) error {
	if err := syncFile(temp); err != nil {
		return err
	}
	// A link, unlike a rename, replaces nothing that came meanwhile.
	err := os.Link(temp, file)
	if err != nil && !errors.Is(err, fs.ErrExist) { // a file system without links
		if err = absent(file); err == nil {
			err = os.Rename(temp, file)
		}
	}
	if err != nil {
		return fmt.Errorf("name the backup: %w", err)
	}
	return folder.Sync(filepath.Dir(file))
}

func syncFile(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

func removeIfThere(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
