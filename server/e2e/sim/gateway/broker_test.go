package gateway_test

import (
	"errors"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/eclipse/paho.golang/packets"

	"parley/proto"
)

const (
	// inFlight is how many publications the broker hands out before one is acknowledged.
	inFlight = 10
	// silence is after how long without a word a client counts as gone.
	silence = 30 * time.Second
)

// broker is an MQTT 5 broker with the one session of the gateway, which it keeps, and users
// who all are told everything. Each of its nodes may end: then the connection breaks.
type broker struct {
	w        *world
	renumber bool // a repeat has another packet identifier than the first time, as RabbitMQ's have

	mu       sync.Mutex
	session  bool
	queue    []*packets.Publish // not handed out yet
	flying   []*packets.Publish // handed out and not acknowledged, in order
	last     uint16             // packet identifier
	link     *link              // the newest; nil at first
	connects int
	told     map[uint64][]*proto.Message // by user, in the order in which the gateway published
}

// link is a connection, from the broker's side.
type link struct {
	conn   net.Conn
	out    []packets.Packet
	wake   chan struct{} // holds one: there is something in out, or the link is over
	over   bool
	silent bool // half-open: nothing comes through any more
}

// accept serves a connection until it ends.
func (b *broker) accept(conn net.Conn) {
	l := &link{conn: conn, wake: make(chan struct{}, 1)}
	b.w.work.Go(func() { b.write(l) })
	b.w.work.Go(func() {
		for b.read(l) == nil {
		}
		b.end(l)
	})
}

// end ends a link.
func (b *broker) end(l *link) {
	if l == nil {
		return
	}
	b.mu.Lock()
	l.over = true
	b.mu.Unlock()
	l.signal()
	l.conn.Close()
}

func (l *link) signal() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// send queues a packet. The caller has b.mu.
func (l *link) send(p packets.Packet) {
	l.out = append(l.out, p)
	l.signal()
}

// write writes what is queued until the link is over.
func (b *broker) write(l *link) {
	for range l.wake {
		for {
			b.mu.Lock()
			over, silent := l.over, l.silent
			var p packets.Packet
			if len(l.out) > 0 {
				p, l.out = l.out[0], l.out[1:]
			}
			b.mu.Unlock()
			if over {
				return
			}
			if p == nil {
				break
			}
			if silent {
				continue
			}
			if _, err := p.WriteTo(l.conn); err != nil {
				return
			}
			if _, last := p.(*packets.Disconnect); last {
				b.end(l)
			}
		}
	}
}

// read takes one packet.
func (b *broker) read(l *link) error {
	if err := l.conn.SetReadDeadline(time.Now().Add(silence)); err != nil {
		return err
	}
	packet, err := packets.ReadPacket(l.conn)
	if err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, connects := packet.Content.(*packets.Connect); l.over || l.silent || l != b.link && !connects {
		return nil
	}
	return b.take(l, packet)
}

// take takes a packet. The caller has b.mu.
func (b *broker) take(l *link, packet *packets.ControlPacket) error {
	switch p := packet.Content.(type) {
	case *packets.Connect:
		b.connect(l)
	case *packets.Subscribe:
		l.send(&packets.Suback{PacketID: p.PacketID, Reasons: []byte{1}, Properties: &packets.Properties{}})
	case *packets.Puback:
		b.acknowledged(p.PacketID)
		b.handOut()
	case *packets.Publish:
		b.tell(p)
		switch {
		case p.QoS == 0:
		case b.w.chance(200): // its node ends before it acknowledges
			time.AfterFunc(b.w.upTo(5*time.Second), func() { b.end(l) })
		default:
			l.send(&packets.Puback{PacketID: p.PacketID, Properties: &packets.Properties{}})
		}
	case *packets.Pingreq:
		l.send(&packets.Pingresp{})
	case *packets.Disconnect:
		return errors.New("the gateway said goodbye")
	}
	return nil
}

// connect gives the session to a link, and ends the one that had it.
func (b *broker) connect(l *link) {
	if b.link != nil && !b.link.over {
		b.link.send(&packets.Disconnect{ReasonCode: byte(proto.SessionTakenOver), Properties: &packets.Properties{}})
	}
	// A session that is lost with what waits in it is the broker's own affair.
	present := b.session && !(len(b.queue)+len(b.flying) == 0 && b.w.chance(3))
	b.session, b.link = true, l
	b.connects++
	maximum := uint16(inFlight)
	l.send(&packets.Connack{SessionPresent: present, Properties: &packets.Properties{ReceiveMaximum: &maximum}})
	for i, p := range b.flying {
		again := *p
		again.Duplicate = true
		if b.renumber {
			b.last++
			again.PacketID = b.last
		}
		b.flying[i] = &again
		l.send(&again)
	}
	b.handOut()
}

// handOut hands out what waits, as far as it may.
func (b *broker) handOut() {
	for len(b.queue) > 0 && len(b.flying) < inFlight && b.link != nil {
		p := b.queue[0]
		b.queue = b.queue[1:]
		b.last++
		p.PacketID = b.last
		b.flying = append(b.flying, p)
		b.link.send(p)
	}
}

// acknowledged takes a PUBACK, which come in order [MQTT-4.6.0-2].
func (b *broker) acknowledged(id uint16) {
	at := slices.IndexFunc(b.flying, func(p *packets.Publish) bool { return p.PacketID == id })
	if at != 0 {
		b.w.t.Errorf("the gateway acknowledges %d, which is number %d of those that it was handed", id, at)
		return
	}
	b.flying = b.flying[1:]
}

// publish takes a publication of a user, and reports whether it is the broker's now.
func (b *broker) publish(user uint64, payload, correlation []byte) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.session {
		return false // nobody has subscribed yet
	}
	b.queue = append(b.queue, &packets.Publish{
		Topic: proto.Up(user, proto.BranchMessage), QoS: 1, Payload: payload, Properties: &packets.Properties{CorrelationData: correlation},
	})
	b.handOut()
	return true
}

// tell tells a user what the gateway published.
func (b *broker) tell(p *packets.Publish) {
	user, branch, ok := proto.ParseDown(p.Topic)
	if !ok || branch != proto.BranchMessage {
		return
	}
	m := new(proto.Message)
	if err := proto.Unmarshal(p.Payload, m); err != nil {
		b.w.t.Errorf("%s: %v", p.Topic, err)
		return
	}
	b.told[user] = append(b.told[user], m)
}

// count is how often a gateway has connected.
func (b *broker) count() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.connects
}

// breakLink breaks the connection, or lets nothing through any more.
func (b *broker) breakLink(silent bool) {
	b.mu.Lock()
	l := b.link
	if l != nil {
		l.silent = l.silent || silent
	}
	b.mu.Unlock()
	if !silent {
		b.end(l)
	}
}
