package e2e

import (
	"fmt"
	"strings"
	"testing"
)

func TestTheOpenPaneSaysWhatIsAmissAndKeepsItsPlace(t *testing.T) {
	t.Parallel()
	s := newServerForGuests(t)
	g := newGate(t, s)
	profile := newProfile(t)
	ada := signInWith(profile, g, "Ada", "")
	bob, cleo := newPeer(t, s, "Bob"), newPeer(t, s, "Cleo")
	for _, p := range []*peer{bob, cleo} {
		p.openChat(ada.id)
	}
	const said = 120
	for i := range said {
		bob.say(fmt.Sprintf("line %d.", i+1))
	}
	cleo.say("hello")
	ada.openChat(bob.id)
	ada.awaitMessage("line 1.", "received") // it opens where reading begins

	t.Run("where one read is kept while one is elsewhere", func(t *testing.T) {
		ada.t = t
		const top = `seq => { const e = document.querySelector('[role=log] [data-seq="' + seq + '"]'); return e ? Math.round(e.getBoundingClientRect().top) : -1 }`
		const read = 30 // on no page of the newest
		ada.await("the message to be there", `seq => {
			const log = document.querySelector('[role=log]');
			const row = log.querySelector('[data-seq="' + seq + '"]');
			if (row) row.scrollIntoView({ block: 'center', behavior: 'instant' });
			else log.scrollTop = 0;
			return row && !document.querySelector('.older.loading');
		}`, read)
		call[bool](ada.tab, scrolled)
		before := call[int](ada.tab, top, read)
		for _, elsewhere := range []string{"/to/" + cleo.id, "/"} {
			call[bool](ada.tab, `hash => { location.hash = hash; return true }`, elsewhere)
			ada.await("another pane", `seq => !document.querySelector('[role=log] [data-seq="' + seq + '"]')`, read)
			ada.openChat(bob.id)
			ada.await("the engine's messages", `() => document.querySelector('message-list.loaded:not([data-kept]) [data-seq]')`)
			call[bool](ada.tab, scrolled)
			if after := call[int](ada.tab, top, read); after != before {
				t.Errorf("after %s, message %d is at %d px, want %d", elsewhere, read, after, before)
			}
		}
		// A page that is loaded anew knows where, and so does another tab.
		at := func(tb *tab) int {
			tb.await("the engine's messages around it", `seq => document.querySelector('message-list.loaded:not([data-kept]) [data-seq="' + seq + '"]')`, read)
			call[bool](tb, scrolled)
			return call[int](tb, top, read)
		}
		ada.openChat(cleo.id)
		ada.awaitMessage("hello", "received")
		ada.reload()
		other := second(profile, g, ada, "")
		for _, p := range []*person{ada, other} {
			p.openChat(bob.id)
			if after := at(p.tab); after != before {
				t.Errorf("in %s, message %d is at %d px, want %d", p.name, read, after, before)
			}
		}
		other.closeTab()
		bob.say("and one more.")
		ada.await("the new message to be told of", `() => !document.querySelector('.down').hidden`)
	})

	t.Run("a link that leads nowhere", func(t *testing.T) {
		ada.t = t
		call[bool](ada.tab, `() => { location.hash = '/to/18446744073709551616'; return true }`)
		ada.find("heading", "This link does not work")
		if words := call[string](ada.tab, `() => document.querySelector('.main .empty').textContent`); strings.Contains(words, "184") || !strings.Contains(words, "send it again") {
			t.Errorf("the page says %q", words)
		}
	})

	t.Run("a link for agents", func(t *testing.T) {
		ada.t = t
		call[bool](ada.tab, `customer => { location.hash = '/c/s:' + customer + ':2'; return true }`, bob.id)
		ada.find("heading", "This conversation is not yours to read")
		if buttons := call[[]string](ada.tab, `() => [...document.querySelectorAll('.main :is(button, textarea)')].map(e => e.textContent)`); len(buttons) > 0 {
			t.Errorf("beside it stand %q", buttons)
		}
	})

	t.Run("files", func(t *testing.T) {
		ada.t = t
		ada.openChat(bob.id)
		taken := call[map[string]bool](ada.tab, `() => {
			const box = document.querySelector('textarea');
			const [files, text, both] = [0, 1, 2].map(() => new DataTransfer());
			for (const to of [files, both]) to.items.add(new File(['x'], 'a.png', {type: 'image/png'}));
			for (const to of [text, both]) to.setData('text/plain', 'words');
			const does = (target, event) => !target.dispatchEvent(event);
			const drop = dataTransfer => new DragEvent('drop', {dataTransfer, bubbles: true, cancelable: true});
			const paste = clipboardData => new ClipboardEvent('paste', {clipboardData, bubbles: true, cancelable: true});
			const got = {
				'dropped on the list': does(document.querySelector('.side'), drop(files)), 'dropped on the text': does(box, drop(files)),
				'pasted': does(box, paste(files)), 'pasted with text': does(box, paste(both)), 'pasted text': does(box, paste(text)),
			};
			got['text dropped beside the text box'] = !document.body.dispatchEvent(drop(text));
			got['text dropped on it'] = !box.dispatchEvent(drop(text));
			return got;
		}`)
		for what, want := range map[string]bool{
			"dropped on the list": true, "dropped on the text": true, "pasted": true, "pasted with text": false, "pasted text": false,
			"text dropped beside the text box": true, "text dropped on it": false,
		} {
			if taken[what] != want {
				t.Errorf("%s: taken is %v, want %v", what, taken[what], want)
			}
		}
		ada.await("to be asked once", `() => document.querySelectorAll('dialog.send-files[open]').length === 1 && document.querySelector('.outgoing .name').textContent === 'a.png'`)
		ada.click("Cancel")
		call[bool](ada.tab, `() => { location.hash = '/'; return true }`)
		ada.await("no conversation", `() => !document.querySelector('conversation-pane')`)
		call[bool](ada.tab, `() => {
			const files = new DataTransfer();
			files.items.add(new File(['x'], 'a.png', {type: 'image/png'}));
			document.querySelectorAll('.notice').forEach(notice => notice.remove());
			return document.body.dispatchEvent(new DragEvent('drop', {dataTransfer: files, bubbles: true, cancelable: true}));
		}`)
		ada.notice("Open the conversation to send files to")
	})
	t.Run("signing out", func(t *testing.T) {
		ada.t = t
		if got := call[string](ada.tab, kept); !strings.Contains(got, "parley.places") {
			t.Errorf("kept are %q, without where she read", got)
		}
		ada.click("Settings")
		ada.click("Sign out")
		ada.await("the question", `() => document.querySelector('dialog[open] button[value=out]')`)
		call[bool](ada.tab, `() => { document.querySelector('dialog button[value=out]').click(); return true }`)
		eventually(t, "nothing to be kept", func() bool { return call[string](ada.tab, kept) == "" })
	})
	ada.wroteNoErrors()
}
