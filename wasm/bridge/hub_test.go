package bridge

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/proto"
	"parley/wasm/chat"
)

// me and peer need all 64 bits: as floats they would be one and the same number.
const (
	me   = uint64(math.MaxUint64)
	peer = uint64(math.MaxUint64 - 1)
)

var key = proto.DirectKey(me, peer).String()

// ref is a client_ref as pages write it.
const ref = "000102030405060708090a0b0c0d0e0f"

// network gives sessions that are open and silent, or the error of open.
type network struct {
	open    error
	opened  []chat.Credentials
	handler chat.Handler // of the session opened last
}

func (n *network) Open(_ context.Context, c chat.Credentials, h chat.Handler) (chat.Session, error) {
	n.opened, n.handler = append(n.opened, c), h
	return silence{}, n.open
}

type silence struct{}

func (silence) Publish(proto.Branch, []byte, []byte, func(chat.Ack, error)) {}
func (silence) Notify(proto.Branch, []byte)                                 {}
func (silence) Probe(time.Duration)                                         {}
func (silence) Close()                                                      {}

type noHistory struct{}

func (noHistory) Messages(context.Context, string, string, uint64, uint64, int) ([]byte, error) {
	return nil, errors.New("no history here")
}

func (noHistory) Search(context.Context, string, chat.Query, int) ([]byte, error) {
	return nil, errors.New("no search here")
}

func (noHistory) Group(context.Context, string, uint64) ([]byte, error) {
	return nil, errors.New("no groups here")
}

func (noHistory) Revised(context.Context, string, string, uint64, int) ([]byte, error) {
	return nil, errors.New("no history here")
}

// profile is a hub with the ports of some pages, in a synctest bubble.
type profile struct {
	t       *testing.T
	loop    *chat.Loop
	hub     *hub
	network network
	stores  map[uint64]chat.Store
	opened  int // stores
	failure error
	posts   map[int][]any  // decoded, by port
	crossed map[int][]byte // the same before it was decoded
	sent    int            // calls of post
}

func inProfile(t *testing.T, test func(p *profile)) {
	synctest.Test(t, func(t *testing.T) {
		p := &profile{t: t, loop: chat.NewLoop(), stores: make(map[uint64]chat.Store), posts: make(map[int][]any), crossed: make(map[int][]byte)}
		ctx, cancel := context.WithCancel(t.Context())
		p.hub = newHub(ctx, p.loop, p.open, p.post, func(string) {})
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			p.loop.Run(ctx)
		}()
		test(p)
		p.loop.Post(func() { p.hub.close(cancel) })
		<-ended
	})
}

func (p *profile) open(_ context.Context, user uint64, _ string) (Parts, error) {
	p.opened++
	if p.stores[user] == nil {
		p.stores[user] = chat.NewMemory()
	}
	erase := func(context.Context) error {
		delete(p.stores, user)
		return p.failure
	}
	return Parts{Store: p.stores[user], Network: &p.network, History: noHistory{}, Erase: erase}, p.failure
}

func (p *profile) post(data []byte, ports []int) {
	p.sent++
	for _, port := range ports {
		v, err := decode(data)
		if err != nil {
			p.t.Errorf("posted to port %d: %v", port, err)
		}
		p.posts[port] = append(p.posts[port], v)
		p.crossed[port] = append(p.crossed[port], data...)
	}
}

// do posts a command and waits until everything is quiet; it returns what came
// to the port since.
func (p *profile) do(port int, command record) []any {
	delete(p.posts, port)
	data := pack(command)
	p.loop.Post(func() { p.hub.receive(port, data) })
	synctest.Wait()
	return p.posts[port]
}

// pass lets time pass until everything is quiet; what was read of posts before is read
// before the loop goes on.
func (p *profile) pass(d time.Duration) {
	p.loop.Post(func() {})
	time.Sleep(d)
	synctest.Wait()
}

func (p *profile) detach(port int) {
	p.loop.Post(func() { p.hub.detach(port) })
	synctest.Wait()
}

func attachCommand(changes record) record {
	c := record{"id": 1.0, "op": "attach", "protocol": float64(protocol), "user": me, "server": "https://chat.example",
		"name": "Ada", "services": []any{}, "token": "first", "issued": 0.0, "expires": 0.0}
	maps.Copy(c, changes)
	return c
}

