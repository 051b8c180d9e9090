//go:build unix

package gateway

import (
	"context"
	"crypto/rand"
	"fmt"
	"net"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/eclipse/paho.golang/packets"
	"github.com/eclipse/paho.golang/paho"
	mqtt3 "github.com/eclipse/paho.mqtt.golang"
	"nhooyr.io/websocket"

	"parley/proto"
)

// inbox is what somebody was sent on down/message.
type inbox struct {
	mu       sync.Mutex
	messages []*proto.Message
}

func (i *inbox) add(t *testing.T, payload []byte) {
	m := new(proto.Message)
	if err := proto.Unmarshal(payload, m); err != nil {
		t.Error(err)
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.messages = append(i.messages, m)
}

// of returns what came of a conversation with somebody, each once, and checks that it
// came in order.
func (i *inbox) of(t *testing.T, user, peer uint64) (contents []string) {
	t.Helper()
	i.mu.Lock()
	defer i.mu.Unlock()
	last := uint64(0)
	for _, m := range i.messages {
		from, to := m.GetSenderId(), m.GetReceiverId()
		if !(from == user && to == peer) && !(from == peer && to == user) || m.GetSeq() <= last {
			continue // of another conversation, or a repeat
		}
		if m.GetSeq() != last+1 {
			t.Errorf("user %d got seq %d behind %d", user, m.GetSeq(), last)
		}
		last = m.GetSeq()
		if m.GetMessageId() == 0 || m.GetCreateTime() == 0 {
			t.Errorf("the echo has no id: %v", m)
		}
		contents = append(contents, m.GetContent())
	}
	return contents
}

// message is one on its way up; ref may be nil.
func message(to uint64, content string, ref []byte) []byte {
	payload, err := proto.Marshal(&proto.Message{
		MessageId: new(uint64), SenderId: new(uint64), CreateTime: new(uint64), ReceiverId: &to, Content: &content, ClientRef: ref,
	})
	if err != nil {
		panic(err)
	}
	return payload
}

func newRef() []byte {
	ref := make([]byte, proto.RefSize)
	_, _ = rand.Read(ref) // which never fails
	return ref
}

// client5 is a stock client of MQTT 5.
type client5 struct {
	*paho.Client
	inbox
	user uint64
	gone context.Context // is done when the connection ends, which Publish does not notice
}

// connect5 connects one to the external broker and subscribes.
func (s *site) connect5(user uint64) *client5 {
	s.t.Helper()
	conn, err := net.Dial("tcp", s.hosts()[0])
	if err != nil {
		s.t.Fatal(err)
	}
	return s.client5(user, conn)
}

// connectBrowser connects one as a browser does, to the embedded broker.
func (s *site) connectBrowser(user uint64) *client5 {
	s.t.Helper()
	ws, _, err := websocket.Dial(s.t.Context(), "ws://"+s.Address+"/mqtt", &websocket.DialOptions{Subprotocols: []string{"mqtt"}})
	if err != nil {
		s.t.Fatal(err)
	}
	return s.client5(user, websocket.NetConn(context.Background(), ws, websocket.MessageBinary))
}

func (s *site) client5(user uint64, conn net.Conn) *client5 {
	s.t.Helper()
	gone, end := context.WithCancel(s.t.Context())
	c := &client5{user: user, gone: gone}
	c.Client = paho.NewClient(paho.ClientConfig{
		OnClientError: func(error) { end() }, OnServerDisconnect: func(*paho.Disconnect) { end() },
		Conn: packets.NewThreadSafeConn(conn), PacketTimeout: patience,
		OnPublishReceived: []func(paho.PublishReceived) (bool, error){func(r paho.PublishReceived) (bool, error) {
			if r.Packet.Topic == proto.Down(user, proto.BranchMessage) {
				c.add(s.t, r.Packet.Payload)
			}
			if of, _, ok := proto.ParseDown(r.Packet.Topic); !ok || of != user {
				s.t.Errorf("user %d is sent %s", user, r.Packet.Topic)
			}
			return true, nil
		}},
	})
	name := strconv.FormatUint(user, 10)
	if _, err := c.Connect(s.t.Context(), &paho.Connect{
		ClientID: name + "-" + rand.Text(), CleanStart: true, KeepAlive: 60, Username: name, UsernameFlag: true, Password: []byte(s.tokens[user]), PasswordFlag: true,
	}); err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() {
		_ = c.Disconnect(&paho.Disconnect{}) // it may be gone
		conn.Close()
	})
	if _, err := c.Subscribe(s.t.Context(), &paho.Subscribe{Subscriptions: []paho.SubscribeOptions{{Topic: proto.DownFilter(user), QoS: 1}}}); err != nil {
		s.t.Fatal(err)
	}
	return c
}

// send sends and awaits the PUBACK.
func (c *client5) send(t *testing.T, payload, correlation []byte) {
	t.Helper()
	p := &paho.Publish{Topic: proto.Up(c.user, proto.BranchMessage), QoS: 1, Payload: payload}
	if correlation != nil {
		p.Properties = &paho.PublishProperties{CorrelationData: correlation}
	}
	if _, err := c.Publish(t.Context(), p); err != nil {
		t.Fatalf("user %d sends: %v", c.user, err)
	}
}

// client3 is a stock client of MQTT 3.1.1, which connects again and repeats by itself.
type client3 struct {
	mqtt3.Client
	inbox
	user uint64
}

// connect3 connects one to the external broker, with a session that is kept, and subscribes.
func (s *site) connect3(user uint64) *client3 {
	s.t.Helper()
	c := &client3{user: user}
	name := strconv.FormatUint(user, 10)
	o := mqtt3.NewClientOptions().SetClientID(name + "-three").SetUsername(name).SetPassword(s.tokens[user]).SetProtocolVersion(4).
		SetCleanSession(false).SetAutoReconnect(true).SetMaxReconnectInterval(time.Second).SetConnectRetry(true).SetConnectRetryInterval(time.Second).SetResumeSubs(true)
	for _, host := range s.hosts() {
		o.AddBroker("tcp://" + host)
	}
	c.Client = mqtt3.NewClient(o.SetDefaultPublishHandler(func(_ mqtt3.Client, m mqtt3.Message) {
		if m.Topic() == proto.Down(user, proto.BranchMessage) {
			c.add(s.t, m.Payload())
		}
	}))
	s.within("CONNACK", c.Connect())
	s.t.Cleanup(func() { c.Disconnect(0) })
	s.within("SUBACK", c.Subscribe(proto.DownFilter(user), 1, nil))
	return c
}

func (s *site) within(what string, token mqtt3.Token) {
	s.t.Helper()
	if !token.WaitTimeout(patience) {
		s.t.Fatalf("no %s within %v", what, patience)
	}
	if err := token.Error(); err != nil {
		s.t.Fatalf("no %s: %v", what, err)
	}
}

// send sends and awaits the PUBACK, over as many connections as it takes.
func (c *client3) send(payload []byte) error {
	token := c.Publish(proto.Up(c.user, proto.BranchMessage), 1, false, payload)
	if !token.WaitTimeout(patience) {
		return fmt.Errorf("user %d has no PUBACK within %v", c.user, patience)
	}
	return token.Error()
}
