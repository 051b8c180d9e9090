package main

import (
	"strings"
	"syscall"
	"testing"
	"time"

	"parley/proto"
)

// What is too old goes by itself: whoever is here hears of it, and whoever asks
// the history is told from where on there is something.
func TestMessagesGoWhenTheirTimeIsOver(t *testing.T) {
	data, page := t.TempDir(), pageFolder(t)
	p := start(t, "-data", data, "-static", page, "-retention", "2s")
	ann, bob := p.guest("Ann"), p.guest("Bob")
	for _, text := range []string{"first words", "second words"} {
		ann.send(t, bob.user, text)
	}
	path := "/api/conversations/" + proto.DirectKey(ann.user, bob.user).String() + "/messages"
	read := func() string {
		t.Helper()
		status, body := p.get(path, "Authorization", "Bearer "+bob.token)
		if status != 200 {
			t.Fatalf("status %d: %s", status, body)
		}
		return body
	}
	for deadline := time.Now().Add(patience); strings.Contains(read(), "words"); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("still there after %v: %s", patience, read())
		}
	}
	if body := read(); !strings.Contains(body, `"head_seq":"2","min_seq":"3","messages":[]`) {
		t.Errorf("the history says %s", body)
	}
	_, rows := p.get("/api/conversations", "Authorization", "Bearer "+bob.token)
	if !strings.Contains(rows, `"unread":"0"`) || !strings.Contains(rows, `"min_seq":"3"`) || !strings.Contains(rows, `"total_unread":"0"`) || strings.Contains(rows, "words") {
		t.Errorf("Bob is told %s", rows)
	}
	if ack := ann.send(t, bob.user, "third words"); ack[proto.PropertySeq] != "3" {
		t.Errorf("the acknowledgement holds %v", ack)
	}
	p.stop(syscall.SIGTERM)

	p = start(t, "-data", data, "-static", page) // and keeps what is there
	if body := read(); !strings.Contains(body, `"head_seq":"3","min_seq":"3"`) && !strings.Contains(body, `"head_seq":"3","min_seq":"4"`) {
		t.Errorf("after a restart the history says %s", body)
	}
	p.stop(syscall.SIGTERM)
}

func TestSpans(t *testing.T) {
	for text, want := range map[string]time.Duration{"0s": 0, "90d": 90 * 24 * time.Hour, "1h30m0s": 90 * time.Minute, "106751d": 106751 * 24 * time.Hour} {
		var s span
		if err := s.Set(text); err != nil || time.Duration(s) != want || s.String() != text {
			t.Errorf("%q is %v, printed as %s, error %v", text, time.Duration(s), &s, err)
		}
	}
	for _, text := range []string{"", "d", "-1d", "1.5d", "-1h", "106752d", "90 d", "soon"} {
		if err := new(span).Set(text); err == nil || !strings.Contains(err.Error(), "90d") {
			t.Errorf("%q: error %v", text, err)
		}
	}
}
