package chat

import (
	"context"
	"slices"

	"parley/proto"
)

// maxSearchAsks bounds how often one search asks the server, each answer of which looks at so much and no more.
const maxSearchAsks = 8

// everywhere is a search of what is stored here and of what the server has besides. Each source says down to which id
// it has told of everything: the answer goes as far as both do.
type everywhere struct {
	local   *searching // of what is stored here
	done    func(Found, error)
	here    *Found // nil while it is on its way
	there   []elsewhere
	through uint64 // what the server has, with that id or a higher one, is among there; 0: all
	asks    int
	asking  bool
	reason  Reason // why the server did not answer
}

// elsewhere is an entry that the server found.
type elsewhere struct {
	c     *conversation
	entry entry
}

// begin asks the server.
func (s *everywhere) begin() {
	s.through = unknownID
	if s.local.query.Before != 0 {
		s.through = s.local.query.Before
	}
	s.ask()
}

// ask asks for what is before what was told of.
func (s *everywhere) ask() {
	e := s.local.engine
	if e.fetch.pause != nil {
		s.failed(e.fetch.pause.why)
		return
	}
	q, token, epoch := s.local.query, e.Token.Text, e.meta.Epoch
	if q.Before = s.through; q.Before == unknownID {
		q.Before = 0
	}
	s.asking = true
	s.asks++
	e.Host.Go(func() func() {
		ctx, cancel := context.WithTimeout(s.local.ctx, fetchTimeout)
		defer cancel()
		body, err := e.History.Search(ctx, token, q, s.local.limit)
		answer := new(proto.SearchAnswer)
		if err == nil {
			err = proto.UnmarshalOpen(body, answer)
		}
		return func() {
			s.asking = false
			if s.local.ctx.Err() != nil {
				return
			}
			if err == nil && e.meta.Epoch != epoch {
				err = errOtherHistory
			}
			if err == nil {
				err = s.take(answer)
			}
			if err != nil {
				s.failed(err)
				return
			}
			s.merge()
		}
	})
}

// take takes in an answer of the server.
func (s *everywhere) take(answer *proto.SearchAnswer) error {
	if answer.GetBefore() >= s.through {
		return errSearchAnswer
	}
	last := s.through
	for _, f := range answer.GetFound() {
		c, err := s.local.engine.told(f.GetKey())
		if err != nil {
			return errSearchAnswer
		}
		x := entry{direct: f.GetMessage(), service: f.GetServiceMessage()}
		switch {
		case c.key.IsZero():
			continue
		case (c.key.Kind() == proto.Service) != (x.service != nil), (x.service == nil) == (x.direct == nil), x.key() != c.key, x.id() >= last, x.id() < answer.GetBefore():
			return errSearchAnswer
		}
		if x.seq = x.direct.GetSeq(); x.service != nil {
			x.seq = x.service.GetSeq()
		}
		last = x.id()
		s.there = append(s.there, elsewhere{c, x})
	}
	s.through = answer.GetBefore()
	return nil
}

var errSearchAnswer = proto.Refuse(proto.PayloadFormatInvalid, "the server's history answered something that is not what was searched for").Named("history-unreadable")

// failed goes on without the server.
func (s *everywhere) failed(err error) {
	if do, _ := remedyOf(reading, err); do == renew {
		s.local.engine.renewing.ask()
	}
	s.reason, s.there, s.through = reasonOf(err), nil, 0
	s.merge()
}

// merge gives what both found, once both have told of enough.
func (s *everywhere) merge() {
	if s.here == nil || s.asking || s.local.ctx.Err() != nil {
		return
	}
	through := max(s.here.Next, s.through)
	answer := Found{Indexed: s.here.Indexed, Incomplete: s.reason.Text, IncompleteCode: s.reason.Code, IncompleteArgs: s.reason.Args}
	for _, hit := range s.here.Hits {
		if hit.Message.ID >= through {
			answer.Hits = append(answer.Hits, hit)
		}
	}
	answer.Hits = append(answer.Hits, s.hits(through)...)
	slices.SortFunc(answer.Hits, func(a, b Hit) int { return compare(b.Message.ID, a.Message.ID) })
	if len(answer.Hits) < s.local.limit && s.through > s.here.Next && s.asks < maxSearchAsks {
		s.ask()
		return
	}
	answer.Next = through
	if len(answer.Hits) > s.local.limit {
		answer.Hits = answer.Hits[:s.local.limit]
		answer.Next = answer.Hits[s.local.limit-1].Message.ID
	}
	answer.More = answer.Next > 0
	s.done(answer, nil)
}

// hits are those of the server that are not stored here, nor were as this browser looked: of those that are, it knows best.
func (s *everywhere) hits(through uint64) (hits []Hit) {
	e := s.local.engine
	here := make(map[uint64]bool)
	for _, hit := range s.here.Hits {
		here[hit.Message.ID] = true
	}
	for _, x := range s.there {
		if x.entry.id() < through || here[x.entry.id()] || x.c.stored.has(x.entry.seq) || x.entry.seq < x.c.floor() || x.c.repair.denied || !e.mayRead(x.c.key) {
			continue
		}
		hits = s.local.append(hits, x.c, x.entry)
	}
	s.local.mark(hits)
	return hits
}
