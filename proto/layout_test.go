package proto_test

import (
	"encoding/json"
	"errors"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const root = ".."

// rules say which packages of Parley a package may import, tests included; the
// first whose folder holds the package counts. A folder stands for all below it.
var rules = []rule{
	{"parley/proto", []string{"parley/proto"}},
	{"parley/wasm/chat", []string{"parley/proto", "parley/wasm/chat"}},
	{"parley/wasm/idb", []string{"parley/proto", "parley/wasm/chat"}},
	{"parley/wasm/link", []string{"parley/proto", "parley/wasm/chat"}},
	{"parley/wasm/bridge", []string{"parley/proto", "parley/wasm/chat"}},
	{"parley/wasm", []string{"parley/proto", "parley/wasm"}},
	// The simulation brings both sides together.
	{"parley/server/e2e", []string{"parley/proto", "parley/server", "parley/wasm/chat", "parley/wasm/link"}},
	{"parley/server", []string{"parley/proto", "parley/server"}},
}

type rule struct {
	folder string
	may    []string
}

func (r rule) allows(path string) bool {
	return slices.ContainsFunc(r.may, func(folder string) bool { return below(path, folder) })
}

// A listed package is what `go list` says of one.
type listed struct {
	ImportPath                         string
	Imports, TestImports, XTestImports []string
	Deps                               []string
	Error                              *struct{ Err string }
}

// modules are the folders of Parley's modules: the product, and the tests from
// outside, which have dependencies of their own.
var modules = []string{root, filepath.Join(root, "server", "e2e")}

// list returns the packages of a module of Parley as they are built for goos and goarch.
func list(t *testing.T, module, goos, goarch string, patterns ...string) []listed {
	t.Helper()
	args := append([]string{"list", "-e", "-json"}, patterns...)
	cmd := exec.Command("go", args...)
	cmd.Dir = module
	cmd.Env = append(os.Environ(), "GOOS="+goos, "GOARCH="+goarch, "CGO_ENABLED=0")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var packages []listed
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listed
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		packages = append(packages, p)
	}
	if len(packages) == 0 {
		t.Fatalf("no package of %s for %s", module, goos)
	}
	return packages
}

// all returns the packages of all modules.
func all(t *testing.T, goos, goarch string) (packages []listed) {
	t.Helper()
	for _, module := range modules {
		packages = append(packages, list(t, module, goos, goarch, "./...")...)
	}
	return packages
}

func below(path, folder string) bool {
	return path == folder || strings.HasPrefix(path, folder+"/")
}

func TestImportsPointOneWay(t *testing.T) {
	for _, platform := range [][2]string{{"linux", "amd64"}, {"js", "wasm"}} {
		for _, p := range all(t, platform[0], platform[1]) {
			i := slices.IndexFunc(rules, func(r rule) bool { return below(p.ImportPath, r.folder) })
			if i < 0 {
				t.Errorf("%s: no rule says what it may import", p.ImportPath)
				continue
			}
			for _, path := range slices.Concat(p.Imports, p.TestImports, p.XTestImports) {
				if below(path, "parley") && path != p.ImportPath && !rules[i].allows(path) {
					t.Errorf("%s: %s imports %s", platform[0], p.ImportPath, path)
				}
			}
		}
	}
}

func TestOnlyFilesForJSImportSyscallJS(t *testing.T) {
	for _, p := range all(t, "linux", "amd64") {
		for _, path := range slices.Concat(p.Imports, p.TestImports, p.XTestImports) {
			if path == "syscall/js" {
				t.Errorf("%s imports syscall/js in a file without a js build tag", p.ImportPath)
			}
		}
	}
}

