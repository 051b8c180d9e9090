//go:build unix

package cluster

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/eclipse/paho.golang/packets"
	protobuf "google.golang.org/protobuf/proto"

	"parley/proto"
	"parley/server/e2e/live"
)

// client is a raw MQTT 5 connection of a guest.
type client struct {
	live.Guest
	id    string // MQTT client id
	write func(*packets.ControlPacket) error
	close func()
	ended chan byte // the reason of DISCONNECT, 0 if there was none

	mu       sync.Mutex
	next     uint16
	acks     map[uint16]chan ack
	messages []*proto.Message
	presence []string // "USER true"
	typing   []string
	settings []*proto.Settings
	unread   []*proto.BaseUserUnreadStatics
	changed  chan struct{} // holds one
}

// ack is a PUBACK.
type ack struct {
	code       byte
	properties map[string]string
}

// errLost is that a connection ended before an acknowledgement came.
var errLost = errors.New("the connection ended")

// dial connects a guest to a server and subscribes to all that is told.
func dial(ctx context.Context, address string, g live.Guest, clientID string) (*client, error) {
	conn, err := live.Client{Server: address}.Connect(ctx, g, clientID)
	if err != nil {
		return nil, err
	}
	var writing sync.Mutex
	c := &client{Guest: g, id: clientID, ended: make(chan byte, 1), acks: make(map[uint16]chan ack), changed: make(chan struct{}, 1), close: conn.CloseNow}
	c.write = func(p *packets.ControlPacket) error {
		writing.Lock()
		defer writing.Unlock()
		return conn.WritePacket(p)
	}
	subscribe := packets.NewControlPacket(packets.SUBSCRIBE)
	filter := subscribe.Content.(*packets.Subscribe)
	filter.PacketID, filter.Subscriptions = 65_535, []packets.SubOptions{{Topic: proto.DownFilter(g.ID)}}
	stop := context.AfterFunc(ctx, c.close)
	defer stop()
	err = c.write(subscribe)
	if err == nil {
		_, err = packets.ReadPacket(conn) // the SUBACK
	}
	if err != nil {
		c.close()
		return nil, err
	}
	go func() { // ends with the connection
		var reason byte
		for {
			p, err := packets.ReadPacket(conn)
			if err != nil {
				break
			}
			if d, ok := p.Content.(*packets.Disconnect); ok {
				reason = d.ReasonCode
				break
			}
			c.take(p)
		}
		c.close()
		c.mu.Lock()
		for _, waits := range c.acks {
			close(waits)
		}
		c.acks = nil
		c.mu.Unlock()
		c.ended <- reason
	}()
	return c, nil
}

// take takes a packet.
func (c *client) take(p *packets.ControlPacket) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch content := p.Content.(type) {
	case *packets.Puback:
		a := ack{code: content.ReasonCode, properties: make(map[string]string)}
		if content.Properties != nil {
			for _, u := range content.Properties.User {
				a.properties[u.Key] = u.Value
			}
		}
		if waits := c.acks[content.PacketID]; waits != nil {
			waits <- a
			delete(c.acks, content.PacketID)
		}
	case *packets.Publish:
		c.told(content.Topic[strings.LastIndexByte(content.Topic, '/')+1:], content.Payload)
	}
	select {
	case c.changed <- struct{}{}:
	default:
	}
}

func (c *client) told(branch string, payload []byte) {
	switch proto.Branch(branch) {
	case proto.BranchMessage:
		if m := new(proto.Message); proto.Unmarshal(payload, m) == nil {
			c.messages = append(c.messages, m)
		}
	case proto.BranchPresence:
		if m := new(proto.Presence); proto.Unmarshal(payload, m) == nil {
			c.presence = append(c.presence, fmt.Sprint(m.GetUserId(), " ", m.GetOnline()))
		}
	case proto.BranchUnread:
		if m := new(proto.BaseUserUnreadStatics); proto.Unmarshal(payload, m) == nil {
			c.unread = append(c.unread, m)
		}
	case proto.BranchTyping:
		if m := new(proto.Typing); proto.Unmarshal(payload, m) == nil {
			c.typing = append(c.typing, m.GetKey())
		}
	case proto.BranchSettings:
		if m := new(proto.Settings); proto.Unmarshal(payload, m) == nil {
			c.settings = append(c.settings, m)
		}
	}
}

