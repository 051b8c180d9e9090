package e2e

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"parley/proto"
)

// axeSource is axe-core, which looks for what shuts somebody out.
var axeSource = sync.OnceValues(func() (string, error) {
	source, err := os.ReadFile(filepath.Join("testdata", "vendor", "axe-core", "axe.min.js"))
	return string(source), err
})

// lookedFor is JavaScript that has axe-core look for all that WCAG 2.2 AA asks and what is good practice
// beside, and returns what it found, each with the elements.
const lookedFor = `async rules => {
	const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
	const runOnly = rules.length ? {type: 'rule', values: rules} : {type: 'tag', values: tags};
	const more = rules.length ? {} : {'target-size': {enabled: true}, 'label-content-name-mismatch': {enabled: true}};
	// What fades in is looked at when it is there.
	await Promise.all(document.getAnimations().filter(a => a.effect.getComputedTiming().iterations < 10).map(a => a.finished.catch(() => {})));
	const {violations} = await axe.run(document, {runOnly, rules: more, resultTypes: ['violations']});
	// Of dialogs axe-core asks for the names of those alone that have their role by an attribute.
	const nameless = [...document.querySelectorAll('dialog[open]')].filter(e => !e.ariaLabel && !e.ariaLabelledByElements?.some(by => by.textContent.trim()));
	return nameless.map(e => 'no name: ' + e.cloneNode().outerHTML).concat(violations.flatMap(({id, nodes}) => nodes.map(({target, failureSummary}) => id + ' ' + target.join(' ') + ': ' + failureSummary.replace(/\s+/g, ' '))));
}`

// shutsNobodyOut wants axe-core to find nothing on the page as it is, in light and dark: all of it in English in light
// and in another language in dark, and in the other theme what depends on that alone.
func (tb *tab) shutsNobodyOut(state string) {
	tb.t.Helper()
	if !call[bool](tb, `() => 'axe' in window`) {
		source, err := axeSource()
		if err != nil {
			tb.t.Fatal(err)
		}
		if _, err := chromedp.Run(tb.ctx, chromedp.Evaluate[bool](source+"; true")); err != nil {
			tb.t.Fatal(err)
		}
	}
	themes := []string{"light", "dark"}
	if tb.book != nil {
		tb.speaks(tb.book.tag, "ltr")
		themes = []string{"dark", "light"}
	}
	rules := []string{}
	for _, theme := range themes {
		tb.media(map[string]string{"prefers-color-scheme": theme})
		found := call[[]string](tb, lookedFor, rules)
		for _, what := range found {
			tb.t.Errorf("%s, %s: %s", state, theme, what)
		}
		if len(found) > 0 {
			if picture, err := chromedp.Run(tb.ctx, chromedp.CaptureScreenshot()); err == nil {
				leave(tb.t, state+".png", picture)
			}
		}
		rules = []string{"color-contrast"}
	}
	tb.media(nil)
}

// media makes the page believe that it is shown with such features, and on such a "media"; nil for those of the browser.
func (tb *tab) media(features map[string]string) {
	tb.t.Helper()
	medium := features["media"]
	var all []*emulation.MediaFeature
	for name, value := range features {
		if name == "media" {
			continue
		}
		all = append(all, &emulation.MediaFeature{Name: name, Value: value})
	}
	tb.do(chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Media: medium, Features: all})
		return err
	}))
}

// inEachLanguage runs a test in a profile whose browser asks for English, and in one that asks for Chinese.
func inEachLanguage(t *testing.T, test func(t *testing.T, p *profile)) {
	t.Parallel()
	for _, language := range []struct {
		name string
		book *phrasebook
	}{{"English", nil}, {"Chinese", readChinese(t)}} {
		t.Run(language.name, func(t *testing.T) {
			t.Parallel()
			p := newProfile(t)
			p.book = language.book
			test(t, p)
		})
	}
}

func TestNoStateOfThePageShutsAnybodyOut(t *testing.T) {
	inEachLanguage(t, noStateOfAnAgentsPage)
}

