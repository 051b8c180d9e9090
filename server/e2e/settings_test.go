package e2e

import "testing"

// awaitSwitch waits until the settings' menu shows a choice.
func (p *person) awaitSwitch(name string, on bool) {
	p.t.Helper()
	state := "off"
	if on {
		state = "on"
	}
	p.await(name+" to be "+state, `(name, on) => {
		const input = [...document.querySelectorAll('settings-menu label')].find(e => e.textContent === name)?.querySelector('input');
		return input && input.checked === on;
	}`, name, on)
}

func TestWhatIsChosenOnOneDeviceIsShownOnTheOthers(t *testing.T) {
	t.Parallel()
	const typing, presence = "Show when I type", "Show when I am here"
	s := newServerWithKey(t)
	g := newGate(t, s)
	const bobID = 21
	token := s.token(bobID, "Bob")
	desktop := signInAs(newProfile(t), g, bobID, "Bob", token)
	desktop.click("Settings")
	desktop.clickOn("switch", typing)
	desktop.awaitSwitch(typing, false)

	// Another browser is told when it comes, and then as it happens.
	phone := signInAs(newProfile(t), g, bobID, "Bob-phone", token)
	phone.awaitSwitch(typing, false)
	phone.awaitSwitch(presence, true)
	desktop.clickOn("switch", presence)
	phone.awaitSwitch(presence, false)
	phone.click("Settings")
	phone.clickOn("switch", typing)
	desktop.awaitSwitch(typing, true)

	// A reload shows it at once, and without a connection too.
	for _, p := range []*person{desktop, phone} {
		p.reload()
		p.awaitConnection("live")
		p.awaitSwitch(typing, true)
		p.awaitSwitch(presence, false)
		p.wroteNoErrors()
	}
	g.close("/mqtt")
	phone.reload()
	phone.awaitConnection("offline")
	phone.awaitSwitch(typing, true)
	phone.awaitSwitch(presence, false)

	// What cannot be told to the server is not chosen.
	phone.click("Settings")
	phone.clickOn("switch", presence)
	phone.notice("The setting was not changed")
	phone.awaitSwitch(presence, false)
}

func TestWhoDoesNotWantToBeFoundIsNot(t *testing.T) {
	t.Parallel()
	const listed = "Let people find me"
	g := newGate(t, newServer(t))
	ada, bob := signIn(t, g, "Ada"), signIn(t, g, "Bob")
	ada.fillIn("searchbox", "Search people and messages", "Bob")
	ada.await("Bob to be found", `() => [...document.querySelectorAll('people-search li')].some(e => e.textContent.includes('Bob'))`)
	bob.click("Settings")
	bob.clickOn("switch", listed)
	bob.reload() // what it shows then is what the server told
	bob.awaitConnection("live")
	bob.awaitSwitch(listed, false)
	call[bool](ada.tab, `() => { document.activeElement.select(); return true }`)
	ada.fillIn("searchbox", "Search people and messages", "bob")
	ada.await("nobody to be found", `() => document.querySelector('people-search .note').textContent === 'Nobody is called “bob”.'`)
}
