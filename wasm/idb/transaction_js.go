//go:build js && wasm

package idb

import (
	"context"
	"errors"
	"slices"
	"syscall/js"
	"time"
)

var errAborted = errors.New("the transaction was aborted")

// transaction is an IDBTransaction. The browser commits it once a callback
// returns and no request is pending; Go's goroutines all run before that, so
// that what follows await may still make requests, if it waits for nothing else.
//
// Where a browser closes a database by itself, as for a full disk, Chromium leaves a transaction that begins just then
// without an end: it aborts its requests, says that the database is closed, and nothing more. One that hears nothing at
// all is given up after a while.
type transaction struct {
	db, tx   js.Value
	stores   map[string]js.Value
	handlers listeners
	onRead   js.Func
	onClose  js.Func         // of db
	pending  int             // reads under way
	arrived  chan struct{}   // all reads under way have arrived
	ended    chan error      // nil when it is committed
	patient  context.Context // until it took too long
	leaves   func()
}

// longest is how long a transaction may take: all that a large history holds can be deleted in much less.
const longest = time.Minute

// begin starts a transaction on the object stores of a database.
func begin(db js.Value, mode string, stores ...string) (*transaction, error) {
	names := make([]any, len(stores))
	for i, name := range stores {
		names[i] = name
	}
	durability := "relaxed" // the server has it
	if slices.Contains(stores, storeOutbox) {
		durability = "strict"
	}
	t := &transaction{db: db, stores: make(map[string]js.Value), arrived: make(chan struct{}, 1), ended: make(chan error, 1)}
	if err := try(func() { t.tx = db.Call("transaction", names, mode, map[string]any{"durability": durability}) }); err != nil {
		return nil, err
	}
	t.handlers.on(t.tx, "complete", func() { t.end(nil) })
	t.handlers.on(t.tx, "abort", func() { t.end(domError(t.tx.Get("error"))) })
	t.onClose = js.FuncOf(func(js.Value, []js.Value) any {
		t.end(errFailed)
		return nil
	})
	db.Call("addEventListener", "close", t.onClose)
	t.onRead = js.FuncOf(func(js.Value, []js.Value) any {
		if t.pending--; t.pending == 0 {
			t.arrived <- struct{}{}
		}
		return nil
	})
	t.handlers = append(t.handlers, t.onRead, t.onClose)
	t.patient, t.leaves = context.WithTimeout(context.Background(), longest)
	return t, nil
}

// end notes how it ended, which is told first.
func (t *transaction) end(err error) {
	select {
	case t.ended <- err:
	default:
	}
}

// transact runs f in a transaction.
func transact(ctx context.Context, db js.Value, mode string, f func(*transaction) error, stores ...string) error {
	t, err := begin(db, mode, stores...)
	if err != nil {
		return err
	}
	if thrown := try(func() { err = f(t) }); thrown != nil {
		err = thrown
	}
	if err == nil && mode == "readonly" {
		t.leave()
		return nil
	}
	return t.finish(ctx, err)
}

// leave lets a transaction that has read what it was to end by itself: who waits for what was read need not wait for that.
func (t *transaction) leave() {
	for _, handler := range []string{"oncomplete", "onabort"} {
		t.tx.Set(handler, js.Null())
	}
	t.db.Call("removeEventListener", "close", t.onClose)
	t.leaves()
	t.handlers.release()
}

func (t *transaction) store(name string) js.Value {
	store, known := t.stores[name]
	if !known {
		store = t.tx.Call("objectStore", name)
		t.stores[name] = store
	}
	return store
}

// read makes a request whose result is there after await.
func (t *transaction) read(store, method string, args ...any) js.Value {
	request := t.store(store).Call(method, args...)
	request.Set("onsuccess", t.onRead)
	t.pending++
	return request
}

// await waits for all reads made before it; there must be one.
func (t *transaction) await(ctx context.Context) error {
	select {
	case <-t.arrived:
		return nil
	case err := <-t.ended:
		t.ended <- err
		if err == nil {
			err = errAborted
		}
		return err
	case <-t.patient.Done():
		return errSilent
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// finish waits until the transaction is committed. If err is not nil, or ctx
// ends first, it is aborted instead; what finish returns is what happened, as far as the browser says.
func (t *transaction) finish(ctx context.Context, err error) error {
	defer t.leave()
	cancelled := false
	if err == nil {
		select {
		case err := <-t.ended:
			return err
		case <-t.patient.Done():
			err = errSilent
		case <-ctx.Done():
			err, cancelled = context.Cause(ctx), true
		}
	}
	_ = try(func() { t.tx.Call("abort") }) // it may have ended by itself
	if err == errSilent {                  // nor will be heard of that
		return err
	}
	select {
	case ended := <-t.ended:
		if ended == nil && cancelled || ended != nil && ended != errAborted {
			return ended
		}
	case <-t.patient.Done():
		return errSilent
	}
	return err
}

// records copies the result of a getAll over a key range and decodes each record with f. Of those that cannot be it
// returns the keys.
func (t *transaction) records(ctx context.Context, store string, over, request js.Value, f func([]byte) error) (damaged [][]byte, err error) {
	values := request.Get("result")
	var at []int
	for i := range values.Length() {
		b, err := toGo(values.Index(i))
		if err == nil {
			err = f(b)
		}
		if err != nil {
			at = append(at, i)
		}
	}
	if at == nil {
		return nil, nil
	}
	keys := t.read(store, "getAllKeys", over)
	if err := t.await(ctx); err != nil {
		return nil, err
	}
	for _, i := range at {
		damaged = append(damaged, keyBytes(keys.Get("result").Index(i)))
	}
	return damaged, nil
}

// keyBytes copies a key; nil if it is none of this program's.
func keyBytes(key js.Value) []byte {
	if key.Type() != js.TypeObject || key.Get("byteLength").Type() != js.TypeNumber {
		return nil
	}
	b, _ := toGo(uint8Array.New(key))
	return b
}
