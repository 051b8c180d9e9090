// Package abuse holds a test in which many misbehave at once beside a few honest
// people, and the honest ones neither lose anything nor wait for it. make abuse
// runs the long form, which also compares how long they wait with an empty
// server.
//
// Those who misbehave are a process of their own, at a lower priority: what their
// own work costs is no fault of the server's.
package abuse

import (
	"flag"
	"fmt"
	"os"
	"testing"
	"time"

	"parley/server/e2e/live"
)

// patience is how long the test waits for what must happen. It is generous: it
// says that something hangs, not that something is slow.
const patience = 60 * time.Second

var (
	lasting = flag.Duration("lasting", 4*time.Second, "how long each part of the test lasts")
	scale   = flag.Float64("scale", 0.1, "how many misbehave: 1 is 1,000 silent connections, 950 senders of long messages, and so on")
	ratio   = flag.Float64("ratio", 0, "how many times as long as with an empty server the slowest of a hundred may take; 0 is not to compare")
)

func TestMain(m *testing.M) {
	flag.Parse()
	if target := os.Getenv(abuserVariable); target != "" {
		abuse(target)
		return
	}
	if _, err := live.Binary(); err != nil {
		fmt.Fprintln(os.Stderr, "abuse tests:", err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}
