package e2e

import (
	"fmt"
	"testing"

	"parley/proto"
)

// notesJumps is JavaScript that keeps which message was marked last as the one that one came for: the mark goes after two
// seconds, whether a test has seen it or not.
const notesJumps = `
	new MutationObserver(changes => {
		for (const { target } of changes) if (target.matches('[role=log] .jumped')) window.jumpedTo = target;
	}).observe(document, { subtree: true, attributeFilter: ['class'] });`

// jumpedTo waits until a message was marked as the one that one came for, and is in the middle of what is in sight.
func (p *person) jumpedTo(content string) {
	p.t.Helper()
	p.await(content+" to be gone to", `content => {
		const row = window.jumpedTo;
		if (!row?.isConnected || !row.textContent.includes(content)) return false;
		const {top, bottom} = row.getBoundingClientRect(), log = document.querySelector('[role=log]').getBoundingClientRect();
		return top >= log.top && bottom <= log.bottom && document.activeElement === row.querySelector('.acts');
	}`, content)
}

// tellsMany lets a device write n messages to a user: "line 1." to "line n.".
func (d *device) tellsMany(user uint64, n int) {
	for i := range n {
		d.tell(user, fmt.Sprintf("line %d.", i+1))
	}
}

// However far above the first unread message stands, and whatever one came for, one goes there.
func TestTheFirstUnreadMessageIsGoneToFromAfar(t *testing.T) {
	t.Parallel()
	s := newServerWithKey(t)
	g := newGate(t, s)
	newDevice(t, s, 12, "Bob").tellsMany(11, 300)
	key := proto.DirectKey(11, 12).String()
	newDevice(t, s, 11, "Ann").marks(t, key, 7)
	tb := newProfile(t).open("Ann", g.url+"/#/c/"+key+"/300", sessionOf(11, "Ann", s.token(11, "Ann")))
	ann := &person{tab: tb, id: "11"}
	ann.awaitConnection("live")
	ann.jumpedTo("line 300.")
	ann.click("To the first unread message")
	ann.jumpedTo("line 8.")
	ann.wroteNoErrors()
}

// With a link one comes to a message however far above it is, and back; reading the newest is not claimed.
func TestALinkLeadsToAMessage(t *testing.T) {
	t.Parallel()
	s := newServerWithKey(t)
	g := newGate(t, s)
	bob := newDevice(t, s, 12, "Bob")
	bob.tellsMany(11, 300)
	key := proto.DirectKey(11, 12).String()
	newDevice(t, s, 11, "Ann").marks(t, key, 295)
	tb := newProfile(t).open("Ann", g.url+"/#/c/"+key+"/40", sessionOf(11, "Ann", s.token(11, "Ann"))+`;
		new MutationObserver(() => { window.sawTheEnd ||= document.querySelector('[data-seq="300"]') !== null; }).observe(document, {subtree: true, childList: true})`)
	ann := &person{tab: tb, id: "11"}
	ann.awaitConnection("live")
	ann.jumpedTo("line 40.")
	if unread := call[string](tb, `key => document.querySelector('[data-key="' + key + '"]').dataset.unread`, key); unread != "5" {
		t.Errorf("%s are unread after a look far above the last 5, which nobody read", unread)
	}

	if call[bool](tb, `() => window.sawTheEnd === true`) {
		t.Error("the newest messages were shown before the one that the link leads to")
	}

	// Another, back, and what leads nowhere.
	ann.goTo("/c/" + key + "/200")
	ann.jumpedTo("line 200.")
	call[bool](tb, `() => { history.back(); return true }`)
	ann.jumpedTo("line 40.")
	ann.goTo("/c/" + key + "/301")
	ann.notice("There is no such message in this conversation yet")
	for _, wrong := range []struct{ hash, words string }{
		{"/c/" + key + "/x", "This link does not work"}, {"/c/" + key + "/1/2", "This link does not work"}, {"/c/d:12:11/1", "This link does not work"},
		{"/c/d:12:13/1", "This conversation is not yours to read"},
	} {
		ann.goTo(wrong.hash)
		ann.find("heading", wrong.words)
	}

	// The link is in a message's menu.
	call[bool](tb, `() => { navigator.clipboard.writeText = async text => { window.copied = text }; return true }`)
	ann.goTo("/c/" + key + "/300")
	ann.jumpedTo("line 300.")
	ann.act("line 300.", "Copy link")
	ann.notice("Link copied. It opens for those who may read this conversation.")
	if got, want := call[string](tb, `() => window.copied`), g.url+"/#/c/"+key+"/300"; got != want {
		t.Errorf("copied is %s, want %s", got, want)
	}
	ann.wroteNoErrors()
}

func TestALinkOfAServiceLeadsItsCustomerAndItsAgentsThereAndNobodyElse(t *testing.T) {
	t.Parallel()
	s := newServerWithKey(t)
	g := newGate(t, s)
	customer := newDevice(t, s, 12, "Cleo")
	for i := range 120 {
		customer.asks(support, fmt.Sprintf("line %d.", i+1))
	}
	hash := "/c/" + proto.ServiceKey(12, support).String() + "/7"
	for name, token := range map[string]string{
		"Ann": s.tokenFor(11, "Ann", []proto.ServiceType{support}), "Cleo": s.token(12, "Cleo"), "Dora": s.token(13, "Dora"),
	} {
		id := map[string]uint64{"Ann": 11, "Cleo": 12, "Dora": 13}[name]
		p := &person{tab: newProfile(t).open(name, g.url+"/#"+hash, sessionOf(id, name, token))}
		if p.awaitConnection("live"); name == "Dora" {
			p.find("heading", "This conversation is not yours to read")
			continue
		}
		p.jumpedTo("line 7.")
	}
}
