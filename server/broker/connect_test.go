package broker

import (
	"context"
	"encoding/binary"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/eclipse/paho.golang/packets"
	"github.com/eclipse/paho.golang/paho"

	"parley/proto"
)

// property makes a property with a four byte value.
func property(id byte, value uint32) []byte {
	return binary.BigEndian.AppendUint32([]byte{id}, value)
}

func TestWhatCONNECTMustNotAskForIsRefusedWithAReason(t *testing.T) {
	b, back := newBroker(t, nil)
	url := serve(t, b)
	other := join(t, url, 8, "a")
	for name, test := range map[string]struct {
		change func(*connectPacket)
		code   byte
		v311   byte
		says   string
	}{
		"a wrong token":              {func(c *connectPacket) { c.password = "wrong" }, 0x86, 4, "the token is not valid: sign in again"},
		"another's token":            {func(c *connectPacket) { c.password = tokenOf(8) }, 0x86, 4, "the token is not valid: sign in again"},
		"no password":                {func(c *connectPacket) { c.flags &^= flagPassword }, 0x86, 4, "password"},
		"an empty password":          {func(c *connectPacket) { c.password = "" }, 0x86, 4, "password"},
		"no user name":               {func(c *connectPacket) { c.flags &^= flagUser }, 0x86, 4, "user name"},
		"a user name with a sign":    {func(c *connectPacket) { c.user = "+7" }, 0x86, 4, "decimal"},
		"a user name past 64 bits":   {func(c *connectPacket) { c.user = "18446744073709551616" }, 0x86, 4, "decimal"},
		"another's client id":        {func(c *connectPacket) { c.clientID = "8-a" }, 0x85, 2, "begin with the user id"},
		"a longer id's prefix":       {func(c *connectPacket) { c.clientID = "77-a" }, 0x85, 2, "begin with the user id"},
		"a client id too long":       {func(c *connectPacket) { c.clientID += strings.Repeat("x", maxClientID) }, 0x85, 2, "128 bytes"},
		"a session without an id":    {func(c *connectPacket) { c.clientID, c.flags = "", c.flags&^flagClean }, 0x85, 2, "clean session"},
		"an authenticator in need":   {func(c *connectPacket) { c.password = "broken" }, 0x88, 3, "again in some seconds"},
		"MQTT 3.1":                   {func(c *connectPacket) { c.name, c.version = "MQIsdp", 3 }, 0, 1, ""},
		"a will":                     {func(c *connectPacket) { c.setWill(0, "gone") }, 0x83, 5, "will"},
		"a will and a wrong token":   {func(c *connectPacket) { c.setWill(0, "gone"); c.password = "wrong" }, 0x83, 5, "will"},
		"a retained will":            {func(c *connectPacket) { c.setWill(flagWillRetain, "gone") }, 0x83, 5, "will"},
		"a will that says nothing":   {func(c *connectPacket) { c.setWill(0, "") }, 0x83, 5, "will"},
		"enhanced authentication":    {func(c *connectPacket) { c.properties = text([]byte{packets.PropAuthMethod}, "SCRAM") }, 0x8C, 0, "enhanced authentication"},
		"no more than the user's id": {func(c *connectPacket) { c.clientID = "7" }, 0x85, 2, "hyphen"},
		"and problem information is not wanted": {func(c *connectPacket) {
			c.password = "wrong"
			c.properties = []byte{packets.PropRequestProblemInfo, 0} // this is not about CONNACK [MQTT-3.1.2-29]
		}, 0x86, 0, "the token is not valid"},
	} {
		t.Run(name, func(t *testing.T) {
			if test.code != 0 {
				c := hello(7, "a")
				test.change(c)
				p := newPeer(t, dial(t, url))
				p.send(c.bytes())
				ack := p.connack()
				if ack.ReasonCode != test.code || !strings.Contains(ack.Properties.ReasonString, test.says) {
					t.Errorf("MQTT 5: CONNACK 0x%02X %q, want 0x%02X and %q", ack.ReasonCode, ack.Properties.ReasonString, test.code, test.says)
				}
				p.ended()
			}
			if test.v311 != 0 {
				c := hello(7, "a")
				c.version = 4
				test.change(c)
				p := newPeer(t, dial(t, url))
				p.send(c.bytes())
				if first, body := p.mustFrame(); first != 0x20 || len(body) != 2 || body[1] != test.v311 {
					t.Errorf("MQTT 3.1.1: %02x % x, want return code %d", first, body, test.v311)
				}
				p.ended()
			}
		})
	}
	other.alive()
	if b.Connections() != 1 {
		t.Errorf("%d connections, want the other's", b.Connections())
	}
	if got := back.published(); len(got) != 0 {
		t.Errorf("published %v", got)
	}
}

