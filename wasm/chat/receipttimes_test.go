package chat_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"parley/proto"
	"parley/wasm/chat"
	"parley/wasm/chat/chattest"
)

// at is a time some seconds after the clock's start, in Unix milliseconds.
func at(seconds int) uint64 {
	return uint64(chattest.Start.Add(time.Duration(seconds) * time.Second).UnixMilli())
}

// rose is the other side's watermarks and in which second they rose; 0: unknown.
type rose struct {
	delivered, read     uint64
	deliveredAt, readAt int
}

func (r rose) times() (delivered, read *uint64) {
	if r.deliveredAt != 0 {
		delivered = new(at(r.deliveredAt))
	}
	if r.readAt != 0 {
		read = new(at(r.readAt))
	}
	return delivered, read
}

// marked tells Alice's devices of Bob's watermarks, as a mark of the server's.
func (s *server) marked(r rose) {
	name, user := key, bob
	m := &proto.Mark{Key: &name, UserId: &user, DeliveredSeq: &r.delivered, ReadSeq: &r.read}
	m.DeliveredTime, m.ReadTime = r.times()
	for _, x := range s.sessions {
		if x.user == alice {
			x.down(proto.BranchMark, marshal(m))
		}
	}
}

// rows tells Alice's devices the same as a row.
func (s *server) rows(r rose) {
	k, err := proto.ParseKey(key)
	if err != nil {
		panic(err)
	}
	row := s.state(alice, k, s.logs[key])
	row.PeerDeliveredSeq, row.PeerReadSeq = &r.delivered, &r.read
	row.PeerDeliveredTime, row.PeerReadTime = r.times()
	token, since := "", "another token"
	a := &proto.BaseUserUnreadStatics{Epoch: &s.epoch, Token: &token, Since: &since, Conversations: []*proto.ConversationState{row}}
	for _, x := range s.sessions {
		if x.user == alice {
			x.down(proto.BranchUnread, marshal(a))
		}
	}
}

// arrived is the seconds in which each of my messages was delivered and read, as the screen shows it.
func (v *screen) arrived() string {
	second := func(time uint64) string {
		if time == 0 {
			return "-"
		}
		return fmt.Sprint((int64(time) - chattest.Start.UnixMilli()) / 1000)
	}
	var all []string
	for _, m := range v.shown {
		if m.Mine {
			all = append(all, fmt.Sprintf("%s %s/%s", m.State, second(m.DeliveredTime), second(m.ReadTime)))
		} else if m.DeliveredTime != 0 || m.ReadTime != 0 {
			v.t.Errorf("a message of somebody else says when it arrived: %+v", m)
		}
	}
	return fmt.Sprint(all)
}

// sent opens Alice's browser, with n messages of hers on the screen, all sent in the first seconds.
func sent(t *testing.T, n int) (*chattest.Clock, *server, *screen, chat.Store) {
	t.Helper()
	clock, s := setup(t)
	store := chat.NewMemory()
	a := open(t, s, alice, store)
	clock.Run(time.Second)
	a.timeline(0, 50)
	for i := range n {
		a.send(fmt.Sprint(i + 1))
	}
	clock.Run(4 * time.Second)
	return clock, s, a, store
}

func TestMarksTellWhenMessagesWereDeliveredAndRead(t *testing.T) {
	clock, s, a, store := sent(t, 4)
	want(t, "before", a.arrived(), "[sent -/- sent -/- sent -/- sent -/-]")
	s.marked(rose{2, 0, 10, 0})
	clock.Run(time.Second)
	want(t, "two delivered", a.arrived(), "[delivered 10/- delivered 10/- sent -/- sent -/-]")
	s.marked(rose{3, 1, 20, 25})
	clock.Run(time.Second)
	want(t, "one read", a.arrived(), "[read 10/25 delivered 10/- delivered 20/- sent -/-]")
	s.marked(rose{4, 4, 30, 30})
	clock.Run(time.Second)
	whole := "[read 10/25 read 10/30 read 20/30 read 30/30]"
	want(t, "all read", a.arrived(), whole)

	a.host.Kill()
	again := open(t, s, alice, store)
	clock.Run(20 * time.Millisecond)
	again.timeline(0, 50)
	clock.Run(time.Second)
	want(t, "after a reload", again.arrived(), whole)
}

