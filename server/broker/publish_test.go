package broker

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/eclipse/paho.golang/packets"

	"parley/proto"
	"parley/server/broker/packet"
	"parley/server/logs"
)

func userProperties(p *packets.Properties) string {
	var all []string
	for _, u := range p.User {
		all = append(all, u.Key+"="+u.Value)
	}
	return strings.Join(all, " ")
}

const firstReceipt = "message-id=9223372036854775809 seq=1 create-time=1700000000000"

func TestAPUBACKCarriesWhatWasStored(t *testing.T) {
	b, back := newBroker(t, nil)
	p := join(t, serve(t, b), 7, "a")
	properties := append([]byte{packets.PropCorrelationData}, text(nil, "the ref")...)
	properties = append(append(properties, packets.PropUser), text(text(nil, "mine"), "not for the ack")...)
	p.send(publishPacket(5, qos1, "chat/7/up/message", 5, properties, "hi"))
	ack := p.puback()
	if ack.PacketID != 5 || ack.ReasonCode != 0 || userProperties(ack.Properties) != firstReceipt {
		t.Errorf("PUBACK %+v, %s", ack, userProperties(ack.Properties))
	}
	got := back.published()
	if len(got) != 1 || got[0].payload != "hi" || got[0].correlation != "the ref" || got[0].branch != proto.BranchMessage ||
		got[0].from.User != 7 || got[0].from.Client != "7-a" {
		t.Errorf("published %+v", got)
	}
	p.send(publishPacket(5, qos1, "chat/7/up/mark", 6, properties, "m"))
	if ack := p.puback(); ack.PacketID != 6 || ack.ReasonCode != 0 || len(ack.Properties.User) != 0 {
		t.Errorf("of a mark: PUBACK %+v", ack)
	}
}

func TestWithoutProblemInformationAPUBACKHasNoProperties(t *testing.T) {
	b, back := newBroker(t, nil)
	p := newPeer(t, dial(t, serve(t, b)))
	c := hello(7, "a")
	c.properties = []byte{packets.PropRequestProblemInfo, 0}
	p.send(c.bytes())
	p.connack()
	p.send(publishPacket(5, qos1, "chat/7/up/message", 1, nil, "hi"))
	if ack := p.puback(); ack.ReasonCode != 0 || len(ack.Properties.User) != 0 { // [MQTT-3.1.2-29]
		t.Errorf("PUBACK %+v", ack)
	}
	back.failWith(proto.Refuse(proto.NotAuthorized, "no"))
	p.send(publishPacket(5, qos1, "chat/7/up/message", 2, nil, "hi"))
	if ack := p.puback(); ack.ReasonCode != 0x87 || ack.Properties.ReasonString != "" {
		t.Errorf("PUBACK %+v", ack)
	}
}

func TestEachBranchUpReachesTheBackendAtEachQoS(t *testing.T) {
	b, back := newBroker(t, nil)
	p := join(t, serve(t, b), 7, "a")
	branches := []proto.Branch{proto.BranchMessage, proto.BranchService, proto.BranchMark, proto.BranchSync, proto.BranchTyping}
	for i, branch := range branches {
		id := uint16(2*i + 1)
		p.send(publishPacket(5, qos0, proto.Up(7, branch), 0, nil, "0"))
		p.send(publishPacket(5, qos1, proto.Up(7, branch), id, nil, "1"))
		if ack := p.puback(); ack.ReasonCode != 0 {
			t.Errorf("%s at QoS 1: PUBACK %+v", branch, ack)
		}
		p.send(publishPacket(5, qos2, proto.Up(7, branch), id+1, nil, "2"))
		if rec := want[packets.Pubrec](p); rec.ReasonCode != 0 {
			t.Errorf("%s at QoS 2: PUBREC %+v", branch, rec)
		}
		p.send([]byte{0x62, 2, 0, byte(id + 1)})
		want[packets.Pubcomp](p)
		got := back.published()[3*i:]
		for qos, g := range got {
			if g.branch != branch || g.payload != fmt.Sprint(qos) {
				t.Errorf("%s: published %+v", branch, g)
			}
		}
		if len(got) != 3 {
			t.Errorf("%s: %d publications, want 3", branch, len(got))
		}
	}
}

