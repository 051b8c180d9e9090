package chat_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	protobuf "google.golang.org/protobuf/proto"

	"parley/proto"
	"parley/server/chat"
	"parley/server/chat/chattest"
)

const dan = 203 // an agent of support

var supportKey = proto.ServiceKey(cora, support)

// moving is a move of Cora's conversation with sales to support.
func moving(seen uint64, why string) *proto.ServiceMessage {
	m := seeing(control(proto.MessageType_MESSAGE_TYPE_MOVE), seen)
	m.Content, m.OtherService = &why, support.Enum()
	return m
}

// crossing is a desk whose conversation waits since its second entry.
func crossing(t testing.TB, s chat.Store) *bench {
	t.Helper()
	b := staffed(t, s)
	b.join(dan, "Dan", support)
	b.say(cora, word(cora, "hello?"))
	b.say(ann, seeing(word(cora, "hello!"), 1))
	b.pass(time.Minute)
	b.say(cora, word(cora, "my parcel?"))
	b.pass(time.Minute)
	return b
}

// of is a user's row of a conversation.
func (b *bench) of(user uint64, key proto.Key) *proto.ConversationState {
	b.t.Helper()
	answer, err := b.Conversations(b.t.Context(), b.sender(user), "")
	if err != nil {
		b.t.Fatal(err)
	}
	for _, row := range answer.GetConversations() {
		if row.GetKey() == key.String() {
			return row
		}
	}
	return nil
}

// entries is a conversation as a user reads it.
func (b *bench) entries(user uint64, key proto.Key) (all []*proto.ServiceMessage) {
	b.t.Helper()
	page, err := b.Messages(b.t.Context(), b.sender(user), key, chat.Window{Limit: proto.MaxPage})
	if err != nil {
		b.t.Fatal(err)
	}
	m, err := page.Message()
	if err != nil {
		b.t.Fatal(err)
	}
	return m.(*proto.ServiceMessagePage).GetMessages()
}

func TestAMovedConversationWaitsElsewhereSinceThen(t *testing.T) {
	onBothStores(t, func(t *testing.T, s chat.Store) {
		b := crossing(t, s)
		since := b.of(ann, salesKey).GetWaitingSince()
		b.say(ann, control(claim))
		b.out.take()
		move := moving(1, "wants a parcel") // had not even seen the question
		move.ClientRef = []byte("sixteen bytes!!!")
		moved := b.say(ann, move)

		from, to := b.of(ann, salesKey), b.of(dan, supportKey)
		if from.GetWaitingSince() != 0 || from.GetPostProc() != proto.Moved || from.AssigneeId != nil || from.GetHeadSeq() != 5 {
			t.Errorf("where it comes from: %v", from)
		}
		if since == 0 || to.GetWaitingSince() != since || to.GetWaitingSeq() != 1 || to.GetUnread() != 1 || to.GetPeerName() != "Cora" {
			t.Errorf("where it goes on, waiting since %d: %v", since, to)
		}
		if row := b.of(cora, supportKey); row.GetAwaitingSince() != since || row.GetUnread() != 0 || row.GetLastService().GetContent() != "" {
			t.Errorf("the customer is told %v", row)
		}
		same(t, "who may read where it comes from", b.of(dan, salesKey), (*proto.ConversationState)(nil))

		left, come := b.entries(ann, salesKey)[4], b.entries(dan, supportKey)[0]
		if left.GetMessageType() != proto.MessageType_MESSAGE_TYPE_MOVE || left.GetOtherService() != support || left.GetAgentId() != ann || left.GetContent() != "wants a parcel" {
			t.Errorf("the entry there is %v", left)
		}
		want := `{"excerpt":[{"agent":false,"content":"hello?"},{"agent":true,"content":"hello!"},{"agent":false,"content":"my parcel?"}]}`
		if come.GetMessageType() != proto.MessageType_MESSAGE_TYPE_MOVED_HERE || come.GetOtherService() != sales || come.GetAgentId() != ann ||
			come.GetContent() != "wants a parcel" || come.GetExtend() != want || come.GetWaitingSince() != since {
			t.Errorf("the entry here is %v", come)
		}
		for _, m := range []*proto.ServiceMessage{b.entries(cora, salesKey)[4], b.entries(cora, supportKey)[0]} {
			if m.AgentId != nil || m.GetContent() != "" || m.Extend != nil || m.ClientRef != nil || m.OtherService == nil {
				t.Errorf("the customer reads %v", m)
			}
		}
		var told []string
		for _, d := range b.out.take() {
			m := d.body.(*proto.ServiceMessage)
			told = append(told, fmt.Sprint(d.user, " of ", m.GetServiceType().Number(), ":", m.GetContent() != ""))
		}
		same(t, "who is told", told, []string{"101 of 1:false", "201 of 1:true", "202 of 1:true", "101 of 2:false", "203 of 2:true"})

		if again := b.say(ann, move); again != moved {
			t.Errorf("a repeat is answered with %v, want %v", again, moved)
		}
		if n := len(b.entries(dan, supportKey)); n != 1 {
			t.Errorf("a repeat left %d entries", n)
		}
		answer := seeing(word(cora, "on its way"), 1)
		answer.ServiceType = support.Enum()
		b.say(dan, answer)
		if row := b.of(cora, supportKey); row.GetAwaitingSince() != 0 {
			t.Errorf("answered, the customer is told %v", row)
		}
	})
}

