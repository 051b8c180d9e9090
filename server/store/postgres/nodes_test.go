//go:build unix

package postgres

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"parley/server/chat"
	"parley/server/store/postgres/postgrestest"
)

// Nodes share a database; a program that must be alone neither joins them nor is joined.
func TestNodesShareADatabaseThatCopyHasAlone(t *testing.T) {
	address := postgrestest.Database(t)
	try := func(c Config) error {
		c.URL, c.Dir, c.Log = address, t.TempDir(), slog.New(slog.DiscardHandler)
		db, err := Open(t.Context(), c)
		if err == nil {
			err = db.Close()
		}
		return err
	}
	first, second := open(t, address, t.TempDir()), open(t, address, t.TempDir())
	for i, db := range []*DB{first, second, first} {
		if err := db.Update(t.Context(), func(tx chat.Tx) error { return tx.PutEpoch(uint64(i + 1)) }); err != nil {
			t.Fatal(err)
		}
	}
	if epoch := epochOf(t, second); epoch != 3 {
		t.Errorf("the epoch is %d, want the last", epoch)
	}
	if err := try(Config{}); err != nil {
		t.Error("a command:", err)
	}
	if err := try(Config{Alone: true}); !errors.Is(err, ErrInUse) {
		t.Errorf("copy beside nodes: %v, want that it is refused", err)
	}
	for _, db := range []*DB{first, second} { // which renew their leases no more
		keeper := <-db.keeper
		defer func() { db.keeper <- keeper }()
	}
	postgrestest.SQL(t, address, "UPDATE parley.nodes SET until = clock_timestamp() - interval '1 second'")
	alone, err := Open(t.Context(), Config{URL: address, Alone: true, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]Config{"a node": {Serve: true}, "a command": {}} {
		if err := try(c); !errors.Is(err, ErrInUse) {
			t.Errorf("%s beside copy: %v, want that it is refused", name, err)
		}
	}
	if err := alone.Close(); err != nil {
		t.Error(err)
	}
	if err := try(Config{Serve: true}); err != nil {
		t.Error("a node afterwards:", err)
	}
}

// A database of the version that one server at a time used goes on, once that is gone.
func TestADatabaseOfOneServerBecomesThatOfNodes(t *testing.T) {
	address, dir := postgrestest.Database(t), t.TempDir()
	postgrestest.SQL(t, address, "CREATE SCHEMA parley; SET search_path = parley;"+migrations[0]+`
		INSERT INTO meta VALUES ('schema', '\x0000000000000001'), ('epoch', '\x0000000000000007');
		INSERT INTO users VALUES ('\x0000000000000001', 'Ada', 'ada', 0, '\x00', '\x00', '\x00', FALSE, '\x00', '\x00', '\x00', '\x00', 0, FALSE, 0);
		INSERT INTO leases VALUES ('server', '\x0000000000000001', clock_timestamp() + interval '1 minute')`)
	if _, err := Open(t.Context(), Config{URL: address, Dir: dir, Serve: true, Log: slog.New(slog.DiscardHandler)}); !errors.Is(err, ErrInUse) {
		t.Fatalf("beside that server: %v, want that it is refused", err)
	}
	postgrestest.SQL(t, address, "UPDATE parley.leases SET until = clock_timestamp()")
	db := open(t, address, dir)
	if epoch := epochOf(t, db); epoch != 7 {
		t.Errorf("the epoch is %d, want that of before", epoch)
	}
	leave(t, db, "a record")
	open(t, address, t.TempDir())
}

// A node knows whether one of a version before is there, from its own start on and later.
func TestANodeKnowsOfNodesOfTheVersionBefore(t *testing.T) {
	address := postgrestest.Database(t)
	first := open(t, address, t.TempDir())
	if first.Mixed() {
		t.Error("alone it takes itself for one of several versions")
	}
	// As the version before joins.
	postgrestest.SQL(t, address, "INSERT INTO parley.nodes (id, renewed, until, alone) VALUES ('\\x0000000000000001', clock_timestamp(), clock_timestamp() + interval '1 minute', FALSE)")
	if err := first.renew(t.Context()); err != nil {
		t.Fatal(err)
	}
	second := open(t, address, t.TempDir())
	if !first.Mixed() || !second.Mixed() {
		t.Errorf("beside the version before, who was there knows of it: %v, who came after it: %v", first.Mixed(), second.Mixed())
	}
	postgrestest.SQL(t, address, "UPDATE parley.nodes SET ended = TRUE WHERE id = '\\x0000000000000001'")
	for _, db := range []*DB{first, second} {
		if err := db.renew(t.Context()); err != nil || db.Mixed() {
			t.Errorf("once that has ended: %v, %v", db.Mixed(), err)
		}
	}
}

// A node that is frozen in the midst of what it sends, while it has the lock, holds up the
// others for a few seconds, and its transaction is none.
func TestALockThatAFrozenNodeHasIsFreed(t *testing.T) {
	address := postgrestest.Database(t)
	db := open(t, address, t.TempDir())
	frozen, err := pgconn.ConnectConfig(t.Context(), db.config)
	if err != nil {
		t.Fatal(err)
	}
	defer frozen.Close(context.Background())
	p := frozen.StartPipeline(t.Context())
	p.SendQueryParams("SET search_path = parley", nil, nil, nil, nil)
	p.SendQueryParams("SELECT value FROM meta WHERE name = 'rev' FOR UPDATE", nil, nil, nil, nil)
	p.SendQueryParams("UPDATE meta SET value = 'lost' WHERE name = 'rev'", nil, nil, nil, nil)
	p.SendFlushRequest()
	if err := p.Flush(); err != nil { // and never a Sync
		t.Fatal(err)
	}
	for range 3 {
		results, err := p.GetResults()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := results.(*pgconn.ResultReader).Close(); err != nil {
			t.Fatal(err)
		}
	}
	began := time.Now()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := db.Update(ctx, func(tx chat.Tx) error { return tx.PutEpoch(9) }); err != nil {
		t.Error(err)
	}
	t.Log("held up for", time.Since(began))
	if epoch := epochOf(t, db); epoch != 9 {
		t.Errorf("the epoch is %d, want 9", epoch)
	}
}

// told gathers what a node is told.
type told struct {
	mu      sync.Mutex
	records []string
	signals chan string
	lagged  int
	changed chan struct{} // holds one
}

func newTold() *told { return &told{signals: make(chan string, 10), changed: make(chan struct{}, 1)} }

func (f *told) Told(record []byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if record == nil {
		record = []byte("look anew")
	}
	f.records = append(f.records, string(record))
	select {
	case f.changed <- struct{}{}:
	default:
	}
}

func (f *told) Heard(signal []byte) { f.signals <- string(signal) }

func (f *told) Lagged() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.lagged++
}

