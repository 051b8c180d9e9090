package broker

import (
	"context"
	"errors"
	"net"
	"sync"
	"time"
)

const (
	// batch is how many bytes of packets go into one message, if there is more
	// than one packet.
	batch = 16 << 10
	// overhead is what a packet costs in a queue apart from its bytes.
	overhead = 64
	// little is how many bytes may be queued for one who waits for room to add
	// to them: what is more urgent then waits behind no more than that.
	little = 64 << 10
)

var (
	errQueueFull = errors.New("the queue of packets to write is full")
	longAgo      = time.Unix(1, 0)
)

// conn puts a bounded queue before the writes of a net.Conn, so that nobody who
// writes ever waits for the peer, and lets it end in order: first the reading,
// then, after what was queued, the writing.
type conn struct {
	net.Conn
	limit   int           // of size
	timeout time.Duration // of one write
	done    chan struct{} // closed when writing has ended
	// stopping is closed when reading is to end.
	stopping chan struct{}

	// readErr is why reading failed. It belongs to the goroutine that reads.
	readErr error

	mu      sync.Mutex
	wake    sync.Cond     // queue or a flag changed
	queue   [][]byte      // whole packets, shared with other queues: read only
	size    int           // bytes in queue, with overhead
	less    chan struct{} // closed when size has become less; nil if nobody waits for it
	until   time.Time     // the next packet must have come; zero before CONNECT
	stopped bool          // no more reading
	sealed  bool          // no more packets but the last
	ended   bool          // nothing more, not even a last packet
	killed  bool          // nothing is written any more
}

// newConn starts the goroutine that writes; finish ends it.
func newConn(c net.Conn, limit int, timeout time.Duration) *conn {
	q := &conn{Conn: c, limit: limit, timeout: timeout, done: make(chan struct{}), stopping: make(chan struct{})}
	q.wake.L = &q.mu
	go q.write()
	return q
}

// Read implements net.Conn.
func (c *conn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if err != nil {
		c.readErr = err
	}
	return n, err
}

// enqueue queues a packet, which must not be changed any more. The error is
// errQueueFull, once: what is queued then is dropped and nothing but the last
// packet is taken any more. After that, and at the end, it is net.ErrClosed.
func (c *conn) enqueue(packet []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.sealed {
		return net.ErrClosed
	}
	if c.size+len(packet)+overhead > c.limit {
		c.sealed = true
		c.queue, c.size = nil, 0
		return errQueueFull
	}
	c.add(packet)
	return nil
}

// await queues a packet as soon as little is queued before it. The error is
// net.ErrClosed, at the end, or ctx's.
func (c *conn) await(ctx context.Context, packet []byte) error {
	for {
		less, err := c.enqueueIfLittle(packet)
		if less == nil || err != nil {
			return err
		}
		select {
		case <-less:
		case <-c.done:
			return net.ErrClosed
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// enqueueIfLittle queues a packet, or returns what will be closed when another
// try makes sense. An empty queue has room for any packet.
func (c *conn) enqueueIfLittle(packet []byte) (less <-chan struct{}, _ error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.sealed {
		return nil, net.ErrClosed
	}
	if c.size > 0 && c.size+len(packet)+overhead > min(little, c.limit) {
		if c.less == nil {
			c.less = make(chan struct{})
		}
		return c.less, nil
	}
	c.add(packet)
	return nil, nil
}

func (c *conn) add(packet []byte) {
	c.queue = append(c.queue, packet)
	c.size += len(packet) + overhead
	c.wake.Signal()
}

// write writes what is queued until finish, or until a write fails.
func (c *conn) write() {
	defer close(c.done)
	for {
		message := c.next()
		if message == nil {
			return
		}
		if _, err := c.Conn.Write(message); err != nil {
			c.kill()
			return
		}
	}
}

// next waits for packets and takes some, to be written as one message; nil when
// there is nothing more to write. It sets the deadline for that.
func (c *conn) next() []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	for len(c.queue) == 0 && !c.ended && !c.killed {
		c.wake.Wait()
	}
	if len(c.queue) == 0 || c.killed {
		return nil
	}
	_ = c.Conn.SetWriteDeadline(time.Now().Add(c.timeout)) // fails if closed; then so does the write
	n, size := 1, len(c.queue[0])
	for n < len(c.queue) && size+len(c.queue[n]) <= batch {
		size += len(c.queue[n])
		n++
	}
	message := c.queue[0]
	if n > 1 {
		message = make([]byte, 0, size)
		for _, packet := range c.queue[:n] {
			message = append(message, packet...)
		}
	}
	c.size -= size + n*overhead
	if c.less != nil {
		close(c.less)
		c.less = nil
	}
	clear(c.queue[:n])
	c.queue = c.queue[n:]
	if len(c.queue) == 0 {
		c.queue = nil
	}
	return message
}

// SetDeadline implements net.Conn for mochi, which means the keep alive by it:
// the time by which the next packet must have come. mochi rounds half a keep
// alive down to whole seconds, hence one second more.
func (c *conn) SetDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stopped {
		return net.ErrClosed
	}
	c.until = t.Add(time.Second)
	return c.Conn.SetReadDeadline(c.until)
}

// postpone gives the next packet more time. Before CONNECT there is no more.
func (c *conn) postpone(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stopped || c.until.IsZero() {
		return
	}
	c.until = c.until.Add(d)
	_ = c.Conn.SetReadDeadline(c.until) // fails if closed; then so does reading
}

// stop ends reading: a Read that waits returns with an error, and no Read waits
// again. What is queued is still written.
func (c *conn) stop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stopReading()
	_ = c.Conn.SetReadDeadline(longAgo) // fails if closed, which is as good
}

// stopReading needs mu.
func (c *conn) stopReading() {
	if !c.stopped {
		c.stopped = true
		close(c.stopping)
	}
}

// Close implements net.Conn for mochi, which closes before the reason can be
// told; so it only ends reading. See finish.
func (c *conn) Close() error {
	c.stop()
	return nil
}

// kill ends reading and writing at once. finish is still to be called.
func (c *conn) kill() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stopReading()
	c.sealed, c.killed = true, true
	c.queue, c.size = nil, 0
	_ = c.Conn.SetDeadline(longAgo) // fails if closed, which is as good
	c.wake.Signal()
}

// dead says whether kill was called, or a write failed.
func (c *conn) dead() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.killed
}

// finish writes what is queued and then last, unless that is nil, and closes the
// connection. Nobody may be reading.
func (c *conn) finish(last []byte) {
	c.mu.Lock()
	if last != nil && !c.killed {
		c.queue = append(c.queue, last)
		c.size += len(last) + overhead
	}
	c.sealed, c.ended = true, true
	c.wake.Signal()
	c.mu.Unlock()
	<-c.done
	_ = c.Conn.Close() // the peer may be gone
}
