package web

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const (
	page = "../../static"
	root = "../.."
)

// languages are the files of texts, by their names; the mirrored one is made of another.
func languages(t *testing.T) map[string]catalogue {
	t.Helper()
	files, err := filepath.Glob(page + "/texts/languages/*.js")
	if err != nil {
		t.Fatal(err)
	}
	all := make(map[string]catalogue)
	for _, file := range files {
		if name := filepath.Base(file); name != "mirrored.js" {
			all[name] = readCatalogue(t, file)
		}
	}
	if len(all) < 2 || all["en.js"] == nil {
		t.Fatalf("the languages are %q", slices.Sorted(maps.Keys(all)))
	}
	return all
}

func TestEveryLanguageHasEveryText(t *testing.T) {
	all := languages(t)
	offered, err := os.ReadFile(page + "/texts/languages.js")
	if err != nil {
		t.Fatal(err)
	}
	english := all["en.js"]
	for file, texts := range all {
		if !strings.Contains(string(offered), "'./languages/"+file+"'") {
			t.Errorf("%s: texts/languages.js offers it to nobody", file)
		}
		for at, kind := range english {
			if texts[at] != kind {
				t.Errorf("%s: %s is %q, and in English %q", file, at, texts[at], kind)
			}
		}
		for at := range texts {
			if english[at] == "" {
				t.Errorf("%s: %s is no text in English", file, at)
			}
		}
	}
}

