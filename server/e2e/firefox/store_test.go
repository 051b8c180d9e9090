package firefox

import (
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// page runs the tests of a package as a browser's program, and keeps what they write.
const page = `<!doctype html>
<script src="wasm_exec.js"></script>
<script>
	const ran = { output: '', code: -1 };
	const decoder = new TextDecoder();
	fs.writeSync = (_, bytes) => {
		ran.output += decoder.decode(bytes, { stream: true });
		return bytes.length;
	};
	const go = new Go();
	go.argv = ['test', '-test.v', '-test.run=^Test', '-test.timeout=5m'];
	go.exit = code => { ran.code = code; };
	WebAssembly.instantiateStreaming(fetch('test.wasm'), go.importObject)
		.then(({ instance }) => go.run(instance))
		.catch(error => { ran.output += error; })
		.finally(() => { ran.ended = true; });
</script>`

// The conformance suite and all other tests of the store, which make test runs in Chromium.
func TestTheStoreKeepsInFirefoxWhatItMust(t *testing.T) {
	folder := t.TempDir()
	build := exec.CommandContext(t.Context(), "go", "test", "-c", "-o", filepath.Join(folder, "test.wasm"), "parley/wasm/idb")
	build.Env = append(os.Environ(), "GOOS=js", "GOARCH=wasm")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	root, err := exec.CommandContext(t.Context(), "go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	files := http.NewServeMux()
	files.HandleFunc("/{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write([]byte(page)) // the browser says what it lacks
	})
	files.HandleFunc("/wasm_exec.js", func(w http.ResponseWriter, r *http.Request) {
		http.ServeFile(w, r, filepath.Join(strings.TrimSpace(string(root)), "lib", "wasm", "wasm_exec.js"))
	})
	files.Handle("/", http.FileServer(http.Dir(folder)))
	server := httptest.NewServer(files)
	t.Cleanup(server.Close)

	b := start(t)
	tab := b.profile().open(server.URL)
	tab.await("the tests to end", `() => ran.ended`)
	ran := call[struct {
		Code   int
		Output string
	}](tab, `() => ran`)
	if ran.Code != 0 || !strings.Contains(ran.Output, "--- PASS: TestStore ") || !strings.Contains(ran.Output, "--- PASS: TestIndex ") {
		t.Errorf("the tests ended with %d:\n%s", ran.Code, ran.Output)
	}
}
