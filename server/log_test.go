package main

import (
	"bytes"
	"database/sql"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	_ "modernc.org/sqlite"
)

// TestAFailingStoreWritesAHandfulOfLines takes the users' table away from a running
// server.
func TestAFailingStoreWritesAHandfulOfLines(t *testing.T) {
	folder := t.TempDir()
	p := start(t, "-data", folder, "-static", pageFolder(t), "-guests-per-hour", "100000")
	files, err := filepath.Glob(filepath.Join(folder, "parley.db"))
	if err != nil || len(files) != 1 {
		t.Fatalf("files %q, %v", files, err)
	}
	db, err := sql.Open("sqlite", files[0])
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec("ALTER TABLE users RENAME TO gone"); err != nil {
		t.Fatal(err)
	}
	const requests = 500
	for range requests {
		if status, body := p.ask("POST", "/api/guests", `{"name":"Ada"}`, "Content-Type", "application/json"); status < 500 {
			t.Fatalf("status %d: %s", status, body)
		}
	}
	log := p.stop(syscall.SIGTERM)
	if n := strings.Count(log, "\n"); n > 20 {
		t.Errorf("%d lines for %d failures:\n%s", n, requests, log)
	}
	for _, what := range []string{"no such table: users", "repeated="} {
		if !strings.Contains(log, what) {
			t.Errorf("the log does not say %q:\n%s", what, log)
		}
	}
}

// TestAPanicWhileARequestIsAnsweredIsLoggedAndCounted has an API that panics.
func TestAPanicWhileARequestIsAnsweredIsLoggedAndCounted(t *testing.T) {
	var log bytes.Buffer
	o, err := parseOptions([]string{"-listen", "127.0.0.1:0", "-metrics", "127.0.0.1:0", "-data", t.TempDir(), "-static", pageFolder(t)}, func(string) string { return "" })
	if err != nil {
		t.Fatal(err)
	}
	s, err := newServer(t.Context(), o, slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	api := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("a bug") })
	s.mount(api, http.NotFoundHandler(), 0)
	main, own := httptest.NewServer(s.fronts[0].Handler), httptest.NewServer(s.fronts[1].Handler)
	if _, err := http.Get(main.URL + "/api/me"); err == nil {
		t.Error("it was answered")
	}
	answer, err := http.Get(own.URL + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	metrics, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	main.Close()
	own.Close()
	if want := `parley_panics_total{at="server.TestAPanicWhileARequestIsAnsweredIsLoggedAndCounted.func`; !strings.Contains(string(metrics), want) {
		t.Errorf("the metrics do not say %s", want)
	}
	if n := strings.Count(log.String(), "stack="); n != 1 || !strings.Contains(log.String(), `panic="a bug"`) {
		t.Errorf("%d stacks in\n%s", n, &log)
	}
}
