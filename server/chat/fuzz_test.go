package chat_test

import (
	"errors"
	"log/slog"
	"testing"

	protobuf "google.golang.org/protobuf/proto"

	"parley/proto"
	"parley/server/chat"
	"parley/server/chat/chattest"
)

// FuzzPublish holds that bytes from outside, on any branch, are either taken or
// refused by name, and that whatever is taken leaves a history that can be read.
func FuzzPublish(f *testing.F) {
	branches := []proto.Branch{proto.BranchMessage, proto.BranchService, proto.BranchMark, proto.BranchSync, proto.BranchTyping, proto.BranchSettings, proto.BranchBlock, proto.BranchChoice, "x"}
	kind := proto.ServiceType_SERVICE_TYPE_SALES
	for i, m := range []protobuf.Message{
		with(text(bob, "hello"), ref(1), 1),
		&proto.ServiceMessage{MessageId: ptr[uint64](0), UserId: ptr[uint64](ada), ServiceType: &kind, MessageType: ptr(proto.MessageType_MESSAGE_TYPE_TEXT),
			Content: ptr("hello"), CreateDate: ptr[uint64](0), Direction: ptr(proto.ServiceMessageDirection_CUSTOMER_TO_SERVICE)},
		&proto.Mark{Key: ptr("d:3:5"), ReadSeq: ptr[uint64](1), DeliveredSeq: ptr[uint64](huge)},
		&proto.SyncRequest{Token: ptr("v1.1.1")},
		&proto.Typing{Key: ptr("d:3:5"), Active: ptr(true)},
		&proto.Settings{ShareTyping: ptr(false), SharePresence: ptr(true)},
	} {
		f.Add(byte(i), encode(f, m), ref(2))
	}
	claims := word(cora, "")
	claims.MessageType = ptr(claim)
	f.Add(byte(1), encode(f, claims), ref(3))
	f.Add(byte(1), encode(f, seeing(word(cora, "hello"), 1)), ref(3))
	f.Add(byte(2), encode(f, &proto.Mark{Key: ptr(salesKey.String()), ReadSeq: ptr[uint64](1)}), []byte{})
	f.Add(byte(4), encode(f, &proto.Typing{Key: ptr(salesKey.String())}), []byte{})
	f.Add(byte(0), encode(f, typed(text(bob, ""), noReplyNeeded)), ref(4))
	f.Add(byte(0), []byte{}, []byte{})
	f.Add(byte(0), []byte{0x82, 0x01, 0xff}, []byte("x"))
	f.Fuzz(func(t *testing.T, which byte, payload, correlation []byte) {
		out := &outbox{t: t}
		service, err := chat.New(chat.Config{Store: chattest.NewMemory(1), Fanout: out, Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		b := &bench{t: t, Service: service, out: out}
		for _, r := range b.Commit(t.Context(), []chat.Request{
			b.prepare(bob, proto.BranchMessage, encode(t, text(ada, "x"))), b.prepare(cora, proto.BranchService, encode(t, word(cora, "x"))),
		}) {
			if r.Err != nil {
				t.Fatal(r.Err)
			}
		}
		out.take()
		from, branch := chat.Sender{User: ada, Services: inSales}, branches[int(which)%len(branches)]

		err = nil
		var request chat.Request
		switch branch {
		case proto.BranchSync, proto.BranchTyping:
			_, err = service.Publish(t.Context(), from, branch, payload, correlation)
		default:
			if request, err = service.Prepare(from, branch, payload, correlation); err == nil {
				for _, r := range service.Commit(t.Context(), []chat.Request{request, request}) {
					err = errors.Join(err, r.Err)
				}
			}
		}
		if err != nil {
			if r := refusalOf(t, err); r.Reason < proto.UnspecifiedError || r.Reason.Temporary() || r.Text == "" {
				t.Errorf("refused with %#v", r)
			}
			same(t, "fan-out", out.take(), []delivered(nil))
		}
		for _, d := range out.take() {
			if m, ok := d.body.(*proto.Message); ok && (m.GetSenderId() != ada || m.GetSeq() == 0 || len(m.GetClientRef()) != proto.RefSize) {
				t.Errorf("delivered %v", m)
			}
			if m, ok := d.body.(*proto.ServiceMessage); ok && (m.GetSeq() == 0 || d.user == m.GetUserId() && m.AgentId != nil) {
				t.Errorf("delivered %v", m)
			}
		}
		answer, err := b.Conversations(t.Context(), from, "")
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range answer.GetConversations() {
			if row.GetUnread() != proto.Unread(row.GetHeadSeq(), row.GetReadSeq(), row.GetOwnAfterRead()) || row.GetReadSeq() > row.GetHeadSeq() {
				t.Errorf("row %v", row)
			}
		}
		if row := b.rows(ada)["d:3:5"]; row.GetHeadSeq() < 1 || row.GetReadSeq() > row.GetHeadSeq() {
			t.Errorf("row %v", row)
		}
	})
}

// FuzzKeys holds that a history request for any key that parses is answered or refused.
func FuzzKeys(f *testing.F) {
	for _, key := range []string{"d:3:5", "d:5:3", "s:3:1", "s:3:99", "d:3", "", "g:1", "d:18446744073709551615:1", "d:3:18446744073709551615"} {
		f.Add(key, uint64(0), uint64(0), 10)
	}
	f.Fuzz(func(t *testing.T, text string, after, before uint64, limit int) {
		key, err := proto.ParseKey(text)
		if err != nil {
			refusalOf(t, err)
			return
		}
		b := prepared(t, chattest.NewMemory(1))
		_, err = b.Messages(t.Context(), chat.Sender{User: ada}, key, chat.Window{After: after, Before: before, Limit: limit})
		if err != nil {
			refusalOf(t, err)
		} else if !key.Has(ada) {
			t.Errorf("user %d read %s", uint64(ada), key)
		}
	})
}
