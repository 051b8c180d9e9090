package e2e

import (
	"bytes"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/andybalholm/brotli"
	"github.com/chromedp/chromedp"
)

// maxProgram is how large the browser's program may be as it travels, in bytes.
const maxProgram = 1_900_000

// maxRequests is how many a first visit may make until one is signed in.
const maxRequests = 12

func TestAFirstVisitIsFewRequestsAndLessThan1900000BytesOfProgram(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	g := newGate(t, s)
	signIn(t, g, "Ada")
	all := g.since(0, "")
	if t.Logf("%q", all); len(all) > maxRequests {
		t.Errorf("%d requests, want at most %d", len(all), maxRequests)
	}
	loads := g.since(0, ".wasm")
	if len(loads) != 1 {
		t.Fatalf("the page loaded %q, want one program", loads)
	}
	_, path, _ := strings.Cut(loads[0], " ")
	request, err := http.NewRequest(http.MethodGet, g.url+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Accept-Encoding", "br")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	if response.Header.Get("Content-Encoding") != "br" || response.Header.Get("Content-Type") != "application/wasm" {
		t.Errorf("%s came with %v", path, response.Header)
	}
	if !strings.Contains(response.Header.Get("Cache-Control"), "immutable") {
		t.Errorf("%s is not kept for ever: %q", path, response.Header.Get("Cache-Control"))
	}
	if len(body) > maxProgram {
		t.Errorf("%d bytes, want at most %d", len(body), maxProgram)
	}
	t.Logf("%d bytes", len(body))
	program, err := io.ReadAll(brotli.NewReader(bytes.NewReader(body)))
	if err != nil || !bytes.HasPrefix(program, []byte("\x00asm")) {
		t.Errorf("%s is no WebAssembly: %v", path, err)
	}
}

func TestAssistiveTechnologyFindsEverythingByRoleAndName(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	g := newGate(t, s)
	bob := signIn(t, g, "Bob")
	tb := newProfile(t).open("Ada", g.url+"/#/to/"+bob.id, "")
	tb.find("textbox", "Your name")
	tb.find("button", "Start")
	tb.fill("Your name", "Ada")
	tb.pressEnter()
	tb.awaitConnection("live")
	ada := &person{tab: tb}
	for _, want := range [][2]string{{"textbox", "Message"}, {"button", "Send"}, {"log", ""}, {"status", ""}} {
		ada.find(want[0], want[1])
	}
	ada.sayByButton("sent by the button")
	ada.awaitMessage("sent by the button", confirmed...)
	ada.find("list", "Conversations")
	bob.await("the unread message in the list", `() => document.querySelector('[data-key][data-unread="1"]')`)
	bob.find("list", "Conversations")
	ada.wroteNoErrors()
	bob.wroteNoErrors()
}

func TestAPhoneShowsEverythingWithoutScrollingSideways(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	g := newGate(t, s)
	bob := newPeer(t, s, "Bob")
	tb := newProfile(t).open("Ada", g.url+"/", "")
	tb.do(chromedp.EmulateViewport(390, 844, chromedp.EmulateMobile))
	fits := func(where string) {
		t.Helper()
		for _, s := range append(lowScreens, screen{256, 600}, screen{390, 844}) {
			tb.do(chromedp.EmulateViewport(s.width, s.height, chromedp.EmulateMobile))
			tb.await("a screen of "+s.String(), `width => innerWidth === width`, s.width)
			tb.fits(where + " on " + s.String())
		}
	}
	tb.find("button", "Start")
	fits("signing in")
	tb.fill("Your name", "Ada")
	tb.click("Start")
	tb.awaitConnection("live")
	tb.await("the focus on what one came to", `() => document.activeElement.localName === 'h1' && document.activeElement.textContent === 'Ada'`)
	fits("no conversation yet")
	ada := &person{tab: tb}
	ada.openChat(bob.id)
	ada.say("A line that is much longer than a phone is wide, and then a word that is too: " + strings.Repeat("Donaudampfschiff", 12))
	ada.awaitMessage("A line that", confirmed...)
	fits("a conversation")
	call[bool](tb, `() => { location.hash = '/'; return true }`)
	tb.find("list", "Conversations")
	fits("the conversations")
}

