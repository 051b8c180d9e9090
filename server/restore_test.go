package main

import (
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	protobuf "google.golang.org/protobuf/proto"

	"parley/proto"
	"parley/server/store"
)

// reader is a client that keeps what it was told, as the browser does: a seq that
// it has it asks for no more, until the epoch is another one.
type reader struct {
	t     *testing.T
	token string // of the user
	key   string
	given map[string]string // by epoch and seq, over all servers' lives: what they are

	epoch, since string
	stored       map[string]string // by seq: what
}

type page struct {
	Epoch    string
	Head     string `json:"head_seq"`
	Messages []struct {
		Seq, Content string
		ID           string `json:"message_id"`
		Seen         string `json:"seen_seq"`
	}
}

func (r *reader) ask(p *program, path string, answer any) {
	r.t.Helper()
	status, body := p.get(path, "Authorization", "Bearer "+r.token)
	if status != 200 {
		r.t.Fatalf("%s: status %d: %s", path, status, body)
	}
	if err := json.Unmarshal([]byte(body), answer); err != nil {
		r.t.Fatal(err)
	}
}

// messages asks the history, and holds that no (epoch, seq) is two things.
func (r *reader) messages(p *program, after string) (answer page) {
	r.t.Helper()
	r.ask(p, "/api/conversations/"+r.key+"/messages?limit=500&after="+after, &answer)
	for _, m := range answer.Messages {
		at, what := answer.Epoch+" "+m.Seq, m.ID+" "+m.Content
		if before, known := r.given[at]; known && before != what {
			r.t.Errorf("epoch and seq %s were %q and are %q", at, before, what)
		}
		r.given[at] = what
	}
	return answer
}

// catchUp asks what changed, and then for what is not stored.
func (r *reader) catchUp(p *program) {
	r.t.Helper()
	var rows struct {
		Epoch, Token  string
		Conversations []struct {
			Key  string
			Head string `json:"head_seq"`
		}
	}
	r.ask(p, "/api/conversations?token="+url.QueryEscape(r.since), &rows)
	if rows.Epoch != r.epoch {
		r.epoch, r.stored = rows.Epoch, make(map[string]string)
	}
	r.since = rows.Token
	for _, row := range rows.Conversations {
		after := 0
		for r.stored[strconv.Itoa(after+1)] != "" {
			after++
		}
		if head, err := strconv.Atoi(row.Head); err != nil || row.Key != r.key || head <= after {
			continue
		}
		answer := r.messages(p, strconv.Itoa(after))
		if answer.Epoch != r.epoch {
			r.t.Fatalf("the rows are of epoch %s, the page of %s", r.epoch, answer.Epoch)
		}
		for _, m := range answer.Messages {
			if r.stored[m.Seq] == "" {
				r.stored[m.Seq] = m.Content
			}
		}
	}
}

// hasAll holds that what is stored is what the server has, and all of what was acknowledged.
func (r *reader) hasAll(p *program, acknowledged map[string]string) {
	r.t.Helper()
	all := r.messages(p, "0")
	if len(all.Messages) != len(r.stored) || all.Epoch != r.epoch {
		r.t.Errorf("%d messages are stored of epoch %s, and the server has %d of %s", len(r.stored), r.epoch, len(all.Messages), all.Epoch)
	}
	for _, m := range all.Messages {
		if r.stored[m.Seq] != m.Content {
			r.t.Errorf("%s is stored as %q, and on the server it is %q", m.Seq, r.stored[m.Seq], m.Content)
		}
	}
	for seq, content := range acknowledged {
		if r.stored[seq] != content {
			r.t.Errorf("%q was acknowledged as %s, where %q is stored", content, seq, r.stored[seq])
		}
	}
}

