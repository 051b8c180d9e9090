package chaos

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"time"
)

// A person chats in a browser of their own, over a line of their own.
type person struct {
	name    string
	id      uint64
	token   string
	line    *line
	browser *browser
	peers   []*person
	group   string // the key of that of all people
	presses *recorder

	chance  *rand.Rand // of the sender
	written int        // messages, so far

	mu   sync.Mutex
	tabs []*tab // the first shows the conversation with the first peer
}

// key is that of the conversation with another.
func (p *person) key(peer *person) string {
	return fmt.Sprintf("d:%d:%d", min(p.id, peer.id), max(p.id, peer.id))
}

// url is the page with the conversation with the first peer.
func (p *person) url() string {
	return p.line.url + "/#/to/" + strconv.FormatUint(p.peers[0].id, 10)
}

// open opens a tab that is signed in, and shows nothing yet.
func (p *person) open() (*tab, error) {
	session := fmt.Sprintf(`{"id": "%d", "name": %q, "token": %q, "since": %d}`, p.id, p.name, p.token, time.Now().UnixMilli())
	return p.browser.open(fmt.Sprintf("if (location.protocol === 'http:') localStorage.setItem('parley.session', %q);\n", session), p.presses.told)
}

// restart kills the browser and starts it again, with the same profile.
func (p *person) restart() error {
	p.mu.Lock()
	tabs := p.tabs
	p.mu.Unlock()
	for _, tb := range tabs {
		tb.setUp(false)
	}
	if err := p.browser.kill(); err != nil {
		return err
	}
	var err error
	if p.browser, err = newBrowser(p.browser.folder); err != nil {
		return err
	}
	fresh, err := p.open()
	if err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.tabs = []*tab{fresh}
	return nil
}

// first is the tab that the person looks at.
func (p *person) first() *tab {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.tabs[0]
}

// add makes a tab one that the person uses.
func (p *person) add(tb *tab) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.tabs = append(p.tabs, tb)
}

// replace takes a tab out of use, and puts another one, if any, in its place.
func (p *person) replace(gone, by *tab) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var tabs []*tab
	for _, tb := range p.tabs {
		switch {
		case tb != gone:
			tabs = append(tabs, tb)
		case by != nil:
			tabs = append(tabs, by)
		}
	}
	p.tabs = tabs
}

// usable is one of the tabs that show the page; nil if there is none.
func (p *person) usable() (tb *tab, first bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var up []*tab
	for _, tb := range p.tabs {
		if tb.isUp() {
			up = append(up, tb)
		}
	}
	if len(up) == 0 {
		return nil, false
	}
	tb = up[p.chance.IntN(len(up))]
	return tb, tb == p.tabs[0]
}

// send presses Send n times, spread over some time, wherever there is a page.
// What a dying page makes of it is for the recorder.
func (p *person) send(ctx context.Context, n int, over time.Duration) error {
	const burst = 12
	pause := 2 * over / time.Duration(1+2*n/burst)
	waited := time.Now()
	for n > 0 && ctx.Err() == nil {
		tb, first := p.usable()
		switch {
		case tb == nil && time.Since(waited) > 2*patience:
			return fmt.Errorf("%s: no page came up again", p.name)
		case tb == nil:
			time.Sleep(20 * time.Millisecond)
			continue
		case first && p.chance.IntN(8) == 0:
			x := p.presses.compose(p, p.key(p.peers[0]), 0)
			tb.typeMessage(x.content, func() { p.presses.press(x) }) //nolint:errcheck // the recorder judges
			n--
		default:
			n -= p.sendBurst(tb, min(n, 1+p.chance.IntN(burst)))
		}
		waited = time.Now()
		time.Sleep(time.Duration(p.chance.Int64N(int64(pause) + 1)))
	}
	return ctx.Err()
}

// sendBurst sends some messages at once, by the page's API. In the group, some of what was sent is edited or taken
// back beside.
func (p *person) sendBurst(tb *tab, n int) int {
	key := p.key(p.peers[p.chance.IntN(len(p.peers))])
	if p.chance.IntN(3) == 0 {
		key = p.group
		_, _ = call[bool](tb, 20*time.Second, "revise", key, p.chance.IntN(10), p.chance.IntN(2) == 0) // whether it is done or not
	}
	var all []*press
	var contents []string
	for range n {
		x := p.presses.compose(p, key, size(p.chance))
		all, contents = append(all, x), append(contents, x.content)
	}
	p.presses.press(all...)
	_, _ = call[bool](tb, 20*time.Second, "send", key, contents) // the recorder judges
	return n
}

// recover waits until the person's page is live and what was the oldest
// message to wait is confirmed. A page that did not come up is loaded again, as
// a person would; one that was up has to recover by itself.
func (p *person) recover() error {
	var err error
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		tb := p.first()
		if !tb.isUp() {
			if err = tb.appear(p.url()); err != nil {
				continue
			}
		}
		if _, err = call[bool](tb, time.Until(deadline), "recovered", *impatient); err == nil {
			return nil
		}
		if tb == p.first() && tb.isUp() {
			break
		}
	}
	return fmt.Errorf("%s did not recover: %w: %s", p.name, err, p.state())
}

// state is what the person's page has to say when a test waits in vain.
func (p *person) state() string {
	said, err := call[string](p.first(), 10*time.Second, "state")
	if err != nil {
		return fmt.Sprintf("the page does not answer: %v", err)
	}
	return said
}
