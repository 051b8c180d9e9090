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

// An Invite is the code that makes a guest an agent. It stands in a file, which
// is read each time, so that a new one (RenewInvite) counts at once, also where
// a server runs. Agents who used the old one stay agents. The zero Invite
// matches nothing.
type Invite struct{ file string }

// OpenInvite returns the invite that stands in a file, and makes it if there is
// none.
func OpenInvite(file string) (Invite, error) {
	if err := makeSecret(file); err != nil {
		return Invite{}, err
	}
	i := Invite{file}
	_, err := i.Code()
	return i, err
}

// RenewInvite puts a new invite into a file, whether there is one or not: the
// old one stops working.
func RenewInvite(file string) (Invite, error) {
	if err := replaceSecret(file); err != nil {
		return Invite{}, err
	}
	return Invite{file}, nil
}

// Code returns the code, which is empty for the zero Invite.
func (i Invite) Code() (string, error) {
	if i.file == "" {
		return "", nil
	}
	content, err := readBounded(i.file)
	if err != nil {
		return "", err
	}
	code := strings.TrimSpace(string(content))
	if len(code) < minSecret/2 {
		return "", fmt.Errorf("invite file %s: too short to be secret: delete it, and a new one is made at the next start", i.file)
	}
	return code, nil
}

// Matches reports whether code is the invite's, in a time that does not tell
// how much of it is right. An error says that the invite cannot be read.
func (i Invite) Matches(code string) (bool, error) {
	own, err := i.Code()
	return err == nil && own != "" && subtle.ConstantTimeCompare([]byte(own), []byte(code)) == 1, err
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
	temp, err := writeSecret(file)
	if err != nil {
		return err
	}
	defer os.Remove(temp)
	// A link, unlike a rename, never replaces what another server just made.
	err = os.Link(temp, file)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil { // a file system without links
		err = os.Rename(temp, file)
	}
	if err != nil {
		return err
	}
	return syncFolder(filepath.Dir(file))
}

// replaceSecret puts a new secret into a file, at once: who reads it meanwhile
// finds the old one or the new one.
func replaceSecret(file string) error {
	temp, err := writeSecret(file)
	if err == nil {
		err = errors.Join(os.Rename(temp, file), syncFolder(filepath.Dir(file)))
	}
	if err != nil {
		return fmt.Errorf("cannot keep a new secret in %s: %w", file, err)
	}
	return nil
}

// writeSecret writes a new secret to a file of its own beside another, and
// returns its name.
func writeSecret(beside string) (name string, err error) {
	temp, err := os.CreateTemp(filepath.Dir(beside), ".secret-*") // mode 0600
	if err != nil {
		return "", err
	}
	// 52 characters of base32: 260 bits.
	_, err = temp.WriteString(strings.ToLower(rand.Text()+rand.Text()) + "\n")
	if err = errors.Join(err, temp.Sync(), temp.Close()); err != nil {
		return "", errors.Join(err, os.Remove(temp.Name()))
	}
	return temp.Name(), nil
}

func syncFolder(path string) error {
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}
