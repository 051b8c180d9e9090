// Package store keeps the history in SQLite: one file in one folder, which one
// process at a time may use. It implements chat.Store and knows nothing of
// what the entries say, apart from Check.
//
// What Update has committed survives a kill of the process and, as far as the
// disk keeps what it acknowledged, a loss of power: with each commit either SQLite's
// write-ahead log is synced (WAL, synchronous=FULL) or, where many follow each other,
// the redo log, which is taken over by the next start (see writer.go).
package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"parley/server/store/folder"
	"parley/server/store/relational"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"parley/server/chat"
)

// FileName is the name of the history in its folder.
const FileName = "parley.db"

// Exists reports whether there is a history in a folder.
func Exists(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, FileName))
	return err == nil
}

const (
	// viewers and scanners bound the views and the scans that run at the same
	// time: the scans so that what is short finds a processor, and yet more of
	// them than one user may have in work.
	viewers  = 3
	scanners = 4
	// busyPragma says, in milliseconds, how long to wait for another program
	// that holds the file, such as a backup.
	busyPragma = "busy_timeout(5000)"
)

// DB is a history on disk. Safe for concurrent use.
type DB struct {
	start  uint64 // 0 until begin
	secret []byte
	doubt  string
	dir    string
	lock   *os.File
	writer chan *writer       // holds the one connection that writes, while nobody does
	viewer chan *connection   // those that View uses, while it does not
	scan   chan *connection   // those that Scan uses
	mover  chan *connection   // the one that moveLog uses
	health chan *connection   // the one that Probe uses
	opened []chan *connection // where each of the others that was opened belongs
	closed chan struct{}
	grown  chan struct{}  // holds one, for moveLog
	left   chan struct{}  // holds one, for settle
	writes bool           // whether there is one that writes
	others sync.WaitGroup // settle
	pause  time.Duration  // settlePause; tests have their own
	// reads counts views and scans, and behind says that the database has not yet committed
	// all that was (see writer).
	reads  atomic.Uint64
	behind atomic.Bool
	// written says that something was since the last Probe.
	written atomic.Bool
	// erase says that the log holds what was taken out of the history.
	erase atomic.Bool
	index *index // nil until OpenIndex
	once  sync.Once
	err   error // of Close
}

var _ chat.Store = (*DB)(nil)

// Open opens the history in a folder, and makes both if they are missing. The
// folder is locked against other processes until Close, or the end of this
// one however it ends. Errors say what to do about them.
func Open(ctx context.Context, dir string) (*DB, error) { return openFolder(ctx, dir, "") }

// openFolder is Open where the caller may know why the history did not only grow.
func openFolder(ctx context.Context, dir, why string) (*DB, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("the data folder cannot be made: choose one that may be written to: %w", err)
	}
	lock, err := folder.Lock(dir)
	if err != nil {
		return nil, err
	}
	db := &DB{
		dir:    dir,
		lock:   lock,
		writer: make(chan *writer, 1),
		viewer: make(chan *connection, viewers),
		scan:   make(chan *connection, scanners),
		health: make(chan *connection, 1),
		mover:  make(chan *connection, 1),
		closed: make(chan struct{}),
		grown:  make(chan struct{}, 1),
		left:   make(chan struct{}, 1),
		pause:  settlePause,
	}
	if err := db.open(ctx, filepath.Join(dir, FileName), why); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

func (db *DB) open(ctx context.Context, path, why string) error {
	// SQLite would make it readable for others, and gives its log the same mode.
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return explain(path, err)
	}
	file, err := folder.Identity(f)
	// Closing it later would end SQLite's locks on it, too.
	if err := errors.Join(err, f.Close()); err != nil {
		return explain(path, err)
	}
	c, err := openConnection(ctx, path, options{vfs: bufferedLog, pragmas: []string{
		busyPragma, "journal_mode(WAL)", "synchronous(FULL)", "secure_delete(ON)", "journal_size_limit(67108864)", "cache_size(-16384)",
		fmt.Sprintf("wal_autocheckpoint(%d)", checkpointPages),
	}})
	if err != nil {
		return explain(path, err)
	}
	w := newWriter(c, db.reads.Load)
	db.writer <- w
	db.writes = true
	log, err := readRedo(db.dir)
	if err != nil {
		return explain(path, err)
	}
	if err := repeat(ctx, c, log); err != nil {
		return explain(path, err)
	}
	if err := migrate(ctx, c); err != nil {
		return explain(path, err)
	}
	if err := db.begin(ctx, w, file, why); err != nil {
		return explain(path, err)
	}
	for _, pool := range []chan *connection{db.viewer, db.scan, db.health} {
		for range cap(pool) {
			r, err := openConnection(ctx, path, readOnly(8192))
			if err != nil {
				return explain(path, err)
			}
			db.add(r, pool)
		}
	}
	m, err := openConnection(ctx, path, options{pragmas: []string{busyPragma, "synchronous(FULL)"}})
	if err != nil {
		return explain(path, err)
	}
	db.add(m, db.mover)
	go db.moveLog(<-db.mover) // puts it back when Close begins
	db.others.Go(db.settle)   // ends when Close begins
	return nil
}

