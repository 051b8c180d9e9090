//go:build unix

package postgres

import (
	"io"
	"log/slog"
	"net"
	"net/url"
	"path/filepath"
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
