package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"parley/server/chat"
	"parley/server/store/relational"
)

// Update implements chat.Store. A transaction that failed with its connection is made
// again, until ctx ends: then change is called again.
func (db *DB) Update(ctx context.Context, change func(chat.Tx) error) error {
	c, err := db.take(ctx, db.writer)
	if err != nil {
		return fmt.Errorf("update the history: %w", err)
	}
	defer func() { db.writer <- c }() // whatever it is then
	for {
		if err = db.usable(); err != nil {
			break
		}
		if c, err = db.connected(ctx, c); err == nil {
			err = db.attempt(ctx, c, change)
		}
		if errors.Is(err, errUnknown) {
			var committed bool
			if committed, c, err = db.settle(c); err == nil && committed {
				break
			}
			if err == nil {
				err = ctx.Err() // or it is made again
			}
			if err == nil {
				continue
			}
			break
		}
		if codeOf(err) == lockTimeout {
			db.freeLock(ctx, c)
		}
		if !passing(err) || !db.pause(ctx) {
			break
		}
	}
	if err != nil {
		return fmt.Errorf("update the history: %w", err)
	}
	db.commits++
	db.written.Store(true)
	db.committed()
	return nil
}

// errUnknown is that the connection broke at the COMMIT.
var errUnknown = errors.New("it is not known whether it was committed")

// attempt makes one transaction.
func (db *DB) attempt(ctx context.Context, c *connection, change func(chat.Tx) error) (err error) {
	committed := false
	defer func() {
		if !committed { // also when change panics
			c.rollback()
			c.cache.Clear()
		}
	}()
	db.pending = entry{}
	c.cache.Shut() // until it is known that nobody wrote since the last one
	tx := relational.NewTransaction(ctx, c, &c.cache)
	entered := db.enter(ctx, c, tx)
	err = change(tx)
	if err == nil && !*entered { // it only wrote
		err = c.run()
	}
	if c.broken != nil {
		return c.broken // whatever was made of it
	}
	if err != nil {
		return err
	}
	if err := tx.Flush(); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	db.leave(c)
	var writes int64
	c.add("UPDATE starts SET commits = $1 WHERE id = $2 RETURNING (SELECT last_value FROM writes)", []any{db.commits + 1, relational.Number(db.start)},
		func(row relational.Row) error { return row.Scan(&writes) })
	began := time.Now()
	err = c.commit()
	committed = err == nil
	if committed {
		c.writes = writes
		db.metrics.commits.Observe(time.Since(began).Seconds())
	}
	if err != nil && !refused(err) {
		return errUnknown
	}
	return err
}

// enter begins a transaction that writes, with the first that it reads: then it sees whether
// it may, which *entered says.
func (db *DB) enter(ctx context.Context, c *connection, tx *relational.Transaction) (entered *bool) {
	entered = new(bool)
	var s standing
	c.start(ctx, "BEGIN")
	c.add(lockQuery, nil, s.scanRev)
	c.add(standingQuery, []any{relational.Number(db.start)}, func(row relational.Row) error {
		if err := s.scan(row); err != nil {
			return err
		}
		*entered = true
		c.cache.Open(s.writes == c.writes)
		tx.Know(s.Standing)
		db.pending.number, db.pending.time, db.pending.others = s.changes+1, max(s.now, s.time), s.others || db.records
		db.metrics.lockWait.Observe(float64(s.waited) / 1e6)
		c.broken = db.fence(s) // whatever is made of the error
		return c.broken
	})
	return entered
}

// lockQuery lets one transaction at a time go on; what follows it sees all that those before
// it committed.
const lockQuery = "SELECT value FROM meta WHERE name = 'rev' FOR UPDATE"

// standing is how the history stands for one start.
type standing struct {
	relational.Standing
	commits int64 // of the start, -1 if it is not known
	changes int64 // the number of the newest record of the change log
	time    int64 // its time
	now     int64 // Unix milliseconds, by the database's clock
	waited  int64 // microseconds since the transaction began, most of them for the lock
	writes  int64 // where the sequence stands that each transaction raises
	others  bool  // nodes that may follow the change log
}

const standingQuery = `SELECT
	coalesce((SELECT value FROM meta WHERE name = 'epoch'), '\x0000000000000000'),
	coalesce((SELECT value FROM meta WHERE name = 'deleted'), '\x0000000000000000'),
	coalesce((SELECT id FROM messages ORDER BY id DESC LIMIT 1), '\x0000000000000000'),
	coalesce((SELECT id FROM conversations ORDER BY id DESC LIMIT 1), 0),
	coalesce((SELECT commits FROM starts WHERE id = $1), -1),
	coalesce((SELECT number FROM changes ORDER BY number DESC LIMIT 1), 0),
	coalesce((SELECT time FROM changes ORDER BY number DESC LIMIT 1), 0),
	(extract(epoch FROM clock_timestamp()) * 1000)::bigint,
	(extract(epoch FROM clock_timestamp() - now()) * 1000000)::bigint,
	(SELECT last_value FROM writes),
	EXISTS (SELECT 1 FROM nodes WHERE id != $1 AND NOT ended AND renewed > clock_timestamp() - interval '5 minutes')` // keepTime

func (s *standing) scanRev(row relational.Row) error { return row.Scan((*relational.Number)(&s.Rev)) }

func (s *standing) scan(row relational.Row) error {
	return row.Scan((*relational.Number)(&s.Epoch), (*relational.Number)(&s.Deleted), (*relational.Number)(&s.LastID), &s.LastRow, &s.commits, &s.changes, &s.time, &s.now, &s.waited, &s.writes, &s.others)
}

// fence sees, under the lock, that this start may still write.
func (db *DB) fence(s standing) error {
	if s.commits != db.commits {
		return db.lose(errRewound)
	}
	return nil
}

// settle finds out whether the transaction after db.commits was committed. It goes on until
// it knows or the history is closed: whoever waits for the answer must not be told that
// nothing was stored. The lock tells that the connection that broke does nothing any more.
func (db *DB) settle(c *connection) (committed bool, _ *connection, err error) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() { // ends with ctx
		select {
		case <-db.closed:
			cancel()
		case <-ctx.Done():
		}
	}()
	for {
		if c, err = db.connected(ctx, c); err == nil {
			var s standing
			c.start(ctx, "BEGIN")
			c.add(lockQuery, nil, s.scanRev)
			c.add(standingQuery, []any{relational.Number(db.start)}, s.scan)
			err = c.run()
			c.rollback()
			switch {
			case err == nil && s.commits == db.commits+1:
				return true, c, nil
			case err == nil && s.commits == db.commits:
				return false, c, nil
			case err == nil:
				return false, c, fmt.Errorf("%w: %w", chat.ErrUnknown, db.lose(errRewound))
			}
		}
		if !passing(err) || !db.pause(ctx) {
			return false, c, fmt.Errorf("%w: %w", chat.ErrUnknown, err)
		}
	}
}

// refused reports whether the database itself said that a transaction is not committed.
func refused(err error) bool {
	e := (*pgconn.PgError)(nil)
	return errors.As(err, &e) && e.Severity == "ERROR"
}
