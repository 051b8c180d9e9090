package attachment

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"parley/server/store/folder"
)

// Folder keeps contents as files of a folder, named by their ids in decimal. They lie in
// subfolders by the last two digits, so that none gets large.
type Folder struct{ path string }

var _ Store = (*Folder)(nil)

// copySize is how much is read from a client at a time.
const copySize = 64 << 10

// NewFolder returns a Store in a folder, which is made when there is something to keep.
func NewFolder(path string) *Folder { return &Folder{path} }

func (f *Folder) file(id uint64) string {
	return filepath.Join(f.path, fmt.Sprintf("%02d", id%100), strconv.FormatUint(id, 10))
}

// Append implements Store.
func (f *Folder) Append(_ context.Context, id, offset uint64, r io.Reader) (n uint64, err error) {
	path := f.file(id)
	flags := os.O_RDWR
	if offset == 0 {
		flags |= os.O_CREATE
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return 0, err
		}
	}
	file, err := os.OpenFile(path, flags, 0o600)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, errMissing
	}
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	if err := keepBeginning(file, offset); err != nil {
		return 0, err
	}
	written, failed := io.CopyBuffer(struct{ io.Writer }{file}, struct{ io.Reader }{r}, make([]byte, copySize))
	if written == 0 {
		return 0, failed
	}
	if err := file.Sync(); err != nil {
		return 0, err
	}
	if offset == 0 { // the file's name is to be on disk, too
		if err := folder.Sync(filepath.Dir(path)); err != nil {
			return 0, err
		}
	}
	return uint64(written), failed
}

// keepBeginning cuts a file to its first bytes, and goes to their end.
func keepBeginning(file *os.File, offset uint64) error {
	info, err := file.Stat()
	switch {
	case err != nil:
		return err
	case uint64(info.Size()) < offset:
		return errMissing
	}
	if err := file.Truncate(int64(offset)); err != nil {
		return err
	}
	_, err = file.Seek(int64(offset), io.SeekStart)
	return err
}

// Open implements Store.
func (f *Folder) Open(_ context.Context, id, size uint64) (Content, error) {
	file, err := os.Open(f.file(id))
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err == nil && uint64(info.Size()) != size {
		err = errMissing
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}

// Delete implements Store.
func (f *Folder) Delete(_ context.Context, id uint64) error {
	if err := os.Remove(f.file(id)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// Each implements Store.
func (f *Folder) Each(ctx context.Context, each func(id uint64, changed time.Time) error) error {
	return filepath.WalkDir(f.path, func(_ string, entry fs.DirEntry, err error) error {
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, fs.ErrNotExist): // deleted meanwhile
			return nil
		case err != nil || entry.IsDir():
			return err
		}
		id, bad := strconv.ParseUint(entry.Name(), 10, 64)
		if bad != nil { // somebody else's
			return nil
		}
		info, err := entry.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		return each(id, info.ModTime())
	})
}
