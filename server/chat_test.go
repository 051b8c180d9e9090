package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/eclipse/paho.golang/paho"
	"github.com/golang-jwt/jwt/v5"
	"nhooyr.io/websocket"

	"parley/proto"
)

// peer is somebody's MQTT connection.
type peer struct {
	*paho.Client
	user    uint64
	token   string
	ended   chan byte // the reason code of the server's DISCONNECT
	words   string    // and why, once that is there
	arrived chan *proto.Message
	synced  chan *proto.BaseUserUnreadStatics // what answers an up/sync

	mu    sync.Mutex
	noted []string // who is here and who types, as it was told
}

// locked keeps packets apart: paho writes each in pieces, and locks a
// connection that can be.
type locked struct {
	net.Conn
	sync.Mutex
}

// connect opens a connection and returns what the CONNACK said.
func (p *program) connect(user, token string) (*peer, *paho.Connack, error) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), patience)
	defer cancel()
	ws, _, err := websocket.Dial(ctx, strings.Replace(p.url, "http", "ws", 1)+"/mqtt", &websocket.DialOptions{HTTPClient: p.client, Subprotocols: []string{"mqtt"}})
	if err != nil {
		return nil, nil, err
	}
	c := &peer{token: token, ended: make(chan byte, 1), arrived: make(chan *proto.Message, 10), synced: make(chan *proto.BaseUserUnreadStatics, 10)}
	c.Client = paho.NewClient(paho.ClientConfig{
		Conn: &locked{Conn: websocket.NetConn(context.Background(), ws, websocket.MessageBinary)},
		OnServerDisconnect: func(d *paho.Disconnect) {
			if d.Properties != nil {
				c.words = d.Properties.ReasonString
			}
			c.ended <- d.ReasonCode
		},
		OnPublishReceived: []func(paho.PublishReceived) (bool, error){func(r paho.PublishReceived) (bool, error) {
			if strings.HasSuffix(r.Packet.Topic, "/message") {
				m := new(proto.Message)
				if err := proto.Unmarshal(r.Packet.Payload, m); err != nil {
					p.t.Error(err)
				}
				c.arrived <- m
			}
			c.note(p.t, r.Packet.Topic, r.Packet.Payload)
			if strings.HasSuffix(r.Packet.Topic, "/unread") {
				m := new(proto.BaseUserUnreadStatics)
				if err := proto.Unmarshal(r.Packet.Payload, m); err != nil {
					p.t.Error(err)
				}
				if m.GetSince() == "" {
					c.synced <- m
				}
			}
			return true, nil
		}},
	})
	ack, err := c.Connect(ctx, &paho.Connect{
		ClientID: user + "-" + rand.Text(), CleanStart: true, KeepAlive: 30,
		Username: user, UsernameFlag: true, Password: []byte(token), PasswordFlag: true,
		Properties: &paho.ConnectProperties{RequestProblemInfo: true},
	})
	p.t.Cleanup(func() { ws.CloseNow() })
	return c, ack, err
}

// guest makes a guest, who connects and subscribes.
func (p *program) guest(name string) *peer {
	p.t.Helper()
	_, body := p.ask("POST", "/api/guests", `{"name":"`+name+`"}`, "Content-Type", "application/json")
	return p.arrive(body)
}

// arrive connects who was made by POST /api/guests, which answered so, and subscribes.
func (p *program) arrive(body string) *peer {
	p.t.Helper()
	var g struct {
		ID    string `json:"user_id"`
		Token string
	}
	if err := json.Unmarshal([]byte(body), &g); err != nil {
		p.t.Fatal(body, err)
	}
	c, _, err := p.connect(g.ID, g.Token)
	if err != nil {
		p.t.Fatal(err)
	}
	c.user, _ = proto.ParseID(g.ID)
	c.subscribe(p.t)
	return c
}

func (c *peer) subscribe(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if _, err := c.Subscribe(ctx, &paho.Subscribe{Subscriptions: []paho.SubscribeOptions{{Topic: proto.DownFilter(c.user)}}}); err != nil {
		t.Fatal(err)
	}
}

// send sends a message and returns its acknowledgement's user properties.
func (c *peer) send(t *testing.T, to uint64, text string) map[string]string {
	t.Helper()
	return c.publish(t, proto.BranchMessage, &proto.Message{
		MessageId: new(uint64), SenderId: new(uint64), CreateTime: new(uint64), ReceiverId: &to, Content: &text,
	})
}

func within[T any](t *testing.T, what string, from <-chan T) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(patience):
		t.Fatalf("waited %v for %s", patience, what)
		panic("unreachable")
	}
}

