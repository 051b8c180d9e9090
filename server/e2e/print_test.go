package e2e

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
)

// onPaper is JavaScript that says which lines stand on what is printed, in order, and whether all of them take room.
const onPaper = `() => {
	const rows = [...document.querySelectorAll('printed-conversation [data-seq]')];
	return {
		lines: rows.map(e => e.querySelector('.content').textContent.match(/line (\d+)\./)[1]).join(),
		seen: rows.every(e => e.getBoundingClientRect().height > 10),
		beside: [...document.querySelectorAll('parley-app, dialog')].filter(e => e.checkVisibility()).map(e => e.localName),
	};
}`

// noPaper is JavaScript before a page's that counts how often it asks for paper, which is a window of the system's, that no
// test can press.
const noPaper = `print = () => { asked = (globalThis.asked ?? 0) + 1 };`

// A print of six hundred messages, of which the page holds some 75 and asked for 50. Costs 6 s.
func TestAConversationIsPrintedWhole(t *testing.T) {
	t.Parallel()
	s := newServerWithKey(t)
	g := newGate(t, s)
	const bobID, adaID, said = 21, 22, 600
	ada := newDevice(t, s, adaID, "Ada")
	all := ""
	for i := range said {
		ada.tell(bobID, fmt.Sprintf("line %d.", i+1))
		all += "," + strconv.Itoa(i+1)
	}
	tb := newProfile(t).open("Bob", g.url+"/", noPaper+sessionOf(bobID, "Bob", s.token(bobID, "Bob")))
	tb.awaitConnection("live")
	bob := &person{tab: tb, id: strconv.Itoa(bobID)}
	bob.openChat(strconv.Itoa(adaID))
	bob.await("the messages", `() => document.querySelectorAll('[role=log] [data-seq]').length > 20`)
	loaded := bob.printed()

	ask := func(how string, times int) {
		t.Helper()
		switch how {
		case "the menu":
			bob.click("More")
			bob.click("Print…")
		case "the keys":
			call[bool](bob.tab, `() => !document.querySelector('textarea').dispatchEvent(new KeyboardEvent('keydown', {key: 'p', ctrlKey: true, bubbles: true, cancelable: true}))`)
		}
		bob.await("the page to ask for paper, by "+how, `times => globalThis.asked === times`, times)
	}
	for i, how := range []string{"the menu", "the keys"} {
		ask(how, i+1)
		if shown := call[bool](bob.tab, `() => document.querySelector('printed-conversation').checkVisibility()`); shown {
			t.Error("what is for paper is on the screen")
		}
		bob.media(map[string]string{"media": "print"})
		got := call[struct {
			Lines  string
			Seen   bool
			Beside []string
		}](bob.tab, onPaper)
		if got.Lines != all[1:] || !got.Seen || len(got.Beside) > 0 {
			t.Errorf("on paper are %d of %d lines, shown: %v; beside them %q", strings.Count(got.Lines, ",")+1, said, got.Seen, got.Beside)
		}
		paper := call[int](bob.tab, `() => Math.floor(document.documentElement.scrollHeight / (11 * 96))`)
		bob.media(nil)
		if pages := bob.printed(); pages < 2*loaded || pages < paper {
			t.Errorf("the conversation comes out on %d pages, what was loaded on %d; it takes %d", pages, loaded, paper)
		}
		bob.await("the page as it was", `() => !document.querySelector('printed-conversation, print-dialog') && document.querySelector('[role=log]').checkVisibility()`)
	}

	// Where all there is stands in the page, and over the dialog, the keys are the browser's.
	bob.openChat("23")
	bob.await("an empty conversation", `() => document.querySelector('.older.empty')`)
	if !call[bool](bob.tab, `() => document.querySelector('textarea').dispatchEvent(new KeyboardEvent('keydown', {key: 'p', ctrlKey: true, bubbles: true, cancelable: true}))`) {
		t.Error("of a conversation that is all there the page takes the browser's keys")
	}
	bob.wroteNoErrors()
}
