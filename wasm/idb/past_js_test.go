package idb

import (
	"compress/gzip"
	"context"
	"embed"
	"encoding/json"
	"errors"
	"path"
	"reflect"
	"slices"
	"strconv"
	"syscall/js"
	"testing"
	"time"

	"parley/proto/search"
	"parley/wasm/chat"
)

// past are databases that programs of earlier versions wrote, by their commits, one for each form that records had.
// make past records them, when a form is new.
//
//go:embed testdata/past
var past embed.FS

// database is what a program left, and what it showed of it.
type database struct {
	Version int
	User    uint64 `json:",string"`
	Shown   map[string][]pastMessage
	Stores  map[string][]pastRecord
}

type pastMessage struct{ Seq, ID, Content, State string }

// pastRecord is a key, text or bytes, and what is there.
type pastRecord struct {
	key   any
	value []byte
}

func (r *pastRecord) UnmarshalJSON(b []byte) error {
	var parts [2]json.RawMessage
	if err := json.Unmarshal(b, &parts); err != nil {
		return err
	}
	var text string
	if err := json.Unmarshal(parts[0], &text); err == nil {
		r.key = text
	} else {
		var key struct{ Binary []byte }
		if err := json.Unmarshal(parts[0], &key); err != nil {
			return err
		}
		r.key = toJS(key.Binary)
	}
	return json.Unmarshal(parts[1], &r.value)
}

