//go:build unix

package listener

import (
	"fmt"
	"math"
	"syscall"
)

// Files is how many files, connections among them, the process may have open at
// once. Go has raised the limit as far as it may already.
func Files() (int, error) {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return 0, fmt.Errorf("find out how many files may be open: %w", err)
	}
	return int(min(limit.Cur, math.MaxInt32)), nil
}
