package main

import (
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// A disk without room is played by a limit on the size of files.
func TestHealthzTellsThatTheDiskIsFullAndThatThereIsRoomAgain(t *testing.T) {
	p := start(t, "-data", t.TempDir(), "-static", pageFolder(t))
	p.becomes(200, "ok")
	var before unix.Rlimit
	if err := unix.Prlimit(p.cmd.Process.Pid, unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: 4096, Max: unix.RLIM_INFINITY}, &before); err != nil {
		t.Fatal(err)
	}
	p.becomes(503, "cannot be written: see that its folder may be written to and the disk has room")
	if status, _ := p.ask("POST", "/api/guests", `{"name":"Ann"}`, "Content-Type", "application/json"); status != 503 {
		t.Errorf("a guest who cannot be stored: status %d", status)
	}
	if err := unix.Prlimit(p.cmd.Process.Pid, unix.RLIMIT_FSIZE, &before, nil); err != nil {
		t.Fatal(err)
	}
	p.becomes(200, "ok")
	p.comes("Ann", "")
	if log := p.stop(syscall.SIGTERM); strings.Count(log, "the history cannot be written") != 1 || !strings.Contains(log, "the history can be written again") {
		t.Errorf("log:\n%s", log)
	}
}
