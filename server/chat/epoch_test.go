package chat_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	protobuf "google.golang.org/protobuf/proto"

	"parley/proto"
	"parley/server/chat"
	"parley/server/chat/chattest"
)

// undone is a history of which a backup was made, went on, and was put back.
// going runs on what was before, and returns a token of what is undone.
func undone(t *testing.T, going func(m *chattest.Memory) (token string)) (*chattest.Memory, string) {
	t.Helper()
	m := chattest.NewMemory(1)
	b := prepared(t, m)
	b.commit(bob, text(ada, "kept"))
	backup := m.Copy(2)
	token := going(m)
	return backup.Copy(3), token
}

func tokenOf(b *bench, user uint64) string {
	answers := b.sync(user, "")
	return answers[len(answers)-1].GetToken()
}

func TestATokenOfWhatWasUndoneBeginsANewEpoch(t *testing.T) {
	for name, going := range map[string]func(m *chattest.Memory) string{
		"under the start that the backup was made in": func(m *chattest.Memory) string {
			b := prepared(t, m)
			b.commit(ada, text(bob, "undone"))
			return tokenOf(b, ada)
		},
		"under a start after it": func(m *chattest.Memory) string {
			b := prepared(t, m.Copy(77))
			b.commit(ada, text(bob, "undone"))
			return tokenOf(b, ada)
		},
		"under the last of many starts": func(m *chattest.Memory) string {
			for start := uint64(100); start < 110; start++ {
				m = m.Copy(start)
				prepared(t, m).commit(ada, text(bob, "undone"))
			}
			return tokenOf(prepared(t, m), ada)
		},
	} {
		for grown := range 15 { // messages after the backup was put back
			t.Run(fmt.Sprintf("%s, %d later", name, grown), func(t *testing.T) {
				m, token := undone(t, going)
				b := prepared(t, m)
				for i := range grown {
					b.commit(bob, text(ada, fmt.Sprint("new ", i)))
				}
				b.Connected(context.Background(), chat.Sender{User: bob})
				b.Connected(context.Background(), chat.Sender{User: eve})
				b.out.take()
				if _, err := b.publish(ada, proto.BranchSync, &proto.SyncRequest{Token: &token}); err != nil {
					t.Fatal(err)
				}
				epoch := epochOf(t, m)
				if epoch == 1 {
					t.Fatal("the epoch is the one before")
				}
				told := map[uint64]bool{}
				all := b.out.take()
				for len(all) > 0 && all[0].user != ada { // before anybody is told of a row
					notice, ok := all[0].body.(*proto.BaseUserUnreadStatics)
					if !ok || !notice.GetSync() || notice.GetEpoch() != epoch || len(notice.GetConversations()) != 0 {
						t.Errorf("%d is told %v", all[0].user, all[0].body)
					}
					told[all[0].user] = true
					all = all[1:]
				}
				if !told[bob] || !told[eve] || len(told) != 2 {
					t.Errorf("told of the new epoch: %v", told)
				}
				answer := all[0].body.(*proto.BaseUserUnreadStatics)
				same(t, "rows", keysOf(answer), []string{"d:3:5"})
				if answer.GetEpoch() != epoch || answer.GetConversations()[0].GetHeadSeq() != uint64(1+grown) || answer.GetSince() != token {
					t.Errorf("the answer is %v", answer)
				}
				page, err := b.Messages(t.Context(), chat.Sender{User: ada}, proto.DirectKey(ada, bob), chat.Window{Limit: 1})
				if err != nil || page.Epoch != epoch {
					t.Errorf("page %v, error %v", page, err)
				}
				if payload, err := b.Missed(); err != nil || decodeRows(t, payload).GetEpoch() != epoch {
					t.Errorf("who missed something is told %v, %v", payload, err)
				}

				same(t, "of the token that it gave", keysOf(b.sync(ada, answer.GetToken())...), []string(nil))
				b.sync(ada, token)
				if epochOf(t, m) != epoch {
					t.Error("the same token began another epoch")
				}
			})
		}
	}
}

