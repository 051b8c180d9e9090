package e2e

import (
	"net/http"
	"strings"
	"testing"
)

// Each path is one that a proxy takes away before it passes a request on.
func TestParleyWorksUnderAnyPath(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	g := newGateAt(t, s, "/a/b.c/d-e", true)
	profile := newProfile(t)
	ada, bob := signInWith(profile, g, "Ada", ""), signIn(t, g, "Bob")

	link := call[string](ada.tab, `() => document.querySelector('.own-link').textContent`)
	if want := strings.TrimPrefix(g.url, "http://") + "/#/to/" + ada.id; link != want {
		t.Errorf("Ada's link is %s, want %s", link, want)
	}
	bob.visit("http://" + link)
	bob.find("textbox", "Message")
	bob.say("found you by your link")
	ada.openChat(bob.id)
	ada.awaitMessage("found you by your link", "received")
	ada.say("and I you")
	bob.awaitMessage("and I you", "received")

	ada.fillIn("searchbox", "Search people and messages", "Bob")
	ada.await("Bob to be found", `() => document.querySelector('.people a')`)
	ada.reload()
	ada.awaitConnection("live")
	ada.awaitMessage("and I you", confirmed...)
	tab := second(profile, g, ada, withoutSharedWorkers)
	tab.awaitConnection("live")
	tab.openChat(bob.id)
	tab.say("from a tab without shared workers")
	bob.awaitMessage("from a tab without shared workers", "received")

	manifest := call[map[string]string](ada.tab, `async () => {
		const { href } = document.querySelector('link[rel=manifest]');
		const { start_url, scope } = await (await fetch(href)).json();
		return { start: new URL(start_url, href).href, scope: new URL(scope, href).href };
	}`)
	if want := g.url + "/"; manifest["start"] != want || manifest["scope"] != want {
		t.Errorf("the manifest says %v, want %s", manifest, want)
	}
	answer, err := http.Get(g.url + "/index.html")
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if got := answer.Request.URL.String(); got != g.url+"/" || answer.StatusCode != http.StatusOK {
		t.Errorf("index.html leads to %s, HTTP %d", got, answer.StatusCode)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.strays) > 0 {
		t.Errorf("beside the path were asked for: %q", g.strays)
	}
	ada.wroteNoErrors()
	bob.wroteNoErrors()
}

// A browser tells no page why a WebSocket was refused.
func TestAProxyThatChangesHostIsNamedToPersonAndOperator(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	g := newGateAt(t, s, "", false)
	ada := &person{tab: newProfile(t).open("Ada", g.url+"/", "")}
	ada.fill("Your name", "Ada")
	ada.click("Start")
	ada.awaitConnection("offline")
	cause := []string{"refuses the connection", `"` + g.url + `"`, `"` + s.Address + `"`, "Host", "-origins"}
	ada.click("Details")
	shown := ""
	eventually(t, "the cause in the details", func() bool {
		shown = call[string](ada.tab, `() => document.querySelector('connection-status :popover-open')?.textContent ?? ''`)
		return shown != ""
	})
	for _, part := range cause {
		if !strings.Contains(shown, part) {
			t.Errorf("the details lack %s: %s", part, shown)
		}
	}
	for _, part := range cause[3:] {
		if !strings.Contains(s.Log(), part) {
			t.Errorf("the server's log lacks %s", part)
		}
	}
}

func TestAProxyThatChangesHostIsTakenIfItsOriginIsNamed(t *testing.T) {
	t.Parallel()
	s := newServer(t, "-origins", "http://127.0.0.1:*")
	g := newGateAt(t, s, "/chat", false)
	ada, bob := signIn(t, g, "Ada"), signIn(t, g, "Bob")
	bob.openChat(ada.id)
	bob.say("through the proxy")
	ada.openChat(bob.id)
	ada.awaitMessage("through the proxy", "received")
	ada.wroteNoErrors()
}
