package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/eclipse/paho.golang/paho"
	protobuf "google.golang.org/protobuf/proto"

	"parley/proto"
)

// note takes down what was told of who is here and who types.
func (c *peer) note(t *testing.T, topic string, payload []byte) {
	var words string
	switch {
	case strings.HasSuffix(topic, "/presence"):
		m := new(proto.Presence)
		if err := proto.Unmarshal(payload, m); err != nil {
			t.Error(err)
		}
		words = fmt.Sprintf("%d online %v", m.GetUserId(), m.GetOnline())
		if m.LastSeen != nil {
			words += " last seen"
		}
	case strings.HasSuffix(topic, "/typing"):
		m := new(proto.Typing)
		if err := proto.Unmarshal(payload, m); err != nil {
			t.Error(err)
		}
		words = fmt.Sprintf("%d types", m.GetUserId())
	default:
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.noted = append(c.noted, words)
}

// notes returns what a user was told since the last look. The server publishes to
// each user in order, so what it told before it answered a sync has come by then.
func (c *peer) notes(t *testing.T) []string {
	t.Helper()
	for range 2 { // who is here follows the answer
		c.publish(t, proto.BranchSync, &proto.SyncRequest{})
		within(t, "the answer to a sync", c.synced)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	noted := c.noted
	c.noted = nil
	return noted
}

// awaits waits until something was noted.
func (c *peer) awaits(t *testing.T, words string) {
	t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		c.mu.Lock()
		found := slices.Contains(c.noted, words)
		c.mu.Unlock()
		if found {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("waited %v for %q", patience, words)
		}
	}
}

// types tells that a user types, and waits until the server has taken it.
func (c *peer) types(t *testing.T, to uint64) {
	t.Helper()
	payload, err := proto.Marshal(&proto.Typing{Key: protobuf.String(proto.DirectKey(c.user, to).String()), Active: protobuf.Bool(true)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if _, err := c.Publish(ctx, &paho.Publish{Topic: proto.Up(c.user, proto.BranchTyping), Payload: payload}); err != nil {
		t.Fatal(err)
	}
	c.publish(t, proto.BranchSettings, &proto.Settings{}) // a connection is served in order
}

// leave ends a connection.
func (c *peer) leave(t *testing.T) {
	t.Helper()
	if err := c.Disconnect(&paho.Disconnect{}); err != nil {
		t.Fatal(err)
	}
}

func TestAStrangerLearnsNothingOfWhomTheyWriteTo(t *testing.T) {
	p := start(t, "-data", t.TempDir(), "-static", pageFolder(t))
	bob, friend, stranger := p.guest("Bob"), p.guest("Friend"), p.guest("Stranger")
	here, types, gone := fmt.Sprint(bob.user, " online true"), fmt.Sprint(bob.user, " types"), fmt.Sprint(bob.user, " online false last seen")
	bob.send(t, friend.user, "hello")
	stranger.types(t, bob.user)
	if noted := bob.notes(t); len(noted) > 0 {
		t.Errorf("one who was never written to is told %q", noted)
	}
	stranger.send(t, bob.user, "you do not know me")
	bob.awaits(t, fmt.Sprint(stranger.user, " online true"))
	bob.types(t, stranger.user)
	bob.types(t, friend.user)
	friend.awaits(t, types)
	bob.leave(t)
	friend.awaits(t, gone)
	if noted := stranger.notes(t); len(noted) > 0 {
		t.Errorf("one who was never answered is told %q", noted)
	}

	again, _, err := p.connect(fmt.Sprint(bob.user), bob.token)
	if err != nil {
		t.Fatal(err)
	}
	again.user = bob.user
	again.send(t, stranger.user, "who are you?")
	stranger.awaits(t, here)
	again.types(t, stranger.user)
	stranger.awaits(t, types)
	again.leave(t)
	stranger.awaits(t, gone)
	p.stop(syscall.SIGTERM)
}

// people returns whom a user finds by a search.
func (c *peer) people(t *testing.T, p *program, query string) (names []string) {
	t.Helper()
	status, body := p.get("/api/users?q="+query, "Authorization", "Bearer "+c.token)
	var answer struct {
		Users []struct {
			Name string `json:"name"`
		} `json:"users"`
	}
	if err := json.Unmarshal([]byte(body), &answer); err != nil || status != 200 {
		t.Fatalf("status %d, %v: %s", status, err, body)
	}
	for _, u := range answer.Users {
		names = append(names, u.Name)
	}
	return names
}

func TestAServerSaysWhoFindsWhom(t *testing.T) {
	for people, want := range map[string][]string{"all": {"Bob", "Friend"}, "known": {"Friend"}, "none": nil} {
		t.Run(people, func(t *testing.T) {
			p := start(t, "-data", t.TempDir(), "-static", pageFolder(t), "-people", people)
			ann, bob, friend, shy, customer := p.guest("Ann"), p.guest("Bob"), p.guest("Friend"), p.guest("Shy"), p.guest("Customer")
			friend.send(t, ann.user, "hello")
			shy.publish(t, proto.BranchSettings, &proto.Settings{Listed: new(bool)})
			customer.publish(t, proto.BranchService, &proto.ServiceMessage{
				MessageId: new(uint64), UserId: &customer.user, ServiceType: proto.ServiceType_SERVICE_TYPE_SALES.Enum(), MessageType: new(proto.MessageType),
				Content: protobuf.String("a question"), CreateDate: new(uint64), Direction: new(proto.ServiceMessageDirection),
			})
			if found := ann.people(t, p, ""); !slices.Equal(found, want) {
				t.Errorf("found %q, want %q", found, want)
			}
			for _, c := range []*peer{shy, customer} {
				for _, query := range []string{"Shy", "Customer", fmt.Sprint(c.user)} {
					if found := ann.people(t, p, query); len(found) > 0 {
						t.Errorf("by %s she finds %q", query, found)
					}
				}
			}
			bob.leave(t)
			p.stop(syscall.SIGTERM)
		})
	}
	exit, _, stderr := runs(t, nil, "-people", "some")
	if exit != 2 || !strings.Contains(stderr, "neither all, known nor none") {
		t.Errorf("-people some: exit %d, %q", exit, stderr)
	}
}

func TestNeitherOfTwoOfWhomOneBlocksTheOtherReachesOrSeesTheOther(t *testing.T) {
	data := t.TempDir()
	p := start(t, "-data", data, "-static", pageFolder(t))
	ann, bob := p.guest("Ann"), p.guest("Bob")
	ann.send(t, bob.user, "hello")
	bob.send(t, ann.user, "hello")
	ann.awaits(t, fmt.Sprint(bob.user, " online true"))
	bob.awaits(t, fmt.Sprint(ann.user, " online true"))
	block := func(blocked bool) {
		t.Helper()
		ann.publish(t, proto.BranchBlock, &proto.Block{UserId: &bob.user, Blocked: &blocked})
	}
	refused := func(from, to *peer, words string) {
		t.Helper()
		payload, err := proto.Marshal(&proto.Message{
			MessageId: new(uint64), SenderId: new(uint64), CreateTime: new(uint64), ReceiverId: &to.user, Content: protobuf.String("listen"),
		})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		ack, err := from.Publish(ctx, &paho.Publish{Topic: proto.Up(from.user, proto.BranchMessage), QoS: 1, Payload: payload})
		if ack == nil {
			t.Fatal(err)
		}
		if ack.ReasonCode != byte(proto.NotAuthorized) || ack.Properties.ReasonString != words {
			t.Errorf("PUBACK 0x%02X %q, want 0x87 %q", ack.ReasonCode, ack.Properties.ReasonString, words)
		}
	}
	block(true)
	ann.awaits(t, fmt.Sprint(bob.user, " online false"))
	bob.awaits(t, fmt.Sprint(ann.user, " online false"))
	ann.notes(t)
	bob.notes(t)
	refused(bob, ann, "this person does not take messages from you")
	refused(ann, bob, "you block this person: unblock them to write to them")
	ann.types(t, bob.user)
	bob.types(t, ann.user)
	for c, other := range map[*peer]string{ann: "Bob", bob: "Ann"} {
		if noted := c.notes(t); len(noted) > 0 {
			t.Errorf("told %q of the other", noted)
		}
		if found := c.people(t, p, other); len(found) > 0 {
			t.Errorf("found %q", found)
		}
	}
	if row := ann.row(t, proto.DirectKey(ann.user, bob.user)); !row.GetBlocked() || row.GetHeadSeq() != 2 {
		t.Errorf("Ann is told %v", row)
	}
	if row := bob.row(t, proto.DirectKey(ann.user, bob.user)); row.GetBlocked() || row.GetHeadSeq() != 2 {
		t.Errorf("Bob is told %v", row)
	}

	// It outlives the server.
	p.stop(syscall.SIGTERM)
	p = start(t, "-data", data, "-static", pageFolder(t))
	for _, c := range []**peer{&ann, &bob} {
		again, _, err := p.connect(fmt.Sprint((*c).user), (*c).token)
		if err != nil {
			t.Fatal(err)
		}
		again.user = (*c).user
		again.subscribe(t)
		*c = again
	}
	refused(bob, ann, "this person does not take messages from you")
	block(false)
	bob.send(t, ann.user, "thank you")
	ann.awaits(t, fmt.Sprint(bob.user, " online true"))
	if found := bob.people(t, p, "Ann"); !slices.Equal(found, []string{"Ann"}) {
		t.Errorf("after that Bob finds %q", found)
	}
	p.stop(syscall.SIGTERM)
}
