package searchtest

import (
	"slices"
	"testing"
)

func TestAFewConversationsAreLongAndMostAreShort(t *testing.T) {
	for _, test := range []struct{ total, n int }{{1_000_000, 1000}, {10_000, 10}, {20_000, 20}, {7, 7}, {1_000_000, 1}} {
		sizes := Sizes(test.total, test.n)
		sum := 0
		for _, n := range sizes {
			sum += n
		}
		if sum != test.total || len(sizes) != test.n || slices.Min(sizes) < 1 || !slices.IsSortedFunc(sizes, func(a, b int) int { return b - a }) {
			t.Errorf("%d of %d: %v, %d in all", test.n, test.total, sizes, sum)
		}
	}
	sizes := Sizes(1_000_000, 1000)
	if sizes[0] < 100_000 || sizes[0] > 200_000 || sizes[500] > 300 || sizes[999] < 100 {
		t.Errorf("the longest of 1,000 has %d messages, the middle one %d, the shortest %d", sizes[0], sizes[500], sizes[999])
	}
}
