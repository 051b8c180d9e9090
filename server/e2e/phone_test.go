package e2e

import (
	"testing"

	"github.com/chromedp/chromedp"
)

// whereThingsAre is JavaScript that returns where what stands around the messages
// begins, and how wide that is of which nothing may be cut off.
const whereThingsAre = `() => Object.fromEntries(['.main h1', '[role=log]', 'message-composer', '.status-row'].map(part => {
	const {left, top, width, height} = document.querySelector(part).getBoundingClientRect();
	return [part, [left, top, width, height].map(Math.round).join(' ')];
}))`

func TestAPhoneTellsQuietlyWhoWaitsAndWhatItIsConnectedTo(t *testing.T) {
	t.Parallel()
	s := newServerForGuests(t)
	g := newGate(t, s)
	ada := signIn(t, g, "Ada")
	bob := newPeer(t, s, "Bartholomew")
	bob.openChat(ada.id)
	ada.do(chromedp.EmulateViewport(390, 844, chromedp.EmulateMobile))
	ada.openChat(bob.id)
	ada.await("an empty conversation", `() => document.querySelector('[role=log] .older.empty')`)
	places := func() map[string]string { return call[map[string]string](ada.tab, whereThingsAre) }

	// Who begins to wait moves nothing, and is told by a mark, or in words where one wants that.
	before := places()
	bob.say("do you come?")
	ada.awaitMessage("do you come?", "received")
	ada.find("button", "No reply needed")
	ada.await("a quiet mark", `() => document.querySelector('conversation-status [role=img]')?.ariaLabel?.startsWith('Waiting for your answer for ')
		&& document.querySelector('conversation-status [role=img]').getBoundingClientRect().width >= 6 && !document.querySelector('conversation-status .owing').textContent`)
	for part, place := range places() {
		if before[part] != place {
			t.Errorf("when a reply becomes owed, %s goes from (left, top, width, height) %s to %s", part, before[part], place)
		}
	}
	whole := func(when string) {
		t.Helper()
		if cut := call[[]string](ada.tab, `() => [...document.querySelectorAll('conversation-status')].filter(e => e.scrollWidth > e.clientWidth + 1 || e.scrollHeight > e.clientHeight + 1).map(e => e.innerText)`); len(cut) > 0 {
			t.Errorf("%s the header cuts %q", when, cut)
		}
	}
	call[bool](ada.tab, `() => { location.hash = '/'; return true }`)
	ada.click("Settings")
	ada.clickOn("switch", "Say who waits for my answer")
	ada.do(chromedp.KeyEvent("\u001b"))
	ada.openChat(bob.id)
	ada.await("the words", `() => document.querySelector('conversation-status .owing').textContent.startsWith('Waiting for your answer for ')`)
	whole("owing an answer,")
	ada.say("yes, and you?")
	ada.await("the words", `() => document.querySelector('conversation-status .awaiting').textContent.startsWith('Waiting for Bartholomew')`)
	whole("waiting for one,")
	bob.say("so do I, and Cleo?")
	ada.awaitMessage("and Cleo?", "received")
	ada.await("the words", `() => document.querySelector('conversation-status .owing').textContent`)
	whole("owing another,")

	// In the list it is a mark and no sentence, whose name says it all.
	type mark struct {
		Words, Name, Title string
		Narrow             bool
	}
	got := call[mark](ada.tab, `() => {
		location.hash = '/';
		const row = document.querySelector('[data-key][data-waiting-since]');
		const mark = row.querySelector('[role=img]');
		return new Promise(done => requestAnimationFrame(() => setTimeout(() => done({
			Words: row.innerText.match(/waiting.*/i)?.[0] ?? '', Name: mark?.ariaLabel ?? '', Title: mark?.title ?? '', Narrow: mark?.getBoundingClientRect().width <= 28}))));
	}`)
	const words = "Waiting for your answer for less than a minute"
	if want := (mark{"", words, words, true}); got != want {
		t.Errorf("the list shows of who waits %+v, want %+v", got, want)
	}
	ada.openChat(bob.id)

	// That one is connected is not said where the other's name stands.
	const besideTheName = `() => {
		const status = document.querySelector('[role=status][data-connection] .words').getBoundingClientRect();
		return status.width > 1 && status.top < document.querySelector('.main .bar').getBoundingClientRect().bottom;
	}`
	ada.find("status", "")
	if call[bool](ada.tab, besideTheName) {
		t.Error("beside the other's name stands that one is connected")
	}
	g.cut("/mqtt")
	ada.awaitConnection("offline")
	if call[bool](ada.tab, besideTheName) {
		t.Error("beside the other's name stands that one is offline")
	}
	ada.find("button", "Try now")

	// Beside one's own name the state is said in words, whatever can be done about it.
	ada.goTo("/")
	for _, on := range []screen{{320, 640}, lowScreens[0], {390, 844}, {1200, 800}} {
		ada.show(on)
		ada.find("button", "Details")
		ada.await("all of the word for it on "+on.String(), `() => {
			const words = document.querySelector('connection-status .words');
			return words.firstChild.textContent === 'Offline' && words.firstChild.getBoundingClientRect().right <= words.getBoundingClientRect().right + 1;
		}`)
	}
	g.reopen("/mqtt")
	ada.awaitConnection("live")
}