func TestAQoS2PublicationIsAnsweredByPUBRECAndItsDuplicateAlike(t *testing.T) {
	b, back := newBroker(t, nil)
	p := join(t, serve(t, b), 7, "a")
	for range 3 {
		p.send(publishPacket(5, qos2|dup, "chat/7/up/message", 9, nil, "hi"))
		rec := want[packets.Pubrec](p)
		if rec.PacketID != 9 || rec.ReasonCode != 0 || userProperties(rec.Properties) != firstReceipt {
			t.Errorf("PUBREC %+v, %s", rec, userProperties(rec.Properties))
		}
	}
	if got := back.published(); len(got) != 1 {
		t.Errorf("%d publications, want 1", len(got))
	}
	for _, code := range []byte{0, 0x92} { // once released, the packet id is unknown
		p.send([]byte{0x62, 2, 0, 9})
		if comp := want[packets.Pubcomp](p); comp.PacketID != 9 || comp.ReasonCode != code {
			t.Errorf("PUBCOMP %+v, want 0x%02X", comp, code)
		}
	}
	p.send(publishPacket(5, qos2, "chat/7/up/message", 9, nil, "next"))
	if rec := want[packets.Pubrec](p); rec.ReasonCode != 0 || !strings.Contains(userProperties(rec.Properties), "seq=2") {
		t.Errorf("PUBREC %+v", rec)
	}
}

func TestARefusedTopicIsToldWithAllThatMayBePublishedTo(t *testing.T) {
	b, back := newBroker(t, nil)
	p := join(t, serve(t, b), 7, "a")
	p.send(publishPacket(5, qos1, "chat/7/up/nothing", 1, nil, "hi"))
	says := p.puback().Properties.ReasonString
	named := strings.FieldsFunc(says[strings.Index(says, "up/")+len("up/"):strings.Index(says, " only")], func(r rune) bool { return r == ',' || r == ' ' })
	named = slices.DeleteFunc(named, func(word string) bool { return word == "and" })
	for i, branch := range named {
		p.send(publishPacket(5, qos1, "chat/7/up/"+branch, uint16(i+2), nil, "hi"))
		if ack := p.puback(); ack.ReasonCode != 0 {
			t.Errorf("%q is named by %q, and refused: %+v", branch, says, ack)
		}
	}
	for _, branch := range []proto.Branch{
		proto.BranchMessage, proto.BranchService, proto.BranchMark, proto.BranchSync, proto.BranchUnread,
		proto.BranchTyping, proto.BranchPresence, proto.BranchSettings, proto.BranchBlock, proto.BranchChoice,
	} {
		if _, _, may := proto.ParseUp(proto.Up(7, branch)); may != slices.Contains(named, string(branch)) {
			t.Errorf("%s may be published to: %t, and the refusal says %q", branch, may, says)
		}
	}
	if got := len(back.published()); got != len(named) {
		t.Errorf("the backend got %d of %d", got, len(named))
	}
}

