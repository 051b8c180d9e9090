package chat_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"parley/proto"
	"parley/proto/search/native"
	"parley/wasm/chat"
	"parley/wasm/chat/chattest"
)

const (
	edits   = proto.MessageType_MESSAGE_TYPE_EDIT
	recalls = proto.MessageType_MESSAGE_TYPE_RECALL
	reacts  = proto.MessageType_MESSAGE_TYPE_REACT
)

// speak lets a user speak of a message without an engine.
func (s *server) speak(from, to, target uint64, kind proto.MessageType, content string) {
	var zero uint64
	s.store(from, &proto.Message{
		MessageId: &zero, SenderId: &from, ReceiverId: &to, Content: &content, CreateTime: &zero, MessageType: &kind, TargetSeq: &target,
	})
}

// revise lets the engine speak of a message, as the page does.
func (v *screen) revise(target uint64, kind proto.MessageType, content string) {
	v.engine.Send(key, chat.Draft{Type: kind, Of: target, Content: content}, func(err error) {
		if err != nil {
			v.t.Errorf("%v of %d: %v", kind, target, err)
		}
	})
}

// said is what the messages say that people wrote, with the reactions to them.
func (v *screen) said() string {
	var all []string
	for _, m := range v.shown {
		if m.Type.Revises() {
			continue
		}
		one := m.Content
		if m.Type == proto.MessageType_MESSAGE_TYPE_RECALLED {
			one = "(gone)" + one
		}
		for _, r := range m.Reactions {
			one += r.Emoji
		}
		all = append(all, one)
	}
	return strings.Join(all, " ")
}

// holds reports whether anything in a store has a word in it.
func holds(t *testing.T, store chat.Store, word string) bool {
	t.Helper()
	snapshot, err := store.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range snapshot.Outbox {
		if bytes.Contains(o.Body, []byte(word)) {
			return true
		}
	}
	for _, row := range snapshot.Conversations {
		entries, err := store.Messages(t.Context(), row.Key, 1, ^uint64(0))
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(row.State, []byte(word)) || slices.ContainsFunc(entries, func(e chat.Entry) bool { return bytes.Contains(e.Body, []byte(word)) }) {
			return true
		}
	}
	return false
}

func TestEditsReactionsAndRecallsShowOnBothSides(t *testing.T) {
	clock, s := setup(t)
	stores := []chat.Store{chat.NewMemory(), chat.NewMemory()}
	a, b := open(t, s, alice, stores[0]), open(t, s, bob, stores[1])
	clock.Run(time.Second)
	a.timeline(0, 50)
	b.timeline(0, 50)
	for _, text := range []string{"helo", "s3cret"} {
		a.send(text)
		clock.Run(time.Second)
	}
	a.revise(1, edits, "hello")
	b.revise(1, reacts, "👍")
	a.revise(2, edits, "an0ther")
	b.revise(2, reacts, "👀")
	clock.Run(time.Second)
	want(t, "at the author", a.said(), "hello👍 an0ther👀")
	want(t, "at the other", b.said(), "hello👍 an0ther👀")
	a.revise(2, recalls, "")
	b.revise(1, reacts, "")
	clock.Run(time.Second)
	want(t, "at the author", a.said(), "hello (gone)")
	want(t, "at the other", b.said(), "hello (gone)")
	if c := b.list[key]; c.Unread != 1 || c.Last.Content != "" || c.Last.Type != proto.MessageType_MESSAGE_TYPE_RECALLED {
		t.Errorf("Bob's list shows %+v, last %+v", c, c.Last)
	}
	for i, store := range stores {
		for _, word := range []string{"s3cret", "an0ther", "👀"} {
			if holds(t, store, word) {
				t.Errorf("store %d holds %q", i, word)
			}
		}
	}
	if s.revisions != 0 {
		t.Errorf("%d requests for what came live", s.revisions)
	}
	again := openOffline(t, s, bob, stores[1])
	want(t, "stored", again.said(), "hello (gone)")
}

