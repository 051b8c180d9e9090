// Package gateway plays the real gateway of several nodes, each with the real sequencer, over
// one history and beside a broker, in virtual time: nodes are killed and frozen, commits fail,
// connections to the broker break and go silent. What is published is to be stored once and in
// order, and what is stored told in order, without a gap.
//
// It is what package sim cannot play: the gateway has goroutines and connections of its own.
// So a seed says what befalls whom, and when, and the scheduler who comes first in between.
package gateway_test

import (
	"context"
	"crypto/sha256"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"parley/proto"
	"parley/server/chat"
	"parley/server/chat/chattest"
	"parley/server/gateway"
)

var (
	seeds = flag.Int("seeds", 10, "how many seeds to run")
	first = flag.Uint64("seed", 1, "the first seed")
)

const (
	nodes    = 3
	senders  = 6
	active   = 60 * time.Second // people write and things break
	healing  = 2 * time.Minute  // faults have stopped: everything must come right
	peace    = 30 * time.Second // nothing happens any more
	sendLess = 400 * time.Millisecond
)

func TestEveryPromiseHoldsUnderFaults(t *testing.T) {
	for seed := *first; seed < *first+uint64(*seeds) && !t.Failed(); seed++ {
		synctest.Test(t, func(t *testing.T) {
			time.Sleep(time.Until(began))
			newWorld(t, seed).run()
			if t.Failed() {
				t.Errorf("seed %d: see above", seed)
			}
		})
	}
}

// began is when runs begin: the gateway takes no create_time for one that is as early as the
// year 2000, when virtual time begins.
var began = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// world is one run.
type world struct {
	t      *testing.T
	broker *broker
	work   sync.WaitGroup

	mu       sync.Mutex
	rand     *rand.Rand
	faulty   bool
	full     bool // nothing can be stored
	shared   *chattest.Shared
	nodes    [nodes]*node
	progress gateway.Progress
	sent     [senders][]string // what the broker took of each, in order
}

func newWorld(t *testing.T, seed uint64) *world {
	w := &world{t: t, rand: rand.New(rand.NewPCG(seed, 0)), shared: chattest.NewShared(chattest.NewMemory(seed+1), time.Now), faulty: true}
	w.broker = &broker{w: w, renumber: seed%2 == 0, told: make(map[uint64][]*proto.Message)}
	return w
}

func (w *world) run() {
	for place := range w.nodes {
		w.startNode(place)
	}
	time.Sleep(healing) // all are there, and one leads
	var people sync.WaitGroup
	for i := range w.sent {
		people.Go(func() { w.write(i) })
	}
	for end := time.Now().Add(active); time.Now().Before(end); time.Sleep(w.upTo(4 * time.Second)) {
		w.breakSomething()
	}
	w.heal()
	people.Wait()
	time.Sleep(healing)
	connects := w.broker.count()
	time.Sleep(peace)
	if again := w.broker.count() - connects; again > 0 {
		w.t.Errorf("in peace the gateway connects %d times: more than one node leads", again)
	}
	w.stop()
	w.check()
}

// stop ends all nodes and waits for them.
func (w *world) stop() {
	w.mu.Lock()
	for _, n := range w.nodes {
		n.kill()
	}
	w.mu.Unlock()
	w.broker.breakLink(false)
	w.work.Wait()
}

// user is who writes, or is written to, by a number.
func user(n int) uint64 { return uint64(1000 + n) }

// peer is to whom a user writes: two write to each other.
func peer(n int) int { return n ^ 1 }

// write lets somebody write while things break. A message has a client_ref, in one of two
// places, or a time, or, with a broker that keeps packet identifiers, none of them.
func (w *world) write(sender int) {
	for i := 0; w.breaks(); i++ {
		time.Sleep(w.upTo(2 * sendLess))
		content, to, now, zero := fmt.Sprint("word ", i), user(peer(sender)), uint64(time.Now().UnixMilli()), uint64(0)
		ref := sha256.Sum256([]byte(fmt.Sprint(sender, content)))
		m := &proto.Message{MessageId: &zero, SenderId: &zero, Content: &content, CreateTime: &zero, ReceiverId: &to}
		var correlation []byte
		named := true
		switch kind := w.upTo(4); {
		case kind == 0:
			m.ClientRef = ref[:proto.RefSize]
		case kind == 1:
			correlation = ref[:proto.RefSize]
		case kind == 2 || w.broker.renumber:
			m.CreateTime = &now
		default:
			named = false
		}
		payload, err := proto.Marshal(m)
		if err != nil {
			w.t.Error(err)
		}
		for !w.broker.publish(user(sender), payload, correlation) {
			time.Sleep(time.Second)
		}
		w.sent[sender] = append(w.sent[sender], content)
		if named && w.chance(10) { // its author had no acknowledgement
			w.broker.publish(user(sender), payload, correlation)
		}
	}
}

