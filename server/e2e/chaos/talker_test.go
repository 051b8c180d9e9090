package chaos

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"strconv"
	"sync"
	"time"

	"github.com/eclipse/paho.golang/packets"

	"parley/proto"
	"parley/server/e2e/live"
)

const (
	// window is how many messages a talker has under way at a time: with more, one that is
	// refused for a while would be stored behind the next.
	window = 1
	// silent is how long a talker waits for an answer before it connects again.
	silent = 5 * time.Second
)

// A talker is a person without a browser: a plain MQTT 5 client that writes to the next
// talker, sends again what was not acknowledged after each connecting, under the same
// client_ref, and watches the order of what it is told.
type talker struct {
	*person
	host   string // host:port
	cancel context.CancelFunc
	ended  chan struct{}
	more   chan struct{} // holds one: there is more to write

	mu         sync.Mutex
	goal       int       // how many are to be written
	waiting    []*letter // in their order, not acknowledged
	latest     time.Time // when the last acknowledgement came
	disorder   []string  // in words
	deliveries int
	reconnects int
	lastError  error
}

// letter is a message on its way.
type letter struct {
	press   *press
	payload []byte
}

// letTalk lets talkers in, each with a connection, until the test ends.
func (w *world) letTalk(n int) {
	w.t.Helper()
	client := w.host.Client()
	for i := range n {
		p := &person{name: fmt.Sprintf("Talker%d", i+1), presses: w.presses, chance: mathrand.New(mathrand.NewPCG(w.chance.Uint64(), 0))}
		guest, err := client.NewGuest(w.t.Context(), p.name)
		w.must(err)
		p.id, p.token = guest.ID, guest.Token
		w.talkers = append(w.talkers, &talker{person: p, host: client.Server, ended: make(chan struct{}), more: make(chan struct{}, 1), latest: time.Now()})
	}
	for i, t := range w.talkers {
		t.peers = []*person{w.talkers[(i+1)%n].person}
		ctx, cancel := context.WithCancel(context.Background())
		t.cancel = cancel
		go t.run(ctx)
		w.t.Cleanup(t.stop)
	}
}

// stop ends the talker.
func (t *talker) stop() {
	t.cancel()
	<-t.ended
}

// write lets the talker write so many messages in all.
func (t *talker) write(goal int) {
	t.mu.Lock()
	t.goal = max(t.goal, goal)
	t.mu.Unlock()
	select {
	case t.more <- struct{}{}:
	default: // it will look
	}
}

// talkersRecover waits until each talker has one more message acknowledged, and with it all before.
func (w *world) talkersRecover() error {
	for _, t := range w.talkers {
		t.mu.Lock()
		goal := t.goal + 1
		t.mu.Unlock()
		t.write(goal)
	}
	for _, t := range w.talkers {
		if err := t.settled(); err != nil {
			return err
		}
	}
	return nil
}

