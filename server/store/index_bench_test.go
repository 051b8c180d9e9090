package store_test

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"parley/server/chat"
	"parley/server/chat/storetest"
	"parley/server/store"
)

// searched is how many messages BenchmarkSearch searches; a million take minutes to write and to index.
var searched = flag.Int("searched", 1_000_000, "how many messages the benchmark of searching searches")

func BenchmarkSearch(b *testing.B) {
	dir := b.TempDir()
	db, x := openToIndex(b, dir)
	storetest.BenchmarkSearch(b, db, x, *searched, func() int64 {
		file, err := os.Stat(filepath.Join(dir, store.IndexName))
		if err != nil {
			b.Fatal(err)
		}
		return file.Size()
	})
}

func BenchmarkIndexer(b *testing.B) {
	db, x := openToIndex(b, b.TempDir())
	storetest.BenchmarkIndexer(b, db, x)
}

func openToIndex(b *testing.B, dir string) (*store.DB, chat.Index) {
	db := open(b, dir)
	b.Cleanup(func() { _ = db.Close() }) // it was of use
	x, err := db.OpenIndex(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	return db, x
}
