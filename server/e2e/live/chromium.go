package live

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"os/exec"
	"strings"

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

// Start starts the browser with that command for any test but those of speed, with
// more options; end ends it, and the context is its hidden first tab. A browser whose
// own program crashes before a page was asked of it, by a fault of Chromium's that was
// seen once in some thousand starts, is started once more.
func Start(command string, more ...chromedp.ExecAllocatorOption) (ctx context.Context, end func(), err error) {
	ctx, end, err = start(command, more)
	if err != nil && strings.Contains(err.Error(), "Segmentation fault") {
		log.Printf("start %s again: %v", command, err)
		end()
		ctx, end, err = start(command, more)
	}
	return ctx, end, err
}

// start starts a browser. Of its programs each function is checked and compiled when it
// is first called, and not again, better, while it runs, and it draws in its own
// process. Together that is a third of a test's computing.
func start(command string, more []chromedp.ExecAllocatorOption) (ctx context.Context, end func(), err error) {
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
	allocator, release := chromedp.NewExecAllocator(context.Background(), append(options, more...)...)
	ctx, cancel := chromedp.NewContext(allocator)
	end = func() {
		cancel()
		release()
	}
	if err := chromedp.Do(ctx); err != nil {
		return ctx, end, fmt.Errorf("start %s: %w", command, err)
	}
	return ctx, end, nil
}
