package chat_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	protobuf "google.golang.org/protobuf/proto"

	"parley/proto"
	"parley/server/chat"
	"parley/server/chat/chattest"
)

func (b *bench) block(user, other uint64, blocked bool) {
	b.t.Helper()
	if _, err := b.publish(user, proto.BranchBlock, &proto.Block{UserId: &other, Blocked: &blocked}); err != nil {
		b.t.Fatal("block:", err)
	}
}

func TestBetweenTwoOfWhomOneBlocksTheOtherNothingIsTaken(t *testing.T) {
	onBothStores(t, func(t *testing.T, s chat.Store) {
		b := start(t, s)
		first := b.send(ada, with(text(bob, "before"), ref(1)))
		refused := func(from uint64, m *proto.Message, words string) {
			t.Helper()
			b.out.take()
			_, err := b.publish(from, proto.BranchMessage, m)
			if err == nil {
				t.Errorf("%d may write %q, want %q", from, m.GetContent(), words)
			} else if r := refusalOf(t, err); r.Reason != proto.NotAuthorized || r.Text != words {
				t.Errorf("%d is refused with %v, want %q", from, r, words)
			}
			same(t, "fan-out", b.out.take(), []delivered(nil))
		}
		const own, others = "you block this person: unblock them to write to them", "this person does not take messages from you"
		b.block(bob, ada, true)
		b.block(bob, eve, true) // a stranger
		refused(ada, text(bob, "and now?"), others)
		refused(ada, typed(text(bob, ""), proto.MessageType_MESSAGE_TYPE_NO_REPLY_NEEDED), others)
		refused(bob, text(ada, "listen"), own)
		refused(eve, text(bob, "hello"), others)
		same(t, "the repeat of what was stored before", b.send(ada, with(text(bob, "before"), ref(1))), first)
		b.send(ada, text(eve, "others are not concerned"))
		b.send(ada, text(bob+1, "nor are they"))

		rows := b.rows(bob)
		if row := rows["d:3:5"]; !row.GetBlocked() || row.GetHeadSeq() != 1 {
			t.Errorf("the one who blocks is told %v", row)
		}
		if row := rows["d:5:7"]; !row.GetBlocked() || row.GetHeadSeq() != 0 {
			t.Errorf("the one who blocks a stranger is told %v", row)
		}
		if row := b.rows(ada)["d:3:5"]; row.GetBlocked() {
			t.Errorf("the one who is blocked is told %v", row)
		}
		if row, told := b.rows(eve)["d:5:7"]; told {
			t.Errorf("a stranger who is blocked is told %v", row)
		}

		b.block(ada, bob, true) // each the other
		refused(ada, text(bob, "x"), own)
		b.block(bob, ada, false)
		refused(ada, text(bob, "x"), own)
		refused(bob, text(ada, "x"), others)
		b.block(ada, bob, false)
		b.block(bob, eve, false)
		if seq := b.send(ada, text(bob, "again")).Seq; seq != 2 {
			t.Errorf("after all are unblocked, seq %d, want 2", seq)
		}
		b.send(bob, text(ada, "yes"))
		b.send(eve, text(bob, "hello"))
		for key, row := range b.rows(bob) {
			if row.GetBlocked() {
				t.Errorf("%s is blocked still", key)
			}
		}
	})
}

func TestABlockIsToldToTheOnesOwnDevicesAlone(t *testing.T) {
	b := start(t, chattest.NewMemory(1))
	b.send(ada, text(bob, "hello"))
	adas, bobs := b.sync(ada, "")[0].GetToken(), b.sync(bob, "")[0].GetToken()
	b.block(bob, ada, true)
	changed := b.sync(bob, bobs)
	same(t, "the one who blocks", keysOf(changed...), []string{"d:3:5"})
	same(t, "the one who is blocked", keysOf(b.sync(ada, adas)...), []string(nil))
	b.block(bob, ada, true)
	same(t, "the same once more", keysOf(b.sync(bob, changed[0].GetToken())...), []string(nil))

	b.out.take()
	b.mark(bob, 1, 1)
	told := b.out.take()
	if len(told) != 1 || told[0].user != bob {
		t.Errorf("that one reads is told to %v", told)
	}
	same(t, "the one who is blocked, of reading", keysOf(b.sync(ada, adas)...), []string(nil))
}

func TestWhoMayBlockWhom(t *testing.T) {
	b := start(t, chattest.NewMemory(1))
	for name, payload := range map[string][]byte{
		"nobody":      encode(t, &proto.Block{UserId: new(uint64), Blocked: protobuf.Bool(true)}),
		"oneself":     encode(t, &proto.Block{UserId: protobuf.Uint64(ada), Blocked: protobuf.Bool(true)}),
		"no payload":  nil,
		"not a block": []byte("x"),
	} {
		_, err := b.Publish(t.Context(), chat.Sender{User: ada}, proto.BranchBlock, payload, nil)
		if r := refusalOf(t, err); r.Reason != proto.PayloadFormatInvalid && r.Reason != proto.MalformedPacket {
			t.Errorf("%s: %v", name, r)
		}
	}
	_, err := b.publish(0, proto.BranchBlock, &proto.Block{UserId: protobuf.Uint64(ada), Blocked: protobuf.Bool(true)})
	if r := refusalOf(t, err); r.Reason != proto.NotAuthorized {
		t.Errorf("by nobody: %v", r)
	}
}

