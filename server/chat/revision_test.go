package chat_test

import (
	"bytes"
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

const (
	edits       = proto.MessageType_MESSAGE_TYPE_EDIT
	recalls     = proto.MessageType_MESSAGE_TYPE_RECALL
	reacts      = proto.MessageType_MESSAGE_TYPE_REACT
	wasRecalled = proto.MessageType_MESSAGE_TYPE_RECALLED
)

// of is an entry that speaks of another, to a user.
func of(to, target uint64, kind proto.MessageType, content string) *proto.Message {
	m := typed(text(to, content), kind)
	m.TargetSeq = &target
	return m
}

// speaks is one to a service.
func speaks(target uint64, kind proto.MessageType, content string) *proto.ServiceMessage {
	m := word(cora, content)
	m.MessageType, m.TargetSeq = &kind, &target
	return m
}

// revised are the seqs of what was revised after a seq.
func (b *bench) revised(user uint64, after uint64) (seqs []uint64) {
	b.t.Helper()
	page, err := b.Messages(b.t.Context(), chat.Sender{User: user}, proto.DirectKey(ada, bob), chat.Window{Revised: true, RevisedAfter: after, Limit: 100})
	if err != nil {
		b.t.Fatal(err)
	}
	for _, m := range read[*proto.MessagePage](b.t, page).GetMessages() {
		seqs = append(seqs, m.GetSeq())
	}
	return seqs
}

func TestAnEditChangesTheStoredMessageAndIsToldToBoth(t *testing.T) {
	onBothStores(t, func(t *testing.T, s chat.Store) {
		b := start(t, s)
		b.send(ada, text(bob, "helo"))
		b.send(bob, text(ada, "hi"))
		b.out.take()
		b.pass(time.Minute)
		e := of(bob, 1, edits, "hello")
		e.ClientRef = ref(9)
		receipt := b.send(ada, e)
		same(t, "seq", receipt.Seq, uint64(3))
		same(t, "a repeat", b.send(ada, e), receipt)
		told := b.out.take()
		if len(told) != 2 || told[0].user != ada || told[1].user != bob {
			t.Fatalf("told %v", told)
		}
		if m := told[1].body.(*proto.Message); m.GetContent() != "hello" || m.GetTargetSeq() != 1 || m.GetMessageType() != edits {
			t.Errorf("Bob is told %v", m)
		}
		page := b.page(bob).GetMessages()
		if m := page[0]; m.GetContent() != "hello" || m.GetRevisedSeq() != 3 || m.GetRevisedTime() != receipt.CreateTime {
			t.Errorf("it is stored as %v", m)
		}
		if m := page[2]; m.GetContent() != "" || m.GetTargetSeq() != 1 {
			t.Errorf("of the edit is kept %v", m)
		}
		row := b.rows(bob)["d:3:5"]
		if row.GetUnread() != 1 || row.GetLast().GetContent() != "hi" || row.GetRevisedSeq() != 3 || row.GetHeadSeq() != 3 {
			t.Errorf("Bob's row %v", row)
		}
		b.send(bob, of(ada, 2, edits, "hi there"))
		if last := b.rows(ada)["d:3:5"].GetLast(); last.GetContent() != "hi there" || last.GetSeq() != 2 || last.GetRevisedSeq() != 4 {
			t.Errorf("the newest is now %v", last)
		}
		if got := b.revised(ada, 0); !slices.Equal(got, []uint64{1, 2}) {
			t.Errorf("revised: %v", got)
		}
		if got := b.revised(ada, 3); !slices.Equal(got, []uint64{2}) {
			t.Errorf("revised after 3: %v", got)
		}
	})
}

func TestNothingOfARecalledMessageIsKept(t *testing.T) {
	onBothStores(t, func(t *testing.T, s chat.Store) {
		b := start(t, s)
		b.send(ada, text(bob, "s3cret"))
		b.send(ada, text(bob, "second"))
		b.send(ada, of(bob, 1, edits, "an0ther secret"))
		b.send(bob, of(ada, 1, reacts, "👀"))
		same(t, "unread before", b.rows(bob)["d:3:5"].GetUnread(), uint64(2))
		b.send(ada, of(bob, 1, recalls, "whatever"))
		row := b.rows(bob)["d:3:5"]
		same(t, "unread after", row.GetUnread(), uint64(1))
		same(t, "waits", row.GetWaitingSeq(), uint64(2))
		b.send(ada, of(bob, 2, recalls, ""))
		row = b.rows(bob)["d:3:5"]
		if row.GetUnread() != 0 || row.GetWaitingSince() != 0 || row.GetLast().GetMessageType() != wasRecalled || row.GetLast().GetContent() != "" {
			t.Errorf("Bob's row %v", row)
		}
		entries := stored(t, s, proto.DirectKey(ada, bob))
		for _, e := range entries {
			for _, word := range []string{"s3cret", "an0ther", "second", "👀", "whatever"} {
				if bytes.Contains(e.Body, []byte(word)) {
					t.Errorf("entry %d still says %q", e.Seq, word)
				}
			}
		}
		if m := b.page(bob).GetMessages()[0]; m.GetMessageType() != wasRecalled || m.GetSenderId() != ada || m.GetCreateTime() == 0 || len(m.Reactions) != 0 {
			t.Errorf("left is %v", m)
		}
		again := of(bob, 1, edits, "again")
		_, err := b.publish(ada, proto.BranchMessage, again)
		refusedAs(t, "an edit of what was taken back", err, "message-recalled")
	})
}

func stored(t *testing.T, s chat.Store, key proto.Key) (entries []chat.Entry) {
	t.Helper()
	if err := s.View(t.Context(), func(v chat.View) (err error) {
		entries, err = v.Entries(key, 0, 0, 100, false)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return entries
}

func TestReactionsAreOneOfEach(t *testing.T) {
	b := start(t, chattest.NewMemory(1))
	b.send(ada, text(bob, "lunch?"))
	for _, content := range []string{"👍", "❤️"} {
		b.send(bob, of(ada, 1, reacts, content))
	}
	b.send(ada, of(bob, 1, reacts, "🎉"))
	m := b.page(ada).GetMessages()[0]
	if len(m.Reactions) != 2 || m.Reactions[0].GetUserId() != bob || m.Reactions[0].GetContent() != "❤️" || m.Reactions[1].GetContent() != "🎉" || m.RevisedTime != nil {
		t.Errorf("reactions %v", m)
	}
	b.send(bob, of(ada, 1, reacts, ""))
	if m := b.page(ada).GetMessages()[0]; len(m.Reactions) != 1 || m.GetContent() != "lunch?" {
		t.Errorf("after one was taken back: %v", m)
	}
	if row := b.rows(bob)["d:3:5"]; row.GetUnread() != 1 || row.GetAwaitingSeq() != 0 {
		t.Errorf("a reaction asks or counts: %v", row)
	}
}

func TestWhatMayNotBeRevisedIsRefused(t *testing.T) {
	b := start(t, chattest.NewMemory(1))
	b.send(ada, text(bob, "Ada's"))                                                   // 1
	b.send(bob, text(ada, "Bob's"))                                                   // 2
	b.send(ada, typed(text(bob, ""), proto.MessageType_MESSAGE_TYPE_NO_REPLY_NEEDED)) // 3
	b.send(ada, of(bob, 1, reacts, "👍"))                                              // 4
	b.send(ada, text(bob, "gone"))                                                    // 5
	b.send(ada, of(bob, 5, recalls, ""))                                              // 6
	b.send(ada, text(eve, "to Eve"))                                                  // 1 of another
	head := b.rows(ada)["d:3:5"].GetHeadSeq()
	for _, test := range []struct {
		what string
		m    *proto.Message
		code string
		text string
	}{
		{"an edit of another's", of(bob, 2, edits, "x"), "not-your-message", "target_seq"},
		{"a recall of another's", of(bob, 2, recalls, ""), "not-your-message", "target_seq"},
		{"an edit of a control entry", of(bob, 3, edits, "x"), "not-a-message", "target_seq"},
		{"a recall of a control entry", of(bob, 3, recalls, ""), "not-a-message", "target_seq"},
		{"a reaction to a reaction", of(bob, 4, reacts, "👍"), "not-a-message", "target_seq"},
		{"a recall of a recall", of(bob, 6, recalls, ""), "not-a-message", "target_seq"},
		{"a recall twice", of(bob, 5, recalls, ""), "message-recalled", "target_seq"},
		{"an edit after a recall", of(bob, 5, edits, "x"), "message-recalled", "target_seq"},
		{"a reaction after a recall", of(bob, 5, reacts, "👍"), "message-recalled", "target_seq"},
		{"what is not there yet", of(bob, 99, recalls, ""), "message-gone", "target_seq"},
		{"the end of the numbers", of(bob, 1<<64-1, recalls, ""), "message-gone", "target_seq"},
		{"a message of another conversation", of(eve, 2, edits, "x"), "message-gone", "target_seq"},
		{"no target", typed(text(bob, "x"), edits), "", "target_seq"},
		{"target 0", of(bob, 0, edits, "x"), "", "target_seq"},
		{"an edit to nothing", of(bob, 1, edits, ""), "content-empty", "content"},
		{"an edit to what cannot be seen", of(bob, 1, edits, " \u200b"), "content-invisible", "content"},
		{"an edit that is too long", of(bob, 1, edits, strings.Repeat("x", proto.MaxContent+1)), "content-too-long", "content"},
		{"a reaction with a paragraph", of(bob, 1, reacts, "I could not agree more."), "not-an-emoji", "content"},
		{"a reaction with two emoji", of(bob, 1, reacts, "👍👍"), "not-an-emoji", "content"},
		{"a reaction with a letter", of(bob, 1, reacts, "a"), "not-an-emoji", "content"},
		{"what only the server writes", typed(text(bob, "x"), wasRecalled), "", "message_type"},
	} {
		_, err := b.publish(ada, proto.BranchMessage, test.m)
		refusedAs(t, test.what, err, test.code)
		if err == nil || !strings.Contains(err.Error(), test.text) {
			t.Errorf("%s: %v names no %s", test.what, err, test.text)
		}
	}
	same(t, "head", b.rows(ada)["d:3:5"].GetHeadSeq(), head)
}

func TestMessagesCanBeChangedForAWhile(t *testing.T) {
	for window, limit := range map[time.Duration]time.Duration{0: 24 * time.Hour, time.Hour: time.Hour} {
		b := start(t, chattest.NewMemory(1), func(c *chat.Config) { c.EditWindow = window })
		b.send(ada, text(bob, "x"))
		b.pass(limit)
		b.send(ada, of(bob, 1, edits, "just"))
		b.pass(time.Millisecond)
		for _, kind := range []proto.MessageType{edits, recalls} {
			_, err := b.publish(ada, proto.BranchMessage, of(bob, 1, kind, "x"))
			refusedAs(t, "too late", err, "too-late-to-change")
		}
		b.send(ada, of(bob, 1, reacts, "👍"))
	}
	b := start(t, chattest.NewMemory(1), func(c *chat.Config) { c.EditWindow = -1 })
	b.send(ada, text(bob, "x"))
	_, err := b.publish(ada, proto.BranchMessage, of(bob, 1, edits, "x"))
	refusedAs(t, "switched off", err, "editing-off")
	if _, err := b.publish(ada, proto.BranchSync, &proto.SyncRequest{}); err != nil {
		t.Fatal(err)
	}
	for _, d := range b.settingsTold() {
		if told := d.body.(*proto.Settings); told.EditWindow == nil || told.GetEditWindow() != 0 {
			t.Errorf("switched off, settings tell of %v", told.EditWindow)
		}
	}
}

func TestAMessageHasTwentyDifferentEmojiAtMost(t *testing.T) {
	full := &proto.Message{}
	for i := range proto.MaxReactions {
		full.Reactions = append(full.Reactions, &proto.Reaction{UserId: ptr(uint64(1000 + i)), Content: ptr(string(rune(0x1F600 + i)))})
	}
	s := chattest.NewMemory(1)
	b := start(t, s)
	b.send(ada, text(bob, "x"))
	if err := s.Update(t.Context(), func(tx chat.Tx) error {
		entries, err := tx.Entries(proto.DirectKey(ada, bob), 0, 0, 1, false)
		if err != nil {
			return err
		}
		m := new(proto.Message)
		if err := protobuf.Unmarshal(entries[0].Body, m); err != nil {
			return err
		}
		m.Reactions = full.Reactions
		entries[0].Body = encode(t, m)
		return tx.Revise(entries[0])
	}); err != nil {
		t.Fatal(err)
	}
	_, err := b.publish(bob, proto.BranchMessage, of(ada, 1, reacts, "🚀"))
	refusedAs(t, "the twenty-first", err, "too-many-reactions")
	b.send(bob, of(ada, 1, reacts, "😀")) // one that is there
}

func TestAQuoteIsOfAMessageOfTheSameConversation(t *testing.T) {
	b := start(t, chattest.NewMemory(1))
	b.send(ada, text(bob, "first"))
	b.send(ada, typed(text(bob, ""), proto.MessageType_MESSAGE_TYPE_NO_REPLY_NEEDED))
	quoting := func(to, seq uint64) *proto.Message {
		m := text(to, "as I said")
		m.QuoteSeq = &seq
		return m
	}
	b.send(bob, quoting(ada, 1))
	same(t, "quoted", b.page(ada).GetMessages()[2].GetQuoteSeq(), uint64(1))
	for what, m := range map[string]*proto.Message{
		"0": quoting(bob, 0), "a control entry": quoting(bob, 2), "the future": quoting(bob, 4), "another conversation": quoting(eve, 1), "the last number": quoting(bob, 1<<64-1),
	} {
		_, err := b.publish(ada, proto.BranchMessage, m)
		refusedAs(t, what, err, "quote-gone")
		if !strings.Contains(fmt.Sprint(err), "quote_seq") {
			t.Errorf("%s: %v does not name the field", what, err)
		}
	}
	b.send(ada, of(bob, 1, recalls, ""))
	b.send(bob, quoting(ada, 1)) // it may have been pressed before
}

func TestCustomersAreNotToldWhichAgentRevises(t *testing.T) {
	onBothStores(t, func(t *testing.T, s chat.Store) {
		b := staffed(t, s)
		b.say(cora, word(cora, "where is it?")) // 1
		b.say(ann, word(cora, "on its way"))    // 2
		b.out.take()
		b.say(ben, speaks(1, reacts, "👀"))       // 3
		b.say(cora, speaks(2, reacts, "👍"))      // 4
		b.say(ann, speaks(2, edits, "tomorrow")) // 5
		for _, d := range b.out.take() {
			m, ok := d.body.(*proto.ServiceMessage)
			if !ok {
				continue
			}
			if m.GetContent() == "" {
				t.Errorf("%d is told nothing: %v", d.user, m)
			}
			if d.user == cora && m.AgentId != nil {
				t.Errorf("Cora is told of an agent: %v", m)
			}
		}
		theirs, ours := b.log(cora), b.log(ann)
		if r := theirs[0].Reactions; len(r) != 1 || r[0].GetUserId() != 0 || theirs[0].ClientRef == nil {
			t.Errorf("Cora sees %v", theirs[0])
		}
		if r := ours[0].Reactions; len(r) != 1 || r[0].GetUserId() != ben {
			t.Errorf("Ann sees %v", r)
		}
		if theirs[1].GetContent() != "tomorrow" || theirs[1].GetRevisedSeq() != 5 || len(theirs[1].Reactions) != 1 {
			t.Errorf("Cora sees %v", theirs[1])
		}
		_, err := b.tell(ben, speaks(2, edits, "never"))
		refusedAs(t, "an edit of a colleague's", err, "not-your-message")
		_, err = b.tell(ben, speaks(1, recalls, ""))
		refusedAs(t, "a recall of the customer's", err, "not-your-message")
		_, err = b.tell(cora, speaks(2, recalls, ""))
		refusedAs(t, "a customer's recall of an answer", err, "not-your-message")
		b.say(ann, seeingNote("for us")) // 6
		_, err = b.tell(ann, speaks(6, edits, "x"))
		refusedAs(t, "an edit of a note", err, "not-a-message")
		b.say(ben, speaks(2, recalls, "")) // 7
		if m := b.log(ann)[1]; m.GetMessageType() != wasRecalled || m.GetRecalledBy() != ben || m.GetAgentId() != ann {
			t.Errorf("Ann sees %v", m)
		}
		if m := b.log(cora)[1]; m.GetMessageType() != wasRecalled || m.RecalledBy != nil || m.AgentId != nil || m.GetContent() != "" {
			t.Errorf("Cora sees %v", m)
		}
		if row := b.row(ann); row.GetWaitingSeq() != 1 || row.GetLastAnswerSeq() != 0 {
			t.Errorf("Ann's row %v", row)
		}
	})
}

func seeingNote(content string) *proto.ServiceMessage {
	m := word(cora, content)
	m.MessageType = proto.MessageType_MESSAGE_TYPE_NOTE.Enum()
	return m
}

func TestAnAgentWhoComesLateHasNothingUnreadThatWasTakenBack(t *testing.T) {
	onBothStores(t, func(t *testing.T, s chat.Store) {
		b := staffed(t, s)
		for range 4 {
			b.say(cora, word(cora, "?"))
		}
		b.say(cora, speaks(2, recalls, ""))
		b.join(203, "Cy", sales)
		answer, err := b.Conversations(t.Context(), b.sender(203), "")
		if err != nil {
			t.Fatal(err)
		}
		same(t, "unread", answer.GetConversations()[0].GetUnread(), uint64(3))
		same(t, "in total", answer.GetTotalUnread(), uint64(3))
		b.say(cora, speaks(1, recalls, ""))
		answer, err = b.Conversations(t.Context(), b.sender(203), "")
		if err != nil {
			t.Fatal(err)
		}
		same(t, "unread", answer.GetConversations()[0].GetUnread(), uint64(2))
		same(t, "in total", answer.GetTotalUnread(), uint64(2))
	})
}

func TestAnEditByACustomerLeavesWhatIsClosedClosed(t *testing.T) {
	b := staffed(t, chattest.NewMemory(1))
	b.say(cora, word(cora, "?"))
	b.say(ann, control(proto.MessageType_MESSAGE_TYPE_RESOLVE))
	b.say(cora, speaks(1, edits, "??"))
	b.say(cora, speaks(1, reacts, "👍"))
	same(t, "closing state", b.row(ann).GetPostProc(), uint32(proto.Resolved))
}

func TestARecallAndAnEditThatCrossAreInTheLogsOrder(t *testing.T) {
	b := prepared(t, chattest.NewMemory(1))
	b.Commit(t.Context(), []chat.Request{b.prepare(ada, proto.BranchMessage, encode(t, text(bob, "x")))})
	results := b.Commit(t.Context(), []chat.Request{
		b.prepare(ada, proto.BranchMessage, encode(t, of(bob, 1, edits, "y"))),
		b.prepare(ada, proto.BranchMessage, encode(t, of(bob, 1, recalls, ""))),
		b.prepare(ada, proto.BranchMessage, encode(t, of(bob, 1, edits, "z"))),
		b.prepare(ada, proto.BranchMessage, encode(t, text(bob, "next"))),
		b.prepare(ada, proto.BranchMessage, encode(t, of(bob, 4, edits, "at once"))),
	})
	refusedAs(t, "the edit after the recall", results[2].Err, "message-recalled")
	for _, i := range []int{0, 1, 3, 4} {
		if results[i].Err != nil {
			t.Error(results[i].Err)
		}
	}
	page := b.page(bob).GetMessages()
	if page[0].GetMessageType() != wasRecalled || page[3].GetContent() != "at once" {
		t.Errorf("the log is %v", page)
	}
}