func TestWhatWasRevisedMeanwhileIsFetchedOnce(t *testing.T) {
	clock, s := setup(t)
	store := chat.NewMemory()
	a := open(t, s, alice, store)
	clock.Run(time.Second)
	a.timeline(0, 50)
	for i := range 5 {
		s.say(bob, alice, fmt.Sprint("old", i))
	}
	clock.Run(time.Second)
	a.engine.Close(func() {})
	clock.Run(time.Second)
	s.speak(bob, alice, 2, recalls, "")
	s.speak(bob, alice, 3, edits, "new2")
	for i := range 300 { // more than a page: what spoke of the old ones lies in a hole
		s.say(bob, alice, fmt.Sprint("later", i))
	}
	b := open(t, s, alice, store)
	clock.Run(10 * time.Second)
	if holds(t, store, "old1") || holds(t, store, "old2") {
		t.Error("what was taken back or edited is still stored")
	}
	if s.revisions != 1 {
		t.Errorf("%d requests for it", s.revisions)
	}
	s.say(bob, alice, "last")
	clock.Run(time.Minute)
	if s.revisions != 1 {
		t.Errorf("%d requests in the end", s.revisions)
	}
	old := b.timeline(6, 50)
	clock.Run(time.Second)
	b.shown = old.Messages
	want(t, "the old ones", b.said(), "old0 (gone) new2 old3 old4")
}

// What arrives late, twice or in another order changes nothing of how it ends; nor does a
// page that was read before an edit and comes after it.
func TestEditsAreInTheOrderOfTheLogHoweverTheyCome(t *testing.T) {
	for seed := range uint64(300) {
		random := rand.New(rand.NewPCG(seed, 9))
		clock, s := setup(t)
		store := chat.NewMemory()
		a := open(t, s, alice, store)
		a.host.Latency = func() time.Duration { return time.Duration(random.IntN(300)) * time.Millisecond }
		clock.Run(time.Second)
		if random.IntN(2) == 0 {
			a.engine.Timeline(key, 0, 50, func(chat.Timeline, error) {})
		}
		s.dropDeliver = func(uint64) bool { return random.IntN(3) == 0 }
		for i := range 40 {
			if n := uint64(len(s.logs[key])); n > 0 && random.IntN(2) == 0 {
				kind := []proto.MessageType{edits, edits, recalls, reacts}[random.IntN(4)]
				content := map[proto.MessageType]string{edits: fmt.Sprint("edit", i), reacts: []string{"👍", "❤️", ""}[random.IntN(3)]}[kind]
				target := 1 + random.Uint64N(n)
				if of := s.logs[key][target-1]; of.GetMessageType() == 0 {
					s.speak(bob, alice, target, kind, content)
				}
			} else {
				s.say(bob, alice, fmt.Sprint("text", i))
			}
			for _, x := range s.sessions { // again, as it was
				if random.IntN(3) == 0 {
					x.down(proto.BranchMessage, s.sent[random.IntN(len(s.sent))])
				}
			}
			switch random.IntN(12) {
			case 0:
				s.cut(nil)
			case 1:
				a.engine.Timeline(key, 0, 1+random.IntN(20), func(chat.Timeline, error) {})
			case 2:
				a.engine.Timeline(key, 1+random.Uint64N(uint64(len(s.logs[key]))), 1+random.IntN(10), func(chat.Timeline, error) {})
			case 3:
				clock.Run(time.Second) // so that no question is open
				a.engine.Close(func() {})
				clock.Run(time.Second)
				a = open(t, s, alice, store)
				a.host.Latency = func() time.Duration { return time.Duration(random.IntN(300)) * time.Millisecond }
			}
			clock.Run(time.Duration(random.IntN(400)) * time.Millisecond)
		}
		s.dropDeliver = nil
		s.cut(nil) // so that a lost end is noticed
		clock.Run(time.Minute)
		a.shown = nil
		a.timeline(0, 100)
		clock.Run(time.Minute)
		for _, m := range s.logs[key] {
			stored, err := store.Messages(t.Context(), key, m.GetSeq(), m.GetSeq())
			if err != nil || len(stored) != 1 || !bytes.Equal(stored[0].Body, marshal(m)) {
				t.Fatalf("seed %d: message %d is stored as %v, the server has %v", seed, m.GetSeq(), stored, m)
			}
		}
	}
}

