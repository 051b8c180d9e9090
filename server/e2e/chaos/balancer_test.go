package chaos

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A balancer is nginx, which spreads connections over nodes one after the other, as the
// README shows it. A shell in between ends it when this process is gone.
type balancer struct {
	folder  string
	address string // host:port
	process *exec.Cmd
	alive   io.Closer
}

const balancerSettings = `
daemon off;
pid %[1]s/pid;
error_log %[1]s/log;
worker_processes 1;
worker_shutdown_timeout 2s;
events { worker_connections 1024; }
http {
	access_log off;
	client_body_temp_path %[1]s/body;
	proxy_temp_path %[1]s/proxy;
	fastcgi_temp_path %[1]s/fastcgi;
	uwsgi_temp_path %[1]s/uwsgi;
	scgi_temp_path %[1]s/scgi;
	map $http_upgrade $connection_upgrade { default upgrade; '' ''; }
	upstream nodes {
		%[3]s
	}
	server {
		listen %[2]s;
		proxy_pass_request_headers on;
		proxy_http_version 1.1;
		proxy_set_header Host $http_host;
		proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
		proxy_set_header Upgrade $http_upgrade;
		proxy_set_header Connection $connection_upgrade;
		proxy_connect_timeout 1s;
		location / { proxy_pass http://nodes; proxy_read_timeout 10s; }
		location /mqtt { proxy_pass http://nodes; proxy_read_timeout 1h; proxy_send_timeout 1h; }
	}
}
`

// newBalancer starts one, which ends with the test.
func newBalancer(t *testing.T, nodes []string) (*balancer, error) {
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	b := &balancer{folder: t.TempDir(), address: free.Addr().String()}
	if err := free.Close(); err != nil {
		return nil, err
	}
	var servers []string
	for _, node := range nodes {
		servers = append(servers, fmt.Sprintf("server %s max_fails=1 fail_timeout=1s;", node))
	}
	settings := fmt.Sprintf(balancerSettings, b.folder, b.address, strings.Join(servers, "\n\t\t"))
	if err := os.WriteFile(filepath.Join(b.folder, "conf"), []byte(settings), 0o644); err != nil {
		return nil, err
	}
	t.Cleanup(func() {
		if err := b.end(); err != nil {
			t.Error(err)
		}
	})
	return b, b.start()
}

func (b *balancer) command() []string {
	return []string{"nginx", "-p", b.folder, "-e", filepath.Join(b.folder, "log"), "-c", filepath.Join(b.folder, "conf")}
}

// start starts nginx and waits until it takes connections.
func (b *balancer) start() error {
	b.process = exec.Command("sh", append([]string{"-c", `"$@" & server=$!; cat >/dev/null; kill -TERM $server 2>/dev/null; wait $server`, "sh"}, b.command()...)...)
	b.process.Env = append(os.Environ(), "PATH="+os.Getenv("PATH")+":/usr/sbin")
	var err error
	if b.alive, err = b.process.StdinPipe(); err != nil {
		return err
	}
	if err := b.process.Start(); err != nil {
		return err
	}
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if conn, err := net.Dial("tcp", b.address); err == nil {
			return conn.Close()
		}
	}
	log, err := os.ReadFile(filepath.Join(b.folder, "log"))
	return errors.Join(fmt.Errorf("nginx does not start: %s", log), err)
}

// end ends nginx, and with it all connections.
func (b *balancer) end() error {
	if b.process == nil {
		return nil
	}
	err := b.alive.Close()
	_ = b.process.Wait() // it was ended
	b.process = nil
	return err
}

func (b *balancer) restart() error { return errors.Join(b.end(), b.start()) }

// reload lets nginx begin anew with its settings. Connections there are go on for as long
// as worker_shutdown_timeout.
func (b *balancer) reload() error {
	command := b.command()
	reload := exec.Command(command[0], append(command[1:], "-s", "reload")...)
	reload.Env = append(os.Environ(), "PATH="+os.Getenv("PATH")+":/usr/sbin")
	if out, err := reload.CombinedOutput(); err != nil {
		return fmt.Errorf("reload nginx: %w: %s", err, out)
	}
	return nil
}
