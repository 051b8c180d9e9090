package gateway

import (
	"context"
	"crypto/tls"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/eclipse/paho.golang/packets"

	"parley/proto"
	"parley/server/chat"
)

// fakeService takes what the gateway hands over, or fails as a test says.
type fakeService struct {
	failing sync.Mutex
	fail    func(user uint64, content string) error // called with failing held

	mu      sync.Mutex
	block   func(user uint64) <-chan struct{} // waited for before anything is taken
	stored  []string                          // "user content", in order
	refs    map[string]string                 // content by user and ref
	doubles int                               // the same ref again
	known   map[uint64]chat.User
	syncs   int
	answer  func(context.Context, chat.Sender) error
}

func newFakeService() *fakeService {
	return &fakeService{refs: make(map[string]string), known: make(map[uint64]chat.User)}
}

func (s *fakeService) Publish(ctx context.Context, from chat.Sender, b proto.Branch, payload, correlation []byte) (chat.Receipt, error) {
	if s.block != nil {
		select {
		case <-s.block(from.User):
		case <-ctx.Done():
			return chat.Receipt{}, ctx.Err()
		}
	}
	if from.Client != Client {
		return chat.Receipt{}, errors.New("it does not say that it comes through the gateway")
	}
	content := string(b)
	ref := correlation
	if b == proto.BranchMessage {
		var m proto.Message
		if err := proto.Unmarshal(payload, &m); err != nil {
			return chat.Receipt{}, err
		}
		if content = m.GetContent(); m.ClientRef != nil {
			ref = m.ClientRef
		}
	}
	if err := s.fails(from.User, content); err != nil {
		return chat.Receipt{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	key := fmt.Sprintf("%d %x", from.User, ref)
	if _, known := s.refs[key]; known && ref != nil {
		s.doubles++
		return chat.Receipt{Seq: 1}, nil
	}
	s.refs[key] = content
	s.stored = append(s.stored, fmt.Sprint(from.User, " ", content))
	return chat.Receipt{Seq: 1}, nil
}

func (s *fakeService) fails(user uint64, content string) error {
	s.failing.Lock()
	defer s.failing.Unlock()
	if s.fail == nil {
		return nil
	}
	return s.fail(user, content)
}

func (s *fakeService) Sync(from chat.Sender, _ []byte) (func(context.Context) error, error) {
	return func(ctx context.Context) error {
		s.mu.Lock()
		s.syncs++
		s.mu.Unlock()
		return s.answer(ctx, from)
	}, nil
}

func (s *fakeService) Missed() ([]byte, error) { return []byte("sync"), nil }

func (s *fakeService) Admit(_ context.Context, user uint64, c chat.Credential) (chat.User, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if u := s.known[user]; u.Blocked || c.Issued.IsZero() {
		return u, proto.Refuse(proto.NotAuthorized, "blocked").Named("shut-out")
	}
	return s.known[user], nil
}

func (s *fakeService) Seen(_ context.Context, u chat.User, _ chat.Credential) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.known[u.ID] = u
	return nil
}

// took returns what was stored, and how much came again.
func (s *fakeService) took() ([]string, int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.stored), s.doubles
}

// fixture is a gateway between a broker and a service.
type fixture struct {
	*Gateway
	broker   *fakeBroker
	service  *fakeService
	progress ProgressFile
	stop     func() // and wait
}

func newFixture(t *testing.T, changes ...func(*Config)) *fixture {
	f := &fixture{broker: newFakeBroker(t), service: newFakeService(), progress: ProgressFile(filepath.Join(t.TempDir(), "gateway"))}
	f.start(t, changes...)
	return f
}

func (f *fixture) start(t *testing.T, changes ...func(*Config)) {
	t.Helper()
	c := Config{Address: f.broker.address(), Progress: f.progress, Settle: time.Millisecond, Logger: slog.New(slog.NewTextHandler(t.Output(), nil))}
	for _, change := range changes {
		change(&c)
	}
	g, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	f.Gateway = g
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		g.Run(ctx, f.service)
	}()
	f.stop = sync.OnceFunc(func() {
		cancel()
		<-done
	})
	t.Cleanup(f.stop)
}