func (db *DB) add(s *connection, pool chan *connection) {
	db.opened = append(db.opened, pool)
	pool <- s
}

// Start implements chat.Store.
func (db *DB) Start() uint64 { return db.start }

// Secret implements chat.Store.
func (db *DB) Secret() []byte { return db.secret }

// Doubt says why a new epoch began with this opening: what tells that the history
// may be a backup that was put back, in words for an operator; "" if none began.
func (db *DB) Doubt() string { return db.doubt }

// Update implements chat.Store.
func (db *DB) Update(ctx context.Context, change func(chat.Tx) error) error {
	erases := false
	err := db.write(ctx, func(w *writer) error {
		return w.update(ctx, func(t *relational.Transaction) error {
			err := change(t)
			erases = t.Erases()
			return err
		})
	})
	if err != nil {
		return fmt.Errorf("update the history: %w", err)
	}
	db.written.Store(true)
	if erases {
		db.erase.Store(true)
	}
	db.logGrew()
	return nil
}

// write lends the connection that writes.
func (db *DB) write(ctx context.Context, f func(*writer) error) error {
	w, err := relational.Take(ctx, db.writer, db.closed)
	if err != nil {
		return err
	}
	defer func() {
		if behind := len(w.left) > 0; db.behind.Swap(behind) != behind && behind {
			db.isBehind()
		}
		db.writer <- w
	}()
	return f(w)
}

// isBehind lets settle begin.
func (db *DB) isBehind() {
	select {
	case db.left <- struct{}{}:
	default: // it is about to
	}
}

// settle sees that nothing stays left to the redo log alone for long. It ends with Close.
func (db *DB) settle() {
	for {
		select {
		case <-db.left:
		case <-db.closed:
			return
		}
		pause := time.NewTimer(db.pause)
		select {
		case <-pause.C:
		case <-db.closed: // which settles
			pause.Stop()
			return
		}
		if db.write(context.Background(), (*writer).settle) != nil {
			db.isBehind() // it stays in the log, where it is as safe, until the next time
		}
	}
}

// View implements chat.Store. It waits while as many views run as there are
// connections for, so read must not open a View itself; and, where commits follow each
// other closely, for the one that runs, so an Update's change must not open one either.
func (db *DB) View(ctx context.Context, read func(chat.View) error) error {
	return db.read(ctx, db.viewer, read)
}

// Scan implements chat.Store. It waits while as many scans run as there are
// connections for, so read must not open a Scan itself.
func (db *DB) Scan(ctx context.Context, read func(chat.View) error) error {
	return db.read(ctx, db.scan, read)
}

// read lends one of the pool's connections, to those who wait in the order in
// which they came: that is how a channel serves them.
func (db *DB) read(ctx context.Context, pool chan *connection, read func(chat.View) error) error {
	db.reads.Add(1)
	if db.behind.Load() {
		if err := db.write(ctx, (*writer).settle); err != nil && !errors.Is(err, relational.ErrClosed) && ctx.Err() == nil {
			// Where nothing can be committed any more, all can be read there.
			if err := db.write(ctx, func(w *writer) error { return w.view(ctx, read) }); err != nil {
				return fmt.Errorf("read the history: %w", err)
			}
			return nil
		}
	}
	s, err := relational.Take(ctx, pool, db.closed)
	if err != nil {
		return fmt.Errorf("read the history: %w", err)
	}
	defer func() { pool <- s }()
	if err := s.view(ctx, read); err != nil {
		return fmt.Errorf("read the history: %w", err)
	}
	return nil
}

// Close waits for updates and views that run, closes the file, notes beside it how
// it ends, and unlocks the folder. Closing again returns the same error.
func (db *DB) Close() error {
	db.once.Do(func() {
		close(db.closed)
		db.others.Wait()
		var all []error
		if db.index != nil {
			all = append(all, db.index.close())
		}
		for _, pool := range slices.Backward(db.opened) {
			s := <-pool
			all = append(all, s.close())
		}
		if db.writes {
			w := <-db.writer
			all = append(all, w.settle())
			if db.start != 0 {
				all = append(all, db.leaveStamp(context.Background(), w.connection, true))
			}
			all = append(all, w.close()) // the last: it folds the log into the file
		}
		all = append(all, db.lock.Close())
		db.err = errors.Join(all...)
	})
	return db.err
}

// ErrInUse is that another process has the history open.
var ErrInUse = folder.ErrInUse
