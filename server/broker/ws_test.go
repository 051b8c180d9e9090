package broker

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
	"time"

	"nhooyr.io/websocket"

	"parley/server/origin"
)

func dialSocket(t testing.TB, url string, subprotocols ...string) *websocket.Conn {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	ws, _, err := websocket.Dial(ctx, url, &websocket.DialOptions{Subprotocols: subprotocols})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ws.CloseNow() })
	return ws
}

// handshake returns how a WebSocket handshake was answered.
func handshake(t testing.TB, url string, header http.Header) *http.Response {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	ws, response, err := websocket.Dial(ctx, url, &websocket.DialOptions{Subprotocols: []string{"mqtt"}, HTTPHeader: header})
	if response == nil {
		t.Fatal(err)
	}
	if ws != nil {
		ws.CloseNow()
	}
	return response
}

// dial opens a WebSocket as a stream of packets.
func dial(t testing.TB, url string) net.Conn {
	t.Helper()
	return websocket.NetConn(context.Background(), dialSocket(t, url, "mqtt"), websocket.MessageBinary)
}

func TestAForeignOriginIsRefusedAndAConfiguredOneIsNot(t *testing.T) {
	origins, err := origin.Parse([]string{"https://chat.example.com", "*.example.org"})
	if err != nil {
		t.Fatal(err)
	}
	b, _ := newBroker(t, func(c *Config) { c.Origins = origins })
	url := serve(t, b)
	for origin, status := range map[string]int{
		"https://chat.example.com":     http.StatusSwitchingProtocols,
		"https://a.example.org":        http.StatusSwitchingProtocols,
		"http" + url[len("ws"):]:       http.StatusSwitchingProtocols, // the page's own
		"http://chat.example.com":      http.StatusForbidden,          // not the scheme that was named
		"https://evil.example.com":     http.StatusForbidden,
		"https://example.org.evil.com": http.StatusForbidden,
		"null":                         http.StatusForbidden,
	} {
		if got := handshake(t, url, http.Header{"Origin": {origin}}).StatusCode; got != status {
			t.Errorf("Origin %s: %d, want %d", origin, got, status)
		}
	}
}

func TestAWebSocketWithoutSubprotocolMQTTIsClosed(t *testing.T) {
	b, _ := newBroker(t, nil)
	url := serve(t, b)
	for _, offered := range [][]string{nil, {"chat"}} {
		_, _, err := dialSocket(t, url, offered...).Read(context.Background())
		if got := websocket.CloseStatus(err); got != websocket.StatusPolicyViolation {
			t.Errorf("subprotocols %v: %v, want close status 1008", offered, err)
		}
	}
}

func TestARequestThatIsNoWebSocketIsAnswered(t *testing.T) {
	b, _ := newBroker(t, nil)
	w := httptest.NewRecorder()
	b.ServeHTTP(w, httptest.NewRequest("GET", "/mqtt", nil))
	if w.Code != http.StatusUpgradeRequired {
		t.Errorf("status %d, want 426", w.Code)
	}
}

// A page that was refused asks why: from its own host too, as by GET requests to
// that browsers tell no Origin, and from anywhere, as the answer is for all to read.
func TestARefusedPageIsToldWhyWhenItAsks(t *testing.T) {
	origins, err := origin.Parse([]string{"https://chat.example.com"})
	if err != nil {
		t.Fatal(err)
	}
	b, _ := newBroker(t, func(c *Config) { c.Origins = origins })
	ask := func(origin string) (*http.Response, string) {
		r := httptest.NewRequest("POST", "/mqtt", nil)
		r.Host = "127.0.0.1:8080"
		r.Header.Set("Origin", origin)
		w := httptest.NewRecorder()
		b.ServeHTTP(w, r)
		var problem struct{ Detail string }
		if w.Code == http.StatusForbidden {
			if err := json.Unmarshal(w.Body.Bytes(), &problem); err != nil {
				t.Fatalf("%s: %v", w.Body, err)
			}
		}
		return w.Result(), problem.Detail
	}
	answer, detail := ask("https://public.example")
	if got := answer.Header.Get("Content-Type"); got != "application/problem+json" || answer.Header.Get("Access-Control-Allow-Origin") != "*" {
		t.Errorf("headers %v", answer.Header)
	}
	for _, part := range []string{`"https://public.example"`, `"127.0.0.1:8080"`, "Host", "-origins"} {
		if !strings.Contains(detail, part) {
			t.Errorf("%q lacks %s", detail, part)
		}
	}
	for _, allowed := range []string{"https://chat.example.com", "http://127.0.0.1:8080"} {
		if answer, _ := ask(allowed); answer.StatusCode == http.StatusForbidden {
			t.Errorf("%s is refused", allowed)
		}
	}
}