func sendCommand(changes record) record {
	c := record{"id": 2.0, "op": "send", "key": key, "content": "hello", "seen": uint64(0), "type": "text",
		"target": uint64(0), "extend": "", "anyway": false, "ref": ref, "repeat": false, "mentions": []any{}, "files": []any{}}
	maps.Copy(c, changes)
	return c
}

// answer finds the answer to a call.
func answer(t *testing.T, posts []any, id float64) record {
	t.Helper()
	for _, v := range posts {
		if r, ok := v.(record); ok && r["id"] == id {
			return r
		}
	}
	t.Fatalf("no answer to call %v in %v", id, posts)
	return nil
}

// details returns the details of all events of one name.
func details(posts []any, name string) []any {
	var found []any
	for _, v := range posts {
		list, isList := v.([]any)
		if !isList {
			list = []any{v}
		}
		for _, item := range list {
			if r := item.(record); r["event"] == name {
				found = append(found, r["detail"])
			}
		}
	}
	return found
}

func TestASendTellsEveryPageOfTheUserOfThePendingMessageAndThenAnswers(t *testing.T) {
	inProfile(t, func(p *profile) {
		p.do(1, attachCommand(nil))
		p.do(2, attachCommand(record{"id": 7.0}))
		p.do(3, attachCommand(record{"user": peer}))
		clear(p.posts)
		posts := p.do(1, sendCommand(nil))

		for _, port := range []int{1, 2} {
			changes := details(p.posts[port], "messages")
			if len(changes) != 1 {
				t.Fatalf("page %d was told %d times", port, len(changes))
			}
			got := changes[0].(record)["messages"].([]any)[0].(record)
			if got["sender"] != me || got["receiver"] != peer || got["content"] != "hello" || got["state"] != "pending" || got["ref"] != ref {
				t.Errorf("page %d was told of %v, want the pending message from %d to %d", port, got, me, peer)
			}
		}
		if diff := cmp.Diff(record{"id": 2.0, "value": nil}, posts[len(posts)-1]); diff != "" {
			t.Errorf("the page that sends is answered last (-want +got)\n%s", diff)
		}
		if got := p.posts[3]; got != nil {
			t.Errorf("another user's page was told %v", got)
		}
	})
}

func TestAPendingSendCrossesToEachPageOnce(t *testing.T) {
	inProfile(t, func(p *profile) {
		for port := 1; port <= 2; port++ {
			p.do(port, attachCommand(nil))
		}
		content := strings.Repeat("0123456789abcdef", proto.MaxContent/16)
		for _, repeat := range []bool{false, true} {
			clear(p.crossed)
			p.do(1, sendCommand(record{"content": content, "repeat": repeat}))
			for port := 1; port <= 2; port++ {
				crossed := p.crossed[port]
				if n := bytes.Count(crossed, []byte(content)); n != 1 {
					t.Errorf("a send (repeat: %t) crosses to page %d %d times", repeat, port, n)
				}
				const besides = 4 << 10 // the preview in the list, and all other fields
				if len(crossed) > len(content)+besides {
					t.Errorf("a send (repeat: %t) of %d bytes makes %d cross to page %d", repeat, len(content), len(crossed), port)
				}
			}
		}
	})
}

func TestEventsArePackedOnceForAllPages(t *testing.T) {
	inProfile(t, func(p *profile) {
		for port := 1; port <= 3; port++ {
			p.do(port, attachCommand(nil))
		}
		before := p.sent
		p.do(1, sendCommand(nil))
		events := 0
		for _, v := range p.posts[2] {
			if _, isBatch := v.([]any); isBatch {
				events++
			}
		}
		if got := p.sent - before; events == 0 || got != events+1 {
			t.Errorf("%d posts for %d batches of events and one answer", got, events)
		}
	})
}

func TestAttachOpensOneSessionPerUser(t *testing.T) {
	inProfile(t, func(p *profile) {
		first := pack(attachCommand(nil))
		second := pack(attachCommand(record{"id": 5.0}))
		p.loop.Post(func() { p.hub.receive(1, first); p.hub.receive(2, second) })
		synctest.Wait()
		if got := answer(t, p.posts[1], 1)["value"].(record)["state"]; got != "connecting" {
			t.Errorf("connection = %v, want connecting", got)
		}
		answer(t, p.posts[2], 5)
		p.do(3, attachCommand(record{"user": peer}))
		if p.opened != 2 {
			t.Errorf("%d stores were opened for 2 users", p.opened)
		}
	})
}