func TestARefusalIsToldWithItsReasonAndTheConnectionStays(t *testing.T) {
	b, back := newBroker(t, nil)
	p := join(t, serve(t, b), 7, "a")
	wrapped := fmt.Errorf("chat: %w", proto.Refuse(proto.PayloadFormatInvalid, "content is missing"))
	for _, test := range []struct {
		topic string
		err   error
		code  byte
		says  string
	}{
		{"chat/7/up/message", wrapped, 0x99, "content is missing"},
		{"chat/7/up/message", proto.Refuse(proto.NotAuthorized, "no"), 0x87, "no"},
		{"chat/7/up/message", proto.Refuse(proto.UnspecifiedError, "again"), 0x80, "again"},
		// Codes that PUBACK may not carry.
		{"chat/7/up/message", proto.Refuse(proto.PacketTooLarge, "content is too long"), 0x99, "content is too long"},
		{"chat/7/up/message", proto.Refuse(proto.ServerBusy, "busy"), 0x97, "busy"},
		{"chat/7/up/message", proto.Refuse(proto.Success, "a refusal that is none"), 0x80, "send it again"},
		// What is no refusal is never told as success, nor with its words.
		{"chat/7/up/message", errors.New("disk full at /var/lib"), 0x80, "send it again"},
		{"chat/8/up/message", nil, 0x87, "chat/7/up/"},
		{"chat/7/down/message", nil, 0x87, "chat/7/up/"},
		{"chat/7/up/unread", nil, 0x87, "chat/7/up/"},
		{"chat/07/up/message", nil, 0x87, "chat/7/up/"},
		{"/chat/7/up/message", nil, 0x87, "chat/7/up/"},
		{"chat/7/up/message/", nil, 0x87, "chat/7/up/"},
		{"elsewhere", nil, 0x87, "chat/7/up/"},
		{"$SYS/broker/version", nil, 0x87, "chat/7/up/"},
		{"$share/g/chat/7/up/message", nil, 0x87, "chat/7/up/"},
	} {
		back.failWith(test.err)
		p.send(publishPacket(5, qos1, test.topic, 3, nil, "hi"))
		if ack := p.puback(); ack.PacketID != 3 || ack.ReasonCode != test.code || !strings.Contains(ack.Properties.ReasonString, test.says) {
			t.Errorf("%s, %v: PUBACK 0x%02X %q, want 0x%02X %q", test.topic, test.err, ack.ReasonCode, ack.Properties.ReasonString, test.code, test.says)
		}
		p.send(publishPacket(5, qos2, test.topic, 4, nil, "hi"))
		if rec := want[packets.Pubrec](p); rec.PacketID != 4 || rec.ReasonCode != test.code || !strings.Contains(rec.Properties.ReasonString, test.says) {
			t.Errorf("%s, %v: PUBREC 0x%02X %q, want 0x%02X %q", test.topic, test.err, rec.ReasonCode, rec.Properties.ReasonString, test.code, test.says)
		}
		p.send(publishPacket(5, qos0, test.topic, 0, nil, "hi"))
		p.alive()
	}
	if got := back.published(); len(got) != 0 {
		t.Errorf("published %+v", got)
	}
}

func TestWhatBreaksTheProtocolEndsTheConnectionWithTheReason(t *testing.T) {
	b, back := newBroker(t, nil)
	url := serve(t, b)
	other := join(t, url, 8, "a")
	for name, test := range map[string]struct {
		packet []byte
		code   byte
	}{
		"a retained publication":          {publishPacket(5, qos1|retain, "chat/7/up/message", 1, nil, "hi"), 0x9A},
		"a retained publication at QoS 0": {publishPacket(5, retain, "chat/7/up/message", 0, nil, "hi"), 0x9A},
		"a topic alias":                   {publishPacket(5, qos1, "chat/7/up/message", 1, []byte{packets.PropTopicAlias, 0, 1}, "hi"), 0x94},
		"an alias without a topic":        {publishPacket(5, qos1, "", 1, []byte{packets.PropTopicAlias, 0, 1}, "hi"), 0x94},
		"no topic":                        {publishPacket(5, qos1, "", 1, nil, "hi"), 0x82},
		"a wildcard in the topic":         {publishPacket(5, qos1, "chat/7/up/#", 1, nil, "hi"), 0x82},
		"a topic that is not UTF-8":       {publishPacket(5, qos1, "chat/\xff", 1, nil, "hi"), 0x81},
		"packet id 0":                     {publishPacket(5, qos1, "chat/7/up/message", 0, nil, "hi"), 0x82},
		"QoS 3":                           {publishPacket(5, qos1|qos2, "chat/7/up/message", 1, nil, "hi"), 0x81},
		"a publication of over 1 MiB":     {publishPacket(5, qos1, "chat/7/up/message", 1, nil, strings.Repeat("x", packet.MaxSkipped)), 0x95},
		"another packet too large":        {subscribePacket(5, 0, strings.Repeat("x", proto.MaxPacket-100), strings.Repeat("x", 100)), 0x95},
		"a length of 256 MB":              {[]byte{0x32, 0xff, 0xff, 0xff, 0x7f}, 0x95},
		"a second CONNECT":                {hello(7, "a").bytes(), 0x82},
		"AUTH":                            {[]byte{0xF0, 2, 0x18, 0}, 0x82},
		"a CONNACK":                       {[]byte{0x20, 3, 0, 0, 0}, 0x82},
		"a filter cut off":                {[]byte{0x82, 6, 0, 1, 0, 1, 'a', 0}, 0x81},
		"SUBSCRIBE with no filter":        {[]byte{0x82, 3, 0, 1, 0}, 0x82},
		"SUBSCRIBE with wrong flags":      {[]byte{0x80, 3, 0, 1, 0}, 0x81},
		"packet type 0":                   {[]byte{0, 0}, 0x82},
	} {
		t.Run(name, func(t *testing.T) {
			p := join(t, url, 7, "a")
			p.send(test.packet)
			if code, text := p.disconnected(); code != test.code || text == "" {
				t.Errorf("DISCONNECT 0x%02X %q, want 0x%02X", code, text, test.code)
			}
		})
	}
	other.alive()
	if got := back.published(); len(got) != 0 {
		t.Errorf("published %+v", got)
	}
}

