// Package link holds MQTT 5 sessions with a Parley server: it implements
// chat.Network with the paho client over any net.Conn, and brings the
// WebSocket that a browser needs.
//
// A session lives as long as its connection and keeps nothing afterwards: no
// broker session, no store of its own, no reconnecting. What has to survive is
// the caller's outbox. In return every wait has an end: whatever the peer does
// or leaves undone, each publication is answered once and each session closes
// once.
package link

import (
	"context"
	"fmt"
	"net"
	"time"

	"parley/wasm/chat"
)

const (
	// maxPacket is the largest packet taken from a server, in bytes of
	// Remaining Length; CONNECT announces it as Maximum Packet Size.
	maxPacket = 1 << 20
	// maxPublications is how many publications may wait to be written.
	maxPublications = 1024
	// defaultKeepAlive suits mobile networks, whose address translation
	// forgets an idle connection after a minute or more.
	defaultKeepAlive = 30 * time.Second
	// ackTimeout bounds the wait for CONNACK, SUBACK and PUBACK.
	ackTimeout = 10 * time.Second
	// writeTimeout bounds the write of one packet.
	writeTimeout = 10 * time.Second
)

// Network opens sessions over the connections that Dial makes. It implements
// chat.Network and is safe for concurrent use.
type Network struct {
	// Dial makes a connection on which the server awaits CONNECT; see
	// WebSocket. It honours ctx, and leaves nothing open when it fails.
	// Each Write is one packet. The session closes the connection; Close may
	// be called more than once and must not wait for the peer.
	Dial func(ctx context.Context) (net.Conn, error)
	// KeepAlive is how long the connection may be idle before a PINGREQ asks
	// for a sign of life, in whole seconds, at most 65,535; 0 means 30 s. A
	// server that asks for less gets less. A dead connection is noticed within
	// one and a half times that.
	KeepAlive time.Duration
}

var _ chat.Network = (*Network)(nil)

// Open implements chat.Network. Without a deadline in ctx it still ends: each
// of CONNACK and SUBACK is awaited for 10 s.
func (n *Network) Open(ctx context.Context, c chat.Credentials, handler chat.Handler) (chat.Session, error) {
	conn, err := n.Dial(ctx)
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	s := newSession(c.User, newPacketConn(conn), n.keepAlive(), handler)
	// Ending the connection ends every wait below, a blocked write included.
	unwatch := context.AfterFunc(ctx, func() { s.conn.fail(context.Cause(ctx)) })
	defer unwatch()
	if err := s.connect(ctx, c); err != nil {
		return nil, err
	}
	if err := s.subscribe(ctx); err != nil {
		s.abandon()
		return nil, err
	}
	if !unwatch() {
		s.abandon()
		return nil, context.Cause(ctx)
	}
	go s.run()
	return s, nil
}

func (n *Network) keepAlive() time.Duration {
	if n.KeepAlive == 0 {
		return defaultKeepAlive
	}
	return min(max(n.KeepAlive.Truncate(time.Second), time.Second), 65535*time.Second)
}
