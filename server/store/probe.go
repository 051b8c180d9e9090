package store

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	sqlite3 "modernc.org/sqlite/lib"

	"parley/server/chat"
	"parley/server/store/relational"
)

// probeSize is more than fits into a page of the file: writing it takes room.
const probeSize = 8 << 10 // bytes

// Probe finds out whether the history can be read, for which it waits for no view
// and no scan, and written: unless something was since the last call, it writes a
// little and takes that away again. The error wraps what Advice knows.
func (db *DB) Probe(ctx context.Context) error {
	if err := db.read(ctx, db.health, func(v chat.View) error {
		_, err := v.Rev()
		return err
	}); err != nil || db.written.Swap(false) {
		return err
	}
	err := db.write(ctx, func(w *writer) error {
		if err := w.settle(); err != nil {
			return err
		}
		// One after the other: within one commit SQLite would write neither.
		if err := w.connection.Exec("INSERT INTO meta (name, value) VALUES ('probe', zeroblob(?)) ON CONFLICT (name) DO UPDATE SET value = excluded.value", probeSize); err != nil {
			return err
		}
		return w.connection.Exec("DELETE FROM meta WHERE name = 'probe'")
	})
	if err != nil {
		return fmt.Errorf("write to the history: %w", err)
	}
	return nil
}

// Verify reads the whole file on a connection of its own and returns an error,
// which Advice knows, if it is damaged. It takes seconds for each gigabyte, and
// ends early with ctx. Check tells more.
func (db *DB) Verify(ctx context.Context) error {
	s, err := openConnection(ctx, filepath.Join(db.dir, FileName), readOnly(2048))
	if err != nil {
		return fmt.Errorf("verify the history: %w", err)
	}
	var first string
	err = s.until(ctx, func() error {
		_, err := s.Row([]any{&first}, "PRAGMA quick_check(1)")
		return err
	})
	if err == nil && first != "ok" {
		err = fmt.Errorf("%w: %s", relational.ErrDamaged, first)
	}
	if err = errors.Join(err, s.close()); err != nil {
		return fmt.Errorf("verify the history: %w", err)
	}
	return nil
}

// damaged reports whether an error tells of a damaged file.
func damaged(err error) bool {
	code := codeOf(err)
	return errors.Is(err, relational.ErrDamaged) || code == sqlite3.SQLITE_CORRUPT || code == sqlite3.SQLITE_NOTADB
}

// codeOf is SQLite's primary result code, 0 if the error is not SQLite's.
func codeOf(err error) int {
	if e := (*sqliteError)(nil); errors.As(err, &e) {
		return int(e.code & 0xff)
	}
	return 0
}

// Advice says what is wrong, see the function.
func (db *DB) Advice(err error) string { return Advice(err) }

// Advice is what is wrong with the history, according to an error of a DB, and
// what to do, for anybody to read.
func Advice(err error) string {
	switch code := codeOf(err); {
	case damaged(err):
		return "it is damaged: see what parley check says, and restore a backup"
	case code == sqlite3.SQLITE_FULL:
		return "the disk is full: make room"
	case code == sqlite3.SQLITE_BUSY, code == sqlite3.SQLITE_LOCKED:
		return "another program holds it: stop that one"
	case errors.Is(err, context.DeadlineExceeded):
		return "it does not answer in time: see whether the disk works"
	}
	return "see that its folder may be written to and the disk has room"
}
