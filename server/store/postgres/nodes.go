package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"parley/server/chat"
	"parley/server/store/relational"
)

// A node shows that it is there by a lease: a row that names its start, which it renews. By
// the database's clock, and by no node's, others see that it has run out: then those who are
// connected to the node count as gone. To lose it does a node no harm; once it is back it
// takes another.
const (
	leaseTime  = 10 * time.Second
	leaseEvery = 3 * time.Second
	// leaveTime is how long a node that ended counts as there: those who were connected to it
	// have so long to go on elsewhere before anybody is told that they left.
	leaveTime = 5 * time.Second
	// maxSkew is by how much a node's clock may differ from the database's.
	maxSkew = 5 * time.Second
)

var (
	// ErrInUse is that others use the database who must not.
	ErrInUse   = errors.New("another server uses the database")
	errRewound = errors.New("the database has lost what it confirmed, as after a switch to a copy that was behind: start again, which begins a new epoch")
)

// join takes a lease for a node, within a transaction that has the lock, or sees that there
// is none that keeps others off.
func (db *DB) join(c *connection) error {
	var renewed int64
	var alone bool
	found, err := c.Row([]any{&renewed, &alone}, "SELECT (extract(epoch FROM renewed) * 1000)::bigint, alone FROM nodes WHERE until > clock_timestamp() AND NOT ended AND id != ?"+
		" ORDER BY alone DESC, until DESC LIMIT 1", relational.Number(db.ghost))
	switch {
	case err != nil:
		return err
	case found && alone:
		return &inUse{"alone, as parley copy does: wait until it is done", renewed}
	case found && db.alone:
		return &inUse{"stop it", renewed}
	case !db.serve && !db.alone:
		return nil
	}
	if err := c.Exec("INSERT INTO nodes (id, renewed, until, alone, schema) VALUES (?, clock_timestamp(), clock_timestamp() + ? * interval '1 second', ?, ?)",
		relational.Number(db.start), int64(leaseTime/time.Second), db.alone, len(migrations)); err != nil {
		return err
	}
	var oldest int64
	_, err = c.Row([]any{&oldest}, "SELECT min(schema) FROM nodes WHERE until > clock_timestamp() AND NOT ended")
	db.oldest.Store(oldest)
	return err
}

// inUse is ErrInUse, with what to do and when the lease was renewed, in Unix milliseconds.
type inUse struct {
	advice  string
	renewed int64
}

func (e *inUse) Error() string { return fmt.Sprintf("%v: %s", ErrInUse, e.advice) }
func (e *inUse) Unwrap() error { return ErrInUse }

// checkClock sees that a node's clock is about the database's: tokens and what people are
// shown go by it.
func (db *DB) checkClock(c *connection) error {
	var there int64
	before := db.now()
	if _, err := c.Row([]any{&there}, "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint"); err != nil {
		return err
	}
	took := db.now().Sub(before)
	skew := time.UnixMilli(there).Sub(before.Add(took / 2))
	if skew.Abs() <= maxSkew+took/2 {
		return nil
	}
	is := "behind"
	if skew < 0 {
		is = "ahead of"
	}
	return fmt.Errorf("this machine's clock is %v %s the database's: set both (NTP), %v are allowed", skew.Abs().Round(time.Second), is, maxSkew)
}

// lockTimeout is PostgreSQL's code lock_not_available.
const lockTimeout = "55P03"

// freeLock ends the connection that has the lock, if it has waited for its node for a while:
// one that was frozen in the middle of what it sent has no timeout that would end it. The
// row says which transaction locked it.
func (db *DB) freeLock(ctx context.Context, c *connection) {
	if c == nil || c.pg.IsClosed() {
		return
	}
	c.rollback()
	ended := 0
	err := c.transaction(ctx, "BEGIN", func() error {
		_, err := c.Row([]any{&ended}, "SELECT count(pg_terminate_backend(l.pid)) FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid"+
			" WHERE l.locktype = 'transactionid' AND l.mode = 'ExclusiveLock' AND l.granted AND l.pid != pg_backend_pid()"+
			" AND l.transactionid = (SELECT xmax FROM meta WHERE name = 'rev')"+
			" AND a.wait_event_type = 'Client' AND greatest(a.query_start, a.state_change) < clock_timestamp() - interval '2 seconds'")
		return err
	})
	switch {
	case err != nil:
		db.log.Warn("the lock on the history could not be freed", "error", explain(err))
	case ended > 0:
		db.log.Warn("a node that does not go on held the lock on the history: its connection was ended")
	}
}

// keep renews the lease until Close. If it cannot for a while, others notice.
func (db *DB) keep() {
	defer close(db.kept)
	if !db.serve && !db.alone {
		return
	}
	ticker := time.NewTicker(leaseEvery)
	defer ticker.Stop()
	var trim trimmer
	for {
		select {
		case <-ticker.C:
			ctx, cancel := context.WithTimeout(context.Background(), leaseEvery)
			if err := db.renew(ctx); err != nil {
				db.log.Warn("the lease on the database could not be renewed", "error", explain(err))
			} else if db.Leads() {
				if err := db.trim(ctx, &trim, time.Now()); err != nil {
					db.log.Warn("the change log could not be trimmed", "error", explain(err))
				}
			}
			cancel()
		case <-db.closed:
			return
		case <-db.lost:
			return
		}
	}
}

