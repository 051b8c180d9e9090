package chat_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	protobuf "google.golang.org/protobuf/proto"

	"parley/proto"
	"parley/server/chat"
	"parley/server/chat/chattest"
)

const (
	kib = 1 << 10
	mib = 1 << 20
)

func quotas(q chat.Quotas) func(*chat.Config) { return func(c *chat.Config) { c.Quotas = q } }

// refuses sends a message that must go beyond a quota, and returns the refusal.
func (b *bench) refuses(from uint64, m *proto.Message) *proto.Refusal {
	b.t.Helper()
	receipt, err := b.publish(from, proto.BranchMessage, m)
	refusal := refusalOf(b.t, err)
	if refusal.Reason != proto.QuotaExceeded || receipt != (chat.Receipt{}) {
		b.t.Errorf("receipt %+v, refusal %v", receipt, refusal)
	}
	return refusal
}

// floods sends messages until one is refused, and returns how many went
// through and how the next was refused.
func (b *bench) floods(from, to uint64, content string) (n int, refusal *proto.Refusal) {
	b.t.Helper()
	for ; n < 10_000; n++ {
		if _, err := b.publish(from, proto.BranchMessage, text(to, content)); err != nil {
			return n, refusalOf(b.t, err)
		}
	}
	b.t.Fatal("nothing stops a flood")
	return 0, nil
}

func TestWhoStoresMoreThanTheDailyBytesIsRefusedAndNobodyElseIs(t *testing.T) {
	onBothStores(t, func(t *testing.T, s chat.Store) {
		b := start(t, s, quotas(chat.Quotas{Bytes: mib}))
		content := strings.Repeat("x", 16*kib)
		n, refusal := b.floods(ada, bob, content)
		// 16 KiB, some fields, and 256 bytes for what stands beside each.
		if n != 62 {
			t.Errorf("%d messages of 16 KiB went through, want 62", n)
		}
		if refusal.Reason != proto.QuotaExceeded || !refusal.Reason.Temporary() ||
			refusal.Text != "you have sent 1 MiB, as much as you may in a day: there is room for this in 4 minutes" {
			t.Errorf("refused with %v", refusal)
		}
		b.out.take()
		if b.refuses(ada, text(bob, content)); len(b.out.take()) != 0 {
			t.Error("what was refused was delivered")
		}
		for from, to := range map[uint64]uint64{bob: ada, eve: ada} {
			b.send(from, text(to, content))
		}
		if row := b.rows(bob)[proto.DirectKey(ada, bob).String()]; row.GetHeadSeq() != 63 {
			t.Errorf("the conversation has %d entries, want 63", row.GetHeadSeq())
		}

		b.pass(refusal.Retry)
		b.send(ada, text(bob, content))
		if again := b.refuses(ada, text(bob, content)); again.Retry < 20*time.Minute || again.Retry > 25*time.Minute {
			t.Errorf("the next one waits %v, but 16 KiB of 1 MiB take 23 minutes", again.Retry)
		}
		b.pass(24 * time.Hour)
		if n, _ := b.floods(ada, bob, content); n != 62 {
			t.Errorf("a day later %d went through, want 62", n)
		}
	})
}

func TestAQuotaThatWasUsedUpIsSoAfterARestart(t *testing.T) {
	onBothStores(t, func(t *testing.T, s chat.Store) {
		limits := quotas(chat.Quotas{Bytes: chat.LeastBytes, Conversations: 2})
		before := prepared(t, s, limits)
		apply := func(b *bench, m *proto.Message) error {
			return b.Commit(t.Context(), []chat.Request{b.prepare(ada, proto.BranchMessage, encode(t, m))})[0].Err
		}
		for _, to := range []uint64{bob, eve} {
			if err := apply(before, text(to, strings.Repeat("x", 16*kib))); err != nil {
				t.Fatal(err)
			}
		}
		after := prepared(t, s, limits)
		if refusal := refusalOf(t, apply(after, text(99, "hello"))); !strings.HasPrefix(refusal.Text, "you began 2 conversations") {
			t.Errorf("refused with %v", refusal)
		}
		for range 2 {
			if err := apply(after, text(bob, strings.Repeat("x", 15*kib))); err != nil {
				t.Fatal(err)
			}
		}
		if refusal := refusalOf(t, apply(after, text(bob, strings.Repeat("x", 15*kib)))); !strings.HasPrefix(refusal.Text, "you have sent 64 KiB") {
			t.Errorf("refused with %v", refusal)
		}
	})
}

