package gateway

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"sync"
	"time"

	"github.com/eclipse/paho.golang/packets"

	"parley/proto"
)

const (
	// filter is what all users publish on.
	filter = "chat/+/up/#"
	// dialTimeout bounds TCP and TLS, and answerTimeout the wait for CONNACK and SUBACK.
	dialTimeout, answerTimeout = 5 * time.Second, 10 * time.Second
	// keepAlive is how long a connection may be silent. A PINGREQ is sent after half of
	// that; a broker that says nothing for one and a half times as long is gone.
	keepAlive = 20 * time.Second
	// writeTimeout is how long the broker may take none of what is written.
	writeTimeout = 30 * time.Second
	// maxPacket is the longest packet taken, in bytes: what a user may send, and what the
	// broker puts around it. A broker keeps longer ones to itself, being told.
	maxPacket = proto.MaxPacket + 4<<10
	// buffered is how many bytes are gathered before they are written.
	buffered = 32 << 10
)

// connection is one to the broker, from CONNECT to its end.
type connection struct {
	gateway *Gateway
	conn    net.Conn
	reader  *bufio.Reader
	writer  *bufio.Writer // of the goroutine that writes, once connected
	wake    chan struct{} // there may be something to write

	maxPacket int // that the broker takes, in bytes

	mu     sync.Mutex
	acks   []uint16                // to be written, in order
	flying map[uint16]*publication // by packet identifier
	last   uint16                  // packet identifier given last
	quota  int                     // how many more may fly [MQTT-3.3.4-7]
}

// connection connects and serves until that ends, which has a reason.
func (g *Gateway) connection(ctx context.Context, in *intake) error {
	c, err := g.dial(ctx)
	if err != nil {
		return err
	}
	defer c.conn.Close()
	unwatch := context.AfterFunc(ctx, func() { c.conn.Close() }) // while nothing is under way yet
	present, err := c.connect()
	var session uint64
	if err == nil {
		session, err = g.session(ctx, present)
	}
	if err == nil {
		err = c.conn.SetDeadline(time.Time{})
	}
	if !unwatch() {
		return ctx.Err()
	}
	if err != nil {
		return err
	}
	in.attach(c, session, present)
	return c.serve(ctx, in)
}

// dial connects to the first host that answers.
func (g *Gateway) dial(ctx context.Context) (*connection, error) {
	hosts := g.config.Address.Hosts
	var errs []error
	for range hosts {
		host := hosts[g.host%len(hosts)]
		conn, err := g.dialHost(ctx, host)
		if err == nil {
			return &connection{
				gateway: g, conn: conn, reader: bufio.NewReaderSize(conn, buffered), writer: bufio.NewWriterSize(conn, buffered),
				wake: make(chan struct{}, 1), flying: make(map[uint16]*publication),
			}, nil
		}
		g.host++
		errs = append(errs, err)
	}
	return nil, errors.Join(errs...)
}

func (g *Gateway) dialHost(ctx context.Context, host string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	return g.config.Dial(ctx, host)
}

// connect sends CONNECT and SUBSCRIBE, and awaits CONNACK. present says that the broker
// goes on with the session of before. A host that refuses is not the first to be tried next.
func (c *connection) connect() (present bool, err error) {
	c.gateway.host++
	if err := c.conn.SetDeadline(time.Now().Add(answerTimeout)); err != nil {
		return false, err
	}
	if err := c.write(hello(&c.gateway.config)); err != nil {
		return false, err
	}
	packet, err := c.read()
	if err != nil {
		return false, fmt.Errorf("no answer to CONNECT: %w", err)
	}
	ack, ok := packet.Content.(*packets.Connack)
	switch {
	case !ok:
		return false, fmt.Errorf("the broker broke the protocol: CONNECT was answered with %s", packet.PacketType())
	case ack.ReasonCode != 0:
		return false, fmt.Errorf("the broker refused the connection: %s (0x%02X): see user and password in -broker, and what the broker lets that user do", reason(ack.Properties, ack.Reason()), ack.ReasonCode)
	}
	c.gateway.host-- // it is a good one
	if err := c.agree(ack.Properties); err != nil {
		return false, err
	}
	subscribe := &packets.ControlPacket{FixedHeader: packets.FixedHeader{Type: packets.SUBSCRIBE, Flags: 2}, Content: &packets.Subscribe{
		PacketID: c.identifier(nil), Properties: &packets.Properties{},
		// Retained publications are not news: 2 asks for none.
		Subscriptions: []packets.SubOptions{{Topic: filter, QoS: 1, RetainHandling: 2}},
	}}
	return ack.SessionPresent, c.write(subscribe)
}

// hello is the CONNECT.
func hello(config *Config) *packets.ControlPacket {
	forEver, receiveMaximum, size, problems := uint32(math.MaxUint32), config.ReceiveMaximum, uint32(maxPacket), byte(1)
	return &packets.ControlPacket{FixedHeader: packets.FixedHeader{Type: packets.CONNECT}, Content: &packets.Connect{
		ProtocolName: "MQTT", ProtocolVersion: 5, ClientID: clientID, KeepAlive: uint16(keepAlive / time.Second),
		Username: config.Address.User, UsernameFlag: config.Address.User != "",
		Password: []byte(config.Address.Password), PasswordFlag: config.Address.Password != "",
		Properties: &packets.Properties{
			SessionExpiryInterval: &forEver, ReceiveMaximum: &receiveMaximum, MaximumPacketSize: &size, RequestProblemInfo: &problems,
		},
	}}
}

