//go:build js && wasm

package idb

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"syscall/js"
	"testing"
	"time"

	"parley/wasm/chat"
	"parley/wasm/chat/storetest"
)

// users are given to one test each, so that each has a database of its own.
var users = uint64(1<<64 - 1)

func newUser(t testing.TB) uint64 {
	user := users
	users--
	remove := func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := Delete(ctx, user); err != nil {
			t.Error(err)
		}
	}
	remove()
	t.Cleanup(remove)
	return user
}

func open(t testing.TB, user uint64) *Store {
	t.Helper()
	s, err := Open(t.Context(), user)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestStore(t *testing.T) { storetest.Run(t, opener) }

func opener(t *testing.T) (chat.Store, func() chat.Store) {
	user := newUser(t)
	s := open(t, user)
	return s, func() chat.Store {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		s = open(t, user)
		return s
	}
}

func batch(n int) chat.Batch {
	b := chat.Batch{Meta: &chat.Meta{Epoch: 1}, Outbox: []chat.Outgoing{{Number: 1<<64 - 1, Key: "d:1:2"}}}
	for seq := range uint64(n) {
		b.Entries = append(b.Entries, entry(seq+1))
	}
	b.Conversations = []chat.Row{{Key: "d:1:2", Ranges: []chat.Range{{From: 1, To: uint64(n)}}}}
	return b
}

// spoil replaces the record at key with value.
func spoil(t *testing.T, s *Store, store string, key, value any) {
	t.Helper()
	err := s.run(t.Context(), "readwrite", func(t *transaction) error {
		t.store(store).Call("put", value, key)
		return nil
	}, store)
	if err != nil {
		t.Fatal(err)
	}
}

// damages are all that may stand in a record's place.
func damages() map[string]any {
	return map[string]any{
		"text":        "text",
		"a number":    1,
		"null":        js.Null(),
		"no bytes":    toJS(nil),
		"other bytes": toJS([]byte("something else")),
	}
}

func TestDamagedRecordsAreNamedAndTheOthersLoaded(t *testing.T) {
	for _, test := range []struct {
		store string
		key   any
		want  func(*chat.Snapshot) // what is left of all
	}{
		{storeConversations, toJS([]byte("d:1:2")), func(s *chat.Snapshot) {
			s.Conversations, s.Damaged.Conversations = s.Conversations[1:], []string{"d:1:2"}
		}},
		{storeOutbox, toJS(numberKey(1<<64 - 1)), func(s *chat.Snapshot) {
			s.Outbox, s.Damaged.Outbox = s.Outbox[:1], []uint64{1<<64 - 1}
		}},
		{storeMeta, metaKey, func(s *chat.Snapshot) { s.Meta, s.Damaged.Meta = chat.Meta{}, true }},
	} {
		for name, value := range damages() {
			t.Run(test.store+" holds "+name, func(t *testing.T) {
				s := open(t, newUser(t))
				defer s.Close()
				all := batch(200)
				all.Conversations = append(all.Conversations, chat.Row{Key: "d:1:3"})
				all.Outbox = append(all.Outbox, chat.Outgoing{Number: 7, Key: "d:1:2"})
				if err := s.Apply(t.Context(), all); err != nil {
					t.Fatal(err)
				}
				want, err := s.Load(t.Context())
				if err != nil || want.Damaged.Any() {
					t.Fatal(want, err)
				}
				spoil(t, s, test.store, test.key, value)
				test.want(&want)
				if got, err := s.Load(t.Context()); err != nil || !reflect.DeepEqual(got, want) {
					t.Errorf("loaded is %+v, %v; want %+v", got, err, want)
				}
			})
		}
	}
}

// Nothing depends on it.
func TestADamagedRecordOfWhatIsOnTopIsAsNone(t *testing.T) {
	newer := record{format + 1}
	for name, value := range map[string]any{"text": "text", "no bytes": toJS(nil), "other bytes": toJS([]byte("something else")), "another version": toJS(newer.seal())} {
		t.Run(name, func(t *testing.T) {
			s := open(t, newUser(t))
			defer s.Close()
			b := batch(1)
			b.Top = []string{}
			if err := s.Apply(t.Context(), b); err != nil {
				t.Fatal(err)
			}
			if got, err := s.Load(t.Context()); err != nil || got.Top == nil || len(got.Conversations) != 1 { // of what waits
				t.Fatalf("got %+v, %v", got, err)
			}
			spoil(t, s, storeMeta, topKey, value)
			if got, err := s.Load(t.Context()); err != nil || got.Top != nil || len(got.Conversations) != 1 || got.Meta.Epoch != 1 {
				t.Errorf("got %+v, %v", got, err)
			}
		})
	}
}

func TestADamagedPageIsNamedWhereverItIsMetAndReadOver(t *testing.T) {
	all := damages()
	all["a page of another place"] = toJS((&page{number: 7}).encode())
	for name, value := range all {
		t.Run(name, func(t *testing.T) {
			s := open(t, newUser(t))
			defer s.Close()
			if err := s.Apply(t.Context(), batch(250)); err != nil {
				t.Fatal(err)
			}
			for _, page := range []uint64{1, 2} {
				spoil(t, s, storeMessages, toJS(place{"d:1:2", page}.key()), value)
			}
			want := []chat.Span{{Key: "d:1:2", From: 1, To: 1}, {Key: "d:1:2", From: 2, To: 2}}
			named := func(what string, err error) {
				t.Helper()
				if d, ok := errors.AsType[*chat.Damage](err); !ok || !slices.Equal(d.Pages, want) {
					t.Errorf("%s: %v, want it to name %v", what, err, want)
				}
			}
			got, err := s.Messages(t.Context(), "d:1:2", 1, 250)
			if named("Messages", err); len(got) != 63+59 || got[62].Seq != 63 || got[63].Seq != 192 {
				t.Errorf("%d messages were read", len(got))
			}
			if err := s.run(t.Context(), "readwrite", func(t *transaction) error { t.store(storeTerms).Call("clear"); return nil }, storeTerms); err != nil {
				t.Fatal(err)
			}
			named("Index", s.Index(t.Context(), chat.Span{Key: "d:1:2", From: 0, To: 3}))
			named("Apply", s.Apply(t.Context(), chat.Batch{Entries: []chat.Entry{entry(100), entry(180)}}))
			want = want[1:]
			named("Apply that deletes", s.Apply(t.Context(), chat.Batch{Deleted: []chat.Deletion{{Key: "d:1:2", Before: 180}}}))

			// Dropped, they are in nobody's way.
			dropped := chat.Batch{Dropped: []chat.Span{{Key: "d:1:2", From: 1, To: 2}}, Entries: []chat.Entry{entry(100)}}
			if err := s.Apply(t.Context(), dropped); err != nil {
				t.Fatal(err)
			}
			got, err = s.Messages(t.Context(), "d:1:2", 1, 250)
			if err != nil || len(got) != 63+1+59 || got[63].Seq != 100 {
				t.Errorf("%d messages, %v", len(got), err)
			}
		})
	}
}

func TestABatchThatMeetsADamagedPageLeavesNothing(t *testing.T) {
	user := newUser(t)
	s := open(t, user)
	if err := s.Apply(t.Context(), batch(100)); err != nil {
		t.Fatal(err)
	}
	spoil(t, s, storeMessages, toJS(place{"d:1:2", 1}.key()), "text")
	err := s.Apply(t.Context(), chat.Batch{
		Meta:      &chat.Meta{Epoch: 2},
		Entries:   []chat.Entry{{Key: "d:1:2", Seq: 1, Body: []byte("new")}, {Key: "d:1:2", Seq: 100, Body: []byte("new")}},
		Confirmed: []uint64{1<<64 - 1},
	})
	if _, damaged := errors.AsType[*chat.Damage](err); !damaged {
		t.Errorf("got %v", err)
	}
	s.Close()
	s = open(t, user)
	defer s.Close()
	snapshot, err := s.Load(t.Context())
	if err != nil || snapshot.Meta.Epoch != 1 || len(snapshot.Outbox) != 1 {
		t.Errorf("got %+v, %v", snapshot, err)
	}
	if got, err := s.Messages(t.Context(), "d:1:2", 1, 1); err != nil || string(got[0].Body) != "1" {
		t.Errorf("got %v, %v", got, err)
	}
	if err := s.Apply(t.Context(), chat.Batch{Clear: true}); err != nil {
		t.Errorf("Clear, the way out: %v", err)
	}
}

func TestADatabaseThatCannotBeReadAtAllSaysSo(t *testing.T) {
	user := newUser(t)
	foreign, err := settle(t.Context(), func(f js.Value) js.Value { return f.Call("open", databaseName(user), version) },
		func(db, _ js.Value, _ int) { db.Call("createObjectStore", "of somebody else") }, nil)
	if err != nil {
		t.Fatal(err)
	}
	foreign.Call("close")
	s := open(t, user)
	defer s.Close()
	if _, err := s.Load(t.Context()); !errors.Is(err, chat.ErrFailed) {
		t.Errorf("got %v", err)
	}
}

func TestADatabaseThatIsLostWhileItIsLoadedIsLoadedAgain(t *testing.T) {
	s := open(t, newUser(t))
	defer s.Close()
	if err := s.Apply(t.Context(), batch(1)); err != nil {
		t.Fatal(err)
	}
	s.db.Call("close") // without a word
	if snapshot, err := s.Load(t.Context()); err != nil || len(snapshot.Outbox) != 1 {
		t.Errorf("loaded is %+v, %v", snapshot, err)
	}
}

func TestAnUpgradeByAnotherTabClosesTheStoreAndSaysSo(t *testing.T) {
	user := newUser(t)
	s := open(t, user)
	newer, err := settle(t.Context(), func(f js.Value) js.Value { return f.Call("open", databaseName(user), version+1) }, upgrade, nil)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := s.Load(t.Context()); !errors.Is(err, errNewer) || !strings.Contains(err.Error(), "another tab") {
			t.Errorf("Load: %v", err)
		}
		if err := s.Apply(t.Context(), batch(1)); !errors.Is(err, errNewer) || !strings.Contains(err.Error(), "reload") {
			t.Errorf("Apply: %v", err)
		}
		if err := s.Apply(t.Context(), chat.Batch{}); !errors.Is(err, errNewer) {
			t.Errorf("an empty batch: %v", err)
		}
		if _, err := s.Messages(t.Context(), "d:1:2", 1, 2); !errors.Is(err, errNewer) {
			t.Errorf("Messages: %v", err)
		}
	}
	newer.Call("close")
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func TestADatabaseOfANewerVersionStaysAsItIsAndGivesItsOutbox(t *testing.T) {
	waits := chat.Outgoing{Number: 7, Key: "d:1:2", Body: []byte("waits"), Refused: "no", Reason: 0x99, Code: "no"}
	for name, test := range map[string]struct {
		upgrade func(db, upgraded js.Value, from int)
		want    []chat.Outgoing
	}{
		"with records that say more, and of another format": {func(db, upgraded js.Value, _ int) {
			db.Call("createObjectStore", "of a version to come")
			outbox := upgraded.Call("objectStore", storeOutbox)
			outbox.Call("put", toJS(newer(encodeOutgoing(waits))), toJS(numberKey(7)))
			other := encodeOutgoing(chat.Outgoing{Number: 8})
			other[0]++
			outbox.Call("put", toJS(sealed(other[:len(other)-4])), toJS(numberKey(8)))
			outbox.Call("put", "text", "of another kind")
		}, []chat.Outgoing{waits}},
		"with another outbox": {func(db, _ js.Value, _ int) { db.Call("deleteObjectStore", storeOutbox) }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			user := newUser(t)
			open(t, user).Close()
			db, err := settle(t.Context(), func(f js.Value) js.Value { return f.Call("open", databaseName(user), version+1) }, test.upgrade, nil)
			if err != nil {
				t.Fatal(err)
			}
			defer db.Call("close")
			_, err = Open(t.Context(), user)
			unavailable, ok := errors.AsType[*Unavailable](err)
			if !ok || !errors.Is(err, errNewer) || !unavailable.Newer || !reflect.DeepEqual(unavailable.Outbox, test.want) {
				t.Errorf("Open: %+v, want an outbox of %+v", err, test.want)
			}
			if got := db.Get("version").Int(); got != version+1 {
				t.Errorf("its version is %d now", got)
			}
		})
	}
}

