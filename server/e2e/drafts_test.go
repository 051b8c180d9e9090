package e2e

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/chromedp/chromedp/kb"

	"parley/proto"
)

// composed is what stands in the composer.
func (p *person) composed() string {
	p.t.Helper()
	return call[string](p.tab, `() => document.querySelector('message-composer textarea').value`)
}

// awaitComposed waits until a text stands in the composer.
func (p *person) awaitComposed(text string) {
	p.t.Helper()
	p.await("the composer to hold "+text, `text => document.querySelector('message-composer textarea').value === text`, text)
}

// mayBeDeaf lets a test keep from a page what other tabs write, from when deaf is set.
const mayBeDeaf = `addEventListener('storage', event => { if (window.deaf) event.stopImmediatePropagation() })`

// deafen says whether a page hears what other tabs write.
func (p *person) deafen(deaf bool) {
	p.t.Helper()
	call[bool](p.tab, `deaf => { window.deaf = deaf; return true }`, deaf)
}

// twoTabs opens Ada's conversation with Bob in two tabs of her browser; he writes to her.
func twoTabs(t *testing.T) (first, other *person, bob *peer) {
	t.Helper()
	s := newServer(t)
	g := newGate(t, s)
	profile := newProfile(t)
	first, bob = signInWith(profile, g, "Ada", mayBeDeaf), newPeer(t, s, "Bob")
	first.openChat(bob.id)
	other = second(profile, g, first, mayBeDeaf)
	other.awaitConnection("live")
	other.openChat(bob.id)
	bob.openChat(first.id)
	return first, other, bob
}

func TestADraftIsShownInAllTabsAndSentOnce(t *testing.T) {
	t.Parallel()
	first, other, bob := twoTabs(t)
	first.fill("Message", "written once")
	other.awaitComposed("written once")
	other.fill("Message", ", and on")
	first.awaitComposed("written once, and on")

	// Enter in both, before either knows of the other's.
	first.deafen(true)
	other.deafen(true)
	first.pressEnter()
	other.pressEnter()
	bob.awaitMessage("written once, and on")
	bob.say("got it")
	for _, tab := range []*person{first, other} {
		tab.awaitMessage("got it", "received")
		tab.awaitMessage("written once, and on", confirmed...)
		if left := tab.composed(); left != "" {
			t.Errorf("%s: %q is left in the composer", tab.name, left)
		}
	}
	bob.awaitMessage("written once, and on") // of which there is one
	if stored := call[int](first.tab, `() => Object.keys(localStorage).filter(key => key.startsWith('parley.draft')).length`); stored != 0 {
		t.Errorf("%d drafts are kept", stored)
	}
}

func TestSendingInOneTabClearsTheSameTextInTheOther(t *testing.T) {
	t.Parallel()
	first, other, bob := twoTabs(t)
	first.fill("Message", "the one text")
	other.awaitComposed("the one text")
	first.pressEnter()
	bob.awaitMessage("the one text")
	other.awaitComposed("")
}

func TestWhatIsWrittenInOneTabIsNeverDeletedByTheOther(t *testing.T) {
	t.Parallel()
	first, other, bob := twoTabs(t)
	// Both are written in before either hears of the other.
	first.deafen(true)
	other.deafen(true)
	first.fill("Message", "of the first")
	other.fill("Message", "of the other")
	first.deafen(false)
	other.deafen(false)
	other.fill("Message", " tab") // the first hears of this one
	if got := first.composed(); got != "of the first" {
		t.Errorf("the first tab holds %q", got)
	}
	first.pressEnter()
	bob.awaitMessage("of the first")
	if got := other.composed(); got != "of the other tab" {
		t.Errorf("the other tab holds %q", got)
	}
	other.reload()
	other.awaitComposed("of the other tab")
	first.awaitComposed("of the other tab") // where nothing stands any more
	other.click("Send")
	bob.awaitMessage("of the other tab")
	first.awaitComposed("")
}

func TestADraftStaysWithItsConversation(t *testing.T) {
	t.Parallel()
	_, _, ada, bob := two(t)
	ada.fill("Message", "to Bob")
	ada.openChat("7")
	ada.awaitComposed("")
	ada.fill("Message", "to another")
	ada.openChat(bob.id)
	ada.awaitComposed("to Bob")
	ada.reload() // and where one has turned away before
	ada.openChat("7")
	ada.awaitComposed("to another")
}

func TestADraftThatCannotBeSentIsGivenBack(t *testing.T) {
	t.Parallel()
	first, other, bob := twoTabs(t)
	first.fill("Message", "\u2800\u200b")
	first.pressEnter()
	first.await("a notice", `() => document.querySelector('notice-list')?.textContent.includes('nothing to see')`)
	if got := first.composed(); got != "\u2800\u200b" {
		t.Errorf("the composer holds %q", got)
	}
	first.fill("Message", "x")
	other.await("the same text", `() => document.querySelector('message-composer textarea').value.endsWith('x')`)
	other.click("Send")
	bob.awaitMessage("\u2800\u200bx")
	first.awaitComposed("")
}

