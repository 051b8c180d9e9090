package e2e

import (
	"crypto/rand"
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// A server is the real program with a data folder of its own. It keeps its
// port when it is started again.
type server struct {
	t       *testing.T
	data    string // folder
	flags   []string
	secret  []byte // that tokens are signed with; nil if the server keeps its own
	address string // host:port

	process *exec.Cmd
	output  *output
	exited  chan error
}

// newServer starts a server with more flags and stops it when the test ends.
// Its log is shown if the test failed.
func newServer(t *testing.T, flags ...string) *server {
	t.Helper()
	s := &server{t: t, data: t.TempDir(), flags: flags, address: "127.0.0.1:0", output: new(output)}
	t.Cleanup(func() {
		if s.process != nil {
			s.stop()
		}
		s.checkLog()
	})
	s.start()
	return s
}

// newServerWithKey starts a server that trusts tokens signed by the test, so
// that a test chooses its users' ids. Guests are not its business.
func newServerWithKey(t *testing.T) *server {
	t.Helper()
	secret := []byte(rand.Text() + rand.Text())
	file := filepath.Join(t.TempDir(), "jwt.key")
	if err := os.WriteFile(file, secret, 0o600); err != nil {
		t.Fatal(err)
	}
	s := newServer(t, "-jwt-key", file)
	s.secret = secret
	return s
}

// token is a token for a user, as any program that holds the key makes it.
func (s *server) token(user uint64, name string) string {
	s.t.Helper()
	token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{
		"sub": strconv.FormatUint(user, 10), "name": name, "iat": time.Now().Unix(), "exp": time.Now().Add(time.Hour).Unix(),
	}).SignedString(s.secret)
	if err != nil {
		s.t.Fatal(err)
	}
	return token
}

var addressLine = regexp.MustCompile(`http://(127\.0\.0\.1:[1-9]\d*)`)

// start runs the program and waits until it answers.
func (s *server) start() {
	s.t.Helper()
	args := append([]string{"-listen", s.address, "-data", s.data}, s.flags...)
	s.process = exec.Command(parleyBinary, args...)
	from := s.output.Len()
	s.process.Stdout, s.process.Stderr = s.output, s.output
	if err := s.process.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.exited = make(chan error, 1)
	go func() { s.exited <- s.process.Wait() }()
	eventually(s.t, "the server to print its address", func() bool {
		select {
		case err := <-s.exited:
			s.process = nil
			s.t.Fatalf("the server ended: %v\n%s", err, s.output)
		default:
		}
		found := addressLine.FindStringSubmatch(s.output.String()[from:])
		if found != nil {
			s.address = found[1]
		}
		return found != nil
	})
	eventually(s.t, "the server to answer", func() bool {
		response, err := http.Get("http://" + s.address + "/healthz")
		if err != nil {
			return false
		}
		defer response.Body.Close()
		return response.StatusCode == http.StatusOK
	})
}

// stop ends the program as Ctrl-C does, and wants it to end well, and soon.
func (s *server) stop() {
	s.t.Helper()
	began := time.Now()
	if err := s.end(syscall.SIGTERM); err != nil {
		s.t.Errorf("the server stopped badly: %v", err)
	}
	if took := time.Since(began); took > patience/2 {
		s.t.Errorf("the server took %v to stop", took)
	}
}

// kill ends the program without giving it time for anything.
func (s *server) kill() {
	s.t.Helper()
	var exit *exec.ExitError
	if err := s.end(syscall.SIGKILL); !errors.As(err, &exit) {
		s.t.Errorf("the server was to be killed, and: %v", err)
	}
}

func (s *server) end(signal syscall.Signal) error {
	s.t.Helper()
	if err := s.process.Process.Signal(signal); err != nil {
		s.t.Fatal(err)
	}
	s.process = nil
	select {
	case err := <-s.exited:
		return err
	case <-time.After(patience):
		s.t.Fatalf("the server does not end\n%s", s.output)
		return nil
	}
}

// checkLog fails the test for what the server must never log, and shows the
// log of a failed test.
func (s *server) checkLog() {
	s.t.Helper()
	log := s.output.String()
	for _, bad := range []string{"DATA RACE", "panic:", "goroutine 1 ["} {
		if strings.Contains(log, bad) {
			s.t.Errorf("the server's log holds %q", bad)
		}
	}
	if s.t.Failed() {
		s.t.Logf("the server's log:\n%s", log)
		leave(s.t, "server.log", []byte(log))
	}
}

// get asks the server itself, with a token.
func (s *server) get(path, token string) (int, []byte) {
	s.t.Helper()
	request, err := http.NewRequest(http.MethodGet, "http://"+s.address+path, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+token)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		s.t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return response.StatusCode, body
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

func (o *output) Len() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Len()
}

// eventually waits until what is awaited holds.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(patience); !holds(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("waited %v in vain for %s", patience, what)
		}
	}
}

// leave keeps a file of a failed test.
func leave(t *testing.T, name string, content []byte) {
	t.Helper()
	path := filepath.Join(t.ArtifactDir(), plain(name))
	if err := os.WriteFile(path, content, 0o644); err != nil {
		t.Logf("cannot keep %s: %v", path, err)
		return
	}
	t.Logf("kept %s", path)
}

// plain makes a file name of any name.
func plain(name string) string {
	return strings.Map(func(r rune) rune {
		if r == '.' || r == '-' || '0' <= r && r <= '9' || 'A' <= r && r <= 'Z' || 'a' <= r && r <= 'z' {
			return r
		}
		return '_'
	}, name)
}
