package broker

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"math"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/eclipse/paho.golang/packets"

	"parley/proto"
	"parley/server/chat"
)

// pipes is a listener whose connections are pipes, for tests in a bubble.
type pipes struct {
	waiting chan net.Conn
	closed  chan struct{}
}

func (l *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-l.waiting:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}
func (l *pipes) Close() error   { close(l.closed); return nil }
func (l *pipes) Addr() net.Addr { return (&net.UnixAddr{Name: "pipe", Net: "pipe"}) }

// upgradeRequest opens a WebSocket.
const upgradeRequest = "GET /mqtt HTTP/1.1\r\nHost: example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
	"Sec-WebSocket-Protocol: mqtt\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"

// upgraded opens a WebSocket to b, over a pipe, and returns the client's end of it
// to be written frame by frame.
func upgraded(t *testing.T, b *Broker) (net.Conn, *bufio.Reader) {
	t.Helper()
	l := &pipes{waiting: make(chan net.Conn), closed: make(chan struct{})}
	server := &http.Server{Handler: b}
	go func() { _ = server.Serve(l) }() // until it is closed
	t.Cleanup(func() { server.Close() })
	ours, theirs := net.Pipe()
	t.Cleanup(func() { ours.Close() })
	l.waiting <- theirs
	if _, err := io.WriteString(ours, upgradeRequest); err != nil {
		t.Fatal(err)
	}
	r := bufio.NewReader(ours)
	if response, err := http.ReadResponse(r, nil); err != nil || response.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("%v, %v", response, err)
	}
	return ours, r
}

// heard is what a server's WebSocket frames held.
type heard struct {
	pongs   int
	packets bytes.Buffer // of MQTT
}

// listen reads frames of a server to the end of the connection.
func listen(r *bufio.Reader, each func(*heard)) *heard {
	var h heard
	for {
		head := make([]byte, 2)
		if _, err := io.ReadFull(r, head); err != nil {
			return &h
		}
		size := int(head[1])
		if size == 126 {
			long := make([]byte, 2)
			if _, err := io.ReadFull(r, long); err != nil {
				return &h
			}
			size = int(binary.BigEndian.Uint16(long))
		}
		payload := make([]byte, size)
		if _, err := io.ReadFull(r, payload); err != nil {
			return &h
		}
		switch head[0] {
		case 0x82:
			h.packets.Write(payload)
		case 0x8A:
			h.pongs++
		}
		each(&h)
	}
}

// last is the last packet of MQTT 5 that was heard, and how many PUBACKs of success
// came before.
func (h *heard) last(t *testing.T) (last any, acks int) {
	t.Helper()
	for h.packets.Len() > 0 {
		cp, err := packets.ReadPacket(&h.packets)
		if err != nil {
			t.Fatal(err)
		}
		last = cp.Content
		if ack, ok := last.(*packets.Puback); ok && ack.ReasonCode == 0 {
			acks++
		}
	}
	return last, acks
}

// TestAFloodOfSmallFramesIsSlowedDownAndThenEnded holds that not more is served than
// the rate allows, however much is sent.
func TestAFloodOfSmallFramesIsSlowedDownAndThenEnded(t *testing.T) {
	const perSecond, atOnce = (1 << 20) / frameCost, (4 << 20) / frameCost
	for name, flood := range map[string][]byte{
		"pings":              frame(pingFrame, nil),
		"pings with payload": frame(pingFrame, make([]byte, 125)),
		"pongs":              frame(0x8A, nil),
		"empty messages":     frame(binaryFrame, nil),
		"empty fragments":    frame(moreFrame, nil),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b, _ := newBroker(t, nil)
				c, r := upgraded(t, b)
				start := time.Now()
				sent, slowed := 0, false
				var writing sync.WaitGroup
				writing.Go(func() {
					first := frame(binaryFrame, hello(7, "a").bytes())
					if name == "empty fragments" {
						first = append(first, frame(0x02, nil)...)
					}
					_, _ = c.Write(first)
					many := bytes.Repeat(flood, 100)
					for time.Since(start) < time.Minute {
						began := time.Now()
						if _, err := c.Write(many); err != nil {
							return
						}
						slowed = slowed || time.Since(began) > 0
						sent += 100
					}
				})
				h := listen(r, func(*heard) {})
				c.Close()
				writing.Wait()
				took := time.Since(start)
				synctest.Wait() // until the session has ended
				// Within a control frame the library closes before DISCONNECT is written.
				if end, _ := h.last(t); name != "pings with payload" {
					if d, ok := end.(*packets.Disconnect); !ok || d.ReasonCode != 0x96 || !strings.Contains(d.Properties.ReasonString, "send fewer") {
						t.Errorf("the last packet is %+v, want DISCONNECT 0x96", end)
					}
				}
				if got := metric(t, b.metrics.disconnects.WithLabelValues("0x96")); got != 1 {
					t.Errorf("%v connections were ended with 0x96", got)
				}
				if !slowed {
					t.Error("it was not slowed down first")
				}
				if took < idlePatience*time.Second || took > 2*idlePatience*time.Second {
					t.Errorf("it was ended after %v", took)
				}
				if most := atOnce + perSecond*(int(took/time.Second)+2); sent > most || h.pongs > most {
					t.Errorf("%d frames were read and %d pongs written in %v, want %d at most", sent, h.pongs, took, most)
				}
			})
		})
	}
}

