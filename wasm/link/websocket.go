package link

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"nhooyr.io/websocket"
)

const (
	// subprotocol of MQTT over WebSocket [MQTT-6.0.0-3].
	subprotocol = "mqtt"
	// maxMessage is the largest WebSocket message taken, in bytes. A server
	// may put several packets in one, or one packet in several.
	maxMessage = 2 << 20
	// maxUnread is how much may wait to be read, in bytes.
	maxUnread = 16 << 20
)

// WebSocket returns a Network's Dial for the server's ws or wss URL.
//
// A browser has no way to make a peer wait, so that a program too slow to read
// would pile up messages without bound; beyond 16 MiB the connection ends.
func WebSocket(url string) func(ctx context.Context) (net.Conn, error) {
	return func(ctx context.Context) (net.Conn, error) { return dial(ctx, url) }
}

// webSocket is a WebSocket as a net.Conn: each Write is one message.
type webSocket struct {
	socket *websocket.Conn
	hangUp func() // starts the closing handshake, and waits for nothing
	once   sync.Once
	unread inbox
	rest   []byte // of the message being read

	mu       sync.Mutex
	deadline time.Time // of writes
}

// newWebSocket takes over an open socket. ctx ends the reading of it.
func newWebSocket(ctx context.Context, socket *websocket.Conn, hangUp func()) (net.Conn, error) {
	w := &webSocket{socket: socket, hangUp: hangUp, unread: inbox{arrived: make(chan struct{}, 1)}}
	if got := socket.Subprotocol(); got != subprotocol {
		hangUp()
		return nil, fmt.Errorf("the server does not speak MQTT here: want the subprotocol %q, got %q", subprotocol, got)
	}
	socket.SetReadLimit(maxMessage)
	go w.receive(ctx)
	return w, nil
}

// receive empties the socket as fast as messages come. In the browser the
// library queues them without bound, moves the whole queue for each that is
// read, and drops the queue when the socket closes.
func (w *webSocket) receive(ctx context.Context) {
	for {
		kind, message, err := w.socket.Read(ctx)
		if err == nil && kind != websocket.MessageBinary {
			err = errors.New("the server sent a text frame") // [MQTT-6.0.0-1]
		}
		if err == nil {
			err = w.unread.put(message)
		}
		if err != nil {
			w.unread.end(err)
			return
		}
	}
}

// Read implements net.Conn, for one reader.
func (w *webSocket) Read(p []byte) (int, error) {
	for len(w.rest) == 0 {
		message, err := w.unread.take()
		if err != nil {
			return 0, err
		}
		w.rest = message
	}
	n := copy(p, w.rest)
	w.rest = w.rest[n:]
	return n, nil
}

// Write implements net.Conn: it sends p as one message. In a browser it never blocks.
func (w *webSocket) Write(p []byte) (int, error) {
	ctx := context.Background()
	w.mu.Lock()
	deadline := w.deadline
	w.mu.Unlock()
	if !deadline.IsZero() {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, deadline)
		defer cancel()
	}
	if err := w.socket.Write(ctx, websocket.MessageBinary, p); err != nil {
		return 0, err
	}
	return len(p), nil
}

// Close implements net.Conn. What was written before is still sent; what was not read is dropped.
func (w *webSocket) Close() error {
	w.once.Do(func() {
		w.unread.drop()
		w.hangUp()
	})
	return nil
}

// SetWriteDeadline implements net.Conn.
func (w *webSocket) SetWriteDeadline(t time.Time) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.deadline = t
	return nil
}

// SetDeadline and SetReadDeadline are not supported: whoever reads closes the connection to stop.
func (w *webSocket) SetDeadline(time.Time) error     { return errors.ErrUnsupported }
func (w *webSocket) SetReadDeadline(time.Time) error { return errors.ErrUnsupported }

func (w *webSocket) LocalAddr() net.Addr  { return address{} }
func (w *webSocket) RemoteAddr() net.Addr { return address{} }

// address stands for the addresses, which a browser does not tell.
type address struct{}

func (address) Network() string { return "websocket" }
func (address) String() string  { return "websocket" }

// inbox holds the messages that were not read yet.
type inbox struct {
	arrived chan struct{}

	mu       sync.Mutex // guards what follows
	messages [][]byte
	size     int // of messages, in bytes
	err      error
}

func (b *inbox) put(message []byte) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.err != nil {
		return b.err
	}
	if b.size += len(message); b.size > maxUnread {
		return fmt.Errorf("more than %d MiB of messages wait to be read: this program is too slow for them", maxUnread>>20)
	}
	b.messages = append(b.messages, message)
	b.signal()
	return nil
}

// end lets take return err once all messages are taken.
func (b *inbox) end(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.err == nil {
		b.err = err
	}
	b.signal()
}

// drop lets take return net.ErrClosed from now on.
func (b *inbox) drop() {
	b.mu.Lock()
	b.messages, b.size = nil, 0
	b.mu.Unlock()
	b.end(net.ErrClosed)
}

func (b *inbox) signal() {
	select {
	case b.arrived <- struct{}{}:
	default:
	}
}

// take waits for the next message. It is for one reader.
func (b *inbox) take() ([]byte, error) {
	for {
		if message, err := b.next(); message != nil || err != nil {
			return message, err
		}
		<-b.arrived
	}
}

// next returns nil, nil if there is nothing yet.
func (b *inbox) next() ([]byte, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for len(b.messages) > 0 {
		message := b.messages[0]
		b.messages[0] = nil
		b.messages = b.messages[1:]
		b.size -= len(message)
		if len(message) > 0 {
			return message, nil
		}
	}
	return nil, b.err
}
