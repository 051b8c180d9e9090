package e2e

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"parley/proto"
)

// A screen is a size of what a page is shown on, in CSS pixels.
type screen struct{ width, height int64 }

func (s screen) String() string { return fmt.Sprintf("%d×%d", s.width, s.height) }

// lowScreens are a window at 400 %, a phone with its keyboard up, and one on its side.
var lowScreens = []screen{{320, 256}, {360, 320}, {740, 340}}

// show shows the page on a screen, and waits until it is laid out for that.
func (tb *tab) show(s screen) {
	tb.t.Helper()
	tb.do(chromedp.EmulateViewport(s.width, s.height))
	tb.await("a screen of "+s.String(), `(width, height) => innerWidth === width && innerHeight === height &&
		new Promise(done => requestAnimationFrame(() => setTimeout(() => done(true))))`, s.width, s.height)
}

// inSight is JavaScript that returns how many pixels of the messages' height nothing covers.
const inSight = `() => {
	const log = document.querySelector('[role=log]');
	const {left, width, top, bottom} = log.getBoundingClientRect();
	let free = 0;
	for (let y = Math.ceil(top); y < bottom; y++) if (log.contains(document.elementFromPoint(left + width / 3, y))) free++;
	return free;
}`

// fits wants nothing of the page to be wider than the screen.
func (tb *tab) fits(where string) {
	tb.t.Helper()
	type size struct {
		Width, Wide int
		Scrolls     []string
	}
	got := call[size](tb, `() => ({Width: innerWidth, Wide: document.documentElement.scrollWidth,
		Scrolls: [...document.body.querySelectorAll('*')].filter(e => e.scrollWidth > e.clientWidth && /auto|scroll/.test(getComputedStyle(e).overflowX)).map(e => e.className || e.localName)})`)
	if got.Wide > got.Width || len(got.Scrolls) > 0 {
		tb.t.Errorf("%s: %d px wide on a screen of %d, and sideways scroll %q", where, got.Wide, got.Width, got.Scrolls)
	}
}

// A counter is an agent's page, with a customer who waits and a friend.
type counter struct {
	*person
	g              *gate
	s              *server
	carl, bob      *device
	customer, chat string // addresses of the conversations with them
}

const counterAgent, counterCustomer, counterFriend = 21, 22, 23

// newCounter opens it; before is JavaScript that runs before the page's.
func newCounter(t *testing.T, before string) *counter {
	t.Helper()
	return newCounterIn(newProfile(t), before)
}

// newCounterIn opens it in an agent's profile.
func newCounterIn(p *profile, before string) *counter {
	t := p.t
	t.Helper()
	s := newServerWithKey(t)
	c := &counter{g: newGate(t, s), s: s}
	c.carl = newDevice(t, s, counterCustomer, "Carl")
	c.bob = newDevice(t, s, counterFriend, "Bob")
	for i := range 12 {
		c.bob.tell(counterAgent, fmt.Sprintf("line %d. It is long enough for two lines on a narrow screen.", i+1))
		c.asks(fmt.Sprintf("question %d.", i+1))
	}
	key := proto.ServiceKey(counterCustomer, support).String()
	c.customer, c.chat = "/c/"+key, fmt.Sprintf("/to/%d", counterFriend)
	token := s.tokenFor(counterAgent, "Annabel", []proto.ServiceType{support})
	tb := p.open("Annabel", c.g.url+"/", before+sessionOf(counterAgent, "Annabel", token))
	tb.awaitConnection("live")
	c.person = &person{tab: tb, id: fmt.Sprint(counterAgent)}
	return c
}

// asks lets the customer write to the service.
func (c *counter) asks(content string) { c.carl.asks(support, content) }

// asks sends a customer's text to a service.
func (d *device) asks(service proto.ServiceType, content string) {
	d.t.Helper()
	var zero uint64
	kind, direction := proto.MessageType_MESSAGE_TYPE_TEXT, proto.ServiceMessageDirection_CUSTOMER_TO_SERVICE
	d.must(proto.BranchService, &proto.ServiceMessage{
		MessageId: &zero, UserId: &d.user, ServiceType: &service, MessageType: &kind, Content: &content, CreateDate: &zero, Direction: &direction,
	})
}

