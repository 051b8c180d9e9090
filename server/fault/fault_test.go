package fault_test

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"parley/server/fault"
)

// survive runs what panics.
func survive(r *fault.Record, f func()) {
	defer func() {
		if p := recover(); p != nil {
			r.Recovered("testing", p)
		}
	}()
	f()
}

func outOfRange(values []int, i int) { values[i]++ }

func byHand() { panic("by hand") }

func TestEveryPanicIsCountedAndEachKindLoggedOnce(t *testing.T) {
	var log bytes.Buffer
	r := fault.NewRecord(slog.New(slog.NewTextHandler(&log, nil)))
	var nothing *struct{ n int }
	for i := range 5 {
		survive(r, func() { outOfRange(nil, i) })
		survive(r, func() { nothing.n++ })
		survive(r, byHand)
		survive(r, func() {})
	}
	if r.Count() != 15 {
		t.Errorf("%d are counted, want 15", r.Count())
	}
	lines := strings.Split(strings.TrimSpace(log.String()), "\n")
	if len(lines) != 3 {
		t.Fatalf("%d lines, want one for each kind:\n%s", len(lines), log.String())
	}
	for i, want := range []string{"index out of range [0]", "nil pointer", "by hand"} {
		if !strings.Contains(lines[i], want) || !strings.Contains(lines[i], "fault_test.go:") || !strings.Contains(lines[i], "while=testing") {
			t.Errorf("line %d does not say %q and where: %s", i, want, lines[i])
		}
	}
}

func TestTheMetricsSayWhereAndWhileWhat(t *testing.T) {
	r := fault.NewRecord(slog.New(slog.DiscardHandler))
	for i := range 252 {
		survive(r, func() { outOfRange(nil, i) })
	}
	survive(r, byHand)
	got := counted(t, r)
	if len(got) != 2 || got["testing fault_test.outOfRange fault_test.go"] != 252 || got["testing fault_test.byHand fault_test.go"] != 1 {
		t.Errorf("counted %v", got)
	}
}

// counted is the counters by their labels, without line numbers.
func counted(t *testing.T, r *fault.Record) map[string]float64 {
	t.Helper()
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(r)
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	counts := map[string]float64{}
	for _, family := range families {
		for _, m := range family.Metric {
			at, _, _ := strings.Cut(m.Label[0].GetValue(), ":")
			counts[m.Label[1].GetValue()+" "+at] += m.Counter.GetValue()
		}
	}
	return counts
}

func TestAPanickingHandlerIsNotedAndItsConnectionClosed(t *testing.T) {
	var log bytes.Buffer
	logger := slog.New(slog.NewTextHandler(&log, nil))
	r := fault.NewRecord(logger)
	server := httptest.NewUnstartedServer(r.Handler(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		switch request.URL.Path {
		case "/panic":
			byHand()
		case "/abort":
			panic(http.ErrAbortHandler)
		}
	})))
	server.Config.ErrorLog = slog.NewLogLogger(logger.Handler(), slog.LevelWarn)
	server.Start()
	for range 5 {
		for _, path := range []string{"/panic", "/abort"} {
			if _, err := http.Get(server.URL + path); err == nil {
				t.Errorf("%s was answered", path)
			}
		}
	}
	response, err := http.Get(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	server.Close()
	if got := counted(t, r); len(got) != 1 || got["answering an HTTP request fault_test.byHand fault_test.go"] != 5 {
		t.Errorf("counted %v", got)
	}
	if n := strings.Count(log.String(), "stack="); n != 1 || strings.Contains(log.String(), "http: panic serving") {
		t.Errorf("%d stacks, want 1, in\n%s", n, &log)
	}
}

func TestPanicsAtOnceAreAllCounted(t *testing.T) {
	r := fault.NewRecord(slog.New(slog.DiscardHandler))
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() { survive(r, byHand) })
	}
	all.Wait()
	if r.Count() != 50 {
		t.Errorf("%d are counted, want 50", r.Count())
	}
}
