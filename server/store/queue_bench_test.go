package store_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	protobuf "google.golang.org/protobuf/proto"

	"parley/proto"
	"parley/server/chat"
)

const (
	queueLength = 10_000 // conversations of one service
	queueWaits  = 1_000  // of which customers wait
	agentID     = 1
	customerID  = 1_000_000 // the first
)

var agent = chat.Sender{User: agentID, Services: []proto.ServiceType{proto.ServiceType_SERVICE_TYPE_SALES}}

// queue is a service with an agent and the queue's conversations, in each of
// which the customer asked and, unless they wait, the agent answered.
func queue(b *testing.B, config chat.Config) *chat.Service {
	b.Helper()
	db := open(b, b.TempDir())
	err := db.Update(context.Background(), func(tx chat.Tx) error {
		return tx.PutUser(chat.User{ID: agentID, Name: "Ann", Services: chat.ServicesOf(agent.Services)})
	})
	if err != nil {
		b.Fatal(err)
	}
	config.Store = db
	if config.Fanout == nil {
		config.Fanout = nobody{}
	}
	service, err := chat.New(config)
	if err != nil {
		b.Fatal(err)
	}
	var batch []chat.Request
	add := func(from chat.Sender, branch proto.Branch, m protobuf.Message) {
		payload, err := proto.Marshal(m)
		if err != nil {
			b.Fatal(err)
		}
		request, err := service.Prepare(from, branch, payload, nil)
		if err != nil {
			b.Fatal(err)
		}
		if batch = append(batch, request); len(batch) == 500 {
			commit(b, service, batch)
			batch = nil
		}
	}
	for i := range uint64(queueLength) {
		customer := customerID + i
		add(chat.Sender{User: customer}, proto.BranchService, inquiry(customer))
		add(agent, proto.BranchMark, &proto.Mark{Key: keyOf(customer), DeliveredSeq: protobuf.Uint64(1)})
		if i >= queueWaits {
			add(agent, proto.BranchService, inquiry(customer))
		}
	}
	commit(b, service, batch)
	return service
}

func keyOf(customer uint64) *string {
	return protobuf.String(proto.ServiceKey(customer, proto.ServiceType_SERVICE_TYPE_SALES).String())
}

func inquiry(customer uint64) *proto.ServiceMessage {
	return &proto.ServiceMessage{
		MessageId: new(uint64), UserId: &customer, ServiceType: proto.ServiceType_SERVICE_TYPE_SALES.Enum(), MessageType: new(proto.MessageType),
		Content: protobuf.String("Where is my parcel? It should have been here the day before yesterday."), CreateDate: new(uint64), Direction: new(proto.ServiceMessageDirection),
	}
}

func commit(b *testing.B, service *chat.Service, batch []chat.Request) {
	b.Helper()
	for _, r := range service.Commit(context.Background(), batch) {
		if r.Err != nil {
			b.Fatal(r.Err)
		}
	}
}

// all reads the whole queue in parts, as an agent does who comes for the first
// time, and returns the last token.
func all(b *testing.B, service *chat.Service) (token string, rows, size int) {
	b.Helper()
	for more := true; more; {
		answer, err := service.Conversations(context.Background(), agent, token)
		if err != nil {
			b.Fatal(err)
		}
		token, more = answer.GetToken(), answer.GetMore()
		rows += len(answer.GetConversations())
		size += protobuf.Size(answer)
		if !more && answer.GetWaitingConversations() != queueWaits {
			b.Fatalf("%d wait, want %d", answer.GetWaitingConversations(), queueWaits)
		}
	}
	return token, rows, size
}

