package chat_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"parley/proto"
	"parley/proto/search/native"
	"parley/wasm/chat"
	"parley/wasm/chat/chattest"
)

// everywhere searches page after page, and returns the ids of all hits.
func (v *screen) everywhere(q chat.Query, limit int) (ids []uint64) {
	v.t.Helper()
	for q.Server = true; ; {
		found := v.search(q, limit)
		for _, h := range found.Hits {
			ids = append(ids, h.Message.ID)
			marked(v.t, q.Text, h)
		}
		if found.Incomplete != "" {
			v.t.Errorf("%+v: %s", q, found.Incomplete)
		}
		if found.More != (found.Next != 0) || found.Next != 0 && q.Before != 0 && found.Next >= q.Before {
			v.t.Fatalf("%+v: more %v, next %d", q, found.More, found.Next)
		}
		if !found.More {
			return ids
		}
		q.Before = found.Next
	}
}

// Some is stored here, in ranges with holes, the rest is on the server alone: both answers are one.
func TestASearchFindsWhatIsStoredHereAndWhatIsNot(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	clock, s := setup(t)
	s.looks = 25
	var contents []string
	fill := func(n int) {
		for range n {
			other := []uint64{bob, carol}[random.IntN(2)]
			text := chattest.Written(random)
			contents = append(contents, text)
			if log := s.logs[proto.DirectKey(alice, other).String()]; len(log) > 9 && random.IntN(6) == 0 {
				s.speak(other, alice, log[random.IntN(len(log))].GetSeq(), []proto.MessageType{edits, recalls}[random.IntN(2)], text)
				continue
			}
			s.say(other, alice, text)
		}
	}
	fill(300)
	a := openWith(t, s, chat.Config{User: alice, Store: chattest.NewMemory(native.Fold), Folder: native.Fold})
	a.blind = true
	clock.Run(2 * time.Second) // the newest pages are here now
	a.timeline(40, 10)         // and some older ones
	clock.Run(time.Second)
	keys := []string{key, proto.DirectKey(alice, carol).String()}
	hits, here := 0, 0
	for round := range 60 {
		if round%10 == 9 {
			fill(10)
			clock.Run(time.Second)
		}
		q := chattest.Sought(random, contents)
		if random.IntN(4) == 0 {
			q.Key = keys[random.IntN(2)]
		}
		want := s.naive(q)
		if got := a.everywhere(q, 1+random.IntN(20)); !slices.Equal(got, want) {
			t.Fatalf("round %d: %+v found %v, want %v", round, q, got, want)
		}
		hits += len(want)
		here += len(a.search(q, 500).Hits)
	}
	if hits < 300 || here == 0 || here*10 > hits*9 {
		t.Errorf("there were %d hits, %d of them here", hits, here)
	}
}

func TestWithoutTheServerASearchFindsWhatIsStored(t *testing.T) {
	clock, s := setup(t)
	for i := range 200 {
		s.say(bob, alice, fmt.Sprint("word ", i))
	}
	a := openWith(t, s, chat.Config{User: alice, Store: chattest.NewMemory(native.Fold), Folder: native.Fold})
	a.blind = true
	clock.Run(2 * time.Second)
	for name, away := range map[string]func(){"which refuses": func() {}, "which is away": func() { s.down = true; s.cut(nil); clock.Run(time.Second) }} {
		away()
		found := a.search(chat.Query{Text: "word", Server: true}, 100)
		if len(found.Hits) != 50 || found.More || found.Incomplete == "" {
			t.Errorf("without the server, %s: %d hits, more %v, %q", name, len(found.Hits), found.More, found.Incomplete)
		}
	}
	s.down, s.looks = false, 1000
	clock.Run(time.Minute)
	if found := a.search(chat.Query{Text: "word", Server: true}, 100); len(found.Hits) != 100 || !found.More || found.Incomplete != "" {
		t.Errorf("with it: %d hits, more %v, %q", len(found.Hits), found.More, found.Incomplete)
	}
	asked := s.searched
	if found := a.search(chat.Query{Text: "word"}, 100); len(found.Hits) != 50 || found.Incomplete != "" || s.searched != asked {
		t.Errorf("not asked for: %d hits, %q", len(found.Hits), found.Incomplete)
	}
}

