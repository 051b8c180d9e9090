package e2e

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	protobuf "google.golang.org/protobuf/proto"

	"parley/proto"
)

// heldEngine is JavaScript that lets a worker load no program before a page of its site says go.
const heldEngine = `{
	const go = new Promise(resolve => { new BroadcastChannel('e2e-engine').onmessage = resolve; });
	const load = globalThis.fetch;
	globalThis.fetch = async (...args) => { await go; return load(...args); };
}
`

// planting is JavaScript that keeps as the snapshot, before the page begins, what a test put
// into localStorage, lets storage fail as the test says there, and notes whether anybody's
// messages were ever shown.
const planting = `{
	const [snapshot, fault] = ['e2e-snapshot', 'e2e-fault'].map(name => localStorage.getItem(name));
	if (snapshot !== null) for (const storage of [sessionStorage, localStorage]) storage.setItem('parley.snapshot', snapshot);
	if (fault) Storage.prototype.setItem = () => { throw new DOMException('full', 'QuotaExceededError'); };
	if (fault === 'refused') Object.defineProperty(window, 'sessionStorage', { get() { throw new DOMException('no', 'SecurityError'); } });
	window.e2eLines = false;
	new MutationObserver(() => { window.e2eLines ||= /line \d/.test(document.body?.textContent); }).observe(document, { subtree: true, childList: true, characterData: true });
}`

// A reloader is somebody whose tab is reloaded while the engine is held back.
type reloader struct {
	*person
	server     *server
	gate       *gate
	token, key string // of the open conversation
}

// held reloads the page, whose engine does not come, and waits until it has painted what it will.
func (r *reloader) held() {
	r.t.Helper()
	r.do(chromedp.Reload())
	r.await("the page", `() => document.querySelector('chat-panes, sign-in') && new Promise(done => requestAnimationFrame(() => setTimeout(() => done(true))))`)
}

// letGo lets the engine begin, and waits until its messages are there.
func (r *reloader) letGo() {
	r.t.Helper()
	r.await("the engine's messages", `() => {
		new BroadcastChannel('e2e-engine').postMessage('go'); // the worker may be there only now
		return performance.getEntriesByName('parley messages live').length;
	}`)
	r.awaitConnection("live")
	call[bool](r.tab, scrolled)
}

// A place is where a message stands on the screen.
type place struct{ Seq, Top int }

// places returns the messages on the screen, and remembers all elements; anew are the seqs of
// those on the screen whose elements are not the remembered ones.
func (r *reloader) places() (on []place, anew []int) {
	r.t.Helper()
	seen := call[struct {
		On   []place
		Anew []int
	}](r.tab, `() => {
		const log = document.querySelector('[role=log]').getBoundingClientRect();
		const before = window.e2eRows;
		const all = [...document.querySelectorAll('[role=log] [data-seq]')];
		window.e2eRows = new Map(all.map(e => [e.dataset.seq, e]));
		const on = all.filter(e => e.getBoundingClientRect().bottom > log.top && e.getBoundingClientRect().top < log.bottom);
		return { On: on.map(e => ({ Seq: Number(e.dataset.seq), Top: Math.round(e.getBoundingClientRect().top - log.top) })),
			Anew: on.filter(e => before?.get(e.dataset.seq) !== e).map(e => Number(e.dataset.seq)) };
	}`)
	return seen.On, seen.Anew
}

// shows wants the same messages at the same places.
func (r *reloader) shows(when string, want []place) {
	r.t.Helper()
	if got, _ := r.places(); len(got) < 2 || !standAlike(got, want) {
		r.t.Errorf("%s the screen shows (seq, px) %v, want %v", when, got, want)
	}
}

// standAlike reports whether the same messages stand at the same places, to the pixel: a list is
// scrolled by whole ones, and those who stand above are no whole ones high.
func standAlike(got, want []place) bool {
	return slices.EqualFunc(got, want, func(g, w place) bool { return g.Seq == w.Seq && max(g.Top-w.Top, w.Top-g.Top) <= 1 })
}

// inOrder wants the list to end with a seq, each before it being one lower.
func (r *reloader) inOrder(last int) {
	r.t.Helper()
	messages := r.messages()
	for i, m := range messages {
		if want := strconv.Itoa(last - len(messages) + 1 + i); m.Seq != want {
			r.t.Fatalf("the list holds message %s where %s should be, of %d up to %d", m.Seq, want, len(messages), last)
		}
	}
}

