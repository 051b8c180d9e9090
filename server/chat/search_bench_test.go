package chat_test

import (
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"parley/proto"
	"parley/proto/search/searchtest"
	"parley/server/chat"
	"parley/server/store"
)

// searchedMessages is how many messages a search is tried on, in searchedWith conversations of one user.
const searchedMessages, searchedWith = 1_000_000, 1000

// filled is a history of them, and the bytes of their bodies.
func filled(b *testing.B, s chat.Store) (size int) {
	random := rand.New(rand.NewPCG(1, 2))
	words := searchtest.NewWords(random, 30_000)
	base := proto.FirstID(time.UnixMilli(1_750_000_000_000))
	for n := uint64(0); n < searchedMessages; {
		if err := s.Update(b.Context(), func(tx chat.Tx) error {
			for range 10_000 {
				n++
				other, seq, id, created := uint64(1000+n%searchedWith), 1+(n-1)/searchedWith, base+n<<22, uint64(1_750_000_000_000+n)
				content := searchtest.Text(words, 4+random.IntN(28), random.IntN(2) == 0)
				body, err := proto.Marshal(&proto.Message{MessageId: &id, SenderId: &other, Content: &content, CreateTime: &created, ReceiverId: new(uint64(ada)), Seq: &seq})
				if err != nil {
					return err
				}
				size += len(body)
				e := chat.Entry{Key: proto.DirectKey(ada, other), Seq: seq, ID: id, Sender: other, CreateTime: created, Body: body}
				copy(e.Ref[:], ref(n))
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

// BenchmarkSearchInAMillion is what the README says of the index: its size, how long it takes to make, and a search
// for the first 20 hits.
func BenchmarkSearchInAMillion(b *testing.B) {
	dir := b.TempDir()
	db, err := store.Open(b.Context(), dir)
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	size := filled(b, db)
	x, err := db.OpenIndex(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	s, err := chat.New(chat.Config{Store: db, Index: x, Fanout: &outbox{t: b}, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		b.Fatal(err)
	}
	began := time.Now()
	index(b, s)
	rate := searchedMessages / time.Since(began).Seconds()
	file, err := os.Stat(filepath.Join(dir, store.IndexName))
	if err != nil {
		b.Fatal(err)
	}
	for name, query := range map[string]string{"Chinese": "丕东", "rare": "丕乱", "prefix": "be", "nothing": "龘龘"} {
		b.Run(name, func(b *testing.B) {
			found, answers := 0, 0
			for b.Loop() {
				q := chat.SearchQuery{Text: query, Limit: 20}
				found, answers = 0, 0
				for {
					answer, err := s.Search(b.Context(), user(ada), q)
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
			b.ReportMetric(float64(file.Size())/float64(size), "index/messages")
		})
	}
}
