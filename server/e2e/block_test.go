package e2e

import (
	"strings"
	"testing"
)

func TestWhoIsBlockedCanWriteAgainOnlyOnceUnblocked(t *testing.T) {
	t.Parallel()
	_, _, ada, bob := two(t)
	ada.say("hello Bob")
	bob.awaitMessage("hello Bob", "received")
	bob.say("hello Ada")
	ada.awaitMessage("hello Ada", "received")

	ada.click("More")
	ada.click("Block")
	const note = "You have blocked Bob. Neither of you can write."
	blocked := func(p *person, blocked bool) {
		t.Helper()
		p.await("the block to be shown", `(words, blocked) => {
			const note = [...document.querySelectorAll('[role=note]')].find(e => e.textContent.includes(words));
			const box = document.querySelector('message-composer textarea');
			return blocked ? note?.checkVisibility() && !box.checkVisibility() : !note?.checkVisibility() && box.checkVisibility();
		}`, note, blocked)
	}
	blocked(ada, true)
	bob.say("are you there?")
	refused := bob.awaitMessage("are you there?", "refused")
	if want := "this person does not take messages from you"; !strings.Contains(refused.Text, want) {
		t.Errorf("Bob reads %q, want the reason: %s", refused.Text, want)
	}
	ada.reload()
	ada.awaitConnection("live")
	blocked(ada, true)
	ada.awaitMessage("hello Ada", "received")
	if got := ada.contents([]string{"are you there?"}); len(got) > 0 {
		t.Errorf("Ada is shown %q", got)
	}

	ada.click("Unblock")
	blocked(ada, false)
	bob.click("Send again")
	bob.awaitMessage("are you there?", confirmed...)
	ada.awaitMessage("are you there?", "received")
	ada.say("yes")
	bob.awaitMessage("yes", "received")
	for _, p := range []*person{ada, bob} {
		p.wroteNoErrors()
	}
}
