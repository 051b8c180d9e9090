package link

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/eclipse/paho.golang/packets"
	"github.com/eclipse/paho.golang/paho/log"
	pahosession "github.com/eclipse/paho.golang/paho/session"

	"parley/proto"
	"parley/wasm/chat"
)

// publisher sends publications in the order of the calls and answers each
// once. It is also paho's SessionManager, for the packet identifiers and what
// awaits an acknowledgement: paho's own leaves publications hanging when a
// session is wiped, copies each into a store, and starts a goroutine for each.
type publisher struct {
	conn *packetConn
	wake chan struct{} // something may be sent now

	mu       sync.Mutex // guards what follows
	ended    error      // why nothing is taken any more
	queue    []*publication
	pending  map[*publication]struct{} // those not answered yet
	awaiting map[uint16]func(packets.ControlPacket)
	last     uint16 // packet identifier given last
	quota    int    // how many more QoS 1 publications may be in flight [MQTT-3.3.4-7]
	limit    int    // of a packet the server takes, in bytes
	goodbye  *packets.Disconnect
}

// publication is one PUBLISH on its way.
type publication struct {
	packet packets.Publish
	done   func(chat.Ack, error) // nil at QoS 0
	timer  *time.Timer
}

var _ pahosession.SessionManager = (*publisher)(nil)

var (
	errClosed     = &chat.Reason{Text: "the session is closed", Code: "closed"}
	errAckTimeout = &chat.Reason{Text: fmt.Sprintf("the server did not acknowledge the message within %v", ackTimeout), Code: "no-answer"}
)

func newPublisher(conn *packetConn) *publisher {
	return &publisher{
		conn:     conn,
		wake:     make(chan struct{}, 1),
		pending:  make(map[*publication]struct{}),
		awaiting: make(map[uint16]func(packets.ControlPacket)),
	}
}

// publish queues a publication. done is called from another goroutine.
func (p *publisher) publish(packet packets.Publish, done func(chat.Ack, error)) {
	pub := &publication{packet: packet, done: done}
	if err := p.accept(pub); err != nil && done != nil {
		go done(chat.Ack{}, err)
	}
}

func (p *publisher) accept(pub *publication) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch size := packetSize(&pub.packet); {
	case p.ended != nil:
		return p.ended
	case p.limit > 0 && size > p.limit:
		return proto.Refuse(proto.PacketTooLarge, "the message is too large: it takes %d bytes, and the server accepts %d", size, p.limit).Named("message-too-large", size, p.limit)
	case len(p.queue) == maxPublications:
		return proto.Refuse(proto.QuotaExceeded, "%d messages wait to be sent already: try again later", maxPublications).Named("outbox-full", maxPublications)
	}
	p.queue = append(p.queue, pub)
	if pub.done != nil {
		p.pending[pub] = struct{}{}
		pub.timer = time.AfterFunc(ackTimeout, func() {
			p.answer(pub, chat.Ack{}, errAckTimeout)
			p.signal() // it may still stand in the queue
		})
	}
	p.signal()
	return nil
}

// packetSize is the most that a PUBLISH takes on the wire: 5 bytes of fixed
// header, 2 before each field, a property identifier before each property, 4
// bytes of their length, the packet identifier.
func packetSize(p *packets.Publish) int {
	return 5 + 2 + len(p.Topic) + 2 + 4 + 3 + len(p.Properties.ContentType) + 3 + len(p.Properties.CorrelationData) + len(p.Payload)
}

func (p *publisher) signal() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// run sends until ctx is done.
func (p *publisher) run(ctx context.Context) {
	for {
		for pub := p.next(); pub != nil; pub = p.next() {
			// An error has ended the connection already, and the reader tells.
			_, _ = pub.packet.WriteTo(p.conn)
		}
		select {
		case <-p.wake:
		case <-ctx.Done():
			return
		}
	}
}

// next takes the publication that may be sent now, if any.
func (p *publisher) next() *publication {
	p.mu.Lock()
	defer p.mu.Unlock()
	for len(p.queue) > 0 && p.ended == nil {
		pub := p.queue[0]
		if _, waits := p.pending[pub]; pub.done != nil {
			if !waits { // its time is up
				p.pop()
				continue
			}
			if p.quota <= 0 {
				return nil
			}
			id := p.identifier()
			if id == 0 {
				return nil
			}
			p.quota--
			pub.packet.PacketID = id
			p.awaiting[id] = func(cp packets.ControlPacket) { p.acknowledged(pub, cp) }
		}
		p.pop()
		return pub
	}
	return nil
}

