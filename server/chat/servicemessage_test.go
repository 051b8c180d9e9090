package chat_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	protobuf "google.golang.org/protobuf/proto"

	"parley/proto"
	"parley/proto/answeredtest"
	"parley/server/chat"
	"parley/server/chat/chattest"
)

const (
	cora, ann, ben = 101, 201, 202 // a customer and two agents
	sales          = proto.ServiceType_SERVICE_TYPE_SALES
	support        = proto.ServiceType_SERVICE_TYPE_SUPPORT

	claim         = proto.MessageType_MESSAGE_TYPE_CLAIM
	release       = proto.MessageType_MESSAGE_TYPE_RELEASE
	handOver      = proto.MessageType_MESSAGE_TYPE_HAND_OVER
	note          = proto.MessageType_MESSAGE_TYPE_NOTE
	resolve       = proto.MessageType_MESSAGE_TYPE_RESOLVE
	reopen        = proto.MessageType_MESSAGE_TYPE_REOPEN
	noReplyNeeded = proto.MessageType_MESSAGE_TYPE_NO_REPLY_NEEDED
)

var inSales = []proto.ServiceType{sales}

// staffed is a running service with agents of sales: Ann and Ben.
func staffed(t testing.TB, s chat.Store) *bench {
	t.Helper()
	b := start(t, s)
	b.join(ann, "Ann", sales)
	b.join(ben, "Ben", sales)
	b.join(cora, "Cora")
	return b
}

// join lets somebody connect, with what their token says.
func (b *bench) join(user uint64, name string, services ...proto.ServiceType) {
	b.t.Helper()
	if err := b.Seen(b.t.Context(), chat.User{ID: user, Name: name, Services: chat.ServicesOf(services)}, chat.Credential{}); err != nil {
		b.t.Fatal(err)
	}
}

// sender is a user with the services that they were last seen with.
func (b *bench) sender(user uint64) chat.Sender {
	b.t.Helper()
	users, err := b.Users(b.t.Context(), chat.UserQuery{Text: fmt.Sprint(user), Limit: 1})
	if err != nil {
		b.t.Fatal(err)
	}
	if len(users) == 0 || users[0].ID != user {
		return chat.Sender{User: user}
	}
	return chat.Sender{User: user, Services: users[0].Services.All()}
}

// word is a ServiceMessage as a client sends it, to sales.
func word(customer uint64, content string) *proto.ServiceMessage {
	return &proto.ServiceMessage{
		MessageId: new(uint64), UserId: &customer, ServiceType: sales.Enum(), MessageType: new(proto.MessageType), Content: &content,
		CreateDate: new(uint64), Direction: new(proto.ServiceMessageDirection),
	}
}

func control(kind proto.MessageType) *proto.ServiceMessage {
	m := word(cora, "")
	m.MessageType = &kind
	return m
}

func seeing(m *proto.ServiceMessage, seen uint64) *proto.ServiceMessage {
	m.SeenSeq = &seen
	return m
}

func (b *bench) tell(from uint64, m *proto.ServiceMessage) (chat.Receipt, error) {
	b.t.Helper()
	return b.Publish(b.t.Context(), b.sender(from), proto.BranchService, encode(b.t, m), nil)
}

// say publishes a service message that must be accepted.
func (b *bench) say(from uint64, m *proto.ServiceMessage) chat.Receipt {
	b.t.Helper()
	receipt, err := b.tell(from, m)
	if err != nil {
		b.t.Fatal("say:", err)
	}
	return receipt
}

// row is what a user is told of Cora's conversation with sales.
func (b *bench) row(user uint64) *proto.ConversationState {
	b.t.Helper()
	return b.of(user, salesKey)
}

var salesKey = proto.ServiceKey(cora, sales)

// log is the conversation as a user reads it.
func (b *bench) log(user uint64) []*proto.ServiceMessage {
	b.t.Helper()
	page, err := b.Messages(b.t.Context(), b.sender(user), salesKey, chat.Window{Limit: 100})
	if err != nil {
		b.t.Fatal(err)
	}
	return read[*proto.ServiceMessagePage](b.t, page).GetMessages()
}

