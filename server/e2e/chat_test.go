package e2e

import (
	"fmt"
	"slices"
	"strconv"
	"testing"
)

// two starts a server and signs two people in, each in a browser of their own,
// each with the conversation with the other on the screen.
func two(t *testing.T) (*server, *gate, *person, *person) {
	t.Helper()
	s := newServer(t)
	g := newGate(t, s)
	ada, bob := signIn(t, g, "Ada"), signIn(t, g, "Bob")
	ada.openChat(bob.id)
	bob.openChat(ada.id)
	return s, g, ada, bob
}

// inOneOrder waits until both see all messages, and returns in which order: the same.
func inOneOrder(t *testing.T, ada, bob *person, all []string) []string {
	t.Helper()
	for _, content := range all {
		ada.awaitMessage(content, append([]string{"received"}, confirmed...)...)
		bob.awaitMessage(content, append([]string{"received"}, confirmed...)...)
	}
	a, b := ada.contents(all), bob.contents(all)
	if len(a) != len(all) || !slices.Equal(a, b) {
		t.Errorf("Ada sees %q\nBob sees %q", a, b)
	}
	return a
}

func TestTwoPeopleChatBothWays(t *testing.T) {
	t.Parallel()
	_, g, ada, bob := two(t)
	ada.recordStates()

	ada.say("hello Bob")
	ada.awaitMessage("hello Bob", confirmed...)
	bob.awaitMessage("hello Bob", "received")
	if states := ada.statesOf("hello Bob"); len(states) < 2 || states[0] != "pending" || !slices.Contains(confirmed, states[1]) {
		t.Errorf("Ada's message went through %q, want first pending, then sent", states)
	}

	bob.say("hello Ada")
	bob.awaitMessage("hello Ada", confirmed...)
	ada.awaitMessage("hello Ada", "received")
	ada.awaitMessage("hello Bob", "read")

	want := []string{"hello Bob", "hello Ada"}
	for _, p := range []*person{ada, bob} {
		if got := p.contents(want); !slices.Equal(got, want) {
			t.Errorf("%s sees %q, want %q", p.name, got, want)
		}
		for i, m := range p.messages() {
			if m.Seq != strconv.Itoa(i+1) || m.ID == "0" || m.ID == "" {
				t.Errorf("%s: message %d has seq %s and id %s", p.name, i+1, m.Seq, m.ID)
			}
		}
		p.wroteNoErrors()
	}
	if a, b := ada.messages(), bob.messages(); a[0].ID != b[0].ID || a[1].ID != b[1].ID {
		t.Errorf("they see different ids: %v and %v", a, b)
	}
	if n := g.connections(); n != 2 {
		t.Errorf("%d MQTT connections, want one for each", n)
	}
}

func TestBothSeeOneOrderWhenTheyWriteAtTheSameTime(t *testing.T) {
	t.Parallel()
	_, _, ada, bob := two(t)
	var all []string
	for i := range 10 {
		fromAda, fromBob := fmt.Sprintf("from Ada %d.", i), fmt.Sprintf("from Bob %d.", i)
		ada.say(fromAda)
		bob.say(fromBob)
		all = append(all, fromAda, fromBob)
	}
	a := inOneOrder(t, ada, bob, all)
	for i := range 9 {
		for _, from := range []string{"from Ada %d.", "from Bob %d."} {
			if slices.Index(a, fmt.Sprintf(from, i)) > slices.Index(a, fmt.Sprintf(from, i+1)) {
				t.Errorf("somebody's own messages changed places: %q", a)
			}
		}
	}
}

func TestAReloadPaintsFromThisBrowserWithoutHistoryOrConnection(t *testing.T) {
	t.Parallel()
	_, g, ada, bob := two(t)
	ada.say("before the reload")
	bob.awaitMessage("before the reload", "received")
	bob.say("an answer")
	before := ada.awaitMessage("an answer", "received")
	ada.awaitMessage("before the reload", "read")

	mark := g.mark()
	ada.reload()
	ada.awaitConnection("live")
	if after := ada.awaitMessage("an answer", "received"); after != before {
		t.Errorf("after the reload %+v, before %+v", after, before)
	}
	ada.awaitMessage("before the reload", "read")
	// What is said next goes through the connection that the reload made, so
	// that by then it is up to date.
	bob.say("after the reload")
	ada.awaitMessage("after the reload", "received")
	if requests := g.since(mark, "/api/conversations"); len(requests) != 0 {
		t.Errorf("the reload asked for %q", requests)
	}
	if requests := g.since(mark, "/mqtt"); len(requests) != 1 {
		t.Errorf("the reload made %d connections, want one", len(requests))
	}

	g.close("/mqtt")
	ada.reload()
	ada.awaitMessage("before the reload", "read")
	ada.awaitConnection("offline")
	ada.say("written offline")
	ada.awaitMessage("written offline", "pending")
	ada.reload()
	ada.awaitMessage("written offline", "pending")
	g.reopen("/mqtt")
	ada.awaitMessage("written offline", confirmed...)
	bob.awaitMessage("written offline", "received")
}

func TestMessagesOutliveTheServersEnd(t *testing.T) {
	t.Parallel()
	s, _, ada, bob := two(t)
	var all []string
	for how, end := range map[string]func(*server){"stopped": (*server).stop, "killed": (*server).kill} {
		before, fromAda, fromBob := "acknowledged before it is "+how, "Ada while it is "+how, "Bob while it is "+how
		all = append(all, before, fromAda, fromBob)
		ada.say(before)
		ada.awaitMessage(before, confirmed...)

		end(s)
		ada.awaitConnection("offline")
		bob.awaitConnection("offline")
		ada.say(fromAda)
		bob.say(fromBob)
		ada.awaitMessage(fromAda, "pending")
		bob.awaitMessage(fromBob, "pending")

		s.start()
		ada.awaitConnection("live")
		bob.awaitConnection("live")
		inOneOrder(t, ada, bob, all)
		seqs := ada.messages()
		if last := seqs[len(seqs)-1]; last.Seq != strconv.Itoa(len(all)) {
			t.Errorf("the server stored %s messages, want each once, %d", last.Seq, len(all))
		}
	}
}
