package chat

import (
	"parley/proto"
	"parley/proto/search"
)

// PageTerms is what an index keeps of the messages of a page.
type PageTerms struct {
	Terms search.Filters
	// The lowest and highest id and time of those that a search can find; all 0 if there is none.
	FirstID, LastID, FirstTime, LastTime uint64
}

// IndexOf makes the terms of encoded entries of a conversation. An index holds nothing else of what they say.
func IndexOf(fold search.Folder, key string, bodies [][]byte) PageTerms {
	var p PageTerms
	parsed, err := proto.ParseOpenKey(key)
	if err != nil {
		return p
	}
	var texts []string
	var terms []search.Term
	for _, body := range bodies {
		x, ok := search.Read(parsed.Kind(), body)
		if !ok {
			continue
		}
		texts, terms = append(texts, x.Text), x.AppendTerms(terms)
		p = p.with(PageTerms{FirstID: x.ID, LastID: x.ID, FirstTime: x.Time, LastTime: x.Time})
	}
	for _, text := range fold.Fold(texts) {
		terms = search.AppendTerms(terms, text)
	}
	p.Terms = search.NewFilters(terms)
	return p
}

// IndexWritten makes the terms of a page to which messages are written, of some of which replaces says that they take
// the place of others. before is what the index said until then, nil if it did not know the page; all returns
// everything that is on it now.
func IndexWritten(fold search.Folder, key string, before *PageTerms, written [][]byte, replaces bool, all func() [][]byte) *PageTerms {
	var made PageTerms
	if before == nil || replaces {
		made = IndexOf(fold, key, all())
	} else {
		made = before.merge(IndexOf(fold, key, written))
	}
	return &made
}

// merge adds what other messages of the page have.
func (p PageTerms) merge(others PageTerms) PageTerms {
	merged := p.with(others)
	merged.Terms = search.NewFilters(append(p.Terms.Terms(), others.Terms.Terms()...))
	return merged
}

// with widens the bounds.
func (p PageTerms) with(o PageTerms) PageTerms {
	switch {
	case p.LastID == 0:
		return o
	case o.LastID == 0:
		return p
	}
	return PageTerms{
		FirstID: min(p.FirstID, o.FirstID), LastID: max(p.LastID, o.LastID),
		FirstTime: min(p.FirstTime, o.FirstTime), LastTime: max(p.LastTime, o.LastTime),
	}
}