func TestADatabaseThatWasLostIsOpenedAgain(t *testing.T) {
	for how, test := range map[string]struct {
		lose func(t *testing.T, user uint64, s *Store)
		left int // messages
	}{
		"deleted by another tab": {func(t *testing.T, user uint64, _ *Store) {
			if err := Delete(t.Context(), user); err != nil {
				t.Fatal(err)
			}
		}, 0},
		"closed without a word": {func(_ *testing.T, _ uint64, s *Store) { s.db.Call("close") }, 100},
		"closed by the browser": {func(_ *testing.T, _ uint64, s *Store) {
			s.db.Call("close")
			s.db.Call("onclose")
		}, 100},
	} {
		t.Run(how, func(t *testing.T) {
			user := newUser(t)
			s := open(t, user)
			defer s.Close()
			if err := s.Apply(t.Context(), batch(100)); err != nil {
				t.Fatal(err)
			}
			test.lose(t, user, s)
			for range 2 { // nothing is done before Load
				if err := s.Apply(t.Context(), batch(200)); !errors.Is(err, chat.ErrReopened) {
					t.Errorf("Apply: %v", err)
				}
				if _, err := s.Messages(t.Context(), "d:1:2", 1, 100); !errors.Is(err, chat.ErrReopened) {
					t.Errorf("Messages: %v", err)
				}
			}
			snapshot, err := s.Load(t.Context())
			if err != nil || len(snapshot.Outbox) != min(test.left, 1) {
				t.Errorf("Load: %+v, %v", snapshot, err)
			}
			if got, err := s.Messages(t.Context(), "d:1:2", 1, 200); err != nil || len(got) != test.left {
				t.Errorf("%d messages, %v; want %d", len(got), err, test.left)
			}
			if err := s.Apply(t.Context(), batch(200)); err != nil {
				t.Errorf("Apply after Load: %v", err)
			}
		})
	}
}

