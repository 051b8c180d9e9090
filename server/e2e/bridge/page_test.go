package bridge

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"nhooyr.io/websocket"
)

// connectTo imports a module as parley and connects user me with it as p. What
// p tells is kept in log, as "event" or "event: message".
func connectTo(module string) string {
	return fmt.Sprintf(`
		globalThis.parley = await import('/%s');
		globalThis.p = await parley.connect({ token: T.token(18446744073709551615n, { name: 'Ada' }) });
		globalThis.log = [];
		for (const type of ['error', 'reset', 'messages', 'connection', 'conversations'])
			p.addEventListener(type, ({ detail }) => log.push(detail?.message ? type + ': ' + detail.message : type));`, module)
}

var (
	connect = connectTo("parley.js")
	// noSharedWorker is a browser without SharedWorker.
	noSharedWorker = `delete globalThis.SharedWorker;`
	// send sends one message and waits until it is confirmed.
	send = `
		const confirmed = T.event(p, 'messages', d => d.messages.some(m => m.content === 'hello' && m.seq));
		await p.send(18446744073709551614n, 'hello');
		await confirmed;
		return 'confirmed';`
	contents = `return (await p.history('d:18446744073709551614:18446744073709551615')).messages.map(m => m.content);`
)

func TestIDsReachThePageAsBigIntsWithAll64Bits(t *testing.T) {
	t.Parallel()
	b := newSite(t).openTab(t, connect)
	got := b.eval(`
		const confirmed = T.event(p, 'messages', d => d.messages.some(m => m.seq));
		const sent = await p.send(18446744073709551614n, '\uFEFFhello 👋🏽', { seen: 18446744073709551613n });
		const [message] = (await confirmed).messages;
		return { user: p.user, sent: { ...sent, ref: sent.ref.length, time: typeof sent.time, changeableUntil: typeof sent.changeableUntil }, id: message.id, seq: message.seq };`)
	want := map[string]any{
		"user": map[string]any{"id": "18446744073709551615n", "name": "Ada", "services": []any{}},
		"sent": map[string]any{
			"key": "d:18446744073709551614:18446744073709551615", "seq": "0n", "id": "0n",
			"sender": "18446744073709551615n", "receiver": "18446744073709551614n",
			"content": "\ufeffhello 👋🏽", "time": "number", "deliveredTime": 0.0, "readTime": 0.0, "seen": "18446744073709551613n", "ref": 32.0, "number": "1n",
			"state": "pending", "reason": "", "reasonCode": "", "reasonArgs": []any{}, "gap": false,
			"type": "text", "mine": true, "agent": "0n", "target": "0n", "extend": "", "attachments": []any{}, "paused": false,
			"quote": "0n", "of": "0n", "edited": 0.0, "reactions": []any{}, "recalledBy": "0n", "changeableUntil": "number", "changing": false,
			"senderName": "", "mentions": []any{}, "mentionsMe": false, "members": []any{}, "memberNames": []any{}, "readBy": 0.0, "readOf": 0.0,
		},
		"id": "9223372036854775809n", "seq": "1n",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestASendResolvesWithTheMessageThatEventsToldOf(t *testing.T) {
	t.Parallel()
	b := newSite(t).openTab(t, connect)
	got := b.eval(`
		const told = [];
		p.addEventListener('messages', ({ detail }) => told.push(...detail.messages));
		const ref = 'ABCDEF0123456789ABCDEF0123456789';
		const sent = await Promise.all(['first', 'second', 'first'].map((content, i) =>
			p.send(18446744073709551614n, content, i === 1 ? {} : { ref })));
		return { sent: sent.map(({ content, ref }) => content + ' ' + ref.slice(0, 4 * (content === 'first'))), told: sent.every(m => told.includes(m)) };`)
	want := map[string]any{"sent": []any{"first abcd", "second ", "first abcd"}, "told": true}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestASecondTabLoadsNoWebAssemblyAndSeesWhatTheFirstDoes(t *testing.T) {
	t.Parallel()
	for name, before := range map[string]string{"SharedWorker": "", "leading tab": noSharedWorker} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			first := s.openTab(t, before+connect)
			second := s.openTab(t, before+connect)
			second.eval(`void (globalThis.told = T.event(p, 'messages', d => d.messages.some(m => m.seq)))`)
			first.eval(send)
			if got := second.eval(`return (await told).messages.at(-1).content`); got != "hello" {
				t.Errorf("the second tab saw %v", got)
			}
			if n := s.count("/parley.wasm"); n != 1 {
				t.Errorf("the program was loaded %d times for two tabs", n)
			}
		})
	}
}

