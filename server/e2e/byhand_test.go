package e2e

import (
	"context"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// tabTo presses Tab, or Shift and Tab, until what has the focus matches a selector.
func (p *person) tabTo(selector string, back bool) {
	p.t.Helper()
	key := chromedp.KeyEvent(kb.Tab)
	if back {
		key = chromedp.KeyEvent(kb.Tab, chromedp.KeyModifiers(chromedp.ModifierShift))
	}
	for range 60 {
		p.do(key)
		if call[bool](p.tab, `selector => document.activeElement.matches(selector)`, selector) {
			return
		}
	}
	p.t.Fatalf("%s: Tab does not lead to %s", p.name, selector)
}

// menuByKeys opens the menu of the message that contains content, from the composer.
func (p *person) menuByKeys(content string) {
	p.t.Helper()
	p.tabTo(".acts", true)
	p.press(kb.End)
	for range 20 {
		if call[bool](p.tab, `content => document.activeElement.closest('.message').querySelector('.content').textContent.includes(content)`, content) {
			p.pressEnter()
			p.await("the menu", `() => document.activeElement.closest('.menu.of-message:popover-open')`)
			return
		}
		p.press(kb.ArrowUp)
	}
	p.t.Fatalf("%s: the arrows do not lead to %q", p.name, content)
}

// chooseByKeys goes down a menu to an act, and does it.
func (p *person) chooseByKeys(act string) {
	p.t.Helper()
	for range 20 {
		if call[bool](p.tab, `act => document.activeElement.matches('[data-act="' + act + '"], [aria-label="' + act + '"]')`, act) {
			p.pressEnter()
			return
		}
		p.press(kb.ArrowDown)
	}
	p.t.Fatalf("%s: the arrows do not lead to %q", p.name, act)
}

// types writes where the focus is.
func (p *person) types(text string) {
	p.t.Helper()
	p.do(chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, input.InsertText, input.InsertTextParams{Text: text})
		return err
	}))
}

func TestMessagesAreActedOnByTheKeyboardAlone(t *testing.T) {
	t.Parallel()
	_, g, ada, bob := two(t)
	cy := signIn(t, g, "Cy")
	cy.openChat(ada.id)
	cy.say("hi Ada")
	bob.say("lunch at noon?")
	bob.say("or later?")
	ada.await("both in the list", `() => document.querySelectorAll('conversation-list [data-key]').length === 2`)
	ada.awaitSaid("lunch at noon?", "or later?")
	ada.focusOn("message-composer textarea")

	// Quote, which Escape leaves again.
	ada.menuByKeys("lunch at noon?")
	ada.chooseByKeys("reply")
	ada.awaitFocus("where one writes", "textarea", "")
	ada.shutsNobodyOut("a reply")
	ada.press(kb.Escape)
	ada.await("no quote", `() => document.querySelector('.composer-strip').hidden`)
	ada.menuByKeys("lunch at noon?")
	ada.chooseByKeys("reply")
	ada.types("at onee")
	ada.pressEnter()
	bob.awaitSaid("lunch at noon?", "or later?", "<lunch at noon?> at onee")

	ada.menuByKeys("at onee")
	ada.chooseByKeys("quoted")
	ada.await("the quoted message", `() => document.querySelector('.message.jumped')?.textContent.includes('lunch at noon?') && document.activeElement.closest('.jumped')`)
	ada.focusOn("message-composer textarea")

	// Edit.
	ada.menuByKeys("at onee")
	ada.chooseByKeys("edit")
	ada.awaitFocus("where one writes", "textarea", "")
	ada.shutsNobodyOut("a message that is edited")
	ada.press("\b")
	ada.pressEnter()
	bob.awaitSaid("lunch at noon?", "or later?", "<lunch at noon?> at one *")

	// React, with one at hand and with any.
	ada.menuByKeys("or later?")
	ada.chooseByKeys("👍")
	bob.awaitSaid("lunch at noon?", "or later? 👍1", "<lunch at noon?> at one *")
	ada.awaitFocus("the button again", ".acts", "")
	ada.shutsNobodyOut("an edited message, a quote and a reaction")
	ada.pressEnter()
	ada.await("the menu", `() => document.activeElement.closest('.menu.of-message:popover-open')`)
	ada.chooseByKeys("More emoji")
	ada.await("the dialog", `() => document.querySelector('dialog .emoji-grid')`)
	ada.shutsNobodyOut("more emoji")
	ada.tabTo("dialog input", false)
	ada.types("🦊")
	ada.pressEnter()
	bob.awaitSaid("lunch at noon?", "or later? 🦊1", "<lunch at noon?> at one *")

	// Select two, and forward them.
	ada.focusOn("message-composer textarea")
	ada.menuByKeys("lunch at noon?")
	ada.chooseByKeys("select")
	ada.awaitFocus("the first choice", ".chooser", "")
	ada.tabTo(".chooser", false)
	ada.press(" ")
	ada.await("two to be chosen", `() => document.querySelector('selection-bar p').textContent === '2 messages selected'`)
	ada.shutsNobodyOut("messages that are chosen")
	ada.tabTo("selection-bar button:nth-of-type(2)", false)
	ada.pressEnter()
	ada.await("whom to", `() => document.querySelectorAll('dialog [data-key]').length === 2`)
	ada.shutsNobodyOut("whom to forward to")
	ada.awaitFocus("the search", "input[type=search]", "")
	ada.types("Cy")
	ada.await("Cy alone", `() => document.querySelectorAll('dialog [data-key]').length === 1`)
	ada.tabTo("dialog [data-key]", false)
	ada.press(" ")
	ada.tabTo("dialog .primary", false)
	ada.pressEnter()
	cy.awaitSaid("hi Ada", "lunch at noon?", "or later?")
	ada.await("no choosing any more", `() => !document.querySelector('.chooser')`)

	// Escape ends choosing, too.
	ada.focusOn("message-composer textarea")
	ada.menuByKeys("lunch at noon?")
	ada.chooseByKeys("select")
	ada.awaitFocus("the first choice", ".chooser", "")
	ada.press(kb.Escape)
	ada.await("no choosing any more", `() => !document.querySelector('.chooser')`)

	// Take back.
	ada.focusOn("message-composer textarea")
	ada.menuByKeys("at one")
	ada.chooseByKeys("recall")
	ada.find("heading", "Take this message back?")
	ada.pressEnter()
	bob.awaitSaid("lunch at noon?", "or later? 🦊1", "Ada took a message back")
	for _, p := range []*person{ada, bob, cy} {
		p.wroteNoErrors()
	}
}

