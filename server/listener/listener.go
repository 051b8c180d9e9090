// Package listener bounds the connections of an HTTP server, so that neither a
// client nor all of them use up the files that the process may open: then it
// could accept nobody, and open none of its own.
//
// When there is no room, a connection that waits for a request, or has never
// sent one, makes room for the newcomer: the one that has waited longest. Where
// none waits, the request goes that has been served longest, as it may be read or
// sent byte by byte to hold its place. Whoever took a connection over from the
// server (a WebSocket) keeps it: that one counts, and others bound it.
//
// A client may have a share of the connections that are not taken over, and no
// more: one that waits makes room for another of the same client, and when all
// are being served, the newcomer is refused.
package listener

import (
	"container/list"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"syscall"
	"time"

	"golang.org/x/time/rate"

	"parley/server/clientip"
)

// Config says how many connections there may be. All is required.
type Config struct {
	// Max is how many connections there may be, taken over or not.
	Max int
	// MaxPerAddress is how many a client may have that are not taken over.
	MaxPerAddress int
	// Clients tells clients apart. Those of a trusted proxy are not counted: it
	// stands for many.
	Clients *clientip.Resolver
	Log     *slog.Logger
}

// Listener is a net.Listener whose connections are counted. Its Track must be
// the ConnState of the http.Server that it is given to.
type Listener struct {
	net.Listener
	config Config
	full   *rate.Limiter // log lines
	denied *rate.Limiter // likewise

	mu      sync.Mutex
	open    int
	waiting list.List // of *conn, for a request; the front has waited longest
	served  list.List // of *conn, whose request is served; the front's for longest
	clients map[netip.Addr]*client
}

// client is what one client has that is not taken over.
type client struct {
	open    int
	waiting list.List // as in Listener
}

// conn is a connection that was accepted. It embeds one, and the rest is guarded
// by Listener.mu.
type conn struct {
	net.Conn
	listener *Listener
	from     netip.Addr // zero: of no client in particular
	state    state
	place    *list.Element // in the Listener's list
	ownPlace *list.Element // in the client's
}

type state int

const (
	out       state = iota // not let in yet, or has left
	waiting                // for a request, the first or a further one
	served                 // from the end of the request's header to the end of the answer
	takenOver              // no more of the http.Server's
)

// New bounds the connections that l accepts.
func New(l net.Listener, c Config) (*Listener, error) {
	if c.Max < 1 || c.MaxPerAddress < 1 {
		return nil, fmt.Errorf("listener: %d connections, %d for an address: want at least 1", c.Max, c.MaxPerAddress)
	}
	return &Listener{
		Listener: l,
		config:   c,
		full:     rate.NewLimiter(rate.Every(time.Minute), 1),
		denied:   rate.NewLimiter(1, 10),
		clients:  make(map[netip.Addr]*client),
	}, nil
}

// Accept implements net.Listener. When the process or the system has no file
// left, the connection that has waited longest gives its own up; whoever calls is to
// wait a moment, as http.Server does.
func (l *Listener) Accept() (net.Conn, error) {
	for {
		accepted, err := l.Listener.Accept()
		if err != nil {
			if errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) {
				l.relieve()
			}
			return nil, err
		}
		c := &conn{Conn: accepted, listener: l, from: l.config.Clients.Peer(accepted.RemoteAddr().String())}
		ousted, refused := l.admit(c)
		if ousted != nil {
			ousted.end()
		}
		if refused == 0 {
			return c, nil
		}
		l.refuse(c, refused)
	}
}

// admit lets c in, in the place of ousted unless that is nil, or says with which
// HTTP status it is refused.
func (l *Listener) admit(c *conn) (ousted *conn, refused int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	own := l.clients[c.from]
	switch {
	case own != nil && own.open >= l.config.MaxPerAddress:
		if ousted = first(&own.waiting); ousted == nil {
			return nil, http.StatusTooManyRequests
		}
	case l.open >= l.config.Max:
		if l.full.Allow() {
			l.config.Log.Warn("there are as many connections as there may be, so whoever has been silent longest makes room for newcomers: let the server open more files (ulimit -n) if they are honest", "connections", l.open)
		}
		if ousted = first(&l.waiting); ousted == nil {
			ousted = first(&l.served)
		}
		if ousted == nil {
			return nil, http.StatusServiceUnavailable
		}
	}
	if ousted != nil {
		l.move(ousted, out)
	}
	l.move(c, waiting)
	return ousted, 0
}