// An agent finds what customers of the service wrote, and members what stands in their group, be it stored here, on the
// server alone, or both: once, the newest first.
func TestServicesAndGroupsAreSearchedEverywhere(t *testing.T) {
	clock, s := setup(t)
	s.looks = 10
	s.serves(support)
	a := openAs(t, s, bob, chat.NewMemory(), answersFor("one", support), 0)
	clock.Run(time.Second)
	question := func(id, seq uint64) *proto.ServiceMessage {
		return &proto.ServiceMessage{
			MessageId: &id, UserId: new(uint64(carol)), ServiceType: support.Enum(), MessageType: proto.MessageType_MESSAGE_TYPE_TEXT.Enum(),
			Content: new(fmt.Sprint("a word ", id)), CreateDate: new(uint64(1)), Direction: proto.ServiceMessageDirection_CUSTOMER_TO_SERVICE.Enum(), Seq: &seq,
		}
	}
	inTeam := func(id, seq uint64) *proto.Message {
		return &proto.Message{MessageId: &id, SenderId: new(uint64(carol)), ReceiverId: new(uint64(team)), GroupId: new(uint64(team)), Content: new(fmt.Sprint("a word ", id)), CreateTime: new(uint64(1)), Seq: &seq}
	}
	s.sessions[0].down(proto.BranchService, marshal(question(5004, 4)))
	s.sessions[0].down(proto.BranchMessage, marshal(inTeam(5003, 3)))
	clock.Run(time.Second)
	desk := proto.ServiceKey(carol, support).String()
	s.spoil = func(answer *proto.SearchAnswer) {
		answer.Found = []*proto.Found{
			{Key: new(desk), ServiceMessage: question(5004, 4)}, {Key: new(teamKey), Message: inTeam(5003, 3)},
			{Key: new(teamKey), Message: inTeam(5002, 2)}, {Key: new(desk), ServiceMessage: question(5001, 1)},
		}
	}
	for _, server := range []bool{true, false} {
		found := a.search(chat.Query{Text: "WORD", Server: server}, 20)
		var got []string
		for _, hit := range found.Hits {
			got = append(got, fmt.Sprint(hit.Message.Key, "/", hit.Message.Seq, " ", hit.Message.Content, hit.Marks))
		}
		want := []string{desk + "/4 a word 5004[{2 6}]", teamKey + "/3 a word 5003[{2 6}]"}
		if server {
			want = append(want, teamKey+"/2 a word 5002[{2 6}]", desk+"/1 a word 5001[{2 6}]")
		}
		if !slices.Equal(got, want) || found.Incomplete != "" {
			t.Errorf("with the server %v, found %q, want %q; %s", server, got, want, found.Incomplete)
		}
	}
	a.engine.SetToken(answersFor("none"))
	clock.Run(time.Second)
	if found := a.search(chat.Query{Text: "word", Server: true}, 20); len(found.Hits) != 2 || found.Hits[0].Message.Key != teamKey {
		t.Errorf("who answers for nothing any more finds %+v", found.Hits)
	}
}

// A server that answers what it was not asked for.
func TestAnAnswerOfTheServerToASearchIsLookedAt(t *testing.T) {
	clock, s := setup(t)
	s.looks = 10
	for i := range 80 {
		s.say(bob, alice, fmt.Sprint("word ", i))
	}
	for name, spoil := range map[string]func(a *proto.SearchAnswer){
		"the same again":      func(a *proto.SearchAnswer) { a.Before = new(uint64(1 << 63)) },
		"not in order":        func(a *proto.SearchAnswer) { slices.Reverse(a.Found) },
		"another's":           func(a *proto.SearchAnswer) { a.Found[0].Key = new("d:5:6") },
		"no key":              func(a *proto.SearchAnswer) { a.Found[0].Key = new("x") },
		"of the wrong form":   func(a *proto.SearchAnswer) { a.Found[0].Key = new(fmt.Sprintf("s:%d:2", alice)) },
		"without a message":   func(a *proto.SearchAnswer) { a.Found[0].Message = nil },
		"older than it says":  func(a *proto.SearchAnswer) { a.Before = a.Found[0].Message.MessageId },
		"further than it was": func(a *proto.SearchAnswer) { a.Found = append(a.Found, a.Found[0]) },
	} {
		a := openWith(t, s, chat.Config{User: alice, Store: chattest.NewMemory(native.Fold), Folder: native.Fold})
		a.blind = true
		clock.Run(2 * time.Second)
		s.spoil = spoil
		found := a.search(chat.Query{Text: "word", Server: true}, 100)
		if found.IncompleteCode != "history-unreadable" || len(found.Hits) != 50 {
			t.Errorf("%s: %d hits, %q", name, len(found.Hits), found.Incomplete)
		}
		s.spoil = nil
		a.engine.Close(func() {})
		clock.Run(time.Second)
	}
}