func TestABrokenProgramIsToldToEveryTabAndStartedAgain(t *testing.T) {
	t.Parallel()
	for content, words := range map[string]string{
		"panic on the loop":         "boom on the loop",
		"panic in a goroutine":      "boom in a goroutine",
		"run out of memory":         "out of memory",
		"throw through the program": "BigInt",
		"exit":                      "",
	} {
		t.Run(content, func(t *testing.T) {
			s := newSite(t)
			first, second := s.openTab(t, connect), s.openTab(t, connect)
			first.eval(send)
			for _, b := range []*tab{first, second} {
				b.eval(`
					globalThis.broken = T.event(p, 'error');
					globalThis.renewed = T.event(p, 'reset');`)
			}
			first.eval(fmt.Sprintf(`p.send(18446744073709551614n, %q).catch(() => {});`, content))
			for _, b := range []*tab{first, second} {
				got := b.eval(`
					const cause = await broken;
					const during = await T.error(Promise.race([renewed.then(() => { throw new Error('again') })]));
					return { name: cause.name, message: cause.message };`).(map[string]any)
				text := got["message"].(string)
				if got["name"] != "ParleyError" || !strings.Contains(text, "started again") || !strings.Contains(text, words) {
					t.Errorf("the tab was told %v, want that the engine is started again, and %q", got, words)
				}
			}
			// The store was in memory, so the renewed program begins empty.
			if got := second.eval(send); got != "confirmed" {
				t.Errorf("after the restart: %v", got)
			}
			if n := s.count("/parley.wasm"); n != 1 {
				t.Errorf("the program was loaded %d times; what was compiled can be run again", n)
			}
		})
	}
}

func TestWhatABrokenProgramHadOpenIsClosed(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	ended := make(chan error, 1)
	s.handle("/socket", func(w http.ResponseWriter, r *http.Request) {
		socket, err := websocket.Accept(w, r, nil)
		if err != nil {
			ended <- err
			return
		}
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		_, _, err = socket.Read(ctx)
		ended <- err
	})
	b := s.openTab(t, connect)
	b.eval(`
		p.send(18446744073709551614n, 'panic with a socket and a database open').catch(() => {});
		await T.event(p, 'reset');`)
	if err := <-ended; websocket.CloseStatus(err) < 0 {
		t.Errorf("the socket ended with %v, want it closed", err)
	}
	if got := b.eval(`
		return new Promise(resolve => {
			const request = indexedDB.deleteDatabase('left-open');
			request.onsuccess = () => resolve('deleted');
			request.onblocked = () => resolve('blocked');
		})`); got != "deleted" {
		t.Errorf("the database is %v", got)
	}
}

func TestACallThatABrokenProgramLeavesOpenIsRejectedAndALaterOneWaits(t *testing.T) {
	t.Parallel()
	b := newSite(t).openTab(t, connect)
	got := b.eval(`
		p.send(18446744073709551614n, 'panic on the loop').catch(() => {});
		const lost = p.history('d:1:18446744073709551615'); // there is no history, so that it waits for a first sync
		const cause = await T.error(lost);
		const after = await p.conversations();
		return { name: cause.name, message: cause.message, after: after.length };`).(map[string]any)
	if got["name"] != "ParleyError" || !strings.Contains(got["message"].(string), "started again") || got["after"] != 0.0 {
		t.Errorf("got %v", got)
	}
}

