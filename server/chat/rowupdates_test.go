package chat_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"parley/proto"
	"parley/server/chat"
	"parley/server/chat/chattest"
)

func TestRowsThatChangedArePushedOnceInAWhileToWhoIsHere(t *testing.T) {
	inBubble(t, chat.Config{}, func(t *testing.T, b *bench) {
		b.come(ada, bob, ann)
		rows := func() map[uint64][]*proto.BaseUserUnreadStatics {
			t.Helper()
			return updatedRows(t, b)
		}
		b.send(bob, text(ada, "one"))
		b.send(bob, text(ada, "two"))
		same(t, "at once", len(rows()), 0)
		time.Sleep(300 * time.Millisecond)
		pushed := rows()
		same(t, "to the receiver", keysOf(pushed[ada]...), []string{"d:3:5"})
		same(t, "to the sender's devices", keysOf(pushed[bob]...), []string{"d:3:5"})
		if row := pushed[ada][0].GetConversations()[0]; row.GetUnread() != 2 || row.GetHeadSeq() != 3 || row.Last != nil {
			t.Errorf("row %v", row)
		}
		if total := pushed[ada][0].GetTotalUnread(); total != 2 {
			t.Errorf("%d unread in total", total)
		}

		b.mark(ada, 3, 3)
		time.Sleep(300 * time.Millisecond)
		pushed = rows()
		if row := pushed[ada][0].GetConversations()[0]; row.GetUnread() != 0 || row.GetReadSeq() != 3 {
			t.Errorf("a mark brings the reader's devices %v", row)
		}
		if row := pushed[bob][0].GetConversations()[0]; row.GetPeerReadSeq() != 3 {
			t.Errorf("a mark brings the other side %v", row)
		}

		b.join(bob, "Bob")
		b.join(bob, "Robert")
		time.Sleep(300 * time.Millisecond)
		pushed = rows()
		if row := pushed[ada][0].GetConversations()[0]; row.GetPeerName() != "Robert" {
			t.Errorf("a new name brings %v", row)
		}

		b.say(cora, word(cora, "hello??"))
		b.say(ben, control(claim))
		time.Sleep(300 * time.Millisecond)
		pushed = rows()
		same(t, "to an agent", keysOf(pushed[ann]...), []string{salesKey.String()})
		if row := pushed[ann][0].GetConversations()[0]; row.GetAssigneeName() != "Ben" || pushed[ann][0].GetWaitingConversations() != 1 {
			t.Errorf("a claim brings %v", row)
		}
		time.Sleep(time.Hour)
		same(t, "when nothing changes", len(rows()), 0)
	})
}

func TestAPushGoesOnWhereTheAnswerBeforeEnded(t *testing.T) {
	inBubble(t, chat.Config{}, func(t *testing.T, b *bench) {
		b.come(ada, bob)
		known := b.sync(ada, "")
		token, head := known[len(known)-1].GetToken(), b.rows(ada)["d:3:5"].GetHeadSeq()
		b.told()
		for i, content := range []string{"one", "two", "three"} {
			b.send(bob, text(ada, content))
			time.Sleep(300 * time.Millisecond)
			answer := updatedRows(t, b)[ada][0]
			same(t, "since", answer.GetSince(), token)
			row := answer.GetConversations()[0]
			same(t, "head", row.GetHeadSeq(), head+uint64(i)+1)
			if row.Last != nil {
				t.Errorf("the message that just went out goes out again: %v", row.Last)
			}
			token = answer.GetToken()
		}
		if news := b.sync(ada, token); len(news) != 1 || len(news[0].GetConversations()) != 0 {
			t.Errorf("a push's token leaves %v to be told", news)
		}
	})
}

