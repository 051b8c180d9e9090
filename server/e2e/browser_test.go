package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/dom"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"parley/server/e2e/live"
)

// A profile is what a browser keeps for a person: storage, workers and locks of
// their own. All profiles of this package are of one Chromium, in memory; those
// on disk, and processes that end, are the chaos tests'.
type profile struct {
	t   *testing.T
	ctx context.Context // the browser's
	id  cdp.BrowserContextID

	// book is of the language that the browser asks for, and the names of what tests look for are in; nil for English.
	book *phrasebook

	// keepsPage lets the browser keep the page, in a service worker. Others have none:
	// most tests count what a page asks for, or hold some of it back.
	keepsPage bool
}

// withoutServiceWorkers makes a browser one that has no service workers.
const withoutServiceWorkers = `delete Navigator.prototype.serviceWorker;`

// chromium is the browser that all profiles share.
var chromium = sync.OnceValues(func() (context.Context, error) {
	ctx, end, err := live.Start(shellBinary)
	closeBrowser = end
	return ctx, err
})

// closeBrowser ends the browser, if one was started.
var closeBrowser = func() {}

// newProfile makes a fresh profile; it ends with the test.
func newProfile(t *testing.T) *profile {
	t.Helper()
	shared, err := chromium()
	if err != nil {
		t.Fatal(err)
	}
	browser := chromedp.FromContext(shared).Browser
	made, err := cdp.Call(shared, browser, target.CreateBrowserContext, target.CreateBrowserContextParams{})
	if err != nil {
		t.Fatalf("make a profile: %v", err)
	}
	id := made.BrowserContextID
	t.Cleanup(func() {
		if _, err := cdp.Call(shared, browser, target.DisposeBrowserContext, target.DisposeBrowserContextParams{BrowserContextID: id}); err != nil {
			t.Errorf("end a profile: %v", err)
		}
	})
	return &profile{t: t, ctx: shared, id: id}
}

// A tab is one page of a profile.
type tab struct {
	t      *testing.T
	name   string
	ctx    context.Context
	cancel context.CancelFunc
	book   *phrasebook // of the page's language

	mu       sync.Mutex
	console  []string // what the page and the browser wrote, in order
	troubles []string // those of them that are errors
	requests []string // URLs
}

// open opens a page in a new tab. before is JavaScript that runs in each new
// document before anything of the page; "" for none.
func (p *profile) open(name, url, before string) *tab {
	p.t.Helper()
	if !p.keepsPage {
		before = withoutServiceWorkers + before
	}
	before = p.book.browserIn() + notesJumps + before
	tb := &tab{t: p.t, name: name, book: p.book}
	var options []chromedp.ContextOption
	if p.id != "" {
		options = append(options, chromedp.WithExistingBrowserContext(p.id))
	}
	tb.ctx, tb.cancel = chromedp.NewContext(p.ctx, options...)
	p.t.Cleanup(func() {
		tb.dump()
		tb.cancel()
	})
	if err := chromedp.Listen(tb.ctx, tb.listen); err != nil {
		p.t.Fatal(err)
	}
	tb.do(chromedp.Func(func(ctx context.Context, session *chromedp.Target) error {
		// The page believes that it is in front, as if a person looked at it.
		if _, err := cdp.Call(ctx, session, emulation.SetFocusEmulationEnabled, emulation.SetFocusEmulationEnabledParams{Enabled: true}); err != nil {
			return err
		}
		// A service worker that is debugged never rests, and may hold back the next version for minutes.
		workers := target.SetAutoAttachParams{AutoAttach: true, Flatten: new(true), Filter: target.Filter{{Type: "service_worker", Exclude: true}, {}}}
		if _, err := cdp.Call(ctx, session, target.SetAutoAttach, workers); err != nil {
			return err
		}
		if before == "" {
			return nil
		}
		_, err := cdp.Call(ctx, session, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: before})
		return err
	}))
	tb.visit(url)
	return tb
}

