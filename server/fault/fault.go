// Package fault takes note of panics that were recovered from: the program goes
// on, and whoever runs it learns that it has a fault, and where. It imports
// nothing of Parley.
package fault

import (
	"fmt"
	"log/slog"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
)

// maxKinds bounds the kinds that are told apart; those beyond it are counted alone.
const maxKinds = 100

// Record counts panics and logs each kind once, however often it comes: two are
// of one kind if they arose at the same line. Safe for concurrent use.
type Record struct {
	log *slog.Logger

	mu    sync.Mutex
	count uint64
	kinds map[string]struct{}
}

// NewRecord returns a Record that logs to log.
func NewRecord(log *slog.Logger) *Record {
	return &Record{log: log, kinds: make(map[string]struct{})}
}

// Recovered notes what recover returned, which is not nil. It is called by the
// deferred function that recovered. doing says what was being done; whose, and
// what was said, is not logged.
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
			return fmt.Sprintf("%s:%d", f.File, f.Line)
		}
		panicked = panicked || f.Function == "runtime.gopanic"
		if !more {
			return "unknown"
		}
	}
}
