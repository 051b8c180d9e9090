package e2e

import (
	"slices"
	"testing"
)

// allScreens are those that the page is made for, with names that a failure is told by.
var allScreens = append([]screen{{320, 640}, {360, 740}, {390, 844}, {760, 600}, {800, 600}, {1100, 800}, {1200, 800}, {1440, 900}, {2560, 1200}}, lowScreens...)

// headerOf is JavaScript that says how high an agent's header is, and where the messages begin.
const headerOf = `() => ['.status-row', '[role=log]'].map(part => document.querySelector(part).getBoundingClientRect()).map(({top, height}, i) => Math.round(i ? top : height))`

// covered is JavaScript that returns what can be done with the conversation, and cannot be pressed where it stands.
const covered = `() => [...document.querySelectorAll('conversation-actions button')].filter(e => e.checkVisibility({visibilityProperty: true})).filter(e => {
	const {left, top, width, height} = e.getBoundingClientRect();
	return [0.1, 0.5, 0.9].some(part => !e.contains(document.elementFromPoint(left + part * width, top + part * height)));
}).map(e => e.textContent)`

// overlapping is JavaScript that returns what of all that the page tells lies on something else of that.
const overlapping = `() => {
	const told = [...document.querySelectorAll('.notice, chat-panes > connection-status')].filter(e => e.checkVisibility()).map(e => [e, e.getBoundingClientRect()]);
	return told.filter(([e, a]) => told.some(([other, b]) => other !== e && a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom)).map(([e]) => e.textContent.slice(0, 40));
}`

func TestWhateverAnAgentsHeaderSaysNothingMovesOrIsCovered(t *testing.T) {
	t.Parallel()
	c := newCounter(t, "")
	newDevice(t, c.s, 24, "Benedict, who has a long name", support)
	usual := screen{1200, 800}
	c.show(usual)
	c.open(c.customer, "question 12.")
	stands := func(owing bool, words string) {
		t.Helper()
		c.await("the header to say "+words, `(owing, words) => {
			const status = document.querySelector('conversation-status');
			return status.textContent.includes(words) && (status.querySelector('.owing').textContent !== '') === owing;
		}`, owing, words)
	}
	var before [][]int
	for _, state := range []struct {
		name  string
		reach func()
	}{
		{"unclaimed, and waiting", func() { stands(true, "Unclaimed") }},
		{"claimed", func() { c.click("Claim"); stands(true, "Claimed by you") }},
		{"answered", func() { c.say("an answer"); stands(false, "Claimed by you") }},
		{"resolved", func() { c.click("Resolve"); stands(false, "Resolved"); c.find("button", "Reopen") }},
		{"asked again", func() { c.asks("and one more"); stands(true, "Claimed by you"); c.find("button", "No reply needed") }},
		{"needing no reply", func() {
			c.click("No reply needed")
			stands(false, "No reply needed")
			c.find("button", "Resolve")
			c.find("button", "Reopen")
		}},
		{"released", func() { c.click("Release"); stands(false, "Unclaimed") }},
		{"handed over", func() {
			c.click("Hand over")
			c.click("Hand over to Benedict, who has a long name")
			stands(false, "Claimed by Benedict")
		}},
		{"asking a colleague", func() { c.asks("and the last one"); stands(true, "Claimed by Benedict") }},
	} {
		state.reach()
		var now [][]int
		for i, on := range allScreens {
			c.show(on)
			now = append(now, call[[]int](c.tab, headerOf))
			if before != nil && !slices.Equal(now[i], before[i]) {
				t.Errorf("on %s: %s, the header's height and the messages' place are %v px, before %v", on, state.name, now[i], before[i])
			}
		}
		if before == nil {
			before = now
		}
		c.show(usual)
	}

	// Nor does what the page tells, or has to say of the connection, lie on what can be done.
	call[bool](c.tab, `() => { for (const why of ['one', 'two', 'three']) document.querySelector('chat-panes').dispatchEvent(new CustomEvent('notice', { detail: (why + ' of many words. ').repeat(20) })); return true }`)
	call[bool](c.tab, `() => {
		const [notice, words, button, later] = ['div', 'p', 'button', 'button'].map(name => document.createElement(name));
		[notice.className, button.className, later.className] = ['notice', 'button primary', 'icon-button'];
		[words.textContent, button.textContent] = ['A new version is ready.', 'Reload'];
		notice.append(words, button, later);
		document.querySelector('version-notice').append(notice);
		return true;
	}`)
	c.g.cut("/mqtt")
	c.awaitConnection("offline")
	for _, on := range allScreens {
		if slices.Contains(lowScreens, on) {
			continue // there it covers the header, until it was read
		}
		c.show(on)
		if cut := call[[]string](c.tab, `() => [...document.querySelectorAll('conversation-status .owing')].filter(e => e.scrollWidth > e.clientWidth || e.scrollHeight > e.clientHeight + 1).map(e => e.textContent)`); len(cut) > 0 {
			t.Errorf("on %s are cut %q", on, cut)
		}
		if found := call[[]string](c.tab, covered); len(found) > 0 {
			t.Errorf("on %s are covered %q", on, found)
		}
		if over := call[[]string](c.tab, overlapping); len(over) > 0 {
			t.Errorf("on %s lie over one another %q", on, over)
		}
		c.fits("an agent's header on " + on.String())
	}

	c.goTo("/")
	c.find("list", "Queue")
	for _, on := range []screen{{320, 640}, {390, 844}} {
		c.show(on)
		if over := call[[]string](c.tab, overlapping); len(over) > 0 {
			t.Errorf("beside the list on %s lie over one another %q", on, over)
		}
	}
	c.goTo(c.customer)
	c.find("textbox", "Message")

	// Where it is one line, what unfolds it stays where it was.
	const fold = `() => { const {left, top} = document.querySelector('.status-row [aria-expanded]').getBoundingClientRect(); return [left, top].map(Math.round) }`
	for _, on := range lowScreens {
		c.show(on)
		folded := call[[]int](c.tab, fold)
		press := func() {
			call[bool](c.tab, `() => { document.querySelector('.status-row [aria-expanded]').click(); return true }`)
		}
		press()
		if unfolded := call[[]int](c.tab, fold); folded[0] != unfolded[0] || unfolded[1]-folded[1] > 8 {
			t.Errorf("on %s what unfolds the header goes from %v to %v", on, folded, unfolded)
		}
		press()
	}
	c.wroteNoErrors()
}
