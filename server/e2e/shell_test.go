package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// pack packs the page's sources, in which each old text is replaced by a new one, into a
// folder, and returns the folder.
func pack(t *testing.T, replace map[string][2]string) string {
	t.Helper()
	root := filepath.Join("..", "..")
	in, out := t.TempDir(), t.TempDir()
	if err := os.CopyFS(in, os.DirFS(filepath.Join(root, "static"))); err != nil {
		t.Fatal(err)
	}
	for name, words := range replace {
		file := filepath.Join(in, name)
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Count(string(source), words[0]) != 1 {
			t.Fatalf("%s does not hold %q once", name, words[0])
		}
		if err := os.WriteFile(file, []byte(strings.Replace(string(source), words[0], words[1], 1)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	packer := exec.Command("go", "run", "./server/web/pack", "-in", in, "-out", out, "-cache", filepath.Join(".bin", "pack"))
	packer.Dir = root
	if said, err := packer.CombinedOutput(); err != nil {
		t.Fatalf("pack: %v\n%s", err, said)
	}
	return out
}

// A shell is somebody whose browser keeps the page.
type shell struct {
	*person
	gate *gate
}

// kept waits until the page is kept, and comes from there.
func (s *shell) kept() {
	s.t.Helper()
	s.await("the page to be kept", `() => navigator.serviceWorker.controller?.state === 'activated'`)
}

// caches returns the addresses that are kept, by cache.
func (s *shell) caches() map[string][]string {
	s.t.Helper()
	return call[map[string][]string](s.tab, `async () => {
		const all = {};
		for (const name of await caches.keys()) all[name] = (await (await caches.open(name)).keys()).map(({ url }) => url);
		return all;
	}`)
}

// engines are the locks of the engines of a profile; those of the new version are called so.
const engines = `async () => (await navigator.locks.query()).held.map(({name}) => name).filter(name => name.startsWith('parley-worker-'))`

// version is the page's entry, whose name tells the version, and whether the one engine is of the new version.
func (s *shell) version() (files []string, engine bool) {
	s.t.Helper()
	s.await("one engine", `async () => (await (`+engines+`)()).length === 1`)
	return call[[]string](s.tab, `() => performance.getEntriesByType('resource').map(({name}) => name).filter(name => /\/app\.[0-9a-f]{16}\.js$/.test(name))`),
		strings.Contains(call[[]string](s.tab, engines)[0], "-new-")
}

// update looks for a new version.
func (s *shell) update() {
	s.t.Helper()
	call[bool](s.tab, `async () => { await (await navigator.serviceWorker.getRegistration()).update().catch(() => {}); return true }`)
}

// asks lets the page ask its server for one thing after the other, as one whose pictures come, until it is loaded again.
func (s *shell) asks() {
	s.t.Helper()
	call[bool](s.tab, `() => {
		(async () => {
			for (;;) await fetch('healthz').then(answer => answer.text()).catch(() => new Promise(later => setTimeout(later, 100)));
		})();
		return true;
	}`)
}

func TestThePageOpensWithoutItsServerAndChangesAsAWhole(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	g := newGateAt(t, s, "/some/where", true)
	profile := newProfile(t)
	profile.keepsPage = true
	ada, bob := &shell{signInWith(profile, g, "Ada", ""), g}, newPeer(t, s, "Bob")
	ada.openChat(bob.id)
	bob.openChat(ada.id)
	bob.say("said before")
	ada.awaitMessage("said before", "received")
	ada.kept()
	mark := g.mark()

	ada.opensAway(s, bob)
	if asked := slices.DeleteFunc(g.since(mark, ""), func(request string) bool {
		return strings.Contains(request, "/mqtt") || strings.Contains(request, "/api/") || strings.HasSuffix(request, "/sw.js")
	}); len(asked) > 0 {
		t.Errorf("what is kept was asked for: %q", asked)
	}
	old, _ := ada.version()
	second := &shell{&person{tab: profile.open("Ada-second-tab", g.url+"/#/to/"+bob.id, ""), id: ada.id}, g}
	second.awaitMessage("said before", "received")
	if by := call[string](second.tab, `() => performance.getEntriesByType('navigation')[0].workerFinalSourceType ?? 'cache'`); by != "cache" {
		t.Errorf("a page was answered by %q, want what is kept, without waking the worker", by)
	}
	second.await("what is not kept to come without waking the worker", `async () => {
		await (await fetch('healthz')).text();
		const [asked] = performance.getEntriesByName(new URL('healthz', location).href);
		return asked && (asked.workerMatchedSourceType ?? 'network') === 'network';
	}`)

	newer := pack(t, map[string][2]string{
		"texts/languages/en.js": {"nothingChosen: 'Choose a conversation'", "nothingChosen: 'Pick a conversation'"},
		"engine.js":             {"`parley-worker-${", "`parley-worker-new-${"},
	})
	s.stop()
	s.Flags = []string{"-static", newer}
	ada.staysWhole(t, s, newer, old)
	mark = g.mark()
	ada.changes(t, second, old)
	if again := g.since(mark, ".wasm"); len(again) > 0 {
		t.Errorf("the program was loaded again, though it is the same: %q", again)
	}
	ada.say("with the new version")
	bob.awaitMessage("with the new version")

	// Sources as they are take the place of what is kept, whatever the pages ask for.
	ada.asks()
	second.asks()
	s.stop()
	s.Flags = []string{"-static", filepath.Join("..", "..", "static")}
	s.start()
	ada.await("the sources", `() => document.querySelector('script[src="./app.js"]')`)
	if left := ada.caches(); len(left) > 0 {
		t.Errorf("kept is still %v", left)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.strays) > 0 {
		t.Errorf("beside the path were asked for: %q", g.strays)
	}
}

// A page that could not be kept, for its script or one of its files did not come, is kept after
// the next connection.
func TestKeepingThePageIsTriedAgain(t *testing.T) {
	t.Parallel()
	g := newGate(t, newServer(t))
	profile := newProfile(t)
	profile.keepsPage = true
	ada := &shell{signInWith(profile, g, "Ada", ""), g}
	for _, path := range []string{"/sw.js", "/"} {
		mark := g.mark()
		g.close(path)
		ada.reconnects()
		eventually(t, path+" to be asked for", func() bool { return slices.Contains(g.since(mark, path), "GET "+path) })
		ada.await("nothing to be kept", `async () => !(await navigator.serviceWorker.getRegistration()) && (await caches.keys()).length === 0`)
		g.reopen(path)
	}
	ada.reconnects()
	ada.kept()
}

// reconnects breaks the connection, and waits for the next.
func (s *shell) reconnects() {
	s.t.Helper()
	s.gate.cut("/mqtt")
	s.awaitConnection("offline")
	s.gate.reopen("/mqtt")
	call[bool](s.tab, networkIsBack)
	s.awaitConnection("live")
}

// opensAway opens the page while the server is away, and where it does not answer.
func (s *shell) opensAway(server *server, bob *peer) {
	s.t.Helper()
	server.stop()
	for _, path := range []string{"/", enginePath} { // nor is anybody waited for who might answer
		s.gate.stall(path)
	}
	s.do(chromedp.Reload())
	s.awaitMessage("said before", "received")
	s.awaitConnection("offline")
	s.reload()
	s.say("written meanwhile")
	s.awaitMessage("written meanwhile", "pending")
	for _, path := range []string{"/", enginePath} {
		s.gate.reopen(path)
	}
	server.start()
	s.awaitMessage("written meanwhile", confirmed...)
	bob.awaitMessage("written meanwhile")
}

// staysWhole starts the server with a new version, which comes in part, then in whole, while
// the person types.
func (s *shell) staysWhole(t *testing.T, server *server, newer string, old []string) {
	t.Helper()
	entries, err := filepath.Glob(filepath.Join(newer, "app.*.js"))
	if err != nil || len(entries) != 1 {
		t.Fatalf("the new version's entry is %q, %v", entries, err)
	}
	path := "/" + filepath.Base(entries[0])
	s.gate.close(path)
	mark := s.gate.mark()
	server.start()
	eventually(t, "the new version to be asked for", func() bool { return len(s.gate.since(mark, path)) > 0 })
	s.await("the part to be removed", `async () => (await caches.keys()).length === 1 && !(await navigator.serviceWorker.getRegistration()).installing`)
	s.reload()
	if files, _ := s.version(); !slices.Equal(files, old) {
		t.Errorf("beside half a new version the page is made of %q, want %q", files, old)
	}
	s.gate.reopen(path)
	s.fill("Message", "half a line")
	call[bool](s.tab, `() => window.e2eStays = true`)
	s.update()
	s.find("button", "Reload")
	s.shutsNobodyOut("the offer of a new version")
	if !call[bool](s.tab, `() => window.e2eStays && document.activeElement.value === 'half a line'`) {
		t.Error("the offer of a new version disturbs whoever types")
	}
	s.reload()
	if files, engine := s.version(); !slices.Equal(files, old) || engine {
		t.Errorf("before it is taken, the page is made of %q and a new engine %v, want %q and the old one", files, engine, old)
	}
}

// changes takes the new version in one of two tabs, whatever the pages ask for.
func (s *shell) changes(t *testing.T, second *shell, old []string) {
	t.Helper()
	s.asks()
	second.asks()
	s.click("Reload")
	whole := `old => {
		const files = performance.getEntriesByType('resource').map(({name}) => name);
		const app = files.find(name => /\/app\.[0-9a-f]{16}\.js$/.test(name));
		return app && !old.includes(app);
	}`
	for _, tab := range []*shell{s, second} {
		tab.await("the new version", whole, old)
		tab.awaitConnection("live")
		files, engine := tab.version()
		if !engine {
			t.Errorf("%s is of the new version, with an engine of the old one", tab.name)
		}
		if len(files) != 1 {
			t.Errorf("%s mixes the versions: %q", tab.name, files)
		}
	}
	if got := call[string](s.tab, `() => document.querySelector('message-composer textarea').value`); got != "half a line" {
		t.Errorf("the composer holds %q", got)
	}
	call[bool](second.tab, `() => { location.hash = '/'; return true }`)
	second.await("the new text", `() => document.querySelector('h1.empty-title')?.textContent === 'Pick a conversation'`)
	kept := s.caches()
	for _, files := range kept {
		for _, file := range old {
			if slices.Contains(files, file) {
				t.Errorf("kept is still %s", file)
			}
		}
	}
	if len(kept) != 1 {
		t.Errorf("kept are %d versions, want one", len(kept))
	}
	call[bool](s.tab, `() => { document.querySelector('message-composer textarea').select(); return true }`)
	s.fill("Message", "")
}