// renew renews the lease, which shows as well that the database can be written to, and sees
// who the first of the nodes is.
func (db *DB) renew(ctx context.Context) error {
	return db.keeping(ctx, func(c *connection) error {
		var first relational.Number
		var nodes int
		var oldest int64
		until := time.Now().Add(leaseTime)
		err := c.transaction(ctx, "BEGIN", func() error {
			lease := int64(leaseTime / time.Second)
			if err := c.Exec("INSERT INTO nodes (id, renewed, until, alone, schema) VALUES ($1, clock_timestamp(), clock_timestamp() + $2 * interval '1 second', $3, $4)"+
				" ON CONFLICT (id) DO UPDATE SET renewed = clock_timestamp(), until = clock_timestamp() + $2 * interval '1 second', gone = FALSE", relational.Number(db.start), lease, db.alone, len(migrations)); err != nil {
				return err
			}
			_, err := c.Row([]any{&first, &nodes, &oldest}, "SELECT id, count(*) OVER (), min(schema) OVER () FROM nodes WHERE until > clock_timestamp() AND NOT ended ORDER BY id LIMIT 1")
			return err
		})
		if err == nil {
			if uint64(first) != db.start {
				db.leads.Store(nil)
			} else {
				db.leads.Store(&until)
			}
			db.oldest.Store(oldest)
			db.metrics.nodes.Set(float64(nodes))
			db.metrics.renewed.SetToCurrentTime()
		}
		return err
	})
}

// keeping lends the keeper's connection.
func (db *DB) keeping(ctx context.Context, use func(*connection) error) error {
	c, err := db.take(ctx, db.keeper)
	if err != nil {
		return err
	}
	defer func() { db.keeper <- c }()
	if c, err = db.connected(ctx, c); err != nil {
		return err
	}
	return use(c)
}

// Leads implements chat.Shared. The lease is the database's; that it may be over a node knows
// by how long ago it asked to renew it: one that was frozen leads no more when it goes on.
func (db *DB) Leads() bool {
	until := db.leads.Load()
	return until != nil && time.Now().Before(*until)
}

// Mixed implements chat.Shared.
func (db *DB) Mixed() bool { return db.oldest.Load() < int64(len(migrations)) }

// Attend implements chat.Shared.
func (db *DB) Attend(tx chat.Tx, began, ended []chat.Presence) error {
	t, self := tx.(*relational.Transaction), relational.Number(db.start)
	var err error
	if !db.pending.attended { // it is there, whatever others took it for
		db.pending.attended = true
		err = t.Exec("UPDATE nodes SET gone = FALSE, renewed = clock_timestamp(), until = clock_timestamp() + ? * interval '1 second' WHERE id = ? AND gone", int64(leaseTime/time.Second), self)
	}
	for _, p := range ended {
		if err == nil {
			err = t.Exec("DELETE FROM connections WHERE node = ? AND user_id = ? AND client = ? AND mark <= ?", self, relational.Number(p.User), []byte(p.Client), int64(p.Mark))
		}
	}
	for _, p := range began {
		if err == nil {
			err = t.Exec("INSERT INTO connections (node, user_id, client, device, mark) VALUES (?, ?, ?, ?, ?) ON CONFLICT (node, user_id, client) DO UPDATE SET device = excluded.device, mark = excluded.mark",
				self, relational.Number(p.User), []byte(p.Client), relational.Number(p.Device), int64(p.Mark))
		}
	}
	if err != nil {
		return fmt.Errorf("write who is connected: %w", err)
	}
	return nil
}

// Attendance implements chat.Shared.
func (db *DB) Attendance(v chat.View, each func(node uint64, p chat.Presence)) error {
	err := v.(*relational.View).Rows(func(row relational.Row) error {
		var node, user, device relational.Number
		var client []byte
		var mark int64
		if err := row.Scan(&node, &user, &client, &device, &mark); err != nil {
			return err
		}
		each(uint64(node), chat.Presence{User: uint64(user), Client: string(client), Device: uint64(device), Mark: uint64(mark)})
		return nil
	}, "SELECT node, user_id, client, device, mark FROM connections")
	if err != nil {
		return fmt.Errorf("read who is connected: %w", err)
	}
	return nil
}

// Expired implements chat.Shared.
func (db *DB) Expired(v chat.View) (nodes []uint64, err error) {
	err = v.(*relational.View).Rows(func(row relational.Row) error {
		var id relational.Number
		err := row.Scan(&id)
		nodes = append(nodes, uint64(id))
		return err
	}, "SELECT id FROM nodes WHERE until < clock_timestamp() AND NOT gone AND id != ?", relational.Number(db.start))
	if err != nil {
		return nil, fmt.Errorf("find nodes that are gone: %w", err)
	}
	return nodes, nil
}

// Remove implements chat.Shared.
func (db *DB) Remove(tx chat.Tx, node uint64) (bool, error) {
	t, id := tx.(*relational.Transaction), relational.Number(node)
	var seen int64
	known, err := t.Row([]any{&seen}, "SELECT (extract(epoch FROM renewed) * 1000)::bigint FROM nodes WHERE id = ? AND until < clock_timestamp() AND NOT gone FOR UPDATE", id)
	if err == nil && known {
		err = errors.Join(
			t.Exec("UPDATE users SET last_seen = greatest(last_seen, ?) WHERE id IN (SELECT user_id FROM connections WHERE node = ?)", relational.Number(seen), id),
			t.Exec("DELETE FROM connections WHERE node = ?", id),
			t.Exec("UPDATE nodes SET gone = ? WHERE id = ?", true, id),
		)
	}
	if err != nil {
		return false, fmt.Errorf("remove a node: %w", err)
	}
	return known, nil
}

// LastStart implements chat.Shared.
func (db *DB) LastStart(v chat.View) (uint64, error) {
	var id relational.Number
	if _, err := v.(*relational.View).Row([]any{&id}, "SELECT id FROM starts ORDER BY number DESC LIMIT 1"); err != nil {
		return 0, fmt.Errorf("find the last start: %w", err)
	}
	return uint64(id), nil
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