// BenchmarkQueue measures an agent's queue of 10,000 conversations of which
// 1,000 wait.
func BenchmarkQueue(b *testing.B) {
	service := queue(b, chat.Config{})
	token, _, _ := all(b, service)
	b.Run("from nothing", func(b *testing.B) {
		for b.Loop() {
			_, rows, size := all(b, service)
			if rows != queueLength {
				b.Fatalf("%d rows", rows)
			}
			b.ReportMetric(float64(size), "B/answer")
		}
	})
	b.Run("nothing new", func(b *testing.B) {
		for b.Loop() {
			answer, err := service.Conversations(context.Background(), agent, token)
			if err != nil || len(answer.GetConversations()) != 0 {
				b.Fatal(len(answer.GetConversations()), err)
			}
			b.ReportMetric(float64(protobuf.Size(answer)), "B/answer")
		}
	})
	for _, changed := range []int{1, 20} {
		b.Run(fmt.Sprintf("%d new", changed), func(b *testing.B) {
			at := token
			for b.Loop() {
				b.StopTimer()
				ask(b, service, changed)
				b.StartTimer()
				answer, err := service.Conversations(context.Background(), agent, at)
				if err != nil || len(answer.GetConversations()) != changed {
					b.Fatal(len(answer.GetConversations()), err)
				}
				at = answer.GetToken()
				b.ReportMetric(float64(protobuf.Size(answer)), "B/answer")
			}
			token = at
		})
	}
}

// ask lets customers who wait already write once more.
func ask(b *testing.B, service *chat.Service, customers int) {
	b.Helper()
	var batch []chat.Request
	for customer := uint64(customerID); customer < customerID+uint64(customers); customer++ {
		payload, err := proto.Marshal(inquiry(customer))
		if err != nil {
			b.Fatal(err)
		}
		request, err := service.Prepare(chat.Sender{User: customer}, proto.BranchService, payload, nil)
		if err != nil {
			b.Fatal(err)
		}
		batch = append(batch, request)
	}
	commit(b, service, batch)
}

// pushed counts what is sent to the agent unasked.
type pushed struct{ payloads, bytes int }

func (p *pushed) Publish(user uint64, branch proto.Branch, payload []byte) {
	if branch == proto.BranchUnread {
		p.payloads++
		p.bytes += len(payload)
	}
}

// PublishTo implements chat.Fanout; nobody asks.
func (p *pushed) PublishTo(context.Context, uint64, string, proto.Branch, []byte) error { return nil }

// BenchmarkRowUpdate measures what it costs to push to an agent the rows that
// changed since the last push, of a queue of 10,000.
func BenchmarkRowUpdate(b *testing.B) {
	for _, changed := range []int{1, 20} {
		b.Run(fmt.Sprintf("%d rows", changed), func(b *testing.B) {
			clock, out := time.Now(), new(pushed)
			service := queue(b, chat.Config{Fanout: out, Now: func() time.Time { return clock }})
			service.Connected(context.Background(), chat.Sender{User: agentID})
			service.Announce(context.Background())
			for b.Loop() {
				b.StopTimer()
				ask(b, service, changed)
				clock, *out = clock.Add(time.Second), pushed{}
				b.StartTimer()
				service.Announce(context.Background())
				if out.payloads != 1 {
					b.Fatalf("%d pushes", out.payloads)
				}
				b.ReportMetric(float64(out.bytes), "B/push")
			}
		})
	}
}

// BenchmarkMark measures what an agent's read watermark costs, commit included,
// 100 to a transaction.
func BenchmarkMark(b *testing.B) {
	service := queue(b, chat.Config{})
	var i uint64
	b.ResetTimer()
	for i < uint64(b.N) {
		var batch []chat.Request
		for range min(100, uint64(b.N)-i) {
			customer := customerID + i%queueLength
			payload, err := proto.Marshal(&proto.Mark{Key: keyOf(customer), ReadSeq: protobuf.Uint64(1)})
			if err != nil {
				b.Fatal(err)
			}
			request, err := service.Prepare(agent, proto.BranchMark, payload, nil)
			if err != nil {
				b.Fatal(err)
			}
			batch = append(batch, request)
			i++
		}
		commit(b, service, batch)
	}
}