func TestManyRowsArePushedInPartsThatFitAPacketAndOneAfterTheOther(t *testing.T) {
	inBubble(t, chat.Config{}, func(t *testing.T, b *bench) {
		b.come(ada)
		const many = 700 // more than one answer holds
		for user := range uint64(many) {
			b.send(1000+user, text(ada, strings.Repeat("x", 2000)))
		}
		time.Sleep(2 * time.Second)
		pushed := updatedRows(t, b)[ada]
		keys := map[string]bool{}
		for i, answer := range pushed {
			if i > 0 {
				same(t, "since", answer.GetSince(), pushed[i-1].GetToken())
			}
			if last := i == len(pushed)-1; answer.GetMore() == last || (answer.TotalUnread != nil) != last {
				t.Errorf("part %d of %d: more %v, totals %v", i, len(pushed), answer.GetMore(), answer.TotalUnread)
			}
			if payload, err := proto.Marshal(answer); err != nil || len(payload) > proto.MaxPacket {
				t.Errorf("part %d has %d bytes, %v", i, len(payload), err)
			}
			for _, key := range keysOf(answer) {
				keys[key] = true
			}
		}
		same(t, "rows", len(keys), many)
	})
}

func TestWhoComesBackIsToldOnFromTheirSync(t *testing.T) {
	inBubble(t, chat.Config{}, func(t *testing.T, b *bench) {
		b.come(ada)
		b.send(bob, text(ada, "seen"))
		time.Sleep(time.Second)
		b.Disconnected(chat.Sender{User: ada})
		time.Sleep(time.Minute)
		b.send(bob, text(ada, "missed"))
		b.come(ada)
		known := b.sync(ada, "")
		token := known[len(known)-1].GetToken()
		b.told()
		b.send(bob, text(ada, "new"))
		time.Sleep(time.Second)
		same(t, "since", updatedRows(t, b)[ada][0].GetSince(), token)
	})
}

// updatedRows returns what was pushed to each user since it was asked last.
func updatedRows(t *testing.T, b *bench) map[uint64][]*proto.BaseUserUnreadStatics {
	t.Helper()
	all := make(map[uint64][]*proto.BaseUserUnreadStatics)
	for _, d := range b.told() {
		answer, ok := d.body.(*proto.BaseUserUnreadStatics)
		if !ok {
			continue
		}
		if d.user == ben || d.user == cora {
			t.Errorf("pushed to %d, who is not here", d.user)
		}
		if answer.GetSince() == "" || answer.GetToken() == "" || answer.ServerTime != nil || answer.GetEpoch() != 1 {
			t.Errorf("pushed: %v", answer)
		}
		all[d.user] = append(all[d.user], answer)
	}
	return all
}

// slow is a history that takes its time to be read.
type slow struct {
	chat.Store
	views atomic.Int64 // how long each view takes
}

func (s *slow) View(ctx context.Context, read func(chat.View) error) error {
	time.Sleep(time.Duration(s.views.Load()))
	return s.Store.View(ctx, read)
}

func (s *slow) Scan(ctx context.Context, read func(chat.View) error) error {
	time.Sleep(time.Duration(s.views.Load()))
	return s.Store.Scan(ctx, read)
}

func TestPushesRestWhereTheyTakeLong(t *testing.T) {
	store := &slow{Store: chattest.NewMemory(1)}
	inBubble(t, chat.Config{Store: store}, func(t *testing.T, b *bench) {
		b.come(ada)
		b.send(bob, text(ada, "one"))
		store.views.Store(int64(time.Second)) // and a push takes two of them
		time.Sleep(2500 * time.Millisecond)   // a quarter of a second, and the push itself
		same(t, "pushes after one message", len(updatedRows(t, b)[ada]), 1)
		store.views.Store(0)
		b.send(bob, text(ada, "two"))
		time.Sleep(7 * time.Second)
		same(t, "pushes in four times as long as the last took", len(updatedRows(t, b)[ada]), 0)
		time.Sleep(2 * time.Second)
		same(t, "pushes after it", len(updatedRows(t, b)[ada]), 1)
	})
}