// mayHoldBack lets a test hold back what a page tells its engine, while held is a list.
const mayHoldBack = `{
	const { postMessage } = MessagePort.prototype;
	MessagePort.prototype.postMessage = function(...what) {
		if (window.held) window.held.push(() => postMessage.apply(this, what));
		else postMessage.apply(this, what);
	};
}`

// Who writes faster than the engine takes it sees nothing again of what was sent.
func TestWhatIsSentWhileMoreWaitsDoesNotComeBack(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	ada, bob := signInWith(newProfile(t), newGate(t, s), "Ada", mayHoldBack), newPeer(t, s, "Bob")
	ada.openChat(bob.id)
	call[bool](ada.tab, `() => { window.held = []; return true }`)
	for _, content := range []string{"the first", "the second", "the third"} {
		ada.say(content)
		ada.awaitComposed("")
	}
	call[bool](ada.tab, `() => { const held = window.held; window.held = null; for (const tell of held) tell(); return true }`)
	for _, content := range []string{"the first", "the second", "the third"} {
		ada.awaitMessage(content, confirmed...)
	}
	if left := ada.composed(); left != "" {
		t.Errorf("%q is in the composer again", left)
	}
}

// awaitStrip waits until what stands over the composer says these words, one after the other; none: until nothing stands there.
func (p *person) awaitStrip(words ...string) {
	p.t.Helper()
	p.await(fmt.Sprintf("%q over the composer", words), `words => {
		const strip = document.querySelector('.composer-strip');
		return [...strip.querySelectorAll('.strip-words > *')].filter(e => e.checkVisibility()).map(e => e.textContent).join() === words;
	}`, strings.Join(words, ","))
}

func TestAReplyStaysOneUntilItIsSentOrLeft(t *testing.T) {
	t.Parallel()
	first, other, bob := twoTabs(t)
	bob.say("lunch at noon?")
	bob.say("or at one?")
	first.awaitMessage("or at one?", "received")
	strip := []string{"Reply to Bob", "lunch at noon?"}

	// It is kept with its text, over a switch and a reload, and is one in both tabs.
	first.act("lunch at noon?", "Reply")
	first.fill("Message", "gladly")
	for _, p := range []*person{first, other} {
		p.awaitComposed("gladly")
		p.awaitStrip(strip...)
		p.openChat("7")
		p.awaitComposed("")
		p.awaitStrip()
		p.openChat(bob.id)
		p.awaitStrip(strip...)
		p.reload()
		p.awaitStrip(strip...)
		p.awaitComposed("gladly")
	}
	other.fill("Message", ", yes")
	first.awaitComposed("gladly, yes")
	first.awaitStrip(strip...)

	first.say("…")
	first.awaitSaid("lunch at noon?", "or at one?", "<lunch at noon?> gladly, yes…")
	for _, p := range []*person{first, other} {
		p.awaitComposed("")
		p.awaitStrip()
	}

	// Before a word is written, too; and while a message is edited it waits.
	first.act("or at one?", "Reply")
	other.awaitStrip("Reply to Bob", "or at one?")
	other.act("gladly", "Edit")
	other.awaitStrip("Edit the message", "gladly, yes…")
	other.press(kb.Escape)
	other.awaitStrip("Reply to Bob", "or at one?")
	other.awaitComposed("")

	// What is chosen to be sent instead of words is the reply.
	first.chooseFiles(inFolder(t, map[string][]byte{"notes.txt": []byte("notes")})["notes.txt"])
	first.fill("Caption", "as you say")
	first.sendChosen()
	first.awaitSaid("lunch at noon?", "or at one?", "<lunch at noon?> gladly, yes…", "<or at one?> as you say")
	for _, p := range []*person{first, other} {
		p.awaitStrip()
	}

	// Left in one tab it is left in both, and nothing of it is kept.
	other.act("or at one?", "Reply")
	first.awaitStrip("Reply to Bob", "or at one?")
	other.press(kb.Escape)
	first.awaitStrip()
	const kept = `() => Object.keys(localStorage).filter(key => key.startsWith('parley.draft'))`
	if got := call[[]string](first.tab, kept); len(got) > 0 {
		t.Errorf("of a reply that was left %q is kept", got)
	}

	// Of what was taken back meanwhile there is nothing to quote.
	first.act("or at one?", "Reply")
	first.fill("Message", "fine")
	other.awaitStrip("Reply to Bob", "or at one?")
	recall, zero, target, seq, content := proto.MessageType_MESSAGE_TYPE_RECALL, uint64(0), uint64(2), uint64(2), ""
	ada, err := strconv.ParseUint(first.id, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	bob.must(proto.BranchMessage, &proto.Message{MessageId: &zero, SenderId: &zero, ReceiverId: &ada, Content: &content, CreateTime: &zero, MessageType: &recall, TargetSeq: &target, SeenSeq: &seq})
	for _, p := range []*person{first, other} {
		p.awaitStrip()
		p.awaitComposed("fine")
	}
	first.reload()
	first.awaitComposed("fine")
	first.awaitStrip()
	first.click("Send")
	first.awaitSaid("lunch at noon?", "Bob took a message back", "<lunch at noon?> gladly, yes…", "<Bob took a message back> as you say", "fine")
	first.wroteNoErrors()
	other.wroteNoErrors()
}
