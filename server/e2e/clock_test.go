package e2e

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strconv"
	"sync"
	"testing"
	"time"

	"parley/proto"
)

// A device's line is the way from one person's browser to the server. It has
// an origin of its own, tells that browser another time than it is, and can be
// cut.
type deviceLine struct {
	gate  *gate // of which only the url is of use
	ahead time.Duration

	mu    sync.Mutex
	isCut bool
	open  map[int]context.CancelFunc // MQTT connections
	last  int
}

// newDeviceLine is the line of a browser whose clock is ahead of the server's.
func newDeviceLine(t *testing.T, s *server, ahead time.Duration) *deviceLine {
	t.Helper()
	l := &deviceLine{ahead: ahead, open: map[int]context.CancelFunc{}}
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(&url.URL{Scheme: "http", Host: s.Address})
			r.Out.Host = r.In.Host
			if r.In.URL.Path == enginePath {
				r.Out.Header.Set("Accept-Encoding", "identity")
			}
		},
		ModifyResponse: l.setClock,
		ErrorHandler:   func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
		ErrorLog:       slog.NewLogLogger(slog.DiscardHandler, slog.LevelError),
	}
	front := httptest.NewUnstartedServer(l.watch(proxy))
	front.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	front.Start()
	t.Cleanup(front.Close)
	l.gate = &gate{url: front.URL, server: s}
	return l
}

// enginePath is the script of the worker in which the program runs.
const enginePath = "/engine.js"

// clock is JavaScript that sets the clock of a page or a worker, which is also
// the one that Go's programs in it read.
func (l *deviceLine) clock() string {
	return fmt.Sprintf(`{
	const True = Date;
	let ahead = %d;
	new BroadcastChannel('device-clock').onmessage = ({data}) => { ahead = data; };
	globalThis.Date = class Date extends True {
		constructor(...args) { super(...(args.length ? args : [True.now() + ahead])); }
		static now() { return True.now() + ahead; }
	};
}
`, l.ahead.Milliseconds())
}

// jump sets the clock of a page, and of its worker, once the page has it.
func (l *deviceLine) jump(tb *tab, ahead time.Duration) {
	tb.t.Helper()
	call[bool](tb, `async ahead => {
		const before = Date.now();
		new BroadcastChannel('device-clock').postMessage(ahead);
		while (Math.abs(Date.now() - before) < 3_600_000) await new Promise(resolve => setTimeout(resolve, 10));
		return true;
	}`, ahead.Milliseconds())
}

func (l *deviceLine) setClock(r *http.Response) error {
	if r.Request.URL.Path != enginePath || r.StatusCode != http.StatusOK {
		return nil
	}
	script, err := io.ReadAll(r.Body)
	if err != nil {
		return err
	}
	if err := r.Body.Close(); err != nil {
		return err
	}
	script = append([]byte(l.clock()), script...)
	r.Body = io.NopCloser(bytes.NewReader(script))
	r.ContentLength = int64(len(script))
	r.Header.Set("Content-Length", strconv.Itoa(len(script)))
	return nil
}

// watch ends MQTT connections when the line is cut, and lets none through then.
func (l *deviceLine) watch(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/mqtt" {
			next.ServeHTTP(w, r)
			return
		}
		ctx, cancel := context.WithCancel(r.Context())
		defer cancel()
		l.mu.Lock()
		isCut := l.isCut
		l.last++
		number := l.last
		l.open[number] = cancel
		l.mu.Unlock()
		defer func() {
			l.mu.Lock()
			defer l.mu.Unlock()
			delete(l.open, number)
		}()
		if isCut {
			panic(http.ErrAbortHandler)
		}
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

// cut ends the MQTT connection, until mend.
func (l *deviceLine) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.isCut = true
	for cancel := range maps.Values(l.open) {
		cancel()
	}
}

func (l *deviceLine) mend() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.isCut = false
}

// signInOver signs a user in at the end of a line, and opens a part of the page.
func signInOver(t *testing.T, l *deviceLine, hash string, user uint64, name string, services ...proto.ServiceType) *person {
	t.Helper()
	before := l.clock() + sessionOf(user, name, l.gate.server.tokenFor(user, name, services))
	tb := newProfile(t).open(name, l.gate.url+"/"+hash, before)
	tb.awaitConnection("live")
	return &person{tab: tb, id: strconv.FormatUint(user, 10)}
}

// clockIsAhead wants the page and the program in the worker to have the clock
// of the line, or the test would prove nothing.
func (p *person) clockIsAhead(of time.Duration) {
	p.t.Helper()
	var got struct{ Page, Engine float64 }
	eventually(p.t, p.name+": the engine to know the server's clock", func() bool {
		got = call[struct{ Page, Engine float64 }](p.tab, `async now => {
			const parley = await (`+connect+`)();
			const {serverOffset} = parley.connection;
			parley.close();
			return {Page: Date.now() - now, Engine: -serverOffset};
		}`, time.Now().UnixMilli())
		return got.Engine != 0 || of == 0
	})
	for where, ahead := range map[string]float64{"page": got.Page, "engine": got.Engine} {
		if off := time.Duration(ahead)*time.Millisecond - of; off.Abs() > time.Minute {
			p.t.Errorf("%s: the %s's clock is ahead by %v ms, want %v", p.name, where, ahead, of)
		}
	}
}
