package chat_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"parley/proto"
	"parley/wasm/chat"
)

// replace puts another log in place of what the server has, in a new epoch.
func (s *server) replace(contents ...string) {
	s.epoch, s.rev = s.epoch+1, s.rev+100
	s.logs, s.refs = map[string][]*proto.Message{}, map[string]*proto.Message{}
	for _, content := range contents {
		s.say(bob, alice, content)
	}
}

// draft sends something, with what was seen.
func (v *screen) draft(content string, seen uint64) {
	v.engine.Send(key, chat.Draft{Content: content, Seen: seen}, func(err error) {
		if err != nil {
			v.t.Error(err)
		}
	})
}

func TestWhatWaitsWhileTheEpochChangesSaysInWhichItsAuthorSaw(t *testing.T) {
	clock, s := setup(t)
	a := open(t, s, alice, chat.NewMemory())
	clock.Run(time.Second)
	for i := range 5 {
		s.say(bob, alice, fmt.Sprint("old", i))
	}
	clock.Run(time.Second)
	if err := a.markRead(key, 2); err != nil {
		t.Fatal(err)
	}
	a.draft("at once", 3)
	clock.Run(time.Second)
	if seen := s.logs[key][5].GetSeenSeq(); seen != 3 {
		t.Errorf("in its own epoch its author is said to have seen %d", seen)
	}
	s.down = true
	s.cut(errors.New("gone"))
	a.draft("kept", 4)
	clock.Run(time.Second)

	s.down = false
	s.replace("new0", "new1", "new2", "new3", "new4")
	s.dropDeliver = func(uint64) bool { return true } // the acknowledgement alone tells
	clock.Run(time.Minute)
	v := a.timeline(0, 50)
	clock.Run(time.Second)
	want(t, "screen", text(v.Messages), "new0 new1 new2 new3 new4 kept/sent")
	last := v.Messages[len(v.Messages)-1]
	if seen := s.logs[key][5].GetSeenSeq(); seen != 0 || last.Seen != 0 {
		t.Errorf("its author is said to have seen %d, and here %d", seen, last.Seen)
	}
	if waiting := a.list[key].WaitingSeq; waiting != 1 {
		t.Errorf("%d waits, want the first, which nobody has answered", waiting)
	}
	if err := a.markRead(key, 5); err != nil {
		t.Fatal(err)
	}
	clock.Run(time.Second)
	if n := len(s.markEpochs); n < 2 || s.markEpochs[0] != 7 || s.markEpochs[n-1] != 8 {
		t.Errorf("marks are of the epochs %d", s.markEpochs)
	}
}

func TestWhatIsDeliveredAfterANewEpochIsToldIsNotMixedWithWhatWasBefore(t *testing.T) {
	clock, s := setup(t)
	a := open(t, s, alice, chat.NewMemory())
	clock.Run(time.Second)
	for i := range 5 {
		s.say(bob, alice, fmt.Sprint("old", i))
	}
	clock.Run(time.Second)
	if n := a.list[key].Head; n != 5 {
		t.Fatalf("the head is %d", n)
	}
	s.dropSync, s.down = true, true // nothing but what is delivered
	s.replace()
	s.miss()
	s.say(bob, alice, "new0")
	s.say(bob, alice, "new1")
	clock.Run(time.Second)
	want(t, "at once", a.text(), "new0 new1")
	if n := a.list[key].Head; n != 2 || a.resets != 1 {
		t.Errorf("the head is %d after %d resets", n, a.resets)
	}
	s.dropSync, s.down = false, false
	clock.Run(time.Minute)
	want(t, "later", a.text(), "new0 new1")
	if a.resets != 1 {
		t.Errorf("%d resets", a.resets)
	}
}

func TestRowsThatNobodyAskedForBringNoEpochBack(t *testing.T) {
	clock, s := setup(t)
	a := open(t, s, alice, chat.NewMemory())
	clock.Run(time.Second)
	s.say(bob, alice, "old")
	clock.Run(time.Second)
	s.replace("new0", "new1")
	s.miss()
	clock.Run(time.Minute)
	asked := len(s.asked)

	row, since, token := s.state(alice, proto.DirectKey(alice, bob), s.logs[key]), "late", "later"
	head, before := uint64(9), uint64(7)
	row.HeadSeq, row.Last = &head, nil
	for _, x := range s.sessions {
		x.down(proto.BranchUnread, marshal(&proto.BaseUserUnreadStatics{Epoch: &before, Token: &token, Since: &since, Conversations: []*proto.ConversationState{row}}))
	}
	clock.Run(time.Second)
	if a.resets != 1 || a.list[key].Head != 2 {
		t.Errorf("%d resets, and the head is %d", a.resets, a.list[key].Head)
	}
	if len(s.asked) != asked+1 {
		t.Errorf("asked %d times, want once", len(s.asked)-asked)
	}
	v := a.timeline(0, 50)
	clock.Run(time.Second)
	want(t, "screen", text(v.Messages), "new0 new1")
}

// A mark, too, may come before the first answer, and be of a history that is gone when that comes.
func TestMarksThatCameBeforeTheFirstAnswerAreNotOfAnotherHistory(t *testing.T) {
	clock, s := setup(t)
	s.dropSync = true
	a := open(t, s, alice, chat.NewMemory())
	clock.Run(time.Second)
	s.marked(rose{delivered: 4, read: 4, deliveredAt: 1, readAt: 1})
	clock.Run(time.Second)
	if c := a.list[key]; c.PeerRead != 4 {
		t.Fatalf("there is %+v: this tests nothing", c)
	}
	s.dropSync = false
	s.replace()
	for range 5 {
		s.say(alice, bob, "new")
	}
	s.cut(errors.New("gone"))
	clock.Run(time.Minute)
	if c := a.list[key]; c.Head != 5 || c.PeerRead != 0 || c.PeerDelivered != 0 {
		t.Errorf("the other history's marks are kept: %+v", c)
	}
}
