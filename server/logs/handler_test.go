package logs

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// written is a log without times.
type written struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (w *written) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.b.Write(p)
}

// take returns the lines since it was last called.
func (w *written) take() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	text := w.b.String()
	w.b.Reset()
	return strings.Split(strings.TrimSuffix(text, "\n"), "\n")[:strings.Count(text, "\n")]
}

func newLog() (*slog.Logger, *Handler, *written) {
	var w written
	h := New(slog.NewTextHandler(&w, &slog.HandlerOptions{ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey && len(groups) == 0 {
			return slog.Attr{}
		}
		return a
	}}))
	return slog.New(h), h, &w
}

func expect(t *testing.T, got []string, want ...string) {
	t.Helper()
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n\t%s\nwant\n\t%s", strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
	}
}

func TestRepeatedLinesAreSummarised(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, h, w := newLog()
		defer h.Close()
		for i := range 1562 { // in 7 s
			log.With("user", i).Error("not stored", "branch", fmt.Sprint("b", i), "error", fmt.Errorf("disk full at byte %d of %q", i, fmt.Sprint("file", i)))
			time.Sleep(7 * time.Second / 1562)
		}
		expect(t, w.take(),
			`level=ERROR msg="not stored" user=0 branch=b0 error="disk full at byte 0 of \"file0\""`,
			`level=ERROR msg="not stored" user=1 branch=b1 error="disk full at byte 1 of \"file1\""`,
			`level=ERROR msg="not stored" user=2 branch=b2 error="disk full at byte 2 of \"file2\""`)
		time.Sleep(Period)
		expect(t, w.take(), `level=ERROR msg="not stored" repeated=1559 in=10s error="disk full at byte 1561 of \"file1561\""`)
	})
}

func TestAKindThatGoesOnHasOneLineAPeriodUntilItWasQuiet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, h, w := newLog()
		defer h.Close()
		log.Warn("again")
		time.Sleep(time.Second / 2)
		for range 49 {
			log.Warn("again")
			time.Sleep(time.Second)
		}
		time.Sleep(time.Second)
		again := "level=WARN msg=again"
		expect(t, w.take(), again, again, again, again+" repeated=8 in=10s", again+" repeated=10 in=10s",
			again+" repeated=10 in=10s", again+" repeated=10 in=10s", again+" repeated=9 in=10s")
		time.Sleep(Period)
		expect(t, w.take())
		log.Warn("again")
		expect(t, w.take(), again)
	})
}

func TestLinesThatDifferAreAllWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, h, w := newLog()
		defer h.Close()
		for range First {
			log.Info("refused", "code", "0x97", "reason", "too fast, wait 20ms")
			log.Info("refused", "code", "0x87", "reason", "too fast, wait 20ms")
			log.Info("refused", "code", "0x87", "reason", "not yours")
			log.Warn("refused", "code", "0x87", "reason", "not yours")
			log.Info("refused")
			log.Info("accepted")
			log.WithGroup("g").Info("grouped", "error", errors.New("a"))
			log.WithGroup("g").Info("grouped", "error", errors.New("b"))
		}
		if got := w.take(); len(got) != 8*First {
			t.Errorf("%d lines, want %d:\n%s", len(got), 8*First, strings.Join(got, "\n"))
		}
		time.Sleep(2 * Period)
		expect(t, w.take())
	})
}

func TestWhatIsLeftOutIsToldWhenTheLogIsClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, h, w := newLog()
		for range 5 {
			log.Info("again")
		}
		time.Sleep(2 * time.Second)
		h.Close()
		again := "level=INFO msg=again"
		expect(t, w.take(), again, again, again, again+" repeated=2 in=2s")
		for range 5 {
			log.Info("again")
		}
		expect(t, w.take(), again, again, again, again, again)
		h.Close()
		expect(t, w.take())
	})
}

// TestWhatNetHTTPLogsIsFoldedToo has lines whose message is all there is.
func TestWhatNetHTTPLogsIsFoldedToo(t *testing.T) {
	log, h, w := newLog()
	std := slog.NewLogLogger(log.Handler(), slog.LevelWarn)
	for port := range 100 {
		std.Printf("http: TLS handshake error from [2001:db8::%x]:%d: EOF", port, port)
	}
	h.Close()
	if got := w.take(); len(got) != First+1 || !strings.Contains(got[First], "repeated=97") || !strings.Contains(got[First], "[2001:db8::63]:99: EOF") {
		t.Errorf("got\n%s", strings.Join(got, "\n"))
	}
}

func TestKindsAreBounded(t *testing.T) {
	log, h, w := newLog()
	letters := func(n int) string {
		return string(rune('a'+n/676)) + string(rune('a'+n/26%26)) + string(rune('a'+n%26))
	}
	const n = 5000
	for i := range n {
		log.Info("line " + letters(i))
	}
	if got := len(h.kinds); got > maxKinds+1 {
		t.Errorf("%d kinds are kept, want %d at most", got, maxKinds+1)
	}
	got := w.take()
	if len(got) != maxKinds+First {
		t.Errorf("%d lines, want %d", len(got), maxKinds+First)
	}
	h.Close()
	expect(t, w.take(), fmt.Sprintf("level=INFO msg=%q repeated=%d in=0s", others, n-maxKinds-First))
}

func TestTheLogMayBeUsedConcurrently(t *testing.T) {
	log, h, w := newLog()
	var writing sync.WaitGroup
	for i := range 10 {
		writing.Go(func() {
			for range 1000 {
				log.With("i", i).Info("again")
			}
		})
	}
	writing.Wait()
	h.Close()
	if got := w.take(); len(got) != First+1 || !strings.Contains(got[First], "repeated=9997") {
		t.Errorf("got\n%s", strings.Join(got, "\n"))
	}
}
