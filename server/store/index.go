package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync/atomic"

	"parley/server/chat"
	"parley/server/store/relational"
)

// IndexName is the name of the search index in the folder of the history. It is derived: whoever deletes it loses
// nothing but time.
const IndexName = "search.db"

// indexVersion is its PRAGMA user_version: a file of another is made anew.
const indexVersion = 1

// Its pages hold a row of some KiB without a part that lies elsewhere.
const indexSchema = `
	CREATE TABLE index_place (
		one     INTEGER PRIMARY KEY,
		epoch   BLOB NOT NULL,
		version BLOB NOT NULL,
		through BLOB NOT NULL
	);
	CREATE TABLE index_pages (
		audience TEXT NOT NULL,
		first    BLOB NOT NULL,
		body     BLOB NOT NULL,
		PRIMARY KEY (audience, first)
	) WITHOUT ROWID;
	CREATE INDEX index_pages_by_first ON index_pages (first, audience);
`

// index is a chat.Index in a file beside the history. What it acknowledged may be lost with the power, and with the
// file: then it is made anew. It is not part of backups.
type index struct {
	db     *DB
	path   string
	writer chan *connection // holds the one that writes; nil if that is not open
	reader chan *connection // likewise
	lost   atomic.Bool      // the file cannot be used
}

var _ chat.Index = (*index)(nil)

// OpenIndex opens the search index, which Close closes, and begins another where there is none that can be read. It
// is called once.
func (db *DB) OpenIndex(ctx context.Context) (chat.Index, error) {
	x := &index{db: db, path: filepath.Join(db.dir, IndexName), writer: make(chan *connection, 1), reader: make(chan *connection, scanners)}
	x.writer <- nil
	for range cap(x.reader) {
		x.reader <- nil
	}
	db.index = x
	err := x.reopen(ctx, false)
	if damaged(err) || errors.Is(err, errOtherIndex) {
		err = x.reopen(ctx, true)
	}
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", x.path, err)
	}
	return x, nil
}

var errOtherIndex = errors.New("it is of another version")

// reopen closes all connections and opens others, to another file if the one that there is is to be deleted.
func (x *index) reopen(ctx context.Context, another bool) error {
	err := x.close()
	if another && err == nil {
		err = x.remove()
	}
	var all []*connection
	if err == nil {
		all, err = x.connect(ctx)
	}
	x.restock(all)
	x.lost.Store(err != nil)
	return err
}

// connect opens the connection that writes, then those that read, as far as it can.
func (x *index) connect(ctx context.Context) (all []*connection, err error) {
	f, err := os.OpenFile(x.path, os.O_RDWR|os.O_CREATE, 0o600) // SQLite would make it readable for others
	if err != nil {
		return nil, err
	}
	if err := f.Close(); err != nil {
		return nil, err
	}
	w, err := openConnection(ctx, x.path, options{pragmas: []string{
		busyPragma, "page_size(16384)", "journal_mode(WAL)", "synchronous(NORMAL)", "secure_delete(ON)", "cache_size(-8192)",
	}})
	if err != nil {
		return nil, err
	}
	if err = w.begun(); err != nil {
		return nil, errors.Join(err, w.close())
	}
	all = append(all, w)
	for range cap(x.reader) {
		r, err := openConnection(ctx, x.path, readOnly(4096))
		if err != nil {
			return all, err
		}
		all = append(all, r)
	}
	return all, nil
}

// begun makes the tables, unless they are there.
func (s *connection) begun() error {
	var version int
	if _, err := s.Row([]any{&version}, "PRAGMA user_version"); err != nil {
		return err
	}
	switch version {
	case indexVersion:
		return nil
	case 0:
		return s.script(fmt.Sprintf("BEGIN; %s PRAGMA user_version = %d; COMMIT", indexSchema, indexVersion))
	}
	return errOtherIndex
}

// close takes all connections, waiting for those in use, and closes them.
func (x *index) close() error {
	var all []error
	for _, pool := range []chan *connection{x.writer, x.reader} {
		for range cap(pool) {
			if c := <-pool; c != nil {
				all = append(all, c.close())
			}
		}
	}
	return errors.Join(all...)
}

// restock puts connections where close took them from, nil for those that are missing.
func (x *index) restock(all []*connection) {
	for _, pool := range []chan *connection{x.writer, x.reader} {
		for range cap(pool) {
			var c *connection
			if len(all) > 0 {
				c, all = all[0], all[1:]
			}
			pool <- c
		}
	}
}

// remove deletes the file.
func (x *index) remove() error {
	var all []error
	for _, suffix := range []string{"", "-wal", "-shm"} {
		if err := os.Remove(x.path + suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			all = append(all, err)
		}
	}
	return errors.Join(all...)
}

// View implements chat.Index.
func (x *index) View(ctx context.Context, read func(chat.IndexView) error) error {
	c, err := relational.Take(ctx, x.reader, x.db.closed)
	if err != nil {
		return fmt.Errorf("read the search index: %w", err)
	}
	defer func() { x.reader <- c }()
	if c == nil || x.lost.Load() {
		return chat.ErrIndexLost
	}
	if err = c.begin("BEGIN"); err == nil {
		defer func() { _ = c.Exec("ROLLBACK") }() // nothing was written; begin sees to an error
		err = read(relational.IndexTransaction{Conn: c})
	}
	return x.failed(err)
}

// Update implements chat.Index.
func (x *index) Update(ctx context.Context, change func(chat.IndexTx) error) error {
	if x.lost.Load() {
		if err := x.reopen(ctx, true); err != nil {
			return fmt.Errorf("begin another search index: %w", err)
		}
	}
	c, err := relational.Take(ctx, x.writer, x.db.closed)
	if err != nil {
		return fmt.Errorf("write the search index: %w", err)
	}
	defer func() { x.writer <- c }()
	if c == nil {
		x.lost.Store(true)
		return chat.ErrIndexLost
	}
	err = c.begin("BEGIN IMMEDIATE")
	if err == nil {
		err = change(relational.IndexTransaction{Conn: c})
		if err == nil {
			err = c.Exec("COMMIT")
		}
		if err != nil {
			_ = c.Exec("ROLLBACK") // or it was already
		}
	}
	if err == nil { // what pages were stands in the log until then
		err = c.script("PRAGMA wal_checkpoint(TRUNCATE)")
	}
	return x.failed(err)
}

// failed takes note of an error that says that the file is damaged.
func (x *index) failed(err error) error {
	if !damaged(err) {
		return err
	}
	x.lost.Store(true)
	return fmt.Errorf("%w: %w", chat.ErrIndexLost, err)
}
