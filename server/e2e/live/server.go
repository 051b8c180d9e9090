// Package live runs the real program for tests, asks its HTTP API as any other
// program does, and finds the browser. It returns errors: what they mean is the
// test's to say.
//
// The program is $PARLEY_BIN, or is built by make.
package live

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"time"
)

// patience is how long the program may take to answer, and to end. It is
// generous: it says that something hangs, not that something is slow.
const patience = 90 * time.Second

// Binary is the path of the program.
var Binary = sync.OnceValues(func() (string, error) {
	binary := os.Getenv("PARLEY_BIN")
	if binary == "" {
		root, err := moduleRoot()
		if err != nil {
			return "", err
		}
		binary = filepath.Join(root, ".bin", "parley")
		if out, err := exec.Command("make", "-C", root, "build").CombinedOutput(); err != nil {
			return "", fmt.Errorf("make build: %w\n%s", err, out)
		}
	}
	binary, err := filepath.Abs(binary)
	if err != nil {
		return "", err
	}
	if _, err := os.Stat(binary); err != nil {
		return "", fmt.Errorf("no server to test: %w: set PARLEY_BIN to its binary, or run make build", err)
	}
	return binary, nil
})

func moduleRoot() (string, error) {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "parley").Output()
	return strings.TrimSpace(string(out)), err
}

// A Server is the program with a data folder of its own. It keeps its port when
// it is started again.
type Server struct {
	Data    string   // folder
	Flags   []string // besides -listen and -data
	Env     []string // NAME=value, besides the environment of the tests
	Address string   // host:port, once it was started
	Program string   // path of another version of it; "" is Binary's

	process *exec.Cmd // nil while it does not run
	exited  chan error
	output  output
}

var addressLine = regexp.MustCompile(`http://(127\.0\.0\.1:[1-9]\d*)`)

// Start runs the program and waits until it answers.
func (s *Server) Start() error {
	binary := s.Program
	if binary == "" {
		var err error
		if binary, err = Binary(); err != nil {
			return err
		}
	}
	listen := s.Address
	if listen == "" {
		listen = "127.0.0.1:0"
	}
	process := exec.Command(binary, append([]string{"-listen", listen, "-data", s.Data}, s.Flags...)...)
	process.Env = append(os.Environ(), s.Env...)
	process.Stdout, process.Stderr = &s.output, &s.output
	from := len(s.Log())
	if err := process.Start(); err != nil {
		return err
	}
	exited := make(chan error, 1)
	go func() { exited <- process.Wait() }()
	s.process, s.exited = process, exited
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		select {
		case err := <-exited:
			s.process = nil
			return fmt.Errorf("the server ended: %v\n%s", err, s.Log()[from:])
		default:
		}
		if found := addressLine.FindStringSubmatch(s.Log()[from:]); found != nil && s.Address == "" {
			s.Address = found[1]
		}
		if s.Address != "" && s.answers() {
			return nil
		}
	}
	return fmt.Errorf("the server does not answer\n%s", s.Log()[from:])
}

func (s *Server) answers() bool {
	response, err := http.Get("http://" + s.Address + "/healthz")
	if err != nil {
		return false
	}
	defer response.Body.Close()
	return response.StatusCode == http.StatusOK
}

// Runs reports whether the program was started and not ended since.
func (s *Server) Runs() bool { return s.process != nil }

// PID is the process that runs.
func (s *Server) PID() int { return s.process.Process.Pid }

// Stop ends the program as Ctrl-C does, and wants it to end well.
func (s *Server) Stop() error {
	if err := s.end(syscall.SIGTERM); err != nil {
		return fmt.Errorf("the server stopped badly: %w", err)
	}
	return nil
}

// Kill ends the program without giving it time for anything.
func (s *Server) Kill() error {
	var exit *exec.ExitError
	if err := s.end(syscall.SIGKILL); !errors.As(err, &exit) {
		return fmt.Errorf("the server was to be killed, and: %v", err)
	}
	return nil
}

func (s *Server) end(signal syscall.Signal) error {
	if err := s.process.Process.Signal(signal); err != nil {
		return err
	}
	select {
	case err := <-s.exited:
		s.process = nil
		return err
	case <-time.After(patience):
		return fmt.Errorf("it does not end, and is killed: %v\n%s", s.process.Process.Kill(), s.Log())
	}
}

// Log is all that the program wrote so far.
func (s *Server) Log() string { return s.output.String() }

// CheckLog returns an error for what the program must never log.
func (s *Server) CheckLog() error {
	var all []error
	for _, bad := range []string{"DATA RACE", "panic:", "goroutine 1 ["} {
		if strings.Contains(s.Log(), bad) {
			all = append(all, fmt.Errorf("the server's log holds %q", bad))
		}
	}
	return errors.Join(all...)
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
