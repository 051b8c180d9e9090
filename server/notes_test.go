package main

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/eclipse/paho.golang/paho"
	protobuf "google.golang.org/protobuf/proto"

	"parley/proto"
)

// received is what one connection was sent.
type received struct {
	mu   sync.Mutex
	raw  []string      // topics and payloads
	came chan struct{} // holds one when some came
}

// record notes every packet that a connection is sent from now on.
func (c *peer) record() *received {
	p := &received{came: make(chan struct{}, 1)}
	c.AddOnPublishReceived(func(r paho.PublishReceived) (bool, error) {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.raw = append(p.raw, r.Packet.Topic+" "+string(r.Packet.Payload))
		select {
		case p.came <- struct{}{}:
		default:
		}
		return true, nil
	})
	return p
}

func (p *received) all() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.raw)
}

// tellsNotes is the count of changed notes that a packet tells of; 0: none.
func tellsNotes(t *testing.T, packet string) (notes uint64) {
	topic, payload, _ := strings.Cut(packet, " ")
	if !strings.HasSuffix(topic, "/unread") {
		return 0
	}
	m := new(proto.BaseUserUnreadStatics)
	if err := proto.Unmarshal([]byte(payload), m); err != nil {
		t.Error(err)
	}
	for _, row := range m.GetConversations() {
		notes = max(notes, row.GetNotes())
	}
	return notes
}

// guestAs is guest, of an agent where there is an invite.
func (p *program) guestAs(name, invite string) *peer {
	p.t.Helper()
	status, body := p.invited(name, invite)
	if status != 201 {
		p.t.Fatal(status, body)
	}
	return p.arrive(body)
}

// volatile are what differs from one answer to the next without anything to tell.
var volatile = regexp.MustCompile(`"(?:token|server_time|expires)":"[^"]*"`)

// Whatever a customer's client can get, by MQTT and from every path of the HTTP API, is the
// same to the byte before and after agents wrote and deleted notes.
func TestACustomerFindsNoTraceOfANote(t *testing.T) {
	p := start(t, "-data", t.TempDir(), "-static", pageFolder(t))
	invite := p.firstInvite()
	cora, ann, ben := p.guestAs("Cora", ""), p.guestAs("Ann", invite), p.guestAs("Ben", invite)
	const service = proto.ServiceType_SERVICE_TYPE_SALES
	key := proto.ServiceKey(cora.user, service).String()
	word := func(by *peer, direction proto.ServiceMessageDirection, text string) {
		t.Helper()
		by.publish(t, proto.BranchService, &proto.ServiceMessage{
			MessageId: new(uint64), UserId: &cora.user, ServiceType: service.Enum(), MessageType: proto.MessageType_MESSAGE_TYPE_TEXT.Enum(),
			Content: &text, CreateDate: new(uint64), Direction: &direction,
		})
	}
	word(cora, proto.ServiceMessageDirection_CUSTOMER_TO_SERVICE, "hello?")
	word(ann, proto.ServiceMessageDirection_SERVICE_TO_CUSTOMER, "hello!")

	user := strconv.FormatUint(cora.user, 10)
	paths := []string{"/api/me", "/api/users?q=", "/api/users?q=" + strconv.FormatUint(ann.user, 10), "/api/conversations",
		"/api/conversations/" + key + "/messages", "/api/conversations/" + key + "/messages?after=0&limit=500",
		"/api/conversations/" + key + "/notes", "/api/conversations/" + key + "/notes/1", "/api/customers/" + user,
		"/api/services/1/replies", "/api/services/1/replies/1", "/healthz"}
	everything := func() (all []string) {
		t.Helper()
		for _, path := range paths {
			for _, accept := range []string{"application/json", "application/x-protobuf"} {
				if accept == "application/x-protobuf" && path == "/api/conversations" {
					continue // the same, with a fresh token in it
				}
				status, body := p.get(path, "Authorization", "Bearer "+cora.token, "Accept", accept)
				all = append(all, fmt.Sprint(path, " ", status, " ", volatile.ReplaceAllString(body, "")))
			}
		}
		return all
	}
	// sync is what the conversation's row tells, once all that came before it has come.
	sync := func() string {
		t.Helper()
		cora.publish(t, proto.BranchSync, &proto.SyncRequest{})
		answer := within(t, "the answer to a sync", cora.synced)
		rows, err := protobuf.MarshalOptions{Deterministic: true}.Marshal(&proto.BaseUserUnreadStatics{
			Epoch: answer.Epoch, Token: new(string), Conversations: answer.Conversations,
			TotalUnread: answer.TotalUnread, UnreadConversations: answer.UnreadConversations, WaitingConversations: answer.WaitingConversations,
		})
		if err != nil {
			t.Fatal(err)
		}
		return string(rows)
	}

	before, rowBefore := everything(), sync()
	sent := cora.record()
	agents := ben.record()
	const secret = "SECRET-difficult-customer"
	for i := range 3 {
		status, body := p.ask("POST", "/api/conversations/"+key+"/notes", fmt.Sprintf(`{"content":"%s %d"}`, secret, i),
			"Authorization", "Bearer "+ann.token, "Content-Type", "application/json")
		if status != 201 {
			t.Fatal(status, body)
		}
	}
	if status, body := p.ask("DELETE", "/api/conversations/"+key+"/notes/2", "", "Authorization", "Bearer "+ann.token); status != 204 {
		t.Fatal(status, body)
	}
	// By the time that an agent is told of the last, the customer would have been.
	for !slices.ContainsFunc(agents.all(), func(packet string) bool { return tellsNotes(t, packet) == 4 }) {
		within(t, "an agent to be told", agents.came)
	}
	rowAfter := sync()
	if rowAfter != rowBefore {
		t.Errorf("the row was %q and is %q", rowBefore, rowAfter)
	}
	after := everything()
	for i := range before {
		if after[i] != before[i] {
			t.Errorf("was %s\nis  %s", before[i], after[i])
		}
	}
	for _, packet := range sent.all() {
		topic, _, _ := strings.Cut(packet, " ")
		if strings.Contains(packet, "SECRET") || !strings.HasSuffix(topic, "/unread") && !strings.HasSuffix(topic, "/settings") && !strings.HasSuffix(topic, "/presence") {
			t.Errorf("the customer was sent %q", packet)
		}
	}
	// The notes are there, for agents.
	if _, body := p.get("/api/conversations/"+key+"/notes", "Authorization", "Bearer "+ben.token); strings.Count(body, secret) != 2 {
		t.Errorf("a colleague gets %s", body)
	}
	if _, body := p.get("/api/conversations", "Authorization", "Bearer "+ben.token); !strings.Contains(body, `"notes":"4"`) {
		t.Errorf("a colleague's list is %s", body)
	}
}
