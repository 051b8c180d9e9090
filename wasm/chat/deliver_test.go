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

// Of a burst in a conversation whose timeline nobody asked for, pages are told of the newest, and of what one wrote
// oneself; and of all that is stored, once somebody asks. One that follows all is told of all.
func TestOfABurstThatNobodySeesTheNewestAreTold(t *testing.T) {
	clock, s := setup(t)
	const carol, many = 77, 40
	toldOf := func(v *screen) string {
		clock.Run(time.Second)
		for _, payload := range s.sent {
			s.sessions[len(s.sessions)-1].handler.Deliver(proto.BranchMessage, payload)
		}
		clock.Run(time.Second)
		var seqs []uint64
		for _, m := range v.shown {
			seqs = append(seqs, m.Seq)
		}
		return fmt.Sprint(seqs)
	}
	s.dropDeliver = func(uint64) bool { return true }
	for i := range uint64(many) {
		if i == 3 {
			s.say(alice, carol, "mine, from elsewhere")
			continue
		}
		s.say(carol, alice, fmt.Sprint(i+1))
	}
	s.dropSync = true
	v := open(t, s, alice, chat.NewMemory())
	newest := toldOf(v)
	key := proto.DirectKey(alice, carol).String()
	want(t, "what was told", newest, fmt.Sprint("[4 25 26 27 28 29 30 31 32 33 34 35 36 37 38 39 40]"))
	want(t, "the row", fmt.Sprintf("%d, %d unread, %s", v.list[key].Head, v.list[key].Unread, v.list[key].Last.Content), "40, 39 unread, 40")
	v.engine.Timeline(key, 0, 50, func(view chat.Timeline, err error) {
		if err != nil || len(view.Messages) != many {
			t.Errorf("the timeline has %d messages (%v), want all", len(view.Messages), err)
		}
	})
	clock.Run(time.Second)

	v = open(t, s, alice, chat.NewMemory())
	v.engine.Follow(1, true)
	var all []uint64
	for i := range uint64(many) {
		all = append(all, i+1)
	}
	want(t, "what one who follows was told", toldOf(v), fmt.Sprint(all))
}
