//go:build !js

package link

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	mochi "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"
	"nhooyr.io/websocket"

	"parley/proto"
	"parley/wasm/chat"
)

// broker is a real MQTT broker behind TCP and WebSocket.
type broker struct {
	*mochi.Server
	http *httptest.Server
	tcp  net.Listener

	open    atomic.Int64 // connections
	serving sync.WaitGroup
	mu      sync.Mutex
	frames  []int // sizes of the WebSocket messages received
}

func newBroker(t testing.TB) *broker {
	b := &broker{Server: mochi.New(&mochi.Options{InlineClient: true, Logger: slog.New(slog.DiscardHandler)})}
	b.Options.Capabilities.Compatibilities.NoInheritedPropertiesOnAck = true
	if err := b.AddHook(new(rules), nil); err != nil {
		t.Fatal(err)
	}
	if err := b.Serve(); err != nil {
		t.Fatal(err)
	}
	var err error
	if b.tcp, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	b.http = httptest.NewServer(http.HandlerFunc(b.webSocket))
	b.serving.Go(b.listen)
	t.Cleanup(func() {
		b.tcp.Close()
		b.kill()
		b.http.Close()
		if err := b.Close(); err != nil {
			t.Error(err)
		}
		b.serving.Wait()
	})
	return b
}

func (b *broker) listen() {
	for {
		conn, err := b.tcp.Accept()
		if err != nil {
			return
		}
		b.serving.Go(func() { b.serve(conn) })
	}
}

func (b *broker) serve(conn net.Conn) {
	b.open.Add(1)
	defer b.open.Add(-1)
	defer conn.Close()
	_ = b.EstablishConnection("test", conn) // clients come and go as they like
}

func (b *broker) webSocket(w http.ResponseWriter, r *http.Request) {
	socket, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{"mqtt"}, OriginPatterns: []string{"127.0.0.1:*"}})
	if err != nil {
		return
	}
	b.serve(&framed{Conn: websocket.NetConn(r.Context(), socket, websocket.MessageBinary), socket: socket, broker: b})
}

// framed notes the size of each WebSocket message that it reads.
type framed struct {
	net.Conn
	socket *websocket.Conn
	broker *broker
	rest   bytes.Reader
}

func (f *framed) Read(p []byte) (int, error) {
	for f.rest.Len() == 0 {
		_, message, err := f.socket.Read(context.Background())
		if err != nil {
			return 0, io.EOF
		}
		f.broker.mu.Lock()
		f.broker.frames = append(f.broker.frames, len(message))
		f.broker.mu.Unlock()
		f.rest.Reset(message)
	}
	return f.rest.Read(p)
}

// kill cuts every connection, without DISCONNECT.
func (b *broker) kill() {
	for _, cl := range b.Clients.GetAll() {
		if !cl.Net.Inline {
			cl.Stop(errors.New("killed"))
		}
	}
}

func (b *broker) url() string { return "ws" + strings.TrimPrefix(b.http.URL, "http") + "/mqtt" }

// rules are those of a small chat server: the token is "token", a user has
// their own branch, and each message gets the next number.
type rules struct {
	mochi.HookBase
	seq atomic.Uint64
}

func (*rules) ID() string { return "rules" }

func (*rules) Provides(b byte) bool {
	return bytes.IndexByte([]byte{mochi.OnConnectAuthenticate, mochi.OnACLCheck, mochi.OnPublish, mochi.OnPacketEncode}, b) >= 0
}

func (*rules) OnConnectAuthenticate(_ *mochi.Client, pk packets.Packet) bool {
	return string(pk.Connect.Password) == "token"
}

func (*rules) OnACLCheck(cl *mochi.Client, topic string, _ bool) bool {
	return strings.HasPrefix(topic, "chat/"+string(cl.Properties.Username)+"/")
}

func (*rules) OnPublish(cl *mochi.Client, pk packets.Packet) (packets.Packet, error) {
	if string(pk.Payload) == "refuse" {
		code := packets.ErrPayloadFormatInvalid
		code.Reason = "content is refused"
		return pk, code
	}
	return pk, nil
}

