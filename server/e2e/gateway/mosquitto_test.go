//go:build unix

package gateway

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// mosquitto is one that knows users by a file and lets them do what the README says.
type mosquitto struct {
	address, config string
	process         *exec.Cmd
}

func startMosquitto(t *testing.T, _ string, tokens map[uint64]string) broker {
	t.Helper()
	program, err := exec.LookPath("mosquitto")
	if err != nil {
		if program, err = exec.LookPath("/usr/sbin/mosquitto"); err != nil {
			t.Fatal("not run against Mosquitto, because it is not installed: Debian: mosquitto")
		}
	}
	folder := t.TempDir()
	m := &mosquitto{address: freeAddress(t), config: filepath.Join(folder, "mosquitto.conf")}
	passwords := "parley:secret\n"
	for user, token := range tokens {
		passwords += fmt.Sprintf("%d:%s\n", user, token)
	}
	write := func(name, content string) string {
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	file := write("passwords", passwords)
	if out, err := exec.Command("mosquitto_passwd", "-U", file).CombinedOutput(); err != nil {
		t.Fatalf("mosquitto_passwd: %v: %s", err, out)
	}
	acl := write("acl", "user parley\ntopic read chat/+/up/#\ntopic write chat/+/down/+\n\npattern write chat/%u/up/+\npattern read chat/%u/down/#\n")
	owner := ""
	if os.Getuid() == 0 {
		owner = "user root\n"
	}
	write("mosquitto.conf", owner+fmt.Sprintf(`listener %s 127.0.0.1
allow_anonymous false
password_file %s
acl_file %s
persistence true
persistence_location %s/
max_queued_messages 0
max_inflight_messages 1000
retain_available false
set_tcp_nodelay true
`, port(m.address), file, acl, folder))
	m.process = exec.Command(program, "-c", m.config)
	m.start(t)
	t.Cleanup(func() { m.stop(t) })
	return m
}

func (m *mosquitto) start(t *testing.T) {
	t.Helper()
	m.process = exec.Command(m.process.Path, "-c", m.config)
	var log strings.Builder
	m.process.Stderr = &log
	if err := m.process.Start(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "Mosquitto answers", func() bool { return answers(m.address) })
}

// answers reports whether somebody listens.
func answers(address string) bool {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return false
	}
	conn.Close()
	return true
}

// stop lets it write what it keeps, which a kill does not.
func (m *mosquitto) stop(t *testing.T) {
	t.Helper()
	if err := m.process.Process.Signal(syscall.SIGTERM); err != nil {
		t.Error(err)
	}
	_ = m.process.Wait() // it ends as it is told
}

func (m *mosquitto) gateway() string { return "mqtt://parley:secret@" + m.address }
func (m *mosquitto) hosts() []string { return []string{m.address} }

func (m *mosquitto) restart(t *testing.T) {
	t.Helper()
	m.stop(t)
	m.start(t)
}

func (m *mosquitto) keepsOrder() bool { return true }

func (m *mosquitto) keepsIdentifiers() bool { return true }
