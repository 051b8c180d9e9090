package e2e

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"parley/proto"
)

// menuOf opens what can be done with the message that contains content.
func (p *person) menuOf(content string) {
	p.t.Helper()
	p.await("the menu of "+content, `content => {
		const row = [...document.querySelectorAll('article.message')].find(e => e.querySelector('.content').textContent.includes(content));
		row?.querySelector('.acts').click();
		return row && document.querySelector('.menu.of-message:popover-open') !== null;
	}`, content)
}

// act does something with the message that contains content, by its menu.
func (p *person) act(content, what string) {
	p.t.Helper()
	p.menuOf(content)
	p.click(what)
}

// awaitSaid waits until the list says exactly this, message by message: what each says with
// what it quotes, and its reactions.
func (p *person) awaitSaid(want ...string) {
	p.t.Helper()
	var got []string
	defer func() {
		if p.t.Failed() {
			p.t.Logf("%s shows %q, want %q", p.name, got, want)
		}
	}()
	eventually(p.t, p.name+": "+strings.Join(want, " | "), func() bool {
		got = call[[]string](p.tab, `() => [...document.querySelectorAll('[role=log] [data-seq]')].map(e => [
			e.querySelector('.quote-words')?.textContent && '<' + e.querySelector('.quote-words').textContent + '>',
			e.querySelector('.content')?.textContent ?? e.querySelector('p span').textContent,
			e.querySelector('.edited') && '*',
			...[...e.querySelectorAll('.reaction')].map(r => r.textContent)].filter(Boolean).join(' '))`)
		return slices.Equal(got, want)
	})
}

func TestAMessageIsEditedAndBothSee(t *testing.T) {
	t.Parallel()
	_, g, ada, bob := two(t)
	ada.say("helo")
	bob.awaitSaid("helo")
	ada.act("helo", "Edit")
	ada.fill("Message", "!")
	ada.pressEnter()
	bob.awaitSaid("helo! *")
	ada.awaitSaid("helo! *")
	bob.await("the list follows", `() => document.querySelector('conversation-list .entry-preview').textContent.includes('helo!')`)

	// The arrow up edits one's last, and Escape leaves it.
	ada.find("textbox", "Message")
	ada.do(chromedp.KeyEvent(kb.ArrowUp))
	ada.await("the text", `() => document.querySelector('message-composer textarea').value === 'helo!'`)
	ada.do(chromedp.KeyEvent(kb.Escape))
	ada.await("the text is gone", `() => document.querySelector('message-composer textarea').value === '' && document.querySelector('.composer-strip').hidden`)
	bob.awaitSaid("helo! *")

	// Without the server it shows at once, and goes out later.
	g.cut("/mqtt")
	ada.awaitConnection("offline")
	ada.act("helo!", "Edit")
	call[bool](ada.tab, `() => { document.querySelector('message-composer textarea').select(); return true }`)
	ada.fill("Message", "hello")
	ada.pressEnter()
	ada.awaitSaid("hello *")
	ada.reload()
	ada.awaitSaid("hello *")
	g.reopen("/mqtt")
	call[any](ada.tab, networkIsBack)
	bob.awaitSaid("hello *")
	ada.awaitSaid("hello *")
	ada.wroteNoErrors()
	bob.wroteNoErrors()
}

func TestAMessageIsTakenBackEverywhere(t *testing.T) {
	t.Parallel()
	_, _, ada, bob := two(t)
	ada.say("s3cret")
	bob.awaitSaid("s3cret")
	bob.act("s3cret", "Reply")
	bob.fill("Message", "what is this?")
	bob.pressEnter()
	ada.awaitSaid("s3cret", "<s3cret> what is this?")
	ada.act("s3cret", "Take back")
	ada.find("heading", "Take this message back?")
	ada.click("Take back")
	bob.awaitSaid("Ada took a message back", "<Ada took a message back> what is this?")
	ada.awaitSaid("You took a message back", "<You took a message back> what is this?")
	for _, p := range []*person{ada, bob} {
		p.await("nothing is left in the page's own stores", `() => ![localStorage, sessionStorage].some(store => JSON.stringify({...store}).includes('s3cret'))`)
		p.reload()
		p.await("nothing is left after a reload", `() => document.querySelectorAll('[role=log] [data-seq]').length === 2 && !document.body.textContent.includes('s3cret')`)
		if found := call[[]string](p.tab, restsInBrowser, "s3cret"); len(found) > 0 {
			t.Errorf("%s: IndexedDB still has it: %q", p.name, found)
		}
		p.wroteNoErrors()
	}
}

