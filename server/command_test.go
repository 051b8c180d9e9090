package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"parley/server/chat"
	"parley/server/store"
)

// person is a guest as POST /api/guests tells.
type person struct {
	ID       string `json:"user_id"`
	Token    string
	Services []int
}

// comes makes a guest, or an agent with an invite.
func (p *program) comes(name, invite string) (who person) {
	p.t.Helper()
	status, body := p.invited(name, invite)
	if status != 201 {
		p.t.Fatalf("status %d: %s", status, body)
	}
	if err := json.Unmarshal([]byte(body), &who); err != nil {
		p.t.Fatal(err)
	}
	return who
}

func (p *program) invited(name, invite string) (status int, body string) {
	p.t.Helper()
	return p.ask("POST", "/api/guests", `{"name":"`+name+`","invite":"`+invite+`"}`, "Content-Type", "application/json")
}

// firstInvite is what the server prints at its first start.
func (p *program) firstInvite() string {
	p.t.Helper()
	invite, found := strings.CutPrefix(p.line(), "Agent invite: ")
	if !found {
		p.t.Fatal("no invite was printed")
	}
	return invite
}

// does runs a command that must succeed, and returns what it prints.
func does(t *testing.T, data string, words ...string) string {
	t.Helper()
	exit, stdout, stderr := runs(t, nil, append(words, "-data", data)...)
	if exit != 0 || stderr != "" {
		t.Fatalf("parley %s: exit %d, out %q, err %q", strings.Join(words, " "), exit, stdout, stderr)
	}
	return stdout
}

// refused checks that a token opens nothing: no connection, no request and no renewal.
func (p *program) refused(who person, text string) {
	p.t.Helper()
	if _, ack, err := p.connect(who.ID, who.Token); err == nil || ack == nil || ack.ReasonCode != 0x86 || ack.Properties == nil || !strings.Contains(ack.Properties.ReasonString, text) {
		p.t.Errorf("CONNECT: %+v, %v, want 0x86 with %q", ack, err, text)
	}
	for path, method := range map[string]string{"/api/me": "GET", "/api/conversations": "GET", "/api/guests": "POST"} {
		if status, body := p.ask(method, path, "", "Authorization", "Bearer "+who.Token); status != 401 || !strings.Contains(body, text) {
			p.t.Errorf("%s: status %d, %s, want 401 with %q", path, status, body, text)
		}
	}
}

// allowed checks that a token opens everything, and returns the renewed one.
func (p *program) allowed(who person) person {
	p.t.Helper()
	if _, _, err := p.connect(who.ID, who.Token); err != nil {
		p.t.Errorf("CONNECT: %v", err)
	}
	status, body := p.ask("POST", "/api/guests", "", "Authorization", "Bearer "+who.Token)
	if status != 201 {
		p.t.Errorf("renew: status %d, %s", status, body)
	}
	if err := json.Unmarshal([]byte(body), &who); err != nil {
		p.t.Error(err)
	}
	return who
}

func (p *program) online(who person) *peer {
	p.t.Helper()
	c, _, err := p.connect(who.ID, who.Token)
	if err != nil {
		p.t.Fatal(err)
	}
	return c
}

// isEnded awaits that the server ended a connection as one not authorised.
func (c *peer) isEnded(t *testing.T, text string) {
	t.Helper()
	select {
	case code := <-c.ended:
		if code != 0x87 || !strings.Contains(c.words, text) {
			t.Errorf("DISCONNECT 0x%02X %q, want 0x87 with %q", code, c.words, text)
		}
	case <-time.After(patience):
		t.Error("the connection was not ended")
	}
}