// TestAPingIsAnsweredLongAfterTheLastWrite holds that the time for one write does not
// run out for those that follow.
func TestAPingIsAnsweredLongAfterTheLastWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, _ := newBroker(t, nil)
		c, r := upgraded(t, b)
		go func() {
			_, _ = c.Write(frame(binaryFrame, hello(7, "a").bytes()))
			time.Sleep(time.Minute)
			_, _ = c.Write(frame(pingFrame, nil))
			time.Sleep(time.Second)
			c.Close()
		}()
		if h := listen(r, func(*heard) {}); h.pongs != 1 {
			t.Errorf("%d pongs, want 1", h.pongs)
		}
	})
}

func TestAFloodBeforeCONNECTEndsInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, _ := newBroker(t, nil)
		c, r := upgraded(t, b)
		start := time.Now()
		var writing sync.WaitGroup
		writing.Go(func() {
			for {
				if _, err := c.Write(frame(binaryFrame, nil)); err != nil {
					return
				}
			}
		})
		listen(r, func(*heard) {})
		if took := time.Since(start); took < 5*time.Second || took > 7*time.Second { // a pause may be going on, and closing takes up to 1 s
			t.Errorf("ended after %v, want about 5 s", took)
		}
		c.Close()
		writing.Wait()
	})
}

// TestHonestClientsAreNotSlowedDownUnlessTheySendVeryMuch sends what users send at
// most: a burst, a steady rate, and an outbox that was resumed.
func TestHonestClientsAreNotSlowedDownUnlessTheySendVeryMuch(t *testing.T) {
	for name, test := range map[string]struct {
		size, messages int
		every          time.Duration // 0: at once
		split          int           // a packet comes in so many frames
		slowed         bool
	}{
		"a burst of 1,000":                                      {200, 1000, 0, 1, false},
		"50 a second for 20 s, as long as may be":               {16 << 10, 1000, time.Second / 50, 1, false},
		"50 a second of a client that writes packets in pieces": {200, 1000, time.Second / 50, 7, false},
		"an outbox of 1,000, as long as may be":                 {16 << 10, 1000, 0, 1, true},
		"an outbox of 1,000 in pieces":                          {16 << 10, 1000, 0, 7, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b, _ := newBroker(t, nil)
				c, r := upgraded(t, b)
				var writing sync.WaitGroup
				writing.Go(func() {
					_, _ = c.Write(frame(binaryFrame, hello(7, "a").bytes()))
					for i := range test.messages {
						packet := publishPacket(5, qos1, "chat/7/up/message", uint16(i%60_000+1), nil, strings.Repeat("x", test.size))
						for piece := range test.split {
							_, _ = c.Write(frame(binaryFrame, packet[len(packet)*piece/test.split:len(packet)*(piece+1)/test.split]))
						}
						time.Sleep(test.every)
					}
					_, _ = c.Write(frame(binaryFrame, []byte{0xE0, 0}))
				})
				start := time.Now()
				h := listen(r, func(*heard) {})
				took := time.Since(start)
				c.Close()
				writing.Wait()
				if last, acks := h.last(t); acks != test.messages {
					t.Errorf("%d of %d messages were accepted; the last packet was %+v", acks, test.messages, last)
				}
				if slowed := metric(t, b.metrics.pauses) > 0; slowed != test.slowed {
					t.Errorf("slowed down: %v, want %v", slowed, test.slowed)
				}
				if most := time.Duration(test.messages)*test.every + 30*time.Second; took > most {
					t.Errorf("it took %v, want %v at most", took, most)
				}
			})
		})
	}
}

func TestTheKeepAliveDoesNotCutOffWhoIsSlowedDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, _ := newBroker(t, func(c *Config) { c.Intake, c.IntakeBurst = 2000, 10_000 })
		c, r := upgraded(t, b)
		start := time.Now()
		var writing sync.WaitGroup
		writing.Go(func() {
			brief := hello(7, "a")
			brief.keepAlive = 1
			_, _ = c.Write(frame(binaryFrame, brief.bytes()))
			_, _ = c.Write(frame(binaryFrame, publishPacket(5, qos1, "chat/7/up/message", 1, nil, strings.Repeat("x", 60_000))))
		})
		acked := time.Duration(0)
		h := listen(r, func(h *heard) {
			if acked == 0 && bytes.Contains(h.packets.Bytes(), []byte{0x00, 0x01, 0x00}) && h.packets.Bytes()[h.packets.Len()-1] != 0 {
				acked = time.Since(start)
			}
		})
		writing.Wait()
		last, acks := h.last(t)
		if acks != 1 {
			t.Errorf("the message was not accepted")
		}
		if acked < 10*time.Second {
			t.Errorf("it was accepted after %v: the connection was not slowed down", acked)
		}
		// Then nothing comes any more, and the keep alive counts again.
		if d, ok := last.(*packets.Disconnect); !ok || d.ReasonCode != 0x8D || time.Since(start) > acked+10*time.Second {
			t.Errorf("the last packet is %+v after %v, want DISCONNECT 0x8D", last, time.Since(start))
		}
		c.Close()
	})
}

