package bridge

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	protobuf "google.golang.org/protobuf/proto"

	"parley/proto"
	"parley/wasm/chat"
)

// slow is a store that answers no search until that is ended, and counts.
type slow struct {
	*chat.Memory
	ended atomic.Int32
}

func (s *slow) Candidates(ctx context.Context, _ []chat.Span, _ chat.Probe) ([]chat.Candidates, error) {
	<-ctx.Done()
	s.ended.Add(1)
	return nil, context.Cause(ctx)
}

// heard lets a page's engine hear a message.
func (p *profile) heard(content string) {
	m := &proto.Message{
		MessageId: protobuf.Uint64(9), SenderId: protobuf.Uint64(peer), ReceiverId: protobuf.Uint64(me), Content: &content,
		CreateTime: protobuf.Uint64(1), Seq: protobuf.Uint64(1),
	}
	body, err := proto.Marshal(m)
	if err != nil {
		p.t.Fatal(err)
	}
	p.loop.Post(func() { p.network.handler.Deliver(proto.BranchMessage, body) })
}

func searchCommand(id float64) record {
	return record{"id": id, "op": "search", "text": "hel", "key": "", "sender": uint64(0), "kind": "", "from": 0.0, "to": 0.0, "before": uint64(0), "limit": 20.0, "server": false}
}

func TestASearchAnswersWithMarkedMessages(t *testing.T) {
	inProfile(t, func(p *profile) {
		p.do(1, attachCommand(nil))
		p.pass(time.Second)
		p.heard("oh, hello")
		p.pass(time.Second)
		p.do(1, searchCommand(5))
		p.pass(time.Second)
		found := answer(t, p.posts[1], 5)["value"].(record)
		hits := found["hits"].([]any)
		if len(hits) != 1 || found["more"] != false || found["indexed"] != 1.0 {
			t.Fatalf("found %v", found)
		}
		hit := hits[0].(record)
		mark := hit["marks"].([]any)[0].(record)
		if hit["message"].(record)["content"] != "oh, hello" || mark["start"] != 4.0 || mark["end"] != 7.0 {
			t.Errorf("the hit is %v", hit)
		}
	})
}

func TestASearchEndsWhenThePageEndsItBeginsMoreOrIsGone(t *testing.T) {
	inProfile(t, func(p *profile) {
		store := &slow{Memory: chat.NewMemory()}
		p.stores[me] = store
		p.do(1, attachCommand(nil))
		p.do(2, attachCommand(nil))
		p.pass(time.Second)
		p.heard("oh, hello")
		p.pass(time.Second)
		for id := range maxSearches + 1 {
			p.do(1, searchCommand(float64(10+id)))
		}
		p.do(2, searchCommand(10))
		if refused := answer(t, p.posts[1], 10); refused["error"] == nil || store.ended.Load() != 1 {
			t.Errorf("the oldest of too many: %v; %d were ended", refused, store.ended.Load())
		}
		p.do(1, record{"id": 20.0, "op": "endSearch", "call": 12.0})
		if refused := answer(t, p.posts[1], 12); refused["error"] == nil || store.ended.Load() != 2 {
			t.Errorf("the one that was ended: %v; %d were ended", refused, store.ended.Load())
		}
		p.do(1, record{"id": 21.0, "op": "endSearch", "call": 12.0}) // again
		p.detach(1)
		if store.ended.Load() != maxSearches+1 {
			t.Errorf("%d searches were ended as the page was gone, want %d", store.ended.Load(), maxSearches+1)
		}
	})
}
