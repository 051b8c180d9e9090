package e2e

import (
	"strconv"
	"testing"
)

// asksToLast is JavaScript that lets the browser agree to delete nothing by itself, once it is asked.
const asksToLast = `;
	Object.assign(StorageManager.prototype, {
		async persist() { sessionStorage.asked = Number(sessionStorage.asked ?? 0) + 1; return true; },
		async persisted() { return 'asked' in sessionStorage; },
	});`

// All history is kept in the browser, over a reload, and is there without the server.
func TestAllHistoryIsKeptIfOneWantsThat(t *testing.T) {
	t.Parallel()
	s := newServerWithKey(t)
	g := newGate(t, s)
	const bobID, adaID, said = 41, 42, 1_300
	ada := newDevice(t, s, adaID, "Ada")
	ada.tellsMany(bobID, said)
	tb := newProfile(t).open("Bob", g.url+"/", sessionOf(bobID, "Bob", s.token(bobID, "Bob"))+asksToLast)
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
	says("that it may go", "The browser may delete it where its room runs low")
	bob.shutsNobodyOut("what is stored")
	bob.await("the newest messages", `() => document.querySelector('conversation-list [data-key]')`)
	g.close("/api/conversations/") // so that it does not end before it is paused
	bob.clickOn("switch", "Keep all my history here")
	says("how far it is", " of 1,300 messages are here.")
	says("that it lasts", "The browser deletes none of it by itself")
	bob.click("Pause")
	says("that it is paused", " of 1,300 messages are here; paused.")
	bob.shutsNobodyOut("what is stored, paused")
	bob.reload()
	bob.awaitConnection("live")
	open()
	says("that it is paused, after a reload", " of 1,300 messages are here; paused.")
	g.reopen("/api/conversations/")
	bob.click("Go on")
	says("that it lasts still", "The browser deletes none of it by itself")
	if asked := call[string](tb, `() => sessionStorage.asked`); asked != "1" {
		t.Errorf("the browser was asked %s times to delete nothing by itself, want once", asked)
	}
	says("that all is here", "All 1,300 messages are here.")
	bob.click("Close")

	g.close("/api/conversations/")
	bob.openChat(strconv.Itoa(adaID))
	bob.await("the first message", `() => document.querySelector('[role=log] [data-seq="1"]')`)
}

// storedPages is JavaScript that tells whether so many pages of messages of a user are in the browser.
const storedPages = `(user, pages) => new Promise((resolve, reject) => {
	const opening = indexedDB.open('parley-' + user);
	opening.onerror = () => reject(opening.error);
	opening.onsuccess = () => {
		const counting = opening.result.transaction('messages').objectStore('messages').count();
		counting.onsuccess = () => { opening.result.close(); resolve(counting.result === pages); };
	};
})`

// What one does not want in the browser goes from there, and comes again where one scrolls.
func TestLessIsKeptIfOneWantsThat(t *testing.T) {
	t.Parallel()
	s := newServerWithKey(t)
	g := newGate(t, s)
	const bobID, adaID, carlID = 41, 42, 43
	newDevice(t, s, adaID, "Ada").tellsMany(bobID, 400)
	newDevice(t, s, carlID, "Carl").tellsMany(bobID, 300)
	tb := newProfile(t).open("Bob", g.url+"/", sessionOf(bobID, "Bob", s.token(bobID, "Bob")))
	tb.awaitConnection("live")
	bob := &person{tab: tb, id: strconv.Itoa(bobID)}
	storage := func() {
		t.Helper()
		bob.click("Settings")
		bob.click("Storage")
	}
	says := func(words string) {
		t.Helper()
		bob.await(words, `words => document.querySelector('storage-dialog')?.textContent.includes(words)`, words)
	}
	stored := func(pages int) {
		t.Helper()
		bob.await(strconv.Itoa(pages)+" pages", storedPages, bob.id, pages)
	}
	storage()
	bob.clickOn("switch", "Keep all my history here")
	says("All 700 messages are here.")
	stored(7 + 5)
	bob.click("Close")

	storage() // which lists what takes most
	bob.shutsNobodyOut("what takes most")
	call[bool](tb, `() => { document.querySelector('storage-dialog [data-key="d:41:43"] button').scrollIntoView(); return true }`)
	bob.click("Remove messages with Carl")
	bob.shutsNobodyOut("the question whether a conversation is to go")
	bob.click("Remove")
	says("Removed from this device: older messages with Carl.")
	says(" of 700 messages are here; paused.")
	stored(7 + 2)
	bob.click("Close")
	bob.openChat(strconv.Itoa(adaID)) // at what is unread
	bob.awaitMessage("line 1.", "received")
	bob.click("More")
	bob.click("Remove from this device…")
	bob.click("Remove")
	bob.notice("Removed from this device: older messages with Ada.")
	stored(2 + 2)
	bob.awaitMessage("line 1.", "received")

	storage()
	bob.chooseOption("Keep what was seen for", "90 days")
	says("Not all history is kept here any more.")
	bob.chooseOption("Let messages take", "50 MiB, about")
	bob.await("the engine to know", `async () => {
		const { connect } = await import('/parley.js');
		const parley = await connect({ token: JSON.parse(localStorage.getItem('parley.session')).token });
		await parley.conversations();
		const { days, bytes } = parley.keeping;
		parley.close();
		return days === 90 && bytes === 50 << 20;
	}`)
	bob.reload()
	bob.awaitConnection("live")
	storage()
	bob.await("what was chosen", `() => [...document.querySelectorAll('storage-dialog select')].map(e => e.value).join() === '90,52428800'`)
	bob.clickOn("switch", "Keep all my history here")
	says("Nothing goes from this device by age or size any more.")
	says("All 700 messages are here.")
	bob.click("Close")
	stored(7 + 5)

	bob.openChat(strconv.Itoa(carlID)) // what is on the screen stays
	bob.awaitMessage("line 1.", "received")
	call[bool](tb, `async () => {
		const { connect } = await import('/parley.js');
		const parley = await connect({ token: JSON.parse(localStorage.getItem('parley.session')).token });
		await parley.keep('off', { bytes: 1 });
		parley.close();
		return true;
	}`)
	stored(2 + 5)
	call[bool](tb, `hash => { location.hash = hash; return true }`, "/c/d:41:42/1")
	bob.jumpedTo("line 1.")
	bob.wroteNoErrors()
}
