package e2e

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	cdpbrowser "github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/chromedp"
)

// exported is a line of messages.jsonl, as far as these tests look.
type exported struct {
	Key, Seq, ID, Type, Sender, Author, Content string
	Mine                                        bool
	Time                                        uint64
	Attachments                                 []struct{ ID, Name, File string }
}

// watchesExports is JavaScript that keeps how much is written to the disk at once, and what is said meanwhile.
const watchesExports = `;
	window.written = { most: 0, all: 0, said: [] };
	const { createWritable } = FileSystemFileHandle.prototype;
	FileSystemFileHandle.prototype.createWritable = async function (...options) {
		const file = await createWritable.apply(this, options);
		return new WritableStream({
			async write(bytes) {
				window.written.most = Math.max(window.written.most, bytes.byteLength);
				window.written.all += bytes.byteLength;
				await file.write(bytes);
			},
			close: () => file.close(),
			abort: why => file.abort(why),
		});
	};
	new MutationObserver(() => {
		const words = document.querySelector('export-dialog [role=status]')?.textContent;
		if (words && words !== window.written.said.at(-1)) window.written.said.push(words);
	}).observe(document, { subtree: true, childList: true, characterData: true });`

// A conversation of 1,200 messages, of which the browser has the newest page, with a picture, with what others would like to
// run, and with one message that was taken back; and then all conversations. Costs 6 s.
func TestConversationsAreTakenAlong(t *testing.T) {
	t.Parallel()
	s := newServerWithKey(t)
	g := newGate(t, s)
	const bobID, adaID, carlID, doraID, said = 31, 32, 33, 34, 1_200
	ada, carl := newDevice(t, s, adaID, "Ada <b>"), newDevice(t, s, carlID, "Carl")
	ada.tell(bobID, `<script>document.title = "taken over"</script><img src=x onerror="document.title='taken over'">`)
	for i := range said - 1 {
		ada.tell(bobID, fmt.Sprintf("line %d.", i+2))
	}
	carl.tell(bobID, "from Carl")
	dora := newDevice(t, s, doraID, "Dora")
	for i := range 300 {
		dora.tell(bobID, fmt.Sprintf("unseen %d.", i+1))
	}
	mine := newProfile(t)
	downloads := mine.downloads()
	tb := mine.open("Bob", g.url+"/", sessionOf(bobID, "Bob", s.token(bobID, "Bob"))+watchesExports)
	tb.awaitConnection("live")
	bob := &person{tab: tb, id: strconv.Itoa(bobID)}
	bob.openChat(strconv.Itoa(adaID))
	files := inFolder(t, map[string][]byte{"a picture.jpg": photo(t, 60, 40)})
	bob.chooseFiles(files["a picture.jpg"])
	bob.fill("Caption", "at the sea")
	bob.sendChosen()
	bob.awaitMessage("at the sea", confirmed...)
	bob.say("not to be said")
	bob.awaitMessage("not to be said", confirmed...)
	bob.takeBack("not to be said")

	t.Run("one", func(t *testing.T) {
		bob.t = t
		bob.click("More")
		bob.click("Export…")
		bob.shutsNobodyOut("what is to be exported")
		bob.click("Export")
		archive := bob.unpack(downloads, "Messages with Ada _b_.zip")
		lines := linesOf(t, archive["messages.jsonl"])
		if len(lines) != said+3 { // the picture, what was taken back, and that it was
			t.Fatalf("there are %d lines, want %d", len(lines), said+3)
		}
		for i, line := range lines {
			if line.Seq != strconv.Itoa(i+1) || line.Key != "d:31:32" || len(line.ID) < 15 {
				t.Fatalf("line %d is of seq %q of %q with id %q", i+1, line.Seq, line.Key, line.ID)
			}
		}
		first, picture := lines[0], lines[said]
		if first.Author != "Ada <b>" || first.Sender != "32" || first.Mine || !strings.HasPrefix(first.Content, "<script>") || first.Time == 0 {
			t.Errorf("the first line is %+v", first)
		}
		if picture.Type != "image" || picture.Content != "at the sea" || !picture.Mine || len(picture.Attachments) != 1 || picture.Attachments[0].Name != "a picture.jpg" {
			t.Fatalf("the picture's line is %+v", picture)
		}
		if content := archive[picture.Attachments[0].File]; !bytes.HasPrefix(content, []byte("\xff\xd8")) {
			t.Errorf("%s is no JPEG but %d bytes", picture.Attachments[0].File, len(content))
		}
		for name, content := range archive {
			if bytes.Contains(content, []byte("not to be said")) {
				t.Errorf("%s has what was taken back", name)
			}
		}
		if len(archive) != 3 {
			t.Errorf("there are %d files in it, want 3", len(archive))
		}
		written := call[struct {
			Most, All int
			Said      []string
		}](bob.tab, `() => window.written`)
		if written.All < 100_000 || written.Most*3 > written.All {
			t.Errorf("%d bytes were written, %d of them at once", written.All, written.Most)
		}
		if said := strings.Join(written.Said, "|"); !strings.Contains(said, "Reading the messages: 500 of 1,203") || !strings.Contains(said, "Writing the page: 1,000 of 1,203") {
			t.Errorf("meanwhile it was said %q", said)
		}
		bob.await("it to be said", `() => document.querySelector('export-dialog [role=status]').textContent.startsWith('All is in the file')`)
		bob.click("Close")
		looked(t, archive, said)
	})

	t.Run("without the server", func(t *testing.T) {
		bob.t = t
		g.close("/api/conversations/")
		defer g.reopen("/api/conversations/")
		bob.openChat(strconv.Itoa(doraID))
		bob.click("More")
		bob.click("Export…")
		bob.click("Export")
		bob.await("why it did not work", `() => document.querySelector('export-dialog [role=status]').textContent.startsWith('That did not work: ')`)
		bob.find("button", "Export") // again
		if left := call[int](bob.tab, `async () => {
			const folder = await (await navigator.storage.getDirectory()).getDirectoryHandle('exports');
			let size = 0;
			for await (const file of folder.values()) size += (await file.getFile()).size ? 1 : 0;
			return size;
		}`); left != 1 {
			t.Errorf("the site keeps %d files that are not empty, want that of the download", left)
		}
		bob.click("Close")
	})

	t.Run("all", func(t *testing.T) {
		bob.t = t
		bob.click("Settings")
		bob.click("Account")
		bob.click("Export all conversations…")
		bob.click("Export")
		archive := bob.unpack(downloads, "Conversations of Bob.zip")
		keys := make(map[string]int)
		for _, line := range linesOf(t, archive["messages.jsonl"]) {
			keys[line.Key]++
		}
		if len(keys) != 3 || keys["d:31:32"] != said+3 || keys["d:31:33"] != 1 || keys["d:31:34"] != 300 {
			t.Errorf("there are these messages: %v", keys)
		}
		if page := string(archive["messages.html"]); !strings.Contains(page, `href="#d:31:33"`) || !strings.Contains(page, "from Carl") {
			t.Error("the page has no Carl")
		}

		// What is on the screen is still Dora's, and stays, where it would go first otherwise.
		call[bool](bob.tab, `async () => {
			const { connect } = await import('/parley.js');
			const parley = await connect({ token: JSON.parse(localStorage.getItem('parley.session')).token });
			await parley.choose('d:31:32', { pinned: true });
			await parley.keep('off', { bytes: 1 });
			parley.close();
			return true;
		}`)
		bob.await("all pages of Dora's, and the newest of the others'", storedPages, bob.id, 5+1+1)
		bob.click("Close")
	})
}

