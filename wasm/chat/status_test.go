package chat_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"parley/proto"
	"parley/proto/answeredtest"
	"parley/wasm/chat"
	"parley/wasm/chat/chattest"
)

// Between two users: Ann has the lower id, as the scenarios want it.
const ann, ben = bob, alice

// tell stores a scenario's log at the server, which delivers it as it likes.
func tell(s *server, story answeredtest.Scenario) {
	for _, entry := range story.Log {
		from, to := ann, ben
		if entry.By == answeredtest.Ben {
			from, to = ben, ann
		}
		var zero uint64
		content, kind, target := "x", entry.Does, entry.Of
		m := &proto.Message{
			MessageId: &zero, SenderId: &from, ReceiverId: &to, Content: &content, CreateTime: &zero,
			SeenSeq: entry.Seen, MessageType: &kind,
		}
		if target != 0 {
			m.TargetSeq = &target
		}
		s.store(from, m)
		s.clock.Run(time.Millisecond)
	}
}

// direct are the scenarios between two users.
func direct() (stories []answeredtest.Scenario) {
	for _, story := range answeredtest.Scenarios() {
		if story.Kind == proto.Direct {
			stories = append(stories, story)
		}
	}
	return stories
}

func (v *screen) wantStatus(story answeredtest.Scenario, mine proto.Side) {
	v.t.Helper()
	c := v.list[key]
	if c.AwaitingSeq != story.Waits[mine] || c.WaitingSeq != story.Waits[mine.Other()] {
		v.t.Errorf("%s: side %d waits since %d and the other since %d, want %v",
			story.Story, mine, c.AwaitingSeq, c.WaitingSeq, story.Waits)
	}
}

func TestWhoWaitsIsKnownLiveOfflineAndAfterAFreshSync(t *testing.T) {
	for _, story := range direct() {
		clock, s := setup(t)
		store := chat.NewMemory()
		a, b := open(t, s, ann, store), open(t, s, ben, chat.NewMemory())
		clock.Run(time.Second)
		s.dropSync = true // live, by the entries alone
		tell(s, story)
		clock.Run(time.Second)
		a.wantStatus(story, proto.First)
		b.wantStatus(story, proto.Second)

		s.down = true // offline, from the store
		a.host.Kill()
		offline := open(t, s, ann, store)
		clock.Run(time.Second)
		for _, c := range offline.engine.Conversations() {
			offline.list[c.Key] = c
		}
		offline.wantStatus(story, proto.First)

		s.down, s.dropSync = false, false // and from the server's row
		fresh := open(t, s, ben, chat.NewMemory())
		clock.Run(time.Second)
		fresh.wantStatus(story, proto.Second)
	}
}

func TestWhoWaitsDoesNotDependOnTheOrderOrNumberOfDeliveries(t *testing.T) {
	stories := direct()
	for seed := range uint64(200) {
		clock := chattest.NewClock(seed)
		s := newServer(clock)
		random := rand.New(rand.NewPCG(seed, 1))
		story := stories[random.IntN(len(stories))]
		a := open(t, s, ann, chat.NewMemory())
		clock.Run(time.Second)
		s.dropDeliver = func(uint64) bool { return true }
		tell(s, story)
		s.dropSync = random.IntN(2) == 0
		log := s.logs[key]
		for _, i := range append(random.Perm(len(log)), random.Perm(len(log))...) {
			s.deliver(log[i])
			clock.Run(time.Duration(random.IntN(20)) * time.Millisecond)
		}
		clock.Run(2 * time.Second)
		a.wantStatus(story, proto.First)
	}
}

// The server names only the first question that waits. When that one is
// answered and an older one than those known here may be next, it is asked.
func TestTheNextQuestionIsFoundEvenIfItIsOlderThanWhatIsKnownHere(t *testing.T) {
	clock, s := setup(t)
	for range 3 {
		s.say(ben, ann, "?")
	}
	a := open(t, s, ann, chat.NewMemory())
	clock.Run(time.Second)
	if got := a.list[key].WaitingSeq; got != 1 {
		t.Fatalf("entry %d waits, want 1", got)
	}
	a.engine.Send(key, chat.Draft{Content: "to the first", Seen: 1}, func(error) {})
	clock.Run(time.Second)
	if got := a.list[key].WaitingSeq; got != 2 {
		t.Errorf("entry %d waits, want 2", got)
	}
}

func TestNoReplyNeededClearsWithoutWriting(t *testing.T) {
	clock, s := setup(t)
	s.say(ben, ann, "thanks")
	a := open(t, s, ann, chat.NewMemory())
	clock.Run(time.Second)
	draft := chat.Draft{Type: proto.MessageType_MESSAGE_TYPE_NO_REPLY_NEEDED, Seen: 1}
	a.engine.Send(key, draft, func(err error) {
		if err != nil {
			t.Error(err)
		}
	})
	clock.Run(time.Second)
	if c := a.list[key]; c.WaitingSeq != 0 || c.WaitingSince != 0 || c.AwaitingSeq != 0 {
		t.Errorf("after no reply needed: %+v", c)
	}
}
