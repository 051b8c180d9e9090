package chat_test

import (
	"testing"
	"time"

	pb "google.golang.org/protobuf/proto"

	"parley/proto"
	"parley/wasm/chat"
)

// miss tells every session that deliveries to it were dropped.
func (s *server) miss() {
	for _, x := range s.sessions {
		x.down(proto.BranchUnread, marshal(&proto.BaseUserUnreadStatics{Epoch: &s.epoch, Token: pb.String(""), Sync: pb.Bool(true)}))
	}
}

func TestWhoIsToldThatDeliveriesWereDroppedAsksForThem(t *testing.T) {
	for _, early := range []bool{false, true} { // whether a request is open when the server tells
		clock, s := setup(t)
		s.dropSync = early
		a := open(t, s, alice, chat.NewMemory())
		clock.Run(time.Second)
		s.dropDeliver = func(uint64) bool { return true }
		s.say(bob, alice, "unheard")
		s.miss()
		clock.Run(time.Second)
		if !early {
			want(t, "at once", a.text(), "unheard")
			continue
		}
		want(t, "while its own request is open, which this does not answer", a.text(), "")
		s.dropSync = false
		clock.Run(10 * time.Second)
		want(t, "when that is repeated", a.text(), "unheard")
	}
}
