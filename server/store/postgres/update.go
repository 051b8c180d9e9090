package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgconn"

	"parley/server/chat"
	"parley/server/store/relational"
)

// Update implements chat.Store. A transaction that failed with its connection is made
// again, until ctx ends: then change is called again.
func (db *DB) Update(ctx context.Context, change func(chat.Tx) error) error {
	f := &flight{db: db, ctx: ctx, change: change}
	if err := f.board(); err != nil {
		return err
	}
	defer f.release()
	return f.insist(f.try())
}

// Begin implements chat.Pipelined.
func (db *DB) Begin(ctx context.Context, change func(chat.Tx) error) (end func() error, err error) {
	f := &flight{db: db, ctx: ctx, change: change}
	if db.air != nil && !db.Follows() && db.air.end() != nil {
		return nil, errBefore
	}
	if before := db.air; before == nil {
		if err := f.board(); err != nil {
			return nil, err
		}
		err = f.lead()
	} else if before.before != nil && before.before.land() != nil { // of maxAir
		err = errBefore
	} else {
		err = f.follow(before)
	}
	if err != nil {
		return nil, err
	}
	db.air = f
	return f.end, nil
}

// Follows implements chat.Pipelined.
func (db *DB) Follows() bool {
	before := db.air
	return before != nil && !before.landed && before.row+1 < maxRow && !before.stood.others
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

// settle finds out how many were committed of the transactions after db.commits. It goes on until
// it knows or the history is closed: whoever waits for the answer must not be told that
// nothing was stored. The lock tells that the connection that broke does nothing any more; what it still
// had to do fails, as another wrote.
func (db *DB) settle(c *connection) (committed int64, _ *connection, err error) {
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
			c.rollback() // what failed before
			c.start(ctx, "BEGIN")
			c.add(lockQuery, nil, s.scanRev)
			c.add("SELECT nextval('writes')", nil, nil)
			c.add(standingQuery, []any{relational.Number(db.start)}, s.scan)
			err = c.run()
			c.rollback()
			committed = s.commits - db.commits
			switch {
			case err == nil && committed >= 0 && committed <= maxAir:
				return committed, c, nil
			case err == nil:
				return 0, c, fmt.Errorf("%w: %w", chat.ErrUnknown, db.lose(errRewound))
			}
		}
		if !passing(err) || !db.pause(ctx) {
			return 0, c, fmt.Errorf("%w: %w", chat.ErrUnknown, err)
		}
	}
}

// refused reports whether the database itself said that a transaction is not committed.
func refused(err error) bool {
	e := (*pgconn.PgError)(nil)
	return errors.As(err, &e) && e.Severity == "ERROR"
}
