package chat_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"parley/proto"
	"parley/server/chat"
	"parley/server/chat/chattest"
)

func keeping(d time.Duration) func(*chat.Config) { return func(c *chat.Config) { c.Retention = d } }

// expire deletes what is too old, as Run does by itself.
func (b *bench) expire() {
	b.t.Helper()
	for after := ""; ; {
		requests, next, err := b.Overdue(b.t.Context(), after)
		if err != nil {
			b.t.Fatal(err)
		}
		for _, r := range b.Commit(b.t.Context(), requests) {
			if r.Err != nil {
				b.t.Fatal(r.Err)
			}
		}
		if after = next; after == "" {
			return
		}
	}
}

// commit applies requests that must be accepted.
func (b *bench) commit(from uint64, messages ...*proto.Message) (receipts []chat.Receipt) {
	b.t.Helper()
	var requests []chat.Request
	for _, m := range messages {
		requests = append(requests, b.prepare(from, proto.BranchMessage, encode(b.t, m)))
	}
	for _, r := range b.Commit(b.t.Context(), requests) {
		if r.Err != nil {
			b.t.Fatal(r.Err)
		}
		receipts = append(receipts, r.Receipt)
	}
	return receipts
}

// page is what a user reads of the conversation between Ada and Bob.
func (b *bench) page(user uint64) *proto.MessagePage {
	b.t.Helper()
	page, err := b.Messages(b.t.Context(), chat.Sender{User: user}, proto.DirectKey(ada, bob), chat.Window{Limit: 500})
	if err != nil {
		b.t.Fatal(err)
	}
	return read[*proto.MessagePage](b.t, page)
}

func TestWhatIsOlderThanTheRetentionIsGoneAndEverythingElseIsAsItWas(t *testing.T) {
	onBothStores(t, func(t *testing.T, s chat.Store) {
		b := prepared(t, s, keeping(90*24*time.Hour))
		old := b.commit(ada, with(text(bob, "one"), ref(1)), text(bob, "two"), text(bob, "three"))
		b.pass(24 * time.Hour)
		young := b.commit(ada, text(bob, "four"))
		b.expire()
		if page := b.page(bob); page.GetMinSeq() != 1 || len(page.GetMessages()) != 4 {
			t.Fatalf("before its time something is gone: %v", page)
		}
		b.pass(89*24*time.Hour + time.Millisecond)
		b.out.take()
		b.expire()

		page := b.page(bob)
		if page.GetMinSeq() != 4 || page.GetHeadSeq() != 4 || len(page.GetMessages()) != 1 || page.GetMessages()[0].GetContent() != "four" {
			t.Errorf("the page is %v", page)
		}
		key := proto.DirectKey(ada, bob).String()
		if row := b.rows(bob)[key]; row.GetUnread() != 1 || row.GetMinSeq() != 4 || row.GetWaitingSeq() != 4 || row.GetWaitingSince() != young[0].CreateTime ||
			row.GetHeadSeq()-row.GetReadSeq()-row.GetOwnAfterRead() != row.GetUnread() {
			t.Errorf("Bob is told %v", row)
		}
		if answer, err := b.Conversations(t.Context(), chat.Sender{User: bob}, ""); err != nil || answer.GetTotalUnread() != 1 {
			t.Errorf("in total %v, %v", answer, err)
		}
		if told := b.out.take(); len(told) != 0 {
			t.Errorf("published: %v", told)
		}

		// A repeat is answered as it always was, and stored by nobody.
		if again := b.commit(ada, with(text(bob, "one"), ref(1))); again[0] != old[0] {
			t.Errorf("a repeat got %+v, want %+v", again[0], old[0])
		}
		if page := b.page(ada); page.GetHeadSeq() != 4 {
			t.Errorf("the repeat was stored: %v", page)
		}
		b.pass(24 * time.Hour)
		b.expire()
		if page := b.page(ada); page.GetMinSeq() != 5 || page.GetHeadSeq() != 4 || len(page.GetMessages()) != 0 {
			t.Errorf("the page is %v", page)
		}
		if row := b.rows(bob)[key]; row.GetUnread() != 0 || row.GetWaitingSince() != 0 || row.GetMinSeq() != 5 || row.Last != nil {
			t.Errorf("Bob is told %v", row)
		}
		next := b.commit(bob, text(ada, "five"))
		if next[0].Seq != 5 || next[0].MessageID <= young[0].MessageID {
			t.Errorf("receipt %+v after %+v", next[0], young[0])
		}
		if page := b.page(ada); page.GetMinSeq() != 5 || len(page.GetMessages()) != 1 {
			t.Errorf("the page is %v", page)
		}
	})
}

