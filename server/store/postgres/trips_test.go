//go:build unix

package postgres

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	protobuf "google.golang.org/protobuf/proto"

	"parley/proto"
	"parley/server/chat"
	"parley/server/chat/chattest"
	"parley/server/store/postgres/postgrestest"
)

const (
	ada, bob, agent = 1, 2, 3
	team            = 9000
	general         = proto.ServiceType(0)
)

// talk is a service that is driven by hand, over a line.
type talk struct {
	*testing.T
	*chat.Service
	store chat.Store
	told  []string // to whom, and what
	line  *line
	refs  uint32
}

func newTalk(t *testing.T) *talk {
	l := new(line)
	return talkOn(t, openThrough(t, l), l)
}

func talkOn(t *testing.T, store chat.Store, l *line) *talk {
	clock := time.Unix(1_700_000_000, 0)
	k := &talk{T: t, store: store, line: l}
	s, err := chat.New(chat.Config{
		Store: store, Fanout: k, Services: 1, Quotas: chat.Quotas{Bytes: 64 << 20, AgentBytes: 64 << 20, Conversations: 1000},
		Now: func() time.Time { clock = clock.Add(time.Millisecond); return clock },
	})
	if err != nil {
		t.Fatal(err)
	}
	group := proto.GroupKey(team)
	put := func(tx chat.Tx) error {
		for user := uint64(1); user <= 3; user++ {
			if err := tx.PutMember(chat.Member{Key: group, User: user, Role: proto.GroupRole_GROUP_ROLE_ADMIN, From: 1}); err != nil {
				return err
			}
		}
		if err := errors.Join(tx.PutConversation(chat.Conversation{Key: group, Min: 1}), tx.PutGroup(chat.Group{Key: group, Name: "team", Members: 3, Version: 1})); err != nil {
			return err
		}
		for id := uint64(1); id <= 4; id++ {
			if err := tx.PutAttachment(chat.Attachment{ID: 70 + id, Owner: 1 + (id-1)%3, State: chat.AttachmentFinished, Name: "a.txt", MediaType: "text/plain", Size: 1, Offset: 1, Time: 1, Due: 1 << 60}); err != nil {
				return err
			}
		}
		return errors.Join(tx.PutUser(chat.User{ID: agent, Name: "Agent", Services: 1}), tx.PutUser(chat.User{ID: ada, Name: "Ada"}))
	}
	if err := store.Update(t.Context(), put); err != nil {
		t.Fatal(err)
	}
	k.Service = s
	return k
}

// Publish implements chat.Fanout.
func (k *talk) Publish(user uint64, branch proto.Branch, payload []byte) {
	k.told = append(k.told, fmt.Sprintf("%d %s %x", user, branch, payload))
}

// PublishTo implements chat.Fanout.
func (k *talk) PublishTo(context.Context, uint64, string, proto.Branch, []byte) error { return nil }

func (k *talk) prepare(from uint64, branch proto.Branch, m protobuf.Message) chat.Request {
	k.Helper()
	payload, err := proto.Marshal(m)
	if err != nil {
		k.Fatal(err)
	}
	k.refs++
	sender := chat.Sender{User: from}
	if from == agent {
		sender.Services = []proto.ServiceType{general}
	}
	r, err := k.Prepare(sender, branch, payload, binary.BigEndian.AppendUint32(make([]byte, proto.RefSize-4), k.refs))
	if err != nil {
		k.Fatal(err)
	}
	return r
}

func (k *talk) message(from, to, seen uint64) chat.Request {
	k.Helper()
	return k.prepare(from, proto.BranchMessage, &proto.Message{
		MessageId: new(uint64), SenderId: new(uint64), CreateTime: new(uint64), ReceiverId: &to, Content: protobuf.String("hello"), SeenSeq: &seen,
	})
}

// says is a message that speaks of another, quotes one or carries something.
func (k *talk) says(from uint64, key proto.Key, seen uint64, change func(*proto.Message)) chat.Request {
	k.Helper()
	to := key.Group()
	m := &proto.Message{MessageId: new(uint64), SenderId: new(uint64), CreateTime: new(uint64), ReceiverId: &to, Content: protobuf.String("hello"), SeenSeq: &seen}
	if key.Kind() == proto.Group {
		m.GroupId = &to
	} else {
		to = key.Peer(from)
	}
	change(m)
	return k.prepare(from, proto.BranchMessage, m)
}

