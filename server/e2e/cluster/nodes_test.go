//go:build unix

package cluster

import (
	"context"
	"errors"
	"os/exec"
	"sync"
	"syscall"
	"testing"
	"time"

	"parley/server/e2e/live"
	"parley/server/e2e/s3"
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
		c.add(options)
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

// add adds a node that does not run yet.
func (c *cluster) add(options []string) *live.Server {
	n := &live.Server{Data: c.TempDir(), Flags: append([]string{"-db", c.database}, options...), Env: s3.Environment}
	c.nodes = append(c.nodes, n)
	return n
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

// balancer starts nginx in front of the nodes and returns its address; where there is no
// nginx, it is one node's.
func (c *cluster) balancer() string {
	c.Helper()
	var nodes []string
	for _, n := range c.nodes {
		nodes = append(nodes, n.Address)
	}
	b, err := live.NewBalancer(c.TempDir(), nodes)
	if errors.Is(err, live.ErrNoBalancer) {
		c.Log(err, "; the node is asked itself")
		return c.nodes[0].Address
	}
	if err == nil {
		c.Cleanup(func() {
			if err := b.End(); err != nil {
				c.Error(err)
			}
		})
		err = b.Start()
	}
	if err != nil {
		c.Fatal(err)
	}
	return b.Address
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
