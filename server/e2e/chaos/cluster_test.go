package chaos

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/Shopify/toxiproxy/v2/toxics"

	"parley/server/e2e/live"
	"parley/server/store/postgres/postgrestest"
)

// A cluster is nodes over one PostgreSQL, to each of which the way to it is a line of its
// own, and a balancer in front of them.
type cluster struct {
	t        *testing.T
	database string // its address
	schema   string // which the nodes began with
	nodes    []*node
	balancer *live.Balancer
}

// A node is the real program, and its line to the database.
type node struct {
	*live.Server
	line *line
}

// again starts a node that ended, in its version of now.
func (n *node) again() error {
	n.Program = ""
	return n.Start()
}

// newCluster is one of n nodes, not started yet.
func newCluster(t *testing.T, n int) *cluster {
	t.Helper()
	c := &cluster{t: t, database: postgrestest.Database(t)}
	postgrestest.Durable(t)
	upstream, err := c.door()
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		line, err := newLine(fmt.Sprintf("database-%d", i+1), upstream)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(line.end)
		u := url.URL{Scheme: "postgres", User: url.User("parley"), Host: line.proxy.Listen, Path: c.path(), RawQuery: "sslmode=disable"}
		c.nodes = append(c.nodes, &node{&live.Server{Program: *before, Data: t.TempDir(), Flags: []string{"-db", u.String(), "-guest-bytes", "0", "-guests-per-hour", "0", "-trusted-proxies", "127.0.0.1"}}, line})
	}
	return c
}

func (c *cluster) path() string {
	u, err := url.Parse(c.database)
	if err != nil {
		c.t.Fatal(err)
	}
	return u.Path
}

