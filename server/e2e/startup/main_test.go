package startup

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// patience is how long is waited for what must happen. It is generous: it says
// that something hangs, not that something is slow.
const patience = 2 * time.Minute

// What TestMain found: the server's and the browser's commands.
var parleyBinary, chromeBinary string

func TestMain(m *testing.M) {
	if err := prepare(); err != nil {
		fmt.Fprintln(os.Stderr, "startup:", err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

func prepare() (err error) {
	for _, name := range []string{os.Getenv("CHROME"), "chromium", "chromium-browser", "google-chrome", "google-chrome-stable"} {
		if path, err := exec.LookPath(name); name != "" && err == nil {
			chromeBinary = path
			break
		}
	}
	if chromeBinary == "" {
		return fmt.Errorf("no Chromium found: install it (Debian's package chromium), or set CHROME to its command; make bench does so by itself")
	}
	parleyBinary = os.Getenv("PARLEY_BIN")
	if parleyBinary == "" {
		root := filepath.Join("..", "..", "..")
		parleyBinary = filepath.Join(root, ".bin", "parley")
		if out, err := exec.Command("make", "-C", root, "build").CombinedOutput(); err != nil {
			return fmt.Errorf("make build: %w\n%s", err, out)
		}
	}
	if parleyBinary, err = filepath.Abs(parleyBinary); err != nil {
		return err
	}
	if _, err = os.Stat(parleyBinary); err != nil {
		return fmt.Errorf("no server to measure: %w: set PARLEY_BIN to its binary, or run make build", err)
	}
	return nil
}
