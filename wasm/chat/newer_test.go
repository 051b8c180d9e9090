package chat_test

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
	pb "google.golang.org/protobuf/proto"

	"parley/proto"
	"parley/wasm/chat"
)

// What a newer server sends: entries of types that this version does not know,
// conversations of kinds that it does not know, and fields of both.
const (
	written proto.MessageType = 9  // something that people write
	control proto.MessageType = 40 // a control entry
)

// mark is a field that only newer versions know.
var mark = protowire.AppendString(protowire.AppendTag(nil, 99, protowire.BytesType), "of a newer version")

func withMark(m pb.Message) { m.ProtoReflect().SetUnknown(mark) }

// become makes what is said of a type.
func (s *server) become(types ...proto.MessageType) {
	s.alter = func(m *proto.Message) {
		m.MessageType = &types[0]
		types = types[1:]
		withMark(m)
	}
}

func TestAnEntryOfATypeToComeKeepsItsPlaceHoweverItComes(t *testing.T) {
	text := proto.MessageType_MESSAGE_TYPE_TEXT
	for name, lost := range map[string]bool{"live": false, "from the history": true} {
		t.Run(name, func(t *testing.T) {
			clock, s := setup(t)
			s.become(text, written, control, text)
			store := chat.NewMemory()
			a := open(t, s, alice, store)
			clock.Run(time.Second)
			s.dropDeliver = func(uint64) bool { return lost }
			for _, content := range []string{"1", "2", "3", "4"} {
				s.say(bob, alice, content)
			}
			a.engine.Wake()
			clock.Run(time.Second)
			check := func(what string, a *screen) {
				t.Helper()
				a.timeline(0, 50)
				clock.Run(time.Second)
				want(t, what, a.text(), "1 2 3 4")
				if len(a.shown) != 4 || a.shown[1].Type != written || a.shown[2].Type != control {
					t.Errorf("%s: the entries are %+v", what, a.shown)
				}
				if list := a.engine.Conversations(); len(list) != 1 || list[0].Unread != 3 || list[0].WaitingSeq != 1 {
					t.Errorf("%s: the list is %+v, want 3 unread and an answer due to the first", what, list)
				}
			}
			check("at once", a)
			entries, err := store.Messages(t.Context(), key, 1, 4)
			if err != nil || len(entries) != 4 || !bytes.Contains(entries[1].Body, mark) || !bytes.Contains(entries[2].Body, mark) {
				t.Errorf("stored are %+v, %v: want all of what came", entries, err)
			}
			a.host.Kill()
			s.down = true
			check("stored", open(t, s, alice, store))
			if len(a.errors) > 0 {
				t.Errorf("the person was told of %v", a.errors)
			}
		})
	}
}

func TestAnEntryOfATypeToComeAsksOrDoesNotByItsNumber(t *testing.T) {
	for kind, asks := range map[proto.MessageType]bool{3: true, written: true, 15: true, 23: false, control: false, 1000: false} {
		clock, s := setup(t)
		s.become(kind)
		a := open(t, s, alice, chat.NewMemory())
		clock.Run(time.Second)
		s.say(bob, alice, "x")
		clock.Run(time.Second)
		if c := a.list[key]; (c.Unread == 1) != asks || (c.WaitingSince > 0) != asks {
			t.Errorf("type %d: unread %d, waits since %d, want %t", kind, c.Unread, c.WaitingSince, asks)
		}
	}
}

func TestThePreviewOfATypeToComeStandsInTheList(t *testing.T) {
	clock, s := setup(t)
	s.become(written)
	s.say(bob, alice, "x")
	s.refuseHistory = errors.New("network error") // there is the row alone
	a := open(t, s, alice, chat.NewMemory())
	clock.Run(time.Second)
	if c := a.list[key]; c.Last == nil || c.Last.Type != written || c.Last.Content != "x" || a.connection.State != chat.Live {
		t.Errorf("the list shows %+v", c)
	}
}

// rowOf is a row of a conversation in which one entry is.
func rowOf(key string) *proto.ConversationState {
	one, none := pb.Uint64(1), pb.Uint64(0)
	row := &proto.ConversationState{
		Key: &key, HeadSeq: one, ReadSeq: none, DeliveredSeq: none, PeerReadSeq: none, PeerDeliveredSeq: none,
		Unread: one, WaitingSince: pb.Uint64(7), WaitingSeq: one, AwaitingSince: none, PeerName: pb.String("a name"),
	}
	withMark(row)
	return row
}

