package broker

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/eclipse/paho.golang/packets"

	"parley/proto"
)

func TestShutdownTellsEverybodyAndLeavesNothingRunning(t *testing.T) {
	before := runtime.NumGoroutine()
	back := &backend{expires: time.Now().Add(time.Hour)}
	b, err := New(Config{Backend: back, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(b)
	url := "ws" + server.URL[len("http"):]
	p, old := join(t, url, 7, "a"), newPeer(t, dial(t, url))
	c := hello(8, "a")
	c.version = 4
	old.send(c.bytes())
	old.mustFrame()
	silent := dial(t, url)
	join(t, url, 9, "half-open") // which does not answer the closing handshake
	b.Publish(9, proto.BranchMessage, []byte("hello"))

	done := make(chan error)
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		done <- b.Shutdown(ctx)
	}()
	if code, text := p.disconnected(); code != 0x8B || text == "" {
		t.Errorf("DISCONNECT 0x%02X %q, want 0x8B", code, text)
	}
	old.ended()
	if err := <-done; err != nil {
		t.Errorf("Shutdown: %v", err)
	}
	if b.Connections() != 0 || b.mqtt.Clients.Len() != 0 {
		t.Errorf("%d connections, %d clients in mochi", b.Connections(), b.mqtt.Clients.Len())
	}
	if response := handshake(t, url, nil); response.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("after Shutdown: %+v, want 503", response)
	}
	silent.Close()
	p.Close()
	old.Close()
	server.Close()
	waitFor(t, func() bool {
		return !goroutinesOf("parley/server/broker.(*", "mochi-mqtt") && runtime.NumGoroutine() <= before+3
	})
}

// goroutinesOf says whether a goroutine is in one of the functions.
func goroutinesOf(names ...string) bool {
	stacks := make([]byte, 1<<20)
	stacks = stacks[:runtime.Stack(stacks, true)]
	for _, name := range names {
		if strings.Contains(string(stacks), name) {
			return true
		}
	}
	return false
}

// A server that stops tells everybody, a few at a time, and takes nobody new.
func TestADrainTellsEverybody(t *testing.T) {
	b, _ := newBroker(t, nil)
	server := httptest.NewServer(b)
	defer server.Close()
	url := "ws" + server.URL[len("http"):]
	var peers []*peer
	for user := range uint64(45) { // more than are told at once
		peers = append(peers, join(t, url, user+1, "a"))
	}
	b.Drain(t.Context(), time.Minute)
	for i, p := range peers {
		if code, text := p.disconnected(); code != 0x8B || text == "" {
			t.Errorf("peer %d: DISCONNECT 0x%02X %q, want 0x8B", i, code, text)
		}
	}
	if response := handshake(t, url, nil); response.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("meanwhile: %+v, want 503", response)
	}
}

func TestShutdownLetsAPublicationFinish(t *testing.T) {
	b, back := newBroker(t, nil)
	back.hold = make(chan struct{})
	p := join(t, serve(t, b), 7, "a")
	first := publishPacket(5, qos1, "chat/7/up/message", 1, nil, "hi")
	p.send(append(first, publishPacket(5, qos1, "chat/7/up/message", 2, nil, "too late")...))
	waitFor(t, func() bool { back.mu.Lock(); defer back.mu.Unlock(); return back.waiting == 1 })
	done := make(chan error)
	go func() { done <- b.Shutdown(context.Background()) }()
	waitFor(t, func() bool { b.mu.Lock(); defer b.mu.Unlock(); return b.closing })
	close(back.hold)
	if ack := want[packets.Puback](p); ack.PacketID != 1 || ack.ReasonCode != 0 {
		t.Errorf("PUBACK %+v", ack)
	}
	if code, _ := p.disconnected(); code != 0x8B {
		t.Errorf("DISCONNECT 0x%02X, want 0x8B", code)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
	if got := back.published(); len(got) != 1 {
		t.Errorf("%d publications, want 1", len(got))
	}
}

func TestShutdownCutsOffWhoTakesTooLong(t *testing.T) {
	b, back := newBroker(t, nil)
	back.hold = make(chan struct{}) // never let go
	stuck := join(t, serve(t, b), 7, "a")
	stuck.send(publishPacket(5, qos1, "chat/7/up/message", 1, nil, "hi"))
	waitFor(t, func() bool { back.mu.Lock(); defer back.mu.Unlock(); return back.waiting == 1 })
	unread := pipe(t, b) // nobody reads what is written to it
	unread.connect(8, "a")
	unread.subscribe("chat/8/down/#")
	b.Publish(8, proto.BranchMessage, []byte("hello"))
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	if err := b.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "cut off") {
		t.Errorf("Shutdown: %v", err)
	}
	b.serving.Wait()
	for _, p := range []*peer{stuck, unread} {
		if _, err := io.Copy(io.Discard, p.r); err != nil && !errors.Is(err, io.EOF) && !strings.Contains(err.Error(), "EOF") {
			t.Error(err)
		}
	}
	if len(back.published()) != 0 {
		t.Error("it was published")
	}
}
