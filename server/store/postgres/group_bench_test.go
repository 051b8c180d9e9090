//go:build unix

package postgres

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"parley/proto"
	"parley/server/chat"
	"parley/server/store"
	"parley/server/store/postgres/postgrestest"
)

// BenchmarkAgainstSQLite sends messages of 200 bytes through the sequencer into this store
// and into SQLite's, in turns, both of which sync what they commit. It reports both, and how
// many times as many this one takes.
//
//	go test -run - -bench AgainstSQLite -benchtime 30000x ./server/store/postgres
func BenchmarkAgainstSQLite(b *testing.B) {
	for _, senders := range []int{64, 768} {
		b.Run(fmt.Sprintf("%d senders", senders), func(b *testing.B) {
			lite, err := store.Open(b.Context(), b.TempDir())
			if err != nil {
				b.Fatal(err)
			}
			defer lite.Close()
			db := open(b, postgrestest.Database(b), b.TempDir())
			postgrestest.Durable(b)
			both := map[string]*crowd{"sqlite": newCrowd(b, lite), "postgres": newCrowd(b, db)}
			for which, c := range both {
				sendAll(b, which, c, senders, 4*senders) // so that all rows are there
			}
			took := make(map[string]time.Duration)
			b.ResetTimer()
			for rest := b.N; rest > 0; { // in turns, so that what else goes on slows down both
				n := min(rest, 5000)
				rest -= n
				for which, c := range both {
					took[which] += sendAll(b, which, c, senders, n)
				}
			}
			b.ReportMetric(float64(b.N)/took["sqlite"].Seconds(), "sqlite-msg/s")
			b.ReportMetric(float64(b.N)/took["postgres"].Seconds(), "msg/s")
			b.ReportMetric(took["sqlite"].Seconds()/took["postgres"].Seconds(), "of-sqlite")
		})
	}
}

// sendAll lets senders, with a conversation each, send n messages in all and returns how
// long that took.
func sendAll(b *testing.B, which string, c *crowd, senders, n int) time.Duration {
	return sendFrom(b, which, c, 0, senders, n)
}

// sendFrom is sendAll with senders from a number on.
func sendFrom(b *testing.B, which string, c *crowd, from, senders, n int) time.Duration {
	content := strings.Repeat("x", 150)
	var left atomic.Int64
	left.Store(int64(n))
	var all sync.WaitGroup
	began := time.Now()
	for sender := from; sender < from+senders; sender++ {
		all.Go(func() {
			to := uint64(100_000 + sender)
			payload, err := proto.Marshal(&proto.Message{MessageId: new(uint64), SenderId: new(uint64), CreateTime: new(uint64), ReceiverId: &to, Content: &content})
			for left.Add(-1) >= 0 && err == nil {
				_, err = c.Service.Publish(context.Background(), chat.Sender{User: uint64(1 + sender)}, proto.BranchMessage, payload, nil)
			}
			if err != nil {
				b.Error(which, ": ", err)
			}
		})
	}
	all.Wait()
	return time.Since(began)
}
