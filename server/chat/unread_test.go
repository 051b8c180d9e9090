package chat_test

import (
	"context"
	"fmt"
	"testing"

	"parley/proto"
	"parley/server/chat"
)

// unreadCases are what is unread to whom after which watermark in the log of
// quarrel, each reader's watermarks rising.
var unreadCases = []struct{ reader, read, unread uint64 }{
	{cora, 0, 1}, // Ann's answer: two of the others are her own, four are control entries
	{cora, 1, 1},
	{cora, 4, 0},
	{cora, 7, 0},
	{ann, 0, 3}, // three are her own, and the resolve; Ben's note counts
	{ann, 4, 2},
	{ann, 5, 1},
	{ann, 7, 0},
	{ben, 0, 4}, // two are his own, and the claim; Ann's note counts
	{ben, 2, 3},
	{ben, 3, 2},
	{dee, 0, 5}, // an agent who wrote nothing
	{dee, 6, 1},
	{fay, 6, 1}, // an agent who came when all was answered but the last
}

const dee, fay = 203, 204

// quarrel is a log with entries that count to nobody, to agents and to everybody.
func quarrel(b *bench) {
	b.join(dee, "Dee", sales)
	written := func(kind proto.MessageType, content string) *proto.ServiceMessage {
		m := word(cora, content)
		m.MessageType = &kind
		return m
	}
	b.say(cora, word(cora, "help"))
	b.delivered(ben, 1)
	b.delivered(dee, 1)
	b.say(ann, control(claim))
	b.say(ann, written(note, "she called before"))
	b.say(ann, word(cora, "hello"))
	b.say(ben, written(note, "yes, on Monday"))
	b.say(ben, control(resolve))
	b.say(cora, written(proto.MessageType_MESSAGE_TYPE_IMAGE, "this"))
	b.join(fay, "Fay", sales)
}

// delivered lets a client tell that Cora's conversation with sales came to it.
func (b *bench) delivered(user, through uint64) {
	b.t.Helper()
	name := salesKey.String()
	if _, err := b.Publish(b.t.Context(), b.sender(user), proto.BranchMark, encode(b.t, &proto.Mark{Key: &name, DeliveredSeq: &through}), nil); err != nil {
		b.t.Fatal("mark:", err)
	}
}

// Whoever comes to a service finds as unread what waits there, whatever stands before it,
// by their first token or by one that names one more service; and goes on from there.
func TestAnAgentWhoComesFindsUnreadWhatWaits(t *testing.T) {
	onBothStores(t, func(t *testing.T, s chat.Store) {
		b := staffed(t, s)
		see := func(when string, user, read, unread uint64) {
			t.Helper()
			row := b.row(user)
			answer, err := b.Conversations(t.Context(), b.sender(user), "")
			if err != nil {
				t.Fatal(err)
			}
			got := []uint64{row.GetReadSeq(), row.GetDeliveredSeq(), row.GetUnread(), answer.GetTotalUnread()}
			same(t, when, got, []uint64{read, read, unread, unread})
			same(t, when+", silent", row.GetOwnAfterRead(), row.GetHeadSeq()-read-unread)
		}
		b.say(cora, word(cora, "help"))
		b.say(ann, word(cora, "here"))
		b.join(dee, "Dee", support)
		b.join(dee, "Dee", support, sales)
		see("everything was answered", dee, 2, 0)
		b.say(cora, word(cora, "and this?"))
		b.say(cora, word(cora, "and that?"))
		see("two wait", dee, 2, 2)
		b.say(ann, seeing(word(cora, "this"), 3))
		see("one of them was answered", dee, 3, 2) // the other, and the answer
		b.say(ann, control(resolve))
		see("it was closed by who had seen all", dee, 6, 0)
		if row := b.row(cora); row.GetPeerReadSeq() != 3 {
			t.Errorf("the customer is told of more than was on a screen: %v", row)
		}
		b.say(cora, word(cora, "again"))
		b.delivered(dee, 7)
		b.say(ann, word(cora, "yes"))
		if row := b.row(dee); row.GetReadSeq() != 6 || row.GetUnread() != 2 {
			t.Errorf("what came while one was there stays unread: %v", row)
		}
	})
}