func TestTheServerAgreesWithEachScenario(t *testing.T) {
	ids := map[answeredtest.Person]uint64{answeredtest.Customer: cora, answeredtest.Ann: ann, answeredtest.Ben: ben}
	onBothStores(t, func(t *testing.T, s chat.Store) {
		for i, scenario := range answeredtest.Scenarios() {
			t.Run(scenario.Story, func(t *testing.T) {
				if _, memory := s.(*chattest.Memory); memory {
					s = chattest.NewMemory(1) // each scenario its own history; on SQLite its own people
				}
				b := staffed(t, s)
				customer, lower, higher := cora+uint64(i)*1000, ann+uint64(i)*1000, ben+uint64(i)*1000
				ids[answeredtest.Customer], ids[answeredtest.Ann], ids[answeredtest.Ben] = customer, lower, higher
				b.join(lower, "Ann", sales)
				b.join(higher, "Ben", sales)
				key, reader := proto.DirectKey(lower, higher), lower
				if scenario.Kind == proto.Service {
					key, reader = proto.ServiceKey(customer, sales), customer
				}
				times := []uint64{0}
				for _, e := range scenario.Log {
					b.pass(time.Minute)
					times = append(times, b.play(scenario, e, ids).CreateTime)
				}
				mine := b.rows(reader)[key.String()]
				if mine.GetAwaitingSeq() != scenario.Waits[0] || mine.GetAwaitingSince() != times[scenario.Waits[0]] ||
					mine.GetWaitingSeq() != scenario.Waits[1] || mine.GetWaitingSince() != times[scenario.Waits[1]] {
					t.Errorf("the first side is told %v, want waits of %v since %v", mine, scenario.Waits, times)
				}
				answer, err := b.Conversations(t.Context(), b.sender(higher), "")
				if err != nil {
					t.Fatal(err)
				}
				i := slices.IndexFunc(answer.GetConversations(), func(row *proto.ConversationState) bool { return row.GetKey() == key.String() })
				theirs := answer.GetConversations()[i]
				if theirs.GetWaitingSeq() != scenario.Waits[0] || theirs.GetWaitingSince() != times[scenario.Waits[0]] ||
					theirs.GetAwaitingSeq() != scenario.Waits[1] || theirs.GetAwaitingSince() != times[scenario.Waits[1]] ||
					theirs.GetAssigneeId() != ids[scenario.Has] || theirs.GetPostProc() != scenario.Closed {
					t.Errorf("the second side is told %v", theirs)
				}
			})
		}
	})
}

// play publishes one entry of a scenario.
func (b *bench) play(s answeredtest.Scenario, e answeredtest.Entry, ids map[answeredtest.Person]uint64) chat.Receipt {
	b.t.Helper()
	from := b.sender(ids[e.By])
	if s.Kind == proto.Direct {
		other := ids[answeredtest.Ann]
		if e.By == answeredtest.Ann {
			other = ids[answeredtest.Ben]
		}
		m := typed(text(other, "x"), e.Does)
		m.SeenSeq = e.Seen
		if e.Of != 0 {
			m.TargetSeq = &e.Of
		}
		return b.send(from.User, m)
	}
	m := word(ids[answeredtest.Customer], "x")
	m.MessageType, m.SeenSeq = &e.Does, e.Seen
	if e.To != "" {
		m.TargetAgentId = protobuf.Uint64(ids[e.To])
	}
	if e.Of != 0 {
		m.TargetSeq = &e.Of
	}
	receipt, err := b.Publish(b.t.Context(), from, proto.BranchService, encode(b.t, m), nil)
	if err != nil {
		b.t.Fatal(err)
	}
	return receipt
}

func TestACustomersMessageIsStampedAndReachesEveryAgent(t *testing.T) {
	onBothStores(t, func(t *testing.T, s chat.Store) {
		b := staffed(t, s)
		b.join(203, "Cy", support) // of another service
		b.join(204, "Di", sales)
		b.join(204, "Di") // no agent any more
		m := word(cora, "my parcel?")
		m.ClientRef, m.Extend = ref(1), protobuf.String(` { "order" : 1e400, "é": [null] } `)
		m.Direction, m.AgentId = proto.ServiceMessageDirection_SERVICE_TO_CUSTOMER.Enum(), protobuf.Uint64(ben) // lies
		m.PostProc, m.ToReply, m.Seq, m.TargetAgentId = protobuf.Uint32(2), protobuf.Uint32(0), protobuf.Uint64(9), protobuf.Uint64(ben)
		receipt := b.say(cora, m)
		stored := &proto.ServiceMessage{
			MessageId: &receipt.MessageID, UserId: protobuf.Uint64(cora), ServiceType: sales.Enum(), MessageType: new(proto.MessageType),
			Content: protobuf.String("my parcel?"), CreateDate: &receipt.CreateTime, Direction: new(proto.ServiceMessageDirection),
			PostProc: protobuf.Uint32(0), ToReply: protobuf.Uint32(1), Extend: m.Extend, Seq: protobuf.Uint64(1), ClientRef: ref(1),
		}
		same(t, "fan-out", b.out.take(), []delivered{{cora, proto.BranchService, stored}, {ann, proto.BranchService, stored}, {ben, proto.BranchService, stored}})
		for _, reader := range []uint64{cora, ann} {
			same(t, "log", b.log(reader), []*proto.ServiceMessage{stored})
		}
		same(t, "a repeat", b.say(cora, m), receipt)
		same(t, "fan-out of a repeat", b.out.take(), []delivered(nil))
	})
}