func TestTheSessionEndsWithItsLastPageAndOpensAgainForTheNext(t *testing.T) {
	inProfile(t, func(p *profile) {
		p.do(1, attachCommand(nil))
		p.do(2, attachCommand(nil))
		p.do(1, sendCommand(record{"content": "kept"}))
		p.detach(1)
		if p.hub.engines[me] == nil {
			t.Fatal("the engine ended while a page showed it")
		}
		p.detach(2)
		if len(p.hub.engines)+len(p.hub.ports) != 0 {
			t.Fatalf("left after the last page: %v, %v", p.hub.engines, p.hub.ports)
		}
		p.do(3, attachCommand(nil))
		posts := p.do(3, record{"id": 4.0, "op": "conversations"})
		list := answer(t, posts, 4)["value"].([]any)
		if len(list) != 1 || list[0].(record)["last"].(record)["content"] != "kept" {
			t.Errorf("conversations after opening again = %v", list)
		}
	})
}

func TestAPageThatComesWhileTheSessionClosesGetsANewOne(t *testing.T) {
	inProfile(t, func(p *profile) {
		p.do(1, attachCommand(nil))
		data := pack(attachCommand(record{"id": 9.0}))
		p.loop.Post(func() { p.hub.detach(1); p.hub.receive(2, data) })
		synctest.Wait()
		answer(t, p.posts[2], 9)
		if p.opened != 2 {
			t.Errorf("the store was opened %d times, want twice", p.opened)
		}
		posts := p.do(2, record{"id": 10.0, "op": "wake"})
		if got := answer(t, posts, 10); got["error"] != nil {
			t.Errorf("the new engine refuses: %v", got)
		}
	})
}

func TestToForgetEndsTheSessionForAllPagesAndDeletesWhatIsStored(t *testing.T) {
	inProfile(t, func(p *profile) {
		p.do(1, attachCommand(nil))
		p.do(2, attachCommand(nil))
		p.do(3, attachCommand(record{"user": peer}))
		p.do(1, sendCommand(nil))
		clear(p.posts)
		posts := p.do(1, record{"id": 5.0, "op": "forget"})
		if diff := cmp.Diff(record{"id": 5.0, "value": nil}, posts[len(posts)-1]); diff != "" {
			t.Errorf("the answer (-want +got)\n%s", diff)
		}
		if p.stores[me] != nil || p.stores[peer] == nil {
			t.Errorf("the stores are %v", p.stores)
		}
		for port, want := range map[int]bool{1: false, 2: false, 3: true} {
			posts := p.do(port, record{"id": 6.0, "op": "conversations"})
			if _, refused := posts[0].(record)["error"]; refused == want {
				t.Errorf("page %d is answered %v", port, posts)
			}
		}
		p.do(2, attachCommand(nil))
		posts = p.do(2, record{"id": 7.0, "op": "conversations"})
		if list := posts[0].(record)["value"].([]any); len(list) != 0 {
			t.Errorf("afterwards there is %v", list)
		}
	})
}

func TestAPageMayAttachAgain(t *testing.T) {
	inProfile(t, func(p *profile) {
		p.do(1, attachCommand(nil))
		posts := p.do(1, attachCommand(record{"id": 2.0}))
		answer(t, posts, 2)
		posts = p.do(1, attachCommand(record{"id": 3.0, "user": peer}))
		answer(t, posts, 3)
		if p.hub.engines[me] != nil || p.hub.engines[peer] == nil {
			t.Errorf("engines = %v, want only the second user's", p.hub.engines)
		}
	})
}

func TestAStoreThatCannotBeOpenedIsToldToEveryWaitingPage(t *testing.T) {
	inProfile(t, func(p *profile) {
		p.failure = errors.New("the disk is full")
		first, second := pack(attachCommand(nil)), pack(attachCommand(nil))
		p.loop.Post(func() { p.hub.receive(1, first); p.hub.receive(2, second) })
		synctest.Wait()
		for port := 1; port <= 2; port++ {
			if text, _ := answer(t, p.posts[port], 1)["error"].(string); !strings.Contains(text, "the disk is full") {
				t.Errorf("page %d was told %q", port, text)
			}
		}
		p.failure = nil
		if got := answer(t, p.do(1, attachCommand(nil)), 1); got["error"] != nil {
			t.Errorf("after the failure: %v", got)
		}
	})
}

