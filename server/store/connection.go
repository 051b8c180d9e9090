package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"

	_ "modernc.org/sqlite" // registers the driver "sqlite"

	"parley/server/chat"
)

// connection is one to the database, with its prepared statements. One goroutine uses
// it at a time.
type connection struct {
	pool       *sql.DB // of one connection
	conn       *sql.Conn
	statements map[string]*sql.Stmt
	cache      rowCache // of the connection that writes; of others it is empty
}

func openConnection(ctx context.Context, path string, options url.Values) (*connection, error) {
	absolute, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	name := url.URL{Scheme: "file", Path: filepath.ToSlash(absolute), RawQuery: options.Encode()}
	if name.Path[0] != '/' {
		name.Path = "/" + name.Path // a Windows drive
	}
	pool, err := sql.Open("sqlite", name.String())
	if err != nil {
		return nil, err
	}
	pool.SetMaxOpenConns(1)
	conn, err := pool.Conn(ctx)
	if err != nil {
		return nil, errors.Join(err, pool.Close())
	}
	return &connection{pool: pool, conn: conn, statements: make(map[string]*sql.Stmt)}, nil
}

// readOnly are the options of a connection that only reads, with so many KiB of cache.
func readOnly(cache int) url.Values {
	return url.Values{"mode": {"ro"}, "_pragma": {fmt.Sprintf("busy_timeout(%d)", busyTimeout), fmt.Sprintf("cache_size(-%d)", cache)}}
}

// background is the context of single statements. The driver watches any other
// with a goroutine per statement, and interrupting one would gain nothing: each
// is short, or looks at its caller's context row by row, and a transaction looks
// at its own between them. What reads the whole file at once takes another.
var background = context.Background()

// statement prepares query once in the connection's life.
func (s *connection) statement(query string) (*sql.Stmt, error) {
	if st := s.statements[query]; st != nil {
		return st, nil
	}
	st, err := s.conn.PrepareContext(background, query)
	if err != nil {
		return nil, err
	}
	s.statements[query] = st
	return st, nil
}

func (s *connection) exec(query string, args ...any) error {
	st, err := s.statement(query)
	if err != nil {
		return err
	}
	_, err = st.ExecContext(background, args...)
	return err
}

// row reads the first row into dest and reports whether there was one.
func (s *connection) row(dest []any, query string, args ...any) (bool, error) {
	st, err := s.statement(query)
	if err != nil {
		return false, err
	}
	err = st.QueryRowContext(background, args...).Scan(dest...)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}

// rows calls scan for each row.
func (s *connection) rows(scan func(*sql.Rows) error, query string, args ...any) (err error) {
	st, err := s.statement(query)
	if err != nil {
		return err
	}
	rows, err := st.QueryContext(background, args...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// begin starts a transaction. If the one before could not be rolled back, as
// after an error of the disk, it is now.
func (s *connection) begin(how string) error {
	err := s.exec(how)
	if err != nil && s.exec("ROLLBACK") == nil {
		err = s.exec(how)
	}
	return err
}

func (s *connection) update(ctx context.Context, change func(*transaction) error) error {
	if err := s.begin("BEGIN IMMEDIATE"); err != nil {
		return err
	}
	committed := false
	defer func() {
		if !committed { // also when change panics
			// An error tells that SQLite rolled back by itself; begin sees to the rest.
			_ = s.exec("ROLLBACK")
			s.cache.clear() // whether a COMMIT that failed is on disk is unknown
		}
	}()
	tx := newTransaction(ctx, s)
	if err := change(tx); err != nil {
		return err
	}
	if err := tx.flush(); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := s.exec("COMMIT"); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	committed = true
	s.cache.add(&tx.fresh)
	return nil
}

func (s *connection) view(ctx context.Context, read func(chat.View) error) error {
	if err := s.begin("BEGIN"); err != nil {
		return err
	}
	defer func() { _ = s.exec("ROLLBACK") }() // nothing was written; begin sees to an error
	return read(newView(ctx, s))
}

func (s *connection) close() error {
	var all []error
	for _, st := range s.statements {
		all = append(all, st.Close())
	}
	return errors.Join(append(all, s.conn.Close(), s.pool.Close())...)
}
