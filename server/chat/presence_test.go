package chat_test

import (
	"cmp"
	"context"
	"log/slog"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	protobuf "google.golang.org/protobuf/proto"

	"parley/proto"
	"parley/server/chat"
	"parley/server/chat/chattest"
)

// inBubble runs a test with a running service whose clock is the bubble's.
func inBubble(t *testing.T, config chat.Config, test func(t *testing.T, b *bench)) {
	synctest.Test(t, func(t *testing.T) {
		b := &bench{t: t, out: &outbox{t: t}}
		config.Fanout, config.Log = b.out, slog.New(slog.DiscardHandler)
		if config.Store == nil {
			config.Store = chattest.NewMemory(1)
		}
		var err error
		if b.Service, err = chat.New(config); err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- b.Run(ctx) }()
		b.send(ada, text(bob, "hello"))
		b.join(ann, "Ann", sales)
		b.join(ben, "Ben", sales)
		b.say(cora, word(cora, "hello?"))
		b.out.take()
		test(t, b)
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// amongFriends is inBubble where bob has answered ada.
func amongFriends(t *testing.T, config chat.Config, test func(t *testing.T, b *bench)) {
	inBubble(t, config, func(t *testing.T, b *bench) {
		b.send(bob, text(ada, "hello yourself"))
		b.out.take()
		test(t, b)
	})
}

// come lets users connect, and forgets what was said of it.
func (b *bench) come(users ...uint64) {
	for _, user := range users {
		b.Connected(context.Background(), chat.Sender{User: user})
	}
	synctest.Wait()
	b.out.take()
}

func (b *bench) told() []delivered {
	synctest.Wait()
	return b.out.take()
}

func here(to, user uint64) delivered {
	return delivered{to, proto.BranchPresence, &proto.Presence{UserId: &user, Online: protobuf.Bool(true)}}
}

func gone(to, user uint64, last time.Time) delivered {
	m := &proto.Presence{UserId: &user, Online: protobuf.Bool(false)}
	if !last.IsZero() {
		m.LastSeen = protobuf.Uint64(uint64(last.UnixMilli()))
	}
	return delivered{to, proto.BranchPresence, m}
}

func TestWhoComesAndLeavesIsToldToThoseWhoWriteWithThem(t *testing.T) {
	amongFriends(t, chat.Config{}, func(t *testing.T, b *bench) {
		b.come(ada, eve)
		b.Connected(context.Background(), chat.Sender{User: bob})
		same(t, "bob comes", b.told(), []delivered{here(ada, bob)})
		b.Connected(context.Background(), chat.Sender{User: bob})
		b.Disconnected(chat.Sender{User: bob})
		time.Sleep(time.Minute)
		same(t, "one device of two leaves", b.told(), []delivered(nil))
		left := time.Now()
		b.Disconnected(chat.Sender{User: bob})
		time.Sleep(4 * time.Second)
		same(t, "the last one leaves, at first", b.told(), []delivered(nil))
		time.Sleep(time.Second)
		same(t, "and some seconds later", b.told(), []delivered{gone(ada, bob, left)})
	})
}

func TestWhoseMessageNobodyAnsweredIsToldNothing(t *testing.T) {
	amongFriends(t, chat.Config{}, func(t *testing.T, b *bench) {
		told := func(to uint64) (all []delivered) {
			t.Helper()
			for _, d := range b.told() {
				if d.user == to && (d.branch == proto.BranchPresence || d.branch == proto.BranchTyping) {
					all = append(all, d)
				}
			}
			return all
		}
		publish := func(user uint64, branch proto.Branch, m protobuf.Message) {
			t.Helper()
			if _, err := b.publish(user, branch, m); err != nil {
				t.Fatal(err)
			}
		}
		typing := &proto.Typing{Key: protobuf.String("d:5:7"), Active: protobuf.Bool(true)}
		from := func(user uint64) delivered {
			m := &proto.Typing{Key: typing.Key, UserId: &user, Active: typing.Active}
			return delivered{map[uint64]uint64{bob: eve, eve: bob}[user], proto.BranchTyping, m}
		}
		b.come(bob, eve)
		publish(eve, proto.BranchTyping, typing)
		same(t, "typing to whom one never wrote", told(bob), []delivered(nil))

		b.send(eve, text(bob, "you do not know me"))
		same(t, "who is written to is told that the author is here", told(bob), []delivered{here(bob, eve)})
		publish(bob, proto.BranchSync, &proto.SyncRequest{})
		same(t, "and who syncs", told(bob), []delivered{here(bob, eve)})
		publish(eve, proto.BranchTyping, typing)
		same(t, "and that they type more", told(bob), []delivered{from(eve)})
		publish(bob, proto.BranchTyping, typing)
		b.Disconnected(chat.Sender{User: bob})
		time.Sleep(time.Minute)
		b.Connected(context.Background(), chat.Sender{User: bob})
		synctest.Wait()
		publish(bob, proto.BranchSettings, &proto.Settings{SharePresence: protobuf.Bool(false)})
		publish(bob, proto.BranchSettings, &proto.Settings{SharePresence: protobuf.Bool(true)})
		publish(eve, proto.BranchSync, &proto.SyncRequest{})
		none := &proto.Message{
			MessageId: new(uint64), SenderId: new(uint64), Content: new(string), CreateTime: new(uint64), ReceiverId: protobuf.Uint64(eve),
			MessageType: proto.MessageType_MESSAGE_TYPE_NO_REPLY_NEEDED.Enum(),
		}
		b.send(bob, none)
		same(t, "what a stranger is told of typing, leaving, coming and choices", told(eve), []delivered(nil))

		b.send(bob, text(eve, "who are you?"))
		same(t, "who is answered is told that the other is here", told(eve), []delivered{here(eve, bob)})
		b.send(bob, text(eve, "say"))
		same(t, "once", told(eve), []delivered(nil))
		publish(bob, proto.BranchTyping, typing)
		same(t, "and typing", told(eve), []delivered{from(bob)})
		publish(eve, proto.BranchSync, &proto.SyncRequest{})
		same(t, "and who syncs then", told(eve), []delivered{here(eve, bob)})
		left := time.Now()
		b.Disconnected(chat.Sender{User: bob})
		time.Sleep(time.Minute)
		same(t, "and leaving", told(eve), []delivered{gone(eve, bob, left)})
	})
}

func TestWhoHidesOrIsAwayRevealsNothingByWriting(t *testing.T) {
	amongFriends(t, chat.Config{}, func(t *testing.T, b *bench) {
		presence := func() (all []delivered) {
			for _, d := range b.told() {
				if d.branch == proto.BranchPresence {
					all = append(all, d)
				}
			}
			return all
		}
		b.come(eve)
		b.send(bob, text(eve, "from a device that is not counted"))
		same(t, "of one who is away", presence(), []delivered(nil))
		if _, err := b.publish(ada, proto.BranchSettings, &proto.Settings{SharePresence: protobuf.Bool(false)}); err != nil {
			t.Fatal(err)
		}
		b.come(ada)
		b.send(ada, text(eve, "hello"))
		same(t, "of one who hides it", presence(), []delivered(nil))
	})
}

func TestAReloadIsNoLeaving(t *testing.T) {
	inBubble(t, chat.Config{}, func(t *testing.T, b *bench) {
		b.come(ada, bob)
		for range 10 {
			b.Disconnected(chat.Sender{User: bob})
			time.Sleep(4 * time.Second)
			b.Connected(context.Background(), chat.Sender{User: bob})
			time.Sleep(4 * time.Second)
		}
		time.Sleep(time.Hour)
		same(t, "told", b.told(), []delivered(nil))
	})
}

func TestAgentsSeeTheCustomerAndEachOtherAndTheCustomerNoAgent(t *testing.T) {
	amongFriends(t, chat.Config{}, func(t *testing.T, b *bench) {
		b.come(ann, ben)
		b.Connected(context.Background(), chat.Sender{User: cora})
		same(t, "the customer comes", b.told(), []delivered{here(ann, cora), here(ben, cora)})
		b.come(203)
		b.join(203, "Cy", sales)
		b.Disconnected(chat.Sender{User: ben})
		left := time.Now()
		time.Sleep(5 * time.Second)
		same(t, "an agent leaves", b.told(), []delivered{gone(ann, ben, left), gone(203, ben, left)})
	})
}

func TestWhoSyncsIsToldWhoIsHere(t *testing.T) {
	amongFriends(t, chat.Config{}, func(t *testing.T, b *bench) {
		sync := func(user uint64) (all []delivered) {
			t.Helper()
			if _, err := b.Publish(t.Context(), b.sender(user), proto.BranchSync, nil, nil); err != nil {
				t.Fatal(err)
			}
			for _, d := range b.told() {
				if d.branch == proto.BranchPresence {
					all = append(all, d)
				}
			}
			return all
		}
		same(t, "nobody was ever seen", sync(ada), []delivered(nil))
		b.come(bob, ann)
		same(t, "one who is here", sync(ada), []delivered{here(ada, bob)})
		left := time.Now()
		b.Disconnected(chat.Sender{User: bob})
		time.Sleep(time.Minute)
		same(t, "one who was here", sync(ada), []delivered{gone(ada, bob, left)})
		same(t, "a customer is told of no agent", sync(cora), []delivered(nil))
		b.come(cora)
		same(t, "an agent is told of agents and customers", sync(ben), []delivered{here(ben, ann), here(ben, cora)})
	})
}

func TestWhoKeepsTheirPresenceToThemselvesIsNotTold(t *testing.T) {
	amongFriends(t, chat.Config{}, func(t *testing.T, b *bench) {
		share := func(typing, presence *bool) []delivered {
			t.Helper()
			if _, err := b.publish(bob, proto.BranchSettings, &proto.Settings{ShareTyping: typing, SharePresence: presence}); err != nil {
				t.Fatal(err)
			}
			return slices.DeleteFunc(b.told(), func(d delivered) bool { return d.branch == proto.BranchSettings })
		}
		yes, no := protobuf.Bool(true), protobuf.Bool(false)
		b.come(ada, bob)
		same(t, "shared no more", share(nil, no), []delivered{gone(ada, bob, time.Time{})})
		same(t, "again", share(nil, no), []delivered(nil))
		b.Disconnected(chat.Sender{User: bob})
		time.Sleep(time.Minute)
		b.Connected(context.Background(), chat.Sender{User: bob})
		same(t, "leaving and coming", b.told(), []delivered(nil))
		if _, err := b.publish(ada, proto.BranchSync, &proto.SyncRequest{}); err != nil {
			t.Fatal(err)
		}
		same(t, "what a sync tells but answer and settings", len(b.told()), 2)
		b.join(bob, "Robert") // another token changes no settings
		b.told()
		typing := &proto.Typing{Key: protobuf.String("d:3:5")}
		for _, test := range []struct {
			share *bool
			want  int
		}{{nil, 1}, {no, 0}, {nil, 0}, {yes, 1}} {
			share(test.share, nil)
			if _, err := b.publish(bob, proto.BranchTyping, typing); err != nil {
				t.Fatal(err)
			}
			same(t, "typing told", len(b.told()), test.want)
		}
		same(t, "shared again", share(nil, yes), []delivered{here(ada, bob)})
	})
}

func TestBehindAnotherBrokerWhatIsSentIsASignOfLife(t *testing.T) {
	amongFriends(t, chat.Config{Alive: 5 * time.Minute}, func(t *testing.T, b *bench) {
		alive := func(user uint64) {
			t.Helper()
			if _, err := b.publish(user, proto.BranchSync, &proto.SyncRequest{}); err != nil {
				t.Fatal(err)
			}
		}
		presence := func() (all []delivered) {
			for _, d := range b.told() {
				if d.branch == proto.BranchPresence {
					all = append(all, d)
				}
			}
			slices.SortFunc(all, func(x, y delivered) int { return cmp.Compare(x.user, y.user) })
			return all
		}
		time.Sleep(time.Hour) // ada wrote before
		alive(ada)
		presence()
		alive(bob)
		same(t, "bob's first sign", presence(), []delivered{here(ada, bob), here(bob, ada)})
		for range 5 {
			time.Sleep(3 * time.Minute)
			alive(ada)
			alive(bob)
		}
		last := time.Now()
		for _, d := range presence() { // what the syncs answered
			same(t, "what a sync tells", d.body.(*proto.Presence).GetOnline(), true)
		}
		time.Sleep(3 * time.Minute)
		alive(ada)
		presence()
		time.Sleep(3 * time.Minute)
		same(t, "none any more", presence(), []delivered{gone(ada, bob, last)})
	})
}

func TestWhenTheServerStopsItKnowsWhoWasHere(t *testing.T) {
	store := chattest.NewMemory(1)
	var stopped time.Time
	inBubble(t, chat.Config{Store: store}, func(t *testing.T, b *bench) {
		b.come(ada, bob)
		time.Sleep(time.Hour)
		b.Disconnected(chat.Sender{User: bob})
		stopped = time.Now()
		time.Sleep(time.Second)
	})
	err := store.View(t.Context(), func(v chat.View) error {
		for user, want := range map[uint64]time.Time{ada: stopped.Add(time.Second), bob: stopped} {
			if u, err := v.User(user); err != nil || u.LastSeen != uint64(want.UnixMilli()) {
				t.Errorf("%+v, %v, want last seen %d", u, err, want.UnixMilli())
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
