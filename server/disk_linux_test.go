package main

import (
	"bytes"
	"net/http"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// A disk without room is played by a limit on the size of files.
func TestHealthzTellsThatTheDiskIsFullAndThatThereIsRoomAgain(t *testing.T) {
	p := start(t, "-data", t.TempDir(), "-static", pageFolder(t))
	p.becomes(200, "ok")
	var before unix.Rlimit
	if err := unix.Prlimit(p.cmd.Process.Pid, unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: 4096, Max: unix.RLIM_INFINITY}, &before); err != nil {
		t.Fatal(err)
	}
	p.becomes(503, "cannot be written: see that its folder may be written to and the disk has room")
	if status, _ := p.ask("POST", "/api/guests", `{"name":"Ann"}`, "Content-Type", "application/json"); status != 503 {
		t.Errorf("a guest who cannot be stored: status %d", status)
	}
	if err := unix.Prlimit(p.cmd.Process.Pid, unix.RLIMIT_FSIZE, &before, nil); err != nil {
		t.Fatal(err)
	}
	p.becomes(200, "ok")
	p.comes("Ann", "")
	if log := p.stop(syscall.SIGTERM); strings.Count(log, "the history cannot be written") != 1 || !strings.Contains(log, "the history can be written again") {
		t.Errorf("log:\n%s", log)
	}
}

// A room is where files are kept, of which there can be none left.
type room struct {
	folder   string
	fill     func(*program) // leaves a MiB of room
	makeRoom func(*program)
}

// ownDisk is a file system of one MiB.
func ownDisk(t *testing.T) room {
	folder := t.TempDir()
	if err := unix.Mount("tmpfs", folder, "tmpfs", 0, "size=1m"); err != nil {
		t.Skip("no file system can be mounted here, so that none can be full: ", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(folder, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return room{folder, func(*program) {}, func(*program) {
		if err := unix.Mount("", folder, "", unix.MS_REMOUNT, "size=16m"); err != nil {
			t.Fatal(err)
		}
	}}
}

// limitedFiles is a folder of which no file gets larger than a MiB.
func limitedFiles(t *testing.T) room {
	limit := func(bytes uint64) func(*program) {
		return func(p *program) {
			if err := unix.Prlimit(p.cmd.Process.Pid, unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: bytes, Max: unix.RLIM_INFINITY}, nil); err != nil {
				t.Fatal(err)
			}
		}
	}
	return room{t.TempDir(), limit(1 << 20), limit(unix.RLIM_INFINITY)}
}

func TestUploadsWaitWhereThereIsNoRoomAndGoOnWhereThereIs(t *testing.T) {
	for name, test := range map[string]struct {
		room func(*testing.T) room
		code string
	}{
		"a full disk":           {ownDisk, "uploads-no-room"},
		"files of limited size": {limitedFiles, "uploads-away"},
	} {
		t.Run(name, func(t *testing.T) { waitForRoom(t, test.room(t), test.code) })
	}
}

// waitForRoom uploads more than there is room for, to a program that refuses by a code.
func waitForRoom(t *testing.T, files room, code string) {
	args := []string{"-data", t.TempDir(), "-static", pageFolder(t), "-attachments", files.folder}
	p := start(t, args...)
	ann, bob := p.guest("Ann"), p.guest("Bob")
	files.fill(p)
	u := beginsUpload(t, p, ann.token, bytes.Repeat([]byte("what Ann sends. "), 100_000))
	for u.next() {
	}
	if u.known == 0 || u.known >= len(u.content) {
		t.Fatalf("%d bytes of %d were taken", u.known, len(u.content))
	}
	status, answer := u.do("HEAD", u.path, nil)
	offset, err := strconv.Atoi(answer.Get("Upload-Offset"))
	if status != http.StatusOK || err != nil || offset < u.known || offset >= len(u.content) {
		t.Fatalf("status %d: it has %d bytes of %d, and answered for %d", status, offset, len(u.content), u.known)
	}
	for u.known = offset; u.next(); { // what is left of the room
	}
	status, said := p.ask("PATCH", u.path, string(u.content[u.known:]), "Authorization", "Bearer "+ann.token, "Tus-Resumable", "1.0.0",
		"Upload-Offset", strconv.Itoa(u.known), "Content-Type", "application/offset+octet-stream")
	if status != http.StatusServiceUnavailable || !strings.Contains(said, code) {
		t.Errorf("it is refused with %d %s", status, said)
	}
	notServed := func() {
		t.Helper()
		if status, body := p.get("/api/attachments/"+u.id(), "Authorization", "Bearer "+ann.token); status != http.StatusForbidden {
			t.Errorf("the half of it is served: %d, %d bytes", status, len(body))
		}
	}
	notServed()
	ann.send(t, bob.user, "I have a file for you")
	if m := within(t, "the message", bob.arrived); m.GetContent() != "I have a file for you" {
		t.Errorf("arrived: %v", m)
	}

	p.kill() // it starts without room as well
	p = start(t, args...)
	files.fill(p)
	notServed()
	u.url = p.url
	if _, answer := u.do("HEAD", u.path, nil); answer.Get("Upload-Offset") != strconv.Itoa(u.known) {
		t.Errorf("after the kill it has %v bytes, %d before", answer, u.known)
	}
	if u.next() {
		t.Error("there is room all at once")
	}
	files.makeRoom(p)
	for u.known < len(u.content) {
		if !u.next() {
			t.Fatalf("it does not go on at %d", u.known)
		}
	}
	if status, body := p.get("/api/attachments/"+u.id(), "Authorization", "Bearer "+ann.token); status != http.StatusOK || body != string(u.content) {
		t.Errorf("status %d, %d bytes, which are the same: %v", status, len(body), body == string(u.content))
	}
	p.stop(syscall.SIGTERM)
}
