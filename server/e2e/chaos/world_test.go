package chaos

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// A world is a server, or a cluster, and people who chat with each other.
type world struct {
	t       *testing.T
	chance  *rand.Rand // of the faults
	host    host
	people  []*person
	talkers []*talker // without a browser
	presses *recorder
	group   string // the key of one in which all people are
}

// newWorld starts a host and lets people sign in, each in a browser of their
// own. It all ends with the test.
func newWorld(t *testing.T, chance *rand.Rand, h host, people int) *world {
	t.Helper()
	w := &world{t: t, chance: chance, presses: newRecorder(t), host: h}
	t.Cleanup(w.endHost)
	w.must(h.Start())
	for i := range people {
		w.people = append(w.people, w.signIn([]string{"Ada", "Bob", "Cyd", "Dan"}[i]))
	}
	for i, p := range w.people {
		p.peers = append(slices.Clone(w.people[i+1:]), w.people[:i]...)
	}
	w.must(w.gather())
	w.must(w.each(func(p *person) error {
		tb, err := p.open()
		if err != nil {
			return err
		}
		p.add(tb)
		if err := tb.load(p.url()); err != nil {
			return err
		}
		return p.recover()
	}))
	return w
}

// gather makes a group of all people.
func (w *world) gather() error {
	members := make([]string, len(w.people))
	for i, p := range w.people {
		members[i] = strconv.FormatUint(p.id, 10)
	}
	var made struct {
		GroupID string `json:"group_id"`
	}
	status, body, err := w.host.Client().Fetch(w.t.Context(), http.MethodPost, "/api/groups", w.people[0].token, map[string]any{"name": "all", "members": members})
	if err == nil && status != http.StatusCreated {
		err = fmt.Errorf("the group was not made: %d %s", status, body)
	}
	if err == nil {
		err = json.Unmarshal(body, &made)
	}
	w.group = "g:" + made.GroupID
	for _, p := range w.people {
		p.group = w.group
	}
	return err
}

