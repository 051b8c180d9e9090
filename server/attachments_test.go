package main

import (
	"bytes"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// uploader is somebody who uploads one content, part by part, and goes on after whatever fails.
type uploader struct {
	url, token string
	content    []byte
	path       string // of the upload
	known      int    // how much the server said that it has
}

// do makes a request of tus; the zero status is that there was no answer.
func (u *uploader) do(method, path string, body []byte, header ...string) (status int, answer http.Header) {
	r, err := http.NewRequest(method, u.url+path, bytes.NewReader(body))
	if err != nil {
		return 0, nil
	}
	header = append(header, "Authorization", "Bearer "+u.token, "Tus-Resumable", "1.0.0")
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, nil
	}
	_ = response.Body.Close() // nothing more is wanted of it
	return response.StatusCode, response.Header
}

const uploadedPart = 100_000 // bytes

// next sends one part, and reports whether the server took it.
func (u *uploader) next() bool {
	part := u.content[u.known:min(len(u.content), u.known+uploadedPart)]
	status, _ := u.do("PATCH", u.path, part, "Upload-Offset", strconv.Itoa(u.known), "Content-Type", "application/offset+octet-stream")
	if status == http.StatusNoContent {
		u.known += len(part)
	}
	return status == http.StatusNoContent
}

// beginsUpload begins the upload of a content.
func beginsUpload(t *testing.T, p *program, token string, content []byte) *uploader {
	t.Helper()
	u := &uploader{url: p.url, token: token, content: content}
	status, answer := u.do("POST", "/api/uploads", nil, "Upload-Length", strconv.Itoa(len(u.content)))
	if status != http.StatusCreated {
		t.Fatal("status", status)
	}
	u.path = "/api/" + answer.Get("Location")
	return u
}

// id is that of the upload, as an attachment.
func (u *uploader) id() string { return u.path[strings.LastIndexByte(u.path, '/')+1:] }

func TestUploadsGoOnAfterAKillAndNoHalfFileIsServed(t *testing.T) {
	data, page := t.TempDir(), pageFolder(t)
	p := start(t, "-data", data, "-static", page)
	who := p.comes("Ann", "")
	var uploads []*uploader
	for i := range 4 {
		uploads = append(uploads, beginsUpload(t, p, who.Token, bytes.Repeat(fmt.Appendf(nil, "content %d.", i), 150_000)))
	}
	var sending sync.WaitGroup
	begun := make(chan struct{}, len(uploads))
	for _, u := range uploads {
		sending.Go(func() {
			for i := 0; u.known < len(u.content) && u.next(); i++ {
				if i == 2 {
					begun <- struct{}{}
				}
			}
		})
	}
	for range uploads {
		select {
		case <-begun:
		case <-time.After(time.Minute):
			t.Fatal("no upload went on")
		}
	}
	if err := p.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	p.ended = true
	_ = p.cmd.Wait() // it was killed
	sending.Wait()

	p = start(t, "-data", data, "-static", page)
	for _, u := range uploads {
		u.url = p.url
		status, answer := u.do("HEAD", u.path, nil)
		offset, err := strconv.Atoi(answer.Get("Upload-Offset"))
		if status != http.StatusOK || err != nil || offset < u.known {
			t.Fatalf("status %d: it has %d bytes of %d that it answered for", status, offset, u.known)
		}
		if u.known = offset; offset < len(u.content) {
			if status, _ := p.get("/api/attachments/"+u.id(), "Authorization", "Bearer "+who.Token); status != http.StatusForbidden {
				t.Errorf("with %d bytes of %d it is served: %d", offset, len(u.content), status)
			}
		}
		for u.known < len(u.content) {
			if !u.next() {
				t.Fatalf("it does not go on at %d", u.known)
			}
		}
		if status, body := p.get("/api/attachments/"+u.id(), "Authorization", "Bearer "+who.Token); status != http.StatusOK || body != string(u.content) {
			t.Errorf("status %d, %d bytes, which are the same: %v", status, len(body), body == string(u.content))
		}
	}
	if log := p.stop(syscall.SIGTERM); strings.Contains(log, "level=ERROR") {
		t.Errorf("log:\n%s", log)
	}
}