func (c *connectPacket) setWill(flags byte, payload string) {
	c.flags |= flagWill | flags
	if c.version == 5 {
		c.will = []byte{0}
	}
	c.will = text(text(c.will, "chat/8/up/message"), payload)
}

func TestCONNACKSaysWhatTheServerDoes(t *testing.T) {
	b, _ := newBroker(t, nil)
	p := newPeer(t, dial(t, serve(t, b)))
	c := hello(7, "a")
	c.flags &^= flagClean
	c.properties = append(property(packets.PropSessionExpiryInterval, 3600), packets.PropTopicAliasMaximum, 0, 9)
	p.send(c.bytes())
	ack := p.connack()
	got := ack.Properties
	switch {
	case ack.ReasonCode != 0 || ack.SessionPresent:
		t.Errorf("CONNACK 0x%02X, session present %v", ack.ReasonCode, ack.SessionPresent)
	case got.SessionExpiryInterval == nil || *got.SessionExpiryInterval != 0:
		t.Error("it does not say that no session is kept")
	case got.MaximumPacketSize == nil || *got.MaximumPacketSize != proto.MaxPacket:
		t.Error("it does not tell the maximum packet size")
	case got.RetainAvailable == nil || *got.RetainAvailable != 0:
		t.Error("it does not say that nothing is retained")
	case got.SharedSubAvailable == nil || *got.SharedSubAvailable != 0:
		t.Error("it does not say that there are no shared subscriptions")
	case got.TopicAliasMaximum != nil && *got.TopicAliasMaximum != 0:
		t.Error("it allows topic aliases")
	case got.ServerKeepAlive != nil:
		t.Error("it changes a keep alive of 60 s")
	case got.AssignedClientID != "":
		t.Error("it assigns a client id")
	}
}

func TestAClientWithoutAnIDIsGivenOneOfItsUser(t *testing.T) {
	b, back := newBroker(t, nil)
	url := serve(t, b)
	ids := map[string]bool{}
	for range 2 {
		p := newPeer(t, dial(t, url))
		c := hello(7, "")
		c.clientID = ""
		p.send(c.bytes())
		id := p.connack().Properties.AssignedClientID
		if !strings.HasPrefix(id, "7-") || len(id) < 20 {
			t.Errorf("assigned client id %q", id)
		}
		ids[id] = true
		p.send(publishPacket(5, qos1, "chat/7/up/message", 1, nil, "hi"))
		p.puback()
	}
	if len(ids) != 2 || b.Connections() != 2 {
		t.Errorf("%d ids, %d connections, want 2 and 2", len(ids), b.Connections())
	}
	if from := back.published()[0].from; !ids[from.Client] || from.User != 7 || from.Name != "somebody" {
		t.Errorf("the sender is %+v", from)
	}
}

func TestAKeepAliveOfNoneOrTooLongIsReplaced(t *testing.T) {
	b, _ := newBroker(t, nil)
	url := serve(t, b)
	for _, asked := range []uint16{0, 301, 65535} {
		p := newPeer(t, dial(t, url))
		c := hello(7, "a")
		c.keepAlive = asked
		p.send(c.bytes())
		if got := p.connack().Properties.ServerKeepAlive; got == nil || *got != 300 {
			t.Errorf("keep alive %d: the server's is %v, want 300", asked, got)
		}
	}
}

func TestNothingIsKeptOfASession(t *testing.T) {
	b, _ := newBroker(t, nil)
	url := serve(t, b)
	for version, bye := range map[byte][]byte{
		4: nil,
		// A DISCONNECT that asks again for the session to be kept is no error either.
		5: append([]byte{0, 5}, property(packets.PropSessionExpiryInterval, 3600)...),
	} {
		c := hello(7, "a")
		c.version = version
		c.flags &^= flagClean
		c.properties = property(packets.PropSessionExpiryInterval, 3600)
		for range 2 {
			p := newPeer(t, dial(t, url))
			p.send(c.bytes())
			if _, body := p.mustFrame(); body[0] != 0 || body[1] != 0 {
				t.Errorf("MQTT version %d: CONNACK % x, want accepted and no session present", version, body)
			}
			b.Publish(7, proto.BranchMessage, []byte("for a subscriber"))
			p.alive() // and no PUBLISH before the PINGRESP
			p.send(subscribePacket(version, 0, "chat/7/down/#"))
			p.mustFrame()
			p.send(framed(0xE0, bye))
			p.ended()
		}
	}
	waitFor(t, func() bool { return b.mqtt.Clients.Len() == 0 })
	if subs := b.mqtt.Topics.Subscribers("chat/7/down/message").Subscriptions; len(subs) != 0 {
		t.Errorf("mochi keeps %d subscriptions", len(subs))
	}
}

