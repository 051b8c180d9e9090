package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"parley/server/store/relational"
)

// A server proves by a lease that it is the only one: a row that names its start, which it
// renews, and which another may take when it has run out, by the database's clock. A
// transaction sees under the lock, which whoever takes the lease has as well, that it is
// still its own: so a server that was frozen for a while stores nothing after another has
// begun.
const (
	leaseTime  = 15 * time.Second
	leaseEvery = 5 * time.Second
)

var (
	// ErrInUse is that a server has the lease.
	ErrInUse   = errors.New("another server uses the database")
	errServed  = fmt.Errorf("%w: run the command with the data folder of that one, on its machine, or stop it", ErrInUse)
	errLost    = errors.New("another server has taken the database over, since this one did not answer for a while")
	errRewound = errors.New("the database has lost what it confirmed, as after a switch to a copy that was behind: start again, which begins a new epoch")
)

// takeLease takes the lease for a server, within a transaction that has the lock. One that
// the ghost left is gone.
func (db *DB) takeLease(c *connection, holder uint64) error {
	switch {
	case holder != 0 && holder != db.ghost && !db.serve:
		return errServed
	case !db.serve:
		return c.Exec("DELETE FROM leases WHERE name = 'server'")
	case holder != 0 && holder != db.ghost:
		var seconds int
		if _, err := c.Row([]any{&seconds}, "SELECT ceil(extract(epoch FROM until - clock_timestamp()))::bigint FROM leases WHERE name = 'server'"); err != nil {
			return err
		}
		return fmt.Errorf("%w: stop it; if it ended without a goodbye, start this one again in %d s", ErrInUse, max(1, seconds))
	}
	return c.Exec("INSERT INTO leases (name, holder, until) VALUES ('server', ?, clock_timestamp() + ? * interval '1 second')"+
		" ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, until = excluded.until", relational.Number(db.start), int64(leaseTime/time.Second))
}

// freeLock ends the connections that have the lock, if nobody has the lease any more: a
// server that was frozen in the middle of what it sent has no timeout that would end it.
func (c *connection) freeLock(ctx context.Context, ghost uint64) error {
	return c.transaction(ctx, "BEGIN", func() error {
		var ended int
		_, err := c.Row([]any{&ended}, "SELECT count(pg_terminate_backend(pid)) FROM pg_locks WHERE relation = 'meta'::regclass AND mode = 'RowShareLock' AND granted AND pid != pg_backend_pid()"+
			" AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"+
			" AND NOT EXISTS (SELECT 1 FROM leases WHERE name = 'server' AND until > clock_timestamp() AND holder != ?)", relational.Number(ghost))
		return err
	})
}

// keep renews the lease until Close. If it cannot for a while, that is for transactions to
// notice.
func (db *DB) keep() {
	defer close(db.kept)
	if !db.serve {
		return
	}
	ticker := time.NewTicker(leaseEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			ctx, cancel := context.WithTimeout(context.Background(), leaseEvery)
			if err := db.renew(ctx); err != nil {
				db.log.Warn("the lease on the database could not be renewed", "error", explain(err))
			}
			cancel()
		case <-db.closed:
			return
		case <-db.lost:
			return
		}
	}
}

// renew renews the lease, which shows as well that the database can be written to.
func (db *DB) renew(ctx context.Context) error {
	c, err := db.take(ctx, db.keeper)
	if err != nil {
		return err
	}
	defer func() { db.keeper <- c }()
	if c, err = db.connected(ctx, c); err != nil {
		return err
	}
	renewed := false
	err = c.transaction(ctx, "BEGIN", func() (err error) {
		var one int64
		renewed, err = c.Row([]any{&one}, "UPDATE leases SET until = clock_timestamp() + ? * interval '1 second' WHERE name = 'server' AND holder = ? RETURNING 1",
			int64(leaseTime/time.Second), relational.Number(db.start))
		return err
	})
	if err == nil && !renewed {
		err = db.lose(errLost)
	}
	return err
}

// lose notes that this start may write no more.
func (db *DB) lose(why error) error {
	db.losing.Do(func() {
		db.why = why
		close(db.lost)
	})
	return db.why
}

// Lost is closed when this server may use the database no more; Why says why.
func (db *DB) Lost() <-chan struct{} { return db.lost }

// Why returns why the database was lost, for a person. It is known once Lost is closed.
func (db *DB) Why() error { return db.why }

// usable returns why nothing can be written any more.
func (db *DB) usable() error {
	select {
	case <-db.lost:
		return db.why
	default:
		return nil
	}
}
