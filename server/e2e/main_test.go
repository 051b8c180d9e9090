package e2e

import (
	"fmt"
	"os"
	"testing"
	"time"

	"parley/server/e2e/live"
)

// patience is how long a test waits for what must happen. It is generous: it
// says that something hangs, not that something is slow, and other tests run beside.
const patience = 90 * time.Second

// The browsers' commands, which TestMain found: most tests need the engine alone.
var shellBinary, chromeBinary string

func TestMain(m *testing.M) {
	if err := prepare(); err != nil {
		fmt.Fprintln(os.Stderr, "end-to-end tests:", err)
		os.Exit(1)
	}
	code := m.Run()
	closeBrowser()
	os.Exit(code)
}

func prepare() (err error) {
	if chromeBinary, err = live.Chromium(); err != nil {
		return err
	}
	if shellBinary, err = live.HeadlessShell(); err != nil {
		return err
	}
	_, err = live.Binary()
	return err
}
