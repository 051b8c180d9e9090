package chat_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"parley/proto"
	"parley/server/chat"
	"parley/server/chat/chattest"
)

// said is one message of the model: the whole log of one conversation.
type said struct {
	by, seq, time uint64
	seen          *uint64
	clears        bool // no reply needed: asks nothing, and is not unread
	gone          bool // deleted, as it was too old
	back          bool // taken back
	speaks        bool // of another entry: asks and answers nothing, and is not unread
}

// waitingSince is the answered rule as the design states it, from the whole log.
func waitingSince(log []said, user uint64) uint64 {
	var through uint64
	for _, m := range log {
		if m.by != user && !m.back && !m.speaks {
			seen := m.seq - 1
			if m.seen != nil {
				seen = min(*m.seen, m.seq-1)
			}
			through = max(through, seen)
		}
	}
	for _, m := range log {
		if m.by == user && m.seq > through && !m.clears && !m.gone && !m.back && !m.speaks {
			return m.time
		}
	}
	return 0
}

func unread(log []said, user, read uint64) (n uint64) {
	for _, m := range log {
		if m.by != user && m.seq > read && !m.clears && !m.gone && !m.back && !m.speaks {
			n++
		}
	}
	return n
}

// The rows that the service keeps up step by step are those that the whole log
// gives, whatever was said and marked and however it was batched.
func TestRowsAreWhatTheWholeLogGives(t *testing.T) {
	for seed := range uint64(40) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 1))
			var s chat.Store = chattest.NewMemory(1)
			if seed < 3 {
				s = sqlite(t)
			}
			b := prepared(t, s, keeping(20*time.Second))
			var log []said
			read := map[uint64]uint64{}
			for range 60 {
				var batch []chat.Request
				var messages []*said
				for range 1 + random.IntN(6) {
					from, to := uint64(ada), uint64(bob)
					if random.IntN(2) == 0 {
						from, to = to, from
					}
					if random.IntN(4) == 0 {
						through := random.Uint64N(uint64(len(log)) + 4)
						m := &proto.Mark{Key: ptr("d:3:5"), ReadSeq: &through}
						batch = append(batch, b.prepare(from, proto.BranchMark, encode(t, m)))
						messages = append(messages, nil)
						read[from] = max(read[from], min(through, uint64(len(log))))
						continue
					}
					m := text(to, "x")
					entry := said{by: from, seq: uint64(len(log)) + 1}
					if of := random.IntN(len(log) + 1); of < len(log) && random.IntN(3) == 0 {
						kind := []proto.MessageType{proto.MessageType_MESSAGE_TYPE_EDIT, proto.MessageType_MESSAGE_TYPE_RECALL, proto.MessageType_MESSAGE_TYPE_REACT}[random.IntN(3)]
						target := &log[of]
						if target.by != from && kind != proto.MessageType_MESSAGE_TYPE_REACT || target.gone || target.back || target.clears || target.speaks {
							continue // refused, as others hold
						}
						m = typed(m, kind)
						m.TargetSeq, entry.speaks = &target.seq, true
						target.back = kind == proto.MessageType_MESSAGE_TYPE_RECALL
						if kind == proto.MessageType_MESSAGE_TYPE_REACT {
							m.Content = ptr([]string{"👍", "🎉", ""}[random.IntN(3)])
						}
					} else if entry.clears = random.IntN(4) == 0; entry.clears {
						m = typed(m, proto.MessageType_MESSAGE_TYPE_NO_REPLY_NEEDED)
						m.Content = new(string)
					}
					if random.IntN(3) > 0 {
						m.SeenSeq = ptr(random.Uint64N(uint64(len(log)) + 3))
						entry.seen = ptr(min(*m.SeenSeq, entry.seq-1))
						read[from] = max(read[from], *entry.seen)
					}
					batch = append(batch, b.prepare(from, proto.BranchMessage, encode(t, m)))
					log = append(log, entry)
					messages = append(messages, &log[len(log)-1])
				}
				b.pass(time.Second)
				for i, r := range b.Commit(t.Context(), batch) {
					if r.Err != nil {
						t.Fatal(r.Err)
					}
					if messages[i] != nil {
						same(t, "seq", r.Receipt.Seq, messages[i].seq)
						log[messages[i].seq-1].time = r.Receipt.CreateTime
					}
				}
				if random.IntN(8) == 0 {
					b.expire()
					for i := range log {
						log[i].gone = log[i].gone || log[i].time+20_000 < uint64(b.time().UnixMilli())
					}
				}
				b.compare(log, read)
			}
		})
	}
}

func (b *bench) prepare(from uint64, branch proto.Branch, payload []byte) chat.Request {
	b.t.Helper()
	r, err := b.Prepare(chat.Sender{User: from}, branch, payload, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	return r
}

func (b *bench) compare(log []said, read map[uint64]uint64) {
	b.t.Helper()
	if len(log) == 0 {
		return
	}
	for user, peer := range map[uint64]uint64{ada: bob, bob: ada} {
		answer, err := b.Conversations(b.t.Context(), chat.Sender{User: user}, "")
		if err != nil {
			b.t.Fatal(err)
		}
		row := answer.GetConversations()[0]
		if answer.GetTotalUnread() != row.GetUnread() || (answer.GetUnreadConversations() == 1) != (row.GetUnread() > 0) || (answer.GetWaitingConversations() == 1) != (row.GetWaitingSince() > 0) {
			b.t.Fatalf("the totals of %d are not those of the row: %v", user, answer)
		}
		got := [6]uint64{row.GetHeadSeq(), row.GetReadSeq(), row.GetPeerReadSeq(), row.GetUnread(), row.GetWaitingSince(), row.GetAwaitingSince()}
		if kept := slices.IndexFunc(log, func(m said) bool { return !m.gone }); kept > 0 && row.GetMinSeq() != log[kept].seq || kept == 0 && row.MinSeq != nil || kept < 0 && row.GetMinSeq() != row.GetHeadSeq()+1 {
			b.t.Fatalf("min_seq is %d", row.GetMinSeq())
		}
		want := [6]uint64{uint64(len(log)), read[user], read[peer], unread(log, user, read[user]), waitingSince(log, peer), waitingSince(log, user)}
		if got != want {
			b.t.Fatalf("after %d messages %d is told %v, want %v (head, read, peer's read, unread, waiting, awaiting)", len(log), user, got, want)
		}
	}
}

func ptr[T any](v T) *T { return &v }
