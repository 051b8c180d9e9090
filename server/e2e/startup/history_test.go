package startup

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"

	"parley/proto"
	"parley/proto/search/searchtest"
	"parley/server/chat"
	"parley/server/store"
)

// Whole histories in a browser, as one who stays for years has them: a million messages, beside
// ten thousand.
const (
	wholeHistory = 1_000_000
	ofOne        = 1000 // messages of a conversation on average, where there are many
	littleOf     = 10   // conversations of those who have little
)

// BenchmarkMillionOpen opens one conversation after the other, where 10,000 messages are stored in ten,
// and where a million are in a thousand: until its newest message is painted.
func BenchmarkMillionOpen(b *testing.B) {
	holdAgainst(b, "open", (*keeper).open)
}

// BenchmarkMillionStart reloads the page where a million messages are stored, and where 10,000 are.
func BenchmarkMillionStart(b *testing.B) {
	holdAgainst(b, "reload", func(k *keeper, _ int) float64 { return k.reload() })
}

// holdAgainst measures where little is stored, and where much is, in turn.
func holdAgainst(b *testing.B, what string, measure func(*keeper, int) float64) {
	little := newKeeper(b, littleOf, ofOne)
	much := newKeeper(b, wholeHistory/ofOne, ofOne)
	for i := range 3 {
		measure(little, i)
		measure(much, i)
	}
	var ofLittle, ofMuch []float64
	for i := 3; b.Loop(); i++ {
		ofLittle = append(ofLittle, measure(little, i))
		ofMuch = append(ofMuch, measure(much, i))
	}
	b.ReportMetric(median(ofMuch), "ms/"+what)
	b.ReportMetric(median(ofMuch)/median(ofLittle), "ratio")
	b.Logf("with %d stored %.0f\nwith %d stored %.0f", littleOf*ofOne, ofLittle, wholeHistory, ofMuch)
}

// BenchmarkMillionJump goes to messages anywhere in a conversation of a million, until each is painted;
// then it searches all of it, for a word and for a pair of Chinese characters, and tells what memory
// the program has after all that.
func BenchmarkMillionJump(b *testing.B) {
	anna := newKeeper(b, 1, wholeHistory)
	random := rand.New(rand.NewPCG(3, 4))
	var jumps, words, pairs []float64
	for b.Loop() {
		jumps = append(jumps, anna.jump(1+random.IntN(wholeHistory)))
		words = append(words, anna.search("be"))
		pairs = append(pairs, anna.search("丕东"))
	}
	b.ReportMetric(median(jumps), "ms/jump")
	b.ReportMetric(median(words), "ms/prefix")
	b.ReportMetric(median(pairs), "ms/pair")
	b.ReportMetric(anna.programMemory(), "MiB")
	b.Logf("jumps %.0f\nsearches for a prefix %.0f\nfor a pair of characters %.0f", jumps, words, pairs)
}

// keeper is the page of Anna, who has all that was written to her in the browser.
type keeper struct {
	*reader
	writers []guest
	sizes   []int // messages that each of them wrote
}

// newKeeper lets writers write so many messages each on average, a few of them many and most of them few, and has the
// browser fetch all of them.
func newKeeper(t testing.TB, writers, each int) *keeper {
	t.Helper()
	s := startServer(t)
	anna := &reader{guest: newGuest(t, s.Address, "Anna"), address: s.Address}
	k := &keeper{reader: anna, sizes: searchtest.Sizes(writers*each, writers)}
	for i := range writers {
		k.writers = append(k.writers, newGuest(t, s.Address, fmt.Sprint("Writer ", i)))
	}
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
	k.fill(t, s.Data)
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	anna.tab = newTab(t, fmt.Sprintf(watchPaint, "[role=log] [data-seq]"))
	anna.do(chromedp.Navigate("http://" + s.Address + "/app.webmanifest")) // of the origin, and no page of Parley's
	call[bool](anna.tab, signIn, fmt.Sprint(anna.id), anna.name, anna.token)
	anna.do(chromedp.Navigate("http://" + s.Address + "/")) // no conversation, of which the place would be kept
	anna.await("the page to be connected", `() => document.querySelector('[data-connection=live]')`)
	call[bool](anna.tab, startReading, anna.token, writers)
	for last, since := 0, time.Now(); ; time.Sleep(time.Second) {
		got := call[reading](anna.tab, `() => window.e2eReading`)
		if got.Read > last {
			last, since = got.Read, time.Now()
		}
		if got.Failed != "" || time.Since(since) > patience {
			t.Fatalf("after %d messages: %s", got.Read, got.Failed)
		}
		if got.Done {
			break
		}
	}
	if n := call[reading](anna.tab, `() => window.e2eReading`).Read; n != writers*each {
		t.Fatalf("the browser has %d messages, want %d", n, writers*each)
	}
	k.open(0)
	anna.reload()
	call[bool](anna.tab, prepareSearch, anna.token)
	return k
}

