//go:build !js

package link

import (
	"bytes"
	"context"
	"crypto/sha1"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"nhooyr.io/websocket"
)

// TestInBrowser runs inbrowser_test.go in Chromium, against servers here: what
// a browser's WebSocket does, nothing but a browser shows.
func TestInBrowser(t *testing.T) {
	b := newBroker(t)
	program, browser := build(t)
	run := exec.CommandContext(t.Context(), browser, program, "-test.v", "-test.timeout=3m")
	// The page is given the whole environment, and has room for 8 KiB.
	run.Env = []string{"HOME=" + os.Getenv("HOME"), "GOROOT=" + goEnv(t, "GOROOT"),
		"PATH=" + filepath.Join(goEnv(t, "GOMOD"), "../.bin") + ":" + os.Getenv("PATH"),
		"PARLEY_LINK_URL=" + b.inBrowser(t)}
	out, err := run.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	source, err := os.ReadFile("inbrowser_test.go")
	if err != nil {
		t.Fatal(err)
	}
	tests := regexp.MustCompile(`(?m)^func (Test\w+)`).FindAllStringSubmatch(string(source), -1)
	for _, test := range tests {
		if !strings.Contains(string(out), "--- PASS: "+test[1]+" ") {
			t.Errorf("%s did not pass in the browser", test[1])
		}
	}
	if len(tests) == 0 {
		t.Error("nothing was run")
	}
	t.Logf("in the browser:\n%s", out)
}

// build returns the tests as a program for the browser, and what runs it there.
func build(t *testing.T) (program, browser string) {
	dir := t.TempDir()
	program, browser = filepath.Join(dir, "link.wasm"), filepath.Join(dir, "wasmbrowsertest")
	test := exec.Command("go", "test", "-c", "-tags=inbrowser", "-o", program, ".")
	test.Env = append(os.Environ(), "GOOS=js", "GOARCH=wasm")
	tools := filepath.Join(filepath.Dir(goEnv(t, "GOMOD")), ".tools")
	tool := exec.Command("go", "build", "-C", tools, "-o", browser, "github.com/agnivade/wasmbrowsertest")
	for _, command := range []*exec.Cmd{test, tool} {
		if out, err := command.CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%s", command, err, out)
		}
	}
	return program, browser
}

func goEnv(t *testing.T, name string) string {
	t.Helper()
	out, err := exec.Command("go", "env", name).Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

// inBrowser starts a server that has the broker at /mqtt and much bad company
// beside it, all counted, and returns its URL.
func (b *broker) inBrowser(t *testing.T) string {
	mux := http.NewServeMux()
	mux.HandleFunc("/mqtt", b.webSocket)
	for path, serve := range map[string]http.HandlerFunc{
		"/mute": func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
		"/deaf": raw(func(conn net.Conn) { time.Sleep(time.Second) }),
		"/rude": raw(func(conn net.Conn) { // answers the close frame with a frame that does not exist
			_, _ = conn.Read(make([]byte, 1))
			_, _ = conn.Write([]byte{0xFF, 0x00})
			_, _ = io.Copy(io.Discard, conn)
		}),
		"/burst": burst,
	} {
		mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
			b.open.Add(1)
			defer b.open.Add(-1)
			serve(w, r)
		})
	}
	mux.HandleFunc("/drained", b.tellDrained)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	server := &http.Server{Handler: mux, BaseContext: func(net.Listener) context.Context { return ctx }}
	b.serving.Go(func() { _ = server.Serve(listener) })
	t.Cleanup(func() { cancel(); server.Close() })
	return "ws://" + listener.Addr().String()
}

// raw completes the opening handshake and leaves the rest to serve.
func raw(serve func(net.Conn)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		conn, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			return
		}
		defer conn.Close()
		accept := sha1.Sum([]byte(r.Header.Get("Sec-WebSocket-Key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
		fmt.Fprintf(conn, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
			"Sec-WebSocket-Accept: %s\r\nSec-WebSocket-Protocol: mqtt\r\n\r\n", base64.StdEncoding.EncodeToString(accept[:]))
		serve(conn)
	}
}

// burst sends ?n= messages of 100 bytes and closes.
func burst(w http.ResponseWriter, r *http.Request) {
	n, _ := strconv.Atoi(r.FormValue("n"))
	socket := accept(w, r)
	message := bytes.Repeat([]byte{'x'}, 100)
	for range n {
		if socket.Write(r.Context(), websocket.MessageBinary, message) != nil {
			return
		}
	}
	_ = socket.Close(websocket.StatusNormalClosure, "")
}

func accept(w http.ResponseWriter, r *http.Request) *websocket.Conn {
	socket, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{"mqtt"}, OriginPatterns: []string{"127.0.0.1:*"}})
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	return socket
}

// tellDrained says how many connections are open: 0 as soon as that is true,
// or how many there are after a while.
func (b *broker) tellDrained(w http.ResponseWriter, r *http.Request) {
	socket := accept(w, r)
	for wait := 0; b.open.Load() > 0 && wait < 1000; wait++ {
		time.Sleep(20 * time.Millisecond)
	}
	_ = socket.Write(r.Context(), websocket.MessageBinary, []byte(strconv.FormatInt(b.open.Load(), 10)))
	_ = socket.Close(websocket.StatusNormalClosure, "")
}
