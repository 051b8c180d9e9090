package e2e

import (
	"strconv"
	"testing"
)

// All history is kept in the browser, over a reload, and is there without the server.
func TestAllHistoryIsKeptIfOneWantsThat(t *testing.T) {
	t.Parallel()
	s := newServerWithKey(t)
	g := newGate(t, s)
	const bobID, adaID, said = 41, 42, 1_300
	ada := newDevice(t, s, adaID, "Ada")
	ada.tellsMany(bobID, said)
	tb := newProfile(t).open("Bob", g.url+"/", sessionOf(bobID, "Bob", s.token(bobID, "Bob")))
	tb.awaitConnection("live")
	bob := &person{tab: tb, id: strconv.Itoa(bobID)}
	open := func() {
		bob.click("Settings")
		bob.click("Storage")
	}
	says := func(what, words string) {
		t.Helper()
		bob.await(what, `words => document.querySelector('storage-dialog')?.textContent.includes(words)`, words)
	}
	open()
	says("what the site takes", "This site takes about ")
	bob.shutsNobodyOut("what is stored")
	bob.await("the newest messages", `() => document.querySelector('conversation-list [data-key]')`)
	g.close("/api/conversations/") // so that it does not end before it is paused
	bob.clickOn("switch", "Keep all my history here")
	says("how far it is", " of 1,300 messages are here.")
	bob.click("Pause")
	says("that it is paused", " of 1,300 messages are here; paused.")
	bob.shutsNobodyOut("what is stored, paused")
	bob.reload()
	bob.awaitConnection("live")
	open()
	says("that it is paused, after a reload", " of 1,300 messages are here; paused.")
	g.reopen("/api/conversations/")
	bob.click("Go on")
	says("that all is here", "All 1,300 messages are here.")
	bob.click("Close")

	g.close("/api/conversations/")
	bob.openChat(strconv.Itoa(adaID))
	bob.await("the first message", `() => document.querySelector('[role=log] [data-seq="1"]')`)
}
