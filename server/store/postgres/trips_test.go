//go:build unix

package postgres

import (
	"context"
	"testing"

	protobuf "google.golang.org/protobuf/proto"

	"parley/proto"
	"parley/server/chat"
)

const (
	ada, bob, agent = 1, 2, 3
	general         = proto.ServiceType(0)
)

// talk is a service that is driven by hand, over a line.
type talk struct {
	*testing.T
	*chat.Service
	line *line
	refs byte
}

func newTalk(t *testing.T) *talk {
	l := new(line)
	db := openThrough(t, l)
	s, err := chat.New(chat.Config{Store: db, Fanout: &crowd{delivered: make(map[uint64]int)}, Services: 1, Quotas: chat.Quotas{Bytes: 64 << 20, AgentBytes: 64 << 20, Conversations: 1000}})
	if err != nil {
		t.Fatal(err)
	}
	put := func(tx chat.Tx) error { return tx.PutUser(chat.User{ID: agent, Name: "Agent", Services: 1}) }
	if err := db.Update(t.Context(), put); err != nil {
		t.Fatal(err)
	}
	return &talk{T: t, Service: s, line: l}
}

func (k *talk) prepare(from uint64, branch proto.Branch, m protobuf.Message) chat.Request {
	k.Helper()
	payload, err := proto.Marshal(m)
	if err != nil {
		k.Fatal(err)
	}
	k.refs++
	sender := chat.Sender{User: from}
	if from == agent {
		sender.Services = []proto.ServiceType{general}
	}
	r, err := k.Prepare(sender, branch, payload, append(make([]byte, proto.RefSize-1), k.refs))
	if err != nil {
		k.Fatal(err)
	}
	return r
}

func (k *talk) message(from, to, seen uint64) chat.Request {
	k.Helper()
	return k.prepare(from, proto.BranchMessage, &proto.Message{
		MessageId: new(uint64), SenderId: new(uint64), CreateTime: new(uint64), ReceiverId: &to, Content: protobuf.String("hello"), SeenSeq: &seen,
	})
}

func (k *talk) toService(from, seen uint64) chat.Request {
	k.Helper()
	direction := proto.ServiceMessageDirection_CUSTOMER_TO_SERVICE
	if from == agent {
		direction = proto.ServiceMessageDirection_SERVICE_TO_CUSTOMER
	}
	customer := uint64(ada)
	return k.prepare(from, proto.BranchService, &proto.ServiceMessage{
		MessageId: new(uint64), UserId: &customer, ServiceType: general.Enum(), MessageType: proto.MessageType_MESSAGE_TYPE_TEXT.Enum(), Content: protobuf.String("hello"), CreateDate: new(uint64), Direction: &direction, SeenSeq: &seen,
	})
}

func (k *talk) mark(user, read uint64, key proto.Key) chat.Request {
	k.Helper()
	name := key.String()
	return k.prepare(user, proto.BranchMark, &proto.Mark{Key: &name, ReadSeq: &read, DeliveredSeq: &read})
}

// Whatever a batch has, and however little its authors have seen, it takes two round trips.
func TestABatchTakesTwoRoundTrips(t *testing.T) {
	k := newTalk(t)
	direct, service := proto.DirectKey(ada, bob), proto.ServiceKey(ada, general)
	for _, batch := range []struct {
		name string
		of   func() []chat.Request
	}{
		{"the first of all", func() []chat.Request { return []chat.Request{k.message(ada, bob, 0)} }},
		{"messages", func() []chat.Request {
			return []chat.Request{k.message(ada, bob, 1), k.message(ada, bob, 2), k.message(ada, 9, 0), k.message(bob, 9, 0)}
		}},
		{"an answer that lags behind", func() []chat.Request { return []chat.Request{k.message(bob, ada, 1), k.message(ada, bob, 2)} }},
		{"marks", func() []chat.Request {
			return []chat.Request{k.mark(bob, 2, direct), k.mark(ada, 99, direct), k.mark(bob, 3, direct), k.message(bob, ada, 4)}
		}},
		{"to a service", func() []chat.Request {
			return []chat.Request{k.toService(ada, 0), k.toService(ada, 1), k.toService(ada, 2)}
		}},
		{"the service's answer, and marks", func() []chat.Request {
			return []chat.Request{k.toService(agent, 3), k.mark(agent, 2, service), k.mark(ada, 4, service), k.toService(ada, 2)}
		}},
	} {
		requests := batch.of()
		before := k.line.count()
		for i, result := range k.Commit(context.Background(), requests) {
			if result.Err != nil {
				t.Errorf("%s: request %d: %v", batch.name, i, result.Err)
			}
		}
		if trips := k.line.count() - before; trips != 2 {
			t.Errorf("%s took %d round trips, want 2", batch.name, trips)
		}
	}
}
