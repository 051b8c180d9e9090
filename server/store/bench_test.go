package store_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"

	"parley/proto"
	"parley/server/chat"
)

// BenchmarkDurableMessages sends messages of 200 bytes from 64 goroutines; each
// waits until its message is on disk.
func BenchmarkDurableMessages(b *testing.B) {
	service := running(b, open(b, b.TempDir()))
	payload, err := message(1000, strings.Repeat("x", 150))
	if err != nil {
		b.Fatal(err)
	}
	var senders atomic.Uint64
	b.SetParallelism(32) // times GOMAXPROCS, which is 2 where the figures were taken
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		from := chat.Sender{User: 2000 + senders.Add(1)}
		for pb.Next() {
			if _, err := service.Publish(context.Background(), from, proto.BranchMessage, payload, nil); err != nil {
				b.Error(err)
				return
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "msg/s")
}

// BenchmarkNewestPage reads the newest 50 of 20,000 messages.
func BenchmarkNewestPage(b *testing.B) {
	service := running(b, open(b, b.TempDir()))
	payload, err := message(1000, strings.Repeat("x", 150))
	if err != nil {
		b.Fatal(err)
	}
	fill(b, service, payload, 20_000)
	b.ResetTimer()
	for range b.N {
		page, err := service.Messages(context.Background(), chat.Sender{User: 1}, proto.DirectKey(1, 1000), chat.Window{Limit: 50})
		if err != nil || len(page.(*proto.MessagePage).GetMessages()) != 50 {
			b.Fatal("the page is short:", err)
		}
	}
}

// running starts a service, which ends with the benchmark.
func running(b *testing.B, db chat.Store) *chat.Service {
	service, err := newService(db)
	if err != nil {
		b.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- service.Run(ctx) }()
	b.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			b.Error(err)
		}
	})
	return service
}

func fill(b *testing.B, service *chat.Service, payload []byte, messages int) {
	var left atomic.Int64
	left.Store(int64(messages))
	done := make(chan error)
	const senders = 64
	for range senders {
		go func() {
			for left.Add(-1) >= 0 {
				if _, err := service.Publish(context.Background(), chat.Sender{User: 1}, proto.BranchMessage, payload, nil); err != nil {
					done <- err
					return
				}
			}
			done <- nil
		}()
	}
	for range senders {
		if err := <-done; err != nil {
			b.Fatal(err)
		}
	}
}
