package e2e

import (
	"fmt"
	"strings"
	"testing"
)

// kept is JavaScript that returns what the browser keeps of the chat.
const kept = `async () => [
	...(await indexedDB.databases()).map(({name}) => name),
	...Object.keys(localStorage), ...Object.keys(sessionStorage),
].filter(name => name.startsWith('parley')).sort().join(' ')`

func TestSigningOutForgetsTheUserInAllTabsAndNamesWhatIsLost(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	g := newGate(t, s)
	profile := newProfile(t)
	ada, bob := signInWith(profile, g, "Ada", ""), newPeer(t, s, "Bob")
	ada.openChat(bob.id)
	ada.say("hello")
	ada.awaitMessage("hello", confirmed...)
	other := second(profile, g, ada, "")
	other.awaitConnection("live")
	bob.openChat(ada.id)
	signOut := func(p *person, say string) {
		t.Helper()
		p.click("Settings")
		p.click("Sign out")
		p.await("the question "+say, `say => document.querySelector('dialog')?.textContent.includes(say)`, say)
	}

	signOut(ada, "Sign out of this browser?")
	if words := call[string](ada.tab, `() => document.querySelector('dialog').textContent`); strings.Contains(words, "Not sent") {
		t.Errorf("with everything sent, it says %q", words)
	}
	ada.click("Cancel")
	ada.say("still here")
	ada.awaitMessage("still here", confirmed...)

	g.cut("/mqtt")
	ada.awaitConnection("offline")
	ada.say("never sent")
	ada.awaitMessage("never sent", "pending")
	ada.fill("Message", "a draft")
	signOut(ada, "Bob")
	call[bool](ada.tab, `() => { document.querySelector('dialog button[value=out]').click(); return true }`)
	for _, p := range []*person{ada, other} {
		p.find("textbox", "Your name")
	}
	eventually(t, "nothing to be kept", func() bool { return call[string](ada.tab, kept) == "" })

	// Whoever comes next begins with nothing.
	g.reopen("/mqtt")
	ada.fill("Your name", "Ada")
	ada.click("Start")
	ada.awaitConnection("live")
	ada.await("an empty list", `() => document.querySelector('conversation-list .empty')?.checkVisibility()`)
	other.awaitConnection("live")
	if id := call[string](ada.tab, `() => JSON.parse(localStorage.getItem('parley.session')).id`); id == ada.id {
		t.Error("she is who she was")
	}
	bob.awaitMessage("still here")
	if got := call[string](ada.tab, kept); strings.Contains(got, fmt.Sprint("parley-", ada.id)) {
		t.Errorf("the browser keeps %s", got)
	}
}
