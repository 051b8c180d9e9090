package chat

import (
	"cmp"
	"context"
	"slices"

	"parley/proto"
	"parley/proto/search"
	"parley/proto/search/native"
)

// searchBudget is what one search may still look at, so that none takes long: entries, bytes of them, and pages of
// the index.
type searchBudget struct{ entries, bytes, pages int }

func newSearchBudget() searchBudget { return searchBudget{entries: 8192, bytes: 2 << 20, pages: 8192} }

func (b searchBudget) spent() bool { return b.entries <= 0 || b.bytes <= 0 || b.pages <= 0 }

// searching is one call of Search. It goes back from the newest message on: through those that are not indexed yet
// one by one, then through the index.
type searching struct {
	ctx     context.Context
	who     Sender
	query   SearchQuery
	pattern search.Pattern
	view    View
	index   IndexView
	reads   map[proto.Key]access // of conversations that were met
	left    searchBudget
	answer  *proto.SearchAnswer
	denied  bool
}

// run searches one state of the history and of an index. The answer's before is what is not looked at yet.
func (s *searching) run(v View, index IndexView) error {
	s.view, s.index, s.reads, s.left = v, index, make(map[proto.Key]access), newSearchBudget()
	s.answer = &proto.SearchAnswer{Before: new(uint64)}
	if !s.query.Key.IsZero() {
		a, err := s.access(s.query.Key)
		if s.denied = a == (access{}); err != nil || s.denied {
			return err
		}
	}
	place, err := s.index.Place()
	if err != nil {
		return err
	}
	epoch, err := s.view.Epoch()
	if err != nil {
		return err
	}
	if place.Epoch != epoch || place.Version != search.Version {
		place = IndexPlace{}
	}
	done, err := s.throughEntries(place.Through)
	if err == nil && !done && place.Through != 0 {
		err = s.throughIndex(place.Through)
	}
	return err
}

// entriesAtOnce is how many entries are read together where nothing is indexed.
const entriesAtOnce = 256

// throughEntries looks at all entries after an id, and reports whether the search is at its end.
func (s *searching) throughEntries(after uint64) (done bool, err error) {
	for before := s.query.Before; ; {
		if before != 0 && before <= after+1 {
			return after == 0, s.goOn(0)
		}
		entries, err := s.view.ByID(after, before, entriesAtOnce, true)
		if err != nil {
			return true, err
		}
		slices.Reverse(entries)
		if full, err := s.take(entries); err != nil || full {
			return true, err
		}
		if len(entries) < entriesAtOnce {
			return after == 0, s.goOn(0)
		}
		before = entries[len(entries)-1].ID
	}
}

// goOn says from which id on everything was looked at; 0: everything was.
func (s *searching) goOn(before uint64) error {
	s.answer.Before = &before
	return s.ctx.Err()
}

// take takes those of entries, the newest first, that fit, and reports whether the answer is complete with that.
func (s *searching) take(entries []Entry) (full bool, err error) {
	for _, e := range entries {
		found, err := s.fits(e)
		if err != nil {
			return true, err
		}
		if found != nil {
			s.answer.Found = append(s.answer.Found, found)
		}
		s.left.entries--
		if len(s.answer.Found) == s.query.Limit || s.left.spent() {
			return true, s.goOn(e.ID)
		}
	}
	return false, nil
}

// fits returns an entry as the user gets it, if it is looked for and theirs to read; else nil.
func (s *searching) fits(e Entry) (*proto.Found, error) {
	q := s.query
	if !e.Type.Written() || !q.Key.IsZero() && e.Key != q.Key || e.CreateTime < q.From || q.To != 0 && e.CreateTime > q.To {
		return nil, nil
	}
	if a, err := s.access(e.Key); err != nil || !a.has(e.Seq) {
		return nil, err
	}
	theirs, err := kindOf(e.Key).copies(s.who.User, e.Key, []Entry{e})
	if err != nil {
		return nil, err
	}
	x, ok := search.Read(e.Key.Kind(), theirs[0].Body)
	s.left.bytes -= len(e.Body)
	if !ok || q.Sender != 0 && x.Sender != q.Sender || !x.Is(q.Kind) || !s.pattern.In(native.Fold.Fold([]string{x.Text})[0]) {
		return nil, nil
	}
	name := e.Key.String()
	found := &proto.Found{Key: &name}
	if e.Key.Kind() == proto.Service {
		found.ServiceMessage = new(proto.ServiceMessage)
		return found, decode(theirs[0], found.ServiceMessage)
	}
	found.Message = new(proto.Message)
	return found, decode(theirs[0], found.Message)
}

