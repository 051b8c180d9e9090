//go:build js

// Bare links what Parley's program links, and does nothing but say that it
// runs: it is what a reload is measured against. Its functions are there for the
// linker, which would leave out libraries that nothing may call.
package main

import (
	"context"
	"io"
	"os"
	"syscall/js"

	"github.com/eclipse/paho.golang/paho"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/wrapperspb"
	"nhooyr.io/websocket"
)

func main() {
	js.Global().Get("document").Call("getElementById", "line").Set("textContent", "It runs.")
	js.Global().Set("connect", js.FuncOf(func(_ js.Value, args []js.Value) any {
		go func() {
			if err := connect(context.Background(), args[0].String()); err != nil {
				os.Stderr.WriteString(err.Error() + "\n")
			}
		}()
		return nil
	}))
	select {}
}

// connect subscribes to everything at a broker and writes out what comes.
func connect(ctx context.Context, url string) error {
	socket, _, err := websocket.Dial(ctx, url, &websocket.DialOptions{Subprotocols: []string{"mqtt"}})
	if err != nil {
		return err
	}
	client := paho.NewClient(paho.ClientConfig{
		Conn: websocket.NetConn(ctx, socket, websocket.MessageBinary),
		OnPublishReceived: []func(paho.PublishReceived) (bool, error){func(p paho.PublishReceived) (bool, error) {
			var value wrapperspb.StringValue
			if err := proto.Unmarshal(p.Packet.Payload, &value); err != nil {
				return false, err
			}
			_, err := io.WriteString(os.Stdout, value.GetValue())
			return true, err
		}},
	})
	if _, err := client.Connect(ctx, &paho.Connect{ClientID: "bare", CleanStart: true, KeepAlive: 30}); err != nil {
		return err
	}
	if _, err := client.Subscribe(ctx, &paho.Subscribe{Subscriptions: []paho.SubscribeOptions{{Topic: "#", QoS: 1}}}); err != nil {
		return err
	}
	payload, err := proto.Marshal(wrapperspb.String("hello"))
	if err != nil {
		return err
	}
	_, err = client.Publish(ctx, &paho.Publish{Topic: "hello", QoS: 1, Payload: payload})
	return err
}
