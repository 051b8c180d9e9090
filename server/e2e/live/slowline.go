package live

import (
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// A SlowLine listens, and passes what comes on to an address and back. All that comes
// back shares so many bytes a second.
type SlowLine struct {
	Address string // where it listens

	to        string
	perSecond int
	listener  net.Listener
	wide      atomic.Bool
	work      sync.WaitGroup

	mu          sync.Mutex
	due         time.Time // when the line is free again
	connections int
	open        []net.Conn
}

// NewSlowLine opens a line to an address; Close ends it.
func NewSlowLine(to string, perSecond int) (*SlowLine, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	l := &SlowLine{Address: listener.Addr().String(), to: to, perSecond: perSecond, listener: listener}
	l.work.Go(l.accept)
	return l, nil
}

// Connections is how many came.
func (l *SlowLine) Connections() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.connections
}

// Widen lets everything pass as it comes from now on.
func (l *SlowLine) Widen() { l.wide.Store(true) }

// Close ends the line with all its connections.
func (l *SlowLine) Close() {
	l.Widen()
	l.listener.Close()
	l.mu.Lock()
	for _, c := range l.open {
		c.Close()
	}
	l.mu.Unlock()
	l.work.Wait()
}

func (l *SlowLine) accept() {
	for {
		near, err := l.listener.Accept()
		if err != nil {
			return // closed
		}
		far, err := net.Dial("tcp", l.to)
		if err != nil {
			near.Close() // whoever came learns it as from a server that is away
			continue
		}
		_ = far.(*net.TCPConn).SetReadBuffer(32 << 10) // a line holds little
		l.mu.Lock()
		l.connections++
		l.open = append(l.open, near, far)
		l.mu.Unlock()
		l.work.Go(func() { l.carry(near, far, true) })
		l.work.Go(func() { l.carry(far, near, false) })
	}
}

// carry copies until an end closes.
func (l *SlowLine) carry(to, from net.Conn, slow bool) {
	defer to.Close()
	piece := make([]byte, 4<<10)
	for {
		n, err := from.Read(piece)
		if slow && !l.wide.Load() {
			time.Sleep(l.turn(n))
		}
		if _, failed := to.Write(piece[:n]); failed != nil || err != nil {
			return
		}
	}
}

// turn is how long so many bytes have to wait.
func (l *SlowLine) turn(n int) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	if now := time.Now(); l.due.Before(now) {
		l.due = now
	}
	l.due = l.due.Add(time.Duration(n) * time.Second / time.Duration(l.perSecond))
	return time.Until(l.due)
}