func TestBadCommandsAreRefusedByNameAndDisturbNobody(t *testing.T) {
	long := strings.Repeat("x", proto.MaxContent+1)
	cases := map[string]struct {
		attached bool
		command  record
		want     string
	}{
		"before attach":             {false, record{"op": "conversations"}, "attach this page first"},
		"of an older page":          {false, attachCommand(record{"protocol": 0.0}), "reload this page"},
		"a user that is a number":   {false, attachCommand(record{"user": 7.0}), "user: want a BigInt"},
		"user 0":                    {false, attachCommand(record{"user": uint64(0)}), "user: 0"},
		"an expiry that is NaN":     {false, attachCommand(record{"expires": math.NaN()}), "expires: want"},
		"a negative expiry":         {false, attachCommand(record{"expires": -1.0}), "expires: want"},
		"an infinite expiry":        {false, attachCommand(record{"expires": math.Inf(1)}), "expires: want"},
		"another server":            {true, attachCommand(record{"server": "https://other.example"}), "https://chat.example"},
		"an unknown op":             {true, record{"op": "obliterate"}, `"obliterate" is unknown`},
		"send without a key":        {true, record{"op": "send", "content": "x", "seen": uint64(0), "type": "text", "target": uint64(0), "extend": "", "anyway": false, "ref": ref, "repeat": false, "mentions": []any{}, "files": []any{}}, "key: want a string"},
		"a ref that is too short":   {true, record{"op": "send", "key": key, "content": "x", "seen": uint64(0), "type": "text", "target": uint64(0), "extend": "", "anyway": false, "ref": ref[2:], "repeat": false, "mentions": []any{}, "files": []any{}}, "ref: want 32 hex digits"},
		"a ref of nothing":          {true, record{"op": "send", "key": key, "content": "x", "seen": uint64(0), "type": "text", "target": uint64(0), "extend": "", "anyway": false, "ref": strings.Repeat("0", 32), "repeat": false, "mentions": []any{}, "files": []any{}}, "ref: want 32 hex digits"},
		"content that is a number":  {true, record{"op": "send", "key": key, "content": 1.0, "seen": uint64(0), "type": "text", "target": uint64(0), "extend": "", "anyway": false, "ref": ref, "repeat": false, "mentions": []any{}, "files": []any{}}, "content: want a string"},
		"seen that is a number":     {true, record{"op": "send", "key": key, "content": "x", "seen": 1.0}, "seen: want a BigInt"},
		"content that is too long":  {true, record{"op": "send", "key": key, "content": long, "seen": uint64(0), "type": "text", "target": uint64(0), "extend": "", "anyway": false, "ref": ref, "repeat": false, "mentions": []any{}, "files": []any{}}, "content"},
		"a key that does not parse": {true, record{"op": "send", "key": "d:2:1", "content": "x", "seen": uint64(0), "type": "text", "target": uint64(0), "extend": "", "anyway": false, "ref": ref, "repeat": false, "mentions": []any{}, "files": []any{}}, "key"},
		"limit 0":                   {true, record{"op": "history", "key": key, "before": uint64(0), "limit": 0.0}, "limit: want"},
		"limit -1":                  {true, record{"op": "history", "key": key, "before": uint64(0), "limit": -1.0}, "limit: want"},
		"limit 1.5":                 {true, record{"op": "history", "key": key, "before": uint64(0), "limit": 1.5}, "limit: want"},
		"limit NaN":                 {true, record{"op": "history", "key": key, "before": uint64(0), "limit": math.NaN()}, "limit: want"},
		"limit 1e300":               {true, record{"op": "history", "key": key, "before": uint64(0), "limit": 1e300}, "limit: want"},
		"active that is a string":   {true, record{"op": "typing", "key": key, "active": "yes"}, "active: want"},
		"a ref that is no send's":   {true, record{"op": "retry", "ref": "00", "seen": uint64(0)}, ""},
		"a seq that is a string":    {true, record{"op": "read", "key": key, "seq": "1"}, "seq: want a BigInt"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			inProfile(t, func(p *profile) {
				p.do(2, attachCommand(nil))
				if c.attached {
					p.do(1, attachCommand(nil))
				}
				c.command["id"] = 42.0
				got := answer(t, p.do(1, c.command), 42)
				if text, refused := got["error"].(string); !refused || !strings.Contains(text, c.want) {
					t.Errorf("answer = %v, want an error with %q", got, c.want)
				}
				if got := answer(t, p.do(2, record{"id": 3.0, "op": "conversations"}), 3); got["error"] != nil {
					t.Errorf("another page is disturbed: %v", got)
				}
			})
		})
	}
}