func of(kind proto.MessageType, seq uint64, content string) func(*proto.Message) {
	return func(m *proto.Message) { m.MessageType, m.TargetSeq, m.Content = &kind, &seq, &content }
}

func quoting(seq uint64) func(*proto.Message) {
	return func(m *proto.Message) { m.QuoteSeq = &seq }
}

func carrying(id uint64) func(*proto.Message) {
	return func(m *proto.Message) {
		m.MessageType, m.Attachments = proto.MessageType_MESSAGE_TYPE_FILE.Enum(), []*proto.Attachment{{AttachmentId: &id}}
	}
}

func mentioning(users ...uint64) func(*proto.Message) {
	return func(m *proto.Message) { m.Mentions = users }
}

func (k *talk) toService(from, seen uint64) chat.Request {
	k.Helper()
	direction := proto.ServiceMessageDirection_CUSTOMER_TO_SERVICE
	if from == agent {
		direction = proto.ServiceMessageDirection_SERVICE_TO_CUSTOMER
	}
	customer := uint64(ada)
	return k.prepare(from, proto.BranchService, &proto.ServiceMessage{
		MessageId: new(uint64), UserId: &customer, ServiceType: general.Enum(), MessageType: proto.MessageType_MESSAGE_TYPE_TEXT.Enum(), Content: protobuf.String("hello"), CreateDate: new(uint64), Direction: &direction, SeenSeq: &seen,
	})
}

func (k *talk) mark(user, read uint64, key proto.Key) chat.Request {
	k.Helper()
	name := key.String()
	return k.prepare(user, proto.BranchMark, &proto.Mark{Key: &name, ReadSeq: &read, DeliveredSeq: &read})
}

// Whatever a batch has, and however little its authors have seen, it takes two round trips:
// but for who is in a group, which a node reads once each time that it changes.
func TestABatchTakesTwoRoundTrips(t *testing.T) {
	k := newTalk(t)
	direct, service, group := proto.DirectKey(ada, bob), proto.ServiceKey(ada, general), proto.GroupKey(team)
	const first = "the first to a group"
	for _, batch := range []struct {
		name string
		of   func() []chat.Request
	}{
		{"the first of all", func() []chat.Request { return []chat.Request{k.message(ada, bob, 0)} }},
		{"messages", func() []chat.Request {
			return []chat.Request{k.message(ada, bob, 1), k.message(ada, bob, 2), k.message(ada, 9, 0), k.message(bob, 9, 0)}
		}},
		{"an answer that lags behind", func() []chat.Request { return []chat.Request{k.message(bob, ada, 1), k.message(ada, bob, 2)} }},
		{"marks", func() []chat.Request {
			return []chat.Request{k.mark(bob, 2, direct), k.mark(ada, 99, direct), k.mark(bob, 3, direct), k.message(bob, ada, 4)}
		}},
		{"what speaks of others, quotes and carries", func() []chat.Request {
			return []chat.Request{
				k.says(ada, direct, 5, quoting(1)), k.says(ada, direct, 5, of(proto.MessageType_MESSAGE_TYPE_EDIT, 1, "edited")),
				k.says(bob, direct, 5, of(proto.MessageType_MESSAGE_TYPE_REACT, 2, "👍")), k.says(ada, direct, 5, carrying(71)),
			}
		}},
		{first, func() []chat.Request { return []chat.Request{k.says(ada, group, 0, mentioning(bob))} }},
		{"to a group", func() []chat.Request {
			return []chat.Request{k.says(bob, group, 1, mentioning(ada, agent)), k.says(ada, group, 1, carrying(74)), k.says(agent, group, 2, quoting(1)), k.says(bob, group, 2, of(proto.MessageType_MESSAGE_TYPE_REACT, 1, "👍"))}
		}},
		{"marks in a group", func() []chat.Request {
			return []chat.Request{k.mark(ada, 2, group), k.mark(bob, 4, group), k.mark(agent, 99, group), k.mark(ada, 3, group)}
		}},
		{"to a service", func() []chat.Request {
			return []chat.Request{k.toService(ada, 0), k.toService(ada, 1), k.toService(ada, 2)}
		}},
		{"the service's answer, and marks", func() []chat.Request {
			return []chat.Request{k.toService(agent, 3), k.mark(agent, 2, service), k.mark(ada, 4, service), k.toService(ada, 2)}
		}},
	} {
		requests := batch.of()
		before := k.line.count()
		for i, result := range k.Commit(context.Background(), requests) {
			if result.Err != nil {
				t.Errorf("%s: request %d: %v", batch.name, i, result.Err)
			}
		}
		want := 2
		if batch.name == first {
			want++
		}
		if trips := k.line.count() - before; trips != want {
			t.Errorf("%s took %d round trips, want %d", batch.name, trips, want)
		}
	}
}

