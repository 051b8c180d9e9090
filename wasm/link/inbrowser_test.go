//go:build inbrowser && js && wasm

package link

import (
	"context"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"parley/proto"
	"parley/wasm/chat"
)

// TestInBrowser runs these tests, in Chromium.

var (
	server      = os.Getenv("PARLEY_LINK_URL")
	credentials = chat.Credentials{User: 1<<64 - 1, Token: "token", ClientID: "18446744073709551615-browser"}
)

type recorder struct {
	delivered chan string
	closed    chan error
}

func newRecorder() *recorder {
	return &recorder{make(chan string, 1000), make(chan error, 1)}
}

func (r *recorder) Deliver(_ proto.Branch, payload []byte) { r.delivered <- string(payload) }
func (r *recorder) Closed(err error)                       { r.closed <- err }

func receive[T any](t *testing.T, c <-chan T) (v T) {
	t.Helper()
	select {
	case v = <-c:
	case <-time.After(30 * time.Second):
		t.Fatal("nothing came within 30 s")
	}
	return v
}

func open(t *testing.T, path string, c chat.Credentials, limit time.Duration) (chat.Session, *recorder, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	r := newRecorder()
	s, err := (&Network{Dial: WebSocket(server + path)}).Open(ctx, c, r)
	return s, r, err
}

func publish(s chat.Session, payload string) <-chan error {
	c := make(chan error, 1)
	s.Publish(proto.BranchMessage, []byte(payload), []byte("ref"), func(a chat.Ack, err error) {
		if err == nil && a.MessageID <= 1<<63 {
			err = fmt.Errorf("no id in %+v", a)
		}
		c <- err
	})
	return c
}

// works sees that the program still talks to the broker.
func works(t *testing.T) {
	t.Helper()
	s, r, err := open(t, "/mqtt", credentials, 20*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	if err := receive(t, publish(s, "hello")); err != nil {
		t.Error(err)
	}
	s.Close()
	if err := receive(t, r.closed); err != nil {
		t.Error(err)
	}
}

// drained sees that the server has no connection left, and this program no goroutine.
func drained(t *testing.T, goroutines int) {
	t.Helper()
	conn, err := WebSocket(server + "/drained")(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if left, _ := io.ReadAll(conn); string(left) != "0" {
		t.Errorf("%q connections are left", left)
	}
	conn.Close()
	for range 100 {
		if runtime.NumGoroutine() <= goroutines {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	stacks := make([]byte, 1<<16)
	t.Errorf("%d goroutines, %d before:\n%s", runtime.NumGoroutine(), goroutines, stacks[:runtime.Stack(stacks, true)])
}

func TestABrowserPublishesInOrderAndIsAcknowledged(t *testing.T) {
	s, r, err := open(t, "/mqtt", credentials, 20*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	var results []<-chan error
	for i := range 300 {
		results = append(results, publish(s, fmt.Sprint(i)))
	}
	for _, c := range results {
		if err := receive(t, c); err != nil {
			t.Fatal(err)
		}
	}
	s.Close()
	if err := receive(t, r.closed); err != nil {
		t.Error(err)
	}
}

func TestNoSocketIsLeftOfTwoHundredConnections(t *testing.T) {
	before := runtime.NumGoroutine()
	wrong := credentials
	wrong.Token = "wrong"
	for i := range 200 {
		switch i % 5 {
		case 0: // opened and closed
			s, r, err := open(t, "/mqtt", credentials, 20*time.Second)
			if err != nil {
				t.Fatal(err)
			}
			s.Close()
			receive(t, r.closed)
		case 1: // CONNECT refused
			if _, _, err := open(t, "/mqtt", wrong, 20*time.Second); err == nil {
				t.Fatal("a wrong token is accepted")
			}
		case 2: // dial cancelled while the server says nothing
			if _, _, err := open(t, "/mute", credentials, 5*time.Millisecond); err == nil {
				t.Fatal("no error")
			}
		case 3: // cancelled at any stage
			if s, _, err := open(t, "/mqtt", credentials, time.Duration(i)*50*time.Microsecond); err == nil {
				s.Close()
			}
		case 4: // no MQTT
			if _, _, err := open(t, "/burst?n=3", credentials, 20*time.Second); err == nil {
				t.Fatal("no error")
			}
		}
	}
	drained(t, before)
}

func TestACancelledDialDoesNotHoldUpTheNext(t *testing.T) {
	for range 3 {
		if _, _, err := open(t, "/mute", credentials, 100*time.Millisecond); err == nil || !strings.Contains(err.Error(), context.DeadlineExceeded.Error()) {
			t.Fatalf("got %v", err)
		}
	}
	works(t)
}

func TestClosingDoesNotWaitForThePeer(t *testing.T) {
	before := runtime.NumGoroutine()
	conn, err := WebSocket(server + "/deaf")(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.Close(); err != nil {
		t.Error(err)
	}
	if n := runtime.NumGoroutine(); n > before+1 { // the one that reads is about to end
		t.Errorf("%d goroutines, %d before", n, before)
	}
	drained(t, before)
}

func TestAPeerThatMisbehavesWhileClosingDoesNotStopTheProgram(t *testing.T) {
	before := runtime.NumGoroutine()
	conn, err := WebSocket(server + "/rude")(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.Close(); err != nil {
		t.Error(err)
	}
	drained(t, before)
	works(t)
}

func TestWhatArrivedBeforeTheCloseIsRead(t *testing.T) {
	const n = 20_000
	conn, err := WebSocket(server + fmt.Sprintf("/burst?n=%d", n))(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	time.Sleep(100 * time.Millisecond) // nobody reads for a while
	if got, err := io.Copy(io.Discard, conn); err == nil || got != n*100 {
		t.Errorf("%d bytes of %d, then %v", got, n*100, err)
	}
}

func TestAnUnusableURLIsAnError(t *testing.T) {
	for _, url := range []string{"ws://[", "gopher://example.org/", server + "/#fragment", "ws://127.0.0.1:1/mqtt"} {
		if conn, err := WebSocket(url)(t.Context()); err == nil {
			conn.Close()
			t.Errorf("%s: no error", url)
		}
	}
	works(t)
}
