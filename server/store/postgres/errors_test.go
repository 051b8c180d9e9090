//go:build unix

package postgres

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"parley/server/store/postgres/postgrestest"
)

// Whatever keeps it from opening is one line that says what to do, without the password.
func TestWhatKeepsItFromOpeningIsOneLine(t *testing.T) {
	address := postgrestest.Database(t)
	postgrestest.SQL(t, "", "CREATE ROLE guarded LOGIN PASSWORD 'right'; CREATE ROLE poor LOGIN")
	nowhere := strings.Replace(address, "host=", "host="+url.QueryEscape(t.TempDir()), 1)
	newer := postgrestest.Database(t)
	open(t, newer, t.TempDir()).Close()
	postgrestest.SQL(t, newer, `UPDATE parley.meta SET value = '\x0000000000000063' WHERE name = 'schema'`)
	for _, test := range []struct{ name, address, want string }{
		{"no address", "sqlite:geheim", "give postgres://USER:PASSWORD@HOST/DATABASE"},
		{"an address that cannot be read", "postgres://parley:ge%heim@host/db", "cannot be read"},
		{"a setting that cannot be read", "postgres://parley:geheim@host/db?sslmode=geheim", "see that its parts"},
		{"nobody answers", strings.Replace(nowhere, "parley@", "parley:geheim@", 1), "cannot be reached: see whether it runs"},
		{"a wrong password", postgrestest.Address(t, address, "guarded", "geheim"), "see the user and the password of the address"},
		{"another user", postgrestest.Address(t, address, "nobody", "geheim"), "does not let this user in"},
		{"no such database", strings.Replace(address, "/test", "/none", 1), "there is no such database: make it"},
		{"a missing right", postgrestest.Address(t, address, "poor", ""), "let the database belong to them"},
		{"a newer schema", newer, "it was written by a newer version of Parley: run that version"},
	} {
		t.Run(test.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			var log bytes.Buffer
			db, err := Open(ctx, Config{URL: test.address, Dir: t.TempDir(), Serve: true, Log: slog.New(slog.NewTextHandler(&log, nil))})
			if err == nil {
				_ = db.Close()
				t.Fatal("it was opened")
			}
			said := err.Error() + log.String()
			if !strings.Contains(said, test.want) || strings.Count(err.Error(), "\n") != 0 {
				t.Errorf("it says %q, want %q in it, in one line", err, test.want)
			}
			if strings.Contains(said, "geheim") || strings.Contains(said, "ge%heim") {
				t.Errorf("the password is in %q", said)
			}
		})
	}
	if err := explain(&pgconn.PgError{Severity: "ERROR", Code: "25006"}); !errors.Is(err, errReplica) {
		t.Error(err)
	}
}

// A server waits for a database that is about to start, says so once, and goes on.
func TestItWaitsForADatabaseThatStarts(t *testing.T) {
	address := postgrestest.Database(t)
	begin := postgrestest.Stop(t)
	told := make(chan string, 10)
	opened := make(chan error, 1)
	go func() {
		db, err := Open(t.Context(), Config{URL: address, Dir: t.TempDir(), Serve: true, Log: slog.New(slog.NewTextHandler(lines(told), nil))})
		if err == nil {
			err = db.Close()
		}
		opened <- err
	}()
	if line := <-told; !strings.Contains(line, "waiting for the database") {
		t.Errorf("it says %q", line)
	}
	begin()
	if err := <-opened; err != nil {
		t.Error(err)
	}
	if len(told) != 0 {
		t.Errorf("it also says %q", <-told)
	}
}

// lines takes what is written, line by line.
type lines chan string

func (l lines) Write(b []byte) (int, error) {
	l <- string(b)
	return len(b), nil
}

// Two nodes that begin at once make one history.
func TestTwoThatStartAtOnceDoNotFight(t *testing.T) {
	address := postgrestest.Database(t)
	ended := make(chan error, 2)
	for range 2 {
		dir := t.TempDir()
		go func() {
			db, err := Open(context.Background(), Config{URL: address, Dir: dir, Serve: true, Log: slog.New(slog.DiscardHandler)})
			if db != nil {
				t.Cleanup(func() { db.Close() })
			}
			ended <- err
		}()
	}
	if first, second := <-ended, <-ended; first != nil || second != nil {
		t.Errorf("one ended with %v, the other with %v", first, second)
	}
	if epochs := postgrestest.SQL(t, address, "SELECT count(*) FROM parley.meta WHERE name IN ('epoch', 'secret')"); epochs != "2" {
		t.Errorf("%s rows of meta", epochs)
	}
}
