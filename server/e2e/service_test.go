package e2e

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"parley/proto"
)

const support = proto.ServiceType_SERVICE_TYPE_SUPPORT

// A desk is a service with two agents and a customer, each in a browser of
// their own: Ann's clock is an hour fast, Ben's is an hour slow.
type desk struct {
	t                    *testing.T
	server               *server
	ann, ben, carl       *person
	lines                map[*person]*deviceLine
	key                  string
	agentToken           string
	annID, benID, carlID uint64
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	d := &desk{t: t, server: newServerWithKey(t), annID: 1<<53 + 11, benID: 1<<53 + 12, carlID: 1<<53 + 13}
	fast, slow, right := newDeviceLine(t, d.server, time.Hour), newDeviceLine(t, d.server, -time.Hour), newDeviceLine(t, d.server, 0)
	d.ann = signInOver(t, fast, "", d.annID, "Annabel", support)
	d.ben = signInOver(t, slow, "", d.benID, "Benedict", support)
	d.carl = signInOver(t, right, fmt.Sprintf("#/service/%d", support), d.carlID, "Carl")
	d.lines = map[*person]*deviceLine{d.ann: fast, d.ben: slow, d.carl: right}
	d.key = proto.ServiceKey(d.carlID, support).String()
	d.agentToken = d.server.tokenFor(d.annID, "Annabel", []proto.ServiceType{support})
	for p, line := range d.lines {
		p.clockIsAhead(line.ahead)
	}
	return d
}

// open opens the conversation with the customer from the queue.
func (d *desk) open(p *person) {
	p.t.Helper()
	p.find("list", "Queue")
	p.await("the customer in the queue", `key => document.querySelector('[data-key="' + key + '"] a')`, d.key)
	call[bool](p.tab, `key => { document.querySelector('[data-key="' + key + '"] a').click(); return true }`, d.key)
	p.find("textbox", "Message")
}

// A logEntry is one as the HTTP API tells it.
type logEntry struct {
	Type    int    `json:"message_type"`
	Seq     string `json:"seq"`
	Created string `json:"create_date"`
	Content string `json:"content"`
}

// log asks the server for the conversation as somebody who may read it.
func (d *desk) log(token string) []logEntry {
	d.t.Helper()
	status, body := d.server.get("/api/conversations/"+d.key+"/messages", token)
	var page struct {
		Messages []logEntry `json:"messages"`
	}
	if err := json.Unmarshal(body, &page); err != nil || status != http.StatusOK {
		d.t.Fatalf("status %d, error %v: %s", status, err, body)
	}
	return page.Messages
}

// createdAt is the server's time of the entry with a content.
func (d *desk) createdAt(content string) string {
	d.t.Helper()
	for _, e := range d.log(d.agentToken) {
		if e.Content == content {
			return e.Created
		}
	}
	d.t.Fatalf("the server has no %q", content)
	return ""
}

// waits wants both agents' queues, and the customer's list, to say since when
// the customer waits, and agents who has the conversation.
func (d *desk) waits(since string, assignee string) {
	d.t.Helper()
	for _, p := range []*person{d.ann, d.ben} {
		p.shows(map[string]standing{d.key: {Waiting: since, Awaiting: "0", Assignee: assignee}})
	}
	d.carl.shows(map[string]standing{d.key: {Waiting: "0", Awaiting: since, Assignee: "0"}})
}

// notice waits for what the page tells a person that did not work.
func (p *person) notice(words string) {
	p.t.Helper()
	p.await("the notice "+words, `words => [...document.querySelectorAll('[role=alert]')].some(e => words.some(some => e.textContent.includes(some)))`, p.book.in(words))
}

// clickAtOnce clicks the buttons of two people at the same time.
func clickAtOnce(t *testing.T, act string, people ...*person) {
	t.Helper()
	var wg sync.WaitGroup
	errs := make([]error, len(people))
	for i, p := range people {
		p.await("the button "+act, `act => document.querySelector('[data-act=' + act + ']:not([hidden])')`, act)
		wg.Go(func() {
			_, errs[i] = tryCall[bool](p.tab, `act => { document.querySelector('[data-act=' + act + ']').click(); return true }`, act)
		})
	}
	wg.Wait()
	for i, err := range errs {
		if err != nil {
			t.Fatalf("%s: %v", people[i].name, err)
		}
	}
}

