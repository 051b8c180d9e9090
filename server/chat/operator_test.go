package chat_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"parley/proto"
	"parley/server/chat"
	"parley/server/chat/chattest"
)

// refusedToken checks that an operator's decision is why a token is refused.
func refusedToken(t *testing.T, what string, err error, text string) {
	t.Helper()
	var refusal *proto.Refusal
	if !errors.As(err, &refusal) || refusal.Reason != proto.NotAuthorized || !strings.Contains(refusal.Text, text) {
		t.Errorf("%s: %v, want a refusal with %q", what, err, text)
	}
}

// admit shows a token without a device that was issued then.
func admit(b *bench, user uint64, issued time.Time) error {
	_, err := b.Admit(b.t.Context(), user, chat.Credential{Issued: issued})
	return err
}

func (b *bench) team() (ids []uint64) {
	b.t.Helper()
	team, err := b.Team(b.t.Context())
	if err != nil {
		b.t.Fatal(err)
	}
	for _, u := range team {
		ids = append(ids, u.ID)
	}
	return ids
}

func TestAnAgentWhoIsTakenOffIsOutOfTheTeamAtOnce(t *testing.T) {
	onBothStores(t, func(t *testing.T, s chat.Store) {
		b := staffed(t, s)
		since := b.clockTime()
		b.say(cora, word(cora, "hello?"))
		b.say(ben, control(proto.MessageType_MESSAGE_TYPE_CLAIM))
		b.pass(time.Hour)
		before, err := b.RemoveAgent(t.Context(), ben)
		if err != nil {
			t.Fatal(err)
		}
		if before.Name != "Ben" || before.Services != chat.ServicesOf(inSales) || before.ServicesSince != since {
			t.Errorf("before: %+v, want an agent since %d", before, since)
		}
		if team := b.team(); !slices.Equal(team, []uint64{ann}) {
			t.Errorf("the team is %v", team)
		}
		if found, err := b.Users(t.Context(), chat.UserQuery{Services: chat.ServicesOf(inSales), Limit: 9}); err != nil || len(found) != 1 || found[0].ID != ann {
			t.Errorf("agents to hand over to: %v, %v", found, err)
		}
		b.out.take()
		b.say(cora, word(cora, "still there?"))
		for _, d := range b.out.take() {
			if d.user == ben {
				t.Errorf("Ben is sent %v", d.body)
			}
		}
		handOver := control(proto.MessageType_MESSAGE_TYPE_HAND_OVER)
		target := uint64(ben)
		handOver.TargetAgentId = &target
		if _, err := b.tell(ann, handOver); err == nil || !strings.Contains(err.Error(), "no agent of this service") {
			t.Errorf("a hand-over to Ben: %v", err)
		}
		b.say(ann, control(proto.MessageType_MESSAGE_TYPE_CLAIM)) // he holds nothing any more
	})
}

// clockTime is the service's clock in Unix milliseconds.
func (b *bench) clockTime() uint64 { return uint64(b.time().UnixMilli()) }

func TestTokensThatWereIssuedBeforeTheyWereWithdrawnAreRefused(t *testing.T) {
	onBothStores(t, func(t *testing.T, s chat.Store) {
		b := staffed(t, s)
		b.pass(400 * time.Millisecond)
		withdrawn := b.time().Truncate(time.Second)
		if _, err := b.RemoveAgent(t.Context(), ben); err != nil {
			t.Fatal(err)
		}
		agent := chat.User{ID: ben, Name: "Ben", Services: chat.ServicesOf(inSales)}
		for name, issued := range map[string]time.Time{
			"a token without iat":         {},
			"of long ago":                 withdrawn.Add(-time.Hour),
			"of the second before":        withdrawn.Add(-time.Second),
			"of the second in which":      withdrawn,
			"of before there was a clock": time.Unix(-1, 0),
		} {
			refusedToken(t, name+" on CONNECT", b.Seen(t.Context(), agent, chat.Credential{Issued: issued}), "withdrew the token")
			refusedToken(t, name+" over HTTP", admit(b, ben, issued), "withdrew the token")
			if err := admit(b, ann, issued); err != nil {
				t.Errorf("%s, of somebody else: %v", name, err)
			}
		}
		if team := b.team(); !slices.Equal(team, []uint64{ann}) {
			t.Errorf("the team is %v", team)
		}
		if err := b.Seen(t.Context(), agent, chat.Credential{Issued: withdrawn.Add(time.Second)}); err != nil {
			t.Errorf("a token issued after: %v", err)
		}
		if team := b.team(); !slices.Equal(team, []uint64{ann, ben}) {
			t.Errorf("with a new token the team is %v", team)
		}
	})
}

