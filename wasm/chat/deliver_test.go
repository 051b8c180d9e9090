package chat_test

import (
	"fmt"
	"testing"
	"time"

	"parley/proto"
	"parley/wasm/chat"
)

// What comes while the loop has no time is taken in together; nobody can tell.
func TestWhatComesTogetherIsTakenInAsOneByOne(t *testing.T) {
	clock, s := setup(t)
	s.dropDeliver = func(uint64) bool { return true }
	const carol, dave = 77, 78
	s.say(bob, alice, "one")
	s.say(bob, alice, "two")
	s.speak(bob, alice, 1, edits, "one, edited")
	s.say(bob, alice, "three")
	s.speak(bob, alice, 2, recalls, "")
	s.say(carol, alice, "of another")
	s.say(bob, alice, "four")
	s.say(dave, alice, "from one more")
	s.say(alice, carol, "mine, from elsewhere") // with the seq that would be next there
	s.say(bob, alice, "five")
	s.say(bob, alice, "six")
	s.speak(bob, alice, 8, edits, "six, edited")
	var told [][]byte
	for i, payload := range s.sent {
		told = append(told, payload)
		switch i {
		case 3: // what is none, and what came before
			told = append(told, []byte("garbage"), s.sent[0], s.sent[2])
		case 10: // out of order: what was revised since is to be fetched, which fails
			told[len(told)-2], told[len(told)-1] = told[len(told)-1], told[len(told)-2]
		}
	}
	s.refuseHistory = proto.Refuse(proto.ServerBusy, "later")
	s.dropSync = true

	apart, together := open(t, s, alice, chat.NewMemory()), open(t, s, alice, chat.NewMemory())
	clock.Run(time.Second)
	for _, payload := range told {
		s.sessions[0].handler.Deliver(proto.BranchMessage, payload)
		clock.Run(10 * time.Millisecond)
	}
	for _, payload := range told {
		s.sessions[1].handler.Deliver(proto.BranchMessage, payload)
	}
	clock.Run(10 * time.Duration(len(told)) * time.Millisecond)
	for _, v := range []*screen{apart, together} {
		want(t, "what both were told", v.said(), "of another from one more one, edited mine, from elsewhere (gone) three four five six")
		for _, key := range []string{key, proto.DirectKey(alice, carol).String(), proto.DirectKey(alice, dave).String()} {
			want(t, "the list", list(v, key), list(apart, key))
		}
		if len(v.errors) != 1 {
			t.Errorf("it was told of %v", v.errors)
		}
	}
}

func list(v *screen, key string) string {
	c := v.list[key]
	return fmt.Sprint(c.Head, c.Unread, c.AwaitingSince != 0, c.WaitingSince != 0, c.WaitingSeq, c.Last.Seq, c.Last.Content)
}
