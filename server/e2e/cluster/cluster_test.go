//go:build unix

// Package cluster holds tests of several nodes over one PostgreSQL: real processes, a load
// balancer and raw clients. It takes some 15 s of computing, and 50 s in all, since it waits for
// leases and graces to end.
package cluster

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"parley/proto"
	"parley/server/e2e/live"
	"parley/server/store/postgres/postgrestest"
)

// patience is how long a test waits for what must happen. It is generous: it says that
// something hangs, not that something is slow.
const patience = 60 * time.Second

func TestMain(m *testing.M) {
	flag.Parse()
	if _, err := live.Binary(); err != nil {
		fmt.Fprintln(os.Stderr, "cluster tests:", err)
		os.Exit(1)
	}
	os.Exit(postgrestest.Run(m))
}

func TestNodesAreOneServer(t *testing.T) {
	c := newCluster(t, 3, "-trusted-proxies", "127.0.0.1") // all at once, on an empty database
	t.Run("people at different nodes chat in one order", func(t *testing.T) { chatInOneOrder(at(t, c)) })
	t.Run("a token of one node is good at all, through a balancer too", func(t *testing.T) { anyNodeWillDo(at(t, c)) })
	t.Run("who is here, types and chose is known at all", func(t *testing.T) { fleeting(at(t, c)) })
	t.Run("a connection takes over from one at another node", func(t *testing.T) { takeOver(at(t, c)) })
	t.Run("who is signed out is so at all", func(t *testing.T) { signedOut(at(t, c)) })
	t.Run("a node that was frozen for a while catches up", func(t *testing.T) { catchesUp(at(t, c)) })
	t.Run("of a node that was frozen for too long the users connect again", func(t *testing.T) { missed(at(t, c)) })
	t.Run("what an operator decides counts at all", func(t *testing.T) { operated(at(t, c)) })
	t.Run("a node that stops sends people elsewhere, and nobody left", func(t *testing.T) { drains(at(t, c)) })
}

// at is c for a part of a test.
func at(t *testing.T, c *cluster) *cluster { return &cluster{t, c.database, c.nodes} }

func chatInOneOrder(c *cluster) {
	const each = 40
	ada, bob := c.guest(0, "Ada"), c.guest(1, "Bob")
	peers := []*client{c.connect(0, ada), c.connect(1, bob), c.connect(2, bob)}
	var sending sync.WaitGroup
	acks := make([][]ack, len(peers))
	for i, p := range peers {
		to := bob.ID
		if p.ID == bob.ID {
			to = ada.ID
		}
		sending.Go(func() {
			for n := range each {
				a, err := p.publish(c.Context(), proto.BranchMessage, message(to, fmt.Sprint(i, " says ", n), newRef()))
				if err != nil || a.code != 0 {
					c.Errorf("0x%02X, %v", a.code, err)
					return
				}
				acks[i] = append(acks[i], a)
			}
		})
	}
	sending.Wait()
	for i, p := range peers {
		p.until(c, "all messages came", func() bool { return len(p.messages) >= len(peers)*each })
		p.mu.Lock()
		last := uint64(0)
		for n, m := range p.messages {
			if m.GetSeq() != uint64(n+1) || m.GetMessageId() <= last {
				c.Fatalf("peer %d: message %d is seq %d, id %d after %d", i, n, m.GetSeq(), m.GetMessageId(), last)
			}
			last = m.GetMessageId()
		}
		for who, all := range acks { // what was acknowledged is what all see
			for n, a := range all {
				seq, _ := strconv.Atoi(a.properties[proto.PropertySeq])
				m := p.messages[max(seq, 1)-1]
				if m.GetContent() != fmt.Sprint(who, " says ", n) || strconv.FormatUint(m.GetMessageId(), 10) != a.properties[proto.PropertyMessageID] {
					c.Errorf("peer %d: %q is acknowledged as %v", i, m.GetContent(), a.properties)
				}
			}
		}
		p.mu.Unlock()
	}
}

