//go:build unix

// Package postgrestest runs PostgreSQL for tests: a cluster of their own, which only they
// reach, by a socket in a temporary folder. It starts with the first Database of a test
// binary and ends with that, however it ends. What it stores a crash of the machine may
// lose, unless Durable was called.
package postgrestest

import (
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
)

// cluster is PostgreSQL with its files.
type cluster struct {
	folder string // with data and socket
	bin    string // folder of the programs
	server *exec.Cmd
	alive  io.Closer // while it is open
	last   atomic.Int64
}

var (
	mu  sync.Mutex
	one *cluster // of this test binary; nil until it is needed
)

// Run runs a binary's tests and ends the cluster with them. TestMain calls it.
func Run(m *testing.M) int {
	defer func() {
		mu.Lock()
		defer mu.Unlock()
		if one != nil {
			one.stop()
			_ = os.RemoveAll(one.folder) // it is temporary
		}
	}()
	return m.Run()
}

// Database makes an empty database and returns its address.
func Database(t testing.TB) string {
	t.Helper()
	c := running(t)
	name := fmt.Sprintf("test%d", c.last.Add(1))
	c.sql(t, "CREATE DATABASE "+name)
	return c.address("parley", "", name)
}

// Address is that of a database of the same cluster as another's, for another user.
func Address(t testing.TB, database, user, password string) string {
	t.Helper()
	u, err := url.Parse(database)
	if err != nil {
		t.Fatal(err)
	}
	return running(t).address(user, password, strings.TrimPrefix(u.Path, "/"))
}

// SQL runs statements as the cluster's superuser, in a database or, if it is "", in none
// of the tests', and returns what they print.
func SQL(t testing.TB, database, statements string) string {
	t.Helper()
	c := running(t)
	if database == "" {
		return c.sql(t, statements)
	}
	return c.psql(t, database, statements)
}

// Folder is where all files of the server are: tables, logs and settings.
func Folder(t testing.TB) string {
	t.Helper()
	return running(t).folder
}

// Restart ends the server at once, without a goodbye to anybody, and starts it again.
func Restart(t testing.TB) {
	t.Helper()
	c := running(t)
	if err := c.kill(); err != nil {
		t.Fatal(err)
	}
	if err := c.start(); err != nil {
		t.Fatal(err)
	}
}

// Stop ends the server as Restart does, and returns what starts it again.
func Stop(t testing.TB) (start func()) {
	t.Helper()
	c := running(t)
	if err := c.kill(); err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := c.start(); err != nil {
			t.Fatal(err)
		}
	}
}

// Durable lets the server sync what it commits from now on, as it does elsewhere.
func Durable(t testing.TB) {
	t.Helper()
	c := running(t)
	for _, statement := range []string{"ALTER SYSTEM SET fsync = on", "ALTER SYSTEM SET full_page_writes = on", "SELECT pg_reload_conf()", "CHECKPOINT"} {
		c.sql(t, statement)
	}
}

func running(t testing.TB) *cluster {
	t.Helper()
	mu.Lock()
	defer mu.Unlock()
	if one == nil {
		c, err := newCluster()
		if err != nil {
			t.Fatal("PostgreSQL for tests: ", err)
		}
		one = c
	}
	return one
}

func newCluster() (_ *cluster, err error) {
	c := new(cluster)
	if c.bin, err = programs(); err != nil {
		return nil, err
	}
	if c.folder, err = os.MkdirTemp("", "parley-pg-"); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(c.folder))
		}
	}()
	if id := servant(); id != nil {
		if err := os.Chown(c.folder, int(id.Uid), int(id.Gid)); err != nil {
			return nil, err
		}
	}
	init := c.command("initdb", "-D", c.data(), "-U", "parley", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync", "--no-instructions")
	if out, err := init.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("initdb: %w: %s", err, out)
	}
	if err := errors.Join(c.guard(), c.configure()); err != nil {
		return nil, err
	}
	return c, c.start()
}

