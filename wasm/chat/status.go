package chat

import "parley/proto"

// status is where a conversation stands by the rules of proto, as of a head.
// Like unread it begins with what the server says, keeps what comes after, and
// folds in what is known without a hole.
type status struct {
	proto.ConversationStatus
	head  uint64
	later map[uint64]proto.Event // after head
	// asks are the entries that ask, by side, of those that were folded in
	// here and are not answered yet: the server names only the first.
	asks [2][]proto.Event
	base uint64 // the head that the server's part ends at
	// unsure says that the first waiting question may be another one, which
	// only the server knows.
	unsure bool
}

// entry adds one entry, whatever its place.
func (s *status) entry(kind proto.KeyKind, e proto.Event) {
	if e.Seq <= s.head {
		return
	}
	if s.later == nil {
		s.later = make(map[uint64]proto.Event)
	}
	s.later[e.Seq] = e
	s.fold(kind)
}

func (s *status) fold(kind proto.KeyKind) {
	for {
		e, known := s.later[s.head+1]
		if !known {
			return
		}
		s.head++
		delete(s.later, s.head)
		// next never fails, so Add does not.
		if err := s.Add(kind, e, s.next); err != nil {
			s.unsure = true
		}
		if e.Asks(kind) {
			s.asks[e.Side] = append(s.asks[e.Side], e)
		}
	}
}

// next finds a side's first question after a seq, among those it knows of.
func (s *status) next(of proto.Side, after uint64) (seq, createTime uint64, err error) {
	if after < s.base {
		s.unsure = true // one of those before base may come first
	}
	for len(s.asks[of]) > 0 && s.asks[of][0].Seq <= after {
		s.asks[of] = s.asks[of][1:]
	}
	if len(s.asks[of]) == 0 {
		return 0, 0, nil
	}
	return s.asks[of][0].Seq, s.asks[of][0].Waits(), nil
}

// row takes over what the server says as of its head.
func (s *status) row(kind proto.KeyKind, head uint64, from proto.ConversationStatus) {
	if head < s.head {
		return
	}
	*s = status{ConversationStatus: from, head: head, base: head, later: s.later}
	for seq := range s.later {
		if seq <= head {
			delete(s.later, seq)
		}
	}
	s.fold(kind)
}
