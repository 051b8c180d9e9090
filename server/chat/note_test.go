package chat_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	protobuf "google.golang.org/protobuf/proto"

	"parley/proto"
	"parley/server/chat"
	"parley/server/chat/chattest"
)

// refusedAs checks that an error is a refusal by a word.
func refusedAs(t *testing.T, what string, err error, code string) {
	t.Helper()
	var refusal *proto.Refusal
	if !errors.As(err, &refusal) || refusal.Code != code {
		t.Errorf("%s: %v, want a refusal as %q", what, err, code)
	}
}

func TestNotesAreOfTheServicesAgentsAlone(t *testing.T) {
	onBothStores(t, func(t *testing.T, s chat.Store) {
		b := staffed(t, s)
		b.join(203, "Cy", support)
		key := proto.ServiceKey(cora, sales)
		add := func(user uint64, n chat.NewNote) (chat.Note, error) {
			return b.AddNote(t.Context(), b.sender(user), key, n)
		}
		_, err := add(ann, chat.NewNote{Content: "too early"})
		refusedAs(t, "a note on nothing", err, "nothing-said")
		b.say(cora, word(cora, "hello?"))
		before := b.row(cora)
		b.out.take()

		first, err := add(ann, chat.NewNote{Content: "she called", After: 9, Ref: [16]byte{1}})
		if err != nil || first.After != 1 || first.Author != ann || first.Time == 0 || first.Content != "she called" {
			t.Fatalf("added %v, %v", first, err)
		}
		again, err := add(ann, chat.NewNote{Content: "she called", Ref: [16]byte{1}})
		if err != nil || again != first {
			t.Errorf("a repeat is %v, %v", again, err)
		}
		second, err := add(ben, chat.NewNote{Content: "yes", Ref: [16]byte{1}})
		if err != nil || second.ID <= first.ID || second.After != 0 {
			t.Fatalf("added %v, %v", second, err)
		}
		same(t, "what went out", b.out.take(), []delivered(nil))
		same(t, "the customer's row", b.row(cora), before)
		same(t, "what an agent's row tells", b.row(ben).GetNotes(), uint64(2))
		for _, user := range []uint64{ann, ben} {
			notes, names, err := b.Notes(t.Context(), b.sender(user), key)
			if err != nil || !slices.Equal(notes, []chat.Note{first, second}) {
				t.Errorf("the notes are %v, %v", notes, err)
			}
			same(t, "their authors", names, map[uint64]string{ann: "Ann", ben: "Ben"})
		}
		for _, user := range []uint64{cora, 203, eve, 0} {
			_, _, err := b.Notes(t.Context(), b.sender(user), key)
			refusedAs(t, "reading", err, "not-yours")
			_, err = add(user, chat.NewNote{Content: "x"})
			refusedAs(t, "adding", err, "not-yours")
			refusedAs(t, "deleting", b.DeleteNote(t.Context(), b.sender(user), key, first.ID), "not-yours")
		}

		refusedAs(t, "a colleague's", b.DeleteNote(t.Context(), b.sender(ben), key, first.ID), "not-your-note")
		refusedAs(t, "none", b.DeleteNote(t.Context(), b.sender(ben), key, 99), "note-gone")
		if err := b.DeleteNote(t.Context(), b.sender(ann), key, first.ID); err != nil {
			t.Fatal(err)
		}
		refusedAs(t, "a deleted one", b.DeleteNote(t.Context(), b.sender(ann), key, first.ID), "note-gone")
		third, err := add(ann, chat.NewNote{Content: "once more"})
		if err != nil || third.ID <= second.ID {
			t.Errorf("after a deletion: %v, %v", third, err)
		}
		same(t, "what an agent's row tells now", b.row(ben).GetNotes(), uint64(4))
	})
}

