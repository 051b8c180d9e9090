package e2e

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/color/palette"
	"image/gif"
	"image/png"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// moving is a GIF of two frames.
func moving(t *testing.T) []byte {
	t.Helper()
	g := &gif.GIF{Delay: []int{10, 10}}
	for i := range 2 {
		frame := image.NewPaletted(image.Rect(0, 0, 20, 10), palette.WebSafe)
		frame.SetColorIndex(i, i, 9)
		g.Image = append(g.Image, frame)
	}
	var b bytes.Buffer
	if err := gif.EncodeAll(&b, g); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// telling is a GIF that says where it was made, wherever it can.
func telling(gif []byte) []byte {
	const where = "\x0dtaken at home\x00"
	pictures := gif[:len(gif)-1]
	return slices.Concat(pictures, []byte("\x21\xfe"+where+"\x21\xff\x0bXMP DataXMP"+where+"\x21\x01"+where+";taken at home"))
}

// movingPNG is a PNG that moves, if by one frame alone, and says where it was made.
func movingPNG(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, 20, 10))); err != nil {
		t.Fatal(err)
	}
	chunk := func(name, data string) []byte {
		c := binary.BigEndian.AppendUint32(nil, uint32(len(data)))
		c = append(c, name+data...)
		return binary.BigEndian.AppendUint32(c, crc32.ChecksumIEEE(c[4:]))
	}
	const header = 8 + 25 // signature and IHDR
	whole := append(slices.Clone(b.Bytes()[:header]), chunk("acTL", "\x00\x00\x00\x01\x00\x00\x00\x00")...)
	whole = append(whole, chunk("fcTL", "\x00\x00\x00\x00\x00\x00\x00\x14\x00\x00\x00\x0a"+strings.Repeat("\x00", 8)+"\x00\x01\x00\x0a\x00\x00")...)
	whole = append(whole, chunk("tEXt", "Comment\x00taken at home")...)
	return append(whole, b.Bytes()[header:]...)
}

// fileOf is JavaScript that makes a DataTransfer with one file of a name, a type and a content in Base64.
const fileOf = `const carried = new DataTransfer();
	carried.items.add(new File([Uint8Array.from(atob(content), c => c.charCodeAt(0))], name, {type}));`

// drops drops a file on the page.
func (p *person) drops(name, mediaType string, content []byte) {
	p.t.Helper()
	call[bool](p.tab, `(name, type, content) => {
		`+fileOf+`
		const over = new DragEvent('dragover', {dataTransfer: carried, bubbles: true, cancelable: true});
		document.querySelector('[role=log]').dispatchEvent(over);
		document.querySelector('[role=log]').dispatchEvent(new DragEvent('drop', {dataTransfer: carried, bubbles: true, cancelable: true}));
		return over.defaultPrevented;
	}`, name, mediaType, base64.StdEncoding.EncodeToString(content))
}

// pastes pastes a file where one writes.
func (p *person) pastes(name, mediaType string, content []byte) {
	p.t.Helper()
	call[bool](p.tab, `(name, type, content) => {
		`+fileOf+`
		return document.querySelector('message-composer textarea').dispatchEvent(new ClipboardEvent('paste', {clipboardData: carried, bubbles: true, cancelable: true}));
	}`, name, mediaType, base64.StdEncoding.EncodeToString(content))
}

// carriedBy are the newest message's attachments as the server has them: type, name and content, a
// letter for each byte.
func (p *person) carriedBy(peer string) []string {
	p.t.Helper()
	return call[[]string](p.tab, `async peer => {
		const {id, token} = JSON.parse(localStorage.getItem('parley.session'));
		const headers = {Authorization: 'Bearer ' + token};
		const key = 'd:' + [BigInt(id), BigInt(peer)].sort((a, b) => (a < b ? -1 : 1)).join(':');
		const {messages} = await (await fetch('/api/conversations/' + key + '/messages', {headers})).json();
		return Promise.all(messages.at(-1).attachments.map(async a => [a.media_type, a.name,
			Array.from(new Uint8Array(await (await fetch('/api/attachments/' + a.attachment_id, {headers})).arrayBuffer()), b => String.fromCharCode(b)).join('')].join(' ')));
	}`, peer)
}

// latin1 is a text of which each letter stands for a byte, as carriedBy returns.
func latin1(content []byte) string {
	letters := make([]rune, len(content))
	for i, b := range content {
		letters[i] = rune(b)
	}
	return string(letters)
}

