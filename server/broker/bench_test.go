package broker

import (
	"fmt"
	"io"
	"math"
	"testing"
	"time"

	"parley/proto"
)

// BenchmarkFanout is what one Publish costs its caller, for connections over
// WebSockets that read as fast as they can.
func BenchmarkFanout(b *testing.B) {
	for _, n := range []int{1, 10, 1000} {
		b.Run(fmt.Sprintf("connections=%d", n), func(b *testing.B) {
			broker, _ := newBroker(b, func(c *Config) { c.MaxPerUser, c.Queue = n, math.MaxInt })
			url := serve(b, broker)
			for i := range n {
				p := join(b, url, 7, fmt.Sprint(i))
				p.subscribe("chat/7/down/#")
				_ = p.SetReadDeadline(time.Time{})
				go func() { _, _ = io.Copy(io.Discard, p.Conn) }() // ends with the test
			}
			payload := make([]byte, 200)
			b.ReportAllocs()
			for b.Loop() {
				broker.Publish(7, proto.BranchMessage, payload)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/delivery")
		})
	}
}

// BenchmarkAcknowledge is the round trip from PUBLISH to PUBACK over a WebSocket,
// with a Backend that stores nothing.
func BenchmarkAcknowledge(b *testing.B) {
	broker, _ := newBroker(b, func(c *Config) { c.Rate = math.Inf(1) })
	p := join(b, serve(b, broker), 7, "a")
	packet := publishPacket(5, qos1, "chat/7/up/typing", 1, nil, string(make([]byte, 200)))
	b.ReportAllocs()
	for b.Loop() {
		p.send(packet)
		p.mustFrame()
	}
}
