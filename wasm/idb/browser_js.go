//go:build js && wasm

package idb

import (
	"fmt"
	"slices"
	"strings"
	"syscall/js"

	"parley/wasm/chat"
)

var (
	uint8Array = js.Global().Get("Uint8Array")
	keyRange   = js.Global().Get("IDBKeyRange")
)

// try calls f and returns what JavaScript threw meanwhile, as an error for a person.
func try(f func()) (err error) {
	defer func() {
		switch thrown := recover().(type) {
		case nil:
		case js.Error:
			err = domError(thrown.Value)
		default:
			panic(thrown)
		}
	}()
	f()
	return nil
}

var (
	// errNewer: no older program may touch what a newer one wrote.
	errNewer = &chat.Reason{Text: "the stored history was written by a newer version of this program: reload the page", Code: "storage-newer"}
	// errFailed: the database is not to be trusted any more; it may have been
	// closed under the Store that has it open.
	errFailed = chat.ErrFailed
)

// domError makes an error of a DOMException.
func domError(exception js.Value) error {
	if exception.IsUndefined() || exception.IsNull() {
		return errAborted
	}
	name, message := exception.Get("name").String(), exception.Get("message").String()
	switch {
	case name == "SecurityError", strings.Contains(message, "denied permission"): // so says Chromium's UnknownError
		return &chat.Reason{Text: "the browser refuses storage to this page: allow it to keep site data", Code: "storage-refused"}
	case name == "QuotaExceededError":
		return chat.ErrFull
	case strings.Contains(message, "FILE_ERROR_NO_SPACE"): // so says Chromium where its disk is, and opens nothing until that has room
		return fmt.Errorf("%w: %w", chat.ErrFull, errFailed)
	case name == "VersionError":
		return errNewer
	case slices.Contains([]string{"InvalidStateError", "AbortError", "UnknownError", "NotFoundError", "DataError"}, name):
		return fmt.Errorf("%w: %s: %s", errFailed, name, message)
	}
	return &chat.Reason{Text: "the browser's storage refused something: " + name + ": " + message, Code: "storage-failed"}
}

// listeners are functions that JavaScript may call until release.
type listeners []js.Func

// on sets target's handler of an event. f must not block.
func (l *listeners) on(target js.Value, event string, f func()) {
	handler := js.FuncOf(func(js.Value, []js.Value) any {
		f()
		return nil
	})
	*l = append(*l, handler)
	target.Set("on"+event, handler)
}

func (l *listeners) release() {
	for _, f := range *l {
		f.Release()
	}
	*l = nil
}

// toJS copies b into a Uint8Array.
func toJS(b []byte) js.Value {
	v := uint8Array.New(len(b))
	js.CopyBytesToJS(v, b)
	return v
}

// toGo copies a Uint8Array. Whatever else is stored is damage.
func toGo(v js.Value) ([]byte, error) {
	if !v.InstanceOf(uint8Array) {
		return nil, errDamaged
	}
	b := make([]byte, v.Length())
	js.CopyBytesToGo(b, v)
	return b, nil
}