func TestWhatABrokenProgramLeftUnsentIsSentOnceAndInOrder(t *testing.T) {
	t.Parallel()
	for name, breaks := range map[string]string{
		"it broke before storing":       "break 1 before",
		"it broke twice before storing": "break 2 before",
		"it broke after storing":        "break 1 after",
	} {
		t.Run(name, func(t *testing.T) {
			b := newSite(t).openTab(t, strings.Replace(connect, "18446744073709551615n", "7n", 1))
			got := b.eval(fmt.Sprintf(`
				const sent = ['first', '%s', 'third', 'fourth'].map(content => p.send(18446744073709551614n, content));
				const answers = await Promise.all(sent);
				const key = answers[0].key;
				let messages;
				do {
					({ messages } = await p.history(key));
				} while (messages.some(m => !m.seq));
				return {
					refs: new Set(answers.map(m => m.ref)).size,
					contents: messages.map(m => m.content),
					same: messages.map((m, i) => m.ref === answers[i].ref),
				};`, breaks))
			want := map[string]any{
				"refs": 4.0, "contents": []any{"first", breaks, "third", "fourth"}, "same": []any{true, true, true, true},
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestASendThatBreaksEachProgramIsGivenUpAndTheOthersAreSent(t *testing.T) {
	t.Parallel()
	b := newSite(t).openTab(t, connect)
	got := b.eval(`
		const lost = T.error(p.send(18446744073709551614n, 'break 99 before'));
		const kept = p.send(18446744073709551614n, 'after it');
		const cause = await lost;
		const { key } = await kept;
		return { name: cause.name, message: cause.message, contents: (await p.history(key)).messages.map(m => m.content) };`)
	want := map[string]any{
		"name": "ParleyError", "message": "Parley's engine ended while it was to take this message. It may have been sent: look before you send it again.",
		"contents": []any{"after it"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestASendThatNoProgramTakesInTimeIsGivenUp(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	// A minute of the page's timers passes in a moment.
	s.handle("/client/pending-sends.js", replaced(t, "client/pending-sends.js", "longest = 60_000", "longest = 60"))
	b := s.openTab(t, connect)
	s.handle("/wasm_exec.js", http.NotFound)
	got := b.eval(`
		const failed = T.event(p, 'error');
		const before = await T.error(p.send(18446744073709551614n, 'break 1 before'));
		await failed;
		const after = await T.error(p.send(18446744073709551614n, 'while there is none'));
		return [before.message, after.message];`)
	want := []any{
		"Parley's engine ended while it was to take this message. It may have been sent: look before you send it again.",
		"Parley's engine does not answer: this message was not sent.",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestAProgramThatCannotBeLoadedIsToldAndTriedAgain(t *testing.T) {
	t.Parallel()
	for name, path := range map[string]string{"program": "/parley.wasm", "runtime": "/wasm_exec.js"} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			var failing atomic.Bool
			failing.Store(true)
			good := s.fileHandler(path)
			s.handle(path, func(w http.ResponseWriter, r *http.Request) {
				if failing.Load() {
					http.NotFound(w, r)
					return
				}
				good(w, r)
			})
			b := s.openTab(t)
			got := b.eval(`
				globalThis.parley = await import('/parley.js');
				const cause = await T.error(parley.connect({ token: T.token(5) }));
				return { name: cause.name, message: cause.message };`).(map[string]any)
			if got["name"] != "ParleyError" || !strings.Contains(got["message"].(string), "could not be loaded") {
				t.Errorf("told %v", got)
			}
			if n := s.count(path); n < lastAttempt {
				t.Errorf("gave up after %d attempts", n)
			}
			failing.Store(false)
			b.eval(connect)
			if got := b.eval(send); got != "confirmed" {
				t.Errorf("after the server has it: %v", got)
			}
		})
	}
}

// lastAttempt is parley.js's.
const lastAttempt = 3

func TestATabOfANewerVersionMovesEveryTabToItsProgram(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.handle("/newer.js", replaced(t, "parley.js", "./parley.wasm", "./newer.wasm", "./wasm_exec.js", "./wasm_exec.newer.js"))
	older := s.openTab(t, connect)
	older.eval(`void (globalThis.moved = T.event(p, 'reset'))`)
	s.openTab(t, connectTo("newer.js"))
	older.eval(`await moved;`)
	if got := older.eval(send); got != "confirmed" {
		t.Errorf("after the move: %v", got)
	}
	older.eval(`if (log.some(entry => entry.startsWith('error'))) throw new Error(log.join());`)
	s.openTab(t, connect).eval(send)
	for path, want := range map[string]int{"/parley.wasm": 1, "/newer.wasm": 1} {
		if n := s.count(path); n != want {
			t.Errorf("%s was loaded %d times, want %d: an older tab brings back no older program", path, n, want)
		}
	}
}

func TestANewerProgramThatCannotBeLoadedGivesWayToTheOneThatRan(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.handle("/newer.js", replaced(t, "parley.js", "./parley.wasm", "./newer.wasm"))
	s.handle("/newer.wasm", http.NotFound)
	older := s.openTab(t, connect)
	older.eval(`void (globalThis.moved = T.event(p, 'reset'))`)
	s.openTab(t, connectTo("newer.js")).eval(send)
	if got := older.eval(`await moved; ` + send); got != "confirmed" {
		t.Errorf("the older tab: %v", got)
	}
}

func TestPagesAndWorkersOfAnotherProtocolAreToldToReload(t *testing.T) {
	t.Parallel()
	// A page of the next protocol; the test's program speaks this one's.
	protocol := protocolOf(t)
	here, there := fmt.Sprintf("const PROTOCOL = %d", protocol), fmt.Sprintf("const PROTOCOL = %d", protocol+1)
	next := func(s *site) {
		s.handle("/next.js", replaced(t, "parley.js", here, there, "{ protocol: PROTOCOL, user", fmt.Sprintf("{ protocol: %d, user", protocol)))
	}
	nextWorker := func(s *site) {
		s.handle("/engine.js", replaced(t, "engine.js", here, there))
	}
	t.Run("an older page", func(t *testing.T) {
		s := newSite(t)
		nextWorker(s)
		cause := s.openTab(t).eval(`
			const { connect } = await import('/parley.js');
			return (await T.error(connect({ token: T.token(5) }))).message;`)
		if cause != "Parley was updated: reload this page." {
			t.Errorf("told %v", cause)
		}
	})
	for name, before := range map[string]string{"SharedWorker": "", "leading tab": noSharedWorker} {
		t.Run("an older worker gives way, "+name, func(t *testing.T) {
			s := newSite(t)
			older := s.openTab(t, before+connect)
			older.eval(`void (globalThis.told = T.event(p, 'error'))`)
			next(s)
			nextWorker(s)
			newer := s.openTab(t, before+connectTo("next.js"))
			if got := newer.eval(send); got != "confirmed" {
				t.Errorf("the newer page: %v", got)
			}
			got := older.eval(`return [(await told).message, (await T.error(p.conversations())).message]`)
			want := "Parley was updated: reload this page."
			if diff := cmp.Diff([]any{want, want}, got); diff != "" {
				t.Errorf("the older page (-want +got)\n%s", diff)
			}
		})
	}
}

func TestAnEngineThatAPagePreparesIsLoadedBeforeItConnects(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.openTab(t, `(await import('/parley.js')).prepare();`)
	for deadline := time.Now().Add(patience); s.count("/parley.wasm") == 0; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the program is not loaded")
		}
	}
	b.eval(connect)
	if got := b.eval(send); got != "confirmed" {
		t.Errorf("got %v", got)
	}
	for _, path := range []string{"/engine.js", "/parley.wasm"} {
		if n := s.count(path); n != 1 {
			t.Errorf("%s was loaded %d times", path, n)
		}
	}
}

func TestAnEngineThatCannotBePreparedIsReplacedByTheLeadingTabs(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	good := s.fileHandler("/engine.js")
	refused := make(chan struct{}, 1)
	s.handle("/engine.js", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Sec-Fetch-Dest") != "sharedworker" {
			good(w, r)
			return
		}
		http.NotFound(w, r)
		select {
		case refused <- struct{}{}:
		default:
		}
	})
	b := s.openTab(t, `(await import('/parley.js')).prepare();`)
	<-refused
	b.eval(`await new Promise(resolve => setTimeout(resolve, 100));` + connect)
	if got := b.eval(send); got != "confirmed" {
		t.Errorf("got %v", got)
	}
}

func TestThePageKeepsMarksOfItsStartAndItsEngines(t *testing.T) {
	t.Parallel()
	b := newSite(t).openTab(t, connect)
	got := b.eval(`return performance.getEntriesByType('mark').sort((a, b) => a.startTime - b.startTime).map(mark => mark.name)`)
	var want []any
	for _, name := range []string{"worker", "turn", "loaded", "instantiated", "main", "store opened", "store loaded"} {
		want = append(want, "parley engine "+name)
	}
	if diff := cmp.Diff(append(want, "parley attached"), got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestWithoutSharedWorkerTheNextTabLeadsWhenTheLeaderIsGone(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(b *tab){
		"close()":    func(b *tab) { b.eval(`p.close();`) },
		"tab closed": func(b *tab) { b.close() },
		"navigation": func(b *tab) { b.eval(`location.href = '/elsewhere';`) },
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			leader := s.openTab(t, noSharedWorker+connect)
			follower := s.openTab(t, noSharedWorker+connect)
			follower.eval(send)
			follower.eval(`void (globalThis.renewed = T.event(p, 'reset'))`)
			end(leader)
			if got := follower.eval(`await renewed; ` + send); got != "confirmed" {
				t.Errorf("after the leader is gone: %v", got)
			}
			if n := s.count("/parley.wasm"); n != 2 {
				t.Errorf("the program was loaded %d times, want once by each leader", n)
			}
		})
	}
}

func TestASharedWorkerThatCannotBeLoadedIsReplacedByTheLeadingTabs(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	good := s.fileHandler("/engine.js")
	s.handle("/engine.js", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Sec-Fetch-Dest") == "sharedworker" {
			http.NotFound(w, r)
			return
		}
		good(w, r)
	})
	if got := s.openTab(t, connect).eval(send); got != "confirmed" {
		t.Errorf("got %v", got)
	}
}

func TestTabsInBothWaysShareOneEngine(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	leading := s.openTab(t, noSharedWorker+connect)
	leading.eval(send)
	shared := s.openTab(t, connect)
	if diff := cmp.Diff([]any{"hello"}, shared.eval(contents)); diff != "" {
		t.Errorf("the other tab's history (-want +got)\n%s", diff)
	}
	if n := s.count("/parley.wasm"); n != 1 {
		t.Errorf("the program was loaded %d times", n)
	}
}

func TestASessionEndsWithItsLastTabHoweverThatEnds(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(b *tab){
		"close()":    func(b *tab) { b.eval(`p.close();`) },
		"tab closed": func(b *tab) { b.close() },
		"navigation": func(b *tab) { b.eval(`location.href = 'about:blank';`) },
		// As in a crash: the page has no time to say so.
		"without a word": func(b *tab) { b.eval(`speechless = true;`); b.close() },
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			// Another user's tab keeps the worker alive.
			s.openTab(t, `globalThis.p = await (await import('/parley.js')).connect({ token: T.token(5) });`)
			last := s.openTab(t, `
				globalThis.speechless = false;
				addEventListener('pagehide', event => { if (speechless) event.stopImmediatePropagation(); });`+connect)
			last.eval(send)
			again := s.openTab(t, connect)
			if diff := cmp.Diff([]any{"hello"}, again.eval(contents)); diff != "" {
				t.Fatalf("while the session lasts (-want +got)\n%s", diff)
			}
			again.eval(`p.close();`)
			end(last)
			// The store was in memory: it is gone with the session.
			again.eval(connect)
			again.eval(`
				while ((await p.conversations()).length) {
					p.close();
					await new Promise(resolve => setTimeout(resolve, 20));
					globalThis.p = await parley.connect({ token: T.token(18446744073709551615n) });
				}`)
		})
	}
}