func TestWhoWaitsElsewhereAlreadyWaitsSinceTheEarlier(t *testing.T) {
	b := crossing(t, chattest.NewMemory(1))
	question := word(cora, "and my bill?")
	question.ServiceType = support.Enum()
	b.say(cora, question)
	first := b.of(dan, supportKey).GetWaitingSince()
	since := b.of(ann, salesKey).GetWaitingSince()
	b.say(ann, moving(3, ""))
	if got := b.of(dan, supportKey).GetWaitingSince(); got != first {
		t.Errorf("waits since %d, want %d as before", got, first)
	}
	answer := seeing(word(cora, "the bill is right"), 1) // had seen the question alone
	answer.ServiceType = support.Enum()
	b.say(dan, answer)
	if row := b.of(dan, supportKey); row.GetWaitingSeq() != 2 || row.GetWaitingSince() != since {
		t.Errorf("what was moved still waits, since %d: %v", since, row)
	}
}

func TestWhatIsMovedIsBoundedAndHoldsNoNotes(t *testing.T) {
	b := crossing(t, chattest.NewMemory(1))
	for i := range 20 {
		b.say(cora, word(cora, fmt.Sprint(i, " ", strings.Repeat("\\", 9000))))
		aside := word(cora, "secret")
		aside.MessageType = note.Enum()
		b.say(ann, aside)
	}
	b.say(ann, moving(43, ""))
	var extend struct {
		Excerpt []struct {
			Content string
		}
	}
	come := b.entries(dan, supportKey)[0].GetExtend()
	if err := json.Unmarshal([]byte(come), &extend); err != nil || len(come) > proto.MaxExtend {
		t.Fatalf("%d bytes: %v", len(come), err)
	}
	if n := len(extend.Excerpt); n != 10 || !strings.HasPrefix(extend.Excerpt[9].Content, "19 ") || strings.Contains(come, "secret") {
		t.Errorf("%d entries: %.200s", n, come)
	}
}

func TestWhatIsTakenBackIsTakenOutOfWhereItWasMovedTo(t *testing.T) {
	onBothStores(t, func(t *testing.T, s chat.Store) {
		b := crossing(t, s)
		b.say(ann, moving(3, "why"))
		row := b.of(dan, supportKey)
		b.out.take()

		edited := speaks(3, edits, "my letter?")
		b.say(cora, edited)
		b.say(cora, edited) // a repeat
		recalled := speaks(1, recalls, "")
		b.say(cora, recalled)
		b.say(ann, speaks(2, reacts, "👀")) // changes nothing of it

		want := `{"excerpt":[{"agent":true,"content":"hello!"},{"agent":false,"content":"my letter?"}]}`
		come := b.entries(dan, supportKey)
		if m := come[0]; m.GetExtend() != want || m.GetContent() != "why" || m.GetRevisedSeq() != 3 || m.RevisedTime != nil || len(come) != 3 {
			t.Errorf("where it goes on: %v", come)
		}
		now := b.of(dan, supportKey)
		if now.GetWaitingSince() != row.GetWaitingSince() || now.GetWaitingSeq() != 1 || now.GetUnread() != 1 || now.GetRevisedSeq() != 3 || now.GetPostProc() != row.GetPostProc() {
			t.Errorf("the row is %v, was %v", now, row)
		}
		var told *proto.ServiceMessage
		for _, d := range b.out.take() {
			if m := d.body.(*proto.ServiceMessage); m.GetServiceType() != support {
				continue
			} else if d.user == dan {
				told = m
			} else if d.user != cora || m.GetContent() != "" || m.Extend != nil {
				t.Errorf("%d is told %v", d.user, m)
			}
		}
		if told.GetContent() != want || told.GetTargetSeq() != 1 || told.GetSeq() != 3 {
			t.Errorf("Dan is told %v", told)
		}
		for _, e := range stored(t, s, supportKey) {
			if strings.Contains(string(e.Body), "hello?") || strings.Contains(string(e.Body), "parcel") {
				t.Errorf("entry %d still says it", e.Seq)
			}
		}
		for _, m := range b.entries(cora, supportKey) {
			if m.GetContent() != "" || m.Extend != nil {
				t.Errorf("the customer reads %v", m)
			}
		}
	})
}

