package chat_test

import (
	"testing"
	"time"

	pb "google.golang.org/protobuf/proto"

	"parley/proto"
	"parley/wasm/chat"
)

func TestWhomIBlockIsKnownAsTheServerTells(t *testing.T) {
	clock, s := setup(t)
	store := chat.NewMemory()
	a := open(t, s, alice, store)
	clock.Run(time.Second)
	block := func(blocked bool) (answers []error) {
		a.engine.Block(bob, blocked, func(err error) { answers = append(answers, err) })
		clock.Run(time.Second)
		return answers
	}
	tell := func(blocked *bool) {
		row := &proto.ConversationState{
			Key: &key, HeadSeq: new(uint64), ReadSeq: new(uint64), DeliveredSeq: new(uint64), PeerReadSeq: new(uint64), PeerDeliveredSeq: new(uint64),
			Unread: new(uint64), WaitingSince: new(uint64), AwaitingSince: new(uint64), Blocked: blocked,
		}
		for _, x := range s.sessions {
			x.down(proto.BranchUnread, marshal(&proto.BaseUserUnreadStatics{Epoch: &s.epoch, Token: pb.String(""), Conversations: []*proto.ConversationState{row}}))
		}
		clock.Run(time.Second)
	}
	known := func(what string, blocked bool) {
		t.Helper()
		if a.list[key].Blocked != blocked {
			t.Errorf("%s: the screen was told %t", what, a.list[key].Blocked)
		}
		if all := a.engine.Conversations(); len(all) > 0 != blocked || blocked && !all[0].Blocked {
			t.Errorf("%s: among the conversations is %v", what, all)
		}
	}
	if answers := block(true); len(answers) != 1 || answers[0] != nil || len(s.blocks) != 1 || !pb.Equal(s.blocks[0], &proto.Block{UserId: pb.Uint64(bob), Blocked: pb.Bool(true)}) {
		t.Errorf("answers %v, the server was told %v", answers, s.blocks)
	}
	known("before the server tells", false)
	tell(pb.Bool(true))
	known("somebody without messages", true)

	a.engine.Close(func() {})
	clock.Run(time.Second)
	s.down = true
	a = open(t, s, alice, store)
	clock.Run(time.Second)
	if all := a.engine.Conversations(); len(all) != 1 || !all[0].Blocked {
		t.Errorf("after a restart: %v", all)
	}
	if answers := block(false); len(answers) != 1 || answers[0] == nil || len(s.blocks) != 1 {
		t.Errorf("without a connection: answers %v, the server was told %v", answers, s.blocks)
	}
	s.down = false
	clock.Run(time.Minute)
	block(false)
	if n := len(s.blocks); n != 2 || s.blocks[1].GetBlocked() {
		t.Errorf("the server was told %v", s.blocks)
	}
	tell(nil)
	known("unblocked", false)
}
