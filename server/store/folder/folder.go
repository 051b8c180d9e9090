// Package folder sees to the data folder: that one server at a time uses it, and that a
// history beside which it stood is known again.
package folder

import (
	"errors"
	"fmt"
)

// lockName is the name of the file that is locked.
const lockName = "parley.lock"

// ErrInUse is that another process has the history open.
var ErrInUse = errors.New("another server uses the data folder")

func locked(dir string, err error) error {
	return fmt.Errorf("%w %s: stop it, or choose another folder: %w", ErrInUse, dir, err)
}
