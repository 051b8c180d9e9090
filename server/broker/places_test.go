package broker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"nhooyr.io/websocket"

	"parley/server/clientip"
)

// from is an HTTP client that has an address of its own: the whole of
// 127.0.0.0/8 is this machine's.
func from(address string) *http.Client {
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(address)}}
	return &http.Client{Transport: &http.Transport{DialContext: dialer.DialContext}}
}

// knock asks for a WebSocket, and returns how it was answered; the connection is
// nil unless it was let in.
func knock(t testing.TB, client *http.Client, url string, header http.Header) (net.Conn, *http.Response) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	ws, response, err := websocket.Dial(ctx, url, &websocket.DialOptions{HTTPClient: client, HTTPHeader: header, Subprotocols: []string{"mqtt"}})
	if response == nil {
		t.Fatal(err)
	}
	if ws == nil {
		return nil, response
	}
	t.Cleanup(func() { ws.CloseNow() })
	return websocket.NetConn(context.Background(), ws, websocket.MessageBinary), response
}

// enter is knock that is let in.
func enter(t testing.TB, client *http.Client, url string) *peer {
	t.Helper()
	c, response := knock(t, client, url, nil)
	if c == nil {
		t.Fatalf("answered %s", response.Status)
	}
	return newPeer(t, c)
}

func wantRefused(t testing.TB, response *http.Response, status int) {
	t.Helper()
	if response.StatusCode != status || response.Header.Get("Retry-After") == "" {
		t.Errorf("answered %s, Retry-After %q; want %d and when to come again", response.Status, response.Header.Get("Retry-After"), status)
	}
}

// answer sends CONNECT and returns the CONNACK's reason code.
func (p *peer) answer(user uint64, device string) byte {
	p.t.Helper()
	p.send(hello(user, device).bytes())
	return p.connack().ReasonCode
}

func TestAThousandSilentConnectionsOfOneAddressKeepNobodyElseOut(t *testing.T) {
	b, _ := newBroker(t, func(c *Config) { c.ConnectTimeout = time.Minute })
	url := serve(t, b)
	silent, in := from("127.0.0.2"), 0
	for range 1000 {
		c, response := knock(t, silent, url, nil)
		if c != nil {
			in++
			continue
		}
		wantRefused(t, response, http.StatusTooManyRequests)
	}
	if in != 100 {
		t.Errorf("%d of one address came in, want 100", in)
	}
	for i, address := range []string{"127.0.0.3", "127.0.0.4", "127.0.0.5"} {
		for device := range 33 {
			if code := enter(t, from(address), url).answer(uint64(10+i*10+device/10), fmt.Sprint(device)); code != 0 {
				t.Fatalf("connection %d of %s: CONNACK 0x%02X", device, address, code)
			}
		}
	}
	if b.Connections() != 99 {
		t.Errorf("%d of 99 others are connected", b.Connections())
	}
}

func TestTheConnectionThatHasBeenSilentLongestGoesFirst(t *testing.T) {
	b, _ := newBroker(t, func(c *Config) { c.MaxPending = 3 })
	url := serve(t, b)
	joined := enter(t, from("127.0.0.9"), url)
	joined.connect(9, "a")
	var silent []*peer
	for i := range 3 {
		silent = append(silent, enter(t, from(fmt.Sprintf("127.0.0.%d", 2+i)), url))
	}
	newcomer := enter(t, from("127.0.0.5"), url)
	silent[0].ended()
	for i, p := range []*peer{silent[1], silent[2], newcomer} {
		if code := p.answer(uint64(20+i), "a"); code != 0 {
			t.Errorf("number %d after the oldest: CONNACK 0x%02X", i+1, code)
		}
	}
	joined.alive()
}

