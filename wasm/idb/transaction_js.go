//go:build js && wasm

package idb

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"syscall/js"
)

var errAborted = errors.New("the transaction was aborted")

// transaction is an IDBTransaction. The browser commits it once a callback
// returns and no request is pending; Go's goroutines all run before that, so
// that what follows await may still make requests, if it waits for nothing else.
type transaction struct {
	tx       js.Value
	handlers listeners
	onRead   js.Func
	pending  int           // reads under way
	arrived  chan struct{} // all reads under way have arrived
	ended    chan error    // nil when it is committed
}

// begin starts a transaction on the object stores of a database.
func begin(db js.Value, mode string, stores ...string) (*transaction, error) {
	names := make([]any, len(stores))
	for i, name := range stores {
		names[i] = name
	}
	t := &transaction{arrived: make(chan struct{}, 1), ended: make(chan error, 1)}
	if err := try(func() { t.tx = db.Call("transaction", names, mode, map[string]any{"durability": "relaxed"}) }); err != nil {
		return nil, err
	}
	t.handlers.on(t.tx, "complete", func() { t.ended <- nil })
	t.handlers.on(t.tx, "abort", func() { t.ended <- domError(t.tx.Get("error")) })
	t.onRead = js.FuncOf(func(js.Value, []js.Value) any {
		if t.pending--; t.pending == 0 {
			t.arrived <- struct{}{}
		}
		return nil
	})
	t.handlers = append(t.handlers, t.onRead)
	return t, nil
}

func (t *transaction) store(name string) js.Value { return t.tx.Call("objectStore", name) }

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
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// finish waits until the transaction is committed. If err is not nil, or ctx
// ends first, it is aborted instead; what finish returns is what happened.
func (t *transaction) finish(ctx context.Context, err error) error {
	defer t.handlers.release()
	cancelled := false
	if err == nil {
		select {
		case err := <-t.ended:
			return err
		case <-ctx.Done():
			err, cancelled = context.Cause(ctx), true
		}
	}
	_ = try(func() { t.tx.Call("abort") }) // it may have ended by itself
	switch ended := <-t.ended; {
	case ended == nil && cancelled:
		return nil
	case ended != nil && ended != errAborted:
		return ended
	}
	return err
}

// records copies the result of a getAll and decodes each record with f.
func (t *transaction) records(ctx context.Context, store string, over, request js.Value, f func([]byte) error) error {
	values := request.Get("result")
	for i := range values.Length() {
		b, err := toGo(values.Index(i))
		if err == nil {
			err = f(b)
		}
		if err != nil {
			return t.damaged(ctx, store, over, i, err)
		}
	}
	return nil
}

// damaged names the record that is i-th of those over a key range.
func (t *transaction) damaged(ctx context.Context, store string, over js.Value, i int, damage error) error {
	var keys js.Value
	if err := try(func() { keys = t.read(store, "getAllKeys", over) }); err != nil {
		return err
	}
	if err := t.await(ctx); err != nil {
		return err
	}
	return fmt.Errorf("the stored history: %s: %w", recordName(store, keys.Get("result").Index(i)), damage)
}

// recordName says for a person what a record holds, by its key.
func recordName(store string, key js.Value) string {
	if key.Type() == js.TypeString {
		return store + " " + key.String()
	}
	b := make([]byte, key.Get("byteLength").Int())
	js.CopyBytesToGo(b, uint8Array.New(key))
	switch {
	case store == storeMessages:
		return parsePlace(b).String()
	case store == storeConversations:
		return store + " " + string(b)
	case len(b) == 8:
		return fmt.Sprint(store, " ", binary.BigEndian.Uint64(b))
	}
	return fmt.Sprintf("%s %x", store, b)
}
