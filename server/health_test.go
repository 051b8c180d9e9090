package main

import (
	"context"
	"errors"
	"log/slog"
	"parley/server/store"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// becomes awaits what /healthz says.
func (p *program) becomes(status int, text string) {
	p.t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(100 * time.Millisecond) {
		got, body := p.get("/healthz")
		if got == status && strings.Contains(body, text) {
			return
		}
		if time.Now().After(deadline) {
			p.t.Fatalf("/healthz: status %d, %s, want %d with %q", got, body, status, text)
		}
	}
}

// sickDisk is a disk that fails on demand.
type sickDisk struct {
	mu             sync.Mutex
	probe, verify  error
	hangs          bool
	probed, readAt []time.Duration
	began          time.Time
}

func (d *sickDisk) set(change func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	change()
}

func (d *sickDisk) Probe(ctx context.Context) error {
	d.mu.Lock()
	hangs := d.hangs
	d.probed = append(d.probed, time.Since(d.began))
	err := d.probe
	d.mu.Unlock()
	if hangs {
		<-ctx.Done()
		time.Sleep(time.Hour) // and does not look at it
		return ctx.Err()
	}
	return err
}

func (d *sickDisk) Advice(err error) string { return store.Advice(err) }

func (d *sickDisk) Verify(context.Context) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.readAt = append(d.readAt, time.Since(d.began))
	return d.verify
}

// watched runs a test while a disk's health is watched.
func watched(t *testing.T, test func(d *sickDisk, h *health)) {
	synctest.Test(t, func(t *testing.T) {
		d := &sickDisk{began: time.Now()}
		h := newHealth(t.Context(), d, slog.New(slog.DiscardHandler))
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			h.watch(ctx)
		}()
		synctest.Wait()
		test(d, h)
		stop()
		<-ended
	})
}

func healthy(t *testing.T, what string, h *health, want string) {
	t.Helper()
	synctest.Wait()
	err := h.state(t.Context())
	if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
		t.Errorf("%s: %v, want %q", what, err, want)
	}
}

func TestHealthFollowsWhetherTheHistoryCanBeWritten(t *testing.T) {
	watched(t, func(d *sickDisk, h *health) {
		healthy(t, "at first", h, "")
		d.set(func() { d.probe = errors.New("no room") })
		time.Sleep(probeEvery)
		healthy(t, "full", h, "cannot be written: see that its folder may be written to and the disk has room")
		d.set(func() { d.probe = nil })
		time.Sleep(probeEvery)
		healthy(t, "with room again", h, "")
		d.set(func() { d.hangs = true })
		time.Sleep(time.Minute)
		healthy(t, "a disk that does not answer", h, "does not answer")
		d.set(func() { d.hangs = false })
		time.Sleep(2 * time.Hour)
		healthy(t, "later", h, "")
	})
}

func TestHealthReadsTheWholeFileOnceADayAndMoreOftenWhereItIsDamaged(t *testing.T) {
	watched(t, func(d *sickDisk, h *health) {
		d.set(func() { d.verify = errors.New("flipped") })
		time.Sleep(24*time.Hour - time.Second)
		healthy(t, "before it was read", h, "")
		time.Sleep(time.Second)
		healthy(t, "after", h, "cannot be verified")
		d.set(func() { d.verify = nil })
		time.Sleep(10 * time.Minute)
		healthy(t, "repaired", h, "")
		d.set(func() {
			want := []time.Duration{0, 24 * time.Hour, 24*time.Hour + 10*time.Minute}
			if len(d.readAt) != 3 || d.readAt[1] != want[1] || d.readAt[2] != want[2] {
				t.Errorf("it was read at %v, want %v", d.readAt, want)
			}
		})
	})
}

// While the file is read whole, which may take long, it is tried all the same
// whether it can be written.
func TestReadingTheWholeFileKeepsNothingWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &slowDisk{}
		h := newHealth(t.Context(), d, slog.New(slog.DiscardHandler))
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			h.watch(ctx)
		}()
		d.set(func() { d.probe = errors.New("no room") })
		time.Sleep(probeEvery)
		healthy(t, "full", h, "cannot be written")
		began := time.Now()
		stop()
		<-ended
		if took := time.Since(began); took > 0 {
			t.Errorf("it went on for %v", took)
		}
		healthy(t, "stopped", h, "cannot be written")
	})
}

// slowDisk is read until the end of its context.
type slowDisk struct{ sickDisk }

func (*slowDisk) Verify(ctx context.Context) error {
	<-ctx.Done()
	return ctx.Err()
}