func TestBytesThatAreNoCommandAreToldToTheirPageAsAnError(t *testing.T) {
	for name, data := range map[string][]byte{
		"nothing":      {},
		"noise":        {250, 1, 2},
		"no object":    pack([]any{1.0}),
		"no id":        pack(record{"op": "wake"}),
		"a BigInt id":  pack(record{"id": uint64(1), "op": "wake"}),
		"no operation": pack(record{"id": 1.0}),
		"too large":    pack(record{"id": 1.0, "op": strings.Repeat("x", maxCommand)}),
	} {
		t.Run(name, func(t *testing.T) {
			inProfile(t, func(p *profile) {
				p.loop.Post(func() { p.hub.receive(1, data) })
				synctest.Wait()
				if got := details(p.posts[1], "error"); len(got) != 1 {
					t.Errorf("the page got %v, want one error event", p.posts[1])
				}
			})
		})
	}
}

func TestAFreshTokenIsAskedFromOnePageAfterTheOtherUntilOneGivesIt(t *testing.T) {
	inProfile(t, func(p *profile) {
		p.network.open = proto.Refuse(proto.NotAuthorized, "the token is expired")
		for port := 1; port <= 3; port++ {
			p.do(port, attachCommand(nil))
		}
		asked := func() (ports []int) {
			p.loop.Post(func() { // which owns the posts: timers make it write to them
				for port := 1; port <= 3; port++ {
					if len(details(p.posts[port], "token")) > 0 {
						ports = append(ports, port)
					}
				}
				clear(p.posts)
			})
			synctest.Wait()
			return ports
		}
		if got := asked(); !slices.Equal(got, []int{1}) {
			t.Fatalf("asked pages %v, want the one there was", got)
		}
		p.pass(tokenTimeout) // of the bubble: that page never answers
		if got := asked(); !slices.Equal(got, []int{3}) {
			t.Fatalf("then asked pages %v, want the last that came", got)
		}
		p.network.open = nil
		p.do(3, record{"id": 2.0, "op": "token", "token": "", "name": "Ada", "services": []any{}, "issued": 0.0, "expires": 0.0})
		if got := asked(); !slices.Equal(got, []int{2}) {
			t.Fatalf("after page 3 declined asked pages %v, want the next", got)
		}
		p.do(2, record{"id": 2.0, "op": "token", "token": "second", "name": "Ada", "services": []any{}, "issued": 0.0, "expires": 0.0})
		last := p.network.opened[len(p.network.opened)-1]
		if last.Token != "second" || last.User != me {
			t.Errorf("connected with %+v, want user %d and the second token", last, me)
		}
		p.pass(2 * tokenTimeout)
		if got := asked(); got != nil {
			t.Errorf("pages %v were asked after the answer", got)
		}
	})
}

func TestThePageThatWasAskedForATokenMayGo(t *testing.T) {
	inProfile(t, func(p *profile) {
		p.network.open = proto.Refuse(proto.NotAuthorized, "the token is expired")
		p.do(1, attachCommand(nil))
		p.do(2, attachCommand(nil))
		clear(p.posts)
		p.detach(1)
		if got := details(p.posts[2], "token"); len(got) != 1 {
			t.Errorf("the page that is left got %v, want a token event", p.posts[2])
		}
	})
}

func TestAPageThatComesLaterIsToldWhoIsHere(t *testing.T) {
	inProfile(t, func(p *profile) {
		p.do(1, attachCommand(nil))
		p.loop.Post(func() { p.hub.engines[me].events.Presence(7, true, 0) })
		synctest.Wait()
		p.do(2, attachCommand(nil))
		if got := details(p.posts[2], "presence"); len(got) != 1 {
			t.Errorf("the second page got %v, want one presence event", p.posts[2])
		}
	})
}

