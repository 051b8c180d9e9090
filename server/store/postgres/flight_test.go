//go:build unix

package postgres

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"testing"

	"parley/proto"
	"parley/server/chat"
	"parley/server/store/postgres/postgrestest"
)

// guessing is a store that makes each transaction as one that Begin makes.
type guessing struct{ *DB }

func (g guessing) Update(ctx context.Context, change func(chat.Tx) error) error {
	end, err := g.Begin(ctx, change)
	if err != nil {
		return g.DB.Update(ctx, change) // as the sequencer does
	}
	return end()
}

// flights are transactions of a message each, from ada to bob, of which some are in the air.
type flights struct {
	*testing.T
	db      *DB
	address string
	made    int    // how often one was made
	read    uint64 // through which bob has read
}

// begin lets one be in the air which appends entry n, if those before it are there.
func (f *flights) begin(n uint64) (end func() error, err error) {
	return f.db.Begin(f.Context(), f.entry(f.db, n))
}

// entry is what a transaction does that appends an entry.
func (f *flights) entry(db *DB, n uint64) func(chat.Tx) error {
	key := proto.DirectKey(ada, bob)
	ref := [proto.RefSize]byte{byte(n), byte(n >> 8)}
	return func(tx chat.Tx) error {
		f.made++
		if err := tx.Expect(func() chat.Reads {
			return chat.Reads{Members: []chat.MemberRead{{Key: key, User: ada}, {Key: key, User: bob}}, Refs: []chat.RefRead{{Sender: ada, Ref: ref}}}
		}); err != nil {
			return err
		}
		c, err := tx.Conversation(key)
		if err != nil {
			return err
		}
		c.Key, c.Head, c.Min = key, c.Head+1, 1
		rev, err := tx.Rev()
		if err != nil {
			return err
		}
		reader, err := tx.Member(key, bob)
		if err != nil {
			return err
		}
		reader.Key, reader.User, reader.Rev = key, bob, rev+2
		db.Log(tx, fmt.Append(nil, n))
		return errors.Join(tx.Append(chat.Entry{Key: key, Seq: c.Head, ID: n, Sender: ada, Ref: ref, Body: []byte("x")}),
			tx.PutConversation(c), tx.PutMember(chat.Member{Key: key, User: ada, Rev: rev + 1}), tx.PutMember(reader))
	}
}

func (f *flights) must(n uint64) (end func() error) {
	f.Helper()
	end, err := f.begin(n)
	if err != nil {
		f.Fatal(err)
	}
	return end
}

// check sees that entries were stored, each once and in their order, and that the log has as many records.
func (f *flights) check(want ...uint64) {
	f.Helper()
	var ids []uint64
	for i, e := range stored(f, f.db, proto.DirectKey(ada, bob)) {
		if ids = append(ids, e.ID); e.Seq != uint64(i+1) {
			f.Errorf("entry %d has seq %d", i+1, e.Seq)
		}
	}
	if !slices.Equal(ids, want) {
		f.Errorf("stored are %v, want %v", ids, want)
	}
	if err := f.db.View(f.Context(), func(v chat.View) error {
		m, err := v.Member(proto.DirectKey(ada, bob), bob)
		if m.Read != f.read {
			f.Errorf("bob has read through %d, want %d", m.Read, f.read)
		}
		return err
	}); err != nil {
		f.Error(err)
	}
	told := newTold()
	if err := f.db.followAll(f.Context(), told); err != nil || told.lagged != 0 {
		f.Errorf("it lagged %d times, error %v", told.lagged, err)
	}
	var records []string
	for _, n := range want {
		records = append(records, fmt.Sprint(n))
	}
	if !slices.Equal(told.records, records) {
		f.Errorf("told are %q, want %q", told.records, records)
	}
}

func newFlights(t *testing.T, address string, l *line) *flights {
	empty(t, address)
	f := &flights{T: t, address: address}
	f.db = openOver(t, f.address, l)
	for n := uint64(1); n <= 2; n++ { // so that all rows are there and known
		if err := f.must(n)(); err != nil {
			t.Fatal(err)
		}
	}
	f.made = 0
	return f
}

// As long as nobody else writes, a transaction takes one round trip, and the next is made before it has ended.
func TestATransactionFollowsOneThatIsOnItsWay(t *testing.T) {
	l := new(line)
	f := newFlights(t, postgrestest.Database(t), l)
	before := l.count()
	end := f.must(3)
	for n := uint64(4); n <= 3*maxRow; n++ {
		next := f.must(n)
		if err := end(); err != nil {
			t.Fatal(err)
		}
		end = next
	}
	if err := end(); err != nil {
		t.Fatal(err)
	}
	if trips := l.count() - before; trips != 3*maxRow-2 || f.made != 3*maxRow-2 {
		t.Errorf("%d transactions were made %d times, and took %d round trips", 3*maxRow-2, f.made, trips)
	}
	want := make([]uint64, 3*maxRow)
	for i := range want {
		want[i] = uint64(i + 1)
	}
	f.check(want...)
}