// ready waits until the gateway is connected and has subscribed.
func (f *fixture) ready() {
	f.broker.t.Helper()
	f.broker.eventually("the gateway is connected", func() bool { return len(f.broker.filters) == 1 && f.connected.Load() })
}

func message(to uint64, content string, change ...func(*proto.Message)) []byte {
	zero := uint64(0)
	m := &proto.Message{MessageId: &zero, SenderId: &zero, Content: &content, CreateTime: &zero, ReceiverId: &to}
	for _, one := range change {
		one(m)
	}
	payload, err := proto.Marshal(m)
	if err != nil {
		panic(err)
	}
	return payload
}

func (f *fixture) says(user uint64, content string, change ...func(*proto.Message)) {
	f.broker.t.Helper()
	f.broker.hand(proto.Up(user, proto.BranchMessage), 1, message(user+1, content, change...), packets.Properties{})
}

func (f *fixture) acked(n int) {
	f.broker.t.Helper()
	f.broker.eventually(fmt.Sprintf("%d publications are acknowledged", n), func() bool { return len(f.broker.acked) == n })
}

// down is what the gateway published, without repeats of what went before.
func (f *fixture) down() (all []string) {
	f.broker.with(func() {
		for _, p := range f.broker.published {
			all = append(all, fmt.Sprintf("%s %d %s", p.Topic, p.QoS, p.Payload))
		}
	})
	return all
}

func TestItAsksForASessionThatIsKept(t *testing.T) {
	f := newFixture(t, func(c *Config) { c.Address.User, c.Address.Password = "parley", "secret" })
	f.ready()
	h := f.broker.hello
	switch p := h.Properties; {
	case h.CleanStart || p.SessionExpiryInterval == nil || *p.SessionExpiryInterval != 1<<32-1:
		t.Errorf("CONNECT is %v, want a session for ever", h)
	case p.ReceiveMaximum == nil || *p.ReceiveMaximum != 1000 || *p.MaximumPacketSize != maxPacket:
		t.Errorf("CONNECT bounds %v", p)
	case h.ClientID != "parley-gateway" || h.Username != "parley" || string(h.Password) != "secret":
		t.Errorf("CONNECT is %q %q %q", h.ClientID, h.Username, h.Password)
	}
	if got := f.broker.filters[0]; got.Topic != "chat/+/up/#" || got.QoS != 1 || got.RetainHandling != 2 {
		t.Errorf("it subscribes %+v", got)
	}
}

func TestEachUsersPublicationsAreTakenInOrderAndSideBySide(t *testing.T) {
	f := newFixture(t)
	gate := make(chan struct{})
	open := make(chan struct{})
	close(open)
	f.service.block = func(user uint64) <-chan struct{} { // user 1 has to wait
		if user == 1 {
			return gate
		}
		return open
	}
	f.ready()
	for i := range 50 {
		for user := uint64(1); user <= 4; user++ {
			f.says(user, fmt.Sprint(i))
		}
	}
	f.broker.eventually("the others' are taken", func() bool {
		stored, _ := f.service.took()
		return len(stored) == 150
	})
	if len(f.broker.acked) != 0 {
		t.Errorf("%d were acknowledged ahead of the first", len(f.broker.acked))
	}
	close(gate)
	f.acked(200)
	if !slices.IsSorted(f.broker.acked) {
		t.Errorf("they were acknowledged in the order %v", f.broker.acked)
	}
	stored, _ := f.service.took()
	next := map[string]int{}
	for _, one := range stored {
		user, content, _ := strings.Cut(one, " ")
		if content != fmt.Sprint(next[user]) {
			t.Fatalf("of user %s came %s, want %d", user, content, next[user])
		}
		next[user]++
	}
}

