//go:build js

// Program is Parley in the browser: one engine per user over MQTT 5 in a
// WebSocket, with its history in IndexedDB. static/engine.js runs it in a worker.
package main

import (
	"context"
	"errors"
	"os"
	"runtime/debug"
	"strings"

	"parley/wasm/bridge"
	"parley/wasm/chat"
	"parley/wasm/idb"
	"parley/wasm/link"
)

// memory is how many bytes the program may have before it collects garbage as often as that takes. Below that it may have
// five times what it keeps: of so little, to collect takes a tenth of what a burst of messages does.
const memory = 48 << 20

func main() {
	debug.SetGCPercent(400)
	debug.SetMemoryLimit(memory)
	if err := bridge.Serve(open); err != nil {
		os.Stderr.WriteString(err.Error() + "\n")
		os.Exit(1)
	}
}

// open returns the store and the network of one user of a server, given by its
// address. Where the browser keeps nothing, and will not, the chat works in memory and says so; with what waits to be sent
// in what a newer program keeps there, which stays as it is.
func open(ctx context.Context, user uint64, server string) (bridge.Parts, error) {
	// http becomes ws, https wss.
	dial := link.WebSocket(strings.Replace(server, "http", "ws", 1) + "/mqtt")
	parts := bridge.Parts{Network: &link.Network{Dial: dial}, Folder: idb.Fold}
	files := idb.OpenFiles(user)
	erase := func(ctx context.Context) error { return errors.Join(idb.Delete(ctx, user), files.Erase(ctx)) }
	store, err := idb.Open(ctx, user)
	if unavailable, ok := errors.AsType[*idb.Unavailable](err); ok {
		memory := chat.NewMemory()
		parts.Store, parts.MemoryOnly = memory, *chat.ReasonOf(unavailable)
		if unavailable.Newer {
			parts.Erase = erase
		}
		return parts, memory.Apply(ctx, chat.Batch{Outbox: unavailable.Outbox})
	}
	if err != nil {
		return bridge.Parts{}, err
	}
	parts.Store, parts.Files, parts.Erase = store, bridge.NewUploads(server, files), erase
	return parts, nil
}
