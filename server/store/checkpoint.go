package store

import "time"

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
		_ = c.Exec("PRAGMA wal_checkpoint(PASSIVE)")
	}
}

// logGrew lets moveLog begin.
func (db *DB) logGrew() {
	select {
	case db.grown <- struct{}{}:
	default: // it is about to
	}
}