func TestAnAgentIsRemovedFromARunningServerAtOnce(t *testing.T) {
	data := t.TempDir()
	p := start(t, "-data", data, "-static", pageFolder(t))
	invite := p.firstInvite()
	eve, ann, bob := p.comes("Eve", invite), p.comes("Ann", invite), p.comes("Bob", "")
	does(t, data, "invite") // the new one takes nobody off
	if renewed := p.allowed(eve); len(renewed.Services) == 0 {
		t.Error("the agent is none after a new invite")
	}
	eves, anns, bobs := p.online(eve), p.online(ann), p.online(bob)
	list := does(t, data, "agents")
	if lines := strings.Split(strings.TrimSpace(list), "\n"); len(lines) != 3 || !strings.HasPrefix(lines[0], "USER ") {
		t.Fatalf("agents:\n%s", list)
	}
	for _, agent := range []person{eve, ann} {
		if line := lineOf(list, agent.ID); !strings.Contains(line, " all ") || !strings.HasSuffix(line, " now") || strings.Count(line, "Z") != 2 {
			t.Errorf("the agent's line is %q", line)
		}
	}
	if out := does(t, data, "agents", "remove", eve.ID); !strings.Contains(out, "User "+eve.ID+" (Eve) is no agent any more") {
		t.Errorf("it printed %q", out)
	}
	eves.isEnded(t, "withdrew the token")
	p.refused(eve, "withdrew the token")
	if list := does(t, data, "agents"); lineOf(list, eve.ID) != "" || lineOf(list, ann.ID) == "" {
		t.Errorf("agents:\n%s", list)
	}
	if _, found := p.get("/api/users?q=&service=0", "Authorization", "Bearer "+ann.Token); strings.Contains(found, eve.ID) {
		t.Errorf("she may be handed over to: %s", found)
	}
	for name, c := range map[string]*peer{"the other agent": anns, "a guest": bobs} {
		if len(c.ended) != 0 {
			t.Errorf("%s lost the connection", name)
		}
	}
	p.allowed(ann)
	if out := does(t, data, "agents", "remove", bob.ID); !strings.Contains(out, "(Bob) was no agent") {
		t.Errorf("it printed %q", out)
	}
	bobs.isEnded(t, "withdrew")
	p.stop(syscall.SIGTERM)
	again := start(t, "-data", data, "-static", pageFolder(t))
	again.refused(eve, "withdrew the token")
	again.stop(syscall.SIGTERM)
}

func lineOf(list, user string) string {
	for line := range strings.Lines(list) {
		if strings.HasPrefix(line, user+" ") {
			return strings.TrimSuffix(line, "\n")
		}
	}
	return ""
}

func TestAUserIsBlockedOnARunningServerAtOnceAndUnblocked(t *testing.T) {
	data := t.TempDir()
	p := start(t, "-data", data, "-static", pageFolder(t))
	eve, bob := p.comes("Eve", p.firstInvite()), p.comes("Bob", "")
	eves, bobs := p.online(eve), p.online(bob)
	if out := does(t, data, "users"); out != "Nobody is blocked.\n" {
		t.Errorf("it printed %q", out)
	}
	if out := does(t, data, "users", "block", eve.ID); out != "User "+eve.ID+" (Eve) is blocked.\n" {
		t.Errorf("it printed %q", out)
	}
	eves.isEnded(t, "you are blocked")
	p.refused(eve, "you are blocked")
	if list := does(t, data, "users"); !strings.Contains(lineOf(list, eve.ID), "Eve") || strings.Count(list, "\n") != 2 {
		t.Errorf("users:\n%s", list)
	}
	if out := does(t, data, "agents"); out != "There are no agents.\n" {
		t.Errorf("it printed %q", out)
	}
	if out := does(t, data, "users", "block", eve.ID); !strings.Contains(out, "was blocked already") {
		t.Errorf("it printed %q", out)
	}
	if len(bobs.ended) != 0 {
		t.Error("somebody else lost the connection")
	}
	p.allowed(bob)
	if out := does(t, data, "users", "unblock", eve.ID); !strings.Contains(out, "(Eve) is not blocked any more") {
		t.Errorf("it printed %q", out)
	}
	p.allowed(eve)
	if out := does(t, data, "users", "unblock", eve.ID); !strings.Contains(out, "was not blocked") {
		t.Errorf("it printed %q", out)
	}
	p.stop(syscall.SIGTERM)
}

