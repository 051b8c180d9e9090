package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mochi-mqtt/server/v2/packets"
	"nhooyr.io/websocket"

	"parley/proto"
)

// client311 is a client of MQTT 3.1.1.
type client311 struct {
	t *testing.T
	net.Conn
}

func (p *program) connect311(who *peer) *client311 {
	p.t.Helper()
	ws, _, err := websocket.Dial(p.t.Context(), strings.Replace(p.url, "http", "ws", 1)+"/mqtt", &websocket.DialOptions{Subprotocols: []string{"mqtt"}})
	if err != nil {
		p.t.Fatal(err)
	}
	c := &client311{t: p.t, Conn: websocket.NetConn(context.Background(), ws, websocket.MessageBinary)}
	p.t.Cleanup(func() { ws.CloseNow() })
	id := fmt.Sprint(who.user)
	c.send((*packets.Packet).ConnectEncode, packets.Packet{
		FixedHeader: packets.FixedHeader{Type: packets.Connect}, ProtocolVersion: 4,
		Connect: packets.ConnectParams{
			ProtocolName: []byte("MQTT"), Clean: true, ClientIdentifier: id + "-old", Keepalive: 60,
			UsernameFlag: true, Username: []byte(id), PasswordFlag: true, Password: []byte(who.token),
		},
	})
	c.expect("20020000")
	return c
}

func (c *client311) send(encode func(*packets.Packet, *bytes.Buffer) error, pk packets.Packet) {
	c.t.Helper()
	var b bytes.Buffer
	if err := encode(&pk, &b); err != nil {
		c.t.Fatal(err)
	}
	if _, err := c.Write(b.Bytes()); err != nil {
		c.t.Fatal(err)
	}
}

// publish sends at QoS 1 and awaits the acknowledgement.
func (c *client311) publish(topic string, id uint16, m *proto.Message) {
	c.t.Helper()
	payload, err := proto.Marshal(m)
	if err != nil {
		c.t.Fatal(err)
	}
	c.send((*packets.Packet).PublishEncode, packets.Packet{
		FixedHeader: packets.FixedHeader{Type: packets.Publish, Qos: 1}, ProtocolVersion: 4,
		TopicName: topic, PacketID: id, Payload: payload,
	})
	c.expect(fmt.Sprintf("4002%04x", id))
}

// expect awaits a packet of four bytes.
func (c *client311) expect(packet string) {
	c.t.Helper()
	if err := c.SetReadDeadline(time.Now().Add(patience)); err != nil {
		c.t.Fatal(err)
	}
	got := make([]byte, 4)
	if _, err := io.ReadFull(c, got); err != nil || fmt.Sprintf("%x", got) != packet {
		c.t.Fatalf("got %x, %v, want %s", got, err, packet)
	}
}

// TestAClientOfMQTT311GoesOnAfterWhatIsRefusedForGood sends what no repeat can make
// right, and then a message.
func TestAClientOfMQTT311GoesOnAfterWhatIsRefusedForGood(t *testing.T) {
	p := start(t, "-data", t.TempDir(), "-static", pageFolder(t))
	ada, bob := p.guest("Ada"), p.guest("Bob")
	c := p.connect311(ada)
	message := func(to uint64, content string) *proto.Message {
		return &proto.Message{MessageId: new(uint64), SenderId: new(uint64), CreateTime: new(uint64), ReceiverId: &to, Content: &content}
	}
	up := proto.Up(ada.user, proto.BranchMessage)
	c.publish(up, 1, message(bob.user, strings.Repeat("x", 16_385))) // too long
	c.publish(up, 2, message(bob.user, ""))                          // empty
	c.publish(up, 3, message(ada.user, "to myself"))                 //
	c.publish(proto.Up(bob.user, proto.BranchMessage), 4, message(ada.user, "on another's topic"))
	c.publish(up, 5, message(bob.user, strings.Repeat("x", 100_000))) // larger than a packet
	c.publish(up, 6, message(bob.user, "hello"))

	status, body := p.get(fmt.Sprintf("/api/conversations/%s/messages", proto.DirectKey(ada.user, bob.user)), "Authorization", "Bearer "+bob.token)
	if status != 200 || strings.Count(body, `"seq"`) != 1 || !strings.Contains(body, "hello") {
		t.Errorf("status %d, %.300s", status, body)
	}
	log := p.stop(syscall.SIGTERM)
	for _, code := range []string{"0x99", "0x87", "0x95"} {
		if !strings.Contains(log, `msg="publish refused"`) || !strings.Contains(log, "code="+code) {
			t.Errorf("the log does not say %s:\n%s", code, log)
		}
	}
}
