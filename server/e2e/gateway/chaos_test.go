//go:build unix

package gateway

import (
	"flag"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"parley/proto"
	"parley/server/e2e/live"
)

var faults = flag.Int("faults", 0, "how many faults strike the nodes of Parley, and as many those of RabbitMQ, while people write")

// TestNothingIsLostOrDoubledWhileNodesEnd lets stock clients write through three nodes of
// RabbitMQ while the node of Parley that leads the gateway is killed and frozen, and then
// while nodes of RabbitMQ are killed.
func TestNothingIsLostOrDoubledWhileNodesEnd(t *testing.T) {
	if *faults == 0 {
		t.Skip("it takes minutes: make chaos-broker runs it")
	}
	c := newCluster(t)
	for _, part := range []struct {
		name    string
		kinds   []misfortune
		ordered bool
	}{
		{"the leader of the gateway", []misfortune{
			{"leader killed", c.killLeader}, {"leader frozen", c.freezeLeader}, {"leader frozen for a moment", c.holdLeader},
		}, true},
		{"the broker's nodes", []misfortune{{"broker's node killed", c.killBroker}}, c.keepsOrder()},
	} {
		t.Run(part.name, func(t *testing.T) { c.survive(t, part.kinds, part.ordered) })
	}
}

// misfortune is what may befall a cluster: strike lets it happen, and returns what ends it.
type misfortune struct {
	name   string
	strike func(t *testing.T) (end func())
}

// cluster is three nodes of Parley behind a balancer, beside three of RabbitMQ.
type cluster struct {
	*site
	parleys []*parley
	next    int // node of RabbitMQ to be killed
}

// parley is a node.
type parley struct {
	*live.Server
	metrics string // host:port
	frozen  bool
}

func newCluster(t *testing.T) *cluster {
	t.Helper()
	var addresses []string
	for range 3 {
		addresses = append(addresses, freeAddress(t))
	}
	balancer, err := live.NewBalancer(t.TempDir(), addresses)
	if err != nil {
		t.Fatal(err)
	}
	c := &cluster{site: newSiteAt(t, balancer.Address, startRabbitMQ)}
	for _, address := range addresses {
		metrics := freeAddress(t)
		n := &parley{Server: c.node(address, metrics), metrics: metrics}
		if err := n.Start(); err != nil {
			t.Fatal(err)
		}
		c.parleys = append(c.parleys, n)
	}
	if err := balancer.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := balancer.End(); err != nil {
			t.Error(err)
		}
	})
	c.Server = c.parleys[0].Server
	c.leader(t)
	return c
}

// leader waits until one node has the gateway.
func (c *cluster) leader(t *testing.T) (leads *parley) {
	t.Helper()
	eventually(t, "a node has the gateway", func() bool {
		leads = nil
		for _, n := range c.parleys {
			if n.Runs() && !n.frozen && connected(t, n.metrics) {
				leads = n
			}
		}
		return leads != nil
	})
	return leads
}

func (c *cluster) killLeader(t *testing.T) (end func()) {
	n := c.leader(t)
	if err := n.Kill(); err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := n.Start(); err != nil {
			t.Fatal(err)
		}
	}
}

// freezeLeader stops the leader until another leads.
func (c *cluster) freezeLeader(t *testing.T) (end func()) {
	n := c.leader(t)
	n.signal(t, syscall.SIGSTOP)
	thaw := sync.OnceFunc(func() { n.signal(t, syscall.SIGCONT) })
	t.Cleanup(thaw)
	return thaw
}

// holdLeader stops the leader for less than its lease.
func (c *cluster) holdLeader(t *testing.T) (end func()) {
	n := c.leader(t)
	n.signal(t, syscall.SIGSTOP)
	time.Sleep(4 * time.Second) // that is the fault
	n.signal(t, syscall.SIGCONT)
	return func() {}
}

func (n *parley) signal(t *testing.T, s syscall.Signal) {
	t.Helper()
	if err := syscall.Kill(n.PID(), s); err != nil {
		t.Fatal(err)
	}
	n.frozen = s == syscall.SIGSTOP
}

// killBroker kills one node of RabbitMQ after the other.
func (c *cluster) killBroker(t *testing.T) (end func()) {
	r := c.broker.(*rabbitMQ)
	n := r.nodes[c.next%len(r.nodes)]
	c.next++
	n.kill()
	return func() {
		r.start(t, n)
		eventually(t, n.name+" is back", func() bool {
			return answers(n.address) && r.ctl(n, "await_online_nodes", strconv.Itoa(len(r.nodes))) == nil
		})
	}
}

// survive lets people write while faults of some kinds strike, one after the other, and holds
// that all that the broker took is stored and told, once, and in order if that is to be expected.
func (c *cluster) survive(t *testing.T, kinds []misfortune, ordered bool) {
	c.t = t // so that its clients go when it is over
	word := strings.ReplaceAll(t.Name(), " ", "-")
	crowd := c.gather(t, word)
	var took []time.Duration
	crowd.recover(t)
	for i := range *faults {
		kind := kinds[i%len(kinds)]
		end := kind.strike(t)
		took = append(took, crowd.recover(t))
		t.Logf("%s: recovered after %v", kind.name, took[i].Round(time.Millisecond))
		end()
		crowd.recover(t)
	}
	crowd.stop()
	c.Server = c.leader(t).Server
	lost, doubled, disordered := c.compare(t, crowd)
	slices.Sort(took)
	t.Logf("%d faults, %d messages of %d people: %d lost, %d doubled, %d out of order; time to recover: median %v, p99 %v", *faults, crowd.total(), len(crowd.people),
		lost, doubled, disordered, took[len(took)/2].Round(time.Millisecond), took[len(took)*99/100].Round(time.Millisecond))
	if lost+doubled > 0 || ordered && disordered > 0 {
		t.Error("want none")
	}
}