// goTo opens an address of the page.
func (p *person) goTo(hash string) {
	p.t.Helper()
	call[bool](p.tab, `hash => { location.hash = hash; return true }`, hash)
}

// open opens a conversation and waits for a message in it.
func (c *counter) open(hash, content string) {
	c.t.Helper()
	c.goTo(hash)
	c.find("textbox", "Message")
	c.awaitMessage(content, "received")
}

func TestALowScreenKeepsTheMessagesInSight(t *testing.T) {
	t.Parallel()
	c := newCounter(t, "")
	onAll := func(what string) {
		t.Helper()
		for _, s := range lowScreens {
			c.show(s)
			c.fits(what + " on " + s.String())
			if got, want := call[int64](c.tab, inSight), min(100, s.height*4/10); got < want {
				t.Errorf("%s on %s: %d px of the messages are in sight, want %d", what, s, got, want)
			}
		}
	}
	c.show(lowScreens[0])
	c.open(c.chat, "line 12.")
	onAll("with a friend")
	c.fill("Message", strings.Repeat("a draft of many lines\n", 9))
	onAll("with a long draft")
	call[bool](c.tab, `() => { const box = document.querySelector('message-composer textarea'); box.select(); document.execCommand('delete'); return true }`)

	c.act("line 12.", "Reply")
	onAll("with a reply")
	c.press("\u001b")
	c.act("line 12.", "Select")
	onAll("with messages that are chosen")
	c.press("\u001b")

	// A keyboard that lies over the page leaves the composer above it, and the message that one reads where it is.
	c.show(screen{360, 640})
	call[bool](c.tab, `() => { document.querySelector('[role=log]').scrollTop = 60; return true }`)
	call[bool](c.tab, scrolled)
	const first = `() => {
		const {top} = document.querySelector('[role=log]').getBoundingClientRect();
		const row = [...document.querySelectorAll('[role=log] [data-seq]')].find(e => e.getBoundingClientRect().bottom > top);
		return row.dataset.seq + ' at ' + Math.round(row.getBoundingClientRect().top - top);
	}`
	before := call[string](c.tab, first)
	const keyboard = `height => {
		Object.defineProperty(visualViewport, 'height', {configurable: true, get: () => height});
		visualViewport.dispatchEvent(new Event('resize'));
		return new Promise(done => requestAnimationFrame(() => setTimeout(() => done(document.querySelector('message-composer').getBoundingClientRect().bottom))));
	}`
	if bottom := call[float64](c.tab, keyboard, 320); bottom > 320 {
		t.Errorf("with a keyboard up to 320 px the composer ends at %v", bottom)
	}
	if after := call[string](c.tab, first); after != before {
		t.Errorf("with a keyboard the first message in sight is %s, before it was %s", after, before)
	}
	call[bool](c.tab, `() => { delete visualViewport.height; visualViewport.dispatchEvent(new Event('resize')); return true }`)

	// All that one can do is within reach.
	c.open(c.customer, "question 12.")
	onAll("with a customer")
	c.show(lowScreens[0])
	c.click("Internal note")
	if wide := call[float64](c.tab, `() => document.querySelector('message-composer textarea').getBoundingClientRect().width`); wide < 100 {
		t.Errorf("a note is written in %v px", wide)
	}
	c.click("Internal note")
	c.show(lowScreens[0])
	c.click("Show all of it")
	c.click("Claim")
	c.await("the claim", `key => document.querySelector('[data-key="' + key + '"]').dataset.assignee === '21'`, strings.TrimPrefix(c.customer, "/c/"))
	c.click("Show all of it")
	c.find("button", "Release")
	c.do(chromedp.KeyEvent("\u001b"))
	c.await("it to be folded", `() => document.querySelector('.status-row [aria-expanded=false]')`)

	c.g.cut("/mqtt")
	c.awaitConnection("offline")
	onAll("offline")
	c.show(lowScreens[0])
	c.find("button", "Details")
	for range 3 {
		call[bool](c.tab, `() => { for (const why of ['one', 'two', 'three']) document.querySelector('chat-panes').dispatchEvent(new CustomEvent('notice', { detail: (why + ' of many words. ').repeat(20) })); return true }`)
	}
	onAll("with notices")
	for range 3 {
		c.click("Dismiss")
	}
	c.g.reopen("/mqtt")
	call[bool](c.tab, networkIsBack)
	c.awaitConnection("live")

	// What takes a conversation's place, and the lists, end within reach.
	const reached = `selector => {
		const last = [...document.querySelectorAll(selector)].filter(e => e.checkVisibility()).at(-1);
		last.scrollIntoView({block: 'nearest'});
		const {left, top, width, height} = last.getBoundingClientRect();
		return last.contains(document.elementFromPoint(left + width / 2, top + height / 2));
	}`
	for _, end := range []struct{ hash, last string }{
		{"/", ".side [data-key] a"}, {"/", "share-link button"}, {"/to/0", ".main .empty p"}, {"/c/s:99:3", ".main .empty a"},
	} {
		c.goTo(end.hash)
		for _, s := range lowScreens {
			c.show(s)
			c.fits(end.hash + " on " + s.String())
			c.await(end.last+" within reach on "+s.String(), reached, end.last)
		}
	}
	// The filters stand in one line, with their counts, and none is cut.
	c.goTo("/")
	for _, s := range []screen{{320, 640}, {335, 640}, {390, 844}, {800, 600}, {1200, 800}} {
		c.show(s)
		for _, found := range call[[]string](c.tab, `() => {
			const words = [...document.querySelectorAll('.filters label > span')];
			const {top} = words[0].getBoundingClientRect();
			return words.filter(e => e.getBoundingClientRect().top !== top || e.scrollWidth > e.clientWidth).map(e => e.textContent);
		}`) {
			t.Errorf("on %s the filter %q is cut, or in a line of its own", s, found)
		}
	}
	c.isReadHoweverItIsShown()

	c.show(screen{2560, 1200})
	c.open(c.chat, "line 12.")
	if widest := call[float64](c.tab, `() => Math.max(...[...document.querySelectorAll('.bubble, message-composer')].map(e => e.getBoundingClientRect().width))`); widest > 832 {
		t.Errorf("on an ultra-wide screen a message may be %v px wide", widest)
	}
	c.wroteNoErrors()
}

