package idb

import (
	"math/rand/v2"
	"slices"
	"syscall/js"
	"testing"
	"time"

	"parley/wasm/chat"
)

// BenchmarkWriteAgainstRecords writes 10,000 messages of realistic lengths in one transaction, as pages with their terms
// and without, in turns with JavaScript alone, which puts the same bytes as a record each, and reports how many times as
// long as that the others take.
func BenchmarkWriteAgainstRecords(b *testing.B) {
	const n = 10_000
	random := rand.New(rand.NewPCG(1, 2))
	s := open(b, newUser(b))
	defer s.Close()
	records := newRecords(b)
	var took [3][]float64
	for first := uint64(1); b.Loop(); first += n {
		batch := spoken(random, first, n)
		again := chat.Batch{Entries: slices.Clone(batch.Entries)}
		bodies := js.Global().Get("Array").New()
		for _, e := range batch.Entries {
			bodies.Call("push", toJS(e.Body))
		}
		for i, write := range []func() error{
			func() error { return records.write(b, bodies, first) },
			func() error { return s.Apply(b.Context(), batch) },
			func() error { return s.Apply(b.Context(), unindexed(again)) },
		} {
			began := time.Now()
			if err := write(); err != nil {
				b.Fatal(err)
			}
			took[i] = append(took[i], float64(time.Since(began)))
		}
	}
	for i := range took {
		slices.Sort(took[i])
	}
	median := func(of []float64) float64 { return of[len(of)/2] }
	b.ReportMetric(median(took[0])/1e6, "ms/records")
	b.ReportMetric(median(took[1])/median(took[0]), "ratio")
	b.ReportMetric(median(took[2])/median(took[0]), "ratio-unindexed")
}

// records is a database of the least that keeps messages: a record for each, under a number.
type records struct{ db, put js.Value }

func newRecords(b *testing.B) records {
	b.Helper()
	user := newUser(b)
	db, err := settle(b.Context(), func(f js.Value) js.Value { return f.Call("open", databaseName(user), 1) },
		func(db, _ js.Value, _ int) { db.Call("createObjectStore", storeMessages) }, nil)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { db.Call("close") })
	return records{db, js.Global().Get("Function").New("store", "bodies", "first", "bodies.forEach((body, i) => store.put(body, first + i))")}
}

func (r records) write(b *testing.B, bodies js.Value, first uint64) error {
	return transact(b.Context(), r.db, "readwrite", func(t *transaction) error {
		r.put.Invoke(t.store(storeMessages), bodies, int(first))
		return nil
	}, storeMessages)
}