// ahead is how many messages of a writer may be on their way.
const ahead = 8

// crowd is people who write to the same one, each the next message once the broker has
// acknowledged the last, and not more than the receiver can be told.
type crowd struct {
	word     string // that their messages begin with
	people   []*writer
	receiver *client3
	end      atomic.Bool
	writing  sync.WaitGroup

	mu     sync.Mutex
	looked int              // how many of the receiver's messages are in newest
	newest map[uint64]int64 // by sender: the highest number behind the word
}

// writer is one of them.
type writer struct {
	user  uint64
	begun atomic.Int64 // messages that were sent, or are about to be
}

// gather lets people write: half of them give a client_ref, the others a time.
func (c *cluster) gather(t *testing.T, word string) *crowd {
	all := &crowd{word: word, receiver: c.connect3(eve), newest: make(map[uint64]int64)}
	for user := uint64(ada); user < eve; user++ {
		w, client := &writer{user: user}, c.connect3(user)
		all.people = append(all.people, w)
		all.writing.Go(func() {
			for !all.end.Load() {
				if all.told(user)+ahead < w.begun.Load() {
					time.Sleep(5 * time.Millisecond)
					continue
				}
				m := message(eve, fmt.Sprint(word, " ", w.begun.Add(1)-1), newRef())
				if user%2 == 0 {
					m = timed(t, m)
				}
				if err := client.send(m); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	t.Cleanup(all.stop)
	return all
}

// timed is a message with the time instead of a client_ref.
func timed(t *testing.T, payload []byte) []byte {
	m := new(proto.Message)
	if err := proto.Unmarshal(payload, m); err != nil {
		t.Error(err)
	}
	now := uint64(time.Now().UnixMilli())
	m.ClientRef, m.CreateTime = nil, &now
	payload, err := proto.Marshal(m)
	if err != nil {
		t.Error(err)
	}
	return payload
}

func (c *crowd) stop() {
	c.end.Store(true)
	c.writing.Wait()
}

func (c *crowd) total() (n int64) {
	for _, w := range c.people {
		n += w.begun.Load()
	}
	return n
}

// recover returns how long it takes until the receiver is told something of everybody that
// they begin to send from now on.
func (c *crowd) recover(t *testing.T) time.Duration {
	t.Helper()
	began := time.Now()
	for _, w := range c.people {
		next := w.begun.Load()
		eventually(t, fmt.Sprint("something new of ", w.user, " is told"), func() bool { return c.told(w.user) >= next })
	}
	return time.Since(began)
}

// told is the highest number that the receiver was told of a sender; 0 if it was told nothing.
func (c *crowd) told(sender uint64) int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.receiver.mu.Lock()
	fresh := c.receiver.messages[c.looked:]
	c.receiver.mu.Unlock()
	c.looked += len(fresh)
	for _, m := range fresh {
		if number, ok := strings.CutPrefix(m.GetContent(), c.word+" "); ok {
			n, _ := strconv.ParseInt(number, 10, 64)
			c.newest[m.GetSenderId()] = max(c.newest[m.GetSenderId()], n)
		}
	}
	return c.newest[sender]
}

// compare holds what was sent against what is stored and what was told, and counts. What is
// late, it waits for.
func (c *cluster) compare(t *testing.T, all *crowd) (lost, doubled, disordered int) {
	deadline := time.Now().Add(patience)
	await := func(holds func() bool) bool {
		for !holds() {
			if time.Now().After(deadline) {
				return false
			}
			time.Sleep(50 * time.Millisecond)
		}
		return true
	}
	for _, w := range all.people {
		sent, key := int(w.begun.Load()), proto.DirectKey(w.user, eve).String()
		said := func() (of []entry) {
			return slices.DeleteFunc(c.entries(eve, key), func(e entry) bool { return !strings.HasPrefix(e.content, all.word+" ") })
		}
		await(func() bool { return len(said()) >= sent })
		stored, seen, last := said(), make(map[string]bool), int64(-1)
		for _, e := range stored {
			n, _ := strconv.ParseInt(strings.TrimPrefix(e.content, all.word+" "), 10, 64)
			switch {
			case seen[e.content]:
				doubled++
				t.Logf("user %d: %q is stored twice", w.user, e.content)
			case n < last:
				disordered++
			}
			seen[e.content] = true
			last = max(last, n)
			if !await(func() bool { return all.receiver.has(w.user, e.seq) }) {
				lost++
				t.Logf("user %d: %q is stored and was not told", w.user, e.content)
			}
		}
		lost += sent - len(seen)
		if len(seen) < sent {
			t.Logf("user %d: of %d messages %d are stored", w.user, sent, len(seen))
		}
	}
	return lost, doubled, disordered
}