func TestEveryPageIsToldWhatTheUserHasChosen(t *testing.T) {
	inProfile(t, func(p *profile) {
		p.do(1, attachCommand(nil))
		if got := details(p.posts[1], "settings"); len(got) != 0 {
			t.Errorf("before the server told: %v", got)
		}
		clear(p.posts)
		typing, presence := false, true
		payload, err := proto.Marshal(&proto.Settings{ShareTyping: &typing, SharePresence: &presence})
		if err != nil {
			t.Fatal(err)
		}
		p.network.handler.Deliver(proto.BranchSettings, payload)
		synctest.Wait()
		p.do(2, attachCommand(nil))
		for port := 1; port <= 2; port++ {
			want := []any{record{"shareTyping": false, "sharePresence": true, "listed": true, "away": false, "devices": uint64(0)}}
			if diff := cmp.Diff(want, details(p.posts[port], "settings")); diff != "" {
				t.Errorf("page %d (-want +got)\n%s", port, diff)
			}
		}
	})
}

// userOf returns the details of user events.
func userOf(t *testing.T, posts []any) (users []record) {
	t.Helper()
	for _, detail := range details(posts, "user") {
		users = append(users, detail.(record))
	}
	return users
}

func TestAFreshTokenOfOnePageIsToldToAll(t *testing.T) {
	inProfile(t, func(p *profile) {
		p.do(1, attachCommand(record{"services": []any{2.0}, "issued": 1000.0, "expires": 9000.0}))
		clear(p.posts)
		p.do(2, attachCommand(record{"name": "Ada L.", "services": []any{1.0, 2.0}, "token": "second", "issued": 2000.0, "expires": 9000.0}))
		if users := userOf(t, p.posts[1]); len(users) != 1 || users[0]["id"] != me || users[0]["name"] != "Ada L." ||
			!cmp.Equal(users[0]["services"], []any{1.0, 2.0}) {
			t.Errorf("the page that was there got %v", p.posts[1])
		}
		if last := p.network.opened[len(p.network.opened)-1]; last.Token != "second" {
			t.Errorf("connected with %+v, want the newer token", last)
		}
		posts := p.do(3, attachCommand(record{"services": []any{2.0}, "issued": 1000.0, "expires": 9000.0})) // an older one
		if users := userOf(t, posts); len(users) != 1 || users[0]["name"] != "Ada L." || !cmp.Equal(users[0]["services"], []any{1.0, 2.0}) {
			t.Errorf("a page with an older token got %v", posts)
		}
		if last := p.network.opened[len(p.network.opened)-1]; last.Token != "second" {
			t.Errorf("connected with %+v, which is older", last)
		}
	})
}

func TestATokenEventNamesTheTokenToReplaceAndWhereNobodyHasAnotherThePersonIsToldAtOnce(t *testing.T) {
	inProfile(t, func(p *profile) {
		p.network.open = proto.Refuse(proto.NotAuthorized, "the token has expired")
		p.do(1, attachCommand(nil))
		if asked := details(p.posts[1], "token"); len(asked) != 1 || asked[0] != "first" {
			t.Errorf("the page was asked for %v, want one in the place of its first", asked)
		}
		posts := p.do(1, record{"id": 2.0, "op": "token", "token": "", "name": "", "services": []any{}, "issued": 0.0, "expires": 0.0})
		states := details(posts, "connection")
		if len(states) == 0 || states[len(states)-1].(record)["state"] != "signed-out" || states[len(states)-1].(record)["reason"] != "the token has expired" {
			t.Errorf("the page was told %v", states)
		}
	})
}

// What a page asks for stands on its screen, unless it says that nobody looks at it.
func TestWhatAPageAsksForIsOnItsScreenUnlessItIsReadAside(t *testing.T) {
	inProfile(t, func(p *profile) {
		p.do(1, attachCommand(nil))
		other := proto.DirectKey(me, 3).String()
		on := func(what, name string) {
			t.Helper()
			p.pass(time.Second)
			p.loop.Post(func() {
				for _, c := range []string{key, other} {
					if is := p.hub.engines[me].engine.OnScreen(c); is != (c == name) {
						t.Errorf("%s: %s is on the screen: %v", what, c, is)
					}
				}
			})
			p.pass(time.Second)
		}
		asks := func(command record) {
			command["id"], command["op"], command["before"], command["limit"] = 1.0, "history", uint64(0), 50.0
			p.do(1, command)
		}
		asks(record{"key": key})
		on("asked for", key)
		asks(record{"key": other, "aside": true})
		on("another read aside", key)
		asks(record{"key": other, "aside": false})
		on("another asked for", other)
	})
}
