package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
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
	fmt.Fprintln(stdout, "All rows were read again and are the same, in the same epoch, and the server's own key and invite went along.")
	return 0
}

func copyAll(ctx context.Context, from, to string, tell func(string, uint64)) (copied []relational.Copied, err error) {
	source, err := openEnd(ctx, "-from", from, true)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, source.Close()) }()
	dest, err := openEnd(ctx, "-to", to, false)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, dest.Close()) }()
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
	return copied, copySecrets(source, from, dest, to)
}

// copySecrets takes along what the server itself keeps beside the history.
func copySecrets(source history, from string, dest history, to string) error {
	for _, name := range secrets {
		secret, err := secretOf(source, from, name).Change(func([]byte) ([]byte, error) { return nil, nil })
		if err == nil && secret != nil {
			err = handOver(secret, secretOf(dest, to, name), false)
		}
		if err != nil {
			return fmt.Errorf("%s was not taken along: %w", name, err)
		}
	}
	return nil
}

// openEnd opens one end of a copy: a data folder, or a database. Both are locked against
// servers.
func openEnd(ctx context.Context, option, where string, mustBe bool) (h history, err error) {
	at := site{data: where}
	switch {
	case where == "":
		return nil, fmt.Errorf("%s is missing: parley copy -from DIR -to postgres://…, or the other way round", option)
	case strings.Contains(where, "://"):
		at = site{db: where}
	case mustBe && !store.Exists(where):
		return nil, fmt.Errorf("%s %s: give the folder of a server that has run", option, where)
	}
	if h, err = at.open(ctx, copying, slog.New(slog.DiscardHandler)); err != nil {
		return nil, fmt.Errorf("%s: %w", option, err)
	}
	return h, nil
}
