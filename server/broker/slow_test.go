package broker

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/eclipse/paho.golang/packets"

	"parley/proto"
)

// subscriber makes a connection that reads nothing by itself: a pipe has no buffer,
// so that all but what is being written stays in the queue, of 4 KiB.
func subscriber(t *testing.T, b *Broker, device string, filters ...string) *peer {
	p := pipe(t, b)
	p.connect(7, device)
	p.subscribe(filters...)
	return p
}

func slowBroker(t *testing.T) (*Broker, *backend) {
	return newBroker(t, func(c *Config) { c.Queue = 4096 })
}

// filler is a payload of 500 bytes that begins with a number.
func filler(i int) []byte {
	return append(fmt.Appendf(nil, "%d ", i), bytes.Repeat([]byte("x"), 496)...)[:500]
}

func (p *peer) wantFiller(i int) {
	p.t.Helper()
	if got := want[packets.Publish](p); !bytes.HasPrefix(got.Payload, fmt.Appendf(nil, "%d ", i)) {
		p.t.Fatalf("got %.20q on %s, want message %d", got.Payload, got.Topic, i)
	}
}

func TestASlowReaderGoesWithoutTypingAndPresenceFirst(t *testing.T) {
	for _, branch := range []proto.Branch{proto.BranchTyping, proto.BranchPresence} {
		synctest.Test(t, func(t *testing.T) {
			b, _ := slowBroker(t)
			p := subscriber(t, b, "a", "chat/7/down/#")
			b.Publish(7, branch, []byte("early"))
			synctest.Wait()
			for i := range 6 { // more than half of the queue, and less than all
				b.Publish(7, proto.BranchMessage, filler(i))
				synctest.Wait()
			}
			b.Publish(7, branch, []byte("late"))
			if got := want[packets.Publish](p); string(got.Payload) != "early" {
				t.Errorf("got %.20q, want what came while the queue was empty", got.Payload)
			}
			for i := range 6 {
				p.wantFiller(i)
			}
			b.Publish(7, branch, []byte("caught up"))
			if got := want[packets.Publish](p); string(got.Payload) != "caught up" {
				t.Errorf("got %.20q", got.Payload)
			}
			if missed := metric(t, b.metrics.missed); missed != 0 {
				t.Errorf("it missed something %v times, for a %s", missed, branch)
			}
		})
	}
}

func TestASlowReaderIsToldToSyncOnceItCaughtUpAndHoldsUpNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, _ := slowBroker(t)
		slow, quick := subscriber(t, b, "slow", "chat/7/down/#"), subscriber(t, b, "quick", "chat/7/down/#")
		for i := range 50 {
			b.Publish(7, proto.BranchMessage, filler(i))
			quick.wantFiller(i)
			synctest.Wait()
		}
		read := 0
		for ; ; read++ {
			got := want[packets.Publish](slow)
			if got.Topic == "chat/7/down/unread" {
				if string(got.Payload) != "sync" || got.QoS != 0 {
					t.Errorf("told %+v", got)
				}
				break
			}
			if !bytes.HasPrefix(got.Payload, fmt.Appendf(nil, "%d ", read)) {
				t.Fatalf("delivery %d is %.20q", read, got.Payload)
			}
		}
		if read == 0 || read > 9 {
			t.Errorf("it was told behind %d messages, want some of the queue before", read)
		}
		b.Publish(7, proto.BranchMessage, []byte("caught up"))
		for ; ; read++ { // what was queued before it missed something comes first
			got := want[packets.Publish](slow)
			if string(got.Payload) == "caught up" {
				break
			}
			if !bytes.HasPrefix(got.Payload, fmt.Appendf(nil, "%d ", read)) {
				t.Fatalf("delivery %d is %.20q", read, got.Payload)
			}
		}
		slow.alive()
		if missed, ended := metric(t, b.metrics.missed), metric(t, b.metrics.slow); missed != 1 || ended != 0 {
			t.Errorf("missed %v times, %v disconnected", missed, ended)
		}
	})
}

func TestAcknowledgementsAreNeverDroppedAndWaitForNoDeliveries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, _ := slowBroker(t)
		p := subscriber(t, b, "a", "chat/7/down/#")
		for i := range 20 {
			b.Publish(7, proto.BranchMessage, filler(i))
			synctest.Wait()
		}
		p.send(publishPacket(5, qos1, "chat/7/up/message", 1, nil, "hi"))
		p.send(subscribePacket(5, 0, "chat/7/down/typing"))
		p.send([]byte{0xC0, 0})
		synctest.Wait()
		p.wantFiller(0) // was being written
		if ack := p.puback(); ack.ReasonCode != 0 || ack.PacketID != 1 {
			t.Errorf("PUBACK %+v", ack)
		}
		want[packets.Suback](p)
		want[packets.Pingresp](p)
		p.wantFiller(1)
	})
}

func TestWhoCannotBeToldToSyncIsDisconnected(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, _ := slowBroker(t)
		p := subscriber(t, b, "a", "chat/7/down/message")
		for i := range 20 {
			b.Publish(7, proto.BranchMessage, filler(i))
			synctest.Wait()
		}
		for {
			switch got := p.packet().(type) {
			case *packets.Publish:
				continue
			case *packets.Disconnect:
				if got.ReasonCode != 0x97 || !strings.Contains(got.Properties.ReasonString, "too slowly") {
					t.Errorf("DISCONNECT %+v", got)
				}
			}
			break
		}
		p.ended()
	})
}

func TestWhoTakesNoAcknowledgementsIsDisconnected(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, _ := slowBroker(t)
		p := subscriber(t, b, "a", "chat/7/down/#")
		for i := range 200 {
			_ = p.SetWriteDeadline(time.Now().Add(time.Second))
			if _, err := p.Write(publishPacket(5, qos1, "chat/7/up/message", uint16(i+1), nil, "hi")); err != nil {
				break // nobody reads any more
			}
			synctest.Wait()
		}
		if ended := metric(t, b.metrics.slow); ended != 1 {
			t.Errorf("%v ended for reading too slowly, want 1", ended)
		}
	})
}

func TestAConnectionIsCutOffWhenItTakesNothingForAWhileAndNotBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, _ := newBroker(t, nil)
		p := subscriber(t, b, "a", "chat/7/down/#")
		p.waitLong()
		b.Publish(7, proto.BranchMessage, bytes.Repeat([]byte("x"), 16<<10))
		for range 40 { // 18 minutes at a byte every 27 s
			time.Sleep(27 * time.Second)
			if _, err := io.ReadFull(p.Conn, make([]byte, 1)); err != nil {
				t.Fatalf("it was cut off though it takes a little: %v", err)
			}
			p.send([]byte{0xC0, 0})
		}
		began := time.Now()
		for b.Connections() > 0 && time.Since(began) < time.Hour {
			time.Sleep(time.Second)
			p.keepAlive(t, b)
		}
		if took := time.Since(began); took < 25*time.Second || took > 36*time.Second {
			t.Errorf("it was cut off %v after it took something, want 30 s to 35 s", took)
		}
		synctest.Wait() // until the session has ended
		if ended := metric(t, b.metrics.disconnects.WithLabelValues("0x97")); ended != 1 {
			t.Errorf("%v disconnects by 0x97 are counted", ended)
		}
	})
}

// keepAlive sends a ping, if somebody still reads.
func (p *peer) keepAlive(t *testing.T, b *Broker) {
	t.Helper()
	if b.Connections() == 0 {
		return
	}
	_ = p.SetWriteDeadline(time.Now().Add(time.Millisecond))
	_, _ = p.Write([]byte{0xC0, 0}) // fails when the connection has just ended
}
