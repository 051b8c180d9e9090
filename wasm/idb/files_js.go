//go:build js && wasm

package idb

import (
	"context"
	"fmt"
	"strconv"
	"syscall/js"

	"parley/wasm/chat"
)

// Files is where pages put files that are to be sent, as Blobs under keys of theirs, in a
// database of its own (static/client/kept-files.js). It is opened for each use, so that nobody
// who deletes it waits. Safe for concurrent use.
type Files struct{ user uint64 }

// OpenFiles returns the files of a user.
func OpenFiles(user uint64) *Files { return &Files{user} }

const (
	filesVersion = 1
	storeFiles   = "files"
)

func filesName(user uint64) string { return "parley-files-" + strconv.FormatUint(user, 10) }

// Blob returns a file; chat.ErrFileGone if there is none.
func (s *Files) Blob(ctx context.Context, key string) (blob js.Value, err error) {
	err = s.use(ctx, "readonly", func(t *transaction) error {
		request := t.read(storeFiles, "get", key)
		if err := t.await(ctx); err != nil {
			return err
		}
		if blob = request.Get("result"); blob.Type() != js.TypeObject {
			return chat.ErrFileGone
		}
		return nil
	})
	return blob, err
}

// Keys returns the keys of all files.
func (s *Files) Keys(ctx context.Context) (keys []string, err error) {
	err = s.use(ctx, "readonly", func(t *transaction) error {
		request := t.read(storeFiles, "getAllKeys")
		if err := t.await(ctx); err != nil {
			return err
		}
		found := request.Get("result")
		for i := range found.Length() {
			if key := found.Index(i); key.Type() == js.TypeString {
				keys = append(keys, key.String())
			}
		}
		return nil
	})
	return keys, err
}

// Delete deletes files, also those that are not there.
func (s *Files) Delete(ctx context.Context, keys []string) error {
	return s.use(ctx, "readwrite", func(t *transaction) error {
		for _, key := range keys {
			t.store(storeFiles).Call("delete", key)
		}
		return nil
	})
}

// Erase deletes all of the user's files.
func (s *Files) Erase(ctx context.Context) error {
	waiting, cancel := context.WithTimeoutCause(ctx, patience, errSilent)
	defer cancel()
	if _, err := settle(waiting, func(f js.Value) js.Value { return f.Call("deleteDatabase", filesName(s.user)) }, nil, nil); err != nil {
		return fmt.Errorf("delete the files that were to be sent: %w", err)
	}
	return nil
}

// use runs one transaction.
func (s *Files) use(ctx context.Context, mode string, do func(*transaction) error) error {
	waiting, cancel := context.WithTimeoutCause(ctx, patience, errSilent)
	defer cancel()
	db, err := settle(waiting, func(f js.Value) js.Value { return f.Call("open", filesName(s.user), filesVersion) },
		func(db, _ js.Value, from int) {
			if from < 1 {
				db.Call("createObjectStore", storeFiles)
			}
		}, func(late js.Value) { late.Call("close") })
	if err != nil {
		return fmt.Errorf("open the files that are to be sent: %w", err)
	}
	defer db.Call("close")
	return transact(waiting, db, mode, do, storeFiles)
}