func TestARepeatIsAnsweredAndCostsNothingThoughTheQuotaIsUsedUp(t *testing.T) {
	onBothStores(t, func(t *testing.T, s chat.Store) {
		b := start(t, s, quotas(chat.Quotas{Bytes: chat.LeastBytes, Conversations: 1}))
		first := b.send(ada, with(text(bob, "hello"), ref(1)))
		b.floods(ada, bob, strings.Repeat("x", 16*kib))
		n, _ := b.floods(ada, bob, "")
		if n != 0 {
			t.Errorf("%d empty messages were taken", n)
		}
		for range 100 {
			if again := b.send(ada, with(text(bob, "hello"), ref(1))); again != first {
				t.Fatalf("receipt %+v, want %+v", again, first)
			}
		}
	})
}

func TestOnlyWhoBeginsConversationsIsCounted(t *testing.T) {
	onBothStores(t, func(t *testing.T, s chat.Store) {
		b := start(t, s, quotas(chat.Quotas{Conversations: 30}))
		for to := uint64(100); to < 130; to++ {
			b.send(ada, text(to, "hello"))
		}
		refusal := b.refuses(ada, text(130, "hello"))
		if refusal.Text != "you began 30 conversations, as many as you may in an hour: begin the next one in 2 minutes" || refusal.Retry != 2*time.Minute {
			t.Errorf("refused with %v, to be sent again in %v", refusal, refusal.Retry)
		}
		// Nothing of it is there.
		if rows := b.rows(130); len(rows) != 0 {
			t.Errorf("the receiver is told %v", rows)
		}
		for from := uint64(100); from < 130; from++ {
			b.send(from, text(ada, "an answer"))
			b.send(ada, text(from, "goes on"))
		}
		for from := uint64(200); from < 240; from++ {
			b.send(from, text(ada, "a question")) // of others
			b.send(ada, text(from, "an answer"))
		}
		if refusal := b.refuses(ada, text(130, "hello")); refusal.Retry != 2*time.Minute {
			t.Errorf("after answering, the next one waits %v", refusal.Retry)
		}
		b.pass(2 * time.Minute)
		b.send(ada, text(130, "hello"))
		b.refuses(ada, text(131, "hello"))
		b.pass(time.Hour)
		for to := uint64(131); to < 161; to++ {
			b.send(ada, text(to, "hello"))
		}
		b.refuses(ada, text(161, "hello"))
	})
}

