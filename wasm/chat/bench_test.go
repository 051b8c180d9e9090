package chat_test

import (
	"context"
	"testing"
	"time"

	"parley/proto"
	"parley/wasm/chat"
	"parley/wasm/chat/chattest"
)

// queue is an agent's server with many conversations, some of which wait.
type queue struct {
	*server
	rows []*proto.ConversationState
}

const (
	queued       = 10_000
	queueWaiting = 1_000
	support      = proto.ServiceType_SERVICE_TYPE_SUPPORT
)

func newQueue(clock *chattest.Clock) *queue {
	q := &queue{server: newServer(clock)}
	for i := range uint64(queued) {
		key := proto.ServiceKey(1000+i, support).String()
		head, zero, since, name := uint64(50), uint64(0), uint64(0), "A customer"
		waiting := uint64(0)
		if i%(queued/queueWaiting) == 0 {
			waiting, since = head, uint64(clock.Now().UnixMilli())
		}
		q.rows = append(q.rows, &proto.ConversationState{
			Key: &key, HeadSeq: &head, ReadSeq: &head, DeliveredSeq: &head, PeerReadSeq: &head, PeerDeliveredSeq: &head,
			Unread: &zero, OwnAfterRead: &zero, WaitingSince: &since, WaitingSeq: &waiting, AwaitingSince: &zero, PeerName: &name,
		})
	}
	return q
}

// answers are the parts of the answer to the first sync.
func (q *queue) answers() (parts [][]byte) {
	since := ""
	for i := 0; i < len(q.rows); i += proto.MaxStates {
		token, more := time.Duration(i+1).String(), i+proto.MaxStates < len(q.rows)
		part := &proto.BaseUserUnreadStatics{
			Epoch: &q.epoch, Token: &token, Since: &since, More: &more,
			Conversations: q.rows[i:min(i+proto.MaxStates, len(q.rows))],
		}
		parts = append(parts, marshal(part))
		since = token
	}
	return parts
}

// Messages implements chat.History with nothing: what counts here are rows.
func (q *queue) Messages(context.Context, string, string, uint64, uint64, int) ([]byte, error) {
	return marshal(&proto.MessagePage{Epoch: &q.epoch, HeadSeq: new(uint64(50)), MinSeq: new(uint64(51))}), nil
}

// Search implements chat.History.
func (q *queue) Search(context.Context, string, chat.Query, int) ([]byte, error) { return nil, nil }

// Group implements chat.History.
func (q *queue) Group(context.Context, string, uint64) ([]byte, error) { return nil, nil }

// Revised implements chat.History likewise.
func (q *queue) Revised(ctx context.Context, token, key string, after uint64, limit int) ([]byte, error) {
	return q.Messages(ctx, token, key, after, 0, limit)
}

// agent opens an engine that knows the whole queue.
func agent(b *testing.B, q *queue, parts [][]byte) (*chat.Engine, *session) {
	v := &screen{list: map[string]chat.Conversation{}, host: &chattest.Host{Clock: q.clock}}
	q.dropSync = true
	e := chat.New(chat.Config{
		User: alice, Token: chat.Token{Text: "token", Services: []proto.ServiceType{support}},
		Store: chat.NewMemory(), Network: q, History: q, Host: v.host, Observer: v,
	})
	e.Start(func(err error) {
		if err != nil {
			b.Fatal(err)
		}
	})
	q.clock.Run(time.Millisecond)
	s := q.sessions[0]
	for _, part := range parts {
		s.handler.Deliver(proto.BranchUnread, part)
	}
	q.clock.Run(time.Second)
	if n := len(e.Conversations()); n != queued {
		b.Fatalf("the agent has %d conversations, want %d", n, queued)
	}
	return e, s
}

func BenchmarkFirstSyncOfTenThousand(b *testing.B) {
	size := 0
	for b.Loop() {
		q := newQueue(chattest.NewClock(1))
		parts := q.answers()
		size = 0
		for _, part := range parts {
			size += len(part)
		}
		e, _ := agent(b, q, parts)
		e.Close(func() {})
	}
	b.ReportMetric(float64(size)/queued, "bytes/row")
}

func BenchmarkQueueOfTenThousand(b *testing.B) {
	q := newQueue(chattest.NewClock(1))
	e, _ := agent(b, q, q.answers())
	for b.Loop() {
		waiting := 0
		for _, c := range e.Conversations() {
			if c.WaitingSince != 0 {
				waiting++
			}
		}
		if waiting != queueWaiting {
			b.Fatalf("%d wait, want %d", waiting, queueWaiting)
		}
	}
}

func BenchmarkMarkAmongTenThousand(b *testing.B) {
	q := newQueue(chattest.NewClock(1))
	_, s := agent(b, q, q.answers())
	key, other := *q.rows[5].Key, uint64(1005)
	var seq uint64
	for b.Loop() {
		seq++
		read := 50 + seq
		s.handler.Deliver(proto.BranchMark, marshal(&proto.Mark{Key: &key, UserId: &other, ReadSeq: &read, DeliveredSeq: &read}))
		q.clock.Run(time.Millisecond)
	}
}
