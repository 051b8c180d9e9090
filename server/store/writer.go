package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"parley/server/chat"
	"parley/server/store/relational"
)

// A COMMIT of SQLite writes whole pages, two to three for each message, and most of them again a
// moment later. So while commits follow each other closely the writer commits seldom: what a
// transaction wrote goes, as it was said, into a log of its own (redoLog), which puts it on disk;
// SQLite's transaction stays open, the next goes on in it, and a row that each of them
// overwrites is written once (relational.Overwrites). All that is committed before anybody reads
// the history, which other connections could not do otherwise, and after a moment in any case.
// After a crash the next opening repeats what the log has and the database has not.
//
// Where many read between one commit and the next, and wherever there is time, each is SQLite's
// own, as if this were not there.

const (
	// closely is the time within which a commit follows another closely, or as long as that one
	// took, where all is slow; streak is how many must do so until some are left to the log.
	closely = 20 * time.Millisecond
	streak  = 8
	// settlePause is how long SQLite's transaction stays open at most, while nobody reads.
	settlePause = 100 * time.Millisecond
	// maxLeft bounds what is left to the log, in bytes of records: whoever reads waits for all of
	// it to be committed, and more would save little.
	maxLeft = 1 << 20
	// fewReads is how many reads may come between one commit and the next so that this is left to
	// the log.
	fewReads = 3
)

// writer is the connection that writes. It implements relational.Conn for its transaction.
type writer struct {
	*connection
	cache relational.Cache
	redo  *redoLog      // nil until the history is begun
	reads func() uint64 // how many reads there were so far
	leave func() bool   // whether a transaction may be left to the log; tests have their own

	open    bool     // SQLite's transaction, with what left has
	left    [][]byte // records of transactions that SQLite did not commit
	size    int      // of all of them, in bytes
	number  uint64   // of the last transaction that wrote something, from the start on
	failed  bool     // it did, though the log or the file may have it
	wrote   bool     // the transaction under way did
	record  record   // of it
	waiting overwrites

	// Of the last transaction: when it ended, how long it took, how many reads there had been,
	// and how many before it followed each other closely.
	ended   time.Time
	took    time.Duration
	before  uint64
	follows int
}

func newWriter(c *connection, reads func() uint64) *writer {
	w := &writer{connection: c, cache: relational.NewCache(), reads: reads, waiting: make(overwrites)}
	w.leave = func() bool { return w.follows >= streak && w.reads()-w.before <= fewReads }
	return w
}

// Exec implements relational.Conn.
func (w *writer) Exec(query string, args ...any) error {
	w.wrote = true
	w.record.add(query, args)
	row, ok := relational.Overwrites(query, args)
	if ok && w.waiting.add(row, query, args) {
		return nil
	}
	if err := w.show(query); err != nil {
		return err
	}
	return w.connection.Exec(query, args...)
}

// Row implements relational.Conn.
func (w *writer) Row(dest []any, query string, args ...any) (bool, error) {
	if err := w.show(query); err != nil {
		return false, err
	}
	return w.connection.Row(dest, query, args...)
}

// Rows implements relational.Conn.
func (w *writer) Rows(each func(relational.Row) error, query string, args ...any) error {
	if err := w.show(query); err != nil {
		return err
	}
	return w.connection.Rows(each, query, args...)
}

// IndexName implements relational.Conn.
func (w *writer) IndexName(id uint64, folded string) error { return indexName(w.Exec, id, folded) }

// UnindexName implements relational.Conn.
func (w *writer) UnindexName(id uint64, folded string) error { return unindexName(w.Exec, id, folded) }

// show writes the rows that wait, if a statement would see that they were not written.
func (w *writer) show(query string) error {
	if len(w.waiting) == 0 || !relational.SeesOverwritten(query) {
		return nil
	}
	return w.waiting.write(w.connection)
}

