package chat

import (
	"context"
	"fmt"
	"slices"

	protobuf "google.golang.org/protobuf/proto"

	"parley/proto"
)

// Messages returns entries with after < seq < before of a conversation, in seq
// order, as a *proto.MessagePage or, for a service conversation, a
// *proto.ServiceMessagePage. before 0 means no bound. Of more than limit
// entries it returns the newest, or the oldest if only after is given. limit
// is 1 to proto.MaxPage.
//
// Errors wrap a *proto.Refusal: NotAuthorized for whoever is no participant,
// whether the conversation exists or not. Participants get an empty page where
// nothing was said yet.
func (s *Service) Messages(ctx context.Context, who Sender, key proto.Key, after, before uint64, limit int) (protobuf.Message, error) {
	if limit < 1 || limit > proto.MaxPage {
		return nil, proto.Refuse(proto.PayloadFormatInvalid, "limit is %d: want 1 to %d", limit, proto.MaxPage)
	}
	if !mayRead(who, key) {
		return nil, notParticipant()
	}
	newest := before != 0 || after == 0
	var page protobuf.Message
	err := s.store.View(ctx, func(v View) error {
		c, err := v.Conversation(key)
		if err != nil {
			return err
		}
		entries, err := v.Entries(key, after, before, limit, newest)
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
