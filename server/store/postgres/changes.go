package postgres

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"strconv"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"parley/server/chat"
	"parley/server/store/relational"
)

const (
	// changesChannel and signalsChannel are those of NOTIFY. The first only says that there is
	// more in the change log; without it a node looks every pollEvery.
	changesChannel, signalsChannel = "parley_changes", "parley_signals"
	pollEvery                      = 250 * time.Millisecond
	// followPage is how many records are read at a time, and followTime how long that may
	// take: on a connection that is half-open it would take for ever, with the keeper's connection.
	followPage = 256
	followTime = 5 * time.Second
	// After quietTime without a notification it is seen whether one could come.
	quietTime = 5 * time.Second
	// maxOwn bounds the records of its own that a node keeps until it has followed them.
	maxOwn = 1024
	// keepTime is how long records are kept, at least.
	keepTime = 5 * time.Minute
	// Signals go out together, signalEvery at most, in a NOTIFY of maxSignal bytes, which
	// PostgreSQL bounds at 8,000 characters; maxSignals wait.
	signalEvery = 50 * time.Millisecond
	maxSignal   = 5800
	maxSignals  = 256
)

// entry is what a transaction leaves in the change log.
type entry struct {
	number, time int64
	record       []byte // nil: nothing
	attended     bool   // Attend was called
	others       bool   // other nodes may follow
	kept         bool   // by this node, and nowhere else
}

// Now implements chat.Shared.
func (db *DB) Now(tx chat.Tx) (uint64, error) {
	if db.pending.time == 0 { // nothing was read yet
		if _, err := tx.Epoch(); err != nil {
			return 0, err
		}
	}
	return uint64(max(0, db.pending.time)), nil
}

// Log implements chat.Shared.
func (db *DB) Log(_ chat.Tx, record []byte) { db.pending.record = record }

// leave writes the record of the transaction at hand, behind all else. Where no other node is
// there to read it, it only takes its place in the log: who comes later begins behind it.
func (db *DB) leave(f *flight) {
	p, c := &db.pending, f.c
	if p.record == nil {
		return
	}
	record := p.record
	db.mu.Lock()
	if p.kept = !p.others && len(db.own) < maxOwn/2; p.kept {
		record = []byte{}
		db.leaving[p.number] = true
	}
	db.mu.Unlock()
	touched := any(nil)
	if t := f.tx.Touched(); t != nil {
		touched = texts(t.Names())
	}
	c.add("INSERT INTO changes (number, time, record, write, touched) VALUES ($1, $2, $3, $4, $5)", []any{p.number, p.time, record, f.stood.writes + 1, touched}, nil)
	if !p.kept {
		c.add("SELECT pg_notify('"+changesChannel+"', $1)", []any{strconv.FormatInt(p.number, 10)}, nil)
	}
}

// committed keeps the record of the transaction that is on disk, so that this node need not
// read it. Whoever has the writer calls it.
func (db *DB) committed(e entry) {
	if e.record == nil {
		return
	}
	db.mu.Lock()
	delete(db.leaving, e.number)
	if e.kept || len(db.own) < maxOwn {
		db.own[e.number] = e.record
	}
	db.mu.Unlock()
	db.hint()
}

// left forgets the record of a transaction that may not be on disk.
func (db *DB) left(e entry) {
	db.mu.Lock()
	delete(db.leaving, e.number)
	db.mu.Unlock()
}

// hint lets Follow look for more.
func (db *DB) hint() {
	select {
	case db.more <- struct{}{}:
	default: // it is about to
	}
}

// Follow implements chat.Shared.
func (db *DB) Follow(ctx context.Context, to chat.Follower) {
	var others sync.WaitGroup
	db.follower = to
	others.Go(func() { db.listen(ctx) })
	others.Go(func() { db.sendSignals(ctx) })
	defer others.Wait()
	poll := time.NewTicker(pollEvery)
	defer poll.Stop()
	failing := false
	for {
		err := db.followAll(ctx, to)
		if ctx.Err() != nil {
			return
		}
		if (err != nil) != failing {
			if failing = err != nil; failing {
				db.log.Warn("the change log cannot be followed", "error", explain(err))
			} else {
				db.log.Info("the change log is followed again")
			}
		}
		select {
		case <-db.more:
		case <-poll.C:
		case <-ctx.Done():
			return
		}
	}
}