func TestThePageLoadsNothingFromAnotherHost(t *testing.T) {
	t.Parallel()
	_, g, ada, bob := two(t)
	ada.say("look: http://203.0.113.7/picture.png")
	bob.awaitMessage("picture.png", "received")
	host := strings.TrimPrefix(g.url, "http://")
	for _, p := range []*person{ada, bob} {
		p.mu.Lock()
		requests := p.requests
		p.mu.Unlock()
		if len(requests) == 0 {
			t.Errorf("%s: saw no request at all", p.name)
		}
		for _, address := range requests {
			if u, err := url.Parse(address); err != nil || u.Scheme != "data" && u.Scheme != "blob" && u.Host != host {
				t.Errorf("%s asked for %s", p.name, address)
			}
		}
	}
	response, err := http.Get(g.url + "/")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if policy := response.Header.Get("Content-Security-Policy"); !strings.Contains(policy, "default-src") || strings.Contains(policy, "unsafe-inline") || strings.Contains(policy, "unsafe-eval'") && !strings.Contains(policy, "wasm-unsafe-eval") {
		t.Errorf("the policy that keeps other hosts out is %q", policy)
	}
}

// What a mistake of the page's would let others write runs as nothing: the browser itself takes no
// markup from text, and scripts of Parley's own alone.
func TestThePageMakesNoMarkupOfTextAndRunsNoScriptsButItsOwn(t *testing.T) {
	t.Parallel()
	g := newGate(t, newServer(t))
	ada := signIn(t, g, "Ada")
	call[bool](ada.tab, `async () => { await (await import('/parley.js')).signInAsGuest; return true }`) // a second module with a policy
	for _, attempt := range []string{
		`document.body.innerHTML = '<b>'`,
		`document.body.insertAdjacentHTML('beforeend', '<b>')`,
		`new DOMParser().parseFromString('<b>', 'text/html')`,
		`document.createElement('script').text = '1'`,
		`document.createElement('script').src = '/app.js'`,
		`new Worker('/engine.js')`,
		`navigator.serviceWorker.register('/sw.js')`,
		`trustedTypes.createPolicy('another', {})`,
	} {
		if refused := call[string](ada.tab, `async () => { try { await (`+attempt+`) } catch (error) { return error.name } return '' }`); refused != "TypeError" {
			t.Errorf("%s: %q, want it to be refused", attempt, refused)
		}
	}
}

func TestWhatOthersWriteIsShownAsText(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	g := newGate(t, s)
	const evil = `<img src=x onerror="window.owned=1">`
	eve, bob := signIn(t, g, evil), signIn(t, g, "Bob")
	eve.openChat(bob.id)
	attacks := []string{
		evil,
		`<script>window.owned=2</script>`,
		`<a href="javascript:window.owned=3">click</a>`,
		`javascript:window.owned=4`,
		`http://a.example/"onmouseover="window.owned=5`,
		`</article><svg onload="window.owned=6">`,
		"\u202egnp.exe \u0000 &lt;b&gt;",
	}
	for _, attack := range attacks {
		eve.say(attack)
	}
	bob.openChat(eve.id)
	eventually(t, "all messages on Bob's page", func() bool { return len(bob.messages()) == len(attacks) })
	for i, m := range bob.messages() {
		if want := strings.NewReplacer("\u0000", "␀", "\u202e", "‹U+202E›").Replace(attacks[i]); !strings.Contains(m.Text, want) { // signs, as nothing would be seen
			t.Errorf("message %d reads %q, want %q in it", i+1, m.Text, attacks[i])
		}
	}
	made := call[[]string](bob.tab, `() => [...document.querySelectorAll('[role=log] :is(img, script, iframe, [onerror], [onload], [onmouseover], a:not([href^="http://"], [href^="https://"]))')].map(e => e.outerHTML)`)
	if len(made) != 0 {
		t.Errorf("messages made elements: %q", made)
	}
	for _, p := range []*person{eve, bob} {
		if owned := call[any](p.tab, `() => window.owned ?? null`); owned != nil {
			t.Errorf("%s: a message ran as a program: %v", p.name, owned)
		}
		p.wroteNoErrors()
	}
	if name := call[string](bob.tab, `() => document.querySelector('[data-key]').textContent`); !strings.Contains(name, evil) {
		t.Errorf("the conversation is named %q, want %q in it", name, evil)
	}
}