func TestTwoAgentsAndACustomerWithClocksAnHourApart(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	ann, ben, carl := d.ann, d.ben, d.carl

	// A question waits, and agents see since when by the server's clock.
	carl.say("question one.")
	carl.awaitMessage("question one.", confirmed...)
	d.waits(d.createdAt("question one."), "0")
	d.open(ann)
	d.open(ben)
	ann.awaitMessage("question one.", "received")
	ben.awaitMessage("question one.", "received")
	for _, p := range []*person{ann, ben} {
		p.await("the time that the customer waited", `key => /^0[0-4]:\d\d$/.test(document.querySelector('[data-key="' + key + '"] .entry-timer').textContent)`, d.key)
	}

	// Two claim at once: one has it, and the other is told.
	clickAtOnce(t, "claim", ann, ben)
	var holder string
	eventually(t, "somebody to have it", func() bool {
		holder = d.server.rows(d.agentToken)[d.key].AssigneeID
		return holder != "" && holder != "0"
	})
	winner, loser := ann, ben
	if holder == ben.id {
		winner, loser = ben, ann
	} else if holder != ann.id {
		t.Fatalf("%s has it", holder)
	}
	loser.notice("Not claimed:")
	d.waits(d.createdAt("question one."), winner.id)

	// A note is for agents.
	winner.click("Internal note")
	winner.say("secret: he called twice.")
	for _, p := range []*person{winner, loser} {
		p.awaitNote("secret: he called twice.")
	}
	winner.click("Internal note")

	// An answer and a second question cross: the second one still waits.
	d.lines[winner].cut("/mqtt")
	winner.awaitConnection("offline")
	winner.say("answer to one.")
	winner.awaitMessage("answer to one.", "pending")
	carl.say("question two.")
	carl.awaitMessage("question two.", confirmed...)
	d.lines[winner].reopen("/mqtt")
	winner.awaitConnection("live")
	carl.awaitMessage("answer to one.", "received")
	d.waits(d.createdAt("question two."), winner.id)

	// Handed over, it still waits, and the other one has it.
	winner.click("Hand over")
	winner.click("Hand over to " + loser.name)
	d.waits(d.createdAt("question two."), loser.id)
	loser.awaitMessage("question two.", "received")
	before := time.Now()
	carl.inFront(false)
	loser.say("answer to two.")
	carl.awaitMessage("answer to two.", "received")
	loser.awaitMessage("answer to two.", "delivered")
	d.waits("0", loser.id)
	awaitClock(uint64(time.Now().Add(time.Second).UnixMilli())) // so that it is read in another second
	carl.inFront(true)
	d.cameAt(loser, "answer to two.", before)

	// Resolved, and then the customer writes again.
	loser.click("Resolve")
	for _, p := range []*person{ann, ben} {
		p.await("Resolved in the queue", `key => document.querySelector('[data-key="' + key + '"]').textContent.includes('Resolved')`, d.key)
	}
	carl.await("the end on the customer's page", `() => document.querySelector('[role=log] [data-type=resolve]')`)
	carl.say("question three.")
	carl.awaitMessage("question three.", confirmed...)
	d.waits(d.createdAt("question three."), loser.id)
	for _, p := range []*person{ann, ben} {
		p.await("no longer Resolved in the queue", `key => !document.querySelector('[data-key="' + key + '"]').textContent.includes('Resolved')`, d.key)
	}

	d.everybodySeesTheSame()
	d.theCustomerSeesOneVoice("secret")
	for _, p := range []*person{ann, ben, carl} {
		p.wroteNoErrors()
	}
}

// cameAt wants the sender of a message that the customer reads to be told when
// that was, by the server's clock and not by the sender's, which is an hour off.
func (d *desk) cameAt(sender *person, content string, notBefore time.Time) {
	d.t.Helper()
	sender.awaitMessage(content, "read")
	row, notAfter := d.server.rows(d.agentToken)[d.key], time.Now()
	for what, ms := range map[string]string{"sent": d.createdAt(content), "delivered": row.PeerDeliveredTime, "read": row.PeerReadTime} {
		at, err := strconv.ParseInt(ms, 10, 64)
		if err != nil || at < notBefore.UnixMilli() || at > notAfter.UnixMilli() {
			d.t.Errorf("the server says that it was %s at %q, that is not between %d and %d", what, ms, notBefore.UnixMilli(), notAfter.UnixMilli())
		}
	}
	type shown struct{ Told, Title, Spoken, Want string }
	got := call[shown](sender.tab, `async (key, content, sent, delivered, read) => {
		const parley = await (`+connect+`)();
		const message = (await parley.history(key)).messages.find(m => m.content === content);
		parley.close();
		const row = [...document.querySelectorAll('[role=log] [data-seq]')].find(e => e.textContent.includes(content));
		const words = (step, ms) => step + ' ' + new Date(Number(ms)).toLocaleTimeString(navigator.language, {hour: 'numeric', minute: '2-digit', second: '2-digit'});
		const sign = row.querySelector('.state');
		return {Told: [message.time, message.deliveredTime, message.readTime].join(), Title: sign.title, Spoken: sign.ariaLabel,
			Want: [words('Sent', sent), words('Delivered', delivered), words('Read', read)].join(' · ')};
	}`, d.key, content, d.createdAt(content), row.PeerDeliveredTime, row.PeerReadTime)
	if want := strings.Join([]string{d.createdAt(content), row.PeerDeliveredTime, row.PeerReadTime}, ","); got.Told != want {
		d.t.Errorf("%s: the page's API says %s, the server %s", sender.name, got.Told, want)
	}
	if got.Title != got.Want {
		d.t.Errorf("%s: on hover %q, the server says %q", sender.name, got.Title, got.Want)
	}
	if got.Spoken != "Read" {
		d.t.Errorf("%s: read out %q, want %q", sender.name, got.Spoken, "Read")
	}
}

