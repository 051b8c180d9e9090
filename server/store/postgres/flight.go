package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"parley/server/chat"
	"parley/server/store/relational"
)

// maxAir bounds those that are in the air.
const maxAir = 2

// maxRow is how many transactions may follow one another without a pause in which another
// node, or another that waits for the connection, can have its turn.
const maxRow = 16

// flight is a transaction on its way. It is in the air from when its COMMIT was sent until it
// lands, when it is known what became of it. Another may follow it meanwhile.
//
// As long as nobody else writes, a transaction is made of what the one before knew and wrote, without
// a question to the database, and sent as a whole: one that finds under the lock that this was wrong
// ends itself there, and is made again of what is there.
type flight struct {
	db     *DB
	ctx    context.Context
	change func(chat.Tx) error
	c      *connection // nil: another has it

	tx      *relational.Transaction
	entered bool      // it has the lock, and how the history stood is read
	guessed bool      // that is not read, but guessed
	stood   standing  // how the history stood as it began
	at      time.Time // when stood.now was that time, or later, by this machine's clock
	entry   entry     // what it leaves in the change log, once it was sent
	commits int64     // how many there are with it, likewise
	writes  int64     // where the sequence stands with it, once it has landed
	sent    time.Time
	before  *flight // which it follows, until that has landed
	behind  *flight // which follows it
	row     int     // how many there were before it, without a pause
	landed  bool
	ended   bool
	err     error // once it has landed
}

var (
	// errUnknown is that the connection broke at the COMMIT.
	errUnknown = errors.New("it is not known whether it was committed")
	// errGuess is that what a transaction was made of does not hold, or was not enough.
	errGuess = errors.New("it has to be made of what is there")
	// errBefore is that the transaction before failed, of which another was to be made.
	errBefore = errors.New("the one before it failed")
)

// board takes the connection that writes.
func (f *flight) board() (err error) {
	if f.c, err = f.db.take(f.ctx, f.db.writer); err != nil {
		return fmt.Errorf("update the history: %w", err)
	}
	return nil
}

// release gives the connection back, whatever it is then.
func (f *flight) release() {
	if f.c != nil {
		f.c.rollback() // what failed
	}
	f.db.writer <- f.c
}

// try makes the transaction once.
func (f *flight) try() error {
	err := f.depart()
	if err == nil {
		err = f.land()
	}
	return err
}

// lead makes and sends the transaction where none is in the air.
func (f *flight) lead() (err error) {
	calm := false
	defer func() {
		if !calm || err != nil { // or change panicked
			f.release()
		}
	}()
	if last := f.db.last; last != nil && last.c == f.c && !last.stood.others && !f.c.pg.IsClosed() {
		err = f.follow(last)
	} else {
		err = f.depart()
	}
	calm = true
	return err
}

// insist makes the transaction again for as long as it fails with its connection, or could have
// been made of other rows.
func (f *flight) insist(err error) error {
	db := f.db
	for ; err != nil; err = f.try() {
		if errors.Is(err, errUnknown) {
			var committed int64
			committed, f.c, err = db.settle(f.c)
			if err == nil {
				f.behind.settled(committed - 1)
			}
			if err == nil && committed > 0 {
				f.committed()
				return nil
			}
			if err == nil {
				db.left(f.entry)
				err = f.ctx.Err() // or it is made again
			}
			if err != nil {
				break
			}
			continue
		}
		if codeOf(err) == lockTimeout {
			db.freeLock(f.ctx, f.c)
		}
		if !errors.Is(err, errGuess) && (!passing(err) || !db.pause(f.ctx)) {
			break
		}
	}
	if err != nil {
		return fmt.Errorf("update the history: %w", err)
	}
	return nil
}

// settled is told how many were committed from here on, of those whose end was unknown.
func (f *flight) settled(committed int64) {
	switch {
	case f == nil || !errors.Is(f.err, errUnknown):
	case committed > 0:
		f.committed()
	default:
		f.err = errGuess
		f.db.left(f.entry)
	}
}

// depart makes the transaction, and sends its COMMIT.
func (f *flight) depart() (err error) {
	db := f.db
	if err := db.usable(); err != nil {
		return err
	}
	if f.c, err = db.connected(f.ctx, f.c); err != nil {
		return err
	}
	c, sent := f.c, false
	defer func() {
		if !sent { // also when change panics
			c.rollback()
			c.cache.Clear()
		}
	}()
	c.rollback() // what failed before
	db.pending, f.commits = entry{}, db.commits+1
	c.cache.Shut() // until it is known that nobody wrote since the last one
	f.enter()
	err = f.change(f.tx)
	if err == nil && !f.entered { // it only wrote
		err = c.run()
	}
	if c.broken != nil {
		return c.broken // whatever was made of it
	}
	if err == nil {
		err = f.send()
	}
	sent = err == nil
	return err
}

