package store

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
)

// SQLite reads the whole file in one statement: a check can be stopped within it.
func TestACheckOfTheFileEndsWithItsContext(t *testing.T) {
	dir := t.TempDir()
	db, err := Open(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	connection, err := openConnection(t.Context(), filepath.Join(dir, FileName), readOnly(1024))
	if err != nil {
		t.Fatal(err)
	}
	defer connection.close()
	ctx, stop := context.WithCancel(t.Context())
	c := &checker{connection: connection, ctx: ctx, tell: func(finding string) { t.Error(finding) }}
	if err := c.structure(); err != nil {
		t.Fatalf("before it is stopped: %v", err)
	}
	stop()
	if err := c.structure(); !errors.Is(err, context.Canceled) {
		t.Errorf("stopped: %v", err)
	}
}
