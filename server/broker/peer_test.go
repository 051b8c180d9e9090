package broker

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http/httptest"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/eclipse/paho.golang/packets"

	"parley/proto"
	"parley/server/chat"
)

// patience is how long a test waits for what must come.
const patience = 20 * time.Second

// backend is a Backend that knows everybody by "token of {id}" and numbers what
// is published.
type backend struct {
	unannounced error  // of Connected, for all
	marks       uint64 // how many were connected, guarded by mu
	mu          sync.Mutex
	got         []publication
	err         error                                                             // of Publish
	expires     time.Time                                                         // of every token
	hold        chan struct{}                                                     // Publish waits for it, if not nil
	waiting     int                                                               // for hold, so far
	known       func(user uint64) (bool, error)                                   // nobody is, if nil
	checks      func()                                                            // called while a token is being checked, if not nil
	here        chan string                                                       // who came and left, in order, if not nil
	answer      func(ctx context.Context, from chat.Sender, request string) error // to a sync; nil: nothing
}

type publication struct {
	from        chat.Sender
	branch      proto.Branch
	payload     string
	correlation string
}

const firstID = 1 << 63

func (b *backend) Authenticate(_ context.Context, user uint64, token string) (chat.Sender, time.Time, error) {
	if b.checks != nil {
		b.checks()
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	switch token {
	case tokenOf(user):
		return chat.Sender{User: user, Name: "somebody"}, b.expires, nil
	case "broken":
		return chat.Sender{}, time.Time{}, errors.New("the key is unreadable")
	}
	return chat.Sender{}, time.Time{}, proto.Refuse(proto.NotAuthorized, "the token is not valid: sign in again")
}

func (b *backend) Known(_ context.Context, from chat.Sender) (bool, error) {
	if b.known == nil {
		return false, nil
	}
	return b.known(from.User)
}

func tokenOf(user uint64) string { return "token of " + strconv.FormatUint(user, 10) }

func (b *backend) Publish(ctx context.Context, from chat.Sender, branch proto.Branch, payload, correlation []byte) (chat.Receipt, error) {
	b.mu.Lock()
	hold := b.hold
	b.waiting++
	b.mu.Unlock()
	if hold != nil {
		select {
		case <-hold:
		case <-ctx.Done():
			return chat.Receipt{}, ctx.Err()
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if string(payload) == "panic" {
		panic("in the backend")
	}
	if b.err != nil {
		return chat.Receipt{}, b.err
	}
	b.got = append(b.got, publication{from, branch, string(payload), string(correlation)})
	if branch != proto.BranchMessage && branch != proto.BranchService {
		return chat.Receipt{}, nil
	}
	n := uint64(len(b.got))
	return chat.Receipt{MessageID: firstID + n, Seq: n, CreateTime: 1_700_000_000_000}, nil
}

func (b *backend) Sync(from chat.Sender, payload []byte) (func(context.Context) error, error) {
	if b.answer == nil {
		_, err := b.Publish(context.Background(), from, proto.BranchSync, payload, nil)
		return func(context.Context) error { return nil }, err
	}
	return func(ctx context.Context) error { return b.answer(ctx, from, string(payload)) }, nil
}

func (b *backend) Missed() ([]byte, error) { return []byte("sync"), nil }

func (b *backend) Connected(_ context.Context, from chat.Sender) (uint64, error) {
	if b.unannounced != nil {
		return 0, b.unannounced
	}
	b.presence("came", from.User)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.marks++
	return b.marks, nil
}

func (b *backend) Disconnected(from chat.Sender) { b.presence("left", from.User) }

func (b *backend) presence(what string, user uint64) {
	if b.here != nil {
		b.here <- what + " " + strconv.FormatUint(user, 10)
	}
}

func (b *backend) failWith(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.err = err
}

func (b *backend) published() []publication {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]publication(nil), b.got...)
}

// newBroker makes a Broker that is shut down at the end of the test.
func newBroker(t testing.TB, change func(*Config)) (*Broker, *backend) {
	t.Helper()
	back := &backend{}
	config := Config{Backend: back, Log: slog.New(slog.DiscardHandler)}
	if change != nil {
		change(&config)
	}
	b, err := New(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := b.Shutdown(ctx); err != nil {
			t.Error(err)
		}
	})
	return b, back
}

// serve puts a Broker on an HTTP server and returns the URL of its WebSocket.
func serve(t testing.TB, b *Broker) string {
	t.Helper()
	server := httptest.NewServer(b)
	t.Cleanup(server.Close)
	return "ws" + server.URL[len("http"):]
}

// peer is the client's end of a connection, byte by byte.
type peer struct {
	t testing.TB
	net.Conn
	r       *bufio.Reader
	version byte
}

func newPeer(t testing.TB, c net.Conn) *peer {
	t.Cleanup(func() { c.Close() })
	return &peer{t: t, Conn: c, r: bufio.NewReader(c), version: 5}
}

// pipe connects to b without a network.
func pipe(t testing.TB, b *Broker) *peer {
	ours, theirs := net.Pipe()
	go b.serve(theirs)
	return newPeer(t, ours)
}

// join connects to b over a WebSocket as a user, with client id {user}-{device}.
func join(t testing.TB, url string, user uint64, device string) *peer {
	t.Helper()
	p := newPeer(t, dial(t, url))
	p.connect(user, device)
	return p
}

func (p *peer) connect(user uint64, device string) *packets.Connack {
	p.t.Helper()
	p.send(hello(user, device).bytes())
	ack := p.connack()
	if ack.ReasonCode != 0 {
		p.t.Fatalf("CONNACK 0x%02X %s", ack.ReasonCode, ack.Properties.ReasonString)
	}
	return ack
}

