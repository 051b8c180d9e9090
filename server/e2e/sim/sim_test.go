package sim_test

import (
	"flag"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

var (
	seeds = flag.Int("seeds", 40, "how many seeds to run")
	first = flag.Uint64("seed", 1, "the first seed")
	lines = flag.Int("lines", 60, "how many lines of a failing seed's trace to print")
)

// TestEveryPromiseHoldsUnderFaults plays a world for each seed. A failing seed
// is played again to print what happened; -seed N -seeds 1 plays it alone.
func TestEveryPromiseHoldsUnderFaults(t *testing.T) {
	var next, sends, followed, remade atomic.Uint64
	next.Store(*first)
	end := *first + uint64(*seeds)
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for seed := next.Add(1) - 1; seed < end && !t.Failed(); seed = next.Add(1) - 1 {
				w := newWorld(seed, false)
				if err := w.run(); err != nil {
					t.Errorf("seed %d: %v\n%s", seed, err, replay(seed))
				}
				sends.Add(uint64(len(w.presses)))
				followed.Add(uint64(w.followed))
				remade.Add(uint64(w.remade))
			}
		})
	}
	workers.Wait()
	t.Logf("%d seeds, %d messages; %d transactions began while another was on its way, %d were made again",
		*seeds, sends.Load(), followed.Load(), remade.Load())
}

// replay plays a seed once more and returns the end of its trace.
func replay(seed uint64) string {
	w := newWorld(seed, true)
	err := w.run()
	trace := w.trace
	if n := len(trace) - *lines; n > 0 {
		trace = append([]string{fmt.Sprintf("… %d lines before", n)}, trace[n:]...)
	}
	return fmt.Sprintf("replayed: %v\n%s", err, strings.Join(trace, "\n"))
}

func TestASeedReplaysExactly(t *testing.T) {
	for seed := uint64(1); seed <= 8; seed++ {
		a, b := newWorld(seed, true), newWorld(seed, true)
		a.run()
		b.run()
		if x, y := strings.Join(a.trace, "\n"), strings.Join(b.trace, "\n"); x != y {
			t.Errorf("seed %d took two ways", seed)
		}
	}
}