func TestWhatIsRefusedDoesNotStopTheLine(t *testing.T) {
	f := newFixture(t)
	f.service.fail = func(_ uint64, content string) error {
		switch content {
		case "bad":
			return fmt.Errorf("chat: %w", proto.Refuse(proto.PayloadFormatInvalid, "too long"))
		case "much":
			return proto.Refuse(proto.QuotaExceeded, "enough for today").In(time.Hour)
		case "panic":
			panic("planted")
		}
		return nil
	}
	f.service.known[9] = chat.User{ID: 9, Blocked: true}
	f.ready()
	f.says(1, "one")
	f.says(1, "bad")
	f.says(1, "much")
	f.says(1, "panic")
	f.says(9, "blocked")
	f.broker.hand("chat/1/up/nothing", 1, nil, packets.Properties{})
	f.broker.hand("chat/01/up/message", 1, message(2, "whose?"), packets.Properties{})
	f.broker.hand("chat/1/up/message", 1, []byte("no message"), packets.Properties{})
	f.says(1, "two")
	f.acked(9)
	if stored, _ := f.service.took(); !slices.Equal(stored, []string{"1 one", "1 two"}) {
		t.Errorf("stored is %q", stored)
	}
}

func TestWhatTheServerCannotDoIsTriedAgainInOrder(t *testing.T) {
	f := newFixture(t)
	tries := map[string]int{}
	f.service.fail = func(user uint64, content string) error {
		tries[content]++
		if user == 1 && tries["first"] < 4 {
			return fmt.Errorf("chat: %w", proto.Refuse(proto.UnspecifiedError, "try again"))
		}
		return nil
	}
	f.ready()
	f.says(1, "first")
	f.says(1, "second")
	f.says(2, "other")
	f.acked(3)
	stored, _ := f.service.took()
	if i := slices.Index(stored, "1 first"); i < 0 || i+1 >= len(stored) || stored[i+1] != "1 second" && stored[len(stored)-1] != "1 second" {
		t.Errorf("stored is %q", stored)
	}
	if tries["first"] != 4 || tries["second"] != 1 {
		t.Errorf("tries are %v, want 4 of the first, and then one of the second", tries)
	}
}

// Whatever the end of a connection, or of the server, leaves open comes again, and is the same.
func TestARedeliveryIsNotASecondMessage(t *testing.T) {
	ref := func(m *proto.Message) { m.ClientRef = []byte("0123456789abcdef") }
	now := func(m *proto.Message) {
		at := uint64(time.Now().UnixMilli())
		m.CreateTime = &at
	}
	none := func(*proto.Message) {}
	for name, test := range map[string]struct {
		restart, renumber bool // the server, the packet identifiers
		change            func(*proto.Message)
		stored            int
	}{
		"client_ref":                               {false, false, ref, 1},
		"nothing to know it by":                    {false, true, none, 1},
		"restart, client_ref":                      {true, false, ref, 1},
		"restart, client_ref, renumbered":          {true, true, ref, 1},
		"restart, create_time":                     {true, false, now, 1},
		"restart, create_time, renumbered":         {true, true, now, 1},
		"restart, packet identifier":               {true, false, none, 1},
		"restart, nothing to know it by: a double": {true, true, none, 2},
	} {
		t.Run(name, func(t *testing.T) {
			settle := time.Millisecond
			if test.restart {
				settle = time.Hour // it does not come back
			}
			f := newFixture(t, func(c *Config) { c.Settle = settle })
			f.broker.with(func() { f.broker.renumber = test.renumber })
			f.ready()
			// The commit is done, and the connection ends before the PUBACK.
			f.service.failing.Lock()
			f.service.fail = func(uint64, string) error {
				f.service.fail = nil
				f.broker.cut()
				f.broker.eventually("the gateway notices", func() bool { return !f.connected.Load() || f.broker.connects > 1 })
				return nil
			}
			f.service.failing.Unlock()
			f.broker.with(func() { f.broker.last = 76 })
			f.says(1, "hello", test.change)
			f.broker.eventually("it is stored", func() bool {
				stored, _ := f.service.took()
				return len(stored) == 1
			})
			if test.restart {
				f.stop()
				f.start(t)
			}
			f.broker.eventually("it is acknowledged", func() bool { return f.broker.connects == 2 && len(f.broker.unacked) == 0 })
			f.says(1, "next", ref2)
			f.broker.eventually("so is the next", func() bool { return len(f.broker.unacked) == 0 })
			if stored, _ := f.service.took(); len(stored) != test.stored+1 {
				t.Errorf("stored is %q, want %d", stored, test.stored+1)
			}
		})
	}
}