// relieve ends the connection that has waited longest.
func (l *Listener) relieve() {
	l.mu.Lock()
	c := first(&l.waiting)
	if c != nil {
		l.move(c, out)
	}
	l.mu.Unlock()
	if c != nil {
		c.end()
	}
}

func first(l *list.List) *conn {
	if front := l.Front(); front != nil {
		return front.Value.(*conn)
	}
	return nil
}

// move takes c from where it is and counts it where it is then, last of all.
func (l *Listener) move(c *conn, to state) {
	switch c.state {
	case waiting:
		l.waiting.Remove(c.place)
		if own := l.clients[c.from]; own != nil {
			own.waiting.Remove(c.ownPlace)
		}
	case served:
		l.served.Remove(c.place)
	}
	l.count(c, -1)
	c.state = to
	l.count(c, 1)
	switch to {
	case waiting:
		c.place = l.waiting.PushBack(c)
		if own := l.clients[c.from]; own != nil {
			c.ownPlace = own.waiting.PushBack(c)
		}
	case served:
		c.place = l.served.PushBack(c)
	}
}

// count adds one or takes one away where c is.
func (l *Listener) count(c *conn, one int) {
	if c.state == out {
		return
	}
	l.open += one
	if c.state == takenOver || !c.from.IsValid() {
		return
	}
	own := l.clients[c.from]
	if own == nil {
		own = new(client)
		l.clients[c.from] = own
	}
	if own.open += one; own.open == 0 {
		delete(l.clients, c.from)
	}
}

// refuse answers whoever asks next on c, whatever it is, and closes it. What is
// written fits what the system buffers of any connection, so nothing waits.
func (l *Listener) refuse(c *conn, status int) {
	text := "the server has too many connections: try again in some seconds\n"
	if status == http.StatusTooManyRequests {
		text = fmt.Sprintf("an address may have %d connections: close one of the others\n", l.config.MaxPerAddress)
	}
	if l.denied.Allow() {
		l.config.Log.Warn("connection refused", "remote", c.RemoteAddr().String(), "reason", text[:len(text)-1])
	}
	_ = c.SetWriteDeadline(time.Now().Add(time.Second))
	_, _ = fmt.Fprintf(c.Conn, "HTTP/1.1 %d %s\r\nRetry-After: 5\r\nConnection: close\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: %d\r\n\r\n%s",
		status, http.StatusText(status), len(text), text) // who does not hear it learns by the end
	c.end()
}

// Track follows what becomes of a connection; it is for http.Server.ConnState.
func (l *Listener) Track(tracked net.Conn, now http.ConnState) {
	c, ours := tracked.(*conn)
	if !ours {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if c.state == out {
		return
	}
	switch now {
	case http.StateActive:
		l.move(c, served)
	case http.StateIdle:
		l.move(c, waiting)
	case http.StateHijacked:
		l.move(c, takenOver)
	}
}

// Open is how many connections there are.
func (l *Listener) Open() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.open
}

// Close implements net.Conn.
func (c *conn) Close() error {
	c.listener.mu.Lock()
	c.listener.move(c, out)
	c.listener.mu.Unlock()
	return c.Conn.Close()
}

// end closes a connection that has no place any more.
func (c *conn) end() {
	_ = c.Conn.Close() // it is not used, whatever comes of it
}

// CloseWrite lets http.Server end an answer before the connection (net.TCPConn).
func (c *conn) CloseWrite() error {
	half, ok := c.Conn.(interface{ CloseWrite() error })
	if !ok {
		return errors.ErrUnsupported
	}
	return half.CloseWrite()
}
