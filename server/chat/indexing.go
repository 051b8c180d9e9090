package chat

import (
	"maps"
	"slices"

	"parley/proto"
	"parley/proto/search"
	"parley/proto/search/native"
)

// indexing is one update of the index.
type indexing struct {
	view View
	tx   IndexTx
}

// more takes in what comes next, and returns up to which id it is then.
func (x indexing) more() (through uint64, err error) {
	place, err := x.tx.Place()
	if err != nil {
		return 0, err
	}
	epoch, err := x.view.Epoch()
	if err != nil {
		return 0, err
	}
	if place.Epoch == epoch && place.Version > search.Version {
		return x.view.LastID() // it is a newer node's, and this one looks at the messages themselves
	}
	if place.Epoch != epoch || place.Version != search.Version {
		place = IndexPlace{Epoch: epoch, Version: search.Version}
		if err := x.tx.Clear(); err != nil {
			return 0, err
		}
	}
	entries, err := x.view.ByID(place.Through, 0, indexedAtOnce, false)
	if err != nil {
		return 0, err
	}
	if err := x.add(entries); err != nil {
		return 0, err
	}
	if err := x.revise(entries, place.Through); err != nil {
		return 0, err
	}
	if len(entries) == indexedAtOnce {
		place.Through = entries[len(entries)-1].ID
	} else if place.Through, err = x.view.LastID(); err != nil { // which may be of one that was deleted
		return 0, err
	}
	return place.Through, x.tx.PutPlace(place)
}

// openPage is the last page of an audience, unpacked.
type openPage struct {
	page  IndexPage // without Terms
	terms []search.Term
}

func (p *openPage) put(tx IndexTx) error {
	p.page.Terms = search.NewFilters(p.terms)
	return tx.PutPage(p.page)
}

// add adds entries to the last pages of their audiences.
func (x indexing) add(entries []Entry) error {
	open := make(map[string]*openPage)
	for i, terms := range termsOf(entries) {
		if terms == nil {
			continue
		}
		for _, audience := range audiencesOf(entries[i].Key) {
			p := open[audience]
			if p == nil {
				last, err := x.tx.Pages(audience, 0, 1)
				if err != nil {
					return err
				}
				if p = new(openPage); len(last) > 0 {
					p.page, p.terms = last[0], last[0].Terms.Terms()
				}
				open[audience] = p
			}
			if len(p.page.IDs) == pageLength {
				if err := p.put(x.tx); err != nil {
					return err
				}
				*p = openPage{}
			}
			if p.page.First == 0 {
				p.page.Audience, p.page.First = audience, entries[i].ID
			}
			p.page.IDs, p.terms = append(p.page.IDs, entries[i].ID), append(p.terms, terms...)
		}
	}
	for _, audience := range slices.Sorted(maps.Keys(open)) {
		if err := open[audience].put(x.tx); err != nil {
			return err
		}
	}
	return nil
}

// revise indexes anew what entries speak of, as far as it had been indexed, up to an id.
func (x indexing) revise(entries []Entry, through uint64) error {
	type pageID struct {
		audience string
		first    uint64
	}
	done := make(map[pageID]bool)
	for _, e := range entries {
		target, err := x.target(e)
		if err != nil || target.ID == 0 || target.ID > through {
			if err != nil {
				return err
			}
			continue
		}
		for _, audience := range audiencesOf(e.Key) {
			pages, err := x.tx.Pages(audience, target.ID+1, 1)
			if err != nil {
				return err
			}
			if len(pages) == 0 || done[pageID{audience, pages[0].First}] {
				continue
			}
			done[pageID{audience, pages[0].First}] = true
			if err := x.remake(pages[0]); err != nil {
				return err
			}
		}
	}
	return nil
}

// target is the entry of which another changes what is found; the zero Entry if it changes none.
func (x indexing) target(e Entry) (Entry, error) {
	if e.Type != proto.MessageType_MESSAGE_TYPE_EDIT && e.Type != proto.MessageType_MESSAGE_TYPE_RECALL {
		return Entry{}, nil
	}
	seq := uint64(0)
	if e.Key.Kind() == proto.Service {
		m := new(proto.ServiceMessage)
		if err := decode(e, m); err != nil {
			return Entry{}, err
		}
		seq = m.GetTargetSeq()
	} else {
		m := new(proto.Message)
		if err := decode(e, m); err != nil {
			return Entry{}, err
		}
		seq = m.GetTargetSeq()
	}
	entries, err := x.view.Entries(e.Key, seq-1, seq+1, 1, false)
	if err != nil || len(entries) == 0 {
		return Entry{}, err
	}
	return entries[0], nil
}

// remake makes a page of what there is now of its messages.
func (x indexing) remake(p IndexPage) error {
	entries, err := x.view.WithIDs(p.IDs)
	if err != nil {
		return err
	}
	var all []search.Term
	p.IDs = nil
	for i, terms := range termsOf(entries) {
		if terms != nil {
			p.IDs, all = append(p.IDs, entries[i].ID), append(all, terms...)
		}
	}
	if len(p.IDs) == 0 {
		return x.tx.DeletePage(p.Audience, p.First)
	}
	p.Terms = search.NewFilters(all)
	return x.tx.PutPage(p)
}

// prune makes those of pages anew of which messages are gone.
func (x indexing) prune(pages []IndexPage) error {
	for _, p := range pages {
		entries, err := x.view.WithIDs(p.IDs)
		if err == nil && len(entries) < len(p.IDs) {
			err = x.remake(p)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// termsOf returns the terms of each entry, nil of those that no search finds.
func termsOf(entries []Entry) [][]search.Term {
	all, texts := make([][]search.Term, len(entries)), make([]string, len(entries))
	for i, e := range entries {
		if x, ok := search.Read(e.Key.Kind(), e.Body); ok {
			all[i], texts[i] = append(x.AppendTerms(nil), search.KeyTerm(e.Key.String())), x.Text
		}
	}
	for i, folded := range native.Fold.Fold(texts) {
		if all[i] != nil {
			all[i] = search.AppendTerms(all[i], folded)
		}
	}
	return all
}
