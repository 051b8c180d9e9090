package store

import (
	"context"
	"fmt"
	"parley/server/store/relational"
	"regexp"
	"slices"
	"strings"
	"testing"

	protobuf "google.golang.org/protobuf/proto"
	sqlite3 "modernc.org/sqlite/lib"

	"parley/proto"
	"parley/server/chat"
)

type nobody struct{}

func (nobody) Publish(uint64, proto.Branch, []byte) {}

func (nobody) PublishTo(context.Context, uint64, string, proto.Branch, []byte) error { return nil }

const (
	ada, bob, ann, ben = 3, 5, 50, 60 // two users, of whom Ada is a customer too, and two agents
	support            = proto.ServiceType_SERVICE_TYPE_SUPPORT
)

var (
	directKey  = proto.DirectKey(ada, bob)
	serviceKey = proto.ServiceKey(ada, support)
)

// desk is a running sequencer on a store.
type desk struct {
	t    *testing.T
	db   *DB
	chat *chat.Service
	stop func()
}

func newDesk(t *testing.T, db *DB) *desk {
	s, err := chat.New(chat.Config{Store: db, Fanout: nobody{}, Quotas: chat.Quotas{Bytes: 1 << 40, AgentBytes: 1 << 40, Conversations: 1 << 20}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	d := &desk{t, db, s, func() {
		t.Helper()
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}}
	for user, name := range map[uint64]string{ada: "Ada", bob: "Bob", ann: "Ann", ben: "Ben"} {
		d.seen(user, name)
	}
	return d
}

func (d *desk) sender(user uint64) chat.Sender {
	if user == ann || user == ben {
		return chat.Sender{User: user, Services: []proto.ServiceType{support}}
	}
	return chat.Sender{User: user}
}

func (d *desk) seen(user uint64, name string) {
	d.t.Helper()
	if err := d.chat.Seen(context.Background(), chat.User{ID: user, Name: name, Services: chat.ServicesOf(d.sender(user).Services)}, chat.Credential{}); err != nil {
		d.t.Fatal(err)
	}
}

func (d *desk) publish(user uint64, b proto.Branch, m protobuf.Message) {
	d.t.Helper()
	payload, err := proto.Marshal(m)
	if err != nil {
		d.t.Fatal(err)
	}
	if _, err := d.chat.Publish(context.Background(), d.sender(user), b, payload, nil); err != nil {
		d.t.Fatal(err)
	}
}

func (d *desk) mark(user uint64, key proto.Key, read uint64) {
	d.t.Helper()
	name := key.String()
	d.publish(user, proto.BranchMark, &proto.Mark{Key: &name, ReadSeq: &read})
}

func (d *desk) write(from, to uint64, seen *uint64, ref string) {
	d.t.Helper()
	d.publish(from, proto.BranchMessage, &proto.Message{
		MessageId: new(uint64), SenderId: new(uint64), CreateTime: new(uint64), ReceiverId: &to,
		Content: protobuf.String("hello"), SeenSeq: seen, ClientRef: []byte(ref),
	})
}

func (d *desk) inquire(from uint64, kind proto.MessageType, seen *uint64) {
	d.t.Helper()
	d.publish(from, proto.BranchService, &proto.ServiceMessage{
		MessageId: new(uint64), UserId: protobuf.Uint64(ada), ServiceType: support.Enum(), MessageType: &kind, Content: protobuf.String("hello"),
		CreateDate: new(uint64), Direction: new(proto.ServiceMessageDirection), SeenSeq: seen, TargetAgentId: protobuf.Uint64(ben),
	})
}

// fill writes n entries into each of two conversations, in the order that costs
// most where they are walked through: one between users, of which Ada wrote all,
// the later half control entries, and one of a service, of questions and notes.
func (d *desk) fill(n uint64) {
	d.t.Helper()
	id := uint64(1)
	add := func(tx chat.Tx, c *chat.Conversation, m *chat.Member, kind proto.MessageType) error {
		c.Head, c.Min = c.Head+1, 1
		for side := range c.Counted {
			if c.Key.Counts(kind, c.Key.User(proto.Side(side))) {
				c.Counted[side]++
			}
		}
		if c.Key.Counts(kind, m.User) {
			m.Own++
		}
		if !kind.Control() {
			c.Status.Sides[c.Key.Side(m.User)].Ask(c.Head, 1000)
		}
		e := chat.Entry{Key: c.Key, Seq: c.Head, ID: id, Sender: m.User, Type: kind, CreateTime: 1000, Counted: c.Counted, Own: m.Own, Body: make([]byte, 100)}
		copy(e.Ref[:], fmt.Sprintf("%016d", id))
		id++
		return tx.Append(e)
	}
	err := d.db.Update(d.t.Context(), func(tx chat.Tx) error {
		direct, inquiry := chat.Conversation{Key: directKey}, chat.Conversation{Key: serviceKey, Rev: 1}
		author, customer, agent := chat.Member{Key: directKey, User: ada, Rev: 2}, chat.Member{Key: serviceKey, User: ada, Rev: 3}, chat.Member{Key: serviceKey, User: ann, Rev: 4}
		for i := range n {
			kind, by := proto.MessageType(0), &customer
			if i >= n/2 {
				kind = proto.MessageType_MESSAGE_TYPE_NO_REPLY_NEEDED
			}
			if err := add(tx, &direct, &author, kind); err != nil {
				return err
			}
			kind = 0
			if i%2 == 1 {
				kind, by = proto.MessageType_MESSAGE_TYPE_NOTE, &agent
			}
			if err := add(tx, &inquiry, by, kind); err != nil {
				return err
			}
		}
		for _, c := range []chat.Conversation{direct, inquiry} {
			if err := tx.PutConversation(c); err != nil {
				return err
			}
		}
		for _, m := range []chat.Member{author, customer, agent} {
			if err := tx.PutMember(m); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		d.t.Fatal(err)
	}
}

// pages is how many pages of the file the connection that writes has looked at.
func (d *desk) pages() (sum int) {
	d.t.Helper()
	err := d.db.asWriter(func(s *connection) error {
		out := s.tls.Alloc(8)
		defer s.tls.Free(8)
		for _, what := range []int32{sqlite3.SQLITE_DBSTATUS_CACHE_HIT, sqlite3.SQLITE_DBSTATUS_CACHE_MISS} {
			if err := s.check(sqlite3.Xsqlite3_db_status(s.tls, s.db, what, out, out+4, 0)); err != nil {
				return err
			}
			sum += int(*at[int32](out))
		}
		return nil
	})
	if err != nil {
		d.t.Fatal(err)
	}
	return sum
}

// requests are one of each kind that a commit applies, to conversations of n entries.
var requests = []struct {
	name string
	send func(d *desk, n uint64)
}{
	{"a message", func(d *desk, n uint64) { d.write(ada, bob, nil, "000000000message") }},
	{"the same again", func(d *desk, n uint64) { d.write(ada, bob, nil, "000000000message") }},
	{"a read mark of who wrote everything", func(d *desk, n uint64) { d.mark(ada, directKey, 1) }},
	{"a read mark of who wrote nothing", func(d *desk, n uint64) { d.mark(bob, directKey, 1) }},
	{"an answer that had seen all but control entries", func(d *desk, n uint64) { d.write(bob, ada, protobuf.Uint64(n/2), "0000000000answer") }},
	{"no reply needed", func(d *desk, n uint64) { d.mark(bob, directKey, n) }},
	{"a question", func(d *desk, n uint64) { d.inquire(ada, 0, protobuf.Uint64(2)) }},
	{"a read mark of an agent", func(d *desk, n uint64) { d.mark(ben, serviceKey, 1) }},
	{"a read mark of an agent who wrote much", func(d *desk, n uint64) { d.mark(ann, serviceKey, 1) }},
	{"an answer that had seen the first question", func(d *desk, n uint64) { d.inquire(ann, 0, protobuf.Uint64(1)) }},
	{"a note", func(d *desk, n uint64) { d.inquire(ann, proto.MessageType_MESSAGE_TYPE_NOTE, protobuf.Uint64(2)) }},
	{"a hand-over", func(d *desk, n uint64) { d.inquire(ann, proto.MessageType_MESSAGE_TYPE_HAND_OVER, nil) }},
	{"settings", func(d *desk, n uint64) {
		d.publish(ada, proto.BranchSettings, &proto.Settings{SharePresence: protobuf.Bool(false)})
	}},
	{"another name", func(d *desk, n uint64) { d.seen(ada, "Countess of Lovelace") }},
}

func TestWhatACommitCostsDoesNotGrowWithTheEntriesStored(t *testing.T) {
	const few, many = 100, 10_000
	cost := make(map[string]int)
	for _, n := range []uint64{few, many} {
		d := newDesk(t, openIn(t, t.TempDir()))
		d.fill(n)
		for _, r := range requests {
			before := d.pages()
			r.send(d, n)
			pages := d.pages() - before
			if n == few {
				cost[r.name] = pages
			} else if pages > 2*cost[r.name] {
				t.Errorf("%s looks at %d pages where %d entries are stored, and at %d where %d are", r.name, pages, n, cost[r.name], few)
			}
		}
		d.stop()
	}
}

// unbound are a statement's parameters.
var unbound = regexp.MustCompile(`\?\d*`)

// No statement of a commit reads all of a table: it searches for what it needs.
// The agents of a service are the exception, and come from an index of agents.
func TestWhatACommitReadsIsSearchedFor(t *testing.T) {
	mayWalk := map[string]string{ // a step of a plan, and why
		"SCAN messages USING COVERING INDEX messages_by_id": "to its end, and takes one",
		"SCAN users USING COVERING INDEX users_agents":      "agents alone",
		"SCAN one_written": "one row",
		"SCAN one_control": "one row",
	}
	d := newDesk(t, openIn(t, t.TempDir()))
	d.fill(10)
	for _, r := range requests {
		r.send(d, 10)
	}
	d.chat.Connected(context.Background(), chat.Sender{User: ada})
	d.stop() // which writes down when she was last here
	atStart := []string{"SELECT count(*) FROM sqlite_schema", "SELECT id, name, folded FROM users ORDER BY id"}
	for query, plan := range d.plans() {
		if slices.Contains(atStart, query) {
			continue
		}
		for _, step := range plan {
			if _, may := mayWalk[step]; strings.HasPrefix(step, "SCAN") && !may {
				t.Errorf("%s: %s", step, query)
			}
		}
	}
}

// plans are how SQLite goes about what the connection that writes has been asked.
func (d *desk) plans() map[string][]string {
	d.t.Helper()
	all := make(map[string][]string)
	err := d.db.asWriter(func(s *connection) error {
		for query := range s.statements {
			if first, _, _ := strings.Cut(query, " "); first != "SELECT" && first != "INSERT" && first != "UPDATE" {
				continue
			}
			err := s.Rows(func(row relational.Row) error {
				var id, parent, unused int
				var step string
				err := row.Scan(&id, &parent, &unused, &step)
				all[query] = append(all[query], step)
				return err
			}, "EXPLAIN QUERY PLAN "+unbound.ReplaceAllString(query, "NULL"))
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		d.t.Fatal(err)
	}
	if len(all) < 10 {
		d.t.Fatalf("only %d statements were explained", len(all))
	}
	return all
}
