package e2e

import (
	"strconv"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"parley/proto"
)

// speaks waits until the page says that it is in a language of a direction.
func (tb *tab) speaks(lang, dir string) {
	tb.t.Helper()
	tb.await("the page in "+lang, `(lang, dir) => document.documentElement.lang === lang && document.documentElement.dir === dir`, lang, dir)
}

// mirrored is a text of the language that tests the other direction.
func mirrored(text string) string { return "\u200f\u202b" + text + "\u202c\u200f" }

// signInChinese signs a guest in on a page whose browser asks for Chinese.
func signInChinese(t *testing.T, g *gate, name string) *person {
	t.Helper()
	tb := newProfile(t).open(name, g.url+"/", `Object.defineProperty(Navigator.prototype, 'languages', { get: () => ['zh-CN'] });`)
	tb.fill("你的名字", name)
	tb.click("开始")
	tb.awaitConnection("live")
	return &person{tab: tb, id: call[string](tb, `() => JSON.parse(localStorage.getItem('parley.session')).id`)}
}

func TestThePageSpeaksTheLanguageOfTheBrowserOrTheChosenOne(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	g := newGate(t, s)
	bob := newPeer(t, s, "Bob")
	tb := newProfile(t).open("Ada", g.url+"/", `Object.defineProperty(Navigator.prototype, 'languages', { get: () => ['fr', 'zh-SG', 'en'] });`)
	tb.fill("你的名字", "Ada")
	tb.speaks("zh-Hans", "ltr")
	tb.click("开始")
	tb.awaitConnection("live")
	ada := &person{tab: tb, id: call[string](tb, `() => JSON.parse(localStorage.getItem('parley.session')).id`)}
	bob.openChat(ada.id)
	bob.say("hello")
	call[bool](tb, `hash => { location.hash = hash; return true }`, "/to/"+bob.id)
	ada.awaitMessage("hello", "received")

	t.Run("Chinese", func(t *testing.T) {
		ada.t = t
		ada.find("list", "会话")
		ada.find("log", "与Bob的消息")
		ada.fill("消息", "你好")
		ada.click("发送")
		ada.awaitMessage("你好", confirmed...)
		bob.awaitMessage("你好")
		ada.await("times in Chinese", `() => document.querySelector('.separator.day').textContent === '今天'`)
	})

	t.Run("search", func(t *testing.T) {
		ada.t = t
		ada.looksFor("搜索联系人和消息", "你好")
		ada.awaitHits("Bob | 你：<你好>")
		ada.awaitFound("找到 1 条消息")
		ada.click("筛选消息")
		ada.find("combobox", "发送者")
		ada.shutsNobodyOut("a search in Chinese")
		ada.press("\u001b")
		ada.click("更多")
		ada.click("跳转到日期…")
		ada.find("dialog", "跳转到日期")
		ada.shutsNobodyOut("choosing a day in Chinese")
		ada.press("\u001b")
	})

	t.Run("reasons", func(t *testing.T) {
		ada.t = t
		blocked := true
		user, err := strconv.ParseUint(ada.id, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := bob.send(proto.BranchBlock, &proto.Block{UserId: &user, Blocked: &blocked}); err != nil {
			t.Fatal(err)
		}
		ada.fill("消息", "你在吗")
		ada.click("发送")
		if refused := ada.awaitMessage("你在吗", "refused"); !strings.Contains(refused.Text, "未发送：对方不接收你的消息") {
			t.Errorf("the server's reason reads %q", refused.Text)
		}
		ada.shutsNobodyOut("a conversation in Chinese")
		ada.fill("消息", strings.Repeat("长", 6000))
		ada.click("发送")
		ada.notice("消息未发送：消息有 18,000 字节，最多允许 16,384 字节，请分成几条发送")
		call[bool](tb, `() => { const box = document.querySelector('textarea'); box.value = ''; box.dispatchEvent(new Event('input')); return true }`)
	})

	t.Run("another language is chosen", func(t *testing.T) {
		ada.t = t
		ada.fill("消息", "a draft")
		ada.click("设置")
		ada.shutsNobodyOut("the settings in Chinese")
		ada.chooseOption("语言", "English")
		ada.speaks("en", "ltr")
		ada.awaitConnection("live")
		ada.find("textbox", "Message")
		ada.await("the draft", `() => document.querySelector('textarea').value === 'a draft'`)
		if refused := ada.awaitMessage("你在吗", "refused"); !strings.Contains(refused.Text, "Not sent: this person does not take messages from you") {
			t.Errorf("after the change of the language the reason reads %q", refused.Text)
		}
		ada.await("times in English", `() => document.querySelector('.separator.day')?.textContent === 'Today'`)
		ada.click("Settings")
		ada.chooseOption("Language", "As in the browser")
		ada.speaks("zh-Hans", "ltr")
		ada.find("textbox", "消息")
	})

	t.Run("from right to left", func(t *testing.T) {
		ada.t = t
		call[bool](tb, `() => { localStorage.setItem('parley.language', 'en-XB'); return true }`)
		ada.reload()
		ada.speaks("en-XB", "rtl")
		ada.awaitConnection("live")
		ada.find("textbox", mirrored("Message"))
		ada.awaitMessage("你好", confirmed...)
		for _, width := range []int64{1200, 390} {
			ada.do(chromedp.EmulateViewport(width, 844))
			ada.await("nothing to scroll to at the side", `() => ['html', 'body', '[role=log]', '.side .entries', 'message-composer'].every(part => {
				const e = document.querySelector(part);
				return e.scrollWidth <= e.clientWidth;
			})`)
			ada.await("own messages on the left, others' on the right", `() => {
				const log = document.querySelector('[role=log] .rows').getBoundingClientRect();
				const [own, other] = ['.own', ':not(.own)'].map(whose => document.querySelector('.message' + whose + ' .bubble').getBoundingClientRect());
				return Math.abs(own.left - log.left) < 2 && Math.abs(other.right - log.right) < 2;
			}`)
			ada.shutsNobodyOut("a conversation from right to left")
			if width > 1000 {
				ada.looksFor(mirrored("Search people and messages"), "你好")
				ada.await("the message", `() => document.querySelector('.hits mark')?.textContent === '你好'`)
				ada.await("the button for filters on the left", `() => document.querySelector('search-pane [aria-expanded]').getBoundingClientRect().right < document.querySelector('search-pane input').getBoundingClientRect().left`)
				ada.shutsNobodyOut("a search from right to left")
				ada.press("\u001b")
			}
			ada.await("the button to send on the left", `() => document.querySelector('.send').getBoundingClientRect().right < document.querySelector('textarea').getBoundingClientRect().left`)
		}
		call[bool](tb, `() => { location.hash = '/'; return true }`)
		ada.await("the list at 390 px", `() => { const e = document.querySelector('.side'); return e.checkVisibility() && e.scrollWidth <= e.clientWidth }`)
		ada.do(chromedp.EmulateViewport(1200, 844))
		ada.await("the list on the right", `() => {
			const [side, main] = ['.side', '.main'].map(part => document.querySelector(part).getBoundingClientRect());
			return side.right >= innerWidth - 1 && main.right <= side.left && main.left <= 1;
		}`)
		ada.await("the picture at the beginning of its row", `() => {
			const [picture, name] = ['.avatar', '.entry-name'].map(part => document.querySelector('[data-key] ' + part).getBoundingClientRect());
			return picture.left >= name.right;
		}`)
	})
	ada.wroteNoErrors()
}

// chooseOption chooses an option of the list with a name, as a person does.
func (tb *tab) chooseOption(list, option string) {
	tb.t.Helper()
	tb.find("combobox", list)
	call[bool](tb, `(list, option) => {
		const select = [...document.querySelectorAll('select')].find(e => e.checkVisibility() && e.labels[0]?.textContent.startsWith(list));
		select.value = [...select.options].find(e => e.textContent === option).value;
		setTimeout(() => select.dispatchEvent(new Event('change')));
		return true;
	}`, list, option)
}
