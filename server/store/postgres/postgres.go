// Package postgres keeps the history in PostgreSQL. It implements chat.Store with what it
// shares with SQLite (server/store/relational).
//
// Any number of nodes use a database at once. One transaction at a time changes something, in
// all of them: each locks the row with the change number first, and reads behind that (READ
// COMMITTED, lock and reads in statements of their own). So numbers rise in the order of
// commits. Rows that a node knows it reads again only if another touched them since, which the
// sequence writes and the change log tell: where none writes, it makes a transaction of them before it has
// the lock, and while the one before is on its way (flight.go). What a transaction has to tell, and which
// rows it touched, it leaves in the change log, which all nodes follow (changes.go). Nodes are known by leases (nodes.go). It implements chat.Shared.
//
// What Update has committed is on the database's disk, as far as synchronous_commit, which
// is never left off, says so. A transaction whose connection breaks before its COMMIT is
// made again. If it breaks at the COMMIT, Update finds out what became of it: by how many
// transactions of this opening are committed, a number that each writes.
package postgres

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"parley/server/chat"
	"parley/server/store/folder"
	"parley/server/store/relational"
)

const (
	// viewers, scanners and indexers bound the views, the scans and what uses the search index at the same time. With one
	// connection that writes, one for the lease, Probe and the change log and one that hears
	// of that, these are all that a node takes of the database's max_connections.
	viewers  = 4
	scanners = 4
	indexers = 2
	// retryPause is how long to wait before a connection that broke is opened anew.
	retryPause = 100 * time.Millisecond
	// readTime is how long those who read wait for a database that cannot be reached.
	readTime = 10 * time.Second
)

// Config says which history to open, and what for.
type Config struct {
	// URL of the database, postgres://user:password@host/name, or in libpq's other form.
	// Errors and logs never contain it.
	URL string
	// Dir is the data folder, which is made if it is missing, and locked until Close. A
	// stamp in it tells whether the database is older than when it was used last. "" is none.
	Dir string
	// Serve is whether a node is to use it, with a lease. Without it an operator's command
	// does, beside the nodes, whose users are told all the same.
	Serve bool
	// Alone refuses a database that nodes use, and keeps them off it until Close.
	Alone bool
	// Records leaves all that is told in the change log, for Read, also while no other node
	// would read it.
	Records bool
	// Now is this machine's clock, which Open compares with the database's; nil is time.Now.
	Now func() time.Time
	Log *slog.Logger
}

// DB is a history in PostgreSQL. Safe for concurrent use.
type DB struct {
	config *pgconn.Config
	log    *slog.Logger
	now    func() time.Time
	dir    string
	lock   *os.File // of the folder; nil if there is none

	start   uint64 // 0 until begin
	ghost   uint64 // the start of whoever used the folder before, and so runs no more
	serve   bool
	alone   bool
	records bool
	secret  []byte
	doubt   string
	// commits counts the transactions of this start that are on disk. Whoever has the
	// writer changes it.
	commits int64
	pending entry   // what the transaction at hand leaves in the change log, likewise
	air     *flight // the last that began and has not ended; whoever calls Begin has it
	last    *flight // that has landed, if it's known how the history stands behind it, likewise
	metrics *metrics

	mu       sync.Mutex
	own      map[int64][]byte // records of this node that it has not followed yet, by number
	leaving  map[int64]bool   // the numbers of those that are about to be on disk
	followed atomic.Int64     // the number of the last record that was
	held     atomic.Int64     // the number behind which records are kept for Read; 0: none are
	caught   atomic.Int64     // when all of them were, in Unix milliseconds
	more     chan struct{}    // holds one: there may be more to follow
	signals  chan []byte
	follower chat.Follower             // whom signals are for, once there is one
	leads    atomic.Pointer[time.Time] // until when this node does, by its own clock; nil: it does not
	oldest   atomic.Int64              // the schema that the oldest of the nodes' programs knows

	writer  pool // the one connection that writes
	viewer  pool // those that View uses
	scan    pool // those that Scan uses
	indexes pool // those that the search index uses
	keeper  pool // the one for the lease, Probe, the change log and signals
	closed  chan struct{}
	kept    chan struct{} // closed when nobody keeps the lease any more
	lost    chan struct{} // closed when it is lost, see why
	why     error
	losing  sync.Once
	// written says that something was since the last Probe.
	written atomic.Bool
	once    sync.Once
	err     error // of Close
}

var (
	_ chat.Shared    = (*DB)(nil)
	_ chat.Pipelined = (*DB)(nil)
)

// pool holds connections while nobody uses them, nil for those that are not open.
type pool chan *connection

func newPool(size int) pool {
	p := make(pool, size)
	for range size {
		p <- nil
	}
	return p
}

// opened returns a connection out of the pool that is open, in exchange for c, if c is not
// and there is one: no more are opened than are used at the same time.
func (p pool) opened(c *connection) *connection {
	for range cap(p) {
		if c != nil {
			break
		}
		select {
		case other := <-p:
			p <- c
			c = other
		default:
		}
	}
	return c
}