func TestTheCustomerSeesOneVoice(t *testing.T) {
	onBothStores(t, func(t *testing.T, s chat.Store) {
		b := staffed(t, s)
		b.say(cora, word(cora, "hello?"))
		b.say(ann, seeing(control(claim), 1))
		secret := seeing(word(cora, "a difficult one"), 2)
		secret.MessageType, secret.Extend = note.Enum(), protobuf.String(`{"a":1}`)
		b.say(ben, secret)
		b.out.take()
		answer := seeing(word(cora, "hello!"), 3)
		answer.Extend, answer.ClientRef = protobuf.String(`{"form":7}`), ref(9)
		b.say(ann, answer)
		out := b.out.take()
		full := b.log(ann)
		same(t, "who answered", full[3].GetAgentId(), uint64(ann))
		seen := b.log(cora)
		same(t, "live to the customer", out[0], delivered{cora, proto.BranchService, seen[3]})
		same(t, "live to agents", out[1:3], []delivered{{ann, proto.BranchService, full[3]}, {ben, proto.BranchService, full[3]}})
		for i, m := range seen {
			if m.GetSeq() != uint64(i+1) || m.AgentId != nil || m.TargetAgentId != nil || i > 0 && m.ClientRef != nil {
				t.Errorf("entry %d tells %v", i+1, m)
			}
		}
		same(t, "the answer", [2]string{seen[3].GetContent(), seen[3].GetExtend()}, [2]string{"hello!", `{"form":7}`})
		if m := seen[2]; m.GetMessageType() != note || m.GetContent() != "" || m.Extend != nil {
			t.Errorf("of a note the customer is told %v", m)
		}
		if m := full[2]; m.GetContent() != "a difficult one" || m.GetExtend() != `{"a":1}` || m.GetAgentId() != ben {
			t.Errorf("of a note agents are told %v", m)
		}
		row := b.row(cora)
		same(t, "the customer's last entry", row.GetLastService(), withoutExtend(seen[3]))
		if row.AssigneeId != nil || row.AssigneeName != nil || row.LastAnswerAgentId != nil || row.PeerName != nil {
			t.Errorf("the customer's row tells %v", row)
		}
		row = b.row(ben)
		same(t, "the agent's last entry", row.GetLastService(), withoutExtend(full[3]))
		if row.GetAssigneeId() != ann || row.GetAssigneeName() != "Ann" || row.GetLastAnswerAgentId() != ann || row.GetLastAnswerSeq() != 4 || row.GetPeerName() != "Cora" {
			t.Errorf("an agent's row tells %v", row)
		}
		if b.say(ben, secret); b.row(cora).GetLastService().GetContent() != "" {
			t.Error("the customer's preview shows a note")
		}
	})
}

func TestControlEntriesAreNoNewsToTheCustomer(t *testing.T) {
	onBothStores(t, func(t *testing.T, s chat.Store) {
		b := staffed(t, s)
		b.say(cora, word(cora, "hello?"))
		b.delivered(ben, 1)
		b.say(ann, control(claim))
		written := word(cora, "a note")
		written.MessageType = note.Enum()
		b.say(ann, written)
		b.say(ann, word(cora, "hello!"))
		b.say(ann, control(resolve))
		for user, want := range map[uint64]uint64{cora: 1, ann: 1, ben: 3} { // Ben: the question, the note, the answer
			if row := b.row(user); row.GetUnread() != want || row.GetUnread() != proto.Unread(row.GetHeadSeq(), row.GetReadSeq(), row.GetOwnAfterRead()) {
				t.Errorf("%d has %d unread, want %d: %v", user, row.GetUnread(), want, row)
			}
		}
	})
}

