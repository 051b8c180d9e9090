//go:build js

// Program is Parley in the browser: one engine per user over MQTT 5 in a
// WebSocket, with its history in IndexedDB. static/engine.js runs it in a worker.
package main

import (
	"context"
	"os"
	"strings"

	"parley/wasm/bridge"
	"parley/wasm/chat"
	"parley/wasm/idb"
	"parley/wasm/link"
)

func main() {
	if err := bridge.Serve(open); err != nil {
		os.Stderr.WriteString(err.Error() + "\n")
		os.Exit(1)
	}
}

// open returns the store and the network of one user of a server, given by its address.
func open(ctx context.Context, user uint64, server string) (chat.Store, chat.Network, error) {
	store, err := idb.Open(ctx, user)
	if err != nil {
		return nil, nil, err
	}
	// http becomes ws, https wss.
	dial := link.WebSocket(strings.Replace(server, "http", "ws", 1) + "/mqtt")
	return store, &link.Network{Dial: dial}, nil
}