// followAll hands over all records that there are, and notes that it did.
func (db *DB) followAll(ctx context.Context, to chat.Follower) error {
	if db.followOwn(to) {
		return nil
	}
	for {
		n, err := db.followPage(ctx, to)
		if err != nil {
			return err
		}
		db.followOwn(to)
		if n < followPage {
			db.caughtUp()
			return nil
		}
	}
}

// followOwn hands over records that are this node's own and come next, and reports whether
// there were some, behind which none of another is known of.
func (db *DB) followOwn(to chat.Follower) (some bool) {
	for {
		next := db.followed.Load() + 1
		db.mu.Lock()
		record, own := db.own[next]
		delete(db.own, next)
		left := len(db.own)
		db.mu.Unlock()
		if !own {
			return some && left == 0
		}
		some = true
		to.Told(record)
		db.followed.Store(next)
		db.caughtUp()
	}
}

// followPage reads the next records and hands them over. It returns how many there were.
func (db *DB) followPage(ctx context.Context, to chat.Follower) (n int, err error) {
	after := db.followed.Load()
	var all []entry
	var newest int64
	limit, cancel := context.WithTimeout(ctx, followTime)
	defer cancel()
	err = db.keeping(limit, func(c *connection) error {
		return c.transaction(limit, "BEGIN READ ONLY", func() error {
			c.add("SELECT coalesce((SELECT number FROM changes ORDER BY number DESC LIMIT 1), 0)", nil, func(row relational.Row) error { return row.Scan(&newest) })
			return c.Rows(func(row relational.Row) error {
				var e entry
				var told bool
				if err := row.Scan(&e.number, &e.time, &told, &e.record); err != nil {
					return err
				}
				if e.record = append([]byte{}, e.record...); !told {
					e.record = nil
				}
				all = append(all, e)
				return nil
			}, "SELECT number, time, record IS NOT NULL, coalesce(record, ''::bytea) FROM changes WHERE number > ? ORDER BY number LIMIT ?", after, int64(followPage))
		})
	})
	switch {
	case err != nil:
		return 0, err
	case newest < after:
		return 0, db.lose(errRewound)
	case len(all) > 0 && all[0].number > after+1:
		to.Lagged()
	}
	for _, e := range all {
		if ctx.Err() != nil {
			return 0, ctx.Err()
		}
		db.mu.Lock()
		own, kept := db.own[e.number]
		delete(db.own, e.number)
		leaving := db.leaving[e.number]
		db.mu.Unlock()
		switch empty := e.record != nil && len(e.record) == 0; {
		case kept:
			to.Told(own)
		case empty && leaving: // it is on disk, which committed is about to say
			return 0, nil
		case empty: // another's, which took itself for alone
			to.Lagged()
		default:
			db.metrics.lag.Observe(max(0, time.Since(time.UnixMilli(e.time)).Seconds()))
			to.Told(e.record)
		}
		db.followed.Store(e.number)
	}
	return len(all), nil
}

// listen hears what other nodes notify of, until ctx is done.
func (db *DB) listen(ctx context.Context) {
	for ctx.Err() == nil {
		c, err := db.connected(ctx, nil)
		if err == nil {
			err = c.answers(ctx, "LISTEN "+changesChannel+"; LISTEN "+signalsChannel)
		}
		if err == nil {
			db.hint() // for what was missed
		}
		for err == nil {
			quiet, cancel := context.WithTimeout(ctx, quietTime)
			err = c.pg.WaitForNotification(quiet) // db.heard takes it
			if cancel(); err != nil && quiet.Err() != nil {
				err = c.answers(ctx, "")
			}
		}
		c.close()
		if ctx.Err() == nil {
			db.pause(ctx)
		}
	}
}

