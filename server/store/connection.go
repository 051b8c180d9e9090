package store

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"unsafe"

	"modernc.org/libc"
	sqlite3 "modernc.org/sqlite/lib"

	"parley/server/chat"
	"parley/server/store/relational"
)

// connection is one to the database, with its prepared statements. One goroutine uses
// it at a time.
type connection struct {
	tls        *libc.TLS // which the translation of SQLite to Go takes for a thread
	db         uintptr   // SQLite's
	statements map[string]*statement
}

// options are how a connection is opened.
type options struct {
	readOnly bool
	vfs      string   // "" is the system's
	pragmas  []string // without the word, in order
}

// readOnly are the options of a connection that only reads, with so many KiB of cache.
func readOnly(cache int) options {
	return options{readOnly: true, pragmas: []string{busyPragma, fmt.Sprintf("cache_size(-%d)", cache)}}
}

func openConnection(ctx context.Context, path string, o options) (_ *connection, err error) {
	if err := errors.Join(ctx.Err(), initialize()); err != nil {
		return nil, err
	}
	if path, err = filepath.Abs(path); err != nil {
		return nil, err
	}
	s := &connection{tls: libc.NewTLS(), statements: make(map[string]*statement)}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	if err := s.open(path, o); err != nil {
		return nil, err
	}
	for _, pragma := range o.pragmas {
		if err := s.script("PRAGMA " + pragma); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// open makes s.db, if it can. SQLite need not lock what one goroutine uses at a time.
func (s *connection) open(path string, o options) error {
	flags := int32(sqlite3.SQLITE_OPEN_NOMUTEX | sqlite3.SQLITE_OPEN_EXRESCODE)
	if o.readOnly {
		flags |= sqlite3.SQLITE_OPEN_READONLY
	} else {
		flags |= sqlite3.SQLITE_OPEN_READWRITE | sqlite3.SQLITE_OPEN_CREATE
	}
	name, err := libc.CString(path)
	if err != nil {
		return err
	}
	defer libc.Xfree(s.tls, name)
	vfs := uintptr(0)
	if o.vfs != "" {
		if vfs, err = libc.CString(o.vfs); err != nil {
			return err
		}
		defer libc.Xfree(s.tls, vfs)
	}
	out := s.tls.Alloc(int(unsafe.Sizeof(s.db)))
	defer s.tls.Free(int(unsafe.Sizeof(s.db)))
	code := sqlite3.Xsqlite3_open_v2(s.tls, name, out, flags, vfs)
	s.db = *at[uintptr](out) // also after most errors
	return s.check(code)
}

// sqliteError is an error of SQLite, with its extended result code
// (https://sqlite.org/rescode.html).
type sqliteError struct {
	code int32
	text string
}

func (e *sqliteError) Error() string { return fmt.Sprintf("%s (%d)", e.text, e.code) }

// check makes an error of what SQLite returned, nil if that is SQLITE_OK.
func (s *connection) check(code int32) error {
	if code == sqlite3.SQLITE_OK {
		return nil
	}
	kind := libc.GoString(sqlite3.Xsqlite3_errstr(s.tls, code))
	if s.db == 0 || sqlite3.Xsqlite3_extended_errcode(s.tls, s.db) != code {
		return &sqliteError{code, kind}
	}
	if what := libc.GoString(sqlite3.Xsqlite3_errmsg(s.tls, s.db)); what != kind {
		kind += ": " + what
	}
	return &sqliteError{code, kind}
}

// statement prepares query once in the connection's life.
func (s *connection) statement(query string) (*statement, error) {
	if st := s.statements[query]; st != nil {
		return st, nil
	}
	st, err := newStatement(s, query)
	if err != nil {
		return nil, err
	}
	s.statements[query] = st
	return st, nil
}

// exec runs query with args (see statement.bind).
func (s *connection) Exec(query string, args ...any) error {
	st, err := s.statement(query)
	if err != nil {
		return err
	}
	return st.run(args, nil)
}

// row reads the first row into dest (see statement.scan) and reports whether there was
// one.
func (s *connection) Row(dest []any, query string, args ...any) (bool, error) {
	st, err := s.statement(query)
	if err != nil {
		return false, err
	}
	return st.first(dest, args)
}

// rows calls scan for each row.
func (s *connection) Rows(scan func(row relational.Row) error, query string, args ...any) error {
	st, err := s.statement(query)
	if err != nil {
		return err
	}
	return st.run(args, func() error { return scan(st) })
}

// script runs statements that are not kept, one after the other.
func (s *connection) script(statements string) error {
	text, err := libc.CString(statements)
	if err != nil {
		return err
	}
	defer libc.Xfree(s.tls, text)
	return s.check(sqlite3.Xsqlite3_exec(s.tls, s.db, text, 0, 0, 0))
}

// until runs statements that may take long, which end with ctx. All others are short,
// or look at their caller's context row by row, and a transaction looks at its own
// between them.
func (s *connection) until(ctx context.Context, run func() error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	interrupted := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(interrupted)
		tls := libc.NewTLS() // of another goroutine
		defer tls.Close()
		sqlite3.Xsqlite3_interrupt(tls, s.db)
	})
	err := run()
	if !stop() {
		<-interrupted
	}
	if codeOf(err) == sqlite3.SQLITE_INTERRUPT {
		return ctx.Err()
	}
	return err
}

// begin starts a transaction. If the one before could not be rolled back, as
// after an error of the disk, it is now.
func (s *connection) begin(how string) error {
	err := s.Exec(how)
	if err != nil && s.Exec("ROLLBACK") == nil {
		err = s.Exec(how)
	}
	return err
}

func (s *connection) view(ctx context.Context, read func(chat.View) error) error {
	if err := s.begin("BEGIN"); err != nil {
		return err
	}
	defer func() { _ = s.Exec("ROLLBACK") }() // nothing was written; begin sees to an error
	return read(relational.NewView(ctx, s))
}

func (s *connection) close() error {
	for _, st := range s.statements {
		st.finalize()
	}
	err := s.check(sqlite3.Xsqlite3_close(s.tls, s.db))
	s.tls.Close()
	return err
}
