package broker

import (
	"context"
	"crypto/rand"
	"errors"
	"strconv"
	"strings"
	"time"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"

	"parley/proto"
)

// maxClientID is the longest client id, in bytes.
const maxClientID = 128

// login is what a CONNECT asked for, before mochi gets to see it.
type login struct {
	user     string
	token    string
	clientID string
	clean    bool
	will     bool
	method   string // of enhanced authentication
}

// connectRefused is the refusal that a CONNACK has told already.
type connectRefused struct{ *proto.Refusal }

// readConnect takes from a CONNECT what is not for mochi: who it is, and all that
// would outlive the connection. What mochi would take over, resume or log is
// then not there. What is wrong with it is judged by connect, which can answer.
func (s *session) readConnect(cl *mqtt.Client, pk packets.Packet) packets.Packet {
	c := &pk.Connect
	if s.login == nil {
		s.login = &login{
			user:     string(c.Username),
			token:    string(c.Password),
			clientID: strings.Clone(c.ClientIdentifier),
			clean:    c.Clean,
			will:     c.WillFlag,
			method:   strings.Clone(pk.Properties.AuthenticationMethod),
		}
		s.client, s.version, s.maxPacket = cl, pk.ProtocolVersion, pk.Properties.MaximumPacketSize
	} // else a second CONNECT: mochi ends the connection
	*c = packets.ConnectParams{
		ProtocolName:     c.ProtocolName,
		ClientIdentifier: rand.Text(),
		Keepalive:        c.Keepalive,
		Clean:            true,
	}
	if longest := uint16(s.broker.config.KeepAlive / time.Second); c.Keepalive == 0 || c.Keepalive > longest {
		c.Keepalive = longest
		cl.State.ServerKeepalive = true
	}
	p := &pk.Properties
	*p = packets.Properties{
		RequestProblemInfo:     p.RequestProblemInfo,
		RequestProblemInfoFlag: p.RequestProblemInfoFlag,
		ReceiveMaximum:         p.ReceiveMaximum,
		MaximumPacketSize:      p.MaximumPacketSize,
	}
	if s.login.clientID == "" && s.login.clean {
		s.login.clientID = s.login.user + "-" + strings.ToLower(rand.Text())
		p.AssignedClientID = s.login.clientID
	}
	return pk
}

// connect judges the CONNECT and, if all is right, makes the session known. A
// refusal is told in the CONNACK.
func (s *session) connect(cl *mqtt.Client) error {
	user, refusal := s.login.validate()
	if refusal == nil {
		refusal = s.authenticate(user)
	}
	if refusal == nil {
		refusal = s.register()
	}
	s.login.token = ""
	if refusal == nil {
		s.broker.metrics.connects.Inc()
		s.log.Info("connected", "mqtt", s.version)
		return nil
	}
	s.refused("connect", refusal)
	code := byte(refusal.Reason)
	if s.version < 5 {
		code = connectCode311(refusal.Reason)
	}
	if err := cl.WritePacket(packets.Packet{
		FixedHeader: packets.FixedHeader{Type: packets.Connack},
		ReasonCode:  code,
		Properties:  packets.Properties{ReasonString: refusal.Text, User: propertiesOf(refusal, s.maxPacket)},
	}); err != nil {
		return err
	}
	return connectRefused{refusal}
}

// validate checks all but the token.
func (l *login) validate() (user uint64, _ *proto.Refusal) {
	user, ok := proto.ParseID(l.user)
	switch {
	case l.will:
		return 0, proto.Refuse(proto.ImplementationSpecific, "this server keeps no will: connect without one")
	case l.method != "":
		return 0, proto.Refuse(badAuthentication, "this server has no enhanced authentication: send the token as password")
	case !ok:
		return 0, proto.Refuse(proto.BadUserNameOrPassword, "the user name must be the user id in decimal")
	case l.token == "":
		return 0, proto.Refuse(proto.BadUserNameOrPassword, "the password must be the user's token")
	case l.clientID == "":
		return 0, proto.Refuse(invalidClientID, "without a client id, a clean session is required")
	case !strings.HasPrefix(l.clientID, l.user+"-"):
		return 0, proto.Refuse(invalidClientID, "the client id must begin with the user id and a hyphen")
	case len(l.clientID) > maxClientID:
		return 0, proto.Refuse(invalidClientID, "the client id may have %d bytes at most", maxClientID)
	}
	return user, nil
}