func noStateOfAnAgentsPage(t *testing.T, p *profile) {
	c := newCounterIn(p, "")
	ben := newDevice(t, c.s, 24, "Benedict", support)
	wide, phone := screen{1200, 800}, screen{390, 844}
	answer := func(content string) {
		var zero, user uint64 = 0, counterCustomer
		service, kind, direction := support, proto.MessageType_MESSAGE_TYPE_TEXT, proto.ServiceMessageDirection_SERVICE_TO_CUSTOMER
		ben.must(proto.BranchService, &proto.ServiceMessage{
			MessageId: &zero, UserId: &user, ServiceType: &service, MessageType: &kind, Content: &content, CreateDate: &zero, Direction: &direction,
		})
	}
	colleague{t, c.s, c.s.tokenFor(24, "Benedict", []proto.ServiceType{support})}.ask("POST", "/api/services/2/replies", `{"title":"Goodbye","content":"Goodbye, {customer}."}`)
	press := func(keys string) { c.do(chromedp.KeyEvent(keys)) }
	c.show(wide)
	for _, state := range []struct {
		name  string
		reach func()
	}{
		{"nothing chosen, a queue and a list", func() { c.find("list", "Queue"); c.find("list", "Conversations") }},
		{"a conversation", func() { c.open(c.chat, "line 12."); c.say("mine"); c.awaitMessage("mine", confirmed...) }},
		{"what one can do about a person", func() { c.click("More"); c.find("button", "Block") }},
		{"what one can do with a row of the list", func() {
			press("\u001b")
			call[bool](c.tab, `() => document.querySelector('conversation-list [data-key] a').dispatchEvent(new MouseEvent('contextmenu', {bubbles: true, cancelable: true, clientX: 200, clientY: 500})) || true`)
			c.find("button", "Archive")
		}},
		{"the archive", func() {
			c.click("Archive")
			c.click("Archived (1)")
			c.find("button", "All conversations")
		}},
		{"a queue in which nothing is found", func() {
			c.fillIn("searchbox", "Find in the queue", "zzz")
			c.clickOn("radio", "Unclaimed")
			c.find("button", "Show all of them")
		}},
		{"the settings", func() {
			c.click("Show all of them")
			c.click("Settings")
			c.find("switch", "Show when I type")
		}},
		{"an account that is elsewhere", func() {
			c.click("Account")
			var want []string
			for _, name := range []string{"Export all conversations…", "Sign out everywhere", "Sign out", "Close"} {
				want = append(want, p.book.in(name)[0])
			}
			c.await("who looks after it", `words => document.querySelector('dialog[open]').innerText.includes(words)`, p.book.in("Your name, and signing in on other devices, are looked after where you have your account: Parley only knows you from there.")[0])
			if offered := call[[]string](c.tab, `() => [...document.querySelectorAll('dialog[open] :is(button, input)')].filter(e => e.checkVisibility()).map(e => e.textContent || e.id)`); !slices.Equal(offered, want) {
				c.t.Errorf("of an account that is elsewhere the page offers %q", offered)
			}
		}},
		{"signing out everywhere", func() { c.clickOn("button", "Sign out everywhere"); c.find("button", "Cancel") }},
		{"people found", func() {
			c.click("Cancel")
			c.fillIn("searchbox", "Search people and messages", "b")
			c.find("list", "People")
		}},
		{"nobody found", func() {
			c.fillIn("searchbox", "Search people and messages", "zzz")
			c.await("the answer", `words => document.querySelector('people-search .note').textContent.replace(/[\u2066-\u2069]/g, '').includes(words)`, p.book.in("Nobody is called “bzzz”.")[0])
		}},
		{"messages found, and filters", func() {
			c.looksFor(searchBox, "line")
			c.awaitFound("12 messages found")
			c.click("Filter messages")
			c.find("group", "Filter messages")
		}},
		{"messages found on a phone", func() { c.show(phone); c.goTo("/"); c.find("list", "Messages found") }},
		{"what is found of one conversation, at 400 %", func() {
			c.show(wide)
			c.open(c.chat, "line 12.")
			c.click("More")
			c.click("Search…")
			c.show(lowScreens[0])
			c.goTo("/")
			c.find("button", "Search all conversations")
		}},
		{"a customer's conversation", func() {
			c.show(wide)
			c.click("Search all conversations")
			c.click("Filter messages")
			c.click("Clear search")
			c.open(c.customer, "question 12.")
			c.click("Claim")
			c.find("button", "Release")
		}},
		{"an internal note", func() {
			c.click("Internal note")
			c.say("between us")
			c.awaitNote("between us")
			c.click("Internal note")
		}},
		{"canned replies", func() {
			c.focusOn("message-composer textarea")
			c.press("/")
			c.await("them", `() => document.querySelector('reply-picker [role=option]')`)
		}},
		{"keeping canned replies", func() {
			c.press("\u001b", "\b")
			c.click("Canned replies")
			c.click("Manage")
			c.await("them", `() => document.querySelector('dialog .summary')`)
		}},
		{"a new canned reply", func() {
			c.click("New reply")
			c.click("Save")
			c.await("why not", `() => [...document.querySelectorAll('dialog [role=alert]')].some(e => e.textContent)`)
		}},
		{"about the customer", func() {
			c.press("\u001b", "\u001b")
			c.click("About the customer")
			c.await("it", `() => document.querySelector('customer-panel .customer-name')`)
		}},
		{"choosing an agent", func() { c.click("Close"); c.click("Hand over"); c.find("button", "Hand over to Benedict") }},
		{"away", func() {
			press("\u001b")
			c.click("Release")
			c.click("Settings")
			c.clickOn("switch", "I am away: no new conversations")
			press("\u001b")
			c.find("button", "Come back")
			c.click("Claim")
			c.find("dialog", "You are away")
		}},
		{"choosing a service", func() {
			c.click("Come back and claim")
			c.find("button", "Release")
			c.click("Move")
			c.find("dialog", "Move to another service")
		}},
		{"an answer that crossed", func() {
			press("\u001b")
			c.lookUp()
			answer("one of Ben's.")
			c.say("one of Ann's.")
			c.find("dialog", "Another agent answered meanwhile")
		}},
		{"a refused message and a blocked person", func() {
			press("\u001b")
			blocked, me := true, uint64(counterAgent)
			if _, err := c.bob.send(proto.BranchBlock, &proto.Block{UserId: &me, Blocked: &blocked}); err != nil {
				t.Fatal(err)
			}
			c.open(c.chat, "line 12.")
			c.say("to one who blocks")
			c.awaitMessage("to one who blocks", "refused")
		}},
		{"a long message, folded", func() {
			c.fill("Message", strings.Repeat("one of many lines\n", 99))
			c.pressEnter()
			c.find("button", "Show more")
		}},
		{"a notice", func() {
			c.fill("Message", "\u2800")
			c.pressEnter()
			c.notice("There is nothing to see in this message. Write something.")
		}},
		{"whom one blocks", func() { c.click("More"); c.click("Block"); c.find("button", "Unblock") }},
		{"a link that leads nowhere", func() { c.goTo("/to/0"); c.find("heading", "This link does not work") }},
		{"one's own link", func() { c.goTo("/to/21"); c.find("heading", "This is your own link") }},
		{"a conversation of others", func() { c.goTo("/c/s:99:3"); c.find("heading", "This conversation is not yours to read") }},
		{"a new conversation", func() { c.goTo("/to/77"); c.await("it", `() => document.querySelector('.older.empty')`) }},
		{"offline", func() { c.g.cut("/mqtt"); c.awaitConnection("offline"); c.click("Details") }},
		{"offline on a phone", func() { press("\u001b"); c.show(phone) }},
		{"a conversation on a phone", func() {
			c.g.reopen("/mqtt")
			call[bool](c.tab, networkIsBack)
			c.awaitConnection("live")
			c.open(c.customer, "question 12.")
		}},
		{"a conversation at 400 %", func() { c.click("Dismiss"); c.show(lowScreens[0]); c.click("Show all of it") }}, // a notice covers the header until it was read
		{"the lists at 400 %", func() {
			c.goTo("/")
			c.find("list", "Queue")
			call[bool](c.tab, `() => { document.querySelector('.side').scrollTop = 0; return true }`) // what stands half under the bar is to be scrolled to
		}},
		{"the lists on a phone", func() { c.show(phone) }},
	} {
		state.reach()
		c.shutsNobodyOut(state.name)
	}

	// Before one is signed in, and without the engine.
	c.g.close(enginePath)
	another := func() *profile {
		other := newProfile(t)
		other.book = p.book
		return other
	}
	tb := another().open("Nobody", c.g.url+"/", "")
	tb.click("Start")
	tb.find("alert", "")
	tb.shutsNobodyOut("signing in without a name")
	failing := another().open("Nobody", c.g.url+"/", sessionOf(31, "Nobody", c.s.token(31, "Nobody")))
	failing.find("button", "Try again")
	failing.shutsNobodyOut("an engine that does not start")
}

