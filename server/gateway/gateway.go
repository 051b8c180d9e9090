// Package gateway connects a Parley cluster to an MQTT 5 broker beside it, for clients
// that know nothing of Parley but its topics: it hands what they publish on
// chat/{user}/up/… to chat.Service, and is a chat.Fanout that publishes
// chat/{user}/down/…. It is one client of that broker, with one session that the broker
// keeps while it is away. It may import proto, server/chat for what it hands over, and
// server/fault for panics. Of MQTT it takes the packets of paho.golang; paho's own
// session loses whom it would have to answer when a connection breaks.
//
// # What it promises
//
//   - Up, each user's publications reach the Service in the order in which the broker
//     hands them out, those of different users side by side (see Config.Settle). The broker gets its PUBACK
//     after the commit, so that whatever ends before comes again: none is lost.
//   - What the Service refuses for good is acknowledged and dropped, and so is what a
//     user has no room for (proto.QuotaExceeded): MQTT gives the author no word of it. What
//     the server could not do is tried again until it can, and only that user's next ones wait.
//   - A message that comes twice is stored once if it has a client_ref, as a field or as
//     Correlation Data. Of one that has none see ref.
//   - Down, publications arrive at the broker in the order of Publish's calls, at the QoS
//     of the design's table: what is ephemeral at 0, the rest at 1. What the broker did not
//     acknowledge is published again, in order, when there is a connection again, before
//     anything newer. So each arrives at least once, and a client takes a repeat for what it is.
//   - What waits for the broker is bounded. With a Log it waits there, however long. Without,
//     what does not fit is left out, and its users are told on down/unread to sync;
//     what waited when the process was killed is left out without a word, and stands in the history.
package gateway

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"parley/proto"
	"parley/server/chat"
	"parley/server/fault"
)

const (
	// Client is the chat.Sender.Client of what comes through the gateway, by which
	// PublishTo knows its own. No client id on the embedded broker is like it: those
	// begin with a user's id.
	Client = "gateway"
	// clientID is the gateway's own at the broker, the same on every node, so that
	// whichever leads goes on with the same session.
	clientID = "parley-gateway"
	// firstPause and lastPause are between tries, to connect and to hand over.
	firstPause, lastPause = 50 * time.Millisecond, 5 * time.Second
	// farewell bounds how long a gateway that is stopped goes on to publish what waits.
	farewell = time.Second
)

// Service is what takes publications: a *chat.Service.
type Service interface {
	Publish(ctx context.Context, from chat.Sender, b proto.Branch, payload, correlation []byte) (chat.Receipt, error)
	Sync(from chat.Sender, payload []byte) (answer func(context.Context) error, err error)
	Missed() ([]byte, error)
	Admit(ctx context.Context, user uint64, c chat.Credential) (chat.User, error)
	Seen(ctx context.Context, u chat.User, c chat.Credential) error
}

// Log is what is to be told, in one order for all nodes, but for rows that changed.
type Log interface {
	// Follow calls tell for what came after a place, each in its turn, until ctx is done or
	// tell returns an error, which Follow returns; tell blocks while much waits to be
	// published. Places rise from 1; several in a row may have the same one, and that counts
	// as reached once the next began: the newest is told again after a restart. Any other
	// error is tried again.
	Follow(ctx context.Context, after uint64, tell func(place, user uint64, b proto.Branch, payload []byte) error) error
}

// Progress is what a gateway has to know that goes on for another, or after a restart.
type Progress struct {
	// Session is a number for the broker's session, another one when that began anew.
	Session uint64
	// Place is that in the Log up to which the broker has acknowledged everything.
	Place uint64
	// Term is a number for the term in which it was saved, higher in later ones.
	Term uint64
}

// ProgressStore keeps the Progress, for one leader at a time.
type ProgressStore interface {
	// Begin begins a term, with the next number, and returns what was saved in those before;
	// the zero Progress but for Term where nothing was.
	Begin(ctx context.Context) (Progress, error)
	// Save has p on disk when it returns. It fails with ErrReplaced if a term began after p's:
	// a node that was frozen while another came to lead knows nothing of that.
	Save(ctx context.Context, p Progress) error
}

// ErrReplaced is that another node leads.
var ErrReplaced = errors.New("another node leads the gateway")