// TestWhatMQTT311CannotBeToldIsAcknowledgedAndDropped has a publication per reason
// that will not go away. A client that got no acknowledgement would send it again
// for ever.
func TestWhatMQTT311CannotBeToldIsAcknowledgedAndDropped(t *testing.T) {
	b, back := newBroker(t, nil)
	p := join311(t, serve(t, b))
	for i, test := range []struct {
		name, topic, payload string
		flags                byte
		err                  error
		code                 string
	}{
		{"malformed", "chat/7/up/message", "hi", 0, proto.Refuse(proto.PayloadFormatInvalid, "no"), "0x99"},
		{"too long", "chat/7/up/message", "hi", 0, proto.Refuse(proto.PacketTooLarge, "no"), "0x95"},
		{"not allowed now", "chat/7/up/message", "hi", 0, proto.Refuse(proto.ImplementationSpecific, "no"), "0x83"},
		{"larger than a packet may be", "chat/7/up/message", strings.Repeat("x", 100_000), 0, nil, "0x95"},
		{"to another's topic", "chat/8/up/message", "hi", 0, nil, "0x87"},
		{"to no topic of chat", "elsewhere", "hi", 0, nil, "0x87"},
		{"to a topic of the server's", "$SYS/broker", "hi", 0, nil, "0x87"},
		{"retained", "chat/7/up/message", "hi", retain, nil, "0x9A"},
	} {
		back.failWith(test.err)
		before := metric(t, b.metrics.refusals.WithLabelValues("publish", test.code))
		id := byte(3*i + 1)
		p.send(publishPacket(4, qos0|test.flags, test.topic, 0, nil, test.payload))
		p.send(publishPacket(4, qos1|test.flags, test.topic, uint16(id), nil, test.payload))
		p.send(publishPacket(4, qos2|test.flags, test.topic, uint16(id+1), nil, test.payload))
		p.send(publishPacket(4, qos2|test.flags|dup, test.topic, uint16(id+1), nil, test.payload))
		p.send([]byte{0x62, 2, 0, id + 1})
		for _, want := range []string{"\x40\x00" + string(id), "\x50\x00" + string(id+1), "\x50\x00" + string(id+1), "\x70\x00" + string(id+1)} {
			if first, body := p.mustFrame(); string(first)+string(body) != want {
				t.Errorf("%s: got %02x % x, want % x", test.name, first, body, want)
			}
		}
		if got := metric(t, b.metrics.refusals.WithLabelValues("publish", test.code)) - before; got != 3 {
			t.Errorf("%s: %v refusals with code %s, want one for each of three publications", test.name, got, test.code)
		}
	}
	if got := back.published(); len(got) != 0 {
		t.Errorf("published %+v", got)
	}
	back.failWith(nil)
	p.send(publishPacket(4, qos1, "chat/7/up/message", 99, nil, "hi"))
	if first, body := p.mustFrame(); first != 0x40 || string(body) != "\x00\x63" || len(back.published()) != 1 {
		t.Errorf("what came after all that: %02x % x, published %+v", first, body, back.published())
	}
}

func TestAPublicationLargerThanAPacketIsRefusedAndTheConnectionStays(t *testing.T) {
	b, back := newBroker(t, nil)
	p := join(t, serve(t, b), 7, "a")
	for _, size := range []int{proto.MaxPacket, packet.MaxSkipped - 100} {
		payload := strings.Repeat("x", size)
		p.send(publishPacket(5, qos0, "chat/7/up/message", 0, nil, payload))
		p.send(publishPacket(5, qos1, "chat/7/up/message", 1, []byte{packets.PropTopicAlias, 0, 1}, payload))
		if ack := p.puback(); ack.PacketID != 1 || ack.ReasonCode != 0x99 || !strings.Contains(ack.Properties.ReasonString, "65536 bytes") {
			t.Errorf("%d bytes: PUBACK %+v", size, ack)
		}
		p.send(publishPacket(5, qos2, "chat/7/up/message", 2, nil, payload))
		if rec := want[packets.Pubrec](p); rec.PacketID != 2 || rec.ReasonCode != 0x99 {
			t.Errorf("%d bytes: PUBREC %+v", size, rec)
		}
	}
	p.send(publishPacket(5, qos1, "chat/7/up/message", 3, nil, "hi"))
	if ack := p.puback(); ack.ReasonCode != 0 || len(back.published()) != 1 {
		t.Errorf("what came after: PUBACK %+v, published %+v", ack, back.published())
	}
}

