package chat

import (
	"context"
	"fmt"
	"slices"

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
	if !mayRead(who, key) {
		return nil, notParticipant()
	}
	page := &Page{Kind: key.Kind()}
	err := s.store.Scan(ctx, func(v View) error {
		c, err := v.Conversation(key)
		if err != nil {
			return err
		}
		page.Head, page.Min = c.Head, c.Min
		if page.Epoch, err = v.Epoch(); err != nil {
			return err
		}
		if w.Revised {
			page.Entries, err = v.Revised(key, w.RevisedAfter, w.Limit)
		} else {
			page.Entries, err = v.Entries(key, w.After, w.Before, w.Limit, !w.Oldest)
		}
		if err == nil && key.Kind() == proto.Service && key.Has(who.User) {
			page.Entries, err = forCustomers(page.Entries)
		}
		return err
	})
	if err != nil {
		return nil, s.failed("the history could not be read", err)
	}
	return page, nil
}

// mayRead reports whether the user is one of the conversation's sides: one of
// the two, the customer, or an agent of the service.
func mayRead(who Sender, key proto.Key) bool {
	if who.User == 0 {
		return false
	}
	return key.Has(who.User) || key.Kind() == proto.Service && slices.Contains(who.Services, key.Service())
}

// decode reads a stored body.
func decode(e Entry, m protobuf.Message) error {
	if err := protobuf.Unmarshal(e.Body, m); err != nil {
		return fmt.Errorf("entry %d of a conversation (message id %d) is damaged: %w", e.Seq, e.ID, err)
	}
	return nil
}