// listen keeps what the page says of itself.
func (tb *tab) listen(event any) {
	tb.mu.Lock()
	defer tb.mu.Unlock()
	switch e := event.(type) {
	case *runtime.EventConsoleAPICalled:
		var words []string
		for _, arg := range e.Args {
			words = append(words, strings.TrimSpace(string(arg.Value)+" "+arg.Description))
		}
		tb.note(string(e.Type)+": "+strings.Join(words, " "), e.Type == runtime.ConsoleAPICalledTypeError)
	case *runtime.EventExceptionThrown:
		text := e.ExceptionDetails.Text
		if e.ExceptionDetails.Exception != nil {
			text += " " + e.ExceptionDetails.Exception.Description
		}
		tb.note("exception: "+text, true)
	case *log.EventEntryAdded:
		tb.note(fmt.Sprintf("%s %s: %s %s", e.Entry.Source, e.Entry.Level, e.Entry.Text, e.Entry.URL), e.Entry.Level == log.EntryLevelError)
	case *network.EventRequestWillBeSent:
		tb.requests = append(tb.requests, e.Request.URL)
	}
}

func (tb *tab) note(line string, trouble bool) {
	tb.console = append(tb.console, line)
	if trouble {
		tb.troubles = append(tb.troubles, line)
	}
}

// wroteNoErrors fails the test if the console holds an error.
func (tb *tab) wroteNoErrors() {
	tb.t.Helper()
	tb.mu.Lock()
	defer tb.mu.Unlock()
	for _, trouble := range tb.troubles {
		tb.t.Errorf("%s: the console says: %s", tb.name, trouble)
	}
}

// dump leaves what a failed test's page looked like.
func (tb *tab) dump() {
	if !tb.t.Failed() || tb.ctx.Err() != nil {
		return
	}
	tb.mu.Lock()
	console := strings.Join(tb.console, "\n")
	tb.mu.Unlock()
	tb.t.Logf("%s: console:\n%s", tb.name, console)
	leave(tb.t, tb.name+"-console.log", []byte(console))
	if picture, err := chromedp.Run(tb.ctx, chromedp.CaptureScreenshot()); err == nil {
		leave(tb.t, tb.name+".png", picture)
	}
}

// closeTab closes the tab as a person does.
func (tb *tab) closeTab() {
	tb.cancel()
}

func (tb *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	tb.t.Helper()
	ctx, cancel := context.WithTimeout(tb.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		tb.t.Fatalf("%s: %v", tb.name, err)
	}
}

func (tb *tab) visit(url string) {
	tb.t.Helper()
	tb.do(chromedp.Navigate(url))
}

// reload reloads the page and waits until it shows the engine's word, and no more what
// the tab kept: that would prove nothing of what is stored.
func (tb *tab) reload() {
	tb.t.Helper()
	tb.do(chromedp.Reload())
	tb.await("the engine's word", `() => !document.querySelector('[data-kept]')`)
}

