//go:build js && wasm

package idb

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
	"syscall/js"
	"time"

	"parley/wasm/chat"
)

// version of the schema. A new one adds to upgrade.
const version = 2

// The object stores.
const (
	storeMessages      = "messages"
	storeConversations = "conversations"
	storeOutbox        = "outbox"
	storeMeta          = "meta"
	storeTerms         = "terms"
)

func databaseName(user uint64) string { return "parley-" + strconv.FormatUint(user, 10) }

// upgrade brings a database from an older version to this one, in the
// transaction upgraded.
func upgrade(db, upgraded js.Value, from int) {
	if from < 1 {
		for _, name := range []string{storeMessages, storeConversations, storeOutbox, storeMeta} {
			db.Call("createObjectStore", name)
		}
		// Makes the browser say now if there is no room for anything.
		room := upgraded.Call("objectStore", storeMeta)
		room.Call("put", uint8Array.New(1024), "room")
		room.Call("delete", "room")
	}
	if from < 2 {
		db.Call("createObjectStore", storeTerms)
	}
}

func factory() (js.Value, error) {
	var f js.Value
	if err := try(func() { f = js.Global().Get("indexedDB") }); err != nil {
		return f, err
	}
	if f.IsUndefined() || f.IsNull() {
		return f, &chat.Reason{Text: "this browser offers no storage (IndexedDB) here: leave private browsing, or use another browser", Code: "storage-none"}
	}
	return f, nil
}

// Unavailable is the error of Open where this browser keeps nothing: storage is
// blocked or absent, or is a newer version's. It says which.
type Unavailable struct {
	why error
	// Newer is that there is a database of a newer version of this program, which stays as it is; Outbox is what waits
	// to be sent there, as far as it can be read.
	Newer  bool
	Outbox []chat.Outgoing
}

func (u *Unavailable) Error() string { return u.why.Error() }
func (u *Unavailable) Unwrap() error { return u.why }

var (
	errSilent = fmt.Errorf("%w: %w", chat.ErrSilent, errFailed)
	errHeld   = &chat.Reason{Text: "another tab holds the stored history open: close the other tabs", Code: "storage-held"}
)

// openDatabase opens a user's database, and makes it if there is none.
func openDatabase(ctx context.Context, user uint64, patience time.Duration) (js.Value, error) {
	waiting, cancel := context.WithTimeoutCause(ctx, patience, errSilent)
	defer cancel()
	db, err := settle(waiting, func(f js.Value) js.Value { return f.Call("open", databaseName(user), version) }, upgrade,
		func(late js.Value) { late.Call("close") })
	if err == nil || ctx.Err() != nil || errors.Is(err, errNewer) || mayPass(err) {
		return db, err
	}
	return db, &Unavailable{why: err}
}

// mayPass reports whether a database that could not be opened may be later: once there is room, the browser's storage works
// or answers, or another tab gives way.
func mayPass(err error) bool { return errors.Is(err, chat.ErrFull) || errors.Is(err, errFailed) }

// readOutbox reads what waits to be sent in a database of whatever version.
func readOutbox(ctx context.Context, user uint64) (outbox []chat.Outgoing, err error) {
	waiting, cancel := context.WithTimeoutCause(ctx, patience, errSilent)
	defer cancel()
	db, err := settle(waiting, func(f js.Value) js.Value { return f.Call("open", databaseName(user)) },
		func(_, upgraded js.Value, _ int) { upgraded.Call("abort") }, // it was deleted meanwhile
		func(late js.Value) { late.Call("close") })
	if err != nil {
		return nil, err
	}
	defer db.Call("close")
	err = transact(waiting, db, "readonly", func(t *transaction) error {
		read := t.read(storeOutbox, "getAll")
		if err := t.await(waiting); err != nil {
			return err
		}
		outbox, _, err = t.outbox(waiting, read)
		return err
	}, storeOutbox)
	return outbox, err
}

// Delete deletes a user's database. It waits until every tab has closed it,
// which tabs with a Store do by themselves.
func Delete(ctx context.Context, user uint64) error {
	waiting, cancel := context.WithTimeoutCause(ctx, patience, errSilent)
	defer cancel()
	if _, err := settle(waiting, func(f js.Value) js.Value { return f.Call("deleteDatabase", databaseName(user)) }, nil, nil); err != nil {
		return fmt.Errorf("delete the stored history: %w", err)
	}
	return nil
}

// scratch is a database that is made to be deleted, with a name that no other of the site has.
const scratch = "parley-scratch"

// renewLog lets the browser go on in another file. Where the end of a write is missing, as that of a full disk or of a
// power cut, Chromium goes on behind it in the same file, cannot read that the next time it opens it, and gives up all
// databases of the site. Once one was deleted it begins a new file, with all that is readable now in another.
func renewLog(ctx context.Context) error {
	waiting, cancel := context.WithTimeoutCause(ctx, patience, errSilent)
	defer cancel()
	db, err := settle(waiting, func(f js.Value) js.Value { return f.Call("open", scratch) }, func(js.Value, js.Value, int) {},
		func(late js.Value) { late.Call("close") })
	if err != nil {
		return err
	}
	db.Call("close")
	_, err = settle(waiting, func(f js.Value) js.Value { return f.Call("deleteDatabase", scratch) }, nil, nil)
	return err
}

// settle waits for a request of the factory, which may need an upgrade. If ctx ends first, the
// request goes on in the browser, and late gets what it brings.
func settle(ctx context.Context, ask func(factory js.Value) js.Value, upgrade func(db, upgraded js.Value, from int), late func(result js.Value)) (js.Value, error) {
	none := js.Undefined()
	if ctx.Err() != nil {
		return none, context.Cause(ctx)
	}
	f, err := factory()
	if err != nil {
		return none, err
	}
	var request js.Value
	if err := try(func() { request = ask(f) }); err != nil {
		return none, err
	}
	var handlers listeners
	settled := make(chan error, 1)
	blocked := false
	var failed error // of the upgrade
	handlers.on(request, "success", func() { settled <- nil })
	handlers.on(request, "error", func() { settled <- cmp.Or(failed, domError(request.Get("error"))) })
	handlers.on(request, "blocked", func() { blocked = true })
	upgrading := js.FuncOf(func(_ js.Value, args []js.Value) any {
		db, tx, from := request.Get("result"), request.Get("transaction"), args[0].Get("oldVersion").Int()
		handlers.on(tx, "abort", func() { failed = cmp.Or(failed, domError(tx.Get("error"))) })
		if err := try(func() { upgrade(db, tx, from) }); err != nil {
			failed = err
			tx.Call("abort") // and the error event follows
		}
		return nil
	})
	handlers = append(handlers, upgrading)
	request.Set("onupgradeneeded", upgrading)
	select {
	case err := <-settled:
		handlers.release()
		if err != nil {
			return none, err // there is no result, and asking for it throws
		}
		return request.Get("result"), nil
	case <-ctx.Done():
		go func() { // until the browser has answered
			if err := <-settled; err == nil && late != nil {
				late(request.Get("result"))
			}
			handlers.release()
		}()
		if blocked {
			return none, fmt.Errorf("%w: %w", errHeld, context.Cause(ctx))
		}
		return none, context.Cause(ctx)
	}
}
