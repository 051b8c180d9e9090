// Package chaos holds tests that let people chat through the real program and
// real browsers while server, network and pages fail under them, and then want
// every message in its place. make chaos runs the long form.
//
// What it needs is as in package e2e.
package chaos

import (
	"flag"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"parley/server/e2e/live"
	"parley/server/store/postgres/postgrestest"
)

// patience is how long the tests wait for what must happen. It is generous: it
// says that something hangs, not that something is slow.
const patience = 90 * time.Second

var (
	messages   = flag.Int("messages", 200, "how many messages people send")
	faults     = flag.Int("faults", 12, "how many faults they survive")
	impatient  = flag.Bool("impatient", true, "people press Try now while their page is not live")
	reconnects = flag.Int("reconnects", 30, "how often a page is made to connect again")
	people     = flag.Int("people", 2, "how many people chat, each with each other")
	nodes      = flag.Int("nodes", 3, "how many nodes a cluster has")
	talkers    = flag.Int("talkers", 5, "how many clients without a browser chat besides, at a cluster")
	before     = flag.String("before", "", "the program of the version before, from which a cluster is upgraded")
	only       = flag.String("kinds", ".", "a regular expression for the kinds of faults")
	seed       = flag.Uint64("seed", 0, "what chance begins with; 0 takes another one each time")
)

// chromeBinary is the browser's command, which TestMain found: without the browser
// around the engine where there is one, which starts in a fraction of the computing.
var chromeBinary string

func TestMain(m *testing.M) {
	flag.Parse()
	zerolog.SetGlobalLevel(zerolog.WarnLevel) // Toxiproxy tells of each toxic otherwise
	if err := prepare(); err != nil {
		fmt.Fprintln(os.Stderr, "chaos tests:", err)
		os.Exit(1)
	}
	os.Exit(postgrestest.Run(m))
}

func prepare() (err error) {
	if chromeBinary, err = live.HeadlessShell(); err != nil {
		return err
	}
	_, err = live.Binary()
	return err
}
