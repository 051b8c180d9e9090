package chaos

import (
	"cmp"
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"parley/server/e2e/live"
)

//go:embed testdata/driver.js
var driver string

// A browser is a Chromium process with a profile of its own.
type browser struct {
	folder string          // of the profile
	ctx    context.Context // of the browser, as its hidden first tab
	cancel func()          // ends the process
}

// newBrowser starts Chromium with its profile in a folder.
func newBrowser(folder string) (*browser, error) {
	ctx, end, err := live.Start(chromeBinary, chromedp.UserDataDir(folder))
	if err != nil {
		end()
		return nil, err
	}
	return &browser{folder: folder, ctx: ctx, cancel: end}, nil
}

// kill ends the process without a chance to write anything down.
func (b *browser) kill() error {
	err := chromedp.FromContext(b.ctx).Browser.Process().Kill()
	b.cancel()
	return err
}

// A tab is one page of a browser.
type tab struct {
	ctx    context.Context
	cancel context.CancelFunc // closes it

	mu      sync.Mutex
	loading bool // a page was asked for
	up      bool // the page was painted and its engine answered, since the last load
	console []string
}

// open opens an empty tab. before is JavaScript for each document that it will
// show; told gets what the driver tells.
func (b *browser) open(before string, told func(string)) (*tab, error) {
	tb := new(tab)
	tb.ctx, tb.cancel = chromedp.NewContext(b.ctx, chromedp.WithListener(func(event any) { tb.listen(event, told) }))
	hangs := time.AfterFunc(patience, tb.cancel) // the tab lives as long as the context of its first use: no deadline there
	defer hangs.Stop()
	err := chromedp.Do(tb.ctx, chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		// The page believes that it is in front, as if a person looked at it.
		if _, err := cdp.Call(ctx, target, emulation.SetFocusEmulationEnabled, emulation.SetFocusEmulationEnabledParams{Enabled: true}); err != nil {
			return err
		}
		if _, err := cdp.Call(ctx, target, runtime.AddBinding, runtime.AddBindingParams{Name: "chaosTold"}); err != nil {
			return err
		}
		_, err := cdp.Call(ctx, target, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: before + driver})
		return err
	}))
	if err != nil {
		tb.cancel()
		return nil, fmt.Errorf("open a tab: %w", err)
	}
	return tb, nil
}

func (tb *tab) listen(event any, told func(string)) {
	switch e := event.(type) {
	case *runtime.EventBindingCalled:
		told(e.Payload)
	case *runtime.EventConsoleAPICalled:
		var words []string
		for _, arg := range e.Args {
			words = append(words, strings.TrimSpace(string(arg.Value)+" "+arg.Description))
		}
		tb.note(string(e.Type) + ": " + strings.Join(words, " "))
	case *network.EventRequestWillBeSent:
		tb.note("asks for " + e.Request.URL)
	case *network.EventLoadingFailed:
		tb.note("does not get it: " + e.ErrorText)
	case *log.EventEntryAdded:
		tb.note(fmt.Sprintf("%s %s: %s %s", e.Entry.Source, e.Entry.Level, e.Entry.Text, e.Entry.URL))
	case *runtime.EventExceptionThrown:
		text := e.ExceptionDetails.Text
		if e.ExceptionDetails.Exception != nil {
			text += " " + e.ExceptionDetails.Exception.Description
		}
		tb.note("exception: " + text)
	}
}

func (tb *tab) note(line string) {
	tb.mu.Lock()
	defer tb.mu.Unlock()
	if len(tb.console) >= 2000 {
		tb.console = slices.Clone(tb.console[1000:])
	}
	tb.console = append(tb.console, time.Now().Format("15:04:05.000 ")+line)
}

func (tb *tab) isUp() bool {
	tb.mu.Lock()
	defer tb.mu.Unlock()
	return tb.up
}

func (tb *tab) isLoading() bool {
	tb.mu.Lock()
	defer tb.mu.Unlock()
	return tb.loading
}

// setUp notes that a page is up, or that another one is asked for.
func (tb *tab) setUp(up bool) {
	tb.mu.Lock()
	defer tb.mu.Unlock()
	tb.loading, tb.up = true, up
}

// do runs a step in the tab, for at most some time.
func (tb *tab) do(limit time.Duration, step func(ctx context.Context, target *chromedp.Target) error) error {
	ctx, cancel := context.WithTimeout(tb.ctx, limit)
	defer cancel()
	return chromedp.Do(ctx, chromedp.Func(step))
}

