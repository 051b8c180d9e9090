package main

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"parley/proto"
)

const (
	// probeEvery is how often it is tried whether the history can be written, and
	// probeTime how long that may take.
	probeEvery, probeTime = 10 * time.Second, 8 * time.Second
	// verifyEvery is how often the whole file is read, and verifyAgain after how
	// long once more if it was damaged.
	verifyEvery, verifyAgain = 24 * time.Hour, 10 * time.Minute
)

// disk is what health watches.
type disk interface {
	Probe(context.Context) error
	Verify(context.Context) error
	Advice(error) string
}

// health knows whether the history can be written and is sound. It finds out
// once in a while, so that who asks does not wait, and costs nothing.
type health struct {
	disk disk
	log  *slog.Logger

	mu        sync.Mutex
	unwritten error     // why it cannot be written; nil: it can
	probed    time.Time // when the last probe began that has ended
	unsound   error     // what is damaged; nil: nothing is known to be
}

// newHealth tries at once whether the history can be written.
func newHealth(ctx context.Context, d disk, log *slog.Logger) *health {
	h := &health{disk: d, log: log}
	h.probe(ctx)
	return h
}

// watch finds out how things are until ctx is done. The file is read whole at
// the start, beside everything else.
func (h *health) watch(ctx context.Context) {
	var both sync.WaitGroup
	both.Go(func() { every(ctx, func() time.Duration { return probeEvery }, h.probe) })
	h.verify(ctx)
	both.Go(func() { every(ctx, h.untilVerify, h.verify) })
	both.Wait()
}

// every calls f each time that a while has passed, until ctx is done.
func every(ctx context.Context, while func() time.Duration, f func(context.Context)) {
	for {
		select {
		case <-time.After(while()):
			f(ctx)
		case <-ctx.Done():
			return
		}
	}
}

func (h *health) probe(ctx context.Context) {
	began := time.Now()
	limit, cancel := context.WithTimeout(ctx, probeTime)
	defer cancel()
	err := h.disk.Probe(limit)
	if ctx.Err() != nil {
		return // the server stops
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.probed = began
	h.told(err, h.unwritten, "the history can be written again", "the history cannot be written")
	h.unwritten = err
}

func (h *health) verify(ctx context.Context) {
	err := h.disk.Verify(ctx)
	if ctx.Err() != nil {
		return // the server stops
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.told(err, h.unsound, "the history is sound again", "the history is damaged, or cannot be verified: run parley check")
	h.unsound = err
}

func (h *health) untilVerify() time.Duration {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.unsound != nil {
		return verifyAgain
	}
	return verifyEvery
}

// told logs what changed.
func (h *health) told(now, before error, good, bad string) {
	switch {
	case now == nil && before != nil:
		h.log.Info(good)
	case now != nil && before == nil:
		h.log.Error(bad, "error", now)
	}
}

// state returns why the server cannot do its work, as a *proto.Refusal for
// anybody; nil if it can.
func (h *health) state(context.Context) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.unwritten != nil:
		return proto.Refuse(proto.UnspecifiedError, "the history cannot be written: %s", h.disk.Advice(h.unwritten))
	case time.Since(h.probed) > 3*(probeEvery+probeTime):
		return proto.Refuse(proto.UnspecifiedError, "the history does not answer: see whether the disk works")
	case h.unsound != nil:
		return proto.Refuse(proto.UnspecifiedError, "the history cannot be verified: %s", h.disk.Advice(h.unsound))
	}
	return nil
}
