package e2e

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/eclipse/paho.golang/packets"
	"github.com/eclipse/paho.golang/paho"
	"github.com/golang-jwt/jwt/v5"
	protobuf "google.golang.org/protobuf/proto"
	"nhooyr.io/websocket"

	"parley/proto"
)

// A device is a client that speaks MQTT 5 over WebSocket and nothing more: it
// sends what it is told, and keeps nothing.
type device struct {
	t      *testing.T
	user   uint64
	token  string
	client *paho.Client
}

// tokenFor is a token for a user who answers for services.
func (s *server) tokenFor(user uint64, name string, services []proto.ServiceType) string {
	s.t.Helper()
	claims := jwt.MapClaims{
		"sub": strconv.FormatUint(user, 10), "name": name, "iat": time.Now().Unix(), "exp": time.Now().Add(time.Hour).Unix(),
	}
	if len(services) > 0 {
		claims["services"] = services
	}
	token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, claims).SignedString(s.secret)
	if err != nil {
		s.t.Fatal(err)
	}
	return token
}

// newDevice connects a user to the server; it is disconnected when the test ends.
func newDevice(t *testing.T, s *server, user uint64, name string, services ...proto.ServiceType) *device {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	socket, _, err := websocket.Dial(ctx, "ws://"+s.Address+"/mqtt", &websocket.DialOptions{Subprotocols: []string{"mqtt"}})
	if err != nil {
		t.Fatal(err)
	}
	d := &device{t: t, user: user, token: s.tokenFor(user, name, services)}
	// Packets are written in pieces, by several goroutines.
	conn := packets.NewThreadSafeConn(websocket.NetConn(context.Background(), socket, websocket.MessageBinary))
	d.client = paho.NewClient(paho.ClientConfig{Conn: conn})
	id := strconv.FormatUint(user, 10)
	if _, err := d.client.Connect(ctx, &paho.Connect{
		ClientID: id + "-" + rand.Text(), UsernameFlag: true, Username: id, PasswordFlag: true, Password: []byte(d.token),
		CleanStart: true, KeepAlive: 30,
	}); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	t.Cleanup(func() { d.client.Disconnect(&paho.Disconnect{}) })
	return d
}

// send publishes a payload and returns its acknowledgement. An error holds the
// reason of a refusal.
func (d *device) send(branch proto.Branch, payload protobuf.Message) (*paho.PublishResponse, error) {
	d.t.Helper()
	bytes, err := proto.Marshal(payload)
	if err != nil {
		d.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	ack, err := d.client.Publish(ctx, &paho.Publish{
		Topic: proto.Up(d.user, branch), QoS: 1, Payload: bytes,
		Properties: &paho.PublishProperties{ContentType: proto.ContentType, CorrelationData: []byte(rand.Text())[:proto.RefSize]},
	})
	if err != nil && ack != nil && ack.Properties != nil {
		err = fmt.Errorf("%w: %s", err, ack.Properties.ReasonString)
	}
	return ack, err
}

// publish sends a message and returns what its acknowledgement says.
func (d *device) publish(branch proto.Branch, message protobuf.Message) (seq, createTime uint64, err error) {
	d.t.Helper()
	ack, err := d.send(branch, message)
	if err != nil {
		return 0, 0, err
	}
	seq, err1 := strconv.ParseUint(ack.Properties.User.Get("seq"), 10, 64)
	createTime, err2 := strconv.ParseUint(ack.Properties.User.Get("create-time"), 10, 64)
	if err := errors.Join(err1, err2); err != nil {
		d.t.Fatalf("the acknowledgement says %v: %v", ack.Properties.User, err)
	}
	return seq, createTime, nil
}

// must is publish for what the server takes.
func (d *device) must(branch proto.Branch, payload protobuf.Message) (seq, createTime uint64) {
	d.t.Helper()
	seq, createTime, err := d.publish(branch, payload)
	if err != nil {
		d.t.Fatalf("user %d: %v", d.user, err)
	}
	return seq, createTime
}

// A row is a conversation as the HTTP API tells it.
type row struct {
	Key           string `json:"key"`
	HeadSeq       string `json:"head_seq"`
	ReadSeq       string `json:"read_seq"`
	Unread        string `json:"unread"`
	WaitingSince  string `json:"waiting_since"`
	AwaitingSince string `json:"awaiting_since"`
	AssigneeID    string `json:"assignee_id"`
	PostProc      uint32 `json:"post_proc"`
	// When the other side's watermarks rose; "" if unknown.
	PeerDeliveredTime string `json:"peer_delivered_time"`
	PeerReadTime      string `json:"peer_read_time"`
}

// rows asks for a user's conversations, by key.
func (s *server) rows(token string) map[string]row {
	s.t.Helper()
	status, body := s.get("/api/conversations", token)
	var answer struct {
		Conversations []row `json:"conversations"`
		More          bool  `json:"more"`
	}
	if err := json.Unmarshal(body, &answer); err != nil || status != http.StatusOK || answer.More {
		s.t.Fatalf("status %d, error %v: %s", status, err, body)
	}
	byKey := map[string]row{}
	for _, r := range answer.Conversations {
		byKey[r.Key] = r
	}
	return byKey
}

// awaitClock waits until the clock, which the server shares, shows a later
// millisecond, so that no two entries have the same time.
func awaitClock(after uint64) {
	for uint64(time.Now().UnixMilli()) <= after {
		time.Sleep(200 * time.Microsecond)
	}
}