// restsInBrowser is JavaScript that finds a word in all of IndexedDB.
const restsInBrowser = `async word => {
	const found = [];
	const settled = request => new Promise((resolve, reject) => { request.onsuccess = () => resolve(request.result); request.onerror = () => reject(request.error); });
	const text = value => value instanceof Uint8Array || value instanceof ArrayBuffer ? new TextDecoder('latin1').decode(value) : JSON.stringify(value, (_, v) =>
		typeof v === 'bigint' ? String(v) : v instanceof Uint8Array ? new TextDecoder('latin1').decode(v) : v) ?? '';
	let records = 0;
	for (const {name} of await indexedDB.databases()) {
		const db = await settled(indexedDB.open(name));
		for (const store of db.objectStoreNames) {
			for (const value of await settled(db.transaction(store).objectStore(store).getAll())) {
				records++;
				if (text(value).includes(word)) found.push(name + ' ' + store);
			}
		}
		db.close();
	}
	return records ? found : ['there is nothing at all'];
}`

func TestAMessageIsAnsweredWithEmoji(t *testing.T) {
	t.Parallel()
	_, _, ada, bob := two(t)
	ada.say("lunch?")
	bob.awaitSaid("lunch?")
	bob.act("lunch?", "👍")
	ada.awaitSaid("lunch? 👍1")
	ada.click("👍 1, Bob") // which joins in
	bob.awaitSaid("lunch? 👍2")
	bob.menuOf("lunch?")
	bob.click("More emoji")
	bob.fill("Any other emoji", "no emoji")
	bob.click("React")
	bob.find("alert", "")
	call[bool](bob.tab, `() => { document.querySelector('dialog input').select(); return true }`)
	bob.fill("Any other emoji", "🦊")
	bob.click("React")
	ada.awaitSaid("lunch? 🦊1 👍1")
	ada.click("👍 1, You")
	bob.awaitSaid("lunch? 🦊1")
	ada.wroteNoErrors()
	bob.wroteNoErrors()
}

