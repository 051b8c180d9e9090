package slowline

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"parley/proto"
	"parley/server/broker"
	"parley/server/chat"
	"parley/server/chat/chattest"
	"parley/server/e2e/live"
	client "parley/wasm/chat"
	"parley/wasm/link"
)

const (
	user          = 1 << 60
	conversations = 10_000
	long          = 950             // of them, whose last message is as long as one may be
	line          = 125_000         // bytes a second, 1 Mbit/s
	patience      = 8 * time.Minute // in which this machine gets it done, whatever else it does
)

// backend is what the broker asks: everybody is let in.
type backend struct{ *chat.Service }

func (backend) Authenticate(_ context.Context, user uint64, _ string) (chat.Sender, time.Time, error) {
	return chat.Sender{User: user, Name: "somebody"}, time.Time{}, nil
}

func (backend) Known(context.Context, chat.Sender) (bool, error) { return true, nil }

// server is a broker and a sequencer with a history.
type server struct {
	t       *testing.T
	broker  *broker.Broker
	service *chat.Service
	address string
	saying  sync.WaitGroup
}

func newServer(t *testing.T) *server {
	t.Helper()
	s := &server{t: t}
	b := &backend{}
	var err error
	log := slog.New(slog.DiscardHandler)
	if s.broker, err = broker.New(broker.Config{Backend: b, Log: log}); err != nil {
		t.Fatal(err)
	}
	if s.service, err = chat.New(chat.Config{Store: chattest.NewMemory(1), Fanout: s.broker, Log: log}); err != nil {
		t.Fatal(err)
	}
	b.Service = s.service
	var batch []chat.Request
	for i := range uint64(conversations) {
		content := "hello"
		if i%(conversations/long) == 0 && i/(conversations/long) < long {
			content = strings.Repeat("x", proto.MaxContent)
		}
		request, err := s.service.Prepare(chat.Sender{User: 1000 + i}, proto.BranchMessage, s.payload(content), nil)
		if err != nil {
			t.Fatal(err)
		}
		batch = append(batch, request)
	}
	for _, r := range s.service.Commit(t.Context(), batch) {
		if r.Err != nil {
			t.Fatal(r.Err)
		}
	}
	running, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.service.Run(running) }()
	web := httptest.NewServer(s.broker)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := s.broker.Shutdown(ctx); err != nil {
			t.Error(err)
		}
		web.Close()
		s.saying.Wait()
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	s.address = web.Listener.Addr().String()
	return s
}

// payload is a message to the user.
func (s *server) payload(content string) []byte {
	s.t.Helper()
	var zero uint64
	to := uint64(user)
	payload, err := proto.Marshal(&proto.Message{MessageId: &zero, SenderId: &zero, CreateTime: &zero, ReceiverId: &to, Content: &content})
	if err != nil {
		s.t.Fatal(err)
	}
	return payload
}

// say lets somebody write to the user, soon.
func (s *server) say(from uint64, content string) {
	payload := s.payload(content)
	s.saying.Go(func() {
		if _, err := s.service.Publish(context.Background(), chat.Sender{User: from}, proto.BranchMessage, payload, nil); err != nil {
			s.t.Error(err)
		}
	})
}

// Messages implements the client's History. It is quick: HTTP is not what is tried here.
func (s *server) Messages(ctx context.Context, _, key string, after, before uint64, limit int) ([]byte, error) {
	return s.history(ctx, key, chat.Window{After: after, Before: before, Limit: limit})
}

// Revised implements the client's History.
func (s *server) Revised(ctx context.Context, _, key string, after uint64, limit int) ([]byte, error) {
	return s.history(ctx, key, chat.Window{Revised: true, RevisedAfter: after, Limit: limit})
}

func (s *server) history(ctx context.Context, key string, w chat.Window) ([]byte, error) {
	k, err := proto.ParseKey(key)
	if err != nil {
		return nil, err
	}
	answer, err := s.service.Messages(ctx, chat.Sender{User: user}, k, w)
	if err != nil {
		return nil, err
	}
	return answer.Marshal(), nil
}

