package folder

import (
	"os"

	"golang.org/x/sys/unix"
)

// SyncData puts what was written to a file on disk, and of what is noted of the file only what
// is needed to read that: where a file does not grow that is half of the work.
func SyncData(f *os.File) error {
	for {
		if err := unix.Fdatasync(int(f.Fd())); err != unix.EINTR {
			return os.NewSyscallError("fdatasync", err)
		}
	}
}
