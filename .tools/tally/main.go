// Tally runs test commands one after the other, shows what matters of their
// output, and ends in one line that counts everything that ran:
//
//	tally [-strict] -- TITLE COMMAND [ARG ...] [-- TITLE COMMAND [ARG ...]] ...
//
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
	if flags.Parse(args) != nil {
		return 2
	}
	steps, err := parseSteps(flags.Args())
	if err != nil {
		fmt.Fprintln(stderr, "tally:", err)
		return 2
	}
	var total Count
	for _, s := range steps {
		if ctx.Err() != nil {
			fmt.Fprintln(stdout, "interrupted")
			total.Failed++
			break
		}
		total.add(s.run(ctx, stdout, stderr))
	}
	fmt.Fprintln(stdout, total)
	if total.Failed > 0 || total.Passed == 0 || *strict && total.Skipped > 0 {
		return 1
	}
	return 0
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
func (s step) run(ctx context.Context, stdout, stderr io.Writer) Count {
	fmt.Fprintf(stdout, "== %s\n", s.title)
	report := newReport(stdout)
	cmd := exec.CommandContext(ctx, s.command[0], s.command[1:]...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	cmd.Stderr = stderr
	err := s.feed(cmd, report)
	count := report.close()
	if err != nil && count.Failed == 0 {
		fmt.Fprintf(stdout, "FAIL  %s: %v\n", s.title, err)
		count.Failed++
	}
	if count == (Count{}) {
		fmt.Fprintf(stdout, "FAIL  %s: no test ran\n", s.title)
		count.Failed++
	}
	return count
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
