package main

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/andybalholm/brotli"
)

func page(files map[string]string) map[string][]byte {
	sources := map[string][]byte{"index.html": []byte("<!doctype html>")}
	for name, content := range files {
		sources[name] = []byte(content)
	}
	return sources
}

func renamed(t *testing.T, files map[string]string) map[string]string {
	t.Helper()
	assets, err := rename(page(files))
	if err != nil {
		t.Fatal(err)
	}
	text := make(map[string]string)
	for name, content := range assets {
		text[name] = string(content)
	}
	return text
}

// only returns the one asset whose name matches.
func only(t *testing.T, assets map[string]string, pattern string) (name, content string) {
	t.Helper()
	for n, c := range assets {
		if regexp.MustCompile("^" + pattern + "$").MatchString(n) {
			if name != "" {
				t.Fatalf("%s and %s match %s", name, n, pattern)
			}
			name, content = n, c
		}
	}
	if name == "" {
		t.Fatalf("nothing matches %s among %q", pattern, slices.Sorted(maps.Keys(assets)))
	}
	return name, content
}

const hash = `\.[0-9a-f]{16}\.`

func TestANameCarriesTheHashOfWhatIsServed(t *testing.T) {
	assets := renamed(t, map[string]string{"app.js": "import './a.js'", "a.js": "1", "parley.wasm": "\x00"})
	for name, content := range assets {
		if name == "index.html" {
			continue
		}
		digest := sha256.Sum256([]byte(content))
		if want := hex.EncodeToString(digest[:])[:hashSize]; !strings.Contains(name, "."+want+".") {
			t.Errorf("%s does not carry %s", name, want)
		}
	}
	before, _ := only(t, assets, "app"+hash+"js")
	after, _ := only(t, renamed(t, map[string]string{"app.js": "import './a.js'", "a.js": "2"}), "app"+hash+"js")
	if before == after {
		t.Error("a file keeps its name though one that it refers to has changed")
	}
}

func TestReferencesFollowTheNames(t *testing.T) {
	assets := renamed(t, map[string]string{
		"index.html":      `<link href="./app.css"><link href="./app.webmanifest"><script src="./app.js"></script><img src='./icon.svg'>`,
		"app.css":         `@import "./theme.css"; b { background: url("./icon.svg") }`,
		"app.js":          `import { x } from './ui/list.js'; import("./parley.js"); import './parley.js.txt'`,
		"app.webmanifest": `{"icons": [{"src": "./icon.svg"}], "start_url": "./"}`,
		"engine.js":       `importScripts('./wasm_exec.js'); fetch(new URL("./parley.wasm", location))`,
		"icon.svg":        "<svg/>",
		"parley.d.ts":     `export * from './parley.js'`,
		"parley.js":       `new SharedWorker(new URL('./engine.js', import.meta.url)); import './vendor/pb.js'`,
		"parley.js.txt":   "text",
		"parley.wasm":     "\x00asm './app.js'",
		"theme.css":       "b {}",
		"ui/list.js":      `import '../icons.js'; './x'; "no ./icons.js here"; ` + "`./icons.js`",
		"icons.js":        "1",
		"vendor/pb.js":    `require('./missing.js'); require('./long.js')`,
		"vendor/long.js":  "1",
		"wasm_exec.js":    "1",
	})
	name := func(pattern string) string { t.Helper(); n, _ := only(t, assets, pattern); return n }
	list := filepath.Base(name("ui/list" + hash + "js"))
	for pattern, want := range map[string]string{
		"index.html": `<link href="./` + name("app"+hash+"css") + `"><link href="./app.webmanifest"><script src="./` +
			name("app"+hash+"js") + `"></script><img src='./` + name("icon"+hash+"svg") + `'>`,
		"app" + hash + "css":      `@import "./` + name("theme"+hash+"css") + `"; b { background: url("./` + name("icon"+hash+"svg") + `") }`,
		"app" + hash + "js":       `import { x } from './ui/` + list + `'; import("./parley.js"); import './` + name(`parley\.js`+hash+"txt") + `'`,
		"app.webmanifest":         `{"icons": [{"src": "./` + name("icon"+hash+"svg") + `"}], "start_url": "./"}`,
		"engine.js":               `importScripts('./` + name("wasm_exec"+hash+"js") + `'); fetch(new URL("./` + name("parley"+hash+"wasm") + `", location))`,
		"parley.d.ts":             `export * from './parley.js'`,
		"parley.js":               `new SharedWorker(new URL('./engine.js', import.meta.url)); import './vendor/` + filepath.Base(name("vendor/pb"+hash+"js")) + `'`,
		"parley" + hash + "wasm":  "\x00asm './app.js'",
		"ui/list" + hash + "js":   `import '../` + name("icons"+hash+"js") + `'; './x'; "no ./icons.js here"; ` + "`./icons.js`",
		"vendor/pb" + hash + "js": `require('./missing.js'); require('./` + filepath.Base(name("vendor/long"+hash+"js")) + `')`,
	} {
		if _, got := only(t, assets, pattern); got != want {
			t.Errorf("%s is\n%s\nwant\n%s", pattern, got, want)
		}
	}
	if len(assets) != 16 {
		t.Errorf("%d assets: %q", len(assets), slices.Sorted(maps.Keys(assets)))
	}
}

func TestTypesInCommentsAreNoReferences(t *testing.T) {
	assets := renamed(t, map[string]string{
		"a.js": "import './b.js'",
		"b.js": "/** @typedef {import('./a.js').A} A\n * {import('./gone.js')} */\nexport const accept = '*/*'; import './c.js' /** end */",
		"c.js": "1",
	})
	c, _ := only(t, assets, "c"+hash+"js")
	if _, b := only(t, assets, "b"+hash+"js"); !strings.Contains(b, "import('./a.js').A") || !strings.Contains(b, "import './"+c+"'") {
		t.Errorf("b.js is %s", b)
	}
}

