package startup

import (
	"fmt"
	"testing"

	"github.com/chromedp/chromedp"
)

// reader is somebody's page with a conversation open, of which everything is
// stored in the browser and read.
type reader struct {
	*tab
	guest
	address string // of the server
}

// newReader signs Anna in, to whom Bob wrote as many messages as are to be in
// one conversation, and others some each; it opens the conversation with Bob at its end.
func newReader(t testing.TB, inOne, others, each int) (anna *reader, bob guest) {
	t.Helper()
	address := newServer(t)
	anna = &reader{guest: newGuest(t, address, "Anna"), address: address}
	bob = newGuest(t, address, "Bob")
	bob.write(t, address, anna.guest, inOne)
	for i := range others {
		newGuest(t, address, fmt.Sprint("Writer ", i+1)).write(t, address, anna.guest, each)
	}
	anna.tab = newTab(t, fmt.Sprintf(watchPaint, "[role=log] [data-seq]"))
	anna.do(chromedp.Navigate("http://" + address + "/app.webmanifest")) // of the origin, and no page of Parley's
	call[bool](anna.tab, signIn, fmt.Sprint(anna.id), anna.name, anna.token)
	anna.do(chromedp.Navigate(fmt.Sprintf("http://%s/#/to/%d", address, bob.id)))
	anna.await("the page to be connected", `() => document.querySelector('[data-connection=live]')`)
	anna.await("the conversations to be there", `n => document.querySelectorAll('[data-key]').length === n`, others+1)
	if n, want := call[int](anna.tab, readEverything, anna.token), inOne+others*each; n != want {
		t.Fatalf("the browser has %d messages, want %d", n, want)
	}
	anna.await("everything to count as read", `() => !document.querySelector('[data-unread]:not([data-unread="0"])')`)
	// It opened at the first message, and a reload keeps the place.
	call[bool](anna.tab, `() => { document.querySelector('message-list .down').click(); return true }`)
	anna.await("the newest message at the end", atEnd, inOne)
	return anna, bob
}

// signIn keeps an identity as the page does.
const signIn = `(id, name, token) => { localStorage.setItem('parley.session', JSON.stringify({ id, name, token, since: Date.now() })); return true }`

// readEverything stores all messages of all conversations in the browser, marks
// them as read, and counts them.
const readEverything = `async token => {
	const { connect } = await import('/parley.js');
	const parley = await connect({ token });
	let n = 0;
	for (const { key, head } of await parley.conversations()) {
		for (let before = 0n; ;) {
			const page = await parley.history(key, { before, limit: 500 });
			if (page.incomplete) throw new Error(page.incomplete);
			n += page.messages.length;
			if (!page.more) break;
			before = page.messages[0].seq;
		}
		await parley.markRead(key, head);
	}
	parley.close();
	return n;
}`
