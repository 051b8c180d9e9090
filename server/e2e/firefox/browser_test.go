package firefox

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"sync"
	"testing"
	"time"
)

// patience is how long is waited for what must happen. It is generous: it says that
// something hangs, not that something is slow.
const patience = 90 * time.Second

// browser is a Firefox with a profile of its own.
type browser struct {
	*bidi
	t *testing.T

	mu       sync.Mutex
	troubles []string // errors that pages wrote, or did not catch
}

// listens is what Firefox says once it can be driven.
var listens = regexp.MustCompile(`WebDriver BiDi listening on (ws://\S+)`)

// preferences keep Firefox from calling anybody by itself, and let a page run in the
// background as in front: both people of a test are in one window.
const preferences = `
user_pref("app.normandy.enabled", false);
user_pref("app.update.enabled", false);
user_pref("browser.safebrowsing.downloads.remote.enabled", false);
user_pref("browser.safebrowsing.malware.enabled", false);
user_pref("browser.safebrowsing.phishing.enabled", false);
user_pref("browser.search.update", false);
user_pref("browser.shell.checkDefaultBrowser", false);
user_pref("browser.startup.page", 0);
user_pref("datareporting.policy.dataSubmissionEnabled", false);
user_pref("dom.min_background_timeout_value", 4);
user_pref("dom.timeout.enable_budget_timer_throttling", false);
user_pref("extensions.update.enabled", false);
user_pref("intl.accept_languages", "en-US");
user_pref("network.captive-portal-service.enabled", false);
user_pref("network.connectivity-service.enabled", false);
user_pref("toolkit.telemetry.enabled", false);
`

// start starts Firefox; it ends with the test.
func start(t *testing.T) *browser {
	t.Helper()
	profile := t.TempDir()
	if err := os.WriteFile(filepath.Join(profile, "user.js"), []byte(preferences), 0o600); err != nil {
		t.Fatal(err)
	}
	process := exec.Command(command, "--headless", "--no-remote", "--width", "1100", "--height", "800",
		"--profile", profile, "--remote-debugging-port", "0")
	process.Env = append(os.Environ(), "HOME="+profile, "MOZ_CRASHREPORTER_DISABLE=1")
	says, err := process.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := process.Start(); err != nil {
		t.Fatal(err)
	}
	address, read := make(chan string, 1), make(chan struct{})
	go func() {
		defer close(read)
		defer close(address)
		for lines := bufio.NewScanner(says); lines.Scan(); {
			if found := listens.FindStringSubmatch(lines.Text()); found != nil {
				address <- found[1]
			}
		}
	}()
	t.Cleanup(func() {
		_ = process.Process.Kill() // it may have ended
		<-read
		_ = process.Wait() // it was killed
	})
	b := &browser{t: t}
	select {
	case at, told := <-address:
		if !told {
			t.Fatalf("%s ended before it could be driven", command)
		}
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		if b.bidi, err = dial(ctx, at, b.note); err != nil {
			t.Fatal(err)
		}
	case <-time.After(patience):
		t.Fatalf("%s did not say within %v where it can be driven", command, patience)
	}
	t.Cleanup(b.close)
	b.do("session.subscribe", map[string]any{"events": []string{"log.entryAdded"}})
	return b
}

// note keeps the errors that pages wrote.
func (b *browser) note(event string, params json.RawMessage) {
	var entry struct{ Level, Text string }
	if event != "log.entryAdded" || json.Unmarshal(params, &entry) != nil || entry.Level != "error" {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.troubles = append(b.troubles, entry.Text)
}

// wroteNoErrors wants pages to have written none.
func (b *browser) wroteNoErrors() {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, trouble := range b.troubles {
		b.t.Errorf("a page wrote: %s", trouble)
	}
}

// do is command that must succeed.
func (b *browser) do(method string, params any) json.RawMessage {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.t.Context(), patience)
	defer cancel()
	result, err := b.command(ctx, method, params)
	if err != nil {
		b.t.Fatal(err)
	}
	return result
}

// ask is do, of whose result one member is wanted.
func ask[T any](b *browser, method string, params any, member string) (value T) {
	b.t.Helper()
	var members map[string]json.RawMessage
	result := b.do(method, params)
	if err := json.Unmarshal(result, &members); err != nil {
		b.t.Fatalf("%s: %v in %.500s", method, err, result)
	}
	if err := json.Unmarshal(members[member], &value); err != nil {
		b.t.Fatalf("%s: member %s: %v in %.500s", method, member, err, result)
	}
	return value
}

// A profile has storage, workers and locks of its own; Firefox calls it a user context.
type profile struct {
	b  *browser
	id string
}