// ofThePast puts a database in the place of this browser's.
func ofThePast(t *testing.T, file string) *database {
	t.Helper()
	packed, err := past.Open(path.Join("testdata/past", file))
	if err != nil {
		t.Fatal(err)
	}
	unpacked, err := gzip.NewReader(packed)
	if err != nil {
		t.Fatal(err)
	}
	d := new(database)
	if err := json.NewDecoder(unpacked).Decode(d); err != nil {
		t.Fatal(err)
	}
	if err := Delete(t.Context(), d.User); err != nil {
		t.Fatal(err)
	}
	db, err := settle(t.Context(), func(f js.Value) js.Value { return f.Call("open", databaseName(d.User), d.Version) }, func(db, _ js.Value, _ int) {
		for name, records := range d.Stores {
			store := db.Call("createObjectStore", name)
			for _, r := range records {
				store.Call("put", toJS(r.value), r.key)
			}
		}
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	db.Call("close")
	return d
}

var errAway = errors.New("the server is away")

// away is a server that cannot be reached.
type away struct{}

func (away) Open(context.Context, chat.Credentials, chat.Handler) (chat.Session, error) {
	return nil, errAway
}
func (away) Messages(context.Context, string, string, uint64, uint64, int) ([]byte, error) {
	return nil, errAway
}
func (away) Revised(context.Context, string, string, uint64, int) ([]byte, error) {
	return nil, errAway
}
func (away) Search(context.Context, string, chat.Query, int) ([]byte, error) { return nil, errAway }
func (away) Group(context.Context, string, uint64) ([]byte, error)           { return nil, errAway }

// told is an observer that remembers what failed.
type told struct{ failed chan error }

func (told) Messages(string, []chat.Message, []string) {}
func (told) Conversations([]chat.Conversation)         {}
func (told) Connection(chat.Connection)                {}
func (told) Typing(string, uint64, bool)               {}
func (told) Presence(uint64, bool, uint64)             {}
func (told) Group(chat.Group)                          {}
func (told) Settings(chat.Settings)                    {}
func (told) Kept(chat.Keeping)                         {}
func (told) TokenNeeded(string)                        {}
func (told) User(chat.Token)                           {}
func (told) Reset()                                    {}
func (v told) Failed(err error)                        { v.failed <- err }

// running is the present program's engine, offline.
type running struct {
	t      *testing.T
	engine *chat.Engine
	loop   *chat.Loop
	failed chan error
}

// run starts it with a user's database.
func run(t *testing.T, user uint64) *running {
	t.Helper()
	r := &running{t: t, loop: chat.NewLoop(), failed: make(chan error, 10)}
	r.engine = chat.New(chat.Config{
		User: user, Token: chat.Token{Text: "token"}, Store: open(t, user), Network: away{}, History: away{}, Host: r.loop, Observer: told{r.failed}, Folder: Fold,
	})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		r.loop.Run(ctx)
	}()
	t.Cleanup(func() {
		r.end()
		cancel()
		<-ended
	})
	ask(r, func(done func(struct{}, error)) { r.engine.Start(func(err error) { done(struct{}{}, err) }) })
	return r
}

// end closes the engine, and its store. It may be called more than once.
func (r *running) end() {
	r.t.Helper()
	ask(r, func(done func(struct{}, error)) { r.engine.Close(func() { done(struct{}{}, nil) }) })
}

// ask asks the engine on its loop, and waits for the answer.
func ask[T any](r *running, f func(done func(T, error))) T {
	r.t.Helper()
	type answer struct {
		value T
		err   error
	}
	answered := make(chan answer, 1)
	r.loop.Post(func() { f(func(value T, err error) { answered <- answer{value, err} }) })
	select {
	case a := <-answered:
		if a.err != nil {
			r.t.Error(a.err)
		}
		return a.value
	case <-time.After(time.Minute):
		r.t.Fatal("the engine does not answer")
		panic("unreachable")
	}
}

// shows compares what the engine shows with what the earlier one did.
func (r *running) shows(d *database) {
	r.t.Helper()
	list := ask(r, func(done func([]chat.Conversation, error)) { done(r.engine.Conversations(), nil) })
	if len(list) != len(d.Shown) {
		r.t.Errorf("%d conversations are listed, want %d", len(list), len(d.Shown))
	}
	for _, c := range list {
		timeline := ask(r, func(done func(chat.Timeline, error)) { r.engine.Timeline(c.Key, 0, 500, done) })
		var shown []pastMessage
		for _, m := range timeline.Messages {
			shown = append(shown, pastMessage{strconv.FormatUint(m.Seq, 10), strconv.FormatUint(m.ID, 10), m.Content, string(m.State)})
		}
		if !reflect.DeepEqual(shown, d.Shown[c.Key]) {
			r.t.Errorf("%s shows %v\nwant %v", c.Key, shown, d.Shown[c.Key])
		}
	}
}

// finds searches for everything that was confirmed.
func (r *running) finds(d *database) {
	r.t.Helper()
	for key, messages := range d.Shown {
		for _, m := range messages {
			if m.Seq == "0" || m.Content == "" || m.Content == "Team" { // how a group began is not searched
				continue
			}
			found := ask(r, func(done func(chat.Found, error)) { r.engine.Search(chat.Query{Text: m.Content, Key: key}, 100, done) })
			if !slices.ContainsFunc(found.Hits, func(h chat.Hit) bool { return strconv.FormatUint(h.Message.Seq, 10) == m.Seq }) {
				r.t.Errorf("%q is not found", m.Content)
			}
		}
	}
}

// indexes waits until everything is indexed.
func (r *running) indexes(user uint64) {
	r.t.Helper()
	s := open(r.t, user)
	defer s.Close()
	var spans []chat.Span
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		snapshot, err := s.Load(r.t.Context())
		if err != nil {
			r.t.Fatal(err)
		}
		if snapshot.Meta.Indexed == search.Version {
			for _, row := range snapshot.Conversations {
				for _, stored := range row.Ranges {
					spans = append(spans, chat.Span{Key: row.Key, From: pageOf(stored.From), To: pageOf(stored.To)})
				}
			}
			break
		}
		if time.Now().After(deadline) {
			r.t.Fatalf("it is not indexed: %+v", snapshot.Meta)
		}
	}
	found, err := s.Candidates(r.t.Context(), spans, chat.ProbeOf(Fold, "nobody says this"))
	if err != nil {
		r.t.Fatal(err)
	}
	for _, f := range found {
		if len(f.Pages) > 0 {
			r.t.Errorf("of pages %v the index says nothing", f.Pages)
		}
	}
}

func TestWhatEarlierVersionsStoredIsThereAndFound(t *testing.T) {
	files, err := past.ReadDir("testdata/past")
	if err != nil || len(files) == 0 {
		t.Fatal("there is no database of the past", err)
	}
	for _, file := range files {
		t.Run(file.Name(), func(t *testing.T) {
			d := ofThePast(t, file.Name())
			r := run(t, d.User)
			r.shows(d)
			r.finds(d)
			r.indexes(d.User)
			r.finds(d)
			r.end()
			again := run(t, d.User) // on what this program made of it
			again.shows(d)
			for _, failed := range []chan error{r.failed, again.failed} {
				select {
				case err := <-failed:
					t.Errorf("the person is told of %v", err)
				default:
				}
			}
		})
	}
}
