package chaos

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"time"
)

// A server is the real program with a data folder of its own. It keeps its
// port when it is started again.
type server struct {
	data    string // folder
	address string // host:port
	metrics string // host:port of /metrics
	process *exec.Cmd
	exited  chan error
	output  output
}

var addressLine = regexp.MustCompile(`http://(127\.0\.0\.1:[1-9]\d*)`)

// start runs the program and waits until it answers.
func (s *server) start() error {
	listen := s.address
	if listen == "" {
		listen = "127.0.0.1:0"
	}
	if s.metrics == "" {
		free, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		s.metrics = free.Addr().String()
		if err := free.Close(); err != nil {
			return err
		}
	}
	s.process = exec.Command(parleyBinary, "-listen", listen, "-data", s.data, "-metrics", s.metrics)
	s.process.Stdout, s.process.Stderr = &s.output, &s.output
	from := s.output.len()
	if err := s.process.Start(); err != nil {
		return err
	}
	exited := make(chan error, 1)
	s.exited = exited
	process := s.process
	go func() { exited <- process.Wait() }()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		select {
		case err := <-exited:
			return fmt.Errorf("the server ended: %w\n%s", err, s.output.since(from))
		default:
		}
		if found := addressLine.FindStringSubmatch(s.output.since(from)); found != nil && s.address == "" {
			s.address = found[1]
		}
		if s.address != "" && s.answers() {
			return nil
		}
	}
	return fmt.Errorf("the server does not answer\n%s", s.output.since(from))
}

func (s *server) answers() bool {
	response, err := http.Get("http://" + s.address + "/healthz")
	if err != nil {
		return false
	}
	defer response.Body.Close()
	return response.StatusCode == http.StatusOK
}

// stop ends the program as Ctrl-C does, and wants it to end well.
func (s *server) stop() error {
	if err := s.end(syscall.SIGTERM); err != nil {
		return fmt.Errorf("the server stopped badly: %w", err)
	}
	return nil
}

// kill ends the program without giving it time for anything.
func (s *server) kill() error {
	var exit *exec.ExitError
	if err := s.end(syscall.SIGKILL); !errors.As(err, &exit) {
		return fmt.Errorf("the server was to be killed, and: %w", err)
	}
	return nil
}

func (s *server) end(signal syscall.Signal) error {
	if err := s.process.Process.Signal(signal); err != nil {
		return err
	}
	select {
	case err := <-s.exited:
		s.process = nil
		return err
	case <-time.After(patience):
		return fmt.Errorf("it does not end\n%s", s.output.since(0))
	}
}

// get reads JSON from the server's API into answer.
func (s *server) get(path, token string, answer any) error {
	return s.ask(http.MethodGet, path, token, nil, answer)
}

func (s *server) ask(method, path, token string, question, answer any) error {
	body, err := json.Marshal(question)
	if err != nil {
		return err
	}
	request, err := http.NewRequest(method, "http://"+s.address+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if body, err = io.ReadAll(response.Body); err != nil {
		return err
	}
	if response.StatusCode >= 300 {
		return fmt.Errorf("%s %s: %s: %s", method, path, response.Status, body)
	}
	return json.Unmarshal(body, answer)
}

// gauge reads one number of /metrics.
func (s *server) gauge(name string) (value float64, err error) {
	response, err := http.Get("http://" + s.metrics + "/metrics")
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if rest, found := strings.CutPrefix(line, name+" "); found {
			_, err := fmt.Sscan(rest, &value)
			return value, err
		}
	}
	return 0, fmt.Errorf("/metrics has no %s", name)
}

// output gathers what a process writes.
type output struct {
	mu   sync.Mutex
	text []byte
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.text = append(o.text, p...)
	return len(p), nil
}

func (o *output) since(n int) string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return string(o.text[n:])
}

func (o *output) len() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.text)
}
