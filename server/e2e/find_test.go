package e2e

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp/kb"

	"parley/proto"
)

const searchBox = "Search people and messages"

// awaitHits waits until a search shows exactly these messages: in which conversation, and what is said of them, with
// what is marked in <>.
func (p *person) awaitHits(want ...string) {
	p.t.Helper()
	var got []string
	defer func() {
		if p.t.Failed() {
			p.t.Logf("%s sees %q, want %q", p.name, got, want)
		}
	}()
	eventually(p.t, p.name+": "+strings.Join(want, " | "), func() bool {
		got = call[[]string](p.tab, `() => [...document.querySelectorAll('.hits a')].map(a => {
			const says = a.querySelector('.entry-preview').cloneNode(true);
			for (const mark of says.querySelectorAll('mark')) mark.textContent = '<' + mark.textContent + '>';
			return a.querySelector('.entry-name').textContent + ' | ' + says.textContent;
		})`)
		return slices.Equal(got, want)
	})
}

// looksFor writes into the box for searches, in place of what stands there.
func (p *person) looksFor(box, words string) {
	p.t.Helper()
	p.find("searchbox", box)
	call[bool](p.tab, `() => { document.querySelector('search-pane input[type=search]').select(); return true }`)
	p.fillIn("searchbox", box, words)
}

// awaitFound waits until a search says how much it found.
func (p *person) awaitFound(words string) {
	p.t.Helper()
	p.await(words, `words => words.includes(document.querySelector('message-hits .count').textContent)`, p.book.in(words))
}

// chooses chooses in the filters, or sets a day.
func (p *person) chooses(label, value string) {
	p.t.Helper()
	p.await("to choose "+value, `(label, value) => {
		const field = [...document.querySelectorAll('search-filters label')].find(e => e.firstChild.textContent === label)?.lastChild;
		field.value = field.options ? [...field.options].find(e => e.textContent === value)?.value : value;
		return (field.value || value === 'Anything') && field.dispatchEvent(new Event('change', {bubbles: true}));
	}`, label, value)
}

// searcher is Ann, whose page holds what Bob and Cleo wrote to her: "line 1." to "line 60.", of which the newest 50 are stored.
func newSearcher(t *testing.T) (ann *person, bob *device) {
	t.Helper()
	s := newServerWithKey(t)
	g := newGate(t, s)
	bob = newDevice(t, s, 12, "Bob")
	cleo := newDevice(t, s, 13, "Cleo")
	cleo.tellsMany(11, 60)
	bob.tell(11, "an old treasure")
	bob.tellsMany(11, 60)
	bob.tell(11, "Grüße aus Köln, see https://example.com")
	cleo.tell(11, "我们在北京见面 <b>bold</b>")
	tb := newProfile(t).open("Ann", g.url+"/", sessionOf(11, "Ann", s.token(11, "Ann")))
	tb.awaitConnection("live")
	ann = &person{tab: tb, id: "11"}
	ann.await("both conversations", `() => document.querySelectorAll('conversation-list [data-key]').length === 2`)
	return ann, bob
}

