package proto_test

import (
	"cmp"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"parley/proto"
	"parley/proto/answeredtest"
)

var ids = map[answeredtest.Person]uint64{answeredtest.Customer: 1, answeredtest.Ann: 2, answeredtest.Ben: 3}

// event is entry i of a scenario, stored a minute after the one before.
func event(s answeredtest.Scenario, i int) proto.Event {
	e := s.Log[i]
	return proto.Event{Seq: uint64(i + 1), Time: minute(uint64(i + 1)), Side: e.By.Side(s.Kind), Type: e.Does, Seen: e.Seen, Author: ids[e.By], Target: ids[e.To]}
}

func minute(seq uint64) uint64 {
	if seq == 0 {
		return 0
	}
	return 1_750_000_000_000 + 60_000*seq
}

// add feeds an event that is next in log.
func add(t *testing.T, s *proto.ConversationStatus, kind proto.KeyKind, log []proto.Event, e proto.Event) {
	t.Helper()
	err := s.Add(kind, e, func(of proto.Side, after uint64) (uint64, uint64, error) {
		for _, x := range log {
			if x.Seq > after && x.Side == of && x.Asks(kind) {
				return x.Seq, x.Waits(), nil
			}
		}
		return 0, 0, nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// recall takes back an entry of log.
func recall(t *testing.T, s *proto.ConversationStatus, kind proto.KeyKind, log []proto.Event, seq uint64) {
	t.Helper()
	was := log[seq-1]
	log[seq-1].Type = proto.MessageType_MESSAGE_TYPE_RECALLED
	next := func(of proto.Side, after uint64) (uint64, uint64, error) {
		for _, x := range log {
			if x.Seq > after && x.Side == of && x.Asks(kind) {
				return x.Seq, x.Waits(), nil
			}
		}
		return 0, 0, nil
	}
	left := func(of proto.Side) (all proto.Replies, _ error) {
		for _, x := range slices.Backward(log) {
			if all.Add(kind, of, x) {
				break
			}
		}
		return all, nil
	}
	if err := s.Recall(kind, was, next, left); err != nil {
		t.Fatal(err)
	}
}

// TestARecallLeavesWhatWouldStandWithoutTheEntry tries the recall of each entry of random
// logs, and compares with the same log added anew.
func TestARecallLeavesWhatWouldStandWithoutTheEntry(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 20_000 {
		kind := []proto.KeyKind{proto.Direct, proto.Service}[random.IntN(2)]
		types := []proto.MessageType{0, 0, 0, proto.MessageType_MESSAGE_TYPE_NO_REPLY_NEEDED, proto.MessageType_MESSAGE_TYPE_CLAIM, proto.MessageType_MESSAGE_TYPE_RESOLVE, proto.MessageType_MESSAGE_TYPE_REACT}
		var s, anew proto.ConversationStatus
		var log []proto.Event
		for seq := uint64(1); seq <= 8; seq++ {
			seen := random.Uint64N(seq)
			e := proto.Event{Seq: seq, Time: minute(seq), Side: proto.Side(random.IntN(2)), Type: types[random.IntN(len(types))], Seen: &seen, Author: 7 + random.Uint64N(2)}
			add(t, &s, kind, log, e)
			log = append(log, e)
			if back := 1 + random.Uint64N(seq); random.IntN(3) == 0 && log[back-1].Type.Written() {
				recall(t, &s, kind, log, back)
			}
		}
		for i, e := range log {
			add(t, &anew, kind, log[:i], e)
		}
		if s != anew {
			t.Fatalf("%c %+v: %+v, added anew %+v", kind, log, s, anew)
		}
	}
}

func TestWhoWaitsAfterEachScenario(t *testing.T) {
	for _, scenario := range answeredtest.Scenarios() {
		t.Run(scenario.Story, func(t *testing.T) {
			var s proto.ConversationStatus
			var log []proto.Event
			for i := range scenario.Log {
				e := event(scenario, i)
				add(t, &s, scenario.Kind, log, e)
				log = append(log, e)
				if e.Type == proto.MessageType_MESSAGE_TYPE_RECALL {
					recall(t, &s, scenario.Kind, log, scenario.Log[i].Of)
				}
			}
			for side, want := range scenario.Waits {
				if got := s.Sides[side]; got.Seq != want || got.Since != minute(want) {
					t.Errorf("side %d waits with entry %d since %d, want %d since %d", side, got.Seq, got.Since, want, minute(want))
				}
			}
			if s.Assignee != ids[scenario.Has] || s.PostProc != scenario.Closed {
				t.Errorf("%d has it, closing state %d; want %d, %d", s.Assignee, s.PostProc, ids[scenario.Has], scenario.Closed)
			}
			if want := byDefinition(scenario.Kind, log); s.Sides != want {
				t.Errorf("%+v, by the definition %+v", s.Sides, want)
			}
		})
	}
}

// byDefinition is the design's definition, from the whole log at once.
func byDefinition(kind proto.KeyKind, log []proto.Event) (sides [2]proto.Waiting) {
	for _, e := range log {
		human := e.Type < 16
		clears := e.Type == proto.MessageType_MESSAGE_TYPE_NO_REPLY_NEEDED || (e.Type == proto.MessageType_MESSAGE_TYPE_RESOLVE || e.Type == proto.MessageType_MESSAGE_TYPE_MOVE) && kind == proto.Service
		if !human && !clears || kind == proto.Service && e.Side == proto.First {
			continue
		}
		through := e.Seq - 1
		if e.Seen != nil && e.Type != proto.MessageType_MESSAGE_TYPE_MOVE {
			through = min(through, *e.Seen)
		}
		w := &sides[e.Side.Other()]
		w.AnsweredThrough = max(w.AnsweredThrough, through)
	}
	for side := range sides {
		w := &sides[side]
		for _, e := range log {
			asks := e.Type < 16 && (kind == proto.Direct || e.Side == proto.First)
			if asks && int(e.Side) == side && e.Seq > w.AnsweredThrough {
				w.Seq, w.Since = e.Seq, cmp.Or(e.Since, e.Time)
				break
			}
		}
	}
	return sides
}

// TestStandingEqualsTheDefinition tries every log of three entries of every
// type, and of four of the types that differ under the rule.
func TestStandingEqualsTheDefinition(t *testing.T) {
	var every []proto.MessageType
	for number := range proto.MessageType_name {
		every = append(every, proto.MessageType(number))
	}
	differ := []proto.MessageType{0, proto.MessageType_MESSAGE_TYPE_NOTE, proto.MessageType_MESSAGE_TYPE_RESOLVE, proto.MessageType_MESSAGE_TYPE_NO_REPLY_NEEDED}
	// A direct conversation knows messages and little else: shorter logs say as much.
	for kind, length := range map[proto.KeyKind]int{proto.Direct: 3, proto.Service: 4} {
		tryAll(t, kind, every, 2, proto.ConversationStatus{}, nil)
		tryAll(t, kind, differ, length, proto.ConversationStatus{}, nil)
	}
}

// tryAll continues log in every way, up to a length.
func tryAll(t *testing.T, kind proto.KeyKind, types []proto.MessageType, length int, s proto.ConversationStatus, log []proto.Event) {
	if want := byDefinition(kind, log); s.Sides != want {
		t.Fatalf("%c %+v: %+v, by the definition %+v", kind, log, s.Sides, want)
	}
	if len(log) == length {
		return
	}
	seq := uint64(len(log) + 1)
	for _, side := range []proto.Side{proto.First, proto.Second} {
		for _, what := range types {
			for seen := range seq + 2 {
				e := proto.Event{Seq: seq, Time: minute(seq), Side: side, Type: what, Seen: &seen, Author: 9}
				if seen > seq {
					e.Seen = nil
				}
				if what == proto.MessageType_MESSAGE_TYPE_MOVED_HERE {
					e.Since = e.Time - 1
				}
				after := s
				add(t, &after, kind, log, e)
				tryAll(t, kind, types, length, after, append(log[:len(log):len(log)], e))
			}
		}
	}
}

func TestTheNewestAnswerToTheCustomerIsKnownWithItsAuthor(t *testing.T) {
	var s proto.ConversationStatus
	for i, e := range []proto.Event{
		{Side: proto.First}, {Side: proto.Second, Author: 7}, {Side: proto.Second, Author: 8},
		{Side: proto.Second, Author: 9, Type: proto.MessageType_MESSAGE_TYPE_NOTE}, {Side: proto.First},
	} {
		e.Seq = uint64(i + 1)
		add(t, &s, proto.Service, nil, e)
	}
	if s.LastAnswer != 3 || s.LastAnswerBy != 8 {
		t.Errorf("newest answer %d of %d, want 3 of 8", s.LastAnswer, s.LastAnswerBy)
	}
}

func TestAnEntryTellsWhatTheRulesNeed(t *testing.T) {
	seq, low, high, at, seen := uint64(math.MaxUint64), uint64(1<<63), uint64(1<<63+1), uint64(77), uint64(5)
	m := &proto.Message{SenderId: &high, ReceiverId: &low, Seq: &seq, CreateTime: &at, SeenSeq: &seen}
	if e := m.Event(); e.Seq != seq || e.Time != at || e.Side != proto.Second || e.Type != 0 || *e.Seen != 5 {
		t.Errorf("%+v", e)
	}
	if e := (&proto.Message{SenderId: &low, ReceiverId: &high}).Event(); e.Side != proto.First || e.Seen != nil {
		t.Errorf("%+v", e)
	}
	x := &proto.ServiceMessage{
		UserId: &low, Direction: proto.ServiceMessageDirection_SERVICE_TO_CUSTOMER.Enum(), MessageType: proto.MessageType_MESSAGE_TYPE_HAND_OVER.Enum(),
		CreateDate: &at, Seq: &seq, AgentId: &high, TargetAgentId: &low,
	}
	if e := x.Event(); e.Seq != seq || e.Time != at || e.Side != proto.Second || e.Type != proto.MessageType_MESSAGE_TYPE_HAND_OVER || e.Author != high || e.Target != low {
		t.Errorf("%+v", e)
	}
	x.Direction = proto.ServiceMessageDirection_CUSTOMER_TO_SERVICE.Enum()
	if e := x.Event(); e.Side != proto.First || e.Author != 0 {
		t.Errorf("%+v", e)
	}
}

func TestAFailedSearchEndsTheStatus(t *testing.T) {
	broken := errors.New("disk")
	s := proto.ConversationStatus{Sides: [2]proto.Waiting{{Seq: 1, Since: 5}}}
	err := s.Add(proto.Service, proto.Event{Seq: 2, Side: proto.Second}, func(of proto.Side, after uint64) (uint64, uint64, error) {
		if of != proto.First || after != 1 {
			t.Errorf("looked for side %d after %d", of, after)
		}
		return 0, 0, broken
	})
	if !errors.Is(err, broken) {
		t.Errorf("error %v", err)
	}
}

func TestControlEntriesAreNotUnreadExceptNotesToAgents(t *testing.T) {
	const customer, agent = 1, 2
	service, direct := proto.ServiceKey(customer, 0), proto.DirectKey(1, 2)
	for number := range proto.MessageType_name {
		written, note := number < 16, number == int32(proto.MessageType_MESSAGE_TYPE_NOTE)
		kind := proto.MessageType(number)
		if service.Counts(kind, customer) != written || direct.Counts(kind, customer) != written {
			t.Errorf("%v counts to a customer or user: %t", kind, !written)
		}
		if service.Counts(kind, agent) != (written || note) {
			t.Errorf("%v counts to an agent: %t", kind, !(written || note))
		}
	}
}

func TestAKeyKnowsTheSides(t *testing.T) {
	for _, test := range []struct {
		key  proto.Key
		user uint64
		want proto.Side
	}{
		{proto.DirectKey(9, 4), 4, proto.First}, {proto.DirectKey(9, 4), 9, proto.Second},
		{proto.ServiceKey(9, 4), 9, proto.First}, {proto.ServiceKey(9, 4), 4, proto.Second}, {proto.ServiceKey(9, 4), 1, proto.Second},
	} {
		if got := test.key.Side(test.user); got != test.want {
			t.Errorf("%s: %d is on side %d", test.key, test.user, got)
		}
	}
}

// message is entry i of a group's scenario, stored a minute after the one before.
func message(s answeredtest.GroupScenario, i int) *proto.Message {
	e, seq, at, group := s.Log[i], uint64(i+1), minute(uint64(i+1)), uint64(99)
	by := groupIDs[e.By]
	m := &proto.Message{SenderId: &by, GroupId: &group, Seq: &seq, CreateTime: &at, MessageType: &e.Does, SeenSeq: e.Seen, TargetSeq: &e.Of}
	for _, p := range e.Members {
		m.Members = append(m.Members, groupIDs[p])
	}
	if !e.Does.Control() {
		for _, p := range e.Mentions {
			m.Mentions = append(m.Mentions, groupIDs[p])
		}
	}
	return m
}

var groupIDs = map[answeredtest.Person]uint64{answeredtest.Ann: 2, answeredtest.Ben: 3, answeredtest.Cleo: 4, answeredtest.Everyone: proto.Everyone}

func TestWhoIsAskedAfterEachScenarioOfAGroup(t *testing.T) {
	for _, scenario := range answeredtest.GroupScenarios() {
		t.Run(scenario.Story, func(t *testing.T) {
			roles := make(proto.Roles)
			for i := range scenario.Log {
				roles.Add(message(scenario, i))
			}
			for _, person := range []answeredtest.Person{answeredtest.Ann, answeredtest.Ben, answeredtest.Cleo} {
				if roles[groupIDs[person]] == proto.GroupRole_GROUP_ROLE_NONE {
					continue // whom nobody asks
				}
				var s proto.ConversationStatus
				var log []proto.Event
				for i := range scenario.Log {
					e := message(scenario, i).EventTo(groupIDs[person])
					add(t, &s, proto.Group, log, e)
					log = append(log, e)
					if e.Type == proto.MessageType_MESSAGE_TYPE_RECALL {
						recall(t, &s, proto.Group, log, e.Of)
					}
				}
				want := scenario.Asks[person]
				if got := s.Sides[proto.Second]; got.Seq != want || got.Since != minute(want) {
					t.Errorf("%s is asked by entry %d since %d, want %d since %d", person, got.Seq, got.Since, want, minute(want))
				}
				if s.Sides[proto.First].Seq != 0 {
					t.Errorf("%s waits for %+v", person, s.Sides[proto.First])
				}
			}
		})
	}
}