func TestAReloadShowsAtOnceWhatTheTabShowed(t *testing.T) {
	t.Parallel()
	s := newServerWithKey(t)
	g := newGate(t, s)
	g.cacheNothing()
	const adaID, bobID, eveID = 21, 22, 23
	bob, eve, phone := newDevice(t, s, bobID, "Bob"), newDevice(t, s, eveID, "Eve"), newDevice(t, s, adaID, "Ada")
	said := 0
	say := func(n int) {
		t.Helper()
		for range n {
			said++
			bob.tell(adaID, fmt.Sprintf("line %d.", said))
		}
	}
	say(200)
	eve.tell(adaID, "elsewhere")
	key, read := proto.DirectKey(adaID, bobID).String(), uint64(said)
	if _, err := phone.send(proto.BranchMark, &proto.Mark{Key: &key, DeliveredSeq: &read, ReadSeq: &read}); err != nil {
		t.Fatal(err)
	}

	profile := newProfile(t)
	ada := &reloader{&person{tab: profile.open("Ada", g.url+"/e2e/clients.html", planting), id: strconv.Itoa(adaID)}, s, g, s.token(adaID, "Ada"), key}
	call[bool](ada.tab, `() => { `+sessionOf(adaID, "Ada", ada.token)+`; return true }`)
	ada.visit(fmt.Sprintf("%s/#/to/%d", g.url, bobID))
	ada.awaitMessage(fmt.Sprintf("line %d.", said), "received")
	ada.awaitConnection("live")
	g.inEngine(heldEngine)

	kept := ada.atTheEnd(t, say, &said)
	ada.unread(t, say, &said)
	ada.above(t, say, &said)
	ada.ofAnother(t, profile, kept, eveID)
	ada.damaged(t, kept)
	ada.unkept(t, kept, said)
}

// atTheEnd reloads at the end of the conversation and returns what was kept.
func (r *reloader) atTheEnd(t *testing.T, say func(int), said *int) (kept string) {
	before, _ := r.places()
	r.held()
	r.awaitConnection("connecting")
	r.shows("before the engine", before)
	for _, name := range []string{"Bob", "Eve"} {
		if n := call[int](r.tab, `name => [...document.querySelectorAll('[aria-label=Conversations] [data-key]')].filter(e => e.textContent.includes(name)).length`, name); n != 1 {
			t.Errorf("before the engine the list shows %s %d times, want once", name, n)
		}
	}
	kept = call[string](r.tab, `() => sessionStorage.getItem('parley.snapshot')`)
	if !call[bool](r.tab, `kept => localStorage.getItem('parley.snapshot') === kept`, kept) {
		t.Error("for the next visit something else is kept")
	}
	r.fill("Message", "half written")
	r.letGo()
	after, anew := r.places()
	if len(anew) > 0 || !standAlike(after, before) {
		t.Errorf("with the engine the screen shows %v, want %v as before; %v were made anew", after, before, anew)
	}
	if got := call[string](r.tab, `() => document.activeElement.value`); got != "half written" {
		t.Errorf("with the engine the focused composer holds %q", got)
	}
	r.fill("Message", " no more")

	// What is sent before the engine is there goes out, after what came meanwhile.
	r.held()
	say(2)
	if got := r.composed(); got != "half written no more" {
		t.Errorf("before the engine the draft is %q", got)
	}
	r.fill("Message", ".")
	r.pressEnter()
	r.letGo()
	*said++
	r.awaitMessage("half written no more.", confirmed...)
	r.awaitMessage(fmt.Sprintf("line %d.", *said-1), "received")
	r.inOrder(*said)
	return kept
}

// unread reloads with an unread message on the screen: that it was in the snapshot, in front of
// the person, is not to have been read.
func (r *reloader) unread(t *testing.T, say func(int), said *int) {
	readSeq := func() string { return r.server.rows(r.token)[r.key].ReadSeq }
	// The last message is the person's own.
	eventually(t, "everything to be read", func() bool { return readSeq() == strconv.Itoa(*said-1) })
	before := readSeq()
	r.focused(false)
	say(1)
	r.awaitMessage(fmt.Sprintf("line %d.", *said), "received")
	badge := `(key, n) => document.querySelector('[data-key="' + key + '"]')?.dataset.unread === n`
	r.await("the badge", badge, r.key, "1")
	r.held()
	if !call[bool](r.tab, badge, r.key, "1") || call[string](r.tab, `() => document.querySelector('[role=log] .separator.unread')?.nextElementSibling?.dataset.seq ?? ''`) != strconv.Itoa(*said) {
		t.Error("before the engine the unread message is not shown as such")
	}
	time.Sleep(500 * time.Millisecond) // in front of the person; twice as long as marks are gathered for
	r.focused(false)
	r.letGo()
	time.Sleep(500 * time.Millisecond)
	if got := readSeq(); got != before {
		t.Errorf("read up to %s by the snapshot, want %s", got, before)
	}
	r.focused(true)
	eventually(t, "the message to be read in front of the person", func() bool { return readSeq() == strconv.Itoa(*said) })
}

