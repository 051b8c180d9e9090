package storetest

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"parley/proto"
	"parley/proto/search/searchtest"
	"parley/server/chat"
)

// searcher is who has everything that BenchmarkSearch searches, in so many conversations.
const searcher, searchedWith = 7, 1000

// fill stores so many messages of them, and returns the bytes of their bodies.
func fill(b *testing.B, s chat.Store, messages uint64) (size int) {
	random := rand.New(rand.NewPCG(1, 2))
	words := searchtest.NewWords(random, 30_000)
	base := proto.FirstID(time.UnixMilli(1_750_000_000_000))
	for n := uint64(0); n < messages; {
		if err := s.Update(b.Context(), func(tx chat.Tx) error {
			for range min(10_000, messages-n) {
				n++
				other, seq, id, created := uint64(1000+n%searchedWith), 1+(n-1)/searchedWith, base+n<<22, uint64(1_750_000_000_000+n)
				content := searchtest.Text(words, 4+random.IntN(28), random.IntN(2) == 0)
				body, err := proto.Marshal(&proto.Message{MessageId: &id, SenderId: &other, Content: &content, CreateTime: &created, ReceiverId: new(uint64(searcher)), Seq: &seq})
				if err != nil {
					return err
				}
				size += len(body)
				e := chat.Entry{Key: proto.DirectKey(searcher, other), Seq: seq, ID: id, Sender: other, CreateTime: created, Body: body}
				copy(e.Ref[:], body) // which begins with the id
				if err := tx.Append(e); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			b.Fatal(err)
		}
	}
	return size
}

// BenchmarkSearch is what the README says of the index of so many messages: its size, how long it takes to make, and
// a search for the first 20 hits. size is of the index, in bytes.
func BenchmarkSearch(b *testing.B, store chat.Store, x chat.Index, messages int, size func() int64) {
	bodies := fill(b, store, uint64(messages))
	s := benched(b, store, x)
	began := time.Now()
	IndexAll(b, s)
	rate := float64(messages) / time.Since(began).Seconds()
	for name, query := range map[string]string{"Chinese": "丕东", "rare": "丕乱", "prefix": "be", "nothing": "龘龘"} {
		b.Run(name, func(b *testing.B) {
			found, answers := 0, 0
			for b.Loop() {
				q := chat.SearchQuery{Text: query, Limit: 20}
				found, answers = 0, 0
				for {
					answer, err := s.Search(b.Context(), chat.Sender{User: searcher}, q)
					if err != nil {
						b.Fatal(err)
					}
					answers++
					if found += len(answer.Found); found >= 20 || answer.GetBefore() == 0 {
						break
					}
					q.Before = answer.GetBefore()
				}
			}
			b.ReportMetric(float64(found), "found")
			b.ReportMetric(float64(answers), "answers")
			b.ReportMetric(rate, "indexed/s")
			b.ReportMetric(float64(size())/float64(bodies), "index/messages")
		})
	}
}

func benched(b *testing.B, store chat.Store, x chat.Index) *chat.Service {
	b.Helper()
	s, err := chat.New(chat.Config{Store: store, Index: x, Fanout: unheard{}, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		b.Fatal(err)
	}
	return s
}

type unheard struct{}

func (unheard) Publish(uint64, proto.Branch, []byte) {}

func (unheard) PublishTo(context.Context, uint64, string, proto.Branch, []byte) error { return nil }

// BenchmarkIndexer holds what 64 senders store while the index follows against what they store without one, in turns
// of which each is longer than messages wait to be indexed.
func BenchmarkIndexer(b *testing.B, store chat.Store, x chat.Index) {
	const turn = 100_000
	random := rand.New(rand.NewPCG(1, 2))
	words := searchtest.NewWords(random, 30_000)
	var sent atomic.Int64
	payloads := make([][]byte, 1000)
	for i := range payloads {
		content := searchtest.Text(words, 4+random.IntN(28), i%2 == 0)
		m := &proto.Message{MessageId: new(uint64), SenderId: new(uint64), CreateTime: new(uint64), ReceiverId: new(uint64(searcher)), Content: &content}
		var err error
		if payloads[i], err = proto.Marshal(m); err != nil {
			b.Fatal(err)
		}
	}
	send := func(s *chat.Service, n int) time.Duration {
		ctx, stop := context.WithCancel(b.Context())
		ended := make(chan error, 1)
		go func() { ended <- s.Run(ctx) }()
		left, began := new(atomic.Int64), time.Now()
		left.Store(int64(n))
		var all sync.WaitGroup
		for sender := range uint64(64) {
			all.Go(func() {
				for left.Add(-1) >= 0 {
					payload := payloads[int(sent.Add(1))%len(payloads)]
					if _, err := s.Publish(ctx, chat.Sender{User: 1000 + sender}, proto.BranchMessage, payload, nil); err != nil {
						b.Error(err)
						return
					}
				}
			})
		}
		all.Wait()
		took := time.Since(began)
		stop()
		if err := <-ended; err != nil {
			b.Fatal(err)
		}
		return took
	}
	var with, without time.Duration
	b.ResetTimer()
	for rest := b.N; rest > 0; rest -= turn {
		with += send(benched(b, store, x), min(rest, turn))
		without += send(benched(b, store, nil), min(rest, turn))
	}
	b.ReportMetric(float64(b.N)/with.Seconds(), "with/s")
	b.ReportMetric(float64(b.N)/without.Seconds(), "without/s")
	b.ReportMetric(without.Seconds()/with.Seconds(), "with-of-without")
}
