package proto

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

func reached(steps ...Step) (r ReceiptTimes) {
	for _, s := range steps {
		r.Add(s)
	}
	return r
}

func TestASeqWasReachedByTheFirstStepThatPassedIt(t *testing.T) {
	r := reached(Step{3, 100}, Step{5, 200}, Step{9, 300})
	for seq, want := range map[uint64]uint64{0: 100, 1: 100, 3: 100, 4: 200, 5: 200, 6: 300, 9: 300, 10: 0, math.MaxUint64: 0} {
		if got := r.By(seq); got != want {
			t.Errorf("By(%d) = %d, want %d", seq, got, want)
		}
	}
	if got := ReceiptTimes(nil).By(1); got != 0 {
		t.Errorf("nothing is known, and By(1) = %d", got)
	}
}

func TestAStepThatSaysNoMoreIsNotKept(t *testing.T) {
	for _, test := range []struct {
		name string
		add  Step
		from uint64
		want []Step
	}{
		{"the same again", Step{5, 200}, 0, []Step{{3, 100}, {5, 200}, {9, 300}}},
		{"less far, no earlier", Step{4, 200}, 0, []Step{{3, 100}, {5, 200}, {9, 300}}},
		{"as far, later", Step{5, 201}, 0, []Step{{3, 100}, {5, 200}, {9, 300}}},
		{"as far, earlier", Step{5, 150}, 4, []Step{{3, 100}, {5, 150}, {9, 300}}},
		{"between two", Step{4, 150}, 4, []Step{{3, 100}, {4, 150}, {5, 200}, {9, 300}}},
		{"before all", Step{1, 50}, 1, []Step{{1, 50}, {3, 100}, {5, 200}, {9, 300}}},
		{"further, later", Step{12, 400}, 10, []Step{{3, 100}, {5, 200}, {9, 300}, {12, 400}}},
		{"further than two, and earlier", Step{12, 150}, 4, []Step{{3, 100}, {12, 150}}},
		{"further than all, and earlier", Step{12, 100}, 1, []Step{{12, 100}}},
		{"no time", Step{12, 0}, 0, []Step{{3, 100}, {5, 200}, {9, 300}}},
		{"no seq", Step{0, 1}, 0, []Step{{3, 100}, {5, 200}, {9, 300}}},
	} {
		r := reached(Step{3, 100}, Step{5, 200}, Step{9, 300})
		if from := r.Add(test.add); from != test.from {
			t.Errorf("%s: changes from %d on, want %d", test.name, from, test.from)
		}
		if !slices.Equal(r, test.want) {
			t.Errorf("%s: %v, want %v", test.name, r, test.want)
		}
	}
}

func TestWhatIsTooFarBackIsForgotten(t *testing.T) {
	const top = math.MaxUint64
	r := reached(Step{top - ReceiptTimesSpan - 7, 50}, Step{top - ReceiptTimesSpan, 100}, Step{top - ReceiptTimesSpan + 1, 200})
	r.Add(Step{top, 300})
	if want := []Step{{top - ReceiptTimesSpan + 1, 200}, {top, 300}}; !slices.Equal(r, want) {
		t.Errorf("%v, want %v", r, want)
	}
	for seq, want := range map[uint64]uint64{0: 0, top - ReceiptTimesSpan: 0, top - ReceiptTimesSpan + 1: 200, top: 300} {
		if got := r.By(seq); got != want {
			t.Errorf("By(%d) = %d, want %d", seq, got, want)
		}
	}
	if from := r.Add(Step{top - ReceiptTimesSpan, 1}); from != 0 || len(r) != 2 {
		t.Errorf("a step from before is kept: %v", r)
	}
}

// some are steps at random, close together, so that many say less than others.
func some(random *rand.Rand, n int) (steps []Step) {
	for range n {
		steps = append(steps, Step{random.Uint64N(3 * ReceiptTimesSpan), random.Uint64N(400)})
	}
	return steps
}

// by is the rule as Reached states it, from all steps.
func by(steps []Step, seq uint64) (first uint64) {
	var highest uint64
	for _, s := range steps {
		if s.Time == 0 || s.Seq == 0 {
			continue
		}
		highest = max(highest, s.Seq)
		if s.Seq >= seq && (first == 0 || s.Time < first) {
			first = s.Time
		}
	}
	if highest >= seq+ReceiptTimesSpan {
		return 0
	}
	return first
}

func TestStepsInAnyOrderAndRepetitionComeToTheSame(t *testing.T) {
	for seed := range uint64(400) {
		random := rand.New(rand.NewPCG(seed, 7))
		steps := some(random, 1+random.IntN(300))
		want := reached(steps...)
		again := slices.Concat(steps, steps[:len(steps)/2])
		random.Shuffle(len(again), func(i, j int) { again[i], again[j] = again[j], again[i] })
		if got := reached(again...); !slices.Equal(got, want) {
			t.Fatalf("seed %d: %v in another order and with repetitions, want %v", seed, got, want)
		}
		// What is known in two places is the same as what is known in one.
		cut := random.IntN(len(again))
		joined := reached(again[:cut]...)
		for _, s := range reached(again[cut:]...) {
			joined.Add(s)
		}
		if !slices.Equal(joined, want) {
			t.Fatalf("seed %d: joined %v, want %v", seed, joined, want)
		}
	}
}

func TestNoTimeIsEarlierThanAStepSaysAndNoneIsLaterThanItMust(t *testing.T) {
	for seed := range uint64(8) {
		random := rand.New(rand.NewPCG(seed, 8))
		steps := some(random, 1+random.IntN(200))
		var r ReceiptTimes
		for i, s := range steps {
			before := slices.Clone(r)
			from := r.Add(s)
			if len(r) > ReceiptTimesSpan || !rising(r) {
				t.Fatalf("seed %d: %d steps: %v", seed, len(r), r)
			}
			for seq := uint64(1); seq < 3*ReceiptTimesSpan; seq++ {
				if got, want := r.By(seq), by(steps[:i+1], seq); got != want {
					t.Fatalf("seed %d: By(%d) = %d, want %d", seed, seq, got, want)
				}
				known := before.By(seq) != r.By(seq) && r.By(seq) != 0
				if known && (from == 0 || seq < from) {
					t.Fatalf("seed %d: By(%d) changed below %d", seed, seq, from)
				}
			}
		}
	}
}

func rising(r ReceiptTimes) bool {
	for i := 1; i < len(r); i++ {
		if r[i].Seq <= r[i-1].Seq || r[i].Time <= r[i-1].Time {
			return false
		}
	}
	return true
}

// A watermark that rises by one each time has as many steps as there can be.
func TestStepsAreBounded(t *testing.T) {
	var r ReceiptTimes
	for i := range uint64(10 * ReceiptTimesSpan) {
		r.Add(Step{i + 1, i + 1})
	}
	if len(r) != ReceiptTimesSpan || r.By(10*ReceiptTimesSpan) != 10*ReceiptTimesSpan || r.By(9*ReceiptTimesSpan) != 0 {
		t.Errorf("%d steps, %d, %d", len(r), r.By(10*ReceiptTimesSpan), r.By(9*ReceiptTimesSpan))
	}
}
