package main

import (
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"parley/server/auth"
)

func TestTheFilesAreSharedOut(t *testing.T) {
	for _, test := range []struct {
		files, users int
		want         capacity
	}{
		{1 << 20, 10_000, capacity{users: 10_000, pending: 1000, requests: 4000}},
		{16_000, 10_000, capacity{users: 10_000, pending: 1000, requests: 3984}},
		{1024, 10_000, capacity{users: 600, pending: 120, requests: 240}},
		{256, 10_000, capacity{users: 120, pending: 24, requests: 48}},
		{256, 10, capacity{users: 10, pending: 24, requests: 48}},
		{128, 10_000, capacity{users: 40, pending: 8, requests: 16}},
	} {
		log := new(strings.Builder)
		got, err := divide(test.files, test.users, slog.New(slog.NewTextHandler(log, nil)))
		if got != test.want || err != nil {
			t.Errorf("%d files for %d users: %+v, %v, want %+v", test.files, test.users, got, err, test.want)
		}
		if got.all() > test.files-ownFiles {
			t.Errorf("%d files: %d connections leave too few", test.files, got.all())
		}
		if warned := strings.Contains(log.String(), "ulimit -n"); warned != (got.users < test.users) {
			t.Errorf("%d files for %d users: the log is %q", test.files, test.users, log)
		}
	}
	if _, err := divide(100, 1, slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), "ulimit -n") {
		t.Errorf("100 files: %v", err)
	}
}

// limited runs the server where so many files may be open.
func limited(t *testing.T, files int, args ...string) *program {
	t.Helper()
	shell := []string{"-c", fmt.Sprintf(`ulimit -n %d && exec "$0" "$@"`, files), binary, "-listen", "127.0.0.1:0"}
	return started(t, exec.Command("sh", append(shell, args...)...))
}

// from is the same program for somebody with another address of this machine.
func (p *program) from(address string) *program {
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(address)}}
	return &program{t: p.t, url: p.url, client: &http.Client{Transport: &http.Transport{DialContext: dialer.DialContext}}}
}

// sit opens a connection that does nothing after an optional first request.
func (p *program) sit(address, request string) {
	p.t.Helper()
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(address)}, Timeout: patience}
	c, err := dialer.Dial("tcp", strings.TrimPrefix(p.url, "http://"))
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { c.Close() })
	_ = c.SetDeadline(time.Now().Add(patience))
	if _, err := io.WriteString(c, request); err == nil && request != "" {
		_, _ = c.Read(make([]byte, 1)) // it may be refused
	}
}

// The history works, and others come in, whatever a file limit is used up by.
func TestHTTPConnectionsThatDoNothingKeepNobodyOut(t *testing.T) {
	p := limited(t, 256, "-data", t.TempDir(), "-static", pageFolder(t))
	const (
		whole = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
		half  = "POST /api/guests HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 4000\r\nExpect: 100-continue\r\n\r\n"
	)
	for i := range 400 {
		p.sit("127.0.0.2", []string{"", whole, half}[i%3])
	}
	ann := p.from("127.0.0.3").guest("Ann")
	for i := range 400 { // of many addresses, more than may be open at all
		p.sit(fmt.Sprint("127.0.1.", i%100), []string{"", whole, half}[i%3])
	}
	bob := p.from("127.0.0.4").guest("Bob")
	if got := ann.send(t, bob.user, "hello"); got["seq"] != "1" {
		t.Errorf("the acknowledgement is %v", got)
	}
	if m := within(t, "Ann's message", bob.arrived); m.GetContent() != "hello" {
		t.Errorf("Bob got %v", m)
	}
	if status, body := p.from("127.0.0.5").get("/healthz"); status != 200 {
		t.Errorf("status %d: %s", status, body)
	}
	if log := p.stop(syscall.SIGTERM); strings.Contains(log, "too many open files") || !strings.Contains(log, "-max-connections") {
		t.Errorf("the log is\n%s", log)
	}
}

// 20 guests with 20 connections each, of one address, and 99 others: as 500
// guests and 2,475 others would be where -max-connections is 10,000.
func TestGuestsWithManyConnectionsKeepNobodyOut(t *testing.T) {
	data := t.TempDir()
	p := start(t, "-data", data, "-static", pageFolder(t), "-max-connections", "400")
	authority, err := auth.Open(filepath.Join(data, "jwt.key"), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	token := func(user uint64) string {
		t.Helper()
		token, err := authority.Mint(auth.User{ID: user, Name: "Guest"}, time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	crowd, in := p.from("127.0.0.2"), 0
	for i := range uint64(400) {
		if _, _, err := crowd.connect(fmt.Sprint(1+i/20), token(1+i/20)); err == nil {
			in++
		} else if !strings.Contains(err.Error(), "429") {
			t.Fatal(err)
		}
	}
	if in != 200 {
		t.Errorf("%d connections of one address are in, want half of the places", in)
	}
	other := p.from("127.0.0.3")
	for i := range uint64(99) {
		if _, ack, err := other.connect(fmt.Sprint(100+i), token(100+i)); err != nil {
			t.Fatalf("number %d of 99 others: %+v, %v", i+1, ack, err)
		}
	}
}
