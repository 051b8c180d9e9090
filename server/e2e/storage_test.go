package e2e

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/storage"
	"github.com/chromedp/chromedp"

	"parley/proto"
	"parley/server/e2e/live"
)

// clearSiteData deletes what the browser keeps of the page's site, as a person
// does in its settings.
func (tb *tab) clearSiteData() {
	tb.t.Helper()
	origin := call[string](tb, `() => location.origin`)
	tb.do(chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, storage.ClearDataForOrigin, storage.ClearDataForOriginParams{Origin: origin, StorageTypes: "all"})
		return err
	}))
}

// setQuota bounds what the browser keeps of the page's site, in bytes; 0 is as it was.
func (tb *tab) setQuota(bytes float64) {
	tb.t.Helper()
	params := storage.OverrideQuotaForOriginParams{Origin: call[string](tb, `() => location.origin`)}
	if bytes > 0 {
		params.QuotaSize = &bytes
	}
	tb.do(chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, storage.OverrideQuotaForOrigin, params)
		return err
	}))
}

// idOf reads the user's id from the link on the page.
func (tb *tab) idOf() string {
	tb.t.Helper()
	link := call[string](tb, `() => document.querySelector('.own-link').textContent`)
	return link[strings.LastIndex(link, "/")+1:]
}

// notices counts the notices on the page that contain words.
func (tb *tab) notices(words string) int {
	tb.t.Helper()
	return call[int](tb, `words => [...document.querySelectorAll('.notice')].filter(n => n.textContent.includes(words)).length`, words)
}

