package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// tally runs the real `go test -json` on a package that holds the sources
// given, and returns the exit status and what was printed.
func tally(t *testing.T, sources map[string]string, flags ...string) (int, string) {
	t.Helper()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "go.mod"), "module example\n\ngo 1.26\n")
	for name, text := range sources {
		write(t, filepath.Join(dir, name), text)
	}
	args := append(flags, "--", "example", "go", "-C", dir, "test", "-json", "-timeout=2s", "./...")
	var out strings.Builder
	status := run(context.Background(), args, &out, &out)
	return status, out.String()
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func lastLine(s string) string {
	lines := strings.Split(strings.TrimRight(s, "\n"), "\n")
	return lines[len(lines)-1]
}

func testFile(body string) string {
	return "package example\n\nimport \"testing\"\n\n" + body
}

func TestEndsInOneLineThatCountsEverythingThatRan(t *testing.T) {
	const pass = "func TestPass(t *testing.T) {}\n"
	tests := []struct {
		name    string
		sources map[string]string
		flags   []string
		status  int
		last    string
		shows   string
	}{
		{
			name:    "tests and innermost subtests",
			sources: map[string]string{"a_test.go": testFile(pass + `func TestTable(t *testing.T) { t.Run("x/y", func(t *testing.T) {}); t.Run("z", func(t *testing.T) { t.Run("w", func(t *testing.T) {}) }) }`)},
			last:    "3 passed, 0 failed",
		},
		{
			name:    "a failure is shown in full",
			sources: map[string]string{"a_test.go": testFile(pass + `func TestFail(t *testing.T) { t.Error("the reason") }`)},
			status:  1, last: "1 passed, 1 failed", shows: "the reason",
		},
		{
			name:    "a failed subtest is one failure, not two",
			sources: map[string]string{"a_test.go": testFile(`func TestTable(t *testing.T) { t.Run("bad", func(t *testing.T) { t.Fail() }); t.Run("good", func(t *testing.T) {}) }`)},
			status:  1, last: "1 passed, 1 failed",
		},
		{
			name:    "a parent that fails by itself",
			sources: map[string]string{"a_test.go": testFile(`func TestTable(t *testing.T) { t.Run("good", func(t *testing.T) {}); t.Error("after all") }`)},
			status:  1, last: "1 passed, 1 failed", shows: "after all",
		},
		{
			name:    "a skipped test is said",
			sources: map[string]string{"a_test.go": testFile(pass + `func TestSkip(t *testing.T) { t.Skip() }`)},
			last:    "1 passed, 0 failed, 1 skipped",
		},
		{
			name:    "a skipped test fails where none may be",
			sources: map[string]string{"a_test.go": testFile(pass + `func TestSkip(t *testing.T) { t.Skip() }`)},
			flags:   []string{"-strict"},
			status:  1, last: "1 passed, 0 failed, 1 skipped",
		},
		{
			name:    "a package that does not build",
			sources: map[string]string{"a_test.go": testFile(pass), "bad/a_test.go": testFile("func TestBad(t *testing.T) { undefined() }")},
			status:  1, last: "1 passed, 1 failed", shows: "undefined: undefined",
		},
		{
			name:    "a panic",
			sources: map[string]string{"a_test.go": testFile(pass + `func TestPanic(t *testing.T) { panic("out of the blue") }`)},
			status:  1, last: "1 passed, 1 failed", shows: "out of the blue",
		},
		{
			name:    "a test that never ends",
			sources: map[string]string{"a_test.go": testFile(pass + `func TestHang(t *testing.T) { t.Run("inner", func(t *testing.T) { select {} }) }`)},
			status:  1, last: "1 passed, 1 failed", shows: "TestHang/inner",
		},
		{
			name:    "an exit in the middle",
			sources: map[string]string{"a_test.go": "package example\n\nimport (\n\t\"os\"\n\t\"testing\"\n)\n\n" + pass + `func TestMain(m *testing.M) { m.Run(); os.Exit(3) }`},
			status:  1, last: "1 passed, 1 failed",
		},
		{
			name:    "nothing to run",
			sources: map[string]string{"a.go": "package example\n"},
			status:  1, last: "0 passed, 1 failed", shows: "no test ran",
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			status, out := tally(t, test.sources, test.flags...)
			if status != test.status || lastLine(out) != test.last || !strings.Contains(out, test.shows) {
				t.Errorf("status %d, want %d; want the last line %q and somewhere %q in\n%s", status, test.status, test.last, test.shows, out)
			}
		})
	}
}

