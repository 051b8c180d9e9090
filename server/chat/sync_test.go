package chat_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	protobuf "google.golang.org/protobuf/proto"

	"parley/proto"
	"parley/server/chat"
	"parley/server/chat/chattest"
)

// sync publishes a SyncRequest and returns the answers.
func (b *bench) sync(user uint64, token string) (answers []*proto.BaseUserUnreadStatics) {
	b.t.Helper()
	b.out.take()
	if _, err := b.publish(user, proto.BranchSync, &proto.SyncRequest{Token: &token}); err != nil {
		b.t.Fatal("sync:", err)
	}
	since, all := token, b.out.take()
	all = slices.DeleteFunc(all, func(d delivered) bool { return d.branch == proto.BranchSettings || d.branch == proto.BranchPresence })
	for i, d := range all {
		answer := d.body.(*proto.BaseUserUnreadStatics)
		if d.user != user || d.branch != proto.BranchUnread {
			b.t.Errorf("an answer went to %d on %s", d.user, d.branch)
		}
		if answer.GetSince() != since {
			b.t.Errorf("answer %d continues %q, want %q", i, answer.GetSince(), since)
		}
		since = answer.GetToken()
		answers = append(answers, answer)
	}
	for i, answer := range answers {
		if more := i < len(answers)-1; answer.GetMore() != more {
			b.t.Errorf("answer %d of %d says more: %t", i+1, len(answers), !more)
		}
	}
	return answers
}

func keysOf(answers ...*proto.BaseUserUnreadStatics) (keys []string) {
	for _, a := range answers {
		for _, row := range a.GetConversations() {
			keys = append(keys, row.GetKey())
		}
	}
	return keys
}

func TestASyncAnswersWhatOneNeedsToKnow(t *testing.T) {
	onBothStores(t, func(t *testing.T, s chat.Store) {
		b := start(t, s)
		if err := b.Seen(t.Context(), chat.User{ID: bob, Name: "Bob"}, chat.Credential{}); err != nil {
			t.Fatal(err)
		}
		question := b.send(ada, text(bob, "are you there?"))
		b.pass(time.Second)
		b.send(ada, text(bob, "hello?"))
		b.mark(bob, 2, 1)
		b.pass(time.Second)
		answer := b.send(bob, with(text(ada, "yes"), ref(1), 1)) // the second is not seen
		last := b.out.take()[6].body.(*proto.Message)
		epoch, asked, answered := epochOf(t, s), question.CreateTime, answer.CreateTime

		got := b.sync(ada, "")
		same(t, "what ada is told", got, []*proto.BaseUserUnreadStatics{{
			Epoch: &epoch, Token: got[0].Token, Since: protobuf.String(""), ServerTime: protobuf.Uint64(uint64(b.time().UnixMilli())),
			Conversations: []*proto.ConversationState{{
				Key: protobuf.String("d:3:5"), HeadSeq: protobuf.Uint64(3),
				ReadSeq: protobuf.Uint64(0), DeliveredSeq: protobuf.Uint64(0), PeerReadSeq: protobuf.Uint64(1), PeerDeliveredSeq: protobuf.Uint64(2),
				Unread: protobuf.Uint64(1), WaitingSince: protobuf.Uint64(answered), AwaitingSince: protobuf.Uint64(asked + 1000),
				Last: last, PeerName: protobuf.String("Bob"), OwnAfterRead: protobuf.Uint64(2),
				PeerReadTime: protobuf.Uint64(asked + 1000), PeerDeliveredTime: protobuf.Uint64(asked + 1000),
				AnsweredThrough: protobuf.Uint64(1), AwaitingSeq: protobuf.Uint64(2), PeerAnsweredThrough: protobuf.Uint64(1), WaitingSeq: protobuf.Uint64(3),
			}},
			TotalUnread: protobuf.Uint64(1), UnreadConversations: protobuf.Uint64(1), WaitingConversations: protobuf.Uint64(1),
		}})
		if row := b.rows(bob)["d:3:5"]; row.GetUnread() != 1 || row.GetWaitingSince() != asked+1000 || row.GetAwaitingSince() != answered || row.PeerName != nil {
			t.Errorf("bob is told %v", row)
		}
		if got := b.sync(eve, ""); len(got) != 1 || len(got[0].GetConversations()) != 0 || got[0].GetToken() == "" {
			t.Errorf("who has no conversation is told %v", got)
		}
	})
}

