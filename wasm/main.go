//go:build js

// Program is Parley in the browser: one engine per user over MQTT 5 in a
// WebSocket, with its history in IndexedDB. static/engine.js runs it in a worker.
package main

import (
	"context"
	"errors"
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

// open returns the store and the network of one user of a server, given by its
// address. Where the browser keeps nothing, the chat works in memory and says so.
func open(ctx context.Context, user uint64, server string) (bridge.Parts, error) {
	// http becomes ws, https wss.
	dial := link.WebSocket(strings.Replace(server, "http", "ws", 1) + "/mqtt")
	parts := bridge.Parts{Network: &link.Network{Dial: dial}, Folder: idb.Fold}
	store, err := idb.Open(ctx, user)
	switch unavailable, ok := errors.AsType[*idb.Unavailable](err); {
	case ok:
		parts.Store, parts.MemoryOnly = chat.NewMemory(), *chat.ReasonOf(unavailable)
	case err != nil:
		return bridge.Parts{}, err
	default:
		files := idb.OpenFiles(user)
		parts.Store, parts.Files = store, bridge.NewUploads(server, files)
		parts.Erase = func(ctx context.Context) error { return errors.Join(idb.Delete(ctx, user), files.Erase(ctx)) }
	}
	return parts, nil
}
