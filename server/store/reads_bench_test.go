package store_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"parley/proto"
	"parley/server/chat"
)

// BenchmarkMessagesBesideReads is BenchmarkDurableMessages while others read a row of a
// conversation so many times a second, and reports how long 99 of 100 of these took.
func BenchmarkMessagesBesideReads(b *testing.B) {
	payload, err := message(1000, strings.Repeat("x", 150))
	if err != nil {
		b.Fatal(err)
	}
	for _, rate := range []int{0, 10, 50, 200, 1000} {
		b.Run(fmt.Sprint(rate, " reads a second"), func(b *testing.B) {
			db := open(b, b.TempDir())
			service := running(b, db)
			stop := make(chan struct{})
			var reader sync.WaitGroup
			var took []time.Duration
			reader.Go(func() {
				if rate == 0 {
					return
				}
				tick := time.NewTicker(time.Second / time.Duration(rate))
				defer tick.Stop()
				for {
					select {
					case <-tick.C:
					case <-stop:
						return
					}
					began := time.Now()
					if err := db.View(context.Background(), func(v chat.View) error {
						_, err := v.Member(proto.DirectKey(1000, 2001), 2001)
						return err
					}); err != nil {
						b.Error(err)
					}
					took = append(took, time.Since(began))
				}
			})
			elapsed := send(b, b.N, func(sender int) error {
				_, err := service.Publish(context.Background(), chat.Sender{User: uint64(2000 + sender)}, proto.BranchMessage, payload, nil)
				return err
			})
			close(stop)
			reader.Wait()
			b.ReportMetric(float64(b.N)/elapsed.Seconds(), "msg/s")
			if slices.Sort(took); len(took) > 0 {
				b.ReportMetric(took[len(took)/2].Seconds()*1000, "ms-read-p50")
				b.ReportMetric(took[len(took)*99/100].Seconds()*1000, "ms-read-p99")
			}
		})
	}
}