func TestAddsUpSteps(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "events"), `{"Action":"run","Package":"p","Test":"A"}
not an event
{"Action":"pass","Package":"p","Test":"A"}
{"Action":"pass","Package":"p"}
`)
	events := []string{"cat", filepath.Join(dir, "events")}
	var out strings.Builder
	args := append(append([]string{"--", "one"}, events...), append([]string{"--", "two"}, events...)...)
	if status := run(context.Background(), args, &out, &out); status != 0 || lastLine(out.String()) != "2 passed, 0 failed" {
		t.Errorf("status %d:\n%s", status, out.String())
	}
	if !strings.Contains(out.String(), "not an event") {
		t.Errorf("lost a line that is no event:\n%s", out.String())
	}
}

func TestACommandThatFailsAfterItsTestsPassedIsAFailure(t *testing.T) {
	if _, err := exec.LookPath("sh"); err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	script := `echo '{"Action":"pass","Package":"p","Test":"A"}'; echo '{"Action":"pass","Package":"p"}'; exit 7`
	status := run(context.Background(), []string{"--", "x", "sh", "-c", script}, &out, &out)
	if status != 1 || lastLine(out.String()) != "1 passed, 1 failed" {
		t.Errorf("status %d:\n%s", status, out.String())
	}
}

func TestACommandThatIsNotThereIsAFailure(t *testing.T) {
	var out strings.Builder
	if status := run(context.Background(), []string{"--", "x", "/no/such/command"}, &out, &out); status != 1 || lastLine(out.String()) != "0 passed, 1 failed" {
		t.Errorf("status %d:\n%s", status, out.String())
	}
}

// The first command waits for the second one, so it ends only beside it.
func TestCommandsRunSideBySideAndEachIsTimed(t *testing.T) {
	signal := filepath.Join(t.TempDir(), "signal")
	passed := `echo '{"Action":"pass","Package":"p","Test":"A"}'; echo '{"Action":"pass","Package":"p"}'`
	args := []string{"-at-once", "2",
		"--", "waits", "sh", "-c", "until [ -e " + signal + " ]; do sleep 0.01; done; " + passed,
		"--", "signals", "sh", "-c", "echo >" + signal + "; " + passed}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	var out strings.Builder
	if status := run(ctx, args, &out, &out); status != 0 || lastLine(out.String()) != "2 passed, 0 failed" {
		t.Errorf("status %d:\n%s", status, out.String())
	}
	each := regexp.MustCompile(`(?m)^== (waits|signals): 1 passed, 0 failed  \(\d+ s, \d+ s of CPU\)$`)
	var titles []string
	for _, found := range each.FindAllStringSubmatch(out.String(), -1) {
		titles = append(titles, found[1])
	}
	if !slices.Equal(titles, []string{"waits", "signals"}) {
		t.Errorf("lines for %q, want one for each command, in order, in\n%s", titles, out.String())
	}
}

func TestACommandThatAnInterruptKeptFromBeginningIsAFailure(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var out strings.Builder
	if status := run(ctx, []string{"--", "late", "true"}, &out, &out); status != 1 || lastLine(out.String()) != "0 passed, 1 failed" {
		t.Errorf("status %d:\n%s", status, out.String())
	}
}

func TestAnEmptyPlanIsRefused(t *testing.T) {
	for _, args := range [][]string{{}, {"--"}, {"--", "title"}, {"--", "a", "true", "--", "b"}, {"-at-once", "0", "--", "a", "true"}} {
		var out strings.Builder
		if status := run(context.Background(), args, &out, &out); status != 2 {
			t.Errorf("%q: status %d, want 2", args, status)
		}
	}
}
