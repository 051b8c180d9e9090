package main

import (
	"context"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/eclipse/paho.golang/paho"

	"parley/proto"
)

// refused sends a message that must be refused, and returns the PUBACK.
func (c *peer) refused(t *testing.T, to uint64, text string) *paho.PublishResponse {
	t.Helper()
	payload, err := proto.Marshal(&proto.Message{
		MessageId: new(uint64), SenderId: new(uint64), CreateTime: new(uint64), ReceiverId: &to, Content: &text,
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	ack, err := c.Publish(ctx, &paho.Publish{Topic: proto.Up(c.user, proto.BranchMessage), QoS: 1, Payload: payload})
	if ack == nil || ack.ReasonCode != byte(proto.QuotaExceeded) || ack.Properties == nil {
		t.Fatalf("PUBACK %+v, %v, want 0x97", ack, err)
	}
	return ack
}

// Who uses up a quota is told in words and keeps the connection; nobody else notices.
func TestAGuestWhoHasHadEnoughStoredIsRefusedAndNobodyElseNotices(t *testing.T) {
	data, page := t.TempDir(), pageFolder(t)
	p := start(t, "-data", data, "-static", page, "-guest-bytes", "128KiB", "-new-conversations", "2", "-guests-per-hour", "4")
	ann, bob, eve := p.guest("Ann"), p.guest("Bob"), p.guest("Eve")
	long := strings.Repeat("x", 16<<10)
	for range 7 {
		eve.send(t, bob.user, long)
	}
	for range 20 {
		ack := eve.refused(t, bob.user, long)
		if !strings.HasPrefix(ack.Properties.ReasonString, "you have sent 128 KiB, as much as you may in a day: there is room for this in ") ||
			ack.Properties.User.Get(proto.PropertyRetryAfter) == "" {
			t.Fatalf("PUBACK %+v", ack.Properties)
		}
	}
	ann.send(t, bob.user, long)
	bob.send(t, ann.user, long)
	bob.send(t, eve.user, "please stop")

	ann.send(t, eve.user, "hello")
	if ack := ann.refused(t, 99, "hello"); !strings.HasPrefix(ack.Properties.ReasonString, "you began 2 conversations, as many as you may in an hour: begin the next one in 30 minutes") {
		t.Errorf("PUBACK %+v", ack.Properties)
	}
	p.guest("Dan")
	status, body := p.ask("POST", "/api/guests", `{"name":"Fay"}`, "Content-Type", "application/json")
	if status != 429 || !strings.Contains(body, "4 guests came from your address within an hour") {
		t.Errorf("status %d: %s", status, body)
	}

	// A restart forgives nobody what is stored.
	p.stop(syscall.SIGTERM)
	p = start(t, "-data", data, "-static", page, "-guest-bytes", "128KiB", "-new-conversations", "2")
	again, _, err := p.connect(strconv.FormatUint(eve.user, 10), eve.token)
	if err != nil {
		t.Fatal(err)
	}
	again.user = eve.user
	again.refused(t, bob.user, long)
	p.stop(syscall.SIGTERM)
}

func TestQuotasOfOptions(t *testing.T) {
	for name, test := range map[string]struct {
		args                      []string
		user, agent, conversation uint64
	}{
		"by default":              {nil, 4 << 20, 64 << 20, 30},
		"with a key of one's own": {[]string{"-jwt-key", "k"}, 64 << 20, 64 << 20, 30},
		"as chosen":               {[]string{"-guest-bytes", "1GiB", "-daily-bytes", "100000", "-new-conversations", "7"}, 1 << 30, 100_000, 7},
		"without bounds":          {[]string{"-guest-bytes", "0", "-daily-bytes", "0", "-new-conversations", "0"}, 0, 0, 0},
	} {
		o, err := parseOptions(test.args, func(string) string { return "" })
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if q := o.quotas(); q.Bytes != test.user || q.AgentBytes != test.agent || q.Conversations != test.conversation {
			t.Errorf("%s: %+v", name, q)
		}
	}
}

func TestSizes(t *testing.T) {
	for text, want := range map[string]size{"0": 0, "1": 1, "1025": 1025, "512KiB": 512 << 10, "4MiB": 4 << 20, "8191GiB": 8191 << 30} {
		var s size
		if err := s.Set(text); err != nil || s != want || s.String() != text {
			t.Errorf("%q is %d, printed as %s, error %v", text, s, &s, err)
		}
	}
	for _, text := range []string{"", "-1", "1.5MiB", "4MB", "MiB", "9223372036854775808", "8589934592GiB", "4 MiB"} {
		if err := new(size).Set(text); err == nil || !strings.Contains(err.Error(), "4MiB") {
			t.Errorf("%q: error %v", text, err)
		}
	}
}
