package startup

import (
	"fmt"
	"os"
	"testing"
	"time"

	"parley/server/e2e/live"
)

// patience is how long is waited for what must happen. It is generous: it says
// that something hangs, not that something is slow.
const patience = 2 * time.Minute

// chromeBinary is the browser's command, which TestMain found.
var chromeBinary string

func TestMain(m *testing.M) {
	if err := prepare(); err != nil {
		fmt.Fprintln(os.Stderr, "startup:", err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

func prepare() (err error) {
	if chromeBinary, err = live.Chromium(); err != nil {
		return err
	}
	_, err = live.Binary()
	return err
}