func ref2(m *proto.Message) { m.ClientRef = []byte("another ref of 1") }

// What came on a connection is stored before what the next one brings first, as RabbitMQ
// does when a node is gone.
func TestNothingOvertakesWhatCameOnTheConnectionBefore(t *testing.T) {
	f := newFixture(t)
	gate := make(chan struct{})
	f.service.block = func(uint64) <-chan struct{} { return gate }
	f.ready()
	for i := range 10 {
		f.says(1, fmt.Sprint(i))
	}
	f.broker.eventually("all came", func() bool { return f.metrics.intake.Load().load() == 10 })
	var held []*packets.Publish
	f.broker.with(func() { held, f.broker.unacked, f.broker.filters = f.broker.unacked, nil, nil })
	f.broker.cut()
	f.broker.eventually("the gateway is back", func() bool { return f.broker.connects == 2 && len(f.broker.filters) == 1 })
	f.says(1, "10")
	f.broker.with(func() { // now the others come again, under other packet identifiers
		for _, p := range held {
			f.broker.last++
			p.Duplicate, p.PacketID = true, f.broker.last
			f.broker.unacked = append(f.broker.unacked, p)
			if _, err := p.WriteTo(*f.broker.conn.Load()); err != nil {
				t.Error(err)
			}
		}
	})
	close(gate)
	f.acked(11)
	stored, doubles := f.service.took()
	for i, one := range stored {
		if one != fmt.Sprint("1 ", i) {
			t.Fatalf("stored is %q", stored)
		}
	}
	if len(stored) != 11 || doubles != 0 {
		t.Errorf("%d are stored, %d twice", len(stored), doubles)
	}
}

// The same words said twice are two messages, also where the broker's session began anew
// and counts from one again, as after a restart of the server.
func TestTheSameTwiceIsTwoMessages(t *testing.T) {
	f := newFixture(t)
	f.ready()
	f.says(1, "ok")
	f.says(1, "ok")
	f.acked(2)
	f.broker.with(func() { f.broker.forget, f.broker.filters, f.broker.acked = true, nil, nil })
	f.stop()
	f.start(t)
	f.ready()
	f.says(1, "ok")
	f.acked(1)
	if stored, doubles := f.service.took(); len(stored) != 3 || doubles != 0 {
		t.Errorf("stored is %q, %d were taken for repeats", stored, doubles)
	}
}

func TestCorrelationDataStandsForClientRef(t *testing.T) {
	f := newFixture(t)
	f.ready()
	for range 2 {
		f.broker.hand("chat/1/up/message", 1, message(2, "hello"), packets.Properties{CorrelationData: []byte("0123456789abcdef")})
	}
	f.acked(2)
	if stored, doubles := f.service.took(); len(stored) != 1 || doubles != 1 {
		t.Errorf("stored is %q, %d repeats", stored, doubles)
	}
}

func TestPublicationsArriveInOrderAtTheirQoS(t *testing.T) {
	f := newFixture(t)
	f.ready()
	var want []string
	for i := range 100 { // five times what may be in flight
		f.Publish(7, proto.BranchMessage, fmt.Append(nil, i))
		want = append(want, fmt.Sprintf("chat/7/down/message 1 %d", i))
	}
	for b, qos := range map[proto.Branch]int{
		proto.BranchService: 1, proto.BranchMark: 1, proto.BranchUnread: 1, proto.BranchSettings: 1, proto.BranchTyping: 0, proto.BranchPresence: 0,
	} {
		f.Publish(7, b, []byte("x"))
		want = append(want, fmt.Sprintf("chat/7/down/%s %d x", b, qos))
	}
	f.broker.eventually("all arrived", func() bool { return len(f.broker.published) == len(want) })
	if got := f.down(); !slices.Equal(got, want) {
		t.Errorf("it published %q, want %q", got, want)
	}
	if p := f.broker.published[0]; p.Properties.ContentType != proto.ContentType || p.Retain {
		t.Errorf("it published %v", p)
	}
}