// door lets those in who come by TCP to the database, which listens on a socket alone. It
// ends with the test.
func (c *cluster) door() (address string, err error) {
	u, err := url.Parse(c.database)
	if err != nil {
		return "", err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	c.t.Cleanup(func() { _ = listener.Close() }) // nothing is left to lose
	go func() {                                  // ends with the listener
		for {
			visitor, err := listener.Accept()
			if err != nil {
				return
			}
			go join(visitor, filepath.Join(u.Query().Get("host"), ".s.PGSQL.5432"))
		}
	}()
	return listener.Addr().String(), nil
}

// join connects somebody to a socket until one of them hangs up.
func join(visitor net.Conn, socket string) {
	inside, err := net.Dial("unix", socket)
	if err != nil { // it is being restarted
		_ = visitor.Close()
		return
	}
	go func() {
		_, _ = io.Copy(inside, visitor) // hanging up is no error here
		_ = inside.Close()
	}()
	_, _ = io.Copy(visitor, inside)
	_ = visitor.Close()
}

// Start starts all nodes at the same time, and the balancer.
func (c *cluster) Start() error {
	errs := make(chan error)
	for _, n := range c.nodes {
		go func() { errs <- n.Start() }()
	}
	var all []error
	for range c.nodes {
		all = append(all, <-errs)
	}
	if err := errors.Join(all...); err != nil {
		return err
	}
	c.schema = c.schemaNow()
	var addresses []string
	for _, n := range c.nodes {
		addresses = append(addresses, n.Address)
	}
	var err error
	if c.balancer, err = live.NewBalancer(c.t.TempDir(), addresses); err != nil {
		return err
	}
	c.t.Cleanup(func() {
		if err := c.balancer.End(); err != nil {
			c.t.Error(err)
		}
	})
	return c.balancer.Start()
}

// finish ends the upgrade, which faults began.
func (c *cluster) finish() error {
	left := slices.DeleteFunc(slices.Clone(c.nodes), func(n *node) bool { return n.Program == "" })
	if len(left) == len(c.nodes) {
		return errors.New("no node was upgraded: let more faults strike")
	}
	for _, n := range left {
		if err := errors.Join(n.Stop(), n.again()); err != nil {
			return err
		}
	}
	return nil
}

// schemaNow is the version of the database's schema, in digits that compare as it does.
func (c *cluster) schemaNow() string {
	return postgrestest.SQL(c.t, c.database, "SELECT encode(value, 'hex') FROM parley.meta WHERE name = 'schema'")
}

// bringBack starts the version before at a node of a cluster that was upgraded, and stopped: that version
// says so where the schema is a newer one, and goes on where it is still its own.
func (c *cluster) bringBack(n *node) {
	c.t.Helper()
	n.Program = *before
	err := n.Start()
	if err == nil {
		defer func() {
			if err := n.Stop(); err != nil {
				c.t.Error(err)
			}
		}()
	}
	switch newer := c.schemaNow() > c.schema; {
	case newer && !strings.Contains(fmt.Sprint(err), "it was written by a newer version of Parley"):
		c.t.Errorf("the version before, started at a database that was upgraded: %v; want that it says so", err)
	case !newer && err != nil:
		c.t.Errorf("the version before, started at a database whose schema is still its own: %v", err)
	}
}

func (c *cluster) Client() live.Client { return live.Client{Server: c.balancer.Address} }

func (c *cluster) Runs() bool {
	for _, n := range c.nodes {
		if n.Runs() {
			return true
		}
	}
	return false
}

// Stop stops what runs.
func (c *cluster) Stop() error {
	var all []error
	for _, n := range c.nodes {
		if n.Runs() {
			all = append(all, n.Stop())
		}
	}
	return errors.Join(all...)
}

func (c *cluster) Log() string {
	var b strings.Builder
	for i, n := range c.nodes {
		fmt.Fprintf(&b, "node %d at %s\n%s\n", i+1, n.Address, n.Log())
	}
	return b.String()
}

func (c *cluster) CheckLog() error {
	var all []error
	for _, n := range c.nodes {
		all = append(all, n.CheckLog())
	}
	return errors.Join(all...)
}

// stored copies the history into a folder and reads it there.
func (c *cluster) stored() (map[string][]entry, error) {
	binary, err := live.Binary()
	if err != nil {
		return nil, err
	}
	folder := c.t.TempDir()
	// A node that could not say goodbye has a lease for some seconds more.
	for until := time.Now().Add(patience); ; time.Sleep(time.Second) {
		out, err := exec.Command(binary, "copy", "-from", c.database, "-to", folder).CombinedOutput()
		if err == nil {
			return inDatabase(folder)
		}
		if !strings.Contains(string(out), "another server uses the database") || time.Now().After(until) {
			return nil, fmt.Errorf("copy: %w: %s", err, out)
		}
	}
}

func (c *cluster) kinds() []fault {
	any := func(k strike) *node { return c.nodes[k.chance.IntN(len(c.nodes))] }
	return []fault{
		{"node killed", serverFault, func(k strike) error {
			n := any(k)
			if err := n.Kill(); err != nil {
				return err
			}
			time.Sleep(k.between(0, 2*time.Second))
			return n.again()
		}},
		{"node stopped", serverFault, func(k strike) error {
			n := any(k)
			if err := n.Stop(); err != nil {
				return err
			}
			time.Sleep(k.between(0, time.Second))
			return n.again()
		}},
		{"node frozen", serverFault, func(k strike) error {
			n := any(k)
			if err := syscall.Kill(n.PID(), syscall.SIGSTOP); err != nil {
				return err
			}
			time.Sleep(k.between(time.Second, 12*time.Second))
			return syscall.Kill(n.PID(), syscall.SIGCONT)
		}},
		{"a node's connections to the database cut", databaseFault, func(k strike) error {
			n := any(k)
			for range 1 + k.chance.IntN(3) {
				n.line.cut()
				time.Sleep(k.between(0, 300*time.Millisecond))
			}
			return nil
		}},
		{"a node's connections to the database half-open for good", databaseFault, func(k strike) error {
			any(k).line.strand()
			return nil
		}},
		{"a node's line to the database slow", databaseFault, func(k strike) error {
			n := any(k)
			n.line.set(&toxics.LatencyToxic{Latency: 100, Jitter: 50})
			time.Sleep(k.between(time.Second, 3*time.Second))
			n.line.set(nil)
			return nil
		}},
		{"database restarted", databaseFault, func(strike) error {
			postgrestest.Restart(c.t)
			return nil
		}},
		{"connections ended by the database", databaseFault, func(strike) error {
			postgrestest.SQL(c.t, "", "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '"+strings.TrimPrefix(c.path(), "/")+"'")
			return nil
		}},
		{"balancer reloaded", balancerFault, func(strike) error { return c.balancer.Reload() }},
		{"balancer restarted", balancerFault, func(strike) error { return errors.Join(c.balancer.End(), c.balancer.Start()) }},
	}
}
