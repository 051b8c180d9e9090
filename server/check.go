package main

import (
	"context"
	"fmt"
	"io"
	"path/filepath"

	"parley/server/store"
)

// check verifies the history in a data folder, also while a server runs, and
// prints a line for each finding and one that sums up. It exits with 1 if there
// are any, or there is nothing to check.
func check(ctx context.Context, folder, _ string, stdout, stderr io.Writer) (exit int) {
	found, err := store.Check(ctx, folder, func(finding string) { fmt.Fprintln(stdout, finding) })
	if err != nil {
		fmt.Fprintf(stderr, "parley: check: -data %s: %v\n", folder, err)
		return 1
	}
	file := filepath.Join(folder, store.FileName)
	if found.Findings == 0 {
		fmt.Fprintf(stdout, "%s is sound: %s.\n", file, looked(found))
		return 0
	}
	printMore(stdout, found)
	fmt.Fprintf(stdout, "%s is damaged: %d findings in %s. Stop the server, keep a copy of the folder, and restore a backup.\n", file, found.Findings, looked(found))
	return 1
}

// looked says what was looked at.
func looked(c store.Checked) string {
	return fmt.Sprintf("%d conversations with %d entries and %d members, %d users", c.Conversations, c.Entries, c.Members, c.Users)
}

// printMore says how many findings were not told.
func printMore(w io.Writer, c store.Checked) {
	if more := int64(c.Findings) - store.MaxFindings; more > 0 {
		fmt.Fprintf(w, "and %d more\n", more)
	}
}
