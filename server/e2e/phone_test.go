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

// Who waits for whom is told by what a mark is like, and not by its colour alone.
func TestTheQuietMarksOfWhoWaitsDifferInShape(t *testing.T) {
	t.Parallel()
	_, g, ada, bob := two(t)
	cleo := signIn(t, g, "Cleo")
	cleo.openChat(ada.id)
	cleo.say("hello")
	bob.say("do you come?")
	ada.awaitMessage("do you come?", "received")
	type mark struct{ Name, Shape string }
	marks := func() (all []mark) {
		t.Helper()
		return call[[]mark](ada.tab, `() => [...document.querySelectorAll('conversation-status [role=img], conversation-list .entry-mark')].filter(e => e.checkVisibility()).map(e => ({
			Name: e.ariaLabel.startsWith('Waiting for your answer') ? 'owing' : 'awaiting', Shape: [...e.querySelectorAll('path')].filter(e => e.checkVisibility()).map(e => e.getAttribute('d')).join('|')}))`)
	}
	ada.await("both to wait", `() => document.querySelectorAll('conversation-list .entry-mark').length === 2`)
	owed := marks()
	if len(owed) != 3 || owed[0].Shape == "" || owed[0] != owed[1] || owed[1] != owed[2] || owed[0].Name != "owing" {
		t.Errorf("of an answer that is owed the header and both rows show %+v", owed)
	}
	ada.say("yes, and you?")
	ada.await("her to wait", `() => [...document.querySelectorAll('conversation-list .entry-mark')].some(e => e.ariaLabel.startsWith('Waiting for Bob'))`)
	for _, m := range marks() {
		if (m.Name == "owing") != (m.Shape == owed[0].Shape) || m.Shape == "" {
			t.Errorf("what is owed looks like %q, and %+v", owed[0].Shape, m)
		}
	}
	for _, features := range []map[string]string{{"forced-colors": "active"}, {"prefers-color-scheme": "dark"}} {
		ada.media(features)
		if drawn := call[bool](ada.tab, `theirs => [...document.querySelectorAll('.entry-mark .icon')].filter(e => e.checkVisibility()).every(e => {
			const {stroke, color, width} = getComputedStyle(e);
			return parseFloat(width) >= 12 && stroke === color && (theirs ? color === getComputedStyle(document.body).color : color !== getComputedStyle(document.body).backgroundColor);
		})`, features["forced-colors"] != ""); !drawn {
			t.Errorf("with %v the marks are not seen", features)
		}
	}
}
