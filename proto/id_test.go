package proto

import (
	"math"
	"sync"
	"testing"
	"time"
)

// at returns a clock that stands at ms milliseconds after IDEpoch.
func at(ms int64) func() time.Time {
	return func() time.Time { return IDEpoch.Add(time.Duration(ms) * time.Millisecond) }
}

func newIDs(t *testing.T, node, last uint64, now func() time.Time) *IDs {
	t.Helper()
	ids, err := NewIDs(node, last, now)
	if err != nil {
		t.Fatal(err)
	}
	return ids
}

func TestAnIDHoldsMillisecondsNodeAndCounter(t *testing.T) {
	ids := newIDs(t, 5, 0, at(1000))
	if got, want := ids.Next(), uint64(1000<<22|5<<12); got != want {
		t.Errorf("first id %#x, want %#x", got, want)
	}
	if got, want := ids.Next(), uint64(1000<<22|5<<12|1); got != want {
		t.Errorf("second id %#x, want %#x", got, want)
	}
}

func TestIDsRiseWhateverTheClockDoes(t *testing.T) {
	ms := int64(1_000_000)
	ids := newIDs(t, 7, 0, func() time.Time { return at(ms)() })
	last := uint64(0)
	for step, jump := range []int64{0, 0, 1, -500_000, 0, 10, -1_000_000_000, 2_000_000, 0} {
		ms += jump
		for range 10_000 { // more than the counter holds within one millisecond
			id := ids.Next()
			if id <= last {
				t.Fatalf("step %d: %d follows %d", step, id, last)
			}
			if node := id >> counterBits & MaxNode; node != 7 {
				t.Fatalf("step %d: id of node %d, want 7", step, node)
			}
			last = id
		}
	}
}

func TestIDsAreAboveThoseBeforeARestartThoughTheClockWentBack(t *testing.T) {
	for _, before := range []uint64{0, 3, MaxNode} {
		old := newIDs(t, before, 0, at(5000))
		var last uint64
		for range 5000 {
			last = old.Next()
		}
		for _, node := range []uint64{0, 3, MaxNode} {
			if id := newIDs(t, node, last, at(10)).Next(); id <= last {
				t.Errorf("node %d after node %d: %#x follows %#x", node, before, id, last)
			}
		}
	}
}

func TestIDsAreAboveTheOneThatAnotherNodeGave(t *testing.T) {
	for _, other := range []uint64{0, 4, 5, 6, MaxNode} {
		theirs := newIDs(t, other, 0, at(9000)).Next()
		ours := newIDs(t, 5, 0, at(9000))
		ours.Next()
		ours.After(theirs)
		if id := ours.Next(); id <= theirs {
			t.Errorf("node 5 after node %d: %#x follows %#x", other, id, theirs)
		}
	}
}

func TestAnOlderIDOfAnotherNodeChangesNothing(t *testing.T) {
	ids := newIDs(t, 1, 0, at(9000))
	first := ids.Next()
	ids.After(1)
	if got := ids.Next(); got != first+1 {
		t.Errorf("%#x, want %#x", got, first+1)
	}
}

func TestIDsAreUniqueAmongGoroutinesAndNodes(t *testing.T) {
	const each = 5000
	var wg sync.WaitGroup
	results := make([][]uint64, 8)
	nodes := []*IDs{newIDs(t, 0, 0, at(77)), newIDs(t, 1, 0, at(77))}
	for i := range results {
		wg.Go(func() {
			for range each {
				results[i] = append(results[i], nodes[i%2].Next())
			}
		})
	}
	wg.Wait()
	seen := map[uint64]bool{}
	for _, ids := range results {
		last := uint64(0)
		for _, id := range ids {
			if id <= last {
				t.Fatalf("%d follows %d within one goroutine", id, last)
			}
			last = id
			seen[id] = true
		}
	}
	if len(seen) != len(results)*each {
		t.Errorf("%d different ids, want %d", len(seen), len(results)*each)
	}
}

func TestAClockBeforeTheEpochStillGivesRisingIDs(t *testing.T) {
	ids := newIDs(t, 0, 0, func() time.Time { return time.Unix(0, 0) })
	if first, second := ids.Next(), ids.Next(); first == 0 || second <= first {
		t.Errorf("ids %d, %d", first, second)
	}
}

func TestIDsKeepTheTopBitFreeUntil2094(t *testing.T) {
	ids := newIDs(t, MaxNode, 0, func() time.Time { return time.Date(2094, 1, 1, 0, 0, 0, 0, time.UTC) })
	if id := ids.Next(); id > math.MaxInt64 {
		t.Errorf("id %#x", id)
	}
}

func TestANodeOutOfRangeIsRefused(t *testing.T) {
	if _, err := NewIDs(MaxNode+1, 0, time.Now); err == nil {
		t.Error("accepted")
	}
}
