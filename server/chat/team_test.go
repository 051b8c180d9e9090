package chat_test

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"

	"parley/proto"
	"parley/server/chat"
)

// Who becomes an agent between two messages gets the second one, also if all
// three share a transaction.
func TestAnAgentIsSentWhatFollowsTheirComing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		enter, leave := make(chan struct{}, 100), make(chan struct{})
		out := &outbox{t: t}
		service, err := chat.New(chat.Config{Store: &watched{Store: chat.NewMemory(1), before: func() { enter <- struct{}{}; <-leave }}, Fanout: out})
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
				if err := service.Seen(t.Context(), chat.User{ID: ann, Services: chat.ServicesOf(inSales)}); err != nil {
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

func TestASetOfServicesHoldsEveryServiceThereIs(t *testing.T) {
	var all []proto.ServiceType
	for number := range proto.ServiceType_name {
		if number < 0 || number > 62 { // a bit of a signed integer in the database
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
