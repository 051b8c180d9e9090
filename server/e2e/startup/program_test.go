package startup

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// notInlined is what the Makefile's NOT_INLINED has.
var notInlined = []string{"google.golang.org/protobuf/...", "github.com/eclipse/...", "crypto/...", "encoding/asn1",
	"encoding/base64", "encoding/json", "encoding/pem", "fmt", "math/big", "reflect",
	"parley/proto", "parley/wasm/bridge", "parley/wasm/link", "parley/wasm/idb", "parley/wasm/chat",
	"time", "slices", "context", "strings", "sort", "log", "sync", "internal/sync", "syscall", "syscall/js", "compress/...", "hash/...",
	"unique", "internal/abi", "internal/bisect", "internal/godebug", "internal/reflectlite", "internal/runtime/..."}

// build builds a program for the browser as the Makefile does, with more flags.
func build(t testing.TB, into, program string, flags ...string) {
	t.Helper()
	args := []string{"build", "-trimpath", "-ldflags=-s -w"}
	for _, without := range notInlined {
		args = append(args, "-gcflags="+without+"=-l")
	}
	args = append(args, flags...)
	cmd := exec.Command("go", append(args, "-o", into, program)...)
	cmd.Env = append(os.Environ(), "GOOS=js", "GOARCH=wasm")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build %s: %v\n%s", program, err, out)
	}
}

// edit replaces one piece of the product's source, which must be there exactly once.
type edit struct{ file, old, new string }

// withoutIndex lets the store write messages and say nothing of them in the index of searches.
var withoutIndex = []edit{
	{"wasm/idb/apply_js.go", "blocks := t.askBlocks(maps.Keys(pages), cleared)", "blocks := t.askBlocks(maps.Keys(pages), true)"},
	{"wasm/idb/apply_js.go", "*said = chat.IndexWritten(Fold, at.conversation, *said, written, replaces, p.all)", "_, _, _ = said, written, replaces"},
	{"wasm/idb/apply_js.go", "	t.putIndex(index)\n", ""},
}

// newProgram builds Parley's program of source that is edited on the compiler's way to it, and returns its file.
func newProgram(t testing.TB, edits ...edit) string {
	t.Helper()
	folder := t.TempDir()
	replaced := make(map[string]string)
	for i, e := range edits {
		file, err := filepath.Abs(filepath.Join("..", "..", "..", e.file))
		if err != nil {
			t.Fatal(err)
		}
		from := file
		if replaced[file] != "" {
			from = replaced[file]
		}
		source, err := os.ReadFile(from)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Count(string(source), e.old) != 1 {
			t.Fatalf("edit %d: %s has no %q, or more than one", i, e.file, e.old)
		}
		replaced[file] = filepath.Join(folder, filepath.Base(file))
		if err := os.WriteFile(replaced[file], []byte(strings.Replace(string(source), e.old, e.new, 1)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	overlay, err := json.Marshal(map[string]any{"Replace": replaced})
	if err == nil {
		err = os.WriteFile(filepath.Join(folder, "overlay.json"), overlay, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(folder, "parley.wasm")
	build(t, program, "parley/wasm", "-overlay="+filepath.Join(folder, "overlay.json"))
	return program
}