func (b *browser) profile() profile {
	b.t.Helper()
	return profile{b, ask[string](b, "browser.createUserContext", map[string]any{}, "userContext")}
}

// A tab is one page of a profile.
type tab struct {
	b  *browser
	id string
}

func (p profile) open(url string) *tab {
	p.b.t.Helper()
	tb := &tab{p.b, ask[string](p.b, "browsingContext.create", map[string]any{"type": "tab", "userContext": p.id}, "context")}
	tb.visit(url)
	return tb
}

func (tb *tab) visit(url string) {
	tb.b.t.Helper()
	tb.b.do("browsingContext.navigate", map[string]any{"context": tb.id, "url": url, "wait": "complete"})
}

func (tb *tab) reload() {
	tb.b.t.Helper()
	tb.b.do("browsingContext.reload", map[string]any{"context": tb.id, "wait": "complete"})
}

func (tb *tab) close() {
	tb.b.t.Helper()
	tb.b.do("browsingContext.close", map[string]any{"context": tb.id})
}

// call calls a JavaScript function and returns what it, or its promise, gives. Arguments
// and result travel as JSON.
func call[T any](tb *tab, function string, args ...any) (value T) {
	tb.b.t.Helper()
	encoded, err := json.Marshal(append([]any{}, args...))
	if err != nil {
		tb.b.t.Fatal(err)
	}
	result := tb.b.do("script.evaluate", map[string]any{
		"expression":      fmt.Sprintf(`Promise.resolve((%s)(...%s)).then(x => JSON.stringify(x) ?? 'null')`, function, encoded),
		"target":          map[string]any{"context": tb.id},
		"awaitPromise":    true,
		"resultOwnership": "none",
	})
	var got struct {
		Type             string
		Result           struct{ Value string }
		ExceptionDetails struct{ Text string }
	}
	if err := json.Unmarshal(result, &got); err != nil || got.Type != "success" {
		tb.b.t.Fatalf("%s %v in\n%s", got.ExceptionDetails.Text, err, function)
	}
	if err := json.Unmarshal([]byte(got.Result.Value), &value); err != nil {
		tb.b.t.Fatal(err)
	}
	return value
}

// await waits until a JavaScript function returns something true.
func (tb *tab) await(what, function string, args ...any) {
	tb.b.t.Helper()
	if !call[bool](tb, `async (patience, ...args) => {
		const holds = `+function+`;
		for (const end = Date.now() + patience; Date.now() < end; await new Promise(resolve => setTimeout(resolve, 20)))
			if (holds(...args)) return true;
		return false;
	}`, append([]any{(patience - 10*time.Second).Milliseconds()}, args...)...) {
		tb.b.t.Fatalf("waited in vain for %s; the page says\n%s", what, call[string](tb, `() => document.body.innerText`))
	}
}

// find returns the one element with a role and name, as assistive technology finds it.
func (tb *tab) find(role, name string) (id string) {
	tb.b.t.Helper()
	var found []struct{ SharedID string }
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		found = ask[[]struct{ SharedID string }](tb.b, "browsingContext.locateNodes", map[string]any{
			"context": tb.id,
			"locator": map[string]any{"type": "accessibility", "value": map[string]any{"role": role, "name": name}},
		}, "nodes")
		if len(found) == 1 {
			return found[0].SharedID
		}
	}
	tb.b.t.Fatalf("there are %d elements of role %s and name %q, not one; the page says\n%s", len(found), role, name, call[string](tb, `() => document.body.innerText`))
	return ""
}

// click presses what has a role and name, with the mouse.
func (tb *tab) click(role, name string) {
	tb.b.t.Helper()
	element := map[string]any{"type": "element", "element": map[string]any{"sharedId": tb.find(role, name)}}
	tb.perform("pointer", []map[string]any{
		{"type": "pointerMove", "x": 0, "y": 0, "origin": element},
		{"type": "pointerDown", "button": 0},
		{"type": "pointerUp", "button": 0},
	})
}

// write clicks into the textbox with a name and types a text.
func (tb *tab) write(name, text string) {
	tb.b.t.Helper()
	tb.click("textbox", name)
	var keys []map[string]any
	for _, key := range text {
		keys = append(keys, map[string]any{"type": "keyDown", "value": string(key)}, map[string]any{"type": "keyUp", "value": string(key)})
	}
	tb.perform("key", keys)
}

func (tb *tab) perform(device string, actions []map[string]any) {
	tb.b.t.Helper()
	tb.b.do("input.performActions", map[string]any{
		"context": tb.id,
		"actions": []map[string]any{{"type": device, "id": device, "actions": actions}},
	})
}
