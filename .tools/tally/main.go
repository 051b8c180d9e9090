// Tally runs test commands, some of them side by side, shows what matters of
// their output, then a line of each command with how long it took, and ends in
// one line that counts everything that ran:
//
//	tally [-strict] [-at-once N] -- TITLE COMMAND [ARG ...] [-- TITLE COMMAND [ARG ...]] ...
//
// Commands begin in the order given, at most N of them (1 if not said) at once.
// Each command prints the events of `go test -json` on its standard output;
// other lines there, and its standard error, pass through. What counts: each
// test without subtests is one, each innermost subtest is one (fuzz seeds too),
// and a test with subtests is one only if it failed while they all passed. A
// package that fails without a failed test (it did not build, it panicked, it
// ran out of time) is one failure, a test that never ended is one, and so is a
// command that ran no test or whose exit status says that it failed.
//
// The exit status is 0 only if something ran and nothing failed; with -strict,
// also only if nothing was skipped.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"sync"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	status := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(status)
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("tally", flag.ContinueOnError)
	flags.SetOutput(stderr)
	strict := flags.Bool("strict", false, "fail when a test was skipped")
	atOnce := flags.Int("at-once", 1, "how many commands run at the same time")
	if flags.Parse(args) != nil {
		return 2
	}
	steps, err := parseSteps(flags.Args())
	if err == nil && *atOnce < 1 {
		err = fmt.Errorf("-at-once %d: want 1 or more", *atOnce)
	}
	if err != nil {
		fmt.Fprintln(stderr, "tally:", err)
		return 2
	}
	began := time.Now()
	var total Count
	for _, r := range runAll(ctx, steps, *atOnce, &shared{to: stdout}, &shared{to: stderr}) {
		fmt.Fprintln(stdout, r)
		total.add(r.Count)
	}
	fmt.Fprintf(stdout, "%.0f s in all\n", time.Since(began).Seconds())
	fmt.Fprintln(stdout, total)
	if total.Failed > 0 || total.Passed == 0 || *strict && total.Skipped > 0 {
		return 1
	}
	return 0
}

// runAll runs the steps, at most so many at the same time, and returns how each
// one ended, in their order.
func runAll(ctx context.Context, steps []step, atOnce int, stdout, stderr io.Writer) []result {
	results := make([]result, len(steps))
	places := make(chan struct{}, atOnce)
	var running sync.WaitGroup
	for i, s := range steps {
		places <- struct{}{}
		running.Go(func() {
			defer func() { <-places }()
			results[i] = s.run(ctx, stdout, stderr)
		})
	}
	running.Wait()
	return results
}

// shared lets several commands write to one place, each of their writes whole.
type shared struct {
	mu sync.Mutex
	to io.Writer
}

func (s *shared) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.to.Write(p)
}

// A result is how a step ended.
type result struct {
	Count
	title string
	took  time.Duration
	cpu   time.Duration // of the command and those that it started and waited for
}

func (r result) String() string {
	return fmt.Sprintf("== %s: %v  (%.0f s, %.0f s of CPU)", r.title, r.Count, r.took.Seconds(), r.cpu.Seconds())
}

// A step is one command and what to call it.
type step struct {
	title   string
	command []string
}

// parseSteps splits arguments at each "--"; the flag package took the first.
func parseSteps(args []string) ([]step, error) {
	var steps []step
	for len(args) > 0 {
		end := slices.Index(args, "--")
		if end < 0 {
			end = len(args)
		}
		if end < 2 {
			return nil, fmt.Errorf("step %d: want a title and a command", len(steps)+1)
		}
		steps = append(steps, step{args[0], args[1:end]})
		args = args[min(end+1, len(args)):]
	}
	if len(steps) == 0 {
		return nil, fmt.Errorf("nothing to run: want -- TITLE COMMAND")
	}
	return steps, nil
}

// run runs the step's command to its end and counts what it reports.
func (s step) run(ctx context.Context, stdout, stderr io.Writer) result {
	r := result{title: s.title}
	if ctx.Err() != nil {
		fmt.Fprintf(stdout, "FAIL  %s: interrupted\n", s.title)
		r.Failed++
		return r
	}
	fmt.Fprintf(stdout, "== %s\n", s.title)
	report := newReport(stdout)
	cmd := exec.CommandContext(ctx, s.command[0], s.command[1:]...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	cmd.Stderr = stderr
	began := time.Now()
	err := s.feed(cmd, report)
	r.Count, r.took = report.close(), time.Since(began)
	if state := cmd.ProcessState; state != nil {
		r.cpu = state.UserTime() + state.SystemTime()
	}
	if err != nil && r.Failed == 0 {
		fmt.Fprintf(stdout, "FAIL  %s: %v\n", s.title, err)
		r.Failed++
	}
	if r.Count == (Count{}) {
		fmt.Fprintf(stdout, "FAIL  %s: no test ran\n", s.title)
		r.Failed++
	}
	return r
}

// feed starts cmd, gives its output to report line by line, and waits for it.
func (s step) feed(cmd *exec.Cmd, report *report) error {
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	readErr := report.read(out)
	if err := cmd.Wait(); err != nil {
		return err
	}
	return readErr
}
