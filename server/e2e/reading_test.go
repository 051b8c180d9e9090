package e2e

import (
	"context"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"parley/proto"
)

// tell sends a text to a user.
func (d *device) tell(to uint64, content string) {
	d.t.Helper()
	var zero uint64
	d.must(proto.BranchMessage, &proto.Message{MessageId: &zero, SenderId: &d.user, Content: &content, CreateTime: &zero, ReceiverId: &to})
}

// lastOnScreen is JavaScript that returns the seq of the last message whose end
// is on the screen, and how many there are that follow.
const lastOnScreen = `() => {
	const log = document.querySelector('[role=log]').getBoundingClientRect();
	const seqs = [...document.querySelectorAll('[role=log] [data-seq]')].filter(e => {
		const end = (e.querySelector('.meta') ?? e).getBoundingClientRect();
		return end.bottom > log.top && end.top < log.bottom;
	}).map(e => Number(e.dataset.seq));
	return Math.max(...seqs);
}`

// scrolled waits until the page has looked at where it was scrolled to.
const scrolled = `() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done))))`

func TestWhatWasNeverOnTheScreenStaysUnread(t *testing.T) {
	t.Parallel()
	s := newServerWithKey(t)
	g := newGate(t, s)
	const bobID, adaID = 21, 22
	const said = 60
	ada := newDevice(t, s, adaID, "Ada")
	for i := range said {
		ada.tell(bobID, fmt.Sprintf("line %d.", i+1))
	}
	token, key := s.token(bobID, "Bob"), proto.DirectKey(bobID, adaID).String()
	bob := signInAs(newProfile(t), g, bobID, "Bob", token)
	bob.await("the badge", `(key, n) => document.querySelector('[data-key="' + key + '"]')?.dataset.unread === String(n)`, key, said)
	bob.openChat(strconv.Itoa(adaID))
	readIs := func(seq int) {
		t.Helper()
		eventually(t, fmt.Sprintf("read up to %d", seq), func() bool { return s.rows(token)[key].ReadSeq == strconv.Itoa(seq) })
		if unread := s.rows(token)[key].Unread; unread != strconv.Itoa(said-seq) {
			t.Errorf("%s unread at %d of %d", unread, seq, said)
		}
		bob.await("the badge", `(key, n) => document.querySelector('[data-key="' + key + '"]').dataset.unread === String(n)`, key, said-seq)
	}
	eventually(t, "something to be read", func() bool { return s.rows(token)[key].ReadSeq != "0" })
	first := call[int](bob.tab, lastOnScreen)
	if first < 2 || first > said/2 {
		t.Fatalf("the first screen ends at %d of %d", first, said)
	}
	readIs(first)

	// Nearly to the end at once: what lies between was never on the screen.
	call[bool](bob.tab, `() => { const log = document.querySelector('[role=log]'); log.scrollTop = log.scrollHeight - log.clientHeight - 100; return true }`)
	call[bool](bob.tab, scrolled)
	if last := call[int](bob.tab, lastOnScreen); last <= said/2 || last == said {
		t.Fatalf("near the end is %d of %d", last, said)
	}
	time.Sleep(1500 * time.Millisecond) // nothing tells that it is not read
	// Back, and on by less than a screen: what was marked before is told before.
	call[bool](bob.tab, `seq => { document.querySelector('[role=log] [data-seq="' + seq + '"]').scrollIntoView({block: 'start', behavior: 'instant'}); return true }`, first)
	call[bool](bob.tab, scrolled)
	second := call[int](bob.tab, lastOnScreen)
	if second <= first || second >= said {
		t.Fatalf("the second screen ends at %d, the first at %d", second, first)
	}
	readIs(second)

	// Whoever stays at the end is done with what they passed by.
	call[bool](bob.tab, `() => { const log = document.querySelector('[role=log]'); log.scrollTop = log.scrollHeight; return true }`)
	readIs(said)
	bob.wroteNoErrors()
}

func TestAfterALongAbsenceOneReadsOnWhereOneWas(t *testing.T) {
	t.Parallel()
	s := newServerWithKey(t, "-rate", "1000")
	g := newGate(t, s)
	const bobID, adaID = 21, 22
	const said, read = 620, 10
	ada, phone := newDevice(t, s, adaID, "Ada"), newDevice(t, s, bobID, "Bob")
	for i := range said {
		ada.tell(bobID, fmt.Sprintf("line %d.", i+1))
	}
	token, key := s.token(bobID, "Bob"), proto.DirectKey(bobID, adaID).String()
	upTo := uint64(read)
	if _, err := phone.send(proto.BranchMark, &proto.Mark{Key: &key, ReadSeq: &upTo}); err != nil {
		t.Fatal(err)
	}
	bob := signInAs(newProfile(t), g, bobID, "Bob", token)
	bob.openChat(strconv.Itoa(adaID))
	bob.await("the mark of unread messages", `() => document.querySelector('[role=log] .unread')`)
	call[bool](bob.tab, scrolled)
	mark := call[struct {
		Before string
		OnTop  bool
	}](bob.tab, unreadMark)
	if mark.Before != strconv.Itoa(read+1) || !mark.OnTop {
		t.Errorf("the mark of unread messages is %+v", mark)
	}
	around := call[[]int](bob.tab, `() => [...document.querySelectorAll('[role=log] [data-seq]')].map(e => Number(e.dataset.seq))`)
	if around[0] != 1 || around[len(around)-1] < read+20 {
		t.Errorf("around it stand %d to %d", around[0], around[len(around)-1])
	}
	bob.await("how many are new", `() => /^5[0-9]{2} new messages$/.test(document.querySelector('message-list .down').textContent)`)
	call[bool](bob.tab, `() => { document.querySelector('message-list .down').click(); return true }`)
	bob.await("the end", `seq => [...document.querySelectorAll('[role=log] [data-seq]')].at(-1)?.dataset.seq === seq`, strconv.Itoa(said))
	eventually(t, "everything to be read", func() bool { return s.rows(token)[key].ReadSeq == strconv.Itoa(said) })
	bob.wroteNoErrors()
}

