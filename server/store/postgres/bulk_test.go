//go:build unix

package postgres

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley/server/store/postgres/postgrestest"
	"parley/server/store/relational"
)

// Rows that are written with one statement are as they would be one by one, whatever is written of
// the same row again: values of other lengths, and none.
func TestRowsThatAreWrittenTogetherAreAsThoseWrittenOneByOne(t *testing.T) {
	address := postgrestest.Database(t)
	db := open(t, address, t.TempDir())
	postgrestest.SQL(t, address, "CREATE TABLE parley.things (id bytea PRIMARY KEY, name bytea, size bigint, old boolean)")
	random, want := rand.New(rand.NewPCG(5, 6)), make(map[relational.Number]string)
	for round := range 60 {
		if err := db.keeping(t.Context(), func(c *connection) error {
			return c.transaction(t.Context(), "BEGIN", func() error {
				var errs []error
				for range random.IntN(20) {
					id := relational.Number(random.Uint64N(8))
					name, size, old := []byte(fmt.Sprint(round*random.IntN(100))), random.Int64N(100), random.IntN(2) == 0
					if random.IntN(4) == 0 {
						name = nil
					}
					if _, there := want[id]; there && random.IntN(2) == 0 {
						errs = append(errs, c.Exec("UPDATE things SET name = ?, size = ?, old = ? WHERE id = ?", name, size, old, id))
					} else {
						errs = append(errs, c.Exec("INSERT INTO things (id, name, size, old) VALUES (?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET name = excluded.name, size = excluded.size, old = excluded.old", id, name, size, old))
					}
					want[id] = fmt.Sprintf("%s %d %t %t", name, size, old, name == nil)
				}
				return errors.Join(errs...)
			})
		}); err != nil {
			t.Fatal(err)
		}
		got := make(map[relational.Number]string)
		if err := db.keeping(t.Context(), func(c *connection) error {
			return c.transaction(t.Context(), "BEGIN", func() error {
				return c.Rows(func(row relational.Row) error {
					var id relational.Number
					var text string
					err := row.Scan(&id, &text)
					got[id] = text
					return err
				}, "SELECT id, concat(encode(name, 'escape'), ' ', size, ' ', old::text, ' ', (name IS NULL)::text) FROM things")
			})
		}); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(maps.Clone(want), got); diff != "" {
			t.Fatalf("round %d (-one by one +together):\n%s", round, diff)
		}
	}
}