// onAPhone gives the person a screen that is touched.
func (p *person) onAPhone() *person {
	p.t.Helper()
	p.do(chromedp.EmulateViewport(390, 844, chromedp.EmulateMobile, chromedp.EmulateTouch))
	return p
}

// tap touches the middle of the element that a JavaScript function returns, once it is there and still.
func (p *person) tap(what, function string, args ...any) {
	p.t.Helper()
	p.presses(what, function, args...)()
}

// presses is tap by a finger that rests there until it is lifted.
func (p *person) presses(what, function string, args ...any) (lift func()) {
	p.t.Helper()
	var at, before []float64
	eventually(p.t, p.name+": "+what, func() bool {
		before = at
		at, _ = tryCall[[]float64](p.tab, `(...args) => {
			const e = (`+function+`)(...args);
			if (!e?.checkVisibility()) return [];
			const {x, y, width, height} = e.getBoundingClientRect();
			return [x + width / 2, y + height / 2, width, height];
		}`, args...)
		return len(at) == 4 && len(before) == 4 && at[0] == before[0] && at[1] == before[1]
	})
	if at[2] < 24 || at[3] < 24 {
		p.t.Errorf("%s: %s is %v × %v px, too small for a finger", p.name, what, at[2], at[3])
	}
	p.finger(input.DispatchTouchEventTypeTouchStart, &input.TouchPoint{X: at[0], Y: at[1]})
	return func() {
		p.t.Helper()
		p.finger(input.DispatchTouchEventTypeTouchEnd)
	}
}

// finger puts fingers to places of the screen, or lifts them.
func (p *person) finger(kind input.DispatchTouchEventType, points ...*input.TouchPoint) {
	p.t.Helper()
	p.do(chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, input.DispatchTouchEvent, input.DispatchTouchEventParams{Type: kind, TouchPoints: append([]*input.TouchPoint{}, points...)})
		return err
	}))
}

// tapText taps the button, or the field, with a text or a name.
func (p *person) tapText(words string) {
	p.t.Helper()
	p.tap(words, `words => [...(([...document.querySelectorAll('dialog[open]')].at(-1)) ?? document).querySelectorAll('button, a, input, textarea, label')]
		.find(e => e.checkVisibility() && [e.textContent, e.ariaLabel].some(x => x?.replace(/[\u2066-\u2069]/g, '') === words))`, words)
}

// tapMenu opens the menu of the message that contains content.
func (p *person) tapMenu(content string) {
	p.t.Helper()
	p.tap("the menu of "+content, `content => [...document.querySelectorAll('article.message')].find(e => e.querySelector('.content').textContent.includes(content))?.querySelector('.acts')`, content)
}