func anyNodeWillDo(c *cluster) {
	balancer := c.balancer()
	g, err := live.Client{Server: balancer}.NewGuest(c.Context(), "Anywhere")
	if err != nil {
		c.Fatal(err)
	}
	for i := range c.nodes {
		if status, text := c.ask(i, "GET", "/api/me", g.Token); status != 200 || !strings.Contains(text, "Anywhere") {
			c.Errorf("node %d says %d %s", i, status, text)
		}
		if status, text := c.ask(i, "GET", "/readyz", ""); status != 200 {
			c.Errorf("node %d is not ready: %s", i, text)
		}
	}
	through := c.connectAs(balancer, g, fmt.Sprint(g.ID, "-balanced"))
	other := c.guest(2, "Other")
	directly := c.connect(2, other)
	c.say(directly, g.ID, "hello")
	through.until(c, "the message came", func() bool { return len(through.messages) == 1 })
	for i := range c.nodes {
		if status, text := c.ask(i, "GET", "/api/conversations/"+proto.DirectKey(g.ID, other.ID).String()+"/messages", g.Token); status != 200 || !strings.Contains(text, "hello") {
			c.Errorf("node %d says %d %s", i, status, text)
		}
	}
	// Nor does it matter which node a client synced with: none takes that for another history.
	var first struct{ Epoch, Token string }
	for i, n := range append(c.nodes, c.nodes...) {
		var next struct{ Epoch, Token string }
		if err := n.Client().Get(c.Context(), "/api/conversations?token="+first.Token, g.Token, &next); err != nil {
			c.Fatal(err)
		}
		if i > 0 && next != first {
			c.Errorf("node %d answers %+v to who knows %+v", i%len(c.nodes), next, first)
		}
		first = next
	}
}

