package storetest

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	pb "google.golang.org/protobuf/proto"

	"parley/proto"
	"parley/proto/search"
	"parley/proto/search/native"
	"parley/proto/search/searchtest"
	"parley/server/chat"
)

// Talk is people who write to one another and to a service, and edit and take back what they wrote.
type Talk []*talker

// NewTalk returns people who have said nothing yet.
func NewTalk() (all Talk) {
	for user := range uint64(8) {
		p := &talker{user: 1 + user, random: rand.New(rand.NewPCG(1, user))}
		p.words = searchtest.NewWords(p.random, 3000)
		all = append(all, p)
	}
	return all
}

// On lets them go on, at once and so many messages each, through a service.
func (all Talk) On(t testing.TB, s *chat.Service, messages int) {
	t.Helper()
	var talking sync.WaitGroup
	for _, p := range all {
		talking.Go(func() {
			for range messages {
				if err := p.talk(s); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	talking.Wait()
	if t.Failed() {
		t.FailNow()
	}
}

// talker is one of them.
type talker struct {
	user   uint64
	random *rand.Rand
	words  *rand.Zipf
	said   []uint64 // the seqs of what they said to the other, or none
}

func (p *talker) talk(s *chat.Service) error {
	content := searchtest.Text(p.words, 3+p.random.IntN(9), p.random.IntN(2) == 0)
	if p.random.IntN(4) == 0 {
		support, text := proto.ServiceType_SERVICE_TYPE_SUPPORT, proto.MessageType_MESSAGE_TYPE_TEXT
		direction := proto.ServiceMessageDirection_CUSTOMER_TO_SERVICE
		_, err := p.publish(s, proto.BranchService, &proto.ServiceMessage{
			MessageId: new(uint64), UserId: &p.user, ServiceType: &support, MessageType: &text, Content: &content, CreateDate: new(uint64), Direction: &direction,
		})
		return err
	}
	m := &proto.Message{MessageId: new(uint64), SenderId: new(uint64), CreateTime: new(uint64), ReceiverId: new(1000 + p.user), Content: &content}
	if n := len(p.said); n > 0 && p.random.IntN(4) == 0 {
		at := p.random.IntN(n)
		m.TargetSeq, m.MessageType = &p.said[at], proto.MessageType_MESSAGE_TYPE_EDIT.Enum()
		if p.random.IntN(2) == 0 {
			m.MessageType, *m.Content = proto.MessageType_MESSAGE_TYPE_RECALL.Enum(), ""
			defer func() { p.said = slices.Delete(p.said, at, at+1) }()
		}
		_, err := p.publish(s, proto.BranchMessage, m)
		return err
	}
	seq, err := p.publish(s, proto.BranchMessage, m)
	p.said = append(p.said, seq)
	return err
}

func (p *talker) publish(s *chat.Service, branch proto.Branch, m pb.Message) (seq uint64, err error) {
	payload, err := proto.Marshal(m)
	if err != nil {
		return 0, err
	}
	r, err := s.Publish(context.Background(), chat.Sender{User: p.user}, branch, payload, nil)
	if err != nil {
		return 0, fmt.Errorf("user %d: %w", p.user, err)
	}
	return r.Seq, nil
}

// IndexAll lets the index follow the history to its end.
func IndexAll(t testing.TB, s *chat.Service) {
	t.Helper()
	for more := true; more; {
		var err error
		if more, err = s.IndexMore(t.Context()); err != nil {
			t.Fatal("index:", err)
		}
	}
}

// CheckIndex holds that an index names each message that a search finds, once for each of its audiences, and that a
// page has the terms of what there is now of its messages, and no other: none of what was edited or taken back.
func CheckIndex(t testing.TB, s chat.Store, x chat.Index) {
	t.Helper()
	named, terms := make(map[string]bool), termsByID(t, s)
	eachPage(t, x, func(p chat.IndexPage) {
		var all []search.Term
		for _, id := range p.IDs {
			name := fmt.Sprint(p.Audience, " ", id)
			if named[name] {
				t.Errorf("%s is named twice", name)
			}
			named[name] = true
			of, found := terms[id]
			if !found || !slices.Contains(of.audiences, p.Audience) {
				t.Errorf("%s is named, and is no message that a search finds there", name)
			}
			all = append(all, of.terms...)
		}
		if want := search.NewFilters(all); !slices.Equal(p.Terms.Terms(), want.Terms()) {
			t.Errorf("page %d of %s has %d terms, want %d", p.First, p.Audience, len(p.Terms.Terms()), len(want.Terms()))
		}
	})
	for id, of := range terms {
		for _, audience := range of.audiences {
			if name := fmt.Sprint(audience, " ", id); !named[name] {
				t.Errorf("%s is not named", name)
			}
		}
	}
}

// foundBy is by what a message is found, and by whom.
type foundBy struct {
	terms     []search.Term
	audiences []string
}

// termsByID reads all messages that a search finds.
func termsByID(t testing.TB, s chat.Store) map[uint64]foundBy {
	t.Helper()
	all := make(map[uint64]foundBy)
	err := s.Scan(t.Context(), func(v chat.View) error {
		entries, err := v.ByID(0, 0, math.MaxInt32, false)
		for _, e := range entries {
			x, ok := search.Read(e.Key.Kind(), e.Body)
			if !ok {
				continue
			}
			terms := append(x.AppendTerms(nil), search.KeyTerm(e.Key.String()))
			by := foundBy{terms: search.AppendTerms(terms, native.Fold.Fold([]string{x.Text})[0])}
			if e.Key.Kind() == proto.Service {
				by.audiences = []string{fmt.Sprint("u:", e.Key.Customer()), fmt.Sprint("s:", int(e.Key.Service()))}
			} else {
				by.audiences = []string{fmt.Sprint("u:", e.Key.User(proto.First)), fmt.Sprint("u:", e.Key.User(proto.Second))}
			}
			all[x.ID] = by
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func eachPage(t testing.TB, x chat.Index, do func(chat.IndexPage)) {
	t.Helper()
	if err := x.View(t.Context(), func(v chat.IndexView) error {
		from, after := uint64(0), ""
		for {
			pages, err := v.PagesFrom(from, after, math.MaxUint64, 100)
			if err != nil || len(pages) == 0 {
				return err
			}
			for _, p := range pages {
				do(p)
			}
			last := pages[len(pages)-1]
			from, after = last.First, last.Audience
		}
	}); err != nil {
		t.Fatal(err)
	}
}

// Dying is an index of a server that dies in the middle of an update.
type Dying struct {
	chat.Index
	Puts int    // as many pages are put before that
	Die  func() // does it; nothing after it counts
}

// Update implements chat.Index.
func (d *Dying) Update(ctx context.Context, change func(chat.IndexTx) error) error {
	return d.Index.Update(ctx, func(tx chat.IndexTx) error { return change(dyingTx{tx, d}) })
}

type dyingTx struct {
	chat.IndexTx
	of *Dying
}

// PutPage implements chat.IndexTx.
func (t dyingTx) PutPage(p chat.IndexPage) error {
	if t.of.Puts--; t.of.Puts == 0 {
		t.of.Die()
	}
	return t.IndexTx.PutPage(p)
}
