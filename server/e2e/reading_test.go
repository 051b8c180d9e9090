package e2e

import (
	"strconv"
	"testing"

	"parley/proto"
)

// tell sends a text to a user.
func (d *device) tell(to uint64, content string) {
	d.t.Helper()
	var zero uint64
	d.must(proto.BranchMessage, &proto.Message{MessageId: &zero, SenderId: &d.user, Content: &content, CreateTime: &zero, ReceiverId: &to})
}

// inFront tells the page that the browser shows it to a person, or does not.
func (tb *tab) inFront(shown bool) {
	tb.t.Helper()
	call[bool](tb, `shown => {
		Object.defineProperty(document, 'visibilityState', {configurable: true, get: () => shown ? 'visible' : 'hidden'});
		document.hasFocus = () => shown;
		document.dispatchEvent(new Event('visibilitychange'));
		if (shown) dispatchEvent(new Event('focus'));
		return true }`, shown)
}

func TestABackgroundTabReadsNothingAndReadingClearsTheBadgeEverywhere(t *testing.T) {
	s := newServerWithKey(t)
	g := newGate(t, s)
	const bobID, adaID, eveID = 21, 22, 23
	ada, eve := newDevice(t, s, adaID, "Ada"), newDevice(t, s, eveID, "Eve")
	token := s.token(bobID, "Bob")
	fromAda, fromEve := proto.DirectKey(bobID, adaID).String(), proto.DirectKey(bobID, eveID).String()

	desktop := newProfile(t)
	behind := signInAs(desktop, g, bobID, "Bob", token)
	behind.openChat(strconv.Itoa(adaID))
	front := second(desktop, g, behind, "")
	front.awaitConnection("live")
	front.openChat(strconv.Itoa(eveID))
	phone := signInAs(newProfile(t), g, bobID, "Bob-phone", token)
	behind.inFront(false)

	ada.tell(bobID, "into the background")
	behind.awaitMessage("into the background", "received")
	badge := `(key, n) => document.querySelector('[data-key="' + key + '"]')?.dataset.unread === n`
	front.await("the badge", badge, fromAda, "1")
	phone.await("the badge", badge, fromAda, "1")

	// What comes later into the tab in front is read, and the other still is not.
	eve.tell(bobID, "into the foreground")
	front.awaitMessage("into the foreground", "received")
	eventually(t, "what is in front to be read", func() bool { return s.rows(token)[fromEve].ReadSeq == "1" })
	if got := s.rows(token)[fromAda]; got.ReadSeq != "0" || got.Unread != "1" {
		t.Errorf("in the background it was read: %+v", got)
	}
	phone.await("the badge of what was read", badge, fromEve, "0")
	phone.await("the badge of what was not", badge, fromAda, "1")

	behind.inFront(true)
	for _, device := range []*person{behind, front, phone} {
		device.await("the badge to go", badge, fromAda, "0")
	}
	if got := s.rows(token)[fromAda]; got.ReadSeq != "1" || got.Unread != "0" {
		t.Errorf("in front it was not read: %+v", got)
	}
	for _, device := range []*person{behind, front, phone} {
		device.wroteNoErrors()
	}
}