// until waits until a number of records were told, and returns them.
func (f *told) until(t *testing.T, n int) []string {
	t.Helper()
	for {
		f.mu.Lock()
		records := slices.Clone(f.records)
		f.mu.Unlock()
		if len(records) >= n {
			return records
		}
		select {
		case <-f.changed:
		case <-time.After(20 * time.Second):
			t.Fatalf("told are %q, want %d", records, n)
		}
	}
}

// follows lets f follow until the test ends.
func follows(t *testing.T, db *DB, f *told) {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { // ends with stop
		defer close(ended)
		db.Follow(ctx, f)
	}()
	t.Cleanup(func() {
		stop()
		<-ended
	})
}

func leave(t *testing.T, db *DB, record string) {
	t.Helper()
	if err := db.Update(t.Context(), func(tx chat.Tx) error {
		db.Log(tx, []byte(record))
		return nil
	}); err != nil {
		t.Error(err)
	}
}

// Every node is told all records once, in the order of commits, its own among them.
func TestEveryNodeIsToldEverythingInOneOrder(t *testing.T) {
	address := postgrestest.Database(t)
	const each = 50
	var nodes []*DB
	var all []*told
	for range 3 {
		db, f := open(t, address, t.TempDir()), newTold()
		nodes, all = append(nodes, db), append(all, f)
		follows(t, db, f)
	}
	var writing sync.WaitGroup
	for i, db := range nodes {
		writing.Go(func() {
			for n := range each {
				leave(t, db, fmt.Sprintf("%d of %d", n, i))
			}
		})
	}
	writing.Wait()
	order := all[0].until(t, 3*each)
	for i, f := range all {
		if records := f.until(t, 3*each); !slices.Equal(records, order) {
			t.Errorf("node %d is told another order than node 0", i)
		}
	}
	for i := range nodes {
		own := slices.DeleteFunc(slices.Clone(order), func(r string) bool { return !strings.HasSuffix(r, fmt.Sprint("of ", i)) })
		for n, r := range own {
			if want := fmt.Sprintf("%d of %d", n, i); len(own) != each || r != want {
				t.Fatalf("of node %d the record %d of %d is %q, want %q", i, n, len(own), r, want)
			}
		}
	}
}