// call calls a JavaScript function with arguments and returns what it, or its
// promise, gives. Arguments and result travel as JSON.
func call[T any](tb *tab, function string, args ...any) T {
	tb.t.Helper()
	result, err := tryCall[T](tb, function, args...)
	if err != nil {
		tb.t.Fatalf("%s: %v in\n%s", tb.name, err, function)
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

// await waits until a JavaScript function returns something true. A page that
// is being loaded is one in which it does not yet.
func (tb *tab) await(what, function string, args ...any) {
	tb.t.Helper()
	var last error
	defer func() {
		if last != nil {
			tb.t.Logf("%s: %v in\n%s", tb.name, last, function)
		}
	}()
	eventually(tb.t, tb.name+": "+what, func() bool {
		var holds bool
		holds, last = tryCall[bool](tb, `async (...args) => !!await (`+function+`)(...args)`, args...)
		return holds
	})
}

// named returns the elements that assistive technology finds by a role and an
// accessible name, which is in English whatever the page's language; "" for any name.
func (tb *tab) named(role, name string) ([]cdp.BackendNodeID, error) {
	var all []cdp.BackendNodeID
	for _, words := range tb.book.in(name) {
		nodes, err := tb.namedHere(role, words)
		if err != nil {
			return nil, err
		}
		all = append(all, nodes...)
	}
	return all, nil
}

// namedHere is named with the name as it stands on the page.
func (tb *tab) namedHere(role, name string) ([]cdp.BackendNodeID, error) {
	// A page that goes meanwhile does not answer: whoever waits asks again.
	ctx, cancel := context.WithTimeout(tb.ctx, patience/9)
	defer cancel()
	document, err := chromedp.Call(ctx, dom.GetDocument, dom.GetDocumentParams{})
	if err != nil {
		return nil, err
	}
	found, err := chromedp.Call(ctx, accessibility.QueryAXTree, accessibility.QueryAXTreeParams{
		BackendNodeID: document.Root.BackendNodeID, AccessibleName: name, Role: role,
	})
	if err != nil {
		return nil, err
	}
	var nodes []cdp.BackendNodeID
	for _, node := range found.Nodes {
		if !node.Ignored {
			nodes = append(nodes, node.BackendDOMNodeID)
		}
	}
	return nodes, nil
}

// find waits for the one element with a role and an accessible name.
func (tb *tab) find(role, name string) cdp.BackendNodeID {
	tb.t.Helper()
	var found cdp.BackendNodeID
	eventually(tb.t, fmt.Sprintf("%s: one %s named %q", tb.name, role, name), func() bool {
		nodes, err := tb.named(role, name)
		if err != nil || len(nodes) != 1 {
			return false
		}
		found = nodes[0]
		return true
	})
	return found
}

// fill writes text into the text box with a name, as a person's input method does.
func (tb *tab) fill(name, text string) {
	tb.t.Helper()
	tb.fillIn("textbox", name, text)
}

// fillIn writes text into the element with a role and a name.
func (tb *tab) fillIn(role, name, text string) {
	tb.t.Helper()
	box := tb.find(role, name)
	tb.do(chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		if _, err := cdp.Call(ctx, target, dom.Focus, dom.FocusParams{BackendNodeID: box}); err != nil {
			return err
		}
		_, err := cdp.Call(ctx, target, input.InsertText, input.InsertTextParams{Text: text})
		return err
	}))
}

func (tb *tab) pressEnter() {
	tb.t.Helper()
	tb.do(chromedp.KeyEvent(kb.Enter))
}

// click clicks the button with a name in its middle.
func (tb *tab) click(name string) {
	tb.t.Helper()
	tb.clickOn("button", name)
}

// clickOn clicks the element with a role and a name in its middle, once that stays
// where it is: what is shown above it may still come.
func (tb *tab) clickOn(role, name string) {
	tb.t.Helper()
	button := tb.find(role, name)
	var x, y float64
	eventually(tb.t, fmt.Sprintf("%s: the %s named %q stands still", tb.name, role, name), func() bool {
		nowX, nowY, err := tb.middle(button)
		still := err == nil && nowX == x && nowY == y
		x, y = nowX, nowY
		return still
	})
	tb.do(chromedp.MouseClickXY(x, y))
}

// middle is where the middle of an element is.
func (tb *tab) middle(node cdp.BackendNodeID) (x, y float64, err error) {
	ctx, cancel := context.WithTimeout(tb.ctx, patience)
	defer cancel()
	box, err := chromedp.Call(ctx, dom.GetBoxModel, dom.GetBoxModelParams{BackendNodeID: node})
	if err != nil {
		return -1, -1, err
	}
	corners := box.Model.Content
	return (corners[0] + corners[4]) / 2, (corners[1] + corners[5]) / 2, nil
}
