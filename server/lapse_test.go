package main

import (
	"strings"
	"syscall"
	"testing"
	"time"

	"parley/proto"
	"parley/server/chat"
	"parley/server/store"
)

// Guests who were never seen again are found no more, and those who were are.
func TestGuestsAreForgottenWhenTheirTimeIsOver(t *testing.T) {
	data, page := t.TempDir(), pageFolder(t)
	ago := func(days int) uint64 { return uint64(time.Now().Add(-time.Duration(days) * day).UnixMilli()) }
	db, err := store.Open(t.Context(), data)
	if err != nil {
		t.Fatal(err)
	}
	err = db.Update(t.Context(), func(tx chat.Tx) error {
		for _, u := range []chat.User{
			{ID: 1, Name: "Guest Olga", FirstSeen: ago(300), LastSeen: ago(32)},
			{ID: 2, Name: "Guest Otto", FirstSeen: ago(300), LastSeen: ago(30)},
			{ID: 3, Name: "Guest Oona", FirstSeen: ago(300), Blocked: true},
			{ID: 4, Name: "Guest Omar", FirstSeen: ago(300), Services: chat.ServicesOf([]proto.ServiceType{proto.ServiceType_SERVICE_TYPE_SALES})},
		} {
			if err := tx.PutUser(u); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	found := func(p *program, who person) string {
		t.Helper()
		status, body := p.get("/api/users?q=guest", "Authorization", "Bearer "+who.Token)
		if status != 200 {
			t.Fatalf("status %d: %s", status, body)
		}
		return body
	}
	p := start(t, "-data", data, "-static", page)
	who := p.comes("Ann", "")
	if body := found(p, who); !strings.Contains(body, "Olga") {
		t.Fatalf("who is there without the option: %s", body)
	}
	p.stop(syscall.SIGTERM)

	p = start(t, "-data", data, "-static", page, "-retention-guests", "30d")
	for deadline := time.Now().Add(patience); strings.Contains(found(p, who), "Olga"); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("still there after %v: %s", patience, found(p, who))
		}
	}
	for _, name := range []string{"Otto", "Oona", "Omar"} {
		if body := found(p, who); !strings.Contains(body, name) {
			t.Errorf("%s is gone: %s", name, body)
		}
	}
	p.stop(syscall.SIGTERM)
	if out := does(t, data, "check"); !strings.Contains(out, "4 users") {
		t.Errorf("the check says %q", out)
	}
}