// Config says what a Gateway works with. Address and Progress are needed.
type Config struct {
	Address  Address
	Progress ProgressStore
	// Leadership is among nodes; nil is Alone. What Publish is told while another node
	// leads is that node's to tell.
	Leadership Leadership
	// Log is followed instead of what Publish is told, but for what is ephemeral and rows that
	// changed (proto.BranchUnread), which are in no log; nil is a queue in memory that Publish fills.
	Log Log
	// Queue is how many bytes may wait to be acknowledged by the broker: 64 MiB.
	Queue int
	// ReceiveMaximum is how many publications may be in work at a time: 1,000.
	ReceiveMaximum uint16
	// Settle is how long a broker is left alone when a connection broke: 2 s. A cluster
	// takes a moment to notice that a node of it is gone; before that RabbitMQ holds back
	// what that node was handing out, and hands out what came later first. It may
	// afterwards, too: that much of the order is the broker's.
	Settle time.Duration
	// Dial connects to a host of Address; nil is TCP, with TLS if Address has that.
	Dial func(ctx context.Context, host string) (net.Conn, error)
	// Logger gets a line per refusal, however many there are: it must bound them itself,
	// as package logs does. nil is slog.Default().
	Logger *slog.Logger
	// Faults notes panics; nil is one that logs to Logger.
	Faults *fault.Record
}

// Gateway is a chat.Fanout and a prometheus.Collector. Safe for concurrent use.
type Gateway struct {
	config  Config
	log     *slog.Logger
	metrics *metrics
	queue   *queue
	senders senders

	always    bool           // the queue is open, also before this node leads
	service   Service        // set by Run
	connected atomic.Bool    // to the broker
	stored    atomic.Uint64  // publications that the Service took
	host      int            // of Address.Hosts, to try first; Run's own
	end       func()         // of the term; Run sets it
	replaced  atomic.Bool    // another node began a term
	saving    chan struct{}  // holds one while progress is read or saved
	progress  Progress       // as it is saved
	followers sync.WaitGroup // of the Log
}

