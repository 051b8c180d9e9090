package chat_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"

	protobuf "google.golang.org/protobuf/proto"

	"parley/proto"
	"parley/server/chat"
	"parley/server/chat/chattest"
	"parley/server/store"
)

const (
	ada, bob, eve = 3, 5, 7
	huge          = math.MaxUint64
)

// onBothStores runs a test on SQLite and in memory.
func onBothStores(t *testing.T, test func(t *testing.T, s chat.Store)) {
	t.Run("memory", func(t *testing.T) { test(t, chattest.NewMemory(1)) })
	t.Run("sqlite", func(t *testing.T) { test(t, sqlite(t)) })
}

func sqlite(t testing.TB) chat.Store {
	t.Helper()
	db, err := store.Open(context.Background(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

func epochOf(t testing.TB, s chat.Store) (epoch uint64) {
	t.Helper()
	err := s.View(t.Context(), func(v chat.View) (err error) {
		epoch, err = v.Epoch()
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return epoch
}

// delivered is one publication that went out.
type delivered struct {
	user   uint64
	branch proto.Branch
	body   protobuf.Message
}

// outbox records what is fanned out.
type outbox struct {
	t    testing.TB
	room func(ctx context.Context) error // of the connection that PublishTo is to; nil: as much as it takes

	mu    sync.Mutex
	q     []delivered
	alone []string // clients of those in q that went to one connection
}

func (o *outbox) PublishTo(ctx context.Context, user uint64, client string, branch proto.Branch, payload []byte) error {
	if o.room != nil {
		if err := o.room(ctx); err != nil {
			return err
		}
	}
	o.Publish(user, branch, payload)
	o.mu.Lock()
	defer o.mu.Unlock()
	o.alone = append(o.alone, client)
	return nil
}

func (o *outbox) Publish(user uint64, branch proto.Branch, payload []byte) {
	var m protobuf.Message
	switch branch {
	case proto.BranchMessage:
		m = new(proto.Message)
	case proto.BranchService:
		m = new(proto.ServiceMessage)
	case proto.BranchMark:
		m = new(proto.Mark)
	case proto.BranchUnread:
		m = new(proto.BaseUserUnreadStatics)
	case proto.BranchTyping:
		m = new(proto.Typing)
	case proto.BranchPresence:
		m = new(proto.Presence)
	case proto.BranchSettings:
		m = new(proto.Settings)
	}
	if len(payload) > proto.MaxPacket-1024 {
		o.t.Errorf("a payload of %d bytes does not fit a packet", len(payload))
	}
	if err := proto.Unmarshal(payload, m); err != nil {
		o.t.Errorf("fanned out on %s: %v", branch, err)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.q = append(o.q, delivered{user, branch, m})
}

// take returns what was fanned out since the last take.
func (o *outbox) take() []delivered {
	o.mu.Lock()
	defer o.mu.Unlock()
	q := o.q
	o.q, o.alone = nil, nil
	return q
}

// bench is a running service.
type bench struct {
	t testing.TB
	*chat.Service
	out *outbox

	clock sync.Mutex
	now   time.Time
}

// pass lets time pass, or go back, for the service.
func (b *bench) pass(d time.Duration) {
	b.clock.Lock()
	defer b.clock.Unlock()
	b.now = b.now.Add(d)
}

// time is the service's clock.
func (b *bench) time() time.Time {
	b.clock.Lock()
	defer b.clock.Unlock()
	return b.now
}

func start(t testing.TB, s chat.Store, change ...func(*chat.Config)) *bench {
	t.Helper()
	b := prepared(t, s, change...)
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- b.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error("run:", err)
		}
	})
	return b
}

// prepared makes a service that is not running, for Commit.
func prepared(t testing.TB, s chat.Store, change ...func(*chat.Config)) *bench {
	t.Helper()
	b := &bench{t: t, out: &outbox{t: t}, now: time.UnixMilli(1_750_000_000_000)}
	c := chat.Config{Store: s, Fanout: b.out, Now: b.time, Node: 1, Log: slog.New(slog.DiscardHandler)}
	for _, f := range change {
		f(&c)
	}
	var err error
	b.Service, err = chat.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func ref(n uint64) []byte { return fmt.Appendf(nil, "%016x", n) }

// text is a message as a client sends it.
func text(to uint64, content string) *proto.Message {
	return &proto.Message{
		MessageId: new(uint64), SenderId: new(uint64), CreateTime: new(uint64),
		Content: &content, ReceiverId: &to,
	}
}

func typed(m *proto.Message, kind proto.MessageType) *proto.Message {
	m.MessageType = &kind
	return m
}

func with(m *proto.Message, clientRef []byte, seen ...uint64) *proto.Message {
	m.ClientRef = clientRef
	if len(seen) > 0 {
		m.SeenSeq = &seen[0]
	}
	return m
}

func encode(t testing.TB, m protobuf.Message) []byte {
	t.Helper()
	payload, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return payload
}

func (b *bench) publish(from uint64, branch proto.Branch, m protobuf.Message) (chat.Receipt, error) {
	b.t.Helper()
	return b.Publish(b.t.Context(), chat.Sender{User: from}, branch, encode(b.t, m), nil)
}

// send publishes a message that must be accepted.
func (b *bench) send(from uint64, m *proto.Message) chat.Receipt {
	b.t.Helper()
	receipt, err := b.publish(from, proto.BranchMessage, m)
	if err != nil {
		b.t.Fatal("send:", err)
	}
	return receipt
}

func (b *bench) mark(user, delivered, read uint64) {
	b.t.Helper()
	m := &proto.Mark{Key: protobuf.String(proto.DirectKey(ada, bob).String()), DeliveredSeq: &delivered, ReadSeq: &read}
	if _, err := b.publish(user, proto.BranchMark, m); err != nil {
		b.t.Fatal("mark:", err)
	}
}

// rows returns what a user is told of their conversations, by key.
func (b *bench) rows(user uint64) map[string]*proto.ConversationState {
	b.t.Helper()
	answer, err := b.Conversations(b.t.Context(), chat.Sender{User: user}, "")
	if err != nil {
		b.t.Fatal("conversations:", err)
	}
	rows := make(map[string]*proto.ConversationState)
	for _, row := range answer.GetConversations() {
		rows[row.GetKey()] = row
	}
	return rows
}

func refusalOf(t testing.TB, err error) *proto.Refusal {
	t.Helper()
	var r *proto.Refusal
	if !errors.As(err, &r) {
		t.Fatalf("got %v, want a refusal", err)
	}
	return r
}

func same(t testing.TB, what string, got, want any) {
	t.Helper()
	if diff := cmp.Diff(want, got, protocmp.Transform(), cmp.AllowUnexported(delivered{})); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func TestAMessageIsStampedStoredAndDeliveredToBothSides(t *testing.T) {
	onBothStores(t, func(t *testing.T, s chat.Store) {
		b := start(t, s)
		m := with(text(huge, "hello"), ref(1), 99)
		m.SenderId = protobuf.Uint64(eve) // a lie
		m.Seq, m.MessageId, m.CreateTime = protobuf.Uint64(77), protobuf.Uint64(78), protobuf.Uint64(79)
		m.ProtoReflect().SetUnknown([]byte{0xf8, 0x3f, 1}) // field 1023
		receipt := b.send(ada, m)

		if receipt.Seq != 1 || receipt.CreateTime != 1_750_000_000_000 || receipt.MessageID == 0 {
			t.Errorf("receipt %+v", receipt)
		}
		stored := &proto.Message{
			MessageId: &receipt.MessageID, SenderId: protobuf.Uint64(ada), Content: protobuf.String("hello"), CreateTime: &receipt.CreateTime,
			ReceiverId: protobuf.Uint64(huge), Seq: protobuf.Uint64(1), SeenSeq: protobuf.Uint64(0), ClientRef: ref(1),
		}
		same(t, "fan-out", b.out.take(), []delivered{{ada, proto.BranchMessage, stored}, {huge, proto.BranchMessage, stored}})
		for _, user := range []uint64{ada, huge} {
			page, err := b.Messages(t.Context(), chat.Sender{User: user}, proto.DirectKey(ada, huge), chat.Window{Limit: 10})
			if err != nil {
				t.Fatal(err)
			}
			epoch := epochOf(t, s)
			same(t, "page", read[*proto.MessagePage](t, page), &proto.MessagePage{Epoch: &epoch, HeadSeq: protobuf.Uint64(1), MinSeq: protobuf.Uint64(1), Messages: []*proto.Message{stored}})
		}
	})
}

func TestWhatIsWrongIsRefusedByName(t *testing.T) {
	b := start(t, chattest.NewMemory(1))
	b.send(bob, text(ada, "hello"))
	b.out.take()
	long := strings.Repeat("é", proto.MaxContent/2) + "!"
	badUTF8 := encode(t, text(bob, "a"))
	badUTF8[strings.IndexByte(string(badUTF8), 'a')] = 0xff
	noReceiver := text(bob, "hello")
	noReceiver.ReceiverId = nil
	partial, err := protobuf.MarshalOptions{AllowPartial: true}.Marshal(noReceiver)
	if err != nil {
		t.Fatal(err)
	}
	key := func(k string) *proto.Mark { return &proto.Mark{Key: &k, ReadSeq: protobuf.Uint64(1)} }
	typing := func(k string) *proto.Typing { return &proto.Typing{Key: &k} }
	for _, test := range []struct {
		name    string
		from    uint64
		branch  proto.Branch
		payload []byte
		reason  proto.Reason
		says    string
	}{
		{"no user", 0, proto.BranchMessage, encode(t, text(bob, "x")), proto.NotAuthorized, "sign in"},
		{"no user typing", 0, proto.BranchTyping, encode(t, typing("d:3:5")), proto.NotAuthorized, "sign in"},
		{"no user syncing", 0, proto.BranchSync, nil, proto.NotAuthorized, "sign in"},
		{"random bytes", ada, proto.BranchMessage, []byte{0xff, 0xfe}, proto.PayloadFormatInvalid, "not a Message"},
		{"an empty payload", ada, proto.BranchMessage, nil, proto.PayloadFormatInvalid, "message_id is required"},
		{"a missing field", ada, proto.BranchMessage, partial, proto.PayloadFormatInvalid, "receiver_id is required"},
		{"invalid UTF-8", ada, proto.BranchMessage, badUTF8, proto.PayloadFormatInvalid, "content is not valid UTF-8"},
		{"receiver 0", ada, proto.BranchMessage, encode(t, text(0, "x")), proto.PayloadFormatInvalid, "receiver_id is 0"},
		{"to oneself", ada, proto.BranchMessage, encode(t, text(ada, "x")), proto.PayloadFormatInvalid, "receiver_id is the sender"},
		{"no content", ada, proto.BranchMessage, encode(t, text(bob, "")), proto.PayloadFormatInvalid, "content is empty"},
		{"content that shows nothing", ada, proto.BranchMessage, encode(t, text(bob, "\u2800\u3164\u200b\x00")), proto.PayloadFormatInvalid, "content shows nothing"},
		{"too much content", ada, proto.BranchMessage, encode(t, text(bob, long)), proto.PacketTooLarge, "content has 16385 bytes"},
		{"a short client_ref", ada, proto.BranchMessage, encode(t, with(text(bob, "x"), []byte("short"))), proto.PayloadFormatInvalid, "client_ref has 5 bytes"},
		{"an empty client_ref", ada, proto.BranchMessage, encode(t, with(text(bob, "x"), []byte{})), proto.PayloadFormatInvalid, "client_ref has 0 bytes"},
		{"a mark without key", ada, proto.BranchMark, nil, proto.PayloadFormatInvalid, "Mark.key is required"},
		{"a mark with a bad key", ada, proto.BranchMark, encode(t, key("d:5:3")), proto.PayloadFormatInvalid, "key: want"},
		{"a mark of others", eve, proto.BranchMark, encode(t, key("d:3:5")), proto.NotAuthorized, "no participant"},
		{"a mark of others that is not there", eve, proto.BranchMark, encode(t, key("d:3:6")), proto.NotAuthorized, "no participant"},
		{"typing to others", eve, proto.BranchTyping, encode(t, typing("d:3:5")), proto.NotAuthorized, "no participant"},
		{"typing with random bytes", ada, proto.BranchTyping, []byte{1}, proto.PayloadFormatInvalid, "not a Typing"},
		{"a sync with random bytes", ada, proto.BranchSync, []byte{1}, proto.PayloadFormatInvalid, "not a SyncRequest"},
		{"an empty service message", ada, proto.BranchService, nil, proto.PayloadFormatInvalid, "message_id is required"},
		{"a mark in another's service conversation", ada, proto.BranchMark, encode(t, key("s:5:1")), proto.NotAuthorized, "no participant"},
		{"a picture to a user", ada, proto.BranchMessage, encode(t, typed(text(bob, "x"), proto.MessageType_MESSAGE_TYPE_IMAGE)), proto.PayloadFormatInvalid, "message_type is 1"},
		{"a claim to a user", ada, proto.BranchMessage, encode(t, typed(text(bob, "x"), proto.MessageType_MESSAGE_TYPE_CLAIM)), proto.PayloadFormatInvalid, "message_type is 16"},
		{"a long no reply needed", ada, proto.BranchMessage, encode(t, typed(text(bob, long), proto.MessageType_MESSAGE_TYPE_NO_REPLY_NEEDED)), proto.PacketTooLarge, "content has 16385 bytes"},
		{"a branch that is down only", ada, proto.BranchUnread, nil, proto.TopicNameInvalid, `up/"unread"`},
	} {
		t.Run(test.name, func(t *testing.T) {
			receipt, err := b.Publish(t.Context(), chat.Sender{User: test.from}, test.branch, test.payload, nil)
			r := refusalOf(t, err)
			if r.Reason != test.reason || !strings.Contains(r.Text, test.says) {
				t.Errorf("got %v, want reason 0x%02X and %q", r, byte(test.reason), test.says)
			}
			if receipt != (chat.Receipt{}) {
				t.Errorf("a refusal came with %+v", receipt)
			}
		})
	}
	same(t, "fan-out", b.out.take(), []delivered(nil))
	if head := b.rows(bob)["d:3:5"].GetHeadSeq(); head != 1 {
		t.Errorf("head is %d, want 1", head)
	}
}

func TestContentOfTheGreatestLengthPasses(t *testing.T) {
	b := start(t, chattest.NewMemory(1))
	b.send(ada, text(bob, strings.Repeat("é", proto.MaxContent/2)))
}

func TestARepeatGetsTheFirstReceiptAndIsDeliveredOnce(t *testing.T) {
	onBothStores(t, func(t *testing.T, s chat.Store) {
		b := start(t, s)
		first := b.send(ada, with(text(bob, "hello"), ref(1)))
		b.out.take()
		b.pass(time.Hour)
		for _, again := range []*proto.Message{with(text(bob, "hello"), ref(1)), with(text(eve, "other"), ref(1))} {
			same(t, "receipt", b.send(ada, again), first)
		}
		same(t, "fan-out", b.out.take(), []delivered(nil))
		if other := b.send(bob, with(text(ada, "hello"), ref(1))); other.Seq != 2 {
			t.Errorf("another sender's ref is another message: got seq %d, want 2", other.Seq)
		}
	})
}

func TestARepeatInTheSameBatchIsStoredOnce(t *testing.T) {
	onBothStores(t, func(t *testing.T, s chat.Store) {
		b := prepared(t, s)
		payload := encode(t, with(text(bob, "hello"), ref(1)))
		var batch []chat.Request
		for range 3 {
			request, err := b.Prepare(chat.Sender{User: ada}, proto.BranchMessage, payload, nil)
			if err != nil {
				t.Fatal(err)
			}
			batch = append(batch, request)
		}
		results := b.Commit(t.Context(), batch)
		for _, r := range results {
			if r.Err != nil {
				t.Fatal(r.Err)
			}
			same(t, "receipt", r.Receipt, results[0].Receipt)
		}
		if n := len(b.out.take()); n != 2 {
			t.Errorf("%d deliveries, want one to each side", n)
		}
		if head := b.rows(bob)["d:3:5"].GetHeadSeq(); head != 1 {
			t.Errorf("head is %d, want 1", head)
		}
	})
}

func TestCorrelationDataServesAsClientRefUnlessThePayloadHasOne(t *testing.T) {
	b := start(t, chattest.NewMemory(1))
	for _, test := range []struct {
		field, correlation []byte
		want               []byte // nil: one of the server's own
	}{
		{nil, ref(1), ref(1)}, {ref(2), ref(3), ref(2)}, {nil, []byte("short"), nil}, {nil, nil, nil},
	} {
		_, err := b.Publish(t.Context(), chat.Sender{User: ada}, proto.BranchMessage, encode(t, with(text(bob, "x"), test.field)), test.correlation)
		if err != nil {
			t.Fatal(err)
		}
		got := b.out.take()[0].body.(*proto.Message).GetClientRef()
		if test.want != nil && string(got) != string(test.want) || len(got) != proto.RefSize {
			t.Errorf("field %q, correlation %q: stored under %q, want %q", test.field, test.correlation, got, test.want)
		}
	}
	if head := b.rows(bob)["d:3:5"].GetHeadSeq(); head != 4 {
		t.Errorf("head is %d, want 4", head)
	}
}

func TestTypingGoesToTheOtherSideAlone(t *testing.T) {
	s := chattest.NewMemory(1)
	start(t, s).send(ada, text(bob, "hello"))
	b := prepared(t, s) // nothing waits for the committer
	m := &proto.Typing{Key: protobuf.String("d:3:5"), UserId: protobuf.Uint64(eve), Active: protobuf.Bool(true)}
	if _, err := b.publish(ada, proto.BranchTyping, m); err != nil {
		t.Fatal(err)
	}
	m.UserId = protobuf.Uint64(ada)
	same(t, "fan-out", b.out.take(), []delivered{{bob, proto.BranchTyping, m}})
}

func TestHistoryIsForParticipantsAlone(t *testing.T) {
	b := start(t, chattest.NewMemory(1))
	b.send(ada, text(bob, "hello"))
	read := func(user uint64, key proto.Key, services ...proto.ServiceType) error {
		_, err := b.Messages(t.Context(), chat.Sender{User: user, Services: services}, key, chat.Window{Limit: 10})
		return err
	}
	there, missing := refusalOf(t, read(eve, proto.DirectKey(ada, bob))), refusalOf(t, read(eve, proto.DirectKey(ada, 6)))
	same(t, "what a stranger learns", there, missing)
	if there.Reason != proto.NotAuthorized {
		t.Errorf("refused with %v", there)
	}
	for name, err := range map[string]error{
		"a service's customer is another": read(eve, proto.ServiceKey(ada, proto.ServiceType_SERVICE_TYPE_SALES)),
		"an agent of another service":     read(eve, proto.ServiceKey(ada, proto.ServiceType_SERVICE_TYPE_SALES), proto.ServiceType_SERVICE_TYPE_BILLING),
		"the zero key":                    read(ada, proto.Key{}),
		"nobody":                          read(0, proto.DirectKey(ada, bob)),
	} {
		if r := refusalOf(t, err); r.Reason != proto.NotAuthorized {
			t.Errorf("%s: %v", name, r)
		}
	}
	for name, err := range map[string]error{
		"a participant": read(bob, proto.DirectKey(ada, bob)),
		"a participant where nothing was said yet": read(eve, proto.DirectKey(eve, bob)),
		"a customer":              read(eve, proto.ServiceKey(eve, proto.ServiceType_SERVICE_TYPE_SALES)),
		"an agent of the service": read(eve, proto.ServiceKey(ada, proto.ServiceType_SERVICE_TYPE_SALES), proto.ServiceType_SERVICE_TYPE_SALES),
	} {
		if err != nil {
			t.Errorf("%s is refused: %v", name, err)
		}
	}
}

func TestHistoryReturnsTheNewestUnlessTheOldestAreAskedFor(t *testing.T) {
	onBothStores(t, func(t *testing.T, s chat.Store) {
		b := start(t, s)
		for range 9 {
			b.send(ada, text(bob, "x"))
		}
		for _, test := range []struct {
			window chat.Window
			want   []uint64
		}{
			{window(0, 0, 3, false), []uint64{7, 8, 9}}, {window(0, 0, 3, true), []uint64{1, 2, 3}},
			{window(0, 5, 3, false), []uint64{2, 3, 4}}, {window(0, 5, 3, true), []uint64{1, 2, 3}},
			{window(4, 0, 3, false), []uint64{7, 8, 9}}, {window(4, 0, 3, true), []uint64{5, 6, 7}},
			{window(2, 8, 3, false), []uint64{5, 6, 7}}, {window(8, 0, 500, true), []uint64{9}},
			{window(9, 0, 3, true), nil}, {window(0, 1, 3, false), nil}, {window(huge, 0, 3, true), nil},
			{window(0, huge, 2, false), []uint64{8, 9}}, {window(5, 3, 10, false), nil},
		} {
			page, err := b.Messages(t.Context(), chat.Sender{User: bob}, proto.DirectKey(ada, bob), test.window)
			if err != nil {
				t.Fatal(err)
			}
			var seqs []uint64
			for _, e := range page.Entries {
				seqs = append(seqs, e.Seq)
			}
			same(t, fmt.Sprintf("%+v", test.window), seqs, test.want)
		}
		for _, limit := range []int{-1, 0, 501, math.MinInt} {
			_, err := b.Messages(t.Context(), chat.Sender{User: bob}, proto.DirectKey(ada, bob), chat.Window{Limit: limit})
			if r := refusalOf(t, err); r.Reason != proto.PayloadFormatInvalid || !strings.Contains(r.Text, "limit") {
				t.Errorf("limit %d: %v", limit, r)
			}
		}
	})
}

func TestHistoryIsReadFromATimeOn(t *testing.T) {
	onBothStores(t, func(t *testing.T, s chat.Store) {
		b := start(t, s)
		key := proto.DirectKey(ada, bob)
		read := func(at uint64) []uint64 {
			t.Helper()
			seqs := []uint64{}
			page, err := b.Messages(t.Context(), chat.Sender{User: bob}, key, chat.Window{At: at, Limit: 2, Oldest: true})
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range page.Entries {
				seqs = append(seqs, e.Seq)
			}
			return seqs
		}
		same(t, "nothing was said", read(1), []uint64{})
		begin := uint64(b.time().UnixMilli())
		for range 9 { // three within each hour
			for range 3 {
				b.send(ada, text(bob, "x"))
			}
			b.pass(time.Hour)
		}
		hour := uint64(time.Hour.Milliseconds())
		for at, want := range map[uint64][]uint64{
			1: {1, 2}, begin: {1, 2}, begin + hour/2: {4, 5}, begin + hour: {4, 5}, begin + 2*hour - 1: {7, 8},
			begin + 8*hour: {25, 26}, begin + 9*hour: {}, math.MaxInt64: {},
		} {
			same(t, fmt.Sprintf("from %d on", at), read(at), want)
		}
	})
}

func TestWhenAUserWasSeenFirstIsKept(t *testing.T) {
	onBothStores(t, func(t *testing.T, s chat.Store) {
		b := start(t, s)
		first := b.time()
		for _, name := range []string{"Ada", "Ada Lovelace", ""} {
			if err := b.Seen(t.Context(), chat.User{ID: ada, Name: name}, chat.Credential{}); err != nil {
				t.Fatal(err)
			}
			b.pass(time.Hour)
		}
		err := s.Update(t.Context(), func(tx chat.Tx) error { return tx.PutUser(chat.User{ID: bob, Name: "Bob"}) }) // as before it was kept
		if err != nil {
			t.Fatal(err)
		}
		if err := b.Seen(t.Context(), chat.User{ID: bob, Name: "Robert"}, chat.Credential{}); err != nil {
			t.Fatal(err)
		}
		for user, want := range map[uint64]time.Time{ada: first, bob: {}, huge: {}} {
			if got, err := b.FirstSeen(t.Context(), user); !got.Equal(want) || err != nil {
				t.Errorf("user %d was seen first %v, %v, want %v", user, got, err, want)
			}
		}
	})
}

func TestPeopleAreFoundByNameAndID(t *testing.T) {
	onBothStores(t, func(t *testing.T, s chat.Store) {
		b := start(t, s)
		see := func(id uint64, name string) {
			t.Helper()
			if err := b.Seen(t.Context(), chat.User{ID: id, Name: name}, chat.Credential{}); err != nil {
				t.Fatal(err)
			}
		}
		see(ada, "Ada")
		see(ada, "Ada") // no news
		see(ada, "")    // keeps the name
		see(huge, "")
		now := uint64(b.time().UnixMilli())
		someAda, nameless := chat.User{ID: ada, Name: "Ada", FirstSeen: now}, chat.User{ID: huge, FirstSeen: now}
		for query, want := range map[string][]chat.User{
			" aD ": {someAda}, "3": {someAda}, "18446744073709551615": {nameless}, "%": nil,
			"": {nameless, someAda}, strings.Repeat("x", 65): nil,
		} {
			got, err := b.Users(t.Context(), chat.UserQuery{Text: query, Limit: 10})
			if err != nil {
				t.Fatal(err)
			}
			same(t, "query "+query, got, want)
		}
		for name, err := range map[string]error{
			"id":   b.Seen(t.Context(), chat.User{Name: "Nobody"}, chat.Credential{}),
			"long": b.Seen(t.Context(), chat.User{ID: 9, Name: strings.Repeat("x", proto.MaxName+1)}, chat.Credential{}),
			"utf8": b.Seen(t.Context(), chat.User{ID: 9, Name: "\xff"}, chat.Credential{}),
		} {
			if r := refusalOf(t, err); r.Reason != proto.PayloadFormatInvalid {
				t.Errorf("%s: %v", name, r)
			}
		}
		for _, limit := range []int{-1, 0, 501} {
			_, err := b.Users(t.Context(), chat.UserQuery{Text: "a", Limit: limit})
			refusalOf(t, err)
		}
		_, err := b.Users(t.Context(), chat.UserQuery{Text: "\xff", Limit: 10})
		refusalOf(t, err)
	})
}

func window(after, before uint64, limit int, oldest bool) chat.Window {
	return chat.Window{After: after, Before: before, Limit: limit, Oldest: oldest}
}
