//go:build unix

package postgres

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"parley/server/chat"
	"parley/server/store/postgres/postgrestest"
	"parley/server/store/relational"
)

// A server whose lease ran out while it was frozen stores nothing once another has begun.
func TestAServerThatLostItsLeaseStoresNothing(t *testing.T) {
	address := postgrestest.Database(t)
	first := open(t, address, t.TempDir())
	if _, err := Open(t.Context(), Config{URL: address, Dir: t.TempDir(), Serve: true, Log: slog.New(slog.DiscardHandler)}); !errors.Is(err, ErrInUse) {
		t.Fatalf("a second server: %v, want that it is refused", err)
	}
	if _, err := Open(t.Context(), Config{URL: address, Dir: t.TempDir(), Log: slog.New(slog.DiscardHandler)}); !errors.Is(err, ErrInUse) {
		t.Fatalf("a command elsewhere: %v, want that it is refused", err)
	}
	postgrestest.SQL(t, address, "UPDATE parley.leases SET until = clock_timestamp() - interval '1 second'")
	second := open(t, address, t.TempDir())
	write := func(db *DB, epoch uint64) error {
		return db.Update(t.Context(), func(tx chat.Tx) error { return tx.PutEpoch(epoch) })
	}
	if err := write(second, 2); err != nil {
		t.Fatal(err)
	}
	if err := write(first, 1); !errors.Is(err, errLost) {
		t.Errorf("the first: %v, want that it lost its lease", err)
	}
	<-first.Lost()
	if err := first.Why(); !strings.Contains(err.Error(), "another server has taken the database over") {
		t.Error(err)
	}
	if epoch := epochOf(t, second); epoch != 2 {
		t.Errorf("the epoch is %d, want the second's", epoch)
	}
	if err := second.renew(t.Context()); err != nil {
		t.Error("the second cannot renew its lease:", err)
	}
	if err := first.renew(t.Context()); !errors.Is(err, errLost) {
		t.Errorf("the first renews: %v", err)
	}
}

// A server that was frozen while it had the lock keeps no other from taking over once its
// lease ran out, and its transaction is none.
func TestALockThatAFrozenServerHasIsFreed(t *testing.T) {
	address := postgrestest.Database(t)
	frozen := open(t, address, t.TempDir())
	taken, over, begun := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() {
		tries := 0
		begun <- frozen.Update(context.Background(), func(tx chat.Tx) error {
			if tries++; tries > 1 {
				<-over // as it is awake again
				return tx.PutEpoch(8)
			}
			c := tx.(*relational.Transaction).Conn.(*connection)
			err := c.run() // takes the lock
			close(taken)
			return errors.Join(err, c.Exec("SELECT pg_sleep(60)"), c.run())
		})
	}()
	<-taken
	postgrestest.SQL(t, address, "UPDATE parley.leases SET until = clock_timestamp() - interval '1 second'")
	second := open(t, address, t.TempDir())
	close(over)
	if err := <-begun; !errors.Is(err, errLost) {
		t.Errorf("the frozen one ended with %v, want that it lost its lease", err)
	}
	if err := second.Update(t.Context(), func(tx chat.Tx) error { return tx.PutEpoch(9) }); err != nil {
		t.Error(err)
	}
}

// A database that has lost what it confirmed, as after a switch to a copy that was behind,
// is written to no more.
func TestADatabaseThatWentBackIsNoticedAtOnce(t *testing.T) {
	address := postgrestest.Database(t)
	db := open(t, address, t.TempDir())
	write := func() error { return db.Update(t.Context(), func(tx chat.Tx) error { return tx.PutEpoch(5) }) }
	if err := write(); err != nil {
		t.Fatal(err)
	}
	postgrestest.SQL(t, address, "UPDATE parley.starts SET commits = commits - 1")
	if err := write(); !errors.Is(err, errRewound) {
		t.Errorf("error %v, want that the database went back", err)
	}
	<-db.Lost()
}

// A database that was put back, or is a copy, goes on in a new epoch.
func TestADatabaseThatWasPutBackBeginsANewEpoch(t *testing.T) {
	address, dir := postgrestest.Database(t), t.TempDir()
	again := func() (epoch uint64, doubt string) {
		db := open(t, address, dir)
		defer db.Close()
		return epochOf(t, db), db.Doubt()
	}
	first, _ := again()
	if epoch, doubt := again(); epoch != first || doubt != "" {
		t.Fatalf("opened again, the epoch is %d, want %d: %s", epoch, first, doubt)
	}
	for _, test := range []struct{ change, want string }{
		{`UPDATE parley.meta SET value = 'another' WHERE name = 'database'`, "is a copy, or was put back"},
		{`DELETE FROM parley.starts WHERE number = (SELECT max(number) FROM parley.starts)`, "a start that it knows nothing of"},
	} {
		before, _ := again()
		postgrestest.SQL(t, address, test.change)
		if epoch, doubt := again(); epoch == before || !strings.Contains(doubt, test.want) {
			t.Errorf("the epoch is %d as before, and it says %q, want %q", epoch, doubt, test.want)
		}
	}
}

func epochOf(t *testing.T, db *DB) (epoch uint64) {
	t.Helper()
	if err := db.View(t.Context(), func(v chat.View) (err error) {
		epoch, err = v.Epoch()
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return epoch
}
