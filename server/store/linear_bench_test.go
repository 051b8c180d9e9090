package store_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	protobuf "google.golang.org/protobuf/proto"

	"parley/proto"
	"parley/server/chat"
	"parley/server/store"
)

// sizes are how many there are of what must not matter.
var sizes = []int{100, 10_000, 1_000_000}

const (
	author, reader = 3, 5
	perUpdate      = 20_000 // entries
)

// long is a sequencer on a conversation of n entries, which the author wrote: the
// first half is text, the second control entries.
func long(b *testing.B, n int) (db *store.DB, s *chat.Service, m chat.Member) {
	b.Helper()
	db = open(b, b.TempDir())
	key := proto.DirectKey(author, reader)
	c := chat.Conversation{Key: key, Min: 1, Time: 1000}
	m = chat.Member{Key: key, User: author, Rev: 1}
	c.Status.Sides[proto.First].Ask(1, 1000)
	body := make([]byte, 200)
	for int(c.Head) < n {
		err := db.Update(context.Background(), func(tx chat.Tx) error {
			for range min(perUpdate, n-int(c.Head)) {
				e := chat.Entry{Key: key, Sender: author, CreateTime: 1000, Body: body}
				if int(c.Head) < n/2 {
					c.Counted[proto.First]++
					c.Counted[proto.Second]++
					m.Own++
				} else {
					e.Type = proto.MessageType_MESSAGE_TYPE_NO_REPLY_NEEDED
				}
				c.Head++
				e.Seq, e.ID, e.Counted, e.Own = c.Head, c.Head, c.Counted, m.Own
				copy(e.Ref[:], fmt.Sprintf("%016x", c.Head))
				if err := tx.Append(e); err != nil {
					return err
				}
			}
			if err := tx.PutMember(m); err != nil {
				return err
			}
			return tx.PutConversation(c)
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	s, err := newService(db)
	if err != nil {
		b.Fatal(err)
	}
	return db, s, m
}

func request(b *testing.B, s *chat.Service, user uint64, branch proto.Branch, m protobuf.Message) chat.Request {
	b.Helper()
	payload, err := proto.Marshal(m)
	if err != nil {
		b.Fatal(err)
	}
	r, err := s.Prepare(chat.Sender{User: user}, branch, payload, nil)
	if err != nil {
		b.Fatal(err)
	}
	return r
}

// BenchmarkReadMarkOfALongConversation measures a read mark, commit included, of
// who wrote all of n entries and has all but one after their watermark.
func BenchmarkReadMarkOfALongConversation(b *testing.B) {
	for _, n := range sizes {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			db, s, unread := long(b, n)
			key := proto.DirectKey(author, reader).String()
			for b.Loop() {
				commit(b, s, []chat.Request{request(b, s, author, proto.BranchMark, &proto.Mark{Key: &key, ReadSeq: protobuf.Uint64(1)})})
				b.StopTimer()
				if err := db.Update(context.Background(), func(tx chat.Tx) error { return tx.PutMember(unread) }); err != nil {
					b.Fatal(err)
				}
				b.StartTimer()
			}
		})
	}
}

// BenchmarkAnswerBeforeControlEntries measures an answer, commit included, that
// had seen what the author wrote and none of n/2 control entries behind it.
func BenchmarkAnswerBeforeControlEntries(b *testing.B) {
	for _, n := range sizes {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			_, s, _ := long(b, n)
			seen := uint64(n / 2)
			write := func(from, to uint64, seen *uint64) chat.Request {
				return request(b, s, from, proto.BranchMessage, &proto.Message{
					MessageId: new(uint64), SenderId: new(uint64), CreateTime: new(uint64), ReceiverId: &to, Content: protobuf.String("x"), SeenSeq: seen,
				})
			}
			for b.Loop() {
				commit(b, s, []chat.Request{write(reader, author, &seen)})
			}
		})
	}
}

// BenchmarkForgetting measures the commits, of up to 50 each, that forget 500
// guests of n, and reports what each takes, which is how long others have to wait.
func BenchmarkForgetting(b *testing.B) {
	for _, n := range []int{1000, 10_000, 100_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			db := open(b, b.TempDir())
			put := func(from, to int) {
				b.Helper()
				if err := db.Update(context.Background(), func(tx chat.Tx) error {
					for id := from; id < to; id++ {
						u := chat.User{ID: uint64(id), Name: fmt.Sprintf("Guest Number %d", id)}
						if id <= 500 {
							u.FirstSeen = 1
						}
						if err := tx.PutUser(u); err != nil {
							return err
						}
					}
					return nil
				}); err != nil {
					b.Fatal(err)
				}
			}
			for from := 1; from <= n; from += perUpdate {
				put(from, min(from+perUpdate, n+1))
			}
			service, err := chat.New(chat.Config{Store: db, Fanout: nobody{}, GuestRetention: chat.LeastGuestRetention})
			if err != nil {
				b.Fatal(err)
			}
			commits := 0
			for b.Loop() {
				requests, _, err := service.Lapsed(context.Background(), 0)
				if err != nil || len(requests) != 10 {
					b.Fatal(len(requests), err)
				}
				for _, r := range requests {
					commit(b, service, []chat.Request{r})
				}
				commits += len(requests)
				b.StopTimer()
				put(1, 501)
				b.StartTimer()
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/1000/float64(commits), "ms/commit")
		})
	}
}

// BenchmarkArrivals measures how long n who come at once take to be told of, and
// reports what a turn takes, which is how long a push has to wait for them.
func BenchmarkArrivals(b *testing.B) {
	for _, n := range []int{100, 1000, 10_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			db := open(b, b.TempDir())
			var ahead time.Duration // of the service's clock, which needs not be waited for
			service, err := chat.New(chat.Config{Store: db, Fanout: nobody{}, Now: func() time.Time { return time.Now().Add(ahead) }})
			if err != nil {
				b.Fatal(err)
			}
			const firstID = 1000
			for from := 0; from < n; from += 500 {
				var batch []chat.Request
				for i := range min(500, n-from) {
					for to := range uint64(5) { // whom they wrote to, and who are here
						batch = append(batch, request(b, service, uint64(firstID+from+i), proto.BranchMessage, &proto.Message{
							MessageId: new(uint64), SenderId: new(uint64), CreateTime: new(uint64), ReceiverId: protobuf.Uint64(1 + to), Content: protobuf.String("x"),
						}))
					}
				}
				commit(b, service, batch)
			}
			for user := range uint64(5) {
				service.Connected(context.Background(), chat.Sender{User: 1 + user})
			}
			tell := func() (turns int) {
				for turns = 1; ; turns++ {
					next := service.Announce(context.Background())
					if next == 0 {
						return turns
					}
					ahead += next
				}
			}
			tell()
			var turns int
			for b.Loop() {
				for i := range n {
					service.Connected(context.Background(), chat.Sender{User: uint64(firstID + i)})
				}
				turns += tell()
				b.StopTimer()
				for i := range n {
					service.Disconnected(chat.Sender{User: uint64(firstID + i)})
				}
				tell()
				b.StartTimer()
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/1000/float64(turns), "ms/turn")
		})
	}
}
