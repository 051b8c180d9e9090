package chat_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"parley/proto"
	"parley/wasm/chat"
)

// spoilt is a store of which some cannot be read, until that is replaced or dropped, as with IndexedDB.
type spoilt struct {
	*chat.Memory
	damage chat.Damage
	drops  bool // refuses to drop anything
}

func (s *spoilt) Load(ctx context.Context) (chat.Snapshot, error) {
	all, err := s.Memory.Load(ctx)
	all.Damaged = s.damage
	all.Damaged.Pages = nil
	if s.damage.Meta {
		all.Meta = chat.Meta{}
	}
	all.Conversations = slices.DeleteFunc(all.Conversations, func(r chat.Row) bool { return slices.Contains(s.damage.Conversations, r.Key) })
	all.Outbox = slices.DeleteFunc(all.Outbox, func(o chat.Outgoing) bool { return slices.Contains(s.damage.Outbox, o.Number) })
	return all, err
}

// on returns the damage of the pages that are asked for.
func (s *spoilt) on(is func(chat.Span) bool) (d chat.Damage) {
	for _, p := range s.damage.Pages {
		if is(p) {
			d.Pages = append(d.Pages, p)
		}
	}
	return d
}

func (s *spoilt) Messages(ctx context.Context, key string, from, to uint64) ([]chat.Entry, error) {
	all, err := s.Memory.Messages(ctx, key, from, to)
	d := s.on(func(p chat.Span) bool {
		return p.Key == key && p.From >= chat.PageOf(from) && p.From <= chat.PageOf(to)
	})
	if err == nil && d.Any() {
		err = fmt.Errorf("read: %w", &d)
	}
	return slices.DeleteFunc(all, func(e chat.Entry) bool {
		return slices.ContainsFunc(d.Pages, func(p chat.Span) bool { return p.From == chat.PageOf(e.Seq) })
	}), err
}

func (s *spoilt) Index(_ context.Context, x chat.Span) error {
	if d := s.on(func(p chat.Span) bool { return p.Key == x.Key && p.From >= x.From && p.From <= x.To }); d.Any() {
		return &d
	}
	return nil
}

func (s *spoilt) Apply(ctx context.Context, b chat.Batch) error {
	if s.drops && len(b.Dropped) > 0 {
		return errors.New("the disk is read-only")
	}
	left := s.on(func(p chat.Span) bool {
		return !b.Clear && !slices.ContainsFunc(b.Dropped, func(d chat.Span) bool { return d.Key == p.Key && p.From >= d.From && p.From <= d.To })
	})
	if d := (&spoilt{damage: left}).on(func(p chat.Span) bool {
		return slices.ContainsFunc(b.Entries, func(e chat.Entry) bool { return e.Key == p.Key && chat.PageOf(e.Seq) == p.From })
	}); d.Any() {
		return fmt.Errorf("store: %w", &d)
	}
	if err := s.Memory.Apply(ctx, b); err != nil {
		return err
	}
	s.damage.Pages = left.Pages
	s.damage.Meta = s.damage.Meta && b.Meta == nil
	s.damage.Conversations = slices.DeleteFunc(s.damage.Conversations, func(name string) bool {
		return b.Clear || slices.ContainsFunc(b.Conversations, func(r chat.Row) bool { return r.Key == name })
	})
	s.damage.Outbox = slices.DeleteFunc(s.damage.Outbox, func(n uint64) bool { return slices.Contains(b.Confirmed, n) })
	return nil
}

const third uint64 = 3

// openSpoilt lets an engine store a history of which then something is damaged: 150 messages of Bob, one of somebody
// else, and two that wait to be sent. The server is away at the end.
func openSpoilt(t *testing.T, damage chat.Damage) (*server, *spoilt) {
	t.Helper()
	clock, s := setup(t)
	store := &spoilt{Memory: chat.NewMemory()}
	a := open(t, s, alice, store)
	clock.Run(time.Second)
	for i := range 150 {
		s.say(bob, alice, fmt.Sprint(i+1))
	}
	s.say(third, alice, "from a third")
	clock.Run(time.Second)
	s.down = true
	s.cut(errors.New("connection reset"))
	clock.Run(time.Second)
	a.send("first")
	a.send("second")
	clock.Run(time.Second)
	a.host.Kill()
	store.damage = damage
	return s, store
}

