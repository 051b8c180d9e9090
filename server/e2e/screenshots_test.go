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

var looks = []look{
	{"light", "light", 1200, 760}, {"dark", "dark", 1200, 760},
	{"phone-light", "light", 390, 780}, {"phone-dark", "dark", 390, 780},
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
		t.Run(language, func(t *testing.T) {
			t.Parallel()
			takeAll(t, language)
		})
	}
}

func takeAll(t *testing.T, language string) {
	const adaID, bobID, carlaID, doraID, agentID = 21, 22, 23, 24, 31
	s := newServerWithKey(t)
	g := newGate(t, s)
	speak := fmt.Sprintf("localStorage.setItem('parley.language', %q);", language)
	shot := func(p *person, view string) { p.take(language + "-" + view) }

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
	call[bool](ada.tab, `() => { location.hash = '/'; return true }`)
	call[bool](ada.tab, `() => { document.querySelector('settings-menu button').click(); return true }`)
	shot(ada, "settings")
	call[bool](ada.tab, `() => { document.querySelector('settings-menu [popover]').hidePopover(); location.hash = '/to/999x'; return true }`)
	shot(ada, "broken-link")
	call[bool](ada.tab, `() => { location.hash = '/service/2'; return true }`)
	ada.await("the composer", `() => document.querySelector('message-composer textarea')`)
	say("Hello, my invoice shows the wrong address.")

	services := []proto.ServiceType{support}
	tb = newProfile(t).open("Annabel", g.url+"/", speak+sessionOf(agentID, "Annabel", s.tokenFor(agentID, "Annabel", services)))
	tb.awaitConnection("live")
	agent := &person{tab: tb, id: "31"}
	agent.await("the customer", `() => document.querySelector('service-queue li[data-key="s:21:2"]')`)
	shot(agent, "queue")
	call[bool](agent.tab, `() => { document.querySelector('service-queue li[data-key="s:21:2"] a').click(); return true }`)
	agent.awaitMessage("Hello, my invoice shows the wrong address.", "received")
	shot(agent, "agent")
	ada.awaitMessage("Hello, my invoice shows the wrong address.", confirmed...)
	shot(ada, "customer")
	s.stop()
	ada.awaitConnection("offline")
	shot(ada, "offline")
}
