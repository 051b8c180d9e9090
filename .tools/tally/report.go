package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Count is how many tests ended how.
type Count struct{ Passed, Failed, Skipped int }

// String is the line that a test run ends in.
func (c Count) String() string {
	s := fmt.Sprintf("%d passed, %d failed", c.Passed, c.Failed)
	if c.Skipped > 0 {
		s += fmt.Sprintf(", %d skipped", c.Skipped)
	}
	return s
}

func (c *Count) add(d Count) {
	c.Passed += d.Passed
	c.Failed += d.Failed
	c.Skipped += d.Skipped
}

// event is one line of `go test -json`; see `go doc test2json` and, for the
// build events, `go help buildjson`.
type event struct {
	Action      string
	Package     string
	ImportPath  string
	Test        string
	Elapsed     float64
	Output      string
	FailedBuild string
}

// report follows the events of one command and writes the readable output:
// a line per package, and in full what a failed test printed.
type report struct {
	out      io.Writer
	total    Count
	packages map[string]*pkg
	builds   map[string]*strings.Builder // compiler output by import path
}

// pkg is a package whose tests run.
type pkg struct {
	count  Count
	output strings.Builder // what is no test's
	tests  map[string]*test
}

// test is a test that has begun and not ended, or that has subtests.
type test struct {
	output     strings.Builder
	subtests   bool
	subtestBad bool
	ended      bool
}

func newReport(out io.Writer) *report {
	return &report{out: out, packages: map[string]*pkg{}, builds: map[string]*strings.Builder{}}
}

// read takes events until r ends. A line that is no event is written as it is.
func (r *report) read(in io.Reader) error {
	lines := bufio.NewReader(in)
	for {
		line, err := lines.ReadBytes('\n')
		var e event
		switch {
		case len(line) == 0:
		case line[0] == '{' && json.Unmarshal(line, &e) == nil && e.Action != "":
			r.take(e)
		default:
			fmt.Fprintf(r.out, "%s\n", bytes.TrimRight(line, "\n"))
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func (r *report) take(e event) {
	switch {
	case e.Action == "build-output":
		if r.builds[e.ImportPath] == nil {
			r.builds[e.ImportPath] = new(strings.Builder)
		}
		r.builds[e.ImportPath].WriteString(e.Output)
	case e.Package == "":
	case e.Test != "":
		r.takeTest(r.pkg(e.Package), e)
	case e.Action == "output":
		r.pkg(e.Package).output.WriteString(e.Output)
	case e.Action == "pass", e.Action == "fail", e.Action == "skip":
		r.endPackage(e)
	}
}

func (r *report) pkg(name string) *pkg {
	p := r.packages[name]
	if p == nil {
		p = &pkg{tests: map[string]*test{}}
		r.packages[name] = p
	}
	return p
}

func (r *report) takeTest(p *pkg, e event) {
	t := p.tests[e.Test]
	if t == nil {
		t = new(test)
		p.tests[e.Test] = t
		if parent := p.parent(e.Test); parent != nil {
			parent.subtests = true
		}
	}
	switch e.Action {
	case "output":
		if !strings.HasPrefix(e.Output, "=== ") {
			t.output.WriteString(e.Output)
		}
	case "pass", "fail", "skip":
		t.ended = true
		p.end(e.Test, t, e.Action)
		if e.Action == "fail" {
			io.WriteString(r.out, t.output.String())
		}
		t.output.Reset()
	}
}

// parent returns the test that name is a subtest of, or nil. A slash may be
// part of a subtest's own name, so the nearest one that runs is it.
func (p *pkg) parent(name string) *test {
	for {
		i := strings.LastIndexByte(name, '/')
		if i < 0 {
			return nil
		}
		name = name[:i]
		if t := p.tests[name]; t != nil {
			return t
		}
	}
}

// end counts a test that ended with the action given.
func (p *pkg) end(name string, t *test, action string) {
	switch {
	case action == "fail":
		if parent := p.parent(name); parent != nil {
			parent.subtestBad = true
		}
		if !t.subtestBad {
			p.count.Failed++
		}
	case t.subtests:
	case action == "skip":
		p.count.Skipped++
	default:
		p.count.Passed++
	}
}

// endPackage counts a package's tests that never ended and writes its line.
func (r *report) endPackage(e event) {
	p := r.pkg(e.Package)
	delete(r.packages, e.Package)
	failed := e.Action == "fail"
	r.endUnfinished(p)
	if b := r.builds[e.FailedBuild]; b != nil {
		io.WriteString(r.out, b.String())
	}
	if failed && p.count.Failed == 0 {
		p.count.Failed = 1
		io.WriteString(r.out, p.output.String())
	}
	if e.Action != "skip" { // a package without test files
		r.line(e.Package, p.count, e.Elapsed)
	}
	r.total.add(p.count)
}

// endUnfinished fails the tests that began and never ended, innermost first,
// and writes what they printed.
func (r *report) endUnfinished(p *pkg) {
	var names []string
	for name, t := range p.tests {
		if !t.ended {
			names = append(names, name)
		}
	}
	slices.SortFunc(names, func(a, b string) int {
		if n := strings.Count(b, "/") - strings.Count(a, "/"); n != 0 {
			return n
		}
		return strings.Compare(a, b)
	})
	for _, name := range names {
		t := p.tests[name]
		t.ended = true
		p.end(name, t, "fail")
		fmt.Fprintf(r.out, "--- FAIL: %s (never ended)\n%s", name, t.output.String())
	}
}

func (r *report) line(name string, c Count, seconds float64) {
	verdict := "ok  "
	if c.Failed > 0 {
		verdict = "FAIL"
	}
	fmt.Fprintf(r.out, "%s  %-28s %s  (%.1f s)\n", verdict, name, strings.ReplaceAll(c.String(), ", 0 failed", ""), seconds)
}

// close ends what the command left open, as when it was killed, and returns
// the count.
func (r *report) close() Count {
	for name := range r.packages {
		r.endPackage(event{Action: "fail", Package: name})
	}
	return r.total
}
