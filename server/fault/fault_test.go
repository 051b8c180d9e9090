package fault_test

import (
	"bytes"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"parley/server/fault"
)

// survive runs what panics.
func survive(r *fault.Record, f func()) {
	defer func() {
		if p := recover(); p != nil {
			r.Recovered("testing", p)
		}
	}()
	f()
}

func outOfRange(values []int, i int) { values[i]++ }

func byHand() { panic("by hand") }

func TestEveryPanicIsCountedAndEachKindLoggedOnce(t *testing.T) {
	var log bytes.Buffer
	r := fault.NewRecord(slog.New(slog.NewTextHandler(&log, nil)))
	var nothing *struct{ n int }
	for i := range 5 {
		survive(r, func() { outOfRange(nil, i) })
		survive(r, func() { nothing.n++ })
		survive(r, byHand)
		survive(r, func() {})
	}
	if r.Count() != 15 {
		t.Errorf("%d are counted, want 15", r.Count())
	}
	lines := strings.Split(strings.TrimSpace(log.String()), "\n")
	if len(lines) != 3 {
		t.Fatalf("%d lines, want one for each kind:\n%s", len(lines), log.String())
	}
	for i, want := range []string{"index out of range [0]", "nil pointer", "by hand"} {
		if !strings.Contains(lines[i], want) || !strings.Contains(lines[i], "fault_test.go:") || !strings.Contains(lines[i], "while=testing") {
			t.Errorf("line %d does not say %q and where: %s", i, want, lines[i])
		}
	}
}

func TestPanicsAtOnceAreAllCounted(t *testing.T) {
	r := fault.NewRecord(slog.New(slog.DiscardHandler))
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() { survive(r, byHand) })
	}
	all.Wait()
	if r.Count() != 50 {
		t.Errorf("%d are counted, want 50", r.Count())
	}
}