func TestABlockedUserIsKeptOutUntilUnblocked(t *testing.T) {
	onBothStores(t, func(t *testing.T, s chat.Store) {
		b := staffed(t, s)
		agent := chat.User{ID: ben, Name: "Ben", Services: chat.ServicesOf(inSales)}
		later := b.time().Add(time.Hour)
		if _, err := b.Block(t.Context(), ben); err != nil {
			t.Fatal(err)
		}
		blocked, err := b.BlockedUsers(t.Context())
		if err != nil || len(blocked) != 1 || blocked[0].ID != ben || blocked[0].Name != "Ben" {
			t.Errorf("blocked %+v, %v", blocked, err)
		}
		refusedToken(t, "on CONNECT", b.Seen(t.Context(), agent, chat.Credential{Issued: later}), "blocked")
		refusedToken(t, "over HTTP", admit(b, ben, later), "blocked")
		if team := b.team(); !slices.Equal(team, []uint64{ann}) {
			t.Errorf("the team is %v", team)
		}
		if before, err := b.Unblock(t.Context(), ben); err != nil || !before.Blocked {
			t.Errorf("unblock: before %+v, %v", before, err)
		}
		if err := b.Seen(t.Context(), agent, chat.Credential{Issued: b.time().Add(-time.Hour)}); err != nil {
			t.Errorf("a token of before: %v", err)
		}
		if blocked, err := b.BlockedUsers(t.Context()); err != nil || len(blocked) != 0 {
			t.Errorf("blocked %+v, %v", blocked, err)
		}
		if team := b.team(); !slices.Equal(team, []uint64{ann, ben}) {
			t.Errorf("the team is %v", team)
		}
		if _, err := b.RemoveAgent(t.Context(), ben); err != nil {
			t.Fatal(err)
		}
		for _, rule := range []func(context.Context, uint64) (chat.User, error){b.Block, b.Unblock} {
			if _, err := rule(t.Context(), ben); err != nil {
				t.Fatal(err)
			}
		}
		refusedToken(t, "withdrawn, blocked and unblocked", admit(b, ben, b.time().Add(-time.Hour)), "withdrew")
	})
}

func TestAnOperatorIsToldOfAUserWhoNeverWas(t *testing.T) {
	b := staffed(t, chattest.NewMemory(1))
	for name, rule := range map[string]func(context.Context, uint64) (chat.User, error){
		"remove": b.RemoveAgent, "block": b.Block, "unblock": b.Unblock,
	} {
		if _, err := rule(t.Context(), 404); err == nil || !strings.Contains(err.Error(), "there is no user 404") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A token that was looked at before its agent was taken off makes no agent
// afterwards.
func TestARemovalIsNotUndoneByATokenThatWasOnItsWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		enter, leave := make(chan struct{}, 100), make(chan struct{})
		store := &watched{Store: chattest.NewMemory(1), before: func() { enter <- struct{}{}; <-leave }}
		service, err := chat.New(chat.Config{Store: store, Fanout: &outbox{t: t}})
		if err != nil {
			t.Fatal(err)
		}
		b := &bench{t: t, Service: service}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- service.Run(ctx) }()
		agent := chat.User{ID: ann, Name: "Ann", Services: chat.ServicesOf(inSales)}
		issued := time.Now()
		seen := make(chan error, 2)
		for range 2 {
			go func() { seen <- service.Seen(t.Context(), agent, chat.Credential{Issued: issued}) }()
			<-enter // the first is being committed
			leave <- struct{}{}
			synctest.Wait()
			if err := <-seen; err != nil {
				t.Fatal(err)
			}
			agent.Name = "Anna" // the second time something changes again
		}
		agent.Name = "Anne"
		go func() {
			if _, err := service.RemoveAgent(t.Context(), ann); err != nil {
				t.Error(err)
			}
		}()
		<-enter // is being committed
		go func() { seen <- service.Seen(t.Context(), agent, chat.Credential{Issued: issued}) }()
		synctest.Wait() // was let pass, and waits to be committed
		close(leave)
		refusedToken(t, "the token", <-seen, "withdrew the token")
		if team := b.team(); len(team) != 0 {
			t.Errorf("the team is %v", team)
		}
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}