func TestASyncTellsWhatChangedSinceItsToken(t *testing.T) {
	onBothStores(t, func(t *testing.T, s chat.Store) {
		b := start(t, s)
		b.send(ada, text(bob, "x"))
		b.send(ada, text(eve, "x"))
		first := b.sync(ada, "")
		same(t, "everything", keysOf(first...), []string{"d:3:5", "d:3:7"})
		token := first[0].GetToken()
		nothing := b.sync(ada, token)
		same(t, "nothing", keysOf(nothing...), []string(nil))
		same(t, "its token", nothing[0].GetToken(), token)

		b.send(bob, text(ada, "x"))
		second := b.sync(ada, token)
		same(t, "after a message", keysOf(second...), []string{"d:3:5"})
		b.mark(bob, 2, 2)
		third := b.sync(ada, second[0].GetToken())
		same(t, "after the other side read", keysOf(third...), []string{"d:3:5"})
		b.mark(ada, 2, 2)
		b.mark(bob, 1, 1) // changes nothing
		fourth := b.sync(ada, third[0].GetToken())
		same(t, "after reading", keysOf(fourth...), []string{"d:3:5"})
		if err := b.Seen(t.Context(), chat.User{ID: eve, Name: "Eve"}, chat.Credential{}); err != nil {
			t.Fatal(err)
		}
		same(t, "after a new name", keysOf(b.sync(ada, fourth[0].GetToken())...), []string{"d:3:7"})
		same(t, "from the first token", keysOf(b.sync(ada, token)...), []string{"d:3:5", "d:3:7"})
	})
}

func TestATokenThatSaysNothingAsksForEverything(t *testing.T) {
	b := start(t, chattest.NewMemory(1))
	b.send(ada, text(bob, "x"))
	good := b.sync(ada, "")[0].GetToken()
	for _, token := range []string{"", "x", "v1", "v1.1", "v1..", "v2.1.2", "v1.1.x", "v1.x.1", "v1.2.2", "v1.1.2.3", "v1.1.3", "v1.1.-1",
		"v1.1.18446744073709551615", "v1.1.18446744073709551616"} {
		answers := b.sync(ada, token)
		same(t, "token "+token, keysOf(answers...), []string{"d:3:5"})
		same(t, "new token", answers[0].GetToken(), good)
	}
	for _, token := range []string{good, "v1.1.1", "v2.1.1.0"} { // the last two are of earlier versions
		same(t, "a good one, "+token, keysOf(b.sync(ada, token)...), []string(nil))
	}
	if _, err := b.publish(ada, proto.BranchSync, &proto.SyncRequest{}); err != nil {
		t.Error("no token:", err)
	}
	b.out.take()
	if _, err := b.publish(ada, proto.BranchSync, &proto.SyncRequest{Token: protobuf.String(strings.Repeat("9", 60_000))}); err != nil {
		t.Error("a long token:", err)
	}
	same(t, "after a long one", keysOf(b.out.take()[0].body.(*proto.BaseUserUnreadStatics)), []string{"d:3:5"})
}

func TestALongSyncComesInPartsThatFitAPacketAndCanBeResumed(t *testing.T) {
	onBothStores(t, func(t *testing.T, s chat.Store) {
		b := prepared(t, s)
		const peers = proto.MaxStates + 20
		var batch []chat.Request
		for i := range uint64(peers) {
			content := "x"
			if i%50 == 0 {
				content = strings.Repeat("x", proto.MaxContent)
			}
			request, err := b.Prepare(chat.Sender{User: ada}, proto.BranchMessage, encode(t, text(1000+i, content)), nil)
			if err != nil {
				t.Fatal(err)
			}
			batch = append(batch, request)
		}
		for _, r := range b.Commit(t.Context(), batch) {
			if r.Err != nil {
				t.Fatal(r.Err)
			}
		}
		answers := b.sync(ada, "") // the outbox checks each payload's size
		var want []string
		for i := range uint64(peers) {
			want = append(want, proto.DirectKey(ada, 1000+i).String())
		}
		same(t, "all of it", keysOf(answers...), want)
		if len(answers) < 5 {
			t.Errorf("only %d parts", len(answers))
		}
		for i, a := range answers {
			if n := len(a.GetConversations()); n == 0 || n > proto.MaxStates {
				t.Errorf("part %d has %d rows", i, n)
			}
		}
		same(t, "from the middle", keysOf(b.sync(ada, answers[1].GetToken())...), keysOf(answers[2:]...))

		page, err := b.Conversations(t.Context(), chat.Sender{User: ada}, "")
		if err != nil {
			t.Fatal(err)
		}
		rest, err := b.Conversations(t.Context(), chat.Sender{User: ada}, page.GetToken())
		if err != nil {
			t.Fatal(err)
		}
		if n := len(page.GetConversations()); n != proto.MaxStates || !page.GetMore() || rest.GetMore() {
			t.Errorf("%d rows, more %t, then more %t", n, page.GetMore(), rest.GetMore())
		}
		same(t, "over HTTP", keysOf(page, rest), want)
	})
}