func TestNothingOfWhatIsSaidOfAMessageIsLostWhileTheStorageIsFull(t *testing.T) {
	clock, s := setup(t)
	memory := chat.NewMemory()
	store := &failing{Store: memory}
	a := open(t, s, alice, store)
	clock.Run(time.Second)
	s.say(bob, alice, "hello")
	clock.Run(time.Second)
	store.err = errors.New("the browser's storage is full")
	s.say(bob, alice, "more")
	clock.Run(100 * time.Millisecond)
	s.speak(bob, alice, 1, reacts, "👍")
	clock.Run(100 * time.Millisecond)
	s.speak(alice, bob, 1, reacts, "👀") // on another device
	clock.Run(100 * time.Millisecond)
	store.err = nil
	clock.Run(time.Minute)
	a.engine.Close(func() {})
	clock.Run(time.Second)
	a = openOffline(t, s, alice, memory)
	want(t, "stored", a.said(), "hello👍👀 more")
}

func TestWhatWaitsToBeSentIsChangedWhereItIs(t *testing.T) {
	clock, s := setup(t)
	s.down = true
	store := chat.NewMemory()
	a := open(t, s, alice, store)
	clock.Run(time.Second)
	a.timeline(0, 50)
	a.send("helo")
	a.send("s3cret")
	clock.Run(time.Second)
	of := func(i int, kind proto.MessageType, content string) {
		var r [proto.RefSize]byte
		if _, err := fmt.Sscanf(a.shown[i].Ref, "%x", (*hexRef)(&r)); err != nil {
			t.Fatal(err)
		}
		a.engine.Send(key, chat.Draft{Type: kind, OfRef: r, Content: content}, func(err error) {
			if err != nil {
				t.Error(err)
			}
		})
		clock.Run(time.Second)
	}
	of(0, edits, "hello")
	of(1, recalls, "")
	want(t, "offline", a.said(), "hello")
	if holds(t, store, "s3cret") {
		t.Error("what was withdrawn is stored")
	}
	clock.Run(time.Minute)
	// After a restart nobody knows whether it left.
	a.engine.Close(func() {})
	clock.Run(time.Second)
	a = open(t, s, alice, store)
	clock.Run(time.Second)
	a.timeline(0, 50)
	clock.Run(time.Minute)
	of(0, edits, "hello!")
	want(t, "after a restart", a.said(), "hello!")
	a.engine.Close(func() {})
	clock.Run(time.Second)
	a = open(t, s, alice, store)
	s.down = false
	clock.Run(time.Minute)
	a.timeline(0, 50)
	clock.Run(time.Second)
	want(t, "published", strings.Join(s.published, " "), "hello hello!")
	want(t, "online", a.said(), "hello!")
	want(t, "at the server", s.logs[key][0].GetContent(), "hello!")
}

type hexRef [proto.RefSize]byte

func (r *hexRef) Scan(state fmt.ScanState, _ rune) error {
	token, err := state.Token(true, nil)
	if err == nil {
		_, err = fmt.Sscanf(string(token), "%032x", new([]byte))
	}
	for i := range r {
		if _, err := fmt.Sscanf(string(token[2*i:2*i+2]), "%02x", &r[i]); err != nil {
			return err
		}
	}
	return nil
}

