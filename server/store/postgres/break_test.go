//go:build unix

package postgres

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"parley/proto"
	"parley/server/chat"
	"parley/server/store/postgres/postgrestest"
)

// line is a network between the database and the connection that writes, which breaks on
// demand.
type line struct {
	mu    sync.Mutex
	next  func(c *wire) // what happens at the next write; nil: nothing
	each  func(c *wire) // what happens at each, likewise
	trips int           // writes, which are round trips
}

// wire is one connection over a line.
type wire struct {
	net.Conn
	line *line
	lost bool // what comes back
	most int  // bytes of the next write that arrive, or so many less than all; 0: all
	// holds says that the connection seems to be broken, while what is written is still on its way.
	holds bool
	held  []byte
}

func (l *line) through(db *DB) {
	dial := db.config.DialFunc
	db.config.DialFunc = func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := dial(ctx, network, address)
		if len(db.writer) > 0 { // nobody writes: it is another's
			return c, err
		}
		return &wire{Conn: c, line: l}, err
	}
}

// breaks lets f happen at the next write.
func (l *line) breaks(f func(c *wire)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.next = f
}

func (l *line) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.trips
}

func (c *wire) Write(b []byte) (int, error) {
	c.line.mu.Lock()
	c.line.trips++
	next := c.line.next
	c.line.next = nil
	if next == nil {
		next = c.line.each
	}
	c.line.mu.Unlock()
	if next != nil {
		next(c)
	}
	if c.holds {
		if c.held == nil {
			c.held = bytes.Clone(b)
		}
		return 0, net.ErrClosed
	}
	if most := c.most; most != 0 {
		if most < 0 {
			most += len(b)
		}
		n, err := c.Conn.Write(b[:min(most, len(b))])
		return n, errors.Join(net.ErrClosed, err, c.Close())
	}
	return c.Conn.Write(b)
}

// Read loses what comes back: it was done, and nobody hears of it.
func (c *wire) Read(b []byte) (int, error) {
	if c.holds {
		return 0, net.ErrClosed
	}
	n, err := c.Conn.Read(b)
	if c.lost && err == nil {
		return 0, errors.Join(io.ErrUnexpectedEOF, c.Close())
	}
	return n, err
}

// Close implements net.Conn.
func (c *wire) Close() error {
	if c.holds {
		return nil
	}
	return c.Conn.Close()
}

// arrives lets what is held get through, and waits until all is done that comes of it.
func (c *wire) arrives(t testing.TB) {
	t.Helper()
	err := c.SetDeadline(time.Time{}) // whoever gave the connection up set one
	_, failed := c.Conn.Write(c.held)
	err = errors.Join(err, failed, c.Conn.(interface{ CloseWrite() error }).CloseWrite())
	_, failed = io.Copy(io.Discard, c.Conn)
	if err = errors.Join(err, failed, c.Conn.Close()); err != nil {
		t.Errorf("what was on its way: %v", err)
	}
}

// openThrough opens a history over a line: the connection that writes is made anew.
func openThrough(t testing.TB, l *line) *DB {
	t.Helper()
	return openOver(t, postgrestest.Database(t), l)
}

// openOver is openThrough of a database that others may use.
func openOver(t testing.TB, address string, l *line) *DB {
	t.Helper()
	db := open(t, address, t.TempDir())
	if err := db.renew(t.Context()); err != nil { // so that the keeper has its connection
		t.Fatal(err)
	}
	l.through(db)
	(<-db.writer).close()
	db.writer <- nil
	if err := db.Update(t.Context(), func(chat.Tx) error { return nil }); err != nil {
		t.Fatal(err)
	}
	return db
}

