// Command server is Parley's server in one program: the page, the MQTT broker,
// the HTTP API and the history. It only wires: options → parts → Run.
//
// With a command's words before the options (agents, users, invite, backup …), it does what
// an operator asks for instead, prints what came of it and ends. What they decide
// counts at once, also where a server runs on the same data folder.
//
// What it prints on standard output is for whoever started it; its log goes to
// standard error. It exits with 0 after SIGINT or SIGTERM, 1 if it cannot start
// or go on, with one line that says what to do, and 2 for options that do not
// exist.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"parley/server/logs"
)

func main() {
	os.Exit(run(os.Args[1:], os.Getenv, os.Stdout, os.Stderr))
}

func run(args []string, getenv func(string) string, stdout, stderr io.Writer) (exit int) {
	if c, rest := commandOf(args); c != nil {
		return c.run(rest, getenv, stdout, stderr)
	}
	o, err := parseOptions(args, getenv)
	switch {
	case errors.Is(err, flag.ErrHelp):
		printUsage(stdout)
		return 0
	case errors.As(err, new(usageError)):
		fmt.Fprintf(stderr, "parley: %v (parley -h lists the options)\n", err)
		return 2
	case err != nil:
		fmt.Fprintf(stderr, "parley: %v\n", err)
		return 1
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	log := logs.New(slog.NewTextHandler(stderr, nil))
	defer log.Close()
	s, err := newServer(ctx, o, slog.New(log))
	if err == nil {
		s.welcome(stdout)
		err = s.Run(ctx)
	}
	if err != nil {
		fmt.Fprintf(stderr, "parley: %v\n", err)
		return 1
	}
	return 0
}
