//go:build screenshots

package e2e

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/chromedp"

	"parley/proto"
)

var folder = flag.String("folder", ".", "where screenshots are written to")

// A look is how a page is shown.
type look struct {
	name, scheme  string
	width, height int64
}

// The last is a window at 400 %.
var looks = []look{
	{"phone-light", "light", 360, 640}, {"phone-dark", "dark", 360, 640},
	{"light", "light", 1280, 800}, {"dark", "dark", 1280, 800},
	{"low-light", "light", 320, 256}, {"low-dark", "dark", 320, 256},
}

// take writes what a page looks like in every look.
func (p *person) take(view string) {
	p.t.Helper()
	for _, l := range looks {
		p.do(chromedp.EmulateViewport(l.width, l.height))
		p.media(map[string]string{"prefers-color-scheme": l.scheme})
		call[bool](p.tab, scrolled)
		picture, err := chromedp.Run(p.ctx, chromedp.CaptureScreenshot())
		if err != nil {
			p.t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(*folder, view+"-"+l.name+".png"), picture, 0o600); err != nil {
			p.t.Fatal(err)
		}
	}
}

// TestScreenshots takes pictures of each view, to be looked at; in English and in Chinese.
func TestScreenshots(t *testing.T) {
	for _, language := range []string{"en", "zh-Hans"} {
		speak := fmt.Sprintf("localStorage.setItem('parley.language', %q);", language)
		shot := func(p *person, view string) { p.take(language + "-" + view) }
		for name, take := range map[string]func(*testing.T, string, func(*person, string)){"chats": takeChats, "group": takeGroup, "storage": takeStorage} {
			t.Run(language+" "+name, func(t *testing.T) {
				t.Parallel()
				take(t, speak, shot)
			})
		}
	}
}

// takeChats takes pictures of chats with people and services, and of what is around them.
func takeChats(t *testing.T, speak string, shot func(*person, string)) {
	t.Helper()
	const adaID, bobID, carlaID, doraID = 21, 22, 23, 24
	s := newServerWithKey(t)
	g := newGate(t, s)
	newcomer := &person{tab: newProfile(t).open("newcomer", g.url+"/", speak)}
	newcomer.await("the form", `() => document.querySelector('sign-in input')`)
	shot(newcomer, "sign-in")
	newcomer.closeTab()

	bob, carla, dora := newDevice(t, s, bobID, "Bob"), newDevice(t, s, carlaID, "Carla"), newDevice(t, s, doraID, "陈丹")
	tb := newProfile(t).open("Ada", g.url+"/", speak+sessionOf(adaID, "Ada", s.token(adaID, "Ada")))
	tb.awaitConnection("live")
	ada := &person{tab: tb, id: "21"}
	ada.await("an empty list", `() => document.querySelector('conversation-list .empty')?.checkVisibility()`)
	shot(ada, "empty")

	carla.tell(adaID, "The slides are in the shared folder.")
	dora.tell(adaID, "明天十点见？")
	bob.tell(adaID, "Did the parcel come?")
	call[bool](ada.tab, `hash => { location.hash = hash; return true }`, "/to/22")
	ada.await("the composer", `() => document.querySelector('message-composer textarea')`)
	say := func(content string) {
		call[bool](ada.tab, `content => {
			document.querySelector('message-composer textarea').focus();
			document.execCommand('insertText', false, content);
			document.querySelector('message-composer button[type=submit]').click();
			return true;
		}`, content)
		ada.awaitMessage(content, confirmed...)
	}
	say("It did, this morning. It is rather heavy.")
	bob.tell(adaID, "Good. I can carry it up on Thursday, see https://example.com/stairs")
	say("Thank you! 👋")
	call[bool](ada.tab, `async () => {
		const { connect } = await import('/parley.js');
		const parley = await connect({ token: JSON.parse(localStorage.getItem('parley.session')).token });
		await parley.choose('d:21:22', { pinned: true });
		await parley.choose('d:21:23', { muted: true });
		await parley.markRead('d:21:22', 4n);
		parley.close();
		return true;
	}`)
	ada.awaitMessage("Thank you! 👋", confirmed...)
	shot(ada, "conversation")
	takeSearch(ada, shot)
	call[bool](ada.tab, `() => { location.hash = '/'; return true }`)
	call[bool](ada.tab, `() => { document.querySelector('settings-menu button').click(); return true }`)
	shot(ada, "settings")
	call[bool](ada.tab, `() => { document.querySelector('settings-menu [popover]').hidePopover(); location.hash = '/to/999x'; return true }`)
	shot(ada, "broken-link")
	call[bool](ada.tab, `() => { location.hash = '/service/2'; return true }`)
	ada.await("the composer", `() => document.querySelector('message-composer textarea')`)
	say("Hello, my invoice shows the wrong address.")

	takeDesk(t, s, g, speak, shot)
	takeAccount(t, speak, shot)
	ada.awaitMessage("Hello, my invoice shows the wrong address.", confirmed...)
	shot(ada, "customer")
	s.stop()
	ada.awaitConnection("offline")
	shot(ada, "offline")
}

