//go:build !js

package link

import (
	"context"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/eclipse/paho.golang/packets"

	"parley/proto"
	"parley/wasm/chat"
)

const user = 1<<64 - 1

var credentials = chat.Credentials{User: user, Token: "token", ClientID: "18446744073709551615-test"}

// peer is the server's end of a connection, for what no real server does.
type peer struct {
	t    *testing.T
	conn net.Conn
}

// newNetwork returns a network whose every connection is served by serve, on
// a goroutine that ends before the test does.
func newNetwork(t *testing.T, serve func(peer)) *Network {
	var serving sync.WaitGroup
	t.Cleanup(serving.Wait)
	return &Network{Dial: func(context.Context) (net.Conn, error) {
		client, server := net.Pipe()
		serving.Add(1)
		go func() {
			defer serving.Done()
			defer server.Close()
			serve(peer{t, server})
		}()
		return client, nil
	}}
}

// read returns the next packet, nil if the client is gone.
func (p peer) read() *packets.ControlPacket {
	cp, err := packets.ReadPacket(p.conn)
	if err != nil {
		return nil
	}
	return cp
}

func (p peer) write(b ...byte) {
	if _, err := p.conn.Write(b); err != nil {
		p.t.Logf("the client does not read: %v", err)
	}
}

// welcome answers CONNECT and SUBSCRIBE.
func (p peer) welcome(properties *packets.Properties) {
	p.accept(properties)
	p.granted()
}

func (p peer) accept(properties *packets.Properties) {
	p.read()
	if properties == nil {
		properties = &packets.Properties{}
	}
	ca := packets.Connack{Properties: properties}
	if _, err := ca.WriteTo(p.conn); err != nil {
		p.t.Logf("the client does not read: %v", err)
	}
}

func (p peer) granted() {
	subscribe := p.read()
	if subscribe == nil {
		return
	}
	ack := packets.Suback{PacketID: subscribe.PacketID(), Properties: &packets.Properties{}, Reasons: []byte{0}}
	if _, err := ack.WriteTo(p.conn); err != nil {
		p.t.Logf("the client does not read: %v", err)
	}
}

// drain reads until the client is gone and returns the types of what came.
func (p peer) drain() (types []byte) {
	for cp := p.read(); cp != nil; cp = p.read() {
		types = append(types, cp.Type)
	}
	return types
}

func (p peer) puback(id uint16, reason byte, properties *packets.Properties) {
	if properties == nil {
		properties = &packets.Properties{}
	}
	ack := packets.Puback{PacketID: id, ReasonCode: reason, Properties: properties}
	if _, err := ack.WriteTo(p.conn); err != nil {
		p.t.Logf("the client does not read: %v", err)
	}
}

// delivery is what a recorder was given.
type delivery struct {
	branch  proto.Branch
	payload string
}

// recorder is a chat.Handler that writes everything down.
type recorder struct {
	deliveries chan delivery
	closed     chan error
}

func newRecorder() *recorder {
	return &recorder{deliveries: make(chan delivery, 1000), closed: make(chan error, 10)}
}

func (r *recorder) Deliver(b proto.Branch, payload []byte) {
	r.deliveries <- delivery{b, string(payload)}
}

func (r *recorder) Closed(err error) {
	r.closed <- err
	close(r.deliveries) // a later Deliver panics, as does a second Closed
}

func (r *recorder) wait(t *testing.T) error {
	t.Helper()
	return receive(t, r.closed)
}

// receive is patient, and fails the test in the end.
func receive[T any](t *testing.T, c <-chan T) (v T) {
	t.Helper()
	select {
	case v = <-c:
	case <-time.After(time.Minute):
		t.Fatal("nothing came within a minute")
	}
	return v
}

// result is what a publication's done was called with.
type result struct {
	ack chat.Ack
	err error
}

// publish returns where the result will arrive.
func publish(s chat.Session, payload string) <-chan result {
	c := make(chan result, 2)
	s.Publish(proto.BranchMessage, []byte(payload), []byte("ref"), func(a chat.Ack, err error) { c <- result{a, err} })
	return c
}