func decodeRows(t *testing.T, payload []byte) *proto.BaseUserUnreadStatics {
	t.Helper()
	m := new(proto.BaseUserUnreadStatics)
	if err := proto.Unmarshal(payload, m); err != nil {
		t.Fatal(err)
	}
	return m
}

// Only what the server itself signed is believed, and only if it tells of more
// than there is.
func TestNoOtherTokenBeginsAnEpoch(t *testing.T) {
	shared := ""
	m, undone := undone(t, func(m *chattest.Memory) string {
		b := prepared(t, m)
		shared = tokenOf(b, ada)
		b.commit(ada, text(bob, "undone"))
		return tokenOf(b, ada)
	})
	other := chattest.NewMemory(12)
	strange := prepared(t, other)
	for range 9 {
		strange.commit(ada, text(bob, "elsewhere"))
	}
	parts := strings.Split(undone, ".")
	with := func(i int, value string) string {
		changed := strings.Split(undone, ".")
		changed[i] = value
		return strings.Join(changed, ".")
	}
	b := prepared(t, m)
	own := tokenOf(b, ada)
	b.commit(bob, text(ada, "new"))
	for what, token := range map[string]string{
		"of an earlier version, of the future": "v1.1.99",
		"of a version with services, likewise": "v2.1.99.0",
		"with another number":                  with(2, "99"),
		"with another start":                   with(4, "99"),
		"of another epoch":                     with(1, "99"),
		"without its signature":                strings.Join(parts[:5], "."),
		"with an empty signature":              with(5, ""),
		"with another signature":               with(5, strings.Repeat("A", len(parts[5]))),
		"with a longer signature":              undone + "A",
		"of a history elsewhere":               tokenOf(strange, ada),
		"with nothing but numbers":             "v3.1.99.0.99.",
		"that is too long":                     "v3." + strings.Repeat("1", 150),
		"of what was before the backup":        shared,
		"of what was when it was put back":     own,
		"of what was since":                    tokenOf(b, ada),
		"with a number beyond all":             with(2, "18446744073709551615"),
	} {
		answers := b.sync(ada, token)
		if len(answers) == 0 || answers[0].GetEpoch() != 1 || epochOf(t, m) != 1 {
			t.Errorf("%s (%s): answered %v", what, token, answers)
		}
	}
	same(t, "of before the backup, it is still good for", keysOf(b.sync(ada, shared)...), []string{"d:3:5"})
	same(t, "of since, for", keysOf(b.sync(ada, tokenOf(b, ada))...), []string(nil))
	b.sync(ada, undone)
	if epochOf(t, m) == 1 {
		t.Error("the token that all others were made of begins no epoch")
	}
}

func TestATokenStaysGoodOverManyStarts(t *testing.T) {
	m := chattest.NewMemory(1)
	b := prepared(t, m)
	b.commit(bob, text(ada, "x"))
	tokens := []string{tokenOf(b, ada)}
	for start := uint64(2); start < 20; start++ {
		m = m.Copy(start)
		b = prepared(t, m)
		if start%3 == 0 {
			b.commit(eve, text(ada, "y"))
		}
		tokens = append(tokens, tokenOf(b, ada))
	}
	for i, token := range tokens {
		var want []string
		if i < 17 {
			want = []string{"d:3:7"}
		}
		answers := b.sync(ada, token)
		same(t, fmt.Sprint("of start ", i+1), keysOf(answers...), want)
		same(t, "epoch", answers[0].GetEpoch(), uint64(1))
	}
}

func TestAnOperatorBeginsANewEpoch(t *testing.T) {
	onBothStores(t, func(t *testing.T, s chat.Store) {
		b := start(t, s)
		b.send(bob, text(ada, "x"))
		before, token := epochOf(t, s), tokenOf(b, ada)
		if err := b.NewEpoch(t.Context()); err != nil {
			t.Fatal(err)
		}
		answers := b.sync(ada, token)
		if got := answers[0].GetEpoch(); got == before || got != epochOf(t, s) {
			t.Errorf("the epoch was %d, is %d, and %d is told", before, epochOf(t, s), got)
		}
		same(t, "rows", keysOf(answers...), []string{"d:3:5"})
	})
}

