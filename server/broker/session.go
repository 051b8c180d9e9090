package broker

import (
	"bytes"
	"container/list"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"time"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"

	"parley/proto"
	"parley/server/broker/packet"
	"parley/server/chat"
)

// Reason codes that only the broker itself sends (MQTT 5, section 2.4).
const (
	unsupportedVersion proto.Reason = 0x84
	invalidClientID    proto.Reason = 0x85
	serverUnavailable  proto.Reason = 0x88
	badAuthentication  proto.Reason = 0x8C
	keepAliveTimeout   proto.Reason = 0x8D
	packetIDInUse      proto.Reason = 0x91
	retainNotSupported proto.Reason = 0x9A
)

// session is one connection, from the upgrade to the end; mochi has it as the
// net.Conn of its client.
type session struct {
	*conn
	broker *Broker
	from   netip.Addr // the client; zero if that is not told
	remote string     // host:port, or the client's address if a proxy told it

	place   place         // guarded by broker.mu
	inLine  *list.Element // likewise, while the place is pending
	claimed uint64        // likewise: the user that CONNECT named
	device  uint64        // likewise: the one that the token names, once that is admitted
	proven  bool          // likewise: it is
	mark    atomic.Uint64 // of Backend.Connected, once that has returned

	// Set by CONNECT, before anybody else gets to know the session.
	log       *slog.Logger
	version   byte   // 4 or 5
	maxPacket uint32 // the client's; 0: none
	sender    chat.Sender
	user      *user

	// Of the goroutine that reads.
	packets   *packet.Reader
	unread    []byte // of the packet at hand
	cut       bool   // it is a PUBLISH that was too large, without its payload
	client    *mqtt.Client
	login     *login
	connected bool // CONNACK said yes
	intake    intake
	qos       byte                    // of the publication at hand
	receipt   chat.Receipt            // likewise, once it is accepted
	why       *proto.Refusal          // likewise, once it is refused
	received  map[uint16]chat.Receipt // QoS 2 publications until PUBREL, by packet id
	expiry    *time.Timer
	syncs     syncs

	mu      sync.Mutex
	cause   *proto.Refusal // why the broker ended it, if it did
	started bool           // conn is set
	filters map[proto.Branch]int
}

// serve speaks MQTT on c and closes it.
func (s *session) serve(c net.Conn) {
	b := s.broker
	s.remote = b.remote(s.from, c.RemoteAddr().String())
	s.log = b.config.Log.With("remote", s.remote)
	_ = c.SetReadDeadline(time.Now().Add(b.config.ConnectTimeout)) // fails if closed; then reading does
	s.start(newConn(c, b.config.Queue))
	s.packets = packet.NewReader(s.conn)

	err := s.run()
	s.syncs.end()
	if s.user != nil {
		b.users.remove(s)
		b.config.Backend.Disconnected(s.sender)
	}
	if s.expiry != nil {
		s.expiry.Stop()
	}
	s.finish(err)
}

// start lets end reach the connection, also if end was called before.
func (s *session) start(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conn, s.started = c, true
	if s.cause != nil {
		c.stop()
	}
}

// run lets mochi serve the connection. Should it panic, that ends this connection
// alone.
func (s *session) run() (err error) {
	defer func() {
		p := recover()
		if p == nil {
			return
		}
		err = packets.ErrMalformedPacket
		s.broker.config.Faults.Recovered("serving an MQTT packet", p)
		if s.client != nil { // what mochi does when it returns
			s.broker.mqtt.UnsubscribeClient(s.client)
			s.broker.mqtt.Clients.Delete(s.client.ID)
		}
	}()
	return s.broker.mqtt.EstablishConnection("ws", s)
}

// end ends the session for a reason, from any goroutine, unless it is ending
// already. The client is told after the packet at hand has been served.
func (s *session) end(cause *proto.Refusal) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cause != nil {
		return
	}
	s.cause = cause
	if s.started {
		s.conn.stop()
	}
}

// ending says whether end was called.
func (s *session) ending() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cause != nil
}

// kill cuts the connection off.
func (s *session) kill() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.started {
		s.conn.kill()
	}
}

