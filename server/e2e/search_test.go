package e2e

import "testing"

func TestEnterOpensWhoWasTypedAndNotWhoWasFoundBefore(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	xanna, qbob := s.guest("Xanna"), s.guest("Qbob")
	ada := signIn(t, newGate(t, s), "Ada")
	ada.fillIn("searchbox", "Search people and messages", "Xanna")
	ada.await("Xanna to be found", `id => document.querySelector('.people a[href="#/to/' + id + '"]')`, xanna)
	call[bool](ada.tab, `() => { document.activeElement.select(); return true }`)
	ada.fillIn("searchbox", "Search people and messages", "ÁNNA")
	ada.await("what was typed to be marked", `() => [...document.querySelectorAll('.people mark')].map(e => e.textContent).join() === 'anna'`)
	call[bool](ada.tab, `() => { document.activeElement.select(); return true }`)
	ada.fillIn("searchbox", "Search people and messages", "Qbob")
	ada.pressEnter()
	ada.await("a conversation to open", `() => location.hash.startsWith('#/to/')`)
	if got := call[string](ada.tab, `() => location.hash`); got != "#/to/"+qbob {
		t.Errorf("Enter opened %s, want #/to/%s", got, qbob)
	}
	ada.wroteNoErrors()
}

// The Enter that ends a composition is no command, also where it comes after the composition's end
// and nothing but its code tells.
func TestAnInputMethodsKeysOpenAndSendNothing(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	bob := s.guest("Bob")
	ada := signIn(t, newGate(t, s), "Ada")
	ada.openChat(bob)
	for _, box := range []struct{ role, name, text string }{{"textbox", "Message", "你好"}, {"searchbox", "Search people and messages", "Bob"}} {
		ada.fillIn(box.role, box.name, box.text)
		if box.role == "searchbox" {
			ada.await("Bob to be found", `id => document.querySelector('.people a[href="#/to/' + id + '"]')`, bob)
		}
		// dispatchEvent returns false for a key that was taken.
		press := `(key, keyCode) => document.activeElement.dispatchEvent(new KeyboardEvent('keydown', { key, keyCode, bubbles: true, cancelable: true }))`
		for _, key := range []string{"Enter", "ArrowDown", "Escape"} {
			if !call[bool](ada.tab, press, key, 229) {
				t.Errorf("in %s an input method's %s is taken", box.name, key)
			}
		}
		if call[bool](ada.tab, press, "Enter", 13) {
			t.Errorf("in %s Enter is not taken", box.name)
		}
	}
	ada.wroteNoErrors()
}
