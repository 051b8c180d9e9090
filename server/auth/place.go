package auth

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
)

// Place is where a secret of the server's own is kept: a file of its data folder (File), or
// what all nodes of a cluster share.
type Place interface {
	// Change puts what change makes of what is kept, nil if nothing is, in its place, and
	// returns what is kept then. If change returns nil, that stays as it is. Of several that
	// do so at once one comes after the other. When it returns without error, it is on disk.
	Change(change func(kept []byte) (fresh []byte, err error)) (kept []byte, err error)
}

// File returns the place that is a file, readable by its owner alone. One program at a time
// may change what is in it, and several may make it.
func File(path string) Place { return &file{path: path} }

type file struct {
	path string
	mu   sync.Mutex
}

// Change implements Place.
func (f *file) Change(change func([]byte) ([]byte, error)) ([]byte, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for {
		kept, err := readBounded(f.path)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		fresh, err := change(kept)
		if err != nil || fresh == nil {
			return kept, err
		}
		switch err := f.put(fresh, kept == nil); {
		case errors.Is(err, fs.ErrExist): // another made it meanwhile
		case err != nil:
			return nil, fmt.Errorf("cannot keep a secret in %s: %w", f.path, err)
		default:
			return fresh, nil
		}
	}
}

// put writes the file. What is there afterwards is complete and on disk, even if two servers
// start at once or the power fails.
func (f *file) put(content []byte, make bool) error {
	temp, err := writeBeside(f.path, content)
	if err != nil {
		return err
	}
	if make {
		// A link, unlike a rename, never replaces what another server just made.
		if err = os.Link(temp, f.path); err == nil || errors.Is(err, fs.ErrExist) {
			return errors.Join(err, os.Remove(temp), syncFolder(filepath.Dir(f.path)))
		} // else a file system without links
	}
	if err := os.Rename(temp, f.path); err != nil {
		return errors.Join(err, os.Remove(temp))
	}
	return syncFolder(filepath.Dir(f.path))
}
