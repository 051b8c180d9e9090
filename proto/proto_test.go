package proto

import (
	"bytes"
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// message is a complete Message with every field set, ids at the edge of uint64.
func message() *Message {
	return &Message{
		MessageId: proto.Uint64(math.MaxUint64), SenderId: proto.Uint64(1 << 63), Content: proto.String("Grüß Gott 👋"),
		CreateTime: proto.Uint64(1_767_225_600_000), ReceiverId: proto.Uint64(1<<53 + 1),
		Seq: proto.Uint64(math.MaxUint64), SeenSeq: proto.Uint64(math.MaxUint64 - 1), ClientRef: []byte("0123456789abcdef"),
		MessageType: MessageType_MESSAGE_TYPE_NO_REPLY_NEEDED.Enum(),
	}
}

func serviceMessage() *ServiceMessage {
	return &ServiceMessage{
		MessageId: proto.Uint64(math.MaxUint64), UserId: proto.Uint64(1 << 63), ServiceType: ServiceType_SERVICE_TYPE_RETURNS.Enum(),
		MessageType: MessageType_MESSAGE_TYPE_HAND_OVER.Enum(), Content: proto.String(""), CreateDate: proto.Uint64(1),
		Direction: ServiceMessageDirection_SERVICE_TO_CUSTOMER.Enum(), AgentId: proto.Uint64(1<<53 + 1), PostProc: proto.Uint32(2),
		ToReply: proto.Uint32(1), Extend: proto.String(`{"a":1}`), Seq: proto.Uint64(3), SeenSeq: proto.Uint64(2), ClientRef: make([]byte, 16),
		TargetAgentId: proto.Uint64(math.MaxUint64),
	}
}

func state(last *Message) *ConversationState {
	return &ConversationState{
		Key: proto.String("d:1:2"), HeadSeq: proto.Uint64(9), ReadSeq: proto.Uint64(8), DeliveredSeq: proto.Uint64(9),
		PeerReadSeq: proto.Uint64(7), PeerDeliveredSeq: proto.Uint64(8), Unread: proto.Uint64(1),
		WaitingSince: proto.Uint64(0), AwaitingSince: proto.Uint64(math.MaxUint64), Last: last, PeerName: proto.String("Ada"),
		AnsweredThrough: proto.Uint64(5), AwaitingSeq: proto.Uint64(6), PeerAnsweredThrough: proto.Uint64(7), WaitingSeq: proto.Uint64(8), OwnAfterRead: proto.Uint64(0),
	}
}

func serviceState() *ConversationState {
	s := state(nil)
	s.Key, s.LastService = proto.String("s:9223372036854775808:5"), serviceMessage()
	s.AssigneeId, s.AssigneeName, s.PostProc = proto.Uint64(math.MaxUint64), proto.String("Ann"), proto.Uint32(1)
	s.LastAnswerSeq, s.LastAnswerAgentId = proto.Uint64(8), proto.Uint64(1<<53+1)
	return s
}

func unread() *BaseUserUnreadStatics {
	return &BaseUserUnreadStatics{
		Epoch: proto.Uint64(math.MaxUint64), Token: proto.String("t"), More: proto.Bool(true), ServerTime: proto.Uint64(5),
		Conversations: []*ConversationState{state(message()), state(nil), serviceState()},
		TotalUnread:   proto.Uint64(3), UnreadConversations: proto.Uint64(2), WaitingConversations: proto.Uint64(1),
	}
}

// samples are one complete message of each kind that comes from outside.
func samples() []proto.Message {
	return []proto.Message{
		message(), serviceMessage(), unread(), state(message()),
		&Mark{Key: proto.String("d:1:2"), UserId: proto.Uint64(1 << 63), DeliveredSeq: proto.Uint64(math.MaxUint64), ReadSeq: proto.Uint64(1)},
		&SyncRequest{Token: proto.String("token")},
		&Presence{UserId: proto.Uint64(math.MaxUint64), Online: proto.Bool(false), LastSeen: proto.Uint64(1_767_225_600_000)},
		&Settings{ShareTyping: proto.Bool(false), SharePresence: proto.Bool(true)},
		&Typing{Key: proto.String("s:1:2"), UserId: proto.Uint64(3), Active: proto.Bool(true)},
		&MessagePage{Epoch: proto.Uint64(1), HeadSeq: proto.Uint64(2), MinSeq: proto.Uint64(1), Messages: []*Message{message(), message()}},
		&ServiceMessagePage{Epoch: proto.Uint64(1), HeadSeq: proto.Uint64(2), MinSeq: proto.Uint64(1), Messages: []*ServiceMessage{serviceMessage()}},
	}
}

func encode(t testing.TB, m proto.Message) []byte {
	t.Helper()
	b, err := Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func name(m proto.Message) string { return string(m.ProtoReflect().Descriptor().Name()) }

func empty(m proto.Message) proto.Message { return m.ProtoReflect().New().Interface() }

func TestWhatIsEncodedIsDecodedWithEveryBitOfItsIDs(t *testing.T) {
	for _, want := range samples() {
		got := empty(want)
		if err := Unmarshal(encode(t, want), got); err != nil || !proto.Equal(got, want) {
			t.Errorf("%s: %v, error %v, want %v", name(want), got, err, want)
		}
	}
}

func TestAPayloadCutShortIsRefused(t *testing.T) {
	for _, m := range samples() {
		payload := encode(t, m)
		for n := range payload {
			err := Unmarshal(payload[:n], empty(m))
			if err == nil { // cut between two fields, and what is left is complete
				if !proto.Equal(decoded(t, payload[:n], m), partOf(t, payload[:n], m)) {
					t.Errorf("%s cut to %d bytes of %d decodes to something else", name(m), n, len(payload))
				}
				continue
			}
			wantRefusal(t, err, "")
		}
		if n := len(payload) - 1; Unmarshal(payload[:n], empty(m)) == nil {
			t.Errorf("%s cut by its last byte is accepted", name(m))
		}
	}
}

func decoded(t *testing.T, payload []byte, like proto.Message) proto.Message {
	t.Helper()
	m := empty(like)
	if err := Unmarshal(payload, m); err != nil {
		t.Fatal(err)
	}
	return m
}

// partOf decodes with the library alone.
func partOf(t *testing.T, payload []byte, like proto.Message) proto.Message {
	t.Helper()
	m := empty(like)
	if err := proto.Unmarshal(payload, m); err != nil {
		t.Fatal(err)
	}
	return m
}

// wantRefusal wants a *Refusal for a malformed payload that says words.
func wantRefusal(t *testing.T, err error, words string) {
	t.Helper()
	var refusal *Refusal
	if !errors.As(err, &refusal) || refusal.Reason != PayloadFormatInvalid || !strings.Contains(refusal.Text, words) {
		t.Errorf("error %v, want a refusal for a malformed payload that says %q", err, words)
	}
}

func TestRandomBytesAreRefused(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		payload := make([]byte, 1+random.IntN(200))
		for i := range payload {
			payload[i] = byte(random.Uint32())
		}
		wantRefusal(t, Unmarshal(payload, new(Message)), "")
		wantRefusal(t, Unmarshal(payload, new(ServiceMessage)), "")
		wantRefusal(t, Unmarshal(payload, new(Mark)), "")
		wantRefusal(t, Unmarshal(payload, new(BaseUserUnreadStatics)), "")
	}
}

func TestAMissingRequiredFieldIsNamed(t *testing.T) {
	for _, m := range samples() {
		fields := m.ProtoReflect().Descriptor().Fields()
		for i := range fields.Len() {
			f := fields.Get(i)
			if f.Cardinality().String() != "required" {
				continue
			}
			without := proto.Clone(m)
			without.ProtoReflect().Clear(f)
			payload, err := proto.MarshalOptions{AllowPartial: true}.Marshal(without)
			if err != nil {
				t.Fatal(err)
			}
			wantRefusal(t, Unmarshal(payload, empty(m)), name(m)+"."+string(f.Name())+" is required")
		}
	}
	wantRefusal(t, Unmarshal(nil, new(Message)), "Message.message_id is required")
}

func TestAMissingRequiredFieldDeepInsideIsNamed(t *testing.T) {
	m := unread()
	m.Conversations[0].Last.ReceiverId = nil
	payload, err := proto.MarshalOptions{AllowPartial: true}.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	wantRefusal(t, Unmarshal(payload, new(BaseUserUnreadStatics)), "Message.receiver_id is required")
}

func TestTextThatIsNotUTF8IsNamed(t *testing.T) {
	const bad = "caf\xe9"
	m, s, members := message(), serviceMessage(), message()
	m.Content, s.Extend, members.MemberNames = proto.String(bad), proto.String(bad), []string{"Bob", bad}
	deep := unread()
	deep.Conversations[1].PeerName = proto.String(bad)
	tests := []struct {
		m     proto.Message
		field string
	}{
		{m, "Message.content"},
		{members, "Message.member_names"},
		{s, "ServiceMessage.extend"},
		{deep, "ConversationState.peer_name"},
		{&Mark{Key: proto.String(bad)}, "Mark.key"},
		{&SyncRequest{Token: proto.String("\xff")}, "SyncRequest.token"},
		{&MessagePage{Epoch: proto.Uint64(1), HeadSeq: proto.Uint64(1), MinSeq: proto.Uint64(1), Messages: []*Message{m}}, "Message.content"},
	}
	for _, test := range tests {
		err := Unmarshal(encode(t, test.m), empty(test.m))
		wantRefusal(t, err, test.field+" is not valid UTF-8")
		if err != nil && strings.Contains(err.Error(), "caf") {
			t.Errorf("the refusal holds content: %v", err)
		}
	}
}

func TestAnUnknownValueOfAnEnumIsNamed(t *testing.T) {
	fields := new(ServiceMessage).ProtoReflect().Descriptor().Fields()
	for number, words := range map[protowire.Number]string{
		3: "ServiceMessage.service_type is not a known ServiceType",
		4: "ServiceMessage.message_type is not a known MessageType",
		7: "ServiceMessage.direction is not a known ServiceMessageDirection",
	} {
		for _, value := range []protoreflect.EnumNumber{64, 99, -1, math.MinInt32} {
			m := serviceMessage()
			m.ProtoReflect().Set(fields.ByNumber(number), protoreflect.ValueOfEnum(value))
			wantRefusal(t, Unmarshal(encode(t, m), new(ServiceMessage)), words)
		}
	}
}

func TestFieldsOfALaterVersionAreDropped(t *testing.T) {
	payload := protowire.AppendTag(encode(t, message()), 99, protowire.BytesType)
	payload = protowire.AppendBytes(payload, make([]byte, 1000))
	m := new(Message)
	if err := Unmarshal(payload, m); err != nil || len(m.ProtoReflect().GetUnknown()) != 0 || !proto.Equal(m, message()) {
		t.Errorf("%v, error %v", m, err)
	}
}

func TestBottomlessNestingIsRefused(t *testing.T) {
	const levels = 20_000 // an unknown field is dropped, and yet walked
	payload := encode(t, message())
	for range levels {
		payload = protowire.AppendTag(payload, 15, protowire.StartGroupType)
	}
	for range levels {
		payload = protowire.AppendTag(payload, 15, protowire.EndGroupType)
	}
	if len(payload) > MaxPacket {
		t.Fatalf("%d bytes do not fit a packet", len(payload))
	}
	wantRefusal(t, Unmarshal(payload, new(Message)), "not a Message")
}

func TestDecodingStartsFromNothing(t *testing.T) {
	m := &Mark{Key: proto.String("d:1:2"), ReadSeq: proto.Uint64(7)}
	if err := Unmarshal(encode(t, &Mark{Key: proto.String("d:3:4")}), m); err != nil || m.ReadSeq != nil || m.GetKey() != "d:3:4" {
		t.Errorf("%v, error %v", m, err)
	}
}

func TestEncodingAnIncompleteMessageFails(t *testing.T) {
	if b, err := Marshal(&Message{}); err == nil {
		t.Errorf("encoded to %x", b)
	}
}

func TestEncodingGivesTheSameBytesEachTime(t *testing.T) {
	for _, m := range samples() {
		if !bytes.Equal(encode(t, m), encode(t, proto.Clone(m))) {
			t.Errorf("%s: different bytes", name(m))
		}
	}
}

func TestNumbersAndTypesAreThoseThatExistingServicesUse(t *testing.T) {
	tests := []struct {
		m      proto.Message
		fields string
	}{
		{&Message{}, "1 required uint64 message_id, 2 required uint64 sender_id, 3 required string content, 4 required uint64 create_time, " +
			"5 required uint64 receiver_id, 16 optional uint64 seq, 17 optional uint64 seen_seq, 18 optional bytes client_ref, 19 optional enum message_type, " +
			"20 optional uint64 group_id, 21 repeated message attachments, 22 optional uint64 quote_seq, 23 repeated uint64 mentions, 24 optional uint64 target_seq, 25 optional uint64 revised_seq, 26 optional uint64 revised_time, " +
			"27 optional uint64 epoch, 40 repeated message reactions, 43 optional string sender_name, 41 repeated uint64 members, 42 repeated string member_names"},
		{&ServiceMessage{}, "1 required uint64 message_id, 2 required uint64 user_id, 3 required enum service_type, 4 required enum message_type, " +
			"5 required string content, 6 required uint64 create_date, 7 required enum direction, 8 optional uint64 agent_id, 9 optional uint32 post_proc, " +
			"10 optional uint32 to_reply, 11 optional string extend, 16 optional uint64 seq, 17 optional uint64 seen_seq, 18 optional bytes client_ref, " +
			"19 optional uint64 target_agent_id, 20 optional uint64 despite_seq, 21 repeated message attachments, " +
			"22 optional uint64 quote_seq, 24 optional uint64 target_seq, 25 optional uint64 revised_seq, 26 optional uint64 revised_time, " +
			"27 optional uint64 epoch, 28 optional enum other_service, 29 optional uint64 waiting_since, 40 repeated message reactions, 41 optional uint64 recalled_by"},
	}
	for _, test := range tests {
		var got []string
		fields := test.m.ProtoReflect().Descriptor().Fields()
		for i := range fields.Len() {
			f := fields.Get(i)
			got = append(got, strings.Join([]string{decimal(uint64(f.Number())), f.Cardinality().String(), f.Kind().String(), string(f.Name())}, " "))
		}
		if strings.Join(got, ", ") != test.fields {
			t.Errorf("%s: %s\nwant %s", name(test.m), strings.Join(got, ", "), test.fields)
		}
	}
}

func decimal(n uint64) string { return strconv.FormatUint(n, 10) }

func TestTheCommittedCodeIsWhatTheProtoFileGenerates(t *testing.T) {
	source, err := filepath.Abs("chat.proto")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if out, err := exec.Command("go", "run", "-C", filepath.Join("..", ".tools"), "./protogen", "-out", dir, source).CombinedOutput(); err != nil {
		t.Fatalf("protogen: %v\n%s", err, out)
	}
	want, err := os.ReadFile(filepath.Join(dir, "chat.pb.go"))
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("chat.pb.go")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("chat.pb.go is stale: run make proto and commit the result")
	}
}