func TestAPageThatIsKeptForTheWayBackAttachesAgainWhenItIsShown(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.openTabOf(t, chromium(t), connect) // the shell keeps no pages
	b.eval(`void (globalThis.renewed = T.event(p, 'reset'))`)
	b.eval(`location.href = '/elsewhere';`)
	b.until(`location.pathname === '/elsewhere'`)
	b.eval(`setTimeout(() => history.back());`)
	b.until(`location.pathname === '/'`)
	if b.eval(`return typeof globalThis.p`) != "object" {
		t.Fatal("the browser did not keep the page")
	}
	if got := b.eval(`await renewed; ` + send); got != "confirmed" {
		t.Errorf("shown again: %v", got)
	}
}

func TestAFreshTokenIsAskedOfTheFunctionThatGivesIt(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.openTab(t, `
		globalThis.parley = await import('/parley.js');
		globalThis.asked = 0;
		const token = async () => T.token(5, { exp: 4102444800 }, asked++ ? "fresh" : "expired");
		globalThis.p = await parley.connect({ token });`)
	if got := b.eval(`
		if (p.connection.state !== 'live') await T.event(p, 'connection', c => c.state === 'live');
		return asked`); got != 2.0 {
		t.Errorf("the function was asked %v times, want at first and when the server refused", got)
	}
}