// Whatever befalls one of those that are on their way: all are stored once, and in their order, but for
// what cannot be; so it is where somebody else waits for the connection.
func TestWhatFollowsOneThatFailsIsStoredBehindIt(t *testing.T) {
	address := postgrestest.Database(t)
	for _, what := range []struct {
		name   string
		befall func(f *flights, l *line, next uint64)
		never  bool   // is the next one stored
		others uint64 // that is stored before it
	}{
		{"nothing", func(*flights, *line, uint64) {}, false, 0},
		{"another writes", func(f *flights, _ *line, next uint64) {
			for len(stored(f, f.db, proto.DirectKey(ada, bob))) < int(next-1) { // those before are about to be
			}
			f.command(func(db *DB) error { return db.Update(f.Context(), f.entry(db, 100)) })
		}, false, 100},
		{"another marks", func(f *flights, _ *line, _ uint64) {
			f.read = 2
			f.command(func(db *DB) error {
				return db.Update(f.Context(), func(tx chat.Tx) error {
					m, err := tx.Member(proto.DirectKey(ada, bob), bob)
					m.Read, m.Delivered = f.read, f.read
					return errors.Join(err, tx.PutMember(m))
				})
			})
		}, false, 0},
		{"the connection breaks before it is sent", func(_ *flights, l *line, _ uint64) { l.breaks(func(c *wire) { c.Close() }) }, false, 0},
		{"its answer is lost", func(_ *flights, l *line, _ uint64) { l.breaks(func(c *wire) { c.lost = true }) }, false, 0},
		{"only a part of it arrives", func(_ *flights, l *line, _ uint64) { l.breaks(func(c *wire) { c.most = 700 }) }, false, 0},
		{"all but its end arrives", func(_ *flights, l *line, _ uint64) { l.breaks(func(c *wire) { c.most = -5 }) }, false, 0},
		{"its backend is ended", func(f *flights, _ *line, _ uint64) {
			postgrestest.SQL(f.T, "", "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'parley'")
		}, false, 0},
		{"its ref is taken", func(f *flights, _ *line, next uint64) {
			postgrestest.SQL(f.T, f.address, fmt.Sprintf(`UPDATE parley.messages SET client_ref = '\x%02x000000000000000000000000000000' WHERE seq = '\x0000000000000001'`, next))
		}, true, 0},
		{"its COMMIT is refused", func(f *flights, _ *line, next uint64) {
			f.Cleanup(func() { postgrestest.SQL(f.T, f.address, "DROP FUNCTION parley.refuse CASCADE") })
			postgrestest.SQL(f.T, f.address, fmt.Sprintf(`CREATE FUNCTION parley.refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no'; END $$;
				CREATE CONSTRAINT TRIGGER refuse AFTER INSERT ON parley.messages DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
				WHEN (NEW.id = '\x%016x') EXECUTE FUNCTION parley.refuse()`, next))
		}, true, 0},
	} {
		for at := uint64(3); at <= 4; at++ {
			for _, waits := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s, entry %d, another waits: %t", what.name, at, waits), func(t *testing.T) {
					l := new(line)
					f := newFlights(t, address, l)
					want, end, another := []uint64{1, 2}, func() error { return nil }, make(chan error, 1)
					for n := uint64(3); n <= 6; n++ {
						if n == at {
							if what.befall(f, l, n); what.others > 0 {
								want = append(want, what.others)
							}
							go func() { // ends when it has its turn
								if !waits {
									another <- nil
									return
								}
								another <- f.db.Update(f.Context(), func(tx chat.Tx) error { return tx.PutEpoch(7) })
							}()
						}
						next, err := f.begin(n)
						if before := end(); (before != nil) != (what.never && n == at+1) {
							t.Fatalf("entry %d: %v", n-1, before)
						}
						if err != nil {
							next = f.again(n)
						}
						if end = next; !what.never || n != at {
							want = append(want, n)
						}
					}
					if err := errors.Join(end(), <-another); err != nil {
						t.Fatal(err)
					}
					f.check(want...)
				})
			}
		}
	}
}

// What a connection that seemed to be broken brings late, when it is known that it is not there, fails: it is about to
// be made again.
func TestWhatArrivesWhenItIsMadeAgainFails(t *testing.T) {
	l := new(line)
	f := newFlights(t, postgrestest.Database(t), l)
	broken := f.db.last.c.pg
	var late *wire
	l.breaks(func(c *wire) { c.holds, late = true, c })
	end, err := f.db.Begin(t.Context(), func(tx chat.Tx) error {
		if late != nil && f.made == 1 {
			<-broken.CleanupDone() // it ends what its backend does, which is nothing yet
			late.arrives(t)
		}
		return f.entry(f.db, 3)(tx)
	})
	if err == nil {
		err = end()
	}
	if err != nil || f.made != 2 {
		t.Fatalf("it was made %d times, error %v", f.made, err)
	}
	f.check(1, 2, 3)
}

// command does something as an operator's command does beside the node.
func (f *flights) command(do func(db *DB) error) {
	f.Helper()
	db, err := Open(f.Context(), Config{URL: f.address, Log: slog.New(slog.DiscardHandler)})
	if err == nil {
		err = errors.Join(do(db), db.Close())
	}
	if err != nil {
		f.Fatal(err)
	}
}

// again is begin for one that could not begin, as that before it failed: it is made by itself.
func (f *flights) again(n uint64) (end func() error) {
	err := f.db.Update(f.Context(), f.entry(f.db, n))
	return func() error { return err }
}

// Behind a transaction that is on its way another is made at once only while no other node is there.
func TestBesideAnotherNodeNothingFollowsWhatIsOnItsWay(t *testing.T) {
	f := newFlights(t, postgrestest.Database(t), new(line))
	if f.db.Follows() {
		t.Error("nothing is on its way, and something follows")
	}
	end := f.must(3)
	if !f.db.Follows() {
		t.Error("the node is alone, and nothing follows")
	}
	if err := end(); err != nil {
		t.Fatal(err)
	}
	open(t, f.address, t.TempDir())
	if err := f.must(4)(); err != nil { // with which it learns of that
		t.Fatal(err)
	}
	end = f.must(5)
	if f.db.Follows() {
		t.Error("another node is there, and something follows")
	}
	if err := end(); err != nil {
		t.Fatal(err)
	}
	f.check(1, 2, 3, 4, 5)
}
