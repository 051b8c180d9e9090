package e2e

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp/kb"
)

func TestNamesThatLookAlikeAreToldApart(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	carol, impostor := s.guest("Carol Bates"), s.guest("Саrоl Bates")
	s.guest("Carol Battes")
	ada := signIn(t, newGate(t, s), "Ada")
	ada.fillIn("searchbox", "Search people and messages", "Bat")
	names := func(want ...string) {
		t.Helper()
		ada.await("the people found", `(...want) => {
			const names = [...document.querySelectorAll('.people .entry-name')].map(e => e.textContent);
			return names.length === want.length && want.every(name => names.includes(name));
		}`, toAny(want)...)
	}
	last := func(id string) string { return " (…" + id[len(id)-4:] + ")" }
	names("Carol Bates"+last(carol), "Саrоl Bates"+last(impostor), "Carol Battes")
	ada.wroteNoErrors()
}

// Two of a group have one name, and each of them is mentioned as who they are: also by what was written before a reload.
func TestNamesakesInAGroupAreToldApart(t *testing.T) {
	t.Parallel()
	const annID, firstID, otherID = 31, 1032, 1033
	s := newServerWithKey(t)
	g := newGate(t, s)
	newDevice(t, s, firstID, "Bob")
	newDevice(t, s, otherID, "Bob")
	profile := newProfile(t)
	ann := signInAs(profile, g, annID, "Ann", s.token(annID, "Ann"))
	key := ann.makeGroup("The team", "1032", "1033")
	names := func(where, selector string) {
		t.Helper()
		ann.await("both names in "+where, `selector => {
			const names = [...document.querySelectorAll(selector)].map(e => e.textContent.replace(/[\u2066-\u2069]/g, ''));
			return ['Bob (…1032)', 'Bob (…1033)'].every(name => names.some(one => one.includes(name)));
		}`, selector)
	}
	ann.click("Members")
	names("the list of members", "dialog .members .entry-name")
	ann.find("button", "Remove: Bob (…1032)")
	for _, on := range []screen{{1200, 800}, lowScreens[2], {390, 844}} {
		ann.show(on)
		if cut := call[[]string](ann.tab, `() => [...document.querySelectorAll('dialog .members .entry-name')].filter(e => e.scrollWidth > e.clientWidth + 1).map(e => e.textContent)`); len(cut) > 0 {
			t.Errorf("on %s the list cuts %q", on, cut)
		}
	}
	ann.show(screen{1200, 800})
	ann.pressIn("Close")

	ann.fill("Message", "look, @Bo")
	names("those who may be mentioned", "mention-picker [role=option]")
	choose := func(digits string) {
		t.Helper()
		call[bool](ann.tab, `digits => { [...document.querySelectorAll('mention-picker [role=option]')].find(e => e.textContent.includes(digits)).click(); return true }`, digits)
	}
	choose("1032")
	ann.awaitComposed("look, @Bob ")
	tab := second(profile, g, ann, "")
	tab.goTo("/c/" + key)
	tab.awaitComposed("look, @Bob ")
	tab.focusOn("message-composer textarea")
	tab.pressEnter()
	mentioned := func(content string, want ...string) {
		t.Helper()
		ann.awaitMessage(content, confirmed...)
		got := call[[]string](ann.tab, `async content => {
			const { connect } = await import('/parley.js');
			const parley = await connect({ token: JSON.parse(localStorage.getItem('parley.session')).token });
			const { messages } = await parley.history(location.hash.slice(4));
			parley.close();
			return messages.find(message => message.content === content).mentions.map(String);
		}`, content)
		if strings.Join(got, " ") != strings.Join(want, " ") {
			t.Errorf("%q mentions %q, want %q", content, got, want)
		}
	}
	mentioned("look, @Bob", "1032")
	ann.awaitComposed("")

	ann.fill("Message", "and you, @Bo")
	names("those who may be mentioned", "mention-picker [role=option]")
	choose("1033")
	ann.awaitComposed("and you, @Bob ")
	ann.reload()
	ann.awaitComposed("and you, @Bob ")
	ann.focusOn("message-composer textarea")
	ann.pressEnter()
	mentioned("and you, @Bob", "1033")

	// Whom one thought better of is not mentioned.
	ann.fill("Message", "hey @Bo")
	names("those who may be mentioned", "mention-picker [role=option]")
	choose("1032")
	ann.press(kb.Backspace, kb.Backspace, kb.Backspace)
	names("those who may be mentioned", "mention-picker [role=option]")
	choose("1033")
	ann.awaitComposed("hey @Bob ")
	ann.pressEnter()
	mentioned("hey @Bob", "1033")

	seq := ann.awaitMessage("look, @Bob", confirmed...).Seq
	call[bool](ann.tab, `seq => { document.querySelector('.message[data-seq="' + seq + '"] .state').click(); return true }`, seq)
	names("those who have read it", "dialog .members .entry-name")
	ann.wroteNoErrors()
}

func toAny(texts []string) (all []any) {
	for _, text := range texts {
		all = append(all, text)
	}
	return all
}