func TestWhatTheBrokerDidNotAcknowledgeIsPublishedAgainInOrder(t *testing.T) {
	f := newFixture(t)
	f.ready()
	f.broker.with(func() { f.broker.withhold = true })
	f.Publish(7, proto.BranchTyping, []byte("typing"))
	for i := range 50 {
		f.Publish(7, proto.BranchMessage, fmt.Append(nil, i))
	}
	f.broker.eventually("as many fly as may", func() bool { return len(f.broker.published) == 21 })
	f.broker.with(func() { f.broker.withhold, f.broker.published = false, nil })
	f.broker.cut()
	f.broker.eventually("all arrived", func() bool { return len(f.broker.published) == 50 })
	for i, one := range f.down() {
		if one != fmt.Sprintf("chat/7/down/message 1 %d", i) {
			t.Fatalf("publication %d is %q", i, one)
		}
	}
	f.broker.eventually("nothing waits", func() bool {
		n, bytes, _ := f.queue.load()
		return n == 0 && bytes == 0
	})
}

func TestWhatFindsNoRoomIsOwed(t *testing.T) {
	f := newFixture(t, func(c *Config) { c.Queue = 100 * (overhead + 1) })
	f.ready()
	f.broker.with(func() { f.broker.withhold = true })
	for i := range 101 {
		f.Publish(uint64(7+i/100), proto.BranchMessage, []byte("x")) // the last is user 8's
	}
	if n, _, owed := f.queue.load(); n != 100 || owed != 1 {
		t.Errorf("%d wait and %d are owed", n, owed)
	}
	f.broker.with(func() { f.broker.withhold = false })
	f.broker.cut()
	f.broker.eventually("user 8 is told to sync", func() bool {
		return slices.ContainsFunc(f.broker.published, func(p *packets.Publish) bool {
			return p.Topic == "chat/8/down/unread" && string(p.Payload) == "sync"
		})
	})
}

func TestWhatTheBrokerRefusesHoldsUpNobody(t *testing.T) {
	f := newFixture(t)
	f.ready()
	f.broker.with(func() {
		f.broker.refuse = func(p *packets.Publish) byte {
			if string(p.Payload) == "bad" {
				return 0x97
			}
			return 0x10
		}
	})
	for _, what := range []string{"one", "bad", "two"} {
		f.Publish(7, proto.BranchMessage, []byte(what))
	}
	f.broker.eventually("all is published", func() bool { return len(f.broker.published) == 4 })
	got, sync := f.down(), "chat/7/down/unread 1 sync"
	if told := slices.Index(got, sync); told < 2 {
		t.Errorf("it published %q: its user is to be told to sync afterwards", got)
	}
	want := []string{"chat/7/down/message 1 one", "chat/7/down/message 1 bad", "chat/7/down/message 1 two"}
	if got := slices.DeleteFunc(got, func(one string) bool { return one == sync }); !slices.Equal(got, want) {
		t.Errorf("it published %q, want %q", got, want)
	}
}

func TestASyncIsAnsweredThroughTheBroker(t *testing.T) {
	f := newFixture(t)
	other := &recorder{}
	fanout := f.Beside(other)
	f.service.answer = func(ctx context.Context, from chat.Sender) error {
		return fanout.PublishTo(ctx, from.User, from.Client, proto.BranchUnread, []byte("rows"))
	}
	f.ready()
	f.broker.hand("chat/7/up/sync", 1, nil, packets.Properties{})
	f.acked(1)
	f.broker.eventually("it is answered", func() bool { return len(f.broker.published) == 1 })
	if got := f.down(); got[0] != "chat/7/down/unread 1 rows" {
		t.Errorf("the answer is %q", got)
	}
	if err := fanout.PublishTo(t.Context(), 7, "7-browser", proto.BranchUnread, nil); err != nil || other.to != "7-browser" {
		t.Errorf("a browser's answer went to %q, %v", other.to, err)
	}
	fanout.Publish(7, proto.BranchMark, nil)
	f.broker.eventually("both are told", func() bool { return len(f.broker.published) == 2 && other.published == 1 })
}