// TestTheBrowserProgramStaysSmall keeps out what would double what it has. The
// WebSocket library names types of net/http, and protobuf those of
// encoding/json, which the linker drops; only use of them would link them.
func TestTheBrowserProgramStaysSmall(t *testing.T) {
	program := list(t, root, "js", "wasm", "./wasm")[0]
	if program.Error != nil {
		t.Fatal(program.Error.Err)
	}
	for _, path := range program.Deps {
		for _, unwanted := range []string{"github.com/gorilla/websocket", "github.com/eclipse/paho.golang/autopaho", "golang.org/x/text"} {
			if below(path, unwanted) {
				t.Errorf("the browser's program links %s", path)
			}
		}
	}
	for _, p := range list(t, root, "js", "wasm", "./wasm/...", "./proto/...") {
		for path, instead := range map[string]string{"net/http": "ask by the browser's fetch", "encoding/json": "parse in JavaScript, or send protobuf"} {
			if slices.Contains(p.Imports, path) {
				t.Errorf("%s imports %s: %s", p.ImportPath, path, instead)
			}
		}
	}
}

// versions are those of what both sides of Parley need to meet, as a module of
// Parley chooses them.
func versions(t *testing.T, module string) map[string]string {
	t.Helper()
	cmd := exec.Command("go", "list", "-deps", "-f", "{{with .Module}}{{.Path}} {{.Version}}{{end}}", "parley/server/broker", "parley/server/chat", "parley/wasm/link")
	cmd.Dir = module
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	of := map[string]string{}
	for line := range strings.Lines(string(out)) {
		if path, version, _ := strings.Cut(strings.TrimSpace(line), " "); path != "" && path != "parley" {
			of[path] = version
		}
	}
	return of
}

// TestWhatIsTestedFromOutsideIsBuiltOfTheProductsVersions guards the simulation,
// which builds Parley's packages as the go.mod of the tests says.
func TestWhatIsTestedFromOutsideIsBuiltOfTheProductsVersions(t *testing.T) {
	product, tests := versions(t, modules[0]), versions(t, modules[1])
	for path, version := range product {
		if tests[path] != version {
			t.Errorf("server/e2e/go.mod takes %s %s, the product %s: run go get -C server/e2e %[1]s@%[3]s", path, tests[path], version)
		}
	}
	if len(product) == 0 {
		t.Error("the product is built of nothing")
	}
}

// goFiles returns the Go files of either side, below its top-level folder.
func goFiles(t *testing.T, side string) []string {
	t.Helper()
	var files []string
	err := filepath.WalkDir(filepath.Join(root, side), func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && d.Name() == "testdata": // other programs, as for the go command
			return fs.SkipDir
		case strings.HasSuffix(path, ".go"):
			files = append(files, path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// TestTheWebSocketLibraryIsImportedInOneFilePerSide counts a file and its
// variants for a platform, x.go with x_js.go and x_native.go, as one. The tests from outside
// (server/e2e) are of no side.
func TestTheWebSocketLibraryIsImportedInOneFilePerSide(t *testing.T) {
	platforms := strings.NewReplacer("_js.go", ".go", "_native.go", ".go")
	for _, side := range []string{"wasm", "server"} {
		var importers []string
		for _, name := range goFiles(t, side) {
			if strings.HasSuffix(name, "_test.go") || strings.Contains(filepath.ToSlash(name), "server/e2e/") {
				continue
			}
			file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
			if err != nil {
				t.Fatal(err)
			}
			for _, spec := range file.Imports {
				if path, _ := strconv.Unquote(spec.Path.Value); below(path, "nhooyr.io/websocket") {
					importers = append(importers, platforms.Replace(name))
				}
			}
		}
		if importers = slices.Compact(importers); len(importers) != 1 {
			t.Errorf("%s: %q import nhooyr.io/websocket, want one file", side, importers)
		}
	}
}

func TestTheTopLevelHoldsTheFourFoldersAndTheirFiles(t *testing.T) {
	out, err := exec.Command("git", "-C", root, "ls-files", "--cached", "--others", "--exclude-standard").Output()
	if err != nil {
		t.Fatalf("git ls-files: %v", err)
	}
	var got []string
	for _, name := range strings.Fields(string(out)) {
		if top, _, _ := strings.Cut(name, "/"); !strings.HasPrefix(top, ".") {
			got = append(got, top)
		}
	}
	slices.Sort(got)
	got = slices.Compact(got)
	want := []string{"Makefile", "README.md", "go.mod", "go.sum", "proto", "server", "static", "wasm"}
	if !slices.Equal(got, want) {
		t.Errorf("top level: %q\nwant       %q", got, want)
	}
}