func (p *peer) send(b []byte) {
	p.t.Helper()
	_ = p.SetWriteDeadline(time.Now().Add(patience))
	if _, err := p.Write(b); err != nil {
		p.t.Fatalf("write: %v", err)
	}
}

// frame reads one packet: its first byte and what follows the length.
func (p *peer) frame() (first byte, body []byte, err error) {
	_ = p.SetReadDeadline(time.Now().Add(patience))
	if first, err = p.r.ReadByte(); err != nil {
		return 0, nil, err
	}
	length, err := binary.ReadUvarint(p.r) // the same encoding
	if err != nil {
		return 0, nil, err
	}
	body = make([]byte, length)
	_, err = io.ReadFull(p.r, body)
	return first, body, err
}

func (p *peer) mustFrame() (byte, []byte) {
	p.t.Helper()
	first, body, err := p.frame()
	if err != nil {
		p.t.Fatalf("the connection ended while a packet was awaited: %v", err)
	}
	return first, body
}

// packet reads one packet as MQTT 5, decoded by another implementation.
func (p *peer) packet() any {
	p.t.Helper()
	first, body := p.mustFrame()
	raw := append(lengthOf([]byte{first}, len(body)), body...)
	cp, err := packets.ReadPacket(bytes.NewReader(raw))
	if err != nil {
		p.t.Fatalf("packet % x: %v", raw, err)
	}
	return cp.Content
}

func want[T any](p *peer) *T {
	p.t.Helper()
	got := p.packet()
	typed, ok := got.(*T)
	if !ok {
		p.t.Fatalf("got %T %+v, want %T", got, got, typed)
	}
	return typed
}

func (p *peer) connack() *packets.Connack { p.t.Helper(); return want[packets.Connack](p) }
func (p *peer) puback() *packets.Puback   { p.t.Helper(); return want[packets.Puback](p) }

// disconnected awaits a DISCONNECT and then the end, and returns the reason.
func (p *peer) disconnected() (code byte, text string) {
	p.t.Helper()
	d := want[packets.Disconnect](p)
	p.ended()
	return d.ReasonCode, d.Properties.ReasonString
}

// ended awaits the end of the connection, with no packet before.
func (p *peer) ended() {
	p.t.Helper()
	first, body, err := p.frame()
	if err == nil {
		p.t.Fatalf("got packet %02x % x, want the end of the connection", first, body)
	}
	var timeout interface{ Timeout() bool }
	if errors.As(err, &timeout) && timeout.Timeout() {
		p.t.Fatalf("the connection did not end: %v", err)
	}
}

// alive says by PINGREQ that the connection is served.
func (p *peer) alive() {
	p.t.Helper()
	p.send([]byte{0xC0, 0})
	if first, _ := p.mustFrame(); first != 0xD0 {
		p.t.Fatalf("got packet %02x, want PINGRESP", first)
	}
}

func (p *peer) subscribe(filters ...string) *packets.Suback {
	p.t.Helper()
	p.send(subscribePacket(p.version, 0, filters...))
	return want[packets.Suback](p)
}

func lengthOf(b []byte, n int) []byte { return binary.AppendUvarint(b, uint64(n)) }

func text(b []byte, s string) []byte {
	return append(binary.BigEndian.AppendUint16(b, uint16(len(s))), s...)
}

func framed(first byte, body []byte) []byte {
	return append(lengthOf([]byte{first}, len(body)), body...)
}

// connectPacket is a CONNECT; fields may be changed before bytes.
type connectPacket struct {
	name       string
	version    byte
	flags      byte
	keepAlive  uint16
	properties []byte // MQTT 5
	clientID   string
	will       []byte // properties, topic and payload
	user       string
	password   string
}

const (
	flagClean, flagWill, flagWillRetain, flagPassword, flagUser = 0x02, 0x04, 0x20, 0x40, 0x80
)

// hello is a CONNECT that is accepted.
func hello(user uint64, device string) *connectPacket {
	id := strconv.FormatUint(user, 10)
	return &connectPacket{name: "MQTT", version: 5, flags: flagClean | flagPassword | flagUser, keepAlive: 60,
		clientID: id + "-" + device, user: id, password: tokenOf(user)}
}

func (c *connectPacket) bytes() []byte {
	b := append(text(nil, c.name), c.version, c.flags)
	b = binary.BigEndian.AppendUint16(b, c.keepAlive)
	if c.version == 5 {
		b = append(lengthOf(b, len(c.properties)), c.properties...)
	}
	b = append(text(b, c.clientID), c.will...)
	if c.flags&flagUser != 0 {
		b = text(b, c.user)
	}
	if c.flags&flagPassword != 0 {
		b = text(b, c.password)
	}
	return framed(0x10, b)
}

// publishPacket is a PUBLISH; flags are those of its first byte.
func publishPacket(version byte, flags byte, topic string, id uint16, properties []byte, payload string) []byte {
	b := text(nil, topic)
	if flags&6 != 0 {
		b = binary.BigEndian.AppendUint16(b, id)
	}
	if version == 5 {
		b = append(lengthOf(b, len(properties)), properties...)
	}
	return framed(0x30|flags, append(b, payload...))
}

const qos0, qos1, qos2, retain, dup = 0x00, 0x02, 0x04, 0x01, 0x08

// subscribePacket asks for QoS 2, with a subscription identifier unless 0.
func subscribePacket(version byte, identifier byte, filters ...string) []byte {
	b := []byte{0x12, 0x34}
	if version == 5 && identifier > 0 {
		b = append(b, 2, packets.PropSubscriptionIdentifier, identifier)
	} else if version == 5 {
		b = append(b, 0)
	}
	for _, f := range filters {
		b = append(text(b, f), 2)
	}
	return framed(0x82, b)
}
