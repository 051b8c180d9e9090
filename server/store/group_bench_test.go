package store_test

import (
	"context"
	"crypto/rand"
	"database/sql"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	_ "modernc.org/sqlite"

	"parley/proto"
	"parley/server/chat"
)

// senders is how many send at the same time, each of whom waits until the message
// is on disk.
const senders = 64

// bare is one table, and what inserts a sender's n-th message into it.
type bare struct {
	create, insert string
	values         func(sender, n int, body []byte) []any
}

var (
	// rows are bodies, one after the other: as little as there can be.
	rows = bare{
		"CREATE TABLE bare (id INTEGER PRIMARY KEY, body BLOB NOT NULL)", "INSERT INTO bare (body) VALUES (?)",
		func(_, _ int, body []byte) []any { return []any{body} },
	}
	// chatRows are what any chat has to keep of a message, to read a conversation in its
	// order and to know a repeat: but nothing of who read what.
	chatRows = bare{
		"CREATE TABLE bare (conversation INTEGER NOT NULL, seq INTEGER NOT NULL, sender INTEGER NOT NULL, ref BLOB NOT NULL UNIQUE," +
			" at INTEGER NOT NULL, body BLOB NOT NULL, PRIMARY KEY (conversation, seq))",
		"INSERT INTO bare (conversation, seq, sender, ref, at, body) VALUES (?, ?, ?, ?, ?, ?)",
		func(sender, n int, body []byte) []any {
			ref := make([]byte, proto.RefSize)
			rand.Read(ref)
			return []any{sender, n, 2000 + sender, ref, time.Now().UnixMilli(), body}
		},
	}
)

// BenchmarkAgainstBareGroupCommit sends messages of 200 bytes three times: through the
// sequencer into the real store, and as nothing but rows of one table, of the least that
// can be stored and of what a chat has to, by a loop on database/sql that commits together
// what is there. It reports all, and how much of each of these the first reaches: what
// numbering, receipts, indexes and client_refs leave of it.
//
//	go test -run - -bench AgainstBare -benchtime 30000x ./server/store
func BenchmarkAgainstBareGroupCommit(b *testing.B) {
	body := strings.Repeat("x", 150)
	payload, err := message(1000, body)
	if err != nil {
		b.Fatal(err)
	}
	var least, table, whole time.Duration
	for rest := b.N; rest > 0; { // in turns, so that what else goes on slows down both
		n := min(rest, 5000)
		rest -= n
		least += bareGroupCommit(b, rows, n, payload)
		table += bareGroupCommit(b, chatRows, n, payload)
		whole += groupCommit(b, n, payload)
	}
	b.ReportMetric(float64(b.N)/least.Seconds(), "bare/s")
	b.ReportMetric(float64(b.N)/table.Seconds(), "bare-chat/s")
	b.ReportMetric(float64(b.N)/whole.Seconds(), "msg/s")
	b.ReportMetric(float64(least)/float64(whole), "of-bare")
	b.ReportMetric(float64(table)/float64(whole), "of-bare-chat")
}

// send lets senders call f n times in all and returns how long that took.
func send(b *testing.B, n int, f func(sender int) error) time.Duration {
	var left atomic.Int64
	left.Store(int64(n))
	ended := make(chan error, senders)
	start := time.Now()
	for sender := range senders {
		go func() {
			var err error
			for left.Add(-1) >= 0 && err == nil {
				err = f(sender)
			}
			ended <- err
		}()
	}
	for range senders {
		if err := <-ended; err != nil {
			b.Fatal(err)
		}
	}
	return time.Since(start)
}

// groupCommit is the real thing: senders have a conversation each.
func groupCommit(b *testing.B, n int, payload []byte) time.Duration {
	b.StopTimer()
	defer b.StartTimer()
	service := running(b, open(b, b.TempDir()))
	b.StartTimer()
	return send(b, n, func(sender int) error {
		_, err := service.Publish(context.Background(), chat.Sender{User: uint64(2000 + sender)}, proto.BranchMessage, payload, nil)
		return err
	})
}

// bareGroupCommit is a prepared INSERT, in transactions of what is there.
func bareGroupCommit(b *testing.B, t bare, n int, payload []byte) time.Duration {
	b.StopTimer()
	defer b.StartTimer()
	ctx := context.Background()
	db, err := sql.Open("sqlite", filepath.Join(b.TempDir(), "bare.db")+"?_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=cache_size(-16384)")
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	conn, err := db.Conn(ctx)
	if err != nil {
		b.Fatal(err)
	}
	if _, err := conn.ExecContext(ctx, t.create); err != nil {
		b.Fatal(err)
	}
	insert, err := conn.PrepareContext(ctx, t.insert)
	if err != nil {
		b.Fatal(err)
	}
	type waiter struct {
		values []any
		result chan error
	}
	queue := make(chan waiter, 1024)
	ended := make(chan struct{})
	go func() { // ends when queue is closed
		defer close(ended)
		for first := range queue {
			runtime.Gosched() // more come
			batch := []waiter{first}
			for more := true; more && len(batch) < 256; {
				select {
				case w, ok := <-queue:
					if more = ok; ok {
						batch = append(batch, w)
					}
				default:
					more = false
				}
			}
			_, err := conn.ExecContext(ctx, "BEGIN IMMEDIATE")
			for _, w := range batch {
				if err == nil {
					_, err = insert.ExecContext(ctx, w.values...)
				}
			}
			if err == nil {
				_, err = conn.ExecContext(ctx, "COMMIT")
			}
			for _, w := range batch {
				w.result <- err
			}
		}
	}()
	b.StartTimer()
	var seqs [senders]int
	took := send(b, n, func(sender int) error {
		seqs[sender]++
		w := waiter{t.values(sender, seqs[sender], payload), make(chan error, 1)}
		queue <- w
		return <-w.result
	})
	close(queue)
	<-ended
	return took
}
