//go:build screenshots

package e2e

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"parley/proto"
)

// takeGroup takes pictures of a group: what is sent there, and what is done with it.
func takeGroup(t *testing.T, speak string, shot func(*person, string)) {
	t.Helper()
	const adaID, bobID, carlaID, doraID = 41, 42, 43, 44
	s := newServerWithKey(t)
	g := newGate(t, s)
	bob, carla, dora := newDevice(t, s, bobID, "Bob"), newDevice(t, s, carlaID, "Carla"), newDevice(t, s, doraID, "陈丹")
	bob.tell(adaID, "Did the parcel come?")
	dora.tell(adaID, "明天十点见？")
	ada := &person{tab: newProfile(t).open("Ada", g.url+"/", speak+aMicrophone+sessionOf(adaID, "Ada", s.token(adaID, "Ada"))), id: "41"}
	ada.awaitConnection("live")
	does := func(script string) { t.Helper(); call[bool](ada.tab, "() => { "+script+"; return true }") }
	shows := func(selector string) {
		t.Helper()
		ada.await(selector, `selector => document.querySelector(selector)?.checkVisibility()`, selector)
	}

	ada.await("the button for groups", `() => document.querySelector('.bar.own .icon-button:has(.icon-group)')?.disabled === false`)
	does(`document.querySelector('.bar.own .icon-button:has(.icon-group)').click()`)
	shows("dialog.group member-chooser")
	does(`document.querySelector('dialog.group input').value = 'The long way round the lake, and back'`)
	for _, id := range []string{"42", "43", "44"} {
		call[bool](ada.tab, `id => { const box = document.querySelector('member-chooser input'); box.value = id; box.dispatchEvent(new Event('input')); return true }`, id)
		ada.await("the person", `id => [...document.querySelectorAll('.found-members button')].some(b => b.ariaDescription === id)`, id)
		if id == "44" {
			shot(ada, "new-group")
		}
		does(`document.querySelector('.found-members button').click()`)
	}
	does(`document.querySelector('dialog.group .primary').click()`)
	ada.await("the group", `() => location.hash.startsWith('#/c/g:') && document.querySelector('message-composer textarea')`)
	key, err := proto.ParseKey(strings.TrimPrefix(call[string](ada.tab, `() => location.hash`), "#/c/"))
	if err != nil {
		t.Fatal(err)
	}
	says := func(d *device, content string, more func(*proto.Message)) uint64 {
		t.Helper()
		group, zero := key.Group(), uint64(0)
		m := &proto.Message{MessageId: &zero, SenderId: &zero, ReceiverId: &group, GroupId: &group, Content: &content, CreateTime: &zero}
		if more != nil {
			more(m)
		}
		seq, _ := d.must(proto.BranchMessage, m)
		return seq
	}
	about := func(kind proto.MessageType, target uint64) func(*proto.Message) {
		return func(m *proto.Message) { m.MessageType, m.TargetSeq = &kind, &target }
	}

	says(bob, "Who brings the map? The old one has a hole where the hut should be.", nil)
	paths := inFolder(t, map[string][]byte{
		"IMG_20260514_101112.jpg": photo(t, 1600, 1200), "the hut.jpg": photo(t, 900, 1200), "the lake from above.jpg": photo(t, 1800, 900),
		"Route, with all of the stops and where one can sleep.pdf": make([]byte, 340_000), "empty.txt": nil,
	})
	files := make([]string, 0, len(paths))
	for _, name := range []string{"IMG_20260514_101112.jpg", "the hut.jpg", "the lake from above.jpg", "Route, with all of the stops and where one can sleep.pdf", "empty.txt"} {
		files = append(files, paths[name])
	}
	ada.chooseFiles(files...)
	does(`document.querySelector('.send-files textarea').value = 'Three from last year'`)
	shot(ada, "send-files")
	ada.sendChosen()
	ada.awaitMessage("Three from last year", confirmed...)
	ada.awaitMessage("Route, with", confirmed...)
	ada.await("the pictures", `() => document.querySelectorAll('[data-type=image] .picture[data-loaded]').length === 3`)

	says(carla, "I have one, @Ada. It is from 1987.", func(m *proto.Message) { m.Mentions = []uint64{adaID}; m.QuoteSeq = new(uint64); *m.QuoteSeq = 2 })
	edited := says(dora, "我们几点出发", nil)
	says(dora, "我们几点出发？八点怎么样？", about(proto.MessageType_MESSAGE_TYPE_EDIT, edited))
	for _, by := range []struct {
		*device
		emoji string
	}{{bob, "👍"}, {carla, "👍"}, {dora, "🎉"}} {
		says(by.device, by.emoji, about(proto.MessageType_MESSAGE_TYPE_REACT, edited))
	}
	taken := says(bob, "nothing", nil)
	says(bob, "", about(proto.MessageType_MESSAGE_TYPE_RECALL, taken))
	ada.await("what became of it", `() => document.querySelector('.edited') && document.querySelectorAll('.reaction').length === 2 && document.querySelector('[data-type=recalled]')`)
	shot(ada, "group")
	does(`document.querySelector('[data-type=image]').scrollIntoView({block: 'center'})`)
	shot(ada, "group-pictures")

	does(`document.querySelector('.picture').click()`)
	shows(".viewer .stage[data-loaded]")
	shot(ada, "viewer")
	does(`document.querySelector('.viewer').close()`)
	does(`document.querySelector('conversation-menu button').click()`)
	does(`[...document.querySelectorAll('conversation-menu .menu-item')].find(b => ['Pictures and files…', '图片和文件…'].includes(b.textContent)).click()`)
	ada.await("the pictures", `() => document.querySelectorAll('media-dialog .picture[data-loaded]').length === 3`)
	shot(ada, "media")
	does(`document.querySelector('media-dialog [data-kind=file]').click()`)
	shot(ada, "media-files")
	does(`document.querySelector('media-dialog dialog').close()`)

	ada.show(screen{1280, 800})
	at := call[[]float64](ada.tab, `() => { const {x, y, width, height} = document.querySelector('message-composer .record').getBoundingClientRect(); return [x + width / 2, y + height / 2] }`)
	ada.do(chromedp.MouseClickXY(at[0], at[1])) // a sound begins by a person's doing
	ada.await("a second to be recorded", `() => !/:0[0]$/.test(document.querySelector('.recording .time')?.textContent ?? ':00')`)
	shot(ada, "recording")
	does(`document.querySelector('.recording .send').click()`)
	ada.await("it to be sent", `() => document.querySelector('[data-type=voice]:is([data-state=sent], [data-state=delivered], [data-state=read]) .voice')`)
	does(`document.querySelector('.voice .play').click()`)
	shows(".playing")
	does(`document.querySelector('.voice .play').click()`)
	shot(ada, "playing")
	does(`document.querySelector('.playing button:last-child').click()`)

	row := `[...document.querySelectorAll('article.message')].find(e => e.textContent.includes('1987'))`
	does(row + `.querySelector('.acts').click()`)
	shows(".menu.of-message")
	shot(ada, "message-menu")
	does(`document.querySelector('.menu.of-message .more-emoji').click()`)
	shows("dialog .emoji-grid")
	shot(ada, "emoji")
	does(`document.querySelector('dialog[open]').close()`)
	does(row + `.querySelector('.acts').click()`)
	does(`document.querySelector('.menu.of-message [data-act=reply]').click()`)
	shot(ada, "replying")
	ada.press("@")
	shows("mention-picker")
	shot(ada, "mention")
	ada.press("\u001b", "\b", "\u001b")
	does(row + `.querySelector('.acts').click()`)
	does(`document.querySelector('.menu.of-message [data-act=select]').click()`)
	does(`[...document.querySelectorAll('.chooser')].at(-1).click()`)
	shows("selection-bar")
	shot(ada, "selecting")
	does(`document.querySelector('selection-bar button').nextElementSibling.click()`)
	shows("dialog .targets")
	ada.await("whom to forward to", `() => document.querySelector('dialog .targets input')`)
	does(`document.querySelector('dialog .targets input').click()`)
	shot(ada, "forward")
	does(`document.querySelector('dialog[open]').close(); document.querySelector('selection-bar button:last-child').click()`)

	does(`document.querySelector('.members-button').click()`)
	ada.await("the members", `() => document.querySelectorAll('dialog .members li').length === 4`)
	ada.giveFiles("dialog.group input[type=file]", paths["the hut.jpg"])
	ada.await("the picture", `() => document.querySelector('.group-picture .avatar').style.backgroundImage`)
	shot(ada, "group-members")
	ada.await("a link", `() => { if (!document.querySelector('.group-links li')) document.querySelector('.group section:last-of-type .button').click(); return document.querySelector('.group-links .own-link') }`)
	does(`document.querySelector('.group-links').scrollIntoView({block: 'center'})`)
	shot(ada, "group-links")
	hash := call[string](ada.tab, `() => document.querySelector('.group-links .own-link').textContent.replace(/.*#/, '')`)
	does(`document.querySelector('dialog[open]').close()`)
	does(`[...document.querySelectorAll('.own .state')].at(-1).click()`)
	ada.await("the readers", `() => document.querySelectorAll('dialog .members li').length === 3`)
	shot(ada, "readers")
	does(`document.querySelector('dialog[open]').close()`)
	ada.do(chromedp.EmulateViewport(1280, 800))

	eve := &person{tab: newProfile(t).open("Eve", g.url+"/", speak+sessionOf(45, "Eve", s.token(45, "Eve"))), id: "45"}
	eve.awaitConnection("live")
	call[bool](eve.tab, `hash => { location.hash = hash; return true }`, hash)
	eve.await("what the link leads to", `() => document.querySelector('.main').textContent.includes('4')`)
	shot(eve, "join")
}
