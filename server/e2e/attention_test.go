package e2e

import (
	"strconv"
	"testing"
	"time"

	"parley/proto"
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
	};
	window.badge = 0; // on the icon of the app
	navigator.setAppBadge = async n => { badge = n };
	navigator.clearAppBadge = async () => { badge = 0 };
	window.tones = 0;
	OscillatorNode.prototype.start = function(...when) { window.tones++; AudioScheduledSourceNode.prototype.start.apply(this, when); };`

// notifiedByWorker is JavaScript after which, as in Android's browsers, only a service worker
// notifies. What it shows is kept beside the others: of a browser without a screen that too is all there is.
const notifiedByWorker = `
	Object.assign(window.Notification, { permission: 'granted' });
	window.Notification = new Proxy(window.Notification, { construct() { throw new TypeError('Illegal constructor'); } });
	ServiceWorkerRegistration.prototype.showNotification = async function(title, { body, tag, data }) {
		told.push({ title, body, tag, data, close() { this.closed = true; } });
	};
	ServiceWorkerRegistration.prototype.getNotifications = async ({ tag }) => told.filter(n => n.tag === tag && !n.closed);`

// clicks is JavaScript for the service worker, in which a page clicks on a notification.
const clicks = `
	addEventListener('message', ({ data, source }) => {
		const notification = { data: data.click, close() { source.postMessage({ closed: data.click }); } };
		if (data.click) dispatchEvent(Object.assign(new ExtendableEvent('notificationclick'), { notification }));
	});`

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
		page.await("the count "+n, `n => document.title.endsWith('Parley') && (document.title.match(/^\((\d+)\) /)?.[1] ?? '0') === n && badge === Number(n)`, n)
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
	page.clickOn("switch", "Play a sound on this device")
	page.await("the sound that was switched on", `() => tones === 2`)
	ada.tell(bobID, "while Bob looks")
	unread("2")
	notNotified("while Bob looks")

	tb.inFront(false)
	ada.tell(bobID, "one")
	ada.tell(bobID, "two")
	eve.tell(bobID, "of another")
	unread("5")
	page.await("both conversations to be told", `() => new Set(told.map(({tag}) => tag)).size === 2`)
	page.await("their sound", `() => tones >= 4`)
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

	// What is muted calls and counts for nothing.
	key, muted := proto.DirectKey(bobID, eveID).String(), true
	phone := newDevice(t, s, bobID, "Bob")
	if _, err := phone.send(proto.BranchChoice, &proto.Choice{Key: &key, Muted: &muted}); err != nil {
		t.Fatal(err)
	}
	page.await("the mute", `key => 'muted' in document.querySelector('[data-key="' + key + '"]').dataset`, key)
	tb.inFront(false)
	call[bool](tb, `() => { told = []; return true }`)
	eve.tell(bobID, "muted")
	ada.tell(bobID, "and one that is not")
	page.await("what is not muted to be told", `() => told.some(({tag}) => tag === 'd:21:22')`)
	unread("1")
	if got := call[[]told](tb, `() => told.filter(({tag}) => tag === 'd:21:23')`); len(got) > 0 {
		t.Errorf("notified of what is muted: %+v", got)
	}
	tb.inFront(true)
	unread("0")
	page.openChat(strconv.Itoa(eveID))
	page.await("it to be read", `key => document.querySelector('[data-key="' + key + '"]').dataset.unread === '0'`, key)
	page.openChat(strconv.Itoa(adaID))
	muted = false
	if _, err := phone.send(proto.BranchChoice, &proto.Choice{Key: &key, Muted: &muted}); err != nil {
		t.Fatal(err)
	}
	page.await("no mute", `key => !('muted' in document.querySelector('[data-key="' + key + '"]').dataset)`, key)

	// In a group it is said who wrote.
	made := colleague{t, s, s.token(adaID, "Ada")}.ask("POST", "/api/groups", `{"name":"The team","members":["21","23"]}`)
	group, err := strconv.ParseUint(made["group_id"].(string), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	key = proto.GroupKey(group).String()
	tb.inFront(false)
	eve.tell(group, "to all of you")
	page.await("what was written in the group to be told", `key => { const n = told.findLast(({tag}) => tag === key); return n?.title === 'The team' && n.body === 'Eve: to all of you' }`, key)
	unread("1") // which a page in the background is in no hurry to show
	tb.inFront(true)
	page.goTo("/c/" + key)
	unread("0")
	page.openChat(strconv.Itoa(adaID))

	// Whatever of one's own stands behind it, as what was not sent does.
	blocks := func(blocked bool) {
		t.Helper()
		user := uint64(bobID)
		if _, err := eve.send(proto.BranchBlock, &proto.Block{UserId: &user, Blocked: &blocked}); err != nil {
			t.Fatal(err)
		}
	}
	blocks(true)
	page.openChat(strconv.Itoa(eveID))
	page.say("not for Eve")
	page.awaitMessage("not for Eve", "refused")
	page.openChat(strconv.Itoa(adaID))
	blocks(false)
	tb.inFront(false)
	eve.tell(bobID, "all the same")
	page.await("what came before what is not sent", `() => { const n = told.findLast(({tag}) => tag === 'd:21:23'); return n?.title === 'Eve' && n.body === 'all the same' }`)
	unread("1")
	tb.inFront(true)
	page.openChat(strconv.Itoa(eveID))
	unread("0")
	page.openChat(strconv.Itoa(adaID))

	// Another tab is looked at.
	other := second(profile, g, page, "")
	other.awaitConnection("live")
	tb.inFront(false)
	call[bool](tb, `() => { told = []; tones = 0; return true }`)
	eve.tell(bobID, "seen in the other tab")
	unread("1")
	notNotified("while another tab is looked at")
	if n := call[int](tb, `() => tones`); n > 0 {
		t.Errorf("it sounded while another tab is looked at")
	}
	page.wroteNoErrors()
}

func TestWhereOnlyAServiceWorkerMayNotifyItDoes(t *testing.T) {
	t.Parallel()
	const bobID, adaID = 21, 22
	s := newServerWithKey(t)
	g := newGate(t, s)
	g.inScript("/sw.js", clicks)
	ada := newDevice(t, s, adaID, "Ada")
	profile := newProfile(t)
	profile.keepsPage = true
	tb := profile.open("Bob", g.url+"/", sessionOf(bobID, "Bob", s.token(bobID, "Bob"))+";localStorage.setItem('parley.notifications', 'on');"+recordedNotifications+notifiedByWorker)
	page := &person{tab: tb, id: strconv.Itoa(bobID)}
	page.awaitConnection("live")
	page.await("the service worker", `async () => (await navigator.serviceWorker.ready).active.state === 'activated'`)
	tb.inFront(false)
	ada.tell(bobID, "one")
	ada.tell(bobID, "two")
	page.await("the notification", `() => told.length && told.every(n => n.tag === 'd:21:22' && n.title === 'Ada' && n.data === '#/to/22')`)
	call[bool](tb, `async () => {
		navigator.serviceWorker.addEventListener('message', ({ data }) => { if (data.closed) window.closedByClick = data.closed; });
		(await navigator.serviceWorker.ready).active.postMessage({ click: told[0].data });
		return true;
	}`)
	page.await("the conversation", `() => location.hash === '#/to/22' && window.closedByClick === location.hash`)
	tb.inFront(true)
	page.await("the notifications to be closed", `() => told.every(n => n.closed || told.findLast(m => m.tag === n.tag).closed)`)
	page.wroteNoErrors()
}
