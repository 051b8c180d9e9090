package broker

import (
	"io"
	"net"
	"testing"
	"time"

	"parley/proto"
)

// FuzzConnection feeds a connection any bytes, as the first or after CONNECT. The
// process must live, the connection must end when the bytes do, and another
// connection must not notice.
func FuzzConnection(f *testing.F) {
	c311 := hello(7, "a")
	c311.version = 4
	will := hello(7, "a")
	will.setWill(0, "gone")
	for _, seed := range [][]byte{
		{0x82, 6, 0, 1, 0, 0, 1, 'a'}, // kills mochi as it is shipped
		{0x82, 6, 0, 1, 0, 1, 0x61},
		{0x10, 0xff, 0xff, 0xff, 0x7f},
		hello(7, "a").bytes(), c311.bytes(), will.bytes(),
		subscribePacket(5, 3, "chat/7/down/#", "$share/g/#"),
		framed(0xA2, text([]byte{0, 9, 0}, "$share/a")),
		publishPacket(5, qos2, "chat/7/up/message", 1, []byte{9, 0, 1, 'r', 38, 0, 1, 'k', 0, 1, 'v'}, "hi"),
		publishPacket(5, qos1|retain, "$SYS/a", 1, []byte{35, 0, 1}, "hi"),
		{0x62, 2, 0, 1}, {0x50, 2, 0, 1}, {0x70, 2, 0, 1}, {0xF0, 2, 0x18, 0}, {0xE0, 0}, {0xC0, 0},
	} {
		f.Add(seed, byte(0))
		f.Add(seed, byte(4))
		f.Add(seed, byte(5))
	}
	b, _ := newBroker(f, nil)
	other := pipe(f, b)
	other.connect(8, "a")
	other.subscribe("chat/8/down/#")
	f.Fuzz(func(t *testing.T, stream []byte, version byte) {
		other.t = t
		ours, theirs := net.Pipe()
		served := make(chan struct{})
		go func() {
			defer close(served)
			b.serve(theirs)
		}()
		read := make(chan struct{})
		go func() {
			defer close(read)
			_, _ = io.Copy(io.Discard, ours)
		}()
		_ = ours.SetWriteDeadline(time.Now().Add(patience))
		if version == 4 || version == 5 {
			c := hello(7, "a")
			c.version = version
			stream = append(c.bytes(), stream...)
		}
		_, _ = ours.Write(stream) // fails when the broker has ended the connection
		b.Publish(7, proto.BranchMessage, []byte("hello"))
		ours.Close()
		select {
		case <-served:
		case <-time.After(patience):
			t.Fatal("the connection is still served")
		}
		<-read
		b.Publish(8, proto.BranchMessage, []byte("hello"))
		if first, _ := other.mustFrame(); first != 0x30 {
			t.Fatalf("the other got %02x, want a PUBLISH", first)
		}
		if clients := b.mqtt.Clients.Len(); clients != 1 || b.Connections() != 1 {
			t.Fatalf("%d clients in mochi, %d connections: want the other", clients, b.Connections())
		}
	})
}