func TestAPacketOfJustTheMaximumSizeIsTaken(t *testing.T) {
	b, back := newBroker(t, nil)
	p := join(t, serve(t, b), 7, "a")
	empty := len(publishPacket(5, qos1, "chat/7/up/message", 1, nil, "")) + 2 // the length takes 3 bytes then
	largest := publishPacket(5, qos1, "chat/7/up/message", 1, nil, strings.Repeat("x", proto.MaxPacket-empty))
	if len(largest) != proto.MaxPacket {
		t.Fatalf("the packet has %d bytes", len(largest))
	}
	p.send(largest)
	if ack := p.puback(); ack.ReasonCode != 0 || len(back.published()) != 1 {
		t.Errorf("PUBACK %+v", ack)
	}
}

func TestAUserPublishesNoFasterThanTheRateOverAllConnections(t *testing.T) {
	b, back := newBroker(t, func(c *Config) { c.Rate, c.Burst = 0.001, 3 })
	url := serve(t, b)
	one, two := join(t, url, 7, "a"), join(t, url, 7, "b")
	for i, p := range []*peer{one, two, one} {
		p.send(publishPacket(5, qos1, "chat/7/up/message", uint16(i+1), nil, "hi"))
		if ack := p.puback(); ack.ReasonCode != 0 {
			t.Errorf("publication %d: PUBACK %+v", i, ack)
		}
	}
	for _, p := range []*peer{one, two} {
		p.send(publishPacket(5, qos1, "chat/7/up/message", 9, nil, "hi"))
		if ack := p.puback(); ack.ReasonCode != 0x97 || !strings.Contains(ack.Properties.ReasonString, "too fast, wait") {
			t.Errorf("past the burst: PUBACK 0x%02X %q", ack.ReasonCode, ack.Properties.ReasonString)
		}
	}
	one.send([]byte{0xE0, 0})
	two.send([]byte{0xE0, 0})
	waitFor(t, func() bool { return b.Connections() == 0 })
	again := join(t, url, 7, "a")
	again.send(publishPacket(5, qos1, "chat/7/up/message", 9, nil, "hi"))
	if ack := again.puback(); ack.ReasonCode != 0x97 {
		t.Errorf("connecting again grants another burst: PUBACK %+v", ack)
	}
	other := join(t, url, 8, "a")
	other.send(publishPacket(5, qos1, "chat/8/up/message", 1, nil, "hi"))
	if ack := other.puback(); ack.ReasonCode != 0 {
		t.Errorf("another user: PUBACK %+v", ack)
	}
	if got := len(back.published()); got != 4 {
		t.Errorf("%d publications, want 4", got)
	}
}

// join311 connects user 7 to b by MQTT 3.1.1.
func join311(t *testing.T, url string) *peer {
	t.Helper()
	p := newPeer(t, dial(t, url))
	p.version = 4
	c := hello(7, "a")
	c.version = 4
	p.send(c.bytes())
	if first, body := p.mustFrame(); first != 0x20 || string(body) != "\x00\x00" {
		t.Fatalf("CONNACK %02x % x", first, body)
	}
	return p
}