// takeSearch takes pictures of searches, and of the question for a day.
func takeSearch(ada *person, shot func(*person, string)) {
	ada.t.Helper()
	does := func(script string) { ada.t.Helper(); call[bool](ada.tab, "() => { "+script+"; return true }") }
	does(`location.hash = '/'`)
	looks := func(words, count string) {
		ada.t.Helper()
		does(fmt.Sprintf(`const box = document.querySelector('search-pane input'); box.value = %q; box.dispatchEvent(new Event('input'))`, words))
		ada.await("what was found", `n => document.querySelectorAll('.hits a').length === Number(n) && document.querySelector('message-hits .count').textContent`, count)
	}
	looks("th", "5")
	shot(ada, "found")
	does(`document.querySelector('search-pane [aria-expanded]').click()`)
	looks("十点", "1")
	shot(ada, "found-filters")
	looks("nowhere", "0")
	shot(ada, "found-nothing")
	does(`document.querySelector('chat-panes').dispatchEvent(new CustomEvent('search-in', { detail: 'd:21:22' }))`)
	looks("th", "4")
	shot(ada, "found-here")
	does(`document.querySelector('search-pane input').dispatchEvent(new KeyboardEvent('keydown', { key: 'Escape', bubbles: true }))`)
	does(`document.querySelector('chat-panes').dispatchEvent(new CustomEvent('conversation-act', { detail: { key: 'd:21:22', act: 'date' } }))`)
	ada.await("the question", `() => document.querySelector('#day')`)
	shot(ada, "day")
	does(`document.querySelector('dialog[open]').close()`)
}

// takeDesk takes pictures of what an agent works with; Ada has written to the service.
func takeDesk(t *testing.T, s *server, g *gate, speak string, shot func(*person, string)) {
	t.Helper()
	const agentID = 31
	asks := func(user uint64, name, content string) {
		var zero uint64
		service, kind, direction, extend := support, proto.MessageType_MESSAGE_TYPE_TEXT, proto.ServiceMessageDirection_CUSTOMER_TO_SERVICE, `{"order":"2041-77","paid":true}`
		newDevice(t, s, user, name).must(proto.BranchService, &proto.ServiceMessage{MessageId: &zero, UserId: &user, ServiceType: &service,
			MessageType: &kind, Content: &content, CreateDate: &zero, Direction: &direction, Extend: &extend})
	}
	asks(25, "Erik", "Is the blue one back in stock?")
	asks(26, "王芳", "订单还没有发货，能帮我查一下吗？")
	asks(27, "Gloria", "The parcel came without the cable. Can you send one?")
	newDevice(t, s, 32, "Benedict", support)
	ben := colleague{t, s, s.tokenFor(32, "Benedict", []proto.ServiceType{support})}
	ben.ask("POST", "/api/services/2/replies", `{"title":"Cable missing","content":"Dear {customer},\nwe are sorry. A cable is on its way to you. {agent}"}`)
	ben.ask("POST", "/api/services/2/replies", `{"title":"Opening hours","content":"We are here from 9 to 17."}`)
	ben.ask("POST", "/api/services/2/replies", `{"title":"缺货","content":"{customer}，您好！该商品暂时缺货，到货后我们会通知您。"}`)
	ben.ask("POST", "/api/conversations/"+proto.ServiceKey(27, support).String()+"/notes", `{"content":"She had the same trouble in May: the warehouse packs that model without it.","after_seq":"1"}`)

	tb := newProfile(t).open("Annabel", g.url+"/", speak+sessionOf(agentID, "Annabel", s.tokenFor(agentID, "Annabel", []proto.ServiceType{support, 1})))
	tb.awaitConnection("live")
	agent := &person{tab: tb, id: "31"}
	does := func(script string) { t.Helper(); call[bool](agent.tab, "() => { "+script+"; return true }") }
	agent.await("the customers", `() => document.querySelectorAll('service-queue li[data-key]').length === 4`)
	shot(agent, "queue")
	does(`document.querySelector('service-queue li[data-key="s:27:2"] a').click()`)
	agent.awaitNote("She had the same trouble in May: the warehouse packs that model without it.")
	agent.await("the claim", `() => { const b = document.querySelector('[data-act=claim]'); b?.click(); return document.querySelector('[data-act=release]') }`)
	does(`document.activeElement.blur()`)
	shot(agent, "agent")
	does(`document.querySelector('message-composer .note-toggle').click()`)
	shot(agent, "note")
	does(`document.querySelector('message-composer .note-toggle').click(); document.querySelector('message-composer textarea').focus()`)
	agent.press("/")
	agent.await("the replies", `() => document.querySelector('reply-picker [role=option]')`)
	shot(agent, "replies")
	agent.press("\u001b", "\b")
	agent.do(chromedp.EmulateViewport(390, 780))
	does(`document.querySelector('.main .bar button:has(.icon-person)').click()`) // in a dialog, on a phone
	agent.await("about the customer", `() => document.querySelector('dialog[open] .customer-name')`)
	shot(agent, "about-customer")
	does(`location.hash = '/'; document.querySelector('.filters input[value=mine]').click()`)
	shot(agent, "queue-filtered")
	does(`document.querySelector('settings-menu').dispatchEvent(new Event('account'))`)
	agent.await("the account", `() => document.querySelector('account-dialog #own-name')?.checkVisibility() === false`)
	shot(agent, "account-elsewhere")
}

