package abuse

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"parley/server/e2e/live"
)

// A server is the real program, with its usual limits.
type server struct{ *live.Server }

// newServer starts a server, which is stopped when the test ends.
func newServer(t *testing.T) server {
	t.Helper()
	s := server{&live.Server{Data: t.TempDir()}}
	t.Cleanup(func() { s.end(t) })
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	return s
}

// end stops the server and looks for what it must never log.
func (s server) end(t *testing.T) {
	if s.Runs() {
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
	}
	if err := s.CheckLog(); err != nil {
		t.Error(err)
	}
	if log := s.Log(); t.Failed() {
		t.Logf("the server's log, its last 20 kB of %d bytes:\n%s", len(log), log[max(0, len(log)-20_000):])
	}
}

// lines is how many lines the server has logged.
func (s server) lines() int { return strings.Count(s.Log(), "\n") }

// cpu is how much the server has computed so far.
func (s server) cpu() (time.Duration, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.PID()))
	if err != nil {
		return 0, err
	}
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	var ticks int64 // of 10 ms: utime and stime, proc_pid_stat(5)
	for _, field := range fields[11:13] {
		n, err := strconv.ParseInt(string(field), 10, 64)
		if err != nil {
			return 0, err
		}
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond, nil
}
