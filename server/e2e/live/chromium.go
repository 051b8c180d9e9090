package live

import (
	"errors"
	"os"
	"os/exec"

	"github.com/chromedp/chromedp"
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

// Options start the browser with that command for any test but those of speed:
// of its programs each function is checked and compiled when it is first called, and
// not again, better, while it runs, and it draws in its own process. Together that is
// a third of a test's computing.
func Options(command string, more ...chromedp.ExecAllocatorOption) []chromedp.ExecAllocatorOption {
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(command),
		chromedp.DisableGPU,
		chromedp.WindowSize(1100, 800),
		chromedp.Flag("lang", "en-US"),
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("in-process-gpu", true),
		chromedp.Flag("js-flags", "--liftoff-only --wasm-lazy-validation"),
	)
	return append(options, more...)
}
