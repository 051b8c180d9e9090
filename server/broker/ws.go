package broker

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"nhooyr.io/websocket"

	"parley/server/origin"
)

const (
	// maxMessage bounds one WebSocket message, which may hold several packets,
	// in bytes.
	maxMessage = 1 << 20
	// closeTimeout is how long the closing handshake may take.
	closeTimeout = time.Second
)

var errText = errors.New("a text frame came: send MQTT in binary frames")

// socket is a WebSocket as a net.Conn: the packets of the peer are one stream,
// however they lie in messages (MQTT 5, section 6); each Write is one message.
//
// Deadlines are set on the connection below, because the library's own, contexts,
// would close the WebSocket before a DISCONNECT could be written.
type socket struct {
	net.Conn // the connection below
	ws       *websocket.Conn
	last     *lastWord
	message  io.Reader // the message being read, nil between messages
	status   websocket.StatusCode
}

// accept upgrades the request, or answers it with an error. Pages of other hosts
// than the request's are refused unless they are among origins. What comes is
// counted for the session.
func accept(w http.ResponseWriter, r *http.Request, origins origin.Origins, of *session) (*socket, error) {
	if !origins.AllowRequest(r) {
		err := fmt.Errorf("a page of %.100q is not one of this host, %.100q: let the proxy pass the Host header on, or name the origin in -origins", r.Header.Get("Origin"), r.Host)
		problem(w, http.StatusForbidden, err.Error())
		return nil, err
	}
	h := &hijacker{ResponseWriter: w, session: of}
	ws, err := websocket.Accept(h, r, &websocket.AcceptOptions{
		Subprotocols:       []string{"mqtt"},
		InsecureSkipVerify: true, // checked above, with the scheme, which the library leaves out
	})
	if err != nil {
		return nil, err
	}
	s := &socket{Conn: h.conn, ws: ws, last: h.last, status: websocket.StatusNormalClosure}
	if ws.Subprotocol() == "" {
		s.status = websocket.StatusPolicyViolation
		s.Close()
		return nil, errors.New("the WebSocket does not offer the subprotocol mqtt")
	}
	ws.SetReadLimit(maxMessage)
	return s, nil
}

// problem answers with a problem document (RFC 9457). Browsers tell no page why
// a WebSocket was refused: it asks by a POST request, which has an Origin too, and
// reads this wherever it comes from.
func problem(w http.ResponseWriter, status int, detail string) {
	body, err := json.Marshal(struct {
		Type   string `json:"type"`
		Title  string `json:"title"`
		Status int    `json:"status"`
		Detail string `json:"detail"`
	}{"about:blank", http.StatusText(status), status, detail})
	if err != nil { // strings and an int always encode
		http.Error(w, detail, status)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "application/problem+json")
	h.Set("Cache-Control", "no-store")
	h.Set("Access-Control-Allow-Origin", "*")
	w.WriteHeader(status)
	_, _ = w.Write(body) // whoever asked may be gone
}

// hijacker remembers the connection that is taken over, and finds it below
// middleware that wraps the ResponseWriter.
type hijacker struct {
	http.ResponseWriter
	session *session
	conn    net.Conn
	last    *lastWord
}

func (h *hijacker) Hijack() (conn net.Conn, rw *bufio.ReadWriter, err error) {
	conn, rw, err = http.NewResponseController(h.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	conn = newSteady(conn, h.session.broker.config.WriteTimeout)
	in := &counted{Conn: conn, session: h.session}
	early, _ := rw.Reader.Peek(rw.Reader.Buffered()) // it has as many
	in.frames.count(early)
	h.conn, h.last = conn, &lastWord{Conn: in}
	return h.last, bufio.NewReadWriter(rw.Reader, bufio.NewWriter(h.last)), nil
}

// counted counts what is read for its session, and reads no more than that may send.
type counted struct {
	net.Conn
	session *session
	frames  frames
}

func (c *counted) Read(p []byte) (int, error) {
	if err := c.session.pause(); err != nil {
		return 0, err
	}
	n, err := c.Conn.Read(p)
	began, idle := c.frames.count(p[:n])
	if err := c.session.tookFrames(n, began, idle); err != nil {
		return 0, err
	}
	return n, err
}

// lastWord lets one more write out once closing is set. The library answers
// the frame that answers its close frame, which nobody may (RFC 6455, section
// 5.5.1) and browsers call an abnormal end.
type lastWord struct {
	net.Conn
	closing, closed atomic.Bool
}

func (l *lastWord) Write(p []byte) (int, error) {
	if l.closing.Load() && l.closed.Swap(true) {
		return len(p), nil
	}
	return l.Conn.Write(p)
}

// Read implements net.Conn. A close frame of the peer is io.EOF.
func (s *socket) Read(p []byte) (int, error) {
	for {
		if s.message == nil {
			kind, message, err := s.ws.Reader(context.Background())
			if websocket.CloseStatus(err) != -1 {
				return 0, io.EOF
			}
			if err != nil {
				return 0, err
			}
			if kind != websocket.MessageBinary {
				s.status = websocket.StatusUnsupportedData
				return 0, errText
			}
			s.message = message
		}
		n, err := s.message.Read(p)
		if err == io.EOF {
			s.message, err = nil, nil
		}
		if n > 0 || err != nil {
			return n, err
		}
	}
}

// Write implements net.Conn; p goes as one message. The deadline is for that alone:
// the library answers pings at any time, and closes when it cannot.
func (s *socket) Write(p []byte) (int, error) {
	defer s.Conn.SetWriteDeadline(time.Time{}) // fails if closed
	if err := s.ws.Write(context.Background(), websocket.MessageBinary, p); err != nil {
		return 0, err
	}
	return len(p), nil
}

// Close does the closing handshake, in closeTimeout at most. Nobody may be
// reading or writing.
func (s *socket) Close() error {
	if err := s.Conn.SetDeadline(time.Now().Add(closeTimeout)); err != nil {
		return s.ws.CloseNow()
	}
	s.last.closing.Store(true)
	return s.ws.Close(s.status, "")
}