type recorder struct {
	published int
	to        string
}

func (r *recorder) Publish(uint64, proto.Branch, []byte) { r.published++ }

func (r *recorder) PublishTo(_ context.Context, _ uint64, client string, _ proto.Branch, _ []byte) error {
	r.to = client
	return nil
}

// A stopped gateway takes no more, publishes what waits, and says goodbye.
func TestTheEndIsOrderly(t *testing.T) {
	f := newFixture(t)
	f.ready()
	for i := range 200 {
		f.Publish(7, proto.BranchMessage, fmt.Append(nil, i))
	}
	f.stop()
	if n, _, _ := f.queue.load(); n != 0 || len(f.down()) != 200 {
		t.Errorf("%d still wait, %d arrived", n, len(f.down()))
	}
}

// fakeLog tells what a test puts into it.
type fakeLog struct {
	mu      sync.Mutex
	entries []string
	more    chan struct{}
	began   []uint64 // places
}

func (l *fakeLog) put(entries ...string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.entries = append(l.entries, entries...)
	close(l.more)
	l.more = make(chan struct{})
}

func (l *fakeLog) Follow(ctx context.Context, after uint64, tell func(uint64, uint64, proto.Branch, []byte) error) error {
	l.mu.Lock()
	l.began = append(l.began, after)
	l.mu.Unlock()
	for n := after; ; {
		l.mu.Lock()
		more, entries := l.more, l.entries[n:]
		l.mu.Unlock()
		for _, e := range entries {
			n++
			for _, user := range []uint64{7, 8} { // two of each place
				if err := tell(n, user, proto.BranchMessage, []byte(e)); err != nil {
					return err
				}
			}
		}
		select {
		case <-more:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// terms leads when a test says so.
type terms chan context.Context

func (l terms) Lead(ctx context.Context) (context.Context, func(), error) {
	select {
	case term := <-l:
		term, cancel := context.WithCancel(term)
		context.AfterFunc(ctx, cancel)
		return term, cancel, nil
	case <-ctx.Done():
		return nil, nil, ctx.Err()
	}
}

// With a log, whoever leads next goes on where the broker had acknowledged everything,
// and tells at most the newest again.
func TestALogIsFollowedFromWhereTheBrokerAcknowledgedIt(t *testing.T) {
	lead, log := make(terms), &fakeLog{more: make(chan struct{})}
	f := newFixture(t, func(c *Config) { c.Leadership, c.Log = lead, log })
	log.put("one", "two")
	term, end := context.WithCancel(t.Context())
	lead <- term
	f.broker.eventually("two are told", func() bool { return len(f.broker.published) == 4 })
	f.broker.with(func() { f.broker.withhold = true })
	f.Publish(7, proto.BranchMessage, []byte("not from the log"))
	log.put("three", "four")
	f.broker.eventually("two more are", func() bool { return len(f.broker.published) == 8 })
	end() // nothing of three and four was acknowledged
	f.broker.eventually("the term is over", func() bool { return !f.connected.Load() })
	f.broker.with(func() { f.broker.withhold, f.broker.published = false, nil })
	log.put("five")
	lead <- t.Context()
	f.broker.eventually("the rest is told", func() bool {
		return len(f.broker.published) > 0 && string(f.broker.published[len(f.broker.published)-1].Payload) == "five" && f.broker.published[len(f.broker.published)-1].Topic == "chat/8/down/message"
	})
	want := []string{}
	for _, what := range []string{"two", "three", "four", "five"} {
		want = append(want, "chat/7/down/message 1 "+what, "chat/8/down/message 1 "+what)
	}
	if got := f.down(); !slices.Equal(got, want) || !slices.Equal(log.began, []uint64{0, 1}) {
		t.Errorf("after places %d it published %q, want %q", log.began, got, want)
	}
	f.stop()
	if p, err := f.progress.Load(t.Context()); err != nil || p.Place != 4 || p.Session == 0 {
		t.Errorf("its progress is %+v, %v", p, err)
	}
}

// A node that was frozen while another came to lead has a term that goes on: it ends when the
// node would save something, which stays as the other left it.
func TestWhoWasReplacedSavesNothingAndStops(t *testing.T) {
	lead, log := make(terms), &fakeLog{more: make(chan struct{})}
	f := newFixture(t, func(c *Config) { c.Leadership, c.Log = lead, log })
	lead <- t.Context()
	f.ready()
	other, err := f.progress.Begin(t.Context())
	other.Session, other.Place = 7, 50
	if err = errors.Join(err, f.progress.Save(t.Context(), other)); err != nil {
		t.Fatal(err)
	}
	log.put("one", "two")
	f.broker.eventually("the term is over", func() bool { return !f.connected.Load() && f.replaced.Load() })
	f.stop()
	if p, err := f.progress.Load(t.Context()); err != nil || p != other {
		t.Errorf("the other's progress is %+v, want %+v: %v", p, other, err)
	}
}

// Of nodes that are all told the same, the one that leads publishes it.
func TestWhoDoesNotLeadPublishesNothing(t *testing.T) {
	lead := make(terms)
	f := newFixture(t, func(c *Config) { c.Leadership = lead })
	f.Publish(7, proto.BranchMessage, []byte("another's"))
	term, end := context.WithCancel(t.Context())
	lead <- term
	f.ready()
	f.Publish(7, proto.BranchMessage, []byte("mine"))
	f.broker.eventually("it is told", func() bool { return len(f.broker.published) == 1 })
	end()
	f.broker.eventually("the term is over", func() bool { return !f.connected.Load() })
	lead <- t.Context() // it was let go of: the next term can begin
	f.broker.eventually("it leads again", func() bool { return f.connected.Load() })
	f.Publish(7, proto.BranchMessage, []byte("mine again"))
	f.broker.eventually("it is told", func() bool { return len(f.broker.published) == 2 })
	if got := f.down(); !slices.Equal(got, []string{"chat/7/down/message 1 mine", "chat/7/down/message 1 mine again"}) {
		t.Errorf("it published %q", got)
	}
}

func TestATermLastsWhileTheNodeLeads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var leads atomic.Bool
		l := While(leads.Load)
		ctx, cancel := context.WithCancel(t.Context())
		began := time.Now()
		time.AfterFunc(time.Minute, func() { leads.Store(true) })
		term, resign, err := l.Lead(ctx)
		if waited := time.Since(began); err != nil || term.Err() != nil || waited < time.Minute || waited > time.Minute+time.Second {
			t.Fatalf("it leads after %v: %v", waited, err)
		}
		leads.Store(false)
		time.Sleep(time.Second)
		if term.Err() == nil {
			t.Error("its term goes on")
		}
		resign()
		cancel()
		if _, _, err := l.Lead(ctx); err == nil {
			t.Error("it leads although it was to end")
		}
	})
}