// A node that lags behind catches up, and knows when that is not possible any more.
func TestANodeThatLagsCatchesUpOrKnowsThatItCannot(t *testing.T) {
	address := postgrestest.Database(t)
	ahead, behind := open(t, address, t.TempDir()), open(t, address, t.TempDir())
	for n := range 2*followPage + 10 { // more than are read at a time
		leave(t, ahead, fmt.Sprint(n))
	}
	f := newTold()
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { // ends with stop
		defer close(ended)
		behind.Follow(ctx, f)
	}()
	for n, r := range f.until(t, 2*followPage+10) {
		if r != fmt.Sprint(n) {
			t.Fatalf("record %d is %q", n, r)
		}
	}
	stop()
	<-ended
	if f.lagged != 0 {
		t.Error("it says that it lagged too far")
	}
	for n := range 5 {
		leave(t, ahead, fmt.Sprint("later ", n))
	}
	postgrestest.SQL(t, address, "DELETE FROM parley.changes WHERE number <= (SELECT max(number) - 2 FROM parley.changes)")
	later := newTold()
	follows(t, behind, later)
	if records := later.until(t, 2); !slices.Equal(records, []string{"later 3", "later 4"}) || later.lagged != 1 {
		t.Errorf("told are %q, and %d times that it lagged too far, want once", records, later.lagged)
	}
}

// A node that is alone tells itself, and the log does not hold what nobody will read; once
// another is there, it does.
func TestWhatANodeThatIsAloneTellsIsNotInTheLog(t *testing.T) {
	const many = 300
	address := postgrestest.Database(t)
	db, f := open(t, address, t.TempDir()), newTold()
	follows(t, db, f)
	for n := range many { // while it also looks into the log by itself
		leave(t, db, fmt.Sprint(n))
		if n%10 == 0 {
			db.hint()
		}
	}
	for n, r := range f.until(t, many) {
		if r != fmt.Sprint(n) {
			t.Fatalf("record %d is %q", n, r)
		}
	}
	if whole := postgrestest.SQL(t, address, "SELECT count(*) FROM parley.changes WHERE record != ''"); whole != "0" {
		t.Errorf("%s records are in the log", whole)
	}
	second, g := open(t, address, t.TempDir()), newTold()
	leave(t, db, "for both")
	follows(t, second, g)
	if records := g.until(t, 1); records[0] != "for both" {
		t.Errorf("the second is told %q", records)
	}
	if records := f.until(t, many+1); records[many] != "for both" || len(records) != many+1 || f.lagged+g.lagged != 0 {
		t.Errorf("the first is told %q, and %d times that it lagged", records[many:], f.lagged+g.lagged)
	}
	// Of one that was frozen for longer than the log is kept the other takes no notice.
	postgrestest.SQL(t, address, fmt.Sprintf("UPDATE parley.nodes SET renewed = renewed - interval '6 minutes' WHERE id = decode('%016x', 'hex')", second.Start()))
	leave(t, db, "for one")
	second.hint()
	for late := time.Now().Add(20 * time.Second); ; time.Sleep(time.Millisecond) {
		g.mu.Lock()
		lagged := g.lagged
		g.mu.Unlock()
		if lagged == 1 {
			return
		}
		if time.Now().After(late) {
			t.Fatalf("the second was told %d times that it lagged, want once", lagged)
		}
	}
}

