//go:build unix

package gateway

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/eclipse/paho.golang/paho"

	"parley/proto"
	"parley/server/e2e/live"
)

func TestWithMosquitto(t *testing.T) { testBroker(t, newSite(t, startMosquitto)) }

func TestWithThreeNodesOfRabbitMQ(t *testing.T) { testBroker(t, newSite(t, startRabbitMQ)) }

// testBroker is what holds with every broker.
func testBroker(t *testing.T, s *site) {
	for _, test := range []struct {
		name string
		run  func(*testing.T, *site)
	}{
		{"stock clients and browsers chat in order", chat},
		{"what is refused does not stop the line", refused},
		{"a foreign topic is refused by the broker", foreign},
		{"what it does is in the metrics", metrics},
		{"a kept session is told what it missed", absent},
		{"who syncs through the broker is answered", syncs},
		{"nothing is lost or doubled when things end", endings},
		{"clients without client_ref are known by what they say", unnamed},
		{"another node takes over from one that is killed", takeOver},
	} {
		t.Run(test.name, func(t *testing.T) {
			s.t = t
			test.run(t, s)
		})
	}
}

func numbered(who string, n int) (all []string) {
	for i := range n {
		all = append(all, fmt.Sprint(who, " ", i))
	}
	return all
}

// chat: an MQTT 5 client on the external broker, one of 3.1.1 there, and a browser's on
// the embedded one write to each other, with and without client_ref.
func chat(t *testing.T, s *site) {
	const n = 40
	five, three, browser := s.connect5(ada), s.connect3(bob), s.connectBrowser(cid)
	var all sync.WaitGroup
	all.Go(func() {
		for i := range n {
			five.send(t, message(bob, fmt.Sprint("five ", i), newRef()), nil)
			five.send(t, message(cid, fmt.Sprint("five ", i), nil), newRef())
		}
	})
	all.Go(func() {
		for i := range n { // it says nothing that would tell a repeat
			if err := three.send(message(cid, fmt.Sprint("three ", i), nil)); err != nil {
				t.Error(err)
			}
		}
	})
	all.Go(func() {
		for i := range n {
			browser.send(t, message(ada, fmt.Sprint("browser ", i), newRef()), nil)
		}
	})
	all.Wait()
	if t.Failed() {
		return
	}
	for _, pair := range []struct {
		a, b    uint64
		inboxes []*inbox
		said    []string
	}{
		{ada, bob, []*inbox{&five.inbox, &three.inbox}, []string{"five"}},
		{bob, cid, []*inbox{&three.inbox, &browser.inbox}, []string{"three"}},
		{ada, cid, []*inbox{&five.inbox, &browser.inbox}, []string{"five", "browser"}},
	} {
		for i, in := range pair.inboxes {
			user, peer := pair.a, pair.b
			if i == 1 {
				user, peer = peer, user
			}
			eventually(t, "all have arrived", func() bool { return len(in.of(t, user, peer)) == n*len(pair.said) })
			got := in.of(t, user, peer)
			for _, who := range pair.said {
				of := slices.DeleteFunc(slices.Clone(got), func(c string) bool { return !strings.HasPrefix(c, who) })
				if !slices.Equal(of, numbered(who, n)) {
					t.Errorf("user %d was told %q", user, of)
				}
			}
			if stored := s.history(user, proto.DirectKey(user, peer).String()); !slices.Equal(stored, got) {
				t.Errorf("the history is %q, user %d was told %q", stored, user, got)
			}
		}
	}
}

// metrics: what the gateway does is told, each with what it means.
func metrics(t *testing.T, s *site) {
	body := scrape(t, s.metrics)
	for _, line := range []string{
		"parley_gateway_connected 1", "parley_gateway_connects_total 1", `parley_gateway_stored_total{branch="message"} `, "parley_gateway_published_total ",
		"parley_gateway_queue_bytes ", "parley_gateway_unacknowledged ", "parley_gateway_left_out_total 0", `parley_gateway_dropped_total{why="`,
	} {
		if !strings.Contains(body, "\n"+line) {
			t.Errorf("there is no line %s", line)
		}
	}
	if names, helps := strings.Count(body, "# TYPE parley_gateway_"), strings.Count(body, "# HELP parley_gateway_"); names != helps || names < 12 {
		t.Errorf("of %d metrics %d have a help text", names, helps)
	}
}

func refused(t *testing.T, s *site) {
	c := s.connect3(dee)
	for _, payload := range [][]byte{
		message(eve, "before", newRef()), message(eve, strings.Repeat("x", 60<<10), nil), message(dee, "to oneself", nil), []byte("no message"), message(eve, "", nil), message(eve, "after", newRef()),
	} {
		if err := c.send(payload); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "the last has arrived", func() bool { return len(c.of(t, dee, eve)) == 2 })
	if got := c.of(t, dee, eve); !slices.Equal(got, []string{"before", "after"}) {
		t.Errorf("stored is %q", got)
	}
}