func TestAHostThatDoesNotAnswerIsPassedOver(t *testing.T) {
	f := &fixture{broker: newFakeBroker(t), service: newFakeService(), progress: ProgressFile(filepath.Join(t.TempDir(), "gateway"))}
	gone := newFakeBroker(t)
	gone.listener.Close()
	f.start(t, func(c *Config) { c.Address.Hosts = slices.Concat(gone.address().Hosts, f.broker.address().Hosts) })
	f.ready()
}

// Mosquitto sends more than it may when a session is resumed.
func TestABrokerThatSendsTooMuchWaits(t *testing.T) {
	f := newFixture(t, func(c *Config) { c.ReceiveMaximum = 4 })
	gate := make(chan struct{})
	f.service.block = func(uint64) <-chan struct{} { return gate }
	f.ready()
	for i := range 20 {
		f.says(uint64(1+i), "hello")
	}
	f.broker.eventually("four are in work", func() bool { return f.metrics.intake.Load().load() == 4 })
	close(gate)
	f.acked(20)
	f.stop()
	if stored, _ := f.service.took(); len(stored) != 20 || f.broker.connects != 1 {
		t.Errorf("%d are stored over %d connections", len(stored), f.broker.connects)
	}
}

// Over TLS it believes those alone whom the file with the authority vouches for.
func TestItSpeaksTLS(t *testing.T) {
	web := httptest.NewUnstartedServer(nil) // for its certificate, of 127.0.0.1 and example.com
	web.StartTLS()
	defer web.Close()
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: web.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	f := &fixture{broker: newFakeBroker(t), service: newFakeService(), progress: ProgressFile(filepath.Join(t.TempDir(), "gateway"))}
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: web.TLS.Certificates})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	f.broker.work.Go(func() { f.broker.accept(l) })
	address := "mqtts://" + l.Addr().String()
	stranger, err := ParseAddress(address)
	if err != nil {
		t.Fatal(err)
	}
	g, err := New(Config{Address: stranger, Progress: f.progress})
	if err != nil {
		t.Fatal(err)
	}
	if err := g.connection(t.Context(), nil); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("it believes a stranger: %v", err)
	}
	known, err := ParseAddress(address + "?ca=" + ca)
	if err != nil {
		t.Fatal(err)
	}
	f.start(t, func(c *Config) { c.Address = known })
	f.ready()
	f.says(1, "hello")
	f.acked(1)
}