func TestTheSameClientIDTakesOverAndCountsOnce(t *testing.T) {
	b, _ := newBroker(t, func(c *Config) { c.MaxPerUser = 1 })
	url := serve(t, b)
	older := join(t, url, 7, "a")
	older.subscribe("chat/7/down/#")
	newer := join(t, url, 7, "a")
	if code, text := older.disconnected(); code != 0x8E || text == "" {
		t.Errorf("the older got DISCONNECT 0x%02X %q, want 0x8E", code, text)
	}
	b.Publish(7, proto.BranchMessage, []byte("for a subscriber"))
	newer.alive() // it has not inherited the subscription
	if b.Connections() != 1 {
		t.Errorf("%d connections, want 1", b.Connections())
	}
}

func TestAUserHasSoManyConnectionsAndNoMore(t *testing.T) {
	b, _ := newBroker(t, func(c *Config) { c.MaxPerUser = 2 })
	url := serve(t, b)
	first := join(t, url, 7, "a")
	join(t, url, 7, "b")
	join(t, url, 8, "a") // another user's do not count

	c := hello(7, "c")
	p := newPeer(t, dial(t, url))
	p.send(c.bytes())
	if ack := p.connack(); ack.ReasonCode != 0x97 || !strings.Contains(ack.Properties.ReasonString, "2 connections") {
		t.Errorf("CONNACK 0x%02X %q, want 0x97", ack.ReasonCode, ack.Properties.ReasonString)
	}
	p.ended()
	c.version = 4
	p = newPeer(t, dial(t, url))
	p.send(c.bytes())
	if _, body := p.mustFrame(); body[1] != 3 {
		t.Errorf("return code %d, want 3", body[1])
	}

	first.send([]byte{0xE0, 0})
	first.ended()
	waitFor(t, func() bool { return b.Connections() == 2 })
	join(t, url, 7, "c")
}

func TestTheConnectionEndsWithItsToken(t *testing.T) {
	b, back := newBroker(t, nil)
	back.expires = time.Now().Add(300 * time.Millisecond)
	url := serve(t, b)
	p := join(t, url, 7, "a")
	if code, text := p.disconnected(); code != 0x87 || !strings.Contains(text, "expired") {
		t.Errorf("DISCONNECT 0x%02X %q, want 0x87", code, text)
	}
	waitFor(t, func() bool { return b.Connections() == 0 })

	p = newPeer(t, dial(t, url))
	p.send(hello(7, "a").bytes())
	if ack := p.connack(); ack.ReasonCode != 0x86 {
		t.Errorf("with an expired token: CONNACK 0x%02X, want 0x86", ack.ReasonCode)
	}
}

func TestTheStandardClientOfMQTT5Connects(t *testing.T) {
	b, _ := newBroker(t, nil)
	var c net.Conn = packets.NewThreadSafeConn(dial(t, serve(t, b)))
	got := make(chan *paho.Publish, 1)
	client := paho.NewClient(paho.ClientConfig{
		Conn: c,
		OnPublishReceived: []func(paho.PublishReceived) (bool, error){func(r paho.PublishReceived) (bool, error) {
			got <- r.Packet
			return true, nil
		}},
	})
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if _, err := client.Connect(ctx, &paho.Connect{
		ClientID: "7-a", Username: "7", UsernameFlag: true, Password: []byte(tokenOf(7)), PasswordFlag: true,
		CleanStart: true, KeepAlive: 30, Properties: &paho.ConnectProperties{RequestProblemInfo: true},
	}); err != nil {
		t.Fatal(err)
	}
	if _, err := client.Subscribe(ctx, &paho.Subscribe{Subscriptions: []paho.SubscribeOptions{{Topic: "chat/7/down/#", QoS: 1}}}); err != nil {
		t.Fatal(err)
	}
	for _, qos := range []byte{1, 2} {
		ack, err := client.Publish(ctx, &paho.Publish{
			Topic: "chat/7/up/message", QoS: qos, Payload: []byte("hi"),
			Properties: &paho.PublishProperties{ContentType: proto.ContentType, CorrelationData: []byte("ref")},
		})
		if err != nil || ack.ReasonCode != 0 {
			t.Fatalf("QoS %d: %+v, %v", qos, ack, err)
		}
	}
	b.Publish(7, proto.BranchMessage, []byte("hello"))
	select {
	case p := <-got:
		if string(p.Payload) != "hello" || p.Topic != "chat/7/down/message" || p.QoS != 0 || p.Properties.ContentType != proto.ContentType {
			t.Errorf("got %+v", p)
		}
	case <-ctx.Done():
		t.Error("no delivery")
	}
	if err := client.Disconnect(&paho.Disconnect{}); err != nil {
		t.Error(err)
	}
}

// waitFor waits until something is so that no packet tells.
func waitFor(t testing.TB, so func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !so(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("it did not come to be")
		}
	}
}