func TestATextFrameClosesTheConnectionAndNoOther(t *testing.T) {
	b, _ := newBroker(t, nil)
	url := serve(t, b)
	other := join(t, url, 8, "a")
	for _, first := range []bool{true, false} {
		ws := dialSocket(t, url, "mqtt")
		if !first {
			if err := ws.Write(context.Background(), websocket.MessageBinary, hello(7, "a").bytes()); err != nil {
				t.Fatal(err)
			}
		}
		if err := ws.Write(context.Background(), websocket.MessageText, hello(7, "b").bytes()); err != nil {
			t.Fatal(err)
		}
		var err error
		for err == nil { // CONNACK and DISCONNECT, if the first was binary
			_, _, err = ws.Read(context.Background())
		}
		if got := websocket.CloseStatus(err); got != websocket.StatusUnsupportedData {
			t.Errorf("text frame: %v, want close status 1003", err)
		}
	}
	other.alive()
}

func TestPacketsMaySpanMessagesAndMessagesMayHoldSeveral(t *testing.T) {
	b, back := newBroker(t, nil)
	ws := dialSocket(t, serve(t, b), "mqtt")
	stream := hello(7, "a").bytes()
	stream = append(stream, publishPacket(5, qos1, "chat/7/up/message", 1, nil, "one")...)
	stream = append(stream, publishPacket(5, qos1, "chat/7/up/message", 2, nil, "two")...)
	for _, size := range []int{1, 0, 5, len(stream) - 9, 3} { // an empty message is allowed, too
		if err := ws.Write(context.Background(), websocket.MessageBinary, stream[:size]); err != nil {
			t.Fatal(err)
		}
		stream = stream[size:]
	}
	p := newPeer(t, websocket.NetConn(context.Background(), ws, websocket.MessageBinary))
	p.connack()
	for id := range uint16(2) {
		if ack := p.puback(); ack.PacketID != id+1 || ack.ReasonCode != 0 {
			t.Errorf("PUBACK %+v", ack)
		}
	}
	if got := back.published(); len(got) != 2 || got[0].payload != "one" || got[1].payload != "two" {
		t.Errorf("published %+v", got)
	}
}

func TestAnAcknowledgementIsOneMessage(t *testing.T) {
	b, _ := newBroker(t, nil)
	ws := dialSocket(t, serve(t, b), "mqtt")
	for _, packet := range [][]byte{hello(7, "a").bytes(), publishPacket(5, qos1, "chat/7/up/message", 1, nil, "one")} {
		if err := ws.Write(context.Background(), websocket.MessageBinary, packet); err != nil {
			t.Fatal(err)
		}
		kind, message, err := ws.Read(context.Background())
		if err != nil || kind != websocket.MessageBinary || len(message) < 2 || len(message) != 2+int(message[1]) {
			t.Errorf("message %v % x %v, want one packet", kind, message, err)
		}
	}
}

func TestAMessageOfManyMegabytesIsRefused(t *testing.T) {
	b, _ := newBroker(t, func(c *Config) { c.Rate = math.Inf(1) })
	ws := dialSocket(t, serve(t, b), "mqtt")
	if err := ws.Write(context.Background(), websocket.MessageBinary, hello(7, "a").bytes()); err != nil {
		t.Fatal(err)
	}
	pubacks := strings.Repeat("\x40\x02\x00\x01", maxMessage)                    // which nobody answers
	_ = ws.Write(context.Background(), websocket.MessageBinary, []byte(pubacks)) // fails when the broker has had enough
	var err error
	for err == nil {
		_, _, err = ws.Read(context.Background())
	}
	// What is still being written when the broker closes is answered with a reset,
	// which may overtake the close frame.
	if got := websocket.CloseStatus(err); got != websocket.StatusMessageTooBig && !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("%v, want close status 1009", err)
	}
}

func TestAClosingHandshakeHasOneCloseFrameFromEachSide(t *testing.T) {
	b, _ := newBroker(t, nil)
	c, err := net.Dial("tcp", serve(t, b)[len("ws://"):])
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	// Without the subprotocol the server closes at once.
	const request = "GET /mqtt HTTP/1.1\r\nHost: example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
	if _, err := io.WriteString(c, request); err != nil {
		t.Fatal(err)
	}
	r := bufio.NewReader(c)
	if response, err := http.ReadResponse(r, nil); err != nil || response.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("%v, %v", response, err)
	}
	fromServer := make([]byte, 4) // close, 2 bytes: 1008
	if _, err := io.ReadFull(r, fromServer); err != nil || string(fromServer) != "\x88\x02\x03\xf0" {
		t.Fatalf("% x, %v, want a close frame", fromServer, err)
	}
	if _, err := io.WriteString(c, "\x88\x82\x00\x00\x00\x00\x03\xf0"); err != nil { // masked with zeros
		t.Fatal(err)
	}
	if after, err := io.ReadAll(r); err != nil || len(after) != 0 {
		t.Errorf("after the closing handshake came % x, %v", after, err)
	}
}
