package proto

import (
	"errors"
	"fmt"
	"math"
	"testing"
)

// A talk is a conversation between a customer and a service, as it is stored.
type talk []said

// said is one entry. Its seq is its place in the talk, from 1, and its create
// time the minute at which it was stored.
type said struct {
	by     string // "customer" or "service"
	minute uint64
	seen   *uint64 // what its author had seen; nil for an old client
}

// asks is a message of the customer at a minute.
func asks(minute uint64) said { return said{"customer", minute, nil} }

// replies is a message of the service, whose author had seen up to seen.
func replies(minute, seen uint64) said { return said{"service", minute, &seen} }

// repliesBlind is a message of the service from a client that does not say
// what its author had seen.
func repliesBlind(minute uint64) said { return said{"service", minute, nil} }

// waiting feeds the talk in order and returns how the customer stands.
func (tk talk) waiting(t *testing.T) Waiting {
	t.Helper()
	var w Waiting
	for i, entry := range tk {
		seq := uint64(i + 1)
		if entry.by == "customer" {
			w.Ask(seq, entry.minute)
			continue
		}
		next := func(after uint64) (uint64, uint64, error) {
			for j := after; j < seq-1; j++ {
				if tk[j].by == "customer" {
					return j + 1, tk[j].minute, nil
				}
			}
			return 0, 0, nil
		}
		if err := w.Reply(seq, entry.seen, next); err != nil {
			t.Fatal(err)
		}
	}
	return w
}

// waitingByDefinition computes the same from the definition, all at once.
func (tk talk) waitingByDefinition() Waiting {
	var w Waiting
	for i, entry := range tk {
		if entry.by == "service" {
			through := uint64(i)
			if entry.seen != nil {
				through = min(through, *entry.seen)
			}
			w.AnsweredThrough = max(w.AnsweredThrough, through)
		}
	}
	for i, entry := range tk {
		if seq := uint64(i + 1); entry.by == "customer" && seq > w.AnsweredThrough {
			w.Seq, w.Since = seq, entry.minute
			break
		}
	}
	return w
}

func TestWhoWaitsSinceWhen(t *testing.T) {
	tests := []struct {
		story string
		talk  talk
		since uint64 // minute; 0: nobody waits
	}{
		{"nothing was said", talk{}, 0},
		{"a question waits", talk{asks(10)}, 10},
		{"a reply to a question that was seen answers it", talk{asks(10), replies(12, 1)}, 0},
		{"of several questions the first counts", talk{asks(10), asks(11), asks(12)}, 10},
		{"one reply answers several questions that were seen", talk{asks(10), asks(11), replies(12, 2)}, 0},
		{"a reply and a new question cross: the reply does not answer what its author had not seen",
			talk{asks(10), asks(11), replies(12, 1)}, 11},
		{"the crossing question is answered once a reply follows that saw it",
			talk{asks(10), asks(11), replies(12, 1), replies(13, 3)}, 0},
		{"two replies to the same question while another question came in",
			talk{asks(10), replies(11, 1), asks(12), replies(13, 2)}, 12},
		{"a reply typed before the question was on the screen answers nothing", talk{asks(10), replies(12, 0)}, 10},
		{"a reply of an old client counts as having seen all before it", talk{asks(10), asks(11), repliesBlind(12)}, 0},
		{"a question after the reply of an old client waits", talk{asks(10), repliesBlind(12), asks(13)}, 13},
		{"a later reply that saw less takes nothing back", talk{asks(10), replies(11, 1), replies(12, 0)}, 0},
		{"a reply that claims to have seen the future answers only what was before it",
			talk{asks(10), replies(11, math.MaxUint64), asks(12)}, 12},
		{"a greeting of the service answers nothing that comes later", talk{replies(5, 0), asks(10)}, 10},
		{"thanks after an answer ask again: only no reply needed or a reply ends the wait",
			talk{asks(10), replies(11, 1), asks(12)}, 12},
		{"a part of many questions answered: the first not seen counts",
			talk{asks(10), asks(11), asks(12), asks(13), replies(14, 2)}, 12},
	}
	for _, test := range tests {
		t.Run(test.story, func(t *testing.T) {
			w := test.talk.waiting(t)
			if w.Since != test.since {
				t.Errorf("waiting since minute %d, want %d", w.Since, test.since)
			}
			if want := test.talk.waitingByDefinition(); w != want {
				t.Errorf("%+v, by the definition %+v", w, want)
			}
		})
	}
}

