package storetest

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	pb "google.golang.org/protobuf/proto"

	"parley/proto"
	"parley/proto/search"
	"parley/wasm/chat"
	"parley/wasm/chat/chattest"
)

// RunSearch holds that a search finds in a store what a reading of everything finds: generated histories, in five
// scripts and more, of what was said, edited and taken back. fold is the store's own Folder.
func RunSearch(t *testing.T, open Opener, fold search.Folder) {
	h := &history{T: t, random: rand.New(rand.NewPCG(9, 1)), clock: chattest.NewClock(1)}
	store, reopen := open(t)
	engine := h.start(store, fold)
	searches, hits := 0, 0
	for round := range 4 {
		if round == 2 {
			engine.Close(func() {})
			h.clock.Run(time.Second)
			engine = h.start(reopen(), fold)
		}
		for range 100 {
			h.happen()
		}
		h.clock.Run(time.Second)
		for range 40 {
			q := h.query()
			got, want := h.search(engine, q), chattest.Reading(h.all, q)
			if !slices.Equal(got, want) {
				t.Fatalf("round %d: %+v found %v, want %v", round, q, got, want)
			}
			searches, hits = searches+1, hits+len(got)
		}
	}
	if hits < 3*searches {
		t.Errorf("%d searches had %d hits", searches, hits)
	}
	engine.Close(func() {})
	h.clock.Run(time.Second)
}

// history is what people say to one another, of which the first of them is told.
type history struct {
	*testing.T
	random *rand.Rand
	clock  *chattest.Clock
	all    []*proto.Message // as they are now, by id
	texts  []string         // that were ever said
	told   chat.Handler
}

const me, anna, bert = 1, 1 << 63, 1<<64 - 1

var (
	_ chat.Network = (*history)(nil)
	_ chat.Session = (*history)(nil)
)

// start opens an engine on a store, which is told from now on.
func (h *history) start(store chat.Store, fold search.Folder) *chat.Engine {
	engine := chat.New(chat.Config{
		User: me, Token: chat.Token{Text: "token"}, Store: store, Network: h, History: away{},
		Host: &chattest.Host{Clock: h.clock}, Observer: nobody{}, Folder: fold,
	})
	engine.Start(func(err error) {
		if err != nil {
			h.Fatal(err)
		}
	})
	h.clock.Run(time.Second)
	return engine
}

// happen lets somebody say something, or edit or take back what was said.
func (h *history) happen() {
	from, to := uint64(me), []uint64{anna, bert}[h.random.IntN(2)]
	if h.random.IntN(3) > 0 {
		from, to = to, from
	}
	text, id := chattest.Written(h.random), uint64(len(h.all))+1000
	seq, at := uint64(1), uint64(h.clock.Now().UnixMilli())
	m := &proto.Message{SenderId: &from, ReceiverId: &to, MessageId: &id, Seq: &seq, CreateTime: &at, Content: &text}
	of, carried := chattest.Carried(h.random)
	m.MessageType, m.Attachments = &of, carried
	h.texts = append(h.texts, text)
	for _, a := range carried {
		h.texts = append(h.texts, a.GetName())
	}
	var mine []*proto.Message // of the same author in the same conversation
	for _, x := range h.all {
		if proto.DirectKey(x.GetSenderId(), x.GetReceiverId()) != proto.DirectKey(from, to) {
			continue
		}
		if seq++; x.GetSenderId() == from && x.GetMessageType().Written() {
			mine = append(mine, x)
		}
	}
	if len(mine) > 0 && h.random.IntN(4) == 0 {
		target := mine[h.random.IntN(len(mine))]
		m.TargetSeq, m.MessageType, m.Attachments = target.Seq, proto.MessageType_MESSAGE_TYPE_EDIT.Enum(), nil
		if h.random.IntN(2) == 0 {
			m.MessageType, *m.Content = proto.MessageType_MESSAGE_TYPE_RECALL.Enum(), ""
		}
		target.Revise(m)
	}
	h.all = append(h.all, m)
	h.told.Deliver(proto.BranchMessage, h.marshal(m))
	h.clock.Run(time.Duration(h.random.IntN(30)) * time.Millisecond)
}

