package firefox

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"testing"

	"parley/server/e2e/live"
)

// command is Firefox's, which TestMain found.
var command string

func TestMain(m *testing.M) {
	if err := prepare(); err != nil {
		fmt.Fprintln(os.Stderr, "firefox:", err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

func prepare() error {
	for _, name := range []string{os.Getenv("FIREFOX"), "firefox-esr", "firefox"} {
		if path, err := exec.LookPath(name); name != "" && err == nil {
			command = path
			_, err = live.Binary()
			return err
		}
	}
	return errors.New("no Firefox found: install it (Debian's package firefox-esr), or set FIREFOX to its command; make does so by itself")
}