// So Chromium closes a database whose disk is full, while transactions begin.
func TestATransactionThatIsLeftWithoutAnEndIsOverWhenTheDatabaseIsClosed(t *testing.T) {
	mute := js.Global().Get("Function").New(`return {
		abort() {},
		objectStore: () => new Proxy({}, { get: () => () => ({}) }),
	}`)
	for name, use := range map[string]func(context.Context, *Store) error{
		"a write": func(ctx context.Context, s *Store) error { return s.Apply(ctx, chat.Batch{Meta: &chat.Meta{Epoch: 2}}) },
		"a read": func(ctx context.Context, s *Store) error {
			_, err := s.Messages(ctx, "d:1:2", 1, 100)
			return err
		},
		"a write that reads": func(ctx context.Context, s *Store) error { return s.Apply(ctx, batch(10)) },
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t, newUser(t))
			defer s.Close()
			if err := s.Apply(t.Context(), batch(100)); err != nil {
				t.Fatal(err)
			}
			s.db.Set("transaction", mute)
			ctx, cancel := context.WithTimeout(t.Context(), patience) // until it is given up
			defer cancel()
			used := make(chan error)
			go func() { used <- use(ctx, s) }()
			runtime.Gosched() // it waits for its end
			s.db.Call("dispatchEvent", js.Global().Get("Event").New("close"))
			if err := <-used; !errors.Is(err, chat.ErrReopened) {
				t.Errorf("got %v", err)
			}
			if snapshot, err := s.Load(t.Context()); err != nil || snapshot.Meta.Epoch != 1 {
				t.Errorf("loaded is %+v, %v", snapshot, err)
			}
			if err := use(t.Context(), s); err != nil {
				t.Errorf("once more: %v", err)
			}
		})
	}
}

