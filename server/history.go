package main

import (
	"context"
	"log/slog"

	"github.com/prometheus/client_golang/prometheus"

	"parley/server/chat"
	"parley/server/store"
	"parley/server/store/postgres"
)

// history is the store that is open, whichever database it is in.
type history interface {
	chat.Store
	// Doubt says why a new epoch began with this opening; "" if none did.
	Doubt() string
	// OpenIndex opens the search index that belongs to the history, and is closed with it.
	OpenIndex(context.Context) (chat.Index, error)
	Probe(context.Context) error
	Verify(context.Context) error
	// Advice is what an error of the others says, and what to do, for anybody to read.
	Advice(error) string
}

var (
	_ history = (*store.DB)(nil)
	_ history = (*postgres.DB)(nil)
)

// site is where a history is.
type site struct {
	data string // folder, also of what belongs to the server beside the history
	db   string // address of PostgreSQL; "" for SQLite in the folder
	// records says that all that is told is to be in the change log (postgres.Config).
	records bool
}

// String names it, and no password.
func (s site) String() string {
	if s.db != "" {
		return "-db"
	}
	return "-data " + s.data
}

// use is what a history is opened for.
type use int

const (
	serving    use = iota
	commanding     // a command, which with PostgreSQL nodes do not mind
	copying        // nobody else may use it
)

// open opens the history.
func (s site) open(ctx context.Context, to use, log *slog.Logger) (h history, err error) {
	if s.db != "" {
		c := postgres.Config{URL: s.db, Serve: to == serving, Alone: to == copying, Records: s.records, Log: log}
		if to == serving {
			c.Dir = s.data
		}
		h, err = postgres.Open(ctx, c)
	} else {
		h, err = store.Open(ctx, s.data)
	}
	if err != nil { // and h holds a nil pointer
		return nil, err
	}
	return h, nil
}

// lost is closed when the server may not go on with its history, for which why gives the
// reason; nil if that does not happen.
func lost(h history) (closed <-chan struct{}, why func() error) {
	if db, ok := h.(*postgres.DB); ok {
		return db.Lost(), db.Why
	}
	return nil, nil
}

// collectorsOf returns the metrics that the history keeps itself.
func collectorsOf(h history) []prometheus.Collector {
	if c, ok := h.(prometheus.Collector); ok {
		return []prometheus.Collector{c}
	}
	return nil
}

// following says why a node does not know at once what the others commit; nil if it does.
func following(h history) error {
	if db, ok := h.(*postgres.DB); ok {
		return db.Following()
	}
	return nil
}
