//go:build unix

package postgres

import (
	"flag"
	"strconv"
	"strings"
	"testing"

	"parley/server/chat"
	"parley/server/chat/storetest"
	"parley/server/store/postgres/postgrestest"
)

// searched is how many messages BenchmarkSearch searches; a million take minutes to write and to index.
var searched = flag.Int("searched", 1_000_000, "how many messages the benchmark of searching searches")

func BenchmarkSearch(b *testing.B) {
	address, db, x := openToIndex(b)
	storetest.BenchmarkSearch(b, db, x, *searched, func() int64 {
		size, err := strconv.ParseInt(strings.TrimSpace(postgrestest.SQL(b, address, "SELECT pg_total_relation_size('parley.index_pages')")), 10, 64)
		if err != nil {
			b.Fatal(err)
		}
		return size
	})
}

func BenchmarkIndexer(b *testing.B) {
	_, db, x := openToIndex(b)
	storetest.BenchmarkIndexer(b, db, x)
}

func openToIndex(b *testing.B) (address string, db *DB, x chat.Index) {
	address = postgrestest.Database(b)
	postgrestest.Durable(b)
	db = open(b, address, b.TempDir())
	x, err := db.OpenIndex(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	return address, db, x
}
