package chat_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	pb "google.golang.org/protobuf/proto"

	"parley/proto"
	"parley/proto/search"
	"parley/wasm/chat"
	"parley/wasm/chat/chattest"
)

func TestWhatIsTakenBackOrEditedWhileASearchRunsIsNotFound(t *testing.T) {
	clock, s := setup(t)
	everyPage := &indexed{Memory: chattest.NewMemory(nil), lacks: func(uint64) bool { return true }}
	a := openWith(t, s, chat.Config{User: alice, Store: everyPage})
	clock.Run(time.Second)
	const n = 1200 // more pages than are read at once
	for seq := range n {
		text := "nothing"
		if seq == 0 || seq >= n-2 {
			text = "secret"
		}
		s.say(bob, alice, text)
	}
	clock.Run(time.Second)
	a.fill(n)
	s.speak(bob, alice, n, recalls, "")
	s.speak(bob, alice, n-1, edits, "nothing, too")
	asked := 0
	a.host.Latency = func() time.Duration {
		if asked++; asked == 5 { // the pages were looked up, the newest read, and these are the rest
			return time.Second
		}
		return time.Millisecond
	}
	found := a.search(chat.Query{Text: "secret"}, 20)
	if asked < 10 || len(found.Hits) != 1 || found.Hits[0].Message.Seq != 1 {
		t.Errorf("asked %d times, found %+v", asked, found.Hits)
	}
}

// fill loads all of the conversation's messages, of which there are n.
func (v *screen) fill(n uint64) {
	v.t.Helper()
	for before := n + 1; before > 1; before -= min(500, before-1) {
		v.timeline(before, int(min(500, before-1)))
		v.host.Clock.Run(5 * time.Second)
	}
}

func TestASearchFindsNothingOfAServiceThatOneAnswersForNoMore(t *testing.T) {
	clock, s := setup(t)
	store := chat.NewMemory()
	s.serves(support)
	a := openAs(t, s, bob, store, answersFor("one", support), 0)
	clock.Run(time.Second)
	m := &proto.ServiceMessage{
		MessageId: pb.Uint64(5000), UserId: pb.Uint64(carol), ServiceType: support.Enum(), MessageType: proto.MessageType_MESSAGE_TYPE_TEXT.Enum(),
		Content: pb.String("a question"), CreateDate: pb.Uint64(1), Direction: proto.ServiceMessageDirection_CUSTOMER_TO_SERVICE.Enum(), Seq: pb.Uint64(1),
	}
	s.sessions[0].down(proto.BranchService, marshal(m))
	clock.Run(time.Second)
	before := a.search(chat.Query{Sender: carol}, 20)
	a.engine.SetToken(answersFor("none"))
	clock.Run(time.Second)
	after := a.search(chat.Query{Sender: carol}, 20)
	if len(before.Hits) == 0 || len(after.Hits) != 0 {
		t.Errorf("%d hits before, %d after", len(before.Hits), len(after.Hits))
	}
}

// older is a store of an earlier version, whose index is made by calls of Index.
type older struct {
	*chat.Memory
	indexed []chat.Span
}

func (o *older) Index(_ context.Context, s chat.Span) error {
	o.indexed = append(o.indexed, s)
	return nil
}

func TestWhatAnEarlierVersionStoredIsIndexedTheNewestFirstAndGoesOnAfterAKill(t *testing.T) {
	clock, s := setup(t)
	memory := chat.NewMemory()
	for i := range 3000 {
		s.say(bob, alice, fmt.Sprint("number ", i))
	}
	a := openWith(t, s, chat.Config{User: alice, Store: memory})
	a.blind = true
	clock.Run(time.Second)
	a.fill(3000)
	a.engine.Close(func() {})
	clock.Run(time.Second)
	meta := load(t, memory).Meta
	if meta.Indexed != search.Version {
		t.Fatalf("what was stored from the start is said to be indexed by version %d", meta.Indexed)
	}
	meta.Indexed = 0
	if err := memory.Apply(t.Context(), chat.Batch{Meta: &meta}); err != nil {
		t.Fatal(err)
	}

	store := &older{Memory: memory}
	a = openWith(t, s, chat.Config{User: alice, Store: store})
	clock.Run(20 * time.Millisecond)
	some := len(store.indexed)
	if share := a.search(chat.Query{Text: "nobody"}, 1).Indexed; some == 0 || share <= 0 || share >= 1 || load(t, memory).Meta.Indexed != 0 {
		t.Errorf("after a while %d blocks are indexed, it says %.2f", some, share)
	}
	a.engine.Close(func() {}) // as a kill: what is left is not remembered
	clock.Run(time.Second)

	store.indexed = nil
	a = openWith(t, s, chat.Config{User: alice, Store: store})
	clock.Run(10 * time.Second)
	if !slices.IsSortedFunc(store.indexed, func(a, b chat.Span) int { return int(b.From) - int(a.From) }) || store.indexed[0].To != 3000/chat.PageSize {
		t.Errorf("indexed %v", store.indexed)
	}
	rows := load(t, memory)
	for _, r := range rows.Conversations[0].Ranges {
		for page := r.From / chat.PageSize; page <= r.To/chat.PageSize; page++ {
			if !slices.ContainsFunc(store.indexed, func(s chat.Span) bool { return s.From <= page && page <= s.To }) {
				t.Errorf("page %d was not indexed", page)
			}
		}
	}
	if share := a.search(chat.Query{Text: "nobody"}, 1).Indexed; share != 1 || rows.Meta.Indexed != search.Version {
		t.Errorf("at the end %.2f is indexed", share)
	}
}
