package chat_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	protobuf "google.golang.org/protobuf/proto"

	"parley/proto"
	"parley/server/chat"
	"parley/server/chat/chattest"
)

const guestDays = 40 * 24 * time.Hour

// forgetting is another service on b's store and clock, which runs by hand and
// forgets guests after guestDays.
func (b *bench) forgetting(s chat.Store, change ...func(*chat.Config)) *bench {
	b.t.Helper()
	return prepared(b.t, s, append(change, func(c *chat.Config) { c.GuestRetention, c.Now = guestDays, b.time })...)
}

// forget does what Run does by itself once a day, and meanwhile, if that is not
// nil, before each commit.
func (b *bench) forget(meanwhile func()) {
	b.t.Helper()
	for after := uint64(0); ; {
		requests, next, err := b.Lapsed(b.t.Context(), after)
		if err != nil {
			b.t.Fatal(err)
		}
		if meanwhile != nil {
			meanwhile()
		}
		for _, r := range b.Commit(b.t.Context(), requests) {
			if r.Err != nil {
				b.t.Fatal(r.Err)
			}
		}
		if after = next; after == 0 {
			return
		}
	}
}

// all returns who is in the history.
func (b *bench) all(s chat.Store) (names string) {
	b.t.Helper()
	err := s.View(b.t.Context(), func(v chat.View) error {
		users, err := v.UsersAfter(0, 1000)
		for _, u := range users {
			names += u.Name + " "
		}
		return err
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return strings.TrimSpace(names)
}

func TestGuestsWhomNobodySeesAgainAreForgottenAndNobodyElse(t *testing.T) {
	onBothStores(t, func(t *testing.T, s chat.Store) {
		b := start(t, s)
		const gone, here, left, renewed, blocked, removed, agent, asked, noted, idle = 11, 12, 13, 14, 15, 16, 17, 18, 19, 21
		for user, name := range map[uint64]string{ada: "Ada", bob: "Bob", gone: "Gone Girl", here: "Here", left: "Left", renewed: "Renewed", blocked: "Blocked", removed: "Removed", asked: "Asked", noted: "Noted"} {
			b.join(user, name)
		}
		b.join(agent, "Agent", sales)
		b.join(idle, "Idle", support)
		b.send(ada, text(bob, "this is kept"))
		b.say(asked, word(asked, "hello?"))
		b.say(agent, word(noted, "an offer"))
		_, err1 := b.Block(t.Context(), blocked)
		_, err2 := b.RemoveAgent(t.Context(), removed)
		err3 := s.Update(t.Context(), func(tx chat.Tx) error { return tx.PutUser(chat.User{ID: 20, Name: "Unknown"}) }) // since when
		if err := errors.Join(err1, err2, err3); err != nil {
			t.Fatal(err)
		}
		b.pass(30 * 24 * time.Hour)
		b.join(renewed, "Renewed")
		b.Connected(context.Background(), chat.Sender{User: left})
		b.Disconnected(chat.Sender{User: left})
		b.pass(5 * time.Second)
		b.Announce(t.Context())

		f := b.forgetting(s)
		b.pass(11*24*time.Hour - 5*time.Second)
		f.forget(nil)
		everybody := "Ada Bob Gone Girl Here Left Renewed Blocked Removed Agent Asked Noted Unknown Idle"
		same(t, "to the day on which it may be too early", f.all(s), everybody)
		f.Connected(context.Background(), chat.Sender{User: here})
		b.pass(time.Millisecond)
		f.forget(nil)
		same(t, "a day later", f.all(s), strings.Replace(everybody, "Gone Girl ", "", 1))
		for _, q := range []string{"gone", "girl", "one gi", fmt.Sprint(gone)} {
			same(t, "found by "+q, f.finds(chat.UserQuery{Text: q}), []uint64(nil))
		}
		if page := b.page(bob); len(page.GetMessages()) != 1 || page.GetMinSeq() != 1 {
			t.Errorf("the page is %v", page)
		}
		same(t, "told", len(f.out.take()), 0)

		f.Disconnected(chat.Sender{User: here})
		b.pass(30 * 24 * time.Hour)
		f.Announce(t.Context())
		f.forget(nil)
		same(t, "30 days later", f.all(s), "Ada Bob Here Blocked Removed Agent Asked Noted Unknown Idle")
	})
}

// With the retention of messages nothing is left of those beside whom a name stood.
func TestGuestsGoWithTheLastOfTheirMessages(t *testing.T) {
	onBothStores(t, func(t *testing.T, s chat.Store) {
		b := start(t, s)
		b.join(ada, "Ada")
		b.join(bob, "Bob")
		first := b.send(ada, with(text(bob, "words"), ref(1)))
		f := b.forgetting(s, keeping(100*24*time.Hour))
		b.pass(42 * 24 * time.Hour)
		f.forget(nil)
		same(t, "while it is kept", f.all(s), "Ada Bob")
		b.pass(60 * 24 * time.Hour)
		f.expire()
		f.forget(nil)
		same(t, "when it is gone", f.all(s), "")

		b.join(ada, "Ada again") // with a token of another server's, say
		same(t, "first seen", b.user(s, ada), chat.User{ID: ada, Name: "Ada again", FirstSeen: b.millis()})
		if again := b.send(ada, with(text(bob, "words"), ref(1))); again != first {
			t.Errorf("a repeat got %+v, want %+v", again, first)
		}
		if next := b.send(ada, text(bob, "more")); next.Seq != 2 || next.MessageID <= first.MessageID {
			t.Errorf("receipt %+v after %+v", next, first)
		}
		row := b.rows(bob)[proto.DirectKey(ada, bob).String()]
		if row.GetUnread() != 1 || row.GetHeadSeq() != 2 || row.GetMinSeq() != 2 {
			t.Errorf("Bob is told %v", row)
		}
		if answer, err := b.Conversations(t.Context(), chat.Sender{User: bob}, ""); err != nil || answer.GetTotalUnread() != 1 {
			t.Errorf("in total %v, %v", answer, err)
		}
	})
}

func TestWhatBelongsToAGuestIsForgottenWithThem(t *testing.T) {
	onBothStores(t, func(t *testing.T, s chat.Store) {
		b := start(t, s, func(c *chat.Config) { c.Quotas.Conversations = 1 })
		const guest, other, friend = 11, 12, 13
		b.join(guest, "Guest")
		for _, u := range []uint64{other, friend} {
			if err := s.Update(t.Context(), func(tx chat.Tx) error {
				return tx.PutUser(chat.User{ID: u, Name: "Agent", Services: chat.ServicesOf([]proto.ServiceType{sales})})
			}); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := b.publish(guest, proto.BranchSettings, &proto.Settings{Listed: protobuf.Bool(false), ShareTyping: protobuf.Bool(false)}); err != nil {
			t.Fatal(err)
		}
		b.send(guest, text(friend, "hello")) // which uses up the quota
		for n := range uint64(205) {
			b.block(guest, 1000+n, true)
		}
		b.block(guest, other, true)
		b.block(guest, friend, true)
		b.block(friend, guest, true)
		b.block(guest, 15, true)
		b.block(15, guest, true)
		b.block(guest, 14, true)
		b.block(guest, 14, false)
		f := b.forgetting(s, keeping(24*time.Hour))
		b.pass(42 * 24 * time.Hour)
		f.expire()
		f.forget(nil)
		same(t, "after a pass of a guest with much", f.user(s, guest).Name, "Guest")
		f.forget(nil)

		same(t, "the user", f.user(s, guest), chat.User{})
		var usage chat.Usage
		var blocks int
		var loose []proto.Key
		var ofOther, ofGuest, ofFriend chat.Member
		if err := s.View(t.Context(), func(v chat.View) error {
			var errs [6]error
			usage, errs[0] = v.Usage(guest)
			blocks, errs[1] = v.CountBlocks(guest)
			loose, errs[2] = v.Loose(guest, 1000)
			ofOther, errs[3] = v.Member(proto.DirectKey(guest, other), other)
			ofGuest, errs[4] = v.Member(proto.DirectKey(guest, friend), guest)
			ofFriend, errs[5] = v.Member(proto.DirectKey(guest, friend), friend)
			return errors.Join(errs[:]...)
		}); err != nil {
			t.Fatal(err)
		}
		same(t, "what they used", usage, chat.Usage{User: guest})
		same(t, "whom they blocked", blocks, 0)
		same(t, "where nothing was written", len(loose), 0)
		if ofOther != (chat.Member{}) {
			t.Errorf("of one whom they blocked and never wrote to: %+v", ofOther)
		}
		if ofGuest.Blocks || !ofGuest.Blocked || !ofFriend.Blocks || ofFriend.Blocked {
			t.Errorf("what the other chose: %+v and %+v", ofGuest, ofFriend)
		}
		if got := second(b.publish(guest, proto.BranchMessage, text(15, "hello"))); refusalOf(t, got).Reason != proto.NotAuthorized {
			t.Errorf("one who is blocked and never wrote: %v", got)
		}
		if refused := refusalOf(t, second(b.publish(guest, proto.BranchMessage, text(friend, "again")))); refused.Reason != proto.NotAuthorized {
			t.Errorf("one who is blocked: %v", refused)
		}
	})
}

// Whose entries were all deleted, the numbers of these are given out to nobody else.
func TestAConversationGoesOnWhereItWasWhenItsGuestIsForgotten(t *testing.T) {
	onBothStores(t, func(t *testing.T, s chat.Store) {
		b := start(t, s)
		b.join(ada, "Ada")
		b.join(bob, "Bob")
		first := b.send(ada, text(bob, "words"))
		b.block(ada, bob, true)
		f := b.forgetting(s, keeping(24*time.Hour))
		b.pass(42 * 24 * time.Hour)
		f.expire()
		b.join(bob, "Bob")
		f.forget(nil)
		same(t, "who is left", f.all(s), "Bob")
		if next := b.send(bob, text(ada, "are you there?")); next.Seq != first.Seq+1 {
			t.Errorf("receipt %+v after %+v", next, first)
		}
	})
}

func second[T any](_ T, err error) error { return err }

func TestAGuestWhoComesWhileTheyAreLookedAtStays(t *testing.T) {
	for name, comes := range map[string]func(b, f *bench){
		"with a token":      func(b, _ *bench) { b.join(ada, "Ada") },
		"with a connection": func(_, f *bench) { f.Connected(context.Background(), chat.Sender{User: ada}) },
		"with a message":    func(b, _ *bench) { b.send(bob, text(ada, "are you there?")) },
		"as a customer":     func(b, _ *bench) { b.say(ada, word(ada, "hello?")) },
	} {
		t.Run(name, func(t *testing.T) {
			onBothStores(t, func(t *testing.T, s chat.Store) {
				b := start(t, s)
				b.join(ada, "Ada")
				b.pass(42 * 24 * time.Hour)
				b.join(bob, "Bob")
				f := b.forgetting(s)
				f.forget(func() { comes(b, f) })
				same(t, "who is there", f.all(s), "Ada Bob")
			})
		})
	}
	onBothStores(t, func(t *testing.T, s chat.Store) { // in the same commit
		b := start(t, s)
		b.join(ada, "Ada")
		b.pass(42 * 24 * time.Hour)
		b.join(bob, "Bob")
		f := b.forgetting(s)
		requests, _, err := f.Lapsed(t.Context(), 0)
		if err != nil || len(requests) != 1 {
			t.Fatal(requests, err)
		}
		requests = append([]chat.Request{f.prepare(bob, proto.BranchMessage, encode(t, text(ada, "x")))}, requests...)
		for _, r := range f.Commit(t.Context(), requests) {
			if r.Err != nil {
				t.Fatal(r.Err)
			}
		}
		same(t, "who is there", f.all(s), "Ada Bob")
	})
}

// A thousand users are looked at in pieces, and a day's connections of one are one
// note.
func TestUsersAreLookedThroughInPieces(t *testing.T) {
	onBothStores(t, func(t *testing.T, s chat.Store) {
		b := start(t, s)
		old := b.millis()
		if err := s.Update(t.Context(), func(tx chat.Tx) error {
			for i := range uint64(1200) {
				if err := tx.PutUser(chat.User{ID: 1 + i<<50, Name: "Guest", FirstSeen: old}); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		b.pass(42 * 24 * time.Hour)
		f := b.forgetting(s)
		pieces := 0
		f.forget(func() { pieces++ })
		same(t, "pieces", pieces, 3)
		same(t, "who is there", f.all(s), "")
	})
}

func TestATokenIsNotedOnceADay(t *testing.T) {
	s := chattest.NewMemory(1)
	b := start(t, s)
	b.join(ada, "Ada")
	first := b.millis()
	seen := func() uint64 { return b.user(s, ada).LastSeen }
	b.pass(24 * time.Hour)
	b.join(ada, "Ada")
	same(t, "within a day", seen(), uint64(0))
	b.pass(time.Millisecond)
	b.join(ada, "Ada")
	same(t, "after it", seen(), first+24*60*60*1000+1)
	b.pass(time.Hour)
	b.join(ada, "Ada")
	same(t, "an hour later", seen(), first+24*60*60*1000+1)
}

func TestGuestsAreNotForgottenBeforeTheirTokens(t *testing.T) {
	_, err := chat.New(chat.Config{Store: chattest.NewMemory(1), Fanout: &outbox{t: t}, GuestRetention: chat.LeastGuestRetention - 1})
	if err == nil || !strings.Contains(err.Error(), "720h") {
		t.Errorf("error %v", err)
	}
}

// Run forgets by itself, day after day, and ends.
func TestTheCommitterForgetsByItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := chattest.NewMemory(1)
		b := &bench{t: t, out: &outbox{t: t}}
		var err error
		if b.Service, err = chat.New(chat.Config{Store: s, Fanout: b.out, GuestRetention: guestDays}); err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- b.Run(ctx) }()
		for i := range uint64(700) {
			b.join(1+i, "Guest")
		}
		time.Sleep(20 * 24 * time.Hour)
		b.join(701, "Ada")
		time.Sleep(20 * 24 * time.Hour)
		if n := len(strings.Fields(b.all(s))); n != 701 {
			t.Errorf("%d are there before their time", n)
		}
		time.Sleep(3 * 24 * time.Hour)
		same(t, "who is there", b.all(s), "Ada")
		time.Sleep(20 * 24 * time.Hour)
		same(t, "who is there", b.all(s), "")
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}