// enter begins the transaction, with the first that it reads: then it sees whether it may.
func (f *flight) enter() {
	f.start()
	f.stand()
}

// start begins the transaction.
func (f *flight) start() {
	f.tx = relational.NewTransaction(f.ctx, f.c, &f.c.cache)
	f.entered, f.guessed, f.landed, f.before = false, false, false, nil
	f.c.start(f.ctx, "BEGIN")
	f.c.add(lockQuery, nil, f.stood.scanRev)
}

// touched is what others wrote since a connection left the history.
type touched struct {
	writes int64           // how many said so, each with another number
	last   int64           // the number of the last of them
	names  map[string]bool // relational.Touched
}

func (t *touched) scan(row relational.Row) error {
	var number int64
	var name string
	if err := row.Scan(&number, &name); err != nil {
		return err
	}
	if number != t.last {
		t.last = number
		t.writes++
	}
	if name != "" {
		t.names[name] = true
	}
	return nil
}

// stand reads how the history stands.
func (f *flight) stand() {
	c, others := f.c, &touched{names: make(map[string]bool)}
	c.add(touchedQuery, []any{c.newest}, others.scan)
	c.add(standingQuery, []any{relational.Number(f.db.start)}, func(row relational.Row) error {
		if err := f.stood.scan(row); err != nil {
			return err
		}
		f.arrive()
		c.cache.Open(f.stood.writes-c.writes == others.writes)
		c.broken = errors.Join(c.cache.Forget(others.names), f.know()) // whatever is made of the error
		return c.broken
	})
}

// arrive takes note that the transaction has, or had, the lock.
func (f *flight) arrive() {
	f.entered, f.at = true, time.Now()
	f.db.metrics.lockWait.Observe(float64(f.stood.waited) / 1e6)
}

// know takes over how the history stands.
func (f *flight) know() error {
	db, s := f.db, &f.stood
	f.tx.Know(s.Standing)
	db.pending.number, db.pending.time, db.pending.others = s.changes+1, max(s.now, s.time), s.others || db.records
	if db.pending.others {
		f.tx.Note()
	}
	return db.fence(*s)
}

// send sends what the transaction writes, and COMMIT. If the connection breaks meanwhile, land tells.
func (f *flight) send() error {
	db, c := f.db, f.c
	if err := f.tx.Flush(); err != nil {
		return err
	}
	if err := errors.Join(db.usable(), f.ctx.Err()); err != nil {
		return err
	}
	db.leave(f)
	c.scatter()
	c.add("UPDATE starts SET commits = $1 WHERE id = $2 RETURNING (SELECT last_value FROM writes)", []any{f.commits, relational.Number(db.start)},
		func(row relational.Row) error { return row.Scan(&f.writes) })
	c.add("COMMIT", nil, nil).tag = isCommit
	f.entry, f.sent, f.writes = db.pending, time.Now(), 0
	_ = c.send()
	return nil
}

// land waits until it is known what became of the transaction, and of those before it.
func (f *flight) land() error {
	if f.landed {
		return f.err
	}
	before, c := f.before, f.c
	var failed error
	if before != nil {
		failed = before.land()
	}
	f.before, f.landed, f.db.last = nil, true, nil
	err := c.receive(f.ctx)
	c.unread = nil // at worst it is not known where the sequence stands
	switch {
	case err == nil && failed == nil:
		c.writes, c.newest, c.inside = f.writes, f.newest(), len(c.sent) > 0
		f.db.metrics.commits.Observe(time.Since(f.sent).Seconds())
		f.db.last = f
		f.committed()
		return nil
	case !refused(err):
		err = errUnknown
	case f.guessed && codeOf(err) != lockTimeout:
		err = errGuess
	}
	if f.err = err; err != errUnknown {
		f.db.left(f.entry)
	}
	c.cache.Clear()
	return err
}

// committed takes note that the transaction is on disk.
func (f *flight) committed() {
	f.err = nil
	f.db.commits++
	f.db.written.Store(true)
	f.db.committed(f.entry)
}

