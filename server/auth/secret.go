package auth

import (
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// An Invite is the code that makes a guest an agent. The zero Invite matches
// nothing.
type Invite struct{ code string }

// OpenInvite returns the invite that stands in a file, and makes it if there is
// none. Whoever removes the file gets a new one at the next start; agents who
// used the old one stay agents.
func OpenInvite(file string) (Invite, error) {
	if err := makeSecret(file); err != nil {
		return Invite{}, err
	}
	content, err := readBounded(file)
	if err != nil {
		return Invite{}, err
	}
	code := strings.TrimSpace(string(content))
	if len(code) < minSecret/2 {
		return Invite{}, fmt.Errorf("invite file %s: too short to be secret: delete it, and a new one is made", file)
	}
	return Invite{code}, nil
}

// String returns the code.
func (i Invite) String() string { return i.code }

// Matches reports whether code is the invite's, in a time that does not tell
// how much of it is right.
func (i Invite) Matches(code string) bool {
	return i.code != "" && subtle.ConstantTimeCompare([]byte(i.code), []byte(code)) == 1
}

// makeSecret makes a file with a new secret as text, unless it exists. What is
// there afterwards is complete and on disk, even if two servers start at once
// or the power fails.
func makeSecret(file string) (err error) {
	if _, err := os.Lstat(file); !errors.Is(err, fs.ErrNotExist) {
		return nil // it is there, or reading it will say why not
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("cannot keep a new secret in %s: %w", file, err)
		}
	}()
	temp, err := os.CreateTemp(filepath.Dir(file), ".secret-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(temp.Name())
	// 52 characters of base32: 260 bits.
	_, err = temp.WriteString(strings.ToLower(rand.Text()+rand.Text()) + "\n")
	if err = errors.Join(err, temp.Sync(), temp.Close()); err != nil {
		return err
	}
	// A link, unlike a rename, never replaces what another server just made.
	err = os.Link(temp.Name(), file)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil { // a file system without links
		err = os.Rename(temp.Name(), file)
	}
	if err != nil {
		return err
	}
	return syncFolder(filepath.Dir(file))
}

func syncFolder(path string) error {
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}
