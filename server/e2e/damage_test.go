package e2e

import (
	"testing"
)

// chinese is JavaScript that makes the browser ask for Chinese.
const chinese = `Object.defineProperty(Navigator.prototype, 'languages', { get: () => ['zh-CN'] });`

// inDatabase is JavaScript that does something with the user's database, opened in some version.
const inDatabase = `(user, version, work) => new Promise((resolve, reject) => {
	const opening = indexedDB.open('parley-' + user, version ?? undefined);
	opening.onerror = () => reject(opening.error);
	opening.onupgradeneeded = () => opening.result.createObjectStore('of a version to come');
	opening.onsuccess = () => {
		const db = opening.result;
		const transaction = db.transaction([...db.objectStoreNames], 'readwrite');
		let result = true;
		transaction.onabort = () => reject(transaction.error);
		transaction.oncomplete = () => {
			db.close();
			resolve(result);
		};
		work(transaction, value => { result = value; });
	};
})`

// stored is a chat that a browser keeps, with something that waits to be sent, whose page was left.
type stored struct {
	profile *profile
	g       *gate
	ada     *person // not on the page any more
	bob     *peer
}

func leftStored(t *testing.T) *stored {
	t.Helper()
	s := newServer(t)
	c := &stored{profile: newProfile(t), g: newGate(t, s)}
	c.ada, c.bob = signInWith(c.profile, c.g, "Ada", ""), newPeer(t, s, "Bob")
	c.ada.openChat(c.bob.id)
	c.ada.say("a question")
	c.ada.awaitMessage("a question", confirmed...)
	c.bob.openChat(c.ada.id)
	c.bob.say("an answer")
	c.ada.awaitMessage("an answer", "received")
	c.g.cut("/mqtt")
	c.ada.awaitConnection("offline")
	c.ada.say("waits")
	c.ada.awaitMessage("waits", "pending")
	c.ada.visit(c.g.url + "/healthz")
	eventually(t, "the engine to end", func() bool { return len(workers(c.profile)) == 0 })
	return c
}

// comeBack opens the page again.
func (c *stored) comeBack(before string) *person {
	c.profile.t.Helper()
	return &person{tab: c.profile.open("Ada-again", c.g.url+"/#/to/"+c.bob.id, before), id: c.ada.id}
}

func TestWhatIsDamagedInTheBrowserIsFetchedAgainAndSaidOnce(t *testing.T) {
	t.Parallel()
	const damaged = "Some of what was stored in this browser was damaged: it is fetched from the server again"
	for store, test := range map[string]struct {
		before string
		said   string
		lost   bool // what waits to be sent
	}{
		"messages":      {"", damaged, false},
		"conversations": {"", damaged, false},
		"meta":          {chinese, "此浏览器中保存的部分内容已损坏，将从服务器重新获取", false},
		"outbox":        {"", "Something that waited to be sent was damaged in this browser, and is lost", true},
	} {
		t.Run(store, func(t *testing.T) {
			t.Parallel()
			c := leftStored(t)
			call[bool](c.ada.tab, `(user, name) => (`+inDatabase+`)(user, null, transaction => {
				const store = transaction.objectStore(name);
				store.getAllKeys().onsuccess = ({ target }) => {
					for (const key of target.result) store.put(new Uint8Array([1, 2, 3, 4, 5, 6]), key);
				};
			})`, c.ada.id, store)
			c.g.reopen("/mqtt")
			ada := c.comeBack(test.before)
			ada.notice(test.said)
			ada.awaitMessage("a question", confirmed...)
			ada.awaitMessage("an answer", "received")
			if !test.lost {
				c.bob.awaitMessage("waits")
				ada.awaitMessage("waits", confirmed...)
			}
			if n := ada.notices(test.said); n != 1 {
				t.Errorf("it is said %d times, want once", n)
			}
			ada.reload()
			ada.awaitConnection("live")
			ada.awaitMessage("a question", confirmed...)
			if n := ada.notices(test.said); n != 0 {
				t.Error("it is said again by the next start")
			}
		})
	}
}

func TestWhatANewerVersionKeepsStaysAndOneChatsInMemory(t *testing.T) {
	t.Parallel()
	for lang, test := range map[string]struct{ before, kept, said string }{
		"English": {"", "New messages are not kept in this browser.", "The stored history was written by a newer version of this program: reload the page."},
		"Chinese": {chinese, "此浏览器不保存新消息", "保存的聊天记录来自更新的版本，请刷新页面"},
	} {
		t.Run(lang, func(t *testing.T) {
			t.Parallel()
			c := leftStored(t)
			call[bool](c.ada.tab, `user => (`+inDatabase+`)(user, 99, transaction => transaction.objectStore('of a version to come').put('more', 1))`, c.ada.id)
			c.g.reopen("/mqtt")
			ada := c.comeBack(test.before)
			c.bob.awaitMessage("waits")
			ada.awaitMessage("a question", confirmed...)
			ada.awaitMessage("an answer", "received")
			ada.awaitMessage("waits", confirmed...)
			if n, said := ada.notices(test.kept), ada.notices(test.said); n != 1 || said != 1 {
				t.Errorf("it is said %d times that nothing is kept, and %d times %q, want once", n, said, test.said)
			}
			left := call[[]int](ada.tab, `user => (`+inDatabase+`)(user, null, (transaction, give) => {
				transaction.objectStore('outbox').count().onsuccess = ({ target }) => give([transaction.db.version, target.result]);
			})`, c.ada.id)
			if left[0] != 99 || left[1] != 1 {
				t.Errorf("the database is of version %d, with %d in its outbox; want it as it was", left[0], left[1])
			}
		})
	}
}

func TestADatabaseThatIsDeletedUnderThePageIsFilledAgainAndItIsSaidOnce(t *testing.T) {
	t.Parallel()
	for lang, test := range map[string]struct{ before, said string }{
		"English": {"", "What was stored in this browser was deleted: it is fetched from the server again"},
		"Chinese": {chinese, "此浏览器中保存的内容已被删除，将从服务器重新获取"},
	} {
		t.Run(lang, func(t *testing.T) {
			t.Parallel()
			c := leftStored(t)
			c.g.reopen("/mqtt")
			ada := c.comeBack(test.before)
			ada.awaitMessage("waits", confirmed...)
			for range 2 {
				call[bool](ada.tab, deleteDatabase, ada.id)
				ada.notice(test.said)
			}
			c.bob.say("heard after it")
			ada.awaitMessage("heard after it", "received")
			if n := ada.notices(test.said); n != 1 {
				t.Errorf("it is said %d times, want once", n)
			}
			ada.visit(c.g.url + "/healthz")
			eventually(t, "the engine to end", func() bool { return len(workers(c.profile)) == 0 })
			c.g.cut("/mqtt")
			c.g.close("/api/conversations")
			offline := c.comeBack("")
			for _, content := range []string{"a question", "an answer", "waits", "heard after it"} {
				offline.awaitMessage(content, "sent", "delivered", "read", "received")
			}
		})
	}
}
