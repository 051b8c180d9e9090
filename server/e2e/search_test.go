package e2e

import "testing"

func TestEnterOpensWhoWasTypedAndNotWhoWasFoundBefore(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	xanna, qbob := s.guest("Xanna"), s.guest("Qbob")
	ada := signIn(t, newGate(t, s), "Ada")
	ada.fillIn("searchbox", "Find a person", "Xanna")
	ada.await("Xanna to be found", `id => document.querySelector('.people a[href="#/to/' + id + '"]')`, xanna)
	call[bool](ada.tab, `() => { document.activeElement.select(); return true }`)
	ada.fillIn("searchbox", "Find a person", "ÁNNA")
	ada.await("what was typed to be marked", `() => [...document.querySelectorAll('.people mark')].map(e => e.textContent).join() === 'anna'`)
	call[bool](ada.tab, `() => { document.activeElement.select(); return true }`)
	ada.fillIn("searchbox", "Find a person", "Qbob")
	ada.pressEnter()
	ada.await("a conversation to open", `() => location.hash.startsWith('#/to/')`)
	if got := call[string](ada.tab, `() => location.hash`); got != "#/to/"+qbob {
		t.Errorf("Enter opened %s, want #/to/%s", got, qbob)
	}
	ada.wroteNoErrors()
}
