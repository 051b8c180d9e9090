//go:build unix

package postgres

import (
	"context"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"parley/server/store/postgres/postgrestest"
)

// mute is a connection over which nothing comes any more from some moment on, in either
// direction, not even that it ended.
type mute struct {
	net.Conn
	now *atomic.Bool
}

func (c mute) Write(b []byte) (int, error) {
	if c.now.Load() {
		return len(b), nil
	}
	return c.Conn.Write(b)
}

func (c mute) Read(b []byte) (int, error) {
	for {
		n, err := c.Conn.Read(b)
		if err != nil || !c.now.Load() {
			return n, err
		}
	}
}

// A node whose connections to the database are half-open, which no reset tells of, makes
// others before long: to read the change log, to renew its lease and to hear signals.
func TestANodeWhoseConnectionsAreHalfOpenMakesOthers(t *testing.T) {
	address := postgrestest.Database(t)
	db, other := open(t, address, t.TempDir()), open(t, address, t.TempDir())
	var stranded atomic.Pointer[atomic.Bool]
	stranded.Store(new(atomic.Bool))
	keeper := <-db.keeper
	keeper.close() // so that the next is one that dial made
	dial := db.config.DialFunc
	db.config.DialFunc = func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := dial(ctx, network, address)
		return mute{c, stranded.Load()}, err
	}
	db.keeper <- keeper
	f := newTold()
	follows(t, db, f)
	follows(t, other, newTold())
	hears := func(signal string) {
		t.Helper()
		for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); {
			other.Signal([]byte(signal)) // it may be lost
			select {
			case heard := <-f.signals:
				if heard == signal {
					return
				}
			case <-time.After(100 * time.Millisecond):
			}
		}
		t.Fatalf("it never heard %q", signal)
	}
	leave(t, other, "before")
	f.until(t, 1)
	hears("before")
	for range cap(f.signals) {
		select {
		case <-f.signals:
		default:
		}
	}
	stranded.Swap(new(atomic.Bool)).Store(true)
	leave(t, other, "after")
	f.until(t, 2)
	hears("after")
	if err := db.renew(t.Context()); err != nil {
		t.Error(err)
	}
}
