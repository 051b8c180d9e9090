package e2e

import (
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// withoutSharedWorkers makes a browser one that has no SharedWorker.
const withoutSharedWorkers = `delete globalThis.SharedWorker`

// second opens a person's page in a second tab of their browser.
func second(p *profile, g *gate, first *person, before string) *person {
	p.t.Helper()
	return &person{tab: p.open(first.name+"-second-tab", g.url+"/", before), id: first.id}
}

// workers returns what kinds of workers run in a profile.
func workers(p *profile) []string {
	p.t.Helper()
	targets, err := chromedp.Targets(p.ctx)
	if err != nil {
		p.t.Fatal(err)
	}
	var kinds []string
	for _, target := range targets {
		if target.BrowserContextID == p.id && strings.Contains(target.Type, "worker") {
			kinds = append(kinds, target.Type)
		}
	}
	return kinds
}

func TestASecondTabSharesProgramAndConnection(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	g := newGate(t, s)
	g.cacheNothing() // so that loading anything twice is seen
	profile := newProfile(t)
	ada, bob := signInWith(profile, g, "Ada", ""), newPeer(t, s, "Bob")
	ada.openChat(bob.id)
	ada.say("said in the first tab")
	ada.awaitMessage("said in the first tab", confirmed...)

	mark := g.mark()
	tab := second(profile, g, ada, "")
	tab.awaitConnection("live")
	tab.openChat(bob.id)
	tab.awaitMessage("said in the first tab", confirmed...)
	tab.awaitComposed("")
	tab.say("said in the second tab")
	tab.awaitMessage("said in the second tab", confirmed...)
	ada.awaitMessage("said in the second tab", confirmed...)
	bob.openChat(ada.id)
	bob.say("heard in both")
	tab.awaitMessage("heard in both", "received")
	ada.awaitMessage("heard in both", "received")

	if requests := g.since(mark, ".wasm"); len(requests) != 0 {
		t.Errorf("the second tab loaded %q", requests)
	}
	if n := g.connections(); n != 1 {
		t.Errorf("%d MQTT connections of Ada, want one", n)
	}
	if got := workers(profile); !slices.Equal(got, []string{"shared_worker"}) {
		t.Errorf("workers %q for two tabs, want one, shared", got)
	}
	tab.wroteNoErrors()
}

func TestTheProgramStaysWhenTheFirstTabCloses(t *testing.T) {
	t.Parallel()
	chatAfterTheFirstTabCloses(t, "")
}

func TestWithoutSharedWorkersTabsShareOneConnectionAndTakeOver(t *testing.T) {
	t.Parallel()
	chatAfterTheFirstTabCloses(t, withoutSharedWorkers)
}

func chatAfterTheFirstTabCloses(t *testing.T, before string) {
	s := newServer(t)
	g := newGate(t, s)
	profile := newProfile(t)
	ada, bob := signInWith(profile, g, "Ada", before), newPeer(t, s, "Bob")
	ada.openChat(bob.id)
	bob.openChat(ada.id)
	tab := second(profile, g, ada, before)
	tab.awaitConnection("live")
	tab.openChat(bob.id)
	tab.say("from the second tab")
	ada.awaitMessage("from the second tab", confirmed...)
	ada.awaitComposed("") // the draft is one in all tabs, and is there until this one hears that it was sent
	ada.say("from the first tab")
	tab.awaitMessage("from the first tab", confirmed...)
	bob.awaitMessage("from the first tab")
	eventually(t, "one MQTT connection of Ada", func() bool { return g.connections() == 1 })

	mark := g.mark()
	kind := "shared_worker"
	if before == withoutSharedWorkers {
		kind = "worker"
	}
	if got := workers(profile); !slices.Equal(got, []string{kind}) {
		t.Errorf("workers %q for two tabs, want one of kind %s", got, kind)
	}
	ada.closeTab()
	if before == withoutSharedWorkers { // the other tab takes over, with a connection of its own
		eventually(t, "the second tab to connect", func() bool { return len(g.since(mark, "/mqtt")) == 1 })
		tab.awaitConnection("live")
	}
	tab.awaitComposed("")
	tab.say("after the first tab closed")
	tab.awaitMessage("after the first tab closed", confirmed...)
	bob.awaitMessage("after the first tab closed")
	bob.say("and back")
	tab.awaitMessage("and back", "received")
	tab.awaitMessage("from the first tab", confirmed...)
	eventually(t, "one MQTT connection of Ada", func() bool { return g.connections() == 1 })
}

func TestAWorkerWhoseFileNeverComesIsDoneWithout(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	g := newGate(t, s)
	g.stall("/engine.js")
	profile := newProfile(t)
	ada, bob := signInWith(profile, g, "Ada", ""), newPeer(t, s, "Bob")
	ada.openChat(bob.id)
	ada.say("hello")
	ada.awaitMessage("hello", confirmed...)
	tab := second(profile, g, ada, "") // meets the same SharedWorker
	tab.openChat(bob.id)
	tab.awaitMessage("hello", confirmed...)
	tab.awaitComposed("")
	tab.say("from the second tab")
	ada.awaitMessage("from the second tab", confirmed...)
	if n := g.connections(); n != 1 {
		t.Errorf("%d MQTT connections of Ada, want one", n)
	}
}