// foreign: what is sent for somebody else comes to nobody, and nobody reads along.
func foreign(t *testing.T, s *site) {
	const thief = 1009
	reader := s.connect5(thief) // fails the test if it is sent anything
	// RabbitMQ refuses, Mosquitto delivers nothing.
	_, _ = reader.Subscribe(t.Context(), &paho.Subscribe{Subscriptions: []paho.SubscribeOptions{{Topic: proto.DownFilter(eve), QoS: 1}}})
	// RabbitMQ ends the connection, Mosquitto refuses.
	c := s.connect5(thief)
	if ack, err := c.Publish(c.gone, &paho.Publish{Topic: proto.Up(eve, proto.BranchMessage), QoS: 1, Payload: message(1010, "forged", nil)}); err == nil && ack.ReasonCode < 0x80 {
		t.Errorf("it writes as another: %v", ack)
	}
	s.connect5(eve).send(t, message(1010, "genuine", nil), nil)
	key := proto.DirectKey(eve, 1010).String()
	eventually(t, "what comes behind is there", func() bool { return len(s.history(eve, key)) > 0 })
	if got := s.history(eve, key); !slices.Equal(got, []string{"genuine"}) {
		t.Errorf("the history is %q", got)
	}
}

// endings: four clients send, each the next once the broker acknowledged the last, while
// the server is killed and comes back, and then the broker, or a node of it.
func endings(t *testing.T, s *site) {
	const n = 600
	senders := []uint64{ada, bob, cid, dee}
	var sent atomic.Int64
	var all sync.WaitGroup
	receiver := s.connect3(eve)
	for _, user := range senders {
		c := s.connect3(user)
		all.Go(func() {
			for i := range n {
				if err := c.send(message(eve, fmt.Sprint("word ", i), newRef())); err != nil {
					t.Error(err)
					return
				}
				sent.Add(1)
			}
		})
	}
	at := func(part int64) {
		eventually(t, "some are sent", func() bool { return sent.Load() >= part*int64(len(senders))*n/4 || t.Failed() })
	}
	at(1)
	if err := s.Kill(); err != nil {
		t.Fatal(err)
	}
	at(2) // a backlog
	began := time.Now()
	s.start()
	at(3)
	s.restart(t)
	all.Wait()
	keys := make([]string, len(senders))
	for i, user := range senders {
		keys[i] = proto.DirectKey(user, eve).String()
	}
	said := func(key string) []string {
		return slices.DeleteFunc(s.history(eve, key), func(c string) bool { return !strings.HasPrefix(c, "word") })
	}
	for i, key := range keys {
		eventually(t, "all are stored", func() bool { return len(said(key)) >= n })
		got, want := said(key), numbered("word", n)
		if slices.Equal(got, want) {
			continue
		}
		slices.Sort(got)
		slices.Sort(want)
		if parts := segments(said(key)); s.keepsOrder() || !slices.Equal(got, want) {
			t.Errorf("of user %d there are %d, want %d, each once: %q", senders[i], len(got), n, parts)
		} else {
			t.Logf("the broker handed out what user %d said in the order %q", senders[i], parts)
		}
	}
	t.Logf("%d messages stored %v after the server came back", len(senders)*n, time.Since(began).Round(time.Millisecond))
	// The server that lived told everything that it stored, though the broker was away.
	for i, user := range senders {
		for _, e := range s.entries(eve, keys[i]) {
			if e.created >= uint64(began.UnixMilli()) {
				eventually(t, "all are told", func() bool { return receiver.has(user, e.seq) })
			}
		}
		if s.keepsOrder() {
			receiver.inOrder(t, user)
		}
	}
	for i, key := range keys { // what came again since
		if got := len(said(key)); got != n {
			t.Errorf("of user %d there are %d in the end, want %d", senders[i], got, n)
		}
	}
	if log := s.Log(); strings.Contains(log, "level=ERROR") {
		t.Error("the log holds an error")
	}
}

// segments are the parts of a history in which words come one after another, as
// "from-to".
func segments(words []string) (all []string) {
	from, last := -1, -2
	for _, word := range append(words, "word -9") {
		n, _ := strconv.Atoi(strings.TrimPrefix(word, "word "))
		if n != last+1 {
			if from >= 0 {
				all = append(all, fmt.Sprint(from, "-", last))
			}
			from = n
		}
		last = n
	}
	return all
}

// unnamed: what clients send that give no client_ref is stored once, too, although the
// server is killed between commit and acknowledgement: by its create_time, or by the packet
// identifier with a broker that keeps it.
func unnamed(t *testing.T, s *site) {
	const n, kills = 300, 2
	senders := []uint64{ada, bob, cid, dee, 1006, 1007, 1008}
	says := func(i int) []byte {
		m := new(proto.Message)
		if err := proto.Unmarshal(message(1010, fmt.Sprint("anonymous ", i), nil), m); err != nil {
			t.Error(err)
		}
		if now := uint64(time.Now().UnixMilli()); !s.keepsIdentifiers() {
			m.CreateTime = &now
		}
		payload, err := proto.Marshal(m)
		if err != nil {
			t.Error(err)
		}
		return payload
	}
	var sent atomic.Int64
	var all sync.WaitGroup
	for _, user := range senders {
		c := s.connect3(user)
		all.Go(func() {
			for i := range n {
				if err := c.send(says(i)); err != nil {
					t.Error(err)
					return
				}
				sent.Add(1)
			}
		})
	}
	for i := range int64(kills) {
		eventually(t, "some are sent", func() bool { return sent.Load() >= (i+1)*n*int64(len(senders))/(kills+1) || t.Failed() })
		if err := s.Kill(); err != nil {
			t.Fatal(err)
		}
		s.start()
	}
	all.Wait()
	for _, user := range senders {
		key := proto.DirectKey(user, 1010).String()
		eventually(t, "all are stored", func() bool { return len(s.history(user, key)) >= n })
		if got := s.history(user, key); !slices.Equal(got, numbered("anonymous", n)) {
			t.Errorf("of user %d there are %d, want %d once and in order", user, len(got), n)
		}
	}
}