func TestMessagesAreFoundWhereTheyWereWritten(t *testing.T) {
	t.Parallel()
	ann, bob := newSearcher(t)
	ann.show(screen{1200, 800})

	// As one types, in any script, and as text alone.
	ann.looksFor(searchBox, "nowhere")
	ann.awaitFound("No message found.")
	ann.looksFor(searchBox, "GRUßE K")
	ann.awaitHits("Bob | <Grüße> aus <K>öln, see https://example.com")
	ann.looksFor(searchBox, "北京")
	ann.awaitHits("Cleo | 我们在<北京>见面 <b>bold</b>")
	ann.awaitFound("1 message found")
	ann.looksFor(searchBox, "treasure") // is on the server alone
	ann.awaitHits("Bob | an old <treasure>")

	// The number is heard once, however many follow, and what they are is reached by keys.
	call[bool](ann.tab, `() => {
		window.heard = [];
		new MutationObserver(() => { const {textContent} = document.querySelector('message-hits .count'); if (textContent) window.heard.push(textContent) })
			.observe(document.querySelector('message-hits .count'), {childList: true, characterData: true, subtree: true});
		return true;
	}`)
	ann.looksFor(searchBox, "line")
	ann.awaitFound("30 messages and more found")
	ann.press(kb.ArrowDown)
	ann.awaitFocus("the newest", ".hit", "line 60.")
	ann.press(kb.End)
	ann.await("older ones", `() => document.querySelectorAll('.hits li').length >= 60`)
	if heard := call[[]string](ann.tab, `() => window.heard`); !slices.Equal(heard, []string{"30 messages and more found"}) {
		t.Errorf("a screen reader hears %q", heard)
	}
	ann.press(kb.Enter)
	ann.jumpedTo("line ")
	place := call[float64](ann.tab, `() => document.querySelector('.found').scrollTop`)
	ann.press(kb.Escape)
	ann.awaitFocus("the message that one left", ".hit[aria-current]", "line ")
	if now := call[float64](ann.tab, `() => document.querySelector('.found').scrollTop`); now != place || place == 0 {
		t.Errorf("what was found is scrolled to %v, before it was %v", now, place)
	}

	// What is taken back is gone from it.
	ann.looksFor(searchBox, "secret")
	ann.awaitFound("No message found.")
	secret, none, recall, ann11 := "a secret", "", proto.MessageType_MESSAGE_TYPE_RECALL, uint64(11)
	var zero uint64
	seq, _ := bob.must(proto.BranchMessage, &proto.Message{MessageId: &zero, SenderId: &zero, Content: &secret, CreateTime: &zero, ReceiverId: &ann11})
	ann.looksFor(searchBox, "a secret")
	ann.awaitHits("Bob | <a> <secret>")
	bob.must(proto.BranchMessage, &proto.Message{MessageId: &zero, SenderId: &zero, Content: &none, CreateTime: &zero, ReceiverId: &ann11, MessageType: &recall, TargetSeq: &seq})
	ann.awaitHits()
	ann.press(kb.Escape)
	ann.find("list", "Conversations")
	ann.wroteNoErrors()
}

// What a search says of itself, of an engine that plays what is seldom.
func TestASearchSaysHowItStands(t *testing.T) {
	t.Parallel()
	ann, _ := newSearcher(t)
	// Every answer is full, and the index, which is half there, is all there once that is asked for.
	call[bool](ann.tab, `() => {
		let indexed = 0.5, id = 10_000n;
		window.asked = [];
		const message = () => ({id: --id, key: 'd:11:12', seq: id, time: 0, content: 'hay', type: 'text', mine: false, agent: 0n, attachments: []});
		document.querySelector('message-hits').parley = Object.assign(new EventTarget(), {async search(text, {limit, server}) {
			if (server) window.asked.push(text);
			if (limit === 1) indexed = 1;
			if (text.startsWith('lost')) throw new Error('the disk is gone');
			return {hits: Array.from({length: limit}, () => ({message: message(), marks: [{start: 0, end: 3}]})), more: true, next: id, incomplete: text === 'away' && server ? 'nobody answers' : '', incompleteCode: '', incompleteArgs: [], indexed};
		}});
		return true;
	}`)
	ann.looksFor(searchBox, "hay")
	ann.await("how much is indexed", `() => document.querySelector('message-hits').textContent.includes('50% indexed')`)
	ann.await("all to be indexed", `() => !document.querySelector('message-hits').textContent.includes('indexed')`)
	ann.press(kb.ArrowDown)
	ann.await("no more than can be shown", `() => {
		document.querySelector('.hits li:last-child a').focus();
		document.querySelector('.hits a').focus();
		return document.querySelectorAll('.hits li').length === 480 && document.querySelector('message-hits').textContent.includes('These are the newest 480.');
	}`)
	ann.looksFor(searchBox, "away")
	ann.await("what was not searched", `() => document.querySelector('message-hits').textContent.includes('Only what is stored in this browser was searched: nobody answers')`)
	ann.looksFor(searchBox, "lost")
	ann.await("why nothing was found", `() => document.querySelector('message-hits').textContent.includes('The search did not work: ')`)

	// An input method's letters are looked for when they are chosen.
	begun := call[bool](ann.tab, `() => {
		window.asked = [];
		const begun = () => document.querySelector('message-hits').textContent.includes('Searching');
		const box = document.querySelector('search-pane input');
		for (const letters of ['n', 'ni', 'ni h', 'ni hao']) {
			box.value = letters;
			box.dispatchEvent(new InputEvent('input', {isComposing: true, bubbles: true}));
		}
		const early = begun();
		box.value = '你好';
		box.dispatchEvent(new CompositionEvent('compositionend', {data: '你好', bubbles: true}));
		return early || !begun();
	}`)
	if begun {
		t.Error("a search begins while an input method's letters are not chosen, or does not begin when they are")
	}
	ann.awaitFound("30 messages and more found")
	if asked := call[[]string](ann.tab, `() => window.asked`); !slices.Equal(asked, []string{"你好"}) {
		t.Errorf("the engine was asked for %q", asked)
	}
	ann.wroteNoErrors()
}

