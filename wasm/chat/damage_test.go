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
	"parley/proto/search"
	"parley/wasm/chat"
	"parley/wasm/chat/chattest"
)

// undroppable is a store that refuses to drop anything.
type undroppable struct{ *chattest.Memory }

func (u undroppable) Apply(ctx context.Context, b chat.Batch) error {
	if len(b.Dropped) > 0 {
		return errors.New("the disk is read-only")
	}
	return u.Memory.Apply(ctx, b)
}

const third uint64 = 3

// openSpoilt lets an engine store a history of which then something is damaged: 150 messages of Bob, one of somebody
// else, and two that wait to be sent. The server is away at the end.
func openSpoilt(t *testing.T, damage chat.Damage) (*server, *chattest.Memory) {
	t.Helper()
	clock, s := setup(t)
	store := chattest.NewMemory(nil)
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
	store.Spoil(damage)
	return s, store
}

// tells wants the person to be told of some things, each once, and nothing more by the next start.
func tells(t *testing.T, s *server, a *screen, store *chattest.Memory, codes ...string) {
	t.Helper()
	var told []string
	for _, err := range a.errors {
		told = append(told, chat.ReasonOf(err).Code)
	}
	if !slices.Equal(told, codes) {
		t.Errorf("the person was told of %q, want %q", told, codes)
	}
	if d := store.Spoilt(); d.Any() {
		t.Errorf("damaged are still %+v", d)
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

// With a page goes what the index says of those around it.
func TestWhatStandsAroundADamagedPageIsIndexedAgain(t *testing.T) {
	s, store := openSpoilt(t, chat.Damage{Pages: []chat.Span{{Key: key, From: 1, To: 1}}})
	s.down = false
	a := open(t, s, alice, store)
	s.clock.Run(time.Second)
	a.timeline(0, 152)
	s.clock.Run(time.Second)
	if terms := store.Terms(key); len(terms) != 3 || load(t, store).Meta.Indexed != search.Version {
		t.Errorf("the index knows %d pages, and is of version %d", len(terms), load(t, store).Meta.Indexed)
	}
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
	if d := store.Spoilt(); len(a.errors) != 1 || d.Any() {
		t.Errorf("told of %v; damaged is %+v", a.errors, d)
	}
}

func TestWhatIsDamagedAndCannotBeDroppedIsReadOver(t *testing.T) {
	s, store := openSpoilt(t, chat.Damage{Pages: []chat.Span{{Key: key, From: 1, To: 1}}})
	s.down = false
	a := open(t, s, alice, undroppable{store})
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
