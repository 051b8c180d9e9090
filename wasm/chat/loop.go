package chat

import (
	"context"
	"crypto/rand"
	"sync"
	"time"
)

// Loop is the Host that programs use: the system's clock and timers, a
// goroutine for each piece of background work, and one for everything else.
type Loop struct {
	mu     sync.Mutex
	queue  []func()
	ended  bool
	began  time.Time
	wake   chan struct{} // holds one token while the queue is not empty
	worker sync.WaitGroup
}

var _ Host = (*Loop)(nil)

// NewLoop returns a loop that does nothing until Run.
func NewLoop() *Loop {
	return &Loop{began: time.Now(), wake: make(chan struct{}, 1)}
}

// Run executes what is posted, in order, until ctx is done; then it waits for
// background work to end and drops what is posted from then on. A panic of a
// posted function, or of background work, leaves Run as that panic: the caller
// knows whom to tell.
func (l *Loop) Run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			l.end()
			return
		case <-l.wake:
			for _, f := range l.take() {
				f()
			}
		}
	}
}

func (l *Loop) end() {
	l.mu.Lock()
	l.ended, l.queue = true, nil
	l.mu.Unlock()
	l.worker.Wait()
}

func (l *Loop) take() []func() {
	l.mu.Lock()
	defer l.mu.Unlock()
	queue := l.queue
	l.queue = nil
	return queue
}

// Post implements Host. The queue has no bound of its own: what a session brings
// waits in it for the loop instead of in the browser's queue of the WebSocket,
// which has none either; the server's rate, and how fast it sends, bound both.
func (l *Loop) Post(f func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ended {
		return
	}
	l.queue = append(l.queue, f)
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// Now implements Host.
func (l *Loop) Now() time.Time { return time.Now() }

// Elapsed implements Host.
func (l *Loop) Elapsed() time.Duration { return time.Since(l.began) }

// After implements Host.
func (l *Loop) After(d time.Duration, f func()) (stop func()) {
	stopped := false // touched on the loop only
	timer := time.AfterFunc(d, func() {
		l.Post(func() {
			if !stopped {
				f()
			}
		})
	})
	return func() {
		stopped = true
		timer.Stop()
	}
}

// Go implements Host.
func (l *Loop) Go(work func() (then func())) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ended {
		return
	}
	l.worker.Go(func() {
		defer func() {
			if cause := recover(); cause != nil {
				l.Post(func() { panic(cause) })
			}
		}()
		l.Post(work())
	})
}

// Random implements Host.
func (l *Loop) Random(b []byte) { rand.Read(b) }