// Open opens the history in a database, for which it waits up to half a minute while that
// starts, and makes it if it is missing. Errors say what to do about them.
func Open(ctx context.Context, c Config) (*DB, error) {
	config, err := parse(c.URL)
	if err != nil {
		return nil, err
	}
	db := &DB{
		config: config, log: c.Log, dir: c.Dir, serve: c.Serve, alone: c.Alone, records: c.Records, metrics: newMetrics(),
		more: make(chan struct{}, 1), signals: make(chan []byte, maxSignals), own: make(map[int64][]byte), leaving: make(map[int64]bool),
		writer: newPool(1), viewer: newPool(viewers), scan: newPool(scanners), indexes: newPool(indexers), keeper: newPool(1),
		closed: make(chan struct{}), kept: make(chan struct{}), lost: make(chan struct{}),
	}
	config.OnNotification = db.heard
	if db.now = c.Now; db.now == nil {
		db.now = time.Now
	}
	err = db.lockDir()
	if err == nil {
		err = db.open(ctx)
	}
	if err != nil {
		close(db.kept)
		return nil, errors.Join(err, db.Close())
	}
	go db.keep()
	return db, nil
}

// lockDir locks the data folder, if there is one.
func (db *DB) lockDir() (err error) {
	if db.dir == "" {
		return nil
	}
	if err := os.MkdirAll(db.dir, 0o700); err != nil {
		return fmt.Errorf("the data folder cannot be made: choose one that may be written to: %w", err)
	}
	db.lock, err = folder.Lock(db.dir)
	return err
}

// open opens the history, and tries again if the connection breaks meanwhile, as it does when
// the database is started anew: for as long as it waits for one that starts.
func (db *DB) open(ctx context.Context) (err error) {
	c := <-db.writer
	defer func() { db.writer <- c }()
	for until := time.Now().Add(startTime); ; {
		if c, err = db.await(ctx); err != nil {
			return err
		}
		if err = migrate(ctx, c); err == nil {
			err = db.begin(ctx, c)
		}
		if err == nil {
			return nil
		}
		if !(passing(err) || c.pg.IsClosed()) || time.Now().After(until) || !db.pause(ctx) {
			return explain(err)
		}
		db.log.Warn("the connection to the database broke: trying again", "because", explain(err))
		c.close()
	}
}

// Start implements chat.Store.
func (db *DB) Start() uint64 { return db.start }

// Secret implements chat.Store.
func (db *DB) Secret() []byte { return db.secret }

// Doubt says why a new epoch began with this opening: what tells that the history
// may be a backup that was put back, in words for an operator; "" if none began.
func (db *DB) Doubt() string { return db.doubt }

// View implements chat.Store. It waits while as many views run as there are
// connections for, so read must not open a View itself.
func (db *DB) View(ctx context.Context, read func(chat.View) error) error {
	return db.read(ctx, db.viewer, read)
}

// Scan implements chat.Store. It waits while as many scans run as there are
// connections for, so read must not open a Scan itself.
func (db *DB) Scan(ctx context.Context, read func(chat.View) error) error {
	return db.read(ctx, db.scan, read)
}

// read lends one of the pool's connections, to those who wait in the order in which they
// came: that is how a channel serves them. A connection that broke while nobody used it, as
// when the database was started anew, is noticed at its first statement and replaced.
func (db *DB) read(ctx context.Context, from pool, read func(chat.View) error) error {
	c, err := db.take(ctx, from)
	if err != nil {
		return fmt.Errorf("read the history: %w", err)
	}
	waiting, cancel := context.WithTimeout(ctx, readTime)
	defer cancel()
	for {
		if c, err = db.connected(waiting, c); err == nil {
			// The first query takes the snapshot.
			err = c.begin(ctx, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", "SELECT 1")
		}
		if !passing(err) || !db.pause(waiting) {
			break
		}
	}
	if err == nil {
		err = read(relational.NewView(ctx, c))
	}
	go func() { // so that nobody waits for the answer
		if c != nil {
			c.rollback()
		}
		from <- c
	}()
	if err != nil {
		return fmt.Errorf("read the history: %w", err)
	}
	return nil
}

// take takes a connection out of a pool, nil if that is not open.
func (db *DB) take(ctx context.Context, from pool) (*connection, error) {
	c, err := relational.Take(ctx, from, db.closed)
	if err != nil {
		return nil, err
	}
	return from.opened(c), nil
}

// pause waits a moment before something is tried again, and reports whether that makes
// sense.
func (db *DB) pause(ctx context.Context) bool {
	timer := time.NewTimer(retryPause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
	case <-db.closed:
	}
	return false
}

// Close waits for updates and views that run, lets the lease end soon, notes in the folder how
// the history ends, and unlocks the folder. Closing again returns the same error.
func (db *DB) Close() error {
	db.once.Do(func() {
		close(db.closed)
		<-db.kept
		ctx, cancel := context.WithTimeout(context.Background(), closeTime)
		defer cancel()
		var all []error
		w := <-db.writer
		if db.start != 0 {
			all = append(all, db.end(ctx, w))
		}
		w.close()
		for _, p := range []pool{db.viewer, db.scan, db.indexes, db.keeper} {
			for range cap(p) {
				(<-p).close()
			}
		}
		if db.lock != nil {
			all = append(all, db.lock.Close())
		}
		db.err = errors.Join(all...)
	})
	return db.err
}

// closeTime bounds how long Close waits for the database.
const closeTime = 5 * time.Second
