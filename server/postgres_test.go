//go:build unix

package main

import (
	"errors"
	"io"
	"net/http"
	"path/filepath"
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
	address, data, own := postgrestest.Database(t), t.TempDir(), freeAddress(t)
	p := start(t, "-db", address, "-data", data, "-metrics", own)
	ada, bob := p.guest("Ada"), p.guest("Bob")
	if ack := ada.send(t, bob.user, "kept in PostgreSQL"); ack[proto.PropertySeq] != "1" {
		t.Errorf("the message is acknowledged with %v, want seq 1", ack)
	}
	if m := within(t, "the message", bob.arrived); m.GetContent() != "kept in PostgreSQL" {
		t.Errorf("arrived: %v", m)
	}
	answer, err := http.Get("http://" + own + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	shown, err := io.ReadAll(answer.Body)
	if err = errors.Join(err, answer.Body.Close()); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{
		"parley_commit_seconds_count", "parley_commit_requests_count", "parley_postgres_commit_seconds_count", "parley_postgres_lock_wait_seconds_count",
		"parley_postgres_log_lag_seconds_count", "parley_postgres_nodes", "parley_postgres_lease_renewed_timestamp_seconds", "parley_postgres_log_followed_timestamp_seconds",
	} {
		if !strings.Contains(string(shown), "\n"+name+" ") {
			t.Errorf("the metrics do not say %s", name)
		}
	}
	// Who sends while the database is away waits until it is back.
	begin := postgrestest.Stop(t)
	acknowledged := make(chan map[string]string, 1)
	go func() { acknowledged <- ada.send(t, bob.user, "sent meanwhile") }()
	begin()
	if ack := within(t, "an acknowledgement", acknowledged); ack[proto.PropertySeq] != "2" {
		t.Errorf("the message is acknowledged with %v, want seq 2", ack)
	}
	if m := within(t, "the message", bob.arrived); m.GetContent() != "sent meanwhile" {
		t.Errorf("arrived: %v", m)
	}
	if exit, stdout, stderr := runs(t, []string{"PARLEY_DB=" + address}, "users"); exit != 0 || stdout != "Nobody is blocked.\n" {
		t.Errorf("users exits with %d and says %q %q", exit, stdout, stderr)
	}
	if err := p.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	p.ended = true
	_ = p.cmd.Wait()
	if exit, stdout, stderr := runs(t, nil, "users", "block", strconv.FormatUint(ada.user, 10), "-db", address); exit != 0 || !strings.Contains(stdout, "(Ada) is blocked.") {
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

// A history goes from SQLite to PostgreSQL and back: in the same epoch, with everything in
// it, and not into another.
func TestAHistoryIsCopiedBetweenSQLiteAndPostgreSQL(t *testing.T) {
	data, address := t.TempDir(), postgrestest.Database(t)
	p := start(t, "-data", data)
	ada, bob := p.guest("Ada Lovelace"), p.guest("Bob")
	agent := p.comes("Agent", p.firstInvite())
	for _, text := range []string{"one", "two", "three"} {
		ada.send(t, bob.user, text)
	}
	p.stop(syscall.SIGTERM)

	exit, there, stderr := runs(t, nil, "copy", "-from", data, "-to", address)
	if exit != 0 || !strings.Contains(there, "messages               3 rows") {
		t.Fatalf("copy exits with %d and says %q %q", exit, there, stderr)
	}
	p = start(t, "-data", data, "-db", address)
	path := "/api/conversations/" + proto.DirectKey(ada.user, bob.user).String() + "/messages"
	if _, page := p.get(path, "Authorization", "Bearer "+bob.token); !strings.Contains(page, `"three"`) || !strings.Contains(page, `"head_seq":"3"`) {
		t.Errorf("the history is %s", page)
	}
	if _, people := p.get("/api/users?q=lovel", "Authorization", "Bearer "+bob.token); !strings.Contains(people, "Ada Lovelace") {
		t.Errorf("people are %s", people)
	}
	if log := p.stop(syscall.SIGTERM); strings.Contains(log, "new epoch") {
		t.Error(log)
	}
	if agents := runsWell(t, "agents", "-db", address); !strings.Contains(agents, agent.ID) {
		t.Errorf("agents are %s", agents)
	}

	if exit, _, stderr := runs(t, nil, "copy", "-from", data, "-to", address); exit != 1 || !strings.Contains(stderr, "nothing was copied: ") || !strings.Contains(stderr, "there is a history already") {
		t.Errorf("copy into a history exits with %d and says %q", exit, stderr)
	}
	back := filepath.Join(t.TempDir(), "back")
	again := runsWell(t, "copy", "-from", address, "-to", back)
	for _, table := range []string{"conversations", "members", "messages", "devices"} {
		if want := lineOf(there, table); want == "" || lineOf(again, table) != want {
			t.Errorf("copied back is %q, want %q", lineOf(again, table), want)
		}
	}
	if sound := runsWell(t, "check", "-data", back); !strings.Contains(sound, "is sound: 1 conversations with 3 entries") {
		t.Errorf("check says %s", sound)
	}
	p = start(t, "-data", back)
	if log := p.stop(syscall.SIGTERM); strings.Contains(log, "new epoch") {
		t.Error(log)
	}
}

// runsWell runs a command that must succeed, and returns what it prints.
func runsWell(t *testing.T, args ...string) string {
	t.Helper()
	exit, stdout, stderr := runs(t, nil, args...)
	if exit != 0 {
		t.Fatalf("parley %v exits with %d and says %q", args[0], exit, stderr)
	}
	return stdout
}
