//go:build unix

package postgres

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"parley/proto"
	"parley/server/chat"
	"parley/server/store/postgres/postgrestest"
)

// many is how many send at the same time in these benchmarks, if not said otherwise.
const many = 768

// turns lets two ways of storing n messages take turns, so that what else goes on slows down
// both, and returns how long each took.
func turns(b *testing.B, n int, ways ...func(n int) time.Duration) []time.Duration {
	took := make([]time.Duration, len(ways))
	b.ResetTimer()
	for rest := n; rest > 0; {
		part := min(rest, 5000)
		rest -= part
		for i, way := range ways {
			took[i] += way(part)
		}
	}
	b.StopTimer()
	return took
}

func report(b *testing.B, took []time.Duration, names ...string) {
	for i, name := range names {
		b.ReportMetric(float64(b.N)/took[i].Seconds(), name+"/s")
	}
	b.ReportMetric(took[0].Seconds()/took[1].Seconds(), names[1]+"-of-"+names[0])
}

// BenchmarkClusterAgainstRawInserts holds one node against what a loop inserts that commits
// together what is there: rows of what any chat has to keep of a message.
func BenchmarkClusterAgainstRawInserts(b *testing.B) {
	for _, senders := range []int{64, many} {
		b.Run(fmt.Sprintf("%d senders", senders), func(b *testing.B) {
			address := postgrestest.Database(b)
			postgrestest.Durable(b)
			node := newCrowd(b, open(b, address, b.TempDir()))
			raw := newRaw(b, address)
			sendAll(b, "node", node, senders, 4*senders)
			report(b, turns(b, b.N, func(n int) time.Duration { return raw.insert(b, senders, n) }, func(n int) time.Duration { return sendAll(b, "node", node, senders, n) }), "raw", "node")
		})
	}
}

// raw inserts rows of one table.
type raw struct {
	pg    *pgconn.PgConn
	queue chan rawRow
}

type rawRow struct {
	sender, seq int
	stored      chan error
}

func newRaw(b *testing.B, address string) *raw {
	b.Helper()
	pg, err := pgconn.Connect(b.Context(), address)
	if err == nil {
		_, err = pg.Exec(b.Context(), "CREATE TABLE public.bare (conversation bigint NOT NULL, seq bigint NOT NULL, sender bigint NOT NULL, ref bytea NOT NULL UNIQUE,"+
			" at bigint NOT NULL, body bytea NOT NULL, PRIMARY KEY (conversation, seq))").ReadAll()
	}
	if err != nil {
		b.Fatal(err)
	}
	r := &raw{pg, make(chan rawRow, 1024)}
	ended := make(chan struct{})
	go func() { // ends when the queue is closed
		defer close(ended)
		for first := range r.queue {
			time.Sleep(200 * time.Microsecond) // more come
			batch := []rawRow{first}
			for len(batch) < 256 && len(r.queue) > 0 {
				batch = append(batch, <-r.queue)
			}
			err := r.commit(batch)
			for _, row := range batch {
				row.stored <- err
			}
		}
	}()
	b.Cleanup(func() {
		close(r.queue)
		<-ended
		_ = pg.Close(context.Background()) // it was of use
	})
	return r
}

func (r *raw) commit(batch []rawRow) error {
	var columns [6]array
	ref, body := make([]byte, 16), []byte(strings.Repeat("x", 200))
	for _, x := range batch {
		_, _ = rand.Read(ref) // never fails
		for i, value := range []any{x.sender, x.seq, x.sender, ref, time.Now().UnixMilli(), body} {
			columns[i].add(value)
		}
	}
	var args [][]byte
	for i := range columns {
		args = append(args, columns[i].encoded([]uint32{oidInt8, oidInt8, oidInt8, oidBytes, oidInt8, oidBytes}[i]))
	}
	formats := []int16{1}
	return r.pg.ExecParams(context.Background(), "INSERT INTO public.bare SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bytea[], $5::bigint[], $6::bytea[])", args, nil, formats, nil).Read().Err
}

var rawSeqs atomic.Int64

