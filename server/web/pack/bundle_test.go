package main

import (
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// bundled returns what is left of sources, with the hashes in the names of chunks
// taken out of names and contents.
func bundled(t *testing.T, files map[string]string) map[string]string {
	t.Helper()
	made, err := bundle(page(files))
	if err != nil {
		t.Fatal(err)
	}
	code := regexp.MustCompile(`-[A-Z0-9]{8}\.js`)
	text := make(map[string]string)
	for name, content := range made {
		text[code.ReplaceAllString(name, ".js")] = code.ReplaceAllString(string(content), ".js")
	}
	return text
}

const twoEntries = `<html><link rel="icon" href="./icon.svg"><script type="module" async src="./early.js"></script><script type="module" src="./page/app.js"></script></html>`

func TestThePageIsOneScriptThatRunsItsModulesInOrder(t *testing.T) {
	made := bundled(t, map[string]string{
		"index.html":      twoEntries,
		"early.js":        `import { begin } from './api/shared.js'; begin('early');`,
		"page/app.js":     `import { begin } from '../api/shared.js'; import { word } from './words.js'; begin(word); import('../vendor/table.js').then(console.log);`,
		"page/words.js":   `export const word = 'a word'; export const unused = 'never said';`,
		"api/shared.js":   "export const began = [];\nexport function begin(who) { began.push(who); f(new URL('../near.svg', import.meta.url)); }",
		"vendor/table.js": `export const table = 'the table';`,
		"icon.svg":        "<svg/>",
		"types.d.ts":      "export {}",
	})
	want := []string{"app.js", "icon.svg", "index.html", "table.js", "types.d.ts"}
	if got := slices.Sorted(maps.Keys(made)); !slices.Equal(got, want) {
		t.Fatalf("made %q, want %q", got, want)
	}
	for file, holds := range map[string]string{
		"app.js": "a word", "table.js": "the table",
		"index.html": `<link rel="icon" href="./icon.svg"><script defer blocking="render" src="./app.js"></script>`,
	} {
		if !strings.Contains(made[file], holds) {
			t.Errorf("%s holds no %s: %s", file, holds, made[file])
		}
		for other, content := range made {
			if other != file && strings.Contains(content, holds) {
				t.Errorf("%s is in %s, too", holds, other)
			}
		}
	}
	script := made["app.js"]
	for _, part := range []string{`"use strict";`, `document.currentScript.src`, `new URL("./near.svg",scriptURL)`, `import("./table.js")`} {
		if !strings.Contains(script, part) {
			t.Errorf("the script has no %s: %s", part, script)
		}
	}
	if early, late := strings.Index(script, `("early")`), strings.LastIndex(script, "a word"); early < 0 || early > late {
		t.Errorf("what index.html names first does not run first: %s", script)
	}
	for _, part := range []string{"never said", "import.meta", "export"} {
		if strings.Contains(script, part) {
			t.Errorf("%s is in the script: %s", part, script)
		}
	}
}

func TestPlainModulesAreWholeByThemselves(t *testing.T) {
	made := bundled(t, map[string]string{
		"index.html":   `<script type="module" src="./app.js"></script>`,
		"app.js":       `import './parley.js';`,
		"parley.js":    `import { a } from './api/a.js'; export const b = a;`,
		"engine.js":    `import(location.hash); fetch('./parley.wasm');`,
		"api/a.js":     `export const a = 'alpha';`,
		"wasm_exec.js": "globalThis.Go = class {}; // as it is",
		"app.css":      "b  {  color : red ; }  /* why */",
	})
	if got, want := slices.Sorted(maps.Keys(made)), []string{"app.css", "app.js", "engine.js", "index.html", "parley.js", "wasm_exec.js"}; !slices.Equal(got, want) {
		t.Errorf("made %q, want %q", got, want)
	}
	for file, want := range map[string]string{
		"parley.js":    "var o=\"alpha\";var p=o;export{p as b};\n",
		"engine.js":    "import(location.hash);fetch(\"./parley.wasm\");\n",
		"wasm_exec.js": "globalThis.Go = class {}; // as it is",
		"app.css":      "b{color:red}\n",
	} {
		if made[file] != want {
			t.Errorf("%s is %q, want %q", file, made[file], want)
		}
	}
}

// TestAddressesBesideAModuleAreThoseBesideItsBundle holds what would otherwise lead
// elsewhere, since a module is not where it was written.
func TestAddressesBesideAModuleAreThoseBesideItsBundle(t *testing.T) {
	made := bundled(t, map[string]string{
		"parley.js":        `import './api/transport.js';`,
		"api/transport.js": `f(new URL('../engine.js?dedicated', import.meta.url), new URL('..', import.meta.url), new URL('./near.wasm', import.meta.url), new URL(import.meta.url));`,
	})
	want := `f(new URL("./engine.js?dedicated",import.meta.url),new URL("./",import.meta.url),new URL("./api/near.wasm",import.meta.url),new URL(import.meta.url));` + "\n"
	if made["parley.js"] != want {
		t.Errorf("parley.js is %s, want %s", made["parley.js"], want)
	}
}

func TestWhatCannotBeBundledIsRefused(t *testing.T) {
	for name, test := range map[string]struct {
		files map[string]string
		text  string
	}{
		"a missing module":  {map[string]string{"parley.js": "import './gone.js'"}, "parley.js refers to ./gone.js, which does not exist"},
		"a missing entry":   {map[string]string{"index.html": `<script type="module" src="./gone.js"></script>`}, "index.html refers to ./gone.js, which does not exist"},
		"a missing export":  {map[string]string{"parley.js": "\nimport { b } from './a.js'; b()", "a.js": "export const a = 1"}, `parley.js:2: No matching export in "a.js" for import "b"`},
		"no JavaScript":     {map[string]string{"parley.js": "const = 1"}, "parley.js:1: "},
		"outside":           {map[string]string{"parley.js": "import '../../etc/passwd.js'"}, "does not exist"},
		"a package by name": {map[string]string{"parley.js": "import 'left-pad'"}, "does not exist"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := bundle(page(test.files)); err == nil || !strings.Contains(err.Error(), test.text) {
				t.Errorf("error %v, want one with %q", err, test.text)
			}
		})
	}
}