// settled waits until all is acknowledged.
func (t *talker) settled() error {
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		t.mu.Lock()
		done := t.written == t.goal && len(t.waiting) == 0
		t.mu.Unlock()
		if done {
			return nil
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return fmt.Errorf("%s waits for %d acknowledgements, the last came %v ago, and wrote %d of %d: %w", t.name, len(t.waiting), time.Since(t.latest), t.written, t.goal, t.lastError)
}

func (t *talker) run(ctx context.Context) {
	defer close(t.ended)
	for ctx.Err() == nil {
		err := t.connection(ctx)
		t.mu.Lock()
		t.lastError = err
		t.reconnects++
		t.mu.Unlock()
		select {
		case <-time.After(time.Duration(50+t.chance.IntN(250)) * time.Millisecond):
		case <-ctx.Done():
		}
	}
}

// connection is one, from CONNECT to its end.
func (t *talker) connection(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	conn, err := t.connect(ctx)
	if err != nil {
		return err
	}
	defer conn.CloseNow()
	hangUp := context.AfterFunc(ctx, conn.CloseNow)
	defer hangUp()
	incoming, failed := make(chan *packets.ControlPacket, 64), make(chan error, 1)
	go func() { // ends with the connection
		for {
			packet, err := packets.ReadPacket(conn)
			if err != nil {
				failed <- err
				return
			}
			select {
			case incoming <- packet:
			case <-ctx.Done():
				return
			}
		}
	}()
	s := &session{talker: t, conn: conn, sent: make(map[uint16]*letter), highest: make(map[uint64]uint64), seen: make(map[[2]uint64]bool)}
	if err := s.subscribe(); err != nil {
		return err
	}
	watch := time.NewTicker(time.Second)
	defer watch.Stop()
	heard := time.Now()
	for {
		if err := s.fill(); err != nil {
			return err
		}
		select {
		case packet := <-incoming:
			heard = time.Now()
			if err := s.take(packet); err != nil {
				return err
			}
		case err := <-failed:
			return err
		case <-t.more:
		case <-watch.C:
			if len(s.sent) > 0 && time.Since(heard) > silent {
				return errors.New("no answer")
			}
			if len(s.sent) == 0 {
				if err := s.conn.WritePacket(packets.NewControlPacket(packets.PINGREQ)); err != nil {
					return err
				}
			}
			if time.Since(heard) > silent {
				return errors.New("no sign of life")
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (t *talker) connect(ctx context.Context) (*live.MQTT, error) {
	ctx, cancel := context.WithTimeout(ctx, silent)
	defer cancel()
	return live.Client{Server: t.host}.Connect(ctx, live.Guest{ID: t.id, Token: t.token}, strconv.FormatUint(t.id, 10)+"-talker")
}

// session is what a talker knows of one connection.
type session struct {
	*talker
	conn    *live.MQTT
	next    uint16
	began   bool
	sent    map[uint16]*letter // under way, by packet id
	pending []*letter          // to send again, in their order
	highest map[uint64]uint64  // seq of what was delivered, by the other's id
	seen    map[[2]uint64]bool // the other's id and seq
}

func (s *session) packetID() uint16 {
	s.next = s.next%65_535 + 1
	return s.next
}

func (s *session) subscribe() error {
	packet := packets.NewControlPacket(packets.SUBSCRIBE)
	content := packet.Content.(*packets.Subscribe)
	content.PacketID = s.packetID()
	content.Subscriptions = []packets.SubOptions{{Topic: proto.DownFilter(s.id)}}
	return s.conn.WritePacket(packet)
}

// fill sends what waits, what was sent before first, as much as may be under way.
func (s *session) fill() error {
	if !s.began {
		s.began = true
		s.mu.Lock()
		s.pending = append(s.pending, s.waiting...)
		s.mu.Unlock()
	}
	for len(s.sent) < window {
		var l *letter
		if len(s.pending) > 0 {
			l, s.pending = s.pending[0], s.pending[1:]
		} else if l = s.compose(); l == nil {
			return nil
		}
		packet := packets.NewControlPacket(packets.PUBLISH)
		content := packet.Content.(*packets.Publish)
		content.QoS, content.PacketID, content.Topic, content.Payload = 1, s.packetID(), proto.Up(s.id, proto.BranchMessage), l.payload
		s.sent[content.PacketID] = l
		if err := s.conn.WritePacket(packet); err != nil {
			return err
		}
	}
	return nil
}

// compose writes the next message; nil if there is none to write.
func (t *talker) compose() *letter {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.written >= t.goal {
		return nil
	}
	to := t.peers[0]
	x := t.presses.compose(t.person, t.key(to), size(t.chance))
	t.presses.press(x)
	zero, ref := uint64(0), make([]byte, proto.RefSize)
	_, _ = rand.Read(ref) // never fails
	payload, err := proto.Marshal(&proto.Message{MessageId: &zero, SenderId: &t.id, Content: &x.content, CreateTime: &zero, ReceiverId: &to.id, ClientRef: ref})
	if err != nil {
		panic(err) // it is complete
	}
	l := &letter{x, payload}
	t.waiting = append(t.waiting, l)
	return l
}

// take takes in a packet.
func (s *session) take(packet *packets.ControlPacket) error {
	switch content := packet.Content.(type) {
	case *packets.Puback:
		return s.acknowledged(content)
	case *packets.Publish:
		if content.Topic == proto.Down(s.id, proto.BranchMessage) {
			return s.deliver(content.Payload)
		}
	case *packets.Disconnect:
		return fmt.Errorf("disconnected with 0x%02X", content.ReasonCode)
	}
	return nil
}

// acknowledged notes that a message is stored. One that is not is sent again by the next connection.
func (s *session) acknowledged(ack *packets.Puback) error {
	l := s.sent[ack.PacketID]
	if l == nil {
		return fmt.Errorf("PUBACK of packet %d, which is not under way", ack.PacketID)
	}
	if ack.ReasonCode >= 0x80 {
		return fmt.Errorf("refused with 0x%02X %s", ack.ReasonCode, ack.Properties.ReasonString)
	}
	delete(s.sent, ack.PacketID)
	s.presses.stands(l.press)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.latest = time.Now()
	for i, other := range s.waiting {
		if other == l {
			s.waiting = append(s.waiting[:i:i], s.waiting[i+1:]...)
			break
		}
	}
	return nil
}

// deliver watches the order of what this connection was told: a repeat changes nothing, and
// what is new follows all before it.
func (s *session) deliver(payload []byte) error {
	m := new(proto.Message)
	if err := proto.Unmarshal(payload, m); err != nil {
		return err
	}
	other := m.GetSenderId()
	if other == s.id {
		other = m.GetReceiverId()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.deliveries++
	seq := m.GetSeq()
	if s.seen[[2]uint64{other, seq}] {
		return nil
	}
	s.seen[[2]uint64{other, seq}] = true
	if seq < s.highest[other] {
		s.disorder = append(s.disorder, fmt.Sprintf("%s is told seq %d after %d of the conversation with %d", s.name, seq, s.highest[other], other))
	}
	s.highest[other] = max(s.highest[other], seq)
	return nil
}

// delivered judges what a talker was told.
func (v *verdict) delivered(t *talker) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, words := range t.disorder {
		v.find(&v.disordered, "%s", words)
	}
}
