package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"

	"parley/server/chat"
	"parley/server/store"
	"parley/server/store/postgres"
	"parley/server/store/relational"
)

// copyHistory copies a history between a data folder and PostgreSQL, where no server uses
// either, and prints what was copied. It exits with 1 if nothing was.
func copyHistory(ctx context.Context, from, to string, stdout, stderr io.Writer) (exit int) {
	copied, err := copyAll(ctx, from, to, func(table string, rows uint64) { fmt.Fprintf(stdout, "%s: %d so far\n", table, rows) })
	if err != nil {
		fmt.Fprintf(stderr, "parley: copy: %v\n", err)
		return 1
	}
	for _, c := range copied {
		fmt.Fprintf(stdout, "%-13s %10d rows  %s\n", c.Table, c.Rows, c.Hash)
	}
	fmt.Fprintln(stdout, "All rows were read again and are the same, in the same epoch. A server also needs the keys that are in the data folder: go on with that folder, or take jwt.key and agent.invite along.")
	return 0
}

func copyAll(ctx context.Context, from, to string, tell func(string, uint64)) (copied []relational.Copied, err error) {
	source, closeSource, err := openEnd(ctx, "-from", from, true)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, closeSource()) }()
	dest, closeDest, err := openEnd(ctx, "-to", to, false)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, closeDest()) }()
	err = source.Scan(ctx, func(v chat.View) error {
		view := v.(*relational.View)
		if _, ok := source.(*postgres.DB); ok { // it waits while the other writes
			if err := view.Exec("SET LOCAL idle_in_transaction_session_timeout = 0"); err != nil {
				return err
			}
		}
		return dest.Update(ctx, func(tx chat.Tx) (err error) {
			t := tx.(*relational.Transaction)
			if copied, err = relational.Copy(ctx, t, view, dest.Start(), tell); err != nil {
				return err
			}
			if _, ok := dest.(*postgres.DB); ok { // of the starts after those that were copied
				return t.Exec("SELECT setval(pg_get_serial_sequence('starts', 'number'), (SELECT max(number) FROM starts))")
			}
			return nil
		})
	})
	if err != nil {
		return nil, fmt.Errorf("nothing was copied: %w", err)
	}
	return copied, nil
}

// openEnd opens one end of a copy: a data folder, or a database. Both are locked against
// servers.
func openEnd(ctx context.Context, option, where string, mustBe bool) (h history, end func() error, err error) {
	at := site{data: where}
	clean := func() error { return nil }
	switch {
	case where == "":
		return nil, nil, fmt.Errorf("%s is missing: parley copy -from DIR -to postgres://…, or the other way round", option)
	case strings.Contains(where, "://"):
		if at.data, err = os.MkdirTemp("", "parley-copy-"); err != nil {
			return nil, nil, err
		}
		at.db = where
		clean = func() error { return os.RemoveAll(at.data) }
	case mustBe && !store.Exists(where):
		return nil, nil, fmt.Errorf("%s %s: give the folder of a server that has run", option, where)
	}
	if h, err = at.open(ctx, true, slog.New(slog.DiscardHandler)); err != nil {
		return nil, nil, errors.Join(fmt.Errorf("%s: %w", option, err), clean())
	}
	return h, func() error { return errors.Join(h.Close(), clean()) }, nil
}
