package e2e

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/dom"
	"github.com/chromedp/chromedp"
)

// photo is a JPEG of a size, with an Exif segment that says where it was taken and that it is
// to be turned by a quarter.
func photo(t *testing.T, width, height int) []byte {
	t.Helper()
	m := image.NewRGBA(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			m.Set(x, y, color.RGBA{uint8(x), uint8(y), uint8(x * y / 97), 255})
		}
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, m, nil); err != nil {
		t.Fatal(err)
	}
	// TIFF, big endian, one entry: Orientation (0x0112), SHORT, 6: turned right.
	exif := "Exif\x00\x00MM\x00\x2a\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01\x00\x06\x00\x00\x00\x00\x00\x00" + "taken at home"
	segment := append([]byte{0xff, 0xe1, 0, byte(len(exif) + 2)}, exif...)
	return append(append([]byte("\xff\xd8"), segment...), b.Bytes()[2:]...)
}

// chooseFiles gives files to the composer's button, as its dialog would, and waits until they
// can be sent.
func (p *person) chooseFiles(files ...string) {
	p.t.Helper()
	p.await("the button for files, and no question about others", `() => document.querySelector('message-composer .attach:not([hidden])') && !document.querySelector('dialog.send-files')`)
	p.giveFiles("message-composer input[multiple]", files...)
	p.await("what is to be sent", `() => document.querySelector('dialog.send-files .outgoing[data-ready]')`)
}

// giveFiles gives files to an input, as the browser's dialog does.
func (p *person) giveFiles(selector string, files ...string) {
	p.t.Helper()
	p.await(selector, `selector => document.querySelector(selector)`, selector)
	p.do(chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		document, err := cdp.Call(ctx, target, dom.GetDocument, dom.GetDocumentParams{})
		if err != nil {
			return err
		}
		input, err := cdp.Call(ctx, target, dom.QuerySelector, dom.QuerySelectorParams{NodeID: document.Root.NodeID, Selector: selector})
		if err != nil {
			return err
		}
		_, err = cdp.Call(ctx, target, dom.SetFileInputFiles, dom.SetFileInputFilesParams{Files: files, NodeID: input.NodeID})
		return err
	}))
}

