package abuse

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// A server is the real program, with its usual limits.
type server struct {
	t       *testing.T
	address string // host:port
	process *exec.Cmd
	output  output
}

var addressLine = regexp.MustCompile(`http://(127\.0\.0\.1:[1-9]\d*)`)

// newServer starts a server, which is stopped when the test ends.
func newServer(t *testing.T) *server {
	t.Helper()
	s := &server{t: t}
	s.process = exec.Command(parleyBinary, "-listen", "127.0.0.1:0", "-data", t.TempDir())
	s.process.Stdout, s.process.Stderr = &s.output, &s.output
	if err := s.process.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.stop)
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		if found := addressLine.FindStringSubmatch(s.output.String()); found != nil {
			s.address = found[1]
			if answer, err := http.Get("http://" + s.address + "/healthz"); err == nil {
				answer.Body.Close()
				return s
			}
		}
		if time.Now().After(deadline) {
			t.Fatalf("the server does not answer\n%s", &s.output)
		}
	}
}

// stop ends the server and wants it to end well.
func (s *server) stop() {
	if err := s.process.Process.Signal(syscall.SIGTERM); err != nil {
		s.t.Error(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- s.process.Wait() }()
	select {
	case err := <-ended:
		if err != nil {
			s.t.Errorf("the server stopped badly: %v", err)
		}
	case <-time.After(patience):
		s.t.Errorf("the server does not end: %v", s.process.Process.Kill())
	}
	log := s.output.String()
	for _, bad := range []string{"DATA RACE", "goroutine 1 ["} {
		if strings.Contains(log, bad) {
			s.t.Errorf("the server's log holds %q", bad)
		}
	}
	if s.t.Failed() {
		s.t.Logf("the server's log, its last 20 kB of %d bytes:\n%s", len(log), log[max(0, len(log)-20_000):])
	}
}

// lines is how many lines the server has logged.
func (s *server) lines() int { return strings.Count(s.output.String(), "\n") }

// cpu is how much the server has computed so far.
func (s *server) cpu() (time.Duration, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.process.Process.Pid))
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

// output gathers what a process writes.
type output struct {
	mu   sync.Mutex
	text strings.Builder
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}
