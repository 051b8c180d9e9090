package chat_test

import (
	"testing"
	"time"

	pb "google.golang.org/protobuf/proto"

	"parley/proto"
	"parley/wasm/chat"
)

func TestWhatIChoseForAConversationIsKnownAsTheServerTells(t *testing.T) {
	clock, s := setup(t)
	store := chat.NewMemory()
	a, b := open(t, s, alice, store), open(t, s, bob, chat.NewMemory())
	b.send("hello")
	clock.Run(time.Second)
	tell := func(chosen *proto.ConversationState) {
		chosen.Key, chosen.HeadSeq, chosen.ReadSeq = &key, pb.Uint64(1), new(uint64)
		chosen.DeliveredSeq, chosen.PeerReadSeq, chosen.PeerDeliveredSeq = new(uint64), new(uint64), new(uint64)
		chosen.Unread, chosen.WaitingSince, chosen.AwaitingSince = pb.Uint64(1), new(uint64), new(uint64)
		for _, x := range s.sessions {
			if x.user == alice {
				x.down(proto.BranchUnread, marshal(&proto.BaseUserUnreadStatics{Epoch: &s.epoch, Token: pb.String(""), Conversations: []*proto.ConversationState{chosen}}))
			}
		}
		clock.Run(time.Second)
	}
	known := func(what string, pinned, muted, archived, markedUnread bool) {
		t.Helper()
		for from, c := range map[string]chat.Conversation{"the screen": a.list[key], "the engine": a.engine.Conversations()[0]} {
			if c.Pinned != pinned || c.Muted != muted || c.Archived != archived || c.MarkedUnread != markedUnread {
				t.Errorf("%s: %s has %+v", what, from, c)
			}
		}
	}
	choice := chat.Choice{Pinned: pb.Bool(true), Archived: pb.Bool(true)}
	var answers []error
	a.engine.Choose(key, choice, func(err error) { answers = append(answers, err) })
	clock.Run(time.Second)
	if len(answers) != 1 || answers[0] != nil || len(s.choices) != 1 || !pb.Equal(s.choices[0], &proto.Choice{Key: &key, Pinned: pb.Bool(true), ArchivedThrough: pb.Uint64(1)}) {
		t.Errorf("answers %v, the server was told %v", answers, s.choices)
	}
	known("before the server tells", false, false, false, false)
	tell(&proto.ConversationState{Pinned: pb.Bool(true), Muted: pb.Bool(true), ArchivedThrough: pb.Uint64(1), MarkedUnread: pb.Bool(true)})
	known("unread anyway", true, true, true, false)
	if err := a.markRead(key, 1); err != nil {
		t.Fatal(err)
	}
	clock.Run(time.Second)
	known("read", true, true, true, true)

	b.send("and then?")
	clock.Run(time.Second)
	marks := len(s.markEpochs)
	if err := a.markRead(key, 2); err != nil {
		t.Fatal(err)
	}
	a.engine.Choose(key, chat.Choice{MarkedUnread: pb.Bool(true)}, func(error) {
		if len(s.markEpochs) != marks+1 {
			t.Error("what was read is told after the mark that would be ended by it")
		}
	})
	clock.Run(time.Second)
	if len(s.choices) != 2 || len(s.markEpochs) != marks+1 {
		t.Errorf("the server was told %d choices and %d marks", len(s.choices), len(s.markEpochs)-marks)
	}

	a.engine.Close(func() {})
	clock.Run(time.Second)
	s.down = true
	a = open(t, s, alice, store)
	clock.Run(time.Second)
	a.list[key] = a.engine.Conversations()[0]
	known("after a restart", true, true, true, true)
	a.engine.Choose(key, choice, func(err error) { answers = append(answers, err) })
	clock.Run(time.Second)
	if len(answers) != 2 || answers[1] == nil || len(s.choices) != 2 {
		t.Errorf("without a connection: answers %v, the server was told %v", answers, s.choices)
	}

	s.down = false
	clock.Run(time.Minute)
	tell(&proto.ConversationState{ArchivedThrough: pb.Uint64(2)})
	known("archived alone", false, false, true, false)
	b.send("more")
	clock.Run(time.Second)
	known("something new", false, false, false, false)
}
