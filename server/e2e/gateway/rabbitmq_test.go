//go:build unix

package gateway

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// rabbitMQ is three nodes with quorum queues, which ask Parley who may do what.
type rabbitMQ struct {
	root  string // the folder that they see as /
	nodes []*rabbitNode
	epmd  string // port
	log   *os.File
}

type rabbitNode struct {
	name    string
	address string // of MQTT
	env     []string
	process *exec.Cmd
}

func startRabbitMQ(t *testing.T, parley string, _ map[uint64]string) broker {
	t.Helper()
	root := os.Getenv("RABBITMQ_ROOT")
	if _, err := os.Stat(filepath.Join(root, "usr/lib/rabbitmq/bin/rabbitmq-server")); root == "" || err != nil || os.Getuid() != 0 {
		t.Skip("not run against RabbitMQ, because RABBITMQ_ROOT names no folder with it, or this is not root: see .tools/rabbitmq")
	}
	r := &rabbitMQ{root: root, epmd: port(freeAddress(t))}
	work, err := os.MkdirTemp(filepath.Join(root, "var/lib"), "parley-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(work) })
	if r.log, err = os.Create(filepath.Join(work, "log")); err != nil {
		t.Fatal(err)
	}
	const nodes = 3
	for i := range nodes {
		r.nodes = append(r.nodes, &rabbitNode{name: fmt.Sprintf("rabbit%d@localhost", i+1), address: freeAddress(t)})
	}
	for _, n := range r.nodes {
		r.configure(t, n, work, parley)
	}
	if err := exec.Command("chroot", root, "chown", "-R", "rabbitmq:rabbitmq", strings.TrimPrefix(work, root)).Run(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.stop(t) })
	for _, n := range r.nodes {
		r.start(t, n)
	}
	for _, n := range r.nodes {
		eventually(t, n.name+" answers", func() bool { return answers(n.address) })
	}
	eventually(t, "the nodes are one cluster", func() bool { return r.ctl(r.nodes[0], "await_online_nodes", strconv.Itoa(nodes)) == nil })
	return r
}

// configure writes a node's files into a folder of its own, which it sees without root.
func (r *rabbitMQ) configure(t *testing.T, n *rabbitNode, work, parley string) {
	t.Helper()
	folder := filepath.Join(work, strings.TrimSuffix(n.name, "@localhost"))
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	write := func(name, content string, mode os.FileMode) {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(content), mode); err != nil {
			t.Fatal(err)
		}
	}
	peers := ""
	for i, peer := range r.nodes {
		peers += fmt.Sprintf("cluster_formation.classic_config.nodes.%d = %s\n", i+1, peer.name)
	}
	write(".erlang.cookie", "ofthetests", 0o400)
	write("plugins", "[rabbitmq_mqtt,rabbitmq_auth_backend_http].\n", 0o644)
	write("rabbitmq.conf", fmt.Sprintf(`listeners.tcp.1 = %s
mqtt.listeners.tcp.1 = %s
cluster_formation.peer_discovery_backend = classic_config
%sdefault_user = parley
default_pass = secret
mqtt.durable_queue_type = quorum
mqtt.prefetch = 1000
mqtt.max_session_expiry_interval_seconds = infinity
total_memory_available_override_value = 2GB
disk_free_limit.absolute = 50MB
auth_backends.1 = internal
auth_backends.2 = http
auth_http.http_method = post
auth_http.user_path = http://%[4]s/auth/%[5]s/user
auth_http.vhost_path = http://%[4]s/auth/%[5]s/vhost
auth_http.resource_path = http://%[4]s/auth/%[5]s/resource
auth_http.topic_path = http://%[4]s/auth/%[5]s/topic
`, freeAddress(t), n.address, peers, parley, brokerSecret), 0o644)
	seen := strings.TrimPrefix(folder, r.root)
	n.env = []string{
		"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8", "HOME=" + seen, "RABBITMQ_NODENAME=" + n.name, "RABBITMQ_DIST_PORT=" + port(freeAddress(t)),
		"ERL_EPMD_ADDRESS=127.0.0.1", "ERL_EPMD_PORT=" + r.epmd, "RABBITMQ_MNESIA_BASE=" + seen + "/db", "RABBITMQ_LOG_BASE=" + seen + "/log",
		"RABBITMQ_CONFIG_FILE=" + seen + "/rabbitmq.conf", "RABBITMQ_ENABLED_PLUGINS_FILE=" + seen + "/plugins", "RABBITMQ_PID_FILE=" + seen + "/pid",
		"RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS=-kernel inet_dist_use_interface {127,0,0,1} +S 1:1 +sbwt none",
	}
}

// run is a command as a node's user sees it.
func (r *rabbitMQ) run(n *rabbitNode, command ...string) *exec.Cmd {
	args := append([]string{"--userspec=rabbitmq:rabbitmq", r.root, "/usr/bin/env", "-i"}, n.env...)
	cmd := exec.Command("chroot", append(args, command...)...)
	cmd.Dir = "/"
	cmd.Stdout, cmd.Stderr = r.log, r.log
	return cmd
}

func (r *rabbitMQ) ctl(n *rabbitNode, command ...string) error {
	return r.run(n, append([]string{"/usr/lib/rabbitmq/bin/rabbitmqctl", "--node", n.name}, command...)...).Run()
}

func (r *rabbitMQ) start(t *testing.T, n *rabbitNode) {
	t.Helper()
	n.process = r.run(n, "/usr/lib/rabbitmq/bin/rabbitmq-server")
	n.process.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := n.process.Start(); err != nil {
		t.Fatal(err)
	}
}

// kill ends a node without giving it time for anything.
func (n *rabbitNode) kill() {
	_ = syscall.Kill(-n.process.Process.Pid, syscall.SIGKILL)
	_ = n.process.Wait()
}

func (r *rabbitMQ) stop(t *testing.T) {
	for _, n := range r.nodes {
		if n.process != nil {
			n.kill()
		}
	}
	eventually(t, "epmd ends, which a node starts", func() bool {
		return r.run(r.nodes[0], "/usr/bin/epmd", "-kill").Run() == nil
	})
	if t.Failed() {
		if log, err := os.ReadFile(r.log.Name()); err == nil {
			t.Logf("RabbitMQ says:\n%s", log[max(0, len(log)-8000):])
		}
	}
	r.log.Close()
}

func (r *rabbitMQ) gateway() string {
	return "mqtt://parley:secret@" + strings.Join(r.hosts(), ",")
}

func (r *rabbitMQ) hosts() (hosts []string) {
	for _, n := range r.nodes {
		hosts = append(hosts, n.address)
	}
	return hosts
}

// restart kills the node that the gateway tries first, and starts it again.
func (r *rabbitMQ) restart(t *testing.T) {
	t.Helper()
	r.nodes[0].kill()
	r.start(t, r.nodes[0])
	eventually(t, r.nodes[0].name+" answers", func() bool { return answers(r.nodes[0].address) })
}

// keepsOrder is false: of a node that is gone RabbitMQ holds back what it was handing out,
// and hands out later things first.
func (r *rabbitMQ) keepsOrder() bool { return false }

func (r *rabbitMQ) keepsIdentifiers() bool { return false }
