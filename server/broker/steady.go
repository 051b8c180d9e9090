package broker

import (
	"errors"
	"net"
	"os"
	"sync"
	"time"
)

const (
	// looks is how often, within the time in which something must be taken, a
	// write looks whether anything was.
	looks = 6
	// kernelBuffer is how many bytes that were written the system may hold back
	// from the network; Linux takes twice as many. What is in it can be overtaken
	// by nothing, and looks like progress.
	kernelBuffer = 64 << 10
)

// steady is a net.Conn whose writes fail when the peer takes nothing at all for a
// time, and not while it takes anything, until a deadline is set.
type steady struct {
	net.Conn
	patience time.Duration

	mu    sync.Mutex
	fixed bool // a deadline was set
}

func newSteady(c net.Conn, patience time.Duration) *steady {
	if tcp, ok := c.(interface{ SetWriteBuffer(bytes int) error }); ok {
		_ = tcp.SetWriteBuffer(kernelBuffer) // fails if closed; then writes do
	}
	return &steady{Conn: c, patience: patience}
}

// Write implements net.Conn, for one goroutine at a time.
func (s *steady) Write(p []byte) (n int, err error) {
	for last := time.Now(); ; {
		fixed := s.prolong()
		m, err := s.Conn.Write(p[n:])
		n += m
		if m > 0 {
			last = time.Now()
		}
		if fixed || n == len(p) || !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(last) >= s.patience {
			return n, err
		}
	}
}

// prolong sets the time at which the write looks again, unless there is a deadline.
func (s *steady) prolong() (fixed bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.fixed {
		_ = s.Conn.SetWriteDeadline(time.Now().Add(s.patience / looks)) // fails if closed; then so does the write
	}
	return s.fixed
}

// SetDeadline implements net.Conn.
func (s *steady) SetDeadline(t time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fixed = true
	return s.Conn.SetDeadline(t)
}

// SetWriteDeadline implements net.Conn.
func (s *steady) SetWriteDeadline(t time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fixed = true
	return s.Conn.SetWriteDeadline(t)
}
