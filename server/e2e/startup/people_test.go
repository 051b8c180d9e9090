package startup

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"testing"
	"time"

	"parley/proto"
	"parley/wasm/chat"
	"parley/wasm/link"
)

// guest is somebody whom the server gave a token.
type guest struct {
	id    uint64
	name  string
	token string
}

// newGuest registers a guest at a server.
func newGuest(t testing.TB, address, name string) guest {
	t.Helper()
	question, err := json.Marshal(map[string]string{"name": name})
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.Post("http://"+address+"/api/guests", "application/json", bytes.NewReader(question))
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusCreated {
		t.Fatalf("POST /api/guests is answered by %d %s (%v)", answer.StatusCode, text, err)
	}
	var made struct {
		ID    string `json:"user_id"`
		Token string `json:"token"`
	}
	if err := json.Unmarshal(text, &made); err != nil {
		t.Fatal(err)
	}
	id, err := strconv.ParseUint(made.ID, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return guest{id, name, made.Token}
}

// underway is how many messages are sent before their acknowledgements came: each has ten
// seconds from then on, those in which it waits behind the others included.
const underway = 64

// write sends n messages to another guest and returns once all are stored.
func (g guest) write(t testing.TB, address string, to guest, n int) {
	t.Helper()
	g.writeEvery(t, address, to, n, 0)
}

// writeEvery is write at an even pace, at most.
func (g guest) writeEvery(t testing.TB, address string, to guest, n int, every time.Duration) {
	t.Helper()
	g.writeEach(t, address, slices.Repeat([]guest{to}, n), every)
}

// writeEach sends one message to each guest, of whom some may come again.
func (g guest) writeEach(t testing.TB, address string, to []guest, every time.Duration) {
	t.Helper()
	g.send(t, address, len(to), every, func(i int) *proto.Message { return g.message(to[i], i) })
}

// send sends n messages at an even pace, at most, and returns once all are stored.
func (g guest) send(t testing.TB, address string, n int, every time.Duration, message func(i int) *proto.Message) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	network := link.Network{Dial: link.WebSocket("ws://" + address + "/mqtt")}
	session, err := network.Open(ctx, chat.Credentials{User: g.id, Token: g.token, ClientID: fmt.Sprintf("%d-writer", g.id)}, nobody{})
	if err != nil {
		t.Fatalf("%s: %v", g.name, err)
	}
	defer session.Close()
	stored := make(chan error, n)
	began := time.Now()
	for i := range n {
		time.Sleep(time.Until(began.Add(time.Duration(i) * every)))
		if i >= underway {
			if err := <-stored; err != nil {
				t.Fatalf("%s: %v", g.name, err)
			}
		}
		m := message(i)
		payload, err := proto.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		session.Publish(proto.BranchMessage, payload, m.ClientRef, func(_ chat.Ack, err error) { stored <- err })
	}
	for range min(n, underway) {
		if err := <-stored; err != nil {
			t.Fatalf("%s: %v", g.name, err)
		}
	}
}

// message is the i-th of some 200 bytes, each of which says which one it is.
func (g guest) message(to guest, i int) *proto.Message {
	content := fmt.Sprintf("Message %d of %s. The harbour was quiet that morning, and the boats that had not gone out lay side by side, "+
		"as they had for weeks, with nothing on deck but nets and the birds that waited there.", i+1, g.name)
	zero, ref := uint64(0), make([]byte, proto.RefSize)
	_, _ = rand.Read(ref) // never fails
	return &proto.Message{MessageId: &zero, SenderId: &g.id, Content: &content, CreateTime: &zero, ReceiverId: &to.id, ClientRef: ref}
}

// nobody listens to what a writer is told.
type nobody struct{}

func (nobody) Deliver(proto.Branch, []byte) {}
func (nobody) Closed(error)                 {}
