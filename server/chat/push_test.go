package chat_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"parley/proto"
	"parley/server/chat"
)

func TestRowsThatChangedArePushedOnceInAWhileToWhoIsHere(t *testing.T) {
	inBubble(t, chat.Config{}, func(t *testing.T, b *bench) {
		b.come(ada, bob, ann)
		rows := func() map[uint64][]*proto.BaseUserUnreadStatics {
			t.Helper()
			return pushedRows(t, b)
		}
		b.send(bob, text(ada, "one"))
		b.send(bob, text(ada, "two"))
		same(t, "at once", len(rows()), 0)
		time.Sleep(300 * time.Millisecond)
		pushed := rows()
		same(t, "to the receiver", keysOf(pushed[ada]...), []string{"d:3:5"})
		same(t, "to the sender's devices", keysOf(pushed[bob]...), []string{"d:3:5"})
		if row := pushed[ada][0].GetConversations()[0]; row.GetUnread() != 2 || row.GetHeadSeq() != 3 || row.GetLast().GetContent() != "two" {
			t.Errorf("row %v", row)
		}
		if total := pushed[ada][0].GetTotalUnread(); total != 2 {
			t.Errorf("%d unread in total", total)
		}

		b.mark(ada, 3, 3)
		time.Sleep(300 * time.Millisecond)
		pushed = rows()
		if row := pushed[ada][0].GetConversations()[0]; row.GetUnread() != 0 || row.GetReadSeq() != 3 || row.Last != nil {
			t.Errorf("a mark brings the reader's devices %v", row)
		}
		if row := pushed[bob][0].GetConversations()[0]; row.GetPeerReadSeq() != 3 || row.Last != nil {
			t.Errorf("a mark brings the other side %v", row)
		}

		b.join(bob, "Bob")
		b.join(bob, "Robert")
		time.Sleep(300 * time.Millisecond)
		pushed = rows()
		if row := pushed[ada][0].GetConversations()[0]; row.GetPeerName() != "Robert" || row.Last != nil {
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

func TestAPushIsBoundedInRowsAndInSize(t *testing.T) {
	inBubble(t, chat.Config{}, func(t *testing.T, b *bench) {
		b.come(ada)
		for user := range uint64(200) {
			b.send(1000+user, text(ada, strings.Repeat("x", proto.MaxContent)))
		}
		time.Sleep(300 * time.Millisecond)
		pushed := pushedRows(t, b)[ada]
		if keys := keysOf(pushed...); len(keys) != 100 {
			t.Errorf("%d rows were pushed at once", len(keys))
		}
		for i, answer := range pushed {
			if last := i == len(pushed)-1; (answer.TotalUnread != nil) != last {
				t.Errorf("part %d of %d has the totals %v", i, len(pushed), answer.TotalUnread)
			}
			if payload, err := proto.Marshal(answer); err != nil || len(payload) > proto.MaxPacket {
				t.Errorf("part %d has %d bytes, %v", i, len(payload), err)
			}
		}
	})
}

// pushedRows returns what was pushed to each user since it was asked last.
func pushedRows(t *testing.T, b *bench) map[uint64][]*proto.BaseUserUnreadStatics {
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
		if answer.GetSince() == "" || answer.GetToken() != "" || answer.GetMore() || answer.GetEpoch() != 1 {
			t.Errorf("a device would take over %v", answer)
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

func TestPushesRestWhereTheyTakeLong(t *testing.T) {
	store := &slow{Store: chat.NewMemory(1)}
	inBubble(t, chat.Config{Store: store}, func(t *testing.T, b *bench) {
		b.come(ada)
		b.send(bob, text(ada, "one"))
		store.views.Store(int64(2 * time.Second))
		time.Sleep(2500 * time.Millisecond) // a quarter of a second, and the push itself
		same(t, "pushes after one message", len(pushedRows(t, b)[ada]), 1)
		store.views.Store(0)
		b.send(bob, text(ada, "two"))
		time.Sleep(7 * time.Second)
		same(t, "pushes in four times as long as the last took", len(pushedRows(t, b)[ada]), 0)
		time.Sleep(2 * time.Second)
		same(t, "pushes after it", len(pushedRows(t, b)[ada]), 1)
	})
}
