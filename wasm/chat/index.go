package chat

import (
	"slices"

	"parley/proto/search"
)

// PageSize is how many seqs a page has: page n those from PageSize*n on. A search reads whole pages.
const PageSize = 64

// PageOf returns the page that seq is on.
func PageOf(seq uint64) uint64 { return seq / PageSize }

// Span is consecutive pages of one conversation, both ends included.
type Span struct {
	Key      string
	From, To uint64
}

// Candidates are the pages of a span on which a search may find something.
type Candidates struct {
	Pages []Candidate // the newest first
	// FirstID: older messages than those of the span have lower ids; unknownID if that is not known.
	FirstID uint64
}

// Candidate is a page.
type Candidate struct {
	Page   uint64
	LastID uint64 // the highest id on it; unknownID if that is not known
}

// unknownID is above all ids.
const unknownID = ^uint64(0)

// Probe is what a search asks of an index: pages that have all terms, and a message with an id below Before, other
// than 0, and a time from From through To.
type Probe struct {
	terms    []search.Term
	Before   uint64
	From, To uint64
}

// Shards are those that hold what is asked, ascending; at least one.
func (p Probe) Shards() []int {
	shards := make([]int, 0, len(p.terms)+1)
	for _, t := range p.terms {
		shards = append(shards, search.ShardOf(t))
	}
	if len(shards) == 0 {
		shards = append(shards, 0)
	}
	slices.Sort(shards)
	return slices.Compact(shards)
}

// ProbeOf is what the index is asked for a text alone.
func ProbeOf(fold search.Folder, text string) Probe {
	return Probe{terms: search.PatternOf(fold.Fold([]string{text})[0]).Terms(), To: ^uint64(0)}
}

// Look finds the candidates of a span. terms are what the index says of a page; nil if it does not know it.
func (p Probe) Look(s Span, terms func(page uint64) *PageTerms) Candidates {
	found := Candidates{FirstID: unknownID}
	for page := s.To; ; page-- {
		switch of := terms(page); {
		case of == nil:
			found.Pages = append(found.Pages, Candidate{page, unknownID})
		case of.LastID == 0: // nothing that can be found
		default:
			found.FirstID = min(found.FirstID, of.FirstID)
			if p.on(of) {
				found.Pages = append(found.Pages, Candidate{page, of.LastID})
			}
		}
		if page == s.From {
			return found
		}
	}
}

func (p Probe) on(page *PageTerms) bool {
	if p.Before != 0 && page.FirstID >= p.Before || page.LastTime < p.From || page.FirstTime > p.To {
		return false
	}
	return page.Terms.HasAll(p.terms)
}