func TestUnreadIsWhatOthersWroteAndTheReaderHasNotRead(t *testing.T) {
	onBothStores(t, func(t *testing.T, s chat.Store) {
		b := staffed(t, s)
		quarrel(b)
		for _, test := range unreadCases {
			b.markSales(test.reader, test.read)
			row := b.row(test.reader)
			if row.GetUnread() != test.unread || row.GetOwnAfterRead() != 7-test.read-test.unread {
				t.Errorf("%d read through %d: %d unread and %d silent, want %d unread", test.reader, test.read, row.GetUnread(), row.GetOwnAfterRead(), test.unread)
			}
			answer, err := b.Conversations(t.Context(), b.sender(test.reader), "")
			if err != nil || answer.GetTotalUnread() != test.unread {
				t.Errorf("%d read through %d: %d unread in all, error %v", test.reader, test.read, answer.GetTotalUnread(), err)
			}
		}
		// Between two users a "no reply needed" counts to nobody.
		b.send(ada, text(bob, "x"))
		b.send(bob, typed(text(ada, ""), noReplyNeeded))
		for user, want := range map[uint64]uint64{ada: 0, bob: 1} {
			if row := b.rows(user)["d:3:5"]; row.GetUnread() != want || row.GetOwnAfterRead() != 2-want {
				t.Errorf("%d is told %v", user, row)
			}
		}
	})
}

// markSales marks Cora's conversation with sales as read.
func (b *bench) markSales(user, read uint64) {
	b.t.Helper()
	name := salesKey.String()
	if _, err := b.Publish(b.t.Context(), b.sender(user), proto.BranchMark, encode(b.t, &proto.Mark{Key: &name, ReadSeq: &read}), nil); err != nil {
		b.t.Fatal("mark:", err)
	}
}

// What is no longer kept is unread to nobody, also to whom it was until then.
func TestEntriesThatAreNotKeptAreNotUnread(t *testing.T) {
	onBothStores(t, func(t *testing.T, s chat.Store) {
		for least := uint64(1); least <= 8; least++ {
			t.Run(fmt.Sprint("from ", least), func(t *testing.T) {
				b := staffed(t, &trimmed{s, least})
				if b.row(cora) == nil {
					quarrel(b)
				}
				log := b.log(ann)
				for _, reader := range []uint64{cora, ann, ben, dee} {
					var want uint64
					for _, m := range log {
						author := m.GetAgentId()
						if m.GetDirection() == proto.ServiceMessageDirection_CUSTOMER_TO_SERVICE {
							author = cora
						}
						if m.GetSeq() >= least && author != reader && salesKey.Counts(m.GetMessageType(), reader) {
							want++
						}
					}
					if row := b.row(reader); row.GetUnread() != want || row.GetOwnAfterRead() != 7-want {
						t.Errorf("%d unread and %d silent to %d, want %d unread", row.GetUnread(), row.GetOwnAfterRead(), reader, want)
					}
				}
			})
		}
	})
}

// trimmed is a Store that keeps no entries before a seq.
type trimmed struct {
	chat.Store
	least uint64
}

func (s *trimmed) View(ctx context.Context, read func(chat.View) error) error {
	return s.Store.View(ctx, func(v chat.View) error { return read(trimmedView{v, s.least}) })
}

func (s *trimmed) Scan(ctx context.Context, read func(chat.View) error) error {
	return s.Store.Scan(ctx, func(v chat.View) error { return read(trimmedView{v, s.least}) })
}

type trimmedView struct {
	chat.View
	least uint64
}

func (v trimmedView) First(key proto.Key, after uint64) (chat.Entry, error) {
	return v.View.First(key, max(after, v.least-1))
}

func (v trimmedView) FirstBy(key proto.Key, sender, after uint64) (chat.Entry, error) {
	return v.View.FirstBy(key, sender, max(after, v.least-1))
}