// takeOver: of two nodes one has the gateway, and the other when that is killed, with the
// same session. It leaves one of them dead.
func takeOver(t *testing.T, s *site) {
	const user, other = 1008, 1009
	addresses := []string{s.metrics, freeAddress(t)}
	nodes := []*live.Server{s.Server, s.node("", addresses[1])}
	if err := nodes[1].Start(); err != nil {
		t.Fatal(err)
	}
	leader := -1
	eventually(t, "one node has the gateway", func() bool {
		first, second := connected(t, addresses[0]), connected(t, addresses[1])
		if leader = 0; second {
			leader = 1
		}
		return first != second
	})
	c := s.connect3(user)
	if err := c.send(message(other, "one", newRef())); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it is told", func() bool { return len(c.of(t, user, other)) == 1 })
	if err := nodes[leader].Kill(); err != nil {
		t.Fatal(err)
	}
	// What a browser writes now is committed while no node has the gateway.
	left := *s
	left.Server = nodes[1-leader]
	left.connectBrowser(other).send(t, message(user, "meanwhile", newRef()), nil)
	if err := c.send(message(other, "two", newRef())); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the other node has stored and told what came meanwhile", func() bool { return len(c.of(t, user, other)) == 3 })
	if got := c.of(t, user, other); !slices.Equal(got, []string{"one", "meanwhile", "two"}) {
		t.Errorf("it was told %q", got)
	}
}

// connected reports whether a node has the gateway, as its metrics say.
func connected(t *testing.T, address string) bool {
	t.Helper()
	return strings.Contains(scrape(t, address), "\nparley_gateway_connected 1")
}

// scrape returns a node's metrics.
func scrape(t *testing.T, address string) string {
	t.Helper()
	answer, err := http.Get("http://" + address + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// has reports whether an entry of a sender came.
func (i *inbox) has(sender, seq uint64) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	return slices.ContainsFunc(i.messages, func(m *proto.Message) bool { return m.GetSenderId() == sender && m.GetSeq() == seq })
}

// inOrder checks that what came of a sender first came in order, whatever came again.
func (i *inbox) inOrder(t *testing.T, sender uint64) {
	t.Helper()
	i.mu.Lock()
	defer i.mu.Unlock()
	seen, last := map[uint64]bool{}, uint64(0)
	for _, m := range i.messages {
		if m.GetSenderId() != sender || seen[m.GetSeq()] {
			continue
		}
		if seen[m.GetSeq()] = true; m.GetSeq() < last {
			t.Errorf("of user %d came seq %d first behind %d", sender, m.GetSeq(), last)
		}
		last = m.GetSeq()
	}
}

// absent: who is away with a session that the broker keeps is told everything later.
func absent(t *testing.T, s *site) {
	const n = 50
	const late, author = 1006, 1007
	away := s.connect3(late)
	away.Disconnect(100)
	browser := s.connectBrowser(author)
	for i := range n {
		browser.send(t, message(late, fmt.Sprint("news ", i), newRef()), nil)
	}
	back := s.connect3(late)
	eventually(t, "all have arrived", func() bool { return len(back.of(t, late, author)) == n })
	if got := back.of(t, late, author); !slices.Equal(got, numbered("news", n)) {
		t.Errorf("it was told %q", got)
	}
}

func syncs(t *testing.T, s *site) {
	const user = 1008
	s.connectBrowser(ada).send(t, message(user, "hello", nil), nil)
	c := s.connect5(user)
	answered := make(chan *proto.BaseUserUnreadStatics, 10)
	c.AddOnPublishReceived(func(r paho.PublishReceived) (bool, error) {
		m := new(proto.BaseUserUnreadStatics)
		if r.Packet.Topic == proto.Down(user, proto.BranchUnread) && proto.Unmarshal(r.Packet.Payload, m) == nil && len(m.GetConversations()) > 0 {
			answered <- m
		}
		return true, nil
	})
	if _, err := c.Publish(t.Context(), &paho.Publish{Topic: proto.Up(user, proto.BranchSync), QoS: 1}); err != nil {
		t.Fatal(err)
	}
	select {
	case m := <-answered:
		if key := m.GetConversations()[0].GetKey(); key != proto.DirectKey(ada, user).String() {
			t.Errorf("it is answered with %s", key)
		}
	case <-time.After(patience):
		t.Error("no answer")
	}
}
