package e2e

import (
	"testing"

	"github.com/chromedp/chromedp"
)

// whereItIs is JavaScript that returns where the page is, and what it shows.
const whereItIs = `() => (location.hash || '#/') + ' ' + document.querySelector('chat-panes').dataset.view`

func TestTheArrowOfAConversationLeavesNothingToGoBackTo(t *testing.T) {
	t.Parallel()
	s := newServerForGuests(t)
	g := newGate(t, s)
	ada := signIn(t, g, "Ada")
	bob, cleo := newPeer(t, s, "Bob"), newPeer(t, s, "Cleo")
	for _, p := range []*peer{bob, cleo} {
		p.openChat(ada.id)
		p.say("hello")
	}
	ada.do(chromedp.EmulateViewport(390, 844, chromedp.EmulateMobile))
	chat := "#/to/" + bob.id
	at := func(what, want string) {
		t.Helper()
		ada.await(what+" at "+want, `want => (`+whereItIs+`)() === want`, want)
	}
	choose := func() {
		t.Helper()
		ada.await("Bob in the list", `href => document.querySelector('[data-key] a[href="' + href + '"]')`, chat)
		call[bool](ada.tab, `href => { document.querySelector('[data-key] a[href="' + href + '"]').click(); return true }`, chat)
		at("chosen,", chat+" conversation")
	}
	step := func(way string) {
		t.Helper()
		call[bool](ada.tab, `way => { history[way](); return true }`, way)
	}
	length := func() int { return call[int](ada.tab, `() => history.length`) }

	choose()
	entries := length()
	ada.clickOn("link", "Back to conversations")
	at("after the arrow", "#/ list")
	step("forward")
	at("Forward", chat+" conversation")
	step("back")
	at("Back", "#/ list")
	for range 3 { // and no entries come of it
		choose()
		ada.clickOn("link", "Back to conversations")
		at("after the arrow", "#/ list")
	}
	if now := length(); now != entries {
		t.Errorf("the tab's history has %d entries, want %d as after the first conversation", now, entries)
	}

	// Where one did not come from the list, it takes the conversation's place.
	choose()
	call[bool](ada.tab, `hash => { location.hash = hash; return true }`, "/to/"+cleo.id)
	at("another conversation,", "#/to/"+cleo.id+" conversation")
	ada.clickOn("link", "Back to conversations")
	at("after the arrow", "#/ list")
	step("back")
	at("Back", chat+" conversation")
	ada.clickOn("link", "Back to conversations")
	at("after the arrow", "#/ list")
	ada.visit("about:blank")
	ada.visit(g.url + "/" + chat)
	ada.awaitConnection("live")
	entries = length()
	ada.clickOn("link", "Back to conversations")
	at("after the arrow of a page that began there", "#/ list")
	if now := length(); now != entries {
		t.Errorf("the tab's history has %d entries, want the %d from before the arrow", now, entries)
	}
	ada.wroteNoErrors()
}
