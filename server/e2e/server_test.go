package e2e

import (
	"crypto/rand"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"parley/server/e2e/live"
)

// A server is the real program, which fails the test where it does not do well.
type server struct {
	*live.Server
	t      *testing.T
	secret []byte // that tokens are signed with; nil if the server keeps its own
}

// newServer starts a server with more flags and stops it when the test ends.
// Its log is shown if the test failed.
func newServer(t *testing.T, flags ...string) *server {
	t.Helper()
	return run(t, &live.Server{Data: t.TempDir(), Flags: flags})
}

// run starts a server as newServer does.
func run(t *testing.T, program *live.Server) *server {
	t.Helper()
	s := &server{t: t, Server: program}
	t.Cleanup(func() {
		if s.Runs() {
			s.stop()
		}
		s.checkLog()
	})
	s.start()
	return s
}

// newServerWithKey starts a server that trusts tokens signed by the test, so
// that a test chooses its users' ids. Guests are not its business.
func newServerWithKey(t *testing.T, flags ...string) *server {
	t.Helper()
	secret := []byte(rand.Text() + rand.Text())
	file := filepath.Join(t.TempDir(), "jwt.key")
	if err := os.WriteFile(file, secret, 0o600); err != nil {
		t.Fatal(err)
	}
	s := newServer(t, append(flags, "-jwt-key", file)...)
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

func (s *server) start() {
	s.t.Helper()
	if err := s.Start(); err != nil {
		s.t.Fatal(err)
	}
}

// stop ends the program as Ctrl-C does, and wants it to end well, and soon.
func (s *server) stop() {
	s.t.Helper()
	began := time.Now()
	if err := s.Stop(); err != nil {
		s.t.Error(err)
	}
	if took := time.Since(began); took > patience/3 {
		s.t.Errorf("the server took %v to stop", took)
	}
}

// kill ends the program without giving it time for anything.
func (s *server) kill() {
	s.t.Helper()
	if err := s.Kill(); err != nil {
		s.t.Error(err)
	}
}

// checkLog fails the test for what the server must never log, and shows the
// log of a failed test.
func (s *server) checkLog() {
	s.t.Helper()
	if err := s.CheckLog(); err != nil {
		s.t.Error(err)
	}
	if s.t.Failed() {
		s.t.Logf("the server's log:\n%s", s.Log())
		leave(s.t, "server.log", []byte(s.Log()))
	}
}

// get asks the server itself, with a token.
func (s *server) get(path, token string) (int, []byte) {
	s.t.Helper()
	status, body, err := s.Client().Fetch(s.t.Context(), http.MethodGet, path, token, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	return status, body
}

// guest makes a guest without a browser and returns the id.
func (s *server) guest(name string) string {
	s.t.Helper()
	made, err := s.Client().NewGuest(s.t.Context(), name)
	if err != nil {
		s.t.Fatal(err)
	}
	return strconv.FormatUint(made.ID, 10)
}

// eventually waits until what is awaited holds. It asks ever less often: the server
// bounds how often a user may, and who waits long need not know at once.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	pause := 20 * time.Millisecond
	for deadline := time.Now().Add(patience); !holds(); time.Sleep(pause) {
		if time.Now().After(deadline) {
			t.Fatalf("waited %v in vain for %s", patience, what)
		}
		pause = min(pause*5/4, 250*time.Millisecond)
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
