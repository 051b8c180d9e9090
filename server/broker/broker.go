// Package broker is the embedded MQTT broker: MQTT 5 and 3.1.1 over WebSocket,
// on the mux that also serves the page. It decodes and acknowledges with
// mochi-mqtt, and decides everything else itself: who may connect, what they may
// send and receive, how much, and how a connection ends. It knows nothing of
// messages; a Backend authenticates and stores, and calls Publish to deliver.
//
// It may import proto, server/chat for the types that Backend speaks of,
// server/clientip to tell clients apart, server/origin for whose pages may connect,
// and server/fault for panics.
//
// # What a client may rely on
//
//   - The acknowledgement of a publication leaves after Backend.Publish returned
//     without error, never before, and never when it may be tried again.
//     Publications of one connection reach the Backend one after another, in order.
//   - At QoS 0 a publication is handled the same but nothing comes back, neither
//     success nor refusal: use it for typing only. (One with retain ends a connection
//     of MQTT 5, at any QoS: CONNACK said that nothing is retained.)
//   - MQTT 3.1.1 has no way to refuse a publication. After a temporary refusal the
//     connection is closed, and the client sends again by itself. What is refused
//     for good (malformed, too long, to a foreign topic) is acknowledged and
//     dropped, and the log says why: stock clients would send it again for ever.
//   - A PUBLISH of more than proto.MaxPacket bytes, up to 1 MiB, is refused like one
//     whose content is too long. Any other packet that is too large or malformed
//     ends the connection, with the reason.
//   - Deliveries are at QoS 0 in the order of Publish's calls. One that reads too
//     slowly for its queue first goes without typing and presence, then without
//     anything more until it has caught up with what is queued; then it is told on
//     down/unread to sync, so that it loses none silently. One that does not
//     subscribe to that is disconnected (0x97) instead. Acknowledgements are never
//     dropped and wait for no deliveries.
//   - Whoever takes anything at all stays connected, however slowly, as long as there
//     is room for what they have to be answered; who takes nothing for WriteTimeout,
//     though something is there to take, is cut off.
//   - Whoever goes on with what is refused, or with requests to sync, is read
//     ever later, and so is whoever sends without a break: TCP slows them down,
//     at no cost to others.
//   - The answer to a sync goes at the pace of the connection that asked, and to
//     that alone. Meanwhile the connection is served as ever, and deliveries
//     overtake the answer.
//   - Nothing outlives a connection: no session, no subscription, no will, no
//     retained message.
//
// # What mochi is kept from
//
// It gets well-formed packets only (package packet sees to it). Each connection has
// an id of its own inside mochi, so mochi neither takes over nor resumes anything;
// it sees no password and no will; its fan-out, its inline client, its event loop
// and its listeners are not used. What it writes goes through a queue that never
// blocks, and DISCONNECT is written in one place, (*session).finish. Its log is
// discarded: it holds payloads and passwords.
package broker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"sync"
	"time"

	mqtt "github.com/mochi-mqtt/server/v2"
	"golang.org/x/time/rate"

	"parley/proto"
	"parley/server/chat"
	"parley/server/clientip"
	"parley/server/fault"
	"parley/server/origin"
)

