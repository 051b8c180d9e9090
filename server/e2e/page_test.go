package e2e

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// A person is somebody who is signed in on a page.
type person struct {
	*tab
	id string // decimal
}

// signIn starts a browser, opens the page and signs a guest in.
func signIn(t *testing.T, g *gate, name string) *person {
	t.Helper()
	return signInWith(newProfile(t), g, name, "")
}

// signInWith signs a guest in by the page in a profile; before is JavaScript
// that runs before the page's.
func signInWith(p *profile, g *gate, name, before string) *person {
	p.t.Helper()
	tb := p.open(name, g.url+"/", before)
	tb.fill("Your name", name)
	tb.click("Start")
	tb.awaitConnection("live")
	return &person{tab: tb, id: call[string](tb, `() => JSON.parse(localStorage.getItem('parley.session')).id`)}
}

// signInAs makes a profile that of a user with a token, as the page keeps it,
// and opens the page.
func signInAs(p *profile, g *gate, user uint64, name, token string) *person {
	p.t.Helper()
	tb := p.open(name, g.url+"/", sessionOf(user, name, token))
	tb.awaitConnection("live")
	return &person{tab: tb, id: strconv.FormatUint(user, 10)}
}

// sessionOf is JavaScript that keeps a token as the page does.
func sessionOf(user uint64, name, token string) string {
	return fmt.Sprintf(`localStorage.setItem('parley.session', JSON.stringify({id: '%d', name: %q, token: %q, since: Date.now()}))`, user, name, token)
}

// awaitConnection waits for the state that the page shows of the connection.
func (tb *tab) awaitConnection(state string) {
	tb.t.Helper()
	tb.await("connection "+state, `state => document.querySelector('[role=status][data-connection]')?.dataset.connection === state`, state)
}

// openChat opens the conversation with a user as a link does.
func (p *person) openChat(peer string) {
	p.t.Helper()
	call[bool](p.tab, `hash => { location.hash = hash; return true }`, "/to/"+peer)
	p.find("textbox", "Message")
	p.await("the message list", `() => document.querySelector('[role=log]')`)
}

// say writes a message and sends it with Enter.
func (p *person) say(content string) {
	p.t.Helper()
	p.fill("Message", content)
	p.pressEnter()
}

// sayByButton is say without a key.
func (p *person) sayByButton(content string) {
	p.t.Helper()
	p.fill("Message", content)
	p.click("Send")
}

// A shown message is one as the page's attributes describe it.
type shown struct {
	Seq, ID, State, Text string
}

// messages returns what the message list shows, in its order.
func (p *person) messages() []shown {
	p.t.Helper()
	return call[[]shown](p.tab, `() => [...document.querySelectorAll('[role=log] [data-seq]')].map(e => ({
		Seq: e.dataset.seq, ID: e.dataset.messageId, State: e.dataset.state, Text: e.textContent}))`)
}

// awaitMessage waits until the list shows the one message that contains
// content, in one of the states, and returns it.
func (p *person) awaitMessage(content string, states ...string) shown {
	p.t.Helper()
	var found shown
	eventually(p.t, fmt.Sprintf("%s: %q to be %q", p.name, content, states), func() bool {
		var hits []shown
		for _, m := range p.messages() {
			if strings.Contains(m.Text, content) {
				hits = append(hits, m)
			}
		}
		if len(hits) > 1 {
			p.t.Fatalf("%s: %q is shown %d times: %+v", p.name, content, len(hits), hits)
		}
		if len(hits) == 1 {
			found = hits[0]
		}
		return len(hits) == 1 && slices.Contains(states, found.State)
	})
	return found
}

// confirmed are the states of an own message that the server has stored.
var confirmed = []string{"sent", "delivered", "read"}

// recordStates makes the page note each state that each message is shown in.
func (p *person) recordStates() {
	p.t.Helper()
	call[bool](p.tab, `() => {
		window.e2eStates = [];
		const note = e => e.dataset?.state && e.dataset.seq && window.e2eStates.push({State: e.dataset.state, Text: e.textContent});
		new MutationObserver(records => {
			for (const {type, target, addedNodes} of records) {
				if (type === 'attributes') note(target);
				for (const node of addedNodes) if (node instanceof Element) [node, ...node.querySelectorAll('[data-state]')].forEach(note);
			}
		}).observe(document.body, {subtree: true, childList: true, attributes: true, attributeFilter: ['data-state']});
		return true }`)
}

// statesOf returns the states that a message was shown in since recordStates,
// repetitions left out.
func (p *person) statesOf(content string) []string {
	p.t.Helper()
	var states []string
	for _, s := range call[[]shown](p.tab, `() => window.e2eStates`) {
		if strings.Contains(s.Text, content) {
			states = append(states, s.State)
		}
	}
	return slices.Compact(states)
}

// contents returns which of the messages the list shows, by its order.
func (p *person) contents(of []string) []string {
	p.t.Helper()
	var order []string
	for _, m := range p.messages() {
		for _, content := range of {
			if strings.Contains(m.Text, content) {
				order = append(order, content)
			}
		}
	}
	return order
}
