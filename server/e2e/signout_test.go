package e2e

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
)

// kept is JavaScript that returns what the browser keeps of the chat.
const kept = `async () => [
	...(await indexedDB.databases()).map(({name}) => name),
	...Object.keys(localStorage), ...Object.keys(sessionStorage),
	...(await caches.keys()).map(name => name.replace(/^parley http.*/, '')), // where the program is
	...await Array.fromAsync((await navigator.storage.getDirectory()).keys(), name => 'parley files in ' + name),
].filter(name => name.startsWith('parley')).sort().join(' ')`

func TestSigningOutForgetsTheUserInAllTabsAndNamesWhatIsLost(t *testing.T) {
	t.Parallel()
	for name, before := range map[string]string{"SharedWorker": "", "no SharedWorker": withoutSharedWorkers} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			signOutWithTwoTabs(t, before)
		})
	}
}

func signOutWithTwoTabs(t *testing.T, before string) {
	s := newServer(t)
	g := newGate(t, s)
	profile := newProfile(t)
	ada, bob := signInWith(profile, g, "Ada", before), newPeer(t, s, "Bob")
	ada.openChat(bob.id)
	ada.say("hello")
	ada.awaitMessage("hello", confirmed...)
	ada.chooseFiles(inFolder(t, map[string][]byte{"photo.jpg": photo(t, 60, 40)})["photo.jpg"])
	ada.sendChosen()
	ada.await("the picture to be sent", `() => document.querySelector('article.message.own:not([data-state=pending]) img')`)
	ada.reload() // so that it is loaded from the server, and kept
	profile.downloads()
	ada.click("More")
	ada.click("Export…")
	ada.click("Export")
	ada.await("it to be written", `() => /^All is/.test(document.querySelector('export-dialog [role=status]').textContent)`)
	ada.click("Close")
	for _, what := range []string{"parley-attachments-", "parley-files-", "parley files in exports"} {
		ada.await(what, `async what => (await (`+kept+`)()).includes(what)`, what)
	}
	other := second(profile, g, ada, before)
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
	ada.act("still here", "Edit")
	ada.fill("Message", ", and more")
	ada.pressEnter()
	ada.awaitMessage("still here, and more", confirmed...)
	signOut(ada, "Not sent yet, and lost then: messages to Bob, or changes to them")
	ada.click("Cancel")
	ada.say("never sent")
	ada.awaitMessage("never sent", "pending")
	ada.fill("Message", "a draft")
	signOut(ada, "Bob")
	call[bool](ada.tab, `() => { document.querySelector('dialog button[value=out]').click(); return true }`)
	for _, p := range []*person{ada, other} {
		p.find("textbox", "Your name")
	}
	for _, p := range []*person{ada, other} { // each has a sessionStorage of its own
		eventually(t, "nothing to be kept", func() bool { return call[string](p.tab, kept) == "" })
	}

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

func TestWhoHasTheirAccountElsewhereIsOfferedNoCodes(t *testing.T) {
	t.Parallel()
	s := newServerWithKey(t)
	g := newGate(t, s)
	token := s.token(11, "Ada")
	newDevice(t, s, 22, "Bob")
	offersNone := func(p *person, part string) {
		t.Helper()
		p.await("where to sign in, in "+part, `part => document.querySelector(part)?.innerText.includes('sign in where you have your account')`, part)
		if words := call[string](p.tab, `part => document.querySelector(part).innerText`, part); regexp.MustCompile(`(?i)code|new person|somebody new`).MatchString(words) {
			t.Errorf("%s says %q", part, words)
		}
	}
	knows := func(p *person) {
		t.Helper()
		p.await("who mints", `() => JSON.parse(localStorage.getItem('parley.session')).mints === false`)
	}
	ada, other := signInAs(newProfile(t), g, 11, "Ada", token), signInAs(newProfile(t), g, 11, "Ada", token)
	knows(ada)
	knows(other)

	// On a browser that has something unsent when it is ended, and so asks.
	other.openChat("22")
	g.cut("/mqtt")
	other.awaitConnection("offline")
	other.say("never sent")
	other.awaitMessage("never sent", "pending")

	for _, everywhere := range []bool{false, true} {
		ada.click("Settings")
		if everywhere {
			ada.click("Account")
			ada.pressIn("Sign out everywhere")
		} else {
			ada.click("Sign out")
		}
		offersNone(ada, "dialog[open]")
		if !everywhere {
			ada.pressIn("Cancel")
		}
	}
	ada.pressIn("Sign out")
	ada.await("the way in", `() => document.querySelector('sign-in')`)
	offersNone(ada, "sign-in")

	g.reopen("/mqtt")
	call[bool](other.tab, `() => { dispatchEvent(new Event('online')); return true }`)
	other.awaitConnection("signed-out")
	offersNone(other, ".banner[role=alert]")
	other.shutsNobodyOut("signed out elsewhere, with an account elsewhere")
	if buttons := call[string](other.tab, `() => [...document.querySelectorAll('.banner button')].map(b => b.textContent).join()`); buttons != "Sign out" {
		t.Errorf("the banner offers %s", buttons)
	}
	call[bool](other.tab, `() => { document.querySelector('.banner button').click(); return true }`)
	offersNone(other, "dialog[open]")
	other.pressIn("Sign out")
	other.await("the way in", `() => document.querySelector('sign-in')`)
	offersNone(other, "sign-in")
	eventually(t, "nothing to be kept", func() bool { return call[string](other.tab, kept) == "" })

	// Whose token is over when the page opens learns it from the renewal, and a newcomer from the first try.
	late := newProfile(t).open("Late", g.url+"/", sessionOf(12, "Late", s.tokenOfAge(12, "Late", 31*day)))
	late.awaitConnection("signed-out")
	offersNone(&person{tab: late}, ".banner[role=alert]")
	newcomer := newProfile(t).open("Newcomer", g.url+"/", "")
	newcomer.fill("Your name", "Newcomer")
	newcomer.click("Start")
	newcomer.await("the way in", `() => !document.querySelector('sign-in form').checkVisibility()`)
	offersNone(&person{tab: newcomer}, "sign-in")
}