// What is decided while no server runs counts when one starts.
func TestCommandsWorkWhereNoServerRuns(t *testing.T) {
	data := filepath.Join(t.TempDir(), strings.Repeat("a long path/", 20))
	p := start(t, "-data", data, "-static", pageFolder(t))
	invite := p.firstInvite()
	eve, ann, bob := p.comes("Eve", invite), p.comes("Ann", invite), p.comes("Bob", "")
	if out := does(t, data, "users"); out != "Nobody is blocked.\n" { // a long path is none to a running server either
		t.Errorf("it printed %q", out)
	}
	p.stop(syscall.SIGTERM)
	if _, err := os.Stat(filepath.Join(data, doorFile)); err == nil {
		t.Error("the door is left behind")
	}
	if line := lineOf(does(t, data, "agents"), eve.ID); !strings.Contains(line, "Eve") {
		t.Errorf("the agent's line is %q", line)
	}
	does(t, data, "agents", "remove", eve.ID)
	does(t, data, "users", "block", bob.ID)
	renewed := strings.TrimSpace(strings.TrimPrefix(does(t, data, "invite", "-count", "1"), "Agent invite: "))
	if list := does(t, data, "users"); lineOf(list, bob.ID) == "" {
		t.Errorf("users:\n%s", list)
	}
	again := start(t, "-data", data, "-static", pageFolder(t))
	again.refused(eve, "withdrew the token")
	again.refused(bob, "you are blocked")
	again.allowed(ann)
	if status, body := again.invited("Old", invite); status != 403 || !strings.Contains(body, "not this server's") {
		t.Errorf("the old invite: status %d, %s", status, body)
	}
	again.comes("New", renewed)
	if status, body := again.invited("Late", renewed); status != 403 || !strings.Contains(body, "used up") {
		t.Errorf("the invite of one: status %d, %s", status, body)
	}
	again.stop(syscall.SIGTERM)
}

// A killed server leaves its door behind, with nobody there.
func TestCommandsWorkAfterAServerWasKilled(t *testing.T) {
	data := t.TempDir()
	p := start(t, "-data", data, "-static", pageFolder(t))
	eve := p.comes("Eve", p.firstInvite())
	if err := p.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	p.ended = true
	_ = p.cmd.Wait() // it was killed
	if out := does(t, data, "agents", "remove", eve.ID); !strings.Contains(out, "no agent any more") {
		t.Errorf("it printed %q", out)
	}
	again := start(t, "-data", data, "-static", pageFolder(t))
	again.refused(eve, "withdrew")
	does(t, data, "users") // reaches the new one
	again.stop(syscall.SIGTERM)
}

func TestAnInviteHasATimeAndANumber(t *testing.T) {
	data := t.TempDir()
	p := start(t, "-data", data, "-static", pageFolder(t), "-guests-per-hour", "0") // as many as come until it expires
	short := strings.TrimSpace(strings.TrimPrefix(does(t, data, "invite", "-expires", "1s", "-count", "1000"), "Agent invite: "))
	deadline := time.Now().Add(patience)
	for {
		status, body := p.invited("Eve", short)
		if status == 403 && strings.Contains(body, "expired") {
			break
		}
		if status != 201 || time.Now().After(deadline) {
			t.Fatalf("status %d, %s, want 201 until it expires", status, body)
		}
	}
	two := strings.TrimSpace(strings.TrimPrefix(does(t, data, "invite", "-count", "2"), "Agent invite: "))
	for i, want := range []int{201, 201, 403} {
		if status, body := p.invited("Eve", two); status != want {
			t.Errorf("agent %d: status %d, %s, want %d", i+1, status, body, want)
		}
	}
	p.stop(syscall.SIGTERM)
}