// What a node knows of rows from its transactions before it does not read again, unless another has
// written since then: it takes two round trips all the same.
func TestWhatAnotherNodeWroteIsReadAnew(t *testing.T) {
	l, address := new(line), postgrestest.Database(t)
	here, there := talkOn(t, openOver(t, address, l), l), talkOn(t, open(t, address, t.TempDir()), nil)
	there.refs = 128 // of its own
	const stranger = 9
	send := func(k *talk, r chat.Request, want uint64) {
		t.Helper()
		before := l.count()
		if result := k.Commit(t.Context(), []chat.Request{r})[0]; result.Err != nil || result.Receipt.Seq != want {
			t.Errorf("it has seq %d, error %v, want %d", result.Receipt.Seq, result.Err, want)
		}
		if trips := l.count() - before; k == here && trips != 2 {
			t.Errorf("it took %d round trips", trips)
		}
	}
	send(here, here.message(ada, bob, 0), 1)
	send(here, here.message(ada, bob, 0), 2)
	send(there, there.message(bob, ada, 0), 3)
	send(here, here.message(ada, bob, 0), 4)
	here.Commit(t.Context(), []chat.Request{here.mark(ada, 1, proto.DirectKey(ada, stranger))}) // where there is nothing
	send(there, there.message(ada, stranger, 0), 1)
	send(there, there.message(ada, stranger, 0), 2)
	send(here, here.message(ada, stranger, 0), 3)
	send(here, here.message(ada, bob, 0), 5)
	for seq := uint64(6); seq < 10; seq += 2 {
		send(there, there.message(ada, bob, 0), seq)
		if err := here.store.Update(t.Context(), func(tx chat.Tx) (err error) { // which does not say what it will read
			if seq == 6 {
				_, err = tx.Epoch() // at first, or at once:
			}
			c, e := tx.Conversation(proto.DirectKey(ada, bob))
			if c.Head != seq {
				t.Errorf("it goes on from %d, want %d", c.Head, seq)
			}
			return errors.Join(err, e)
		}); err != nil {
			t.Fatal(err)
		}
		send(here, here.message(ada, bob, 0), seq+1)
	}
	// Nor does it believe what it wrote, and did not commit.
	if err := here.store.Update(t.Context(), func(tx chat.Tx) error {
		return errors.Join(tx.PutConversation(chat.Conversation{Key: proto.DirectKey(ada, bob), Head: 9, Min: 1}), context.Canceled)
	}); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	send(here, here.message(ada, bob, 0), 10)
}

// A version that changes the tables may change rows that nodes of the version before know.
func TestWhatAMigrationChangedIsReadAnew(t *testing.T) {
	address := postgrestest.Database(t)
	here := talkOn(t, open(t, address, t.TempDir()), nil)
	for seq, before := range []uint64{0, 8} {
		if result := here.Commit(t.Context(), []chat.Request{here.message(ada, bob, 0)})[0]; result.Receipt.Seq != before+1 {
			t.Fatalf("message %d has seq %d, error %v, want %d", seq, result.Receipt.Seq, result.Err, before+1)
		}
		postgrestest.SQL(t, address, fmt.Sprintf(`UPDATE parley.conversations SET head = '\x0000000000000008';
			UPDATE parley.meta SET value = decode('%016x', 'hex') WHERE name = 'schema'`, len(migrations)-1)) // the last can be repeated
		open(t, address, t.TempDir())
	}
}

