package chat

import (
	"context"
	"fmt"

	protobuf "google.golang.org/protobuf/proto"

	"parley/proto"
)

// Window says which entries of a conversation are asked for: those with
// After < seq < Before, where Before 0 is no bound. Of more than Limit, which
// is 1 to proto.MaxPage, they are the newest, or with Oldest the oldest.
type Window struct {
	After, Before uint64
	Limit         int
	Oldest        bool
	// At, Unix milliseconds, is another way to say After: before the first entry that was created then or later.
	At uint64
	// Revised asks, instead, for entries wherever they stand that others spoke of after
	// RevisedAfter, by the order of these (Entry.Revised), the oldest Limit. A page that has
	// fewer tells all up to its Head.
	Revised      bool
	RevisedAfter uint64
}

// Messages returns entries of a conversation, in seq order (but see Window.Revised).
//
// Errors wrap a *proto.Refusal: NotAuthorized for whoever is no participant,
// whether the conversation exists or not. Participants get an empty page where
// nothing was said yet.
func (s *Service) Messages(ctx context.Context, who Sender, key proto.Key, w Window) (*Page, error) {
	if w.Limit < 1 || w.Limit > proto.MaxPage {
		return nil, proto.Refuse(proto.PayloadFormatInvalid, "limit is %d: want 1 to %d", w.Limit, proto.MaxPage)
	}
	if !mayBeOf(who, key) {
		return nil, notParticipant()
	}
	page := &Page{Kind: key.Kind()}
	kind, reads := kindOf(key), access{}
	err := s.store.Scan(ctx, func(v View) error {
		m, err := v.Member(key, who.User)
		if reads = kind.access(m); err != nil || reads == (access{}) {
			return err
		}
		c, err := v.Conversation(key)
		if err != nil {
			return err
		}
		page.Head, page.Min = reads.narrow(c.Head, c.Min)
		if page.Epoch, err = v.Epoch(); err != nil {
			return err
		}
		if w.At != 0 {
			if w.After, err = reads.before(v, key, w.At, page); err != nil {
				return err
			}
		}
		if w.Revised {
			page.Entries, err = reads.revised(v, key, w)
		} else {
			page.Entries, err = reads.entries(v, key, w)
		}
		if err == nil {
			page.Entries, err = kind.copies(who.User, key, page.Entries)
		}
		return err
	})
	switch {
	case err != nil:
		return nil, s.failed("the history could not be read", err)
	case reads == (access{}):
		return nil, notParticipant()
	}
	return page, nil
}

// entries reads those of a window that may be read.
func (a access) entries(v View, key proto.Key, w Window) ([]Entry, error) {
	if a == (access{}) {
		return nil, nil
	}
	after, before := max(w.After, a.from-1), w.Before
	if a.through != 0 && (before == 0 || before > a.through) {
		before = a.through + 1
	}
	return v.Entries(key, after, before, w.Limit, !w.Oldest)
}

// before returns the seq before the first entry that was created at a time or later, the head if none was. Create times
// never fall within a conversation.
func (a access) before(v View, key proto.Key, time uint64, page *Page) (uint64, error) {
	low, high := max(page.Min, 1), page.Head+1
	for low < high {
		middle := low + (high-low)/2
		next, err := a.entries(v, key, Window{After: middle - 1, Before: high, Limit: 1, Oldest: true})
		switch {
		case err != nil:
			return 0, err
		case len(next) == 0 || next[0].CreateTime >= time:
			high = middle
		default:
			low = next[0].Seq + 1
		}
	}
	return low - 1, nil
}

// revised reads those that were revised, of what may be read.
func (a access) revised(v View, key proto.Key, w Window) (all []Entry, err error) {
	for after := w.RevisedAfter; len(all) < w.Limit; {
		entries, err := v.Revised(key, after, w.Limit)
		if err != nil || len(entries) == 0 {
			return all, err
		}
		for _, e := range entries {
			if after = e.Revised; a.has(e.Seq) && len(all) < w.Limit {
				all = append(all, e)
			}
		}
		if len(entries) < w.Limit {
			break
		}
	}
	return all, nil
}

// mayBeOf reports whether a user may be of a conversation, as far as that can be said
// without the history: one of the two, the customer or an agent of the service; or, as far
// as that goes, anybody of a group.
func mayBeOf(who Sender, key proto.Key) bool {
	return who.User != 0 && kindOf(key).admits(who, key)
}

// mayReadAt reports whether a user may read an entry of a conversation.
func mayReadAt(v View, who Sender, key proto.Key, seq uint64) (bool, error) {
	if !mayBeOf(who, key) {
		return false, nil
	}
	m, err := v.Member(key, who.User)
	if err != nil {
		return false, err
	}
	return kindOf(key).access(m).has(seq), nil
}

// decode reads a stored body.
func decode(e Entry, m protobuf.Message) error {
	if err := protobuf.Unmarshal(e.Body, m); err != nil {
		return fmt.Errorf("entry %d of a conversation (message id %d) is damaged: %w", e.Seq, e.ID, err)
	}
	return nil
}