func TestFilesComeByDropByPasteAndFromTheCamera(t *testing.T) {
	t.Parallel()
	s := newServerForGuests(t)
	g := newGate(t, s)
	ada, bob := signIn(t, g, "Ada"), signIn(t, g, "Bob")
	ada.openChat(bob.id)
	bob.openChat(ada.id)
	ready := func() {
		t.Helper()
		ada.await("what is to be sent", `() => document.querySelector('dialog.send-files .outgoing[data-ready]')`)
	}

	// What moves goes on moving, but does not say where it was made.
	animation := moving(t)
	ada.drops("moving.gif", "image/gif", telling(animation))
	ready()
	ada.awaitFocus("the caption", "textarea", "Caption")
	ada.pressEnter()
	bob.await("the picture", `() => document.querySelectorAll('[data-type=image] .picture[data-loaded]').length === 1`)
	if got := bob.carriedBy(ada.id); len(got) != 1 || got[0] != "image/gif moving.gif "+latin1(animation) {
		t.Errorf("Bob has %.60q", got)
	}

	ada.drops("moving.png", "image/png", movingPNG(t))
	ready()
	ada.pressEnter()
	bob.await("both pictures", `() => document.querySelectorAll('[data-type=image] .picture[data-loaded]').length === 2`)
	if got := bob.carriedBy(ada.id); len(got) != 1 || !strings.HasPrefix(got[0], "image/png moving.png") || !strings.Contains(got[0], "acTL") || strings.Contains(got[0], "taken at home") {
		t.Errorf("Bob has %.60q", got)
	}

	// A picture whose original is wanted is sent as it is, with all that it says.
	original := photo(t, 300, 200)
	ada.pastes("photo.jpg", "image/jpeg", original)
	ready()
	ada.clickOn("checkbox", "Send pictures as files, as they are")
	ada.sendChosen()
	bob.awaitMessage("photo.jpg", "received")
	if got := bob.carriedBy(ada.id); len(got) != 1 || !strings.Contains(got[0], "photo.jpg") || !strings.Contains(got[0], "taken at home") {
		t.Errorf("Bob has %.60q", got)
	}

	// Text that is pasted with a picture of it beside is text, and what is left out is not sent.
	ada.drops("one.txt", "text/plain", []byte("one"))
	ready()
	ada.click("Leave out one.txt")
	ada.await("nothing to be sent", `() => document.querySelector('dialog.send-files .primary').disabled`)
	ada.press(kb.Escape)
	ada.await("no dialog", `() => !document.querySelector('dialog.send-files')`)

	// A phone has a button for its camera, and what comes from there is a picture like another.
	if hidden := call[bool](ada.tab, `() => document.querySelector('message-composer .camera').hidden`); !hidden {
		t.Error("where there is a mouse, a camera is offered")
	}
	ada.do(chromedp.EmulateViewport(390, 844, chromedp.EmulateMobile, chromedp.EmulateTouch))
	ada.reload()
	ada.find("button", "Take a photo")
	if how := call[string](ada.tab, `() => document.querySelector('message-composer input[capture]').getAttribute('capture')`); how != "environment" {
		t.Errorf("the camera is the %q one", how)
	}
	ada.giveFiles("message-composer input[capture]", inFolder(t, map[string][]byte{"camera.jpg": photo(t, 90, 60)})["camera.jpg"])
	ready()
	ada.awaitFocus("the title, where no keyboard comes up", "h2", "Send files")
	ada.shutsNobodyOut("a photo to be sent, on a phone")
	ada.sendChosen()
	bob.await("all three pictures", `() => document.querySelectorAll('[data-type=image] .picture[data-loaded]').length === 3`)
	ada.wroteNoErrors()
	bob.wroteNoErrors()
}

func TestAFileThatTheServerHasNoRoomForSaysWhy(t *testing.T) {
	t.Parallel()
	s := newServer(t, "-max-upload", "100KiB", "-kept-uploads", "150KiB")
	g := newGate(t, s)
	ada, bob := signIn(t, g, "Ada"), newPeer(t, s, "Bob")
	ada.openChat(bob.id)
	bob.openChat(ada.id)
	paths := inFolder(t, map[string][]byte{"first.bin": make([]byte, 90<<10), "second.bin": make([]byte, 90<<10)})
	ada.chooseFiles(paths["first.bin"])
	ada.sendChosen()
	ada.awaitMessage("first.bin", confirmed...)
	ada.chooseFiles(paths["second.bin"])
	ada.sendChosen()
	ada.say("behind it")
	ada.awaitMessage("behind it", confirmed...)
	ada.await("why not", `() => document.querySelector('[data-state=refused] .refusal')?.textContent.includes('as much as is kept of one person’s')`)
	ada.shutsNobodyOut("a file that was refused")
	mark := g.mark()
	ada.click("Send again")
	eventually(t, "another try", func() bool { return len(g.since(mark, "/api/uploads")) > 0 })
	ada.await("it to be refused again, and gone", `() => { document.querySelector('[data-state=refused] .refusal button:last-child')?.click(); return document.querySelectorAll('[data-type=file]').length === 1 }`)
	ada.await("nothing to be kept", `async id => await (`+countKept+`)(id) === 0`, ada.id)
}