// Guests of one address take its share and no more, and those of several all but
// what is kept for the known.
func TestGuestsWithManyConnectionsEachKeepNobodyKnownOut(t *testing.T) {
	b, back := newBroker(t, func(c *Config) { c.MaxConnections = 80 }) // 60 for anybody; 40 an address
	back.known = func(user uint64) (bool, error) { return user < 100, nil }
	url := serve(t, b)
	fill := func(address string, firstUser uint64) (in, refused int) {
		client := from(address)
		for i := range 60 {
			c, response := knock(t, client, url, nil)
			if c == nil {
				wantRefused(t, response, http.StatusTooManyRequests)
				refused++
			} else if newPeer(t, c).answer(firstUser+uint64(i/20), fmt.Sprint(i)) == 0 {
				in++
			}
		}
		return in, refused
	}
	if in, refused := fill("127.0.0.2", 1000); in != 40 || refused != 20 {
		t.Errorf("%d of one address are in and %d refused, want 40 and 20", in, refused)
	}
	if in, _ := fill("127.0.0.3", 2000); in != 20 {
		t.Errorf("%d of another address are in, want the 20 that are left for anybody", in)
	}
	stranger := enter(t, from("127.0.0.4"), url)
	stranger.send(hello(3000, "a").bytes())
	if ack := stranger.connack(); ack.ReasonCode != 0x89 || !strings.Contains(ack.Properties.ReasonString, "here before") {
		t.Errorf("a stranger got CONNACK 0x%02X %q, want 0x89", ack.ReasonCode, ack.Properties.ReasonString)
	}
	stranger.ended()
	var friends []*peer
	for i := range 20 {
		p := enter(t, from("127.0.0.4"), url)
		if code := p.answer(uint64(7+i/10), fmt.Sprint(i)); code != 0 {
			t.Fatalf("known connection %d: CONNACK 0x%02X", i, code)
		}
		friends = append(friends, p)
	}
	if code := enter(t, from("127.0.0.4"), url).answer(9, "a"); code != 0x89 {
		t.Errorf("past the last place: CONNACK 0x%02X, want 0x89", code)
	}
	// Nobody needs a place to take over from themselves.
	if code := enter(t, from("127.0.0.5"), url).answer(7, "0"); code != 0 {
		t.Errorf("a user who connects again: CONNACK 0x%02X", code)
	}
	if code := enter(t, from("127.0.0.5"), url).answer(1000, "0"); code != 0 {
		t.Errorf("a guest who connects again: CONNACK 0x%02X", code)
	}
	if code, _ := friends[0].disconnected(); code != 0x8E {
		t.Errorf("the older connection got DISCONNECT 0x%02X, want 0x8E", code)
	}
	if b.Connections() != 80 {
		t.Errorf("%d connections, want 80", b.Connections())
	}
	friends[1].Close()
	waitFor(t, func() bool { return enter(t, from("127.0.0.5"), url).answer(9, "b") == 0 })
}

func TestMQTT311IsToldThatTheServerIsFull(t *testing.T) {
	b, back := newBroker(t, func(c *Config) { c.MaxConnections = 1 })
	back.here = make(chan string, 10)
	url := serve(t, b)
	join(t, url, 7, "a")
	old := hello(8, "a")
	old.version = 4
	p := enter(t, from("127.0.0.2"), url)
	p.send(old.bytes())
	if first, body := p.mustFrame(); first != 0x20 || len(body) != 2 || body[1] != 3 {
		t.Errorf("got %02x % x, want CONNACK 3", first, body)
	}
	p.ended()
	if n := len(back.here); n != 1 {
		t.Errorf("%d tidings of who came and left, want that of the one who came", n)
	}
}

func TestNobodyIsKnownWhileNobodyCanSay(t *testing.T) {
	log := &lines{}
	b, back := newBroker(t, func(c *Config) {
		c.MaxConnections, c.MaxPerAddress, c.Log = 4, 4, slog.New(slog.NewTextHandler(log, nil))
	})
	back.known = func(uint64) (bool, error) { return true, errors.New("the disk is gone") }
	url := serve(t, b)
	for device := range 3 {
		join(t, url, 7, fmt.Sprint(device))
	}
	if code := enter(t, from("127.0.0.1"), url).answer(7, "a"); code != 0x89 || !strings.Contains(log.String(), "the disk is gone") {
		t.Errorf("CONNACK 0x%02X, want 0x89 and why in the log: %s", code, log)
	}
}

func TestLimitsGoByClientBehindATrustedProxy(t *testing.T) {
	few := func(c *Config) { c.MaxPendingPerAddress = 1 }
	behind, _ := newBroker(t, func(c *Config) {
		few(c)
		c.Clients = clientip.New([]netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}, c.Log)
	})
	inFront, _ := newBroker(t, few)
	proxied, direct := serve(t, behind), serve(t, inFront)
	for _, test := range []struct {
		url, forwarded string
		status         int
	}{
		{proxied, "192.0.2.1", 101},
		{proxied, "192.0.2.2", 101},
		{proxied, "192.0.2.2", 429},
		{proxied, "203.0.113.7, 192.0.2.2", 429},
		{proxied, "2001:db8:1:2::1", 101},
		{proxied, "2001:db8:1:2:3::", 429}, // of the same /64
		{proxied, "2001:db8:1:3::1", 101},
		{proxied, "", 101}, // the proxy stands for many
		{proxied, "", 101},
		{direct, "192.0.2.1", 101},
		{direct, "192.0.2.2", 429},
		{direct, "", 429},
	} {
		header := http.Header{}
		if test.forwarded != "" {
			header.Set("X-Forwarded-For", test.forwarded)
		}
		if _, response := knock(t, from("127.0.0.1"), test.url, header); response.StatusCode != test.status {
			t.Errorf("for %q: answered %s, want %d", test.forwarded, response.Status, test.status)
		}
	}
}