func TestAnEditThatWaitsShowsAndIsRefusedWithItsReason(t *testing.T) {
	clock, s := setup(t)
	a := open(t, s, alice, chat.NewMemory())
	clock.Run(time.Second)
	a.timeline(0, 50)
	a.send("one")
	a.send("two")
	clock.Run(time.Second)
	s.down = true
	s.cut(nil)
	clock.Run(time.Second)
	a.revise(1, edits, "1")
	clock.Run(time.Second)
	want(t, "while it waits", a.said(), "1 two")
	if !a.shown[0].Changing || a.list[key].Last.Content != "two" {
		t.Errorf("shown as %+v, last %+v", a.shown[0], a.list[key].Last)
	}
	s.refuse = proto.Refuse(proto.ImplementationSpecific, "too late").Named("too-late-to-change")
	s.down = false
	clock.Run(time.Minute)
	want(t, "refused", a.said(), "one two")
	last := a.shown[len(a.shown)-1]
	if last.State != chat.Refused || last.Of != 1 || last.ReasonCode != "too-late-to-change" || last.Content != "1" {
		t.Errorf("the edit is shown as %+v", last)
	}
	s.refuse = nil
	a.engine.Discard(last.Ref, func(err error) {
		if err != nil {
			t.Error(err)
		}
	})
	clock.Run(time.Second)
	want(t, "in the end", a.said(), "one two")
}

func TestAnEditOfWhatWasTakenBackMeanwhileLeavesTheOutbox(t *testing.T) {
	clock, s := setup(t)
	store := chat.NewMemory()
	a := open(t, s, alice, store)
	clock.Run(time.Second)
	a.timeline(0, 50)
	a.send("one")
	clock.Run(time.Second)
	s.down = true
	s.cut(nil)
	clock.Run(time.Second)
	a.revise(1, edits, "s3cret")
	clock.Run(time.Second)
	s.speak(alice, bob, 1, recalls, "") // on another device
	s.down = false
	clock.Run(time.Minute)
	want(t, "in the end", a.said(), "(gone)")
	if holds(t, store, "s3cret") {
		t.Error("the edit is still stored")
	}
	for _, m := range a.shown {
		if m.State == chat.Refused {
			t.Errorf("it is shown: %+v", m)
		}
	}
}

// Of what is taken back nothing stays in the store, nor is shown, though it could not be written at once, and nobody looks there.
func TestWhatIsTakenBackGoesOnceTheStoreWorks(t *testing.T) {
	clock, s := setup(t)
	memory := chattest.NewMemory(native.Fold)
	store := &failing{Store: memory}
	a := openWith(t, s, chat.Config{User: alice, Store: store, Folder: native.Fold})
	a.blind = true
	clock.Run(time.Second)
	s.say(bob, alice, "a secret")
	for range 100 {
		s.say(bob, alice, "more")
	}
	clock.Run(time.Second)
	asked := s.revisions
	a.host.Latency = func() time.Duration {
		if s.revisions > asked { // it is told on the way back that the message was taken back
			store.err = errors.New("the browser's storage failed")
		}
		return time.Millisecond
	}
	s.dropDeliver = func(uint64) bool { return true }
	s.speak(bob, alice, 1, recalls, "")
	s.speak(bob, alice, 2, edits, "another")
	s.miss()
	clock.Run(200 * time.Millisecond)
	if store.err == nil || !holds(t, memory, "secret") {
		t.Fatal("the store did not fail in time")
	}
	asked = s.revisions
	view := a.timeline(3, 10)
	clock.Run(200 * time.Millisecond)
	if found := a.search(chat.Query{Text: "secret"}, 10); len(found.Hits) > 0 || len(view.Messages) != 2 || view.Messages[0].Content != "" {
		t.Errorf("while the store fails, it shows %+v, and finds %d", view.Messages, len(found.Hits))
	}
	for text, want := range map[string]int{"more": 99, "another": 1} {
		if found := a.search(chat.Query{Text: text}, 200); len(found.Hits) != want {
			t.Errorf("while the store fails, %d messages say %q, want %d", len(found.Hits), text, want)
		}
	}
	store.err = nil
	clock.Run(time.Minute)
	if holds(t, memory, "secret") {
		t.Error("it is still stored")
	}
}