func TestMarksOnlyRiseAndBothSidesAreToldOnce(t *testing.T) {
	onBothStores(t, func(t *testing.T, s chat.Store) {
		b := start(t, s)
		for range 5 {
			b.send(ada, text(bob, "x"))
		}
		sent := uint64(b.time().UnixMilli())
		second := func(n uint64) *uint64 { // absent where nothing rose yet
			if n == 0 {
				return nil
			}
			return ptr(sent + 1000*n)
		}
		for _, test := range []struct{ delivered, read, wantDelivered, wantRead, deliveredIn, readIn uint64 }{
			{2, 0, 2, 0, 1, 0}, {1, 0, 0, 0, 0, 0}, {2, 2, 2, 2, 1, 3}, {0, 3, 3, 3, 4, 4}, {2, 1, 0, 0, 0, 0}, {4, 0, 4, 3, 6, 4},
			{huge, 4, 5, 4, 7, 7}, {0, huge, 5, 5, 7, 8}, {huge, huge, 0, 0, 0, 0}, {0, 0, 0, 0, 0, 0},
		} {
			b.out.take()
			b.pass(time.Second)
			b.mark(bob, test.delivered, test.read)
			var want []delivered
			if test.wantDelivered != 0 {
				m := &proto.Mark{
					Key: protobuf.String("d:3:5"), UserId: protobuf.Uint64(bob), DeliveredSeq: &test.wantDelivered, ReadSeq: &test.wantRead,
					DeliveredTime: second(test.deliveredIn), ReadTime: second(test.readIn),
				}
				want = []delivered{{bob, proto.BranchMark, m}, {ada, proto.BranchMark, m}}
			}
			same(t, fmt.Sprintf("after delivered %d read %d", test.delivered, test.read), b.out.take(), want)
		}
		if row := b.rows(ada)["d:3:5"]; row.GetPeerReadSeq() != 5 || row.GetPeerDeliveredSeq() != 5 || row.GetReadSeq() != 0 ||
			row.GetPeerReadTime() != sent+8000 || row.GetPeerDeliveredTime() != sent+7000 {
			t.Errorf("ada is told %v", row)
		}
	})
}

func TestAMarkWhereNothingWasSaidChangesNothing(t *testing.T) {
	b := start(t, chattest.NewMemory(1))
	b.mark(bob, 7, 7)
	same(t, "fan-out", b.out.take(), []delivered(nil))
	same(t, "rows", len(b.rows(bob))+len(b.rows(ada)), 0)
	b.send(ada, text(bob, "x"))
	same(t, "unread", b.rows(bob)["d:3:5"].GetUnread(), uint64(1))
}

func TestWhoAnswersHasReadWhatWasOnTheScreen(t *testing.T) {
	onBothStores(t, func(t *testing.T, s chat.Store) {
		b := start(t, s)
		b.send(ada, text(bob, "1"))
		b.send(ada, text(bob, "2"))
		b.out.take()
		b.pass(time.Second)
		answer := b.send(bob, with(text(ada, "3"), nil, 1))
		out := b.out.take()
		if len(out) != 4 {
			t.Fatalf("%d deliveries, want the message and the mark, to both", len(out))
		}
		m := &proto.Mark{
			Key: protobuf.String("d:3:5"), UserId: protobuf.Uint64(bob), DeliveredSeq: protobuf.Uint64(1), ReadSeq: protobuf.Uint64(1),
			DeliveredTime: &answer.CreateTime, ReadTime: &answer.CreateTime,
		}
		same(t, "marks", out[2:], []delivered{{bob, proto.BranchMark, m}, {ada, proto.BranchMark, m}})
		if row := b.rows(bob)["d:3:5"]; row.GetReadSeq() != 1 || row.GetUnread() != 1 {
			t.Errorf("bob is told %v", row)
		}
		b.mark(bob, 2, 2)
		b.out.take()
		b.send(bob, with(text(ada, "4"), nil, 3)) // only an own message more was seen
		if n := len(b.out.take()); n != 2 {
			t.Errorf("%d deliveries, want the message alone, to both", n)
		}
	})
}

func TestWhoMissedDeliveriesIsToldToSyncOfThisHistory(t *testing.T) {
	onBothStores(t, func(t *testing.T, s chat.Store) {
		b := prepared(t, s)
		payload, err := b.Missed()
		if err != nil {
			t.Fatal(err)
		}
		var told proto.BaseUserUnreadStatics
		if err := proto.Unmarshal(payload, &told); err != nil || !told.GetSync() || told.GetEpoch() != epochOf(t, s) || told.Since != nil || len(told.GetConversations()) != 0 {
			t.Errorf("told %v, %v", &told, err)
		}
	})
}
