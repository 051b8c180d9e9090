package chat_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"parley/proto"
	"parley/server/chat"
	"parley/server/chat/chattest"
)

// Who becomes an agent between two messages gets the second one, also if all
// three share a transaction.
func TestAnAgentIsSentWhatFollowsTheirComing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		enter, leave := make(chan struct{}, 100), make(chan struct{})
		out := &outbox{t: t}
		service, err := chat.New(chat.Config{Store: &watched{Store: chattest.NewMemory(1), before: func() { enter <- struct{}{}; <-leave }}, Fanout: out})
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- service.Run(ctx) }()
		say := func(content string) {
			if _, err := service.Publish(t.Context(), chat.Sender{User: cora}, proto.BranchService, encode(t, word(cora, content)), nil); err != nil {
				t.Error(err)
			}
		}
		go say("1")
		<-enter // is being committed; the others wait for the next transaction
		for _, next := range []func(){
			func() { say("2") },
			func() {
				if err := service.Seen(t.Context(), chat.User{ID: ann, Services: chat.ServicesOf(inSales)}, chat.Credential{}); err != nil {
					t.Error(err)
				}
			},
			func() { say("3") },
		} {
			go next()
			synctest.Wait()
		}
		close(leave)
		synctest.Wait()
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		var got []string
		for _, d := range out.take() {
			if m, ok := d.body.(*proto.ServiceMessage); ok && d.user == ann {
				got = append(got, m.GetContent())
			}
		}
		if !slices.Equal(got, []string{"3"}) {
			t.Errorf("the agent was sent %q", got)
		}
	})
}

// until lets somebody of sales connect with a token that expires.
func (b *bench) until(user uint64, name string, expires time.Time) {
	b.t.Helper()
	u := chat.User{ID: user, Name: name, Services: chat.ServicesOf(inSales), ServicesUntil: uint64(expires.UnixMilli())}
	if err := b.Seen(b.t.Context(), u, chat.Credential{}); err != nil {
		b.t.Fatal(err)
	}
}

// sent says which of the agents are sent what Cora writes.
func (b *bench) sent(content string) (agents []uint64) {
	b.t.Helper()
	b.out.take()
	b.say(cora, word(cora, content))
	for _, d := range b.out.take() {
		if d.branch == proto.BranchService && d.user != cora {
			agents = append(agents, d.user)
		}
	}
	slices.Sort(agents)
	return agents
}

func TestAnAgentWhoseTokenExpiredIsNoLongerInTheTeam(t *testing.T) {
	inBubble(t, chat.Config{}, func(t *testing.T, b *bench) {
		b.until(203, "Cy", time.Now().Add(time.Hour))
		b.until(204, "Di", time.Now().Add(2*time.Hour))
		b.come(ann, 203)
		time.Sleep(time.Hour - time.Millisecond)
		if agents := b.sent("before"); !slices.Equal(agents, []uint64{ann, ben, 203, 204}) {
			t.Errorf("before, %v are sent it", agents)
		}
		time.Sleep(time.Millisecond)
		synctest.Wait()
		if agents := b.sent("after"); !slices.Equal(agents, []uint64{ann, ben, 204}) {
			t.Errorf("after, %v are sent it", agents)
		}
		if team := b.team(); !slices.Equal(team, []uint64{ann, ben, 204}) {
			t.Errorf("the team is %v", team)
		}
		handOver, target := control(proto.MessageType_MESSAGE_TYPE_HAND_OVER), uint64(203)
		handOver.TargetAgentId = &target
		if _, err := b.tell(ann, handOver); err == nil || !strings.Contains(err.Error(), "no agent of this service") {
			t.Errorf("a hand-over: %v", err)
		}
		b.out.take()
		b.Disconnected(chat.Sender{User: 203}) // as the broker ends it
		left := time.Now()
		time.Sleep(5 * time.Second)
		told := slices.DeleteFunc(b.told(), func(d delivered) bool { return d.branch != proto.BranchPresence })
		same(t, "the others of the team", told, []delivered{gone(ann, 203, left)})
		time.Sleep(time.Hour)
		if agents := b.sent("much later"); !slices.Equal(agents, []uint64{ann, ben}) {
			t.Errorf("much later, %v are sent it", agents)
		}
	})
}

func TestARenewedTokenKeepsAnAgentAndAnOlderDeviceEndsNothing(t *testing.T) {
	inBubble(t, chat.Config{}, func(t *testing.T, b *bench) {
		began := time.Now()
		b.until(203, "Cy", began.Add(time.Hour))
		b.until(203, "Cy", began.Add(3*time.Hour))
		b.until(203, "Cy", began.Add(2*time.Hour)) // of another device
		time.Sleep(3*time.Hour - time.Millisecond)
		synctest.Wait()
		if team := b.team(); !slices.Equal(team, []uint64{ann, ben, 203}) {
			t.Errorf("the team is %v", team)
		}
		time.Sleep(time.Millisecond)
		synctest.Wait()
		if team := b.team(); !slices.Equal(team, []uint64{ann, ben}) {
			t.Errorf("when the last token expired, the team is %v", team)
		}
	})
}

// Who expired while the server was down is off before long.
func TestAgentsWhoseTokensExpiredMeanwhileAreTakenOffAtTheStart(t *testing.T) {
	onBothStores(t, func(t *testing.T, s chat.Store) {
		b := prepared(t, s)
		for user := range uint64(250) { // more than one commit takes off
			expired := chat.User{ID: 1000 + user, Services: chat.ServicesOf(inSales), ServicesUntil: b.clockTime() - user}
			if err := s.Update(t.Context(), func(tx chat.Tx) error { return tx.PutUser(expired) }); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Update(t.Context(), func(tx chat.Tx) error {
			return tx.PutUser(chat.User{ID: ann, Services: chat.ServicesOf(inSales), ServicesUntil: b.clockTime() + 1})
		}); err != nil {
			t.Fatal(err)
		}
		if next := b.Announce(t.Context()); next <= 0 || next > time.Minute {
			t.Errorf("the next is due in %v", next)
		}
		if team := b.team(); !slices.Equal(team, []uint64{ann}) {
			t.Errorf("the team is %v", team)
		}
	})
}

func TestASetOfServicesHoldsEveryServiceThereIs(t *testing.T) {
	var all []proto.ServiceType
	for number := range proto.ServiceType_name {
		if number < 0 || number > proto.MaxService { // a bit each
			t.Errorf("service %d has no place in a set", number)
		}
		all = append(all, proto.ServiceType(number))
	}
	slices.Sort(all)
	if got := chat.ServicesOf(all).All(); !slices.Equal(got, all) {
		t.Errorf("%v, want %v", got, all)
	}
	if none := chat.ServicesOf(nil); none != 0 || none.Has(0) || len(none.All()) != 0 {
		t.Errorf("the empty set holds %v", none.All())
	}
}