func TestEachEditShowsThoughTheStoreFails(t *testing.T) {
	clock, s := setup(t)
	memory := chat.NewMemory()
	store := &failing{Store: memory}
	a := open(t, s, alice, store)
	clock.Run(time.Second)
	a.timeline(0, 50)
	s.say(bob, alice, "one")
	clock.Run(time.Second)
	store.err = errors.New("the browser's storage failed")
	for _, content := range []string{"two", "three"} {
		s.speak(bob, alice, 1, edits, content)
		clock.Run(time.Second)
		want(t, "while the store fails", a.said(), content)
	}
	store.err = nil
	clock.Run(time.Minute)
	a.host.Kill()
	want(t, "stored", openOffline(t, s, alice, memory).said(), "three")
}

func TestWhatStandsBehindAnEditOfWhatWasTakenBackIsSent(t *testing.T) {
	clock, s := setup(t)
	a := open(t, s, alice, chat.NewMemory())
	clock.Run(time.Second)
	a.timeline(0, 50)
	a.send("one")
	clock.Run(time.Second)
	s.refuse = &proto.Refusal{Reason: proto.ServerBusy, Text: "busy", Retry: time.Minute}
	a.revise(1, edits, "ones")
	a.send("two")
	clock.Run(time.Second)
	s.refuse = nil
	s.cut(nil) // the edit still waits as long as the server said
	clock.Run(5 * time.Second)
	if len(s.logs[key]) != 1 {
		t.Fatalf("the server has %d messages", len(s.logs[key]))
	}
	s.speak(alice, bob, 1, recalls, "") // on another device, while the edit waits
	clock.Run(time.Second)
	if log := s.logs[key]; log[len(log)-1].GetContent() != "two" {
		t.Errorf("the server has %d messages, the last of which is %q", len(log), log[len(log)-1].GetContent())
	}
}

func TestOneMessageIsFetchedForAQuote(t *testing.T) {
	clock, s := setup(t)
	for i := range 200 {
		s.say(bob, alice, fmt.Sprint("text", i))
	}
	a := open(t, s, alice, chat.NewMemory())
	clock.Run(time.Second)
	var got *chat.Message
	for range 2 {
		a.engine.Message(key, 3, func(m *chat.Message, err error) {
			if got = m; err != nil {
				t.Error(err)
			}
		})
		clock.Run(time.Second)
		if got == nil || got.Content != "text2" {
			t.Errorf("it is %+v", got)
		}
	}
	got = new(chat.Message)
	a.engine.Message(key, 999, func(m *chat.Message, err error) {
		if got = m; err != nil {
			t.Error(err)
		}
	})
	clock.Run(time.Second)
	if got != nil {
		t.Errorf("of what is not there: %+v", got)
	}
}

// A page that was answered before a recall comes after the row that tells of it, to who has nothing else of the conversation.
func TestTheFirstPageMayBeOlderThanTheRowThatToldOfIt(t *testing.T) {
	clock, s := setup(t)
	s.bareRows = true
	a := open(t, s, alice, chat.NewMemory())
	clock.Run(time.Second)
	asked := len(s.requests)
	a.host.Latency = func() time.Duration {
		if len(s.requests) > asked { // the answer of the history is late
			asked = len(s.requests)
			return 3 * time.Second
		}
		return time.Millisecond
	}
	s.dropDeliver = func(uint64) bool { return true }
	s.say(bob, alice, "a secret")
	s.miss()
	clock.Run(time.Second)
	if asked == 0 || a.text() != "" {
		t.Fatalf("%d requests are answered, and it shows %q", asked, a.text())
	}
	s.speak(bob, alice, 1, recalls, "")
	s.miss()
	clock.Run(10 * time.Second)
	a.timeline(0, 50)
	clock.Run(10 * time.Second)
	for _, m := range a.shown {
		if m.Content != "" {
			t.Errorf("%q is still there", m.Content)
		}
	}
}