func (r *rules) OnPacketEncode(cl *mochi.Client, pk packets.Packet) packets.Packet {
	if pk.FixedHeader.Type == packets.Puback && pk.ReasonCode < 0x80 {
		pk.ReasonCode = 0
		seq := r.seq.Add(1)
		pk.Properties.User = []packets.UserProperty{
			{Key: "message-id", Val: strconv.FormatUint(1<<63+seq, 10)},
			{Key: "seq", Val: strconv.FormatUint(seq, 10)},
			{Key: "create-time", Val: "1700000000000"},
		}
	}
	return pk
}

// networks are the ways to the broker.
func (b *broker) networks() map[string]*Network {
	return map[string]*Network{
		"TCP": {Dial: func(ctx context.Context) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "tcp", b.tcp.Addr().String())
		}},
		"WebSocket": {Dial: WebSocket(b.url())},
	}
}

// overEach runs test over each network with a broker of its own.
func overEach(t *testing.T, test func(t *testing.T, b *broker, n *Network)) {
	for _, name := range []string{"TCP", "WebSocket"} {
		t.Run(name, func(t *testing.T) {
			b := newBroker(t)
			test(t, b, b.networks()[name])
		})
	}
}

func TestARealBrokerAcknowledgesRefusesAndDelivers(t *testing.T) {
	overEach(t, func(t *testing.T, b *broker, n *Network) {
		r := newRecorder()
		s, err := n.Open(t.Context(), credentials, r)
		if err != nil {
			t.Fatal(err)
		}
		var results []<-chan result
		for i := range 500 {
			results = append(results, publish(s, fmt.Sprint(i)))
		}
		for i, c := range results {
			want := chat.Ack{MessageID: 1<<63 + uint64(i) + 1, Seq: uint64(i) + 1, CreateTime: 1700000000000}
			if got := receive(t, c); got.err != nil || got.ack != want {
				t.Fatalf("%d: got %+v, want %+v", i, got, want)
			}
		}
		refused(t, receive(t, publish(s, "refuse")).err, proto.PayloadFormatInvalid, "content is refused")
		for i := range 100 {
			if err := b.Publish(proto.Down(user, proto.BranchMessage), []byte(fmt.Sprint(i)), false, 0); err != nil {
				t.Fatal(err)
			}
		}
		for i := range 100 {
			if got, want := receive(t, r.deliveries), (delivery{proto.BranchMessage, fmt.Sprint(i)}); got != want {
				t.Fatalf("got %v, want %v", got, want)
			}
		}
		s.Close()
		if err := r.wait(t); err != nil {
			t.Error(err)
		}
		b.drained(t)
	})
}

// drained waits until the broker has no connection left.
func (b *broker) drained(t *testing.T) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		b.Listeners.ClientsWg.Wait()
		close(done)
	}()
	receive(t, done)
}

func TestARealBrokerRefusesAWrongToken(t *testing.T) {
	overEach(t, func(t *testing.T, b *broker, n *Network) {
		c := credentials
		c.Token = "another"
		_, err := n.Open(t.Context(), c, newRecorder())
		refused(t, err, proto.BadUserNameOrPassword, "")
		b.drained(t)
	})
}

func TestARealBrokerThatShutsDownSaysSo(t *testing.T) {
	overEach(t, func(t *testing.T, b *broker, n *Network) {
		r := newRecorder()
		if _, err := n.Open(t.Context(), credentials, r); err != nil {
			t.Fatal(err)
		}
		cl, ok := b.Clients.Get(credentials.ClientID)
		if !ok {
			t.Fatal("the broker knows no such client")
		}
		_ = b.DisconnectClient(cl, packets.ErrServerShuttingDown)
		refused(t, r.wait(t), proto.ServerShuttingDown, "shutting down")
		b.drained(t)
	})
}

func TestAKilledConnectionEndsTheSessionAndWhatIsPending(t *testing.T) {
	overEach(t, func(t *testing.T, b *broker, n *Network) {
		r := newRecorder()
		s, err := n.Open(t.Context(), credentials, r)
		if err != nil {
			t.Fatal(err)
		}
		b.kill()
		if err := r.wait(t); err == nil {
			t.Error("Closed(nil) though nobody closed it")
		}
		if got := receive(t, publish(s, "late")); got.err == nil {
			t.Error("acknowledged after the end")
		}
		b.drained(t)
	})
}