// While no new epoch can be written, nobody is answered under the old one who
// knows better.
func TestWhereNoNewEpochCanBeginTheTokenIsNotAnswered(t *testing.T) {
	m, token := undone(t, func(m *chattest.Memory) string {
		b := prepared(t, m)
		b.commit(ada, text(bob, "undone"))
		return tokenOf(b, ada)
	})
	b := prepared(t, readOnly{m}, func(c *chat.Config) { c.Log = slog.New(slog.DiscardHandler) })
	b.Connected(context.Background(), chat.Sender{User: bob})
	_, err := b.publish(ada, proto.BranchSync, &proto.SyncRequest{Token: &token})
	if r := refusalOf(t, err); !r.Reason.Temporary() {
		t.Errorf("refused with %v", r)
	}
	if _, err := b.Conversations(t.Context(), chat.Sender{User: ada}, token); err == nil {
		t.Error("answered over HTTP")
	}
	same(t, "told", b.out.take(), []delivered(nil))
	if payload, err := b.Missed(); err != nil || decodeRows(t, payload).GetEpoch() != 1 {
		t.Errorf("%v, %v", payload, err)
	}
}

// readOnly is a history on a full disk.
type readOnly struct{ chat.Store }

func (readOnly) Update(context.Context, func(chat.Tx) error) error { return errors.New("no room") }

func TestWhatWasSeenInAnotherEpochWasNotSeenInThis(t *testing.T) {
	onBothStores(t, func(t *testing.T, s chat.Store) {
		b := start(t, s)
		epoch := epochOf(t, s)
		old := epoch + 1
		b.send(ada, text(bob, "are you there?"))
		reply := with(text(ada, "of something else"), ref(1), 1)
		reply.Epoch = &old
		b.send(bob, reply)
		b.mark(bob, 0, 0)
		mark := &proto.Mark{Key: protobuf.String("d:3:5"), DeliveredSeq: ptr[uint64](1), ReadSeq: ptr[uint64](1), Epoch: &old}
		if _, err := b.publish(bob, proto.BranchMark, mark); err != nil {
			t.Fatal("mark:", err)
		}
		row := b.rows(bob)["d:3:5"]
		if row.GetReadSeq() != 0 || row.GetDeliveredSeq() != 0 || row.GetWaitingSeq() != 1 || row.GetLast().GetSeenSeq() != 0 || row.GetLast().SeenSeq == nil {
			t.Errorf("bob is told %v", row)
		}

		mark.Epoch = &epoch
		if _, err := b.publish(bob, proto.BranchMark, mark); err != nil {
			t.Fatal("mark:", err)
		}
		reply = with(text(ada, "yes"), ref(2), 1)
		reply.Epoch = &epoch
		b.send(bob, reply)
		row = b.rows(bob)["d:3:5"]
		if row.GetReadSeq() != 1 || row.GetWaitingSeq() != 0 || row.GetLast().GetSeenSeq() != 1 || row.GetLast().Epoch != nil {
			t.Errorf("bob is told %v", row)
		}
	})
}

func TestAnAgentWhoSawAnotherEpochsAnswersIsAskedAgain(t *testing.T) {
	onBothStores(t, func(t *testing.T, s chat.Store) {
		b := staffed(t, s)
		b.say(cora, word(cora, "help"))
		b.say(ann, seeing(word(cora, "how?"), 1))
		late := seeing(word(cora, "never mind"), 2)
		late.DespiteSeq, late.Epoch = ptr[uint64](2), ptr(epochOf(t, s)+1)
		if _, err := b.tell(ben, late); err == nil || !strings.Contains(err.Error(), "another agent answered meanwhile") {
			t.Errorf("error %v", err)
		}
		late.Epoch = ptr(epochOf(t, s))
		b.say(ben, late)
	})
}
