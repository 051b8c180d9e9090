//go:build unix

package main

import (
	"strconv"
	"strings"
	"syscall"
	"testing"

	"parley/proto"
	"parley/server/store/postgres/postgrestest"
)

func runTests(m *testing.M) int { return postgrestest.Run(m) }

// A server on PostgreSQL serves guests, messages, history and the operator's commands, and
// goes on where it was killed.
func TestItServesFromPostgreSQL(t *testing.T) {
	address, data := postgrestest.Database(t), t.TempDir()
	p := start(t, "-db", address, "-data", data)
	ada, bob := p.guest("Ada"), p.guest("Bob")
	if ack := ada.send(t, bob.user, "kept in PostgreSQL"); ack[proto.PropertySeq] != "1" {
		t.Errorf("the message is acknowledged with %v, want seq 1", ack)
	}
	if m := within(t, "the message", bob.arrived); m.GetContent() != "kept in PostgreSQL" {
		t.Errorf("arrived: %v", m)
	}
	other := t.TempDir()
	exit, _, stderr := runs(t, nil, "-listen", "127.0.0.1:0", "-db", address, "-data", other)
	if exit != 1 || !strings.HasPrefix(stderr, "parley: -db: another server uses the database: stop it") || strings.Count(stderr, "\n") != 1 {
		t.Errorf("a second server exits with %d and says %q", exit, stderr)
	}
	if exit, stdout, stderr := runs(t, []string{"PARLEY_DB=" + address}, "users", "-data", data); exit != 0 || stdout != "Nobody is blocked.\n" {
		t.Errorf("users exits with %d and says %q %q", exit, stdout, stderr)
	}
	if err := p.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	p.ended = true
	_ = p.cmd.Wait()
	if exit, stdout, stderr := runs(t, nil, "users", "block", strconv.FormatUint(ada.user, 10), "-data", data, "-db", address); exit != 0 || !strings.Contains(stdout, "(Ada) is blocked.") {
		t.Errorf("users block exits with %d and says %q %q", exit, stdout, stderr)
	}
	p = start(t, "-db", address, "-data", data)
	status, page := p.get("/api/conversations/"+proto.DirectKey(ada.user, bob.user).String()+"/messages", "Authorization", "Bearer "+bob.token)
	if status != 200 || !strings.Contains(page, "kept in PostgreSQL") {
		t.Errorf("the history is %d %s", status, page)
	}
	if log := p.stop(syscall.SIGTERM); strings.Contains(log, "level=ERROR") || strings.Contains(log, "new epoch") {
		t.Error(log)
	}
}
