package startup

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/andybalholm/brotli"

	"parley/server/e2e/live"
)

// newServer starts the real program, without bounds of what one may send, and
// returns its address. It ends with the benchmark or test.
func newServer(t testing.TB) (address string) {
	t.Helper()
	return startServer(t).Address
}

// startServer is newServer, for those who stop and start it.
func startServer(t testing.TB) *live.Server {
	t.Helper()
	s := &live.Server{Data: t.TempDir(), Flags: []string{
		"-rate", "100000", "-burst", "100000", "-guest-bytes", "0", "-daily-bytes", "0", "-guests-per-hour", "0", "-new-conversations", "0"}}
	t.Cleanup(func() {
		if s.Runs() {
			if err := s.Stop(); err != nil {
				t.Errorf("%v\n%s", err, s.Log())
			}
		}
	})
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	return s
}

// newBare builds the bare program and serves it as the server serves Parley's:
// compressed, and kept by browsers for ever, the page aside. It returns the
// page's URL.
func newBare(t testing.TB) (url string) {
	t.Helper()
	folder := t.TempDir()
	build(t, filepath.Join(folder, "bare.wasm"), "./testdata/bare")
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	for path, file := range map[string]struct{ name, mediaType, cache string }{
		"GET /{$}":          {"testdata/bare/index.html", "text/html; charset=utf-8", "no-cache"},
		"GET /wasm_exec.js": {filepath.Join(strings.TrimSpace(string(root)), "lib/wasm/wasm_exec.js"), "text/javascript; charset=utf-8", "max-age=31536000, immutable"},
		"GET /bare.wasm":    {filepath.Join(folder, "bare.wasm"), "application/wasm", "max-age=31536000, immutable"},
	} {
		content, err := os.ReadFile(file.name)
		if err != nil {
			t.Fatal(err)
		}
		var compressed bytes.Buffer
		w := brotli.NewWriterLevel(&compressed, 9)
		if _, err := w.Write(content); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
			h := w.Header()
			h.Set("Content-Type", file.mediaType)
			h.Set("Content-Encoding", "br")
			h.Set("Cache-Control", file.cache)
			h.Set("ETag", `"1"`)
			http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(compressed.Bytes()))
		})
	}
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server.URL + "/"
}

// eventually waits until what is awaited holds.
func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(patience); !holds(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("waited %v in vain for %s", patience, what)
		}
	}
}
