package broker

import (
	"context"
	"errors"
	"net"
	"os"
	"sync"
	"time"
)

const (
	// batch is how many bytes of packets go into one message, if there is more
	// than one packet.
	batch = 16 << 10
	// overhead is what a packet costs in a queue apart from its bytes.
	overhead = 64
	// little is how many bytes of deliveries may be queued for one who waits for
	// room to add to them: what is more urgent then waits behind no more than that.
	little = 64 << 10
)

var (
	errQueueFull = errors.New("the queue of packets to write is full")
	errMissed    = errors.New("the queue of deliveries is full: this one and others are missed")
	errDropped   = errors.New("dropped, since the connection takes too little")
	longAgo      = time.Unix(1, 0)
)

// conn puts a bounded queue before the writes of a net.Conn, so that nobody who
// writes ever waits for the peer, and lets it end in order: first the reading,
// then, after what was queued, the writing.
type conn struct {
	net.Conn
	limit  int           // of the size of a queue
	little int           // see the constant
	done   chan struct{} // closed when writing has ended
	// stopping is closed when reading is to end.
	stopping chan struct{}

	// readErr is why reading failed. It belongs to the goroutine that reads.
	readErr error

	mu                  sync.Mutex
	wake                sync.Cond // a queue or a flag changed
	answers, deliveries queue
	less                chan struct{} // closed when there are less deliveries; nil if nobody waits for it
	missed              bool          // a delivery was dropped, and this is not yet told
	owed                []byte        // the packet that tells it
	last                []byte        // comes after everything else
	until               time.Time     // the next packet must have come; zero before CONNECT
	stopped             bool          // no more reading
	sealed              bool          // no more packets but the last
	ended               bool          // nothing more, not even a last packet
	killed              bool          // nothing is written any more
	starved             bool          // it was killed since the peer took nothing
}

// newConn starts the goroutine that writes; finish ends it.
func newConn(c net.Conn, limit int) *conn {
	q := &conn{
		Conn: c, limit: limit, little: min(little, limit/2),
		done: make(chan struct{}), stopping: make(chan struct{}),
	}
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

// answer queues a packet that the client waits for, before all deliveries. It
// must not be changed any more. The error is errQueueFull, once: what is queued
// then is dropped and nothing but the last packet is taken any more. After that,
// and at the end, it is net.ErrClosed.
func (c *conn) answer(packet []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.sealed {
		return net.ErrClosed
	}
	if c.answers.size+len(packet)+overhead > c.limit {
		c.sealed = true
		c.answers, c.deliveries, c.owed = queue{}, queue{}, nil
		return errQueueFull
	}
	c.answers.add(packet)
	c.wake.Signal()
	return nil
}

// enqueue queues a delivery, which must not be changed any more; one that means
// nothing a moment later (ephemeral) while the queue is half empty. The error is
// errMissed if it is the first that is missed, errDropped for others that are
// dropped, and net.ErrClosed at the end. After errMissed everything is dropped
// until what owe was given is written.
func (c *conn) enqueue(packet []byte, ephemeral bool) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	room := c.limit
	if ephemeral {
		room /= 2
	}
	switch fits := c.deliveries.size+len(packet)+overhead <= room; {
	case c.sealed:
		return net.ErrClosed
	case c.missed, ephemeral && !fits:
		return errDropped
	case !fits:
		c.missed = true
		return errMissed
	}
	c.deliveries.add(packet)
	c.wake.Signal()
	return nil
}

// owe lets a packet be written as soon as little is left of what was queued
// before something was missed. From then on deliveries are queued again.
func (c *conn) owe(packet []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.sealed {
		c.owed = packet
		c.wake.Signal()
	}
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
	if size := c.deliveries.size; size > 0 && size+len(packet)+overhead > c.little {
		if c.less == nil {
			c.less = make(chan struct{})
		}
		return c.less, nil
	}
	c.deliveries.add(packet)
	c.wake.Signal()
	return nil, nil
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
			c.starve(errors.Is(err, os.ErrDeadlineExceeded))
			c.kill()
			return
		}
	}
}

// next waits for packets and takes some, to be written as one message; nil when
// there is nothing more to write.
func (c *conn) next() []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	for {
		switch {
		case c.killed:
			return nil
		case len(c.answers.packets) > 0:
			return c.answers.take()
		case c.owed != nil && c.deliveries.size <= c.little:
			owed := c.owed
			c.owed, c.missed = nil, false
			return owed
		case len(c.deliveries.packets) > 0:
			defer c.tellLess()
			return c.deliveries.take()
		case c.last != nil:
			last := c.last
			c.last = nil
			return last
		case c.ended:
			return nil
		}
		c.wake.Wait()
	}
}

// tellLess wakes those who wait for room.
func (c *conn) tellLess() {
	if c.less != nil {
		close(c.less)
		c.less = nil
	}
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
	c.answers, c.deliveries, c.owed, c.last = queue{}, queue{}, nil, nil
	_ = c.Conn.SetDeadline(longAgo) // fails if closed, which is as good
	c.wake.Signal()
}

// starve notes that the peer took nothing, if that is why a write failed.
func (c *conn) starve(late bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.starved = late && !c.killed // a kill looks the same
}

// tookNothing says whether a write failed since the peer took nothing.
func (c *conn) tookNothing() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.starved
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
	if !c.killed {
		c.last = last
	}
	c.sealed, c.ended = true, true
	c.wake.Signal()
	c.mu.Unlock()
	<-c.done
	_ = c.Conn.Close() // the peer may be gone
}