// isReadHoweverItIsShown shows the page with wide text, in a person's own colours, without motion and on paper.
func (c *counter) isReadHoweverItIsShown() {
	c.t.Helper()
	c.show(screen{1200, 800})
	c.open(c.chat, "line 12.")
	c.say(strings.Repeat("of many\n", 250) + "the last of them")
	c.find("button", "Show more")

	// WCAG 1.4.12: wider text is cut nowhere, but where dots say so, and stays within what it stands on.
	const spaced = `() => {
		const style = new CSSStyleSheet();
		style.replaceSync('* { line-height: 1.5 !important; letter-spacing: 0.12em !important; word-spacing: 0.16em !important } p { margin-bottom: 2em !important }');
		document.adoptedStyleSheets = [style];
		const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), range = document.createRange(), cut = [];
		for (let text; (text = texts.nextNode());) {
			if (!text.data.trim() || !text.parentElement.checkVisibility() || text.parentElement.closest('.spoken, select')) continue;
			range.selectNodeContents(text);
			const {left, right, bottom} = range.getBoundingClientRect();
			for (let e = text.parentElement; e; e = e.parentElement) {
				const {overflowX, overflowY, textOverflow} = getComputedStyle(e), edge = e.getBoundingClientRect();
				const holds = e.matches('button, .badge, conversation-status, .typing, .bar, .banner');
				if (textOverflow === 'ellipsis' || /auto|scroll/.test(overflowY)) break;
				if ((holds || overflowY !== 'visible') && bottom > edge.bottom + 1 || (holds || overflowX !== 'visible') && (right > edge.right + 1 || left < edge.left - 1)) {
					cut.push(text.data + ' in ' + e.cloneNode().outerHTML.slice(0, 90));
					break;
				}
			}
		}
		document.adoptedStyleSheets = [];
		return cut;
	}`
	for _, s := range []screen{{1200, 800}, {390, 844}} {
		c.show(s)
		for _, hash := range []string{c.chat, c.customer} {
			c.goTo(hash)
			c.find("textbox", "Message")
			if cut := call[[]string](c.tab, spaced); len(cut) > 0 {
				c.t.Errorf("wide text on %s is cut in %q", s, cut)
			}
		}
	}

	c.show(screen{1200, 800})
	c.goTo(c.chat)
	c.find("button", "Show more")
	c.media(map[string]string{"forced-colors": "active"})
	told := call[map[string]bool](c.tab, `() => {
		const style = (selector, pseudo) => getComputedStyle(document.querySelector(selector), pseudo);
		document.querySelector('message-composer textarea').focus();
		return {
			'a switch shows its state': style('.switch input').appearance === 'auto' && style('.switch input', '::before').content === 'none',
			'the open conversation is marked': style('.entry[aria-current]').outlineStyle === 'solid',
			'a message and a button have an edge': ['.bubble', '.send'].every(e => style(e).borderTopStyle === 'solid' && style(e).borderTopWidth === '1px'),
			'where one writes is marked': style('message-composer form').outlineStyle === 'solid',
			'who is here has a mark': style('.avatar[data-online]', '::after').backgroundColor === style('body').color,
		};
	}`)
	for what, is := range told {
		if !is {
			c.t.Errorf("in forced colours not: %s", what)
		}
	}
	c.media(map[string]string{"prefers-reduced-motion": "reduce"})
	if moves := call[[]string](c.tab, `() => [...document.querySelectorAll('*')].filter(e => {
		const {animationName, transitionDuration, scrollBehavior} = getComputedStyle(e);
		return animationName !== 'none' || parseFloat(transitionDuration) > 0 || scrollBehavior === 'smooth';
	}).map(e => e.localName + '.' + e.className)`); len(moves) > 0 {
		c.t.Errorf("with reduced motion move %q", moves)
	}

	c.media(map[string]string{"media": "print", "prefers-color-scheme": "dark"})
	type printed struct {
		White, Whole, Named, Unfolded bool
		Beside, Cut                   []string
	}
	got := call[printed](c.tab, `() => {
		const paper = document.documentElement.scrollHeight;
		const rows = [...document.querySelectorAll('[role=log] [data-seq]')];
		const author = rows[0].querySelector('.bubble > span').getBoundingClientRect();
		const last = document.createRange();
		const piece = [...document.querySelectorAll('.piece')].at(-1);
		last.selectNodeContents(piece);
		return {
			White: ['html', '.main', '.bubble'].every(e => ['rgb(255, 255, 255)', 'rgba(0, 0, 0, 0)'].includes(getComputedStyle(document.querySelector(e)).backgroundColor)),
			Whole: paper > innerHeight && rows.every(e => { const {top, bottom, height} = e.getBoundingClientRect(); return height > 0 && top >= -scrollY && bottom <= paper - scrollY }),
			Named: author.height > 10 && author.width > 10,
			Unfolded: piece.textContent.includes('the last of them') && last.getBoundingClientRect().height > 20,
			Cut: [...document.querySelectorAll('[role=log], [role=log] *, .main, conversation-pane')].filter(e => e.matches(':not(.spoken, bdi)') && getComputedStyle(e).overflowY !== 'visible' && e.scrollHeight > e.clientHeight + 1).map(e => e.cloneNode().outerHTML.slice(0, 80)),
			Beside: [...document.querySelectorAll('.side, message-composer, connection-status, .status-row, button, .skip')].filter(e => e.checkVisibility() && !e.matches('.state')).map(e => e.outerHTML.slice(0, 80)),
		};
	}`)
	if !got.White || !got.Whole || !got.Named || !got.Unfolded || len(got.Beside) > 0 || len(got.Cut) > 0 {
		c.t.Errorf("on paper: %+v", got)
	}
	if pages, want := c.printed(), call[int](c.tab, `() => Math.floor(document.documentElement.scrollHeight / (11 * 96))`); want < 5 || pages < want {
		c.t.Errorf("what takes %d pages comes out on %d", want, pages)
	}
	c.media(nil)
}

// printed prints the page, and says on how many pages of 8.5 by 11 inches it came out.
func (tb *tab) printed() (pages int) {
	tb.t.Helper()
	tb.do(chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		got, err := cdp.Call(ctx, target, page.PrintToPDF, page.PrintToPDFParams{})
		if err == nil {
			pages = bytes.Count(got.Data, []byte("/Type /Page\n"))
		}
		return err
	}))
	return pages
}
