// Package fault takes note of panics that were recovered from: the program goes
// on, and whoever runs it learns that it has a fault, and where, from the log and
// from the metrics. It imports nothing of Parley.
package fault

import (
	"fmt"
	"log/slog"
	"net/http"
	"path"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
)

// maxKinds bounds the kinds that are told apart; those beyond it are only counted.
const maxKinds = 100

// elsewhere is where those arose that are only counted.
const elsewhere = "elsewhere"

// Record counts panics and logs each kind once, however often it comes: two are
// of one kind if they arose at the same line. It is a prometheus.Collector. Safe for
// concurrent use.
type Record struct {
	log     *slog.Logger
	counter *prometheus.CounterVec

	mu    sync.Mutex
	count uint64
	kinds map[string]struct{}
}

// NewRecord returns a Record that logs to log.
func NewRecord(log *slog.Logger) *Record {
	return &Record{
		log: log,
		counter: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: "parley", Name: "panics_total", Help: "Panics recovered from, by what was being done and where they arose.",
		}, []string{"while", "at"}),
		kinds: make(map[string]struct{}),
	}
}

// Recovered notes what recover returned, which is not nil. It is called by the
// deferred function that recovered. doing says what was being done, in words that
// never change; whose, and what was said, is not logged.
func (r *Record) Recovered(doing string, value any) {
	kind := place()
	r.mu.Lock()
	r.count++
	_, known := r.kinds[kind]
	news := !known && len(r.kinds) < maxKinds
	if news {
		r.kinds[kind] = struct{}{}
	}
	r.mu.Unlock()
	if !known && !news {
		kind = elsewhere
	}
	r.counter.WithLabelValues(doing, kind).Inc()
	if news {
		r.log.Error("recovered from a panic, which is a fault of this program: please report it; the same again is counted and not logged",
			"while", doing, "panic", fmt.Sprint(value), "at", kind, "stack", string(debug.Stack()))
	}
}

// Count is how many panics there were.
func (r *Record) Count() uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.count
}

// place is where the panic arose that is being recovered from: the first frame
// that called panic, or that the runtime stopped.
func place() string {
	var pcs [64]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs[:])])
	panicked := false
	for {
		f, more := frames.Next()
		inRuntime := strings.HasPrefix(f.Function, "runtime.")
		if panicked && !inRuntime {
			return fmt.Sprintf("%s %s:%d", path.Base(f.Function), path.Base(f.File), f.Line)
		}
		panicked = panicked || f.Function == "runtime.gopanic"
		if !more {
			return elsewhere
		}
	}
}

// Handler serves by next and takes note of its panics. The connection is closed
// then, as net/http does it: part of an answer may have been sent.
func (r *Record) Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		defer func() {
			value := recover()
			if value == nil {
				return
			}
			if value != http.ErrAbortHandler { // which is no fault
				r.Recovered("answering an HTTP request", value)
			}
			panic(http.ErrAbortHandler) // net/http logs nothing about this one
		}()
		next.ServeHTTP(w, request)
	})
}

// Describe implements prometheus.Collector.
func (r *Record) Describe(out chan<- *prometheus.Desc) { r.counter.Describe(out) }

// Collect implements prometheus.Collector.
func (r *Record) Collect(out chan<- prometheus.Metric) { r.counter.Collect(out) }