// looked opens the page that was exported as a file, and sees to it that all is there and nothing of it runs.
func looked(t *testing.T, archive map[string][]byte, said int) {
	t.Helper()
	dir := t.TempDir()
	for name, content := range archive {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	tb := newProfile(t).open("a page that was exported", "file://"+filepath.Join(dir, "messages.html"), "")
	got := call[struct {
		Title    string
		Scripts  int
		Messages int
		First    string
		Picture  int
	}](tb, `async () => {
		const picture = document.querySelector('img');
		picture.loading = 'eager';
		await picture.decode();
		return {
			title: document.title, scripts: document.scripts.length, messages: document.querySelectorAll('article').length,
			first: document.querySelector('.content').textContent, picture: picture.naturalWidth,
		};
	}`)
	if got.Title != "Messages with Ada <b>" || got.Scripts != 0 || got.Messages != said+1 || got.Picture == 0 || !strings.HasPrefix(got.First, "<script>") {
		t.Errorf("the page shows %+v", got)
	}
}

// downloads has the browser put what it downloads into a folder, which it returns.
func (p *profile) downloads() string {
	p.t.Helper()
	dir := p.t.TempDir()
	if _, err := cdp.Call(p.ctx, chromedp.FromContext(p.ctx).Browser, cdpbrowser.SetDownloadBehavior, cdpbrowser.SetDownloadBehaviorParams{
		Behavior: "allow", BrowserContextID: p.id, DownloadPath: dir,
	}); err != nil {
		p.t.Fatal(err)
	}
	return dir
}

// unpack awaits a download, and returns the files of the archive.
func (p *person) unpack(dir, name string) map[string][]byte {
	p.t.Helper()
	p.await("it to be written", `() => /^All is/.test(document.querySelector('export-dialog [role=status]').textContent)`)
	var archive *zip.ReadCloser
	for end := time.Now().Add(time.Minute); archive == nil; {
		var err error
		if archive, err = zip.OpenReader(filepath.Join(dir, name)); err != nil && time.Now().After(end) {
			there, _ := os.ReadDir(dir)
			p.t.Fatalf("%v; there are %v", err, there)
		}
		time.Sleep(20 * time.Millisecond)
	}
	defer archive.Close()
	files := make(map[string][]byte)
	for _, file := range archive.File {
		r, err := file.Open()
		if err != nil {
			p.t.Fatal(err)
		}
		if files[file.Name], err = io.ReadAll(r); err != nil { // which checks their sums
			p.t.Fatal(err)
		}
	}
	return files
}

// numbers are ids that JSON has as a number.
var numbers = regexp.MustCompile(`"(id|seq|sender|agent|target|quote|of)":\d`)

// linesOf reads JSON Lines.
func linesOf(t *testing.T, content []byte) (lines []exported) {
	t.Helper()
	if found := numbers.Find(content); found != nil {
		t.Errorf("an id is a number: %s", found)
	}
	for line := range bytes.Lines(content) {
		var x exported
		if err := json.Unmarshal(line, &x); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		lines = append(lines, x)
	}
	return lines
}