func TestConversationsWithServicesAreCountedAndAgentsBeginAsManyAsTheyLike(t *testing.T) {
	onBothStores(t, func(t *testing.T, s chat.Store) {
		b := start(t, s, quotas(chat.Quotas{Bytes: mib, Conversations: 2}))
		customer := func(service proto.ServiceType) error {
			content, kind := "hello", proto.MessageType_MESSAGE_TYPE_TEXT
			_, err := b.Publish(t.Context(), chat.Sender{User: ada}, proto.BranchService, encode(t, &proto.ServiceMessage{
				MessageId: new(uint64), UserId: ptr(uint64(ada)), ServiceType: &service, MessageType: &kind, Content: &content,
				CreateDate: new(uint64), Direction: proto.ServiceMessageDirection_CUSTOMER_TO_SERVICE.Enum(),
			}), nil)
			return err
		}
		for _, service := range []proto.ServiceType{1, 2, 1, 2} {
			if err := customer(service); err != nil {
				t.Fatal(err)
			}
		}
		if refusal := refusalOf(t, customer(3)); refusal.Reason != proto.QuotaExceeded || !strings.HasPrefix(refusal.Text, "you began 2 conversations") {
			t.Errorf("refused with %v", refusal)
		}
		agent := chat.Sender{User: bob, Services: []proto.ServiceType{1}}
		for to := uint64(100); to < 200; to++ {
			if _, err := b.Publish(t.Context(), agent, proto.BranchMessage, encode(t, text(to, strings.Repeat("x", 16*kib))), nil); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func TestAgentsHaveAQuotaOfBytesOfTheirOwn(t *testing.T) {
	b := start(t, chattest.NewMemory(1), quotas(chat.Quotas{Bytes: chat.LeastBytes, AgentBytes: 2 * mib}))
	agent, content := chat.Sender{User: bob, Services: []proto.ServiceType{1}}, strings.Repeat("x", 16*kib)
	for n := 0; ; n++ {
		_, err := b.Publish(t.Context(), agent, proto.BranchMessage, encode(t, text(ada, content)), nil)
		if err == nil {
			continue
		}
		if refusal := refusalOf(t, err); n != 125 || !strings.HasPrefix(refusal.Text, "you have sent 2 MiB") {
			t.Errorf("after %d: %v", n, refusal)
		}
		return
	}
}

// In one transaction a quota counts as it does in many, and who goes beyond
// takes nobody along.
func TestAQuotaCountsWithinOneBatch(t *testing.T) {
	onBothStores(t, func(t *testing.T, s chat.Store) {
		b := prepared(t, s, quotas(chat.Quotas{Conversations: 3}))
		var requests []chat.Request
		for i := range uint64(5) {
			requests = append(requests, b.prepare(ada, proto.BranchMessage, encode(t, text(100+i, "hello"))), b.prepare(50+i, proto.BranchMessage, encode(t, text(ada, "hello"))))
		}
		var outcome strings.Builder
		for _, r := range b.Commit(t.Context(), requests) {
			fmt.Fprint(&outcome, map[bool]string{true: "+", false: "-"}[r.Err == nil])
		}
		if outcome.String() != "++++++-+-+" {
			t.Errorf("outcome %s", &outcome)
		}
	})
}

func TestAQuotaTooSmallForAMessageIsRefused(t *testing.T) {
	_, err := chat.New(chat.Config{Store: chattest.NewMemory(1), Fanout: &outbox{t: t}, Quotas: chat.Quotas{AgentBytes: 1000}})
	if err == nil || !strings.Contains(err.Error(), "1000") {
		t.Errorf("error %v", err)
	}
}

// Marks on conversations that do not exist, typing, and the same settings again
// and again leave nothing behind.
func TestMarksTypingAndSettingsStoreNothingThatGrows(t *testing.T) {
	onBothStores(t, func(t *testing.T, s chat.Store) {
		b := start(t, s)
		b.send(ada, text(bob, "hello"))
		before := revOf(t, s)
		send := func(branch proto.Branch, m protobuf.Message) {
			t.Helper()
			if _, err := b.publish(ada, branch, m); err != nil {
				t.Fatal(err)
			}
		}
		for other := uint64(1000); other < 1100; other++ {
			direct, high := proto.DirectKey(ada, other).String(), uint64(1<<63)
			send(proto.BranchMark, &proto.Mark{Key: &direct, ReadSeq: &high, DeliveredSeq: &high})
			send(proto.BranchTyping, &proto.Typing{Key: &direct, Active: ptr(true)})
			send(proto.BranchSettings, &proto.Settings{ShareTyping: ptr(false)})
		}
		service, high := proto.ServiceKey(ada, 3).String(), uint64(1<<63)
		send(proto.BranchMark, &proto.Mark{Key: &service, ReadSeq: &high, DeliveredSeq: &high})
		if after := revOf(t, s); after != before {
			t.Errorf("%d rows were written", after-before)
		}
		err := s.View(t.Context(), func(v chat.View) error {
			for other := uint64(1000); other < 1100; other++ {
				key := proto.DirectKey(ada, other)
				c, err := v.Conversation(key)
				m, err2 := v.Member(key, ada)
				if c != (chat.Conversation{}) || m != (chat.Member{}) || err != nil || err2 != nil {
					t.Fatalf("stored: %+v, %+v, %v, %v", c, m, err, err2)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}

func revOf(t *testing.T, s chat.Store) (rev uint64) {
	t.Helper()
	if err := s.View(t.Context(), func(v chat.View) (err error) {
		rev, err = v.Rev()
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return rev
}
