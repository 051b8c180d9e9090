package store

import (
	"context"
	"errors"
	"time"
)

const (
	// checkpointPause is how long after a commit its pages are moved from the log into
	// the file, so that what many commits wrote is moved once.
	checkpointPause = time.Second
	// checkpointPages is how many pages the log has before commits move them, too: that
	// is 64 MiB, and says that the moving does not keep up.
	checkpointPages = 16 << 10
)

// moveLog moves what is committed from the log into the file, beside the commits, which
// it does not hold up (https://sqlite.org/wal.html, PASSIVE checkpoints): as a part of
// one it would be two syncs more, and whoever waits for that commit would wait for all
// that others had written. It ends with Close.
func (db *DB) moveLog(c *connection) {
	defer func() { db.mover <- c }()
	for {
		select {
		case <-db.grown:
		case <-db.closed:
			return
		}
		pause := time.NewTimer(checkpointPause)
		select {
		case <-pause.C:
		case <-db.closed: // which folds the log into the file
			pause.Stop()
			return
		}
		// What cannot be moved stays in the log, where it is as safe, until the next
		// time; whether the disk can be written to is for commits and Probe to tell.
		if !db.erase.Swap(false) {
			_ = c.Exec("PRAGMA wal_checkpoint(PASSIVE)")
		} else if db.write(context.Background(), (*writer).forget) != nil || !emptyLog(c) {
			db.erase.Store(true)
			db.logGrew()
		}
	}
}

// emptyLog moves the log into the file and leaves nothing in it: what was taken back stands
// there still, in what was written before. Commits wait for that, and it for those who read,
// but not for long. It reports whether it did.
func emptyLog(c *connection) bool {
	var busy, pages, moved int64
	err := c.script("PRAGMA busy_timeout(50)")
	if err == nil {
		_, err = c.Row([]any{&busy, &pages, &moved}, "PRAGMA wal_checkpoint(TRUNCATE)")
	}
	return errors.Join(err, c.script("PRAGMA "+busyPragma)) == nil && busy == 0
}

// logGrew lets moveLog begin.
func (db *DB) logGrew() {
	select {
	case db.grown <- struct{}{}:
	default: // it is about to
	}
}