func TestARefusalSaysItsSentenceAndItsCode(t *testing.T) {
	if got, want := Refuse(QuotaExceeded, "more than %d messages a second: wait", 50).Error(), "more than 50 messages a second: wait (0x97)"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestOnlyARefusalThatPassesIsWorthTryingAgain(t *testing.T) {
	for reason, want := range map[Reason]bool{
		UnspecifiedError: true, ServerBusy: true, ServerShuttingDown: true, MessageRateTooHigh: true, QuotaExceeded: true,
		Success: false, NotAuthorized: false, PayloadFormatInvalid: false, PacketTooLarge: false, BadUserNameOrPassword: false, MalformedPacket: false,
	} {
		if reason.Temporary() != want {
			t.Errorf("0x%02X: temporary %t, want %t", byte(reason), !want, want)
		}
	}
}

func FuzzUnmarshalMessage(f *testing.F)            { fuzzUnmarshal(f, new(Message)) }
func FuzzUnmarshalServiceMessage(f *testing.F)     { fuzzUnmarshal(f, new(ServiceMessage)) }
func FuzzUnmarshalMark(f *testing.F)               { fuzzUnmarshal(f, new(Mark)) }
func FuzzUnmarshalSyncRequest(f *testing.F)        { fuzzUnmarshal(f, new(SyncRequest)) }
func FuzzUnmarshalPresence(f *testing.F)           { fuzzUnmarshal(f, new(Presence)) }
func FuzzUnmarshalSettings(f *testing.F)           { fuzzUnmarshal(f, new(Settings)) }
func FuzzUnmarshalTyping(f *testing.F)             { fuzzUnmarshal(f, new(Typing)) }
func FuzzUnmarshalUnread(f *testing.F)             { fuzzUnmarshal(f, new(BaseUserUnreadStatics)) }
func FuzzUnmarshalMessagePage(f *testing.F)        { fuzzUnmarshal(f, new(MessagePage)) }
func FuzzUnmarshalServiceMessagePage(f *testing.F) { fuzzUnmarshal(f, new(ServiceMessagePage)) }

// fuzzUnmarshal sees that whatever is accepted is complete, and encodes to what
// decodes to the same, and that whatever is not is refused with a reason.
func fuzzUnmarshal(f *testing.F, like proto.Message) {
	for _, m := range samples() {
		f.Add(encode(f, m))
	}
	f.Add([]byte{})
	f.Add([]byte{0x1a, 0x04, 'c', 'a', 'f', 0xe9})
	f.Fuzz(func(t *testing.T, payload []byte) {
		m := empty(like)
		if err := Unmarshal(payload, m); err != nil {
			wantRefusal(t, err, "")
			return
		}
		again := empty(like)
		if err := Unmarshal(encode(t, m), again); err != nil || !proto.Equal(m, again) {
			t.Errorf("%v came back as %v, error %v", m, again, err)
		}
	})
}

func BenchmarkUnmarshalMessage(b *testing.B) {
	payload := encode(b, message())
	b.ReportAllocs()
	for b.Loop() {
		if err := Unmarshal(payload, new(Message)); err != nil {
			b.Fatal(err)
		}
	}
}