// Clients hear of it with their next sync, or at once if they are here.
func TestARetentionIsToldInTheRowsThatChange(t *testing.T) {
	onBothStores(t, func(t *testing.T, s chat.Store) {
		b := prepared(t, s, keeping(time.Hour))
		b.commit(ada, text(bob, "one"))
		b.commit(eve, text(bob, "of another conversation"))
		before, err := b.Conversations(t.Context(), chat.Sender{User: ada}, "")
		if err != nil {
			t.Fatal(err)
		}
		b.pass(2 * time.Hour)
		b.commit(eve, text(bob, "two")) // young
		b.expire()
		after, err := b.Conversations(t.Context(), chat.Sender{User: ada}, before.GetToken())
		if err != nil || len(after.GetConversations()) != 1 || after.GetConversations()[0].GetMinSeq() != 2 {
			t.Errorf("Ada is told %v, %v", after, err)
		}
		b.expire()
		if again, err := b.Conversations(t.Context(), chat.Sender{User: ada}, after.GetToken()); err != nil || len(again.GetConversations()) != 0 {
			t.Errorf("where nothing was deleted she is told %v, %v", again, err)
		}
	})
}

func TestIDsAreNotGivenAgainAfterTheNewestMessageIsDeletedWhateverTheClockDoes(t *testing.T) {
	onBothStores(t, func(t *testing.T, s chat.Store) {
		b := prepared(t, s, keeping(time.Hour))
		first := b.commit(ada, text(bob, "one"))[0]
		b.pass(2 * time.Hour)
		b.expire()
		later := prepared(t, s) // whose clock stands where the first one's stood
		if again := later.commit(ada, text(bob, "two"))[0]; again.MessageID <= first.MessageID || again.Seq != 2 {
			t.Errorf("receipt %+v after %+v", again, first)
		}
	})
}

// One commit deletes a bounded piece, and the next one goes on.
func TestNoCommitDeletesMoreThanAPiece(t *testing.T) {
	onBothStores(t, func(t *testing.T, s chat.Store) {
		b := prepared(t, s, keeping(time.Hour))
		for range 5 {
			var hundred []*proto.Message
			for range 100 {
				hundred = append(hundred, text(bob, "x"))
			}
			b.commit(ada, hundred...)
		}
		b.pass(2 * time.Hour)
		for _, want := range []uint64{201, 401, 501, 501} {
			b.expire()
			if page := b.page(bob); page.GetMinSeq() != want || page.GetHeadSeq() != 500 {
				t.Errorf("min_seq %d, want %d", page.GetMinSeq(), want)
			}
		}
	})
}

func TestOverdueConversationsAreFoundAPieceAtATime(t *testing.T) {
	onBothStores(t, func(t *testing.T, s chat.Store) {
		b := prepared(t, s, keeping(time.Hour))
		for i := range uint64(450) {
			b.commit(1000+i, text(bob, "x"))
		}
		b.pass(2 * time.Hour)
		b.commit(eve, text(bob, "young"))
		found, pieces := 0, 0
		for after := ""; ; pieces++ {
			requests, next, err := b.Overdue(t.Context(), after)
			if err != nil {
				t.Fatal(err)
			}
			if found += len(requests); len(requests) > 200 {
				t.Errorf("%d at once", len(requests))
			}
			if after = next; after == "" {
				break
			}
		}
		if found != 450 || pieces != 2 {
			t.Errorf("%d conversations in %d pieces, want 450 in 2 and a rest", found, pieces)
		}
		b.expire()
		if requests, _, err := b.Overdue(t.Context(), ""); err != nil || len(requests) != 0 {
			t.Errorf("%d are found again, error %v", len(requests), err)
		}
	})
}

// Run deletes by itself, all of it, and ends.
func TestTheCommitterDeletesByItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := chattest.NewMemory(1)
		service, err := chat.New(chat.Config{Store: s, Fanout: &outbox{t: t}, Retention: 24 * time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- service.Run(ctx) }()
		say := func(from, to uint64, n int) {
			t.Helper()
			for i := range n {
				if _, err := service.Publish(t.Context(), chat.Sender{User: from}, proto.BranchMessage, encode(t, text(to, fmt.Sprint(i))), nil); err != nil {
					t.Fatal(err)
				}
			}
		}
		min := func(x, y uint64) uint64 {
			page, err := service.Messages(t.Context(), chat.Sender{User: x}, proto.DirectKey(x, y), chat.Window{Limit: 1})
			if err != nil {
				t.Fatal(err)
			}
			return page.Min
		}
		say(ada, bob, 1000)
		for to := uint64(1000); to < 1250; to++ {
			say(ada, to, 1)
		}
		time.Sleep(12 * time.Hour)
		say(ada, bob, 1)
		time.Sleep(11 * time.Hour)
		if min(ada, bob) != 1 {
			t.Error("deleted before its time")
		}
		time.Sleep(3 * time.Hour)
		if got := min(ada, bob); got != 1001 {
			t.Errorf("min_seq is %d, want 1001", got)
		}
		for to := uint64(1000); to < 1250; to++ {
			if min(ada, to) != 2 {
				t.Errorf("the conversation with %d is still there", to)
			}
		}
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}
