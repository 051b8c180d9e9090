package e2e

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"os/exec"
	"testing"

	"parley/server/e2e/live"
	"parley/server/e2e/s3"
)

// newServerWithBucket starts a server that keeps files in a bucket.
func newServerWithBucket(t *testing.T, flags ...string) (*server, *s3.Bucket) {
	t.Helper()
	b := s3.NewBucket(t)
	s := run(t, &live.Server{Data: t.TempDir(), Flags: append(flags, "-attachments", b.Address), Env: s3.Environment})
	s.secret = s.keptSecret()
	return s, b
}

// aWatchOnDownloads is JavaScript that keeps, by name, the hash of what the page downloads.
const aWatchOnDownloads = `
	window.downloads = {};
	const blobs = {}, create = URL.createObjectURL;
	URL.createObjectURL = blob => {
		const url = create(blob);
		blobs[url] = blob;
		return url;
	};
	HTMLAnchorElement.prototype.click = async function () {
		const hash = await crypto.subtle.digest('SHA-256', await blobs[this.href].arrayBuffer());
		downloads[this.download] = [...new Uint8Array(hash)].map(b => b.toString(16).padStart(2, '0')).join('');
	};`

// downloads downloads a file whose button has a name, and wants it to be whole.
func (p *person) downloads(button, name string, content []byte) {
	p.t.Helper()
	p.click(button)
	hash := sha256.Sum256(content)
	p.await("all of "+name, `(name, hash) => downloads[name] === hash`, name, hex.EncodeToString(hash[:]))
}

// awaitHeld waits until the message with those words says why it is not sent yet.
func (p *person) awaitHeld(words, why string) {
	p.t.Helper()
	p.await(words+" to say why it waits", `(words, why) => [...document.querySelectorAll('[role=log] [data-state=pending]')]
		.some(e => e.textContent.includes(words) && e.querySelector('.held')?.textContent.includes(why))`, words, why)
}

func TestAMessageWithAFileWaitsWhileTheStoreOfFilesIsAway(t *testing.T) {
	t.Parallel()
	s, bucket := newServerWithBucket(t)
	g := newGate(t, s)
	ada, bob, cy := signIn(t, g, "Ada"), signInWith(newProfile(t), g, "Bob", aWatchOnDownloads), newPeer(t, s, "Cy")
	ada.openChat(bob.id)
	bob.openChat(ada.id)
	cy.openChat(ada.id)
	content := bytes.Repeat([]byte("0123456789"), 150_000)
	path := inFolder(t, map[string][]byte{"data.bin": content})["data.bin"]
	const why = "Not sent yet, and tried again by itself: files cannot be stored or read now"

	bucket.Leave()
	ada.chooseFiles(path)
	ada.fill("Caption", "the data")
	ada.sendChosen()
	ada.awaitHeld("the data", why)
	ada.shutsNobodyOut("a file that waits for its store")
	ada.say("behind it")
	ada.awaitMessage("behind it", "pending") // it keeps its place

	// Everybody else, and everywhere else, one chats as ever.
	bob.say("meanwhile")
	ada.awaitMessage("meanwhile", "received")
	ada.openChat(cy.id)
	ada.say("to Cy")
	ada.awaitMessage("to Cy", confirmed...)
	cy.awaitMessage("to Cy")

	ada.reload()
	ada.openChat(bob.id)
	ada.awaitHeld("the data", why)
	if held := bucket.Objects(); len(held) > 0 {
		t.Fatalf("the store was not away: it has %d objects", len(held))
	}

	bucket.Return()
	first, second := ada.awaitMessage("the data", confirmed...), ada.awaitMessage("behind it", confirmed...)
	if first.Seq != "2" || second.Seq != "3" {
		t.Errorf("after one that came meanwhile they are %s and %s", first.Seq, second.Seq)
	}
	bob.awaitMessage("the data", "received")
	bob.downloads("Download data.bin", "data.bin", content)
	ada.await("nothing to be kept", `async id => await (`+countKept+`)(id) === 0`, ada.id)
	ada.await("nothing to be said", `() => !document.querySelector('.held')`)
	bob.wroteNoErrors()
}

func TestAnUploadGoesOnAfterTheStoreOfFilesBrokeOffInTheMiddle(t *testing.T) {
	t.Parallel()
	s, bucket := newServerWithBucket(t)
	g := newGate(t, s)
	ada, bob := signInChinese(t, g, "Ada"), signInWith(newProfile(t), g, "Bob", aWatchOnDownloads)
	bob.openChat(ada.id)
	bob.say("hello")
	call[bool](ada.tab, `hash => { location.hash = hash; return true }`, "/to/"+bob.id)
	ada.awaitMessage("hello", "received")
	content := bytes.Repeat([]byte("0123456789"), 300_000)
	bucket.LeaveWithin(1_000_000) // some parts came, and of the next a piece
	ada.chooseFiles(inFolder(t, map[string][]byte{"data.bin": content})["data.bin"])
	ada.fill("说明文字", "数据")
	ada.sendChosen()
	ada.awaitHeld("数据", "暂时无法存取文件，会自动重试")
	if !bucket.Broke() || len(bucket.Objects()) == 0 {
		t.Fatalf("it did not break off in the middle: it has %d objects", len(bucket.Objects()))
	}
	bob.awaitMessage("hello", confirmed...)
	if n := len(bob.messages()); n != 1 {
		t.Errorf("Bob sees %d messages", n)
	}
	bucket.Return()
	ada.awaitMessage("数据", confirmed...)
	bob.awaitMessage("数据", "received")
	bob.downloads("Download data.bin", "data.bin", content)
	kept := 0
	for _, part := range bucket.Objects() {
		kept += len(part)
	}
	if kept != len(content) {
		t.Errorf("%d bytes are kept of %d: some came twice", kept, len(content))
	}
	ada.wroteNoErrors()
	bob.wroteNoErrors()
}

func TestAMessageWithAFileSaysThatTheServersDiskIsFull(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder).CombinedOutput(); err != nil {
		t.Skipf("no file system can be mounted here, so that none can be full: %v: %s", err, out)
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", "--lazy", folder).CombinedOutput(); err != nil {
			t.Errorf("%v: %s", err, out)
		}
	})
	s := newServer(t, "-attachments", folder)
	g := newGate(t, s)
	ada, bob, cy := signIn(t, g, "Ada"), signInWith(newProfile(t), g, "Bob", aWatchOnDownloads), newPeer(t, s, "Cy")
	ada.openChat(bob.id)
	bob.openChat(ada.id)
	content := bytes.Repeat([]byte("0123456789"), 150_000)
	ada.chooseFiles(inFolder(t, map[string][]byte{"data.bin": content})["data.bin"])
	ada.fill("Caption", "the data")
	ada.sendChosen()
	ada.awaitHeld("the data", "Not sent yet, and tried again by itself: there is no room for files on the server now")
	ada.openChat(cy.id)
	ada.say("to Cy")
	ada.awaitMessage("to Cy", confirmed...)
	bob.say("meanwhile")
	bob.awaitMessage("meanwhile", confirmed...)

	if out, err := exec.Command("mount", "-o", "remount,size=16m", folder).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	ada.reload() // which tries again at once, as else within a minute or so
	ada.openChat(bob.id)
	ada.awaitMessage("the data", confirmed...)
	bob.awaitMessage("the data", "received")
	bob.downloads("Download data.bin", "data.bin", content)
	bob.wroteNoErrors()
}
