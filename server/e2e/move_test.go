package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"parley/proto"
)

const repairs, returns = proto.ServiceType(40), proto.ServiceType(7)

// newServerWithServices starts a server with three services of its own, of which one
// opens in three days.
func newServerWithServices(t *testing.T) *server {
	t.Helper()
	file := filepath.Join(t.TempDir(), "services.json")
	day := strings.ToLower(time.Now().UTC().AddDate(0, 0, 3).Format("Mon"))
	if err := os.WriteFile(file, fmt.Appendf(nil, `[
		{"number": 40, "name": {"en": "Repairs", "zh-Hans": "维修"}, "greeting": {"en": "What is <b>broken</b>?"}},
		{"number": 7, "name": {"en": "Returns desk"}},
		{"number": 9, "name": {"en": "Night watch"}, "hours": {"zone": "UTC", "%s": ["09:00-10:00"]}}
	]`, day), 0o600); err != nil {
		t.Fatal(err)
	}
	return newServerWithKey(t, "-services", file)
}

func TestAConversationIsMovedToAServiceOfTheFile(t *testing.T) {
	t.Parallel()
	s := newServerWithServices(t)
	const annID, carlID = 1<<53 + 11, 1<<53 + 13
	line := newDeviceLine(t, s, 0)
	carl := signInOver(t, line, "#/service/40", carlID, "Carl")
	carl.find("heading", "Repairs")
	carl.await("the greeting, as text", `() => document.querySelector('.greeting')?.textContent === 'What is <b>broken</b>?'`)
	carl.say("my kettle leaks")
	carl.awaitMessage("my kettle leaks", confirmed...)

	g := newGate(t, s)
	ann := signInAs(newProfile(t), g, annID, "Annabel", s.tokenFor(annID, "Annabel", []proto.ServiceType{repairs, returns}))
	from, to := proto.ServiceKey(carlID, repairs).String(), proto.ServiceKey(carlID, returns).String()
	inQueue := func(keys string) {
		t.Helper()
		ann.await("in the queue "+keys, `keys => [...document.querySelectorAll('service-queue li')].map(li => li.dataset.key).join(' ') === keys`, keys)
	}
	inQueue(from)
	// Who is found is opened where they wrote.
	ann.fillIn("searchbox", "Search people and messages", "carl")
	ann.await("the ways to Carl", `from => [...document.querySelectorAll('people-search .people a')].map(a => a.getAttribute('href')).join() === '#/c/' + from + ',#/to/9007199254741005'`, from)
	ann.click("Clear search")

	call[bool](ann.tab, `key => { document.querySelector('[data-key="' + key + '"] a').click(); return true }`, from)
	ann.awaitMessage("my kettle leaks", "received")
	ann.click("Move")
	ann.find("dialog", "Move to another service")
	ann.fill("Reason", "under warranty")
	call[bool](ann.tab, `() => { const select = document.querySelector('dialog select'); select.value = '7'; document.querySelector('dialog button[value=move]').click(); return true }`)
	ann.await("that it was moved", `() => document.querySelector('.control[data-type=move]')?.textContent.includes('Moved to Returns desk by you: ') || document.body.innerText.includes('under warranty')`)
	ann.clickOn("link", "Go to Returns desk")
	ann.await("where it goes on", `key => location.hash === '#/c/' + key && document.querySelector('.control[data-type=moved]')?.textContent.includes('under warranty')
		&& document.querySelector('.excerpt')?.textContent.includes('my kettle leaks')`, to)
	ann.shutsNobodyOut("a conversation that was moved here")
	inQueue(to + " " + from)

	carl.find("link", "Go to Returns desk")
	if words := call[string](carl.tab, `() => document.querySelector('.control[data-type=move]').textContent`); words == "" || contains(words, "Annabel", "warranty") {
		t.Errorf("the customer is told %q", words)
	}
	carl.clickOn("link", "Go to Returns desk")
	carl.await("where it goes on", `() => location.hash === '#/service/7' && document.querySelector('.control[data-type=moved]')?.textContent.includes('Moved here from Repairs')`)

	// What is kept of the queue's filters counts after a reload, too.
	ann.clickOn("radio", "Waiting")
	inQueue(to)
	ann.fillIn("searchbox", "Find in the queue", "nobody")
	ann.find("button", "Show all of them")
	ann.shutsNobodyOut("a queue in which nobody is like that")
	ann.reload()
	ann.find("button", "Show all of them")
	ann.click("Show all of them")
	inQueue(to + " " + from)
	ann.clickOn("radio", "Resolved")
	inQueue(from)
	ann.clickOn("radio", "All")
	ann.find("combobox", "Service")
	for _, choice := range []struct{ service, keys string }{{"7", to}, {"40", from}, {"-1", to + " " + from}} {
		call[bool](ann.tab, `service => { const select = document.querySelector('service-queue select'); select.value = service; return select.dispatchEvent(new Event('change')) }`, choice.service)
		inQueue(choice.keys)
	}
	ann.await("the queue to have most of the height that there is", `() => {
		const [queue, lists] = ['service-queue', '.lists'].map(part => document.querySelector(part).getBoundingClientRect());
		return queue.height > 0.55 * lists.height && lists.bottom > innerHeight - 2;
	}`)

	// What crosses is asked about in the same dialog, also where the server finds it.
	call[bool](ann.tab, `key => { location.hash = '#/c/' + key; return true }`, to)
	ann.await("the conversation", `() => document.querySelector('.control[data-type=moved]')`)
	g.cut("/mqtt")
	ann.awaitConnection("offline")
	ann.say("it comes tomorrow")
	ann.awaitMessage("it comes tomorrow", "pending")
	ben := newDevice(t, s, 1<<53+12, "Benedict", returns)
	var zero, customer uint64 = 0, carlID
	nothing, service, claim := "", returns, proto.MessageType_MESSAGE_TYPE_CLAIM
	ben.must(proto.BranchService, &proto.ServiceMessage{
		MessageId: &zero, UserId: &customer, ServiceType: &service, MessageType: &claim, Content: &nothing, CreateDate: &zero,
		Direction: proto.ServiceMessageDirection_SERVICE_TO_CUSTOMER.Enum(),
	})
	g.reopen("/mqtt")
	call[bool](ann.tab, networkIsBack)
	ann.find("dialog", "Another agent has claimed this meanwhile")
	ann.click("Back to editing")
	ann.await("the text to edit, and no refusal", `() => document.querySelector('textarea').value === 'it comes tomorrow' && !document.querySelector('[data-state=refused]')`)
	ann.pressEnter()
	ann.awaitMessage("it comes tomorrow", confirmed...)

	call[bool](carl.tab, `() => { location.hash = '#/service/9'; return true }`)
	carl.find("heading", "Night watch")
	carl.await("that it is closed, and until when", `() => /^Closed now.* \d/.test([...document.querySelectorAll('conversation-status *')].find(e => e.checkVisibility() && e.textContent.includes('losed'))?.textContent)`)
	call[bool](carl.tab, `() => { location.hash = '#/service/1'; return true }`)
	carl.find("heading", "There is no such service")
	carl.find("link", "Repairs")
}

func contains(text string, parts ...string) bool {
	for _, part := range parts {
		if strings.Contains(text, part) {
			return true
		}
	}
	return false
}
