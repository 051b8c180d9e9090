package past

import (
	"compress/gzip"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"
	"github.com/golang-jwt/jwt/v5"

	"parley/server/e2e/live"
)

var (
	program = flag.String("program", "", "`path` of the earlier version's program")
	into    = flag.String("into", "", "`file` to write the database to, packed")
)

// people is JavaScript that makes globalThis.past: what people do, by the page's public API, as far as a version has it.
//
//go:embed testdata/people.js
var people string

const (
	// patience is how long is waited for what must happen.
	patience = 90 * time.Second

	ada, bob, carol uint64 = 1<<53 + 1, 22, 23
)

// TestRecord writes the database of -program into -into.
func TestRecord(t *testing.T) {
	if *program == "" || *into == "" {
		t.Skip("make past BEFORE=... records the database of an earlier version")
	}
	secret := []byte("of people who are not real, and long enough")
	key := filepath.Join(t.TempDir(), "jwt.key")
	if err := os.WriteFile(key, secret, 0o600); err != nil {
		t.Fatal(err)
	}
	server := &live.Server{Program: *program, Data: t.TempDir(), Flags: []string{"-jwt-key", key}}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if server.Runs() {
			if err := server.Stop(); err != nil {
				t.Error(err)
			}
		}
	}()
	command, err := live.HeadlessShell()
	if err != nil {
		t.Fatal(err)
	}
	browser, end, err := live.Start(command)
	defer end()
	if err != nil {
		t.Fatal(err)
	}
	pages := make(map[uint64]context.Context)
	for user, name := range map[uint64]string{ada: "Ada", bob: "Bob", carol: "Carol"} {
		token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{
			"sub": strconv.FormatUint(user, 10), "name": name, "iat": time.Now().Unix(), "exp": time.Now().Add(time.Hour).Unix(),
		}).SignedString(secret)
		if err != nil {
			t.Fatal(err)
		}
		if pages[user], err = open(browser, "http://"+server.Address+"/healthz"); err != nil {
			t.Fatal(err)
		}
		call(t, pages[user], people)
		call(t, pages[user], `token => past.attach(token)`, token)
	}
	call(t, pages[bob], `to => past.tell(to)`, id(ada))
	call(t, pages[ada], `(bob, carol) => past.live(bob, carol)`, id(bob), id(carol))
	call(t, pages[carol], `user => past.block(user)`, id(ada))
	call(t, pages[ada], `carol => past.refused(carol)`, id(carol))
	if err := server.Stop(); err != nil {
		t.Fatal(err)
	}
	call(t, pages[ada], `bob => past.offline(bob)`, id(bob))
	database := call(t, pages[ada], `() => past.database()`)
	if err := write(database); err != nil {
		t.Fatal(err)
	}
}

// write packs a database into -into.
func write(database []byte) error {
	file, err := os.Create(*into)
	if err != nil {
		return err
	}
	packed, err := gzip.NewWriterLevel(file, gzip.BestCompression)
	if err == nil {
		_, err = packed.Write(database)
		err = errors.Join(err, packed.Close())
	}
	return errors.Join(err, file.Close())
}

func id(user uint64) string { return strconv.FormatUint(user, 10) }

// open opens a page in a profile of its own.
func open(browser context.Context, url string) (context.Context, error) {
	made, err := cdp.Call(browser, chromedp.FromContext(browser).Browser, target.CreateBrowserContext, target.CreateBrowserContextParams{})
	if err != nil {
		return nil, err
	}
	page, _ := chromedp.NewContext(browser, chromedp.WithExistingBrowserContext(made.BrowserContextID)) // it ends with the browser
	_, err = chromedp.Run(page, chromedp.Navigate(url))
	return page, err
}

// call calls a JavaScript function, and returns what its promise gives as JSON.
func call(t *testing.T, page context.Context, function string, args ...any) json.RawMessage {
	t.Helper()
	encoded, err := json.Marshal(append([]any{}, args...))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeoutCause(page, patience, errors.New("the page does not get there"))
	defer cancel()
	expression := fmt.Sprintf(`Promise.resolve((%s)(...%s)).then(x => JSON.stringify(x) ?? 'null')`, function, encoded)
	text, err := chromedp.Run(ctx, chromedp.Evaluate[string](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		t.Fatalf("%v, %v in\n%s", err, context.Cause(ctx), function)
	}
	return json.RawMessage(text)
}
