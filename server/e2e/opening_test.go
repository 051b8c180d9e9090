package e2e

import (
	"encoding/json"
	"testing"

	protobuf "google.golang.org/protobuf/proto"

	"parley/proto"
)

// holdRows is JavaScript for the engine, whose database then gives the rows of no conversations but the first, until a
// page lets it.
const holdRows = `{
	let held = true;
	new BroadcastChannel('e2e-rows').onmessage = () => { held = false; };
	const getAll = IDBObjectStore.prototype.getAll;
	IDBObjectStore.prototype.getAll = function (...over) {
		if (this.name !== 'conversations' || !over[1]) return getAll.apply(this, over);
		const asked = {};
		const look = () => {
			const last = !held, request = last ? getAll.apply(this, over) : this.count(); // which keeps the transaction open
			request.onsuccess = () => {
				if (!last) return look();
				asked.result = request.result;
				asked.onsuccess();
			};
		};
		look();
		return asked;
	};
}`

// letRows is what lets it.
const letRows = `() => { new BroadcastChannel('e2e-rows').postMessage(true); return true }`

// opening is a page whose engine has told it of the first conversations, and holds the others.
type opening struct {
	*person
	s       *server
	g       *gate
	profile *profile
	phone   *device // another of Ann's
	key     string  // of the oldest conversation, that with Bob, three of whose messages are unread
	all     int     // conversations
}

// openOnce opens Ann's page for the first time, with so many conversations more recent than that with Bob.
func openOnce(t *testing.T, more int) *opening {
	t.Helper()
	s := newServerWithKey(t, "-new-conversations", "100")
	g := newGate(t, s)
	g.inEngine(holdRows)
	phone := newDevice(t, s, 11, "Ann")
	newDevice(t, s, 12, "Bob").tellsMany(11, 3)
	for i := range more {
		phone.tell(uint64(100+i), "hello")
	}
	o := &opening{s: s, g: g, phone: phone, key: proto.DirectKey(11, 12).String(), all: 1 + more}
	o.open(newProfile(t), "Ann", "", "")
	o.awaitConnection("live")
	o.await("what is unread", `() => document.title.startsWith('(3)')`)
	o.isStored()
	return o
}

// open opens Ann's page in a new tab, at a hash.
func (o *opening) open(p *profile, name, hash, before string) {
	p.t.Helper()
	o.person = &person{tab: p.open(name, o.g.url+"/"+hash, sessionOf(11, "Ann", o.s.token(11, "Ann"))+";"+before), id: "11"}
	o.profile = p
}

// isStored waits until all that the engine was told of is stored, as it is before anything is searched: an engine whose
// last page is left ends without.
func (o *opening) isStored() {
	o.t.Helper()
	call[bool](o.tab, `async token => {
		const { connect } = await import('/parley.js');
		const parley = await connect({ token });
		await parley.search('hello');
		parley.close();
		return true;
	}`, o.s.token(11, "Ann"))
}

// leave leaves the page, and waits until the engine has ended.
func (o *opening) leave() {
	o.t.Helper()
	o.visit(o.g.url + "/healthz")
	eventually(o.t, "the engine to end", func() bool { return len(workers(o.profile)) == 0 })
}

// again opens the page once more, and asks its engine for some conversations, and for all.
func (o *opening) again(hash, before string) {
	o.t.Helper()
	o.leave()
	o.open(o.profile, "Ann again", hash, before)
	call[bool](o.tab, `async token => {
		const { connect } = await import('/parley.js');
		const parley = await connect({ token });
		parley.conversations().then(all => { window.all = all.length; });
		window.some = (await parley.conversations({ opening: true })).length;
		return true;
	}`, o.s.token(11, "Ann"))
	o.await("the engine's answer", `() => document.querySelector('chat-panes:not([data-kept])')`)
}

// isOpening wants the engine to hold some conversations still, and nobody to be told that they are all.
func (o *opening) isOpening() {
	o.t.Helper()
	if some := call[int](o.tab, `() => window.some`); some >= o.all {
		o.t.Fatalf("%d of %d conversations are there: this tests nothing", some, o.all)
	}
	if call[bool](o.tab, `() => window.all !== undefined`) {
		o.t.Fatal("who asked for all conversations was given some")
	}
}