// signIn makes a guest with a browser and a line.
func (w *world) signIn(name string) *person {
	w.t.Helper()
	p := &person{name: name, presses: w.presses, chance: rand.New(rand.NewPCG(w.chance.Uint64(), 0))}
	client := w.host.Client()
	guest, err := client.NewGuest(w.t.Context(), name)
	w.must(err)
	p.id, p.token = guest.ID, guest.Token
	p.line, err = newLine(name, client.Server)
	w.must(err)
	w.t.Cleanup(p.line.end)
	p.browser, err = newBrowser(w.t.TempDir())
	w.must(err)
	w.t.Cleanup(func() { p.browser.cancel() })
	w.t.Cleanup(p.leave)
	return p
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// each does something for all people at the same time and returns the first error.
func (w *world) each(f func(*person) error) error {
	errs := make([]error, len(w.people))
	var all sync.WaitGroup
	for i, p := range w.people {
		all.Go(func() { errs[i] = f(p) })
	}
	all.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// A conversation is one between two people with browsers, or of all of them.
type conversation struct {
	key     string
	members []*person
}

func (w *world) conversations() (all []conversation) {
	for i, a := range w.people {
		for _, b := range w.people[i+1:] {
			all = append(all, conversation{a.key(b), []*person{a, b}})
		}
	}
	return append(all, conversation{w.group, w.people})
}

// endHost stops the host and looks for what it must never log.
func (w *world) endHost() {
	if w.host.Runs() {
		if err := w.host.Stop(); err != nil {
			w.t.Error(err)
		}
	}
	if err := w.host.CheckLog(); err != nil {
		w.t.Error(err)
	}
	if w.t.Failed() {
		keep(w.t, "server.log", w.host.Log())
	}
}

// leave keeps what the pages of a failed test said.
func (p *person) leave() {
	if !p.presses.t.Failed() {
		return
	}
	for i, tb := range p.tabs {
		tb.mu.Lock()
		keep(p.presses.t, fmt.Sprintf("%s-%d-console.log", p.name, i+1), strings.Join(tb.console, "\n"))
		tb.mu.Unlock()
	}
}

// run lets people chat while faults strike, in rounds: some strike at the same
// time, then everybody recovers.
func (w *world) run(ctx context.Context, messages, faults int, r *report) error {
	deck := deck{chance: w.chance}
	wanted, err := regexp.Compile(*only)
	if err != nil {
		return err
	}
	for _, kind := range append(w.host.kinds(), kinds...) {
		if wanted.MatchString(kind.name) {
			deck.kinds = append(deck.kinds, kind)
		}
	}
	for struck := 0; struck < faults; {
		cards := deck.deal(min(2+w.chance.IntN(3), faults-struck), len(w.people))
		struck += len(cards)
		senders := len(w.people) + len(w.talkers)
		goal := (messages*struck/faults + senders - 1) / senders // that each has sent after this round
		for _, talker := range w.talkers {
			talker.write(goal)
		}
		ctx, cancel := context.WithCancel(ctx)
		sent := make(chan error, 1)
		go func() {
			sent <- w.each(func(p *person) error { return p.send(ctx, goal-p.written, 2*time.Second) })
		}()
		err := w.round(cards, r)
		if err != nil {
			cancel()
		}
		if sendErr := <-sent; err == nil {
			err = sendErr
		}
		cancel()
		if err != nil {
			return err
		}
	}
	return nil
}

// round lets faults strike and waits until everybody has recovered.
func (w *world) round(cards []card, r *report) error {
	began := time.Now()
	errs := make([]error, len(cards))
	var all sync.WaitGroup
	for i, c := range cards {
		s := strike{victim: w.people[c.victim], chance: rand.New(rand.NewPCG(w.chance.Uint64(), 0))}
		all.Go(func() {
			time.Sleep(s.between(0, 500*time.Millisecond))
			errs[i] = c.fault.strike(s)
		})
	}
	all.Wait()
	over := time.Now()
	for i, c := range cards {
		if errs[i] != nil {
			return fmt.Errorf("%s struck %s, in %v: %w", c, w.people[c.victim].name, cards, errs[i])
		}
	}
	if err := errors.Join(w.each((*person).recover), w.talkersRecover()); err != nil {
		return fmt.Errorf("after %v: %w", cards, err)
	}
	took := time.Since(over)
	for _, p := range w.people {
		r.verdict.screen(p)
	}
	w.t.Logf("%v after the start: %v, over after %v, recovered %v later", began.Sub(r.began).Round(time.Second),
		cards, over.Sub(began).Round(time.Millisecond), took.Round(time.Millisecond))
	r.survived(cards, took)
	return nil
}

// A card is a fault that befalls somebody.
type card struct {
	fault  fault
	victim int
}

func (c card) String() string { return c.fault.name }

// deck deals faults so that each kind comes before any comes again.
type deck struct {
	chance *rand.Rand
	kinds  []fault
	left   []fault
}

// deal gives up to n faults that can strike at the same time, at least one.
// Misfortunes seldom come singly: most of them befall the same person.
func (d *deck) deal(n, people int) (cards []card) {
	unlucky := d.chance.IntN(people)
	for len(cards) < n {
		if len(d.left) == 0 {
			d.left = slices.Clone(d.kinds)
			d.chance.Shuffle(len(d.left), func(i, j int) { d.left[i], d.left[j] = d.left[j], d.left[i] })
		}
		c := card{d.left[0], unlucky}
		if d.chance.IntN(3) == 0 {
			c.victim = d.chance.IntN(people)
		}
		if slices.ContainsFunc(cards, func(other card) bool {
			return other.fault.scope == c.fault.scope && (c.fault.scope.shared() || other.victim == c.victim)
		}) {
			return cards
		}
		cards, d.left = append(cards, c), d.left[1:]
	}
	return cards
}
