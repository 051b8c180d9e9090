package main

import (
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
)

// warnOfExposure says which secrets and messages other users of this machine may
// read: what lies in the data folder, and the key at keyFile, which lets whoever
// has it be anybody; "" if there is none, or it is a public one.
func warnOfExposure(log *slog.Logger, data, keyFile string) {
	if runtime.GOOS == "windows" {
		return // a file's mode tells nothing there
	}
	if keyFile != "" {
		exposed(log, keyFile)
	}
	if !exposed(log, data) {
		return // nobody else gets to what lies in it
	}
	entries, err := os.ReadDir(data)
	if err != nil {
		log.Warn("the data folder cannot be listed", "error", err)
	}
	for _, entry := range entries {
		exposed(log, filepath.Join(data, entry.Name()))
	}
}

// exposed warns of a file or folder that others may read.
func exposed(log *slog.Logger, path string) bool {
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm()&0o077 == 0 {
		return false // or it went meanwhile, as logs of the history do
	}
	log.Warn("others on this machine may read it: run chmod "+own(info), "path", path, "mode", info.Mode().Perm().String())
	return true
}

// own is the mode that leaves a file or folder to its owner alone.
func own(info fs.FileInfo) string {
	if info.IsDir() {
		return "700"
	}
	return "600"
}