func TestWhatDoesNotFitIsRefusedByName(t *testing.T) {
	b := staffed(t, chattest.NewMemory(1))
	b.join(203, "Cy", support)
	b.say(cora, word(cora, "hello?"))
	b.say(cora, word(cora, "hello??"))
	b.say(ann, control(claim))
	b.say(ann, seeing(word(cora, "yes"), 3))
	b.out.take()
	edit := func(m *proto.ServiceMessage, change func(*proto.ServiceMessage)) *proto.ServiceMessage {
		change(m)
		return m
	}
	extended := func(extend string) *proto.ServiceMessage {
		return edit(word(cora, "x"), func(m *proto.ServiceMessage) { m.Extend = &extend })
	}
	handing := func(to uint64) *proto.ServiceMessage {
		return edit(control(handOver), func(m *proto.ServiceMessage) { m.TargetAgentId = &to })
	}
	for _, test := range []struct {
		name   string
		from   uint64
		m      *proto.ServiceMessage
		reason proto.Reason
		says   string
	}{
		{"no customer", cora, word(0, "x"), proto.PayloadFormatInvalid, "user_id is 0"},
		{"as another customer", cora, word(ada, "x"), proto.NotAuthorized, "user_id is another user's"},
		{"as an agent of another service", 203, word(cora, "x"), proto.NotAuthorized, "do not answer for service 1"},
		{"a customer's claim", cora, control(claim), proto.NotAuthorized, "message_type is 16, a control entry"},
		{"a customer's no reply needed", cora, control(noReplyNeeded), proto.NotAuthorized, "message_type is 22"},
		{"an agent's claim on their own question", ann, edit(control(claim), func(m *proto.ServiceMessage) { m.UserId = protobuf.Uint64(ann) }), proto.NotAuthorized, "control entry"},
		{"no content", cora, word(cora, ""), proto.PayloadFormatInvalid, "content is empty"},
		{"content that shows nothing", cora, word(cora, "\u2800\u3164\u200b\x00"), proto.PayloadFormatInvalid, "content shows nothing"},
		{"an empty note", ann, control(note), proto.PayloadFormatInvalid, "content is empty"},
		{"a note that shows nothing", ann, edit(control(note), func(m *proto.ServiceMessage) { m.Content = protobuf.String("\u00a0\n") }), proto.PayloadFormatInvalid, "content shows nothing"},
		{"too much content", cora, word(cora, strings.Repeat("x", proto.MaxContent+1)), proto.PacketTooLarge, "content has 16385 bytes"},
		{"too much extend", cora, extended(`{"a":"` + strings.Repeat("x", proto.MaxExtend) + `"}`), proto.PacketTooLarge, "extend has 16392 bytes"},
		{"extend that is no JSON", cora, extended(`{"a":}`), proto.PayloadFormatInvalid, "extend is not a JSON object"},
		{"extend that is a list", cora, extended(`[{}]`), proto.PayloadFormatInvalid, "extend is not a JSON object"},
		{"extend with more behind", cora, extended(`{} {}`), proto.PayloadFormatInvalid, "extend is not a JSON object"},
		{"a short client_ref", cora, edit(word(cora, "x"), func(m *proto.ServiceMessage) { m.ClientRef = []byte("x") }), proto.PayloadFormatInvalid, "client_ref has 1 bytes"},
		{"a claim of what another agent has", ben, control(claim), proto.ImplementationSpecific, "another agent has claimed"},
		{"a hand-over of what another agent has", ben, handing(ben), proto.ImplementationSpecific, "another agent has claimed"},
		{"a release of what another agent has", ben, control(release), proto.ImplementationSpecific, "nothing to release"},
		{"a hand-over to nobody", ann, control(handOver), proto.PayloadFormatInvalid, "target_agent_id is 0"},
		{"a hand-over to no agent", ann, handing(cora), proto.PayloadFormatInvalid, "target_agent_id is no agent"},
		{"a hand-over to an agent of another service", ann, handing(203), proto.PayloadFormatInvalid, "target_agent_id is no agent"},
		{"an answer that did not see another agent's", ben, seeing(word(cora, "no"), 2), proto.ImplementationSpecific, "another agent answered meanwhile: read it, then send again"},
		{"an answer in spite of an older one", ben, edit(seeing(word(cora, "no"), 2), func(m *proto.ServiceMessage) { m.DespiteSeq = protobuf.Uint64(3) }), proto.ImplementationSpecific, "another agent answered meanwhile"},
		{"a claim where nothing was said", ann, edit(control(claim), func(m *proto.ServiceMessage) { m.UserId = protobuf.Uint64(ada) }), proto.ImplementationSpecific, "nothing was said"},
	} {
		t.Run(test.name, func(t *testing.T) {
			receipt, err := b.tell(test.from, test.m)
			if r := refusalOf(t, err); r.Reason != test.reason || !strings.Contains(r.Text, test.says) || r.Reason.Temporary() {
				t.Errorf("got %v, want reason 0x%02X and %q", r, byte(test.reason), test.says)
			}
			same(t, "receipt", receipt, chat.Receipt{})
		})
	}
	same(t, "fan-out", b.out.take(), []delivered(nil))
	same(t, "head", b.row(ann).GetHeadSeq(), uint64(4))
}