// access is what the user may read of a conversation, as Messages has it.
func (s *searching) access(key proto.Key) (a access, err error) {
	if !mayBeOf(s.who, key) {
		return access{}, nil
	}
	a, known := s.reads[key]
	if !known {
		m, err := s.view.Member(key, s.who.User)
		if err != nil {
			return access{}, err
		}
		a = kindOf(key).access(m)
		s.reads[key] = a
	}
	return a, nil
}

// stream is what a search has read of the index for one audience.
type stream struct {
	audience string
	pages    []IndexPage // that were not looked at, or not all of them, the newest first
	next     uint64      // the pages with a lower First were not read; 0: there are none
}

// floor is the id down to which pages tells everything.
func (t *stream) floor() uint64 {
	if t.next == 0 || len(t.pages) == 0 {
		return t.next
	}
	return t.pages[len(t.pages)-1].First
}

// throughIndex looks at what the index names, from an id on or, if that is lower, from the query's Before.
func (s *searching) throughIndex(through uint64) error {
	streams, err := s.streams()
	if err != nil {
		return err
	}
	terms, before := s.terms(), through+1
	if s.query.Before != 0 {
		before = min(before, s.query.Before)
	}
	for _, t := range streams {
		t.next = before
	}
	for share := firstPages; ; share = min(share*2, mostPages) {
		floor, err := s.read(streams, share)
		if err != nil {
			return err
		}
		for ids := candidates(streams, terms, floor, before); len(ids) > 0; {
			some := ids[:min(len(ids), idsAtOnce)]
			ids = ids[len(some):]
			entries, err := s.view.WithIDs(some)
			if err != nil {
				return err
			}
			slices.Reverse(entries)
			if full, err := s.take(entries); err != nil || full {
				return err
			}
		}
		if before = floor; floor == 0 || s.left.spent() {
			return s.goOn(floor)
		}
	}
}

const (
	// firstPages is how many pages of each audience are read at first, mostPages how many at once after some
	// fruitless times. idsAtOnce entries are read together.
	firstPages, mostPages = 2, 256
	idsAtOnce             = 64
)

// streams are what the user may read, or the one conversation that is searched is among.
func (s *searching) streams() (all []*stream, err error) {
	if key := s.query.Key; !key.IsZero() {
		audience := userAudience(s.who.User)
		if key.Kind() == proto.Group || key.Agent(s.who.User) {
			audiences := audiencesOf(key)
			audience = audiences[len(audiences)-1]
		}
		return []*stream{{audience: audience}}, nil
	}
	all = append(all, &stream{audience: userAudience(s.who.User)})
	for _, service := range s.who.Services {
		all = append(all, &stream{audience: serviceAudience(service)})
	}
	groups, err := s.view.Groups(s.who.User)
	for _, key := range groups {
		all = append(all, &stream{audience: key.String()})
	}
	return all, err
}

// terms are what a page has that holds what is looked for.
func (s *searching) terms() []search.Term {
	terms := s.pattern.Terms()
	if s.query.Sender != 0 {
		terms = append(terms, search.SenderTerm(s.query.Sender))
	}
	if s.query.Kind != search.AnyKind {
		terms = append(terms, search.KindTerm(s.query.Kind))
	}
	if !s.query.Key.IsZero() {
		terms = append(terms, search.KeyTerm(s.query.Key.String()))
	}
	return terms
}

// read reads more pages where none are left, and returns down to which id all are read.
func (s *searching) read(streams []*stream, share int) (floor uint64, err error) {
	for _, t := range streams {
		if len(t.pages) == 0 && t.next != 0 {
			if t.pages, err = s.index.Pages(t.audience, t.next, share); err != nil {
				return 0, err
			}
			s.left.pages -= len(t.pages) + 1
			if t.next = 0; len(t.pages) == share {
				t.next = t.pages[share-1].First
			}
		}
		floor = max(floor, t.floor())
	}
	return floor, s.ctx.Err()
}

// candidates are the ids from floor up to before on pages that have all terms, the highest first. Pages above floor
// are done with.
func candidates(streams []*stream, terms []search.Term, floor, before uint64) (ids []uint64) {
	for _, t := range streams {
		keep := t.pages[:0]
		for i := range t.pages {
			p := &t.pages[i]
			if p.Terms.HasAll(terms) {
				for _, id := range p.IDs {
					if id >= floor && id < before {
						ids = append(ids, id)
					}
				}
			}
			if p.First < floor {
				keep = append(keep, *p)
			}
		}
		t.pages = keep
	}
	slices.SortFunc(ids, func(x, y uint64) int { return cmp.Compare(y, x) })
	return slices.Compact(ids) // an agent may be the customer
}