// fill stores what the writers write, as the server does, in the server's folder: from a seeded
// generator, of two scripts and of lengths that differ, all writers at once.
func (k *keeper) fill(t testing.TB, dir string) {
	t.Helper()
	db, err := store.Open(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	service, err := chat.New(chat.Config{Store: db, Fanout: toNobody{}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- service.Run(ctx) }()
	todo := make(chan work, underway)
	failed := make(chan error, underway)
	for range underway {
		go func() {
			var failure error
			for w := range todo {
				if _, err := service.Publish(ctx, chat.Sender{User: w.from}, proto.BranchMessage, w.payload, nil); err != nil {
					failure = err
				}
			}
			failed <- failure
		}()
	}
	random := rand.New(rand.NewPCG(1, 2))
	words := searchtest.NewWords(random, 30_000)
	var turns []int // whose it is to write
	for i, n := range k.sizes {
		turns = append(turns, slices.Repeat([]int{i}, n)...)
	}
	random.Shuffle(len(turns), func(i, j int) { turns[i], turns[j] = turns[j], turns[i] })
	wrote := make([]int, len(k.writers))
	for _, i := range turns {
		writer := k.writers[i]
		wrote[i]++
		content := fmt.Sprintf("%d/%d %s", writer.id, wrote[i], searchtest.Text(words, 1+int(min(random.ExpFloat64()*9, 200)), random.IntN(2) == 0))
		payload, err := proto.Marshal(&proto.Message{
			MessageId: new(uint64), SenderId: new(uint64), CreateTime: new(uint64), ReceiverId: &k.id, Content: &content,
		})
		if err != nil {
			t.Fatal(err)
		}
		todo <- work{writer.id, payload}
	}
	close(todo)
	for range underway {
		if err := <-failed; err != nil {
			t.Fatal(err)
		}
	}
	cancel()
	<-ended // because of that
}

// work is a message to be stored.
type work struct {
	from    uint64
	payload []byte
}

// toNobody tells nobody what is stored.
type toNobody struct{}

func (toNobody) Publish(uint64, proto.Branch, []byte) {}

func (toNobody) PublishTo(context.Context, uint64, string, proto.Branch, []byte) error { return nil }

// reading is how far startReading has come.
type reading struct {
	Read   int
	Done   bool
	Failed string
}

const (
	// startReading fetches all messages of all conversations, and marks them as read, in the background.
	startReading = `(token, conversations) => {
		const reading = window.e2eReading = { Read: 0, Done: false, Failed: '' };
		(async () => {
			const { connect } = await import('/parley.js');
			const parley = await connect({ token });
			let list;
			while ((list = await parley.conversations()).length < conversations) await new Promise(resolve => setTimeout(resolve, 100));
			for (const { key, head } of list) {
				for (let before = 0n; ;) {
					const page = await parley.history(key, { before, limit: 500 });
					if (page.incomplete) throw new Error(page.incomplete);
					reading.Read += page.messages.length;
					if (!page.more) break;
					before = page.messages[0].seq;
				}
				await parley.markRead(key, head);
			}
			parley.close();
			reading.Done = true;
		})().catch(e => { reading.Failed = String(e) });
		return true;
	}`
	prepareSearch = `async token => {
		const { connect } = await import('/parley.js');
		window.e2eParley = await connect({ token });
		return true;
	}`
	// search returns how many milliseconds it took to find 20.
	search = `async query => {
		const began = performance.now();
		const { hits, indexed } = await e2eParley.search(query, { server: false });
		const took = performance.now() - began;
		if (indexed < 1 || hits.length !== 20) throw new Error(hits.length + ' hits, ' + indexed + ' indexed');
		return took;
	}`
	// goTo goes to an address within the page, and returns after how many milliseconds a message
	// was painted whose text begins so.
	goTo = `(hash, seq, begins) => new Promise((resolve, reject) => {
		const began = performance.now();
		location.hash = hash;
		const look = () => {
			const log = document.querySelector('[role=log]');
			const row = log?.querySelector('[data-seq="' + seq + '"]');
			const box = row?.getBoundingClientRect(), frame = log?.getBoundingClientRect();
			if (row?.textContent.includes(begins) && box.bottom > frame.top && box.top < frame.bottom) {
				const { port1, port2 } = new MessageChannel();
				port1.onmessage = () => resolve(performance.now() - began);
				port2.postMessage(0);
			} else if (performance.now() - began > 60_000) reject(new Error('not painted: ' + hash));
			else requestAnimationFrame(look);
		};
		requestAnimationFrame(look);
	})`
)

// open opens a conversation, another one for each i, and returns after how many milliseconds its newest message was painted.
func (k *keeper) open(i int) float64 {
	at := (1 + 7*i) % len(k.writers)
	writer := k.writers[at]
	took := call[float64](k.tab, goTo, fmt.Sprintf("#/to/%d", writer.id), k.sizes[at], fmt.Sprint(writer.id, "/"))
	time.Sleep(settle / 3)
	return took
}

// jump goes to a message of the conversation.
func (k *keeper) jump(seq int) float64 {
	writer := k.writers[0]
	took := call[float64](k.tab, goTo, fmt.Sprintf("#/c/%s/%d", proto.DirectKey(k.id, writer.id), seq), seq, fmt.Sprint(writer.id, "/"))
	time.Sleep(settle / 3)
	return took
}

func (k *keeper) search(query string) float64 { return call[float64](k.tab, search, query) }

// programMemory is what WebAssembly has for itself in the engine's worker, in MiB.
func (k *keeper) programMemory() float64 {
	k.t.Helper()
	infos, err := chromedp.Targets(k.ctx)
	if err != nil {
		k.t.Fatal(err)
	}
	i := slices.IndexFunc(infos, func(info *target.Info) bool { return info.Type == "shared_worker" })
	if i < 0 {
		k.t.Fatalf("the browser runs no worker: %v", infos)
	}
	ctx, end := chromedp.NewContext(k.ctx, chromedp.WithTargetID(infos[i].TargetID), chromedp.WithDetachOnCancel())
	defer end()
	var bytes float64
	if err := chromedp.Do(ctx, chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		prototype, err := cdp.Call(ctx, target, runtime.Evaluate, runtime.EvaluateParams{Expression: "WebAssembly.Memory.prototype"})
		if err != nil {
			return err
		}
		all, err := cdp.Call(ctx, target, runtime.QueryObjects, runtime.QueryObjectsParams{PrototypeObjectID: prototype.Result.ObjectID})
		if err != nil {
			return err
		}
		sum, err := cdp.Call(ctx, target, runtime.CallFunctionOn, runtime.CallFunctionOnParams{
			FunctionDeclaration: "function() { return this.reduce((sum, memory) => sum + memory.buffer.byteLength, 0) }",
			ObjectID:            all.Objects.ObjectID, ReturnByValue: new(true),
		})
		if err != nil {
			return err
		}
		return json.Unmarshal(sum.Result.Value, &bytes)
	})); err != nil {
		k.t.Fatal(err)
	}
	return bytes / (1 << 20)
}