func TestAnAnswerInSpiteOfAnotherAnswersOnlyWhatWasSeen(t *testing.T) {
	onBothStores(t, func(t *testing.T, s chat.Store) {
		b := staffed(t, s)
		b.say(cora, word(cora, "hello?"))
		b.say(ann, word(cora, "yes"))
		b.say(cora, word(cora, "and now?"))
		despite := seeing(word(cora, "no"), 1)
		despite.DespiteSeq = protobuf.Uint64(2)
		b.out.take()
		b.say(ben, despite)
		for _, d := range b.out.take() {
			if m, ok := d.body.(*proto.ServiceMessage); ok && (m.DespiteSeq != nil || d.user != cora && m.GetSeenSeq() != 1) {
				t.Errorf("user %d is told %v", d.user, m)
			}
		}
		same(t, "the question that waits", b.row(ben).GetWaitingSeq(), uint64(3))
	})
}

func TestWhatFitsIsTaken(t *testing.T) {
	b := staffed(t, chattest.NewMemory(1))
	b.say(cora, word(cora, "hello?"))
	b.say(ann, word(cora, "yes"))
	b.say(ann, seeing(word(cora, "and"), 0)) // her own answer is no surprise
	b.say(ben, word(cora, "no"))             // an old client does not say what it saw
	b.say(ann, seeing(word(cora, "no?"), 4)) // seen
	b.say(ben, control(noReplyNeeded))
	empty := word(cora, "x")
	empty.Extend = new(string)
	b.say(cora, empty)
	long := word(cora, strings.Repeat("x", proto.MaxContent))
	long.Extend = protobuf.String(`{"a":"` + strings.Repeat("x", proto.MaxExtend-8) + `"}`)
	b.say(cora, long)
	picture := word(cora, "x")
	picture.MessageType = proto.MessageType_MESSAGE_TYPE_IMAGE.Enum()
	b.say(cora, picture)
	same(t, "head", b.row(ann).GetHeadSeq(), uint64(9))
	b.say(ann, word(ada, "good morning")) // to somebody who did not write
	b.out.take()
	b.say(ann, word(ann, "I need help myself"))
	b.say(ben, word(ann, "here it is"))
	var to []uint64
	for _, d := range b.out.take() {
		to = append(to, d.user)
		if m := d.body.(*proto.ServiceMessage); d.user == ann && m.AgentId != nil {
			t.Errorf("an agent who is the customer is told who answered: %v", m)
		}
	}
	same(t, "an agent who asks as a customer", to, []uint64{ann, ben, ann, ben})
}

func TestOfTwoAgentsWhoClaimAtOnceOneWins(t *testing.T) {
	onBothStores(t, func(t *testing.T, s chat.Store) {
		b := prepared(t, s)
		commit := func(requests ...chat.Request) []chat.Result { return b.Commit(t.Context(), requests) }
		service := func(from uint64, m *proto.ServiceMessage) chat.Request {
			t.Helper()
			r, err := b.Prepare(chat.Sender{User: from, Services: inSales}, proto.BranchService, encode(t, m), nil)
			if err != nil {
				t.Fatal(err)
			}
			return r
		}
		running := staffed(t, s)
		running.say(cora, word(cora, "hello?"))
		results := commit(service(ann, control(claim)), service(ben, control(claim)), service(cora, word(cora, "anybody?")))
		if results[0].Err != nil || results[2].Err != nil {
			t.Errorf("%+v", results)
		}
		if r := refusalOf(t, results[1].Err); !strings.Contains(r.Text, "another agent has claimed") {
			t.Errorf("the second claim: %v", r)
		}
		same(t, "seqs", []uint64{results[0].Receipt.Seq, results[1].Receipt.Seq, results[2].Receipt.Seq}, []uint64{2, 0, 3})
		same(t, "who has it", running.row(ben).GetAssigneeId(), uint64(ann))
		if r := commit(service(ann, control(claim))); r[0].Err != nil {
			t.Errorf("a claim of what one has: %v", r[0].Err)
		}
		if r := commit(service(ann, control(release)), service(ben, control(claim))); r[0].Err != nil || r[1].Err != nil {
			t.Errorf("a claim after a release: %v", r)
		}
		same(t, "who has it then", running.row(ann).GetAssigneeName(), "Ben")
	})
}

