//go:build js && wasm

package idb

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"syscall/js"
	"time"

	"parley/wasm/chat"
)

// beginning is how long a start has other things to do than to renew the log.
const beginning = 2 * time.Second

// patience is how long the browser may take to open a database.
const patience = 15 * time.Second

// Store is a user's database. It implements chat.Store and chat.Watched, and is
// safe for concurrent use.
//
// The browser closes a database when another tab deletes or upgrades it, when
// the person deletes the site's data, and when its disk fails. A Store, which
// also closes one of whose transactions nothing is heard, then
// opens it again at the next call, or makes a new one, and says so with
// chat.ErrReopened.
type Store struct {
	user    uint64
	opening chan struct{} // holds a token while the database is opened again
	began   sync.Once     // what a start leaves for later, once it is open

	mu       sync.Mutex // never held while anything is waited for
	db       js.Value
	handlers listeners
	lost     error // why the database must be opened again; nil if it is open
	untold   error // why Open could not open it, as the first Load says
	reopened bool  // and not loaded since
	torn     bool  // what was written last before it was opened may be missing its end
	closed   bool  // by Close
	watch    func()
}

var (
	_ chat.Store   = (*Store)(nil)
	_ chat.Watched = (*Store)(nil)
)

var errClosed = errors.New("the stored history is closed")

// Open opens the history of a user, other than 0, and makes an empty one if
// there is none. If this browser keeps nothing, the error wraps an *Unavailable. Where it may later, as once there is room,
// the Store opens it then, and until then its errors wrap chat.ErrFull or chat.ErrFailed.
func Open(ctx context.Context, user uint64) (*Store, error) {
	if user == 0 {
		return nil, errors.New("open the stored history: user 0 is nobody")
	}
	db, err := openDatabase(ctx, user, patience)
	if errors.Is(err, errNewer) {
		unavailable := &Unavailable{why: err, Newer: true}
		if unavailable.Outbox, err = readOutbox(ctx, user); err != nil {
			unavailable.why = fmt.Errorf("%w; what waits to be sent there cannot be read: %w", unavailable.why, err)
		}
		err = unavailable
	}
	if _, never := errors.AsType[*Unavailable](err); err != nil && (never || ctx.Err() != nil || errors.Is(err, errHeld)) {
		return nil, fmt.Errorf("open the stored history: %w", err)
	}
	s := &Store{user: user, opening: make(chan struct{}, 1), db: db, lost: err, untold: err}
	if err == nil {
		s.take(db)
	}
	return s, nil
}

// begin renews the log before long.
func (s *Store) begin() {
	time.AfterFunc(beginning, func() {
		s.mu.Lock()
		s.torn = true
		s.mu.Unlock()
		s.renew(context.Background())
	})
}

// renew renews the log if that may be torn, and if it can.
func (s *Store) renew(ctx context.Context) {
	s.mu.Lock()
	torn := s.torn && !s.closed
	s.torn = false
	s.mu.Unlock()
	if torn && renewLog(ctx) != nil { // for want of room
		s.mu.Lock()
		s.torn = true
		s.mu.Unlock()
	}
}

// take makes db the open database. s.mu is held, or s is new.
func (s *Store) take(db js.Value) {
	s.db, s.lost = db, nil
	s.began.Do(s.begin)
	s.handlers.on(db, "versionchange", func() {
		s.lose(db, &chat.Reason{Text: "the stored history was deleted or upgraded by another tab", Code: "storage-lost"})
	})
	s.handlers.on(db, "close", func() {
		s.lose(db, &chat.Reason{Text: "the browser has closed the stored history", Code: "storage-lost"})
	})
}

// lose gives up a database, if it is still the open one.
func (s *Store) lose(db js.Value, why error) {
	s.mu.Lock()
	lost := !s.closed && s.lost == nil && s.db.Equal(db)
	var watch func()
	if lost {
		s.lost, s.torn, watch = why, true, s.watch
	} else if s.lost != nil && errors.Is(why, chat.ErrFull) { // which says more than that it was closed
		s.lost = why
	}
	s.mu.Unlock()
	if lost {
		db.Call("close") // what is under way is finished
	}
	if watch != nil {
		watch()
	}
}

// Watch implements chat.Watched.
func (s *Store) Watch(lost func()) {
	s.mu.Lock()
	s.watch = lost
	before := s.lost != nil
	s.mu.Unlock()
	if before {
		lost()
	}
}

// ready returns the open database. If that was lost, it is opened again, and
// until Load the error is chat.ErrReopened.
func (s *Store) ready(ctx context.Context) (js.Value, error) {
	s.mu.Lock()
	db, lost, reopened, closed := s.db, s.lost, s.reopened, s.closed
	s.mu.Unlock()
	switch {
	case closed:
		return db, errClosed
	case lost != nil:
		return db, s.reopen(ctx)
	case reopened:
		return db, chat.ErrReopened
	}
	return db, nil
}