func TestTheLogNamesTheClientThatAProxyNames(t *testing.T) {
	log := &lines{}
	b, _ := newBroker(t, func(c *Config) {
		c.Log, c.MaxPerAddress = slog.New(slog.NewTextHandler(log, nil)), 1
		c.Clients = clientip.New([]netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}, c.Log)
	})
	url, header := serve(t, b), http.Header{"X-Forwarded-For": {"192.0.2.1"}}
	c, _ := knock(t, from("127.0.0.1"), url, header)
	newPeer(t, c).connect(7, "a")
	_, response := knock(t, from("127.0.0.1"), url, header)
	wantRefused(t, response, http.StatusTooManyRequests)
	for _, line := range []string{"msg=connected remote=192.0.2.1 ", `msg="connection refused" remote=192.0.2.1 `} {
		if got := log.String(); !strings.Contains(got, line) {
			t.Errorf("the log lacks %s: %s", line, got)
		}
	}
}

// Who is ousted while the token is being checked has no place any more.
func TestWhoIsOustedDuringCONNECTIsRefused(t *testing.T) {
	b, back := newBroker(t, func(c *Config) { c.MaxPending = 1 })
	checking, goOn := make(chan struct{}), make(chan struct{})
	var once sync.Once
	back.checks = func() { once.Do(func() { close(checking); <-goOn }) }
	url := serve(t, b)
	slow := enter(t, from("127.0.0.2"), url)
	slow.send(hello(7, "a").bytes())
	<-checking
	newcomer := enter(t, from("127.0.0.3"), url)
	close(goOn)
	if ack := slow.connack(); ack.ReasonCode != 0x89 {
		t.Errorf("CONNACK 0x%02X %q, want 0x89", ack.ReasonCode, ack.Properties.ReasonString)
	}
	slow.ended()
	if code := newcomer.answer(7, "a"); code != 0 {
		t.Errorf("the newcomer got CONNACK 0x%02X", code)
	}
	if b.Connections() != 1 {
		t.Errorf("%d connections, want 1", b.Connections())
	}
}

// Whatever happens in whatever order, the counts are those of the sessions, and
// no bound is passed.
func TestPlacesAddUp(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	c := Config{Backend: &backend{}, MaxConnections: 12, MaxPending: 6, MaxPerAddress: 7, MaxPendingPerAddress: 3}
	c.setDefaults()
	p := newPlaces(&c)
	var sessions []*session
	for step := range 20_000 {
		switch some := len(sessions); {
		case some == 0 || random.IntN(3) == 0:
			s := &session{from: netip.AddrFrom4([4]byte{192, 0, 2, byte(random.IntN(4))})}
			if random.IntN(5) == 0 {
				s.from = netip.Addr{}
			}
			if _, refusal := p.enter(s); refusal == nil {
				sessions = append(sessions, s)
			}
		case random.IntN(2) == 0:
			var older *session
			if random.IntN(4) == 0 {
				older = sessions[random.IntN(some)]
			}
			s := sessions[random.IntN(some)]
			if s != older {
				before := p.identified
				known := random.IntN(2) == 0
				if _, refusal := p.identify(s, older, known); refusal == nil && !known && p.identified > before && before >= p.common {
					t.Fatalf("step %d: somebody unknown got a place of the known", step)
				}
			}
		default:
			i := random.IntN(some)
			p.leave(sessions[i])
			if random.IntN(2) == 0 {
				p.leave(sessions[i]) // as a session does that was ousted before
			}
			sessions = append(sessions[:i], sessions[i+1:]...)
		}
		identified, pending, clients := 0, 0, make(map[netip.Addr]share)
		for _, s := range sessions {
			if s.place == noPlace {
				continue
			}
			has := clients[s.from]
			has.all++
			if s.place == pendingPlace {
				pending++
				has.pending++
			} else {
				identified++
			}
			if s.from.IsValid() {
				clients[s.from] = has
			}
		}
		if identified != p.identified || pending != p.pending.Len() || fmt.Sprint(clients) != fmt.Sprint(p.clients) {
			t.Fatalf("step %d: %d identified, %d pending, %v; counted %d, %d, %v", step, identified, pending, clients, p.identified, p.pending.Len(), p.clients)
		}
		if identified > 12 || pending > 6 {
			t.Fatalf("step %d: %d identified, %d pending", step, identified, pending)
		}
		for client, has := range clients {
			if has.all > 7 || has.pending > 3 {
				t.Fatalf("step %d: %v has %+v", step, client, has)
			}
		}
	}
}

// BenchmarkRefuse is what it costs to turn away an address that has its share.
func BenchmarkRefuse(b *testing.B) {
	broker, _ := newBroker(b, func(c *Config) { c.MaxPendingPerAddress, c.ConnectTimeout = 1, time.Hour })
	url := serve(b, broker)
	client := from("127.0.0.2")
	enter(b, client, url)
	for b.Loop() {
		if c, _ := knock(b, client, url, nil); c != nil {
			b.Fatal("let in")
		}
	}
}