func (h *history) marshal(m pb.Message) []byte {
	b, err := proto.Marshal(m)
	if err != nil {
		h.Fatal(err)
	}
	return b
}

// query is for a part of what was said, mostly, some of them for more than that.
func (h *history) query() chat.Query {
	q := chattest.Sought(h.random, h.texts)
	if q.Kind != search.AnyKind {
		q.Kind = search.Kinds[h.random.IntN(len(search.Kinds))]
	}
	if h.random.IntN(4) == 0 {
		q.Key = proto.DirectKey(me, []uint64{anna, bert}[h.random.IntN(2)]).String()
	}
	if h.random.IntN(6) == 0 {
		q.Sender = []uint64{me, anna, bert}[h.random.IntN(3)]
	}
	if h.random.IntN(8) == 0 {
		q.From = h.all[h.random.IntN(len(h.all))].GetCreateTime()
	}
	if h.random.IntN(8) == 0 {
		q.To = h.all[h.random.IntN(len(h.all))].GetCreateTime()
	}
	return q
}

// search is all that an engine finds, by as many searches as it takes.
func (h *history) search(engine *chat.Engine, q chat.Query) (ids []uint64) {
	for more := true; more; {
		answered := false
		engine.Search(q, 1+h.random.IntN(20), func(f chat.Found, err error) {
			if err != nil {
				h.Fatalf("%+v: %v", q, err)
			}
			for _, hit := range f.Hits {
				ids = append(ids, hit.Message.ID)
			}
			answered, more, q.Before = true, f.More, f.Next
		})
		if h.clock.Run(time.Minute); !answered {
			h.Fatalf("%+v was not answered", q)
		}
	}
	return ids
}

// Open implements chat.Network.
func (h *history) Open(_ context.Context, _ chat.Credentials, told chat.Handler) (chat.Session, error) {
	h.told = told
	return h, nil
}

// Publish implements chat.Session: to who syncs nothing is new, as they are told of everything.
func (h *history) Publish(branch proto.Branch, payload, _ []byte, done func(chat.Ack, error)) {
	h.clock.After(0, func() {
		if branch == proto.BranchSync {
			asked := new(proto.SyncRequest)
			if err := proto.Unmarshal(payload, asked); err != nil {
				h.Error(err)
			}
			epoch, token := uint64(1), "token"
			h.told.Deliver(proto.BranchUnread, h.marshal(&proto.BaseUserUnreadStatics{Epoch: &epoch, Token: &token, Since: new(asked.GetToken())}))
		}
		done(chat.Ack{}, nil)
	})
}

// Notify implements chat.Session.
func (h *history) Notify(proto.Branch, []byte) {}

// Probe implements chat.Session.
func (h *history) Probe(time.Duration) {}

// Close implements chat.Session.
func (h *history) Close() {}

// away is a history that nobody needs.
type away struct{ chat.History }

func (away) Messages(context.Context, string, string, uint64, uint64, int) ([]byte, error) {
	return nil, errors.New("everything was told")
}

func (away) Revised(context.Context, string, string, uint64, int) ([]byte, error) {
	return nil, errors.New("everything was told")
}

// nobody looks.
type nobody struct{}

func (nobody) Messages(string, []chat.Message, []string) {}
func (nobody) Conversations([]chat.Conversation)         {}
func (nobody) Connection(chat.Connection)                {}
func (nobody) Typing(string, uint64, bool)               {}
func (nobody) Presence(uint64, bool, uint64)             {}
func (nobody) Group(chat.Group)                          {}
func (nobody) Settings(chat.Settings)                    {}
func (nobody) Kept(chat.Keeping)                         {}
func (nobody) TokenNeeded(string)                        {}
func (nobody) User(chat.Token)                           {}
func (nobody) Reset()                                    {}
func (nobody) Failed(error)                              {}
