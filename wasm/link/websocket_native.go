//go:build !js

package link

import (
	"context"
	"fmt"
	"net"

	"nhooyr.io/websocket"
)

func dial(ctx context.Context, url string) (net.Conn, error) {
	socket, _, err := websocket.Dial(ctx, url, &websocket.DialOptions{
		Subprotocols:    []string{subprotocol},
		CompressionMode: websocket.CompressionDisabled,
	})
	if err != nil {
		return nil, fmt.Errorf("the server does not answer: %w", err)
	}
	reading, stop := context.WithCancel(context.Background())
	return newWebSocket(reading, socket, func() {
		go func() { // waits for the peer, some seconds at most
			defer stop()
			_ = socket.Close(websocket.StatusNormalClosure, "")
		}()
	})
}