// insert lets senders store n rows in all.
func (r *raw) insert(b *testing.B, senders, n int) time.Duration {
	var left atomic.Int64
	left.Store(int64(n))
	var all sync.WaitGroup
	began := time.Now()
	for sender := range senders {
		all.Go(func() {
			for left.Add(-1) >= 0 {
				row := rawRow{sender, int(rawSeqs.Add(1)), make(chan error, 1)}
				r.queue <- row
				if err := <-row.stored; err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	return time.Since(began)
}

// BenchmarkClusterFarAway holds a node that is 2.5 ms away from its database, there and back,
// against one that is near.
func BenchmarkClusterFarAway(b *testing.B) {
	address := postgrestest.Database(b)
	postgrestest.Durable(b)
	near := newCrowd(b, open(b, address, b.TempDir()))
	far := newCrowd(b, openFar(b, postgrestest.Database(b), 2500*time.Microsecond))
	for _, c := range []*crowd{near, far} {
		sendAll(b, "node", c, many, 4*many)
	}
	report(b, turns(b, b.N, func(n int) time.Duration { return sendAll(b, "near", near, many, n) }, func(n int) time.Duration { return sendAll(b, "far", far, many, n) }), "near", "far")
}

// openFar opens a history by connections on which what comes back comes late.
func openFar(b *testing.B, address string, late time.Duration) *DB {
	b.Helper()
	db := open(b, address, b.TempDir())
	dial := db.config.DialFunc
	db.config.DialFunc = func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return newLateConn(c, late), nil
	}
	for range cap(db.writer) {
		(<-db.writer).close()
		db.writer <- nil
	}
	return db
}

// lateConn is a connection on which what comes back comes late, and in its order.
type lateConn struct {
	net.Conn
	chunks chan lateChunk
	rest   []byte
	err    error // behind rest
}

type lateChunk struct {
	at   time.Time
	data []byte
	err  error
}

func newLateConn(c net.Conn, late time.Duration) *lateConn {
	l := &lateConn{Conn: c, chunks: make(chan lateChunk, 1024)}
	go func() { // ends with the connection
		for {
			buffer := make([]byte, 1<<16)
			n, err := c.Read(buffer)
			l.chunks <- lateChunk{time.Now().Add(late), buffer[:n], err}
			if err != nil {
				return
			}
		}
	}()
	return l
}

func (l *lateConn) Read(b []byte) (int, error) {
	for len(l.rest) == 0 {
		if l.err != nil {
			return 0, l.err
		}
		chunk := <-l.chunks
		time.Sleep(time.Until(chunk.at))
		l.rest, l.err = chunk.data, chunk.err
	}
	n := copy(b, l.rest)
	l.rest = l.rest[n:]
	return n, nil
}

// BenchmarkClusterOfThree holds three nodes against one, with as many senders in all.
func BenchmarkClusterOfThree(b *testing.B) {
	address := postgrestest.Database(b)
	postgrestest.Durable(b)
	one := newCrowd(b, open(b, postgrestest.Database(b), b.TempDir()))
	var three []*crowd
	for range 3 {
		three = append(three, newCrowd(b, open(b, address, b.TempDir())))
	}
	together := func(n int) time.Duration {
		var all sync.WaitGroup
		began := time.Now()
		for i, c := range three {
			all.Go(func() { sendFrom(b, "three", c, i*many/3, many/3, n/3) })
		}
		all.Wait()
		return time.Since(began)
	}
	together(4 * many)
	sendAll(b, "one", one, many, 4*many)
	report(b, turns(b, b.N, func(n int) time.Duration { return sendAll(b, "one", one, many, n) }, together), "one", "three")
}

// BenchmarkClusterReceipt sends messages one after the other and takes the time from each
// press to when it is told at the sender's own node, and at another.
func BenchmarkClusterReceipt(b *testing.B) {
	address := postgrestest.Database(b)
	postgrestest.Durable(b)
	here, there := newTeller(b, open(b, address, b.TempDir())), newTeller(b, open(b, address, b.TempDir()))
	to, content := uint64(2), strings.Repeat("x", 150)
	payload, err := proto.Marshal(&proto.Message{MessageId: new(uint64), SenderId: new(uint64), CreateTime: new(uint64), ReceiverId: &to, Content: &content})
	if err != nil {
		b.Fatal(err)
	}
	times := map[string][]time.Duration{}
	b.ResetTimer()
	for range min(b.N, 2000) {
		began := time.Now()
		if _, err := here.service.Publish(context.Background(), chat.Sender{User: 1}, proto.BranchMessage, payload, nil); err != nil {
			b.Fatal(err)
		}
		times["here"] = append(times["here"], (<-here.told).Sub(began))
		times["there"] = append(times["there"], (<-there.told).Sub(began))
	}
	b.StopTimer()
	for where, all := range times {
		slices.Sort(all)
		b.ReportMetric(float64(all[len(all)/2].Microseconds()), "µs-"+where+"-p50")
		b.ReportMetric(float64(all[len(all)*99/100].Microseconds()), "µs-"+where+"-p99")
	}
}

// teller notes when user 2 is told of a message.
type teller struct {
	service *chat.Service
	told    chan time.Time
}

func newTeller(b *testing.B, s chat.Store) *teller {
	b.Helper()
	t := &teller{told: make(chan time.Time, 16)}
	t.service = serve(b, s, t)
	return t
}

func (t *teller) Publish(user uint64, branch proto.Branch, _ []byte) {
	if user == 2 && branch == proto.BranchMessage {
		t.told <- time.Now()
	}
}

func (t *teller) PublishTo(context.Context, uint64, string, proto.Branch, []byte) error { return nil }

// deaf is a Fanout to which nobody is connected.
type deaf struct{}

func (deaf) Publish(uint64, proto.Branch, []byte) {}

func (deaf) PublishTo(context.Context, uint64, string, proto.Branch, []byte) error { return nil }

// BenchmarkClusterFollowing is what a node takes to follow one message that concerns none of
// its users: 5,000 times ns/op is its share of a core at 5,000 messages a second.
func BenchmarkClusterFollowing(b *testing.B) {
	address := postgrestest.Database(b)
	sends := newCrowd(b, open(b, address, b.TempDir()))
	db := open(b, address, b.TempDir())
	follows, err := chat.New(chat.Config{Store: db, Fanout: deaf{}, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		b.Fatal(err)
	}
	sendAll(b, "node", sends, many, b.N)
	newest := func() (n int64) {
		if _, err := fmt.Sscan(postgrestest.SQL(b, address, "SELECT max(number) FROM parley.changes"), &n); err != nil {
			b.Fatal(err)
		}
		return n
	}()
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan struct{})
	b.ResetTimer()
	go func() { // ends with stop
		defer close(ended)
		follows.Follow(ctx)
	}()
	for db.followed.Load() < newest {
		time.Sleep(100 * time.Microsecond)
	}
	b.StopTimer()
	stop()
	<-ended
}
