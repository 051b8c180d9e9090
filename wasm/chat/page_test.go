package chat

import (
	"math"
	"slices"
	"testing"

	protobuf "google.golang.org/protobuf/proto"

	"parley/proto"
)

func message(seq uint64) *proto.Message {
	return &proto.Message{
		MessageId: new(seq + 1000), SenderId: new(me), ReceiverId: new(peer),
		Content: new("content"), CreateTime: new(uint64(1)), Seq: new(seq),
	}
}

const me, peer uint64 = 1 << 62, 1<<62 + 1

func pageOf(messages ...*proto.Message) *proto.MessagePage {
	return &proto.MessagePage{Epoch: new(uint64(7)), HeadSeq: new(uint64(math.MaxUint64)), MinSeq: new(uint64(1)), Messages: messages}
}

func marshal(t testing.TB, m protobuf.Message) []byte {
	t.Helper()
	b, err := protobuf.MarshalOptions{AllowPartial: true}.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestAPageKeepsItsEntriesAsTheServerEncodedThem(t *testing.T) {
	messages := []*proto.Message{message(3), message(1 << 63), message(math.MaxUint64)}
	page, err := parsePage(proto.DirectKey(me, peer), 2, 0, marshal(t, pageOf(messages...)))
	if err != nil {
		t.Fatal(err)
	}
	if page.epoch != 7 || page.head != math.MaxUint64 || page.min != 1 || len(page.entries) != len(messages) {
		t.Fatalf("page = %+v", page)
	}
	for i, m := range messages {
		e := page.entries[i]
		if e.seq != m.GetSeq() || !slices.Equal(e.body, marshal(t, m)) {
			t.Errorf("entry %d = %+v, want seq %d and the bytes as sent", i, e, m.GetSeq())
		}
	}
}

func TestAPageOfAServiceConversationIsReadByItsOwnType(t *testing.T) {
	m := &proto.ServiceMessage{
		MessageId: new(uint64(5)), UserId: new(me), ServiceType: proto.ServiceType_SERVICE_TYPE_SALES.Enum(),
		MessageType: proto.MessageType_MESSAGE_TYPE_TEXT.Enum(), Content: new(""), CreateDate: new(uint64(1)),
		Direction: proto.ServiceMessageDirection_CUSTOMER_TO_SERVICE.Enum(), Seq: new(uint64(1)),
	}
	body := marshal(t, &proto.ServiceMessagePage{
		Epoch: new(uint64(7)), HeadSeq: new(uint64(1)), MinSeq: new(uint64(1)), Messages: []*proto.ServiceMessage{m},
	})
	page, err := parsePage(proto.ServiceKey(me, proto.ServiceType_SERVICE_TYPE_SALES), 0, 0, body)
	if err != nil || len(page.entries) != 1 || page.entries[0].seq != 1 {
		t.Errorf("page = %+v, %v", page, err)
	}
	if _, err := parsePage(proto.ServiceKey(me, proto.ServiceType_SERVICE_TYPE_BILLING), 0, 0, body); err == nil {
		t.Error("a page of another service was taken")
	}
}

func TestAnswersThatAreNoPageOfTheConversationAreRefused(t *testing.T) {
	foreign, unnumbered, garbled, empty := message(4), message(4), message(4), message(4)
	foreign.ReceiverId = new(uint64(12))
	unnumbered.Seq = nil
	garbled.Content = new("\xff")
	empty.Content = nil
	many := pageOf()
	for seq := range uint64(proto.MaxPage + 1) {
		many.Messages = append(many.Messages, message(seq+1))
	}
	head := pageOf(message(4))
	head.HeadSeq = new(uint64(3))
	for name, body := range map[string][]byte{
		"nothing":                      {},
		"a web page":                   []byte("<!doctype html>"),
		"truncated":                    marshal(t, pageOf(message(3)))[:30],
		"without epoch":                marshal(t, &proto.MessagePage{HeadSeq: new(uint64(1)), MinSeq: new(uint64(1))}),
		"not after after":              marshal(t, pageOf(message(2))),
		"not before before":            marshal(t, pageOf(message(10))),
		"not rising":                   marshal(t, pageOf(message(4), message(4))),
		"past its own head":            marshal(t, head),
		"of another conversation":      marshal(t, pageOf(foreign)),
		"an entry without seq":         marshal(t, pageOf(unnumbered)),
		"an entry without content":     marshal(t, pageOf(empty)),
		"an entry with invalid UTF-8":  marshal(t, pageOf(garbled)),
		"more entries than a page has": marshal(t, many),
	} {
		after, before := uint64(2), uint64(10)
		if name == "more entries than a page has" {
			after, before = 0, 0
		}
		if page, err := parsePage(proto.DirectKey(me, peer), after, before, body); err == nil {
			t.Errorf("%s: taken as %+v", name, page)
		}
	}
}

func FuzzPage(f *testing.F) {
	f.Add(uint64(0), uint64(0), marshal(f, pageOf(message(1), message(2))))
	f.Add(uint64(2), uint64(9), marshal(f, pageOf(message(3), message(8))))
	f.Fuzz(func(t *testing.T, after, before uint64, body []byte) {
		page, err := parsePage(proto.DirectKey(me, peer), after, before, body)
		if err != nil {
			return
		}
		last := after
		for _, e := range page.entries {
			if e.seq <= last || before != 0 && e.seq >= before || e.seq > page.head {
				t.Fatalf("seq %d after %d, before %d, head %d", e.seq, last, before, page.head)
			}
			last = e.seq
		}
	})
}

func TestAPageOfWhatWasRevisedMayTellOfLaterThanMayBeRead(t *testing.T) {
	m := message(3)
	m.RevisedSeq = new(uint64(9))
	p := pageOf(m)
	p.HeadSeq = new(uint64(5)) // of a group that its reader left
	if page, err := parseRevised(proto.DirectKey(me, peer), 2, marshal(t, p)); err != nil || len(page.entries) != 1 {
		t.Errorf("it has %d entries, %v", len(page.entries), err)
	}
	p.HeadSeq = new(uint64(2))
	if _, err := parseRevised(proto.DirectKey(me, peer), 2, marshal(t, p)); err == nil {
		t.Error("an entry past the head was taken")
	}
}
