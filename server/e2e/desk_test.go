package e2e

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	protobuf "google.golang.org/protobuf/proto"

	"parley/proto"
)

// colleague is another agent, without a page.
type colleague struct {
	t     *testing.T
	s     *server
	token string
}

// ask sends JSON, replacing whatever version there is, and returns what the answer says.
func (c colleague) ask(method, path, body string) (answer map[string]any) {
	c.t.Helper()
	request, err := http.NewRequest(method, "http://"+c.s.Address+path, strings.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	for name, value := range map[string]string{"Authorization": "Bearer " + c.token, "Content-Type": "application/json", "If-Match": "*"} {
		request.Header.Set(name, value)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		c.t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode >= 300 {
		c.t.Fatalf("%s %s: status %d, %s, %v", method, path, response.StatusCode, text, err)
	}
	if len(text) > 0 {
		if err := json.Unmarshal(text, &answer); err != nil {
			c.t.Fatalf("%s %s: %s: %v", method, path, text, err)
		}
	}
	return answer
}

// hostileExtend is what a customer's client may send along.
const hostileExtend = "{\"<img src=x onerror=alert(1)>\": \"<b>bold</b> https://evil.example\", \"\u202eorder\": {\"a\": {\"b\": {\"c\": {\"d\": 1}}}}, \"list\": [" +
	"0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31,32,33,34,35,36,37,38,39,40,41,42,43,44,45,46,47,48,49,50,51,52,53,54,55,56,57,58,59,60]}"

func TestAnAgentsDesk(t *testing.T) {
	t.Parallel()
	c := newCounter(t, recordedNotifications)
	ben := colleague{t, c.s, c.s.tokenFor(24, "Benedict", []proto.ServiceType{support})}
	const replies = "/api/services/2/replies"
	made := ben.ask("POST", replies, `{"title":"Order on its way","content":"Dear {customer},\nit is on its way. {agent}, {service} {x y}"}`)
	ben.ask("POST", replies, `{"title":"Goodbye","content":"Goodbye, {customer}."}`)
	notes := "/api/conversations/" + proto.ServiceKey(counterCustomer, support).String() + "/notes"
	first := ben.ask("POST", notes, `{"content":"an earlier note","after_seq":"3"}`)
	c.show(screen{1200, 800})
	c.open(c.customer, "question 12.")

	// A note stands behind the entry that its author had seen.
	c.awaitNote("an earlier note")
	if before := call[string](c.tab, `() => document.querySelector('[data-note-id]').previousElementSibling.dataset.seq`); before != "3" {
		t.Errorf("the note stands behind %s, want 3", before)
	}

	// A slash finds a reply, and Enter writes it, and sends nothing.
	c.focusOn("message-composer textarea")
	c.press("/", "o", "r", "d")
	c.await("the reply to be the chosen one", `() => {
		const box = document.querySelector('message-composer textarea');
		return document.getElementById(box.getAttribute('aria-activedescendant'))?.textContent.startsWith('Order on its way') && document.querySelectorAll('[role=option]').length === 1;
	}`)
	c.press("\u001b")
	c.await("no list", `() => !document.querySelector('[role=option]')?.checkVisibility()`)
	c.awaitComposed("/ord")
	c.click("Canned replies")
	c.await("the reply", `() => document.querySelector('[role=option][aria-selected=true]')?.checkVisibility()`)
	c.pressEnter()
	const filled = "Dear Carl,\nit is on its way. Annabel, Support {x y}"
	c.awaitComposed(filled)
	if at := call[int](c.tab, `() => document.querySelector('message-composer textarea').selectionStart`); at != len(filled) {
		t.Errorf("the caret is at %d, want %d", at, len(filled))
	}

	// A note is written apart from that, and sent to nobody.
	c.click("Internal note")
	c.awaitComposed("")
	c.find("button", "Add note")
	c.say("between us")
	c.awaitNote("between us")
	c.click("Internal note")
	c.awaitComposed(filled)
	c.find("button", "Send")
	if status, body := c.s.get("/api/conversations/"+proto.ServiceKey(counterCustomer, support).String()+"/messages", c.s.token(counterCustomer, "Carl")); status != 200 || strings.Contains(string(body), "between us") || !strings.Contains(string(body), `"head_seq":"12"`) {
		t.Errorf("the customer gets status %d, %s", status, body)
	}

	// Notes come and go as colleagues write and delete them, and one's own by oneself.
	second := ben.ask("POST", notes, `{"content":"a later note"}`)
	c.awaitNote("a later note")
	ben.ask("DELETE", notes+"/"+first["id"].(string), "")
	ben.ask("DELETE", notes+"/"+second["id"].(string), "")
	c.await("one note to be left", `() => document.querySelectorAll('[data-note-id]').length === 1`)
	c.click("Delete note")
	c.find("dialog", "Delete this note?")
	c.click("Delete note")
	c.await("no note to be left", `() => document.querySelectorAll('[data-note-id]').length === 0`)

	// Of two who change one reply, the second is told, by what the browser calls an error.
	c.wroteNoErrors()
	c.click("Canned replies")
	c.click("Manage")
	c.await("the reply", `() => { const reply = [...document.querySelectorAll('dialog .summary')].find(e => e.textContent.includes('Order')); reply?.click(); return reply }`)
	c.fill("Title", "Mine")
	one := replies + "/" + made["id"].(string)
	ben.ask("PUT", one, `{"title":"Order","content":"what Ben made of it"}`)
	c.click("Save")
	c.notice("a colleague changed this canned reply meanwhile")
	c.await("what he made of it", `() => document.querySelector('dialog blockquote').textContent.includes('what Ben made of it')`)
	c.shutsNobodyOut("a reply that a colleague changed")
	c.click("Save")
	c.await("hers in its place", `() => [...document.querySelectorAll('dialog .summary')].some(e => e.textContent.includes('Mine'))`)
	c.click("Close")

	// Who the customer is, and what their client sent along, as text.
	var zero, user uint64 = 0, counterCustomer
	service, kind, direction := support, proto.MessageType_MESSAGE_TYPE_TEXT, proto.ServiceMessageDirection_CUSTOMER_TO_SERVICE
	c.carl.must(proto.BranchService, &proto.ServiceMessage{
		MessageId: &zero, UserId: &user, ServiceType: &service, MessageType: &kind, Content: protobuf.String("my order"), CreateDate: &zero, Direction: &direction, Extend: protobuf.String(hostileExtend),
	})
	c.click("About the customer")
	c.await("what was sent along", `() => {
		const panel = document.querySelector('customer-panel');
		const terms = [...panel.querySelectorAll('dt')].map(e => e.textContent);
		return panel.textContent.includes('<b>bold</b>') && terms.includes('<img src=x onerror=alert(1)>') && !panel.querySelector('img, b, dd a')
			&& panel.querySelectorAll('dl:last-of-type > div').length === 60 && panel.textContent.includes('There is more');
	}`)
	c.await("where the conversation stands, and since when it is there", `() => /Support.*waiting since .* · Unclaimed *since \w.* 20\d\d · \d+ messages$/.test(document.querySelector('customer-panel .summary')?.textContent)`)
	c.shutsNobodyOut("about the customer")
	c.reload()
	c.awaitConnection("live")
	c.await("it to stand there again", `() => document.querySelector('customer-panel:not([hidden]) .customer-name')?.textContent === 'Carl'`)
	c.show(screen{320, 256})
	c.fits("a low screen")
	c.click("About the customer")
	c.find("dialog", "About the customer")
	c.fits("about the customer on a low screen")
	c.press("\u001b")
	c.show(screen{1200, 800})

	// Who is away claims nothing, unless they come back.
	c.click("Settings")
	c.clickOn("switch", "I am away: no new conversations")
	c.clickOn("switch", "Notify me on this device")
	c.awaitSwitch("Notify me on this device", true)
	c.press("\u001b")
	c.find("button", "Come back")
	c.inFront(false)
	c.asks("one for who is here")
	c.bob.tell(counterAgent, "one for her")
	c.await("what is hers to be told", `() => told.some(({tag}) => tag === 'd:21:23')`)
	if got := call[[]told](c.tab, `() => told.filter(({tag}) => tag[0] === 's')`); len(got) > 0 {
		t.Errorf("who is away is notified of %+v", got)
	}
	c.inFront(true)
	c.click("Claim")
	c.find("dialog", "You are away")
	c.click("Come back and claim")
	c.find("button", "Release")
	c.await("the claim beside the conversation, too", `() => /Claimed by you/.test(document.querySelector('customer-panel .summary')?.textContent)`)
	c.await("no word of it", `() => !document.querySelector('.away').checkVisibility()`)

	// Whoever hands over is told who is away.
	if _, err := newDevice(t, c.s, 24, "Benedict", support).send(proto.BranchSettings, &proto.Settings{Away: protobuf.Bool(true)}); err != nil {
		t.Fatal(err)
	}
	c.click("Hand over")
	c.click("Hand over to Benedict, who is away")
	c.find("dialog", "Benedict is away. Hand over all the same?")
	c.click("Hand over")
	c.await("him to have it", `() => document.querySelector('conversation-status').textContent.includes('Claimed by Benedict')`)

	// The queue tells what she chose for a row of it, as the list does.
	row := strings.TrimPrefix(c.customer, "/c/")
	c.await("all to be read", `key => document.querySelector('[data-key="' + key + '"]').dataset.unread === '0'`, row)
	c.choose(row, "Mark as unread")
	c.choose(row, "Mute")
	c.await("what she chose", `key => {
		const row = document.querySelector('service-queue [data-key="' + key + '"]');
		return row.querySelector('.badge')?.checkVisibility() && ['Marked as unread', 'Muted'].every(words => row.textContent.includes(words));
	}`, row)
}