func TestWhatAnAgentWhoLeftTheServiceHadCanBeClaimed(t *testing.T) {
	b := staffed(t, chattest.NewMemory(1))
	b.say(cora, word(cora, "hello?"))
	b.say(ann, control(claim))
	b.join(ann, "Ann") // her new token names no service
	b.say(ben, control(claim))
	same(t, "who has it", b.row(ben).GetAssigneeId(), uint64(ben))
}

func TestMarksShowTheCustomerOneServiceAndAgentsTheCustomer(t *testing.T) {
	onBothStores(t, func(t *testing.T, s chat.Store) {
		b := staffed(t, s)
		for range 3 {
			b.say(cora, word(cora, "hello?"))
		}
		b.out.take()
		mark := func(user, through, read uint64) []delivered {
			t.Helper()
			b.pass(time.Second)
			m := &proto.Mark{Key: protobuf.String(salesKey.String()), DeliveredSeq: &through, ReadSeq: &read}
			if _, err := b.Publish(t.Context(), b.sender(user), proto.BranchMark, encode(t, m), nil); err != nil {
				t.Fatal(err)
			}
			return b.out.take()
		}
		second := func(n uint64) *uint64 { return ptr(1_750_000_000_000 + 1000*n) }
		// The mark of a user, and in which second its watermarks rose.
		is := func(user, delivered, read, deliveredIn, readIn uint64) *proto.Mark {
			m := &proto.Mark{Key: protobuf.String(salesKey.String()), DeliveredSeq: &delivered, ReadSeq: &read, DeliveredTime: second(deliveredIn), ReadTime: second(readIn)}
			if user != 0 {
				m.UserId = &user
			}
			return m
		}
		same(t, "an agent reads", mark(ann, 2, 1), []delivered{{ann, proto.BranchMark, is(ann, 2, 1, 1, 1)}, {cora, proto.BranchMark, is(0, 2, 1, 1, 1)}})
		same(t, "another one less far", mark(ben, 1, 1), []delivered{{ben, proto.BranchMark, is(ben, 1, 1, 2, 2)}})
		same(t, "and further", mark(ben, 3, 0), []delivered{{ben, proto.BranchMark, is(ben, 3, 1, 3, 2)}, {cora, proto.BranchMark, is(0, 3, 1, 3, 1)}})
		same(t, "the customer", mark(cora, 3, 3), []delivered{{cora, proto.BranchMark, is(cora, 3, 3, 4, 4)}, {ann, proto.BranchMark, is(cora, 3, 3, 4, 4)}, {ben, proto.BranchMark, is(cora, 3, 3, 4, 4)}})
		same(t, "again", mark(cora, 1, 3), []delivered(nil))
		for user, want := range map[uint64][4]uint64{cora: {3, 3, 1, 3}, ann: {1, 2, 3, 3}, ben: {1, 3, 3, 3}} {
			row := b.row(user)
			same(t, fmt.Sprintf("row of %d", user), [4]uint64{row.GetReadSeq(), row.GetDeliveredSeq(), row.GetPeerReadSeq(), row.GetPeerDeliveredSeq()}, want)
		}
	})
}

