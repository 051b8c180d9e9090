package e2e

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"
)

// A site is another web server than Parley's: it has an empty page and copies
// of the files of Parley's page, but neither API nor broker.
type site struct {
	*httptest.Server
	parley *url.URL // where the copies are from
}

func newSite(t *testing.T) *site {
	t.Helper()
	s := new(site)
	copies := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(s.parley) },
		ModifyResponse: func(r *http.Response) error {
			r.Header.Del("Content-Security-Policy") // it has its own, or none
			return nil
		},
		ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError),
	}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/":
			w.Header().Set("Content-Type", "text/html")
			io.WriteString(w, "<!doctype html><title>Another site</title>")
		case strings.HasPrefix(r.URL.Path, "/api/"), r.URL.Path == "/mqtt":
			http.NotFound(w, r)
		default:
			copies.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(s.Close)
	return s
}

// chatFrom is JavaScript that imports Parley from an origin, signs a guest in
// and waits until it is live, or says why it cannot.
const chatFrom = `async (files, server) => {
	const {connect, signInAsGuest} = await import(files + '/parley.js');
	const {token} = await signInAsGuest('Ada', {server});
	try {
		const parley = await connect({token, server});
		if (parley.connection.state !== 'live') {
			await new Promise(resolve => parley.addEventListener('connection', ({detail}) => detail.state === 'live' && resolve()));
		}
		return {Live: true};
	} catch (error) {
		return {Name: error.name, Message: error.message};
	}
}`

func TestAPageThatImportsParleyFromAnotherOriginIsToldWhatWorksAndThatWorks(t *testing.T) {
	t.Parallel()
	for name, before := range map[string]string{"SharedWorker": "", "no SharedWorker": withoutSharedWorkers} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			site := newSite(t)
			s := newServer(t, "-origins", site.URL)
			parley := "http://" + s.Address
			var err error
			if site.parley, err = url.Parse(parley); err != nil {
				t.Fatal(err)
			}
			page := newProfile(t).open("page", site.URL+"/", before)
			type outcome struct {
				Live          bool
				Name, Message string
			}
			got := call[outcome](page, chatFrom, parley, parley)
			want := []string{"came from " + parley, "Serve the files from " + site.URL, "server: '" + parley + "'", "-origins " + site.URL}
			for _, words := range want {
				if got.Name != "ParleyError" || !strings.Contains(got.Message, words) {
					t.Errorf("connect failed with %+v, want a ParleyError that says %q", got, words)
				}
			}
			if got := call[outcome](page, chatFrom, site.URL, parley); !got.Live {
				t.Errorf("what it says works ended with %+v", got)
			}
		})
	}
}
