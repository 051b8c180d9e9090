package chat_test

import (
	"testing"
	"time"

	pb "google.golang.org/protobuf/proto"

	"parley/proto"
	"parley/wasm/chat"
)

func TestWhoTypesIsToldOfAHundredAtMostAndExpiresByItself(t *testing.T) {
	clock, s := setup(t)
	s.say(bob, alice, "hello")
	a := open(t, s, alice, chat.NewMemory())
	clock.Run(time.Second)
	for user := range uint64(150) {
		for _, x := range s.sessions {
			x.down(proto.BranchTyping, marshal(&proto.Typing{Key: &key, UserId: pb.Uint64(1000 + user), Active: pb.Bool(true)}))
		}
	}
	clock.Run(time.Second)
	if n := len(a.typing); n != 100 {
		t.Errorf("%d are said to type, want 100", n)
	}
	clock.Run(6 * time.Second)
	if n := len(a.typing); n != 0 {
		t.Errorf("%d are said to type when none has said so for 6 s", n)
	}
}
