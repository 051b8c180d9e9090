package store

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"parley/server/store/folder"
	"parley/server/store/relational"

	"parley/server/chat"
)

// secretSize is that of the secret, in bytes.
const secretSize = 32

// begin notes that the history is opened, which is the start of a server or of an
// operator's command, before anybody is answered. If something says that it may be
// a backup that was put back, or why does, a new epoch begins: what was told of the old one
// since the backup was made would be told again, as something else.
func (db *DB) begin(ctx context.Context, w *writer, file, why string) error {
	found, problem := folder.ReadStamp(db.dir)
	fresh := make([]byte, 3*8)
	secret := make([]byte, secretSize)
	for _, b := range [][]byte{fresh, secret} {
		if _, err := rand.Read(b); err != nil {
			return err
		}
	}
	next, first := binary.BigEndian.Uint64(fresh)|1, binary.BigEndian.Uint64(fresh[8:])|1 // never 0
	start := binary.BigEndian.Uint64(fresh[16:]) | 1
	err := w.update(ctx, func(t *relational.Transaction) error {
		if err := t.Once("epoch", relational.Number(first)); err != nil {
			return err
		}
		if err := t.Once("secret", secret); err != nil {
			return err
		}
		if err := t.Meta("secret", &db.secret); err != nil {
			return err
		}
		if db.doubt = why; why == "" {
			var err error
			if db.doubt, err = doubt(t, found, problem, file); err != nil {
				return err
			}
		}
		if db.doubt != "" {
			if err := t.PutEpoch(next); err != nil {
				return err
			}
		}
		return errors.Join(t.AddStart(start), t.Set("file", file))
	})
	if err != nil {
		return fmt.Errorf("note the start: %w", err)
	}
	db.start = start
	if w.redo, err = openRedo(db.dir, start); err != nil {
		return fmt.Errorf("open %s: %w", RedoName, err)
	}
	return db.leaveStamp(ctx, w.connection, false)
}

// doubt says why the history in a file may not be one that only grew, in words
// for an operator; "" if nothing says so. found is the stamp beside it, nil if
// there is none, and problem why it cannot be read.
func doubt(t *relational.Transaction, found *folder.Stamp, problem error, file string) (string, error) {
	started, err := t.Started()
	if err != nil {
		return "", err
	}
	switch {
	case !started && found == nil && problem == nil: // it is new, or of a version that left no stamp
		return "", nil
	case problem != nil:
		return fmt.Sprintf("%s cannot be read: %v", folder.StampName, problem), nil
	case found == nil:
		return folder.StampName + " is missing beside " + FileName, nil
	}
	var known string
	if err := t.Meta("file", &known); err != nil {
		return "", err
	}
	if started && known != file {
		return FileName + " is a copy: it was another file when it was used last", nil
	}
	if found.Copied {
		return folder.StampName + " is a copy: it was another file when it was written", nil
	}
	knows, err := t.KnowsStart(found.Start)
	if err != nil {
		return "", err
	}
	if !knows {
		return FileName + " is older than " + folder.StampName + ", which tells of a start that it knows nothing of", nil
	}
	rev, err := t.Rev()
	if err != nil {
		return "", err
	}
	epoch, err := t.Epoch()
	if err != nil {
		return "", err
	}
	if found.Ended && (found.Rev > rev || found.Epoch != epoch) {
		return FileName + " is older than " + folder.StampName + ", which tells of changes that it does not have", nil
	}
	return "", nil
}

// leaveStamp writes the stamp, as the history is now.
func (db *DB) leaveStamp(ctx context.Context, w *connection, ended bool) error {
	left := folder.Stamp{Start: db.start, Ended: ended}
	err := w.view(ctx, func(v chat.View) (err error) {
		if left.Rev, err = v.Rev(); err != nil {
			return err
		}
		left.Epoch, err = v.Epoch()
		return err
	})
	return errors.Join(err, left.Write(db.dir))
}
