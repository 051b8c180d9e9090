package chaos

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// A report says what was survived, and how fast.
type report struct {
	seed       uint64
	began      time.Time
	counts     map[string]int // of faults, by name
	recoveries []time.Duration
	verdict    verdict
}

func newReport(seed uint64) *report {
	return &report{seed: seed, began: time.Now(), counts: map[string]int{}}
}

// survived notes faults that struck at the same time, and how long after the
// last of them was over everybody had recovered.
func (r *report) survived(cards []card, took time.Duration) {
	for _, c := range cards {
		r.counts[c.fault.name]++
		r.recoveries = append(r.recoveries, took)
	}
}

// write puts the report into words. stored is how many messages the server has.
func (r *report) write(presses *recorder, people, stored int) string {
	var b strings.Builder
	took := presses.last.Sub(r.began)
	fmt.Fprintf(&b, "seed %d: %d people, %d faults survived in %v\n", r.seed, people, len(r.recoveries), time.Since(r.began).Round(time.Second))
	for _, name := range slices.Sorted(maps.Keys(r.counts)) {
		fmt.Fprintf(&b, "  %4d × %s\n", r.counts[name], name)
	}
	fmt.Fprintf(&b, "pressed Send %d times: %d stood in the list, %d were declined, of %d a dying page did not tell\n",
		len(presses.presses), presses.count(stood), presses.count(declined), presses.count(unknown))
	for reason, n := range presses.declines {
		fmt.Fprintf(&b, "  %4d × %s\n", n, reason)
	}
	fmt.Fprintf(&b, "stored %d messages, %.1f a second\n", stored, float64(stored)/took.Seconds())
	by := "by itself"
	if *impatient {
		by = "of people who press Try now"
	}
	fmt.Fprintf(&b, "time to recover, %s: median %v, p99 %v, longest %v\n", by, r.percentile(50), r.percentile(99), r.percentile(100))
	fmt.Fprintf(&b, "%d lost, %d doubled, %d out of order\n", r.verdict.lost, r.verdict.doubled, r.verdict.disordered)
	return b.String()
}

func (r *report) percentile(p int) time.Duration {
	if len(r.recoveries) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(r.recoveries))
	return sorted[min(len(sorted)*p/100, len(sorted)-1)].Round(time.Millisecond)
}

// keep leaves a file among the test's artifacts.
func keep(t *testing.T, name, content string) {
	t.Helper()
	path := filepath.Join(t.ArtifactDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Logf("cannot keep %s: %v", path, err)
		return
	}
	t.Logf("kept %s", path)
}