// blockedStorage is the profile of a browser of its own, whose settings let no
// site keep data.
func blockedStorage(t *testing.T) *profile {
	t.Helper()
	folder := t.TempDir()
	settings := filepath.Join(folder, "Default", "Preferences")
	if err := os.MkdirAll(filepath.Dir(settings), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(settings, []byte(`{"profile": {"default_content_setting_values": {"cookies": 2}}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, end, err := live.Start(chromeBinary, chromedp.UserDataDir(folder)) // the shell has no settings
	t.Cleanup(end)
	if err != nil {
		t.Fatal(err)
	}
	return &profile{t: t, ctx: ctx}
}

func TestWhereTheBrowserKeepsNothingOneChatsInMemoryAndIsToldOnce(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		profile func(*testing.T) *profile
		page    string // JavaScript in the page
		engine  string // JavaScript in the worker
		quota   float64
		said    string
	}{
		"all site data is blocked": {profile: blockedStorage, said: "Nothing is kept in this browser"},
		"there is no IndexedDB":    {engine: `Object.defineProperty(globalThis, 'indexedDB', {value: null});`},
		"IndexedDB is refused":     {engine: `IDBFactory.prototype.open = () => { throw new DOMException('no', 'SecurityError'); };`},
		"IndexedDB never answers":  {engine: `IDBFactory.prototype.open = () => new EventTarget();`},
		"there is no room":         {quota: 1},
		"without SharedWorkers": {page: withoutSharedWorkers,
			engine: `IDBFactory.prototype.open = () => { throw new DOMException('no', 'SecurityError'); };`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t)
			g := newGate(t, s)
			bob := newPeer(t, s, "Bob")
			g.inEngine(test.engine)
			if test.profile == nil {
				test.profile = newProfile
			}
			tb := test.profile(t).open("Ada", g.url+"/", test.page)
			if test.quota > 0 {
				tb.setQuota(test.quota)
			}
			mark := g.mark()
			tb.fill("Your name", "Ada")
			// Whoever presses Start twice means it once.
			call[bool](tb, `() => { const form = document.querySelector('form'); form.requestSubmit(); form.requestSubmit(); return true }`)
			tb.awaitConnection("live")
			ada := &person{tab: tb, id: tb.idOf()}
			ada.openChat(bob.id)
			bob.openChat(ada.id)
			ada.say("kept nowhere")
			ada.awaitMessage("kept nowhere", confirmed...)
			bob.awaitMessage("kept nowhere")
			bob.say("an answer")
			ada.awaitMessage("an answer", "received")
			said := cmp.Or(test.said, "New messages are not kept in this browser")
			if n := tb.notices("kept in this browser"); n != 1 || tb.notices(said) != 1 {
				t.Errorf("the page says %d times that nothing is kept, and %d times %q, want once", n, tb.notices(said), said)
			}
			if guests := g.since(mark, "POST /api/guests"); len(guests) != 1 {
				t.Errorf("%d users were made, want one", len(guests))
			}
		})
	}
}

func TestWhoIsSignedInInMemoryStaysSoWhenTheStartFails(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	g := newGate(t, s)
	tb := blockedStorage(t).open("Ada", g.url+"/", "")
	g.cacheNothing()
	g.inEngine(`globalThis.fetch = () => Promise.reject(new Error('no program for now'));`)
	mark := g.mark()
	tb.fill("Your name", "Ada")
	tb.click("Start")
	tb.find("button", "Try again")
	g.inEngine("")
	tb.click("Try again")
	tb.awaitConnection("live")
	if guests := g.since(mark, "POST /api/guests"); len(guests) != 1 {
		t.Errorf("%d users were made, want one", len(guests))
	}
}

func TestDeletedSiteDataWithTwoTabsOpen(t *testing.T) {
	t.Parallel()
	for name, before := range map[string]string{"SharedWorker": "", "no SharedWorker": withoutSharedWorkers} {
		// The first tab holds the engine's lock where there is no SharedWorker.
		for _, reloads := range map[string][]string{"SharedWorker": {"the second tab"}, "no SharedWorker": {"the first tab", "the second tab"}}[name] {
			t.Run(name+", "+reloads+" is reloaded", func(t *testing.T) {
				t.Parallel()
				s := newServer(t)
				g := newGate(t, s)
				bob := newPeer(t, s, "Bob")
				profile := newProfile(t)
				reloaded := signInWith(profile, g, "Ada", before)
				other := second(profile, g, reloaded, before)
				other.awaitConnection("live")
				if reloads == "the second tab" {
					reloaded, other = other, reloaded
				}
				reloaded.clearSiteData()
				reloaded.reload()
				reloaded.fill("Your name", "Eva")
				reloaded.click("Start")
				reloaded.awaitConnection("live")
				eva := &person{tab: reloaded.tab, id: reloaded.idOf()}
				eva.openChat(bob.id)
				bob.openChat(eva.id)
				mark := g.mark()
				for _, content := range []string{"first", "second", "third"} {
					eva.say(content)
					eva.awaitMessage(content, confirmed...)
					bob.awaitMessage(content)
					bob.say("answer to " + content)
					eva.awaitMessage("answer to "+content, "received")
				}
				// Signing in is told to the other tab, which is Eva's from then on.
				other.await("the tab of who is signed in", `id => document.querySelector('.own-link')?.textContent.endsWith('/' + id)`, eva.id)
				other.awaitConnection("live")
				(&person{tab: other.tab, id: eva.id}).openChat(bob.id)
				(&person{tab: other.tab, id: eva.id}).say("from the other tab")
				eva.awaitMessage("from the other tab", confirmed...)
				// Engines that end each other would connect without an end.
				if connects := g.since(mark, "/mqtt"); len(connects) > 1 {
					t.Errorf("%d connections were made meanwhile", len(connects))
				}
			})
		}
	}
}

// attach is JavaScript that connects by the public API as a user whom the page's
// own site signs in, and keeps the connection.
const attach = `async token => {
	const {connect} = await import('/parley.js');
	window.parley = await connect({token});
}`

// deleteDatabase is JavaScript that deletes a user's database.
const deleteDatabase = `user => new Promise((resolve, reject) => {
	const request = indexedDB.deleteDatabase('parley-' + user);
	request.onsuccess = () => resolve(true);
	request.onerror = () => reject(request.error);
})`

// Of a site that signs its users in by itself, so that the deletion leaves it who they are.
func TestWhatWasSeenSurvivesTheDeletionOfSiteData(t *testing.T) {
	t.Parallel()
	const adaID, bobID = 1 << 53, 1<<53 + 1
	for how, lose := range map[string]func(*tab){
		"site data deleted": func(tb *tab) { tb.clearSiteData() },
		"database deleted":  func(tb *tab) { call[bool](tb, deleteDatabase, strconv.Itoa(adaID)) },
	} {
		for name, before := range map[string]string{"SharedWorker": "", "no SharedWorker": withoutSharedWorkers} {
			t.Run(how+", "+name, func(t *testing.T) {
				t.Parallel()
				s := newServerWithKey(t)
				g := newGate(t, s)
				bob := signInAs(newProfile(t), g, bobID, "Bob", s.token(bobID, "Bob"))
				bob.openChat(strconv.Itoa(adaID))
				profile, token := newProfile(t), s.token(adaID, "Ada")
				ada := profile.open("Ada", g.url+"/e2e/clients.html", before)
				other := profile.open("Ada-second-tab", g.url+"/e2e/clients.html", before)
				for _, tb := range []*tab{ada, other} {
					call[any](tb, attach, token)
				}
				send := func(content string) {
					t.Helper()
					call[any](ada, `async (to, content) => { await parley.send(BigInt(to), content) }`, strconv.Itoa(bobID), content)
				}
				send("acknowledged")
				bob.awaitMessage("acknowledged", "received")
				g.cut("/mqtt")
				ada.await("to be offline", `() => parley.connection.state !== 'live'`)
				send("seen by Ada alone")
				lose(ada)
				send("written after")
				ada.reload() // with the other tab open
				call[any](ada, attach, token)
				for _, tb := range []*tab{ada, other} {
					tb.await("what waits", `async key => {
						const {messages} = await parley.history(key);
						return messages.filter(m => m.state === 'pending').map(m => m.content).join() === 'seen by Ada alone,written after';
					}`, proto.DirectKey(adaID, bobID).String())
				}
				g.reopen("/mqtt")
				for _, content := range []string{"seen by Ada alone", "written after"} {
					bob.awaitMessage(content, "received")
				}
				for _, tb := range []*tab{ada, other} {
					tb.await("all of it, once", `async key => {
						const {messages} = await parley.history(key);
						return messages.map(m => m.content).join() === 'acknowledged,seen by Ada alone,written after' && messages.every(m => m.seq);
					}`, proto.DirectKey(adaID, bobID).String())
				}
				if n := len(bob.messages()); n != 3 {
					t.Errorf("Bob sees %d messages, want 3", n)
				}
			})
		}
	}
}

// awaitRoom waits until the browser notices, as it does within half a minute,
// whether the page's site may still write.
func (tb *tab) awaitRoom(room bool) {
	tb.t.Helper()
	tb.await(fmt.Sprintf("room is %v", room), `wanted => new Promise((resolve, reject) => {
		const opening = indexedDB.open('e2e-room');
		opening.onupgradeneeded = () => opening.result.createObjectStore('room');
		opening.onerror = () => resolve(!wanted);
		opening.onsuccess = () => {
			const writing = opening.result.transaction('room', 'readwrite');
			writing.objectStore('room').put(new Uint8Array(100), 1);
			const end = room => {
				opening.result.close();
				resolve(room === wanted);
			};
			writing.oncomplete = () => end(true);
			writing.onabort = () => writing.error?.name === 'QuotaExceededError' ? end(false) : reject(writing.error);
		};
	})`, room)
}

func TestAFullDiskIsNamedAndItsEndNoticed(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	g := newGate(t, s)
	ada, bob := signIn(t, g, "Ada"), newPeer(t, s, "Bob")
	ada.openChat(bob.id)
	bob.openChat(ada.id)
	ada.say("before")
	bob.awaitMessage("before")
	ada.setQuota(1)
	ada.awaitRoom(false)
	ada.say("said while it is full")
	bob.awaitMessage("said while it is full")
	ada.notice("New messages are not kept in this browser. The browser’s storage is full")
	bob.say("heard while it is full")
	ada.awaitMessage("heard while it is full", "received")
	ada.setQuota(0)
	ada.awaitRoom(true)
	ada.await("no notice any more", `() => !document.querySelector('.notice')`)
	g.cut("/mqtt")
	g.close("/api/conversations")
	ada.reload()
	ada.awaitMessage("said while it is full", confirmed...)
	ada.awaitMessage("heard while it is full", "received")
}