// copyFolder copies the files of a folder, into those that are there.
func copyFolder(t *testing.T, from, to string) {
	t.Helper()
	files, err := os.ReadDir(from)
	if err == nil {
		err = os.MkdirAll(to, 0o700)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		copyFile(t, filepath.Join(from, f.Name()), filepath.Join(to, f.Name()))
	}
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	content, err := os.ReadFile(from)
	if err == nil {
		err = os.WriteFile(to, content, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// kill ends the program without a chance to do anything.
func (p *program) kill() {
	p.t.Helper()
	if err := p.cmd.Process.Kill(); err != nil {
		p.t.Fatal(err)
	}
	p.ended = true
	_ = p.cmd.Wait() // it was killed
}

func TestWhoeverComesBackAfterABackupWasPutBackSeesEveryAcknowledgedMessage(t *testing.T) {
	const newEpoch = "may be a backup that was put back: a new epoch begins"
	const withoutLog = "the history of a server that ran, without its log, with which some of it goes"
	alone := func(t *testing.T, backup, data string) {
		copyFile(t, filepath.Join(backup, store.FileName), filepath.Join(data, store.FileName))
	}
	inFiles := func(t *testing.T, backup, data string) { copyFolder(t, backup, data) }
	for _, test := range []struct {
		name string
		copy func(t *testing.T, data, backup string) // beside the server; nil: after it stopped
		kill bool                                    // at the end of what is undone
		put  func(t *testing.T, backup, data string)
		// atStart is whether the server notices by itself, and not only when somebody
		// comes who knows what it does not.
		atStart bool
	}{
		{"the folder of a server that was stopped", nil, false, func(t *testing.T, backup, data string) {
			if err := os.RemoveAll(data); err != nil {
				t.Fatal(err)
			}
			copyFolder(t, backup, data)
		}, true},
		{"its files, over the newer ones", nil, false, inFiles, true},
		{"the files of a server that ran, over the newer ones", copyFolder, false, inFiles, true},
		{"the history alone", nil, false, alone, true},
		{withoutLog, copyFolder, false, alone, true},
		{"by parley backup and parley restore", func(t *testing.T, data, backup string) {
			if out := does(t, data, "backup", backup); !strings.Contains(out, backup+" is sound: 1 conversations with 3 entries") {
				t.Errorf("backup says %q", out)
			}
		}, true, func(t *testing.T, backup, data string) {
			if out := does(t, data, "restore", backup); !strings.Contains(out, "in a new epoch: 1 conversations with 3 entries") || !strings.Contains(out, "What was there is kept in "+data) {
				t.Errorf("restore says %q", out)
			}
		}, false}, // it did
		// As a snapshot of the whole disk: nothing outside of the folder moved, and
		// nothing in it is newer.
		{"a snapshot of a server that ran", copyFolder, true, inFiles, false},
	} {
		for _, later := range []int{0, 3, 4, 9} { // messages after it was put back; 4 are undone
			if later > 0 && later < 9 && !test.kill {
				continue
			}
			t.Run(fmt.Sprintf("%s, %d later", test.name, later), func(t *testing.T) {
				t.Parallel()
				data, backup := filepath.Join(t.TempDir(), "data"), filepath.Join(t.TempDir(), "backup")
				options := []string{"-data", data, "-static", pageFolder(t)}
				p := start(t, options...)
				ann, bob := p.comes("Ann", ""), p.comes("Bob", "")
				acknowledged := make(map[string]string) // content by seq, of what is there
				say := func(format string, n int) {
					c, to := p.online(ann), id(t, bob.ID)
					c.user = id(t, ann.ID)
					for i := range n {
						text := fmt.Sprintf(format, i)
						acknowledged[c.send(t, to, text)[proto.PropertySeq]] = text
					}
				}
				say("kept %d", 3)
				r := &reader{t: t, token: bob.Token, key: proto.DirectKey(id(t, ann.ID), id(t, bob.ID)).String(), given: make(map[string]string)}
				r.catchUp(p)
				r.hasAll(p, acknowledged)
				if test.copy != nil {
					test.copy(t, data, backup)
				} else {
					p.stop(syscall.SIGTERM)
					copyFolder(t, data, backup)
					p = start(t, options...)
				}
				kept := fmt.Sprint(acknowledged)
				say("undone %d", 4)
				r.catchUp(p)
				r.hasAll(p, acknowledged)
				for seq, text := range acknowledged {
					if strings.HasPrefix(text, "undone") {
						delete(acknowledged, seq)
					}
				}
				if fmt.Sprint(acknowledged) != kept {
					t.Fatalf("acknowledged: %v", acknowledged)
				}
				if test.kill {
					p.kill()
				} else {
					p.stop(syscall.SIGTERM)
				}
				test.put(t, backup, data)
				if test.name == withoutLog {
					clear(acknowledged)
				}

				p = start(t, options...)
				say("new %d", later)
				if test.atStart { // and nobody has come who could have told
					c := p.online(bob)
					c.user = id(t, bob.ID)
					text, epoch, err := "I saw them all", uint64(0), error(nil)
					if epoch, err = strconv.ParseUint(r.epoch, 10, 64); err != nil {
						t.Fatal(err)
					}
					seq := c.publish(t, proto.BranchMessage, &proto.Message{
						MessageId: new(uint64), SenderId: new(uint64), CreateTime: new(uint64), Content: &text,
						ReceiverId: protobuf.Uint64(id(t, ann.ID)), SeenSeq: protobuf.Uint64(7), Epoch: &epoch,
					})[proto.PropertySeq]
					acknowledged[seq] = text
					c.publish(t, proto.BranchMark, &proto.Mark{Key: &r.key, ReadSeq: protobuf.Uint64(7), DeliveredSeq: protobuf.Uint64(7), Epoch: &epoch})
				}
				before := r.epoch
				r.catchUp(p)
				r.hasAll(p, acknowledged)
				if r.epoch == before {
					t.Errorf("the epoch is still %s", before)
				}
				if test.atStart {
					all := r.messages(p, "0").Messages
					if last := all[len(all)-1]; last.Seen != "0" {
						t.Errorf("its author is said to have seen %s", last.Seen)
					}
				}
				begun := r.epoch
				say("newer %d", 2)
				r.catchUp(p)
				r.hasAll(p, acknowledged)
				if r.epoch != begun {
					t.Errorf("the epoch was %s and became %s", begun, r.epoch)
				}
				log := p.stop(syscall.SIGTERM)
				if strings.Contains(log, newEpoch) != test.atStart {
					t.Errorf("log:\n%s", log)
				}
				if out := does(t, data, "check"); !strings.Contains(out, "is sound") {
					t.Error(out)
				}
			})
		}
	}
}

func id(t *testing.T, decimal string) uint64 {
	t.Helper()
	n, ok := proto.ParseID(decimal)
	if !ok {
		t.Fatalf("%q is no id", decimal)
	}
	return n
}

func TestABackupTakesTheGuestsAlong(t *testing.T) {
	data, other, file := t.TempDir(), filepath.Join(t.TempDir(), "data"), filepath.Join(t.TempDir(), "backup")
	p := start(t, "-data", data, "-static", pageFolder(t))
	invite := p.firstInvite()
	ann := p.comes("Ann", "")
	does(t, data, "backup", file)
	p.stop(syscall.SIGTERM)
	if out := does(t, other, "restore", file); strings.Contains(out, "What was there") {
		t.Errorf("restore says %q", out)
	}
	p = start(t, "-data", other, "-static", pageFolder(t))
	p.allowed(ann)
	if agent := p.comes("Agent", invite); len(agent.Services) == 0 {
		t.Errorf("the invite makes %+v", agent)
	}
	p.stop(syscall.SIGTERM)
}

func TestAnOperatorBeginsANewEpochOfARunningServer(t *testing.T) {
	data := t.TempDir()
	p := start(t, "-data", data, "-static", pageFolder(t))
	ann, bob := p.guest("Ann"), p.guest("Bob")
	ann.send(t, bob.user, "hello")
	r := &reader{t: t, token: bob.token, key: proto.DirectKey(ann.user, bob.user).String(), given: make(map[string]string)}
	r.catchUp(p)
	before := r.epoch
	bob.publish(t, proto.BranchSync, &proto.SyncRequest{})
	within(t, "the answer to a sync", bob.synced)
	if out := does(t, data, "epoch"); out != "A new epoch began: clients load the history anew.\n" {
		t.Errorf("it says %q", out)
	}
	told := within(t, "the notice", bob.synced)
	if !told.GetSync() || fmt.Sprint(told.GetEpoch()) == before {
		t.Errorf("Bob is told %v", told)
	}
	r.catchUp(p)
	r.hasAll(p, map[string]string{"1": "hello"})
	if r.epoch != fmt.Sprint(told.GetEpoch()) {
		t.Errorf("the epoch is %s, and %d was told", r.epoch, told.GetEpoch())
	}
	p.stop(syscall.SIGTERM)
	does(t, data, "epoch")
	p = start(t, "-data", data, "-static", pageFolder(t))
	r.catchUp(p)
	if r.epoch == fmt.Sprint(told.GetEpoch()) {
		t.Error("where no server ran, no epoch began")
	}
	p.stop(syscall.SIGTERM)
}

func TestABackupOrARestoreThatCannotBeDoneSaysWhy(t *testing.T) {
	data, file := t.TempDir(), filepath.Join(t.TempDir(), "backup")
	p := start(t, "-data", data, "-static", pageFolder(t))
	p.talk()
	does(t, data, "backup", file)
	for words, text := range map[string]string{
		"backup " + file:               "is there already",
		"backup " + file + "/x":        "not a directory",
		"restore " + file:              "another server uses the data folder",
		"restore " + file + " " + file: "unexpected argument",
		"backup":                       "name the file: parley backup FILE",
		"restore":                      "name the file: parley restore FILE",
		"epoch 7":                      "unexpected argument",
	} {
		exit, stdout, stderr := runs(t, nil, append(strings.Fields(words), "-data", data)...)
		if exit == 0 || stdout != "" || !strings.Contains(stderr, text) || strings.Count(stderr, "\n") != 1 {
			t.Errorf("parley %s: exit %d, out %q, err %q, want %q", words, exit, stdout, stderr, text)
		}
	}
	p.stop(syscall.SIGTERM)
	damage(t, data)
	if exit, stdout, _ := runs(t, nil, "backup", file+"2", "-data", data); exit != 1 || strings.Contains(stdout, "is sound") {
		t.Errorf("of a damaged history: exit %d, out %q", exit, stdout)
	}
	if _, err := os.Stat(file + "2"); err == nil {
		t.Error("it was written")
	}
	does(t, data, "restore", file)
	if out := does(t, data, "check"); !strings.Contains(out, "is sound: 1 conversations with 30 entries") {
		t.Error(out)
	}
}

// A command may be the first to open what was put back.
func TestACommandSaysThatItBeganANewEpoch(t *testing.T) {
	data, other := t.TempDir(), filepath.Join(t.TempDir(), "data")
	start(t, "-data", data, "-static", pageFolder(t)).stop(syscall.SIGTERM)
	copyFolder(t, data, other)
	exit, stdout, stderr := runs(t, nil, "agents", "-data", other)
	if exit != 0 || stdout != "There are no agents.\n" || !strings.Contains(stderr, "a new epoch began") || !strings.Contains(stderr, "parley.db is a copy") {
		t.Errorf("exit %d, out %q, err %q", exit, stdout, stderr)
	}
	does(t, other, "agents") // says nothing of it any more
	does(t, data, "agents")
}