func TestASearchIsNarrowed(t *testing.T) {
	t.Parallel()
	ann, _ := newSearcher(t)
	ann.show(screen{1200, 800})
	key := proto.DirectKey(11, 12).String()

	// By who wrote, what it carries, and when.
	ann.click("Filter messages")
	ann.await("what to do", `() => document.querySelector('message-hits').textContent.includes('Type a word, or choose')`)
	ann.chooses("With", "Links")
	ann.awaitHits("Bob | Grüße aus Köln, see https://example.com")
	ann.chooses("Written by", "Cleo")
	ann.awaitFound("No message found.")
	ann.chooses("With", "Anything")
	ann.looksFor(searchBox, "line 60")
	ann.awaitHits("Cleo | <line> <60>.")
	tomorrow := time.Now().Add(36 * time.Hour).Format(time.DateOnly)
	ann.chooses("From day", tomorrow)
	ann.awaitFound("No message found.")
	ann.chooses("To day", tomorrow)
	ann.chooses("From day", time.Now().Add(-36*time.Hour).Format(time.DateOnly))
	ann.awaitHits("Cleo | <line> <60>.")
	ann.click("Filter messages")
	ann.awaitHits("Bob | <line> <60>.", "Cleo | <line> <60>.")

	// In one conversation, by its menu and by keys, and back to where one was.
	ann.press(kb.Escape)
	ann.openChat("12")
	ann.awaitMessage("line 60.", "received")
	ann.click("More")
	ann.click("Search…")
	ann.looksFor("Search messages with Bob", "line 60")
	ann.awaitHits("Bob | <line> <60>.")
	ann.click("Search all conversations")
	ann.awaitHits("Bob | <line> <60>.", "Cleo | <line> <60>.")
	ann.press(kb.Escape)
	ann.focusOn("message-composer textarea")
	call[bool](ann.tab, `() => document.activeElement.dispatchEvent(new KeyboardEvent('keydown', {key: 'F', ctrlKey: true, shiftKey: true, bubbles: true, cancelable: true}))|| true`)
	ann.awaitFocus("the box", "search-pane input", "")
	ann.looksFor("Search messages with Bob", "line 60")
	ann.awaitHits("Bob | <line> <60>.")
	ann.press(kb.Enter)
	ann.jumpedTo("line 60.")
	if hash := call[string](ann.tab, `() => location.hash`); hash != "#/c/"+key+"/61" {
		t.Errorf("the address is %s", hash)
	}
	call[bool](ann.tab, `() => document.activeElement.dispatchEvent(new KeyboardEvent('keydown', {key: 'k', ctrlKey: true, bubbles: true, cancelable: true})) || true`)
	ann.find("searchbox", searchBox)
	ann.press(kb.Escape)
	ann.awaitFocus("where one was", ".acts", "")
	ann.wroteNoErrors()
}

func TestOnAPhoneBackLeadsToWhatWasFound(t *testing.T) {
	t.Parallel()
	ann, _ := newSearcher(t)
	ann.show(screen{320, 640})
	ann.looksFor(searchBox, "line")
	ann.awaitFound("30 messages and more found")
	ann.fits("what was found")
	for _, back := range []func(){
		func() { ann.clickOn("link", "Back to conversations") },
		func() { call[bool](ann.tab, `() => { history.back(); return true }`) },
	} {
		call[bool](ann.tab, `() => { document.querySelector('.found').scrollTop = 700; document.querySelectorAll('.hits a')[12].click(); return true }`)
		ann.jumpedTo("line ")
		back()
		ann.await("what was found, where it was", `() => {
			const found = document.querySelector('.found');
			return found.checkVisibility() && found.scrollTop === 700 && document.querySelector('search-pane input').value === 'line' && document.querySelectorAll('.hits a').length >= 30;
		}`)
	}

	// From a conversation, and back there.
	ann.press(kb.Escape)
	ann.find("list", "Conversations")
	ann.openChat("13")
	ann.click("More")
	ann.click("Search…")
	ann.looksFor("Search messages with Cleo", "line 60")
	ann.awaitHits("Cleo | <line> <60>.")
	ann.press(kb.Escape)
	ann.find("textbox", "Message")
	ann.wroteNoErrors()
}
