//go:build js && wasm

package idb

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"syscall/js"

	"parley/wasm/chat"
)

// Store is a user's open database. It implements chat.Store, and is safe for
// concurrent use.
type Store struct {
	db       js.Value
	handlers listeners

	mu  sync.Mutex
	err error // why it is closed
}

var _ chat.Store = (*Store)(nil)

var errClosed = errors.New("the stored history is closed")

// Open opens the history of a user, other than 0, and makes an empty one if
// there is none. If a tab still runs an older version of the schema and does
// not close it, Open waits until ctx ends.
//
// A Store closes itself when another tab deletes or upgrades the database, or
// when the person deletes the site's data; everything then returns an error
// that says so.
func Open(ctx context.Context, user uint64) (*Store, error) {
	if user == 0 {
		return nil, errors.New("open the stored history: user 0 is nobody")
	}
	db, err := openDatabase(ctx, user)
	if err != nil {
		return nil, fmt.Errorf("open the stored history: %w", err)
	}
	s := &Store{db: db}
	s.handlers.on(db, "versionchange", func() {
		s.end(errors.New("the stored history was deleted or upgraded by another tab: reload the page"))
	})
	s.handlers.on(db, "close", func() {
		s.end(errors.New("the browser has closed the stored history, perhaps because its data was deleted: reload the page"))
	})
	return s, nil
}

// end closes the database; what is under way is finished. The first reason stands.
func (s *Store) end(reason error) {
	s.mu.Lock()
	first := s.err == nil
	if first {
		s.err = reason
	}
	s.mu.Unlock()
	if first {
		s.db.Call("close")
	}
}

// failure returns why the store is closed, nil if it is open.
func (s *Store) failure() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// Close implements chat.Store. It may be called more than once.
func (s *Store) Close() error {
	s.end(errClosed)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.handlers != nil {
		s.db.Set("onversionchange", js.Null())
		s.db.Set("onclose", js.Null())
		s.handlers.release()
	}
	return nil
}

// Load implements chat.Store.
func (s *Store) Load(ctx context.Context) (chat.Snapshot, error) {
	var snapshot chat.Snapshot
	err := s.read(ctx, func(t *transaction) error { return t.load(ctx, &snapshot) },
		storeMeta, storeConversations, storeOutbox)
	if err != nil {
		return chat.Snapshot{}, fmt.Errorf("load the stored history: %w", err)
	}
	return snapshot, nil
}

// Messages implements chat.Store.
func (s *Store) Messages(ctx context.Context, key string, from, to uint64) ([]chat.Entry, error) {
	if from > to || len(key) > 0xFF {
		return nil, nil
	}
	var entries []chat.Entry
	err := s.read(ctx, func(t *transaction) error {
		return t.pages(ctx, []stretch{{key, pageOf(from), pageOf(to)}}, func(_ string, p *page) {
			entries = p.entries(entries, key, from, to)
		})
	}, storeMessages)
	if err != nil {
		return nil, fmt.Errorf("read stored messages: %w", err)
	}
	return entries, nil
}

// read runs f in a transaction that changes nothing.
func (s *Store) read(ctx context.Context, f func(*transaction) error, stores ...string) error {
	return s.run(ctx, "readonly", f, stores...)
}

func (s *Store) run(ctx context.Context, mode string, f func(*transaction) error, stores ...string) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	t, err := s.begin(mode, stores...)
	if err != nil {
		return err
	}
	var failed error
	if thrown := try(func() { failed = f(t) }); thrown != nil {
		failed = thrown
	}
	return t.finish(ctx, failed)
}

// Apply implements chat.Store.
func (s *Store) Apply(ctx context.Context, b chat.Batch) error {
	if err := b.Check(); err != nil {
		return fmt.Errorf("store: %w", err)
	}
	stores := touched(b)
	if len(stores) == 0 {
		return s.failure()
	}
	if err := s.run(ctx, "readwrite", func(t *transaction) error { return t.apply(ctx, b) }, stores...); err != nil {
		return fmt.Errorf("store: %w", err)
	}
	return nil
}

// touched names the object stores that a batch changes.
func touched(b chat.Batch) (stores []string) {
	if b.Clear || len(b.Entries) > 0 || len(b.Deleted) > 0 {
		stores = append(stores, storeMessages)
	}
	if b.Clear || len(b.Conversations) > 0 {
		stores = append(stores, storeConversations)
	}
	if len(b.Outbox) > 0 || len(b.Confirmed) > 0 {
		stores = append(stores, storeOutbox)
	}
	if b.Meta != nil {
		stores = append(stores, storeMeta)
	}
	return stores
}