// TestWhatCrossesIsToldByName plays what two agents do at the same time, both having
// seen the same: the second is refused, and may go on once they know.
func TestWhatCrossesIsToldByName(t *testing.T) {
	answer := func() *proto.ServiceMessage { return seeing(word(cora, "here it is"), 3) }
	handing := func() *proto.ServiceMessage {
		m := control(handOver)
		m.TargetAgentId = protobuf.Uint64(ann)
		return m
	}
	move := func() *proto.ServiceMessage { return moving(3, "") }
	only := func(kind proto.MessageType) func() *proto.ServiceMessage {
		return func() *proto.ServiceMessage { return seeing(control(kind), 3) }
	}
	for _, test := range []struct {
		name          string
		first, second func() *proto.ServiceMessage
		code          string // "" if nothing crosses
		again         string // what the second gets who was told
	}{
		{"answer, answer", answer, answer, "answered-meanwhile", ""},
		{"claim, answer", only(claim), answer, "claimed-meanwhile", ""},
		{"hand-over, answer", handing, answer, "claimed-meanwhile", ""},
		{"resolve, answer", only(resolve), answer, "resolved-meanwhile", ""},
		{"no reply needed, answer", only(noReplyNeeded), answer, "resolved-meanwhile", ""},
		{"move, answer", move, answer, "moved-meanwhile", ""},
		{"reopen, answer", only(reopen), answer, "", ""},
		{"answer, move", answer, move, "answered-meanwhile", ""},
		{"claim, move", only(claim), move, "already-claimed", "already-claimed"},
		{"resolve, move", only(resolve), move, "resolved-meanwhile", ""},
		{"move, move", move, move, "moved-meanwhile", "moved-meanwhile"},
		{"move, claim", move, only(claim), "moved-meanwhile", "moved-meanwhile"},
		{"move, hand-over", move, handing, "moved-meanwhile", "moved-meanwhile"},
		{"move, resolve", move, only(resolve), "moved-meanwhile", "moved-meanwhile"},
		{"move, release", move, only(release), "moved-meanwhile", "moved-meanwhile"},
		{"move, reopen", move, only(reopen), "", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := crossing(t, chattest.NewMemory(1))
			b.say(ann, test.first())
			want := func(m *proto.ServiceMessage, code string) {
				t.Helper()
				var refusal *proto.Refusal
				_, err := b.tell(ben, m)
				if errors.As(err, &refusal); (err == nil) != (code == "") || err != nil && refusal.Code != code {
					t.Errorf("%v, want %q", err, code)
				}
			}
			entries := len(b.entries(ann, salesKey))
			want(test.second(), test.code)
			if test.code == "" {
				return
			}
			if n := len(b.entries(ann, salesKey)); n != entries || test.second().OtherService != nil && b.of(dan, supportKey).GetHeadSeq() > 1 {
				t.Errorf("what was refused left %d entries, want %d", n, entries)
			}
			told := test.second()
			told.DespiteSeq = protobuf.Uint64(uint64(entries))
			want(told, test.again)
		})
	}
}

func TestAMoveThatDoesNotFitIsRefused(t *testing.T) {
	b := crossing(t, chattest.NewMemory(1))
	edit := func(change func(*proto.ServiceMessage)) *proto.ServiceMessage {
		m := moving(3, "")
		change(m)
		return m
	}
	for name, test := range map[string]struct {
		from uint64
		m    *proto.ServiceMessage
		says string
	}{
		"nowhere":                {ann, edit(func(m *proto.ServiceMessage) { m.OtherService = nil }), "other_service is missing"},
		"to where it is":         {ann, edit(func(m *proto.ServiceMessage) { m.OtherService = sales.Enum() }), "or the service itself"},
		"by its customer":        {cora, moving(3, ""), "only agents of the service"},
		"by an agent of another": {dan, moving(3, ""), "do not answer for service 1"},
		"with too long a reason": {ann, moving(3, strings.Repeat("x", proto.MaxContent+1)), "content has 16385 bytes"},
		"of what nobody said":    {ann, edit(func(m *proto.ServiceMessage) { m.UserId = protobuf.Uint64(ada) }), "nothing was said"},
		"an arrival without one": {dan, edit(func(m *proto.ServiceMessage) {
			m.MessageType, m.ServiceType = proto.MessageType_MESSAGE_TYPE_MOVED_HERE.Enum(), support.Enum()
		}), "which the server writes"},
		"an arrival of a customer": {cora, edit(func(m *proto.ServiceMessage) { m.MessageType = proto.MessageType_MESSAGE_TYPE_MOVED_HERE.Enum() }), "which the server writes"},
	} {
		if _, err := b.tell(test.from, test.m); err == nil || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: %v, want %q", name, err, test.says)
		}
	}
	closed := start(t, chattest.NewMemory(1), func(c *chat.Config) { c.Services = chat.ServicesOf(inSales) })
	closed.join(ann, "Ann", sales)
	closed.say(cora, word(cora, "hello?"))
	var refusal *proto.Refusal
	if _, err := closed.tell(ann, moving(1, "")); !errors.As(err, &refusal) || refusal.Code != "no-such-service" {
		t.Errorf("to a service that there is not: %v", err)
	}
	if keys := slices.Collect(func(yield func(string) bool) {
		for key := range closed.rows(cora) {
			yield(key)
		}
	}); len(keys) != 1 {
		t.Errorf("the customer has %q", keys)
	}
}
