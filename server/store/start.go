package store

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"

	"parley/server/chat"
)

const (
	// maxStarts bounds the starts that are kept: of those before them a token cannot
	// tell that they are of another history.
	maxStarts = 10_000
	// secretSize is that of the secret, in bytes.
	secretSize = 32
)

// begin notes that the history is opened, which is the start of a server or of an
// operator's command, before anybody is answered. If something says that it may be
// a backup that was put back, or why does, a new epoch begins: what was told of the old one
// since the backup was made would be told again, as something else.
func (db *DB) begin(ctx context.Context, w *connection, file, why string) error {
	found, problem := readStamp(db.dir)
	fresh := make([]byte, 3*8)
	secret := make([]byte, secretSize)
	for _, b := range [][]byte{fresh, secret} {
		if _, err := rand.Read(b); err != nil {
			return err
		}
	}
	next, first := binary.BigEndian.Uint64(fresh)|1, binary.BigEndian.Uint64(fresh[8:])|1 // never 0
	start := binary.BigEndian.Uint64(fresh[16:]) | 1
	err := w.update(ctx, func(t *transaction) error {
		if err := t.makeOnce("epoch", number(first)); err != nil {
			return err
		}
		if err := t.makeOnce("secret", secret); err != nil {
			return err
		}
		if err := t.meta("secret", &db.secret); err != nil {
			return err
		}
		if db.doubt = why; why == "" {
			var err error
			if db.doubt, err = t.doubt(found, problem, file); err != nil {
				return err
			}
		}
		if db.doubt != "" {
			if err := t.PutEpoch(next); err != nil {
				return err
			}
		}
		return t.addStart(start, file)
	})
	if err != nil {
		return fmt.Errorf("note the start: %w", err)
	}
	db.start = start
	return db.leaveStamp(ctx, w, false)
}

// doubt says why the history in a file may not be one that only grew, in words
// for an operator; "" if nothing says so. found is the stamp beside it, nil if
// there is none, and problem why it cannot be read.
func (t *transaction) doubt(found *stamp, problem error, file string) (string, error) {
	var one int64
	started, err := t.row([]any{&one}, "SELECT number FROM starts WHERE number > 0 LIMIT 1")
	if err != nil {
		return "", err
	}
	switch {
	case !started && found == nil && problem == nil: // it is new, or of a version that left no stamp
		return "", nil
	case problem != nil:
		return fmt.Sprintf("%s cannot be read: %v", stampName, problem), nil
	case found == nil:
		return stampName + " is missing beside " + FileName, nil
	}
	var known string
	if err := t.meta("file", &known); err != nil {
		return "", err
	}
	if started && known != file {
		return FileName + " is a copy: it was another file when it was used last", nil
	}
	if found.Copied {
		return stampName + " is a copy: it was another file when it was written", nil
	}
	knows, err := t.row([]any{&one}, "SELECT number FROM starts WHERE id = ?", number(found.Start))
	if err != nil {
		return "", err
	}
	if !knows {
		return FileName + " is older than " + stampName + ", which tells of a start that it knows nothing of", nil
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
		return FileName + " is older than " + stampName + ", which tells of changes that it does not have", nil
	}
	return "", nil
}

// addStart adds a start, of which it keeps the newest maxStarts.
func (t *transaction) addStart(id uint64, file string) error {
	rev, err := t.Rev()
	if err != nil {
		return err
	}
	if err := t.exec("INSERT INTO starts (id, rev) VALUES (?, ?)", number(id), number(rev)); err != nil {
		return err
	}
	if err := t.exec("DELETE FROM starts WHERE number <= (SELECT max(number) FROM starts) - ?", maxStarts); err != nil {
		return err
	}
	return t.exec("INSERT INTO meta (name, value) VALUES ('file', ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value", file)
}

// makeOnce sets what is made with the history and not changed.
func (t *transaction) makeOnce(name string, value any) error {
	return t.exec("INSERT INTO meta (name, value) VALUES (?, ?) ON CONFLICT DO NOTHING", name, value)
}

// meta reads one value of the table meta; dest stays as it is if there is none.
func (v *view) meta(name string, dest any) error {
	if _, err := v.row([]any{dest}, "SELECT value FROM meta WHERE name = ?", name); err != nil {
		return fmt.Errorf("read meta.%s: %w", name, err)
	}
	return nil
}

// Epoch implements chat.View.
func (v *view) Epoch() (uint64, error) {
	var epoch number
	if err := v.meta("epoch", &epoch); err != nil {
		return 0, err
	}
	if epoch == 0 {
		return 0, fmt.Errorf("%w: it has no epoch", errDamaged)
	}
	return uint64(epoch), nil
}

// PutEpoch implements chat.Tx.
func (t *transaction) PutEpoch(epoch uint64) error {
	if err := t.exec("INSERT INTO meta (name, value) VALUES ('epoch', ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value", number(epoch)); err != nil {
		return fmt.Errorf("write the epoch: %w", err)
	}
	return nil
}

// Reached implements chat.View.
func (v *view) Reached(start uint64) (uint64, error) {
	var at int64
	known, err := v.row([]any{&at}, "SELECT number FROM starts WHERE id = ?", number(start))
	if err != nil {
		return 0, fmt.Errorf("find a start: %w", err)
	}
	if !known {
		at = 0
	}
	var rev number
	found, err := v.row([]any{&rev}, "SELECT rev FROM starts WHERE number > ? ORDER BY number LIMIT 1", at)
	if err != nil {
		return 0, fmt.Errorf("find the start after another: %w", err)
	}
	if !found {
		return v.Rev()
	}
	return uint64(rev), nil
}

// leaveStamp writes the stamp, as the history is now.
func (db *DB) leaveStamp(ctx context.Context, w *connection, ended bool) error {
	left := stamp{Start: db.start, Ended: ended}
	err := w.view(ctx, func(v chat.View) (err error) {
		if left.Rev, err = v.Rev(); err != nil {
			return err
		}
		left.Epoch, err = v.Epoch()
		return err
	})
	return errors.Join(err, left.write(db.dir))
}
