package e2e

import (
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// press presses keys one after the other.
func (tb *tab) press(keys ...string) {
	tb.t.Helper()
	for _, key := range keys {
		tb.do(chromedp.KeyEvent(key))
	}
}

// awaitFocus waits until what has the focus matches a selector and contains words.
func (tb *tab) awaitFocus(what, selector, words string) {
	tb.t.Helper()
	tb.await("the focus on "+what, `(selector, words) => {
		const e = document.activeElement;
		return e.matches(selector) && (e.textContent + (e.ariaLabel ?? '')).includes(words) && e.checkVisibility();
	}`, selector, words)
}

// focusOn gives the focus to the first element of a selector.
func (tb *tab) focusOn(selector string) {
	tb.t.Helper()
	tb.await(selector, `selector => { const e = document.querySelector(selector); e?.focus(); return e && e === document.activeElement }`, selector)
}

// readOut is JavaScript that notes, from now on, what a screen reader says of the
// message list by itself: text that is added or changed where that is polite.
const readOut = `() => {
	window.readOut = [];
	const off = e => e?.closest('[aria-live], [role=log]')?.getAttribute('aria-live') === 'off';
	const log = document.querySelector('[role=log]');
	new MutationObserver(records => {
		if (log.getAttribute('aria-busy') === 'true') return;
		for (const {type, target, addedNodes} of records) {
			if (type !== 'childList') window.readOut.push('changed: ' + (target.data ?? target.getAttribute('aria-label')));
			for (const node of addedNodes) {
				const e = node instanceof Element ? node : node.parentElement;
				if (!e || off(e) || e.closest('[aria-hidden=true]')) continue;
				const heard = e.cloneNode(true);
				heard.querySelectorAll('[aria-live=off], [aria-hidden=true], [hidden]').forEach(e => e.remove());
				if (heard.textContent) window.readOut.push(heard.textContent);
			}
		}
		window.readOut = window.readOut.filter(words => words !== null);
	}).observe(log, {subtree: true, childList: true, characterData: true});
	return true;
}`

// hasMouse makes the page believe that there is a mouse, until window.touched.
const hasMouse = `{
	const real = matchMedia;
	window.matchMedia = query => query === '(pointer: fine)' ? { get matches() { return !window.touched } } : real(query);
};`

func TestTheKeyboardAndAScreenReaderReachEverything(t *testing.T) {
	t.Parallel()
	c := newCounter(t, hasMouse)
	cleo := newDevice(t, c.s, 25, "Cleo")
	cleo.tell(counterAgent, "hello from Cleo")
	c.show(screen{1200, 800})
	c.await("both conversations", `() => document.querySelectorAll('conversation-list [data-key]').length === 2`)

	// The first stop leads past the lists, each of which is one stop.
	call[bool](c.tab, `() => { document.activeElement.blur(); return true }`)
	c.press(kb.Tab)
	c.awaitFocus("the skip link", "a.skip", "Skip to the conversation")
	c.press(kb.Enter)
	c.awaitFocus("the conversation's place", "#main", "")
	if hash := call[string](c.tab, `() => location.hash`); strings.Contains(hash, "main") {
		t.Errorf("the skip link leads to the address %s", hash)
	}
	stops := call[map[string]int](c.tab, `() => Object.fromEntries([...document.querySelectorAll('[role=list]')].filter(e => e.checkVisibility()).map(list =>
		[list.ariaLabel, [...list.querySelectorAll('a, button')].filter(e => e.tabIndex >= 0).length]))`)
	for _, list := range []string{"Queue", "Conversations", "Customer service"} {
		if stops[list] != 1 {
			t.Errorf("the list %s is %d tab stops, want 1", list, stops[list])
		}
	}
	c.focusOn("conversation-list a[tabindex='0']")
	c.awaitFocus("the first conversation", "a", "Cleo")
	c.press(kb.End)
	c.awaitFocus("the last", "a", "Bob")
	c.press(kb.Home)
	c.awaitFocus("the first", "a", "Cleo")
	c.press(kb.ArrowDown)
	c.awaitFocus("the one below", "a", "Bob")
	c.press(kb.Enter)
	c.awaitFocus("where one writes", "textarea", "")
	c.awaitMessage("line 12.", "received")
	c.await("the title", `() => /^(\(\d+\) )?Bob – Parley$/.test(document.title)`)
	cleo.tell(counterAgent, "one more")
	c.await("the count in the title", `() => /^\(\d+\) Bob – Parley$/.test(document.title)`)

	// Each new message is heard once, receipts never.
	call[bool](c.tab, readOut)
	c.bob.tell(counterAgent, "heard once")
	c.awaitMessage("heard once", "received")
	c.say("my own words")
	c.awaitMessage("my own words", confirmed...)
	c.bob.marks(t, "d:21:23", 14)
	c.awaitMessage("my own words", "read")
	if got, want := call[[]string](c.tab, `() => window.readOut`), []string{"Bob: heard once", "You: my own words"}; !slices.Equal(got, want) {
		t.Errorf("a screen reader hears %q, want %q", got, want)
	}

	// When it was read is told to keys and fingers, and not copied.
	c.focusOn("[role=log]")
	c.press(kb.Tab)
	c.awaitFocus("the newest receipt", "button.state", "Read")
	const times = `() => /^Sent .+ · .*Read .+/.test(document.querySelector('.message .times')?.textContent)`
	c.press(kb.Enter)
	c.await("the times", times)
	if copied := call[string](c.tab, `() => {
		getSelection().selectAllChildren(document.querySelector('.message:has(.times)'));
		const words = getSelection().toString();
		getSelection().empty();
		return words;
	}`); strings.Join(strings.Fields(copied), " ") != "You: my own words" {
		t.Errorf("copied is %q", copied)
	}
	c.press(kb.Escape)
	c.await("the times to go", `() => !document.querySelector('.times')`)

	// "?" lists the shortcuts where nobody writes, and only for whom that is no accident.
	c.show(lowScreens[0])
	c.press("?")
	c.find("dialog", "Keyboard shortcuts")
	c.await("its beginning in sight", `() => document.querySelector('#shortcuts').getBoundingClientRect().top >= 0`)
	c.show(screen{1200, 800})
	c.shutsNobodyOut("the shortcuts")
	c.clickOn("switch", "Show this list on ?")
	c.press(kb.Escape)
	c.awaitFocus("where it was", "button.state", "Read")
	c.press("?")
	c.click("Settings")
	c.click("Keyboard shortcuts")
	c.find("dialog", "Keyboard shortcuts")
	c.clickOn("switch", "Show this list on ?")
	c.click("Close")
	c.focusOn("textarea")
	c.press("?")
	c.await("a question mark", `() => document.querySelector('textarea').value === '?' && !document.querySelector('dialog')`)

	// What goes away leaves the focus where one goes on.
	c.fill("Message", "\u2800")
	call[bool](c.tab, `() => { const box = document.querySelector('textarea'); box.value = '\u2800'; return true }`)
	c.press(kb.Enter)
	c.notice("There is nothing to see")
	c.focusOn(".notice button")
	c.press(kb.Enter)
	c.awaitFocus("where one writes", "textarea", "")

	// On a phone a conversation has the focus without its keyboard, and Escape leads back.
	c.do(chromedp.EmulateViewport(390, 844, chromedp.EmulateMobile, chromedp.EmulateTouch))
	c.awaitFocus("where one writes", "textarea", "")
	call[bool](c.tab, `() => window.touched = true`)
	c.goTo("/")
	c.await("the list", `() => document.querySelector('conversation-list a').checkVisibility()`)
	call[bool](c.tab, `() => { const a = document.querySelector('[data-key="d:21:25"] a'); a.focus(); a.click(); return true }`)
	c.awaitFocus("the name", "h1", "Cleo")
	c.press(kb.Escape)
	c.awaitFocus("the conversation that one left", "conversation-list a", "Cleo")
	c.wroteNoErrors()
}
