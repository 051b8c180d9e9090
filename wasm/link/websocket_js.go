//go:build js && wasm

package link

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"syscall/js"

	"nhooyr.io/websocket"
)

// dial opens a WebSocket of the browser. The library does the talking, but
// must not do the closing:
//
//   - its Dial, when cancelled, asks for a close code that browsers refuse, so
//     that the socket goes on connecting, and browsers connect to one host one
//     socket at a time: a server that does not answer would hold up the next
//     attempts for minutes;
//   - its Close waits for the peer, up to a minute, and holds a lock meanwhile
//     that an error event wants too, inside a callback of JavaScript: that
//     stops the whole program.
//
// Hence the socket is made here and handed to the library through the
// constructor that it calls. Closing the socket itself waits for nothing, and
// the library learns of it by the close event.
func dial(ctx context.Context, url string) (net.Conn, error) {
	if err := ctx.Err(); err != nil {
		return nil, context.Cause(ctx)
	}
	socket, err := newSocket(url)
	if err != nil {
		return nil, err
	}
	hangUp := func() { socket.Call("close") }
	unwatch := context.AfterFunc(ctx, hangUp)
	opened, err := adopt(socket, url)
	switch {
	case !unwatch():
		hangUp()
		return nil, context.Cause(ctx)
	case err != nil:
		hangUp()
		return nil, fmt.Errorf("the server does not answer: %w", err)
	}
	reading, stop := context.WithCancel(context.Background())
	return newWebSocket(reading, opened, func() {
		// 1000 is the one code below 3000 that browsers let a page send.
		socket.Call("close", int(websocket.StatusNormalClosure))
		stop()
	})
}

// newSocket begins to connect.
func newSocket(url string) (socket js.Value, err error) {
	defer func() {
		switch thrown := recover().(type) {
		case nil:
		case js.Error:
			err = fmt.Errorf("the browser refuses to connect to %q: %w", url, thrown)
		default:
			panic(thrown)
		}
	}()
	constructor := js.Global().Get("WebSocket")
	if constructor.IsUndefined() {
		return js.Undefined(), errors.New("this browser has no WebSocket: use a newer one")
	}
	return constructor.New(url, []any{subprotocol}), nil
}

// adopting is held while the global WebSocket is not the browser's.
var adopting sync.Mutex

// adopt waits until socket is open or closed. The library constructs its
// WebSocket before it waits for anything, so nothing else can come between.
func adopt(socket js.Value, url string) (*websocket.Conn, error) {
	adopting.Lock()
	global := js.Global()
	constructor := global.Get("WebSocket")
	hand := js.FuncOf(func(js.Value, []js.Value) any {
		global.Set("WebSocket", constructor)
		adopting.Unlock()
		return socket
	})
	defer hand.Release()
	global.Set("WebSocket", hand)
	// The context must not end: see dial.
	opened, _, err := websocket.Dial(context.Background(), url, &websocket.DialOptions{Subprotocols: []string{subprotocol}})
	return opened, err
}