// A Backend says who somebody is and stores what they send.
type Backend interface {
	// Authenticate checks that token proves user. The connection ends at
	// expires, unless that is zero. A *proto.Refusal in the error's chain is
	// told to the client.
	Authenticate(ctx context.Context, user uint64, token string) (from chat.Sender, expires time.Time, err error)
	// Publish stores or relays one publication. The Receipt, if not zero, goes
	// into the acknowledgement. A *proto.Refusal in the error's chain is told
	// to the client; any other error as "try again". It may keep payload and
	// correlation. It is called by one goroutine per connection.
	Publish(ctx context.Context, from chat.Sender, b proto.Branch, payload, correlation []byte) (chat.Receipt, error)
	// Known says whether a user is more than somebody new, which anybody can be
	// as often as they like. It is asked on CONNECT while connections are scarce.
	Known(ctx context.Context, from chat.Sender) (bool, error)
	// Sync takes a publication on up/sync and returns what answers it, by
	// PublishTo. Errors are as those of Publish. The Broker runs answer beside
	// the reading, one at a time per connection, and ends its context with the
	// connection. Of several that come while one runs, the newest counts.
	Sync(from chat.Sender, payload []byte) (answer func(context.Context) error, err error)
	// Missed is the payload on down/unread that tells a connection to sync,
	// since deliveries to it were dropped. It must not block.
	Missed() ([]byte, error)
	// Connected and Disconnected tell that a connection began and
	// ended, in pairs, once for each that was authenticated. If Connected returns an error,
	// which is as those of Authenticate, the connection is refused, and Disconnected not
	// called. Disconnected must not block. Oust names the connection by mark.
	Connected(ctx context.Context, from chat.Sender) (mark uint64, err error)
	Disconnected(from chat.Sender)
}

// Config says how a Broker behaves. Only Backend is required: a zero value
// elsewhere means the default.
type Config struct {
	Backend Backend
	// Origins are those of pages that may connect, apart from the broker's own.
	Origins origin.Origins
	// Rate is how many publications per second a user may send, over all
	// connections together, and Burst how many at once: by default 50 and
	// 1,000. math.Inf(1) means no limit.
	Rate  float64
	Burst int
	// Intake is how many bytes per second one connection may send, and IntakeBurst
	// how many at once; a WebSocket frame counts as 2 KiB more, a packet as 512
	// bytes. A connection that sends more is read no faster, nor is one that sends
	// more packets of other kinds than twice its user's publications, or much that
	// has to be refused; one that fills its rate with frames without content is
	// ended (0x96). By default 1 MiB and 4 MiB,
	// or as much as Rate and Burst need, if that is more.
	Intake      float64
	IntakeBurst int
	// MaxPerUser is how many connections one user may have: 20.
	MaxPerUser int
	// MaxConnections is how many authenticated connections there may be in all:
	// 10,000. The last quarter is for users whom the Backend knows.
	MaxConnections int
	// MaxPending is how many there may be beside these that have not
	// authenticated yet: 1,000. One more ends the oldest of them.
	MaxPending int
	// MaxPerAddress is how many of both one client may have, as Clients tells
	// them apart: 2,000, or half of MaxConnections if that is less. And
	// MaxPendingPerAddress how many that have not authenticated: 100, or half of
	// MaxPending if that is less.
	MaxPerAddress, MaxPendingPerAddress int
	// Clients says which client a request comes from; nil trusts no proxy.
	Clients *clientip.Resolver
	// ConnectTimeout is how long a connection may take to authenticate: 5 s.
	ConnectTimeout time.Duration
	// KeepAlive is the longest keep alive: 5 min. A client that asks for more,
	// or for none, gets this, and is told (MQTT 5, section 3.2.2.3.14); MQTT
	// 3.1.1 cannot tell it, so its client is cut off if it is silent for longer.
	KeepAlive time.Duration
	// WriteTimeout is how long a connection that something is written to may take
	// none of it before it counts as dead: 30 s.
	WriteTimeout time.Duration
	// PublishTimeout bounds one call of Backend.Publish: 10 s.
	PublishTimeout time.Duration
	// Queue is how many bytes of deliveries may wait to be written to one
	// connection, and of acknowledgements likewise: 1 MiB. Typing and presence
	// may fill half of it.
	Queue int
	// Log gets a line per connection and refusal, however many there are: it must
	// bound them itself, as package logs does. slog.Default().
	Log *slog.Logger
	// Faults notes panics; nil is one that logs to Log.
	Faults *fault.Record
}

