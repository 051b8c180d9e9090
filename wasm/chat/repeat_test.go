package chat_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"parley/proto"
	"parley/wasm/chat"
)

// pressed is what a page sends when Send is pressed, and again if the engine
// ended without an answer.
var pressed = chat.Draft{Content: "once", Ref: [proto.RefSize]byte{15: 1}}

// sendAgain gives a draft to the engine and returns what the screen was told
// of last when that answered.
func (v *screen) sendAgain(d chat.Draft, repeat bool) *chat.Message {
	told := new(chat.Message)
	d.Repeat = repeat
	v.engine.Send(key, d, func(err error) {
		if err != nil {
			v.t.Error(err)
		}
		*told = v.told
	})
	return told
}

// wantOnce wants the message to be at the server once, published at most so
// often, and to stand once in list and timeline, confirmed.
func (v *screen) wantOnce(s *server, published int) {
	v.t.Helper()
	v.shown = nil
	v.timeline(0, 50)
	s.clock.Run(time.Second)
	want(v.t, "the timeline", v.text(), "once/sent")
	if last := v.list[key].Last; last == nil || last.State != chat.Sent || last.Seq != 1 {
		v.t.Errorf("the list shows %+v", last)
	}
	if len(s.logs[key]) != 1 || len(s.published) > published {
		v.t.Errorf("stored %d times, published %q", len(s.logs[key]), s.published)
	}
	if len(v.errors) > 0 {
		v.t.Error(errors.Join(v.errors...))
	}
}

func TestARepeatOfWhatIsInTheOutboxAddsNothing(t *testing.T) {
	clock, s := setup(t)
	store := chat.NewMemory()
	s.down = true
	a := open(t, s, alice, store)
	clock.Run(time.Second)
	a.sendAgain(pressed, false)
	clock.Run(time.Second)
	a.host.Kill()

	again := open(t, s, alice, store)
	got := again.sendAgain(pressed, true)
	clock.Run(100 * time.Millisecond)
	if got.State != chat.Pending || got.Number != 1 || got.Ref != strings.Repeat("0", 31)+"1" {
		t.Errorf("told of %+v", got)
	}
	s.down = false
	clock.Run(time.Minute)
	again.wantOnce(s, 1)
}

func TestARepeatOfWhatIsBeingStoredAddsNothing(t *testing.T) {
	clock, s := setup(t)
	a := open(t, s, alice, chat.NewMemory())
	clock.Run(time.Second)
	first, second := a.sendAgain(pressed, false), a.sendAgain(pressed, true)
	clock.Run(time.Minute)
	if first.Ref == "" || first.Number != second.Number {
		t.Errorf("told of %+v and %+v", first, second)
	}
	a.wantOnce(s, 1)
}

func TestARepeatOfWhatIsConfirmedTellsOfThat(t *testing.T) {
	clock, s := setup(t)
	store := chat.NewMemory()
	a := open(t, s, alice, store)
	clock.Run(time.Second)
	a.sendAgain(pressed, false)
	clock.Run(time.Minute)
	a.host.Kill()

	again := open(t, s, alice, store)
	clock.Run(time.Second)
	got := again.sendAgain(pressed, true)
	clock.Run(time.Minute)
	if got.Seq != 1 || got.State != chat.Sent {
		t.Errorf("told of %+v", got)
	}
	again.list[key] = conversationOf(again)
	again.wantOnce(s, 1)
}

// TestASecondSendOfWhatIsConfirmedMergesIntoIt is about an engine that cannot
// know: it is not told that it is a repeat, or all that it had is gone.
func TestASecondSendOfWhatIsConfirmedMergesIntoIt(t *testing.T) {
	for name, next := range map[string]func(chat.Store) chat.Store{
		"stored here":     func(s chat.Store) chat.Store { return s },
		"not stored here": func(chat.Store) chat.Store { return chat.NewMemory() },
	} {
		for how, lose := range map[string]func(*server){
			"acknowledged": func(*server) {},
			"by a broker that acknowledges by itself": func(s *server) { s.plainAck = true },
		} {
			t.Run(name+", "+how, func(t *testing.T) {
				clock, s := setup(t)
				store := chat.NewMemory()
				a := open(t, s, alice, store)
				clock.Run(time.Second)
				a.sendAgain(pressed, false)
				clock.Run(time.Minute)
				a.host.Kill()

				lose(s)
				again := open(t, s, alice, next(store))
				clock.Run(time.Second)
				again.sendAgain(pressed, false)
				clock.Run(2 * time.Millisecond)
				if !strings.Contains(again.text(), "once/pending") {
					t.Fatalf("shown is %q: this tests nothing", again.text())
				}
				if s.plainAck {
					s.deliver(s.logs[key][0]) // as the sequencer behind that broker does
				}
				clock.Run(time.Minute)
				want(t, "the screen", again.text(), "once/sent")
				again.wantOnce(s, 2)
				clock.Run(time.Hour)
				again.wantOnce(s, 2)
			})
		}
	}
}

// conversationOf is the one conversation of a screen, as the list is given it.
func conversationOf(v *screen) chat.Conversation {
	v.t.Helper()
	all := v.engine.Conversations()
	if len(all) != 1 {
		v.t.Fatalf("conversations %+v", all)
	}
	return all[0]
}