func TestTheInviteIsPrintedAtTheFirstStartAlone(t *testing.T) {
	data := t.TempDir()
	first := start(t, "-data", data, "-static", pageFolder(t))
	invite := first.firstInvite()
	if line := first.line(); !strings.Contains(line, "100 agents within 30 days") {
		t.Errorf("it is printed as %q", line)
	}
	first.stop(syscall.SIGTERM)
	second := start(t, "-data", data, "-static", pageFolder(t))
	second.comes("Eve", invite) // goes on
	if err := second.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	for second.stdout.Scan() {
		if strings.Contains(second.stdout.Text(), "nvite") {
			t.Errorf("it prints %q at the second start", second.stdout.Text())
		}
	}
	second.ended = true
	if err := second.cmd.Wait(); err != nil || strings.Contains(second.stderr.String(), invite) {
		t.Errorf("%v, log:\n%s", err, &second.stderr)
	}
}

func TestAnInviteOfAnEarlierVersionGoesOnUntilANewOne(t *testing.T) {
	data, old := t.TempDir(), strings.Repeat("a", 52)
	if err := os.WriteFile(filepath.Join(data, inviteFile), []byte(old+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	p := start(t, "-data", data, "-static", pageFolder(t))
	p.comes("Eve", old)
	p.comes("Ann", old)
	does(t, data, "invite")
	if status, _ := p.invited("Late", old); status != 403 {
		t.Errorf("after a new one: status %d", status)
	}
	p.stop(syscall.SIGTERM)
}

// Where tokens come from elsewhere, an agent is removed all the same, and comes
// back with a token that was issued later.
func TestAnAgentOfAnotherBackendComesBackWithANewToken(t *testing.T) {
	key := filepath.Join(t.TempDir(), "key")
	secret := strings.Repeat("k", 32)
	if err := os.WriteFile(key, []byte(secret), 0o600); err != nil {
		t.Fatal(err)
	}
	data := t.TempDir()
	p := start(t, "-data", data, "-static", pageFolder(t), "-jwt-key", key)
	mint := func(issued time.Time) string {
		token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{"sub": "7", "name": "Eve", "services": []int{1}, "iat": issued.Unix(), "exp": time.Now().Add(time.Hour).Unix()}).SignedString([]byte(secret))
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	old := mint(time.Now())
	c, _, err := p.connect("7", old)
	if err != nil {
		t.Fatal(err)
	}
	does(t, data, "agents", "remove", "7")
	c.isEnded(t, "withdrew")
	if status, _ := p.get("/api/me", "Authorization", "Bearer "+old); status != 401 {
		t.Errorf("the old token: status %d", status)
	}
	later := mint(time.Now().Add(2 * time.Second)) // of the second after, without waiting for it
	if _, ack, err := p.connect("7", later); err != nil {
		t.Errorf("the new token: %+v, %v", ack, err)
	}
	if line := lineOf(does(t, data, "agents"), "7"); !strings.Contains(line, "Eve") {
		t.Errorf("the agent's line is %q", line)
	}
	exit, _, stderr := runs(t, nil, "invite", "-data", data)
	if exit != 1 || !strings.Contains(stderr, "-jwt-key") {
		t.Errorf("an invite: exit %d, %q", exit, stderr)
	}
	p.stop(syscall.SIGTERM)
}

func TestACommandThatCannotBeDoneSaysWhy(t *testing.T) {
	data := t.TempDir()
	p := start(t, "-data", data, "-static", pageFolder(t))
	for name, test := range map[string]struct {
		args []string
		exit int
		text string
	}{
		"no user":              {[]string{"agents", "remove"}, 2, "parley agents remove USER"},
		"a name for an id":     {[]string{"users", "block", "Eve"}, 2, "no user id"},
		"user 0":               {[]string{"users", "block", "0"}, 2, "no user id"},
		"a user too many":      {[]string{"users", "block", "1", "2"}, 2, `"2"`},
		"an unknown word":      {[]string{"agents", "fire", "1"}, 2, `"1"`},
		"a user who never was": {[]string{"users", "unblock", "404"}, 1, "there is no user 404"},
		"an invite for nobody": {[]string{"invite", "-count", "0"}, 2, "-count is 0"},
		"an invite of no time": {[]string{"invite", "-expires", "0s"}, 2, "-expires is 0s"},
		"an invite for ever":   {[]string{"invite", "-expires", "9000h"}, 2, "-expires is 9000h"},
		"a strange time":       {[]string{"invite", "-expires", "tomorrow"}, 2, "-expires"},
		"no folder":            {[]string{"agents", "-data", filepath.Join(data, "x")}, 1, "a server that has run"},
	} {
		exit, stdout, stderr := runs(t, []string{"PARLEY_DATA=" + data}, test.args...)
		if exit != test.exit || stdout != "" || !strings.HasPrefix(stderr, "parley: "+test.args[0]) || !strings.Contains(stderr, test.text) || strings.Count(stderr, "\n") != 1 {
			t.Errorf("%s: exit %d, out %q, err %q, want %d with %q", name, exit, stdout, stderr, test.exit, test.text)
		}
	}
	p.stop(syscall.SIGTERM)
}

func TestHelpListsTheCommands(t *testing.T) {
	_, stdout, _ := runs(t, nil, "-h")
	for _, c := range commands {
		if line := strings.TrimSpace("parley " + c.words + " " + c.takes); !strings.Contains(stdout, line) || !strings.Contains(stdout, c.about) {
			t.Errorf("%q is missing in\n%s", line, stdout)
		}
	}
	if exit, again, stderr := runs(t, nil, "agents", "-h"); exit != 0 || again != stdout || stderr != "" {
		t.Errorf("exit %d, out %q, err %q", exit, again, stderr)
	}
}

// Whoever cannot read the data folder cannot give orders.
func TestTheDoorOpensForTheOwnerOfTheFolderAlone(t *testing.T) {
	folder := t.TempDir()
	var orders atomic.Int32
	d, err := openDoor(folder, func(context.Context, order) (report, error) { orders.Add(1); return report{}, nil }, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- d.Serve(d.listener) }()
	file := filepath.Join(folder, doorFile)
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 && runtime.GOOS != "windows" {
		t.Errorf("%v, %v: others can read it", info, err)
	}
	if host := d.listener.Addr().String(); !strings.HasPrefix(host, "127.0.0.1:") {
		t.Errorf("it is at %s", host)
	}
	if _, err := knock(t.Context(), folder, order{Command: "agents"}); err != nil || orders.Load() != 1 {
		t.Errorf("%d orders, %v", orders.Load(), err)
	}
	for _, wrong := range []string{"", "x"} {
		if err := (place{d.listener.Addr().String(), wrong}).write(file); err != nil {
			t.Fatal(err)
		}
		if _, err := knock(t.Context(), folder, order{Command: "agents"}); err == nil || orders.Load() != 1 {
			t.Errorf("with %q: %d orders, %v", wrong, orders.Load(), err)
		}
	}
	_ = d.Close()
	<-served
	if err := d.close(); err != nil {
		t.Error(err)
	}
	if left, err := os.ReadDir(folder); err != nil || len(left) != 0 {
		t.Errorf("%v are left, %v", left, err)
	}
}

// A command waits for a server that is about to open its door.
func TestACommandWaitsForAServerThatStarts(t *testing.T) {
	folder := t.TempDir()
	db, err := store.Open(t.Context(), folder)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() {
		r, err := carryOut(t.Context(), site{data: folder}, order{Command: "agents"})
		if err == nil && (len(r.Users) != 1 || r.Users[0].ID != 7) {
			err = fmt.Errorf("users %v", r.Users)
		}
		done <- err
	}()
	time.Sleep(300 * time.Millisecond) // nobody answers so far
	d, err := openDoor(folder, func(context.Context, order) (report, error) {
		return report{Users: []listed{{User: chat.User{ID: 7}}}}, nil
	}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = d.Serve(d.listener) }() // ends with Close
	if err := <-done; err != nil {
		t.Error(err)
	}
	_ = d.Close()
	if err := d.close(); err != nil {
		t.Error(err)
	}
	if err := db.Close(); err != nil {
		t.Error(err)
	}
}

func TestAnOrderOfAnotherVersionIsRefusedWithWords(t *testing.T) {
	o := new(operator)
	if _, err := o.do(t.Context(), order{Command: "promote"}); err == nil || !strings.Contains(err.Error(), `"promote"`) {
		t.Error(err)
	}
}
