package e2e

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// A gate stands between browsers and a server, on an origin of its own. It
// counts what passes, keeps out what a test wants kept out, and serves the
// test's own pages under /e2e/.
type gate struct {
	url    string // without a slash at the end
	server *server

	mu        sync.Mutex
	requests  []string                              // "GET /path", in order
	strays    []string                              // likewise, of those beside the server's path
	open      map[string]map[int]context.CancelFunc // requests under way, by path and number
	last      int                                   // number of a request
	shut      map[string]bool
	stalled   map[string]bool
	forgetful bool
	first     map[string]string // JavaScript that runs before a script, by its path
}

// newGate opens a gate before a server; it closes when the test ends.
func newGate(t *testing.T, s *server) *gate {
	t.Helper()
	return newGateAt(t, s, "", true)
}

// newGateAt opens a gate whose server is under a path, which the gate takes away,
// "" for none. keepHost is whether the server sees the gate's Host.
func newGateAt(t *testing.T, s *server, path string, keepHost bool) *gate {
	t.Helper()
	g := &gate{server: s, first: map[string]string{}, open: map[string]map[int]context.CancelFunc{}, shut: map[string]bool{}, stalled: map[string]bool{}}
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(&url.URL{Scheme: "http", Host: s.Address})
			if keepHost { // one origin, for the browser and for the server
				r.Out.Host = r.In.Host
			}
			if g.before(r.In.URL.Path) != "" {
				r.Out.Header.Set("Accept-Encoding", "identity")
			}
		},
		ModifyResponse: g.change,
		// A server that is away looks so to the browser too.
		ErrorHandler: func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
		ErrorLog:     slog.NewLogLogger(slog.DiscardHandler, slog.LevelError),
	}
	mux := http.NewServeMux()
	mux.Handle("/e2e/", http.StripPrefix("/e2e/", http.FileServer(http.Dir("testdata"))))
	mux.HandleFunc("/e2e/chat.proto", func(w http.ResponseWriter, r *http.Request) {
		http.ServeFile(w, r, filepath.Join("..", "..", "proto", "chat.proto"))
	})
	mux.Handle("/", proxy)
	front := httptest.NewUnstartedServer(g.beside(path, http.StripPrefix(path, g.watch(mux))))
	front.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	front.Start()
	t.Cleanup(front.Close)
	g.url = front.URL + path
	return g
}

// beside notes the requests that are not under a path.
func (g *gate) beside(path string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if path != "" && !strings.HasPrefix(r.URL.Path, path+"/") && r.URL.Path != "/favicon.ico" { // which browsers ask for
			g.mu.Lock()
			g.strays = append(g.strays, r.Method+" "+r.URL.Path)
			g.mu.Unlock()
		}
		next.ServeHTTP(w, r)
	})
}

// watch counts each request, ends those on paths that are shut, and leaves one
// open on paths that are stalled.
func (g *gate) watch(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, end := context.WithCancel(r.Context())
		defer end()
		path := r.URL.Path
		g.mu.Lock()
		g.requests = append(g.requests, r.Method+" "+path)
		shut, stalled := g.isShut(path), g.stalled[path]
		delete(g.stalled, path)
		g.last++
		number := g.last
		if g.open[path] == nil {
			g.open[path] = make(map[int]context.CancelFunc)
		}
		g.open[path][number] = end
		g.mu.Unlock()
		defer func() {
			g.mu.Lock()
			delete(g.open[path], number)
			g.mu.Unlock()
		}()
		if shut {
			panic(http.ErrAbortHandler)
		}
		if stalled {
			<-ctx.Done() // the browser ends before the gate
			return
		}
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

// isShut reports whether a path is, or a folder that it is in, other than the root, which is the
// page. g.mu is held.
func (g *gate) isShut(path string) bool {
	for shut := range g.shut {
		if path == shut || shut != "/" && strings.HasSuffix(shut, "/") && strings.HasPrefix(path, shut) {
			return true
		}
	}
	return false
}

// change makes the browser cache nothing, and workers run the test's JavaScript
// first, if the test wants it so.
func (g *gate) change(r *http.Response) error {
	g.mu.Lock()
	forgetful := g.forgetful
	g.mu.Unlock()
	if forgetful {
		r.Header.Set("Cache-Control", "no-store")
	}
	before := g.before(r.Request.URL.Path)
	if before == "" || r.StatusCode != http.StatusOK {
		return nil
	}
	script, err := io.ReadAll(r.Body)
	if err := errors.Join(err, r.Body.Close()); err != nil {
		return err
	}
	script = append([]byte(before), script...)
	r.Body = io.NopCloser(bytes.NewReader(script))
	r.ContentLength = int64(len(script))
	r.Header.Set("Content-Length", strconv.Itoa(len(script)))
	return nil
}

// enginePath is the script of the worker in which the program runs.
const enginePath = "/engine.js"

// inEngine makes workers that are loaded from now on run JavaScript first.
func (g *gate) inEngine(script string) { g.inScript(enginePath, script) }

// inScript makes a script that is loaded from now on run JavaScript first.
func (g *gate) inScript(path, script string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.first[path] = script
}

func (g *gate) before(path string) string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.first[path]
}

// cacheNothing makes each load of a file a request, from now on.
func (g *gate) cacheNothing() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.forgetful = true
}

// close ends each new request for a path, as a server that is away does.
func (g *gate) close(path string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.shut[path] = true
}

// cut closes a path, and ends the requests that are under way.
func (g *gate) cut(path string) {
	g.close(path)
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, end := range g.open[path] {
		end()
	}
}

// stall lets the next request for a path go unanswered.
func (g *gate) stall(path string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.stalled[path] = true
}

// networkIsBack is JavaScript that tells a page so, which then does not wait until it
// would have tried again.
const networkIsBack = `() => dispatchEvent(new Event('online'))`

// reopen undoes close, cut, and a stall that no request has met.
func (g *gate) reopen(path string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.shut, path)
	delete(g.stalled, path)
}

// connections is how many MQTT connections are open.
func (g *gate) connections() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.open["/mqtt"])
}

// mark is a point in time, for since.
func (g *gate) mark() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.requests)
}

// since returns the requests after a mark that contain a part.
func (g *gate) since(mark int, part string) []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	var found []string
	for _, r := range g.requests[mark:] {
		if strings.Contains(r, part) {
			found = append(found, r)
		}
	}
	return found
}
