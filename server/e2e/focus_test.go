package e2e

import (
	"strconv"
	"testing"

	"github.com/chromedp/chromedp/kb"
)

// watchFocus is JavaScript that notes in which frames, since somebody is signed in, nothing has the focus.
const watchFocus = `
	window.e2eLost = [];
	const look = () => {
		if (document.querySelector('chat-panes') && document.activeElement === document.body) window.e2eLost.push(Math.round(performance.now()));
		requestAnimationFrame(look);
	};
	requestAnimationFrame(look);`

// focusStayed wants something to have had the focus all the time.
func (p *person) focusStayed(when string) {
	p.t.Helper()
	if lost := call[[]int](p.tab, `() => window.e2eLost.splice(0)`); len(lost) > 0 {
		p.t.Errorf("%s nothing had the focus in %d frames, at %v ms", when, len(lost), lost[:min(9, len(lost))])
	}
}

func TestWhoSignsInHasTheFocusSomewhereHoweverMuchComes(t *testing.T) {
	t.Parallel()
	const many = 2_000
	s := newServer(t)
	id := s.guest("Ada")
	s.secret = s.keptSecret()
	user, err := strconv.ParseUint(id, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	s.fill(user, many, 0, 0)
	g := newGate(t, s)
	code := colleague{t, s, s.token(user, "Ada")}.ask("POST", "/api/link-codes", "")["code"].(string)
	ada := &person{tab: newProfile(t).open("Ada", g.url+"/#/link/"+code, watchFocus), id: id}
	ada.find("textbox", "Link code or recovery code")
	ada.focusOn("code-form input")
	ada.pressEnter()
	ada.awaitFocus("the name", ".side h1", "Ada")
	ada.awaitConnection("live")
	all := func() {
		t.Helper()
		ada.await("all conversations", `async n => {
			const { connect } = await import('/parley.js');
			const parley = await connect({ token: JSON.parse(localStorage.getItem('parley.session')).token });
			const { length } = await parley.conversations();
			parley.close();
			return length === n;
		}`, many)
	}
	all()
	ada.awaitFocus("the name", ".side h1", "Ada")
	ada.focusStayed("while conversations came,")

	// A row that has it keeps it where all is told anew, and when it goes the focus does not go with it.
	ada.focusOn("conversation-list a[tabindex='0']")
	ada.press(kb.ArrowDown, kb.ArrowDown)
	key := call[string](ada.tab, `() => document.activeElement.closest('li').dataset.key`)
	call[bool](ada.tab, deleteDatabase, id)
	all()
	ada.await("the row to have it", `key => document.activeElement.closest('li')?.dataset.key === key`, key)
	ada.focusStayed("when what is stored was deleted,")
	call[bool](ada.tab, `async key => {
		const { connect } = await import('/parley.js');
		const parley = await connect({ token: JSON.parse(localStorage.getItem('parley.session')).token });
		await parley.choose(key, { archived: true });
		parley.close();
		return true;
	}`, key)
	ada.await("the row to go", `key => !document.querySelector('[data-key="' + key + '"]')`, key)
	ada.awaitFocus("the row in its place", "conversation-list a", "")
	ada.focusStayed("when the row went,")
	ada.wroteNoErrors()
}
