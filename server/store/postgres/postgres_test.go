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
	for name, of := range map[string]func(t *testing.T, db *DB) chat.Store{
		"one after the other": func(_ *testing.T, db *DB) chat.Store { return db },
		"as the sequencer":    func(_ *testing.T, db *DB) chat.Store { return guessing{db} },
		"by two nodes": func(t *testing.T, db *DB) chat.Store {
			return &alternating{DB: db, second: func() *DB { return open(t, address, t.TempDir()) }}
		},
	} {
		t.Run(name, func(t *testing.T) {
			storetest.Run(t, func(t *testing.T) storetest.History {
				dir := t.TempDir()
				empty(t, address)
				return func() chat.Store { return of(t, open(t, address, dir)) }
			})
		})
	}
}

// empty makes a database as it was before anything was kept in it, which takes less than to
// make the tables anew.
func empty(t *testing.T, address string) {
	t.Helper()
	postgrestest.SQL(t, address, `DO $$
		DECLARE one name;
		BEGIN
			FOR one IN SELECT tablename FROM pg_tables WHERE schemaname = 'parley' AND tablename != 'meta' LOOP
				EXECUTE format('DELETE FROM parley.%I', one);
			END LOOP;
			IF one IS NOT NULL THEN
				DELETE FROM parley.meta WHERE name NOT IN ('schema', 'fold', 'rev');
				UPDATE parley.meta SET value = decode('0000000000000000', 'hex') WHERE name = 'rev';
			END IF;
		END $$`)
}

func TestAnIndexInPostgreSQLKeepsWhatOneMust(t *testing.T) {
	address := postgrestest.Database(t)
	storetest.RunIndex(t, func(t *testing.T) storetest.Index {
		dir, last := t.TempDir(), (*DB)(nil)
		empty(t, address)
		return func() chat.Index {
			if last != nil {
				if err := last.Close(); err != nil {
					t.Fatal(err)
				}
			}
			last = open(t, address, dir)
			x, err := last.OpenIndex(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			return x
		}
	})
}