// finish tells the client why the session ended, where MQTT has a way to, and
// closes the connection. err is what mochi returned.
func (s *session) finish(err error) {
	why := s.reason(err)
	switch {
	case s.connected && why != nil:
		s.broker.metrics.disconnected(why.Reason)
		s.log.Info("disconnected", "reason", why.Text)
	case s.connected:
		s.broker.metrics.disconnected(proto.Success)
		s.log.Info("disconnected", "reason", "the client left")
	case why != nil && !errors.As(err, new(connectRefused)):
		s.refused("connect", why)
	}
	var last []byte
	if s.connected && s.version == 5 && why != nil {
		last = encodeDisconnect(why, s.maxPacket)
	}
	s.conn.finish(last)
}

// reason says why the session ended: nil if the client left, or is gone.
func (s *session) reason(err error) *proto.Refusal {
	s.mu.Lock()
	cause := s.cause
	s.mu.Unlock()
	var code packets.Code
	switch {
	case cause != nil:
		return cause
	case s.conn.tookNothing():
		s.broker.metrics.slow.Inc()
		return proto.Refuse(proto.QuotaExceeded, "nothing of what was written was taken for %v", s.broker.config.WriteTimeout).Named("too-slow")
	case s.conn.dead():
		return nil
	case errors.Is(s.readErr, os.ErrDeadlineExceeded) && !s.connected:
		return proto.Refuse(keepAliveTimeout, "no complete CONNECT came in %v", s.broker.config.ConnectTimeout)
	case errors.Is(s.readErr, os.ErrDeadlineExceeded) && err != nil:
		return proto.Refuse(keepAliveTimeout, "nothing came within 1.5 times the keep alive: connect again")
	case errors.Is(s.readErr, errText):
		return proto.Refuse(proto.ProtocolError, "%v", errText)
	case s.readErr != nil || err == nil:
		return nil
	case errors.As(err, &code) && code.Code >= byte(proto.UnspecifiedError):
		return proto.Refuse(proto.Reason(code.Code), "%s", code.Reason)
	case errors.As(err, &code):
		return nil
	}
	return proto.Refuse(proto.ProtocolError, "a client may not send such a packet")
}

func encodeDisconnect(why *proto.Refusal, maxPacket uint32) []byte {
	pk := packets.Packet{
		FixedHeader:     packets.FixedHeader{Type: packets.Disconnect},
		ProtocolVersion: 5,
		ReasonCode:      byte(why.Reason),
		Properties:      packets.Properties{ReasonString: why.Text, User: propertiesOf(why, maxPacket)},
		Mods:            packets.Mods{MaxSize: maxPacket},
	}
	var buf bytes.Buffer
	if err := pk.DisconnectEncode(&buf); err != nil || maxPacket > 0 && uint32(buf.Len()) > maxPacket {
		return nil
	}
	return buf.Bytes()
}

// Read implements net.Conn for mochi. It gets well-formed packets only, and each of
// them when the one before has been served; another ends the session.
func (s *session) Read(p []byte) (int, error) {
	if len(s.unread) == 0 {
		if err := s.pause(); err != nil {
			return 0, err
		}
		var err error
		if s.unread, s.cut, err = s.packets.Next(); err != nil {
			var refusal *proto.Refusal
			if errors.As(err, &refusal) {
				s.end(refusal)
			}
			return 0, err
		}
		s.intake.took(packetCost)
	}
	n := copy(p, s.unread)
	s.unread = s.unread[n:]
	return n, nil
}

// Write implements net.Conn for mochi, which writes one packet at a time.
// DISCONNECT is left out: finish sends it, last, and not to MQTT 3.1.1.
func (s *session) Write(packet []byte) (int, error) {
	if packet[0]>>4 == packets.Disconnect {
		return len(packet), nil
	}
	err := s.answer(bytes.Clone(packet))
	if errors.Is(err, errQueueFull) {
		s.endSlow()
	}
	if err != nil {
		return 0, err
	}
	return len(packet), nil
}

// endSlow ends the session of one who takes too little and cannot be told so
// otherwise.
func (s *session) endSlow() {
	s.broker.metrics.slow.Inc()
	s.end(proto.Refuse(proto.QuotaExceeded, "the connection reads too slowly: connect again and ask for what was missed").Named("too-slow"))
}

// refused counts and logs a refusal.
func (s *session) refused(packet string, why *proto.Refusal) {
	s.broker.metrics.refused(packet, why.Reason)
	s.log.Warn(packet+" refused", "code", fmt.Sprintf("0x%02X", byte(why.Reason)), "reason", why.Text)
}
