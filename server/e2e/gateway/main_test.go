//go:build unix

// Package gateway holds tests of the gateway with real brokers, the real program and
// PostgreSQL: stock clients of MQTT 5 and 3.1.1 on the external broker, one on the
// embedded one as a browser is, and brokers and servers that end in the middle. make
// test-broker runs them. They need Mosquitto; RabbitMQ's three nodes run from a folder
// that .tools/rabbitmq makes, and are left out where there is none.
package gateway

import (
	"crypto/rand"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"parley/server/e2e/live"
	"parley/server/store/postgres/postgrestest"
)

// patience is how long a test waits for what must happen. It is generous: it says that
// something hangs, not that something is slow.
const patience = 90 * time.Second

func TestMain(m *testing.M) {
	if _, err := live.Binary(); err != nil {
		fmt.Fprintln(os.Stderr, "tests of the gateway:", err)
		os.Exit(1)
	}
	os.Exit(postgrestest.Run(m))
}

// A broker is an external one that the gateway is for.
type broker interface {
	// gateway is the address for -broker.
	gateway() string
	// hosts are those of its nodes, for clients.
	hosts() []string
	// restart ends the broker, or the node that the gateway is at, and starts it again.
	restart(t *testing.T)
	// keepsOrder says that those who were connected to what is restarted, the gateway among
	// them, are told in order.
	keepsOrder() bool
	// keepsIdentifiers says that a repeat has the packet identifier of the first time.
	keepsIdentifiers() bool
}

// users are those of each test, by what they do.
const (
	ada, bob, cid, dee, eve = 1001, 1002, 1003, 1004, 1005
	firstUser, lastUser     = 1001, 1010
)

// site is Parley and a broker beside it.
type site struct {
	*live.Server
	broker
	t       *testing.T
	secret  []byte
	flags   []string // of every node of Parley
	metrics string   // host:port
	tokens  map[uint64]string
}

// brokerSecret is what the broker proves itself by.
const brokerSecret = "0123456789abcdefghij"

// newSite starts a broker, which is told where Parley will be and who its users are, and
// then Parley.
func newSite(t *testing.T, start func(t *testing.T, parley string, tokens map[uint64]string) broker) *site {
	t.Helper()
	parley := freeAddress(t)
	s := newSiteAt(t, parley, start)
	s.metrics = freeAddress(t)
	s.Server = s.node(parley, s.metrics)
	s.start()
	return s
}

// newSiteAt starts a broker, and no Parley yet, which will be at an address.
func newSiteAt(t *testing.T, parley string, start func(t *testing.T, parley string, tokens map[uint64]string) broker) *site {
	t.Helper()
	s := &site{t: t, secret: []byte(rand.Text() + rand.Text()), tokens: make(map[uint64]string)}
	for user := uint64(firstUser); user <= lastUser; user++ {
		s.tokens[user] = s.token(user)
	}
	s.broker = start(t, parley, s.tokens)
	key := filepath.Join(t.TempDir(), "jwt.key")
	if err := os.WriteFile(key, s.secret, 0o600); err != nil {
		t.Fatal(err)
	}
	s.flags = []string{"-db", postgrestest.Database(t), "-jwt-key", key, "-broker", s.gateway(), "-broker-secret", brokerSecret}
	return s
}

// node is one of Parley, not started yet, that ends with the test.
func (s *site) node(address, metrics string) *live.Server {
	t := s.t
	n := &live.Server{Data: t.TempDir(), Address: address, Flags: append(slices.Clone(s.flags), "-metrics", metrics)}
	t.Cleanup(func() {
		if n.Runs() {
			if err := n.Stop(); err != nil {
				t.Error(err)
			}
		}
		if err := n.CheckLog(); err != nil {
			t.Error(err)
		}
		if t.Failed() {
			t.Logf("the server's log:\n%s", n.Log())
		}
	})
	return n
}

// start starts Parley and waits until the gateway is connected.
func (s *site) start() {
	s.t.Helper()
	from := len(s.Log())
	if err := s.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.connected(from)
}

// connected waits until the log says so, behind what it said before.
func (s *site) connected(from int) {
	s.t.Helper()
	eventually(s.t, "the gateway is connected", func() bool {
		return strings.Contains(s.Log()[from:], "the gateway is connected")
	})
}

func (s *site) token(user uint64) string {
	s.t.Helper()
	token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{
		"sub": strconv.FormatUint(user, 10), "name": fmt.Sprint("User ", user), "iat": time.Now().Unix(), "exp": time.Now().Add(time.Hour).Unix(),
	}).SignedString(s.secret)
	if err != nil {
		s.t.Fatal(err)
	}
	return token
}

// entry is one of a conversation.
type entry struct {
	seq, created uint64 // created is in Unix milliseconds
	content      string
}

// entries returns a conversation in the order of seq, as a user reads it.
func (s *site) entries(user uint64, key string) (all []entry) {
	s.t.Helper()
	for after, head := uint64(0), uint64(1); after < head; {
		var page struct {
			Head     uint64 `json:"head_seq,string"`
			Messages []struct {
				Seq     uint64 `json:",string"`
				Created uint64 `json:"create_time,string"`
				Content string
			}
		}
		path := fmt.Sprintf("/api/conversations/%s/messages?limit=500&after=%d", key, after)
		if err := s.Client().Ask(s.t.Context(), http.MethodGet, path, s.tokens[user], nil, &page); err != nil {
			if err == live.Status(http.StatusForbidden) {
				return nil // there is no conversation yet
			}
			s.t.Fatal(err)
		}
		if head = page.Head; len(page.Messages) == 0 {
			break
		}
		for _, m := range page.Messages {
			after = m.Seq
			all = append(all, entry{m.Seq, m.Created, m.Content})
		}
	}
	return all
}

// history returns the contents of a conversation, in the order of seq, as a user reads it.
func (s *site) history(user uint64, key string) (contents []string) {
	s.t.Helper()
	for _, e := range s.entries(user, key) {
		contents = append(contents, e.content)
	}
	return contents
}

func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !holds(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited %v in vain until %s", patience, what)
		}
	}
}

var lastPort = 21000 + os.Getpid()%8000

// freeAddress is one that nobody listens on, below the ports that clients are given.
func freeAddress(t *testing.T) string {
	t.Helper()
	for {
		lastPort++
		address := net.JoinHostPort("127.0.0.1", strconv.Itoa(lastPort))
		l, err := net.Listen("tcp", address)
		if err != nil {
			continue
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		return address
	}
}

func port(address string) string {
	_, port, _ := net.SplitHostPort(address)
	return port
}
