package auth

import (
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
	"strings"
)

// newSecret returns 52 characters of base32: 260 bits.
func newSecret() string { return strings.ToLower(rand.Text() + rand.Text()) }

// writeBeside writes to a file of its own beside another, readable by its
// owner alone, and returns its name.
func writeBeside(file string, content []byte) (name string, err error) {
	temp, err := os.CreateTemp(filepath.Dir(file), ".secret-*") // mode 0600
	if err != nil {
		return "", err
	}
	_, err = temp.Write(content)
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
