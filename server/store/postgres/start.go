package postgres

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"parley/server/store/folder"
	"parley/server/store/relational"
)

// secretSize is that of the secret, in bytes.
const secretSize = 32

// beginTries is how often it is tried again to begin while another has the lock.
const beginTries = 3

// begin notes that the history is opened, and takes a lease for a node. If something
// says that the database may be a backup that was put back, a new epoch begins (see
// server/store).
func (db *DB) begin(ctx context.Context, c *connection) error {
	var found *folder.Stamp
	var problem error
	if db.dir != "" {
		found, problem = folder.ReadStamp(db.dir)
	}
	if db.serve {
		if err := c.transaction(ctx, "BEGIN READ ONLY", func() error { return db.checkClock(c) }); err != nil {
			return err
		}
	}
	fresh := make([]byte, 3*8+secretSize)
	if _, err := rand.Read(fresh); err != nil {
		return err
	}
	next, first := binary.BigEndian.Uint64(fresh)|1, binary.BigEndian.Uint64(fresh[8:])|1 // never 0
	db.start = binary.BigEndian.Uint64(fresh[16:]) | 1
	if found != nil {
		db.ghost = found.Start // the folder is locked: whoever wrote it is no more
	}
	note := func() error {
		if err := c.Exec(lockQuery); err != nil {
			return err
		}
		var s standing
		if err := c.Rows(s.scan, standingQuery, relational.Number(db.start)); err != nil {
			return err
		}
		if err := db.join(c); err != nil {
			return err
		}
		db.pending = entry{number: s.changes, time: max(s.now, s.time)}
		return db.note(relational.NewTransaction(ctx, c, new(relational.Cache)), first, next, fresh[3*8:], found, problem)
	}
	if err := db.persist(ctx, c, note); err != nil {
		db.start = 0
		return err
	}
	db.followed.Store(db.pending.number)
	return db.leaveStamp(ctx, c, false)
}

// persist runs note in a transaction, though another has the lock for a while, or a lease that
// it does not renew any more: that of a program that ended without a goodbye runs out.
func (db *DB) persist(ctx context.Context, c *connection, note func() error) error {
	var first *inUse
	for tries := 0; ; {
		err := c.transaction(ctx, "BEGIN", note)
		var other *inUse
		switch {
		case codeOf(err) == lockTimeout && tries < beginTries:
			tries++
			db.freeLock(ctx, c)
		case errors.As(err, &other) && (first == nil || other.renewed <= first.renewed) && db.pause(ctx):
			if first == nil {
				first = other
			}
		default:
			return err
		}
	}
}

// note writes what a start is known by.
func (db *DB) note(t *relational.Transaction, first, next uint64, secret []byte, found *folder.Stamp, problem error) error {
	if err := errors.Join(t.Once("epoch", relational.Number(first)), t.Once("secret", secret), t.Meta("secret", &db.secret)); err != nil {
		return err
	}
	if found != nil && found.History != "" && found.History != db.history() {
		return errForeign
	}
	identity, err := identity(t)
	if err != nil {
		return err
	}
	if db.doubt, err = db.doubts(t, identity, found, problem); err != nil {
		return err
	}
	if db.doubt != "" {
		db.pending.number++ // so that nodes that are there learn of it
		if err := errors.Join(t.PutEpoch(next), t.Exec("INSERT INTO changes (number, time) VALUES (?, ?)", db.pending.number, db.pending.time)); err != nil {
			return err
		}
	}
	return errors.Join(t.AddStart(db.start), t.Set("database", []byte(identity)))
}

// errForeign is that a data folder was used with another history.
var errForeign = errors.New("the data folder (-data) belongs to another history, or to another cluster: give this one a folder of its own")

// identity tells the database from its copies: from one made of a dump, by its number within
// its cluster, and from one that was put back as it was at some time, by the timeline that
// PostgreSQL begins then.
func identity(v relational.Conn) (string, error) {
	var system, timeline, database int64
	_, err := v.Row([]any{&system, &timeline, &database}, "SELECT system_identifier, timeline_id::bigint, (SELECT oid::bigint FROM pg_database WHERE datname = current_database())"+
		" FROM pg_control_system(), pg_control_checkpoint()")
	if err != nil {
		return "", fmt.Errorf("tell which database it is: %w", err)
	}
	return fmt.Sprintf("%d of %d, timeline %d", database, uint64(system), timeline), nil
}

// history names the history, of which copies have the same.
func (db *DB) history() string {
	sum := sha256.Sum256(append([]byte("history "), db.secret...))
	return hex.EncodeToString(sum[:8])
}

// doubts says why the history may not be one that only grew, in words for an operator; ""
// if nothing says so. A folder without a stamp, or with that of SQLite's history, tells
// nothing.
func (db *DB) doubts(t *relational.Transaction, identity string, found *folder.Stamp, problem error) (string, error) {
	var known string
	if err := t.Meta("database", &known); err != nil {
		return "", err
	}
	switch {
	case known != "" && known != identity:
		return "the database is a copy, or was put back: it was another when it was used last", nil
	case problem != nil:
		return fmt.Sprintf("%s cannot be read: %v", folder.StampName, problem), nil
	case found == nil || found.History == "":
		return "", nil
	}
	knows, err := t.KnowsStart(found.Start)
	if err != nil {
		return "", err
	}
	if !knows {
		return "the database is older than " + folder.StampName + ", which tells of a start that it knows nothing of", nil
	}
	rev, err := t.Rev()
	if err != nil {
		return "", err
	}
	if found.Ended && found.Rev > rev {
		return "the database is older than " + folder.StampName + ", which tells of changes that it does not have", nil
	}
	return "", nil
}

// leaveStamp writes the stamp, as the history is now.
func (db *DB) leaveStamp(ctx context.Context, c *connection, ended bool) error {
	if db.dir == "" {
		return nil
	}
	left := folder.Stamp{Start: db.start, Ended: ended, History: db.history()}
	err := c.transaction(ctx, "BEGIN READ ONLY", func() (err error) {
		v := relational.NewView(ctx, c)
		if left.Rev, err = v.Rev(); err != nil {
			return err
		}
		left.Epoch, err = v.Epoch()
		return err
	})
	if err != nil {
		return explain(err)
	}
	return left.Write(db.dir)
}

// end lets the lease end soon and leaves the stamp, if the database can be reached.
func (db *DB) end(ctx context.Context, c *connection) error {
	if db.usable() != nil {
		return nil // another's lease and history
	}
	if c == nil || c.pg.IsClosed() {
		return nil // the lease runs out, and the stamp stays that of the start
	}
	err := c.transaction(ctx, "BEGIN", func() error {
		if db.alone {
			return c.Exec("DELETE FROM nodes WHERE id = ?", relational.Number(db.start))
		}
		return c.Exec("UPDATE nodes SET ended = TRUE, renewed = clock_timestamp(), until = clock_timestamp() + ? * interval '1 second' WHERE id = ?", int64(leaveTime/time.Second), relational.Number(db.start))
	})
	if err != nil {
		return nil // likewise
	}
	return db.leaveStamp(ctx, c, true)
}