// until waits until something that is told makes done true.
func (c *client) until(t testing.TB, what string, done func() bool) {
	t.Helper()
	late := time.After(patience)
	for {
		c.mu.Lock()
		ok := done()
		c.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-c.changed:
		case <-late:
			c.mu.Lock()
			defer c.mu.Unlock()
			t.Fatalf("waited %v until %s: told were %d messages, presence %q", patience, what, len(c.messages), c.presence)
		}
	}
}

// publish sends a payload and waits for its acknowledgement.
func (c *client) publish(ctx context.Context, b proto.Branch, payload protobuf.Message) (ack, error) {
	body, err := proto.Marshal(payload)
	if err != nil {
		return ack{}, err
	}
	packet := packets.NewControlPacket(packets.PUBLISH)
	content := packet.Content.(*packets.Publish)
	content.QoS, content.Topic, content.Payload = 1, proto.Up(c.ID, b), body
	waits := make(chan ack, 1)
	c.mu.Lock()
	if c.acks == nil {
		c.mu.Unlock()
		return ack{}, errLost
	}
	c.next = c.next%60_000 + 1
	content.PacketID = c.next
	c.acks[c.next] = waits
	c.mu.Unlock()
	if err := c.write(packet); err != nil {
		return ack{}, errLost
	}
	select {
	case a, ok := <-waits:
		if !ok {
			return ack{}, errLost
		}
		return a, nil
	case <-ctx.Done():
		return ack{}, ctx.Err()
	}
}

// message is one to a user under a client_ref.
func message(to uint64, content string, ref []byte) *proto.Message {
	return &proto.Message{MessageId: new(uint64), SenderId: new(uint64), CreateTime: new(uint64), Content: &content, ReceiverId: &to, ClientRef: ref}
}

func newRef() []byte {
	ref := make([]byte, proto.RefSize)
	_, _ = rand.Read(ref) // never fails
	return ref
}

// connect connects a guest to a node, with a client id of its own.
func (c *cluster) connect(node int, g live.Guest) *client {
	c.Helper()
	return c.connectAs(c.nodes[node].Address, g, fmt.Sprint(g.ID, "-", rand.Text()))
}

func (c *cluster) connectAs(address string, g live.Guest, clientID string) *client {
	c.Helper()
	ctx, cancel := context.WithTimeout(c.Context(), patience)
	defer cancel()
	peer, err := dial(ctx, address, g, clientID)
	if err != nil {
		c.Fatal(err)
	}
	c.Cleanup(peer.close)
	return peer
}

// say sends a message, which must be stored.
func (c *cluster) say(from *client, to uint64, content string) ack {
	c.Helper()
	a, err := from.publish(c.Context(), proto.BranchMessage, message(to, content, newRef()))
	if err != nil || a.code != 0 {
		c.Fatalf("%q is answered with 0x%02X, %v", content, a.code, err)
	}
	return a
}

// tell publishes what is no message.
func (c *cluster) tell(from *client, b proto.Branch, payload protobuf.Message) {
	c.Helper()
	if a, err := from.publish(c.Context(), b, payload); err != nil || a.code != 0 {
		c.Fatalf("%s is answered with 0x%02X, %v", b, a.code, err)
	}
}

// within waits for what must come.
func within[T any](t testing.TB, what string, from <-chan T) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(patience):
		t.Fatalf("waited %v for %s", patience, what)
		panic("unreachable")
	}
}
