package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

const (
	// stampName is the name of the stamp in the history's folder.
	stampName = "history.stamp"
	// maxStamp bounds what is read of it, in bytes.
	maxStamp = 4 << 10
)

// stamp is what stands beside the history, outside its file, and must agree with
// it: so a file that was put back without the stamp is noticed. It is written anew,
// as another file, whenever the history is opened and closed, and knows which file
// it is: so is one that was put back with it.
type stamp struct {
	Start uint64
	Ended bool // the history was closed, with this:
	Rev   uint64
	Epoch uint64
	File  string // its identity
	// Copied says that it stands in another file than it was written to.
	Copied bool `json:"-"`
}

// readStamp returns nil if there is none.
func readStamp(dir string) (*stamp, error) {
	f, err := os.Open(filepath.Join(dir, stampName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	s := new(stamp)
	if err := json.NewDecoder(io.LimitReader(f, maxStamp)).Decode(s); err != nil {
		return nil, err
	}
	id, err := identity(f)
	s.Copied = id != s.File
	return s, err
}

// write replaces the stamp of a folder, at once and on disk.
func (s stamp) write(dir string) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("write %s: see that the folder may be written to and the disk has room: %w", stampName, err)
		}
	}()
	temp, err := os.CreateTemp(dir, ".stamp-*") // mode 0600
	if err != nil {
		return err
	}
	if s.File, err = identity(temp); err == nil {
		err = json.NewEncoder(temp).Encode(s)
	}
	if err = errors.Join(err, temp.Sync(), temp.Close()); err == nil {
		err = os.Rename(temp.Name(), filepath.Join(dir, stampName))
	}
	if err != nil {
		return errors.Join(err, os.Remove(temp.Name()))
	}
	return syncFolder(dir)
}
