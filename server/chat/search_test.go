package chat_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"parley/proto"
	"parley/proto/search"
	"parley/server/chat"
	"parley/server/chat/chattest"
	"parley/server/chat/storetest"
)

// indexed is a service on the same history with an index of its own.
func (b *bench) indexed(s chat.Store) *chat.Service {
	b.t.Helper()
	by, err := chat.New(chat.Config{Store: s, Fanout: b.out, Now: b.time, Node: 2, Index: new(chattest.Index), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		b.t.Fatal(err)
	}
	return by
}

// foundBy is what a user finds, answer by answer: the keys and seqs, the newest first, or the code of the refusal.
func foundBy(t testing.TB, s *chat.Service, who chat.Sender, q chat.SearchQuery) string {
	t.Helper()
	q.Limit = cmp.Or(q.Limit, chat.MaxFound)
	var all []string
	for last := ^uint64(0); ; {
		answer, err := s.Search(t.Context(), who, q)
		if err != nil {
			return refusalOf(t, err).Code
		}
		for _, f := range answer.Found {
			id, seq := f.GetMessage().GetMessageId(), f.GetMessage().GetSeq()
			if m := f.GetServiceMessage(); m != nil {
				id, seq = m.GetMessageId(), m.GetSeq()
			}
			if id >= last {
				t.Fatalf("%d was found after %d", id, last)
			}
			last = id
			all = append(all, fmt.Sprintf("%s/%d", f.GetKey(), seq))
		}
		before := answer.GetBefore()
		if len(answer.Found) > q.Limit || before != 0 && q.Before != 0 && before >= q.Before {
			t.Fatalf("%d found, then before %d of %+v", len(answer.Found), before, q)
		}
		if q.Before = before; before == 0 {
			return strings.Join(all, " ")
		}
	}
}

// found is what a user finds, by looking at everything and by the index.
func (b *bench) found(s chat.Store, who chat.Sender, q chat.SearchQuery) string {
	b.t.Helper()
	by := b.indexed(s)
	storetest.IndexAll(b.t, by)
	plain := foundBy(b.t, b.Service, who, q)
	same(b.t, fmt.Sprintf("%+v of %d by the index", q, who.User), foundBy(b.t, by, who, q), plain)
	return plain
}

func words(text string) chat.SearchQuery { return chat.SearchQuery{Text: text} }

func user(id uint64, services ...proto.ServiceType) chat.Sender {
	return chat.Sender{User: id, Services: services}
}

// seqs are seqs of one conversation, as found returns them.
func seqs(key proto.Key, all ...uint64) string {
	var names []string
	for _, seq := range all {
		names = append(names, fmt.Sprintf("%v/%d", key, seq))
	}
	return strings.Join(names, " ")
}

func TestASearchFindsWhatStandsThereNow(t *testing.T) {
	onBothStores(t, func(t *testing.T, s chat.Store) {
		b, key := prepared(t, s, keeping(90*24*time.Hour)), proto.DirectKey(ada, bob)
		b.commit(ada, text(bob, "secret old"))
		b.pass(100 * 24 * time.Hour)
		b.commit(ada, text(bob, "secret one"), text(bob, "secret two"), text(bob, "secret three"))
		b.commit(ada, of(bob, 2, edits, "harmless"), of(bob, 3, recalls, ""))
		same(t, "before the retention", b.found(s, user(bob), words("secret")), seqs(key, 4, 1))
		b.expire()
		for query, want := range map[string]string{"secret": seqs(key, 4), "harmless": seqs(key, 2), "one": "", "two": "", "SECR": seqs(key, 4), "three ｓｅcret": seqs(key, 4), "ecret": ""} {
			same(t, query, b.found(s, user(bob), words(query)), want)
			same(t, query+" of a stranger", b.found(s, user(eve), words(query)), "")
			same(t, query+" of others", b.found(s, user(eve), chat.SearchQuery{Text: query, Key: key}), "not-yours")
		}
		same(t, "all of one", b.found(s, user(bob), chat.SearchQuery{Sender: ada}), seqs(key, 4, 2))
		same(t, "signs", b.found(s, user(bob), words("!?")), "")
	})
}

func TestWhoMayReadAMessageFindsItAndNobodyElse(t *testing.T) {
	onBothStores(t, func(t *testing.T, s chat.Store) {
		b, key := grouped(t, s, false)
		b.send(ada, toGroup(key, "word")) // 2
		b.change(ada, key, joined, "", eve)
		b.send(ada, toGroup(key, "word")) // 4
		b.change(ada, key, removed, "", bob)
		b.send(ada, toGroup(key, "word")) // 6
		b.send(ada, text(cora, "word"))
		withCora := proto.DirectKey(ada, cora)
		b.block(ada, cora, true)
		for who, want := range map[uint64][]uint64{ada: {6, 4, 2}, eve: {6, 4}, bob: {4, 2}} {
			same(t, fmt.Sprint("found by ", who), b.found(s, user(who), chat.SearchQuery{Text: "word", Key: key}), seqs(key, want...))
			same(t, fmt.Sprint("found everywhere by ", who), b.found(s, user(who), chat.SearchQuery{Text: "word", Limit: 1}),
				strings.TrimSpace(map[bool]string{true: seqs(withCora, 1) + " "}[who == ada]+seqs(key, want...)))
		}
		same(t, "found by who never was in it", b.found(s, user(cora), chat.SearchQuery{Text: "word", Key: key}), "not-yours")
		same(t, "what one wrote who blocks the other", b.found(s, user(cora), words("word")), seqs(withCora, 1))
		same(t, "a conversation that never was", b.found(s, user(eve), chat.SearchQuery{Text: "word", Key: proto.DirectKey(ada, eve)}), "")
	})
}

func TestAgentsSearchTheirServiceAndTheCustomerIsToldOfNone(t *testing.T) {
	onBothStores(t, func(t *testing.T, s chat.Store) {
		b := staffed(t, s)
		b.say(cora, word(cora, "an order"))        // 1
		b.say(ann, word(cora, "which order"))      // 2
		b.say(ben, word(cora, "the order is out")) // 3
		all := seqs(salesKey, 3, 2, 1)
		for name, test := range map[string]struct {
			who  chat.Sender
			q    chat.SearchQuery
			want string
		}{
			"the customer":                    {user(cora), words("order"), all},
			"the customer, by key":            {user(cora), chat.SearchQuery{Text: "order", Key: salesKey}, all},
			"an agent":                        {user(ben, sales), words("order"), all},
			"an agent, by key":                {user(ben, sales), chat.SearchQuery{Text: "order", Key: salesKey}, all},
			"an agent of another service":     {user(ben, support), words("order"), ""},
			"the same, by key":                {user(ben, support), chat.SearchQuery{Text: "order", Key: salesKey}, "not-yours"},
			"no agent any more":               {user(ben), words("order"), ""},
			"by agent":                        {user(ben, sales), chat.SearchQuery{Sender: ann}, seqs(salesKey, 2)},
			"by customer":                     {user(ben, sales), chat.SearchQuery{Sender: cora}, seqs(salesKey, 1)},
			"the customer's own":              {user(cora), chat.SearchQuery{Sender: cora}, seqs(salesKey, 1)},
			"by agent, asked by the customer": {user(cora), chat.SearchQuery{Sender: ann}, ""},
			"an agent who is the customer":    {user(cora, sales), words("order"), all},
		} {
			same(t, name, b.found(s, test.who, test.q), test.want)
		}
		answer, err := b.Search(t.Context(), user(cora), chat.SearchQuery{Text: "which", Limit: 1})
		if err != nil || len(answer.Found) != 1 || answer.Found[0].ServiceMessage.AgentId != nil {
			t.Errorf("the customer is told who wrote: %v, %v", answer, err)
		}
	})
}

func TestASearchIsNarrowedByKindAndTime(t *testing.T) {
	onBothStores(t, func(t *testing.T, s chat.Store) {
		b, key := start(t, s), proto.DirectKey(ada, bob)
		began := b.millis()
		b.send(ada, carrying(bob, image, "a Café", b.uploaded(ada, "sunset.png", "image/png").ID)) // 1
		b.pass(time.Second)
		b.send(bob, text(ada, "see https://example.org/cafe")) // 2
		b.pass(time.Second)
		b.send(ada, text(bob, "no cafe"))                                                                                                  // 3
		b.send(ada, carrying(bob, file, "", b.uploaded(ada, "Bericht.pdf", "application/pdf").ID))                                         // 4
		b.send(ada, carrying(bob, voice, "", b.uploaded(ada, "Sprachnachricht.ogg", "audio/ogg").ID))                                      // 5
		b.send(ada, carrying(bob, file, "both", b.uploaded(ada, "a.zip", "application/zip").ID, b.uploaded(ada, "b.png", "image/png").ID)) // 6
		for name, test := range map[string]struct {
			q    chat.SearchQuery
			want []uint64
		}{
			"pictures":               {chat.SearchQuery{Kind: search.PictureKind}, []uint64{6, 1}},
			"files":                  {chat.SearchQuery{Kind: search.FileKind}, []uint64{6, 4}},
			"a file by its name":     {chat.SearchQuery{Text: "bericht", Kind: search.FileKind}, []uint64{4}},
			"a sound by its name":    {words("sprachnachr"), []uint64{5}},
			"links":                  {chat.SearchQuery{Kind: search.LinkKind}, []uint64{2}},
			"by the picture's name":  {words("sunset"), []uint64{1}},
			"without accents":        {words("cafe"), []uint64{3, 2, 1}},
			"of one and with a word": {chat.SearchQuery{Text: "CAFÉ", Sender: ada}, []uint64{3, 1}},
			"from a time on":         {chat.SearchQuery{Text: "cafe", From: began + 1000}, []uint64{3, 2}},
			"up to a time":           {chat.SearchQuery{Text: "cafe", To: began + 999}, []uint64{1}},
			"both included":          {chat.SearchQuery{Text: "cafe", From: began + 1000, To: began + 1000}, []uint64{2}},
			"after all":              {chat.SearchQuery{Text: "cafe", From: began + 2001}, nil},
			"before all":             {chat.SearchQuery{Text: "cafe", To: began - 1}, nil},
		} {
			same(t, name, b.found(s, user(bob), test.q), seqs(key, test.want...))
		}
	})
}

// However much there is, one call looks at so much of it, and says how far it is.
func TestOneSearchLooksAtSoMuchAndNoMore(t *testing.T) {
	s := chattest.NewMemory(1)
	b, key := prepared(t, s), proto.DirectKey(ada, bob)
	b.commit(ada, text(bob, "needle"))
	for range 90 {
		b.commit(ada, slices.Repeat([]*proto.Message{text(bob, "hay")}, 100)...)
	}
	answer, err := b.Search(t.Context(), user(ada), chat.SearchQuery{Text: "needle", Limit: 1})
	if err != nil || len(answer.Found) != 0 || answer.GetBefore() == 0 {
		t.Errorf("everything was looked at: %v, %v", answer, err)
	}
	same(t, "in the end", b.found(s, user(ada), words("needle")), seqs(key, 1))
}

// An index is only ever behind: what was stored since is found as soon as it is stored, and what is indexed is found
// as it is now.
func TestASearchGoesOnBeforeTheIndex(t *testing.T) {
	s := chattest.NewMemory(1)
	b, key := prepared(t, s), proto.DirectKey(ada, bob)
	by := b.indexed(s)
	b.commit(ada, text(bob, "word one"), text(bob, "word two"))
	storetest.IndexAll(t, by)
	b.commit(ada, text(bob, "word three"), of(bob, 1, edits, "gone"), of(bob, 2, recalls, ""))
	same(t, "before it is indexed", foundBy(t, by, user(bob), words("word")), seqs(key, 3))
	storetest.IndexAll(t, by)
	same(t, "after that", foundBy(t, by, user(bob), words("word")), seqs(key, 3))
	same(t, "what it was edited to", foundBy(t, by, user(bob), words("gone")), seqs(key, 1))
	var state chat.IndexState
	if state = by.Indexed(); state.Last == 0 || state.Through != state.Last {
		t.Errorf("the index is at %+v", state)
	}
}

// While nodes are replaced, an older one leaves the index that a newer one made, and finds without it.
func TestAnOlderNodeLeavesANewerNodesIndex(t *testing.T) {
	s, x := chattest.NewMemory(1), new(chattest.Index)
	b := prepared(t, s, func(c *chat.Config) { c.Index = x })
	var newer chat.IndexPlace
	for i, wanted := range []string{"of this version", "of a newer one"} {
		b.commit(ada, text(bob, "word "+wanted))
		storetest.IndexAll(t, b.Service)
		if err := x.Update(t.Context(), func(tx chat.IndexTx) error {
			place, err := tx.Place()
			if i == 0 {
				newer = chat.IndexPlace{Epoch: place.Epoch, Version: place.Version + 1, Through: place.Through}
			}
			if i == 1 && place != newer {
				t.Errorf("the index is at %+v, want %+v as the newer node left it", place, newer)
			}
			return errors.Join(err, tx.PutPlace(newer))
		}); err != nil {
			t.Fatal(err)
		}
	}
	same(t, "what is found", foundBy(t, b.Service, user(bob), words("word")), seqs(proto.DirectKey(ada, bob), 2, 1))
}

// What has expired leaves the index, and what is left is still found by it.
func TestTheIndexForgetsWhatWasDeleted(t *testing.T) {
	s, x := chattest.NewMemory(1), new(chattest.Index)
	b := prepared(t, s, keeping(time.Hour), func(c *chat.Config) { c.Index = x })
	b.commit(ada, text(bob, "word one"), text(eve, "word two"))
	b.pass(50 * time.Minute)
	b.commit(ada, text(bob, "word three"))
	storetest.IndexAll(t, b.Service)
	b.pass(20 * time.Minute)
	b.expire()
	if err := chat.PruneIndex(b.Service, t.Context(), b.time().Add(-time.Hour)); err != nil {
		t.Fatal(err)
	}
	kept := make(map[string]int)
	if err := x.View(t.Context(), func(v chat.IndexView) error {
		pages, err := v.PagesFrom(0, "", ^uint64(0), 99)
		for _, p := range pages {
			kept[p.Audience] += len(p.IDs)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	same(t, "what is kept", kept, map[string]int{"u:3": 1, "u:5": 1})
	same(t, "what is found", foundBy(t, b.Service, user(ada), words("word")), seqs(proto.DirectKey(ada, bob), 2))
}

// A generated history is searched as a scan of what it came to would.
func TestASearchFindsWhatAScanDoes(t *testing.T) {
	scripts := [][]string{
		{"apple", "apply", "Äpfel", "straße", "zoo"}, {"привет", "Приём", "ёлка", "елки"}, {"你好", "好你", "世界你", "你"},
		{"こんにちは", "コンニ", "にちは"}, {"한국어", "국어", "안녕"}, {"مُحَمَّد", "محمد", "سلام"},
	}
	queries := map[string]func(string) bool{ // as a person would say it
		"app": func(s string) bool { return strings.Contains(s, " app") },
		"APF": func(s string) bool { return strings.Contains(s, " Äpfel") },
		"ss":  func(string) bool { return false },
		"елк": func(s string) bool { return strings.Contains(s, " ёлка") || strings.Contains(s, " елки") },
		"你":   func(s string) bool { return strings.Contains(s, "你") },
		"你好":  func(s string) bool { return strings.Contains(s, "你好") },
		"にち":  func(s string) bool { return strings.Contains(s, "にち") },
		"국어":  func(s string) bool { return strings.Contains(s, "국어") },
		"محمد": func(s string) bool {
			return strings.Contains(s, " محمد") || strings.Contains(s, " مُحَمَّد")
		},
		"zoo 好": func(s string) bool { return strings.Contains(s, " zoo") && strings.Contains(s, "好") },
	}
	type place struct {
		key proto.Key
		seq uint64
	}
	for seed := range uint64(5) {
		s := chattest.NewMemory(1)
		b, random := prepared(t, s), rand.New(rand.NewPCG(seed, 13))
		by := b.indexed(s)
		var order []place // by id
		said, heads := make(map[place]string), make(map[uint64]uint64)
		for range 400 {
			content := ""
			for range 1 + random.IntN(3) {
				script := scripts[random.IntN(len(scripts))]
				content += " " + script[random.IntN(len(script))]
			}
			other := []uint64{bob, eve, cora}[random.IntN(3)]
			heads[other]++
			at := place{proto.DirectKey(ada, other), 1 + random.Uint64N(heads[other])}
			switch _, there := said[at]; {
			case there && random.IntN(4) == 0:
				said[at] = content
				b.commit(ada, of(other, at.seq, edits, content))
			case there && random.IntN(6) == 0:
				delete(said, at)
				b.commit(ada, of(other, at.seq, recalls, ""))
			default:
				at.seq = heads[other]
				said[at], order = content, append(order, at)
				b.commit(ada, text(other, content))
			}
			if random.IntN(20) == 0 {
				storetest.IndexAll(t, by)
			}
		}
		storetest.IndexAll(t, by)
		for query, fits := range queries {
			var want []string
			for _, at := range slices.Backward(order) {
				if content, there := said[at]; there && fits(content) {
					want = append(want, fmt.Sprintf("%v/%d", at.key, at.seq))
				}
			}
			q := chat.SearchQuery{Text: query, Limit: 1 + random.IntN(7)}
			same(t, fmt.Sprintf("seed %d: %q, %d at a time", seed, query, q.Limit), foundBy(t, by, user(ada), q), strings.Join(want, " "))
			same(t, fmt.Sprintf("seed %d: %q without an index", seed, query), foundBy(t, b.Service, user(ada), q), strings.Join(want, " "))
		}
	}
}

// gated holds those who scan until they may.
type gated struct {
	*chattest.Memory
	came, may chan struct{}
}

func (g gated) Scan(ctx context.Context, read func(chat.View) error) error {
	select {
	case g.came <- struct{}{}:
		<-g.may
	case <-ctx.Done():
		return ctx.Err()
	}
	return g.Memory.Scan(ctx, read)
}

func TestFewSearchAtATimeAndOthersWaitAsLongAsTheyLike(t *testing.T) {
	s := gated{chattest.NewMemory(1), make(chan struct{}), make(chan struct{})}
	b := prepared(t, s)
	look := func(ctx context.Context) error {
		_, err := b.Search(ctx, user(ada), chat.SearchQuery{Text: "x", Limit: 1})
		return err
	}
	most := max(1, runtime.GOMAXPROCS(0)/4)
	ended := make(chan error, most)
	for range most {
		go func() { ended <- look(t.Context()) }()
		<-s.came
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := look(ctx); !errors.Is(err, context.Canceled) || refusalOf(t, err).Code != "busy" {
		t.Errorf("one more: %v", err)
	}
	close(s.may)
	for range most {
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}