// tells wants the person to be told of some things, each once, and nothing more by the next start.
func tells(t *testing.T, s *server, a *screen, store *spoilt, codes ...string) {
	t.Helper()
	var told []string
	for _, err := range a.errors {
		told = append(told, chat.ReasonOf(err).Code)
	}
	if !slices.Equal(told, codes) {
		t.Errorf("the person was told of %q, want %q", told, codes)
	}
	if store.damage.Any() {
		t.Errorf("damaged are still %+v", store.damage)
	}
	a.host.Kill()
	again := openOffline(t, s, alice, store)
	if len(again.errors) > 0 {
		t.Errorf("at the next start the person is told of %v", again.errors)
	}
	if got := again.text(); !strings.HasSuffix(got, "149 150 first/sent second/sent") {
		t.Errorf("the next start shows %q", got)
	}
	if len(again.list) != 0 && len(again.list) != 2 {
		t.Errorf("the next start lists %v", again.list)
	}
}

func TestWhatIsDamagedIsFetchedAgainAndThePersonToldOnce(t *testing.T) {
	for name, test := range map[string]struct {
		damage  chat.Damage
		offline string // how what is shown offline ends; "" while it waits for the server
	}{
		"a row":                {chat.Damage{Conversations: []string{key}}, ""},
		"all rows":             {chat.Damage{Conversations: []string{key, proto.DirectKey(alice, third).String()}}, ""},
		"what is kept once":    {chat.Damage{Meta: true}, "149 150 first/pending second/pending"},
		"the newest page":      {chat.Damage{Pages: []chat.Span{{Key: key, From: 2, To: 2}}}, "126 127 first/pending second/pending"},
		"a page in the middle": {chat.Damage{Pages: []chat.Span{{Key: key, From: 1, To: 1}}}, "149 150 first/pending second/pending"},
	} {
		t.Run(name, func(t *testing.T) {
			s, store := openSpoilt(t, test.damage)
			a := openOffline(t, s, alice, store)
			a.timeline(0, 100)
			s.clock.Run(time.Second)
			if got := a.text(); !strings.HasSuffix(got, test.offline) {
				t.Errorf("offline it shows %q, want ... %q", got, test.offline)
			}
			s.down = false
			s.clock.Run(time.Minute)
			if from := s.asked[len(s.asked)-1]; (from == "") != (test.offline == "" || test.damage.Meta) {
				t.Errorf("what is new is asked from %q", from)
			}
			page := a.timeline(0, 152)
			s.clock.Run(time.Second)
			if n := len(page.Messages); n != 152 || page.Messages[151].Content != "second" {
				t.Errorf("%d messages are shown, %q", n, text(page.Messages))
			}
			if list := a.engine.Conversations(); len(list) != 2 {
				t.Errorf("the list is %+v", list)
			}
			if n := len(s.logs[key]); n != 152 {
				t.Errorf("the server has %d messages", n)
			}
			entries, err := store.Messages(t.Context(), key, 1, 200)
			if err != nil || len(entries) != 152 {
				t.Errorf("stored are %d, %v", len(entries), err)
			}
			tells(t, s, a, store, "storage-damaged")
		})
	}
}

func TestAWindowThatMeetsDamageIsWhole(t *testing.T) {
	s, store := openSpoilt(t, chat.Damage{Pages: []chat.Span{{Key: key, From: 0, To: 0}, {Key: key, From: 1, To: 1}}})
	s.down = false
	a := open(t, s, alice, store)
	s.clock.Run(time.Second)
	for _, n := range []int{50, 152} {
		page := a.timeline(0, n)
		s.clock.Run(time.Second)
		if got := text(page.Messages); len(page.Messages) != n || strings.LastIndex(got, "…") > 0 { // what is older is missing
			t.Errorf("of %d messages it shows %q", n, got)
		}
	}
	tells(t, s, a, store, "storage-damaged")
}

func TestAWriteThatMeetsADamagedPageIsDone(t *testing.T) {
	s, store := openSpoilt(t, chat.Damage{Pages: []chat.Span{{Key: key, From: 2, To: 2}}})
	s.down = false
	a := open(t, s, alice, store)
	s.clock.Run(time.Minute)
	entries, err := store.Messages(t.Context(), key, 128, 200)
	if err != nil || len(entries) != 25 {
		t.Errorf("stored are %d, %v", len(entries), err)
	}
	tells(t, s, a, store, "storage-damaged")
}