// authenticate asks the Backend whether the token is the user's.
func (s *session) authenticate(user uint64) *proto.Refusal {
	ctx, cancel := context.WithTimeout(s.broker.ctx, s.broker.config.ConnectTimeout)
	defer cancel()
	s.broker.claim(s, user)
	sender, expires, err := s.broker.config.Backend.Authenticate(ctx, user, s.login.token)
	var refusal *proto.Refusal
	switch {
	case errors.As(err, &refusal) && refusal.Reason == proto.NotAuthorized:
		told := *refusal
		told.Reason = proto.BadUserNameOrPassword
		return &told
	case errors.As(err, &refusal):
		return refusal
	case err != nil:
		s.log.Error("authentication failed", "user", user, "error", err)
		return proto.Refuse(serverUnavailable, "the server could not check the token now: connect again in some seconds").Named("try-again")
	case !expires.IsZero() && !time.Now().Before(expires):
		return proto.Refuse(proto.BadUserNameOrPassword, "the token has expired: get a new one").Named("token-expired")
	}
	s.broker.prove(s, sender.Device)
	sender.User, sender.Client = user, s.login.clientID
	s.sender = sender
	s.log = s.log.With("user", strconv.FormatUint(user, 10), "client", sender.Client)
	if !expires.IsZero() {
		s.expiry = time.AfterFunc(time.Until(expires), func() {
			s.end(proto.Refuse(proto.NotAuthorized, "the token has expired: get a new one and connect again").Named("token-expired"))
		})
	}
	return nil
}

// register gives the session its place among the user's, in which it may take
// over from an older one with the same client id [MQTT-3.1.4-3].
func (s *session) register() *proto.Refusal {
	older, refusal := s.broker.users.add(s)
	if refusal != nil {
		return refusal
	}
	if refusal = s.broker.identify(s, older); refusal == nil {
		refusal = s.announce()
	}
	if refusal != nil {
		s.broker.users.remove(s)
		s.user = nil
	}
	if older != nil {
		older.end(proto.Refuse(proto.SessionTakenOver, "another connection uses the same client id").Named("taken-over"))
	}
	return refusal
}

// announce tells the Backend of the connection.
func (s *session) announce() (refusal *proto.Refusal) {
	ctx, cancel := context.WithTimeout(s.broker.ctx, s.broker.config.ConnectTimeout)
	defer cancel()
	mark, err := s.broker.config.Backend.Connected(ctx, s.sender)
	s.mark.Store(mark)
	if err != nil && !errors.As(err, &refusal) {
		s.log.Error("a connection could not be announced", "error", err)
		refusal = proto.Refuse(serverUnavailable, "the server could not take the connection now: connect again in some seconds").Named("try-again")
	}
	return refusal
}

// connectCode311 is the return code of MQTT 3.1.1, section 3.2.2.3, for a reason.
func connectCode311(reason proto.Reason) byte {
	switch reason {
	case unsupportedVersion:
		return 1
	case invalidClientID:
		return 2
	case proto.BadUserNameOrPassword:
		return 4
	}
	if reason.Temporary() || reason == serverUnavailable {
		return 3
	}
	return 5
}

// acceptance completes the CONNACK that accepts.
func acceptance(pk packets.Packet) packets.Packet {
	p := &pk.Properties
	p.SessionExpiryInterval, p.SessionExpiryIntervalFlag = 0, true
	p.RetainAvailable, p.RetainAvailableFlag = 0, true
	p.SharedSubAvailable, p.SharedSubAvailableFlag = 0, true
	p.MaximumPacketSize = proto.MaxPacket
	return pk
}