// modules are the page's modules without their comments, by their paths.
func modules(t *testing.T) map[string]string {
	t.Helper()
	all := make(map[string]string)
	err := fs.WalkDir(os.DirFS(page), ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".js" || strings.HasPrefix(path, "vendor/") || path == "wasm_exec.js" || strings.HasPrefix(path, "texts/languages/") {
			return err
		}
		source, err := os.ReadFile(filepath.Join(page, path))
		all[path] = withoutComments(string(source))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// use matches a text that a module takes: its name, and what follows that.
var use = regexp.MustCompile(`\bt\.(\w+)(\[|\.\w+)?`)

func TestEveryTextIsUsedAndEveryUsedOneIsThere(t *testing.T) {
	english := languages(t)["en.js"]
	used := make(map[string]bool)
	for path, source := range modules(t) {
		for _, found := range use.FindAllStringSubmatch(source, -1) {
			name, rest := found[1], found[2]
			below := slices.DeleteFunc(slices.Collect(maps.Keys(english)), func(at string) bool { return !strings.HasPrefix(at, name+".") })
			switch {
			case english[name] != "":
				used[name] = true
			case len(below) == 0:
				t.Errorf("%s: t.%s is no text", path, name)
			case !strings.HasPrefix(rest, "."): // by a name that is found out
				for _, at := range below {
					used[at] = true
				}
			case english[name+rest] != "":
				used[name+rest] = true
			default:
				t.Errorf("%s: t.%s%s is no text", path, name, rest)
			}
		}
	}
	for at := range english {
		if !used[at] {
			t.Errorf("texts/languages: %s is used nowhere", at)
		}
	}
}

// written match texts of a module that a person would be shown: of an attribute, or as
// what an element holds.
var written = []*regexp.Regexp{
	regexp.MustCompile(`(?:'aria-\w+'|\b(?:title|placeholder|alt|label)): ['"` + "`" + `][^'"` + "`" + `]*\pL`),
	regexp.MustCompile(`\},\s*'[^'\n]*\pL[^'\n]*'`),
	regexp.MustCompile(`\b(?:text|spoken)\((?:[^,'\n]*, )?['"` + "`" + `][^'"` + "`" + `$]*\pL`),
}

// sentence matches what is more than one word.
var sentence = regexp.MustCompile(`\pL{2,} \pL{2,}`)

// literals are the texts between quotation marks in a line.
func literals(line string) (all []string) {
	for {
		begin := strings.IndexAny(line, "'\"`")
		if begin < 0 {
			return all
		}
		quote := line[begin]
		line = line[begin+1:]
		end := strings.IndexByte(line, quote)
		if end < 0 {
			return all
		}
		all, line = append(all, line[:end]), line[end+1:]
	}
}

// unshown matches what of a line is for programs and style sheets, and unwritten lines that
// are so as a whole.
var (
	unshown   = regexp.MustCompile(`class: (?:'[^']*'|` + "`[^`]*`" + `)|'aria-(?:busy|live|hidden|pressed|expanded|haspopup|labelledby|describedby)': '[^']*'|setAttribute\('class'.*|className = .*|classList.*|(?:querySelector(?:All)?|closest|matches|matchMedia)\('[^']*'\)`)
	unwritten = regexp.MustCompile(`^import |console\.|mark\(|reasonCode|postMessage|state\.split|\? 'more kept'|'noopener|throw new TypeError|want\(`)
)

func TestNoTextStandsOutsideTheCatalogue(t *testing.T) {
	for path, source := range modules(t) {
		if !strings.HasPrefix(path, "components/") && !strings.HasPrefix(path, "model/") && !strings.HasPrefix(path, "texts/") {
			continue
		}
		for line := range strings.Lines(source) {
			line = unshown.ReplaceAllString(line, "")
			shown := slices.ContainsFunc(written, func(pattern *regexp.Regexp) bool { return pattern.MatchString(line) }) ||
				slices.ContainsFunc(literals(line), sentence.MatchString)
			if shown && !unwritten.MatchString(line) {
				t.Errorf("%s: a text in %s", path, strings.TrimSpace(line))
			}
		}
	}
}

// word matches a word for a reason.
var word = regexp.MustCompile(`^[a-z]+(?:-[a-z]+)*$`)

// codesOfGo are the words for reasons that server and engine give, with how many arguments
// each has at least.
func codesOfGo(t *testing.T) map[string]int {
	t.Helper()
	codes := make(map[string]int)
	add := func(e ast.Expr, args int) {
		literal, ok := e.(*ast.BasicLit)
		if !ok || literal.Kind != token.STRING {
			return
		}
		code, err := strconv.Unquote(literal.Value)
		if err != nil || !word.MatchString(code) {
			return
		}
		if n, known := codes[code]; !known || args < n {
			codes[code] = args
		}
	}
	for _, side := range []string{"proto", "server", "wasm"} {
		err := filepath.WalkDir(filepath.Join(root, side), func(path string, entry fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case entry.IsDir() && (entry.Name() == "e2e" || entry.Name() == "testdata"):
				return fs.SkipDir
			case !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go"):
				return nil
			}
			file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
			if err != nil {
				return err
			}
			ast.Inspect(file, func(n ast.Node) bool {
				codesOf(n, add)
				return true
			})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return codes
}

// codesOf adds what may be a word for a reason: what is called Code, or given to a function
// that takes one.
func codesOf(n ast.Node, add func(e ast.Expr, args int)) {
	switch n := n.(type) {
	case *ast.CallExpr:
		name := ""
		switch f := n.Fun.(type) {
		case *ast.SelectorExpr:
			name = f.Sel.Name
		case *ast.Ident:
			name = f.Name
		}
		switch name {
		case "Named":
			add(n.Args[0], len(n.Args)-1)
		case "refuseEntry", "ended":
			for _, arg := range n.Args {
				add(arg, 0)
			}
		}
	case *ast.CompositeLit:
		args := 0
		var code ast.Expr
		for _, element := range n.Elts {
			field, ok := element.(*ast.KeyValueExpr)
			if !ok {
				continue
			}
			switch name, _ := field.Key.(*ast.Ident); {
			case name == nil:
			case name.Name == "Code":
				code = field.Value
			case name.Name == "Args":
				if list, ok := field.Value.(*ast.CompositeLit); ok {
					args = len(list.Elts)
				}
			}
		}
		if code != nil {
			add(code, args)
		}
	case *ast.AssignStmt:
		args := 0
		for _, value := range n.Rhs {
			if list, ok := value.(*ast.CompositeLit); ok {
				args = len(list.Elts)
			}
		}
		for i, to := range n.Lhs {
			if field, ok := to.(*ast.SelectorExpr); ok && field.Sel.Name == "Code" && i < len(n.Rhs) {
				add(n.Rhs[i], args)
			}
		}
	}
}

// codeOfPage matches a word for a reason that the API gives.
var codeOfPage = regexp.MustCompile(`(?:reasonCode: |\bfailure\()'([a-z-]+)'`)

func TestEveryReasonHasATextAndEveryTextAReason(t *testing.T) {
	codes := codesOfGo(t)
	ofPage := make(map[string]bool)
	for _, source := range modules(t) {
		for _, found := range codeOfPage.FindAllStringSubmatch(source, -1) {
			ofPage[found[1]] = true
		}
	}
	if len(codes) < 40 || len(ofPage) < 10 {
		t.Fatalf("found %d codes in Go, %d in the page", len(codes), len(ofPage))
	}
	for file, texts := range languages(t) {
		for code := range codes {
			if texts["reasons."+code] == "" {
				t.Errorf("%s: no text for the reason %s", file, code)
			}
		}
		for code := range ofPage {
			if texts["reasons."+code] == "" {
				t.Errorf("%s: no text for the page's reason %s", file, code)
			}
		}
		for at, kind := range texts {
			code, isReason := strings.CutPrefix(at, "reasons.")
			if !isReason {
				continue
			}
			args, ofGo := codes[code]
			if !ofGo && !ofPage[code] {
				t.Errorf("%s: nobody gives the reason %s", file, code)
			}
			if n, isFunction := strings.CutPrefix(kind, "function of "); isFunction && ofGo && n > strconv.Itoa(args) {
				t.Errorf("%s: the reason %s is given %d arguments, and its text takes %s", file, code, args, n)
			}
		}
	}
}

// sided matches a side of the screen in a style sheet.
var sided = regexp.MustCompile(`\b(?:left|right)\b`)

// TestTheStyleSheetNamesSidesByTheDirectionOfTheText lets a page in the other direction turn round.
func TestTheStyleSheetNamesSidesByTheDirectionOfTheText(t *testing.T) {
	sheet, err := os.ReadFile(page + "/styles/app.css")
	if err != nil {
		t.Fatal(err)
	}
	const its = `--safe-\w+:|--line-start:|dir\(rtl\) ~ \.meta`
	own := regexp.MustCompile(its)
	rule := ""
	for line := range strings.Lines(withoutComments(string(sheet))) {
		if strings.Contains(line, "{") {
			rule = line
		}
		if sided.MatchString(line) && !own.MatchString(line) && !strings.HasPrefix(rule, ".meta") {
			t.Errorf("styles/app.css: %s", strings.TrimSpace(line))
		}
	}
}
