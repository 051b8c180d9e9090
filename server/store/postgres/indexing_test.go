//go:build unix

package postgres

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"

	"parley/proto/search"
	"parley/server/chat"
	"parley/server/chat/storetest"
	"parley/server/store/postgres/postgrestest"
)

// A node that is killed in the middle of indexing leaves nothing half done, and another goes on where it was.
func TestAnotherNodeGoesOnWithTheIndexOfOneThatWasKilled(t *testing.T) {
	address := postgrestest.Database(t)
	first, second := open(t, address, t.TempDir()), open(t, address, t.TempDir())
	ends := new(ends)
	ends.of(first)
	one, two := indexOf(t, first), indexOf(t, second)
	speaking := newCrowd(t, second)
	by := indexer(t, second, two)
	people := storetest.NewTalk()
	for _, puts := range []int{1, 7, 13, 20} {
		people.On(t, speaking.Service, 25)
		died := false
		s := indexer(t, first, &storetest.Dying{Index: one, Puts: puts, Die: func() { died = true; ends.close() }})
		if _, err := s.IndexMore(t.Context()); err == nil || !died {
			t.Fatalf("the node did not end in the middle: %v", err)
		}
		storetest.IndexAll(t, by)
		storetest.CheckIndex(t, second, two)
	}
}

// Nodes that index at the same time, as where one takes over from another that does not know yet, do nothing twice.
func TestNodesThatIndexAtTheSameTimeNameEverythingOnce(t *testing.T) {
	address := postgrestest.Database(t)
	first, second := open(t, address, t.TempDir()), open(t, address, t.TempDir())
	one, two := indexOf(t, first), indexOf(t, second)
	speaking := newCrowd(t, first)
	services := []*chat.Service{indexer(t, first, one), indexer(t, second, two)}
	spoken, stop := context.WithCancel(t.Context())
	var all sync.WaitGroup
	for _, s := range services {
		all.Go(func() {
			for spoken.Err() == nil {
				if _, err := s.IndexMore(t.Context()); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	storetest.NewTalk().On(t, speaking.Service, 80)
	stop()
	all.Wait()
	for _, s := range services {
		storetest.IndexAll(t, s)
	}
	storetest.CheckIndex(t, first, one)
	storetest.CheckIndex(t, second, two)
}

func indexOf(t *testing.T, db *DB) chat.Index {
	t.Helper()
	x, err := db.OpenIndex(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// indexer is a service that indexes when it is told to.
func indexer(t *testing.T, db *DB, x chat.Index) *chat.Service {
	t.Helper()
	s, err := chat.New(chat.Config{Store: db, Index: x, Fanout: new(crowd), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// ends are connections of a node to its database.
type ends struct {
	mu  sync.Mutex
	all []net.Conn
}

// of keeps those that a node makes from now on.
func (e *ends) of(db *DB) {
	dial := db.config.DialFunc
	db.config.DialFunc = func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := dial(ctx, network, address)
		if err == nil {
			e.mu.Lock()
			defer e.mu.Unlock()
			e.all = append(e.all, c)
		}
		return c, err
	}
}

// close closes them, as those of a process that is killed.
func (e *ends) close() {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, c := range e.all {
		c.Close()
	}
	e.all = nil
}

// What is put again and again, as the last page of each of many is, does not let the table grow each
// time, though nobody vacuums it.
func TestPagesThatGrowTakeTheirOwnRoomAgain(t *testing.T) {
	address := postgrestest.Database(t)
	x := indexOf(t, open(t, address, t.TempDir()))
	const audiences, times = 40, 60
	for n := uint64(1); n <= times; n++ {
		if err := x.Update(t.Context(), func(tx chat.IndexTx) error {
			for audience := range uint64(audiences) {
				p := chat.IndexPage{Audience: fmt.Sprint("u:", audience), First: 1}
				var terms []search.Term
				for id := uint64(1); id <= n; id++ {
					p.IDs = append(p.IDs, id)
					for i := range uint64(30) {
						terms = append(terms, search.SenderTerm((audience*times+id)<<8|i))
					}
				}
				p.Terms = search.NewFilters(terms)
				if err := tx.PutPage(p); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	const grown = "SELECT pg_relation_size('parley.index_pages') > 5 * sum(length(body)), pg_relation_size('parley.index_pages'), sum(length(body)) FROM parley.index_pages"
	if has := postgrestest.SQL(t, address, grown); !strings.HasPrefix(has, "f") {
		t.Errorf("the table has more than five times as many bytes as its pages: %s", has)
	}
}