func TestAnAgentWhoAnswersHasReadWhatWasOnTheScreen(t *testing.T) {
	b := staffed(t, chattest.NewMemory(1))
	b.say(cora, word(cora, "hello?"))
	b.say(cora, word(cora, "hello??"))
	b.out.take()
	b.say(ann, seeing(word(cora, "yes?"), 1))
	var marks []uint64
	for _, d := range b.out.take() {
		if m, ok := d.body.(*proto.Mark); ok && m.GetReadSeq() == 1 {
			marks = append(marks, d.user)
		}
	}
	same(t, "who is told", marks, []uint64{ann, cora})
	same(t, "unread", []uint64{b.row(ann).GetUnread(), b.row(ben).GetUnread(), b.row(cora).GetPeerReadSeq()}, []uint64{1, 2, 1}) // Ben begins behind what was answered
}

func TestAnAgentSyncsWhatChangedInTheirServices(t *testing.T) {
	onBothStores(t, func(t *testing.T, s chat.Store) {
		b := staffed(t, s)
		sync := func(user uint64, token string) ([]string, string) {
			t.Helper()
			answer, err := b.Conversations(t.Context(), b.sender(user), token)
			if err != nil {
				t.Fatal(err)
			}
			keys := keysOf(answer)
			slices.Sort(keys)
			return keys, answer.GetToken()
		}
		b.say(cora, word(cora, "hello?"))
		b.say(ada, word(ada, "hello?"))
		b.send(ann, text(ada, "hello"))
		all, token := sync(ann, "")
		same(t, "everything", all, []string{"d:3:201", "s:101:1", "s:3:1"})
		none, again := sync(ann, token)
		same(t, "nothing", none, []string(nil))
		same(t, "token", again, token)
		_, bens := sync(ben, "")

		b.say(ann, control(claim))
		changed, token := sync(ann, token)
		same(t, "after a claim", changed, []string{"s:101:1"})
		changed, bens = sync(ben, bens)
		same(t, "after another's claim", changed, []string{"s:101:1"})

		m := &proto.Mark{Key: protobuf.String(salesKey.String()), ReadSeq: protobuf.Uint64(1)}
		if _, err := b.Publish(t.Context(), b.sender(ann), proto.BranchMark, encode(t, m), nil); err != nil {
			t.Fatal(err)
		}
		changed, token = sync(ann, token)
		same(t, "after reading, on another device", changed, []string{"s:101:1"})
		changed, bens = sync(ben, bens)
		same(t, "after another agent read", changed, []string(nil))
		if _, err := b.Publish(t.Context(), b.sender(cora), proto.BranchMark, encode(t, m), nil); err != nil {
			t.Fatal(err)
		}
		changed, bens = sync(ben, bens)
		same(t, "after the customer read", changed, []string{"s:101:1"})
		b.join(ada, "Ada")
		changed, bens = sync(ben, bens)
		same(t, "after a customer's new name", changed, []string{"s:3:1"})
		b.join(ann, "Annabel", sales)
		changed, bens = sync(ben, bens)
		same(t, "after a holder's new name", changed, []string{"s:101:1"})

		b.join(ben, "Ben", sales, support)
		changed, bens = sync(ben, bens)
		same(t, "everything, to an agent of one service more", changed, []string{"s:101:1", "s:3:1"})
		b.join(ben, "Ben")
		b.say(cora, word(cora, "hello?"))
		changed, _ = sync(ben, bens)
		same(t, "nothing, to an agent no more", changed, []string(nil))
	})
}

func TestTypingInAServiceConversation(t *testing.T) {
	b := staffed(t, chattest.NewMemory(1))
	typing := func(user uint64) []delivered {
		t.Helper()
		m := &proto.Typing{Key: protobuf.String(salesKey.String()), UserId: protobuf.Uint64(eve), Active: protobuf.Bool(true)}
		if _, err := b.Publish(t.Context(), b.sender(user), proto.BranchTyping, encode(t, m), nil); err != nil {
			t.Fatal(err)
		}
		return b.out.take()
	}
	is := func(user uint64) *proto.Typing {
		m := &proto.Typing{Key: protobuf.String(salesKey.String()), Active: protobuf.Bool(true)}
		if user != 0 {
			m.UserId = &user
		}
		return m
	}
	same(t, "the customer types before there is a conversation", typing(cora), []delivered(nil))
	same(t, "an agent does", typing(ann), []delivered(nil))
	b.say(cora, word(cora, "hello?"))
	b.out.take()
	same(t, "the customer types", typing(cora), []delivered{{ann, proto.BranchTyping, is(cora)}, {ben, proto.BranchTyping, is(cora)}})
	same(t, "an agent types", typing(ann), []delivered{{cora, proto.BranchTyping, is(0)}, {ben, proto.BranchTyping, is(ann)}})
}