func fleeting(c *cluster) {
	ada, bob := c.guest(0, "Ada"), c.guest(1, "Bob")
	a, b := c.connect(0, ada), c.connect(1, bob)
	c.say(a, bob.ID, "hello")
	c.say(b, ada.ID, "hello")
	here, gone := fmt.Sprint(bob.ID, " true"), fmt.Sprint(bob.ID, " false")
	a.until(c, "Bob is here", func() bool { return slices.Contains(a.presence, here) })
	second := c.connect(2, bob)
	key := proto.DirectKey(ada.ID, bob.ID).String()
	for range 3 { // it may get lost
		c.tell(b, proto.BranchTyping, &proto.Typing{Key: &key})
	}
	a.until(c, "Bob types", func() bool { return slices.Contains(a.typing, key) })
	no := false
	c.tell(b, proto.BranchSettings, &proto.Settings{ShareTyping: &no})
	second.until(c, "Bob's other device knows what Bob chose", func() bool {
		return slices.ContainsFunc(second.settings, func(s *proto.Settings) bool { return !s.GetShareTyping() })
	})
	b.close()
	c.tell(second, proto.BranchTyping, &proto.Typing{Key: &key}) // which is told to nobody now
	second.close()
	a.until(c, "Bob left", func() bool { return slices.Contains(a.presence, gone) })
	if again := c.connect(2, bob); again != nil {
		a.until(c, "Bob is back", func() bool { return len(a.presence) > 0 && a.presence[len(a.presence)-1] == here })
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if n := len(slices.DeleteFunc(slices.Clone(a.presence), func(p string) bool { return p != gone })); n != 1 {
		c.Errorf("Ada was told %d times that Bob left, want once: %q", n, a.presence)
	}
}

func takeOver(c *cluster) {
	ada := c.guest(0, "Ada")
	id := fmt.Sprint(ada.ID, "-profile")
	for i := range 6 { // to and fro
		before, now := i%3, (i+1)%3
		var older *client
		if i == 0 {
			older = c.connectAs(c.nodes[before].Address, ada, id)
		} else {
			older = c.connectAs(c.nodes[before].Address, ada, id+"x") // beside it, another stays
		}
		current := c.connectAs(c.nodes[now].Address, ada, older.id)
		if code := within(c, "the older connection's end", older.ended); code != byte(proto.SessionTakenOver) {
			c.Errorf("it ends with 0x%02X, want 0x8E", code)
		}
		c.tell(current, proto.BranchSettings, &proto.Settings{})
		select {
		case code := <-current.ended:
			c.Errorf("the newer ends, too, with 0x%02X", code)
		default:
		}
		current.close()
	}
}

func signedOut(c *cluster) {
	ada := c.guest(0, "Ada")
	stays := c.guest(1, "Bob")
	here, other := c.connect(1, ada), c.connect(2, stays)
	c.until("the device is known to be online", func() error {
		if _, text := c.ask(2, "GET", "/api/devices", ada.Token); !strings.Contains(text, `"online":true`) {
			return errors.New(text)
		}
		return nil
	})
	if status, text := c.ask(2, "DELETE", "/api/devices", ada.Token); status != 204 {
		c.Fatalf("%d %s", status, text)
	}
	if code := within(c, "the connection's end", here.ended); code != byte(proto.NotAuthorized) {
		c.Errorf("it ends with 0x%02X, want 0x87", code)
	}
	for i, n := range c.nodes {
		if status, _ := c.ask(i, "GET", "/api/me", ada.Token); status != 401 {
			c.Errorf("node %d answers %d, want 401", i, status)
		}
		if _, err := dial(c.Context(), n.Address, ada, fmt.Sprint(ada.ID, "-again")); err == nil || !strings.Contains(err.Error(), "0x86") {
			c.Errorf("node %d: %v, want that it refuses with 0x86", i, err)
		}
	}
	c.tell(other, proto.BranchSettings, &proto.Settings{}) // whom that does not concern
}

func catchesUp(c *cluster) {
	const messages = 50
	ada, bob := c.guest(0, "Ada"), c.guest(1, "Bob")
	a, b := c.connect(0, ada), c.connect(1, bob)
	c.freeze(1)
	for n := range messages {
		c.say(a, bob.ID, fmt.Sprint(n))
	}
	c.thaw(1)
	b.until(c, "all messages came", func() bool { return len(b.messages) >= messages })
	b.mu.Lock()
	defer b.mu.Unlock()
	for n, m := range b.messages {
		if m.GetContent() != fmt.Sprint(n) {
			c.Fatalf("message %d is %q", n, m.GetContent())
		}
	}
}

// missed: what it was not told is in the log no more. Its users connect again, and ask.
func missed(c *cluster) {
	ada, bob := c.guest(0, "Ada"), c.guest(1, "Bob")
	a, b := c.connect(0, ada), c.connect(1, bob)
	c.freeze(1)
	for n := range 3 {
		c.say(a, bob.ID, fmt.Sprint(n))
	}
	postgrestest.SQL(c, c.database, "DELETE FROM parley.changes WHERE number < (SELECT max(number) FROM parley.changes)")
	c.thaw(1)
	if code := within(c, "the connection's end", b.ended); code != byte(proto.ServerBusy) {
		c.Errorf("it ends with 0x%02X, want 0x89", code)
	}
	again := c.connect(1, bob)
	if status, text := c.ask(1, "GET", "/api/conversations/"+proto.DirectKey(ada.ID, bob.ID).String()+"/messages", bob.Token); status != 200 || !strings.Contains(text, `"head_seq":"3"`) {
		c.Errorf("%d %s", status, text)
	}
	c.say(a, bob.ID, "and on")
	again.until(c, "the next message came", func() bool { return len(again.messages) > 0 && again.messages[len(again.messages)-1].GetSeq() == 4 })
}

func operated(c *cluster) {
	ada, bob := c.guest(0, "Ada"), c.guest(1, "Bob")
	a, b := c.connect(0, ada), c.connect(1, bob)
	if out := c.command("users", "block", fmt.Sprint(bob.ID)); !strings.Contains(out, "(Bob) is blocked") {
		c.Error(out)
	}
	if code := within(c, "the connection's end", b.ended); code != byte(proto.NotAuthorized) {
		c.Errorf("it ends with 0x%02X, want 0x87", code)
	}
	if out := c.command("users"); !strings.Contains(out, "Bob") {
		c.Error(out)
	}
	code := strings.TrimSpace(strings.TrimPrefix(c.command("invite"), "Agent invite: "))
	if err := c.nodes[2].Client().Ask(c.Context(), "POST", "/api/guests", "", map[string]string{"name": "Agent", "invite": code}, nil); err != nil {
		c.Error("a new invite: ", err)
	}
	c.command("epoch")
	a.until(c, "a new epoch is told", func() bool { return slices.ContainsFunc(a.unread, (*proto.BaseUserUnreadStatics).GetSync) })
}

func drains(c *cluster) {
	ada, bob := c.guest(0, "Ada"), c.guest(1, "Bob")
	a, b := c.connect(0, ada), c.connect(1, bob)
	c.say(b, ada.ID, "hello")
	c.say(a, bob.ID, "hello")
	a.until(c, "Bob is here", func() bool { return slices.Contains(a.presence, fmt.Sprint(bob.ID, " true")) })
	stopped := make(chan error, 1)
	go func() { stopped <- c.nodes[1].Stop() }() // ends with the node
	if code := within(c, "DISCONNECT", b.ended); code != byte(proto.ServerShuttingDown) {
		c.Errorf("it ends with 0x%02X, want 0x8B", code)
	}
	if err := within(c, "the node's end", stopped); err != nil {
		c.Error(err)
	}
	elsewhere := c.connectAs(c.nodes[2].Address, bob, b.id)
	// By now those who did not go on elsewhere are told of, once the node counts as gone.
	cy := c.guest(0, "Cy")
	left := c.connect(2, cy)
	c.say(left, ada.ID, "hello")
	c.say(a, cy.ID, "hello")
	a.until(c, "Cy is here", func() bool { return slices.Contains(a.presence, fmt.Sprint(cy.ID, " true")) })
	c.until("the node is forgotten", func() error {
		if n := postgrestest.SQL(c, c.database, "SELECT count(*) FROM parley.nodes WHERE NOT gone"); n != "2" {
			return fmt.Errorf("%s nodes", n)
		}
		return nil
	})
	c.say(elsewhere, ada.ID, "still here")
	a.until(c, "the message came", func() bool { return len(a.messages) > 0 && a.messages[len(a.messages)-1].GetContent() == "still here" })
	a.mu.Lock()
	if slices.Contains(a.presence, fmt.Sprint(bob.ID, " false")) {
		c.Errorf("Ada was told that Bob left, who only went to another node: %q", a.presence)
	}
	a.mu.Unlock()
	if err := c.nodes[1].Start(); err != nil {
		c.Fatal(err)
	}
}

// A node is killed while people send at all three: what was acknowledged is there, once and in
// order, whoever sends the same again elsewhere gets the same answer, and those who were
// connected to it count as gone.
func TestNothingIsLostOrDoubledWhereANodeIsKilled(t *testing.T) {
	const senders, messages = 6, 60
	c := newCluster(t, 3)
	ada := c.guest(0, "Ada")
	watching := c.connect(0, ada)
	guests := make([]live.Guest, senders)
	for i := range guests {
		guests[i] = c.guest(0, fmt.Sprint("Sender ", i))
	}
	bystander := c.guest(1, "Bystander") // connected to the node that dies
	c.say(watching, bystander.ID, "hello")
	c.say(c.connect(1, bystander), ada.ID, "hello")
	watching.until(t, "the bystander is here", func() bool { return slices.Contains(watching.presence, fmt.Sprint(bystander.ID, " true")) })
	var sent atomic.Int64
	var sending sync.WaitGroup
	half := make(chan struct{})
	for i, g := range guests {
		sending.Go(func() {
			node := i % len(c.nodes)
			var p *client
			for n := range messages {
				ref := newRef()
				for {
					if p == nil {
						ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
						p, _ = dial(ctx, c.nodes[node].Address, g, fmt.Sprint(g.ID, "-sender"))
						cancel()
						if p == nil { // the next node
							node = (node + 1) % len(c.nodes)
							continue
						}
					}
					a, err := p.publish(t.Context(), proto.BranchMessage, message(ada.ID, fmt.Sprint(n), ref))
					if err == nil && a.code == 0 {
						break
					}
					if err != nil {
						p.close()
						p = nil
					}
					if t.Context().Err() != nil {
						return
					}
				}
				if sent.Add(1) == senders*messages/2 {
					close(half)
				}
			}
		})
	}
	within(t, "half of the messages", half)
	if err := c.nodes[1].Kill(); err != nil {
		t.Fatal(err)
	}
	sending.Wait()
	for _, g := range guests {
		status, text := c.ask(2, "GET", "/api/conversations/"+proto.DirectKey(ada.ID, g.ID).String()+"/messages?limit=500", ada.Token)
		if status != 200 || !strings.Contains(text, fmt.Sprintf(`"head_seq":"%d"`, messages)) {
			t.Errorf("of a sender there are not %d messages: %d %.200s", messages, status, text)
		}
	}
	watching.until(t, "all messages were told", func() bool { return len(watching.messages) >= senders*messages+2 })
	watching.mu.Lock()
	next := make(map[uint64]uint64)
	for _, m := range watching.messages {
		from := m.GetSenderId()
		if from == ada.ID || from == bystander.ID {
			continue
		}
		if next[from]++; m.GetSeq() != next[from] || m.GetContent() != fmt.Sprint(next[from]-1) {
			t.Fatalf("of %d came %q with seq %d, want %d", from, m.GetContent(), m.GetSeq(), next[from])
		}
	}
	watching.mu.Unlock()
	watching.until(t, "the bystander is gone", func() bool { return slices.Contains(watching.presence, fmt.Sprint(bystander.ID, " false")) })
	// On the same data folder it comes back.
	if err := c.nodes[1].Start(); err != nil {
		t.Fatal(err)
	}
	if status, text := c.ask(1, "GET", "/api/me", ada.Token); status != 200 {
		t.Errorf("%d %s", status, text)
	}
}

// A node that is frozen for longer than its lease lasts counts as gone, and is there again once
// it goes on.
func TestANodeThatWasTakenForGoneIsThereAgain(t *testing.T) {
	c := newCluster(t, 2)
	ada, bob := c.guest(0, "Ada"), c.guest(1, "Bob")
	a, b := c.connect(0, ada), c.connect(1, bob)
	c.say(a, bob.ID, "hello")
	c.say(b, ada.ID, "hello")
	here, gone := fmt.Sprint(bob.ID, " true"), fmt.Sprint(bob.ID, " false")
	a.until(t, "Bob is here", func() bool { return slices.Contains(a.presence, here) })
	c.freeze(1)
	a.until(t, "Bob counts as gone", func() bool { return slices.Contains(a.presence, gone) })
	c.say(a, bob.ID, "meanwhile")
	c.thaw(1)
	a.until(t, "Bob is here again", func() bool { return len(a.presence) > 0 && a.presence[len(a.presence)-1] == here })
	b.until(t, "the message came", func() bool {
		return slices.ContainsFunc(b.messages, func(m *proto.Message) bool { return m.GetContent() == "meanwhile" })
	})
	// Whoever came to another node meanwhile with the same client id took over.
	c.freeze(1)
	taken := c.connectAs(c.nodes[0].Address, bob, b.id)
	c.thaw(1)
	if code := within(t, "the older connection's end", b.ended); code != byte(proto.SessionTakenOver) {
		t.Errorf("it ends with 0x%02X, want 0x8E", code)
	}
	c.say(taken, ada.ID, "from here")
}
