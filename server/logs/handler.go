// Package logs keeps a log readable, and small, while the same goes wrong again and
// again: of lines that are alike the first few are written, and then, every ten
// seconds, one that says how many there were. So a part logs each thing that
// happens, and need not ask how often.
//
// It imports nothing of Parley.
package logs

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"
)

const (
	// Period is after how long repeated lines are summarised.
	Period = 10 * time.Second
	// First is how many lines of a kind are written before any is left out.
	First = 3
	// maxKinds bounds how many kinds are told apart; lines of others count as one
	// kind per level.
	maxKinds = 256
)

// A Handler is a slog.Handler before another. It may be used concurrently.
//
// Lines are alike, of one kind, if they have the same level and message, the same
// code and at (the place in the program), and the same error and reason apart from
// numbers and what is quoted. Other attributes do not matter: who, from where.
//
// A kind that goes on is summarised in one line each Period, with the message and
// these attributes of the last, and how often it was repeated, until it was quiet for
// a Period.
type Handler struct {
	next slog.Handler
	*repeats
}

// repeats is what a Handler and those made of it with attributes or groups share.
type repeats struct {
	root slog.Handler // writes summaries

	mu     sync.Mutex
	kinds  map[kind]*lines
	timer  *time.Timer // runs while there are kinds
	closed bool
}

// lines are those of a kind in the current period.
type lines struct {
	kind    kind
	since   time.Time // of the period, for this kind
	written int
	left    int // out
	last    slog.Record
}

// New makes a Handler before next. Close it.
func New(next slog.Handler) *Handler {
	return &Handler{next: next, repeats: &repeats{root: next, kinds: make(map[kind]*lines)}}
}

// Enabled implements slog.Handler.
func (h *Handler) Enabled(ctx context.Context, level slog.Level) bool {
	return h.next.Enabled(ctx, level)
}

// WithAttrs implements slog.Handler.
func (h *Handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &Handler{next: h.next.WithAttrs(attrs), repeats: h.repeats}
}

// WithGroup implements slog.Handler.
func (h *Handler) WithGroup(name string) slog.Handler {
	return &Handler{next: h.next.WithGroup(name), repeats: h.repeats}
}

// Handle implements slog.Handler.
func (h *Handler) Handle(ctx context.Context, r slog.Record) error {
	if h.leaveOut(r) {
		return nil
	}
	return h.next.Handle(ctx, r)
}

// Close writes what is still to be summarised. Lines that come after it are all
// written.
func (h *Handler) Close() {
	h.mu.Lock()
	h.closed = true
	if h.timer != nil {
		h.timer.Stop()
	}
	h.mu.Unlock()
	h.summarise()
}

// leaveOut counts a line and says whether enough of its kind were written.
func (s *repeats) leaveOut(r slog.Record) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	k := kindOf(r)
	of := s.kinds[k]
	if of == nil && len(s.kinds) >= maxKinds {
		k = kind{level: r.Level, message: others}
		of = s.kinds[k]
	}
	if of == nil {
		of = &lines{kind: k, since: time.Now()}
		s.kinds[k] = of
	}
	if s.timer == nil {
		s.timer = time.AfterFunc(Period, s.summarise)
	}
	if of.written < First {
		of.written++
		return false
	}
	of.left++
	of.last = r
	return true
}

// summarise ends a period: it writes a line for each kind of which some were left
// out, and forgets those of which none were.
func (s *repeats) summarise() {
	now := time.Now()
	var repeated []lines
	s.mu.Lock()
	for k, of := range s.kinds {
		if of.left == 0 {
			delete(s.kinds, k)
			continue
		}
		repeated = append(repeated, *of)
		of.since, of.left = now, 0
	}
	s.timer = nil
	if len(s.kinds) > 0 && !s.closed {
		s.timer = time.AfterFunc(Period, s.summarise)
	}
	s.mu.Unlock()
	slices.SortFunc(repeated, func(a, b lines) int { return a.last.Time.Compare(b.last.Time) })
	for _, of := range repeated {
		_ = s.root.Handle(context.Background(), of.summary(now)) // as slog.Logger does: there is nowhere to tell
	}
}

// summary is the line about those that were left out.
func (l *lines) summary(now time.Time) slog.Record {
	r := slog.NewRecord(now, l.kind.level, l.kind.message, 0)
	if l.kind.message != others {
		r.Message = l.last.Message
	}
	r.AddAttrs(slog.Int("repeated", l.left), slog.Duration("in", now.Sub(l.since).Round(time.Second)))
	l.last.Attrs(func(a slog.Attr) bool {
		if tells(a.Key) {
			r.AddAttrs(a)
		}
		return true
	})
	return r
}