// New makes a Gateway. It connects to nothing before Run.
func New(c Config) (*Gateway, error) {
	switch {
	case len(c.Address.Hosts) == 0:
		return nil, errors.New("gateway: Config has no address of a broker")
	case c.Progress == nil:
		return nil, errors.New("gateway: Config has nowhere to keep its progress")
	case c.Queue < 0:
		return nil, errors.New("gateway: the queue's bound is negative")
	}
	always := c.Leadership == nil && c.Log == nil
	if c.Leadership == nil {
		c.Leadership = Alone{}
	}
	if c.Queue == 0 {
		c.Queue = 64 << 20
	}
	if c.Settle == 0 {
		c.Settle = 2 * time.Second
	}
	if c.ReceiveMaximum == 0 {
		c.ReceiveMaximum = 1000
	}
	if c.Dial == nil {
		c.Dial = c.Address.dial
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	if c.Faults == nil {
		c.Faults = fault.NewRecord(c.Logger)
	}
	g := &Gateway{config: c, log: c.Logger, queue: newQueue(c.Queue), always: always, saving: make(chan struct{}, 1)}
	g.metrics = newMetrics(g)
	g.queue.open(always)
	return g, nil
}

// Publish implements chat.Fanout.
func (g *Gateway) Publish(user uint64, b proto.Branch, payload []byte) {
	if ephemeral(b) {
		if g.connected.Load() {
			g.left(g.queue.add(publication{user: user, branch: b, payload: payload}))
		}
		return
	}
	if g.config.Log == nil || b == proto.BranchUnread {
		g.left(g.queue.add(publication{user: user, branch: b, payload: payload}))
	}
}

// left counts what found no room.
func (g *Gateway) left(added bool) {
	if !added {
		g.metrics.left.Inc()
	}
}

// PublishTo implements chat.Fanout: to all of a user's connections, since a broker does
// not tell them apart. It waits while others' answers wait to be taken.
func (g *Gateway) PublishTo(ctx context.Context, user uint64, _ string, b proto.Branch, payload []byte) error {
	if err := g.queue.wait(ctx, answersWaiting); err != nil {
		return err
	}
	g.left(g.queue.add(publication{user: user, branch: b, payload: payload}))
	return nil
}

// ephemeral reports whether a branch carries what is not worth to be told later.
func ephemeral(b proto.Branch) bool {
	return b == proto.BranchTyping || b == proto.BranchPresence
}

// Beside returns a Fanout to the gateway and to another.
func (g *Gateway) Beside(other chat.Fanout) chat.Fanout { return &both{other, g} }

type both struct {
	embedded chat.Fanout
	gateway  *Gateway
}

func (f *both) Publish(user uint64, b proto.Branch, payload []byte) {
	f.embedded.Publish(user, b, payload)
	f.gateway.Publish(user, b, payload)
}

func (f *both) PublishTo(ctx context.Context, user uint64, client string, b proto.Branch, payload []byte) error {
	if client == Client {
		return f.gateway.PublishTo(ctx, user, client, b, payload)
	}
	return f.embedded.PublishTo(ctx, user, client, b, payload)
}

// Run serves until ctx is done, whenever this node leads. Then it takes no more, goes on
// for a moment to publish what waits, and returns. It is called once.
func (g *Gateway) Run(ctx context.Context, service Service) {
	g.service = service
	pause := backoff{}
	for ctx.Err() == nil {
		term, resign, err := g.config.Leadership.Lead(ctx)
		if err != nil && ctx.Err() == nil {
			g.log.Warn("who leads the gateway could not be found out", "error", err)
			pause.wait(ctx)
		}
		if err != nil {
			continue
		}
		pause = backoff{}
		if g.lead(term); g.replaced.Load() {
			g.log.Warn("the gateway stops: another node leads it")
			pause.next = g.config.Settle
			pause.wait(ctx)
		}
		resign()
	}
}

// lead serves a term.
func (g *Gateway) lead(term context.Context) {
	term, g.end = context.WithCancel(term)
	defer g.end()
	if g.replaced.Store(false); !g.begin(term) {
		return
	}
	if !g.always {
		g.queue.open(true)
		defer g.queue.open(false)
	}
	if g.config.Log != nil {
		defer g.savePlace(term)
		following, stop := context.WithCancel(term)
		g.followers.Go(func() { g.follow(following) })
		defer g.followers.Wait()
		defer stop()
	}
	in := newIntake(g)
	defer in.stop()
	for pause := (backoff{}); term.Err() == nil; pause.wait(term) {
		began := time.Now()
		err := g.connection(term, in)
		if term.Err() != nil {
			return
		}
		if time.Since(began) > lastPause { // it worked
			pause = backoff{}
		}
		pause.next = max(pause.next, g.config.Settle/2)
		g.log.Warn("the gateway has no connection to the broker, and tries again", "error", err)
	}
}

// begin reads the progress, as often as it takes; false if ctx was done first.
func (g *Gateway) begin(ctx context.Context) bool {
	for pause := (backoff{}); ; pause.wait(ctx) {
		p, err := g.config.Progress.Begin(ctx)
		if err == nil {
			g.saving <- struct{}{}
			g.progress = p
			<-g.saving
			return true
		}
		if ctx.Err() != nil {
			return false
		}
		g.log.Error("where the gateway was could not be read", "error", err)
	}
}

// save saves the progress as change makes it, and ends the term if another began.
func (g *Gateway) save(ctx context.Context, change func(*Progress)) error {
	g.saving <- struct{}{}
	defer func() { <-g.saving }()
	p := g.progress
	change(&p)
	err := g.config.Progress.Save(ctx, p)
	if errors.Is(err, ErrReplaced) {
		g.replaced.Store(true)
		g.end()
	}
	if err != nil {
		return fmt.Errorf("the gateway's progress could not be saved: %w", err)
	}
	g.progress = p
	return nil
}

// session is the number of the broker's session, a new one if that is new. It is saved in
// any case, by which a node that is not to lead any more learns it before it takes anything.
func (g *Gateway) session(ctx context.Context, present bool) (uint64, error) {
	err := g.save(ctx, func(p *Progress) {
		if present && p.Session != 0 {
			return
		}
		var number [8]byte
		_, _ = rand.Read(number[:]) // which never fails
		p.Session = binary.BigEndian.Uint64(number[:]) | 1
	})
	return g.saved().Session, err
}

// saved is the progress as it is saved.
func (g *Gateway) saved() Progress {
	g.saving <- struct{}{}
	defer func() { <-g.saving }()
	return g.progress
}

// backoff are pauses that grow. The zero backoff is ready.
type backoff struct{ next time.Duration }

// wait waits for the next pause, or until ctx is done.
func (b *backoff) wait(ctx context.Context) {
	b.next = min(max(2*b.next, firstPause), lastPause)
	timer := time.NewTimer(b.next)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
