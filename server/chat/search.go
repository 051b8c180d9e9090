package chat

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"unicode/utf8"

	"parley/proto"
	"parley/proto/search"
	"parley/proto/search/native"
)

const (
	// MaxFound is the most messages that a search returns at once.
	MaxFound = 50
	// maxQuery is the longest SearchQuery.Text, in bytes; it is what browsers look for at most.
	maxQuery = 256
)

// searchesAtOnce is how many searches are in work, so that they leave most processors to others; further ones wait
// in the order in which they came.
func searchesAtOnce() int { return max(1, runtime.GOMAXPROCS(0)/4) }

// SearchQuery says what is looked for: messages that people wrote and that fit all fields that are not zero, of
// which there is Text, Sender or Kind.
type SearchQuery struct {
	// Text is words, each of which some word of the message begins with, and runs of characters of scripts without
	// spaces, each of which stands in it (package search).
	Text   string
	Key    proto.Key // of one conversation; zero: of all
	Sender uint64    // as who asks is told it: customers do not learn which agent wrote
	Kind   search.Kind
	// From and To are the first and the last create time, Unix milliseconds; To 0 is no bound.
	From, To uint64
	Before   uint64 // message id; 0 is no bound
	Limit    int    // 1 to MaxFound
}

// check returns why the query cannot be answered.
func (q SearchQuery) check() error {
	switch n := len(q.Text); {
	case q.Limit < 1 || q.Limit > MaxFound:
		return proto.Refuse(proto.PayloadFormatInvalid, "limit is %d: want 1 to %d", q.Limit, MaxFound)
	case n > maxQuery:
		return proto.Refuse(proto.PayloadFormatInvalid, "q has %d bytes, at most %d are looked for", n, maxQuery)
	case !utf8.ValidString(q.Text):
		return proto.Refuse(proto.PayloadFormatInvalid, "q is not valid UTF-8")
	case q.Kind != search.AnyKind && !slices.Contains(search.Kinds[:], q.Kind):
		return proto.Refuse(proto.PayloadFormatInvalid, "kind is %q: want picture, file or link", q.Kind)
	case q.To != 0 && q.To < q.From:
		return proto.Refuse(proto.PayloadFormatInvalid, "to is before from")
	case q.Text == "" && q.Sender == 0 && q.Kind == search.AnyKind:
		return proto.Refuse(proto.PayloadFormatInvalid, "q is missing: say what to look for, or send sender or kind")
	}
	return nil
}

// Search finds messages in all conversations that a user may read, or in one: those that Messages would give them,
// as it would, the newest first. What was stored before the call is found, edits of the last moments excepted. One
// call looks at so much and no more; SearchAnswer.before says where the next goes on.
//
// Errors wrap a *proto.Refusal, NotAuthorized as those of Messages.
func (s *Service) Search(ctx context.Context, who Sender, q SearchQuery) (*proto.SearchAnswer, error) {
	if err := q.check(); err != nil {
		return nil, err
	}
	if !q.Key.IsZero() && !mayBeOf(who, q.Key) {
		return nil, notParticipant()
	}
	pattern := search.PatternOf(native.Fold.Fold([]string{q.Text})[0])
	if q.Text != "" && pattern.Empty() {
		return &proto.SearchAnswer{Before: new(uint64)}, nil
	}
	select {
	case s.searches <- struct{}{}:
		defer func() { <-s.searches }()
	case <-ctx.Done():
		return nil, fmt.Errorf("%w: %w", proto.Refuse(proto.ServerBusy, "too many search at once: try again").Named("busy"), ctx.Err())
	}
	x := &searching{ctx: ctx, who: who, query: q, pattern: pattern}
	err := s.look(x, s.index)
	if errors.Is(err, ErrIndexLost) {
		s.indexed.Store(nil) // to be made anew
		err = s.look(x, noIndex{})
	}
	switch {
	case err != nil:
		return nil, s.failed("the history could not be searched", err)
	case x.denied:
		return nil, notParticipant()
	}
	return x.answer, nil
}

// look searches one state of the history, by one of the index that is no newer.
func (s *Service) look(x *searching, index Index) error {
	return index.View(x.ctx, func(i IndexView) error {
		return s.store.Scan(x.ctx, func(v View) error { return x.run(v, i) })
	})
}