// above reloads where the person reads far above the end.
func (r *reloader) above(t *testing.T, say func(int), said *int) {
	call[bool](r.tab, `async () => {
		const log = document.querySelector('[role=log]');
		for (let first; !(first = log.querySelector('[data-seq="20"]'));) {
			log.scrollTop = 0;
			await new Promise(requestAnimationFrame);
		}
		log.querySelector('[data-seq="40"]').scrollIntoView({ block: 'start', behavior: 'instant' });
		log.scrollTop += 7;
		return true;
	}`)
	call[bool](r.tab, scrolled)
	before, _ := r.places()
	r.held()
	r.shows("before the engine, far above,", before)
	selecting := `() => { getSelection().selectAllChildren(document.querySelector('[role=log] [data-seq="45"] .bubble')); return String(getSelection()) }`
	selected := call[string](r.tab, selecting)
	say(2)
	r.letGo()
	r.await("word of what is new", `() => document.querySelector('message-list .down.missed:not([hidden])')`)
	after, anew := r.places()
	if len(anew) > 0 || !standAlike(after, before) {
		t.Errorf("with the engine, far above, the screen shows %v, want %v as before; %v were made anew", after, before, anew)
	}
	if got := call[string](r.tab, `() => String(getSelection())`); got != selected || got == "" {
		t.Errorf("with the engine %q is selected, want %q", got, selected)
	}
	call[bool](r.tab, `() => { document.querySelector('message-list .down').click(); return true }`)
	r.awaitMessage(fmt.Sprintf("line %d.", *said-1), "received")
	r.inOrder(*said)
}

// nothing wants that of nobody's messages anything was shown, or is kept.
func (r *reloader) nothing(what string) {
	r.t.Helper()
	if call[bool](r.tab, `() => window.e2eLines || document.querySelector('[data-key]') !== null`) {
		r.t.Errorf("%s: something was shown", what)
	}
	if got := call[string](r.tab, `() => [window.sessionStorage, localStorage].map(storage => storage.getItem('parley.snapshot') ?? '').join('')`); got != "" {
		r.t.Errorf("%s: still kept are %d characters", what, len(got))
	}
}

