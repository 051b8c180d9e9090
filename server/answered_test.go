package main

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/eclipse/paho.golang/paho"
	"github.com/golang-jwt/jwt/v5"
	protobuf "google.golang.org/protobuf/proto"

	"parley/proto"
	"parley/proto/answeredtest"
)

// Each scenario of who waits for whom is played over MQTT, with the tokens of
// somebody's own backend, and told by a sync to both sides.
func TestEachScenarioOverMQTT(t *testing.T) {
	key := filepath.Join(t.TempDir(), "key")
	secret := []byte(strings.Repeat("k", 32))
	if err := os.WriteFile(key, secret, 0o600); err != nil {
		t.Fatal(err)
	}
	p := start(t, "-data", t.TempDir(), "-static", pageFolder(t), "-jwt-key", key)
	join := func(user uint64, services ...int) *peer {
		t.Helper()
		id := strconv.FormatUint(user, 10)
		token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{
			"sub": id, "services": services, "exp": time.Now().Add(time.Hour).Unix(),
		}).SignedString(secret)
		if err != nil {
			t.Fatal(err)
		}
		c, _, err := p.connect(id, token)
		if err != nil {
			t.Fatal(err)
		}
		c.user = user
		c.subscribe(t)
		return c
	}
	for i, scenario := range answeredtest.Scenarios() {
		t.Run(scenario.Story, func(t *testing.T) {
			base := 1<<63 + 10*uint64(i)
			service := int(proto.ServiceType_SERVICE_TYPE_BILLING)
			cast := cast{
				answeredtest.Customer: join(base), answeredtest.Ann: join(base+1, service), answeredtest.Ben: join(base+2, service),
			}
			times := []uint64{0}
			for _, e := range scenario.Log {
				times = append(times, cast.play(t, scenario.Kind, e))
			}
			first, second := answeredtest.Ann, answeredtest.Ben
			conversation := proto.DirectKey(base+1, base+2)
			if scenario.Kind == proto.Service {
				first, conversation = answeredtest.Customer, proto.ServiceKey(base, proto.ServiceType_SERVICE_TYPE_BILLING)
			}
			mine, theirs := cast[first].row(t, conversation), cast[second].row(t, conversation)
			for _, got := range [][4]uint64{
				{mine.GetAwaitingSeq(), mine.GetAwaitingSince(), mine.GetWaitingSeq(), mine.GetWaitingSince()},
				{theirs.GetWaitingSeq(), theirs.GetWaitingSince(), theirs.GetAwaitingSeq(), theirs.GetAwaitingSince()},
			} {
				if want := [4]uint64{scenario.Waits[0], times[scenario.Waits[0]], scenario.Waits[1], times[scenario.Waits[1]]}; got != want {
					t.Errorf("first side waits with, since, second side likewise: %v, want %v", got, want)
				}
			}
			var has uint64
			if scenario.Has != "" {
				has = cast[scenario.Has].user
			}
			if theirs.GetAssigneeId() != has || theirs.GetPostProc() != scenario.Closed {
				t.Errorf("%v, want assignee %d, closing state %d", theirs, has, scenario.Closed)
			}
		})
	}
	p.stop(syscall.SIGTERM)
}

// cast are the connections of a scenario's people.
type cast map[answeredtest.Person]*peer

// play publishes one entry and returns its create time.
func (c cast) play(t *testing.T, kind proto.KeyKind, e answeredtest.Entry) uint64 {
	t.Helper()
	var m protobuf.Message
	branch := proto.BranchMessage
	switch {
	case kind == proto.Service:
		branch = proto.BranchService
		x := &proto.ServiceMessage{
			MessageId: new(uint64), UserId: &c[answeredtest.Customer].user, ServiceType: proto.ServiceType_SERVICE_TYPE_BILLING.Enum(), MessageType: &e.Does,
			Content: protobuf.String("words"), CreateDate: new(uint64), Direction: new(proto.ServiceMessageDirection), SeenSeq: e.Seen,
		}
		if e.To != "" {
			x.TargetAgentId = &c[e.To].user
		}
		if e.Of != 0 {
			x.TargetSeq = &e.Of
		}
		m = x
	default:
		to := c[answeredtest.Ann].user
		if e.By == answeredtest.Ann {
			to = c[answeredtest.Ben].user
		}
		x := &proto.Message{
			MessageId: new(uint64), SenderId: new(uint64), Content: protobuf.String("words"), CreateTime: new(uint64), ReceiverId: &to,
			SeenSeq: e.Seen, MessageType: &e.Does,
		}
		if e.Of != 0 {
			x.TargetSeq = &e.Of
		}
		m = x
	}
	created, err := strconv.ParseUint(c[e.By].publish(t, branch, m)[proto.PropertyCreateTime], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return created
}

// row asks what changed, and returns the row of a conversation.
func (c *peer) row(t *testing.T, key proto.Key) *proto.ConversationState {
	t.Helper()
	c.publish(t, proto.BranchSync, &proto.SyncRequest{})
	rows := within(t, "the answer to a sync", c.synced).GetConversations()
	i := slices.IndexFunc(rows, func(row *proto.ConversationState) bool { return row.GetKey() == key.String() })
	if i < 0 {
		t.Fatalf("%s is not among %v", key, rows)
	}
	return rows[i]
}

// publish publishes at QoS 1 and returns the acknowledgement's user properties.
func (c *peer) publish(t *testing.T, branch proto.Branch, m protobuf.Message) map[string]string {
	t.Helper()
	payload, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	ack, err := c.Publish(ctx, &paho.Publish{Topic: proto.Up(c.user, branch), QoS: 1, Payload: payload})
	if err != nil {
		t.Fatal(err)
	}
	properties := make(map[string]string)
	for _, property := range ack.Properties.User {
		properties[property.Key] = property.Value
	}
	return properties
}
