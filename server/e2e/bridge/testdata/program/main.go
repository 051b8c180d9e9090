//go:build js

// Program is a chat whose server is in its head, for the tests of the worker
// and the page: a store in memory, or for one user in IndexedDB, a network that
// accepts every message, and messages that break the program in each way that
// one can break.
package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"syscall/js"
	"time"

	"parley/proto"
	"parley/wasm/bridge"
	"parley/wasm/chat"
	"parley/wasm/idb"
)

func main() {
	err := bridge.Serve(func(ctx context.Context, user uint64, _ string) (bridge.Parts, error) {
		if user != keeper {
			return bridge.Parts{Store: breaking{chat.NewMemory()}, Network: network{}, Folder: idb.Fold}, nil
		}
		store, err := idb.Open(ctx, user)
		return bridge.Parts{Store: breaking{store}, Network: network{}, Folder: idb.Fold}, err
	})
	if err != nil {
		panic(err)
	}
}

// keeper is the user whose store outlives the program.
const keeper = 7

// breaking is a store that breaks the program as it takes a message: content
// "break 2 before" does so two times before it is stored, "break 1 after" once
// after.
type breaking struct{ chat.Store }

func (s breaking) Apply(ctx context.Context, b chat.Batch) error {
	for _, o := range b.Outbox {
		if breaks(o, "before") {
			panic("boom before it is stored")
		}
	}
	err := s.Store.Apply(ctx, b)
	for _, o := range b.Outbox {
		if breaks(o, "after") {
			panic("boom after it is stored")
		}
	}
	return err
}

// breaks reports whether a message is to break the program once more.
func breaks(o chat.Outgoing, when string) bool {
	var m proto.Message
	var times int
	var word string
	if err := proto.Unmarshal(o.Body, &m); err != nil {
		return false
	}
	if _, err := fmt.Sscanf(m.GetContent(), "break %d %s", &times, &word); err != nil || word != when {
		return false
	}
	global := js.Global() // the worker's, which outlives the program
	done := 0
	if v := global.Get(m.GetContent()); v.Type() == js.TypeNumber {
		done = v.Int()
	}
	global.Set(m.GetContent(), done+1)
	return done < times
}

type network struct{}

// Open refuses tokens that end in ".expired".
func (network) Open(_ context.Context, c chat.Credentials, _ chat.Handler) (chat.Session, error) {
	if strings.HasSuffix(c.Token, ".expired") {
		return nil, proto.Refuse(proto.NotAuthorized, "the token is expired")
	}
	return &session{}, nil
}

type session struct{ last atomic.Uint64 }

func (s *session) Publish(branch proto.Branch, payload, _ []byte, done func(chat.Ack, error)) {
	var m proto.Message
	if branch != proto.BranchMessage || proto.Unmarshal(payload, &m) != nil {
		go done(chat.Ack{}, nil)
		return
	}
	breakBy(m.GetContent())
	seq := s.last.Add(1)
	go done(chat.Ack{MessageID: 1<<63 + seq, Seq: seq, CreateTime: uint64(time.Now().UnixMilli())}, nil)
}

func breakBy(content string) {
	switch content {
	case "panic on the loop":
		panic("boom on the loop")
	case "panic in a goroutine":
		go panic("boom in a goroutine")
		select {}
	case "run out of memory":
		hog := make([][]byte, 0)
		for {
			hog = append(hog, make([]byte, 256<<20))
		}
	case "throw through the program":
		js.Global().Get("BigUint64Array").New(1).SetIndex(0, 1) // a Number is no BigInt
	case "panic with a socket and a database open":
		go panicWithThingsOpen()
	case "exit":
		os.Exit(0)
	}
}

func panicWithThingsOpen() {
	opened := make(chan struct{}, 2)
	one := js.FuncOf(func(js.Value, []js.Value) any {
		opened <- struct{}{}
		return nil
	})
	origin := js.Global().Get("location").Get("origin").String()
	js.Global().Get("WebSocket").New(strings.Replace(origin, "http", "ws", 1)+"/socket").Set("onopen", one)
	js.Global().Get("indexedDB").Call("open", "left-open").Set("onsuccess", one)
	<-opened
	<-opened
	panic("boom with things open")
}

func (*session) Notify(proto.Branch, []byte) {}
func (*session) Probe(time.Duration)         {}
func (*session) Close()                      {}
