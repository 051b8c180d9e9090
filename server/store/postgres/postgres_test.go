//go:build unix

package postgres

import (
	"context"
	"log/slog"
	"os"
	"testing"

	"parley/server/chat"
	"parley/server/chat/storetest"
	"parley/server/store/postgres/postgrestest"
)

func TestMain(m *testing.M) { os.Exit(postgrestest.Run(m)) }

// open opens the history of a server whose data folder is dir.
func open(t testing.TB, address, dir string) *DB {
	t.Helper()
	db, err := Open(context.Background(), Config{URL: address, Dir: dir, Serve: true, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error("close:", err)
		}
	})
	return db
}

func TestPostgreSQLKeepsWhatAStoreMust(t *testing.T) {
	address := postgrestest.Database(t)
	storetest.Run(t, func(t *testing.T) storetest.History {
		dir := t.TempDir()
		postgrestest.SQL(t, address, "DROP SCHEMA IF EXISTS parley CASCADE")
		return func() chat.Store { return open(t, address, dir) }
	})
}
