//go:build unix

package postgres

import (
	"io"
	"log/slog"
	"net"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"parley/server/store/postgres/postgrestest"
)

// breakingDoor lets connections in to a database by a socket of its own, and returns its address.
// It breaks the first of them at the n-th time that something is sent to the database.
func breakingDoor(t *testing.T, database string, n int) string {
	t.Helper()
	u, err := url.Parse(database)
	if err != nil {
		t.Fatal(err)
	}
	const socket = ".s.PGSQL.5432"
	inside, folder := filepath.Join(u.Query().Get("host"), socket), t.TempDir()
	listener, err := net.Listen("unix", filepath.Join(folder, socket))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() }) // nothing is left to lose
	go func() {                                // ends with the listener
		for left := n; ; left = -1 {
			visitor, err := listener.Accept()
			if err != nil {
				return
			}
			there, err := net.Dial("unix", inside)
			if err != nil {
				_ = visitor.Close()
				continue
			}
			go func() {
				_, _ = io.Copy(visitor, there)
				_ = visitor.Close()
			}()
			go pass(there, visitor, left)
		}
	}()
	u.RawQuery = url.Values{"host": {folder}}.Encode()
	return u.String()
}

// pass passes on what comes from one, up to what is sent as number n from 0 on, which is lost
// with both; without a bound if n is below 0.
func pass(to, from net.Conn, n int) {
	defer to.Close()
	defer from.Close()
	for buffer := make([]byte, 1<<16); ; n-- {
		size, err := from.Read(buffer)
		if err != nil || n == 0 {
			return
		}
		if _, err := to.Write(buffer[:size]); err != nil {
			return
		}
	}
}

// A connection that breaks while a history is opened, as when the database is started anew, is no
// reason not to start.
func TestAnOpeningOutlivesABrokenConnection(t *testing.T) {
	database := postgrestest.Database(t)
	for n := range 12 {
		db, err := Open(t.Context(), Config{URL: breakingDoor(t, database, n), Log: slog.New(slog.DiscardHandler), Serve: true})
		if err != nil {
			t.Fatalf("broken at what is sent as number %d: %v", n+1, err)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// What older versions let PostgreSQL sample of messages is dropped, and none is sampled again.
func TestNothingOfMessagesIsInStatistics(t *testing.T) {
	const sampled = 8 // the last schema of which it was
	database := postgrestest.Database(t)
	postgrestest.SQL(t, database, "CREATE SCHEMA parley; SET search_path = parley;"+strings.Join(migrations[:sampled], "")+`
		INSERT INTO meta VALUES ('schema', int8send(`+strconv.Itoa(sampled)+`)), ('epoch', '\x0000000000000007');
		INSERT INTO changes SELECT n, n, 'secret' FROM generate_series(1, 3) n;
		INSERT INTO attachments SELECT int8send(n), int8send(n), 1, 'secret', 'text', 0, 0, 1, 1, int8send(n), int8send(n) FROM generate_series(1, 3) n;
		ANALYZE`)
	samples := func() string {
		t.Helper()
		return postgrestest.SQL(t, database, `SELECT string_agg(attname, ' ' ORDER BY attname) FROM pg_stats
			WHERE schemaname = 'parley' AND (tablename, attname) IN (('messages', 'body'), ('notes', 'content'), ('attachments', 'name'), ('changes', 'record'))`)
	}
	if found := samples(); found != "name record" {
		t.Fatalf("before there are samples of %q", found)
	}
	open(t, database, t.TempDir())
	postgrestest.SQL(t, database, "ANALYZE")
	if found := samples(); found != "" {
		t.Errorf("there are samples of %q", found)
	}
	if storage := postgrestest.SQL(t, database, `SELECT attstorage FROM pg_attribute WHERE attrelid = 'parley.changes'::regclass AND attname = 'record'`); storage != "e" {
		t.Errorf("records of changes are stored as %q", storage)
	}
}