// answered sends a packet again and again for a time, or 20,000 times, and returns how many packets
// were answered.
func (p *peer) answered(packet []byte, during time.Duration) (n int) {
	p.t.Helper()
	p.waitLong()
	end := time.Now().Add(during)
	var writing sync.WaitGroup
	writing.Go(func() {
		_ = p.SetWriteDeadline(end)
		for i := 0; i < 20_000 && time.Now().Before(end); i++ {
			if _, err := p.Write(packet); err != nil {
				break
			}
		}
		p.Close()
	})
	for {
		first, _, err := p.frame()
		if err != nil {
			break
		}
		if first != 0xD0 && first != 0x40 {
			p.t.Errorf("answered by packet %02x, want PINGRESP or PUBACK", first)
		}
		n++
	}
	writing.Wait()
	return n
}

func TestWhoIsRefusedAgainAndAgainIsReadNoFaster(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, back := newBroker(t, func(c *Config) { c.Rate, c.Burst = 0.001, 3 })
		p := pipe(t, b)
		p.connect(7, "a")
		n := p.answered(publishPacket(5, qos1, "chat/7/up/message", 1, nil, "hi"), time.Minute)
		if got := len(back.published()); got != 3 {
			t.Errorf("%d were accepted, want 3", got)
		}
		if want := 3 + repeatBurst + 60*repeatRate; n < want-1 || n > want+1 {
			t.Errorf("%d were answered, want %d", n, want)
		}
		// Nor by another connection, which is served otherwise.
		p = pipe(t, b)
		p.connect(7, "b")
		p.alive()
		if n := p.answered(publishPacket(5, qos1, "chat/7/up/message", 1, nil, "hi"), 10*time.Second); n > 10*repeatRate+1 {
			t.Errorf("another connection of the user was answered %d times, want %d", n, 10*repeatRate)
		}
		p = pipe(t, b)
		p.connect(8, "a")
		p.send(publishPacket(5, qos1, "chat/8/up/message", 1, nil, "hi"))
		if ack := p.puback(); ack.ReasonCode != 0 {
			t.Errorf("another user: PUBACK %+v", ack)
		}
	})
}

func TestWhoAsksToSyncAgainAndAgainIsReadNoFaster(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, back := newBroker(t, func(c *Config) { c.Rate, c.Burst = math.Inf(1), 1 })
		back.answer = func(context.Context, chat.Sender, string) error { return nil }
		p := pipe(t, b)
		p.connect(7, "a")
		n := p.answered(publishPacket(5, qos1, "chat/7/up/sync", 1, nil, ""), time.Minute)
		if want := repeatBurst + 60*repeatRate; n < want-1 || n > want+1 {
			t.Errorf("%d were answered, want %d", n, want)
		}
	})
}

func TestAFloodOfPINGREQIsReadNoFaster(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, _ := newBroker(t, nil)
		p := pipe(t, b)
		p.connect(7, "a")
		if n, want := p.answered([]byte{0xC0, 0}, time.Minute), 2*1000+60*2*50; n < want*9/10 || n > want*11/10 {
			t.Errorf("%d PINGREQ were answered in a minute, want %d", n, want)
		}
	})
}

func TestAPauseEndsWithTheSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, _ := newBroker(t, func(c *Config) { c.Intake, c.IntakeBurst = 100, 10_000 })
		c, r := upgraded(t, b)
		go func() {
			_, _ = c.Write(frame(binaryFrame, hello(7, "a").bytes()))
			_, _ = c.Write(frame(binaryFrame, publishPacket(5, qos1, "chat/7/up/message", 1, nil, strings.Repeat("x", 60_000))))
		}()
		all := make(chan *heard)
		go func() { all <- listen(r, func(*heard) {}) }()
		time.Sleep(time.Minute)
		start := time.Now()
		if err := b.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
		if took := time.Since(start); took > closeTimeout {
			t.Errorf("Shutdown took %v", took)
		}
		if last, _ := (<-all).last(t); last.(*packets.Disconnect).ReasonCode != byte(proto.ServerShuttingDown) {
			t.Errorf("the last packet is %+v", last)
		}
	})
}
