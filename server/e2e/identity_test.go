package e2e

import (
	"bytes"
	"image/png"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/qrcode"
)

// openAccount opens the account's dialog, once the devices are there.
func (p *person) openAccount() {
	p.t.Helper()
	p.click("Settings")
	p.click("Account")
	p.await("the devices", `() => document.querySelector('[data-device]')`)
}

// scanned is what a camera reads on the page.
func (tb *tab) scanned() string {
	tb.t.Helper()
	tb.await("the QR code", `() => document.querySelector('svg.qr')`)
	picture, err := chromedp.Run(tb.ctx, chromedp.CaptureScreenshot())
	if err != nil {
		tb.t.Fatal(err)
	}
	image, err := png.Decode(bytes.NewReader(picture))
	if err != nil {
		tb.t.Fatal(err)
	}
	bitmap, err := gozxing.NewBinaryBitmapFromImage(image)
	if err != nil {
		tb.t.Fatal(err)
	}
	found, err := qrcode.NewQRCodeReader().Decode(bitmap, nil)
	if err != nil {
		tb.t.Fatalf("no QR code can be read: %v", err)
	}
	return found.GetText()
}

// codeShown is the code that a dialog shows.
func (tb *tab) codeShown() string {
	tb.t.Helper()
	tb.await("the code", `() => document.querySelector('output.code')`)
	return call[string](tb, `() => document.querySelector('output.code').textContent`)
}

// pressIn presses a button of the dialog on top.
func (tb *tab) pressIn(button string) {
	tb.t.Helper()
	tb.await("the button "+button, `name => {
		const found = [...[...document.querySelectorAll('dialog[open]')].at(-1)?.querySelectorAll('button') ?? []].find(b => (b.ariaLabel ?? b.textContent) === name);
		found?.click();
		return found;
	}`, button)
}

func (tb *tab) devices(n int) {
	tb.t.Helper()
	tb.await("so many devices", `n => document.querySelectorAll('[data-device]').length === n`, n)
}

// signsInElsewhere is JavaScript that signs a device in, with a label, as who is signed in, and returns who that is.
const signsInElsewhere = `async label => {
	const { token } = JSON.parse(localStorage.getItem('parley.session'));
	const post = async (path, body) => (await fetch(path, { method: 'POST', headers: { authorization: 'Bearer ' + token, 'content-type': 'application/json' }, body: JSON.stringify(body) })).json();
	const { code } = await post('/api/link-codes', {});
	return (await post('/api/sign-in', { code, device: label })).user_id;
}`

