package main

import (
	"context"
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
