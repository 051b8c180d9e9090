package proto

import (
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"
)

func wrote(seq uint64, content string) *Message {
	return &Message{
		MessageId: proto.Uint64(seq), SenderId: proto.Uint64(1), ReceiverId: proto.Uint64(2), Content: &content, CreateTime: proto.Uint64(100 + seq),
		Seq: &seq, ClientRef: make([]byte, RefSize), QuoteSeq: proto.Uint64(1),
	}
}

func speaks(seq, target, by uint64, what MessageType, content string) *Message {
	return &Message{SenderId: &by, Content: &content, CreateTime: proto.Uint64(100 + seq), Seq: &seq, TargetSeq: &target, MessageType: &what}
}

const (
	edits   = MessageType_MESSAGE_TYPE_EDIT
	recalls = MessageType_MESSAGE_TYPE_RECALL
	reacts  = MessageType_MESSAGE_TYPE_REACT
)

func TestWhatSpeaksOfAMessageChangesIt(t *testing.T) {
	m := wrote(5, "helo")
	for _, step := range []struct {
		by      *Message
		changes bool
	}{
		{speaks(6, 5, 1, edits, "hello"), true},
		{speaks(6, 5, 1, edits, "hello?"), false}, // known
		{speaks(7, 4, 1, edits, "another"), false},
		{speaks(8, 5, 2, reacts, "👍"), true},
		{speaks(9, 5, 1, reacts, "🎉"), true},
		{speaks(10, 5, 2, reacts, "❤️"), true},
		{speaks(11, 5, 1, reacts, ""), true},
		{speaks(12, 5, 1, MessageType_MESSAGE_TYPE_TEXT, "no"), false},
	} {
		if got := m.Revise(step.by); got != step.changes {
			t.Errorf("entry %d: changed %v", step.by.GetSeq(), got)
		}
	}
	if m.GetContent() != "hello" || m.GetRevisedSeq() != 11 || m.GetRevisedTime() != 106 {
		t.Errorf("it is %v", m)
	}
	if len(m.Reactions) != 1 || m.Reactions[0].GetUserId() != 2 || m.Reactions[0].GetContent() != "❤️" {
		t.Errorf("reactions %v", m.Reactions)
	}
}

func TestNothingIsLeftOfARecalledMessageButItsPlace(t *testing.T) {
	m := wrote(5, "secret")
	m.ProtoReflect().SetUnknown([]byte{0xA8, 0x06, 1}) // a field to come: 101
	m.Revise(speaks(6, 5, 2, reacts, "👍"))
	if !m.Revise(speaks(7, 5, 1, recalls, "")) {
		t.Fatal("it stays")
	}
	want := &Message{
		MessageId: proto.Uint64(5), SenderId: proto.Uint64(1), ReceiverId: proto.Uint64(2), Content: proto.String(""), CreateTime: proto.Uint64(105),
		Seq: proto.Uint64(5), ClientRef: make([]byte, RefSize), MessageType: MessageType_MESSAGE_TYPE_RECALLED.Enum(),
		RevisedSeq: proto.Uint64(7), RevisedTime: proto.Uint64(107),
	}
	if !proto.Equal(m, want) {
		t.Errorf("left is %v", m)
	}
	for _, late := range []*Message{speaks(8, 5, 1, edits, "again"), speaks(9, 5, 2, reacts, "👍"), speaks(10, 5, 1, recalls, "")} {
		if m.Revise(late) {
			t.Errorf("%v changes what was taken back", late.GetMessageType())
		}
	}
	if m.Event().Type.Written() || m.Event().Asks(Direct) || m.Event().Replies(Direct) || DirectKey(1, 2).Counts(m.GetMessageType(), 2) {
		t.Error("what was taken back asks, answers or counts")
	}
}