// Search implements the client's History. Nobody does.
func (s *server) Search(context.Context, string, client.Query, int) ([]byte, error) { return nil, nil }

// Group implements the client's History. There are none.
func (s *server) Group(context.Context, string, uint64) ([]byte, error) { return nil, nil }

// page is what the engine tells, which all happens on one loop.
type page struct {
	t      *testing.T
	states []client.Connection
	known  map[string]bool
	heard  map[string]bool // contents of live messages
	change func()          // looks whether all is done
}

func (p *page) Conversations(changed []client.Conversation) {
	for _, c := range changed {
		p.known[c.Key] = true
	}
	p.change()
}

func (p *page) Connection(c client.Connection) {
	p.states = append(p.states, c)
	p.change()
}

func (p *page) Messages(_ string, changed []client.Message, _ []string) {
	for _, m := range changed {
		p.heard[m.Content] = true
	}
	p.change()
}

func (p *page) Typing(string, uint64, bool)   {}
func (p *page) Presence(uint64, bool, uint64) {}

func (p *page) Group(client.Group)       {}
func (p *page) Settings(client.Settings) {}
func (p *page) Kept(client.Keeping)      {}
func (p *page) User(client.Token)        {}
func (p *page) TokenNeeded(string)       { p.t.Error("a token is needed") }
func (p *page) Reset()                   { p.t.Error("it starts over") }
func (p *page) Failed(err error)         { p.t.Error(err) }

func TestTenThousandConversationsArriveOnASlowLineInOneConnection(t *testing.T) {
	s := newServer(t)
	slow, err := live.NewSlowLine(s.address, line)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(slow.Close)
	loop := client.NewLoop()
	p := &page{t: t, known: map[string]bool{}, heard: map[string]bool{}}
	engine := client.New(client.Config{
		User: user, Token: client.Token{Text: "token", Name: "somebody"}, Store: client.NewMemory(), Host: loop, Observer: p, History: s,
		Network: &link.Network{Dial: link.WebSocket("ws://" + slow.Address + "/mqtt")},
	})
	loading, synced, overtook := 0, make(chan struct{}), false
	p.change = func() {
		now := engine.Connection().Loading
		switch {
		case loading == 0 && now > 0:
			s.say(5, "amid the answer")
		case loading > 0 && now == 0 && p.heard["amid the answer"] && len(p.known) > conversations:
			select {
			case <-synced:
			default:
				close(synced)
			}
		}
		if now > 0 && p.heard["amid the answer"] {
			overtook = true
		}
		loading = max(loading, now)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		loop.Run(ctx)
	}()
	began := time.Now()
	loop.Post(func() {
		engine.Start(func(err error) {
			if err != nil {
				t.Error(err)
			}
		})
	})
	select {
	case <-synced:
	case <-time.After(patience):
		t.Error("they did not arrive")
	}
	took := time.Since(began)
	closed := make(chan struct{})
	loop.Post(func() { engine.Close(func() { close(closed) }) })
	<-closed
	stop()
	<-ended

	if n := len(p.known); n != conversations+1 {
		t.Errorf("%d conversations are known, want %d", n, conversations+1)
	}
	if n := slow.Connections(); n != 1 {
		t.Errorf("it took %d connections", n)
	}
	if err := p.check(); err != nil {
		t.Error(err)
	}
	if loading < conversations/2 {
		t.Errorf("progress was told up to %d conversations", loading)
	}
	if !overtook {
		t.Error("a message that came amid the answer came after it")
	}
	t.Logf("%d conversations in %v", len(p.known), took)
}

// check holds that it stayed live, and that its progress never fell back.
func (p *page) check() error {
	live, loading := false, 0
	for _, c := range p.states {
		if live && c.State != client.Live {
			return fmt.Errorf("it went %s: %s", c.State, c.Reason)
		}
		live = live || c.State == client.Live
		if c.Loading < loading && c.Loading != 0 {
			return fmt.Errorf("progress fell from %d to %d", loading, c.Loading)
		}
		loading = c.Loading
	}
	if !live {
		return errors.New("it never was live")
	}
	return nil
}
