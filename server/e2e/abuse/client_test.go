package abuse

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"

	"github.com/eclipse/paho.golang/packets"
	protobuf "google.golang.org/protobuf/proto"

	"parley/proto"
	"parley/server/e2e/live"
)

// place is from where somebody connects: an address of their own, since the
// server tells people apart by it before it knows them.
type place struct {
	live.Client
	dialer net.Dialer
}

func newPlace(server, from string) *place {
	p := &place{dialer: net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}}
	transport := &http.Transport{DialContext: p.dialer.DialContext, MaxIdleConnsPerHost: 4}
	p.Client = live.Client{Server: server, HTTP: &http.Client{Transport: transport}}
	return p
}

// user is somebody whom the server gave a token.
type user struct {
	*place
	id    uint64
	token string
}

// newGuest makes a guest.
func (p *place) newGuest(ctx context.Context, name string) (*user, error) {
	made, err := p.NewGuest(ctx, name)
	return &user{p, made.ID, made.Token}, err
}

// connection is one MQTT 5 connection. One goroutine writes and one reads.
type connection struct {
	net.Conn
	user *user
	next uint16 // packet id
}

// connect opens a connection and waits for the CONNACK. It ends with ctx.
func (u *user) connect(ctx context.Context) (*connection, error) {
	conn, err := u.Connect(ctx, live.Guest{ID: u.id, Token: u.token}, strconv.FormatUint(u.id, 10)+"-"+rand.Text())
	if err != nil {
		return nil, err
	}
	context.AfterFunc(ctx, conn.CloseNow)
	return &connection{Conn: conn, user: u}, nil
}

// write sends a packet in one WebSocket message.
func (c *connection) write(packet *packets.ControlPacket) error { return live.WritePacket(c, packet) }

// subscribe asks for all deliveries, without waiting for the SUBACK.
func (c *connection) subscribe() error {
	packet := packets.NewControlPacket(packets.SUBSCRIBE)
	content := packet.Content.(*packets.Subscribe)
	content.PacketID = c.packetID()
	content.Subscriptions = []packets.SubOptions{{Topic: proto.DownFilter(c.user.id)}}
	return c.write(packet)
}

func (c *connection) packetID() uint16 {
	c.next = c.next%65_535 + 1
	return c.next
}

// publish sends a payload at QoS 1, without waiting for the PUBACK.
func (c *connection) publish(b proto.Branch, payload protobuf.Message) (id uint16, err error) {
	body, err := proto.Marshal(payload)
	if err != nil {
		return 0, err
	}
	packet := packets.NewControlPacket(packets.PUBLISH)
	content := packet.Content.(*packets.Publish)
	content.QoS, content.PacketID, content.Topic, content.Payload = 1, c.packetID(), proto.Up(c.user.id, b), body
	return content.PacketID, c.write(packet)
}

// message is one to a user.
func message(from, to uint64, content string) *proto.Message {
	zero := uint64(0)
	ref := make([]byte, proto.RefSize)
	_, _ = rand.Read(ref) // never fails
	return &proto.Message{MessageId: &zero, SenderId: &from, Content: &content, CreateTime: &zero, ReceiverId: &to, ClientRef: ref}
}

// raw is a WebSocket of which only the upgrade was done: nobody reads or writes
// frames by themselves.
func (p *place) raw(ctx context.Context) (net.Conn, error) {
	conn, err := p.dialer.DialContext(ctx, "tcp", p.Server)
	if err != nil {
		return nil, err
	}
	context.AfterFunc(ctx, func() { conn.Close() })
	_, err = fmt.Fprintf(conn, "GET /mqtt HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: mqtt\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n", p.Server)
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return conn, nil
}