func (c *Config) setDefaults() {
	def(&c.Rate, 50)
	def(&c.Burst, 1000)
	def(&c.Intake, max(1<<20, steadyMessage*c.Rate))
	def(&c.IntakeBurst, max(4<<20, burstMessage*c.Burst))
	def(&c.MaxPerUser, 20)
	def(&c.MaxConnections, 10_000)
	def(&c.MaxPending, 1_000)
	def(&c.MaxPerAddress, min(2_000, (c.MaxConnections+1)/2))
	def(&c.MaxPendingPerAddress, min(100, (c.MaxPending+1)/2))
	def(&c.ConnectTimeout, 5*time.Second)
	def(&c.KeepAlive, 5*time.Minute)
	def(&c.WriteTimeout, 30*time.Second)
	def(&c.PublishTimeout, 10*time.Second)
	def(&c.Queue, 1<<20)
	if c.Log == nil {
		c.Log = slog.Default()
	}
	if c.Faults == nil {
		c.Faults = fault.NewRecord(c.Log)
	}
	if c.Clients == nil {
		c.Clients = clientip.New(nil, c.Log)
	}
}

func def[T comparable](value *T, otherwise T) {
	var zero T
	if *value == zero {
		*value = otherwise
	}
}

func (c *Config) check() error {
	switch {
	case c.Backend == nil:
		return errors.New("broker: Backend is missing")
	case c.Rate < 0 || math.IsNaN(c.Rate) || c.Burst < 0:
		return fmt.Errorf("broker: rate %v with bursts of %d: want positive numbers", c.Rate, c.Burst)
	case c.Intake < 0 || math.IsNaN(c.Intake) || c.IntakeBurst < 0:
		return fmt.Errorf("broker: intake %v with bursts of %d: want positive numbers", c.Intake, c.IntakeBurst)
	case c.MaxPerUser < 0 || c.MaxConnections < 0 || c.MaxPending < 0 || c.MaxPerAddress < 0 || c.MaxPendingPerAddress < 0 || c.Queue < 0:
		return errors.New("broker: a limit is negative")
	case c.ConnectTimeout < 0 || c.WriteTimeout < 0 || c.PublishTimeout < 0:
		return errors.New("broker: a timeout is negative")
	case c.KeepAlive < 0 || c.KeepAlive > 0 && c.KeepAlive < time.Second || c.KeepAlive > 12*time.Hour:
		return fmt.Errorf("broker: keep alive %v: want 1s to 12h", c.KeepAlive)
	}
	return nil
}

// A Broker serves GET /mqtt and is a chat.Fanout and a prometheus.Collector.
// All methods are safe for concurrent use.
type Broker struct {
	config  Config
	mqtt    *mqtt.Server
	users   *users
	metrics *metrics

	ctx    context.Context // ends when the Broker need not wait for anybody any more
	cancel context.CancelFunc

	mu       sync.Mutex
	sessions map[*session]struct{}
	places   *places
	closing  bool
	serving  sync.WaitGroup // one per session; Add only with mu held and closing false
}

var _ chat.Fanout = (*Broker)(nil)

// New makes a Broker. It starts nothing: goroutines belong to connections.
func New(config Config) (*Broker, error) {
	if err := config.check(); err != nil {
		return nil, err
	}
	config.setDefaults()
	b := &Broker{
		config:   config,
		users:    newUsers(limitOf(config.Rate), config.Burst, config.MaxPerUser),
		places:   newPlaces(&config),
		sessions: make(map[*session]struct{}),
	}
	b.metrics = newMetrics(b.Connections)
	b.ctx, b.cancel = context.WithCancel(context.Background())
	b.mqtt = newServer()
	if err := b.mqtt.AddHook(&hook{}, nil); err != nil {
		return nil, fmt.Errorf("broker: %w", err)
	}
	return b, nil
}

// receiveMaximum is how many publications a client of MQTT 5 may send before the first
// is acknowledged.
const receiveMaximum = 256

func limitOf(perSecond float64) rate.Limit {
	if math.IsInf(perSecond, 1) {
		return rate.Inf
	}
	return rate.Limit(perSecond)
}