// end is what Begin returns. Who follows one that failed waits until that was made again, and is then
// made again itself.
func (f *flight) end() (err error) {
	if f.ended {
		return f.err
	}
	f.ended = true
	err = f.land()
	switch next := f.db.air; {
	case next == f:
		f.db.air = nil
	case err == nil:
		return nil
	default:
		_ = next.land() // its end says so
		next.c = nil
	}
	if f.c == nil {
		if err := f.board(); err != nil {
			f.err = err
			return err
		}
	}
	defer f.release()
	f.err = f.insist(err)
	return f.err
}

// follow makes the transaction behind one that is in the air, or was the last, and sends it.
func (f *flight) follow(before *flight) (err error) {
	db, c := f.db, before.c
	f.c, f.commits = c, before.commits+1
	sent := false
	defer func() {
		if c.guessing, c.fetcher = false, nil; !sent { // also when change panics
			f.drop()
		}
	}()
	if !before.landed {
		f.row = before.row + 1
	}
	db.pending = before.next()
	f.stood, f.at = before.stood, before.at
	f.stood.writes++
	c.writes, c.newest = f.stood.writes, before.newest()
	f.start()
	f.tx.Know(before.tx.Standing())
	c.fetcher = func(fetched *relational.Fetched, r chat.Reads) error { return f.fetch(before, fetched, r) }
	err = f.change(f.tx)
	switch c.guessing = false; {
	case c.broken != nil:
		err = c.broken
	case err == nil && !f.entered && !f.guessed:
		err = errGuess
	}
	if err == nil {
		err = f.send()
	}
	if sent = err == nil; sent {
		if before.behind = f; !before.landed {
			f.before = before
		}
	}
	return err
}

// newest is the number of the newest record in the change log behind what was sent.
func (f *flight) newest() int64 {
	if f.entry.record == nil {
		return f.entry.number - 1
	}
	return f.entry.number
}

// next is what comes behind in the change log, as far as that is known before it is read.
func (f *flight) next() entry {
	return entry{number: f.newest() + 1, time: max(f.entry.time, f.stood.now+time.Since(f.at).Milliseconds()), others: f.db.records}
}

// fetch lets the transaction be made of what is cached or, where that is not enough, fetches the
// rest behind the one that is in the air.
func (f *flight) fetch(before *flight, fetched *relational.Fetched, r chat.Reads) error {
	c := f.c
	if f.guessed = fetched.Guess(r); f.guessed {
		c.guessing = true
		f.guess(r.Refs, before)
		return nil
	}
	f.stand()
	c.fetch(fetched, r)
	if err := c.send(); err != nil {
		return err
	}
	if before.land() != nil {
		c.broken = errBefore
		return errBefore
	}
	return c.run()
}

// guess lets the transaction fail where it was not made of what is there.
func (f *flight) guess(refs []chat.RefRead, before *flight) {
	f.c.add(guessQuery, []any{f.stood.writes, relational.Number(f.db.start), before.commits}, func(row relational.Row) error {
		err := row.Scan(&f.stood.now, &f.stood.waited)
		f.arrive()
		return err
	})
	if before.tx.Standing().Deleted > 0 {
		senders, under := refArrays(refs)
		f.c.add(guessRefsQuery, []any{senders, under}, nil)
	}
}

// A transaction ends itself by a division by zero where others wrote since the one before, or may
// follow the change log, or something is there under a ref that was deleted. (Of what was not deleted
// an index says so.)
const (
	guessQuery = `SELECT CASE WHEN last_value = $1 AND (SELECT commits FROM starts WHERE id = $2) = $3
		AND NOT EXISTS (SELECT 1 FROM nodes WHERE id != $2 AND NOT ended AND renewed > clock_timestamp() - interval '5 minutes')
		THEN (extract(epoch FROM clock_timestamp()) * 1000)::bigint ELSE 1 / (last_value - last_value) END,
		(extract(epoch FROM clock_timestamp() - now()) * 1000000)::bigint FROM writes`

	guessRefsQuery = "SELECT 1 / (SELECT CASE WHEN EXISTS (SELECT 1 FROM unnest($1::bytea[], $2::bytea[]) AS asked(by, under)" +
		" JOIN refs r ON r.sender = asked.by AND r.client_ref = asked.under) THEN 0 ELSE 1 END)"
)

// drop gives up a transaction that was not sent as a whole.
func (f *flight) drop() {
	c := f.c
	c.cache.Clear()
	if f.entered && !f.guessed || len(c.sent) == 0 {
		c.rollback()
	}
}
