package e2e

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// erased begins every word, name and content that TestNothingOfWhatWasTakenBackRestsAnywhere
// sends and takes back.
const erased = "Zqxj"

// restsInPage is JavaScript that finds a word in what a page's site keeps beside IndexedDB, and
// on the page itself.
const restsInPage = `async word => {
	const found = [];
	for (const [name, store] of Object.entries({localStorage, sessionStorage})) if (JSON.stringify({...store}).includes(word)) found.push(name);
	for (const name of await caches.keys()) {
		const cache = await caches.open(name);
		for (const request of await cache.keys()) {
			const response = await cache.match(request);
			if (!response) continue; // it went meanwhile
			const body = new TextDecoder('latin1').decode(await response.arrayBuffer());
			if ((request.url + JSON.stringify([...response.headers]) + body).includes(word)) found.push(name + ' ' + request.url);
		}
	}
	if (document.body.textContent.includes(word) || document.title.includes(word)) found.push('the page');
	return found;
}`

// restsOnServer returns the files of the server's folder, and its log, that have a word in them.
func restsOnServer(t *testing.T, s *server, word string) (found []string) {
	t.Helper()
	wide := []byte(strings.Join(strings.Split(word, ""), "\x00")) // as UTF-16
	err := filepath.WalkDir(s.Data, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		if bytes.Contains(content, []byte(word)) || bytes.Contains(content, wide) || strings.Contains(path, word) {
			at := max(0, bytes.Index(content, []byte(word)))
			found = append(found, fmt.Sprintf("%s: %q", filepath.Base(path), content[at:min(len(content), at+40)]))
		}
		return err
	})
	if err != nil && !os.IsNotExist(err) { // a file that goes meanwhile
		t.Fatal(err)
	}
	if strings.Contains(s.Log(), word) {
		found = append(found, "the log")
	}
	return found
}

// rests is where a browser has a word.
func (p *person) rests(word string) []string {
	p.t.Helper()
	return append(call[[]string](p.tab, restsInBrowser, word), call[[]string](p.tab, restsInPage, word)...)
}

// awaitWords waits until the message list has words in it.
func (p *person) awaitWords(words string) {
	p.t.Helper()
	p.await(words, `words => document.querySelector('[role=log]')?.textContent.includes(words)`, words)
}

// takeBack takes back the newest own message that has words in it, also as a file's name, and
// reports whether there was one.
func (p *person) takeBack(words string) bool {
	p.t.Helper()
	if !call[bool](p.tab, `words => {
		const row = [...document.querySelectorAll('article.message.own')].findLast(row => row.outerHTML.includes(words));
		row?.querySelector('.acts').click();
		return row !== undefined;
	}`, words) {
		return false
	}
	left := `words => [...document.querySelectorAll('article.message.own')].filter(row => row.outerHTML.includes(words)).length`
	before := call[int](p.tab, left, words)
	p.click("Take back")
	p.find("heading", "Take this message back?")
	p.click("Take back")
	p.await("it is gone", `(words, before) => [...document.querySelectorAll('article.message.own')].filter(row => row.outerHTML.includes(words)).length < before`, words, before)
	return true
}

// What was edited away or taken back rests nowhere: in no file of the server, and in no store
// of any browser, though one was away when it was taken back.
func TestNothingOfWhatWasTakenBackRestsAnywhere(t *testing.T) {
	t.Parallel()
	const annID, benID, cemID = 51, 52, 53
	s := newServerWithKey(t)
	g := newGate(t, s)
	ann := signInAs(newProfile(t), g, annID, "Ann", s.token(annID, "Ann"))
	ben := signInAs(newProfile(t), g, benID, "Ben", s.token(benID, "Ben"))
	cem := signInAs(newProfile(t), g, cemID, "Cem", s.token(cemID, "Cem"))
	key := ann.makeGroup("The team", ben.id, cem.id)
	for _, p := range []*person{ben, cem} {
		p.clickRow(key)
	}
	ann.say(erased + "First")
	ben.awaitWords(erased + "First")
	cem.awaitWords(erased + "First")
	ben.act(erased+"First", "Reply")
	ben.fill("Message", "yes")
	ben.pressEnter()
	ben.act(erased+"First", "👍")
	ann.await("the answer", `() => document.querySelector('.quote-words') && document.querySelector('.reaction')`)
	ann.act(erased+"First", "Edit")
	call[bool](ann.tab, `() => { document.querySelector('message-composer textarea').select(); return true }`)
	ann.fill("Message", erased+"Edited")
	ann.pressEnter()
	for _, p := range []*person{ann, ben, cem} {
		p.awaitWords(erased + "Edited")
		eventually(t, p.name+"'s browser has nothing of what was edited", func() bool { return len(p.rests(erased+"First")) == 0 })
	}
	eventually(t, "the server has nothing of what was edited", func() bool { return len(restsOnServer(t, s, erased+"First")) == 0 })

	paths := inFolder(t, map[string][]byte{erased + "Name.txt": []byte(strings.Repeat(erased+"Bytes ", 3000)), erased + "Photo.jpg": photo(t, 300, 200)})
	ann.chooseFiles(paths[erased+"Name.txt"], paths[erased+"Photo.jpg"])
	ann.fill("Caption", erased+"Caption")
	ann.sendChosen()
	for _, p := range []*person{ben, cem} {
		p.awaitWords(erased + "Caption")
		p.awaitWords(erased + "Name.txt")
	}
	ann.await("what was sent is confirmed", `() => [...document.querySelectorAll('.message.own')].every(m => m.dataset.state !== 'pending')`)
	ann.openChat(ben.id)
	ann.say(erased + "Direct")
	ben.openChat(ann.id)
	ben.awaitWords(erased + "Direct")
	for _, p := range []*person{ann, ben, cem} {
		if len(p.rests(erased)) == 0 {
			t.Fatalf("%s's browser has nothing, and so finds nothing", p.name)
		}
	}
	if found := restsOnServer(t, s, erased); len(found) < 2 {
		t.Fatalf("the server has it in %q alone, not in its history and a file", found)
	}

	cem.visit("about:blank")
	if !ann.takeBack(erased + "Direct") {
		t.Fatal("Ann sees nothing to take back")
	}
	ann.clickRow(key)
	ann.awaitWords(erased + "Caption")
	for ann.takeBack(erased) { // each file may be a message of its own
	}
	ben.await("nothing in sight", `word => !document.body.textContent.includes(word)`, erased)
	cem.visit(g.url + "/#/c/" + key)
	cem.await("what is left", `() => document.querySelectorAll('[role=log] [data-seq]').length > 2`)
	for _, p := range []*person{ann, ben, cem} {
		var found []string
		defer func() {
			if t.Failed() {
				t.Logf("%s's browser has it in %q", p.name, found)
			}
		}()
		eventually(t, p.name+"'s browser has nothing", func() bool { found = p.rests(erased); return len(found) == 0 })
	}
	var found []string
	defer func() {
		if t.Failed() {
			t.Logf("the server has it in %q", found)
		}
	}()
	eventually(t, "the server has nothing", func() bool {
		found = restsOnServer(t, s, erased)
		slices.Sort(found)
		return len(found) == 0
	})
}
