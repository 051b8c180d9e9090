package bridge

import (
	"testing"
	"testing/synctest"
	"time"

	"parley/wasm/chat"
)

// Much that is told in a short while crosses to the page at once, and no answer before what was told before it.
func TestWhatIsToldInAShortWhileCrossesAtOnceAndBeforeAnyAnswer(t *testing.T) {
	inProfile(t, func(p *profile) {
		p.do(1, attachCommand(nil))
		p.loop.Post(func() { p.hub.engines[me].engine.Show(1, key) })
		p.pass(time.Second)
		tell := p.tellOfMessage
		clear(p.posts)
		tell(1)
		if len(p.posts[1]) != 1 {
			t.Fatalf("the first of them waits: %v", p.posts[1])
		}
		for seq := range uint64(8) {
			p.pass(time.Millisecond)
			tell(seq + 2)
		}
		if len(p.posts[1]) != 1 {
			t.Fatalf("within 8 ms came %d posts", len(p.posts[1]))
		}
		p.pass(tellEvery)
		if got := details(p.posts[1], "messages"); len(p.posts[1]) != 2 || len(got) != 2 || len(got[1].(record)["messages"].([]any)) != 8 {
			t.Errorf("then came %v, want the other eight at once", p.posts[1])
		}
		clear(p.posts)
		tell(10)
		p.do(1, record{"id": 3.0, "op": "conversations"})
		if got := p.posts[1]; len(got) != 2 || len(details(got[:1], "messages")) != 1 || answer(t, got[1:], 3) == nil {
			t.Errorf("the page got %v, want the message, then the answer", got)
		}
	})
}

// What lists alone show crosses more seldom, and with what a page waits for; unless a page wants all that comes.
func TestWhatIsOnNoScreenCrossesMoreSeldom(t *testing.T) {
	inProfile(t, func(p *profile) {
		p.do(1, attachCommand(record{"newest": true}))
		p.pass(time.Second)
		clear(p.posts)
		p.tellOfMessage(1)
		p.tellOfMessage(2)
		p.pass(2 * tellEvery)
		if len(p.posts[1]) != 1 {
			t.Fatalf("%d posts, want the first of two messages alone", len(p.posts[1]))
		}
		p.pass(listEvery)
		if got := details(p.posts[1], "messages"); len(got) != 2 {
			t.Fatalf("then came %v, want the second", p.posts[1])
		}
		p.tellOfMessage(3)
		p.loop.Post(func() { p.hub.engines[me].events.Typing(key, 5, true) })
		p.pass(tellEvery)
		if got := p.posts[1]; len(got) != 3 || len(details(got[2:], "messages")) != 1 || len(details(got[2:], "typing")) != 1 {
			t.Errorf("with what does not wait came %v, want the third, too", got)
		}
		p.pass(time.Second)
		if len(p.posts[1]) != 3 {
			t.Errorf("then came %v", p.posts[1][3:])
		}

		p.do(2, attachCommand(nil))
		p.pass(time.Second)
		p.tellOfMessage(4)
		p.tellOfMessage(5)
		p.pass(tellEvery)
		if got := details(p.posts[2], "messages"); len(got) != 2 {
			t.Errorf("a page that wants all was told %v, want both", p.posts[2])
		}
		p.detach(2)
		clear(p.posts)
		p.tellOfMessage(6)
		p.tellOfMessage(7)
		p.pass(2 * tellEvery)
		if len(p.posts[1]) > 1 {
			t.Errorf("with that page gone came %v", p.posts[1])
		}
	})
}

// tellOfMessage lets the engine tell of a message.
func (p *profile) tellOfMessage(seq uint64) {
	p.loop.Post(func() { p.hub.engines[me].events.Messages(key, []chat.Message{{Key: key, Seq: seq}}, nil) })
	synctest.Wait()
}