// TestThePageIsFewFiles holds how many a first visit asks for.
func TestThePageIsFewFiles(t *testing.T) {
	sources, err := readSources(os.DirFS(filepath.Join("..", "..", "..", "static")))
	if err != nil {
		t.Fatal(err)
	}
	made, err := bundle(sources)
	if err != nil {
		t.Fatal(err)
	}
	html := string(made[index])
	asked := regexp.MustCompile(`(?:src|href)="\./([^"]+)"`).FindAllStringSubmatch(html, -1)
	if len(asked) < 4 || len(asked) > 5 {
		t.Errorf("index.html asks for %d files: %s", len(asked), html)
	}
	for _, file := range asked {
		if made[file[1]] == nil {
			t.Errorf("index.html asks for %s, which was not made", file[1])
		}
	}
}

// mayImport says which folders of the page's modules those of a folder may import,
// beside their own: what others build on knows nothing of them.
var mayImport = map[string][]string{
	".":               {"client", "components", "model", "texts", "vendor"},
	"client":          {},
	"texts":           {"texts/languages"},
	"texts/languages": {},
	"model":           {"texts", "client", ".", "vendor"},
	"components":      {"model", "texts", "client", "."},
	"vendor":          {},
}

func TestModulesOfThePageImportOneWay(t *testing.T) {
	sources, err := readSources(os.DirFS(filepath.Join("..", "..", "..", "static")))
	if err != nil {
		t.Fatal(err)
	}
	imported := regexp.MustCompile(`(?m)^(?:import|export)\b[^'"]*?(?:from )?'([^']+)';|\bimport\('([^']+)'\)[^.]`)
	comment := regexp.MustCompile(`(?s)/\*\*.*?\*/`)
	seen := 0
	for name, content := range sources {
		if path.Ext(name) != ".js" || strings.HasPrefix(name, "wasm_exec") {
			continue
		}
		folder := path.Dir(name)
		allowed, known := mayImport[folder]
		if !known {
			t.Errorf("%s: no rule says what it may import", name)
		}
		for _, found := range imported.FindAllStringSubmatch(comment.ReplaceAllString(string(content), ""), -1) {
			seen++
			target := path.Join(folder, found[1]+found[2])
			if to := path.Dir(target); to != folder && !slices.Contains(allowed, to) {
				t.Errorf("%s imports %s", name, target)
			}
			if path.Dir(target) == "." && target != "parley.js" && target != "picture-worker.js" {
				t.Errorf("%s imports %s, which stands above all", name, target)
			}
		}
	}
	if seen < 100 {
		t.Errorf("saw %d imports", seen)
	}
}
