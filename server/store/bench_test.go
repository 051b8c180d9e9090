package store_test

import (
	"context"
	"fmt"
	"math/rand/v2"
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
		if err != nil || len(page.Entries) != 50 {
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

// BenchmarkPeople finds people by their name among many; half of them have
// names that begin with the same letter.
func BenchmarkPeople(b *testing.B) {
	for _, n := range []int{100, 10_000, 200_000} {
		b.Run(fmt.Sprintf("%d people", n), func(b *testing.B) {
			db := open(b, b.TempDir())
			settle(b, db, n)
			for name, text := range map[string]string{
				"everybody": "", "a common beginning": "a", "beginning": "anri", "another word": "chuko", "a common middle": "nna",
				"middle": "nnadel", "parts that stand apart": "sonson", "nobody": "qqq", "nobody by two letters": "qq",
			} {
				b.Run(name, func(b *testing.B) {
					for b.Loop() {
						err := db.View(context.Background(), func(v chat.View) error {
							_, err := v.Users(chat.UserQuery{Text: text, Viewer: 1, Limit: 50})
							return err
						})
						if err != nil {
							b.Fatal(err)
						}
					}
				})
			}
		})
	}
}

// BenchmarkRenaming gives people among 200,000 another name, 256 a commit.
func BenchmarkRenaming(b *testing.B) {
	const people = 200_000
	db := open(b, b.TempDir())
	settle(b, db, people)
	next := names(3)
	for b.Loop() {
		err := db.Update(context.Background(), func(tx chat.Tx) error {
			for range 256 {
				if err := tx.PutUser(chat.User{ID: 1 + rand.Uint64N(people), Name: next()}); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)*256/b.Elapsed().Seconds(), "names/s")
}

// settle gives a history so many people.
func settle(b *testing.B, db chat.Store, people int) {
	next := names(1)
	for id := 1; id <= people; {
		err := db.Update(context.Background(), func(tx chat.Tx) error {
			for range min(5000, people-id+1) {
				if err := tx.PutUser(chat.User{ID: uint64(id), Name: next()}); err != nil {
					return err
				}
				id++
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
}

// names makes names of two words.
func names(seed uint64) func() string {
	random := rand.New(rand.NewPCG(seed, seed))
	syllables := strings.Fields("an na ma ri lo el da vi jo se be la chu ko ta mi ro sa te ne li no ra ki pe so ha ze wu fa ber son ton ski ova dez mar tin gar cia")
	word := func() (w string) {
		for range 2 + random.IntN(3) {
			w += syllables[random.IntN(len(syllables))]
		}
		return w
	}
	return func() string {
		if random.IntN(2) == 0 {
			return "A" + word() + " " + word()
		}
		return word() + " " + word()
	}
}

// BenchmarkHiddenPeople looks for people among those who may not be found, of whom
// a search passes over chat.MaxPassed, and for those whom a viewer knows, with
// chat.MaxKnown conversations.
func BenchmarkHiddenPeople(b *testing.B) {
	db := open(b, b.TempDir())
	next := names(2)
	err := db.Update(context.Background(), func(tx chat.Tx) error {
		for id := uint64(2); id < 10_000; id++ {
			if err := tx.PutUser(chat.User{ID: id, Name: next(), Unlisted: true}); err != nil {
				return err
			}
			if id > chat.MaxKnown+1 {
				continue
			}
			key := proto.DirectKey(1, id)
			for _, user := range []uint64{1, id} {
				if err := tx.PutMember(chat.Member{Key: key, User: user, Rev: id}); err != nil {
					return err
				}
			}
			if err := tx.PutConversation(chat.Conversation{Key: key, Head: 1, Min: 1}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	for name, q := range map[string]chat.UserQuery{
		"a stranger's":      {Text: "a", Viewer: 20_000, Limit: 50},
		"an acquaintance's": {Text: "a", Viewer: 1, Limit: 50},
		"known":             {Text: "a", Viewer: 1, Known: true, Limit: 50},
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				err := db.View(context.Background(), func(v chat.View) error {
					_, err := v.Users(q)
					return err
				})
				if err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
