package link

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/eclipse/paho.golang/packets"
	"github.com/eclipse/paho.golang/paho"

	"parley/proto"
	"parley/wasm/chat"
)

// session is one MQTT connection from CONNECT to the end. paho's client reads,
// all but deliveries; the publisher writes publications.
type session struct {
	user      uint64
	conn      *packetConn
	client    *paho.Client
	publisher *publisher
	keepAlive *keepAlive
	handler   chat.Handler

	topic  string       // of the last delivery
	branch proto.Branch // its branch; "" if it is none of the user's

	closing   chan struct{} // closed by Close
	closeOnce sync.Once
	ended     chan error // why paho gave up
}

var _ chat.Session = (*session)(nil)

func newSession(user uint64, conn *packetConn, interval time.Duration, handler chat.Handler) *session {
	s := &session{
		user:      user,
		conn:      conn,
		publisher: newPublisher(conn),
		keepAlive: newKeepAlive(conn, interval),
		handler:   handler,
		closing:   make(chan struct{}),
		ended:     make(chan error, 1),
	}
	end := func(err error) { // paho may call it more than once, at any time
		select {
		case s.ended <- err:
		default:
		}
	}
	conn.guard.deliver = s.deliver
	s.client = paho.NewClient(paho.ClientConfig{
		Conn:               conn,
		Session:            s.publisher,
		PingHandler:        s.keepAlive,
		AuthHandler:        noAuthentication{},
		PacketTimeout:      ackTimeout,
		OnClientError:      end,
		OnServerDisconnect: func(*paho.Disconnect) { end(errors.New("the server ended the session")) },
	})
	return s
}

// noAuthentication is there because paho calls its handler, nil or not, when a
// CONNACK names an authentication method. The guard lets no AUTH packet pass.
type noAuthentication struct{}

func (noAuthentication) Authenticate(*paho.Auth) *paho.Auth { return &paho.Auth{} }
func (noAuthentication) Authenticated()                     {}

// connect sends CONNECT and awaits CONNACK. After an error the connection is closed.
func (s *session) connect(ctx context.Context, c chat.Credentials) error {
	packetSize := uint32(maxPacket)
	receiveMaximum := uint16(1) // deliveries come at QoS 0: it only sizes a queue of paho's
	ca, err := s.client.Connect(ctx, &paho.Connect{
		ClientID:     c.ClientID,
		CleanStart:   true,
		KeepAlive:    uint16(s.keepAlive.interval / time.Second),
		Username:     strconv.FormatUint(c.User, 10),
		UsernameFlag: true,
		Password:     []byte(c.Token),
		PasswordFlag: true,
		Properties: &paho.ConnectProperties{
			RequestProblemInfo: true, // false is not the default but a wish for acks without reasons and ids
			MaximumPacketSize:  &packetSize,
			ReceiveMaximum:     &receiveMaximum,
		},
	})
	if ca != nil {
		if refused := connackRefusal(ca); refused != nil {
			if err == nil {
				s.abandon() // a code of MQTT 3, which paho takes for a success
			}
			return fmt.Errorf("the server refused the connection: %w", refused)
		}
	}
	if err == nil {
		return nil
	}
	if code := s.conn.shortConnack(); code != 0 {
		return fmt.Errorf("the server refused the connection: %w", connackRefusal(&paho.Connack{ReasonCode: code}))
	}
	return fmt.Errorf("no answer to CONNECT: %w", s.reason(ctx, err))
}

// subscribe awaits the SUBACK for the user's down branch.
func (s *session) subscribe(ctx context.Context) error {
	filter := proto.DownFilter(s.user)
	ack, err := s.client.Subscribe(ctx, &paho.Subscribe{
		Subscriptions: []paho.SubscribeOptions{{Topic: filter, QoS: 0}},
	})
	switch {
	case ack != nil && len(ack.Reasons) == 1 && ack.Reasons[0] >= 0x80:
		words := ""
		if ack.Properties != nil {
			words = ack.Properties.ReasonString
		}
		fallback := (&packets.Suback{Reasons: ack.Reasons}).Reason(0)
		return fmt.Errorf("the server refused the subscription to %s: %w", filter, refusal(ack.Reasons[0], words, fallback))
	case err != nil:
		return fmt.Errorf("no answer to SUBSCRIBE: %w", s.reason(ctx, err))
	case len(ack.Reasons) != 1: // paho calls none a success
		return fmt.Errorf("the server broke the protocol: it answered one subscription with %d reason codes", len(ack.Reasons))
	}
	return nil
}

// reason is the best account of what ended the session: the server's own, what
// broke the connection, or err.
func (s *session) reason(ctx context.Context, err error) error {
	if refused := disconnectRefusal(s.publisher.disconnected()); refused != nil {
		return refused
	}
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	if cause := s.conn.broken(); cause != nil {
		return cause
	}
	return err
}

// abandon ends a session that Open does not return.
func (s *session) abandon() {
	// Whether DISCONNECT could be sent does not matter any more.
	_ = s.client.Disconnect(&paho.Disconnect{})
}

// run owns an open session: it sends publications, and tells the end.
func (s *session) run() {
	ctx, cancel := context.WithCancel(context.Background())
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		s.publisher.run(ctx)
	}()
	var cause error
	select {
	case cause = <-s.ended: // paho is done: nothing is delivered any more
		cause = s.reason(ctx, cause)
	case <-s.closing:
		s.abandon()
	}
	cancel()
	<-sent
	if s.isClosing() {
		cause = nil
	}
	s.publisher.end(ended(cause))
	s.handler.Closed(cause)
}

// ended is what publications hear of the session's end.
func ended(cause error) error {
	if cause == nil {
		return errClosed
	}
	return fmt.Errorf("the session ended: %w", cause)
}

func (s *session) isClosing() bool {
	select {
	case <-s.closing:
		return true
	default:
		return false
	}
}

// Publish implements chat.Session.
func (s *session) Publish(branch proto.Branch, payload, ref []byte, done func(chat.Ack, error)) {
	p := s.packet(branch, payload, 1)
	p.Properties.CorrelationData = ref
	s.publisher.publish(p, done)
}

// Notify implements chat.Session. What has no room is dropped.
func (s *session) Notify(branch proto.Branch, payload []byte) {
	s.publisher.publish(s.packet(branch, payload, 0), nil)
}

func (s *session) packet(branch proto.Branch, payload []byte, qos byte) packets.Publish {
	return packets.Publish{
		Topic:      proto.Up(s.user, branch),
		QoS:        qos,
		Payload:    payload,
		Properties: &packets.Properties{ContentType: proto.ContentType},
	}
}

// Probe implements chat.Session.
func (s *session) Probe(timeout time.Duration) { s.keepAlive.probe(timeout) }

// Close implements chat.Session.
func (s *session) Close() { s.closeOnce.Do(func() { close(s.closing) }) }