// agree takes note of what the broker offers.
func (c *connection) agree(p *packets.Properties) error {
	if p.MaximumQOS != nil && *p.MaximumQOS == 0 {
		return errors.New("the broker acknowledges nothing (it has QoS 0 only): another one is needed")
	}
	c.quota = math.MaxUint16
	if p.ReceiveMaximum != nil {
		c.quota = int(*p.ReceiveMaximum)
	}
	c.maxPacket = math.MaxInt32
	if p.MaximumPacketSize != nil {
		c.maxPacket = int(min(*p.MaximumPacketSize, math.MaxInt32))
	}
	return nil
}

// reason is why something was refused, in the broker's words or else in the standard's.
func reason(p *packets.Properties, standard string) string {
	if p != nil && p.ReasonString != "" {
		return p.ReasonString
	}
	return standard
}

// serve reads and writes until one of both fails or ctx is done, which ends the intake.
func (c *connection) serve(ctx context.Context, in *intake) (err error) {
	g := c.gateway
	g.queue.attend(c.signal)
	defer g.queue.rewind()
	g.connected.Store(true)
	defer g.connected.Store(false)
	g.metrics.connects.Inc()
	g.log.Info("the gateway is connected to the broker", "broker", c.conn.RemoteAddr().String())

	failed, stopped := make(chan error, 2), make(chan struct{})
	var reading, writing sync.WaitGroup
	reading.Go(func() { failed <- c.guarded("reading from the broker", func() error { return c.receive(in) }) })
	writing.Go(func() { failed <- c.guarded("writing to the broker", func() error { return c.send(stopped) }) })
	select {
	case err = <-failed:
	case <-ctx.Done():
	}
	if err == nil {
		in.stop()
		c.leave(failed)
	} else {
		c.conn.Close()
	}
	close(stopped)
	late := time.AfterFunc(farewell, func() { c.conn.Close() })
	writing.Wait()
	late.Stop()
	c.conn.Close()
	in.detach()
	reading.Wait()
	return err
}

// leave publishes what waits, for a moment, and says goodbye.
func (c *connection) leave(failed <-chan error) {
	ctx, cancel := context.WithTimeout(context.Background(), farewell)
	defer cancel()
	emptied := make(chan struct{})
	go func() { // ends with ctx
		defer close(emptied)
		_ = c.gateway.queue.wait(ctx, 0) // what it leaves counts as not told
	}()
	select {
	case <-emptied:
	case <-failed:
		c.conn.Close()
	}
}

// guarded turns a panic into an error: of the packets' decoder, mostly.
func (c *connection) guarded(doing string, f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			c.gateway.config.Faults.Recovered(doing, p)
			err = errors.New("a fault in this program ended the connection to the broker")
		}
	}()
	return f()
}

// receive reads until that fails.
func (c *connection) receive(in *intake) error {
	for {
		if err := c.conn.SetReadDeadline(time.Now().Add(keepAlive * 3 / 2)); err != nil {
			return err
		}
		packet, err := c.read()
		if err != nil {
			return fmt.Errorf("the connection to the broker was lost: %w", err)
		}
		switch p := packet.Content.(type) {
		case *packets.Publish:
			err = in.take(c, p)
		case *packets.Puback:
			err = c.acknowledged(p)
		case *packets.Suback:
			err = subscribed(p)
		case *packets.Disconnect:
			err = fmt.Errorf("the broker ended the connection: %s (0x%02X)", reason(p.Properties, p.Reason()), p.ReasonCode)
		case *packets.Pingresp:
		default:
			err = fmt.Errorf("the broker broke the protocol: it sent %s", packet.PacketType())
		}
		if err != nil {
			return err
		}
	}
}

// read reads a packet that is not longer than it may be.
func (c *connection) read() (*packets.ControlPacket, error) {
	header, err := c.reader.Peek(2)
	for n := 3; err == nil && n <= 5 && header[len(header)-1]&0x80 != 0; n++ {
		header, err = c.reader.Peek(n)
	}
	if err != nil {
		return nil, err
	}
	length := 0
	for i, b := range header[1:] {
		length |= int(b&0x7f) << (7 * i)
	}
	if length > maxPacket {
		return nil, fmt.Errorf("the broker sent a packet of %d bytes, and was told that %d may be", length, maxPacket)
	}
	return packets.ReadPacket(c.reader)
}

// write writes a packet at once.
func (c *connection) write(packet *packets.ControlPacket) error {
	if _, err := packet.WriteTo(c.writer); err != nil {
		return err
	}
	return c.writer.Flush()
}

// subscribed says what became of the subscription.
func subscribed(ack *packets.Suback) error {
	if len(ack.Reasons) == 1 && ack.Reasons[0] == 1 {
		return nil
	}
	return fmt.Errorf("the broker does not let the gateway read %s at QoS 1: %s (0x%X)", filter, reason(ack.Properties, "see what its user may do"), ack.Reasons)
}
