package e2e

import (
	"fmt"
	"slices"
	"testing"

	"github.com/chromedp/chromedp"
)

// rows are the conversations of a page's list, each with what marks it.
func (p *person) rows() []string {
	p.t.Helper()
	return call[[]string](p.tab, `() => [...document.querySelectorAll('[role=list][aria-label=Conversations] > li')].map(row => [
		row.dataset.key, 'markedUnread' in row.dataset ? 'marked' : row.dataset.unread,
		...[...row.querySelectorAll('[role=img]')].filter(e => e.checkVisibility() && /Pinned|Muted/.test(e.ariaLabel)).map(e => e.ariaLabel),
	].join(' '))`)
}

func (p *person) awaitRows(what string, want ...string) {
	p.t.Helper()
	var got []string
	defer func() {
		if p.t.Failed() {
			p.t.Logf("%s shows %q", p.name, got)
		}
	}()
	eventually(p.t, fmt.Sprintf("%s: %s: %q", p.name, what, want), func() bool {
		got = p.rows()
		return slices.Equal(got, want)
	})
}

// clickRow clicks a conversation's row.
func (p *person) clickRow(key string, options ...chromedp.MouseOption) {
	p.t.Helper()
	p.await("the row of "+key, `key => document.querySelector('li[data-key="' + key + '"]')?.checkVisibility()`, key)
	at := call[[]float64](p.tab, `key => {
		const {x, y, width, height} = document.querySelector('li[data-key="' + key + '"] a').getBoundingClientRect();
		return [x + width / 2, y + height / 2];
	}`, key)
	p.do(chromedp.MouseClickXY(at[0], at[1], options...))
}

// choose chooses from the menu of a conversation's row.
func (p *person) choose(key, act string) {
	p.t.Helper()
	p.clickRow(key, chromedp.ButtonRight)
	p.click(act)
}

func TestWhatIsChosenForAConversationHoldsOnAllDevices(t *testing.T) {
	t.Parallel()
	const bobID, adaID, eveID = 21, 22, 23
	const ada, eve = "d:21:22", "d:21:23"
	s := newServerWithKey(t)
	g := newGate(t, s)
	adas, eves := newDevice(t, s, adaID, "Ada"), newDevice(t, s, eveID, "Eve")
	adas.tell(bobID, "from Ada")
	eves.tell(bobID, "from Eve")
	token := s.token(bobID, "Bob")
	bob := signInAs(newProfile(t), g, bobID, "Bob", token)
	phone := signInAs(newProfile(t), g, bobID, "Bob's phone", token)
	both := func(what string, want ...string) {
		t.Helper()
		bob.awaitRows(what, want...)
		phone.awaitRows(what, want...)
	}
	titled := func(title string) {
		t.Helper()
		phone.await("the title "+title, `title => document.title === title`, title)
	}

	both("before", eve+" 1", ada+" 1")
	bob.choose(ada, "Pin")
	both("pinned", ada+" 1 Pinned", eve+" 1")
	titled("(2) Parley")
	phone.choose(eve, "Mute")
	both("muted", ada+" 1 Pinned", eve+" 1 Muted")
	titled("(1) Parley")
	bob.choose(ada, "Mark as read")
	both("read", ada+" 0 Pinned", eve+" 1 Muted")
	bob.choose(ada, "Mark as unread")
	both("marked as unread", ada+" marked Pinned", eve+" 1 Muted")
	bob.clickRow(ada)
	both("opened", ada+" 0 Pinned", eve+" 1 Muted")
	bob.click("More")
	bob.click("Mark as unread")
	bob.await("the list", `() => document.querySelector('chat-panes').dataset.view === 'list'`)
	both("marked where it is open", ada+" marked Pinned", eve+" 1 Muted")

	phone.choose(ada, "Archive")
	both("archived", eve+" 1 Muted")
	bob.click("Archived (1)")
	bob.awaitRows("the archive", ada+" marked Pinned")
	bob.choose(ada, "Take out of the archive")
	both("out of the archive", ada+" marked Pinned", eve+" 1 Muted")
	bob.choose(ada, "Archive")
	phone.choose(eve, "Archive")
	both("both archived")
	adas.tell(bobID, "news from Ada")
	eves.tell(bobID, "news from Eve")
	both("something new", ada+" 1 Pinned")
	phone.click("Archived (1)")
	phone.awaitRows("what is muted stays", eve+" 2 Muted")
	bob.wroteNoErrors()
	phone.wroteNoErrors()
}
