package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"parley/server/store"
)

// secrets are the files of a data folder that go with a backup of its history: without
// the key no guest's token is good any more.
var secrets = []string{keyFile, inviteFile}

// backup copies the history in a data folder to a new file, also while a server
// runs, and checks the copy. It exits with 1 if there is none afterwards.
func backup(ctx context.Context, folder, file string, stdout, stderr io.Writer) (exit int) {
	checked, err := store.Backup(ctx, folder, file, secrets, func(finding string) { fmt.Fprintln(stdout, finding) })
	if err != nil {
		fmt.Fprintf(stderr, "parley: backup: -data %s: %v\n", folder, err)
		return 1
	}
	if checked.Findings > 0 {
		printMore(stdout, checked)
		fmt.Fprintf(stdout, "The history is damaged: %d findings in %s. Nothing was written. Stop the server, keep a copy of the folder, and restore a backup.\n", checked.Findings, looked(checked))
		return 1
	}
	fmt.Fprintf(stdout, "%s is sound: %s. It holds secrets; parley restore %s puts it back.\n", file, looked(checked), file)
	return 0
}

// restore puts a backup into a data folder that no server uses. It exits with 1 if
// it is not in place afterwards.
func restore(ctx context.Context, folder, file string, stdout, stderr io.Writer) (exit int) {
	checked, aside, err := store.Restore(ctx, file, folder, secrets, time.Now(), func(finding string) { fmt.Fprintln(stdout, finding) })
	if err != nil {
		fmt.Fprintf(stderr, "parley: restore: -data %s: %v\n", folder, err)
		return 1
	}
	if checked.Findings > 0 {
		printMore(stdout, checked)
		fmt.Fprintf(stdout, "%s is damaged: %d findings in %s. Nothing was changed: restore another backup.\n", file, checked.Findings, looked(checked))
		return 1
	}
	fmt.Fprintf(stdout, "%s is in place, in a new epoch: %s.\n", file, looked(checked))
	if aside != "" {
		fmt.Fprintf(stdout, "What was there is kept in %s.\n", aside)
	}
	return 0
}