func (p *publisher) pop() {
	p.queue[0] = nil
	p.queue = p.queue[1:]
}

// identifier finds a free packet identifier; 0 if there is none. One whose
// acknowledgement never came stays taken: a late one must not confirm another
// publication.
func (p *publisher) identifier() uint16 {
	for id := p.last + 1; id != p.last; id++ {
		if _, taken := p.awaiting[id]; !taken && id != 0 {
			p.last = id
			return id
		}
	}
	return 0
}

func (p *publisher) acknowledged(pub *publication, cp packets.ControlPacket) {
	switch ack := cp.Content.(type) {
	case *packets.Puback:
		p.mu.Lock()
		p.quota++
		p.mu.Unlock()
		p.signal()
		result, err := acknowledgement(ack)
		p.answer(pub, result, err)
	case nil: // the connection is lost: end answers, and knows why
	default:
		p.conn.fail(errors.New("the server broke the protocol: it acknowledged a PUBLISH with another packet than PUBACK"))
	}
}

// answer calls done, unless that happened before.
func (p *publisher) answer(pub *publication, ack chat.Ack, err error) {
	p.mu.Lock()
	_, waits := p.pending[pub]
	delete(p.pending, pub)
	p.mu.Unlock()
	if waits {
		pub.timer.Stop()
		pub.done(ack, err)
	}
}

// end answers everything that is not answered yet, and all that comes later, with err.
func (p *publisher) end(err error) {
	p.mu.Lock()
	p.ended = err
	p.queue = nil
	var pending []*publication
	for pub := range p.pending {
		pending = append(pending, pub)
	}
	p.mu.Unlock()
	for _, pub := range pending {
		p.answer(pub, chat.Ack{}, err)
	}
}

// disconnected returns the server's DISCONNECT, if it sent one.
func (p *publisher) disconnected() *packets.Disconnect {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.goodbye
}

// ConAckReceived implements SessionManager.
func (p *publisher) ConAckReceived(_ io.Writer, _ *packets.Connect, ca *packets.Connack) error {
	if ca.SessionPresent {
		return errors.New("the server broke the protocol: it resumed a session after clean start") // [MQTT-3.2.2-2]
	}
	if q := ca.Properties.MaximumQOS; q != nil && *q == 0 {
		return errors.New("the server acknowledges no messages (it accepts QoS 0 only): another server is needed")
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.quota = 65535
	if ca.Properties.ReceiveMaximum != nil {
		p.quota = int(*ca.Properties.ReceiveMaximum)
	}
	if ca.Properties.MaximumPacketSize != nil {
		p.limit = int(min(*ca.Properties.MaximumPacketSize, 1<<30))
	}
	return nil
}

// ConnectionLost implements SessionManager. d is nil unless the server sent DISCONNECT.
func (p *publisher) ConnectionLost(d *packets.Disconnect) error {
	p.mu.Lock()
	if d != nil {
		p.goodbye = d
	}
	awaiting := p.awaiting
	p.awaiting = make(map[uint16]func(packets.ControlPacket))
	p.mu.Unlock()
	for _, tell := range awaiting {
		tell(packets.ControlPacket{})
	}
	return nil
}

// AddToSession implements SessionManager, for SUBSCRIBE: publish does
// without it. resp is buffered.
func (p *publisher) AddToSession(_ context.Context, packet pahosession.Packet, resp chan<- packets.ControlPacket) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	id := p.identifier()
	if id == 0 {
		return pahosession.ErrPacketIdentifiersExhausted
	}
	packet.SetIdentifier(id)
	p.awaiting[id] = func(cp packets.ControlPacket) { resp <- cp }
	return nil
}

// PacketReceived implements SessionManager, for SUBACK and PUBACK: the
// guard lets nothing else come this far. An unknown packet identifier is of no use to anybody.
func (p *publisher) PacketReceived(recv *packets.ControlPacket, _ chan<- *packets.Publish) error {
	id := recv.PacketID()
	p.mu.Lock()
	tell := p.awaiting[id]
	delete(p.awaiting, id)
	p.mu.Unlock()
	if tell != nil {
		tell(*recv)
	}
	return nil
}

// Ack implements SessionManager. At QoS 0 there is nothing to acknowledge.
func (p *publisher) Ack(*packets.Publish) error { return nil }

// Close implements SessionManager.
func (p *publisher) Close() error { return nil }

// SetErrorLogger implements SessionManager.
func (p *publisher) SetErrorLogger(log.Logger) {}

// SetDebugLogger implements SessionManager.
func (p *publisher) SetDebugLogger(log.Logger) {}
