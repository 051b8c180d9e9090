//go:build unix

package cluster

import (
	"context"
	_ "embed"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"parley/server/e2e/live"
	"parley/server/store/postgres/postgrestest"
)

// cluster is some nodes over one database.
type cluster struct {
	*testing.T
	database string
	nodes    []*live.Server
}

// newCluster starts so many nodes at once on an empty database, with more options.
func newCluster(t *testing.T, size int, options ...string) *cluster {
	t.Helper()
	c := &cluster{T: t, database: postgrestest.Database(t)}
	for range size {
		c.nodes = append(c.nodes, &live.Server{Data: t.TempDir(), Flags: append([]string{"-db", c.database}, options...)})
	}
	t.Cleanup(c.end)
	var starting sync.WaitGroup
	failed := make(chan error, size)
	for _, n := range c.nodes {
		starting.Go(func() {
			if err := n.Start(); err != nil {
				failed <- err
			}
		})
	}
	starting.Wait()
	select {
	case err := <-failed:
		t.Fatal(err)
	default:
	}
	return c
}

// end stops what runs, and looks for what must never be logged.
func (c *cluster) end() {
	for i, n := range c.nodes {
		if n.Runs() {
			if err := n.Stop(); err != nil {
				c.Error(err)
			}
		}
		if err := n.CheckLog(); err != nil {
			c.Error(err)
		}
		if log := n.Log(); c.Failed() {
			c.Logf("the log of node %d, its last 10 kB of %d bytes:\n%s", i, len(log), log[max(0, len(log)-10_000):])
		}
	}
}

// freeze stops a node where it is; thaw lets it go on.
func (c *cluster) freeze(i int) { c.signal(i, syscall.SIGSTOP) }
func (c *cluster) thaw(i int)   { c.signal(i, syscall.SIGCONT) }

func (c *cluster) signal(i int, s syscall.Signal) {
	c.Helper()
	if err := syscall.Kill(c.nodes[i].PID(), s); err != nil {
		c.Fatal(err)
	}
}

//go:embed nginx.conf
var nginxConf string

// balancer starts nginx in front of the nodes and returns its address; where there is no
// nginx, it is one node's.
func (c *cluster) balancer() string {
	c.Helper()
	binary, err := exec.LookPath("nginx")
	if err != nil {
		if binary, err = exec.LookPath("/usr/sbin/nginx"); err != nil {
			c.Log("there is no nginx: the node is asked itself (.tools/setup installs it)")
			return c.nodes[0].Address
		}
	}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		c.Fatal(err)
	}
	address := free.Addr().String()
	free.Close()
	var nodes []string
	for _, n := range c.nodes {
		nodes = append(nodes, "server "+n.Address+" max_fails=1 fail_timeout=2s;")
	}
	user := ""
	if os.Getuid() == 0 {
		user = "user root;"
	}
	folder := c.TempDir()
	if err := os.Mkdir(filepath.Join(folder, "tmp"), 0o700); err != nil {
		c.Fatal(err)
	}
	text := strings.NewReplacer("@USER@", user, "@NODES@", strings.Join(nodes, "\n"), "@LISTEN@", address).Replace(nginxConf)
	if err := os.WriteFile(filepath.Join(folder, "nginx.conf"), []byte(text), 0o600); err != nil {
		c.Fatal(err)
	}
	nginx := exec.Command(binary, "-p", folder, "-c", "nginx.conf", "-e", "stderr")
	nginx.Stderr = os.Stderr
	if err := nginx.Start(); err != nil {
		c.Fatal(err)
	}
	c.Cleanup(func() {
		_ = nginx.Process.Signal(syscall.SIGTERM) // it may have ended
		_ = nginx.Wait()
	})
	c.until("nginx answers", func() error {
		_, _, err := live.Client{Server: address}.Fetch(c.Context(), "GET", "/healthz", "", nil)
		return err
	})
	return address
}

// until waits until f returns nil.
func (c *cluster) until(what string, f func() error) {
	c.Helper()
	ctx, cancel := context.WithTimeout(c.Context(), patience)
	defer cancel()
	for {
		err := f()
		if err == nil {
			return
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			c.Fatalf("waited %v until %s: %v", patience, what, err)
		}
	}
}

// guest makes a guest at a node.
func (c *cluster) guest(i int, name string) live.Guest {
	c.Helper()
	g, err := c.nodes[i].Client().NewGuest(c.Context(), name)
	if err != nil {
		c.Fatal(err)
	}
	return g
}

// command runs one of the operator's commands, beside the nodes.
func (c *cluster) command(words ...string) string {
	c.Helper()
	binary, err := live.Binary()
	if err != nil {
		c.Fatal(err)
	}
	out, err := exec.CommandContext(c.Context(), binary, append(words, "-db", c.database)...).CombinedOutput()
	if err != nil {
		c.Fatalf("parley %v: %v: %s", words, err, out)
	}
	return string(out)
}

// ask asks a node.
func (c *cluster) ask(i int, method, path, token string) (status int, text string) {
	c.Helper()
	status, body, err := c.nodes[i].Client().Fetch(c.Context(), method, path, token, nil)
	if err != nil {
		c.Fatal(err)
	}
	return status, string(body)
}
