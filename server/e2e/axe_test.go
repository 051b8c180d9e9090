package e2e

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

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
	return violations.flatMap(({id, nodes}) => nodes.map(({target, failureSummary}) => id + ' ' + target.join(' ') + ': ' + failureSummary.replace(/\s+/g, ' ')));
}`

// shutsNobodyOut wants axe-core to find nothing on the page as it is, in light and dark.
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
	for _, theme := range []struct {
		name  string
		rules []string
	}{{"light", []string{}}, {"dark", []string{"color-contrast"}}} { // nothing else depends on it
		tb.media(map[string]string{"prefers-color-scheme": theme.name})
		for _, found := range call[[]string](tb, lookedFor, theme.rules) {
			tb.t.Errorf("%s, %s: %s", state, theme.name, found)
		}
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

func TestNoStateOfThePageShutsAnybodyOut(t *testing.T) {
	t.Parallel()
	c := newCounter(t, "")
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
			c.await("who looks after it", `() => document.querySelector('dialog[open]').innerText.includes('looked after where you have your account')`)
			if offered := call[[]string](c.tab, `() => [...document.querySelectorAll('dialog[open] :is(button, input)')].filter(e => e.checkVisibility()).map(e => e.textContent || e.id)`); strings.Join(offered, ", ") != "Export all conversations…, Sign out everywhere, Sign out, Close" {
				c.t.Errorf("of an account that is elsewhere the page offers %q", offered)
			}
		}},
		{"signing out everywhere", func() { c.clickOn("button", "Sign out everywhere"); c.find("button", "Cancel") }},
		{"people found", func() {
			c.click("Cancel")
			c.fillIn("searchbox", "Find a person", "b")
			c.find("list", "People")
		}},
		{"nobody found", func() {
			c.fillIn("searchbox", "Find a person", "zzz")
			c.await("the answer", `() => document.querySelector('people-search .note').textContent.includes('Nobody')`)
		}},
		{"a customer's conversation", func() {
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
		{"a new canned reply", func() { c.click("New reply"); c.click("Save"); c.notice("Not saved: the title is empty") }},
		{"about the customer", func() {
			c.press("\u001b", "\u001b")
			c.click("About the customer")
			c.await("it", `() => document.querySelector('customer-panel .customer-name')`)
		}},
		{"choosing an agent", func() { c.click("Close"); c.click("Hand over"); c.find("button", "Hand over to Benedict") }},
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
		{"a notice", func() { c.fill("Message", "\u2800"); c.pressEnter(); c.notice("There is nothing to see") }},
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
		{"a conversation at 400 %", func() { c.show(lowScreens[0]); c.click("Show all of it") }},
		{"the lists at 400 %", func() { c.goTo("/"); c.find("list", "Queue") }},
		{"the lists on a phone", func() { c.show(phone) }},
	} {
		state.reach()
		c.shutsNobodyOut(state.name)
	}

	// Before one is signed in, and without the engine.
	c.g.close(enginePath)
	tb := newProfile(t).open("Nobody", c.g.url+"/", "")
	tb.click("Start")
	tb.find("alert", "")
	tb.shutsNobodyOut("signing in without a name")
	failing := newProfile(t).open("Nobody", c.g.url+"/", sessionOf(31, "Nobody", c.s.token(31, "Nobody")))
	failing.find("button", "Try again")
	failing.shutsNobodyOut("an engine that does not start")
}