func TestWhatCannotBeNamedIsRefused(t *testing.T) {
	for name, test := range map[string]struct {
		files map[string]string
		text  string
	}{
		"a circle":       {map[string]string{"a.js": "import './b.js'", "b.js": "import './c.js'", "c.js": "import './b.js'"}, "b.js → c.js → b.js"},
		"itself":         {map[string]string{"a.js": "import './a.js'"}, "a.js → a.js"},
		"a missing file": {map[string]string{"index.html": `<script src="./gone.js">`}, "index.html refers to ./gone.js"},
		"outside":        {map[string]string{"a.js": "import '../../etc/passwd.js'"}, "does not exist"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := rename(page(test.files)); err == nil || !strings.Contains(err.Error(), test.text) {
				t.Errorf("error %v, want one with %q", err, test.text)
			}
		})
	}
}

func TestPlainFilesMayReferToEachOther(t *testing.T) {
	renamed(t, map[string]string{"sw.js": "import './engine.js'", "engine.js": "import './sw.js'"})
}

func TestWhatIsNotThePageIsLeftOut(t *testing.T) {
	sources, err := readSources(fstest.MapFS{
		"index.html": {}, "a.js": {}, "a.js.map": {}, "a.test.js": {}, "_notes.md": {}, ".eslintrc": {},
		"_drafts/b.js": {}, ".git/config": {}, "vendor/c.js": {}, "vendor/LICENSE": {},
	})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := slices.Sorted(maps.Keys(sources)), []string{"a.js", "index.html", "vendor/LICENSE", "vendor/c.js"}; !slices.Equal(got, want) {
		t.Errorf("read %q, want %q", got, want)
	}
	if _, err := readSources(fstest.MapFS{"a.js": {}}); err == nil {
		t.Error("a folder without index.html is taken for the page")
	}
}

// tree reads a folder back.
func tree(t *testing.T, folder string) map[string]string {
	t.Helper()
	files := make(map[string]string)
	err := fs.WalkDir(os.DirFS(folder), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := os.ReadFile(filepath.Join(folder, name))
		files[name] = string(content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func put(t *testing.T, folder string, files map[string]string) {
	t.Helper()
	for name, content := range files {
		file := filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func TestTheOutputIsTheSourcesWithTheirVariantsAndNothingElse(t *testing.T) {
	in, out, cache := t.TempDir(), t.TempDir(), t.TempDir()
	long := strings.Repeat("the same again, ", 500)
	put(t, in, map[string]string{"index.html": long, "robots.txt": "-", "dot.png": long, "ui/a.js": long})
	put(t, out, map[string]string{".gitkeep": "", "old.js": "old", "gone/deep/b.js": "old"})
	if err := pack(in, out, cache); err != nil {
		t.Fatal(err)
	}
	first := tree(t, out)
	var names []string
	for _, name := range slices.Sorted(maps.Keys(first)) {
		names = append(names, regexp.MustCompile(hash).ReplaceAllString(name, ".HASH."))
	}
	want := []string{".gitkeep", "dot.HASH.png", "index.html", "index.html.br", "index.html.gz", "robots.txt", "ui/a.HASH.js", "ui/a.HASH.js.br", "ui/a.HASH.js.gz"}
	if !slices.Equal(names, want) {
		t.Errorf("made %q, want %q", names, want)
	}
	if _, err := os.Stat(filepath.Join(out, "gone")); err == nil {
		t.Error("an empty folder is left")
	}
	if got, err := io.ReadAll(brotli.NewReader(strings.NewReader(first["index.html.br"]))); err != nil || string(got) != long {
		t.Errorf("the Brotli variant is another content (error %v)", err)
	}
	unzip, err := gzip.NewReader(strings.NewReader(first["index.html.gz"]))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(unzip); err != nil || string(got) != long {
		t.Errorf("the gzip variant is another content (error %v)", err)
	}
	for name, again := range map[string]string{"with the cache": cache, "without": t.TempDir()} {
		elsewhere := t.TempDir()
		put(t, elsewhere, map[string]string{".gitkeep": ""})
		if err := pack(in, elsewhere, again); err != nil {
			t.Fatal(err)
		}
		if !maps.Equal(tree(t, elsewhere), first) {
			t.Errorf("%s, the same sources give other bytes", name)
		}
	}
}

func TestTheCacheIsUsedAndPruned(t *testing.T) {
	cache := t.TempDir()
	c, err := newCompressor(cache)
	if err != nil {
		t.Fatal(err)
	}
	content := bytes.Repeat([]byte("a"), 1000)
	if _, err := c.encode(0, content); err != nil {
		t.Fatal(err)
	}
	for name := range tree(t, cache) {
		put(t, cache, map[string]string{name: "kept"})
	}
	if got, err := c.encode(0, content); err != nil || string(got) != "kept" {
		t.Errorf("compressed again: %q, %v", got, err)
	}
	if got, err := c.encode(1, content); err != nil || string(got) == "kept" {
		t.Errorf("one encoding for another: %q, %v", got, err)
	}
	old := time.Now().Add(-keepUnused - time.Hour)
	for name := range tree(t, cache) {
		if strings.HasSuffix(name, ".br") {
			if err := os.Chtimes(filepath.Join(cache, name), old, old); err != nil {
				t.Fatal(err)
			}
		}
	}
	if _, err := newCompressor(cache); err != nil {
		t.Fatal(err)
	}
	if files := tree(t, cache); len(files) != 1 {
		t.Errorf("%d files left, want the one that is not old", len(files))
	}
}