// newServer makes the part of mochi that is used. Serve is not called on it: it
// would only start the loop for $SYS, wills and kept sessions, which there are
// none of. Nor is Close, which waits for half-open connections.
func newServer() *mqtt.Server {
	capabilities := mqtt.NewDefaultServerCapabilities()
	capabilities.MaximumPacketSize = proto.MaxPacket
	capabilities.MaximumClientWritesPending = 0 // of mochi's fan-out, which is not used
	capabilities.MaximumSessionExpiryInterval = 0
	capabilities.ReceiveMaximum = receiveMaximum
	capabilities.TopicAliasMaximum = 0 // an alias would hide the topic from the check
	capabilities.SharedSubAvailable = 0
	capabilities.RetainAvailable = 0
	capabilities.MinimumProtocolVersion = 4
	// Otherwise the user properties of a publication come back in its PUBACK.
	capabilities.Compatibilities.NoInheritedPropertiesOnAck = true
	return mqtt.New(&mqtt.Options{
		Capabilities: capabilities,
		Logger:       slog.New(slog.DiscardHandler),
	})
}

// Connections is how many authenticated connections there are.
func (b *Broker) Connections() int { return b.users.connections() }

// ServeHTTP upgrades the request to a WebSocket with subprotocol mqtt and serves
// MQTT on it until the connection ends.
func (b *Broker) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	from := b.config.Clients.Of(r)
	remote := b.remote(from, r.RemoteAddr)
	s, refusal := b.enter(from)
	if refusal != nil {
		b.refuse(refusal, remote)
		status := http.StatusServiceUnavailable
		if refusal.Reason == proto.QuotaExceeded { // of this address
			status = http.StatusTooManyRequests
		}
		w.Header().Set("Retry-After", "5")
		problem(w, status, refusal.Text)
		return
	}
	defer b.leave(s)
	socket, err := accept(w, r, b.config.Origins, s)
	if err != nil {
		b.refuse(proto.Refuse(proto.NotAuthorized, "%v", err), remote)
		return // accept has answered
	}
	s.serve(socket)
}

// serve is ServeHTTP after the upgrade. It closes c.
func (b *Broker) serve(c net.Conn) {
	s, refusal := b.enter(b.config.Clients.Peer(c.RemoteAddr().String()))
	if refusal != nil {
		c.Close()
		return
	}
	defer b.leave(s)
	s.serve(newSteady(c, b.config.WriteTimeout))
}

// remote is what the log calls the other end: peer, the address of the
// connection, or, where a proxy says whose connection it is, that client's.
func (b *Broker) remote(from netip.Addr, peer string) string {
	if from.IsValid() && from != b.config.Clients.Peer(peer) {
		return from.String()
	}
	return peer
}

// enter makes room for one more connection, of a client.
func (b *Broker) enter(from netip.Addr) (*session, *proto.Refusal) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closing {
		return nil, stopping()
	}
	s := &session{broker: b, from: from, intake: newIntake(&b.config)}
	ousted, refusal := b.places.enter(s)
	if refusal != nil {
		return nil, refusal
	}
	if ousted != nil {
		ousted.end(errOusted)
	}
	b.sessions[s] = struct{}{}
	b.serving.Add(1)
	return s, nil
}

// identify gives s a place among the authenticated, that of older if s takes
// over from it.
func (b *Broker) identify(s, older *session) *proto.Refusal {
	scarce, refusal := b.place(s, older, false)
	if !scarce {
		return refusal
	}
	ctx, cancel := context.WithTimeout(b.ctx, b.config.ConnectTimeout)
	defer cancel()
	known, err := b.config.Backend.Known(ctx, s.sender)
	if err != nil {
		s.log.Error("nobody could say whether the user is known", "error", err)
	}
	if err != nil || !known {
		return refusal
	}
	_, refusal = b.place(s, older, true)
	return refusal
}

