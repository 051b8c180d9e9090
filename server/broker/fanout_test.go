package broker

import (
	"bytes"
	"fmt"
	"net"
	"testing"

	"github.com/eclipse/paho.golang/packets"
	"github.com/prometheus/client_golang/prometheus"

	"parley/proto"
)

func metric(t testing.TB, c prometheus.Collector) float64 {
	t.Helper()
	registry := prometheus.NewRegistry()
	if err := registry.Register(c); err != nil {
		t.Fatal(err)
	}
	families, err := registry.Gather()
	if err != nil || len(families) != 1 {
		t.Fatal(families, err)
	}
	return families[0].Metric[0].GetCounter().GetValue()
}

func TestEverySubscribedConnectionOfTheUserGetsEachDeliveryInOrder(t *testing.T) {
	b, _ := newBroker(t, nil)
	url := serve(t, b)
	ones := []*peer{join(t, url, 7, "a"), join(t, url, 7, "b")}
	for _, p := range ones {
		p.subscribe("chat/7/down/#")
	}
	deaf := join(t, url, 7, "c")
	other := join(t, url, 8, "a")
	other.subscribe("chat/8/down/#")
	const n = 2000
	for i := range n {
		b.Publish(7, proto.BranchMessage, fmt.Append(nil, i))
	}
	for _, p := range ones {
		for i := range n {
			got := want[packets.Publish](p)
			if string(got.Payload) != fmt.Sprint(i) || got.Topic != "chat/7/down/message" || got.QoS != 0 || got.Retain ||
				got.Properties.ContentType != proto.ContentType {
				t.Fatalf("delivery %d is %+v", i, got)
			}
		}
	}
	deaf.alive()
	other.alive()
	if got := metric(t, b.metrics.deliveries); got != 2*n {
		t.Errorf("%v deliveries counted, want %d", got, 2*n)
	}
}

func TestAClientGetsNoPacketLargerThanItTakes(t *testing.T) {
	b, _ := newBroker(t, nil)
	p := newPeer(t, dial(t, serve(t, b)))
	c := hello(7, "a")
	c.properties = property(packets.PropMaximumPacketSize, 100)
	p.send(c.bytes())
	p.connack()
	p.subscribe("chat/7/down/#")
	b.Publish(7, proto.BranchMessage, bytes.Repeat([]byte("x"), 100))
	b.Publish(7, proto.BranchMessage, []byte("small"))
	if got := want[packets.Publish](p); string(got.Payload) != "small" {
		t.Errorf("got %q", got.Payload)
	}
	if got := metric(t, b.metrics.drops); got != 1 {
		t.Errorf("%v drops counted, want 1", got)
	}
	p.send([]byte{0, 0})
	if d := want[packets.Disconnect](p); d.ReasonCode != 0x82 { // the reason string fits
		t.Errorf("DISCONNECT %+v", d)
	}
}

func TestPublishingToManyWhoComeAndGoIsSafe(t *testing.T) {
	b, _ := newBroker(t, nil)
	stop := make(chan struct{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-stop:
				return
			default:
				b.Publish(7, proto.BranchMessage, []byte("hello"))
			}
		}
	}()
	for i := range 50 {
		ours, theirs := net.Pipe()
		go b.serve(theirs)
		p := newPeer(t, ours)
		p.connect(7, fmt.Sprint(i%3))
		p.send(subscribePacket(5, 0, "chat/7/down/#"))
		ours.Close()
	}
	close(stop)
	<-done
	waitFor(t, func() bool { return b.Connections() == 0 })
}
