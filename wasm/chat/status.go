package chat

import (
	"slices"

	"parley/proto"
)

// status is where a conversation stands by the rules of proto, as of a head.
// Like unread it begins with what the server says, keeps what comes after, and
// folds in what is known without a hole.
type status struct {
	proto.ConversationStatus
	head  uint64
	later map[uint64]proto.Event // after head
	// asks and replies are the entries that ask and answer, by side, of those that were
	// folded in here, the newest maxAsks: the server names only the first that waits.
	asks, replies [2][]proto.Event
	before        [2]proto.Replies // what the entries of a side up to base answer
	base          uint64           // the head that the server's part ends at
	// unsure says that the first waiting question may be another one, which
	// only the server knows.
	unsure bool
}

// maxAsks bounds what is kept of each side.
const maxAsks = 500

// entry adds one entry, whatever its place.
func (s *status) entry(kind proto.KeyKind, e proto.Event) {
	if e.Seq <= s.head {
		return
	}
	if e.Seq == s.head+1 { // as most are
		s.follow(kind, e)
		s.fold(kind)
		return
	}
	if s.later == nil {
		s.later = make(map[uint64]proto.Event)
	}
	s.later[e.Seq] = e
}

func (s *status) fold(kind proto.KeyKind) {
	for len(s.later) > 0 {
		e, known := s.later[s.head+1]
		if !known {
			return
		}
		s.follow(kind, e)
	}
}

// follow folds in the entry after head.
func (s *status) follow(kind proto.KeyKind, e proto.Event) {
	s.head++
	delete(s.later, s.head)
	// next never fails, so Add does not.
	if err := s.Add(kind, e, s.next); err != nil {
		s.unsure = true
	}
	if e.Asks(kind) {
		s.asks[e.Side] = s.keep(s.asks[e.Side], e)
	}
	if e.Replies(kind) {
		s.replies[e.Side] = s.keep(s.replies[e.Side], e)
	}
	if e.Type == proto.MessageType_MESSAGE_TYPE_RECALL {
		s.recall(kind, e.Of)
	}
}

// keep adds an entry to those of a side, of which the oldest becomes one of those that only
// the server knows.
func (s *status) keep(all []proto.Event, e proto.Event) []proto.Event {
	if len(all) == maxAsks {
		s.base = max(s.base, all[0].Seq)
		s.before = [2]proto.Replies{s.answered(proto.First), s.answered(proto.Second)}
		all = all[1:]
	}
	return append(all, e)
}

// answered is what all entries of a side answer, as far as it stands in the status.
func (s *status) answered(of proto.Side) proto.Replies {
	all := proto.Replies{Through: s.Sides[of.Other()].AnsweredThrough}
	if of == proto.Second {
		all.Last, all.LastBy = s.LastAnswer, s.LastAnswerBy
	}
	return all
}

// recall folds in that an entry was taken back.
func (s *status) recall(kind proto.KeyKind, seq uint64) {
	if seq <= s.base {
		s.unsure = true // what it asked or answered only the server knows
		return
	}
	for side := range s.asks {
		is := func(e proto.Event) bool { return e.Seq == seq }
		i, j := slices.IndexFunc(s.asks[side], is), slices.IndexFunc(s.replies[side], is)
		if i < 0 && j < 0 {
			continue
		}
		var e proto.Event
		if j >= 0 {
			e = s.replies[side][j]
			s.replies[side] = slices.Concat(s.replies[side][:j], s.replies[side][j+1:])
		}
		if i >= 0 {
			e = s.asks[side][i]
			s.asks[side] = slices.Concat(s.asks[side][:i], s.asks[side][i+1:])
		}
		left := func(of proto.Side) (proto.Replies, error) { return s.left(kind, of), nil }
		if err := s.Recall(kind, e, s.next, left); err != nil {
			s.unsure = true
		}
	}
}

// left is what the entries of a side answer that were not taken back.
func (s *status) left(kind proto.KeyKind, of proto.Side) (all proto.Replies) {
	for _, e := range slices.Backward(s.replies[of]) {
		if all.Add(kind, of, e) {
			return all
		}
	}
	all.Through = max(all.Through, s.before[of].Through)
	if all.Last == 0 {
		all.Last, all.LastBy = s.before[of].Last, s.before[of].LastBy
	}
	return all
}

// next finds a side's first question after a seq, among those it knows of.
func (s *status) next(of proto.Side, after uint64) (seq, createTime uint64, err error) {
	if after < s.base {
		s.unsure = true // one of those before base may come first
	}
	for _, e := range s.asks[of] {
		if e.Seq > after {
			return e.Seq, e.Waits(), nil
		}
	}
	return 0, 0, nil
}

// begun is s with what the server's part says of those up to base.
func (s status) begun() status {
	s.before = [2]proto.Replies{s.answered(proto.First), s.answered(proto.Second)}
	return s
}

// row takes over what the server says as of its head.
func (s *status) row(kind proto.KeyKind, head uint64, from proto.ConversationStatus) {
	if head < s.head {
		return
	}
	*s = status{ConversationStatus: from, head: head, base: head, later: s.later}
	*s = s.begun()
	for seq := range s.later {
		if seq <= head {
			delete(s.later, seq)
		}
	}
	s.fold(kind)
}