// Whatever requests say beforehand of what they read, and whatever a batch changed before
// they read it: what comes of it is the same as in memory.
func TestWhatIsFetchedBeforehandIsWhatIsThere(t *testing.T) {
	l := new(line)
	single := struct{ chat.Store }{openThrough(t, l)} // which goes by the clock of its one service
	whatIsFetchedIsThere(t, single, l, true)
}

// So it is where a transaction is made of what those before it knew. (One that repeats a ref is made
// again, for which the clock and the ids go on.)
func TestWhatIsGuessedIsWhatIsThere(t *testing.T) {
	l := new(line)
	whatIsFetchedIsThere(t, struct{ chat.Store }{guessing{openThrough(t, l)}}, l, false)
}

func whatIsFetchedIsThere(t *testing.T, single chat.Store, l *line, repeats bool) {
	t.Helper()
	here, there := talkOn(t, chattest.NewMemory(1), nil), talkOn(t, single, l)
	random := rand.New(rand.NewPCG(3, 4))
	group := proto.GroupKey(team)
	keys := []proto.Key{proto.DirectKey(1, 2), proto.DirectKey(2, 3), proto.DirectKey(1, 3), proto.ServiceKey(ada, general), group}
	for round := range 200 {
		var requests [2][]chat.Request
		for range 1 + random.IntN(12) {
			kind, from, to, repeat := random.IntN(22), 1+random.Uint64N(3), 1+random.Uint64N(3), random.IntN(12) == 0
			key := proto.DirectKey(from, from%3+1)
			switch {
			case kind > 12 && random.IntN(3) > 0, kind > 9 && kind < 13:
				key = group
			case kind > 5 && kind < 10:
				key = proto.ServiceKey(ada, general)
			}
			target, says := max(here.head(key), 3)-2+random.Uint64N(5), random.IntN(3) // about what the batch appends
			seen := random.Uint64N(8) + max(here.head(key), 4) - 4                     // about where the batch is
			if random.IntN(4) == 0 {
				seen = random.Uint64N(seen + 1)
			}
			for i, k := range []*talk{here, there} {
				if repeat && repeats && k.refs > 0 {
					k.refs-- // the same client_ref again, within the batch or of one before
				}
				switch {
				case kind < 4:
					requests[i] = append(requests[i], k.message(from, from%3+1, seen))
				case kind < 6:
					requests[i] = append(requests[i], k.mark(from, seen, key))
				case kind == 6 && to != ada:
					requests[i] = append(requests[i], k.mark(agent, seen, key))
				case kind == 6:
					requests[i] = append(requests[i], k.mark(ada, seen, key))
				case kind < 9:
					requests[i] = append(requests[i], k.toService(ada, seen))
				case kind == 9:
					requests[i] = append(requests[i], k.toService(agent, seen))
				case kind == 10:
					requests[i] = append(requests[i], k.says(from, key, seen, mentioning(to)))
				case kind < 13:
					requests[i] = append(requests[i], k.mark(from, seen, key))
				case kind == 13:
					requests[i] = append(requests[i], k.says(from, key, seen, quoting(target)))
				case kind < 21:
					what := []proto.MessageType{proto.MessageType_MESSAGE_TYPE_EDIT, proto.MessageType_MESSAGE_TYPE_RECALL, proto.MessageType_MESSAGE_TYPE_REACT}[says]
					requests[i] = append(requests[i], k.says(from, key, seen, of(what, target, "👍")))
				default:
					requests[i] = append(requests[i], k.says(from, key, seen, carrying(70+to)))
				}
			}
		}
		want, got := here.Commit(t.Context(), requests[0]), there.Commit(t.Context(), requests[1])
		for i := range want {
			if want[i].Receipt != got[i].Receipt || (want[i].Err == nil) != (got[i].Err == nil) || want[i].Err != nil && want[i].Err.Error() != got[i].Err.Error() {
				t.Fatalf("round %d, request %d: %+v, want %+v", round, i, got[i], want[i])
			}
		}
		here.same(there, keys[round%len(keys)])
	}
	for _, key := range keys {
		here.same(there, key)
	}
}