func TestTimesAreTheSameInWhateverOrderTheyComeAndHoweverOften(t *testing.T) {
	news := []rose{{1, 0, 10, 0}, {2, 1, 12, 15}, {3, 1, 20, 15}, {3, 3, 20, 31}, {5, 3, 40, 31}, {5, 5, 40, 50}}
	const whole = "[read 10/15 read 12/31 read 20/31 read 40/50 read 40/50]"
	for seed := range uint64(60) {
		clock, s, a, _ := sent(t, 5)
		random := rand.New(rand.NewPCG(seed, 3))
		mixed := slices.Concat(news, news[:3])
		random.Shuffle(len(mixed), func(i, j int) { mixed[i], mixed[j] = mixed[j], mixed[i] })
		for _, r := range mixed {
			if random.IntN(2) == 0 {
				s.marked(r)
			} else {
				s.rows(r)
			}
			clock.Run(100 * time.Millisecond)
		}
		want(t, fmt.Sprint("seed ", seed), a.arrived(), whole)
	}
}

func TestWhatWasMissedIsToldAsTheTimeByWhichItWasSo(t *testing.T) {
	clock, s, a, _ := sent(t, 3)
	s.marked(rose{1, 0, 10, 0})
	clock.Run(time.Second)
	s.rows(rose{3, 2, 40, 30}) // the marks between were lost
	clock.Run(time.Second)
	// The second was read by 30, and so delivered by then.
	want(t, "screen", a.arrived(), "[read 10/30 read 30/30 delivered 40/-]")
}

func TestAServerThatTellsNoTimesLeavesThemUnknown(t *testing.T) {
	clock, s, a, _ := sent(t, 2)
	s.marked(rose{2, 0, 0, 0})
	clock.Run(time.Second)
	want(t, "delivered", a.arrived(), "[delivered -/- delivered -/-]")
	s.marked(rose{2, 1, 0, 0})
	clock.Run(time.Second)
	want(t, "one read", a.arrived(), "[read -/- delivered -/-]")
}

func TestNoTimeIsBeforeTheMessagesOwn(t *testing.T) {
	clock, s, a, _ := sent(t, 1)
	s.marked(rose{1, 1, -50, -20}) // by another server's clock
	clock.Run(time.Second)
	if m := a.shown[0]; m.DeliveredTime != m.Time || m.ReadTime != m.Time {
		t.Errorf("sent at %d, delivered at %d, read at %d", m.Time, m.DeliveredTime, m.ReadTime)
	}
}

func TestInANewBrowserRepliesTellWhenOldMessagesWereRead(t *testing.T) {
	clock, s := setup(t)
	s.say(alice, bob, "one")
	s.say(alice, bob, "two")
	clock.Run(10 * time.Second)
	reply := s.say(bob, alice, "yes?")
	reply.SeenSeq = new(uint64(1))
	s.say(alice, bob, "three")
	a := open(t, s, alice, chat.NewMemory())
	clock.Run(5 * time.Second)
	s.rows(rose{4, 4, 3000, 3600})
	clock.Run(time.Second)
	a.timeline(0, 50)
	clock.Run(time.Second)
	want(t, "screen", a.arrived(), "[read 10/10 read 3000/3600 read 3000/3600]")
}

func TestTimesGoWithTheHistoryTheyAreOf(t *testing.T) {
	clock, s, a, _ := sent(t, 1)
	s.marked(rose{1, 1, 10, 20})
	clock.Run(time.Second)
	want(t, "before", a.arrived(), "[read 10/20]")
	s.down = true
	s.cut(nil)
	s.epoch, s.logs, s.refs, s.rev = 8, map[string][]*proto.Message{}, map[string]*proto.Message{}, 100
	s.down = false
	clock.Run(time.Minute)
	a.timeline(0, 50)
	a.send("anew")
	clock.Run(time.Second)
	s.marked(rose{1, 1, 0, 0})
	clock.Run(time.Second)
	want(t, "in the new history", a.arrived(), "[read -/-]")
}