func TestAPersonTakesTheirIdentityAlongAndBack(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	g := newGate(t, s)
	first, bob := signIn(t, g, "Ada"), newPeer(t, s, "Bob")
	first.openAccount()
	first.shutsNobodyOut("the account")

	// Another browser, by the link in the QR code, which stays in no address.
	first.pressIn("Link a device")
	link, code := first.scanned(), first.codeShown()
	if want := g.url + "/#/link/" + code; link != want {
		t.Fatalf("the QR code says %q, want %q", link, want)
	}
	first.shutsNobodyOut("a link code")
	tb := newProfile(t).open("Ada's phone", link, "")
	tb.find("button", "Sign in")
	if address := call[string](tb, `() => location.href + ' ' + navigation.entries().map(({url}) => url)`); strings.Contains(address, code) {
		t.Errorf("the code is in %s", address)
	}
	tb.shutsNobodyOut("signing in by a link")
	tb.click("Sign in")
	tb.awaitConnection("live")
	phone := &person{tab: tb, id: first.id}
	if id := call[string](tb, `() => JSON.parse(localStorage.getItem('parley.session')).id`); id != first.id {
		t.Fatalf("the phone is user %s, want %s", id, first.id)
	}

	// Whoever shows the code sees that it was used, and in the devices, by what.
	first.await("the device that signed in", `() => document.querySelectorAll('dialog[open]').length === 1 && document.querySelectorAll('[data-device]').length === 2 &&
		/^A new device signed in: \w+ on Linux$/.test(document.querySelector('#account-said').textContent)`)

	// Renamed here, there, and for who is told.
	first.fill("Name that others see", "Augusta")
	first.pressIn("Rename")
	for _, p := range []*person{first, phone} {
		p.await("the new name", `() => document.querySelector('h1')?.textContent === 'Augusta' && JSON.parse(localStorage.getItem('parley.session')).name === 'Augusta'`)
	}
	first.devices(2)

	// With nothing unsent the phone keeps nothing when it is ended.
	first.pressIn("Make a recovery code")
	recovery := first.codeShown()
	first.shutsNobodyOut("a recovery code")
	first.pressIn("I have kept it")
	phone.openAccount()
	phone.devices(2)
	phone.pressIn("Close")
	first.await("the other device", `() => { const b = document.querySelector('[data-device]:not([data-current]) button'); b?.click(); return b }`)
	first.devices(1)
	phone.find("textbox", "Your name")
	phone.await("why", `() => document.querySelector('sign-in').textContent.includes('You were signed out on another device.')`)
	eventually(t, "nothing to be kept", func() bool { return call[string](phone.tab, kept) == "" })

	// What is not sent is kept until the person decides, and goes when they are back.
	first.pressIn("Link a device")
	code = first.codeShown()
	first.pressIn("Close")
	phone.click("I was here before")
	phone.fill("Link code or recovery code", strings.ToLower(code))
	phone.click("Sign in")
	phone.awaitConnection("live")
	phone.openChat(bob.id)
	g.cut("/mqtt")
	phone.awaitConnection("offline")
	phone.say("before I was ended")
	phone.awaitMessage("before I was ended", "pending")
	first.pressIn("Sign out everywhere else")
	first.devices(1)
	g.reopen("/mqtt")
	call[bool](phone.tab, `() => { dispatchEvent(new Event('online')); return true }`)
	phone.awaitConnection("signed-out")
	phone.await("what was not sent", `() => {
		const words = document.querySelector('[role=alert].banner').textContent;
		return words.includes('signed out on another device') && words.includes('Not sent yet') && words.includes('Bob');
	}`)
	phone.click("Sign in again")
	phone.fill("Link code or recovery code", recovery)
	phone.clickOn("switch", "Sign out everywhere else")
	phone.pressIn("Sign in")
	phone.awaitConnection("live")
	phone.notice("make a new one")
	bob.openChat(phone.id)
	bob.awaitMessage("before I was ended")
	first.find("textbox", "Your name") // it was ended with the others

	// Who is somebody else by now is asked before a link makes them another.
	first.fill("Your name", "Eve")
	first.click("Start")
	first.awaitConnection("live")
	phone.openAccount()
	phone.devices(1)
	phone.show(lowScreens[0])
	phone.shutsNobodyOut("the account at 400 %")
	phone.show(screen{1200, 800})
	phone.pressIn("Link a device")
	code = phone.codeShown()
	become := func(answer string) {
		t.Helper()
		call[bool](first.tab, `hash => { location.hash = hash; return true }`, "/link/"+code)
		first.await("the question", `() => document.querySelector('dialog[open]')?.textContent.includes('signed in as')`)
		first.pressIn(answer)
	}
	become("Cancel")
	if name := call[string](first.tab, `() => JSON.parse(localStorage.getItem('parley.session')).name + location.hash`); name != "Eve#/" {
		t.Errorf("after a refusal the browser is %s", name)
	}
	become("Sign in")
	first.await("the other's chat", `id => JSON.parse(localStorage.getItem('parley.session')).id === id && document.querySelector('[data-key]')`, phone.id)
	first.awaitConnection("live")

	// Whoever looks elsewhere is told, once, and so is who was away.
	phone.pressIn("Close")
	signIn := func(label string) {
		t.Helper()
		if id := call[string](first.tab, signsInElsewhere, label); id != phone.id {
			t.Fatalf("%s signed in as %q", label, id)
		}
	}
	const told = `words => document.querySelector('.notice[role=status]')?.textContent.includes(words)`
	signIn("the television")
	phone.await("word of it", told, "A new device signed in: the television")
	for _, on := range []screen{{390, 844}, lowScreens[0]} {
		phone.show(on)
		if !call[bool](phone.tab, `() => {
			const [notice, {height}] = ['', ' p'].map(part => document.querySelector('.notice[role=status]' + part).getBoundingClientRect());
			return height < 50 && [...document.querySelectorAll('.notice[role=status] > *')].every(e => e.getBoundingClientRect().bottom <= notice.bottom);
		}`) {
			t.Errorf("on %s the word of it is squeezed or cut", on)
		}
	}
	phone.show(screen{1200, 800})
	phone.click("Your devices…")
	phone.devices(3)
	phone.visit("about:blank")
	signIn("the car")
	phone.visit(g.url + "/")
	phone.await("word of it", told, "A new device signed in: the car")
	phone.reload()
	phone.openAccount()
	phone.devices(4)
	if n := phone.notices("signed in"); n > 0 {
		t.Errorf("after a reload %d notices tell of devices that were told", n)
	}
}