// inFolder writes files, and returns their paths.
func inFolder(t *testing.T, files map[string][]byte) map[string]string {
	t.Helper()
	dir, paths := t.TempDir(), make(map[string]string)
	for name, content := range files {
		paths[name] = filepath.Join(dir, name)
		if err := os.WriteFile(paths[name], content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return paths
}

// sendChosen sends what the dialog shows.
func (p *person) sendChosen() {
	p.t.Helper()
	call[bool](p.tab, `() => { document.querySelector('dialog.send-files .primary').click(); return true }`)
}

func TestPicturesAndFilesAreSentAndSeen(t *testing.T) {
	t.Parallel()
	s := newServerForGuests(t)
	g := newGate(t, s)
	ada, bob := signIn(t, g, "Ada"), signIn(t, g, "Bob")
	ada.openChat(bob.id)
	bob.openChat(ada.id)
	paths := inFolder(t, map[string][]byte{
		"photo.jpg": photo(t, 3000, 1500), "small.jpg": photo(t, 60, 40), "notes.html": []byte("<script>alert(1)</script>"), "empty.txt": nil, "large.bin": make([]byte, 26<<20),
	})

	t.Run("what cannot be sent is said before", func(t *testing.T) {
		ada.t = t
		ada.chooseFiles(paths["empty.txt"], paths["large.bin"])
		said := call[string](ada.tab, `() => document.querySelector('.send-files .problem').textContent`)
		if !strings.Contains(said, "large.bin is too large: at most 25 MiB can be sent") || !strings.Contains(said, "empty.txt is empty") {
			t.Errorf("it says %q", said)
		}
		if !call[bool](ada.tab, `() => document.querySelector('.send-files .primary').disabled`) {
			t.Error("it can be sent")
		}
		ada.click("Cancel")
	})

	t.Run("a picture, upright, smaller and without where it was taken", func(t *testing.T) {
		ada.t, bob.t = t, t
		ada.chooseFiles(paths["photo.jpg"], paths["small.jpg"], paths["notes.html"])
		ada.shutsNobodyOut("files to send")
		ada.fill("Caption", "at the sea")
		ada.sendChosen()
		ada.awaitMessage("at the sea", confirmed...)
		bob.awaitMessage("at the sea", "received")
		bob.awaitMessage("notes.html", "received")
		bob.await("the pictures", `() => document.querySelectorAll('[data-type=image] .picture[data-loaded]').length === 2`)
		sizes := call[[]string](bob.tab, `() => [...document.querySelectorAll('.picture img')].map(i => i.naturalWidth + 'x' + i.naturalHeight)`)
		if fmt.Sprint(sizes) != "[1280x2560 40x60]" {
			t.Errorf("the pictures are %v", sizes)
		}
		if previews := call[int](bob.tab, `() => document.querySelectorAll('.picture canvas').length`); previews != 2 {
			t.Errorf("%d previews", previews)
		}
		bob.shutsNobodyOut("messages with pictures and a file")
	})

	t.Run("the viewer", func(t *testing.T) {
		bob.t = t
		call[bool](bob.tab, `() => { document.querySelector('.picture').click(); return true }`)
		bob.await("the first picture", `() => document.querySelector('.viewer .stage[data-loaded="0"]')`)
		bob.shutsNobodyOut("a picture, large")
		bob.click("Zoom in")
		bob.await("to be larger", `() => document.querySelector('.viewer img').style.transform.includes('scale(1.4)')`)
		bob.click("Next picture")
		bob.await("the second picture", `() => document.querySelector('.viewer .stage[data-loaded="1"]')`)
		bob.click("Close")
		bob.await("no viewer", `() => !document.querySelector('.viewer')`)
	})

	t.Run("what a file is served as", func(t *testing.T) {
		bob.t = t
		got := call[map[string]string](bob.tab, `async () => {
			const {token} = JSON.parse(localStorage.getItem('parley.session'));
			const list = await (await fetch('/api/conversations', {headers: {Authorization: 'Bearer ' + token}})).json();
			const {messages} = await (await fetch('/api/conversations/' + list.conversations[0].key + '/messages', {headers: {Authorization: 'Bearer ' + token}})).json();
			const [file] = messages.at(-1).attachments;
			const answer = await fetch('/api/attachments/' + file.attachment_id, {headers: {Authorization: 'Bearer ' + token}});
			return {type: answer.headers.get('Content-Type'), how: answer.headers.get('Content-Disposition'), id: file.attachment_id, body: await answer.text(),
				picture: messages.at(-2).attachments[0].attachment_id};
		}`)
		if got["type"] != "application/octet-stream" || !strings.HasPrefix(got["how"], "attachment") || got["body"] != "<script>alert(1)</script>" {
			t.Errorf("served as %v", got)
		}
		eve := newPeer(t, s, "Eve")
		if status, _ := s.get("/api/attachments/"+got["id"], eve.token); status != http.StatusForbidden {
			t.Errorf("to somebody else: %d", status)
		}
		picture := call[string](bob.tab, `async id => {
			const {token} = JSON.parse(localStorage.getItem('parley.session'));
			return new TextDecoder('latin1').decode(await (await fetch('/api/attachments/' + id, {headers: {Authorization: 'Bearer ' + token}})).arrayBuffer());
		}`, got["picture"])
		if len(picture) == 0 || strings.Contains(picture, "taken at home") {
			t.Errorf("the picture of %d bytes says where it was taken", len(picture))
		}
	})

	t.Run("all that a conversation holds", func(t *testing.T) {
		bob.t = t
		bob.click("More")
		bob.click("Pictures and files…")
		bob.await("the pictures", `() => document.querySelectorAll('media-dialog .picture[data-loaded]').length === 2`)
		bob.shutsNobodyOut("all pictures of a conversation")
		bob.click("Files")
		bob.await("the file", `() => document.querySelector('media-dialog .file .name')?.textContent === 'notes.html'`)
		bob.click("Close")
	})

	t.Run("what was seen is there without the server", func(t *testing.T) {
		bob.t = t
		mark := g.mark()
		bob.reload()
		bob.await("the pictures", `() => document.querySelectorAll('[data-type=image] .picture[data-loaded]').length === 2`)
		if asked := g.since(mark, "/api/attachments/"); len(asked) > 0 {
			t.Errorf("asked for %v", asked)
		}
	})
	t.Run("what was taken back is kept nowhere", func(t *testing.T) {
		ada.t, bob.t = t, t
		kept := func(p *person) int {
			return call[int](p.tab, `async () => {
				let n = 0;
				for (const name of await caches.keys()) if (name.startsWith('parley-attachments-')) n += (await (await caches.open(name)).keys()).length;
				return n;
			}`)
		}
		if n := kept(bob); n != 2 {
			t.Fatalf("Bob's browser keeps %d pictures", n)
		}
		ada.act("at the sea", "Take back")
		ada.find("heading", "Take this message back?")
		ada.click("Take back")
		bob.await("the recall", `() => document.querySelector('[role=log]').textContent.includes('Ada took a message back') && !document.querySelector('.picture')`)
		for _, p := range []*person{ada, bob} {
			eventually(t, p.name+"'s browser keeps no picture", func() bool { return kept(p) == 0 })
		}
	})
	ada.t, bob.t = t, t
	ada.wroteNoErrors()
	bob.wroteNoErrors()
}

func TestFilesAreSentInChinese(t *testing.T) {
	t.Parallel()
	s := newServerForGuests(t)
	g := newGate(t, s)
	bob := newPeer(t, s, "Bob")
	ada := signInChinese(t, g, "Ada")
	bob.openChat(ada.id)
	bob.say("hello")
	call[bool](ada.tab, `hash => { location.hash = hash; return true }`, "/to/"+bob.id)
	ada.awaitMessage("hello", "received")
	paths := inFolder(t, map[string][]byte{"照片.jpg": photo(t, 60, 40), "大.bin": make([]byte, 26<<20)})
	ada.chooseFiles(paths["照片.jpg"], paths["大.bin"])
	if said := call[string](ada.tab, `() => document.querySelector('.send-files .problem').textContent`); said != "大.bin 过大，最多可发送 25 MiB。" {
		t.Errorf("it says %q", said)
	}
	ada.fill("说明文字", "海边")
	ada.sendChosen()
	ada.awaitMessage("海边", confirmed...)
	bob.awaitMessage("海边")
	ada.find("button", "图片：照片.jpg")
	ada.await("the list to say so", `() => document.querySelector('[data-key]').textContent.includes('图片：海边')`)
	ada.wroteNoErrors()
}

func TestFilesWaitForTheServerAlsoOverAReload(t *testing.T) {
	t.Parallel()
	s := newServerForGuests(t)
	g := newGate(t, s)
	ada, bob := signIn(t, g, "Ada"), newPeer(t, s, "Bob")
	ada.openChat(bob.id)
	paths := inFolder(t, map[string][]byte{"small.jpg": photo(t, 60, 40), "data.bin": bytes.Repeat([]byte("0123456789"), 300_000)})
	bob.openChat(ada.id)

	g.close("/api/uploads/")
	ada.chooseFiles(paths["data.bin"])
	ada.fill("Caption", "the data")
	ada.sendChosen()
	ada.awaitMessage("the data", "pending")
	ada.say("behind it")
	ada.awaitMessage("behind it", "pending")
	ada.find("button", "Cancel")
	ada.click("Pause")
	ada.find("button", "Go on")
	ada.reload()
	ada.awaitMessage("the data", "pending")
	ada.awaitMessage("behind it", "pending")
	ada.find("button", "Go on") // what the person let rest does so after a reload, too
	g.reopen("/api/uploads/")
	ada.click("Go on")
	ada.awaitMessage("the data", confirmed...)
	ada.awaitMessage("behind it", confirmed...)
	bob.awaitMessage("the data")
	if order := ada.messages(); len(order) != 2 || !strings.Contains(order[0].Text, "the data") || order[0].Seq != "1" || order[1].Seq != "2" {
		t.Errorf("the order is %+v", order)
	}
	ada.await("nothing to be kept", `async id => await (`+countKept+`)(id) === 0`, ada.id) // soon after it is confirmed

	t.Run("cancelled", func(t *testing.T) {
		ada.t = t
		g.close("/api/uploads/")
		ada.chooseFiles(paths["small.jpg"])
		ada.fill("Caption", "never mind")
		ada.sendChosen()
		ada.awaitMessage("never mind", "pending")
		ada.click("Cancel")
		ada.await("it to be gone", `() => ![...document.querySelectorAll('[role=log] [data-seq]')].some(e => e.textContent.includes('never mind'))`)
		g.reopen("/api/uploads/")
		ada.say("after it")
		ada.awaitMessage("after it", confirmed...)
		ada.await("nothing to be kept", `async id => await (`+countKept+`)(id) === 0`, ada.id)
	})
}

// aMicrophone is JavaScript that gives the page a microphone that hums.
const aMicrophone = `navigator.mediaDevices.getUserMedia = async () => {
	const audio = new AudioContext();
	const hum = audio.createOscillator();
	const there = audio.createMediaStreamDestination();
	hum.connect(there);
	hum.start();
	return there.stream;
};`

func TestVoiceMessagesAreRecordedAndPlayedWhileOneIsElsewhere(t *testing.T) {
	t.Parallel()
	s := newServerForGuests(t)
	g := newGate(t, s)
	ada, bob, cleo := signInWith(newProfile(t), g, "Ada", aMicrophone), signIn(t, g, "Bob"), newPeer(t, s, "Cleo")
	ada.openChat(bob.id)
	bob.openChat(cleo.id)
	bob.openChat(ada.id)

	ada.click("Record a voice message")
	ada.find("group", "Recording")
	ada.await("a second to be recorded", `() => !/:00$/.test(document.querySelector('.recording .time').textContent) && document.querySelector('.recording meter').value > 0`)
	ada.click("Cancel recording")
	ada.await("nothing to be recorded", `() => !document.querySelector('.recording') && document.activeElement.matches('textarea')`)
	ada.click("Record a voice message")
	ada.await("a second to be recorded", `() => !/:0[01]$/.test(document.querySelector('.recording .time')?.textContent ?? ':00')`)
	ada.click("Send voice message")
	ada.await("it to be sent", `() => document.querySelector('[data-type=voice]:is([data-state=sent], [data-state=delivered], [data-state=read]) .voice')`)
	bob.await("it to come", `() => document.querySelector('[data-type=voice][data-state=received] .voice')`)
	if bars := call[int](bob.tab, `() => document.querySelectorAll('.voice rect').length`); bars < 10 {
		t.Errorf("the waveform has %d bars", bars)
	}
	bob.clickOn("button", "1× speed")
	bob.clickOn("button", "1.5× speed")
	bob.find("button", "2× speed")
	bob.await("the list to say what it is", `() => document.querySelector('conversation-list .entry-preview').textContent.trim() === 'Voice message'`)
	bob.click("Play")
	bob.await("it to play", `() => document.querySelector('.playing:not([hidden])')`)
	call[bool](bob.tab, `hash => { location.hash = hash; return true }`, "/to/"+cleo.id)
	bob.await("another conversation", `() => !document.querySelector('[data-type=voice]')`)
	bob.await("who speaks", `() => document.querySelector('.playing:not([hidden])').textContent.includes('Voice message of Ada')`)
	bob.click("Stop playing")
	bob.await("silence", `() => document.querySelector('.playing').hidden`)
	ada.wroteNoErrors()
	bob.wroteNoErrors()
}

// countKept is JavaScript that returns how many files a browser keeps for a user.
const countKept = `id => new Promise((resolve, reject) => {
	const opening = indexedDB.open('parley-files-' + id);
	opening.onerror = () => reject(opening.error);
	opening.onsuccess = () => {
		const db = opening.result;
		const count = db.transaction('files').objectStore('files').count();
		count.onsuccess = () => { db.close(); resolve(count.result); };
	};
})`

func TestWhatMessagesCarryIsForwardedWithoutBeingSentAgain(t *testing.T) {
	t.Parallel()
	s := newServerForGuests(t)
	g := newGate(t, s)
	ada, bob, cy := signIn(t, g, "Ada"), signIn(t, g, "Bob"), signIn(t, g, "Cy")
	cy.openChat(bob.id)
	cy.say("hi Bob")
	ada.openChat(bob.id)
	bob.openChat(ada.id)
	paths := inFolder(t, map[string][]byte{"one.jpg": photo(t, 60, 40), "two.jpg": photo(t, 40, 60), "notes.txt": []byte("notes")})
	ada.chooseFiles(paths["one.jpg"], paths["two.jpg"], paths["notes.txt"])
	ada.sendChosen()
	bob.await("what Ada sent", `() => document.querySelectorAll('.picture[data-loaded]').length === 2 && document.querySelector('.file')`)
	bob.await("Cy in the list", `() => document.querySelectorAll('conversation-list [data-key]').length === 2`)

	// Neither says anything that could be copied.
	mark := g.mark()
	call[bool](bob.tab, `() => { document.querySelector('[data-type=image] .acts').click(); return true }`)
	bob.click("Select")
	call[bool](bob.tab, `() => { [...document.querySelectorAll('.chooser')].at(-1).click(); return true }`)
	bob.await("both to be chosen, and nothing to copy", `() => {
		const [copy, forward] = document.querySelectorAll('selection-bar button');
		return document.querySelector('selection-bar p').textContent === '2 messages selected' && copy.disabled && !forward.disabled;
	}`)
	bob.click("Forward…")
	bob.await("whom to", `() => document.querySelectorAll('dialog [data-key]').length === 2`)
	call[bool](bob.tab, `() => { for (const box of document.querySelectorAll('dialog [data-key]')) box.click(); document.querySelector('dialog .primary').click(); return true }`)
	cy.await("what Ada sent", `() => document.querySelectorAll('[data-state=received] .picture[data-loaded]').length === 2 && document.querySelector('[data-state=received] .file .name').textContent === 'notes.txt'`)
	ada.await("it to come back", `() => document.querySelectorAll('[data-state=received] .picture[data-loaded]').length === 2`)
	if sent := g.since(mark, "/api/uploads"); len(sent) > 0 {
		t.Errorf("it was uploaded again: %q", sent)
	}

	// It stays where it was passed on, when who sent it first takes that back.
	call[bool](ada.tab, `() => { document.querySelector('.own[data-type=image] .acts').click(); return true }`)
	ada.click("Take back")
	ada.find("heading", "Take this message back?")
	ada.click("Take back")
	bob.await("the recall", `() => document.querySelector('[role=log]').textContent.includes('Ada took a message back')`)
	cy.reload()
	cy.await("the pictures", `() => document.querySelectorAll('.picture[data-loaded]').length === 2`)
	for _, p := range []*person{ada, bob, cy} {
		p.wroteNoErrors()
	}
}

// aWatchOnPictures is JavaScript that counts what the page itself does with pictures, how many
// workers it starts, and how many pictures these have at a time.
const aWatchOnPictures = `
	window.pictures = {here: 0, workers: 0, at: 0, most: 0, made: 0};
	for (const [owner, name] of [[window, 'createImageBitmap'], [HTMLCanvasElement.prototype, 'toBlob']]) {
		const real = owner[name];
		owner[name] = function (...args) { pictures.here++; return real.apply(this, args); };
	}
	const Real = Worker;
	window.Worker = class extends Real {
		constructor(url, options) {
			super(url, options);
			if (!String(url).includes('picture')) return;
			pictures.workers++;
			this.addEventListener('message', () => { pictures.at--; pictures.made++; });
		}
		postMessage(message, ...rest) {
			if (message.file) pictures.most = Math.max(pictures.most, ++pictures.at);
			super.postMessage(message, ...rest);
		}
	};`

func TestPicturesAreMadeReadyOffThePagesThreadOneAtATime(t *testing.T) {
	t.Parallel()
	s := newServerForGuests(t)
	g := newGate(t, s)
	bob := newPeer(t, s, "Bob")
	var files []string
	for name, content := range map[string][]byte{"1.jpg": photo(t, 3000, 1500), "2.jpg": photo(t, 60, 40), "3.jpg": photo(t, 40, 60), "4.jpg": photo(t, 90, 60)} {
		files = append(files, inFolder(t, map[string][]byte{name: content})[name])
	}
	for _, browser := range []struct {
		name, before string
		want         map[string]int
	}{
		{"with a canvas in workers", "", map[string]int{"here": 0, "workers": 1, "at": 0, "most": 1, "made": 4}},
		{"without", `delete globalThis.OffscreenCanvas;`, map[string]int{"here": 12, "workers": 0, "at": 0, "most": 0, "made": 0}},
	} {
		ada := signInWith(newProfile(t), g, "Ada "+browser.name, browser.before+aWatchOnPictures)
		ada.openChat(bob.id)
		ada.chooseFiles(files...)
		if got := call[map[string]int](ada.tab, `() => pictures`); !maps.Equal(got, browser.want) {
			t.Errorf("%s: %v, want %v", browser.name, got, browser.want)
		}
		ada.sendChosen()
		ada.await("them to be sent", `() => document.querySelectorAll('[data-state=sent] .picture[data-loaded]').length === 4`)
		sizes := call[[]string](ada.tab, `() => [...document.querySelectorAll('.picture img')].map(i => i.naturalWidth + 'x' + i.naturalHeight).sort()`)
		if fmt.Sprint(sizes) != "[1280x2560 40x60 60x40 60x90]" {
			t.Errorf("%s: the pictures are %v", browser.name, sizes)
		}
		ada.wroteNoErrors()
	}
}

// What is sent is deleted from this browser, which a picture may come to know of before it is told what it is called on the server.
func TestAPictureThatWasSentBeforeItWasShownIsLoadedFromTheServer(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	bob := newPeer(t, s, "Bob")
	ada := signInWith(newProfile(t), newGate(t, s), "Ada", `{
		const get = IDBObjectStore.prototype.get;
		IDBObjectStore.prototype.get = function (key) { return get.call(this, this.name === 'files' ? 'no such' : key); };
	}`)
	ada.openChat(bob.id)
	ada.chooseFiles(inFolder(t, map[string][]byte{"a picture.jpg": photo(t, 90, 60)})["a picture.jpg"])
	ada.fill("Caption", "at the sea")
	ada.sendChosen()
	ada.awaitMessage("at the sea", confirmed...)
	ada.await("the picture", `() => document.querySelector('.picture[data-loaded]')`)
}
