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
}

// Messages returns entries of a conversation, in seq order, as a
// *proto.MessagePage or, for a service conversation, a *proto.ServiceMessagePage.
//
// Errors wrap a *proto.Refusal: NotAuthorized for whoever is no participant,
// whether the conversation exists or not. Participants get an empty page where
// nothing was said yet.
func (s *Service) Messages(ctx context.Context, who Sender, key proto.Key, w Window) (protobuf.Message, error) {
	if w.Limit < 1 || w.Limit > proto.MaxPage {
		return nil, proto.Refuse(proto.PayloadFormatInvalid, "limit is %d: want 1 to %d", w.Limit, proto.MaxPage)
	}
	if !mayRead(who, key) {
		return nil, notParticipant()
	}
	var page protobuf.Message
	err := s.store.Scan(ctx, func(v View) error {
		c, err := v.Conversation(key)
		if err != nil {
			return err
		}
		entries, err := v.Entries(key, w.After, w.Before, w.Limit, !w.Oldest)
		if err != nil {
			return err
		}
		page, err = s.page(who.User, c, key, entries)
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

func (s *Service) page(reader uint64, c Conversation, key proto.Key, entries []Entry) (protobuf.Message, error) {
	epoch := s.store.Epoch()
	if key.Kind() == proto.Service {
		messages, err := decodeAll[proto.ServiceMessage](entries)
		for i := range messages {
			if key.Has(reader) {
				messages[i] = forCustomer(messages[i])
			}
		}
		return &proto.ServiceMessagePage{Epoch: &epoch, HeadSeq: &c.Head, MinSeq: &c.Min, Messages: messages}, err
	}
	messages, err := decodeAll[proto.Message](entries)
	return &proto.MessagePage{Epoch: &epoch, HeadSeq: &c.Head, MinSeq: &c.Min, Messages: messages}, err
}

func decodeAll[M any, P interface {
	*M
	protobuf.Message
}](entries []Entry) ([]P, error) {
	messages := make([]P, len(entries))
	for i, e := range entries {
		messages[i] = P(new(M))
		if err := decode(e, messages[i]); err != nil {
			return nil, err
		}
	}
	return messages, nil
}

// decode reads a stored body.
func decode(e Entry, m protobuf.Message) error {
	if err := protobuf.Unmarshal(e.Body, m); err != nil {
		return fmt.Errorf("entry %d of a conversation (message id %d) is damaged: %w", e.Seq, e.ID, err)
	}
	return nil
}