func TestATransactionOfWhichNothingIsHeardIsGivenUp(t *testing.T) {
	mute := js.Global().Get("Function").New(`return { name: 'parley', addEventListener() {}, removeEventListener() {}, transaction: () => ({
		abort() {},
		objectStore: () => new Proxy({}, { get: () => () => ({}) }),
	}) }`).Invoke()
	for name, use := range map[string]func(*transaction) error{
		"a write": func(tx *transaction) error { return tx.finish(t.Context(), nil) },
		"a read": func(tx *transaction) error {
			tx.read(storeMeta, "getAll")
			return tx.finish(t.Context(), tx.await(t.Context()))
		},
		"one that is aborted": func(tx *transaction) error { return tx.finish(t.Context(), errDamaged) },
	} {
		t.Run(name, func(t *testing.T) {
			tx, err := begin(mute, "readwrite", storeMeta)
			if err != nil {
				t.Fatal(err)
			}
			tx.leaves() // it took too long
			if err := use(tx); !errors.Is(err, errSilent) || !errors.Is(err, chat.ErrFailed) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestWhoWatchesIsToldOfALossAtOnce(t *testing.T) {
	user := newUser(t)
	s := open(t, user)
	defer s.Close()
	told := make(chan struct{}, 2)
	s.Watch(func() { told <- struct{}{} })
	if err := Delete(t.Context(), user); err != nil {
		t.Fatal(err)
	}
	<-told
	if _, err := s.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.db.Call("onclose") // also of the next one
	<-told
}

// storage replaces the worker's or page's indexedDB until the test ends.
func storage(t *testing.T, value any) {
	t.Helper()
	object := js.Global().Get("Object")
	before := object.Call("getOwnPropertyDescriptor", js.Global(), "indexedDB")
	object.Call("defineProperty", js.Global(), "indexedDB", map[string]any{"value": value, "configurable": true})
	t.Cleanup(func() { object.Call("defineProperty", js.Global(), "indexedDB", before) })
}

func TestABrowserThatKeepsNothingIsUnavailableAndSaysWhy(t *testing.T) {
	function := func(body string) js.Value { return js.Global().Get("Function").New(body) }
	thrown := `throw new DOMException('no', 'SecurityError')`
	for name, test := range map[string]struct {
		storage any
		want    string
	}{
		"there is none": {nil, "no storage"},
		"it is blocked": {map[string]any{"open": function(thrown)}, "allow it to keep site data"},
	} {
		t.Run(name, func(t *testing.T) {
			storage(t, test.storage)
			_, err := Open(t.Context(), 1)
			var unavailable *Unavailable
			if !errors.As(err, &unavailable) || !strings.Contains(unavailable.Error(), test.want) {
				t.Errorf("got %v, want an Unavailable that says %q", err, test.want)
			}
		})
	}
}

func TestADatabaseThatCannotBeOpenedAtAStartIsOpenedOnceItCan(t *testing.T) {
	failing := func(name, message string) string {
		return `const request = new EventTarget(); request.error = new DOMException('` + message + `', '` + name + `');
			setTimeout(() => request.onerror(new Event('error'))); return request`
	}
	for name, test := range map[string]struct {
		open string // JavaScript
		want error
	}{
		"there is no room":     {failing("QuotaExceededError", "no"), chat.ErrFull},
		"the disk is full":     {failing("UnknownError", "FILE_ERROR_NO_SPACE"), chat.ErrFull},
		"the browser fails it": {failing("UnknownError", "Internal error opening backing store"), chat.ErrFailed},
	} {
		t.Run(name, func(t *testing.T) {
			user := newUser(t)
			before := open(t, user)
			if err := before.Apply(t.Context(), batch(1)); err != nil {
				t.Fatal(err)
			}
			before.Close()
			var s *Store
			t.Run("until then", func(t *testing.T) {
				storage(t, map[string]any{"open": js.Global().Get("Function").New(test.open)})
				s = open(t, user)
				for range 2 {
					if _, err := s.Load(t.Context()); !errors.Is(err, test.want) {
						t.Errorf("Load: %v, want %v", err, test.want)
					}
					if err := s.Apply(t.Context(), batch(2)); !errors.Is(err, test.want) {
						t.Errorf("Apply: %v, want %v", err, test.want)
					}
				}
			})
			defer s.Close()
			if snapshot, err := s.Load(t.Context()); err != nil || len(snapshot.Outbox) != 1 {
				t.Errorf("loaded is %+v, %v", snapshot, err)
			}
			if err := s.Apply(t.Context(), batch(3)); err != nil {
				t.Error(err)
			}
		})
	}
	t.Run("it is closed before", func(t *testing.T) {
		storage(t, map[string]any{"open": js.Global().Get("Function").New(failing("QuotaExceededError", "no"))})
		s := open(t, 1)
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestADatabaseThatNeverOpensIsGivenUpForNow(t *testing.T) {
	storage(t, map[string]any{"open": js.Global().Get("Function").New(`return new EventTarget()`)})
	if _, err := openDatabase(t.Context(), 1, 50*time.Millisecond); !errors.Is(err, errSilent) || !mayPass(err) {
		t.Errorf("got %v", err)
	}
}

func TestATabThatHoldsAnOlderSchemaOpenIsNamed(t *testing.T) {
	user := newUser(t)
	s := open(t, user)
	defer s.Close()
	s.db.Set("onversionchange", js.Null()) // an older program that does not give way
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	_, err := settle(ctx, func(f js.Value) js.Value { return f.Call("open", databaseName(user), version+1) }, upgrade,
		func(late js.Value) { late.Call("close") })
	if !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, errHeld) {
		t.Errorf("got %v", err)
	}
}

func TestAClosedStoreSaysSo(t *testing.T) {
	s := open(t, newUser(t))
	for range 2 {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	if err := s.Apply(t.Context(), batch(1)); !errors.Is(err, errClosed) {
		t.Errorf("got %v", err)
	}
}

func TestTwoUsersShareNothing(t *testing.T) {
	a, b := open(t, newUser(t)), open(t, newUser(t))
	defer a.Close()
	defer b.Close()
	if err := a.Apply(t.Context(), batch(10)); err != nil {
		t.Fatal(err)
	}
	if got, err := b.Messages(t.Context(), "d:1:2", 1, 10); err != nil || len(got) != 0 {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestACancelledApplyIsDoneOrNotButNeverHalf(t *testing.T) {
	s := open(t, newUser(t))
	defer s.Close()
	stored := 0
	for i := range 60 {
		ctx, cancel := context.WithTimeout(t.Context(), time.Duration(i)*200*time.Microsecond)
		b := batch(300)
		b.Clear = true
		b.Meta.Epoch = uint64(i) + 1
		b.Entries[0].Body = fmt.Append(nil, i+1)
		b.Entries[299].Body = b.Entries[0].Body
		err := s.Apply(ctx, b)
		cancel()
		if err == nil {
			stored = i + 1
		} else if !errors.Is(err, context.DeadlineExceeded) {
			t.Fatal(err)
		}
		snapshot, err := s.Load(t.Context())
		if err != nil || snapshot.Meta.Epoch != uint64(stored) {
			t.Fatalf("epoch %d, %v; want %d", snapshot.Meta.Epoch, err, stored)
		}
		got, err := s.Messages(t.Context(), "d:1:2", 1, 300)
		if err != nil || stored > 0 && (len(got) != 300 || string(got[0].Body) != fmt.Sprint(stored) || string(got[299].Body) != fmt.Sprint(stored)) {
			t.Fatalf("%d entries, %v; want those of %d", len(got), err, stored)
		}
	}
	if stored == 0 {
		t.Error("no batch was in time: the test shows nothing")
	}
}

func TestWhatTheBrowserThrowsBecomesASentence(t *testing.T) {
	for name, want := range map[string]string{
		"QuotaExceededError": "storage is full",
		"VersionError":       "newer version",
		"SecurityError":      "refuses storage",
		"UnknownError":       "UnknownError: because",
	} {
		if err := domError(js.Global().Get("DOMException").New("because", name)); !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestOpenHonoursItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Open(ctx, newUser(t)); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if _, err := Open(t.Context(), 0); err == nil {
		t.Error("user 0 has a history")
	}
}

func TestNoGoroutineIsLeft(t *testing.T) {
	before := runtime.NumGoroutine()
	user := newUser(t)
	for range 50 {
		s := open(t, user)
		if err := s.Apply(t.Context(), batch(10)); err != nil {
			t.Fatal(err)
		}
		s.Close()
	}
	for range 100 {
		if runtime.NumGoroutine() <= before {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("%d goroutines, %d before", runtime.NumGoroutine(), before)
}

// filled is a store with n messages of 200 bytes in one conversation.
func filled(b *testing.B, n int) *Store {
	s := open(b, newUser(b))
	b.Cleanup(func() { s.Close() })
	if err := s.Apply(b.Context(), messages(1, n)); err != nil {
		b.Fatal(err)
	}
	return s
}

func messages(from, n int) chat.Batch {
	var batch chat.Batch
	body := []byte(strings.Repeat("x", 200))
	for i := range n {
		batch.Entries = append(batch.Entries, chat.Entry{Key: "d:1:2", Seq: uint64(from + i), Body: body})
	}
	batch.Conversations = []chat.Row{{Key: "d:1:2", State: body, Ranges: []chat.Range{{From: 1, To: uint64(from + n)}}}}
	return batch
}

func BenchmarkAppendOne(b *testing.B) {
	s := filled(b, 1000)
	for i := 1001; b.Loop(); i++ {
		if err := s.Apply(b.Context(), messages(i, 1)); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAppendTenThousand(b *testing.B) {
	s := filled(b, 1)
	for i := 2; b.Loop(); i += 10_000 {
		if err := s.Apply(b.Context(), messages(i, 10_000)); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)*10_000/b.Elapsed().Seconds(), "messages/s")
}

func BenchmarkReadNewest50(b *testing.B) {
	s := filled(b, 10_000)
	for b.Loop() {
		got, err := s.Messages(b.Context(), "d:1:2", 9_951, 10_000)
		if err != nil || len(got) != 50 {
			b.Fatal(len(got), err)
		}
	}
}

func BenchmarkReadTenThousand(b *testing.B) {
	s := filled(b, 10_000)
	for b.Loop() {
		got, err := s.Messages(b.Context(), "d:1:2", 1, 10_000)
		if err != nil || len(got) != 10_000 {
			b.Fatal(len(got), err)
		}
	}
}

func BenchmarkLoadThousandConversations(b *testing.B) {
	s := open(b, newUser(b))
	defer s.Close()
	var batch chat.Batch
	for i := range 1000 {
		batch.Conversations = append(batch.Conversations, chat.Row{Key: fmt.Sprint("d:1:", i+2), State: make([]byte, 200), Ranges: []chat.Range{{From: 1, To: 100}}})
	}
	if err := s.Apply(b.Context(), batch); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if got, err := s.Load(b.Context()); err != nil || len(got.Conversations) != 1000 {
			b.Fatal(err)
		}
	}
}

func TestTheLogIsRenewedAfterAStartAndWithTheFirstWriteAfterALoss(t *testing.T) {
	deleted, began := 0, make(chan struct{}, 1)
	proto := js.Global().Get("IDBFactory").Get("prototype")
	before := proto.Get("deleteDatabase")
	wrapped := js.FuncOf(func(this js.Value, args []js.Value) any {
		if args[0].String() == scratch {
			if deleted++; deleted == 1 {
				began <- struct{}{}
			}
		}
		return before.Call("call", this, args[0])
	})
	defer wrapped.Release()
	proto.Set("deleteDatabase", wrapped)
	defer proto.Set("deleteDatabase", before)
	s := open(t, newUser(t))
	defer s.Close()
	write := func(want int) {
		t.Helper()
		if err := s.Apply(t.Context(), batch(1)); err != nil || deleted != want {
			t.Errorf("%v; the log was renewed %d times, want %d", err, deleted, want)
		}
	}
	<-began
	write(1)
	s.lose(s.db, chat.ErrFull)
	if _, err := s.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	write(2)
	write(2)
}

func TestWhatIsNowhereElseIsOnTheDiskBeforeItIsSaidToBeStored(t *testing.T) {
	s := open(t, newUser(t))
	defer s.Close()
	for store, want := range map[string]string{storeOutbox: "strict", storeMessages: "relaxed"} {
		tx, err := begin(s.db, "readwrite", storeConversations, store)
		if err != nil {
			t.Fatal(err)
		}
		if got := tx.tx.Get("durability").String(); got != want {
			t.Errorf("with %s it is %s, want %s", store, got, want)
		}
		if err := tx.finish(t.Context(), nil); err != nil {
			t.Error(err)
		}
	}
}