// call calls a function of the driver and returns what it, or its promise,
// gives. Arguments and result travel as JSON.
func call[T any](tb *tab, limit time.Duration, function string, args ...any) (result T, err error) {
	encoded, err := json.Marshal(append([]any{}, args...))
	if err != nil {
		return result, err
	}
	ctx, cancel := context.WithTimeout(tb.ctx, limit)
	defer cancel()
	expression := fmt.Sprintf(`Promise.resolve(chaos.%s(...%s)).then(x => JSON.stringify(x))`, function, encoded)
	text, err := chromedp.Run(ctx, chromedp.Evaluate[string](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		return result, fmt.Errorf("%s: %w", function, err)
	}
	return result, json.Unmarshal([]byte(text), &result)
}

// appear waits until the page is painted and its engine answers, and loads it
// again if that takes too long, as a person would.
func (tb *tab) appear(url string) error {
	deadline := time.Now().Add(3 * time.Second)
	for tb.isLoading() && time.Now().Before(deadline) && tb.ctx.Err() == nil {
		if _, err := call[bool](tb, 15*time.Second, "up"); err == nil {
			tb.setUp(true)
			return nil
		}
		time.Sleep(50 * time.Millisecond)
	}
	return tb.load(url)
}

// load shows a page, and tries again until it is painted and its engine
// answers. It soon loses patience: the browser may well ask over a connection
// that is half-open, and takes a new one when it is told to load again.
func (tb *tab) load(url string) (err error) {
	began := time.Now()
	for limit := 4 * time.Second; time.Since(began) < patience && tb.ctx.Err() == nil; time.Sleep(200 * time.Millisecond) {
		if time.Since(began) > patience/2 { // or is it the page that is slow?
			limit = 15 * time.Second
		}
		tb.setUp(false)
		err = tb.do(limit, func(ctx context.Context, target *chromedp.Target) error {
			// From the page itself it would be a step within the document.
			if _, err := chromedp.Navigate("about:blank")(ctx, target); err != nil {
				return err
			}
			_, err := chromedp.Navigate(url)(ctx, target)
			return err
		})
		if err == nil {
			_, err = call[bool](tb, 2*limit, "up")
		}
		if err == nil {
			tb.setUp(true)
			return nil
		}
	}
	return fmt.Errorf("load %s: %w", url, cmp.Or(err, tb.ctx.Err()))
}

// reload begins to load the page again. The driver leaves the old document at
// once, so that nobody takes it for the new one.
func (tb *tab) reload() error {
	tb.setUp(false)
	return tb.do(10*time.Second, func(ctx context.Context, target *chromedp.Target) error {
		if _, err := cdp.Call(ctx, target, runtime.Evaluate, runtime.EvaluateParams{Expression: "delete globalThis.chaos"}); err != nil {
			return err
		}
		_, err := cdp.Call(ctx, target, page.Reload, page.ReloadParams{})
		return err
	})
}

// crash kills the process that shows the page.
func (tb *tab) crash() {
	tb.setUp(false)
	// The answer never comes.
	_ = tb.do(500*time.Millisecond, func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, page.Crash, cdp.Empty{})
		return err
	})
}

// setOffline tells the page that the device has no network, or has one again.
func (tb *tab) setOffline(offline bool) error {
	return tb.do(10*time.Second, func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, network.OverrideNetworkState, network.OverrideNetworkStateParams{
			Offline: offline, DownloadThroughput: -1, UploadThroughput: -1,
		})
		return err
	})
}

// typeMessage writes into the composer as an input method does and presses
// Enter. pressed is called just before that.
func (tb *tab) typeMessage(content string, pressed func()) error {
	if _, err := call[bool](tb, 10*time.Second, "focus"); err != nil {
		return err
	}
	err := tb.do(10*time.Second, func(ctx context.Context, target *chromedp.Target) error {
		if _, err := cdp.Call(ctx, target, input.InsertText, input.InsertTextParams{Text: content}); err != nil {
			return err
		}
		pressed()
		_, err := chromedp.KeyEvent(kb.Enter)(ctx, target)
		return err
	})
	if err != nil {
		return err
	}
	_, err = call[bool](tb, 10*time.Second, "stands", content)
	return err
}