// A node may read its own record, which is empty in the log, before it knows that it is on disk.
func TestANodeWaitsForItsOwnRecord(t *testing.T) {
	address := postgrestest.Database(t)
	db, f := open(t, address, t.TempDir()), newTold()
	number := db.followed.Load() + 1
	db.leaving[number] = true
	postgrestest.SQL(t, address, fmt.Sprintf("INSERT INTO parley.changes VALUES (%d, 1, '')", number))
	if err := db.followAll(t.Context(), f); err != nil || len(f.records) != 0 || f.lagged != 0 {
		t.Fatalf("told are %q, and %d times that it lagged: %v", f.records, f.lagged, err)
	}
	// Nor does it take another's for its own, which was not committed then.
	postgrestest.SQL(t, address, "UPDATE parley.changes SET record = 'another''s'")
	if err := db.followAll(t.Context(), f); err != nil || !slices.Equal(f.records, []string{"another's"}) {
		t.Fatalf("told are %q: %v", f.records, err)
	}
	f.records = nil
	db.followed.Store(number - 1)
	postgrestest.SQL(t, address, "UPDATE parley.changes SET record = ''")
	db.committed(entry{number: number, record: []byte("own"), kept: true})
	if err := db.followAll(t.Context(), f); err != nil || !slices.Equal(f.records, []string{"own"}) {
		t.Errorf("told are %q: %v", f.records, err)
	}
}

