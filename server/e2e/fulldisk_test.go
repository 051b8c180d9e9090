package e2e

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"parley/server/e2e/live"
)

// disk is a small file system, where the tests may mount one.
type disk struct {
	t      *testing.T
	folder string
}

func newDisk(t *testing.T) *disk {
	t.Helper()
	folder := t.TempDir()
	err := syscall.Mount("none", folder, "tmpfs", 0, "size=96m")
	switch {
	case errors.Is(err, syscall.EPERM), errors.Is(err, syscall.EACCES):
		t.Skip("a small disk takes root: ", err)
	case err != nil:
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(folder, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return &disk{t, folder}
}

func (d *disk) ballast() string { return filepath.Join(d.folder, "ballast") }

// fill leaves no byte.
func (d *disk) fill() {
	d.t.Helper()
	file, err := os.OpenFile(d.ballast(), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		d.t.Fatal(err)
	}
	defer file.Close()
	for _, block := range []int64{1 << 20, 1 << 12} {
		for err = nil; err == nil; {
			_, err = io.CopyN(file, zeros{}, block)
		}
		if !errors.Is(err, syscall.ENOSPC) {
			d.t.Fatal(err)
		}
	}
}

// empty gives back what fill took.
func (d *disk) empty() {
	d.t.Helper()
	if err := os.Remove(d.ballast()); err != nil {
		d.t.Fatal(err)
	}
}

// keepFull fills it, and takes what is given back, until all that is given back by the function that it returns.
func (d *disk) keepFull() (empty func()) {
	d.t.Helper()
	d.fill()
	filled, stop := make(chan struct{}), make(chan struct{})
	end := sync.OnceFunc(func() {
		close(stop)
		<-filled
	})
	d.t.Cleanup(end)
	go func() {
		defer close(filled)
		for again := time.NewTicker(20 * time.Millisecond); ; {
			select {
			case <-stop:
				again.Stop()
				return
			case <-again.C:
				d.fill()
			}
		}
	}()
	return func() {
		d.t.Helper()
		end()
		d.empty()
	}
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) { return len(b), nil }

// startOnDisk lets a browser keep its profile on a small disk, and Ada and Bob say something.
func startOnDisk(t *testing.T) (*disk, *gate, *person, *peer) {
	t.Helper()
	small := newDisk(t)
	ctx, end, err := live.Start(chromeBinary, chromedp.UserDataDir(filepath.Join(small.folder, "profile")))
	t.Cleanup(end)
	if err != nil {
		t.Fatal(err)
	}
	g := newGate(t, newServer(t))
	ada, bob := signInWith(&profile{t: t, ctx: ctx}, g, "Ada", ""), newPeer(t, g.server, "Bob")
	ada.openChat(bob.id)
	bob.openChat(ada.id)
	ada.say("before")
	bob.awaitMessage("before")
	return small, g, ada, bob
}

// awaitKept waits until nobody is told any more that nothing is kept.
func (p *person) awaitKept() {
	p.t.Helper()
	p.await("no notice any more", `() => ![...document.querySelectorAll('.notice')].some(n => n.textContent.includes('not kept in this browser'))`)
}

// awaitStored waits until messages are stored.
func (p *person) awaitStored() {
	p.t.Helper()
	p.await("messages to be stored", `async id => {
		const db = await new Promise((resolve, reject) => {
			const opening = indexedDB.open('parley-' + id);
			opening.onupgradeneeded = () => opening.transaction.abort(); // it is not there yet
			opening.onsuccess = () => resolve(opening.result);
			opening.onerror = () => reject(opening.error);
		});
		const count = db.transaction('messages').objectStore('messages').count();
		await new Promise(resolve => { count.onsuccess = resolve; });
		db.close();
		return count.result > 0;
	}`, p.id)
}

func TestOnADiskThatIsReallyFullTheChatGoesOnAndIsStoredOnceThereIsRoom(t *testing.T) {
	small, g, ada, bob := startOnDisk(t)
	eventually(t, "the notice", func() bool {
		small.fill() // also what the browser has given back
		bob.say(strings.Repeat("it fills what room its own files have left ", 100))
		return ada.notices("New messages are not kept in this browser") > 0
	})
	ada.say("said while it is full")
	bob.awaitMessage("said while it is full")
	bob.say("heard while it is full")
	ada.awaitMessage("heard while it is full", "received")
	g.cut("/mqtt")
	ada.say("waits")
	ada.awaitMessage("waits", "pending")
	small.empty()
	ada.awaitKept()
	// Browsers may have given up a database that met the full disk: then all but what waits comes from the server again.
	ada.awaitStored()
	g.close("/api/conversations")
	ada.reload()
	ada.awaitMessage("said while it is full", confirmed...)
	ada.awaitMessage("heard while it is full", "received")
	ada.awaitMessage("waits", "pending")
	g.reopen("/mqtt")
	bob.awaitMessage("waits")
}

// leave waits until a browser has closed the databases that it keeps on the disk: those that are open it need not open.
func (d *disk) leave() {
	d.t.Helper()
	eventually(d.t, "the browser to close its databases", func() bool {
		files, err := filepath.Glob("/proc/[0-9]*/fd/*")
		if err != nil {
			d.t.Fatal(err)
		}
		return !slices.ContainsFunc(files, func(file string) bool {
			name, err := os.Readlink(file) // of one that is closed by now there is none
			return err == nil && strings.HasPrefix(name, d.folder) && strings.Contains(name, "IndexedDB")
		})
	})
}

// Where a write found no room Chromium opens the database no more.
func TestAPageThatIsLoadedOnAReallyFullDiskTakesInWhatIsStoredOnceThereIsRoom(t *testing.T) {
	const notKept = "New messages are not kept in this browser"
	small, g, ada, bob := startOnDisk(t)
	g.cut("/mqtt")
	ada.awaitConnection("offline")
	ada.say("unsent")
	ada.awaitMessage("unsent", "pending")
	for n := 0; ada.notices(notKept) == 0; n++ {
		small.fill() // also what the browser has given back
		filler := fmt.Sprintf("filler %d;", n)
		ada.say(filler + strings.Repeat(" it fills what room its own files have left", 100))
		ada.awaitMessage(filler, "pending")
	}
	ada.visit(g.url + "/healthz")
	small.leave()
	empty := small.keepFull()
	ada.visit(g.url + "/#/to/" + bob.id)
	ada.notice(notKept)
	ada.say("said while it is full")
	g.reopen("/mqtt")
	bob.awaitMessage("said while it is full")
	bob.say("heard while it is full")
	ada.awaitMessage("heard while it is full", "received")
	ada.awaitMessage("before", confirmed...)
	g.cut("/mqtt")
	ada.awaitConnection("offline")
	ada.say("waits")
	ada.awaitMessage("waits", "pending")
	empty()
	ada.awaitKept()
	ada.awaitStored()
	for _, reloaded := range []bool{false, true} {
		if reloaded {
			g.close("/api/conversations")
			ada.reload()
		}
		ada.awaitMessage("said while it is full", confirmed...)
		ada.awaitMessage("heard while it is full", "received")
		ada.awaitMessage("unsent", append(confirmed, "pending")...) // the browser may have had room to read for a moment
		ada.awaitMessage("waits", "pending")
	}
	g.reopen("/mqtt")
	bob.awaitMessage("unsent")
	bob.awaitMessage("waits")
}

// Chromium goes on in the file whose last record is torn, and would find nothing there the next time.
func TestWhatIsStoredAfterAWriteThatWasCutShortIsThereAtTheNextStart(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	g := newGate(t, s)
	folder, bob := t.TempDir(), newPeer(t, s, "Bob")
	made, err := s.Client().NewGuest(t.Context(), "Ada")
	if err != nil {
		t.Fatal(err)
	}
	visit := func(do func(ada *person)) {
		t.Helper()
		ctx, end, err := live.Start(chromeBinary, chromedp.UserDataDir(folder))
		defer end()
		if err != nil {
			t.Fatal(err)
		}
		p := &profile{t: t, ctx: ctx}
		ada := &person{tab: p.open("Ada", g.url+"/", "localStorage.clear();"+sessionOf(made.ID, "Ada", made.Token)), id: strconv.FormatUint(made.ID, 10)}
		ada.openChat(bob.id)
		do(ada)
	}
	logs := func() []string {
		t.Helper()
		found, err := filepath.Glob(filepath.Join(folder, "Default", "IndexedDB", "*", "*.log"))
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	visit(func(ada *person) {
		ada.say("before")
		ada.awaitMessage("before", confirmed...)
		ada.reload() // what was said is written
		ada.awaitMessage("before", confirmed...)
	})
	torn := logs()
	if len(torn) != 1 {
		t.Fatalf("there are %q", torn)
	}
	info, err := os.Stat(torn[0])
	if err == nil {
		err = os.Truncate(torn[0], info.Size()-1)
	}
	if err != nil {
		t.Fatal(err)
	}
	visit(func(ada *person) {
		ada.awaitConnection("live")
		ada.say("after")
		ada.awaitMessage("after", confirmed...)
		// The torn one goes once all that is readable of it is in another.
		eventually(t, "another file in its place", func() bool { return !slices.Contains(logs(), torn[0]) })
	})
	g.cut("/mqtt")
	g.close("/api/conversations")
	visit(func(ada *person) {
		ada.awaitMessage("before", confirmed...)
		ada.awaitMessage("after", confirmed...)
	})
}