func TestATokenOfAnotherUserIsNotTaken(t *testing.T) {
	t.Parallel()
	b := newSite(t).openTab(t)
	got := b.eval(`
		const { connect } = await import('/parley.js');
		let user = 5;
		const p = await connect({ token: () => T.token(user++, {}, 'expired') });
		return (await T.event(p, 'error')).message;`)
	if text, _ := got.(string); !strings.Contains(text, "user 6") || !strings.Contains(text, "user 5") {
		t.Errorf("told %v", got)
	}
}

func TestWrongArgumentsRejectWithAParleyErrorThatNamesThem(t *testing.T) {
	t.Parallel()
	b := newSite(t).openTab(t, connect)
	for call, want := range map[string]string{
		`p.send(5, 'x')`:                                           "BigInt",
		`p.send(-1n, 'x')`:                                         "BigInt",
		`p.send(2n ** 64n, 'x')`:                                   "BigInt",
		`p.send(18446744073709551615n, 'x')`:                       "two users",
		`p.send(7n, 5)`:                                            "content: want a string",
		`p.send(7n, '')`:                                           "empty",
		`p.send(7n, 'x', { seen: 5 })`:                             "seen: want a BigInt",
		`p.send('nonsense', 'x')`:                                  "key",
		`p.send(7n, 'x'.repeat(20000))`:                            "16384",
		`p.send(7n, 'x'.repeat(6000000))`:                          "too long",
		`p.send(7n, Symbol())`:                                     "symbol",
		`p.history('d:1:2')`:                                       "not a conversation of yours",
		`p.history('d:1:18446744073709551615', { limit: 1e9 })`:    "limit",
		`p.markRead('d:1:18446744073709551615', 5)`:                "seq: want a BigInt",
		`p.retry('nonsense')`:                                      "",
		`parley.connect({ token: 'nonsense' })`:                    "JWT",
		`parley.connect({ token: T.token('1e3') })`:                "JWT",
		`parley.connect({ token: T.token(0) })`:                    "JWT",
		`parley.connect({ token: T.token(5), server: 'ftp://x' })`: "http",
		`(async () => parley.directKey(1, 2n))()`:                  "BigInt",
	} {
		got := b.eval(`const cause = await T.error(` + call + `); return { name: cause.name, message: cause.message };`).(map[string]any)
		if got["name"] != "ParleyError" || !strings.Contains(got["message"].(string), want) {
			t.Errorf("%s: %v, want a ParleyError with %q", call, got, want)
		}
	}
	if got := b.eval(send); got != "confirmed" {
		t.Errorf("after all that: %v", got)
	}
}

func TestAClosedParleyRefusesCallsAndIsSilent(t *testing.T) {
	t.Parallel()
	b := newSite(t).openTab(t, connect)
	got := b.eval(`
		const open = p.history('d:1:18446744073709551615');
		p.close();
		const causes = [await T.error(open), await T.error(p.conversations())];
		return causes.map(c => c.message);`)
	if diff := cmp.Diff([]any{"this Parley was closed", "this Parley was closed"}, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}
