package main

import (
	"bufio"
	"context"
	"crypto/rand"
	varint "encoding/binary"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/eclipse/paho.golang/packets"
	protobuf "google.golang.org/protobuf/proto"
	"nhooyr.io/websocket"

	"parley/proto"
	"parley/server/broker"
	"parley/server/chat"
	"parley/server/store"
)

const (
	groupSize      = 500
	groupConnected = 200
)

// gathering is the real service over SQLite with the real broker, and members of a group,
// some of whom are connected.
type gathering struct {
	*testing.B
	*chat.Service
	broker *broker.Broker
	group  proto.Key

	committing atomic.Int64                // nanoseconds that transactions took
	fanning    atomic.Int64                // nanoseconds that the service gave to telling
	sent, read atomic.Int64                // packets, for and by those who are connected
	told       [groupSize + 1]atomic.Int64 // bytes of payloads to each
}

// timed is a store that says how long transactions take.
type timed struct {
	chat.Store
	took *atomic.Int64
}

func (s timed) Update(ctx context.Context, change func(chat.Tx) error) error {
	began := time.Now()
	defer func() { s.took.Add(int64(time.Since(began))) }()
	return s.Store.Update(ctx, change)
}

// Publish implements chat.Fanout.
func (g *gathering) Publish(user uint64, branch proto.Branch, payload []byte) {
	began := time.Now()
	g.broker.Publish(user, branch, payload)
	g.fanning.Add(int64(time.Since(began)))
	if user <= groupConnected {
		g.sent.Add(1)
	}
	g.told[user].Add(int64(len(payload)))
}

// PublishTo implements chat.Fanout.
func (g *gathering) PublishTo(ctx context.Context, user uint64, client string, branch proto.Branch, payload []byte) error {
	return g.broker.PublishTo(ctx, user, client, branch, payload)
}

// believing is a backend that takes every password.
type believing struct{ backend }

func (b *believing) Authenticate(_ context.Context, user uint64, _ string) (chat.Sender, time.Time, error) {
	return chat.Sender{User: user, Name: fmt.Sprint("member ", user)}, time.Now().Add(time.Hour), nil
}

func newGathering(b *testing.B) *gathering {
	g := &gathering{B: b}
	db, err := store.Open(b.Context(), b.TempDir())
	g.must(err)
	b.Cleanup(func() { g.must(db.Close()) })
	back := new(believing)
	g.broker, err = broker.New(broker.Config{Backend: back, Log: slog.New(slog.DiscardHandler), Rate: math.Inf(1)})
	g.must(err)
	g.Service, err = chat.New(chat.Config{Store: timed{db, &g.committing}, Fanout: g, Log: slog.New(slog.DiscardHandler)})
	g.must(err)
	back.service = g.Service
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- g.Service.Run(ctx) }()
	b.Cleanup(func() {
		stop()
		g.must(<-ended)
	})
	site := httptest.NewServer(g.broker)
	b.Cleanup(site.Close)
	members := make([]uint64, 0, groupSize)
	for user := uint64(1); user <= groupSize; user++ {
		g.must(g.Seen(b.Context(), chat.User{ID: user, Name: fmt.Sprint("member ", user)}, chat.Credential{}))
		if members = append(members, user); user <= groupConnected {
			g.connect(site.URL, user)
		}
	}
	g.group, _, err = g.ChangeGroup(b.Context(), chat.Sender{User: 1}, chat.GroupChange{Type: proto.MessageType_MESSAGE_TYPE_GROUP_CREATE, Users: members[1:], Content: "all hands"})
	g.must(err)
	return g
}

func (g *gathering) must(err error) {
	g.Helper()
	if err != nil {
		g.Fatal(err)
	}
}

// connect connects a member, who reads what comes and drops it.
func (g *gathering) connect(url string, user uint64) {
	ws, _, err := websocket.Dial(g.Context(), strings.Replace(url, "http", "ws", 1), &websocket.DialOptions{Subprotocols: []string{"mqtt"}})
	g.must(err)
	c := websocket.NetConn(context.Background(), ws, websocket.MessageBinary)
	g.Cleanup(func() { _ = c.Close() })
	name := fmt.Sprint(user)
	connect := packets.Connect{ProtocolName: "MQTT", ProtocolVersion: 5, ClientID: name + "-1", CleanStart: true, KeepAlive: 300, UsernameFlag: true, Username: name, PasswordFlag: true, Password: []byte("x")}
	_, err = connect.WriteTo(c)
	g.must(err)
	answer, err := packets.ReadPacket(c)
	g.must(err)
	if ack, ok := answer.Content.(*packets.Connack); !ok || ack.ReasonCode != 0 {
		g.Fatal("CONNACK", answer.Content)
	}
	subscribe := packets.Subscribe{PacketID: 1, Subscriptions: []packets.SubOptions{{Topic: "chat/" + name + "/down/#"}}}
	_, err = subscribe.WriteTo(c)
	g.must(err)
	_, err = packets.ReadPacket(c)
	g.must(err)
	go func() { // ends with the benchmark
		for r := bufio.NewReader(c); ; g.read.Add(1) {
			if _, err := r.ReadByte(); err != nil {
				return
			}
			length, err := varint.ReadUvarint(r) // as MQTT encodes it
			if err != nil {
				return
			}
			if _, err := io.CopyN(io.Discard, r, int64(length)); err != nil {
				return
			}
		}
	}()
}