// breakSomething lets something befall somebody.
func (w *world) breakSomething() {
	place, what := int(w.upTo(nodes)), w.upTo(12)
	w.mu.Lock()
	if w.rand.IntN(2) == 0 { // mostly it is the leader that matters
		place = max(0, slices.IndexFunc(w.nodes[:], func(n *node) bool { return n.shared.Leads() }))
	}
	n := w.nodes[place]
	switch {
	case what < 2:
		n.kill()
	case what < 4:
		n.crash = 1 + w.rand.IntN(3)
	case what < 8:
		n.frozen = time.Now().Add(time.Duration(w.rand.Int64N(int64(25 * time.Second))))
	case what == 8:
		w.full = true
		time.AfterFunc(time.Duration(w.rand.Int64N(int64(4*time.Second))), func() {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.full = false
		})
	}
	w.mu.Unlock()
	if what > 8 {
		w.broker.breakLink(what == 11)
	}
	for place, n := range w.nodes {
		if w.isDead(n) && w.upTo(3) == 0 {
			w.startNode(place)
		}
	}
}

// heal ends all faults.
func (w *world) heal() {
	w.mu.Lock()
	w.faulty, w.full = false, false
	for _, n := range w.nodes {
		n.frozen, n.crash = time.Time{}, 0
	}
	w.mu.Unlock()
	for place, n := range w.nodes {
		if w.isDead(n) {
			w.startNode(place)
		}
	}
}

// check holds what was promised.
func (w *world) check() {
	for sender, sent := range w.sent {
		key := proto.DirectKey(user(sender), user(peer(sender)))
		var entries []chat.Entry
		err := w.shared.View(context.Background(), func(v chat.View) (err error) {
			entries, err = v.Entries(key, 0, 0, 1<<20, false)
			return err
		})
		if err != nil {
			w.t.Fatal(err)
		}
		var stored []string
		for _, e := range entries {
			m := new(proto.Message)
			if err := proto.Unmarshal(e.Body, m); err != nil {
				w.t.Fatal(err)
			}
			if e.Sender == user(sender) {
				stored = append(stored, m.GetContent())
			}
		}
		for i := range max(len(sent), len(stored)) {
			if i == len(sent) || i == len(stored) || sent[i] != stored[i] {
				w.t.Errorf("user %d sent %q behind %d others, and stored is %q", user(sender), sent[i:min(i+4, len(sent))], i, stored[i:min(i+4, len(stored))])
				break
			}
		}
		w.checkTold(user(sender), key, uint64(len(entries)))
	}
}

// checkTold holds that a user was told each entry, the first time in order.
func (w *world) checkTold(user uint64, key proto.Key, head uint64) {
	next := uint64(1)
	for _, m := range w.broker.told[user] {
		if m.GetSeq() > next {
			w.t.Errorf("user %d is told %d of %s, and not %d before", user, m.GetSeq(), key, next)
			return
		}
		next = max(next, m.GetSeq()+1)
	}
	if next <= head {
		w.t.Errorf("user %d was told %s through %d of %d", user, key, next-1, head)
	}
}

func (w *world) breaks() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.faulty
}

func (w *world) isDead(n *node) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return n.dead
}

// upTo is a random number, or time, below n.
func (w *world) upTo(n time.Duration) time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	return time.Duration(w.rand.Int64N(int64(n)))
}

// chance is true in one of n cases while things break.
func (w *world) chance(n int) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.faulty && w.rand.IntN(n) == 0
}

// records is how many there are in the change log.
func (w *world) records() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.shared.Records()
}

// since are the records behind the first so many.
func (w *world) since(after int) [][]byte {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.shared.Since(after)
}
