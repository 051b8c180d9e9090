package bridge

import (
	"context"
	"errors"
	"syscall/js"
	"time"

	"parley/proto"
	"parley/wasm/chat"
)

// askTimeout bounds the question why a connection was refused.
const askTimeout = 5 * time.Second

// reasoned is a network whose errors say why the server refused the WebSocket,
// which browsers keep to themselves.
type reasoned struct {
	chat.Network
	server string // its address
}

// Open implements chat.Network.
func (r reasoned) Open(ctx context.Context, c chat.Credentials, h chat.Handler) (chat.Session, error) {
	session, err := r.Network.Open(ctx, c, h)
	var refusal *proto.Refusal
	if err == nil || errors.As(err, &refusal) || ctx.Err() != nil {
		return session, err
	}
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	if refusal := whyRefused(ctx, r.server+"/mqtt"); refusal != nil {
		return nil, refusal
	}
	return nil, err
}

// whyRefused asks the server, by a request that has an Origin as that for the
// WebSocket had. nil is that it cannot be reached, or would refuse nothing now.
func whyRefused(ctx context.Context, url string) *proto.Refusal {
	abort := js.Global().Get("AbortController").New()
	stop := context.AfterFunc(ctx, func() { abort.Call("abort") })
	defer stop()
	response, err := await(js.Global().Call("fetch", url, map[string]any{
		"method": "POST", "cache": "no-store", "credentials": "omit", "signal": abort.Get("signal"),
	}))
	if err != nil {
		return nil
	}
	body, err := read(response.Get("body"))
	if err != nil {
		return nil
	}
	if why := problemOf(body); why.Text != "" {
		// The reason is none that says anything about the token.
		return proto.Refuse(proto.ImplementationSpecific, "the server refuses the connection: %s", why.Text).Named("connection-refused", why.Text)
	}
	return nil
}
