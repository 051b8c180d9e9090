package broker

import (
	"fmt"
	"strings"
	"testing"

	"github.com/eclipse/paho.golang/packets"

	"parley/proto"
	"parley/server/broker/packet"
)

func TestAUserSubscribesToItsOwnBranchesDownAndNothingElse(t *testing.T) {
	b, _ := newBroker(t, nil)
	p := join(t, serve(t, b), 7, "a")
	granted := []string{"chat/7/down/#", "chat/7/down/message", "chat/7/down/service", "chat/7/down/mark", "chat/7/down/unread", "chat/7/down/typing"}
	refused := []string{"#", "+", "+/+/+/+", "chat/#", "chat/+/down/#", "chat/7/#", "chat/7/+/message", "chat/7/down/+", "chat/7/down",
		"chat/8/down/#", "chat/8/down/message", "chat/7/up/#", "chat/7/up/message", "chat/7/down/sync", "$SYS/#", "$SYS/broker/version",
		"$share/g/chat/7/down/#", "$SHARE/g/chat/8/up/message", "chat/07/down/#"}
	ack := p.subscribe(granted...)
	for i, code := range ack.Reasons {
		if code != 0 {
			t.Errorf("%s: 0x%02X, want granted QoS 0", granted[i], code)
		}
	}
	ack = p.subscribe(refused...)
	for i, code := range ack.Reasons {
		if code != 0x87 {
			t.Errorf("%s: 0x%02X, want 0x87", refused[i], code)
		}
	}
	if got := ack.Properties.ReasonString; !strings.Contains(got, "chat/7/down/#") {
		t.Errorf("reason string %q", got)
	}
	for _, code := range p.subscribe("", "chat/#/down", "$share", "$share/", "$share/g").Reasons {
		if code != 0x8F {
			t.Errorf("malformed filter: 0x%02X, want 0x8F", code)
		}
	}
	b.Publish(8, proto.BranchMessage, []byte("for another"))
	p.alive()
}

func TestAPacketHasSoManyFiltersAndNoMore(t *testing.T) {
	b, _ := newBroker(t, nil)
	url := serve(t, b)
	filters := make([]string, packet.MaxFilters+1)
	for i := range filters {
		filters[i] = fmt.Sprint(i)
	}
	p := join(t, url, 7, "a")
	if got := len(p.subscribe(filters[1:]...).Reasons); got != packet.MaxFilters {
		t.Errorf("%d reason codes, want %d", got, packet.MaxFilters)
	}
	p.send(subscribePacket(5, 0, filters...))
	if code, text := p.disconnected(); code != 0x97 || !strings.Contains(text, "32 filters") {
		t.Errorf("DISCONNECT 0x%02X %q, want 0x97", code, text)
	}
}

func TestADeliveryComesOnceForSeveralSubscriptionsWithTheirIdentifiers(t *testing.T) {
	b, _ := newBroker(t, nil)
	p := join(t, serve(t, b), 7, "a")
	p.send(subscribePacket(5, 3, "chat/7/down/#"))
	want[packets.Suback](p)
	p.send(subscribePacket(5, 4, "chat/7/down/message"))
	want[packets.Suback](p)
	b.Publish(7, proto.BranchMessage, []byte("hello"))
	first, body := p.mustFrame()
	ids := []byte{packets.PropSubscriptionIdentifier, 3, packets.PropSubscriptionIdentifier, 4}
	if first != 0x30 || !strings.Contains(string(body), string(ids)) {
		t.Errorf("PUBLISH %02x % x, want identifiers 3 and 4", first, body)
	}
	p.alive()
}

func TestAfterUNSUBSCRIBENothingComes(t *testing.T) {
	b, _ := newBroker(t, nil)
	url := serve(t, b)
	p, other := join(t, url, 7, "a"), join(t, url, 8, "a")
	p.subscribe("chat/7/down/#", "chat/7/down/mark")
	other.subscribe("chat/8/down/#")
	body := []byte{0, 9, 0}
	for _, filter := range []string{"chat/7/down/#", "chat/8/down/#", "never", "$share", "", "$share/a"} {
		body = text(body, filter)
	}
	p.send(framed(0xA2, body))
	if ack := want[packets.Unsuback](p); string(ack.Reasons) != "\x00\x11\x11\x11\x11\x11" {
		t.Errorf("UNSUBACK % x", ack.Reasons)
	}
	b.Publish(7, proto.BranchMessage, []byte("hello"))
	p.alive()
	b.Publish(7, proto.BranchMark, []byte("mark")) // still subscribed to
	if got := want[packets.Publish](p); got.Topic != "chat/7/down/mark" {
		t.Errorf("got %+v", got)
	}
	b.Publish(8, proto.BranchMessage, []byte("hello"))
	want[packets.Publish](other)
}
