package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"parley/server/store"
)

// damage inverts 4 KiB of a history, towards its end: there messages stand, and
// nothing that a start writes. What it returns puts the file back as it was.
func damage(t *testing.T, data string) (repair func()) {
	t.Helper()
	file := filepath.Join(data, store.FileName)
	sound, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	write := func(content []byte) {
		t.Helper()
		if err := os.WriteFile(file, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	damaged := slices.Clone(sound)
	from := len(sound) / 4 * 3
	for i := from; i < from+4096; i++ {
		damaged[i] = ^damaged[i]
	}
	write(damaged)
	return func() { write(sound) }
}

// talk stores some messages.
func (p *program) talk() {
	p.t.Helper()
	ann, bob := p.guest("Ann"), p.guest("Bob")
	for range 30 {
		ann.send(p.t, bob.user, strings.Repeat("x", 2000))
	}
}

func TestCheckVerifiesTheHistoryBesideAServerAndWithout(t *testing.T) {
	data := t.TempDir()
	p := start(t, "-data", data, "-static", pageFolder(t))
	p.talk()
	sound := func(when string) {
		t.Helper()
		exit, stdout, stderr := runs(t, nil, "check", "-data", data)
		if exit != 0 || stderr != "" || !strings.HasSuffix(stdout, "is sound: 1 conversations with 30 entries and 2 members, 2 users.\n") || strings.Count(stdout, "\n") != 1 {
			t.Errorf("%s: exit %d, out %q, err %q", when, exit, stdout, stderr)
		}
	}
	sound("beside the server")
	p.stop(syscall.SIGTERM)
	sound("without")
	repair := damage(t, data)
	exit, stdout, stderr := runs(t, nil, "check", "-data", data)
	if exit != 1 || stderr != "" || strings.Count(stdout, "\n") < 2 || !strings.Contains(stdout, "the file is damaged: ") || !strings.Contains(stdout, "restore a backup") {
		t.Errorf("damaged: exit %d, out %q, err %q", exit, stdout, stderr)
	}
	repair()
	sound("repaired")
	if exit, _, stderr := runs(t, nil, "check", "-data", t.TempDir()); exit != 1 || !strings.Contains(stderr, "a server that has run") {
		t.Errorf("an empty folder: exit %d, err %q", exit, stderr)
	}
}

func TestHealthzTellsThatTheFileIsDamaged(t *testing.T) {
	data := t.TempDir()
	p := start(t, "-data", data, "-static", pageFolder(t))
	p.talk()
	p.stop(syscall.SIGTERM)
	repair := damage(t, data)
	p = start(t, "-data", data, "-static", pageFolder(t))
	p.becomes(503, "it is damaged: see what parley check says")
	if log := p.stop(syscall.SIGTERM); !strings.Contains(log, "run parley check") {
		t.Errorf("log:\n%s", log)
	}
	repair()
	p = start(t, "-data", data, "-static", pageFolder(t))
	p.becomes(200, "ok")
	p.stop(syscall.SIGTERM)
}

func TestACheckIsOfferedAfterAnUncleanEnd(t *testing.T) {
	data := t.TempDir()
	const offer = "did not end cleanly the last time: parley check"
	first := start(t, "-data", data, "-static", pageFolder(t))
	if log := first.stop(syscall.SIGTERM); strings.Contains(log, offer) {
		t.Errorf("at the first start:\n%s", log)
	}
	second := start(t, "-data", data, "-static", pageFolder(t))
	if err := second.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	second.ended = true
	_ = second.cmd.Wait() // it was killed
	if strings.Contains(second.stderr.String(), offer) {
		t.Errorf("after a clean end:\n%s", &second.stderr)
	}
	does(t, data, "users") // is no end of a server
	if out := does(t, data, "check"); !strings.Contains(out, "is sound") {
		t.Error(out)
	}
	third := start(t, "-data", data, "-static", pageFolder(t))
	if log := third.stop(syscall.SIGTERM); strings.Count(log, offer) != 1 {
		t.Errorf("after a kill:\n%s", log)
	}
	fourth := start(t, "-data", data, "-static", pageFolder(t))
	if log := fourth.stop(syscall.SIGTERM); strings.Contains(log, offer) {
		t.Errorf("once more:\n%s", log)
	}
}