func TestARefusedSubscriptionIsToldAndTriedAgain(t *testing.T) {
	var log strings.Builder
	f := &fixture{broker: newFakeBroker(t), service: newFakeService(), progress: ProgressFile(filepath.Join(t.TempDir(), "gateway"))}
	f.broker.suback = 0x87
	f.start(t, func(c *Config) { c.Logger = slog.New(slog.NewTextHandler(io.MultiWriter(&log, t.Output()), nil)) })
	f.broker.eventually("it has tried twice", func() bool { return f.broker.connects >= 2 })
	f.broker.with(func() { f.broker.suback = 1 })
	f.says(1, "hello")
	f.acked(1)
	f.stop()
	if !strings.Contains(log.String(), "does not let the gateway read chat/+/up/#") {
		t.Errorf("the log says %s", &log)
	}
}

func TestAnAddressIsRead(t *testing.T) {
	for text, want := range map[string]string{
		"mqtt://localhost":                          "localhost:1883",
		"mqtts://a.example,b.example:1,[::1]:2":     "a.example:8883 b.example:1 [::1]:2 TLS",
		"mqtt://parley:p%40ss:w@10.0.0.1:1884,host": "10.0.0.1:1884 host:1883 parley p@ss:w",
		"mqtt://parley@host/":                       "host:1883 parley ",
		"http://host":                               "error: give mqtt://",
		"mqtt://":                                   "error: \"\" is no host",
		"mqtt://user:secret@":                       "error: \"\" is no host",
		"mqtt://us%er:secret@host":                  "error: user and password",
		"mqtt://host/path":                          "error: \"host/path\" is no host",
		"mqtt://host?x=1":                           "error: \"x\" behind ?",
		"mqtt://host?ca=x":                          "error: ca=FILE is for mqtts",
		"mqtts://host?ca=/nowhere":                  "error: ca: open",
	} {
		a, err := ParseAddress(text)
		got := strings.Join(a.Hosts, " ")
		if a.User != "" {
			got += " " + a.User + " " + a.Password
		}
		if a.TLS != nil {
			got += " TLS"
		}
		if err != nil {
			got = "error: " + err.Error()
		}
		if wrong := strings.HasPrefix(want, "error"); got != want && !wrong || wrong && !strings.HasPrefix(got, want) || strings.Contains(got, "secret") {
			t.Errorf("%s is %q, want %q", text, got, want)
		}
	}
}