func TestTwoGuestsChat(t *testing.T) {
	data, page := t.TempDir(), pageFolder(t)
	p := start(t, "-data", data, "-static", page)
	ann, bob := p.guest("Ann"), p.guest("Bob")
	ack := ann.send(t, bob.user, "hello")
	if ack[proto.PropertySeq] != "1" || ack[proto.PropertyMessageID] == "" || ack[proto.PropertyCreateTime] == "" {
		t.Errorf("the acknowledgement holds %v", ack)
	}
	for _, c := range []*peer{ann, bob} {
		m := within(t, "the message", c.arrived)
		if m.GetContent() != "hello" || m.GetSenderId() != ann.user || strconv.FormatUint(m.GetMessageId(), 10) != ack[proto.PropertyMessageID] {
			t.Errorf("arrived: %v", m)
		}
	}
	bob.send(t, ann.user, "hi")

	// What was acknowledged survives the worst.
	p.ended = true
	if err := p.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = p.cmd.Wait() // says that it was killed
	p = start(t, "-data", data, "-static", page)
	status, body := p.get("/api/conversations/"+proto.DirectKey(ann.user, bob.user).String()+"/messages", "Authorization", "Bearer "+ann.token)
	if status != 200 || !strings.Contains(body, `"head_seq":"2"`) || !strings.Contains(body, `"hello"`) || !strings.Contains(body, `"hi"`) {
		t.Errorf("after the kill: status %d, %s", status, body)
	}
	again, _, err := p.connect(strconv.FormatUint(ann.user, 10), ann.token)
	if err != nil {
		t.Fatal(err)
	}
	if log := p.stop(syscall.SIGTERM); strings.Contains(log, ann.token) || strings.Contains(log, "hello") {
		t.Errorf("the log holds a token or a message:\n%s", log)
	}
	if code := within(t, "DISCONNECT", again.ended); code != byte(proto.ServerShuttingDown) {
		t.Errorf("DISCONNECT 0x%02X, want 0x8B", code)
	}
}

func TestWithoutAValidTokenNobodyConnects(t *testing.T) {
	key := filepath.Join(t.TempDir(), "key")
	secret := []byte(strings.Repeat("k", 32))
	if err := os.WriteFile(key, secret, 0o600); err != nil {
		t.Fatal(err)
	}
	p := start(t, "-data", t.TempDir(), "-static", pageFolder(t), "-jwt-key", key)
	sign := func(method jwt.SigningMethod, key any, sub string, expires time.Duration) string {
		t.Helper()
		token, err := jwt.NewWithClaims(method, jwt.MapClaims{"sub": sub, "name": "Ann", "exp": time.Now().Add(expires).Unix()}).SignedString(key)
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	for name, test := range map[string]struct {
		token string
		code  proto.Reason
		text  string
	}{
		"valid":        {sign(jwt.SigningMethodHS256, secret, "7", time.Hour), proto.Success, ""},
		"another user": {sign(jwt.SigningMethodHS256, secret, "8", time.Hour), proto.BadUserNameOrPassword, "another user"},
		"expired":      {sign(jwt.SigningMethodHS256, secret, "7", -time.Hour), proto.BadUserNameOrPassword, "expired"},
		"foreign key":  {sign(jwt.SigningMethodHS256, []byte(strings.Repeat("x", 32)), "7", time.Hour), proto.BadUserNameOrPassword, "not signed"},
		"alg none":     {sign(jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, "7", time.Hour), proto.BadUserNameOrPassword, "alg"},
		"garbage":      {"x", proto.BadUserNameOrPassword, "not a JWT"},
	} {
		t.Run(name, func(t *testing.T) {
			_, ack, err := p.connect("7", test.token)
			if ack == nil {
				t.Fatal(err)
			}
			if ack.ReasonCode != byte(test.code) || test.text != "" && !strings.Contains(ack.Properties.ReasonString, test.text) {
				t.Errorf("CONNACK 0x%02X %q, want 0x%02X with %q", ack.ReasonCode, ack.Properties.ReasonString, byte(test.code), test.text)
			}
		})
	}
	if log := p.stop(syscall.SIGTERM); strings.Contains(log, "eyJ") {
		t.Errorf("the log holds a token:\n%s", log)
	}
}

func TestAConnectionEndsWithItsToken(t *testing.T) {
	key := filepath.Join(t.TempDir(), "key")
	secret := []byte(strings.Repeat("k", 32))
	if err := os.WriteFile(key, secret, 0o600); err != nil {
		t.Fatal(err)
	}
	p := start(t, "-data", t.TempDir(), "-static", pageFolder(t), "-jwt-key", key)
	token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{"sub": "7", "exp": time.Now().Add(3 * time.Second).Unix()}).SignedString(secret)
	if err != nil {
		t.Fatal(err)
	}
	c, _, err := p.connect("7", token)
	if err != nil {
		t.Fatal(err)
	}
	if code := within(t, "DISCONNECT", c.ended); code != byte(proto.NotAuthorized) {
		t.Errorf("DISCONNECT 0x%02X, want 0x87", code)
	}
	p.stop(syscall.SIGTERM)
}