func TestMQTT311(t *testing.T) {
	b, back := newBroker(t, nil)
	url := serve(t, b)
	start := func(t *testing.T) *peer { return join311(t, url) }
	t.Run("publishes, subscribes and is delivered to", func(t *testing.T) {
		p := start(t)
		p.send(subscribePacket(4, 0, "chat/7/down/message", "chat/8/down/message", "#"))
		if first, body := p.mustFrame(); first != 0x90 || string(body) != "\x12\x34\x00\x80\x80" {
			t.Errorf("SUBACK %02x % x", first, body)
		}
		p.send(publishPacket(4, qos1, "chat/7/up/message", 5, nil, "hi"))
		if first, body := p.mustFrame(); first != 0x40 || string(body) != "\x00\x05" {
			t.Errorf("PUBACK %02x % x", first, body)
		}
		p.send(publishPacket(4, qos2, "chat/7/up/message", 6, nil, "hi"))
		if first, body := p.mustFrame(); first != 0x50 || string(body) != "\x00\x06" {
			t.Errorf("PUBREC %02x % x", first, body)
		}
		b.Publish(7, proto.BranchMessage, []byte("hello"))
		if first, body := p.mustFrame(); first != 0x30 || string(body) != string(text(nil, "chat/7/down/message"))+"hello" {
			t.Errorf("PUBLISH %02x % x", first, body)
		}
	})
	for name, refused := range map[string]error{
		"for now":         proto.Refuse(proto.UnspecifiedError, "again"),
		"for being quick": proto.Refuse(proto.QuotaExceeded, "wait"),
		"by an error":     errors.New("disk full"),
	} {
		t.Run("what is refused "+name+" is not acknowledged, nor what follows", func(t *testing.T) {
			back.failWith(nil)
			p := start(t)
			before := len(back.published())
			back.failWith(refused)
			first := publishPacket(4, qos1, "chat/7/up/message", 5, nil, "hi")
			p.send(append(first, publishPacket(4, qos1, "chat/8/up/message", 6, nil, "hi")...))
			p.ended()
			if got := len(back.published()); got != before {
				t.Errorf("%d publications, want %d", got, before)
			}
		})
	}
	t.Run("is not sent DISCONNECT when its session is taken over", func(t *testing.T) {
		p := start(t)
		start(t)
		p.ended()
	})
	t.Run("is not sent DISCONNECT after a malformed packet", func(t *testing.T) {
		p := start(t)
		p.send([]byte{0x82, 3, 0, 1, 0})
		p.ended()
	})
}

func TestAPublicationThatTakesTooLongIsRefused(t *testing.T) {
	b, back := newBroker(t, func(c *Config) { c.PublishTimeout = 20 * time.Millisecond })
	back.hold = make(chan struct{})
	p := join(t, serve(t, b), 7, "a")
	p.send(publishPacket(5, qos1, "chat/7/up/message", 1, nil, "hi"))
	if ack := p.puback(); ack.ReasonCode != 0x80 {
		t.Errorf("PUBACK %+v, want 0x80", ack)
	}
}

// TestWhatWouldPanicTheDecoderDoesNotReachIt sends what kills mochi as it is shipped.
func TestWhatWouldPanicTheDecoderDoesNotReachIt(t *testing.T) {
	b, _ := newBroker(t, nil)
	url := serve(t, b)
	for _, malformed := range [][]byte{
		{0x82, 6, 0, 1, 0, 0, 1, 'a'},                    // a filter without options
		{0x32, 7, 0, 1, 'a', 0, 1, 0x09, 0},              // properties past the end
		{0xA2, 6, 0, 1, 0x7F, 0, 1, 'a'},                 // likewise
		{0x82, 8, 0, 1, 3, 0x0B, 0xFF, 0xFF, 0xFF, 0x7F}, // an identifier past the end of the properties
	} {
		p := join(t, url, 7, "a")
		p.send(malformed)
		if code, text := p.disconnected(); code != 0x81 || !strings.Contains(text, "malformed") {
			t.Errorf("% x: DISCONNECT 0x%02X %q, want 0x81", malformed, code, text)
		}
	}
	waitFor(t, func() bool { return b.Connections() == 0 })
	if got := b.config.Faults.Count(); got != 0 {
		t.Errorf("%v panics were recovered from", got)
	}
}

