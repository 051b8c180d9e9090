package proto

import "testing"

func TestSomethingNewBringsBackWhatIsNotMuted(t *testing.T) {
	for _, c := range []struct {
		through, head uint64
		muted, want   bool
	}{
		{0, 0, false, false},
		{0, 5, true, false},
		{5, 5, false, true},
		{5, 4, false, true}, // of a client that knows less than the one that archived
		{5, 6, false, false},
		{5, 6, true, true},
	} {
		if got := Archived(c.through, c.head, c.muted); got != c.want {
			t.Errorf("Archived(%d, %d, %t) = %t", c.through, c.head, c.muted, got)
		}
	}
}
