package live

import (
	"errors"
	"os"
	"os/exec"
)

// Chromium is the path of the browser's command: $CHROME, or one of its names.
func Chromium() (string, error) {
	for _, name := range []string{os.Getenv("CHROME"), "chromium", "chromium-browser", "google-chrome", "google-chrome-stable"} {
		if path, err := exec.LookPath(name); name != "" && err == nil {
			return path, nil
		}
	}
	return "", errors.New("no Chromium found: install it (Debian's package chromium), or set CHROME to its command; make does so by itself")
}

// HeadlessShell is the path of a browser's command for tests that need Chromium's
// engine and not the browser around it: $HEADLESS_SHELL, or else Chromium's.
func HeadlessShell() (string, error) {
	if path, err := exec.LookPath(os.Getenv("HEADLESS_SHELL")); err == nil {
		return path, nil
	}
	return Chromium()
}
