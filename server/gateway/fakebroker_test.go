package gateway

import (
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/eclipse/paho.golang/packets"
)

// patience is how long a test waits for what must happen.
const patience = 30 * time.Second

// fakeBroker is a broker with one session, which does what a test says: it withholds
// acknowledgements, refuses, and lets connections break, as real ones do seldom.
type fakeBroker struct {
	t        *testing.T
	listener net.Listener
	work     sync.WaitGroup

	conn      atomic.Pointer[net.Conn] // of the newest client
	mu        sync.Mutex
	session   bool // there is one
	forget    bool // the session is gone with the next connection
	renumber  bool // repeats get new packet identifiers
	withhold  bool // no PUBACK
	refuse    func(*packets.Publish) byte
	suback    byte
	last      uint16
	hello     *packets.Connect
	filters   []packets.SubOptions
	unacked   []*packets.Publish // handed out
	acked     []uint16           // by the gateway, in order
	published []*packets.Publish // by the gateway, in order
	connects  int
	most      int // handed out at a time
}

func newFakeBroker(t *testing.T) *fakeBroker {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b := &fakeBroker{t: t, listener: l, suback: 1}
	b.work.Go(func() { b.accept(l) })
	t.Cleanup(func() {
		l.Close()
		b.cut()
		b.work.Wait()
	})
	return b
}

func (b *fakeBroker) address() Address { return Address{Hosts: []string{b.listener.Addr().String()}} }

func (b *fakeBroker) accept(l net.Listener) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		b.work.Go(func() {
			defer conn.Close()
			if err := b.serve(conn); err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, net.ErrClosed) {
				b.t.Logf("the broker's connection: %v", err)
			}
		})
	}
}

// with changes the broker.
func (b *fakeBroker) with(change func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	change()
}

// cut breaks the connection.
func (b *fakeBroker) cut() {
	if conn := b.conn.Load(); conn != nil {
		(*conn).Close()
	}
}

func (b *fakeBroker) serve(conn net.Conn) error {
	for {
		packet, err := packets.ReadPacket(conn)
		if err != nil {
			return err
		}
		b.mu.Lock()
		err = b.answer(conn, packet)
		b.mu.Unlock()
		if err != nil {
			return err
		}
	}
}

func (b *fakeBroker) answer(conn net.Conn, packet *packets.ControlPacket) error {
	write := func(typ byte, content packets.Packet) error {
		_, err := (&packets.ControlPacket{FixedHeader: packets.FixedHeader{Type: typ}, Content: content}).WriteTo(conn)
		return err
	}
	switch p := packet.Content.(type) {
	case *packets.Connect:
		b.conn.Store(&conn)
		b.hello = p
		b.connects++
		present := b.session && !b.forget && !p.CleanStart
		if b.session, b.forget = true, false; !present {
			b.unacked, b.last = nil, 0
		}
		maximum := uint16(20)
		if err := write(packets.CONNACK, &packets.Connack{SessionPresent: present, Properties: &packets.Properties{ReceiveMaximum: &maximum}}); err != nil {
			return err
		}
		for _, old := range b.unacked {
			old.Duplicate = true
			if b.renumber {
				b.last++
				old.PacketID = b.last
			}
			if _, err := old.WriteTo(conn); err != nil {
				return err
			}
		}
	case *packets.Subscribe:
		b.filters = p.Subscriptions
		return write(packets.SUBACK, &packets.Suback{PacketID: p.PacketID, Reasons: []byte{b.suback}, Properties: &packets.Properties{}})
	case *packets.Puback:
		b.acked = append(b.acked, p.PacketID)
		for i, old := range b.unacked {
			if old.PacketID == p.PacketID {
				b.unacked = append(b.unacked[:i:i], b.unacked[i+1:]...)
				return nil
			}
		}
		b.t.Errorf("the gateway acknowledged %d, which it was not handed", p.PacketID)
	case *packets.Publish:
		b.published = append(b.published, p)
		if p.QoS == 0 || b.withhold {
			return nil
		}
		ack := &packets.Puback{PacketID: p.PacketID, Properties: &packets.Properties{}}
		if b.refuse != nil {
			ack.ReasonCode = b.refuse(p)
		}
		return write(packets.PUBACK, ack)
	case *packets.Pingreq:
		return write(packets.PINGRESP, &packets.Pingresp{})
	case *packets.Disconnect:
		return io.EOF
	}
	return nil
}

// hand hands out a publication, when there is a connection.
func (b *fakeBroker) hand(topic string, qos byte, payload []byte, properties packets.Properties) {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	p := &packets.Publish{Topic: topic, QoS: qos, Payload: payload, Properties: &properties}
	if qos > 0 {
		b.last++
		p.PacketID = b.last
		b.unacked = append(b.unacked, p)
		b.most = max(b.most, len(b.unacked))
	}
	if conn := b.conn.Load(); conn != nil {
		_, _ = p.WriteTo(*conn) // else it comes when there is a connection
	}
}

// eventually waits until what is awaited holds of the broker.
func (b *fakeBroker) eventually(what string, holds func() bool) {
	b.t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(2 * time.Millisecond) {
		b.mu.Lock()
		ok := holds()
		b.mu.Unlock()
		if ok {
			return
		}
		if time.Now().After(deadline) {
			b.t.Fatalf("waited %v in vain until %s", patience, what)
		}
	}
}
