package folder

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// Identity tells a file from any other, also from one with its name and content,
// and stays the same while it is moved within its file system: its inode, and as
// numbers of those are used again, when that was made, where the system tells.
func Identity(f *os.File) (string, error) {
	var st unix.Statx_t
	err := unix.Statx(int(f.Fd()), "", unix.AT_EMPTY_PATH, unix.STATX_INO|unix.STATX_BTIME, &st)
	if err == nil && st.Mask&unix.STATX_BTIME != 0 {
		return fmt.Sprintf("%d of %d.%09d", st.Ino, st.Btime.Sec, st.Btime.Nsec), nil
	}
	return inode(f)
}