func TestPicturesAreLookedAtByKeysByTouchAndOutsideTheBrowser(t *testing.T) {
	t.Parallel()
	s := newServerForGuests(t)
	g := newGate(t, s)
	ada := signIn(t, g, "Ada")
	bob := signInWith(newProfile(t), g, "Bob", `
		window.downloads = [];
		HTMLAnchorElement.prototype.click = function () { if (this.download) downloads.push(this.download); };`)
	ada.openChat(bob.id)
	bob.openChat(ada.id)
	paths := inFolder(t, map[string][]byte{"first.jpg": photo(t, 60, 40), "second.jpg": photo(t, 40, 60), "notes.txt": []byte("notes")})
	ada.chooseFiles(paths["first.jpg"], paths["second.jpg"], paths["notes.txt"])
	ada.sendChosen()
	bob.await("all of it", `() => document.querySelectorAll('.picture[data-loaded]').length === 2 && document.querySelector('.file')`)
	at := func(n string) {
		t.Helper()
		bob.await("picture "+n, `n => document.querySelector('.viewer .stage')?.dataset.loaded === n`, n)
	}
	zoomed := func(by string) {
		t.Helper()
		bob.await("zoom "+by, `by => document.querySelector('.viewer img').style.transform.includes('scale(' + by + ')')`, by)
	}

	bob.focusOn(".picture")
	bob.pressEnter()
	at("0")
	bob.awaitFocus("what closes it", "button", "Close")
	bob.press(kb.ArrowRight)
	at("1")
	bob.press(kb.ArrowRight) // there is no more
	bob.press("+")
	zoomed("1.4")
	bob.press("-")
	zoomed("1")
	bob.press(kb.ArrowLeft)
	at("0")
	bob.tabTo("[aria-label=Download]", true)
	bob.pressEnter()
	bob.press(kb.Escape)
	bob.await("no viewer", `() => !document.querySelector('.viewer')`)
	bob.awaitFocus("the picture again", ".picture", "")
	bob.click("Download notes.txt")
	bob.await("both with their names", `() => JSON.stringify(downloads) === '["first.jpg","notes.txt"]'`)

	bob.do(chromedp.EmulateViewport(390, 844, chromedp.EmulateMobile, chromedp.EmulateTouch))
	bob.tap("the second picture", `() => document.querySelectorAll('.picture')[1]`)
	at("1")
	bob.shutsNobodyOut("a picture, large, on a phone")
	bob.swipes(80, 320)
	at("0")
	bob.swipes(320, 80)
	at("1")
	bob.pinches()
	bob.await("it to be larger", `() => !document.querySelector('.viewer img').style.transform.includes('scale(1)')`)
	bob.tapText("Close")
	bob.await("no viewer", `() => !document.querySelector('.viewer')`)
	bob.wroteNoErrors()
}

// touches moves fingers over the screen: each step is where they are, by x and y; the last lifts them.
func (p *person) touches(steps ...[]*input.TouchPoint) {
	p.t.Helper()
	p.do(chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		for i, points := range append(slices.Clone(steps), []*input.TouchPoint{}) {
			kind := input.DispatchTouchEventTypeTouchMove
			switch i {
			case 0:
				kind = input.DispatchTouchEventTypeTouchStart
			case len(steps):
				kind = input.DispatchTouchEventTypeTouchEnd
			}
			if _, err := cdp.Call(ctx, target, input.DispatchTouchEvent, input.DispatchTouchEventParams{Type: kind, TouchPoints: points}); err != nil {
				return err
			}
		}
		return nil
	}))
}

// swipes moves a finger across the middle of the screen.
func (p *person) swipes(from, to float64) {
	p.t.Helper()
	p.touches([]*input.TouchPoint{{X: from, Y: 420}}, []*input.TouchPoint{{X: (from + to) / 2, Y: 420}}, []*input.TouchPoint{{X: to, Y: 420}})
}

// pinches moves two fingers apart.
func (p *person) pinches() {
	p.t.Helper()
	one, other := 1.0, 2.0
	p.touches([]*input.TouchPoint{{X: 180, Y: 420, ID: &one}, {X: 210, Y: 420, ID: &other}}, []*input.TouchPoint{{X: 120, Y: 420, ID: &one}, {X: 270, Y: 420, ID: &other}})
}