func TestAConversationOfAKindToComeIsKeptAndListedAndDisturbsNoOther(t *testing.T) {
	const foreign = "x:some:thing"
	clock, s := setup(t)
	s.say(bob, alice, "hello")
	s.foreign = []*proto.ConversationState{rowOf(foreign), rowOf("y:5"), rowOf("nonsense")}
	store := chat.NewMemory()
	a := open(t, s, alice, store)
	clock.Run(time.Second)
	for _, x := range s.sessions {
		x.down(proto.BranchMark, marshal(&proto.Mark{Key: pb.String(foreign), UserId: pb.Uint64(bob), ReadSeq: pb.Uint64(1)}))
		x.down(proto.BranchMark, marshal(&proto.Mark{Key: pb.String("x:other"), UserId: pb.Uint64(alice), ReadSeq: pb.Uint64(1)}))
		x.down(proto.BranchTyping, marshal(&proto.Typing{Key: pb.String(foreign), UserId: pb.Uint64(bob), Active: pb.Bool(true)}))
		x.down("party", []byte("?"))
	}
	clock.Run(time.Second)
	check := func(what string, a *screen) {
		t.Helper()
		var keys []string
		for _, c := range a.engine.Conversations() {
			keys = append(keys, c.Key)
			if c.Key == foreign && (c.Head != 1 || c.Unread != 1 || c.WaitingSince != 7 || c.PeerName != "a name" || c.PeerRead != 1 || c.Last != nil) {
				t.Errorf("%s: %+v", what, c)
			}
		}
		if len(keys) != 3 || keys[0] != key || keys[1] != foreign || keys[2] != "y:5" {
			t.Errorf("%s the list is %q", what, keys)
		}
		want(t, what, a.text(), "hello")
		a.engine.Timeline(foreign, 0, 50, func(_ chat.Timeline, err error) {
			var refusal *proto.Refusal
			if !errors.As(err, &refusal) || refusal.Reason != proto.ImplementationSpecific {
				t.Errorf("%s its timeline is answered with %v", what, err)
			}
		})
		if len(a.errors) > 0 {
			t.Errorf("%s the person was told of %v", what, a.errors)
		}
	}
	check("at once", a)
	for _, asked := range s.requests {
		if asked != key {
			t.Errorf("the history was asked for %s, of which nothing could be read", asked)
		}
	}
	a.host.Kill()
	s.down = true
	a = open(t, s, alice, store)
	clock.Run(time.Second)
	a.timeline(0, 50)
	clock.Run(time.Second)
	check("stored", a)
	for _, row := range load(t, store).Conversations {
		if kept := bytes.Contains(row.State, mark); kept != (row.Key != key && row.Key != "x:other") {
			t.Errorf("%s: what a newer server says of it is kept: %t", row.Key, kept)
		}
	}
}

func load(t *testing.T, store chat.Store) chat.Snapshot {
	t.Helper()
	snapshot, err := store.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return snapshot
}

func TestAServiceToComeIsAConversationLikeThoseOfOtherServices(t *testing.T) {
	clock, s := setup(t)
	service := proto.ServiceKey(alice, 99)
	s.foreign = []*proto.ConversationState{rowOf(service.String())}
	a := open(t, s, alice, chat.NewMemory())
	clock.Run(time.Second)
	if c := a.list[service.String()]; c.Service != 99 || c.Agent || c.Head != 1 {
		t.Errorf("the list has %+v", c)
	}
}

// A program that is older than the one before finds in the outbox what only
// that one could send.
func TestTheOutboxOfANewerProgramIsKeptWhole(t *testing.T) {
	clock, s := setup(t)
	store := chat.NewMemory()
	ref := bytes.Repeat([]byte{7}, proto.RefSize)
	m := &proto.Message{
		MessageId: pb.Uint64(0), SenderId: pb.Uint64(alice), ReceiverId: pb.Uint64(bob), Content: pb.String("a picture"),
		CreateTime: pb.Uint64(1), ClientRef: ref, MessageType: written.Enum(),
	}
	withMark(m)
	err := store.Apply(context.Background(), chat.Batch{Outbox: []chat.Outgoing{
		{Number: 1, Key: key, Body: marshal(m)}, {Number: 5, Key: "y:5", Body: []byte("?")},
	}})
	if err != nil {
		t.Fatal(err)
	}
	a := open(t, s, alice, store)
	clock.Run(time.Second)
	a.timeline(0, 50)
	clock.Run(time.Second)
	want(t, "to a server that is as old as the program", a.text(), "a picture/refused")
	s.newer = true
	a.engine.Retry(a.shown[0].Ref, 0, func(err error) {
		if err != nil {
			t.Error(err)
		}
	})
	clock.Run(time.Second)
	want(t, "to a newer server", a.text(), "a picture/sent")
	entries, err := store.Messages(t.Context(), key, 1, 1)
	if err != nil || len(entries) != 1 || !bytes.Contains(entries[0].Body, mark) {
		t.Errorf("stored is %v, %v: want all of what was sent", entries, err)
	}
	if left := load(t, store).Outbox; len(left) != 1 || left[0].Key != "y:5" || len(a.errors) != 0 {
		t.Errorf("in the outbox is %+v, and the person was told of %v", left, a.errors)
	}
	a.send("next")
	clock.Run(time.Second)
	want(t, "afterwards", a.text(), "a picture/sent next/sent")
}