// arrive waits until those who are connected have read all that was sent.
func (g *gathering) arrive() {
	for deadline := time.Now().Add(time.Minute); g.read.Load() < g.sent.Load(); time.Sleep(100 * time.Microsecond) {
		if time.Now().After(deadline) {
			g.Fatalf("%d of %d packets arrived", g.read.Load(), g.sent.Load())
		}
	}
}

// sends sends a message, waits until it has arrived everywhere, and adds up what the
// transaction took and what telling took.
func (g *gathering) sends(m *proto.Message, commit, tell *time.Duration) {
	g.Helper()
	payload, err := proto.Marshal(m)
	g.must(err)
	committing, fanning := g.committing.Load(), g.fanning.Load()
	_, err = g.Service.Publish(g.Context(), chat.Sender{User: 1}, proto.BranchMessage, payload, nil)
	g.must(err)
	g.arrive()
	*commit += time.Duration(g.committing.Load() - committing)
	*tell += time.Duration(g.fanning.Load() - fanning)
}

func messageOf200(to uint64) *proto.Message {
	ref := make([]byte, proto.RefSize)
	_, _ = rand.Read(ref) // never fails
	return &proto.Message{MessageId: new(uint64), SenderId: new(uint64), CreateTime: new(uint64), ReceiverId: &to, Content: protobuf.String(strings.Repeat("x", 150)), ClientRef: ref}
}

// BenchmarkGroupOf500 sends messages to a group of 500, 200 of whom are connected over
// WebSockets, in turns with messages to one person, each once the one before has arrived. It
// reports how much longer its transactions take, and the server's time to tell 100 members.
//
//	go test -run - -bench GroupOf500 -benchtime 1000x ./server
func BenchmarkGroupOf500(b *testing.B) {
	g := newGathering(b)
	var directCommit, groupCommit, directTell, groupTell time.Duration
	b.ResetTimer()
	for range b.N {
		g.sends(messageOf200(2), &directCommit, &directTell)
		toGroup := messageOf200(g.group.Group())
		toGroup.GroupId = toGroup.ReceiverId
		g.sends(toGroup, &groupCommit, &groupTell)
	}
	b.StopTimer()
	b.ReportMetric(float64(directCommit.Microseconds())/float64(b.N), "µs/direct-commit")
	b.ReportMetric(float64(groupCommit.Microseconds())/float64(b.N), "µs/group-commit")
	b.ReportMetric(float64(groupCommit)/float64(directCommit), "commit-of-direct")
	b.ReportMetric(float64(groupTell.Microseconds())/1000/float64(b.N)/(groupSize/100), "ms/100-members")
}

// BenchmarkMarksOf200Readers lets 200 members of a group read one message, and reports how
// many bytes its author is told of that, and how many all others are.
func BenchmarkMarksOf200Readers(b *testing.B) {
	g := newGathering(b)
	var author, others int64
	for range b.N {
		m := messageOf200(g.group.Group())
		m.GroupId = protobuf.Uint64(g.group.Group())
		payload, err := proto.Marshal(m)
		g.must(err)
		r, err := g.Service.Publish(b.Context(), chat.Sender{User: 1}, proto.BranchMessage, payload, nil)
		g.must(err)
		before := g.bytes()
		for user := uint64(2); user <= groupConnected+1; user++ {
			mark, err := proto.Marshal(&proto.Mark{Key: protobuf.String(g.group.String()), ReadSeq: &r.Seq, DeliveredSeq: &r.Seq})
			g.must(err)
			_, err = g.Service.Publish(b.Context(), chat.Sender{User: user}, proto.BranchMark, mark, nil)
			g.must(err)
		}
		after := g.bytes()
		author += after[1] - before[1]
		for user := 2 + groupConnected; user <= groupSize; user++ { // who did nothing
			others += after[user] - before[user]
		}
	}
	b.ReportMetric(float64(author)/float64(b.N), "B/author")
	b.ReportMetric(float64(author)/float64(b.N)/groupConnected, "B/reader")
	b.ReportMetric(float64(others)/float64(b.N), "B/others")
}

// bytes is how much everybody was told so far.
func (g *gathering) bytes() (all []int64) {
	for user := range g.told {
		all = append(all, g.told[user].Load())
	}
	return slices.Clip(all)
}