func TestMessagesAreActedOnByTouchAloneInChinese(t *testing.T) {
	t.Parallel()
	s := newServerForGuests(t)
	g := newGate(t, s)
	li, wang, zhao := signInChinese(t, g, "李雷").onAPhone(), signInChinese(t, g, "王芳").onAPhone(), signInChinese(t, g, "赵敏").onAPhone()
	all := []*person{li, wang, zhao}
	// Whatever the page says, it says in Chinese.
	inChinese := func(state string) {
		t.Helper()
		for _, p := range all {
			if latin := call[[]string](p.tab, `() => [document.body.innerText, ...[...document.querySelectorAll('[aria-label], [title], [placeholder]')].filter(e => e.checkVisibility())
				.flatMap(e => [e.ariaLabel, e.title, e.placeholder])].join(' ').replace(/\S*127\.0\.0\.1\S*/g, '').match(/[A-Za-z]{2,}/g) ?? []`); len(latin) > 0 {
				t.Errorf("%s, %s: the page says %q", state, p.name, latin)
			}
		}
	}

	// A group, by its members' names; everyone is mentioned.
	li.tapText("新建群组")
	li.tapText("群组名称")
	li.types("周末爬山")
	for _, member := range []*person{wang, zhao} {
		li.tapText("查找要添加的人")
		li.types(member.name)
		li.tap(member.name, `id => [...document.querySelectorAll('.found-members button')].find(b => b.ariaDescription === id)`, member.id)
	}
	inChinese("a new group")
	li.shutsNobodyOut("a new group")
	li.tapText("创建群组")
	li.await("the group", `() => location.hash.startsWith('#/c/g:') && document.querySelector('message-composer textarea')`)
	for _, p := range []*person{wang, zhao} {
		p.tap("the group in the list", `() => document.querySelector('conversation-list [data-key^="g:"] a')`)
		p.awaitLines("the beginning", "李雷创建了群组周末爬山")
	}
	li.tapText("消息")
	li.types("@")
	li.await("whom to mention", `() => document.querySelector('mention-picker [role=option]')`)
	inChinese("whom to mention")
	li.shutsNobodyOut("whom to mention")
	li.tap("everyone", `() => document.querySelector('mention-picker [role=option]')`)
	li.types("几点出发？")
	li.tapText("发送")
	wang.await("that she is mentioned", `() => document.querySelector('.message.mentions-me')`)

	// Quote, edit, react, each by a finger.
	wang.tapMenu("几点出发？")
	inChinese("the menu of a message")
	wang.tapText("回复")
	wang.types("八店")
	wang.tapText("发送")
	li.awaitMessage("八店", "received")
	wang.tapMenu("八店")
	wang.tapText("编辑")
	call[bool](wang.tab, `() => { document.querySelector('message-composer textarea').select(); return true }`)
	wang.types("八点")
	wang.tapText("发送")
	li.awaitMessage("八点", "received")
	inChinese("an edited message")
	zhao.tapMenu("八点")
	zhao.tapText("👍")
	li.await("the reaction", `() => document.querySelector('.reaction[data-emoji="👍"] .count')?.textContent === '1'`)
	li.tap("the reaction", `() => document.querySelector('.reaction[data-emoji="👍"]')`)
	zhao.await("both reactions", `() => document.querySelector('.reaction[data-emoji="👍"] .count')?.textContent === '2'`)

	// Select and forward; take back.
	zhao.tapMenu("几点出发？")
	zhao.tapText("多选")
	zhao.tap("the second", `() => [...document.querySelectorAll('.chooser')].at(-1)`)
	zhao.await("two to be chosen", `() => document.querySelector('selection-bar p').textContent === '已选 2 条消息'`)
	inChinese("messages that are chosen")
	zhao.tapText("转发…")
	zhao.tap("the group", `() => document.querySelector('dialog .targets label')`)
	inChinese("whom to forward to")
	zhao.tapText("发送")
	for _, p := range all { // and nothing moves any more
		p.await("what was forwarded", `() => [...document.querySelectorAll('.message .content')].map(e => e.textContent).filter(words => words.includes('几点出发？') || words === '八点').length === 4`)
	}
	wang.tapMenu("八点")
	wang.tapText("撤回")
	wang.await("the question", `() => document.querySelector('dialog[open] h2')?.textContent === '撤回这条消息？'`)
	inChinese("the question before a message is taken back")
	wang.tapText("撤回")
	li.await("the recall", `() => document.querySelector('[role=log]').textContent.replace(/[\u2066-\u2069]/g, '').includes('王芳撤回了一条消息')`)
	inChinese("a message that was taken back")

	// Who has read it, and who is in the group.
	li.await("that all have read it", `() => [...document.querySelectorAll('.message.own')].at(0).textContent.includes('全部已读')`)
	li.tap("who has read it", `() => document.querySelector('.own .state')`)
	li.await("who", `() => document.querySelectorAll('dialog .members li').length === 2`)
	inChinese("who has read a message")
	li.tapText("关闭")
	li.tap("the members", `() => document.querySelector('.members-button')`)
	li.await("them", `() => document.querySelectorAll('dialog .members li').length === 3`)
	inChinese("a group's members")
	for _, p := range all {
		p.wroteNoErrors()
	}
	if hash := call[string](li.tab, `() => location.hash`); !strings.HasPrefix(hash, "#/c/g:") {
		t.Errorf("the group is at %s", hash)
	}
}
