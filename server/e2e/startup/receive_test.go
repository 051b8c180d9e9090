package startup

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/chromedp/chromedp"

	"parley/proto"
	"parley/proto/search/searchtest"
)

// received is how many messages BenchmarkReceive lets come.
var received = flag.Int("received", 50_000, "how many messages the benchmark of receiving lets come")

// receivedLen is how many bytes of text each of them has.
const receivedLen = 200

// noteCommits keeps, as e2eCommitted, when the last transaction was complete that stored messages, in Unix milliseconds,
// in the page or in its worker.
const noteCommits = `(() => {
	const channel = new BroadcastChannel('e2e-commits');
	const note = at => { globalThis.e2eCommitted = Math.max(at, globalThis.e2eCommitted ?? 0) };
	channel.onmessage = ({ data }) => note(data);
	const transaction = IDBDatabase.prototype.transaction;
	IDBDatabase.prototype.transaction = function (stores, mode, ...rest) {
		const begun = transaction.call(this, stores, mode, ...rest);
		if (mode === 'readwrite' && [].concat(stores).includes('messages')) begun.addEventListener('complete', () => {
			const at = Date.now();
			if (globalThis.document) note(at);
			else channel.postMessage(at);
		});
		return begun;
	};
})();
`

// committed waits, in the page, until no transaction was complete for a while and n messages of a sender are stored, and returns
// when the last one was. It looks seldom: some pages do all their work there.
const committed = `async (count, since, user, sender, n) => {
	const quiet = () => globalThis.e2eCommitted > since && Date.now() - globalThis.e2eCommitted > 500;
	while (!quiet() || await count(user, sender) !== n) await new Promise(done => setTimeout(done, 100));
	return globalThis.e2eCommitted;
}`

// BenchmarkReceive lets the same messages come to somebody's devices, Parley's page and pages of stock libraries that
// store them one a record and 64 a record, one device after the other, each over MQTT as fast as the browser takes them. It
// reports how long it takes until all are decoded, in order, and committed in IndexedDB; and how many times as long as
// Parley's the others take, with Parley's search index and without.
func BenchmarkReceive(b *testing.B) {
	receiveAgainst(b, *received, "single", "packed")
}

// BenchmarkReceiveAlone is the same against a page that stores each message in a transaction of its own, as the
// libraries' simplest way does, with a tenth as many messages, since that takes so long.
func BenchmarkReceiveAlone(b *testing.B) {
	receiveAgainst(b, *received/10, "alone")
}

// receiveAgainst measures how long so many messages take, beside pages that store them in some ways.
func receiveAgainst(b *testing.B, messages int, ways ...string) {
	address := newServer(b)
	anna := newGuest(b, address, "Anna")
	parley := newReceiver(b, address, anna, "parley", "")
	unindexed := newReceiver(b, address, anna, "unindexed", newProgram(b, withoutIndex...))
	all := []*receiver{parley, unindexed}
	for _, way := range ways {
		all = append(all, newStock(b, address, anna, way))
	}
	contents := receivedContents(messages)
	took := make(map[*receiver][]float64)
	receive := func(turn int) {
		all := slices.Concat(all[turn%len(all):], all[:turn%len(all)])
		for r, ms := range receiveInTurns(b, address, anna, all, contents, turn) {
			took[r] = append(took[r], ms)
		}
	}
	receive(0) // until the browser has compiled what it will
	clear(took)
	for turn := 1; b.Loop(); turn++ {
		receive(turn)
	}
	for _, r := range all {
		b.ReportMetric(median(took[r]), "ms/"+r.name)
		b.Logf("%s %.0f", r.name, took[r])
	}
	for _, stock := range all[2:] {
		b.ReportMetric(median(took[stock])/median(took[parley]), "ratio-"+stock.name)
		b.ReportMetric(median(took[stock])/median(took[unindexed]), "ratio-"+stock.name+"-unindexed")
	}
}

