package gateway_test

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"time"

	"parley/proto"
	"parley/server/chat"
	"parley/server/chat/chattest"
	"parley/server/gateway"
)

const (
	renewEvery = 3 * time.Second
	pollEvery  = 100 * time.Millisecond
)

var errKilled = errors.New("killed")

// node is one life of a process with a service and a gateway. Whatever it does that others
// can see passes proceed: so it is frozen, and killed, as a process is.
type node struct {
	chat.Shared // the history: *chattest.Node, under the world's lock
	w           *world
	shared      *chattest.Node
	end         context.CancelFunc
	frozen      time.Time // until when
	dead        bool
	crash       int // it is killed at the crash-th commit from now; 0: it is not
	conns       []net.Conn
}

// startNode starts one in a place.
func (w *world) startNode(place int) {
	ctx, end := context.WithCancel(context.Background())
	w.mu.Lock()
	n := &node{w: w, shared: w.shared.Open(w.rand.Uint64() | 1), end: end}
	n.Shared = n.shared
	w.nodes[place] = n
	w.mu.Unlock()
	quiet := slog.New(slog.DiscardHandler)
	g, err := gateway.New(gateway.Config{
		Address: gateway.Address{Hosts: []string{"broker"}}, Dial: n.dial, Leadership: gateway.While(n.leads), Log: changes{n}, Progress: progress{n}, Logger: quiet,
	})
	if err != nil {
		w.t.Fatal(err)
	}
	service, err := chat.New(chat.Config{Store: n, Fanout: g.Beside(deaf{}), Log: quiet})
	if err != nil {
		w.t.Fatal(err)
	}
	w.work.Go(func() { _ = service.Run(ctx) }) // what it could not store as it was killed it says
	w.work.Go(func() { g.Run(ctx, service) })
	w.work.Go(func() {
		for n.pause(ctx, renewEvery) {
			w.mu.Lock()
			n.shared.Renew()
			w.mu.Unlock()
		}
	})
}

// deaf is an embedded broker to which nobody is connected.
type deaf struct{}

func (deaf) Publish(uint64, proto.Branch, []byte) {}

func (deaf) PublishTo(context.Context, uint64, string, proto.Branch, []byte) error { return nil }

// proceed waits while the node is frozen; false if it is dead.
func (n *node) proceed() bool {
	for {
		n.w.mu.Lock()
		dead, rest := n.dead, time.Until(n.frozen)
		n.w.mu.Unlock()
		if dead || rest <= 0 {
			return !dead
		}
		time.Sleep(rest)
	}
}

// pause waits for a while, and while the node is frozen; false if it is dead or ctx done.
func (n *node) pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-time.After(d):
		return n.proceed() && ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}

// kill ends the node's life. The caller has the world's lock.
func (n *node) kill() {
	n.dead = true
	n.end()
	for _, c := range n.conns {
		c.Close()
	}
}

// leads is asked by the node's gateway.
func (n *node) leads() bool {
	if !n.proceed() {
		return false
	}
	n.w.mu.Lock()
	defer n.w.mu.Unlock()
	return n.shared.Leads()
}

// Update implements chat.Store.
func (n *node) Update(ctx context.Context, change func(chat.Tx) error) error {
	time.Sleep(n.w.upTo(10 * time.Millisecond))
	if !n.proceed() {
		return errKilled
	}
	if err := n.update(ctx, change); err != nil {
		return err
	}
	if !n.proceed() { // killed, or frozen, behind the commit
		return errKilled
	}
	return nil
}

func (n *node) update(ctx context.Context, change func(chat.Tx) error) error {
	n.w.mu.Lock()
	defer n.w.mu.Unlock()
	if n.crash == 1 && n.w.rand.IntN(2) == 0 {
		n.kill()
		return errKilled
	}
	if n.w.full {
		return errors.New("no space left")
	}
	err := n.shared.Update(ctx, change)
	if n.crash--; n.crash == 0 {
		n.kill()
	}
	return err
}

// View implements chat.Store.
func (n *node) View(ctx context.Context, read func(chat.View) error) error {
	n.w.mu.Lock()
	defer n.w.mu.Unlock()
	return n.shared.View(ctx, read)
}

// Follow implements chat.Shared.
func (n *node) Follow(ctx context.Context, to chat.Follower) {
	for followed := n.w.records(); n.pause(ctx, pollEvery); {
		for _, record := range n.w.since(followed) {
			followed++
			to.Told(record)
		}
	}
}

// Signal implements chat.Shared: it is lost.
func (n *node) Signal([]byte) {}

// Leads implements chat.Shared.
func (n *node) Leads() bool { return n.leads() }

// changes is the change log as a node's gateway reads it.
type changes struct{ n *node }

// Follow implements gateway.Log.
func (c changes) Follow(ctx context.Context, after uint64, tell func(place, user uint64, b proto.Branch, payload []byte) error) error {
	for c.n.pause(ctx, pollEvery+c.n.w.upTo(pollEvery)) {
		for _, record := range c.n.w.since(int(after)) {
			after++
			err := chat.Deliveries(record, func(user uint64, b proto.Branch, payload []byte) error {
				if b == proto.BranchUnread {
					return nil
				}
				return tell(after, user, b, payload)
			})
			if err != nil {
				return err
			}
		}
	}
	return errKilled
}

// progress is where the gateways of all nodes keep theirs.
type progress struct{ n *node }

// Begin implements gateway.ProgressStore.
func (p progress) Begin(context.Context) (gateway.Progress, error) {
	if !p.n.proceed() {
		return gateway.Progress{}, errKilled
	}
	p.n.w.mu.Lock()
	defer p.n.w.mu.Unlock()
	p.n.w.progress.Term++
	return p.n.w.progress, nil
}

// Save implements gateway.ProgressStore.
func (p progress) Save(_ context.Context, next gateway.Progress) error {
	if !p.n.proceed() {
		return errKilled
	}
	w := p.n.w
	w.mu.Lock()
	defer w.mu.Unlock()
	if next.Term != w.progress.Term {
		return gateway.ErrReplaced
	}
	if next.Place < w.progress.Place {
		w.t.Errorf("the place fell from %d to %d", w.progress.Place, next.Place)
	}
	w.progress = next
	return nil
}

// dial connects the node's gateway to the broker.
func (n *node) dial(context.Context, string) (net.Conn, error) {
	if !n.proceed() {
		return nil, errKilled
	}
	own, its := net.Pipe()
	n.w.mu.Lock()
	n.conns = append(n.conns, own)
	n.w.mu.Unlock()
	n.w.broker.accept(its)
	return frozenConn{own, n}, nil
}

// frozenConn is a connection of a node, which does nothing while that is frozen.
type frozenConn struct {
	net.Conn
	n *node
}

func (c frozenConn) Read(b []byte) (int, error) {
	read, err := c.Conn.Read(b)
	if !c.n.proceed() {
		return 0, errKilled
	}
	return read, err
}

func (c frozenConn) Write(b []byte) (int, error) {
	if !c.n.proceed() {
		return 0, errKilled
	}
	return c.Conn.Write(b)
}