// reopen opens the database again, and returns chat.ErrReopened once that is done.
func (s *Store) reopen(ctx context.Context) error {
	select {
	case s.opening <- struct{}{}:
		defer func() { <-s.opening }()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	s.mu.Lock()
	lost, closed := s.lost, s.closed
	s.mu.Unlock()
	if lost == nil { // somebody else did
		return chat.ErrReopened
	}
	if closed {
		return errClosed
	}
	db, err := openDatabase(ctx, s.user, patience)
	if err != nil && s.db.IsUndefined() {
		return err
	}
	if err != nil {
		return fmt.Errorf("%w, and cannot be opened again: %w", lost, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		db.Call("close")
		return errClosed
	}
	s.forget()
	s.take(db)
	s.reopened = true
	return fmt.Errorf("%w: %w", lost, chat.ErrReopened)
}

// forget ends all listening to a database that is closed, if there was one.
func (s *Store) forget() {
	if s.db.IsUndefined() {
		return
	}
	s.db.Set("onversionchange", js.Null())
	s.db.Set("onclose", js.Null())
	s.handlers.release()
}

// Close implements chat.Store. It may be called more than once.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	s.forget()
	if s.lost == nil {
		s.db.Call("close") // what is under way is finished
	}
	return nil
}

// Load implements chat.Store.
func (s *Store) Load(ctx context.Context) (chat.Snapshot, error) { return s.load(ctx, false) }

// load loads once again from a database that was lost meanwhile.
func (s *Store) load(ctx context.Context, again bool) (chat.Snapshot, error) {
	s.mu.Lock()
	untold := s.untold
	s.untold = nil
	s.mu.Unlock()
	if untold != nil {
		return chat.Snapshot{}, fmt.Errorf("load the stored history: %w", untold)
	}
	if _, err := s.ready(ctx); err != nil && !errors.Is(err, chat.ErrReopened) {
		return chat.Snapshot{}, fmt.Errorf("load the stored history: %w", err)
	}
	s.mu.Lock()
	s.reopened = false
	s.mu.Unlock()
	var snapshot chat.Snapshot
	err := s.read(ctx, func(t *transaction) error { return t.load(ctx, &snapshot) },
		storeMeta, storeConversations, storeOutbox)
	if errors.Is(err, chat.ErrReopened) && !again {
		return s.load(ctx, true)
	}
	if err != nil {
		return chat.Snapshot{}, fmt.Errorf("load the stored history: %w", err)
	}
	return snapshot, nil
}

// Rows implements chat.Store.
func (s *Store) Rows(ctx context.Context, after string, limit int) (rows []chat.Row, err error) {
	var damage chat.Damage
	err = s.read(ctx, func(t *transaction) (err error) {
		rows, damage.Conversations, err = t.rows(ctx, keyRange.Call("lowerBound", toJS([]byte(after)), true), limit)
		return err
	}, storeConversations)
	if err != nil {
		return nil, fmt.Errorf("load the stored history: %w", err)
	}
	if damage.Any() {
		return rows, &damage
	}
	return rows, nil
}

// Messages implements chat.Store.
func (s *Store) Messages(ctx context.Context, key string, from, to uint64) ([]chat.Entry, error) {
	if from > to || len(key) > 0xFF {
		return nil, nil
	}
	var entries []chat.Entry // those that can be read, also with an error
	err := s.read(ctx, func(t *transaction) error {
		return t.pages(ctx, []stretch{{key, pageOf(from), pageOf(to)}}, func(_ string, p *page) {
			entries = p.entries(entries, key, from, to)
		})
	}, storeMessages)
	if err != nil {
		return entries, fmt.Errorf("read stored messages: %w", err)
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
	db, err := s.ready(ctx)
	if err != nil {
		return err
	}
	err = transact(ctx, db, mode, f, stores...)
	if errors.Is(err, errFailed) {
		s.lose(db, err) // the event that says so may still be on its way
	}
	if err == nil && mode == "readwrite" {
		s.renew(ctx)
	}
	if err == nil || errors.Is(err, chat.ErrFull) || s.open(db) {
		return err
	}
	_, err = s.ready(ctx) // what happened with a database that was lost, its successor tells
	return err
}

// open reports whether db is the open database.
func (s *Store) open(db js.Value) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed || s.lost == nil && s.db.Equal(db)
}

// Apply implements chat.Store.
func (s *Store) Apply(ctx context.Context, b chat.Batch) error {
	if err := b.Check(); err != nil {
		return fmt.Errorf("store: %w", err)
	}
	stores := touched(b)
	if len(stores) == 0 {
		_, err := s.ready(ctx)
		return err
	}
	if err := s.run(ctx, "readwrite", func(t *transaction) error { return t.apply(ctx, b) }, stores...); err != nil {
		return fmt.Errorf("store: %w", err)
	}
	return nil
}

// touched names the object stores that a batch changes.
func touched(b chat.Batch) (stores []string) {
	if b.Clear || len(b.Dropped) > 0 || len(b.Entries) > 0 || len(b.Deleted) > 0 {
		stores = append(stores, storeMessages, storeTerms)
	}
	if b.Clear || len(b.Conversations) > 0 {
		stores = append(stores, storeConversations)
	}
	if len(b.Outbox) > 0 || len(b.Confirmed) > 0 {
		stores = append(stores, storeOutbox)
	}
	if b.Meta != nil || b.Top != nil || b.Clear {
		stores = append(stores, storeMeta)
	}
	return stores
}