// An agent who wrote to their own service as its customer does not read what is noted of them.
func TestAnAgentReadsNoNotesOnThemselves(t *testing.T) {
	b := staffed(t, chattest.NewMemory(1))
	b.say(ann, word(ann, "hello?"))
	key := proto.ServiceKey(ann, sales)
	if _, err := b.AddNote(t.Context(), b.sender(ben), key, chat.NewNote{Content: "a colleague"}); err != nil {
		t.Fatal(err)
	}
	_, _, err := b.Notes(t.Context(), b.sender(ann), key)
	refusedAs(t, "reading", err, "not-yours")
	answer, err := b.Conversations(t.Context(), b.sender(ann), "")
	if err != nil || len(answer.GetConversations()) != 1 || answer.GetConversations()[0].Notes != nil {
		t.Errorf("they are told %v, %v", answer, err)
	}
}

func TestNotesHaveBounds(t *testing.T) {
	b := staffed(t, chattest.NewMemory(1))
	b.say(cora, word(cora, "hello?"))
	key := proto.ServiceKey(cora, sales)
	add := func(content string) error {
		_, err := b.AddNote(t.Context(), b.sender(ann), key, chat.NewNote{Content: content})
		return err
	}
	refusedAs(t, "an empty one", add(""), "content-empty")
	refusedAs(t, "one that shows nothing", add("\u200b \n"), "content-invisible")
	refusedAs(t, "one that is too long", add(strings.Repeat("𝔛", chat.MaxNote+1)), "text-too-long")
	for range chat.MaxNotes {
		if err := add(strings.Repeat("𝔛", chat.MaxNote)); err != nil {
			t.Fatal(err)
		}
	}
	refusedAs(t, "one too many", add("x"), "too-many-notes")
}

func TestNotesAreKeptNoLongerThanMessages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, chattest.NewMemory(1), keeping(30*24*time.Hour), func(c *chat.Config) { c.Now = time.Now })
		b.join(ann, "Ann", sales)
		b.say(cora, word(cora, "hello?"))
		key := proto.ServiceKey(cora, sales)
		count := func() int {
			notes, _, err := b.Notes(t.Context(), b.sender(ann), key)
			if err != nil {
				t.Fatal(err)
			}
			return len(notes)
		}
		for range 2 {
			if _, err := b.AddNote(t.Context(), b.sender(ann), key, chat.NewNote{Content: "x"}); err != nil {
				t.Fatal(err)
			}
			time.Sleep(20 * 24 * time.Hour)
		}
		synctest.Wait()
		same(t, "after 40 days", count(), 1)
		time.Sleep(15 * 24 * time.Hour)
		synctest.Wait()
		same(t, "after 55 days", count(), 0)
	})
}

func TestWhoIsAwayTakesNoConversation(t *testing.T) {
	onBothStores(t, func(t *testing.T, s chat.Store) {
		b := staffed(t, s)
		b.say(cora, word(cora, "hello?"))
		away := func(user uint64, is bool) error {
			_, err := b.Publish(t.Context(), b.sender(user), proto.BranchSettings, encode(t, &proto.Settings{Away: &is}), nil)
			return err
		}
		refusedAs(t, "a customer's", away(cora, true), "not-agent")
		if err := away(ann, true); err != nil {
			t.Fatal(err)
		}
		if told := b.settingsTold(); len(told) != 1 || !told[0].body.(*proto.Settings).GetAway() || told[0].user != ann {
			t.Errorf("told %v", told)
		}
		_, err := b.tell(ann, control(claim))
		refusedAs(t, "a claim", err, "away")
		own := control(handOver)
		own.TargetAgentId = protobuf.Uint64(ann)
		_, err = b.tell(ann, own)
		refusedAs(t, "handing over to oneself", err, "away")
		b.say(ann, word(cora, "I still answer"))
		given := control(handOver)
		given.TargetAgentId = protobuf.Uint64(ann)
		b.say(ben, given) // who was told
		if users, err := b.Users(t.Context(), chat.UserQuery{Services: chat.ServicesOf([]proto.ServiceType{sales}), Viewer: ben, Limit: 9}); err != nil || len(users) != 1 || !users[0].Away {
			t.Errorf("colleagues find %v, %v", users, err)
		}
		if err := away(ann, false); err != nil {
			t.Fatal(err)
		}
		b.say(ann, control(claim))
		same(t, "back again", b.row(ann).GetAssigneeId(), uint64(ann))
	})
}