// TestStepByStepEqualsTheDefinition tries every talk of up to six entries.
func TestStepByStepEqualsTheDefinition(t *testing.T) {
	var try func(tk talk)
	try = func(tk talk) {
		if got, want := tk.waiting(t), tk.waitingByDefinition(); got != want {
			t.Fatalf("%s: %+v, by the definition %+v", tk, got, want)
		}
		if len(tk) == 6 {
			return
		}
		minute := uint64(len(tk) + 100)
		try(append(tk[:len(tk):len(tk)], asks(minute)))
		try(append(tk[:len(tk):len(tk)], repliesBlind(minute)))
		for seen := range uint64(len(tk) + 2) {
			try(append(tk[:len(tk):len(tk)], replies(minute, seen)))
		}
	}
	try(nil)
}

func (tk talk) String() string {
	s := ""
	for i, entry := range tk {
		s += fmt.Sprintf("%d %s ", i+1, entry.by)
		if entry.seen != nil {
			s += fmt.Sprintf("(seen %d) ", *entry.seen)
		}
	}
	return s
}

func TestAnsweringHoldsAtTheLastSeqs(t *testing.T) {
	w := Waiting{}
	w.Ask(math.MaxUint64-1, 7)
	seen := uint64(math.MaxUint64)
	if err := w.Reply(math.MaxUint64, &seen, func(uint64) (uint64, uint64, error) { return 0, 0, nil }); err != nil {
		t.Fatal(err)
	}
	if want := (Waiting{AnsweredThrough: math.MaxUint64 - 1}); w != want {
		t.Errorf("%+v, want %+v", w, want)
	}
}

func TestAFailedSearchForTheNextQuestionIsSaid(t *testing.T) {
	broken := errors.New("disk")
	w := Waiting{Seq: 1, Since: 5}
	if err := w.Reply(2, nil, func(uint64) (uint64, uint64, error) { return 0, 0, broken }); !errors.Is(err, broken) {
		t.Errorf("error %v, want %v", err, broken)
	}
}

func TestTheNextQuestionIsLookedForOnlyWhenTheFirstIsAnswered(t *testing.T) {
	never := func(uint64) (uint64, uint64, error) {
		t.Error("looked")
		return 0, 0, nil
	}
	seen := uint64(3)
	for _, w := range []Waiting{{}, {Seq: 4, Since: 9}} {
		if err := w.Reply(6, &seen, never); err != nil {
			t.Error(err)
		}
	}
}

func TestUnreadCountsWhatOthersWroteAfterTheWatermark(t *testing.T) {
	const most = math.MaxUint64
	tests := []struct{ head, read, own, want uint64 }{
		{0, 0, 0, 0},
		{5, 0, 0, 5},
		{5, 5, 0, 0},
		{5, 2, 1, 2},
		{5, 2, 3, 0},
		{5, 7, 0, 0}, // the watermark came before the head did
		{5, 2, 9, 0},
		{most, 0, 0, most},
		{most, most, 0, 0},
		{most, most - 1, 0, 1},
		{most, 1, most, 0},
		{most, most, 1, 0},
		{1, most, most, 0},
	}
	for _, test := range tests {
		if got := Unread(test.head, test.read, test.own); got != test.want {
			t.Errorf("Unread(head %d, read %d, own %d) = %d, want %d", test.head, test.read, test.own, got, test.want)
		}
	}
}
