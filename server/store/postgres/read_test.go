//go:build unix

package postgres

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"parley/server/store/postgres/postgrestest"
)

// read reads records from a number on until there are so many, and fails if that takes long.
func read(t *testing.T, db *DB, after uint64, many int) (records []string, from uint64, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	enough := errors.New("enough")
	from, err = db.Read(ctx, after, func(_ uint64, record []byte) error {
		if records = append(records, string(record)); len(records) == many {
			return enough
		}
		return nil
	})
	if errors.Is(err, enough) {
		err = nil
	}
	return records, from, err
}

// A node that is alone leaves its records for who reads them, and keeps those that were not read.
func TestRecordsAreReadFromWhereTheReaderWas(t *testing.T) {
	db, err := Open(t.Context(), Config{URL: postgrestest.Database(t), Serve: true, Records: true, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	follows(t, db, newTold())
	want := []string{}
	for n := range 600 { // more than a page
		want = append(want, fmt.Sprint("record ", n+1))
	}
	leave(t, db, want[0])
	var writing sync.WaitGroup
	defer writing.Wait()
	writing.Go(func() {
		for _, record := range want[1:] {
			leave(t, db, record)
		}
	})
	if records, _, err := read(t, db, 1, 599); err != nil || !slices.Equal(records, want[1:]) {
		t.Fatalf("read are %d records, %v", len(records), err)
	}
	if records, _, err := read(t, db, 597, 3); err != nil || !slices.Equal(records, want[597:]) {
		t.Errorf("after 597 come %q, %v", records, err)
	}
	db.Hold(590)
	var trimmed trimmer
	for _, later := range []time.Duration{0, keepTime} {
		if err := db.trim(t.Context(), &trimmed, time.Now().Add(later)); err != nil {
			t.Fatal(err)
		}
	}
	if records, _, err := read(t, db, 590, 10); err != nil || !slices.Equal(records, want[590:]) {
		t.Errorf("behind what was read there are %q, %v", records, err)
	}
	if _, from, err := read(t, db, 100, 1); !errors.Is(err, ErrTrimmed) || from != 590 {
		t.Errorf("of what is gone it says %v, and to go on from %d", err, from)
	}
}