func TestWhatAMoveTookAlongIsEditedByTheServer(t *testing.T) {
	m := &ServiceMessage{
		UserId: proto.Uint64(7), MessageType: MessageType_MESSAGE_TYPE_MOVED_HERE.Enum(), Content: proto.String("why"),
		Extend: proto.String("before"), Seq: proto.Uint64(1),
	}
	by := &ServiceMessage{MessageType: edits.Enum(), Content: proto.String("after"), CreateDate: proto.Uint64(9), Seq: proto.Uint64(3), TargetSeq: proto.Uint64(1)}
	if !m.Revise(by) || m.GetExtend() != "after" || m.GetContent() != "why" || m.GetRevisedSeq() != 3 || m.RevisedTime != nil {
		t.Errorf("it is %v", m)
	}
	if m.Revise(by) {
		t.Error("the same changes it again")
	}
	by.Seq, by.Content = proto.Uint64(4), new(string) // as the customer is told
	if !m.Revise(by) || m.Extend != nil {
		t.Errorf("the customer has %v", m)
	}
	by.Seq, by.MessageType = proto.Uint64(5), recalls.Enum()
	if m.Revise(by) {
		t.Error("it can be taken back")
	}
}

func TestAServiceHasOneVoice(t *testing.T) {
	const customer, ann, ben = 7, 20, 21
	entry := func(seq, target, agent uint64, what MessageType, content string) *ServiceMessage {
		m := &ServiceMessage{
			UserId: proto.Uint64(customer), MessageType: &what, Content: &content, CreateDate: &seq, Seq: &seq, TargetSeq: &target,
			Direction: ServiceMessageDirection_CUSTOMER_TO_SERVICE.Enum(),
		}
		if agent != 0 {
			m.AgentId, m.Direction = &agent, ServiceMessageDirection_SERVICE_TO_CUSTOMER.Enum()
		}
		return m
	}
	m := entry(1, 0, ann, MessageType_MESSAGE_TYPE_TEXT, "answer")
	theirs := proto.Clone(m).(*ServiceMessage)
	theirs.AgentId = nil
	for _, by := range []*ServiceMessage{entry(2, 1, 0, reacts, "👍"), entry(3, 1, ann, reacts, "🎉"), entry(4, 1, ben, reacts, "👀")} {
		m.Revise(by)
		copied := proto.Clone(by).(*ServiceMessage)
		copied.AgentId = nil
		theirs.Revise(copied)
	}
	if len(m.Reactions) != 2 || m.Reactions[1].GetUserId() != ben || m.Reactions[1].GetContent() != "👀" {
		t.Errorf("agents see %v", m.Reactions)
	}
	if len(theirs.Reactions) != 2 || theirs.Reactions[1].GetUserId() != 0 || theirs.Reactions[0].GetUserId() != customer {
		t.Errorf("the customer sees %v", theirs.Reactions)
	}
	m.Revise(entry(5, 1, ben, recalls, ""))
	if m.GetRecalledBy() != ben || m.GetAgentId() != ann {
		t.Errorf("a colleague took it back: %v", m)
	}
}

func TestEmojiAreTold(t *testing.T) {
	for _, one := range []string{"👍", "👍🏽", "❤️", "❤", "👨‍👩‍👧‍👦", "🏳️‍🌈", "🇩🇪", "1️⃣", "#️⃣", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "👩🏾‍🚀", "☺️", "©️"} {
		if !IsEmoji(one) {
			t.Errorf("%q is one emoji", one)
		}
	}
	for _, other := range []string{"", "a", "1", "👍👍", "👍 ", " 👍", "hello", "🇩", "🇩🇪🇫", "👍‍", "‍👍", "\u200d", "️", "1⃣a", "好", ":)", "👍a", "🏴󠁧󠁢", "\xff", "═"} {
		if IsEmoji(other) {
			t.Errorf("%q is not one emoji", other)
		}
	}
	if got := Emoji([]*Reaction{{Content: proto.String("a")}, {Content: proto.String("b")}, {Content: proto.String("a")}}); !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("different ones: %q", got)
	}
}