// everybodySeesTheSame compares order and times on all pages with the server's.
func (d *desk) everybodySeesTheSame() {
	d.t.Helper()
	bySeq := map[string]logEntry{}
	var said []string // seqs of what everybody sees
	for _, e := range d.log(d.agentToken) {
		bySeq[e.Seq] = e
		if e.Type == int(proto.MessageType_MESSAGE_TYPE_TEXT) {
			said = append(said, e.Seq)
		}
	}
	type line struct{ Seq, Type, Time, Title string }
	titles := map[string]string{} // by seq, those of the first page
	for _, p := range []*person{d.ann, d.ben, d.carl} {
		lines := call[[]line](p.tab, `() => [...document.querySelectorAll('[role=log] [data-seq]')].map(e => {
			const time = e.querySelector('time');
			return {Seq: e.dataset.seq, Type: e.dataset.type, Time: String(Date.parse(time.dateTime)), Title: time.title};
		})`)
		var order []string
		for _, l := range lines {
			if l.Type == "text" {
				order = append(order, l.Seq)
			}
			if created := bySeq[l.Seq].Created; l.Time != created {
				d.t.Errorf("%s: entry %s is of %s, the server says %s", p.name, l.Seq, l.Time, created)
			}
			if first, ok := titles[l.Seq]; !ok {
				titles[l.Seq] = l.Title
			} else if l.Title != first || l.Title == "" {
				d.t.Errorf("%s: entry %s reads %q, on another page %q", p.name, l.Seq, l.Title, first)
			}
		}
		if !slices.Equal(order, said) {
			d.t.Errorf("%s sees %q, the server says %q", p.name, order, said)
		}
	}
	if len(said) != 5 {
		d.t.Errorf("%d messages, want 5", len(said))
	}
}

// theCustomerSeesOneVoice looks for agents and notes in all that the
// customer's browser has, and could ask for.
func (d *desk) theCustomerSeesOneVoice(secret string) {
	d.t.Helper()
	token := d.server.tokenFor(d.carlID, "Carl", nil)
	_, history := d.server.get("/api/conversations/"+d.key+"/messages", token)
	_, heads := d.server.get("/api/conversations", token)
	api := call[string](d.carl.tab, `async key => {
		const parley = await (`+connect+`)();
		const all = [await parley.conversations(), await parley.history(key)];
		parley.close();
		return JSON.stringify(all, (_, value) => typeof value === 'bigint' ? String(value) : value);
	}`, d.key)
	sources := map[string]string{
		"the page": call[string](d.carl.tab, `() => document.documentElement.outerHTML`),
		"the API":  api, "the history over HTTP": string(history), "the heads over HTTP": string(heads),
	}
	for _, where := range slices.Sorted(maps.Keys(sources)) {
		if !strings.Contains(sources[where], "question three.") {
			d.t.Errorf("%s holds nothing of the conversation: %s", where, sources[where])
		}
		for _, word := range []string{secret, d.ann.name, d.ben.name, d.ann.id, d.ben.id} {
			if strings.Contains(sources[where], word) {
				d.t.Errorf("%s shows the customer %q", where, word)
			}
		}
	}
}

// awaitNote waits until a note stands in the open conversation.
func (p *person) awaitNote(text string) {
	p.t.Helper()
	p.await("the note "+text, `text => [...document.querySelectorAll('[role=log] [data-note-id]')].some(note => note.textContent.includes(text))`, text)
}
