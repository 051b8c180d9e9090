package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// runningFile stands in the data folder while a server runs, and afterwards if
// that did not end cleanly.
const runningFile = "parley.running"

// ending is how a server ends, and how the one before did.
type ending struct {
	file    string
	unclean bool // the last time
}

// begin notes that a server runs on a data folder.
func begin(folder string) (*ending, error) {
	e := &ending{file: filepath.Join(folder, runningFile)}
	file, err := os.OpenFile(e.file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		e.unclean = true
		return e, nil
	}
	if err != nil {
		return nil, fmt.Errorf("cannot note that the server runs: see that the folder may be written to: %w", err)
	}
	return e, file.Close()
}

// clean notes that the server ended as it should.
func (e *ending) clean() error {
	if err := os.Remove(e.file); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("cannot note that the server ended: %w", err)
	}
	return nil
}