// receiveInTurns lets somebody new write messages to the one whose devices receive them, one after the other, and returns how
// many milliseconds each of these took.
func receiveInTurns(t testing.TB, server string, anna guest, devices []*receiver, contents []string, turn int) map[*receiver]float64 {
	t.Helper()
	sender := newGuest(t, server, fmt.Sprint("Writer ", turn))
	for _, r := range devices {
		r.line.keep()
	}
	sender.send(t, server, len(contents), 0, func(i int) *proto.Message {
		m := sender.message(anna, i)
		if m.Content = &contents[i]; i == len(contents)-1 {
			m.Content = new("the last of " + sender.name)
		}
		return m
	})
	for _, r := range devices {
		eventually(t, "the last message", func() bool { return r.line.has("the last of " + sender.name) })
	}
	took := make(map[*receiver]float64)
	for _, r := range devices {
		took[r] = r.receive(fmt.Sprint(sender.id), len(contents))
	}
	return took
}

// receivedContents are texts as people write them, of two scripts, each of the same length.
func receivedContents(n int) []string {
	random := rand.New(rand.NewPCG(1, 2))
	words := searchtest.NewWords(random, 30_000)
	contents := make([]string, n)
	for i := range contents {
		if i%2 == 0 {
			contents[i] = searchtest.Text(words, receivedLen/3, true) + "  "
			continue
		}
		contents[i] = searchtest.Text(words, receivedLen/2, false)[:receivedLen]
	}
	return contents
}

// receiver is a page that receives.
type receiver struct {
	*tab
	user  string
	line  *line
	name  string
	count string // JavaScript that counts what is stored of what somebody sent
}

// newReceiver is one with Parley's page, with no conversation open, and the program of a file, or the server's.
func newReceiver(t testing.TB, server string, anna guest, name, program string) *receiver {
	t.Helper()
	r := &receiver{tab: newTab(t, noteCommits), user: fmt.Sprint(anna.id), line: newLine(t, server, noteCommits, program), name: name, count: countPages}
	r.do(chromedp.Navigate("http://" + r.line.address + "/app.webmanifest")) // of the origin, and no page of Parley's
	call[bool](r.tab, signIn, r.user, anna.name, anna.token)
	r.do(chromedp.Navigate("http://" + r.line.address + "/"))
	r.await("the page to be connected", `() => document.querySelector('[data-connection=live]')`)
	return r
}

// newStock is one with a page of stock libraries, which keeps messages in a way.
func newStock(t testing.TB, server string, anna guest, way string) *receiver {
	t.Helper()
	r := &receiver{tab: newTab(t, noteCommits), user: fmt.Sprint(anna.id), line: newLine(t, server, "", ""), name: way,
		count: "(user, sender) => stock.count('" + way + "', sender)"}
	r.do(chromedp.Navigate("http://" + r.line.address + "/e2e/stock/"))
	r.await("the libraries", `() => globalThis.stock`)
	call[bool](r.tab, `(...args) => stock.receive(...args)`, way, r.user, anna.token)
	return r
}

// receive returns how many milliseconds passed from when messages that were held back began to come until all were stored.
func (r *receiver) receive(sender string, n int) float64 {
	r.t.Helper()
	began := r.line.letGo().UnixMilli()
	return call[float64](r.tab, `(...args) => (`+committed+`)(`+r.count+`, ...args)`, began, r.user, sender, n) - float64(began)
}

// countPages counts what the pages of a conversation hold, by the number of bits that say so.
const countPages = `async (user, sender) => {
	const [low, high] = [BigInt(user), BigInt(sender)].sort((a, b) => a < b ? -1 : 1);
	const conversation = new TextEncoder().encode('d:' + low + ':' + high);
	const bound = last => new Uint8Array([conversation.length, ...conversation, ...Array(8).fill(last)]);
	const open = indexedDB.open('parley-' + user);
	const db = await new Promise((resolve, reject) => { open.onsuccess = () => resolve(open.result); open.onerror = () => reject(open.error) });
	const pages = db.transaction('messages').objectStore('messages').getAll(IDBKeyRange.bound(bound(0), bound(255)));
	await new Promise((resolve, reject) => { pages.onsuccess = resolve; pages.onerror = () => reject(pages.error) });
	db.close();
	let n = 0;
	for (const page of pages.result) for (const byte of page.subarray(9, 17)) for (let bits = byte; bits; bits &= bits - 1) n++;
	return n;
}`
