package startup

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// tab is the one tab of a browser of its own, with a fresh profile.
type tab struct {
	t   testing.TB
	ctx context.Context
}

// newTab starts a browser; it ends with the benchmark or test. before is
// JavaScript that runs in each new document before anything of the page.
func newTab(t testing.TB, before string) *tab {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(chromeBinary),
		chromedp.UserDataDir(t.TempDir()),
		chromedp.DisableGPU,
		chromedp.WindowSize(1100, 800),
		chromedp.Flag("lang", "en-US"),
	)
	allocator, release := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, cancel := chromedp.NewContext(allocator)
	t.Cleanup(func() {
		cancel()
		release()
	})
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("start %s: %v", chromeBinary, err)
	}
	tb := &tab{t: t, ctx: ctx}
	tb.prepare(before)
	return tb
}

// prepare runs JavaScript in each new document of the tab, before anything of the page.
func (tb *tab) prepare(before string) {
	tb.t.Helper()
	tb.do(chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		// The page believes that it is in front, as if a person looked at it.
		if _, err := cdp.Call(ctx, target, emulation.SetFocusEmulationEnabled, emulation.SetFocusEmulationEnabledParams{Enabled: true}); err != nil {
			return err
		}
		_, err := cdp.Call(ctx, target, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: before})
		return err
	}))
}

func (tb *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	tb.t.Helper()
	ctx, cancel := context.WithTimeout(tb.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		tb.t.Fatal(err)
	}
}

// call calls a JavaScript function with arguments and returns what it, or its
// promise, gives. Arguments and result travel as JSON.
func call[T any](tb *tab, function string, args ...any) T {
	tb.t.Helper()
	result, err := tryCall[T](tb, function, args...)
	if err != nil {
		tb.t.Fatalf("%v in\n%s", err, function)
	}
	return result
}

func tryCall[T any](tb *tab, function string, args ...any) (T, error) {
	var result T
	encoded, err := json.Marshal(append([]any{}, args...))
	if err != nil {
		return result, err
	}
	ctx, cancel := context.WithTimeout(tb.ctx, patience)
	defer cancel()
	expression := fmt.Sprintf(`Promise.resolve((%s)(...%s)).then(x => JSON.stringify(x) ?? 'null')`, function, encoded)
	text, err := chromedp.Run(ctx, chromedp.Evaluate[string](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		return result, err
	}
	return result, json.Unmarshal([]byte(text), &result)
}

// await waits until a JavaScript function returns something true, in a page that
// may still be on its way.
func (tb *tab) await(what, function string, args ...any) {
	tb.t.Helper()
	eventually(tb.t, what, func() bool {
		holds, err := tryCall[bool](tb, `async (...args) => !!await (`+function+`)(...args)`, args...)
		return err == nil && holds
	})
}
