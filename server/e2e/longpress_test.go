package e2e

import (
	"testing"
)

func TestALongPressOnAMessageOpensItsMenu(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	g := newGate(t, s)
	ada, bob := signIn(t, g, "Ada").onAPhone(), newPeer(t, s, "Bob")
	ada.openChat(bob.id)
	bob.openChat(ada.id)
	bob.say("lunch at noon?")
	ada.awaitMessage("lunch at noon?", "received")
	const open = `() => document.querySelector('.menu.of-message:popover-open')`
	const message = `() => document.querySelector('.message .bubble')`
	pressLong := func() {
		t.Helper()
		lift := ada.presses("the message", message)
		since := call[float64](ada.tab, `() => performance.now()`)
		ada.await("the finger to rest", `since => performance.now() - since > 500`, since)
		lift()
	}

	ada.tap("the message", message)
	if call[bool](ada.tab, `() => !!(`+open+`)()`) {
		t.Error("a tap opens the menu")
	}
	pressLong()
	ada.await("the menu", open)
	ada.shutsNobodyOut("the menu of a message that was pressed long")
	ada.tapText("👍")
	ada.await("the reaction", `() => document.querySelector('.reaction[data-emoji="👍"]') && !(`+open+`)()`)

	// Where the browser tells of a long touch, and the finger is lifted then, it is one.
	call[bool](ada.tab, `() => document.querySelector('.message .content').dispatchEvent(new PointerEvent('contextmenu', {pointerType: 'touch', bubbles: true, cancelable: true}))`)
	ada.await("the menu", open)
	pressLong()
	ada.await("the menu", open)
	ada.wroteNoErrors()
}
