package e2e

import (
	"encoding/json"
	"strconv"
	"testing"

	"parley/proto"
)

// A peer is somebody whom a person on the page chats with, for tests that do not
// look at their page: it has none, and costs next to nothing. It is used like a person.
type peer struct {
	*device
	s  *server
	id string // decimal
	to uint64
}

// newPeer connects somebody of a server that makes guests.
func newPeer(t *testing.T, s *server, name string) *peer {
	t.Helper()
	id := s.guest(name)
	s.secret = s.keptSecret()
	user, err := strconv.ParseUint(id, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return &peer{device: newDevice(t, s, user, name), s: s, id: id}
}

// openChat says whom the peer writes to.
func (p *peer) openChat(id string) {
	p.t.Helper()
	var err error
	if p.to, err = strconv.ParseUint(id, 10, 64); err != nil {
		p.t.Fatal(err)
	}
}

func (p *peer) say(content string) {
	p.t.Helper()
	p.tell(p.to, content)
}

// awaitMessage waits until the conversation holds one message with that content, and
// not two.
func (p *peer) awaitMessage(content string) {
	p.t.Helper()
	var page struct{ Messages []struct{ Content string } }
	defer func() {
		if p.t.Failed() {
			p.t.Logf("the conversation holds %q", page.Messages)
		}
	}()
	eventually(p.t, "message "+content, func() bool {
		_, body := p.s.get("/api/conversations/"+proto.DirectKey(p.user, p.to).String()+"/messages", p.token)
		if err := json.Unmarshal(body, &page); err != nil {
			p.t.Fatal(err)
		}
		found := 0
		for _, m := range page.Messages {
			if m.Content == content {
				found++
			}
		}
		if found > 1 {
			p.t.Fatalf("%d messages %q", found, content)
		}
		return found == 1
	})
}