// What is fleeting reaches the other nodes and not its own.
func TestASignalReachesTheOtherNodes(t *testing.T) {
	address := postgrestest.Database(t)
	from, to := open(t, address, t.TempDir()), open(t, address, t.TempDir())
	own, other := newTold(), newTold()
	follows(t, from, own)
	follows(t, to, other)
	for { // until it listens
		from.Signal([]byte("typing"))
		select {
		case s := <-other.signals:
			if !strings.HasPrefix(s, "typing") {
				t.Errorf("heard %q", s)
			}
			if len(own.signals) != 0 {
				t.Error("the node hears itself")
			}
			return
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// The log keeps what is young, and its newest record.
func TestTheChangeLogIsTrimmed(t *testing.T) {
	address := postgrestest.Database(t)
	db := open(t, address, t.TempDir())
	follows(t, db, newTold())
	var trimmed trimmer
	now := time.Now()
	count := func() string { return postgrestest.SQL(t, address, "SELECT count(*) FROM parley.changes") }
	for n := range 3 {
		leave(t, db, fmt.Sprint(n))
	}
	for db.followed.Load() < 3 {
		time.Sleep(time.Millisecond)
	}
	for _, step := range []struct {
		after time.Duration
		left  string
	}{{0, "3"}, {keepTime / 2, "3"}, {keepTime, "1"}} {
		if err := db.trim(t.Context(), &trimmed, now.Add(step.after)); err != nil {
			t.Fatal(err)
		}
		if left := count(); left != step.left {
			t.Errorf("after %v there are %s records, want %s", step.after, left, step.left)
		}
	}
	leave(t, db, "goes on")
	if newest := postgrestest.SQL(t, address, "SELECT max(number) FROM parley.changes"); newest != "4" {
		t.Errorf("the next has number %s, want 4", newest)
	}
}

// Who is connected is there until the node says otherwise or its lease has run out.
func TestANodeThatIsGoneTakesItsConnectionsAlong(t *testing.T) {
	address := postgrestest.Database(t)
	db, gone := open(t, address, t.TempDir()), open(t, address, t.TempDir())
	ada, bob := chat.Presence{User: 1, Client: "1-a", Device: 7}, chat.Presence{User: 2, Client: "2-b"}
	attend := func(began, ended []chat.Presence) {
		t.Helper()
		if err := gone.Update(t.Context(), func(tx chat.Tx) error {
			return errors.Join(tx.PutUser(chat.User{ID: 1, Name: "Ada"}), gone.Attend(tx, began, ended))
		}); err != nil {
			t.Fatal(err)
		}
	}
	attendance := func() (all []chat.Presence) {
		t.Helper()
		if err := db.View(t.Context(), func(v chat.View) error {
			return db.Attendance(v, func(node uint64, p chat.Presence) {
				if node != gone.Start() {
					t.Errorf("connected to node %d, want %d", node, gone.Start())
				}
				all = append(all, p)
			})
		}); err != nil {
			t.Fatal(err)
		}
		return all
	}
	remove := func() (known bool) {
		t.Helper()
		if err := db.Update(t.Context(), func(tx chat.Tx) (err error) {
			known, err = db.Remove(tx, gone.Start())
			return err
		}); err != nil {
			t.Fatal(err)
		}
		return known
	}
	attend([]chat.Presence{ada, bob}, nil)
	attend([]chat.Presence{ada}, []chat.Presence{bob})
	if all := attendance(); !slices.Equal(all, []chat.Presence{ada}) {
		t.Errorf("connected are %v, want %v", all, ada)
	}
	if remove() {
		t.Error("a node with a lease is removed")
	}
	postgrestest.SQL(t, address, fmt.Sprintf("UPDATE parley.nodes SET until = clock_timestamp() - interval '1 second' WHERE id = decode('%016x', 'hex')", gone.Start()))
	var expired []uint64
	if err := db.View(t.Context(), func(v chat.View) (err error) {
		expired, err = db.Expired(v)
		return err
	}); err != nil || !slices.Equal(expired, []uint64{gone.Start()}) {
		t.Errorf("expired are %v, %v", expired, err)
	}
	if !remove() || remove() {
		t.Error("a node that is gone is removed once")
	}
	if all := attendance(); len(all) != 0 {
		t.Errorf("connected are %v, want nobody", all)
	}
	if err := db.View(t.Context(), func(v chat.View) error {
		u, err := v.User(1)
		if u.LastSeen == 0 {
			t.Error("when Ada was seen last is not known")
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	attend([]chat.Presence{bob}, nil) // it was only frozen
	if err := gone.renew(t.Context()); err != nil {
		t.Fatal(err)
	}
	if all := attendance(); remove() || !slices.Equal(all, []chat.Presence{bob}) {
		t.Errorf("connected are %v, want %v", all, bob)
	}
	// One that ends leaves those who are connected to it a moment to go elsewhere.
	if err := gone.Close(); err != nil {
		t.Fatal(err)
	}
	if all := attendance(); remove() || !slices.Equal(all, []chat.Presence{bob}) {
		t.Errorf("connected are %v, want %v", all, bob)
	}
}

// A folder that was used with another history is refused, and so is a clock that is off.
func TestANodeThatDoesNotBelongIsRefused(t *testing.T) {
	dir := t.TempDir()
	if err := open(t, postgrestest.Database(t), dir).Close(); err != nil {
		t.Fatal(err)
	}
	_, err := Open(t.Context(), Config{URL: postgrestest.Database(t), Dir: dir, Serve: true, Log: slog.New(slog.DiscardHandler)})
	if !errors.Is(err, errForeign) {
		t.Errorf("a folder of another history: %v", err)
	}
	address := postgrestest.Database(t)
	for off, word := range map[time.Duration]string{-3 * time.Second: "", 3 * time.Second: "", -20 * time.Second: "20s behind the database's", 20 * time.Second: "20s ahead of the database's"} {
		db, err := Open(t.Context(), Config{URL: address, Dir: t.TempDir(), Serve: true, Now: func() time.Time { return time.Now().Add(off) }, Log: slog.New(slog.DiscardHandler)})
		if (err == nil) != (word == "") || err != nil && (!strings.Contains(err.Error(), word) || strings.Contains(err.Error(), "\n")) {
			t.Errorf("with a clock that is off by %v: %v", off, err)
		}
		if db != nil {
			if err := db.Close(); err != nil {
				t.Error(err)
			}
		}
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

// Nodes that are there learn that another began a new epoch.
func TestANewEpochIsToldToTheNodesThatAreThere(t *testing.T) {
	address := postgrestest.Database(t)
	f := newTold()
	follows(t, open(t, address, t.TempDir()), f)
	postgrestest.SQL(t, address, `UPDATE parley.meta SET value = 'another' WHERE name = 'database'`)
	if db := open(t, address, t.TempDir()); db.Doubt() == "" {
		t.Error("no new epoch began")
	}
	if records := f.until(t, 1); records[0] != "look anew" {
		t.Errorf("told are %q", records)
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
