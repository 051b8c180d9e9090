package postgres

import (
	"context"
	"fmt"

	"parley/server/chat"
	"parley/server/store/relational"
)

// index is a chat.Index in the same database, for all nodes. Row versions that pages had before may stay in the
// database's files until it vacuums them, as those of messages do.
type index struct{ *DB }

var _ chat.Index = index{}

// OpenIndex returns the search index, which Close closes.
func (db *DB) OpenIndex(context.Context) (chat.Index, error) { return index{db}, nil }

// View implements chat.Index.
func (x index) View(ctx context.Context, read func(chat.IndexView) error) error {
	return x.indexing(ctx, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", func(c *connection) error {
		return read(relational.IndexTransaction{Conn: c})
	})
}

// Update implements chat.Index. It waits for another node's before change begins, which may read the history: what it
// reads there must not be older than what the index knows.
func (x index) Update(ctx context.Context, change func(chat.IndexTx) error) error {
	return x.indexing(ctx, "BEGIN", func(c *connection) error {
		if err := c.Exec("LOCK TABLE index_place IN SHARE ROW EXCLUSIVE MODE"); err != nil {
			return err
		}
		if err := c.run(); err != nil {
			return err
		}
		return change(relational.IndexTransaction{Conn: c})
	})
}

// indexing lends a connection for a transaction.
func (x index) indexing(ctx context.Context, how string, f func(*connection) error) error {
	c, err := x.take(ctx, x.indexes)
	if err != nil {
		return fmt.Errorf("use the search index: %w", err)
	}
	defer func() { x.indexes <- c }() // whatever it is then
	if c, err = x.connected(ctx, c); err == nil {
		err = c.transaction(ctx, how, func() error { return f(c) })
	}
	if err != nil {
		return fmt.Errorf("use the search index: %w", err)
	}
	return nil
}