// same sees that both keep the same of a conversation.
func (k *talk) same(there *talk, key proto.Key) {
	k.Helper()
	if diff := cmp.Diff(k.all(key), there.all(key), cmp.Comparer(func(x, y proto.Key) bool { return x == y })); diff != "" {
		k.Fatalf("%v (-memory +PostgreSQL):\n%s", key, diff)
	}
	if diff := cmp.Diff(k.told, there.told); diff != "" {
		k.Fatalf("told (-by memory +by PostgreSQL):\n%s", diff)
	}
	k.told, there.told = nil, nil
}

func (k *talk) head(key proto.Key) uint64 { return k.all(key).Conversation.Head }

// A row that is written twice in a transaction is as it was written last.
func TestTheLastOfTwoWritesCounts(t *testing.T) {
	db := open(t, postgrestest.Database(t), t.TempDir())
	key := proto.ServiceKey(ada, general)
	last := kept{Conversation: chat.Conversation{Key: key, Head: 2, Min: 1}, Members: []chat.Member{{Key: key, User: ada, Read: 2, Rev: 2}}}
	if err := db.Update(t.Context(), func(tx chat.Tx) error {
		return errors.Join(
			tx.PutConversation(chat.Conversation{Key: key, Head: 1, Min: 1}), tx.PutMember(chat.Member{Key: key, User: ada, Rev: 1}),
			tx.PutConversation(last.Conversation), tx.PutMember(last.Members[0]),
		)
	}); err != nil {
		t.Fatal(err)
	}
	// A statement of some columns, one of all, and one of some again, of the same row.
	if err := db.Update(t.Context(), func(tx chat.Tx) error {
		m, err := tx.Member(key, ada)
		if err != nil {
			return err
		}
		some, whole := m, m
		some.Read, whole.Read, whole.Pinned = 3, 4, true
		last.Members[0] = whole
		last.Members[0].Read = 5
		return errors.Join(tx.PutMember(some), tx.PutMember(whole), tx.PutMember(last.Members[0]))
	}); err != nil {
		t.Fatal(err)
	}
	k := &talk{T: t, store: db}
	if got := k.all(key); got.Conversation != last.Conversation || len(got.Members) != 1 || got.Members[0] != last.Members[0] {
		t.Errorf("stored is %+v", got)
	}
}

// kept is what the history keeps of a conversation.
type kept struct {
	Conversation chat.Conversation
	Members      []chat.Member
	Entries      []chat.Entry
	Users        []chat.User
	Usage        chat.Usage
}

func (k *talk) all(key proto.Key) (all kept) {
	k.Helper()
	if err := k.store.View(k.Context(), func(v chat.View) error {
		var errs [5]error
		all.Conversation, errs[0] = v.Conversation(key)
		all.Members, errs[1] = v.Members(key)
		all.Entries, errs[2] = v.Entries(key, 0, 0, 1000, false)
		all.Users, errs[3] = v.UsersAfter(0, 9)
		all.Usage, errs[4] = v.Usage(ada)
		return errors.Join(errs[:]...)
	}); err != nil {
		k.Fatal(err)
	}
	return all
}

// Who is told of each message has a row that changes with it: were a column in an index that
// changes, each index of the table would be written for it (PostgreSQL's heap-only tuples).
func TestWhatEachMessageChangesOfAMemberIsInNoIndex(t *testing.T) {
	address := postgrestest.Database(t)
	open(t, address, t.TempDir())
	indexed := postgrestest.SQL(t, address, `SELECT string_agg(DISTINCT attname, ' ' ORDER BY attname) FROM pg_index i
		JOIN pg_attribute a ON a.attrelid = i.indrelid AND (a.attnum = ANY(i.indkey) OR pg_get_expr(i.indpred, i.indrelid) ~ ('\m' || a.attname || '\M'))
		WHERE i.indrelid = 'parley.members'::regclass`)
	if want := "block blocks conversation peer role user_id"; indexed != want {
		t.Errorf("indexes of members have %q, want %q", indexed, want)
	}
}
