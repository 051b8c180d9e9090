package live

import (
	_ "embed"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

//go:embed nginx.conf
var nginxConf string

// ErrNoBalancer is that there is no nginx on this machine.
var ErrNoBalancer = errors.New("there is no nginx: install it (Debian: nginx-light); make does so by itself")

// A Balancer is nginx, which spreads requests over nodes as make cluster does. A shell in
// between ends it when this process is gone, however that ended.
type Balancer struct {
	Address string // host:port

	folder  string
	command []string
	process *exec.Cmd // nil while it does not run
	alive   io.Closer
}

// NewBalancer is one in front of nodes at addresses, with its files in an empty folder, not
// started yet.
func NewBalancer(folder string, nodes []string) (*Balancer, error) {
	binary, err := exec.LookPath("nginx")
	if err != nil {
		if binary, err = exec.LookPath("/usr/sbin/nginx"); err != nil {
			return nil, ErrNoBalancer
		}
	}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	b := &Balancer{Address: free.Addr().String(), folder: folder, command: []string{binary, "-p", folder, "-c", "nginx.conf", "-e", "log"}}
	var servers []string
	for _, node := range nodes {
		servers = append(servers, "server "+node+" max_fails=1 fail_timeout=1s;")
	}
	user := ""
	if os.Getuid() == 0 {
		user = "user root;"
	}
	text := strings.NewReplacer("@USER@", user, "@NODES@", strings.Join(servers, "\n"), "@LISTEN@", b.Address).Replace(nginxConf)
	return b, errors.Join(free.Close(), os.Mkdir(filepath.Join(folder, "tmp"), 0o700), os.WriteFile(filepath.Join(folder, "nginx.conf"), []byte(text), 0o600))
}

// Start starts nginx and waits until it takes connections.
func (b *Balancer) Start() (err error) {
	b.process = exec.Command("sh", append([]string{"-c", `"$@" & server=$!; cat >/dev/null; kill -TERM $server 2>/dev/null; wait $server`, "sh"}, b.command...)...)
	if b.alive, err = b.process.StdinPipe(); err != nil {
		return err
	}
	if err := b.process.Start(); err != nil {
		return err
	}
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if conn, err := net.Dial("tcp", b.Address); err == nil {
			return conn.Close()
		}
	}
	log, err := os.ReadFile(filepath.Join(b.folder, "log"))
	return errors.Join(fmt.Errorf("nginx does not start: %s", log), err)
}

// End ends nginx, if it runs, and with it all connections.
func (b *Balancer) End() error {
	if b.process == nil {
		return nil
	}
	err := b.alive.Close()
	_ = b.process.Wait() // it was ended
	b.process = nil
	return err
}

// Reload lets nginx begin anew with its settings: connections there are go on for some seconds.
func (b *Balancer) Reload() error {
	if out, err := exec.Command(b.command[0], append(b.command[1:], "-s", "reload")...).CombinedOutput(); err != nil {
		return fmt.Errorf("reload nginx: %w: %s", err, out)
	}
	return nil
}
