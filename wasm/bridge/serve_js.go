package bridge

import (
	"context"
	"errors"
	"syscall/js"

	"parley/wasm/chat"
)

// Serve runs the program until the host stops it. open is called with every
// user who opens a page, and gives all parts but the history.
func Serve(open Opener) error {
	host := js.Global().Get("parleyHost")
	if host.Type() != js.TypeObject {
		return errors.New("parleyHost is missing: run this program with engine.js")
	}
	mark := func(name string) { host.Call("mark", name) }
	mark("main")
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	loop := chat.NewLoop()
	hub := newHub(ctx, loop, func(ctx context.Context, user uint64, server string) (Parts, error) {
		parts, err := open(ctx, user, server)
		parts.Network, parts.History = reasoned{parts.Network, server}, history{server}
		return parts, err
	}, poster(host), mark)

	receive := js.FuncOf(func(_ js.Value, args []js.Value) any {
		port, data := args[0].Int(), make([]byte, args[1].Length())
		js.CopyBytesToGo(data, args[1])
		loop.Post(func() { hub.receive(port, data) })
		return nil
	})
	defer receive.Release()
	detach := js.FuncOf(func(_ js.Value, args []js.Value) any {
		port := args[0].Int()
		loop.Post(func() { hub.detach(port) })
		return nil
	})
	defer detach.Release()
	stop := js.FuncOf(func(js.Value, []js.Value) any {
		loop.Post(func() { hub.close(cancel) })
		return nil
	})
	defer stop.Release()

	host.Call("start", map[string]any{"receive": receive, "detach": detach, "stop": stop})
	loop.Run(ctx)
	return nil
}

// poster returns a function that copies bytes out of the program's memory and
// hands them to the host.
func poster(host js.Value) func(data []byte, ports []int) {
	post, uint8Array := host.Get("post"), js.Global().Get("Uint8Array")
	return func(data []byte, ports []int) {
		bytes := uint8Array.New(len(data))
		js.CopyBytesToJS(bytes, data)
		args := make([]any, 1, 1+len(ports))
		args[0] = bytes
		for _, port := range ports {
			args = append(args, port)
		}
		post.Invoke(args...)
	}
}