// configure writes the settings, which Durable may change.
func (c *cluster) configure() error {
	f, err := os.OpenFile(filepath.Join(c.data(), "postgresql.conf"), os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString("fsync = off\nfull_page_writes = off\nshared_buffers = 128MB\nmax_connections = 60\nautovacuum = off\n")
	return errors.Join(err, f.Close())
}

// guard lets the user "guarded" in with their password alone, and all others without.
func (c *cluster) guard() error {
	return os.WriteFile(filepath.Join(c.data(), "pg_hba.conf"), []byte("local all guarded scram-sha-256\nlocal all all trust\n"), 0o600)
}

// programs finds the folder with PostgreSQL's programs, of the newest version that there is.
func programs() (string, error) {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	newest := 0
	dir := ""
	for _, path := range found {
		if version, _ := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(path)))); version > newest {
			newest, dir = version, filepath.Dir(path)
		}
	}
	if dir != "" {
		return dir, nil
	}
	path, err := exec.LookPath("initdb")
	if err != nil {
		return "", errors.New("there are no programs of PostgreSQL: install them (Debian: postgresql), or let initdb be on the path")
	}
	return filepath.Dir(path), nil
}

// servant is whom PostgreSQL runs as where the tests are root's, which it refuses to be.
func servant() *syscall.Credential {
	if os.Getuid() != 0 {
		return nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		if u, err := user.Lookup(name); err == nil {
			uid, _ := strconv.Atoi(u.Uid)
			gid, _ := strconv.Atoi(u.Gid)
			return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
		}
	}
	return nil
}

func (c *cluster) data() string { return filepath.Join(c.folder, "data") }

func (c *cluster) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(c.bin, name), args...)
	c.asServant(cmd)
	return cmd
}

func (c *cluster) asServant(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: servant()}
	cmd.Dir = c.folder
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C", "PGUSER=parley", "PGHOST=" + c.folder}
}

// start starts the server and waits until it takes connections. A shell in between ends it
// when this process is gone, however that ended.
func (c *cluster) start() error {
	cmd := exec.Command("sh", "-c", `"$@" & server=$!; cat >/dev/null; kill -QUIT $server 2>/dev/null; wait $server`, "sh",
		filepath.Join(c.bin, "postgres"), "-D", c.data(), "-k", c.folder, "-h", "")
	c.asServant(cmd)
	alive, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	log, err := os.OpenFile(filepath.Join(c.folder, "log"), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		return err
	}
	c.server, c.alive = cmd, alive
	ready := exec.Command("sh", "-c", `until "$1" -q; do kill -0 "$2" || exit 1; sleep .05; done`, "sh", filepath.Join(c.bin, "pg_isready"), strconv.Itoa(cmd.Process.Pid))
	c.asServant(ready)
	if out, err := ready.CombinedOutput(); err != nil {
		said, _ := os.ReadFile(filepath.Join(c.folder, "log"))
		return fmt.Errorf("it does not start: %w: %s%s", err, out, said)
	}
	return nil
}

// kill ends the server as a crash would: the next start recovers it.
func (c *cluster) kill() error {
	err := c.alive.Close() // immediate shutdown
	_ = c.server.Wait()    // its exit code tells that it was killed
	return err
}

func (c *cluster) stop() { _ = c.kill() }

func (c *cluster) address(user, password, database string) string {
	u := url.URL{Scheme: "postgres", User: url.User(user), Host: "", Path: "/" + database, RawQuery: url.Values{"host": {c.folder}}.Encode()}
	if password != "" {
		u.User = url.UserPassword(user, password)
	}
	return u.String()
}

func (c *cluster) sql(t testing.TB, statements string) string {
	t.Helper()
	return c.psql(t, c.address("parley", "", "postgres"), statements)
}

func (c *cluster) psql(t testing.TB, database, statements string) string {
	t.Helper()
	cmd := c.command("psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", database, "-c", statements)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("psql: %v: %s", err, out)
	}
	return strings.TrimSpace(string(out))
}
