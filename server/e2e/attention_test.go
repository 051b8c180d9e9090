package e2e

import (
	"strconv"
	"testing"
	"time"
)

// recordedNotifications is JavaScript that keeps what a page would show the person
// outside it, of which a browser without a screen shows nothing.
const recordedNotifications = `
	window.told = [];
	window.Notification = class {
		static permission = 'default';
		static async requestPermission() { return this.permission = 'granted'; }
		constructor(title, {body, tag}) { Object.assign(this, {title, body, tag}); told.push(this); }
		close() { this.closed = true; this.onclose?.(); }
	};`

// A told is a notification.
type told struct {
	Title, Body, Tag string
	Closed           bool
}

func TestWhoLooksElsewhereIsNotifiedOnceAndOnlyThen(t *testing.T) {
	t.Parallel()
	const bobID, adaID, eveID = 21, 22, 23
	s := newServerWithKey(t)
	g := newGate(t, s)
	ada, eve := newDevice(t, s, adaID, "Ada"), newDevice(t, s, eveID, "Eve")
	profile := newProfile(t)
	token := s.token(bobID, "Bob")
	tb := profile.open("Bob", g.url+"/", sessionOf(bobID, "Bob", token)+";"+recordedNotifications)
	tb.awaitConnection("live")
	page := &person{tab: tb, id: strconv.Itoa(bobID)}
	unread := func(n string) {
		t.Helper()
		page.await("the count "+n, `n => document.title.endsWith('Parley') && (document.title.match(/^\((\d+)\) /)?.[1] ?? '0') === n`, n)
	}
	notNotified := func(what string) {
		t.Helper()
		time.Sleep(time.Second) // nothing tells that there will be none
		if got := call[[]told](tb, `() => told`); len(got) > 0 {
			t.Errorf("%s: notified of %+v", what, got)
		}
	}

	tb.inFront(false)
	ada.tell(bobID, "before it was wanted")
	unread("1")
	notNotified("before it was wanted")
	tb.inFront(true)
	page.click("Settings")
	page.clickOn("switch", "Notify me on this device")
	page.awaitSwitch("Notify me on this device", true)
	ada.tell(bobID, "while Bob looks")
	unread("2")
	notNotified("while Bob looks")

	tb.inFront(false)
	ada.tell(bobID, "one")
	ada.tell(bobID, "two")
	eve.tell(bobID, "of another")
	unread("5")
	page.await("both conversations to be told", `() => new Set(told.map(({tag}) => tag)).size === 2`)
	for _, n := range call[[]told](tb, `() => told`) {
		if n.Tag == "d:21:22" && n.Title != "Ada" || n.Tag == "d:21:23" && (n.Title != "Eve" || n.Body != "of another") {
			t.Errorf("notified of %+v", n)
		}
	}
	if href := call[string](tb, `() => document.querySelector('link[rel=icon]').getAttribute('href')`); len(href) < 15 || href[:13] != "./icon-unread" {
		t.Errorf("the icon is %s", href)
	}

	// A click leads there, and what is read is not told of any more.
	call[bool](tb, `() => { told.findLast(({tag}) => tag === 'd:21:23').onclick(); return true }`)
	page.await("the conversation", `() => location.hash === '#/to/23'`)
	tb.inFront(true)
	unread("4")
	page.openChat(strconv.Itoa(adaID))
	unread("0")
	page.await("the notifications to be closed", `() => told.length && told.every(({closed, tag}) => closed || told.findLast(n => n.tag === tag).closed)`)

	// Another tab is looked at.
	other := second(profile, g, page, "")
	other.awaitConnection("live")
	tb.inFront(false)
	call[bool](tb, `() => { told = []; return true }`)
	eve.tell(bobID, "seen in the other tab")
	unread("1")
	notNotified("while another tab is looked at")
	page.wroteNoErrors()
}
