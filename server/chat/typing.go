package chat

import (
	"context"

	"parley/proto"
)

// typing passes a Typing on to everybody else in the conversation, unless its
// author keeps it to themselves: between two users only to whom its author has
// written, and in a service conversation only once there is one. To a customer
// the agents are one voice. It is never stored.
func (s *Service) typing(ctx context.Context, from Sender, payload []byte) error {
	if err := anonymous(from); err != nil {
		return err
	}
	var t proto.Typing
	if err := proto.Unmarshal(payload, &t); err != nil {
		return err
	}
	key, err := participant(from, t.GetKey())
	if err != nil {
		return err
	}
	var self User
	var receivers []uint64
	err = s.store.View(ctx, func(v View) (err error) {
		if self, err = v.User(from.User); err == nil {
			receivers, err = others(v, key, from.User)
		}
		return err
	})
	if err != nil {
		return s.failed("not passed on", err)
	}
	if self.HideTyping {
		return nil
	}
	var elsewhere outbox
	for _, user := range receivers {
		t.UserId = &from.User
		if key.Kind() == proto.Service && key.Has(user) {
			t.UserId = nil
		}
		body, err := proto.Marshal(&t)
		if err != nil {
			return s.failed("not passed on", err)
		}
		s.fanout.Publish(user, proto.BranchTyping, body)
		if s.presence.elsewhere(user) {
			elsewhere.out = append(elsewhere.out, delivery{user, proto.BranchTyping, body})
		}
	}
	if len(elsewhere.out) > 0 {
		s.shared.Signal(elsewhere.encode())
	}
	return nil
}

// others returns who is told that user types in a conversation.
func others(v View, key proto.Key, user uint64) ([]uint64, error) {
	if key.Kind() == proto.Direct {
		own, err := v.Member(key, user)
		if err != nil || own.Own == 0 || own.apart() {
			return nil, err
		}
		return []uint64{key.Peer(user)}, nil
	}
	c, err := v.Conversation(key)
	if err != nil || c.Head == 0 {
		return nil, err
	}
	agents, err := v.Agents(key.Service())
	if err != nil {
		return nil, err
	}
	all := append([]uint64{key.Customer()}, without(agents, key.Customer())...)
	return without(all, user), nil
}
