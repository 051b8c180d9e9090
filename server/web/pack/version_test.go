package main

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"
)

// versionOf packs files and returns what the service worker is told of them.
func versionOf(t *testing.T, files map[string]string) version {
	t.Helper()
	bundled, err := bundle(page(files))
	if err != nil {
		t.Fatal(err)
	}
	assets, err := rename(bundled)
	if err != nil {
		t.Fatal(err)
	}
	if err := writeVersion(assets); err != nil {
		t.Fatal(err)
	}
	var v version
	list := regexp.MustCompile(`'(\{.*\})'`).FindSubmatch(assets[serviceWorker])
	if list == nil {
		t.Fatalf("%s is %s", serviceWorker, assets[serviceWorker])
	}
	if err := json.Unmarshal(list[1], &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func TestTheServiceWorkerIsToldWhatThePageConsistsOf(t *testing.T) {
	files := map[string]string{
		"index.html": `<script type="module" src="./app.js"></script>`, "app.js": "import './a.js'", "a.js": "window.a = 1",
		"engine.js": "self.b = 1", "parley.d.ts": "types", "robots.txt": "-", "icon.svg": "<svg/>", "app.webmanifest": `{"a": 1}`,
		"sw.js": `const { version, files } = JSON.parse('` + noVersion + `'); self.c = [version, files]`,
	}
	before := versionOf(t, files)
	var names []string
	for name, hash := range before.Files {
		names = append(names, strings.Replace(name, "."+hash+".", ".HASH.", 1))
		if len(hash) != hashSize {
			t.Errorf("%s has the hash %q", name, hash)
		}
	}
	for _, want := range []string{"./", "app.HASH.js", "app.webmanifest", "engine.js", "icon.HASH.svg"} {
		if !strings.Contains(" "+strings.Join(names, " ")+" ", " "+want+" ") {
			t.Errorf("%s is not among %q", want, names)
		}
	}
	if len(names) != 5 {
		t.Errorf("it is told of %q", names)
	}
	if again := versionOf(t, files); again.Version != before.Version {
		t.Error("the same files are another version")
	}
	seen := map[string]string{before.Version: "nothing"}
	for _, name := range []string{"index.html", "a.js", "engine.js", "icon.svg", "app.webmanifest", "sw.js"} {
		old := files[name]
		files[name] = strings.NewReplacer("1", "2", "<svg", "<svg ", "[version", "[0, version", "></", " ></").Replace(old)
		v := versionOf(t, files)
		if as, known := seen[v.Version]; known {
			t.Errorf("a change of %s is the same version as that of %s", name, as)
		}
		seen[v.Version] = name
		files[name] = old
	}
}

func TestAServiceWorkerWithoutAPlaceForTheVersionIsRefused(t *testing.T) {
	if err := writeVersion(map[string][]byte{serviceWorker: []byte("1")}); err == nil || !strings.Contains(err.Error(), "want once") {
		t.Errorf("error %v", err)
	}
}
