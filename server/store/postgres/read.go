package postgres

import (
	"context"
	"errors"
	"time"

	"parley/server/store/relational"
)

const (
	// lookEvery is how often Read looks whether this node has followed more.
	lookEvery = 10 * time.Millisecond
	// maxHeld bounds the records that Hold keeps.
	maxHeld = 1_000_000
)

// ErrTrimmed is that records are gone which Read was to read: what comes after them is still there.
var ErrTrimmed = errors.New("records of the change log were deleted before they were read")

// Read calls each for the records of the change log that come after a number, in their order,
// until ctx is done or each returns an error, which it returns; after 0 for those that come from
// now on. Where some are gone it returns ErrTrimmed, and how far one has to go on. It reads behind Follow.
// Without Config.Records those of a node that was alone are empty.
func (db *DB) Read(ctx context.Context, after uint64, each func(number uint64, record []byte) error) (from uint64, err error) {
	if after == 0 {
		after = uint64(max(0, db.followed.Load()))
	}
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	for {
		page, err := db.recordsAfter(ctx, int64(after))
		if err != nil {
			return after, err
		}
		for _, e := range page {
			if uint64(e.number) != after+1 {
				return uint64(e.number) - 1, ErrTrimmed
			}
			if err := each(uint64(e.number), e.record); err != nil {
				return after, err
			}
			after = uint64(e.number)
		}
		for len(page) < followPage && uint64(max(0, db.followed.Load())) <= after {
			select {
			case <-look.C:
			case <-ctx.Done():
				return after, ctx.Err()
			}
		}
	}
}

// recordsAfter reads the records behind a number, a page of them at most.
func (db *DB) recordsAfter(ctx context.Context, after int64) (page []entry, err error) {
	limit, cancel := context.WithTimeout(ctx, readTime)
	defer cancel()
	err = db.keeping(limit, func(c *connection) error {
		return c.transaction(limit, "BEGIN READ ONLY", func() error {
			return c.Rows(func(row relational.Row) error {
				var e entry
				if err := row.Scan(&e.number, &e.record); err != nil {
					return err
				}
				e.record = append([]byte{}, e.record...)
				page = append(page, e)
				return nil
			}, "SELECT number, coalesce(record, ''::bytea) FROM changes WHERE number > ? ORDER BY number LIMIT ?", after, int64(followPage))
		})
	})
	return page, err
}

// Hold keeps records that come after a number, a million of them at most, for who reads them
// (Read): this node, while it leads.
func (db *DB) Hold(after uint64) { db.held.Store(int64(after)) }