// What a person without services comes through, from their first visit to their last.
func TestNoStateOfAGuestsPageShutsAnybodyOut(t *testing.T) {
	inEachLanguage(t, noStateOfAGuestsPage)
}

func noStateOfAGuestsPage(t *testing.T, p *profile) {
	s := newServer(t)
	g := newGate(t, s)
	bob := newPeer(t, s, "Bob")
	tb := p.open("Ada", g.url+"/#/invite/abcd", "")
	ada := &person{tab: tb}
	for _, state := range []struct {
		name  string
		reach func()
	}{
		{"coming with an invite", func() { ada.find("textbox", "Invite code") }},
		{"coming by a code", func() {
			ada.goTo("/")
			ada.click("I was here before")
			ada.find("textbox", "Link code or recovery code")
		}},
		{"a code that is none", func() {
			ada.fill("Link code or recovery code", "abc")
			ada.click("Sign in")
			ada.await("why", `() => [...document.querySelectorAll('sign-in [role=alert]')].some(e => e.checkVisibility() && e.textContent)`)
		}},
		{"nobody written to yet", func() {
			ada.click("I am new here")
			ada.fill("Your name", "Ada")
			ada.click("Start")
			ada.awaitConnection("live")
			ada.find("list", "Customer service")
			ada.id = call[string](tb, `() => JSON.parse(localStorage.getItem('parley.session')).id`)
		}},
		{"a service", func() { ada.goTo("/service/2"); ada.find("textbox", "Message") }},
		{"a question to a service", func() { ada.say("where is it?"); ada.awaitMessage("where is it?", confirmed...) }},
		{"a service that there is not", func() { ada.goTo("/service/60"); ada.find("heading", "There is no such service") }},
		{"somebody types", func() {
			ada.openChat(bob.id)
			bob.openChat(ada.id)
			bob.say("hello")
			ada.awaitMessage("hello", "received")
			bob.typing(proto.DirectKey(bob.user, bob.to).String())
			ada.await("word of it", `() => document.querySelector('.typing').textContent`)
		}},
		{"what is not sent when one signs out", func() {
			g.cut("/mqtt")
			ada.awaitConnection("offline")
			ada.say("never sent")
			ada.awaitMessage("never sent", "pending")
			ada.click("Settings")
			ada.click("Sign out")
			ada.await("whom it was for", `() => document.querySelector('dialog[open]')?.textContent.includes('Bob')`)
		}},
		{"signed out on another device, with what was not sent", func() {
			ada.press(kb.Escape)
			token := call[string](tb, `() => JSON.parse(localStorage.getItem('parley.session')).token`)
			colleague{t, s, token}.ask("DELETE", "/api/devices?others=false", "")
			g.reopen("/mqtt")
			call[bool](tb, networkIsBack)
			ada.awaitConnection("signed-out")
			ada.await("what was not sent", `() => document.querySelector('[role=alert].banner').textContent.includes('Bob')`)
		}},
		{"signing in again", func() {
			ada.click("Sign in again")
			ada.await("the form", `() => document.querySelector('dialog[open] code-form')`)
		}},
	} {
		state.reach()
		ada.shutsNobodyOut(state.name)
	}
}