// TestAPanicEndsItsConnectionAloneAndIsTold has a user who was refused so often that
// nothing more about that is logged.
func TestAPanicEndsItsConnectionAloneAndIsTold(t *testing.T) {
	log := &lines{}
	handler := logs.New(slog.NewTextHandler(log, nil))
	b, _ := newBroker(t, func(c *Config) { c.Log = slog.New(handler) })
	url := serve(t, b)
	other := join(t, url, 8, "a")
	const panics = 20
	for range panics {
		p := join(t, url, 7, "a")
		p.subscribe("chat/7/down/#")
		for range 10 {
			p.send(publishPacket(5, qos1, "chat/8/up/message", 1, nil, "hi"))
			p.puback()
		}
		p.send(publishPacket(5, qos1, "chat/7/up/message", 1, nil, "panic"))
		if code, _ := p.disconnected(); code != 0x81 {
			t.Errorf("DISCONNECT 0x%02X, want 0x81", code)
		}
	}
	other.alive()
	waitFor(t, func() bool { return b.Connections() == 1 && b.mqtt.Clients.Len() == 1 })
	if got := b.config.Faults.Count(); got != panics {
		t.Errorf("%v panics counted, want %d", got, panics)
	}
	if subs := b.mqtt.Topics.Subscribers("chat/7/down/message").Subscriptions; len(subs) != 0 {
		t.Errorf("mochi keeps %d subscriptions", len(subs))
	}
	handler.Close()
	if n := strings.Count(log.String(), "stack="); n != 1 || !strings.Contains(log.String(), `at="broker.(*backend).Publish `) {
		t.Errorf("%d stacks, want 1 with the place:\n%s", n, log)
	}
}

func TestARefusalForAWhileSaysHowLong(t *testing.T) {
	b, back := newBroker(t, nil)
	p := join(t, serve(t, b), 7, "a")
	for _, test := range []struct {
		wait time.Duration
		want string
	}{
		{0, ""}, {999 * time.Millisecond, ""}, {time.Second, "retry-after=1"}, {90*time.Minute + 1, "retry-after=5401"},
	} {
		back.failWith(proto.Refuse(proto.QuotaExceeded, "wait").In(test.wait))
		p.send(publishPacket(5, qos1, "chat/7/up/message", 1, nil, "hi"))
		if ack := p.puback(); ack.ReasonCode != 0x97 || ack.Properties.ReasonString != "wait" || userProperties(ack.Properties) != test.want {
			t.Errorf("%v: PUBACK %+v", test.wait, ack)
		}
		p.send(publishPacket(5, qos2, "chat/7/up/message", 2, nil, "hi"))
		if rec := want[packets.Pubrec](p); rec.ReasonCode != 0x97 || userProperties(rec.Properties) != test.want {
			t.Errorf("%v: PUBREC %+v", test.wait, rec)
		}
	}
	back.failWith(nil)
	p.send(publishPacket(5, qos1, "chat/7/up/message", 3, nil, "hi"))
	if ack := p.puback(); ack.ReasonCode != 0 || strings.Contains(userProperties(ack.Properties), "retry-after") {
		t.Errorf("PUBACK %+v", ack)
	}
}

func TestARefusalIsNamedByAWordWhereThereIsRoom(t *testing.T) {
	b, back := newBroker(t, nil)
	url := serve(t, b)
	why := proto.Refuse(proto.QuotaExceeded, "wait for it").Named("too-much", 64<<20, 90*time.Second).In(time.Minute)
	back.failWith(why)
	for room, test := range map[uint32]struct{ words, properties string }{
		1000: {"wait for it", "retry-after=60 code=too-much arg=67108864 arg=90"},
		60:   {"wait for it", "retry-after=60"},
		30:   {"wait for it", ""},
	} {
		p := newPeer(t, dial(t, url))
		c := hello(7, strconv.Itoa(int(room)))
		c.properties = property(packets.PropMaximumPacketSize, room)
		p.send(c.bytes())
		p.connack()
		p.send(publishPacket(5, qos1, "chat/7/up/message", 1, nil, "hi"))
		if ack := p.puback(); ack.ReasonCode != 0x97 || ack.Properties.ReasonString != test.words || userProperties(ack.Properties) != test.properties {
			t.Errorf("in %d bytes: PUBACK %+v %s, want %+v", room, ack, userProperties(ack.Properties), test)
		}
	}
}

func TestADisconnectIsNamedByAWordWhereThereIsRoom(t *testing.T) {
	why := proto.Refuse(proto.NotAuthorized, "the token has expired").Named("token-expired")
	for room, named := range map[uint32]bool{0: true, 100: true, 45: false} {
		p, err := packets.ReadPacket(bytes.NewReader(encodeDisconnect(why, room)))
		if err != nil {
			t.Fatalf("in %d bytes: %v", room, err)
		}
		d := p.Content.(*packets.Disconnect)
		if got := userProperties(d.Properties); d.Properties.ReasonString != why.Text || (got == "code=token-expired") != named {
			t.Errorf("in %d bytes: DISCONNECT %+v %s", room, d, got)
		}
	}
}