func TestAUserBlocksAThousandAtMost(t *testing.T) {
	onBothStores(t, func(t *testing.T, s chat.Store) {
		b := prepared(t, s)
		request := func(other uint64, blocked bool) chat.Request {
			t.Helper()
			r, err := b.Prepare(chat.Sender{User: ada}, proto.BranchBlock, encode(t, &proto.Block{UserId: &other, Blocked: &blocked}), nil)
			if err != nil {
				t.Fatal(err)
			}
			return r
		}
		commit := func(requests ...chat.Request) (accepted int) {
			t.Helper()
			for _, r := range b.Commit(context.Background(), requests) {
				if r.Err == nil {
					accepted++
				} else if refusal := refusalOf(t, r.Err); refusal.Reason.Temporary() {
					t.Errorf("refused with %v, as if trying again helped", refusal)
				}
			}
			return accepted
		}
		var some, more []chat.Request
		for n := range uint64(600) {
			some, more = append(some, request(1000+n, true)), append(more, request(2000+n, true))
		}
		same(t, "of 600", commit(some...), 600)
		same(t, "of 600 more", commit(more...), 400)
		same(t, "one who is blocked already", commit(request(1000, true)), 1)
		same(t, "one instead of another", commit(request(1000, false), request(3000, true)), 1)
		same(t, "after that was stored", commit(request(3000, true)), 1)
		same(t, "one more", commit(request(3001, true)), 0)
	})
}

func TestNeitherOfTwoOfWhomOneBlocksTheOtherIsSeenByTheOther(t *testing.T) {
	amongFriends(t, chat.Config{}, func(t *testing.T, b *bench) {
		presence := func() (all []delivered) {
			for _, d := range b.told() {
				if d.branch == proto.BranchPresence || d.branch == proto.BranchTyping {
					all = append(all, d)
				}
			}
			return all
		}
		types := func(user uint64) {
			t.Helper()
			if _, err := b.publish(user, proto.BranchTyping, &proto.Typing{Key: protobuf.String("d:3:5")}); err != nil {
				t.Fatal(err)
			}
		}
		sync := func(user uint64) {
			t.Helper()
			if _, err := b.publish(user, proto.BranchSync, &proto.SyncRequest{}); err != nil {
				t.Fatal(err)
			}
		}
		b.come(ada, bob)
		b.block(ada, bob, true)
		same(t, "both are gone to each other", presence(), []delivered{gone(bob, ada, time.Time{}), gone(ada, bob, time.Time{})})
		b.block(bob, ada, true)
		same(t, "they already were", presence(), []delivered(nil))
		b.block(bob, ada, false)
		same(t, "they still are", presence(), []delivered(nil))
		for _, user := range []uint64{ada, bob} {
			types(user)
			sync(user)
			b.Disconnected(chat.Sender{User: user})
			time.Sleep(time.Minute)
			b.Connected(context.Background(), chat.Sender{User: user})
			synctest.Wait()
			sync(user)
		}
		same(t, "typing, leaving and coming", presence(), []delivered(nil))
		b.Disconnected(chat.Sender{User: bob})
		left := time.Now()
		time.Sleep(time.Minute)
		b.block(ada, bob, false)
		same(t, "how it is", presence(), []delivered{here(bob, ada), gone(ada, bob, left)})
		types(ada)
		same(t, "typing", len(presence()), 1)
		b.Connected(context.Background(), chat.Sender{User: bob})
		same(t, "coming", presence(), []delivered{here(ada, bob)})
	})
}

func TestABlockRevealsNothingOfWhoWasHidden(t *testing.T) {
	inBubble(t, chat.Config{}, func(t *testing.T, b *bench) {
		presence := func() (all []delivered) {
			for _, d := range b.told() {
				if d.branch == proto.BranchPresence {
					all = append(all, d)
				}
			}
			return all
		}
		b.come(ada, bob) // ada has written to bob, who has not answered
		b.block(bob, ada, true)
		same(t, "a stranger blocked", presence(), []delivered{gone(bob, ada, time.Time{})})
		b.block(bob, ada, false)
		same(t, "and unblocked", presence(), []delivered{here(bob, ada)})
		if _, err := b.publish(ada, proto.BranchSettings, &proto.Settings{SharePresence: protobuf.Bool(false)}); err != nil {
			t.Fatal(err)
		}
		presence()
		b.block(bob, ada, true)
		b.block(bob, ada, false)
		same(t, "one who hides", presence(), []delivered(nil))
	})
}

func TestABlockDoesNotConcernServices(t *testing.T) {
	onBothStores(t, func(t *testing.T, s chat.Store) {
		b := staffed(t, s)
		b.block(cora, ann, true)
		b.say(cora, word(cora, "hello?"))
		b.say(ann, word(cora, "yes?"))
		if head := b.rows(cora)[salesKey.String()].GetHeadSeq(); head != 2 {
			t.Errorf("head %d, want 2", head)
		}
	})
}
