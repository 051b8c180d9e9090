package broker

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/eclipse/paho.golang/packets"
	"github.com/prometheus/client_golang/prometheus"

	"parley/proto"
	"parley/server/logs"
)

func TestWhoDoesNotCONNECTInTimeIsCutOff(t *testing.T) {
	for name, bytes := range map[string][]byte{
		"nothing":        nil,
		"five bytes":     {0x10, 0xf0, 0xff, 0x03, 0},
		"half a CONNECT": hello(7, "a").bytes()[:20],
		"a single byte":  {0x10},
		"drop by drop":   {0x10, 0x7f},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b, _ := newBroker(t, nil)
				p := pipe(t, b)
				start := time.Now()
				var writing sync.WaitGroup
				defer writing.Wait()
				writing.Go(func() {
					_, _ = p.Write(bytes)
					for name == "drop by drop" {
						if _, err := p.Write([]byte{0}); err != nil {
							return
						}
						time.Sleep(time.Second / 10)
					}
				})
				_, err := p.Read(make([]byte, 1))
				if took := time.Since(start); err != io.EOF || took != 5*time.Second {
					t.Errorf("ended after %v: %v, want EOF after 5s", took, err)
				}
			})
		})
	}
}

func TestTheKeepAliveIsEnforced(t *testing.T) {
	for _, test := range []struct {
		asked          uint16
		latest, ending time.Duration
	}{
		{60, 89 * time.Second, 91 * time.Second},
		{1, 1500 * time.Millisecond, 3 * time.Second},
		{0, 449 * time.Second, 451 * time.Second},
		{65535, 449 * time.Second, 451 * time.Second},
	} {
		t.Run(fmt.Sprint(test.asked), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b, _ := newBroker(t, nil)
				p := pipe(t, b)
				c := hello(7, "a")
				c.keepAlive = test.asked
				p.send(c.bytes())
				p.connack()
				for range 3 {
					time.Sleep(test.latest)
					p.alive()
				}
				start := time.Now()
				p.waitLong()
				if code, _ := p.disconnected(); code != 0x8D || time.Since(start) > test.ending {
					t.Errorf("DISCONNECT 0x%02X after %v, want 0x8D by %v", code, time.Since(start), test.ending)
				}
			})
		})
	}
}

// known is how many users are remembered.
func (u *users) known() int {
	u.mu.RLock()
	defer u.mu.RUnlock()
	return len(u.byID)
}

// waitLong lets reads wait as long as it takes.
func (p *peer) waitLong() {
	_ = p.SetReadDeadline(time.Time{})
	p.Conn = noDeadline{p.Conn}
}

type noDeadline struct{ net.Conn }

func (noDeadline) SetReadDeadline(time.Time) error { return nil }

func TestTheTokenEndsTheConnectionToTheSecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, back := newBroker(t, nil)
		start := time.Now()
		back.expires = start.Add(30 * time.Second)
		p := pipe(t, b)
		p.connect(7, "a")
		p.waitLong()
		if code, _ := p.disconnected(); code != 0x87 || time.Since(start) != 30*time.Second {
			t.Errorf("DISCONNECT 0x%02X after %v, want 0x87 after 30s", code, time.Since(start))
		}
	})
}

func TestTheRateAllowsAgainAfterAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, _ := newBroker(t, nil) // 50 a second, 1,000 at once
		p := pipe(t, b)
		p.connect(7, "a")
		publish := func() byte {
			p.send(publishPacket(5, qos1, "chat/7/up/message", 1, nil, "hi"))
			return p.puback().ReasonCode
		}
		for i := range 1000 {
			if code := publish(); code != 0 {
				t.Fatalf("publication %d: 0x%02X", i, code)
			}
		}
		if code := publish(); code != 0x97 {
			t.Errorf("past the burst: 0x%02X, want 0x97", code)
		}
		time.Sleep(time.Second / 50)
		if code := publish(); code != 0 {
			t.Errorf("after a fiftieth of a second: 0x%02X", code)
		}
		p.send([]byte{0xE0, 0})
		p.ended()
		time.Sleep(time.Second)
		if b.users.known() != 1 {
			t.Error("the rate of somebody who just left is forgotten")
		}
		time.Sleep(time.Minute)
		if b.users.known() != 0 {
			t.Error("somebody who left long ago is remembered")
		}
	})
}

func TestAHundredConnectionsThatSendFiveBytesCostLittleAndDisturbNobody(t *testing.T) {
	b, _ := newBroker(t, func(c *Config) { c.MaxPendingPerAddress = 200 })
	url := serve(t, b)
	other := join(t, url, 8, "a")
	before := heap()
	for range 100 {
		newPeer(t, dial(t, url)).send([]byte{0x10, 0xff, 0xff, 0xff, 0x7f}) // declares 256 MB
		newPeer(t, dial(t, url)).send([]byte{0x10, 0xf0, 0xff, 0x03, 0})    // declares as much as it may, and waits
	}
	other.alive()
	if grew := heap() - before; grew > 32<<20 { // both ends are in this process
		t.Errorf("the heap grew by %d MiB", grew>>20)
	}
}