// A connection that breaks before, at, or after the COMMIT: the transaction is on disk once
// when Update returns, and Update knows.
func TestATransactionIsCommittedOnceWhereverItsConnectionBreaks(t *testing.T) {
	l := new(line)
	db := openThrough(t, l)
	for i, at := range []struct {
		name  string
		tries int
		cut   func(c *wire)
	}{
		{"before the COMMIT", 2, func(c *wire) { c.Close() }},
		{"after the COMMIT", 1, func(c *wire) { c.lost = true }},
	} {
		t.Run(at.name, func(t *testing.T) {
			tries := 0
			e := chat.Entry{Key: proto.DirectKey(1, 2), Seq: uint64(i + 1), ID: uint64(i + 1), Sender: 1, Ref: [proto.RefSize]byte{byte(i)}, Body: []byte("x")}
			err := db.Update(t.Context(), func(tx chat.Tx) error {
				err := tx.Append(e)
				if tries++; tries == 1 {
					l.breaks(at.cut) // at the next write, which is the COMMIT's
				}
				return err
			})
			if err != nil || tries != at.tries {
				t.Errorf("it was tried %d times, want %d, error %v", tries, at.tries, err)
			}
			entries := stored(t, db, e.Key)
			if len(entries) != i+1 || entries[i].ID != e.ID {
				t.Errorf("stored are %v", entries)
			}
		})
	}
	t.Run("while a transaction reads", func(t *testing.T) {
		tries := 0
		if err := db.Update(t.Context(), func(tx chat.Tx) error {
			if tries++; tries == 1 {
				l.breaks(func(c *wire) { c.Close() })
			}
			_, err := tx.User(uint64(tries))
			return err
		}); err != nil || tries != 2 {
			t.Errorf("it was tried %d times, error %v", tries, err)
		}
	})
}

// Where the database stays away, whoever waits is told that nobody knows.
func TestAnEndThatCannotBeFoundOutIsUnknown(t *testing.T) {
	l := new(line)
	db := openThrough(t, l)
	away := errors.New("no route")
	err := db.Update(t.Context(), func(tx chat.Tx) error {
		if _, err := tx.Epoch(); err != nil {
			return err
		}
		l.breaks(func(c *wire) {
			c.lost = true
			db.config.DialFunc = func(context.Context, string, string) (net.Conn, error) {
				go db.Close() // as when the server is stopped meanwhile
				return nil, &net.OpError{Op: "dial", Err: away}
			}
		})
		return tx.PutEpoch(7)
	})
	if !errors.Is(err, chat.ErrUnknown) {
		t.Errorf("error %v, want that it is unknown", err)
	}
}

