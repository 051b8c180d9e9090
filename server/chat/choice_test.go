package chat_test

import (
	"testing"

	protobuf "google.golang.org/protobuf/proto"

	"parley/proto"
	"parley/server/chat"
	"parley/server/chat/chattest"
)

// choose makes a choice for ada's and bob's conversation, or for the one it names.
func (b *bench) choose(user uint64, c *proto.Choice) {
	b.t.Helper()
	if c.Key == nil {
		c.Key = protobuf.String("d:3:5")
	}
	if _, err := b.Publish(b.t.Context(), b.sender(user), proto.BranchChoice, encode(b.t, c), nil); err != nil {
		b.t.Fatal("choose:", err)
	}
}

// chosen is what a row says of its user's choices.
func chosen(row *proto.ConversationState) chat.Choices {
	return chat.Choices{Pinned: row.GetPinned(), Muted: row.GetMuted(), MarkedUnread: row.GetMarkedUnread(), ArchivedThrough: row.GetArchivedThrough()}
}

func TestWhatAUserChoosesForAConversationIsToldToTheirDevicesAlone(t *testing.T) {
	onBothStores(t, func(t *testing.T, s chat.Store) {
		b := start(t, s)
		b.send(ada, text(bob, "one"))
		b.send(ada, text(bob, "two"))
		adas, bobs := b.sync(ada, "")[0].GetToken(), b.sync(bob, "")[0].GetToken()
		b.out.take()
		b.choose(bob, &proto.Choice{Pinned: protobuf.Bool(true), ArchivedThrough: protobuf.Uint64(2)})
		b.choose(bob, &proto.Choice{Muted: protobuf.Bool(true), MarkedUnread: protobuf.Bool(true)})
		same(t, "bob's row", chosen(b.rows(bob)["d:3:5"]), chat.Choices{Pinned: true, Muted: true, MarkedUnread: true, ArchivedThrough: 2})
		same(t, "ada's row", chosen(b.rows(ada)["d:3:5"]), chat.Choices{})
		changed := b.sync(bob, bobs)
		same(t, "what changed for bob", keysOf(changed...), []string{"d:3:5"})
		same(t, "what changed for ada", keysOf(b.sync(ada, adas)...), []string(nil))
		b.choose(bob, &proto.Choice{Muted: protobuf.Bool(true)})
		same(t, "the same once more", keysOf(b.sync(bob, changed[0].GetToken())...), []string(nil))

		b.mark(bob, 1, 1)
		same(t, "read on", chosen(b.rows(bob)["d:3:5"]), chat.Choices{Pinned: true, Muted: true, ArchivedThrough: 2})
		b.choose(bob, &proto.Choice{MarkedUnread: protobuf.Bool(true)})
		b.mark(bob, 1, 1)
		same(t, "read no further", chosen(b.rows(bob)["d:3:5"]), chat.Choices{Pinned: true, Muted: true, MarkedUnread: true, ArchivedThrough: 2})
		b.send(ada, text(bob, "three"))
		b.choose(bob, &proto.Choice{Pinned: protobuf.Bool(false), Muted: protobuf.Bool(false), MarkedUnread: protobuf.Bool(false), ArchivedThrough: protobuf.Uint64(9)})
		same(t, "all else, up to what there is", chosen(b.rows(bob)["d:3:5"]), chat.Choices{ArchivedThrough: 3})
		b.choose(bob, &proto.Choice{ArchivedThrough: new(uint64)})
		same(t, "nothing", chosen(b.rows(bob)["d:3:5"]), chat.Choices{})
	})
}

func TestAnAgentChoosesForThemselves(t *testing.T) {
	onBothStores(t, func(t *testing.T, s chat.Store) {
		b := staffed(t, s)
		b.say(cora, word(cora, "hello?"))
		b.choose(ann, &proto.Choice{Key: protobuf.String(salesKey.String()), Muted: protobuf.Bool(true)})
		row := b.row(ann)
		same(t, "Ann's row", chosen(row), chat.Choices{Muted: true})
		if row.GetUnread() != 1 || row.GetHeadSeq() != 1 {
			t.Errorf("Ann's row is %v", row)
		}
		same(t, "Ben's row", chosen(b.row(ben)), chat.Choices{})
		same(t, "the customer's row", chosen(b.row(cora)), chat.Choices{})
	})
}

func TestWhatCannotBeChosen(t *testing.T) {
	b := start(t, chattest.NewMemory(1))
	b.send(ada, text(bob, "hello"))
	for name, payload := range map[string][]byte{
		"of others":              encode(t, &proto.Choice{Key: protobuf.String("d:3:5"), Pinned: protobuf.Bool(true)}),
		"where nothing is":       encode(t, &proto.Choice{Key: protobuf.String("d:3:7"), Pinned: protobuf.Bool(true)}),
		"of no conversation":     encode(t, &proto.Choice{Key: protobuf.String("d:7:3"), Pinned: protobuf.Bool(true)}),
		"without a conversation": encode(t, &proto.Choice{Key: protobuf.String("")}),
		"no payload":             nil,
		"not a choice":           []byte("x"),
	} {
		if _, err := b.Publish(t.Context(), chat.Sender{User: eve}, proto.BranchChoice, payload, nil); err == nil {
			t.Errorf("%s: taken", name)
		} else if r := refusalOf(t, err); r.Reason.Temporary() {
			t.Errorf("%s: %v", name, r)
		}
	}
	if rows := b.rows(eve); len(rows) != 0 {
		t.Errorf("she is told of %v", rows)
	}
}