func TestAQuoteLeadsToWhatItQuotes(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	g := newGate(t, s)
	bob := newPeer(t, s, "Bob")
	ada := signIn(t, g, "Ada")
	bob.openChat(ada.id)
	bob.say("the very first")
	for i := range 200 {
		bob.say(strings.Repeat("lorem ipsum ", 1+i%7))
	}
	ada.openChat(bob.id)
	ada.await("the end", `() => document.querySelectorAll('article.message').length > 20`)
	user, err := strconv.ParseUint(ada.id, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	quote, zero, content := uint64(1), uint64(0), "as I said"
	if _, err := bob.send(proto.BranchMessage, &proto.Message{MessageId: &zero, SenderId: &zero, ReceiverId: &user, Content: &content, CreateTime: &zero, QuoteSeq: &quote}); err != nil {
		t.Fatal(err)
	}
	call[bool](ada.tab, `() => { document.querySelector('.down').click(); return true }`) // it opened at the first unread
	ada.await("the quote", `() => [...document.querySelectorAll('.quote-words')].some(e => e.textContent === 'the very first')`)
	call[bool](ada.tab, `() => { document.querySelector('.quote').click(); return true }`)
	ada.await("the message itself", `() => {
		const row = document.querySelector('article[data-seq="1"]');
		if (!row) return false;
		const {top, bottom} = row.getBoundingClientRect();
		return top >= 0 && bottom <= innerHeight;
	}`)
	ada.wroteNoErrors()
}

func TestSeveralMessagesAreForwardedToSeveral(t *testing.T) {
	t.Parallel()
	_, g, ada, bob := two(t)
	cy := signIn(t, g, "Cy")
	cy.openChat(ada.id)
	cy.say("hi Ada")
	ada.say("one")
	ada.say("two")
	bob.awaitSaid("one", "two")
	ada.await("Cy in the list", `() => document.querySelectorAll('conversation-list [data-key]').length === 2`)
	ada.act("one", "Select")
	call[bool](ada.tab, `() => { [...document.querySelectorAll('.chooser')].at(-1).click(); return true }`)
	ada.await("two are chosen", `() => document.querySelector('selection-bar p').textContent === '2 messages selected'`)
	ada.click("Forward…")
	ada.await("whom to", `() => document.querySelectorAll('dialog [data-key]').length === 2`)
	call[bool](ada.tab, `() => { for (const box of document.querySelectorAll('dialog [data-key]')) box.click(); return true }`)
	call[bool](ada.tab, `() => { document.querySelector('dialog .primary').click(); return true }`)
	cy.awaitSaid("hi Ada", "one", "two")
	bob.awaitSaid("one", "two", "one", "two")
	ada.await("no choosing any more", `() => !document.querySelector('.chooser')`)
	ada.wroteNoErrors()
}

func TestTheMenusOfMessagesGoByKeyboardInChinese(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	g := newGate(t, s)
	bob := newPeer(t, s, "Bob")
	ada := signInChinese(t, g, "Ada")
	bob.openChat(ada.id)
	call[bool](ada.tab, `hash => { location.hash = hash; return true }`, "/to/"+bob.id)
	ada.fill("消息", "你好")
	ada.click("发送")
	ada.awaitSaid("你好")
	// Tab leads to the button of the newest message, Enter opens its menu.
	call[bool](ada.tab, `() => { document.querySelector('.acts[tabindex="0"]').focus(); return true }`)
	ada.pressEnter()
	ada.find("button", "撤回")
	ada.shutsNobodyOut("the menu of a message")
	ada.do(chromedp.KeyEvent(kb.ArrowUp), chromedp.KeyEvent(kb.Enter))
	ada.find("heading", "撤回这条消息？")
	ada.shutsNobodyOut("the question before a message is taken back")
	ada.pressEnter()
	ada.awaitSaid("你撤回了一条消息")
	ada.wroteNoErrors()
}

func TestAnAgentTakesAColleaguesAnswerBack(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.carl.say("where is it?")
	d.open(d.ann)
	d.ann.say("on its way")
	d.carl.awaitMessage("on its way", "received")
	d.carl.act("on its way", "👍")
	d.ann.find("button", "👍 1, Carl")
	d.open(d.ben)
	d.ben.awaitMessage("on its way", "received")
	d.ben.act("on its way", "Take back")
	d.ben.find("heading", "Take this message of Annabel back?")
	d.ben.click("Take back")
	d.ben.awaitMessage("You took a message of Annabel back", "received")
	d.ann.awaitMessage("Benedict took your message back", confirmed...)
	d.carl.awaitMessage("took a message back", "received")
	for _, p := range []*person{d.ann, d.ben, d.carl} {
		p.await("nothing of it is left", `() => !document.body.textContent.includes('on its way')`)
		if strings.Contains(call[string](p.tab, `() => document.querySelector('[role=log]').textContent`), "👍") {
			t.Errorf("%s still sees the reaction", p.name)
		}
		p.wroteNoErrors()
	}
	if text := call[string](d.carl.tab, `() => document.body.textContent`); strings.Contains(text, "Benedict") || strings.Contains(text, "Annabel") {
		t.Error("the customer is told which agent it was")
	}
	d.ann.await("the question waits again", `key => document.querySelector('[data-key="' + key + '"]').dataset.waitingSince !== '0'`, d.key)
}

func TestNothingIsOfferedThatTheServerDoesNotLetDo(t *testing.T) {
	t.Parallel()
	s := newServer(t, "-edit-window", "0")
	g := newGate(t, s)
	bob := newPeer(t, s, "Bob")
	ada := signIn(t, g, "Ada")
	ada.openChat(bob.id)
	ada.say("for good")
	ada.awaitMessage("for good", confirmed...)
	acts := func() string {
		ada.menuOf("for good")
		return call[string](ada.tab, `() => {
			const menu = document.querySelector('.menu.of-message');
			const acts = [...menu.querySelectorAll('[data-act]')].map(b => b.dataset.act).join();
			menu.hidePopover();
			return acts;
		}`)
	}
	const want = "reply,copy,link,forward,select"
	eventually(t, "neither edit nor recall are offered", func() bool { return acts() == want })
	ada.press(kb.ArrowUp)
	if call[bool](ada.tab, `() => document.querySelector('message-composer textarea').value !== ''`) {
		t.Error("the arrow up edits")
	}
	// It is known without the server, too.
	g.cut("/mqtt")
	ada.reload()
	ada.awaitMessage("for good", confirmed...)
	if got := acts(); got != want {
		t.Errorf("without the server %q is offered, want %q", got, want)
	}
}
