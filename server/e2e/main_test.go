package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"testing"
	"time"

	"parley/server/e2e/live"
)

// patience is how long a test waits for what must happen. It is generous: it
// says that something hangs, not that something is slow.
const patience = 30 * time.Second

// chromeBinary is the browser's command, which TestMain found.
var chromeBinary string

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
	if chromeBinary, err = findChrome(); err != nil {
		return err
	}
	_, err = live.Binary()
	return err
}

func findChrome() (string, error) {
	for _, name := range []string{os.Getenv("CHROME"), "chromium", "chromium-browser", "google-chrome", "google-chrome-stable"} {
		if path, err := exec.LookPath(name); name != "" && err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("no Chromium found: install it (Debian's package chromium), or set CHROME to its command; make test does so by itself")
}