func (b *Broker) place(s, older *session, known bool) (scarce bool, _ *proto.Refusal) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.places.identify(s, older, known)
}

func (b *Broker) leave(s *session) {
	b.mu.Lock()
	b.places.leave(s)
	delete(b.sessions, s)
	b.mu.Unlock()
	b.serving.Done()
}

// refuse counts and logs a connection that got no session.
func (b *Broker) refuse(refusal *proto.Refusal, remote string) {
	b.metrics.refused("socket", refusal.Reason)
	reason := refusal.Text[:min(len(refusal.Text), 200)] // it may quote the request
	b.config.Log.Warn("connection refused", "remote", remote, "reason", reason)
}

// claim notes whose session s is to be, before the Backend is asked: End reaches
// it from then on.
func (b *Broker) claim(s *session, user uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	s.claimed = user
}

// prove notes whose device s is, once the Backend has admitted it.
func (b *Broker) prove(s *session, device uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	s.device, s.proven = device, true
}

// End ends those connections of a user of whose device of is true, 0 being tokens that
// name none, with DISCONNECT where MQTT has that; and also those that are about to be
// accepted: whoever the Backend refuses from the time of the call on has none afterwards.
// Where the device is not known yet, the connection ends without a word, and whoever is
// admitted connects again. It does not wait for them.
func (b *Broker) End(user uint64, of func(device uint64) bool, why *proto.Refusal) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for s := range b.sessions {
		if s.claimed == user && (!s.proven || of(s.device)) {
			s.end(why)
		}
	}
}

// Oust ends the connection of a user with a client id, if it is the one with that mark of
// Backend.Connected, and not one that took over meanwhile.
func (b *Broker) Oust(user uint64, client string, mark uint64, why *proto.Refusal) {
	if s := b.users.find(user, client); s != nil && s.mark.Load() == mark {
		s.end(why)
	}
}

// Drain refuses new connections and tells those that there are, with DISCONNECT 0x8B, to
// connect again, 1,000 a second, so that they do not all come to another server at once;
// faster if that would take longer than within. It returns when all were told, or ctx is
// done.
func (b *Broker) Drain(ctx context.Context, within time.Duration) {
	b.mu.Lock()
	b.closing = true
	left := slices.Collect(maps.Keys(b.sessions))
	b.mu.Unlock()
	const step = 20 * time.Millisecond
	atOnce := max(int(step/time.Millisecond), int(int64(len(left))*int64(step)/int64(max(within, step)))+1)
	for len(left) > 0 && ctx.Err() == nil {
		n := min(atOnce, len(left))
		for _, s := range left[:n] {
			s.end(stopping())
		}
		if left = left[n:]; len(left) > 0 {
			select {
			case <-time.After(step):
			case <-ctx.Done():
			}
		}
	}
}

func stopping() *proto.Refusal {
	return proto.Refuse(proto.ServerShuttingDown, "the server is shutting down: connect again in some seconds").Named("stopping")
}

// Shutdown refuses new connections, lets each connection finish the publication
// it is at, sends DISCONNECT 0x8B and closes it. It returns when all are closed,
// or, after cutting off those that are left, with ctx's error when ctx is done.
func (b *Broker) Shutdown(ctx context.Context) error {
	b.mu.Lock()
	b.closing = true
	for s := range b.sessions {
		s.end(stopping())
	}
	b.mu.Unlock()

	done := make(chan struct{})
	go func() { // ends with the last session, which is cut off below at the latest
		b.serving.Wait()
		close(done)
	}()
	select {
	case <-done:
		b.cancel()
		return nil
	case <-ctx.Done():
	}
	b.cancel()
	b.mu.Lock()
	defer b.mu.Unlock()
	left := len(b.sessions)
	for s := range b.sessions {
		s.kill()
	}
	return fmt.Errorf("%d connections did not close in time and were cut off: %w", left, ctx.Err())
}
