package chat_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"parley/proto"
	"parley/wasm/chat"
)

const most = 1000 // messages that wait to be sent, and that were refused

// try sends, and returns why that was refused.
func (v *screen) try(content string) (refused error) {
	v.engine.Send(key, chat.Draft{Content: content}, func(err error) { refused = err })
	v.host.Clock.Run(5 * time.Millisecond)
	return refused
}

func full(err error) bool {
	var refusal *proto.Refusal
	return errors.As(err, &refusal) && refusal.Reason == proto.QuotaExceeded
}

func TestTheOutboxHoldsAThousandAlsoOfThoseThatAreSentAtOnce(t *testing.T) {
	clock, s := setup(t)
	s.down = true
	a := open(t, s, alice, chat.NewMemory())
	a.blind = true
	clock.Run(time.Second)
	taken, refused := 0, 0
	for i := range most + 10 {
		a.engine.Send(key, chat.Draft{Content: fmt.Sprint(i)}, func(err error) {
			switch {
			case err == nil:
				taken++
			case full(err):
				refused++
			}
		})
	}
	clock.Run(time.Second)
	if taken != most || refused != 10 {
		t.Errorf("%d were taken and %d refused, want %d and 10", taken, refused, most)
	}
	s.down = false
	clock.Run(time.Minute)
	if err := a.try("when there is room again"); err != nil {
		t.Error(err)
	}
}

func TestRefusedMessagesTakeNoRoomInTheOutboxAndTheOldestGoFirst(t *testing.T) {
	clock, s := setup(t)
	store := chat.NewMemory()
	a := open(t, s, alice, store)
	a.blind = true
	clock.Run(time.Second)
	s.refuse = proto.Refuse(proto.PayloadFormatInvalid, "no")
	for i := range most {
		a.send(fmt.Sprint(i))
	}
	clock.Run(time.Minute)
	kept := func(first uint64) {
		t.Helper()
		stored := load(t, store).Outbox
		if len(stored) != most || stored[0].Number != first || stored[most-1].Refused == "" {
			t.Errorf("%d are stored, the first as number %d; want %d from number %d on", len(stored), stored[0].Number, most, first)
		}
	}
	kept(1)
	s.refuse = nil
	if err := a.try("goes out"); err != nil {
		t.Errorf("with %d refused: %v", most, err)
	}
	clock.Run(time.Second)
	if last := s.published[len(s.published)-1]; last != "goes out" {
		t.Errorf("the server got %q", last)
	}
	s.refuse = proto.Refuse(proto.PayloadFormatInvalid, "no")
	if err := a.try("one more"); err != nil || len(a.errors) != 0 {
		t.Errorf("%v, %v", err, a.errors)
	}
	clock.Run(time.Second)
	kept(2)
	if len(a.errors) != 1 || len(a.gone) != 1 {
		t.Errorf("the person was told of %v, and %d left the screen: want that the oldest was deleted", a.errors, len(a.gone))
	}
}

func TestARefusedMessageWaitsForRoomToBeSentAgain(t *testing.T) {
	clock, s := setup(t)
	a := open(t, s, alice, chat.NewMemory())
	clock.Run(time.Second)
	s.refuse = proto.Refuse(proto.PayloadFormatInvalid, "no")
	a.send("refused")
	clock.Run(time.Second)
	ref := a.shown[0].Ref
	a.blind, s.refuse, s.down = true, nil, true
	s.cut(errors.New("gone"))
	for i := range most {
		a.send(fmt.Sprint(i))
	}
	clock.Run(time.Second)
	var got error
	a.engine.Retry(ref, 0, func(err error) { got = err })
	if !full(got) {
		t.Errorf("sent again among %d that wait: %v", most, got)
	}
	s.down = false
	clock.Run(5 * time.Minute)
	a.engine.Retry(ref, 0, func(err error) { got = err })
	clock.Run(time.Second)
	if got != nil || s.published[len(s.published)-1] != "refused" {
		t.Errorf("with room again: %v, and the server got %q last", got, s.published[len(s.published)-1])
	}
}
