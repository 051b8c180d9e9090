package auth

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

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
	temp, err := writeBeside(file, newSecret()+"\n")
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

// newSecret returns 52 characters of base32: 260 bits.
func newSecret() string { return strings.ToLower(rand.Text() + rand.Text()) }

// writeBeside writes a text to a file of its own beside another, readable by its
// owner alone, and returns its name.
func writeBeside(file, text string) (name string, err error) {
	temp, err := os.CreateTemp(filepath.Dir(file), ".secret-*") // mode 0600
	if err != nil {
		return "", err
	}
	_, err = temp.WriteString(text)
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
