package startup

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/eclipse/paho.golang/packets"
)

// A line is what a browser reaches the server by, on an origin of its own. What the server says over WebSockets it
// can hold back, however much that is, and then let go at once.
type line struct {
	address string

	mu      sync.Mutex
	changed *sync.Cond
	held    bool
	// What the server said and the browser did not get yet: WebSocket frames, and what other frames have of packets that
	// bring messages.
	answers, messages [][]byte
}

// together is how many bytes of messages, if there are several, go into one WebSocket frame. The server puts as many into
// one where a connection takes less than there is for it, which it does not see behind a line that reads all at once.
const together = 16 << 10

// newLine begins a line to a server; it ends with the benchmark. The script runs before the engine's. Where program is
// not "", that file is given as the browser's program instead of the server's.
func newLine(t testing.TB, server, script, program string) *line {
	t.Helper()
	l := new(line)
	l.changed = sync.NewCond(&l.mu)
	const engine = "/engine.js"
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(&url.URL{Scheme: "http", Host: server})
			r.Out.Host = r.In.Host // one origin, for the browser and for the server
			if r.In.URL.Path == engine {
				r.Out.Header.Set("Accept-Encoding", "identity")
			}
		},
		ModifyResponse: func(r *http.Response) error {
			switch {
			case r.StatusCode == http.StatusSwitchingProtocols:
				r.Body = l.hold(r.Body.(io.ReadWriteCloser))
			case r.Request.URL.Path == engine && r.StatusCode == http.StatusOK:
				r.Body = struct {
					io.Reader
					io.Closer
				}{io.MultiReader(strings.NewReader(script), r.Body), r.Body}
				r.ContentLength += int64(len(script))
				r.Header.Set("Content-Length", strconv.FormatInt(r.ContentLength, 10))
			}
			return nil
		},
	}
	mux := http.NewServeMux()
	mux.Handle("/e2e/vendor/", http.StripPrefix("/e2e/", http.FileServer(http.Dir(filepath.Join("..", "testdata")))))
	mux.Handle("/e2e/stock/", http.StripPrefix("/e2e/", http.FileServer(http.Dir("testdata"))))
	mux.HandleFunc("/e2e/chat.proto", func(w http.ResponseWriter, r *http.Request) {
		http.ServeFile(w, r, filepath.Join("..", "..", "..", "proto", "chat.proto"))
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		if program != "" && strings.HasSuffix(r.URL.Path, ".wasm") {
			http.ServeFile(w, r, program)
			return
		}
		proxy.ServeHTTP(w, r)
	})
	front := httptest.NewServer(mux)
	t.Cleanup(front.Close)
	l.address = front.Listener.Addr().String()
	return l
}

// hold reads all that the server says at once.
func (l *line) hold(server io.ReadWriteCloser) io.ReadWriteCloser {
	c := &heldConn{ReadWriteCloser: server, line: l}
	go func() {
		from := bufio.NewReaderSize(server, 64<<10)
		for {
			frame, packets, err := readFrame(from)
			l.mu.Lock()
			switch {
			case err != nil:
				c.err = err
			case isAnswer(packets): // the server sends these before all messages, and would have sent it before those that the line has
				l.answers = append(l.answers, frame)
			default:
				l.messages = append(l.messages, packets)
			}
			l.changed.Broadcast()
			l.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	return c
}

// readFrame reads one WebSocket frame as a server writes it, which is not masked, and returns the packets of MQTT in it, too.
func readFrame(from *bufio.Reader) (frame, packets []byte, err error) {
	head, err := from.Peek(2)
	if err != nil {
		return nil, nil, err
	}
	size, length := 2, int(head[1])
	switch length {
	case 126:
		size = 4
	case 127:
		size = 10
	}
	if head, err = from.Peek(size); err != nil {
		return nil, nil, err
	}
	switch size {
	case 4:
		length = int(binary.BigEndian.Uint16(head[2:]))
	case 10:
		length = int(binary.BigEndian.Uint64(head[2:]))
	}
	frame = make([]byte, size+length)
	_, err = io.ReadFull(from, frame)
	return frame, frame[size:], err
}

// newFrame is a WebSocket frame of packets, as readFrame reads it.
func newFrame(packets ...[]byte) []byte {
	content := slices.Concat(packets...)
	frame := []byte{0x82} // a whole binary message
	switch n := len(content); {
	case n < 126:
		frame = append(frame, byte(n))
	case n < 1<<16:
		frame = binary.BigEndian.AppendUint16(append(frame, 126), uint16(n))
	default:
		frame = binary.BigEndian.AppendUint64(append(frame, 127), uint64(n))
	}
	return append(frame, content...)
}

// isAnswer tells what a client waits for from what brings messages.
func isAnswer(content []byte) bool { return len(content) == 0 || content[0]>>4 != packets.PUBLISH }

// heldConn is the server's side of the line's one WebSocket, as the browser gets it.
type heldConn struct {
	io.ReadWriteCloser
	line *line
	rest []byte // of the frame that is being read
	err  error  // that ended reading
}

func (c *heldConn) Read(p []byte) (n int, err error) {
	l := c.line
	l.mu.Lock()
	defer l.mu.Unlock()
	for !c.next() {
		if c.err != nil {
			return 0, c.err
		}
		l.changed.Wait()
	}
	for n < len(p) && c.next() {
		read := copy(p[n:], c.rest)
		n, c.rest = n+read, c.rest[read:]
	}
	return n, nil
}

// next reports whether there is something to read.
func (c *heldConn) next() bool {
	l := c.line
	switch {
	case len(c.rest) > 0:
	case len(l.answers) > 0:
		c.rest, l.answers = l.answers[0], l.answers[1:]
	case len(l.messages) > 0 && !l.held:
		c.rest = l.take()
	}
	return len(c.rest) > 0
}

// take takes the first messages, of which there must be some, as one frame.
func (l *line) take() []byte {
	n, size := 1, len(l.messages[0])
	for n < len(l.messages) && size+len(l.messages[n]) <= together {
		size += len(l.messages[n])
		n++
	}
	frame := newFrame(l.messages[:n]...)
	l.messages = l.messages[n:]
	return frame
}

// keep begins to hold back.
func (l *line) keep() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.held = true
}

// has reports whether something is held back.
func (l *line) has(text string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.ContainsFunc(l.messages, func(packets []byte) bool { return bytes.Contains(packets, []byte(text)) })
}

// letGo lets all that was held back go, as fast as the browser takes it, and returns when it began.
func (l *line) letGo() time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.held = false
	l.changed.Broadcast()
	return time.Now()
}