func TestEachPacketIsOneWebSocketMessage(t *testing.T) {
	b := newBroker(t)
	r := newRecorder()
	s, err := b.networks()["WebSocket"].Open(t.Context(), credentials, r)
	if err != nil {
		t.Fatal(err)
	}
	const publications = 50
	var results []<-chan result
	for range publications {
		results = append(results, publish(s, "hello"))
	}
	for _, c := range results {
		if got := receive(t, c); got.err != nil {
			t.Fatal(got.err)
		}
	}
	s.Close()
	r.wait(t)
	b.drained(t)
	b.mu.Lock()
	defer b.mu.Unlock()
	if got, want := len(b.frames), publications+3; got != want { // CONNECT, SUBSCRIBE, DISCONNECT
		t.Errorf("%d WebSocket messages for %d packets: %v", got, want, b.frames)
	}
}

func TestAServerWithoutTheSubprotocolIsNotTakenForABroker(t *testing.T) {
	plain := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		socket, err := websocket.Accept(w, r, nil)
		if err != nil {
			t.Error(err)
			return
		}
		_, _, _ = socket.Read(r.Context())
		_ = socket.Close(websocket.StatusNormalClosure, "")
	}))
	defer plain.Close()
	if _, err := WebSocket("ws" + strings.TrimPrefix(plain.URL, "http"))(t.Context()); err == nil || !strings.Contains(err.Error(), "mqtt") {
		t.Errorf("got %v, want an error that names the subprotocol", err)
	}
}

func TestATextFrameEndsTheConnection(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		socket, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{"mqtt"}})
		if err != nil {
			t.Error(err)
			return
		}
		_ = socket.Write(r.Context(), websocket.MessageBinary, []byte("first"))
		_ = socket.Write(r.Context(), websocket.MessageText, []byte("second"))
		_, _, _ = socket.Read(r.Context())
	}))
	defer server.Close()
	conn, err := WebSocket("ws" + strings.TrimPrefix(server.URL, "http"))(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	got, err := io.ReadAll(conn)
	if string(got) != "first" || err == nil || !strings.Contains(err.Error(), "text frame") {
		t.Errorf("read %q, %v", got, err)
	}
}

func TestUnreadMessagesAreBounded(t *testing.T) {
	in := inbox{arrived: make(chan struct{}, 1)}
	var err error
	n := 0
	for ; err == nil && n < 100; n++ {
		err = in.put(make([]byte, 1<<20))
	}
	if n != maxUnread>>20+1 {
		t.Errorf("took %d MiB: %v", n, err)
	}
}

func BenchmarkPublishRoundTrip(b *testing.B) {
	broker := newBroker(b)
	for _, name := range []string{"TCP", "WebSocket"} {
		b.Run(name, func(b *testing.B) {
			r := newRecorder()
			s, err := broker.networks()[name].Open(b.Context(), credentials, r)
			if err != nil {
				b.Fatal(err)
			}
			payload := strings.Repeat("x", 200)
			for b.Loop() {
				if got := <-publish(s, payload); got.err != nil {
					b.Fatal(got.err)
				}
			}
			s.Close()
			<-r.closed
		})
	}
}

func BenchmarkPublishBurst(b *testing.B) {
	broker := newBroker(b)
	for _, name := range []string{"TCP", "WebSocket"} {
		b.Run(name, func(b *testing.B) {
			r := newRecorder()
			s, err := broker.networks()[name].Open(b.Context(), credentials, r)
			if err != nil {
				b.Fatal(err)
			}
			payload := strings.Repeat("x", 200)
			for b.Loop() {
				var results [500]<-chan result
				for i := range results {
					results[i] = publish(s, payload)
				}
				for _, c := range results {
					if got := <-c; got.err != nil {
						b.Fatal(got.err)
					}
				}
			}
			b.ReportMetric(float64(b.N)*500/b.Elapsed().Seconds(), "messages/s")
			s.Close()
			<-r.closed
		})
	}
}