// unreadMark is JavaScript that returns which message follows the mark of unread
// ones, and whether the mark stands at the top of the screen.
const unreadMark = `() => {
	const log = document.querySelector('[role=log]').getBoundingClientRect();
	const mark = document.querySelector('[role=log] .unread');
	const down = mark ? mark.getBoundingClientRect().top - log.top : -1;
	return {Before: mark?.nextElementSibling?.dataset.seq ?? '', OnTop: down >= 0 && down < log.height / 4};
}`

func TestAConversationOpenedBeforeItIsKnownOpensAtTheFirstUnreadMessage(t *testing.T) {
	t.Parallel()
	const bobID, adaID = 21, 22
	const said, read = 120, 30 // more than a page comes after
	for name, open := range map[string]func(t *testing.T, l *deviceLine, link string) *person{
		"in a browser that knows nothing": func(t *testing.T, l *deviceLine, link string) *person {
			l.cut("/mqtt")
			tb := newProfile(t).open("Bob", l.url+"/#"+link, sessionOf(bobID, "Bob", l.server.token(bobID, "Bob")))
			tb.await("the message list", `() => document.querySelector('[role=log]')`)
			return &person{tab: tb}
		},
		"while it is offline": func(t *testing.T, l *deviceLine, link string) *person {
			bob := signInOver(t, l, "", bobID, "Bob")
			l.cut("/mqtt")
			bob.awaitConnection("offline")
			bob.openChat(strconv.Itoa(adaID))
			bob.await("an empty list", `() => document.querySelector('[role=log] .empty')`)
			return bob
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newServerWithKey(t)
			line := newDeviceLine(t, s, 0)
			bob := open(t, line, fmt.Sprintf("/to/%d", adaID))
			ada, phone := newDevice(t, s, adaID, "Ada"), newDevice(t, s, bobID, "Bob")
			for i := range said {
				ada.tell(bobID, fmt.Sprintf("line %d.", i+1))
			}
			key, seq := proto.DirectKey(bobID, adaID).String(), uint64(read)
			if _, err := phone.send(proto.BranchMark, &proto.Mark{Key: &key, DeliveredSeq: &seq, ReadSeq: &seq}); err != nil {
				t.Fatal(err)
			}
			line.reopen("/mqtt")
			bob.awaitMessage(fmt.Sprintf("line %d.", read+1), "received")
			type mark struct {
				Before string
				OnTop  bool
			}
			if got, want := call[mark](bob.tab, unreadMark), (mark{strconv.Itoa(read + 1), true}); got != want {
				t.Errorf("the mark of unread messages is %+v, want %+v", got, want)
			}
			bob.wroteNoErrors()
		})
	}
}

// inFront shows the tab's window to the person, or minimizes it, and waits until
// the browser has told the page.
func (tb *tab) inFront(shown bool) {
	tb.t.Helper()
	state := browser.WindowStateMinimized
	if shown {
		state = browser.WindowStateNormal
	}
	tb.do(chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		window, err := cdp.Call(ctx, target, browser.GetWindowForTarget, browser.GetWindowForTargetParams{})
		if err != nil {
			return err
		}
		bounds := &browser.Bounds{WindowState: state}
		if _, err := cdp.Call(ctx, target, browser.SetWindowBounds, browser.SetWindowBoundsParams{WindowID: window.WindowID, Bounds: bounds}); err != nil {
			return err
		}
		_, err = cdp.Call(ctx, target, emulation.SetFocusEmulationEnabled, emulation.SetFocusEmulationEnabledParams{Enabled: shown})
		return err
	}))
	tb.await("the page to be told", `shown => document.visibilityState === (shown ? 'visible' : 'hidden') && document.hasFocus() === shown`, shown)
}

// focused lets the page believe that another window beside it has the focus, or
// not any more: a browser without a screen knows no such thing.
func (tb *tab) focused(has bool) {
	tb.t.Helper()
	call[bool](tb, `has => {
		document.hasFocus = () => has;
		if (has) dispatchEvent(new Event('focus'));
		return true }`, has)
}

func TestABackgroundTabReadsNothingAndReadingClearsTheBadgeEverywhere(t *testing.T) {
	t.Parallel()
	for name, turn := range map[string]func(tb *tab, to bool){"minimized": (*tab).inFront, "beside another window": (*tab).focused} {
		t.Run(name, func(t *testing.T) { readInBackground(t, turn) })
	}
}

// readInBackground lets somebody have two tabs, of which they turn away from one.
func readInBackground(t *testing.T, turn func(tb *tab, to bool)) {
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
	turn(behind.tab, false)

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

	turn(behind.tab, true)
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

// marks says that the device's user has read a conversation up to a message.
func (d *device) marks(t *testing.T, key string, seq uint64) {
	t.Helper()
	if _, err := d.send(proto.BranchMark, &proto.Mark{Key: &key, DeliveredSeq: &seq, ReadSeq: &seq}); err != nil {
		t.Fatal(err)
	}
}
