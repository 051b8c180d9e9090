package bridge

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"

	"parley/server/e2e/live"
)

// static is the folder of the page's modules.
const static = "../../../static"

// patience bounds whatever a test waits for in the browser.
const patience = 60 * time.Second

// site is a web server with the modules of static/ and the program of
// testdata, and counts what is asked for. Each site is an origin of its own, so
// its workers and locks are shared with no other test.
type site struct {
	*httptest.Server
	wasm    string               // path of the program
	profile cdp.BrowserContextID // "": that which all share

	mu       sync.Mutex
	requests map[string]int
	handlers map[string]http.HandlerFunc // take the place of files
}

func newSite(t *testing.T) *site {
	t.Helper()
	s := &site{wasm: program(t), requests: make(map[string]int), handlers: make(map[string]http.HandlerFunc)}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

// newSiteApart is a site in a profile of its own, so that no process of its pages is
// one of other tests.
func newSiteApart(t *testing.T) *site {
	t.Helper()
	s := newSite(t)
	ctx := shell(t)
	made, err := cdp.Call(ctx, chromedp.FromContext(ctx).Browser, target.CreateBrowserContext, target.CreateBrowserContextParams{DisposeOnDetach: new(true)})
	if err != nil {
		t.Fatal(err)
	}
	s.profile = made.BrowserContextID
	return s
}

// program builds the program of testdata, once for all tests.
var program = func() func(t *testing.T) string {
	build := sync.OnceValues(func() (string, error) {
		dir, err := os.MkdirTemp("", "parley-bridge")
		if err != nil {
			return "", err
		}
		wasm := filepath.Join(dir, "parley.wasm")
		c := exec.Command("go", "build", "-o", wasm, "./testdata/program")
		c.Env = append(os.Environ(), "GOOS=js", "GOARCH=wasm", "CGO_ENABLED=0", "GOFLAGS=-trimpath")
		if out, err := c.CombinedOutput(); err != nil {
			return "", fmt.Errorf("%w\n%s", err, out)
		}
		return wasm, nil
	})
	return func(t *testing.T) string {
		t.Helper()
		wasm, err := build()
		if err != nil {
			t.Fatalf("build the test's program: %v", err)
		}
		return wasm
	}
}()

// goroot is where Go is; a test that was built with -trimpath does not know by itself.
var goroot = sync.OnceValue(func() string {
	out, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		panic(fmt.Sprintf("ask for Go's place: %v", err))
	}
	return strings.TrimSpace(string(out))
})

// handle answers a path in the place of a file.
func (s *site) handle(path string, h http.HandlerFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.handlers[path] = h
}

// count is how often a path was asked for.
func (s *site) count(path string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.requests[path]
}

func (s *site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.requests[r.URL.Path]++
	h := s.handlers[r.URL.Path]
	s.mu.Unlock()
	w.Header().Set("Cache-Control", "no-store")
	if h == nil {
		h = s.fileHandler(r.URL.Path)
	}
	h(w, r)
}

// fileHandler answers with the file of a path.
func (s *site) fileHandler(path string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) { s.serveFile(w, r, path) }
}

func (s *site) serveFile(w http.ResponseWriter, r *http.Request, path string) {
	switch base := filepath.Base(path); {
	case path == "/" || path == "/elsewhere":
		w.Header().Set("Content-Type", "text/html")
		io.WriteString(w, "<!doctype html><title>Parley</title>")
	case strings.HasSuffix(base, ".wasm"):
		w.Header().Set("Content-Type", "application/wasm")
		http.ServeFile(w, r, s.wasm)
	case strings.HasPrefix(base, "wasm_exec"):
		http.ServeFile(w, r, filepath.Join(goroot(), "lib/wasm/wasm_exec.js"))
	default:
		w.Header().Set("Content-Type", mime.TypeByExtension(filepath.Ext(base)))
		http.ServeFile(w, r, filepath.Join(static, filepath.FromSlash(path)))
	}
}

// replaced answers with a file of static/ in which old stands as new.
func replaced(t *testing.T, file string, oldnew ...string) http.HandlerFunc {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(static, file))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(oldnew); i += 2 {
		if !strings.Contains(string(text), oldnew[i]) {
			t.Fatalf("%s has no %q", file, oldnew[i])
		}
	}
	body := strings.NewReplacer(oldnew...).Replace(string(text))
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/javascript")
		io.WriteString(w, body)
	}
}