// release lets the engine have the others.
func (o *opening) release() {
	o.t.Helper()
	call[bool](o.tab, letRows)
	o.await("all conversations", `n => window.all === n && performance.getEntriesByName('parley conversations live').length`, o.all)
}

func TestWhatIsStillBeingOpenedIsNeitherCountedNorCalledNewNorForgotten(t *testing.T) {
	t.Parallel()
	o := openOnce(t, 60)
	o.again("", recordedNotifications+`
		Notification.permission = 'granted';
		localStorage.setItem('parley.notifications', 'on');
		const kept = localStorage.getItem('parley.snapshot');
		window.keptAll = () => kept && kept === localStorage.getItem('parley.snapshot');`)
	o.await("the first conversations", `() => document.querySelector('[data-key]')`)
	o.inFront(false) // when what is shown is kept
	o.isOpening()
	if title := call[string](o.tab, `() => document.title`); title != "(3) Parley" {
		t.Errorf("while conversations are opened, the title is %q", title)
	}
	if !call[bool](o.tab, `() => window.keptAll()`) {
		t.Error("some conversations are kept as if they were all")
	}
	o.release()
	if title := call[string](o.tab, `() => document.title`); title != "(3) Parley" {
		t.Errorf("the title is %q", title)
	}
	newDevice(t, o.s, 13, "Cleo").tell(11, "new")
	o.await("what is new to be told", `() => told.some(({tag}) => tag === 'd:11:13')`)
	if got := call[[]told](o.tab, `() => told`); len(got) != 1 {
		t.Errorf("notified of %+v, of which one is new", got)
	}
}

func TestAListIsNotSaidToBeEmptyWhileConversationsAreOpened(t *testing.T) {
	t.Parallel()
	o := openOnce(t, 0)
	if _, err := o.phone.send(proto.BranchChoice, &proto.Choice{Key: &o.key, ArchivedThrough: protobuf.Uint64(3)}); err != nil {
		t.Fatal(err)
	}
	o.await("nothing to be in the list", `() => !document.querySelector('[data-key]') && document.body.textContent.includes('Archived (1)')`)
	o.isStored()
	o.again("", `
		localStorage.removeItem('parley.snapshot');
		new MutationObserver(() => {
			window.saidNone ||= document.querySelector('conversation-list .empty')?.checkVisibility();
		}).observe(document, { subtree: true, childList: true, attributes: true });`)
	o.isOpening()
	o.release()
	o.await("the archive", `() => document.body.textContent.includes('Archived (1)')`)
	if call[bool](o.tab, `() => window.saidNone === true`) {
		t.Error("it was said that there is no conversation")
	}
}

// What was kept of a conversation stands until its row is there, which may not be among the first.
func TestWhatWasKeptOfAConversationStandsUntilItIsOpened(t *testing.T) {
	t.Parallel()
	o := openOnce(t, 60)
	o.openChat("12")
	o.awaitMessage("line 3.", "received")
	bob, blocked := uint64(12), true
	if _, err := o.phone.send(proto.BranchBlock, &proto.Block{UserId: &bob, Blocked: &blocked}); err != nil {
		t.Fatal(err)
	}
	const says = `() => document.body?.innerText.includes('You have blocked')`
	o.await("the block", says)
	o.isStored()
	o.leave()
	kept, err := json.Marshal(call[string](o.tab, `() => localStorage.getItem('parley.snapshot')`))
	if err != nil {
		t.Fatal(err)
	}
	call[bool](o.tab, `async token => { // so that the conversation is on no screen any more
		const { connect } = await import('/parley.js');
		const parley = await connect({ token });
		const all = parley.conversations();
		await parley.conversations({ opening: true });
		(`+letRows+`)();
		await all;
		parley.close();
		return true;
	}`, o.s.token(11, "Ann"))
	o.again("#/to/12", `localStorage.setItem('parley.snapshot', `+string(kept)+`);
		new MutationObserver(() => {
			const now = (`+says+`)();
			window.saidOtherwise ||= window.said && !now;
			window.said ||= now;
		}).observe(document, { subtree: true, childList: true, attributes: true });`)
	o.isOpening()
	o.await("what was kept", says)
	o.release()
	o.await("the block", says)
	if call[bool](o.tab, `() => window.saidOtherwise === true`) {
		t.Error("the conversation was taken for one that is not known")
	}
}
