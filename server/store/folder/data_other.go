//go:build !linux

package folder

import "os"

// SyncData puts what was written to a file on disk.
func SyncData(f *os.File) error { return f.Sync() }