// What a person opens beside reading and writing, of whom nobody answers for a service.
func TestNoDialogOfThePageShutsAnybodyOut(t *testing.T) {
	inEachLanguage(t, noDialogOfThePage)
}

func noDialogOfThePage(t *testing.T, p *profile) {
	s := newServer(t)
	g := newGate(t, s)
	bob := newPeer(t, s, "Bob")
	ada := signInWith(p, g, "Ada", aMicrophone+noPaper)
	bob.openChat(ada.id)
	bob.say("lunch at noon?")
	ada.openChat(bob.id)
	ada.awaitMessage("lunch at noon?", "received")
	ada.say("gladly")
	ada.awaitMessage("gladly", confirmed...)
	files := inFolder(t, map[string][]byte{"a picture.jpg": photo(t, 60, 40), "empty.txt": nil})
	link := "" // to the group
	dialog := func(what string) {
		ada.await(what, `() => document.querySelector('dialog[open]')`)
	}
	leave := func() {
		ada.press(kb.Escape)
		ada.await("nothing over the page", `() => !document.querySelector('dialog[open], :popover-open')`)
	}
	for _, state := range []struct {
		name  string
		reach func()
	}{
		{"the menu of a message", func() { ada.menuOf("lunch at noon?") }},
		{"more emoji", func() {
			ada.click("More emoji")
			ada.await("them", `() => document.querySelector('dialog .emoji-grid')`)
		}},
		{"a reply", func() { leave(); ada.act("lunch at noon?", "Reply") }},
		{"a message that is edited", func() { ada.press(kb.Escape); ada.act("gladly", "Edit") }},
		{"a reaction", func() {
			ada.press(kb.Escape)
			ada.act("lunch at noon?", "👍")
			ada.await("it", `() => document.querySelector('.reaction')`)
		}},
		{"messages that are chosen", func() {
			ada.act("lunch at noon?", "Select")
			ada.await("one", `() => document.querySelector('selection-bar p').textContent`)
		}},
		{"whom to forward to", func() {
			ada.press(kb.Escape)
			ada.act("lunch at noon?", "Forward…")
			ada.await("them", `() => document.querySelector('dialog [data-key]')`)
		}},
		{"the question before a message is taken back", func() { leave(); ada.act("gladly", "Take back"); dialog("the question") }},
		{"files to send", func() { leave(); ada.chooseFiles(files["a picture.jpg"]) }},
		{"a message with a picture", func() {
			ada.fill("Caption", "at the sea")
			ada.sendChosen()
			ada.awaitMessage("at the sea", confirmed...)
			ada.await("the picture", `() => document.querySelector('.picture[data-loaded]')`)
		}},
		{"a picture, large", func() {
			call[bool](ada.tab, `() => { document.querySelector('.picture').click(); return true }`)
			ada.await("it", `() => document.querySelector('.viewer .stage[data-loaded]')`)
		}},
		{"all pictures of a conversation", func() {
			leave()
			ada.click("More")
			ada.click("Pictures and files…")
			ada.await("them", `() => document.querySelector('dialog[open] .picture, dialog[open] img')`)
		}},
		{"choosing a day", func() { leave(); ada.click("More"); ada.click("Go to a day…"); dialog("which") }},
		{"what is to be exported", func() { leave(); ada.click("More"); ada.click("Export…"); dialog("what") }},
		{"the shortcuts", func() { leave(); ada.click("Settings"); ada.click("Keyboard shortcuts"); dialog("them") }},
		{"what is stored", func() { leave(); ada.click("Settings"); ada.click("Storage"); dialog("how much") }},
		{"the account", func() { leave(); ada.openAccount() }},
		{"a link code", func() {
			ada.click("Link a device")
			ada.await("it", `() => document.querySelectorAll('dialog[open]').length === 2`)
		}},
		{"a recovery code", func() {
			ada.press(kb.Escape)
			ada.click("Make a recovery code")
			ada.await("it", `() => document.querySelectorAll('dialog[open]').length === 2`)
		}},
		{"a new group", func() {
			ada.click("I have kept it")
			leave()
			ada.click("New group")
			ada.find("searchbox", "Find people to add")
		}},
		{"a group", func() { leave(); ada.makeGroup("The team", bob.id) }},
		{"a group's members", func() {
			ada.click("Members")
			ada.await("them", `() => document.querySelectorAll('dialog .members li').length === 2`)
		}},
		{"a link to a group", func() {
			ada.click("New link that stays")
			ada.await("it", `() => document.querySelector('.group-links .own-link')`)
			link = call[string](ada.tab, `() => document.querySelector('.group-links .own-link').textContent.replace(/.*#/, '')`)
		}},
		{"whom to mention", func() {
			leave()
			ada.fill("Message", "hello @B")
			ada.await("them", `() => document.querySelector('mention-picker [role=option]')`)
		}},
		{"who has read a message", func() {
			ada.press(kb.Enter, kb.Enter)
			ada.awaitMessage("hello @Bob", confirmed...)
			call[bool](ada.tab, `() => { document.querySelector('.message.own .state').click(); return true }`)
			dialog("them")
		}},
		{"printing", func() { leave(); ada.click("More"); ada.click("Print…"); dialog("how far it is") }},
		{"a voice message that is recorded", func() {
			leave()
			ada.click("Record a voice message")
			ada.find("group", "Recording")
			ada.await("a second of it", `() => !/:00$/.test(document.querySelector('.recording .time').textContent)`)
		}},
		{"a voice message that rests while it is played", func() {
			ada.click("Send voice message")
			ada.await("it to be sent", `() => document.querySelector('[data-type=voice]:is([data-state=sent], [data-state=delivered], [data-state=read]) .voice')`)
			ada.click("Play")
			ada.await("it to rest", `() => {
				const bar = document.querySelector('.playing:not([hidden])');
				if (bar?.querySelector('.icon-pause')) bar.querySelector('button').click();
				return bar?.querySelector('.icon-play');
			}`)
		}},
		{"files that cannot be sent", func() { ada.click("Stop playing"); ada.chooseFiles(files["empty.txt"]) }},
		{"word of a new device", func() {
			leave()
			call[string](ada.tab, signsInElsewhere, "the television")
			ada.await("it", `() => document.querySelector('.notice[role=status]')?.textContent.includes('the television')`)
		}},
		{"coming to a group by a link", func() {
			ada.click("Dismiss")
			ada.goTo(link)
			ada.find("button", "Join")
		}},
	} {
		state.reach()
		ada.shutsNobodyOut(state.name)
	}
}
