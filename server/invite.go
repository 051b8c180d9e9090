package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"path/filepath"

	"parley/server/auth"
)

// invite makes a new agent invite in the data folder and prints it. A server
// that runs on that folder knows it at once.
func invite(args []string, getenv func(string) string, stdout, stderr io.Writer) (exit int) {
	flags := flag.NewFlagSet("parley invite", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	folder := "./data"
	if value := getenv(environment("data")); value != "" {
		folder = value
	}
	data := flags.String("data", folder, "")
	err := flags.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		printUsage(stdout)
		return 0
	case err == nil && flags.NArg() > 0:
		err = fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	if err != nil {
		fmt.Fprintf(stderr, "parley: invite: %v (parley -h lists the options)\n", err)
		return 2
	}
	renewed, err := auth.RenewInvite(filepath.Join(*data, inviteFile))
	var code string
	if err == nil {
		code, err = renewed.Code()
	}
	if err != nil {
		fmt.Fprintf(stderr, "parley: invite: -data %s: give the folder of a server that has run: %v\n", *data, err)
		return 1
	}
	fmt.Fprintf(stdout, "Agent invite: %s\n", code)
	return 0
}