// takeAccount takes pictures of a guest's account.
func takeAccount(t *testing.T, speak string, shot func(*person, string)) {
	t.Helper()
	g := newGate(t, newServer(t))
	ada := &person{tab: newProfile(t).open("Ada", g.url+"/", speak)}
	ada.await("the form", `() => document.querySelector('sign-in input')`)
	call[bool](ada.tab, `() => { document.querySelector('sign-in input').value = 'Ada'; document.querySelector('sign-in button[type=submit]').click(); return true }`)
	ada.awaitConnection("live")
	call[bool](ada.tab, `async () => {
		const { connect, signInWithCode } = await import('/parley.js');
		const parley = await connect({ token: JSON.parse(localStorage.getItem('parley.session')).token });
		await signInWithCode((await parley.linkCode()).code, { device: 'Firefox on Android' });
		await parley.recoveryCode();
		parley.close();
		return true;
	}`)
	ada.await("the news", `() => document.querySelector('.notice')`)
	shot(ada, "new-device")
	call[bool](ada.tab, `() => { document.querySelector('.notice .button').click(); return true }`)
	ada.devices(2)
	shot(ada, "account")
	call[bool](ada.tab, `() => { document.querySelectorAll('account-dialog section')[0].querySelector('.choices .button:last-child').click(); return true }`)
	ada.await("the code", `() => document.querySelector('svg.qr')`)
	shot(ada, "link-code")
}

// takeStorage takes pictures of what is kept in the browser, and of the question whether some of it is to go.
func takeStorage(t *testing.T, speak string, shot func(*person, string)) {
	t.Helper()
	const adaID = 21
	s := newServerWithKey(t)
	g := newGate(t, s)
	for id, name := range map[uint64]string{22: "Bob", 23: "陈丹", 24: "Bartholomew Featherstonehaugh of the Lower Warehouse"} {
		newDevice(t, s, id, name).tellsMany(adaID, 150+int(id))
	}
	ada := &person{tab: newProfile(t).open("Ada", g.url+"/", speak+sessionOf(adaID, "Ada", s.token(adaID, "Ada"))), id: "21"}
	ada.awaitConnection("live")
	call[bool](ada.tab, `async () => {
		const { connect } = await import('/parley.js');
		const parley = await connect({ token: JSON.parse(localStorage.getItem('parley.session')).token });
		await parley.keep('on');
		while (!parley.keeping.all || parley.keeping.kept < parley.keeping.all) await new Promise(done => parley.addEventListener('keeping', done, { once: true }));
		await parley.keep('off', { days: 90 });
		parley.close();
		document.querySelector('settings-menu').dispatchEvent(new Event('storage'));
		return true;
	}`)
	ada.await("what takes most", `() => document.querySelectorAll('storage-dialog li').length === 3`)
	shot(ada, "storage")
	call[bool](ada.tab, `() => { document.querySelector('storage-dialog .scrolled').scrollTop = 9999; return true }`)
	shot(ada, "storage-end")
	call[bool](ada.tab, `() => { document.querySelector('storage-dialog li button').click(); return true }`)
	ada.await("the question", `() => document.querySelector('#confirm')`)
	shot(ada, "storage-remove")
}
