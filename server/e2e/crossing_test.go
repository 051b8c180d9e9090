package e2e

import (
	"fmt"
	"slices"
	"testing"

	"parley/proto"
)

// ask lets a customer write to the desk's service, answer an agent for it.
func (d *desk) ask(from *device, content string) {
	d.t.Helper()
	var zero uint64
	service, kind, direction := support, proto.MessageType_MESSAGE_TYPE_TEXT, proto.ServiceMessageDirection_CUSTOMER_TO_SERVICE
	from.must(proto.BranchService, &proto.ServiceMessage{
		MessageId: &zero, UserId: &d.carlID, ServiceType: &service, MessageType: &kind, Content: &content, CreateDate: &zero, Direction: &direction,
	})
}

// contents is what was written, in the server's order.
func (d *desk) contents() (all []string) {
	d.t.Helper()
	for _, e := range d.log(d.agentToken) {
		all = append(all, e.Content)
	}
	return all
}

// lookUp scrolls to the beginning, as somebody does who looks something up.
func (p *person) lookUp() {
	p.t.Helper()
	p.await("the beginning", `async () => {
		document.querySelector('[role=log]').scrollTop = 0;
		await (`+scrolled+`)();
		return document.querySelector('[role=log]').scrollTop === 0 && !document.querySelector('message-list .down').hidden;
	}`)
}

// asksAboutAnswer waits for the question whether to send in spite of an answer,
// while the text that was to be sent is neither in the list nor at the server.
func (d *desk) asksAboutAnswer(p *person, answer, text string) {
	p.t.Helper()
	p.find("dialog", "Another agent answered meanwhile")
	p.await("the answer in the question", `answer => document.querySelector('dialog[open]').textContent.includes(answer)`, answer)
	if got := p.contents([]string{text}); len(got) != 0 {
		p.t.Errorf("the list shows %q already", got)
	}
	if slices.Contains(d.contents(), text) {
		p.t.Errorf("%q went out", text)
	}
}

// wrote wants the composer to hold a text.
func (p *person) wrote(text string) {
	p.t.Helper()
	p.await("the composer to hold "+text, `text => !document.querySelector('dialog') && document.querySelector('message-composer textarea').value.trim() === text`, text)
}

func TestAnAnswerThatCrossedAnotherAgentsAsksBeforeItGoesOut(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	ann, ben := d.ann, d.ben
	customer, agent := newDevice(t, d.server, d.carlID, "Carl"), newDevice(t, d.server, d.benID, "Benedict", support)
	const asked = 40 // more than fit on a screen
	for i := range asked {
		d.ask(customer, fmt.Sprintf("line %d.", i+1))
	}
	d.open(ann)
	d.open(ben)
	ann.awaitMessage("line 40.", "received")
	seen := uint64(asked)
	if _, err := newDevice(t, d.server, d.annID, "Annabel", support).send(proto.BranchMark, &proto.Mark{Key: &d.key, DeliveredSeq: &seen, ReadSeq: &seen}); err != nil {
		t.Fatal(err)
	}
	ann.await("everything to be read", `key => document.querySelector('[data-key="' + key + '"]').dataset.unread === '0'`, d.key)

	// She looks something up while Ben answers below, and thinks better of it.
	ann.lookUp()
	ann.fill("Message", "answer of Ann.")
	ben.say("answer of Ben.")
	ann.awaitMessage("answer of Ben.", "received")
	ann.pressEnter()
	d.asksAboutAnswer(ann, "answer of Ben.", "answer of Ann.")
	ann.click("Back to editing")
	ann.wrote("answer of Ann.")

	// Again, and now she means it.
	ann.lookUp()
	ben.say("another of Ben.")
	ann.awaitMessage("another of Ben.", "received")
	ann.pressEnter()
	d.asksAboutAnswer(ann, "another of Ben.", "answer of Ann.")
	ann.click("Send anyway")
	ann.awaitMessage("answer of Ann.", confirmed...)
	d.carl.awaitMessage("answer of Ann.", "received")
	ann.wrote("")

	// What she had not seen is more than a screen: the answer is accepted all
	// the same, and answers none of the questions among it.
	ann.lookUp()
	ann.fill("Message", "last of Ann.")
	d.ask(customer, "a question among it.")
	for i := range 30 {
		d.ask(agent, fmt.Sprintf("answer %d of Ben.", i+1))
	}
	ann.awaitMessage("answer 30 of Ben.", "received")
	ann.pressEnter()
	d.asksAboutAnswer(ann, "answer 30 of Ben.", "last of Ann.")
	ann.click("Send anyway")
	ann.awaitMessage("last of Ann.", confirmed...)
	d.carl.awaitMessage("last of Ann.", "received")

	// Whoever has seen it all is not asked.
	ann.say("no question.")
	ann.awaitMessage("no question.", confirmed...)
	for _, p := range []*person{ann, ben} {
		p.wroteNoErrors()
	}
}