func TestWhatCannotBeSentForDamageIsSaidAndTheRestSent(t *testing.T) {
	s, store := openSpoilt(t, chat.Damage{Outbox: []uint64{2}})
	a := openOffline(t, s, alice, store)
	if got := a.text(); !strings.HasSuffix(got, "150 first/pending") {
		t.Errorf("offline it shows %q", got)
	}
	a.send("second") // under another number
	s.clock.Run(time.Second)
	if left := load(t, store).Outbox; len(left) != 2 || left[1].Number != 3 {
		t.Errorf("in the outbox is %+v", left)
	}
	s.down = false
	s.clock.Run(time.Minute)
	tells(t, s, a, store, "storage-unsent")
}

func TestWhatIsStoredAndSaysNothingIsDamagedToo(t *testing.T) {
	s, store := openSpoilt(t, chat.Damage{})
	err := store.Apply(t.Context(), chat.Batch{
		Conversations: []chat.Row{{Key: key, State: []byte{255}, Ranges: []chat.Range{{From: 1, To: 150}}}, {Key: "nonsense", State: []byte{255}}},
		Outbox:        []chat.Outgoing{{Number: 3, Key: key, Body: []byte{255}}, {Number: 4, Key: "nonsense"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	s.down = false
	a := open(t, s, alice, store)
	s.clock.Run(time.Minute)
	tells(t, s, a, store, "storage-unsent", "storage-damaged")
}

func TestASearchReadsOverADamagedPage(t *testing.T) {
	s, store := openSpoilt(t, chat.Damage{Pages: []chat.Span{{Key: key, From: 0, To: 0}}})
	a := openOffline(t, s, alice, store)
	if found := a.search(chat.Query{Text: "7"}, 100); len(found.Hits) != 10 || found.Hits[9].Message.Content != "70" {
		t.Errorf("found %+v", found.Hits)
	}
	if len(a.errors) != 1 || store.damage.Any() {
		t.Errorf("told of %v; damaged is %+v", a.errors, store.damage)
	}
}

func TestWhatIsDamagedAndCannotBeDroppedIsReadOver(t *testing.T) {
	s, store := openSpoilt(t, chat.Damage{Pages: []chat.Span{{Key: key, From: 1, To: 1}}})
	store.drops = true
	s.down = false
	a := open(t, s, alice, store)
	s.clock.Run(time.Second)
	asked := len(s.requests)
	page := a.timeline(0, 100)
	s.clock.Run(time.Minute)
	if n := len(page.Messages); n == 0 || page.Messages[n-1].Content != "second" {
		t.Errorf("%d messages are shown, %q", n, text(page.Messages))
	}
	if n := len(s.requests) - asked; n > 5 {
		t.Errorf("the history was asked %d times", n)
	}
}

// unreadable is a store of which nothing can be read.
type unreadable struct {
	*chat.Memory
	closed int
}

func (u *unreadable) Load(context.Context) (chat.Snapshot, error) {
	return chat.Snapshot{}, fmt.Errorf("load: %w", chat.ErrFailed)
}

func (u *unreadable) Close() error {
	u.closed++
	return nil
}

func TestWhereNothingCanBeReadOneChatsInMemoryAndIsToldWhy(t *testing.T) {
	s, store := openSpoilt(t, chat.Damage{})
	s.down = false
	away := &unreadable{Memory: store.Memory}
	a := open(t, s, alice, away)
	s.clock.Run(time.Second)
	a.send("third")
	s.clock.Run(time.Second)
	page := a.timeline(0, 2)
	s.clock.Run(time.Second)
	want(t, "screen", text(page.Messages), "150 third/sent")
	if a.connection.MemoryOnlyCode != "storage-failed" || away.closed != 1 {
		t.Errorf("it is said %q; the store was closed %d times", a.connection.MemoryOnly, away.closed)
	}
	if left := load(t, store).Outbox; len(left) != 2 {
		t.Errorf("what waits to be sent is %+v", left)
	}
}