// update runs change in a transaction, which is on disk if it returns nil.
func (w *writer) update(ctx context.Context, change func(*relational.Transaction) error) error {
	began := time.Now()
	if w.follows++; began.Sub(w.ended) > max(closely, w.took) {
		w.follows = 0
	}
	defer func() { w.ended, w.took, w.before = time.Now(), time.Since(began), w.reads() }()
	if err := w.begin(); err != nil {
		return err
	}
	done := false
	defer func() {
		if !done { // also when change panics
			w.rollback()
		}
	}()
	w.wrote = false
	w.record.begin(w.redo != nil && !w.failed && w.leave())
	tx := relational.NewTransaction(ctx, w, &w.cache)
	if err := change(tx); err != nil {
		return err
	}
	if err := tx.Flush(); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if w.wrote {
		w.number++
		w.failed = true // until one of these has it
	}
	if !w.leaveOpen() {
		if err := w.commit(); err != nil {
			return err
		}
	}
	done = true
	return nil
}

// begin goes on with the open transaction, or starts one with what was left.
func (w *writer) begin() error {
	if w.open {
		return nil
	}
	if err := w.connection.begin("BEGIN IMMEDIATE"); err != nil {
		return err
	}
	w.open = true
	for _, encoded := range w.left {
		if err := replay(encoded, w.connection.Exec); err != nil {
			w.rollback()
			return err
		}
	}
	return nil
}

// rollback ends the open transaction. What it was left of is repeated by the next.
func (w *writer) rollback() {
	// An error tells that SQLite rolled back by itself; connection.begin sees to the rest.
	_ = w.connection.Exec("ROLLBACK")
	w.open, w.wrote = false, false
	w.follows = 0   // so that what is repeated now is not once more
	w.cache.Clear() // whether a COMMIT that failed is on disk is unknown
	clear(w.waiting)
}

// leaveOpen leaves what the transaction wrote to the log, and reports whether it could.
func (w *writer) leaveOpen() bool {
	if !w.record.kept || !w.leave() || w.size+len(w.record.encoded) > maxLeft {
		return false
	}
	if !w.wrote {
		return len(w.left) > 0
	}
	if err := w.redo.append(w.number, w.record.encoded); err != nil {
		return false // SQLite finds out whether anything can be written
	}
	w.left = append(w.left, slices.Clone(w.record.encoded))
	w.size += len(w.record.encoded)
	w.failed = false
	return true
}

// commit commits the open transaction, with all that was left.
func (w *writer) commit() error {
	if err := w.waiting.write(w.connection); err != nil {
		return err
	}
	if len(w.left) > 0 || w.wrote || w.failed {
		if err := putRedone(w.connection, w.number); err != nil {
			return err
		}
	}
	if err := w.connection.Exec("COMMIT"); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	w.open, w.left, w.size, w.failed = false, nil, 0, false
	if w.redo != nil {
		w.redo.rewind()
	}
	return nil
}

// settle commits what was left to the log.
func (w *writer) settle() error {
	if len(w.left) == 0 {
		return nil
	}
	if err := w.begin(); err != nil {
		return err
	}
	if err := w.commit(); err != nil {
		w.rollback()
		return err
	}
	return nil
}

// forget settles, and leaves nothing in the redo log.
func (w *writer) forget() error {
	if err := w.settle(); err != nil || w.redo == nil {
		return err
	}
	return w.redo.empty()
}

// view reads what the next transaction would.
func (w *writer) view(ctx context.Context, read func(chat.View) error) error {
	if err := w.begin(); err != nil {
		return err
	}
	if len(w.left) == 0 {
		defer w.rollback()
	}
	return read(relational.NewView(ctx, w))
}

// close closes the connection and the log, and removes that if all is settled.
func (w *writer) close() (err error) {
	if w.redo != nil {
		err = w.redo.close(len(w.left) == 0)
	}
	return errors.Join(err, w.connection.close())
}
