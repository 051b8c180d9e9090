package chat

import (
	"math/rand/v2"
	"testing"
)

// The model of ranges is a plain set of small numbers.
func TestRangesAreASet(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		var r ranges
		model := map[uint64]bool{}
		for range 40 {
			from := 1 + random.Uint64N(60)
			to := from + random.Uint64N(8)
			if random.IntN(3) == 0 {
				r = r.remove(from, to)
			} else {
				r = r.add(from, to)
			}
			for seq := from; seq <= to; seq++ {
				model[seq] = false
			}
			for seq := from; seq <= to && r.has(from); seq++ {
				model[seq] = true
			}
			check(t, r, model)
		}
	}
}

func check(t *testing.T, r ranges, model map[uint64]bool) {
	t.Helper()
	for i, x := range r {
		if x.From > x.To || i > 0 && r[i-1].To+1 >= x.From {
			t.Fatalf("%v is not ascending and apart", r)
		}
	}
	missing := ranges{}
	for _, x := range r.missing(1, 80) {
		missing = missing.add(x.From, x.To)
	}
	through, highest := uint64(0), uint64(0)
	for seq := uint64(1); seq <= 80; seq++ {
		if r.has(seq) != model[seq] || missing.has(seq) == model[seq] {
			t.Fatalf("%v: %d is %v in the model; missing %v", r, seq, model[seq], missing)
		}
		if model[seq] {
			highest = seq
			if through == seq-1 {
				through = seq
			}
		}
		if got := r.highest(seq); got != highest {
			t.Fatalf("%v: highest up to %d is %d, want %d", r, seq, got, highest)
		}
	}
	if got := r.through(0); got != through {
		t.Fatalf("%v: through %d, want %d", r, got, through)
	}
}

func TestRangesReachTheLastSeq(t *testing.T) {
	const last = ^uint64(0)
	r := ranges{}.add(last-1, last).add(1, 2)
	if !r.has(last) || r.has(last-2) || r.highest(last) != last {
		t.Errorf("%v lost its end", r)
	}
	if got := r.missing(last-3, last); len(got) != 1 || got[0] != (Range{last - 3, last - 2}) {
		t.Errorf("missing is %v", got)
	}
	if got := r.remove(last, last); got.has(last) || !got.has(last-1) {
		t.Errorf("%v after removing the last", got)
	}
}