// answers sends a query to whose answer nothing matters but that it comes in time.
func (c *connection) answers(ctx context.Context, query string) error {
	limit, cancel := context.WithTimeout(ctx, followTime)
	defer cancel()
	_, err := c.pg.Exec(limit, query).ReadAll()
	return err
}

// heard takes one notification.
func (db *DB) heard(_ *pgconn.PgConn, n *pgconn.Notification) {
	if n.Channel == changesChannel {
		if number, err := strconv.ParseInt(n.Payload, 10, 64); err != nil || number > db.followed.Load() {
			db.hint()
		}
		return
	}
	signal, err := base64.RawStdEncoding.DecodeString(n.Payload)
	if err != nil || len(signal) < 8 || binary.BigEndian.Uint64(signal) == db.start {
		return
	}
	db.follower.Heard(signal[8:])
}

// Signal implements chat.Shared.
func (db *DB) Signal(signal []byte) {
	if len(signal) > maxSignal {
		return
	}
	select {
	case db.signals <- signal:
	default: // it is lost
	}
}

// sendSignals sends signals, as many together as there are, until ctx is done. A record may
// follow another: together they are one.
func (db *DB) sendSignals(ctx context.Context) {
	var next []byte // that had no room
	for {
		if next == nil {
			select {
			case next = <-db.signals:
			case <-ctx.Done():
				return
			}
		}
		together := append(binary.BigEndian.AppendUint64(nil, db.start), next...)
		next = nil
		for more := true; more && next == nil; {
			select {
			case s := <-db.signals:
				if len(together)+len(s) > maxSignal {
					next = s
				} else {
					together = append(together, s...)
				}
			default:
				more = false
			}
		}
		limit, cancel := context.WithTimeout(ctx, readTime)
		_ = db.keeping(limit, func(c *connection) error { // else it is lost
			return c.transaction(limit, "BEGIN", func() error {
				return c.Exec("SELECT pg_notify('"+signalsChannel+"', ?)", base64.RawStdEncoding.EncodeToString(together))
			})
		})
		cancel()
		select {
		case <-time.After(signalEvery):
		case <-ctx.Done():
			return
		}
	}
}

// trimmer knows which records there were when.
type trimmer struct{ marks []mark }

type mark struct {
	at     time.Time
	number int64
}

// trim deletes records that are older than keepTime, but the newest.
func (db *DB) trim(ctx context.Context, t *trimmer, now time.Time) error {
	const every = keepTime / 10
	if n := len(t.marks); n > 0 && now.Sub(t.marks[n-1].at) < every {
		return nil
	}
	t.marks = append(t.marks, mark{now, db.followed.Load()})
	through := int64(0)
	for len(t.marks) > 0 && now.Sub(t.marks[0].at) >= keepTime {
		through, t.marks = t.marks[0].number, t.marks[1:]
	}
	if held := db.held.Load(); held > 0 {
		through = min(through, max(held, db.followed.Load()-maxHeld))
	}
	if through == 0 {
		return nil
	}
	return db.keeping(ctx, func(c *connection) error {
		return c.transaction(ctx, "BEGIN", func() error {
			return errors.Join(
				c.Exec("DELETE FROM changes WHERE number <= ? AND number < (SELECT max(number) FROM changes)", through),
				c.Exec("DELETE FROM nodes WHERE gone AND renewed < clock_timestamp() - ? * interval '1 second'", int64(keepTime/time.Second)),
			)
		})
	})
}

// followWait is how long a node may not know all of the change log before it counts as behind.
const followWait = 5 * time.Second

// Following says why this node does not know what others commit, in words for anybody; nil
// if it does.
func (db *DB) Following() error {
	if behind := time.Since(time.UnixMilli(db.caught.Load())); behind > followWait {
		return errBehind
	}
	return nil
}

var errBehind = errors.New("it does not follow what other nodes store: see whether it reaches the database")

// caughtUp notes that all of the change log is followed.
func (db *DB) caughtUp() {
	now := time.Now().UnixMilli()
	db.caught.Store(now)
	db.metrics.caught.Set(float64(now) / 1000)
}
