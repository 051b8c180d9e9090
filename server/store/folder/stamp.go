package folder

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
	// StampName is the name of the stamp in the history's folder.
	StampName = "history.stamp"
	// maxStamp bounds what is read of it, in bytes.
	maxStamp = 4 << 10
)

// Stamp is what stands beside the history, outside its file, and must agree with
// it: so a file that was put back without the stamp is noticed. It is written anew,
// as another file, whenever the history is opened and closed, and knows which file
// it is: so is one that was put back with it.
type Stamp struct {
	Start uint64
	Ended bool // the history was closed, with this:
	Rev   uint64
	Epoch uint64
	File  string // its Identity
	// History names the history, where that is in a database elsewhere.
	History string `json:",omitempty"`
	// Copied says that it stands in another file than it was written to.
	Copied bool `json:"-"`
}

// ReadStamp returns nil if there is none.
func ReadStamp(dir string) (*Stamp, error) {
	f, err := os.Open(filepath.Join(dir, StampName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	s := new(Stamp)
	if err := json.NewDecoder(io.LimitReader(f, maxStamp)).Decode(s); err != nil {
		return nil, err
	}
	id, err := Identity(f)
	s.Copied = id != s.File
	return s, err
}

// Write replaces the stamp of a folder, at once and on disk.
func (s Stamp) Write(dir string) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("write %s: see that the folder may be written to and the disk has room: %w", StampName, err)
		}
	}()
	temp, err := os.CreateTemp(dir, ".stamp-*") // mode 0600
	if err != nil {
		return err
	}
	if s.File, err = Identity(temp); err == nil {
		err = json.NewEncoder(temp).Encode(s)
	}
	if err = errors.Join(err, temp.Sync(), temp.Close()); err == nil {
		err = os.Rename(temp.Name(), filepath.Join(dir, StampName))
	}
	if err != nil {
		return errors.Join(err, os.Remove(temp.Name()))
	}
	return Sync(dir)
}