// ofAnother reloads a tab after another has signed the person out, and somebody else in.
func (r *reloader) ofAnother(t *testing.T, profile *profile, kept string, other uint64) {
	beside := profile.open("beside", r.gate.url+"/e2e/clients.html", "")
	call[bool](beside, `() => { localStorage.removeItem('parley.session'); return true }`)
	r.await("the sign-in", `() => document.querySelector('sign-in')`)
	if got := call[string](r.tab, `() => [window.sessionStorage, localStorage].map(storage => storage.getItem('parley.snapshot') ?? '').join('')`); got != "" {
		t.Errorf("signed out: still kept are %d characters", len(got))
	}
	// A tab that was asleep meanwhile has heard of nothing.
	plant := func(snapshot string) {
		t.Helper()
		call[bool](beside, `snapshot => { localStorage.setItem('e2e-snapshot', snapshot); return true }`, snapshot)
	}
	plant(kept)
	r.held()
	r.nothing("nobody is signed in")
	call[bool](beside, `() => { `+sessionOf(other, "Eve", r.server.token(other, "Eve"))+`; return true }`)
	r.held()
	r.nothing("somebody else is signed in")
	own, err := strconv.ParseUint(r.id, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	call[bool](beside, `() => { `+sessionOf(own, "Ada", r.token)+`; return true }`)
	r.held()
	if !call[bool](r.tab, `() => window.e2eLines`) {
		t.Error("whose it is is not shown what was kept")
	}
	fresh := profile.open("fresh", r.gate.url+"/#/to/22", "")
	fresh.await("what another tab kept", `() => document.querySelector('[role=log][aria-busy=true]')?.textContent.includes('line ')`)
	fresh.closeTab()
	call[bool](r.tab, `() => { location.hash = '#/to/23'; return true }`)
	r.held()
	if call[bool](r.tab, `() => document.querySelector('[role=log]') !== null`) || !call[bool](r.tab, `() => document.querySelector('[data-key]') !== null`) {
		t.Error("with another conversation in the address, want the list alone")
	}
	call[bool](r.tab, `() => { location.hash = '#/to/22'; return true }`)
	beside.closeTab()
}

// damaged reloads with what no page of this version keeps.
func (r *reloader) damaged(t *testing.T, kept string) {
	replace := func(old, with string) string {
		t.Helper()
		if !strings.Contains(kept, old) {
			t.Fatalf("%s is not in the snapshot %.500s", old, kept)
		}
		return strings.ReplaceAll(kept, old, with)
	}
	for what, snapshot := range map[string]string{
		"not JSON":             kept[:len(kept)/2],
		"an older version":     replace(`"version":6`, `"version":2`),
		"a missing field":      replace(`"sender":`, `"from":`),
		"a number for an id":   replace(`"seq":"199"`, `"seq":199`),
		"an unknown state":     replace(`"state":"received"`, `"state":"constructor"`),
		"a time that is none":  replace(`"deliveredTime":0`, `"deliveredTime":1e99`),
		"no order":             replace(`"seq":"199"`, `"seq":"200"`),
		"another conversation": replace(`"key":"d:21:22","conversation"`, `"key":"d:21:23","conversation"`),
		"no end":               kept + strings.Repeat(" ", 1<<18),
	} {
		call[bool](r.tab, `snapshot => { localStorage.setItem('e2e-snapshot', snapshot); return true }`, snapshot)
		r.held()
		r.awaitConnection("connecting")
		r.nothing(what)
	}
	r.wroteNoErrors()
}

// ghost finds the last message in a snapshot, of which unkept makes one that never was.
var ghost = regexp.MustCompile(`"seq":"200",(.*?)"content":"line 200\."(.*?)"ref":"\w+"`)

// unkept reloads where there is no room for a snapshot, and where none may be kept. What of the
// last snapshot the engine does not know is gone.
func (r *reloader) unkept(t *testing.T, kept string, said int) {
	made := ghost.ReplaceAllString(kept, `"seq":"0",${1}"content":"line 0 of nobody"${2}"ref":"00"`)
	for fault, snapshot := range map[string]string{"full": made, "refused": ""} {
		call[bool](r.tab, `(...args) => { ['e2e-fault', 'e2e-snapshot'].forEach((name, i) => localStorage.setItem(name, args[i])); return true }`, fault, snapshot)
		r.held()
		ghosts := `() => [...document.querySelectorAll('[role=log] [data-seq]')].filter(e => e.textContent.includes('of nobody')).length`
		if n := call[int](r.tab, ghosts); fault == "full" && n != 1 {
			t.Fatalf("before the engine %d messages of nobody are shown, want one", n)
		}
		call[bool](r.tab, `() => { localStorage.removeItem('e2e-snapshot'); return true }`)
		r.letGo()
		if n := call[int](r.tab, ghosts); n != 0 {
			t.Errorf("with the engine %d messages of nobody are shown", n)
		}
		r.awaitMessage(fmt.Sprintf("line %d.", said-1), "received")
		call[bool](r.tab, `() => { localStorage.removeItem('e2e-fault'); return true }`)
		r.held()
		r.nothing("storage is " + fault)
	}
	r.wroteNoErrors()
}

func TestAReloadPaintsAnArchiveThatIsAllThereIs(t *testing.T) {
	t.Parallel()
	s := newServerWithKey(t)
	g := newGate(t, s)
	g.cacheNothing()
	const adaID, bobID = 21, 22
	phone, key := newDevice(t, s, adaID, "Ada"), proto.DirectKey(adaID, bobID).String()
	newDevice(t, s, bobID, "Bob").tell(adaID, "line 1.")
	if _, err := phone.send(proto.BranchChoice, &proto.Choice{Key: &key, ArchivedThrough: protobuf.Uint64(1)}); err != nil {
		t.Fatal(err)
	}
	ada := &reloader{signInAs(newProfile(t), g, adaID, "Ada", s.token(adaID, "Ada")), s, g, "", key}
	ada.find("button", "Archived (1)")
	const says = `() => [...document.querySelectorAll('conversation-list :is(.empty, .link-button, li)')].filter(e => e.checkVisibility()).map(e => e.textContent)`
	want := call[[]string](ada.tab, says)
	g.inEngine(heldEngine)
	ada.held()
	ada.awaitConnection("connecting")
	if got := call[[]string](ada.tab, says); !slices.Equal(got, want) {
		t.Errorf("before the engine the list says %q, want %q", got, want)
	}
	ada.await("the engine's conversations", `() => {
		new BroadcastChannel('e2e-engine').postMessage('go');
		return performance.getEntriesByName('parley conversations live').length;
	}`)
	ada.click("Archived (1)")
	ada.await("what is archived", `key => document.querySelector('[data-key="' + key + '"]')`, key)
	if got := call[[]string](ada.tab, says); len(got) != 2 || got[0] != "All conversations" {
		t.Errorf("the archive says %q", got)
	}
}