// protocolOf is the number of the protocol that parley.js speaks.
func protocolOf(t *testing.T) int {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(static, "parley.js"))
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`(?m)^const PROTOCOL = (\d+);`).FindSubmatch(text)
	if found == nil {
		t.Fatal("parley.js does not say which protocol it speaks")
	}
	number, err := strconv.Atoi(string(found[1]))
	if err != nil {
		t.Fatal(err)
	}
	return number
}

// shell and chromium are a browser profile each, shared by all tests that need no
// fresh one: their sites keep them apart. Most need the engine alone, which is the shell.
var (
	shell    = startOnce(live.HeadlessShell)
	chromium = startOnce(live.Chromium)
)

// startOnce returns a function that starts a browser at its first call, by the command
// that find finds. It ends with the tests.
func startOnce(find func() (string, error)) func(t *testing.T) context.Context {
	start := sync.OnceValues(func() (context.Context, error) {
		path, err := find()
		if err != nil {
			return nil, err
		}
		ctx, end, err := live.Start(path, chromedp.NoSandbox)
		started.Lock()
		started.ends = append(started.ends, end)
		started.Unlock()
		return ctx, err
	})
	return func(t *testing.T) context.Context {
		t.Helper()
		ctx, err := start()
		if err != nil {
			t.Fatal(err)
		}
		return ctx
	}
}

// started holds what ends each browser that was started.
var started struct {
	sync.Mutex
	ends []func()
}

func TestMain(m *testing.M) {
	code := m.Run()
	for _, end := range started.ends {
		end()
	}
	os.Exit(code)
}

// tab is a page of a site.
type tab struct {
	t     *testing.T
	ctx   context.Context
	close context.CancelFunc
}

// openTab opens the site's empty page; before is run before anything else there.
func (s *site) openTab(t *testing.T, before ...string) *tab {
	t.Helper()
	return s.openTabOf(t, shell(t), before...)
}

// openTabOf opens it in a browser.
func (s *site) openTabOf(t *testing.T, browser context.Context, before ...string) *tab {
	t.Helper()
	var options []chromedp.ContextOption
	if s.profile != "" {
		options = append(options, chromedp.WithExistingBrowserContext(s.profile))
	}
	ctx, cancel := chromedp.NewContext(browser, options...)
	b := &tab{t: t, ctx: ctx, close: cancel}
	t.Cleanup(cancel)
	if err := chromedp.Do(ctx, chromedp.Navigate(s.URL+"/")); err != nil {
		t.Fatalf("open a tab: %v", err)
	}
	b.eval("void (globalThis.T = " + tools + ")")
	for _, script := range before {
		b.eval(script)
	}
	return b
}

// tools are what the scripts of the tests share.
const tools = `{
  token: (sub, rest = {}, signature = 'x') => ['{}', JSON.stringify({ sub: String(sub), ...rest })]
    .map(part => btoa(unescape(encodeURIComponent(part))).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')).join('.') + '.' + signature,
  event: (target, type, test = () => true) => new Promise(resolve => {
    const listener = event => {
      if (!test(event.detail)) return;
      target.removeEventListener(type, listener);
      resolve(event.detail);
    };
    target.addEventListener(type, listener);
  }),
  plain: value => JSON.parse(JSON.stringify(value, (_, v) => typeof v === 'bigint' ? v + 'n' : v) ?? 'null'),
  error: async promise => promise.then(v => { throw new Error('resolved with ' + String(v)); }, cause => cause),
}`

// eval runs the body of an async function and returns what it returns as JSON,
// BigInts as strings like "5n".
func (b *tab) eval(body string) any {
	b.t.Helper()
	v, err := b.try(body)
	if err != nil {
		b.t.Fatalf("in the page: %v\n%s", err, body)
	}
	return v
}

// until waits for an expression to be true, whatever page is shown meanwhile.
func (b *tab) until(expression string) {
	b.t.Helper()
	var last error
	for ctx, cancel := context.WithTimeout(b.ctx, patience); ; {
		defer cancel()
		var now bool
		if now, last = chromedp.Run(ctx, chromedp.Evaluate[bool](expression)); now {
			return
		}
		select {
		case <-ctx.Done():
			b.t.Fatalf("waited in vain for %s: %v", expression, last)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func (b *tab) try(body string) (any, error) {
	if !strings.Contains(body, "return ") && !strings.Contains(body, ";") {
		body = "return " + body
	}
	script := "(async () => { const run = async () => {" + body + "\n}; const value = await run();" +
		" return globalThis.T ? T.plain(value) : value ?? null; })()"
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	raw, err := chromedp.Run(ctx, chromedp.Evaluate[json.RawMessage](script, chromedp.EvalAwaitPromise))
	if err != nil {
		return nil, err
	}
	var v any
	return v, json.Unmarshal(raw, &v)
}