func stored(t testing.TB, db *DB, key proto.Key) (entries []chat.Entry) {
	t.Helper()
	if err := db.View(context.Background(), func(v chat.View) (err error) {
		entries, err = v.Entries(key, 0, 0, 100_000, false)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return entries
}

// crowd are senders with a conversation each.
type crowd struct {
	*chat.Service
	mu        sync.Mutex
	delivered map[uint64]int // message id → deliveries to its receiver
}

func (c *crowd) Publish(user uint64, branch proto.Branch, payload []byte) {
	var m proto.Message
	if branch != proto.BranchMessage || proto.Unmarshal(payload, &m) != nil || m.GetReceiverId() != user {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.delivered[m.GetMessageId()]++
}

// deliveries is how often a message was delivered, once it was: what is acknowledged is told
// when the change log is followed.
func (c *crowd) deliveries(id uint64) int {
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(5 * time.Millisecond) {
		c.mu.Lock()
		times := c.delivered[id]
		c.mu.Unlock()
		if times > 0 || time.Now().After(deadline) {
			return times
		}
	}
}

func (c *crowd) PublishTo(context.Context, uint64, string, proto.Branch, []byte) error { return nil }

// newCrowd runs a service on a store until the test ends.
func newCrowd(t testing.TB, s chat.Store) *crowd {
	t.Helper()
	c := &crowd{delivered: make(map[uint64]int)}
	c.Service = serve(t, s, c)
	return c
}

// serve runs a service on a store until the test ends.
func serve(t testing.TB, s chat.Store, to chat.Fanout) *chat.Service {
	t.Helper()
	service, err := chat.New(chat.Config{Store: s, Fanout: to, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- service.Run(ctx) }() // ends with stop
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return service
}

// say sends a message until it is acknowledged.
func (c *crowd) say(t testing.TB, sender uint64, n int) chat.Receipt {
	to, content, ref := sender+1000, fmt.Sprintf("message %d", n), fmt.Appendf(nil, "%016d", sender*1000+uint64(n))
	payload, err := proto.Marshal(&proto.Message{MessageId: new(uint64), SenderId: new(uint64), CreateTime: new(uint64), ReceiverId: &to, Content: &content, ClientRef: ref})
	if err != nil {
		t.Error(err)
		return chat.Receipt{}
	}
	for {
		receipt, err := c.Service.Publish(context.Background(), chat.Sender{User: sender}, proto.BranchMessage, payload, nil)
		if err == nil {
			return receipt
		}
		var refusal *proto.Refusal
		if !errors.As(err, &refusal) || !refusal.Reason.Temporary() {
			t.Errorf("sender %d, message %d: %v", sender, n, err)
			return chat.Receipt{}
		}
	}
}

// The database's backends are ended, and it is restarted without a goodbye, while many
// send: nothing that was acknowledged is lost, nothing is there twice, all is delivered.
func TestNothingIsLostOrDoubledWhereTheDatabaseFails(t *testing.T) {
	const senders, messages = 16, 60
	db := open(t, postgrestest.Database(t), t.TempDir())
	c := newCrowd(t, db)
	var all sync.WaitGroup
	half, quarter := make(chan struct{}, senders), make(chan struct{}, senders)
	receipts := make([][]chat.Receipt, senders)
	for i := range senders {
		all.Go(func() {
			for n := range messages {
				receipts[i] = append(receipts[i], c.say(t, uint64(i+1), n))
				switch n {
				case messages / 4:
					quarter <- struct{}{}
				case messages / 2:
					half <- struct{}{}
				}
			}
		})
	}
	const others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'parley'"
	<-quarter
	for range 5 {
		postgrestest.SQL(t, "", others)
	}
	<-half
	postgrestest.Restart(t)
	all.Wait()
	c.check(t, db, receipts)
}

// check sees that what was acknowledged is stored and delivered, once and in its order.
func (c *crowd) check(t *testing.T, db *DB, receipts [][]chat.Receipt) {
	t.Helper()
	for i, all := range receipts {
		sender := uint64(i + 1)
		entries := stored(t, db, proto.DirectKey(sender, sender+1000))
		if len(entries) != len(all) {
			t.Errorf("sender %d: %d messages are stored, want %d", sender, len(entries), len(all))
			continue
		}
		for n, e := range entries {
			if r := all[n]; e.Seq != uint64(n+1) || r.MessageID != e.ID || r.Seq != e.Seq || !strings.HasSuffix(string(e.Ref[:]), fmt.Sprint(n)) {
				t.Errorf("sender %d: entry %d is %d, acknowledged as %+v", sender, n+1, e.ID, r)
			}
			if times := c.deliveries(e.ID); times != 1 {
				t.Errorf("message %d was delivered %d times", e.ID, times)
			}
		}
	}
}

// So it is where as many send as fill two transactions, and their connection breaks again and again.
func TestNothingIsLostOrDoubledWhereConnectionsBreak(t *testing.T) {
	const senders, messages = 400, 10
	l := new(line)
	db := openThrough(t, l)
	c := newCrowd(t, db)
	random, left := rand.New(rand.NewPCG(7, 8)), 15
	var mu sync.Mutex
	l.mu.Lock()
	l.each = func(w *wire) {
		mu.Lock()
		defer mu.Unlock()
		if random.IntN(4) > 0 || left == 0 {
			return
		}
		switch left--; random.IntN(4) {
		case 0:
			w.Close()
		case 1:
			w.lost = true
		case 2:
			w.most = 1 + random.IntN(20_000)
		default:
			w.most = -5
		}
	}
	l.mu.Unlock()
	var all sync.WaitGroup
	receipts := make([][]chat.Receipt, senders)
	for i := range senders {
		all.Go(func() {
			for n := range messages {
				receipts[i] = append(receipts[i], c.say(t, uint64(i+1), n))
			}
		})
	}
	all.Wait()
	c.check(t, db, receipts)
}