func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func TestRandomBytesEndTheirConnectionAlone(t *testing.T) {
	b, _ := newBroker(t, nil)
	url := serve(t, b)
	other := join(t, url, 8, "a")
	random := rand.New(rand.NewPCG(1, 2))
	for i := range 100 {
		noise := make([]byte, 200)
		for i := range noise {
			noise[i] = byte(random.Uint32())
		}
		if i%2 == 0 {
			noise = append(hello(7, "a").bytes(), noise...)
		}
		c := dial(t, url)
		_, _ = c.Write(noise) // fails when the broker has had enough
		c.Close()
	}
	other.alive()
	waitFor(t, func() bool { return b.Connections() == 1 })
}

// lines collects a log.
type lines struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func TestTheLogHasEachRefusalOnceAndNeitherTokensNorContent(t *testing.T) {
	log := &lines{}
	b, back := newBroker(t, func(c *Config) { c.Log = slog.New(slog.NewTextHandler(log, nil)) })
	url := serve(t, b)

	wrong := hello(7, "a")
	wrong.password = "secret-1"
	p := newPeer(t, dial(t, url))
	p.send(wrong.bytes())
	p.connack()
	p.ended()

	p = join(t, url, 7, "a")
	back.failWith(proto.Refuse(proto.PayloadFormatInvalid, "content is missing"))
	p.send(publishPacket(5, qos1, "chat/7/up/message", 1, append([]byte{packets.PropCorrelationData}, text(nil, "secret-2")...), "secret-3"))
	p.puback()
	p.subscribe("secret-4/#")
	second := hello(7, "a")
	second.password, second.clientID = "secret-5", "secret-6"
	second.setWill(0, "secret-7")
	p.send(second.bytes())
	p.disconnected()
	waitFor(t, func() bool { return strings.Count(log.String(), "disconnected") == 1 })

	got := log.String()
	if strings.Contains(got, "secret") || strings.Contains(got, tokenOf(7)) {
		t.Errorf("the log tells secrets:\n%s", got)
	}
	for message, times := range map[string]int{
		`msg="connect refused" remote=127.0.0.1`: 1,
		"the token is not valid":                 1,
		"msg=connected":                          1,
		`msg="publish refused"`:                  1,
		`code=0x99 reason="content is missing"`:  1,
		`msg="subscribe refused"`:                1,
		`user=7 client=7-a`:                      4,
		`second CONNECT`:                         1,
	} {
		if n := strings.Count(got, message); n != times {
			t.Errorf("%d times %s, want %d, in\n%s", n, message, times, got)
		}
	}
}

func TestAFloodDoesNotFloodTheLog(t *testing.T) {
	log := &lines{}
	handler := logs.New(slog.NewTextHandler(log, nil)) // as the server has it
	b, _ := newBroker(t, func(c *Config) { c.Log = slog.New(handler) })
	url := serve(t, b)
	p := join(t, url, 7, "a")
	for range repeatBurst {
		p.send(publishPacket(5, qos1, "chat/8/up/message", 1, nil, "hi"))
		p.puback()
	}
	for range 300 {
		p := pipe(t, b)
		p.send([]byte{0xC0, 0})
		p.ended()
		b.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/mqtt", nil))
	}
	handler.Close()
	// connected; publish refused; connect refused; connection refused
	if n := strings.Count(log.String(), "\n"); n > 1+3*(logs.First+2) {
		t.Errorf("%d lines:\n%s", n, log)
	}
	if !strings.Contains(log.String(), fmt.Sprintf(`msg="publish refused" repeated=%d`, repeatBurst-logs.First)) {
		t.Errorf("it does not say how often publications were refused:\n%s", log)
	}
}

func TestTheMetricsTellWhatHappened(t *testing.T) {
	b, back := newBroker(t, nil)
	url := serve(t, b)
	p := join(t, url, 7, "a")
	p.send(publishPacket(5, qos1, "chat/7/up/message", 1, nil, "hi"))
	p.puback()
	back.failWith(proto.Refuse(proto.PayloadFormatInvalid, "no"))
	p.send(publishPacket(5, qos1, "chat/7/up/message", 1, nil, "hi"))
	p.puback()
	for name, got := range map[string]float64{
		"connects":    metric(t, b.metrics.connects),
		"publishes":   metric(t, b.metrics.publishes.WithLabelValues("message")),
		"refusals":    metric(t, b.metrics.refusals.WithLabelValues("publish", "0x99")),
		"connections": float64(b.Connections()),
	} {
		if got != 1 {
			t.Errorf("%s: %v, want 1", name, got)
		}
	}
	registry := prometheus.NewPedanticRegistry()
	if err := registry.Register(b); err != nil {
		t.Fatal(err)
	}
	if families, err := registry.Gather(); err != nil || len(families) < 8 {
		t.Errorf("%d metrics, %v", len(families), err)
	}
}
