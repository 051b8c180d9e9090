package firefox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"

	"nhooyr.io/websocket"
)

// bidi is a session of WebDriver BiDi.
type bidi struct {
	socket *websocket.Conn
	heard  func(event string, params json.RawMessage) // must not block

	mu      sync.Mutex
	last    uint64
	waiting map[uint64]chan answer
	ended   error // why nothing is answered any more
}

// answer is what a command gave.
type answer struct {
	Result  json.RawMessage
	Error   string // its code, "" if it did what was asked
	Message string
}

// largestMessage is how many bytes an answer may have.
const largestMessage = 16 << 20

// dial begins a session with a browser that listens at a WebSocket address. heard is
// told of events, in their order.
func dial(ctx context.Context, address string, heard func(string, json.RawMessage)) (*bidi, error) {
	socket, _, err := websocket.Dial(ctx, address+"/session", nil)
	if err != nil {
		return nil, err
	}
	socket.SetReadLimit(largestMessage)
	b := &bidi{socket: socket, heard: heard, waiting: make(map[uint64]chan answer)}
	go b.listen()
	_, err = b.command(ctx, "session.new", map[string]any{"capabilities": map[string]any{}})
	return b, err
}

// close ends the connection, and with it the goroutine that listens.
func (b *bidi) close() { b.socket.CloseNow() }

func (b *bidi) listen() {
	for {
		_, text, err := b.socket.Read(context.Background())
		if err != nil {
			b.end(err)
			return
		}
		var message struct {
			answer
			ID     *uint64
			Method string
			Params json.RawMessage
		}
		if err := json.Unmarshal(text, &message); err != nil {
			b.end(fmt.Errorf("the browser says %.200s: %w", text, err))
			return
		}
		if message.ID == nil {
			b.heard(message.Method, message.Params)
			continue
		}
		b.mu.Lock()
		waits := b.waiting[*message.ID]
		delete(b.waiting, *message.ID)
		b.mu.Unlock()
		if waits != nil {
			waits <- message.answer
		}
	}
}

func (b *bidi) end(why error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ended = why
	for id, waits := range b.waiting {
		close(waits)
		delete(b.waiting, id)
	}
}

// command asks the browser to do something and waits until it is done.
func (b *bidi) command(ctx context.Context, method string, params any) (json.RawMessage, error) {
	b.mu.Lock()
	if b.ended != nil {
		defer b.mu.Unlock()
		return nil, fmt.Errorf("%s: %w", method, b.ended)
	}
	b.last++
	id, waits := b.last, make(chan answer, 1)
	b.waiting[id] = waits
	b.mu.Unlock()
	text, err := json.Marshal(map[string]any{"id": id, "method": method, "params": params})
	if err != nil {
		return nil, err
	}
	if err := b.socket.Write(ctx, websocket.MessageText, text); err != nil {
		return nil, fmt.Errorf("%s: %w", method, err)
	}
	select {
	case got, open := <-waits:
		if !open {
			return nil, fmt.Errorf("%s: %w", method, errors.New("the browser has ended"))
		}
		if got.Error != "" {
			return nil, fmt.Errorf("%s: %s: %s", method, got.Error, got.Message)
		}
		return got.Result, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("%s: %w", method, ctx.Err())
	}
}
